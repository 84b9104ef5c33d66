"""Random command lines that a server's COMMAND DOCS allow, and what each of their words is.

They are drawn from the argument trees of the facts, in the most literal reading of them, and share no code with
the grammar that they judge.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random
from typing import Any, Final, NamedTuple

from pyredis.commands.spec import Spec

__all__ = ["Word", "are_told", "lines"]

VALUES: Final[dict[str, list[bytes]]] = {
    "integer": [b"0", b"1", b"7", b"100", b"-1", b"9223372036854775807"],
    "double": [b"0", b"2", b"0.25", b"-1.5", b".5", b"1e3", b"-2.5E-3"],
    "unix-time": [b"1735689600", b"1735689600000"],
    "key": [b"k", b"user:1", b"{tag}k", b"\xff\x00", b"two words", b"12", b"key", b"EXAMPLE"],
    "string": [
        b"s",
        b"two words",
        b"\xff\x00",
        b"12",
        b"5-1",
        b"0",
        b"-",
        b"+",
        b"(1",
        b"[a",
        b"LEFTMOST",
        "ü".encode(),
    ],
    "pattern": [b"a*", b"p", b"h?llo", b"w_*->f"],
}


class Word(NamedTuple):
    """A word, and the type and the name of its argument; a token is named as it is written, in capitals."""

    word: bytes
    kind: str
    name: str


def are_told(spec: Spec) -> bool:
    """Whether the facts tell the arguments of a command; those of modules and of DEBUG they do not."""
    return bool(spec.arguments) or spec.arity == len(spec.name.split())


def lines(spec: Spec, number: int) -> list[list[Word]]:
    """Return so many valid lines, without the name of the command and without doubles; always the same ones."""
    drawing = _Drawing(spec)
    drawn = [tuple(drawing.sequence(spec.arguments)) for _ in range(number)]
    return [list(line) for line in dict.fromkeys(drawn)]


class _Drawing:
    def __init__(self, spec: Spec) -> None:
        self._random = Random(spec.name)
        tokens = {token.upper() for token in _tokens(spec.arguments)}
        self._values = {
            kind: [word for word in words if word.upper() not in tokens] for kind, words in VALUES.items()
        }

    def sequence(self, arguments: Sequence[Any]) -> Iterator[Word]:
        """Draw arguments in their order, those with tokens that may be left out in any."""
        waiting = list(arguments)
        while waiting:
            options: list[Any] = []
            while waiting and "optional" in _flags(waiting[0]) and _is_marked(waiting[0]):
                options.append(waiting.pop(0))
            yield from self._shuffled(options)
            if waiting:
                yield from self._next(waiting)

    def _next(self, waiting: list[Any]) -> Iterator[Word]:
        argument = waiting.pop(0)
        follower = waiting[0] if waiting else None
        if _counts(argument) and follower is not None and "multiple" in _flags(follower):
            yield from self._counted(argument, waiting.pop(0))
        elif follower is not None and _is_list(argument) and _is_list(follower):
            yield from self._paired(argument, waiting.pop(0))
        elif "optional" not in _flags(argument) or self._random.random() < 0.5:
            yield from self._with_token(argument)

    def _shuffled(self, options: list[Any]) -> Iterator[Word]:
        taken = [option for option in options if self._random.random() < 0.5]
        self._random.shuffle(taken)
        for option in sorted(taken, key=_takes_the_rest):
            yield from self._with_token(option)

    def _counted(self, count: Any, counted: Any) -> Iterator[Word]:
        number = self._random.randint(0 if "optional" in _flags(counted) else 1, 3)
        if count[2] is not None:
            yield self._token(count[2])
        yield Word(b"%d" % number, "integer", count[0])
        for _ in range(number):
            yield from self._once(counted)

    def _paired(self, first: Any, second: Any) -> Iterator[Word]:
        number = self._random.randint(1, 3)
        for argument in (first, second):
            for _ in range(number):
                yield from self._once(argument)

    def _with_token(self, argument: Any) -> Iterator[Word]:
        _, kind, token, flags, *_ = argument
        has_token = token is not None and kind != "pure-token"
        for turn in range(self._random.randint(1, 3) if "multiple" in flags else 1):
            if has_token and (turn == 0 or "multiple_token" in flags):
                yield self._token(token)
            yield from self._once(argument)

    def _once(self, argument: Any) -> Iterator[Word]:
        name, kind, token, _, _, _, _, parts = argument
        match kind:
            case "pure-token":
                yield self._token(token)
            case "block":
                yield from self.sequence(parts)
            case "oneof":
                yield from self._with_token(self._random.choice(parts))
            case _:
                yield Word(self._random.choice(self._values[kind]), kind, name)

    def _token(self, token: str) -> Word:
        written = token.lower() if self._random.random() < 0.5 else token
        return Word(written.encode(), "token", token.upper())


def _flags(argument: Any) -> tuple[str, ...]:
    flags: tuple[str, ...] = argument[3]
    return flags


def _tokens(arguments: Sequence[Any]) -> Iterator[bytes]:
    for argument in arguments:
        if argument[2] is not None:
            yield argument[2].encode()
        yield from _tokens(argument[7])


def _is_marked(argument: Any) -> bool:
    """Whether an argument begins with a token, by which it is known wherever it stands."""
    _, kind, token, _, _, _, _, parts = argument
    if token is not None:
        return True
    return all(map(_is_marked, parts if kind == "oneof" else parts[:1])) if parts else False


def _takes_the_rest(argument: Any) -> bool:
    """Whether all words behind a token belong to it, as behind the KEYS of MIGRATE."""
    return _flags(argument) == ("optional", "multiple") and argument[1] in ("key", "string")


def _counts(argument: Any) -> bool:
    """Whether a number says how many of the next argument there are; numkeys, numfields, num-vertices."""
    return bool(argument[1] == "integer" and argument[0].startswith("num"))


def _is_list(argument: Any) -> bool:
    return _flags(argument) == ("multiple",) and argument[1] in ("key", "string") and argument[2] is None
