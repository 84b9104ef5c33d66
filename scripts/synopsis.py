"""Read how a command is written, and return its arguments as Spec.arguments describes them.

The notation is that of the servers' manuals; the head of ``modules.toml`` describes it. It knows no command and
no file: it gets one text and says where in it something cannot be meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

__all__ = ["Items", "SynopsisError", "arguments", "parse", "written"]


class SynopsisError(Exception):
    """A synopsis says something that cannot be meant; the message begins with the place."""


# What a synopsis consists of


@dataclass(frozen=True, slots=True)
class Argument:
    """A word of the person's own."""

    name: str
    type: str = "string"


@dataclass(frozen=True, slots=True)
class Token:
    """A word that is given."""

    text: str


@dataclass(frozen=True, slots=True)
class Option:
    """May be left out."""

    items: Items


@dataclass(frozen=True, slots=True)
class Choice:
    """One of these."""

    alternatives: tuple[Items, ...]


@dataclass(frozen=True, slots=True)
class Some:
    """Once or more."""

    items: Items


Item: TypeAlias = "Argument | Token | Option | Choice | Some"
Items: TypeAlias = tuple[Item, ...]


def written(items: Sequence[Item]) -> str:
    """Return the text of items as the manuals have it: without types, and with repetition written out."""
    return " ".join(map(_written, items))


def _written(item: Item) -> str:
    match item:
        case Argument(name):
            return name
        case Token(text):
            return text
        case Option((Choice(alternatives),)):
            return f"[{'|'.join(map(written, alternatives))}]"
        case Option(items):
            return f"[{written(items)}]"
        case Choice(alternatives):
            return f"<{'|'.join(map(written, alternatives))}>"
        case Some(items):
            return f"{written(items)} [{written(items)} ...]"


# Reading

_WORD: Final = re.compile(r"[\[\]<>{}|]|[^\s\[\]<>{}|]+")
_NAME: Final = re.compile(r"[a-z][a-z0-9_-]*")
_QUOTED: Final = re.compile(r"'([^']+)'")
_CLOSING: Final = {"[": "]", "<": ">", "{": "}"}
_TYPES: Final = frozenset({"string", "key", "integer", "double", "pattern", "unix-time", "count"})


def parse(text: str, parts: Mapping[str, Items] | None = None) -> Items:
    """Return what a synopsis consists of; ``parts`` are what ``$name`` in it stands for."""
    return _Reader(text, parts or {}).whole()


class _Reader:
    def __init__(self, text: str, parts: Mapping[str, Items]) -> None:
        self._text = text
        self._parts = parts
        self._words = [(match.group(), match.start()) for match in _WORD.finditer(text)]
        self._at = 0

    def whole(self) -> Items:
        items = self._sequence()
        if (word := self._word) is not None:
            raise self._error(f"{word} closes nothing" if word in "]>}" else f"{word} is only for brackets")
        return items

    @property
    def _word(self) -> str | None:
        return self._words[self._at][0] if self._at < len(self._words) else None

    def _error(self, what: str, at: int | None = None) -> SynopsisError:
        place = self._at if at is None else at
        start = self._words[place][1] if place < len(self._words) else len(self._text)
        before = self._text[:start]
        line, column = before.count("\n") + 1, start - before.rfind("\n")
        return SynopsisError(f"line {line}, column {column}: {what}")

    def _sequence(self) -> Items:
        items: list[Item] = []
        starts: list[int] = []
        while (word := self._word) not in (None, "|", "...", *_CLOSING.values()):
            start = self._at
            found = self._found(str(word), items)
            items, starts = [*items, *found], [*starts, *[start] * len(found)]
            del starts[len(items) :]
        for place, item in enumerate(items):
            self._check_count(item, items[place + 1 : place + 2], starts[place])
        return tuple(items)

    def _found(self, word: str, before: list[Item]) -> Sequence[Item]:
        """Return what comes next; a repetition takes what it repeats away from what was before."""
        start = self._at
        self._at += 1
        if word in _CLOSING:
            alternatives, repeats = self._bracket(word, start)
            return [self._bracketed(word, alternatives, before, start, repeats=repeats)]
        if word.startswith("$"):
            if word[1:] not in self._parts:
                raise self._error(f"no part has the name {word[1:]}", start)
            return self._parts[word[1:]]
        return [self._plain(word, start)]

    def _bracket(self, opening: str, start: int) -> tuple[list[Items], bool]:
        """Return what stands in brackets, and whether it ends with dots."""
        alternatives = [self._sequence()]
        while self._word == "|":
            self._at += 1
            alternatives.append(self._sequence())
        repeats = self._word == "..."
        self._at += repeats
        if self._word != _CLOSING[opening]:
            raise self._error(f"{_CLOSING[opening]} is due, for the {opening} of {self._place(start)}")
        if not all(alternatives):
            raise self._error("nothing stands there")
        if any(len(items) == 1 and isinstance(items[0], Option) for items in alternatives):
            raise self._error("what stands in brackets has brackets of its own that say no more", start)
        self._at += 1
        return alternatives, repeats

    def _place(self, at: int) -> str:
        return str(self._error("", at)).rstrip(": ")

    def _bracketed(
        self, opening: str, alternatives: list[Items], before: list[Item], start: int, *, repeats: bool
    ) -> Item:
        if opening == "<":
            if repeats or len(alternatives) < 2:
                raise self._error("<> is for one of several; use {} for what is repeated", start)
            return Choice(tuple(alternatives))
        items = alternatives[0] if len(alternatives) == 1 else (Choice(tuple(alternatives)),)
        if opening == "{":
            if not repeats:
                raise self._error("{} is for what is repeated, and ends with ...", start)
            return Some(items)
        if repeats:
            return self._repeated(items, before, start)
        return Option(items)

    def _repeated(self, items: Items, before: list[Item], start: int) -> Some:
        """Return the repetition of what stands before the brackets; there it has its types."""
        repeated = tuple(before[-len(items) :])
        if written(repeated) != written(items):
            raise self._error(f"what is repeated must stand before: {written(items)}", start)
        del before[-len(items) :]
        return Some(repeated)

    def _plain(self, word: str, start: int) -> Item:
        if quoted := _QUOTED.fullmatch(word):
            return Token(quoted[1])
        name, typed, type_ = word.partition(":")
        if name == name.upper():
            if typed:
                raise self._error(f"{name} is a token, which has no type", start)
            return Token(word)
        if not _NAME.fullmatch(name):
            raise self._error(f"{word} is neither a TOKEN nor an argument", start)
        if typed and type_ not in _TYPES:
            raise self._error(f"no type {type_!r}; there are {', '.join(sorted(_TYPES))}", start)
        return Argument(name, type_ or ("key" if name == "key" else "string"))

    def _check_count(self, item: Item, after: Sequence[Item], start: int) -> None:
        repeated = bool(after) and isinstance(after[0], Some)
        match item:
            case Argument(name, "count") if not repeated:
                raise self._error(f"{name} counts nothing that is repeated", start)
            case Argument(name, "integer") if repeated and name.startswith("num"):
                raise self._error(
                    f"{name} would be taken for a count; give it that type or a new name", start
                )


# From items to Spec.arguments


def arguments(items: Items) -> tuple[Any, ...]:
    """Return the argument tree."""
    return tuple(_arguments(items))


def _arguments(items: Items) -> Iterator[tuple[Any, ...]]:
    token, counted = None, False
    for place, item in enumerate(items):
        after = items[place + 1] if place + 1 < len(items) else None
        if isinstance(item, Token) and _takes_token(after):
            token = item.text
            continue
        yield _argument(_one_word(item) if counted else item, token)
        token, counted = None, isinstance(item, Argument) and item.type == "count"


def _takes_token(item: Item | None) -> bool:
    """Return whether a token before an item is that item's own."""
    match item:
        case Argument() | Choice():
            return True
        case Some(items):
            return not isinstance(items[0], Token)
    return False


def _argument(item: Item | tuple[Any, ...], token: str | None = None) -> tuple[Any, ...]:
    match item:
        case Argument(name, "count"):
            # By such a name a number is known to say how many words follow.
            counting = name if name.startswith("num") else f"num_{name}"
            return _row(counting, "integer", token, display=name if name != counting else None)
        case Argument(name, type_):
            return _row(name, type_, token)
        case Token(text):
            return _row(text.lower(), "pure-token", text)
        case Choice(alternatives):
            parts = tuple(_block(alternative) for alternative in alternatives)
            return _row("_or_".join(map(_named, parts)), "oneof", token, parts=parts)
        case Option(items):
            return _flagged(_block(items), "optional")
        case Some(items):
            part = _block(items)
            if token is None and len(items) > 1 and part[2] is not None and part[1] != "pure-token":
                return _flagged(part, "multiple", "multiple_token")
            return _flagged((*part[:2], token or part[2], *part[3:]), "multiple")
    return item


def _block(items: Items) -> tuple[Any, ...]:
    """Return one argument for items: what they are, or a block of them."""
    parts = arguments(items)
    return parts[0] if len(parts) == 1 else _row(_named(parts[0]), "block", parts=parts)


def _named(argument: tuple[Any, ...]) -> str:
    """Return what to call something after an argument of it: by its token, or else its name."""
    return str(argument[2] or argument[0]).lower()


def _one_word(item: Item) -> Item | tuple[Any, ...]:
    """Return what a number before it counts: words, so that what is several words is shown as such only."""
    assert isinstance(item, Some)
    if len(item.items) == 1 and isinstance(item.items[0], Argument):
        return item
    first = next((part for part in item.items if isinstance(part, Argument)), Argument("word"))
    return _row(first.name, "string", flags=("multiple",), display=written(item.items))


def _row(
    name: str,
    type_: str,
    token: str | None = None,
    flags: tuple[str, ...] = (),
    display: str | None = None,
    parts: tuple[Any, ...] = (),
) -> tuple[Any, ...]:
    return (name, type_, token, flags, None, None, display, parts)


def _flagged(argument: tuple[Any, ...], *flags: str) -> tuple[Any, ...]:
    return (*argument[:3], (*flags, *argument[3]), *argument[4:])
