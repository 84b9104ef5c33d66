"""What a command's arguments may be, in which order, and what each of those typed so far is.

It reads the argument trees of the facts and knows no command by name. A grammar is walked word by word: the walk
says what may come next, whether the command may end here, what is still to be typed in the notation of the
servers' manuals, and why a word cannot be what it should. It knows no quoting, no cursor and no server.

An argument tree becomes nodes, and where a walk stands is a *place*: a node that is due, and the place behind it.
Places are made once and know their next steps, so that a thousand repeated arguments go round in a circle of few.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from pyredis.commands.rows import canonical
from pyredis.commands.spec import Spec

__all__ = ["Fit", "Grammar", "Mistake", "Role", "Term", "Walk", "grammar"]

Fit: TypeAlias = Literal["none", "any", "own"]
Kind: TypeAlias = Literal["token", "key", "string", "integer", "double", "pattern", "unix-time"]


class Term(NamedTuple):
    """A word that may come next: the ``name`` of an argument, or a token, in capitals as ``name``."""

    kind: Kind
    name: str
    shown: str
    """How the synopsis writes it."""


class Role(NamedTuple):
    """What a typed word is."""

    kind: Kind
    name: str


@dataclass(frozen=True, slots=True)
class Mistake:
    """Which word, counted from the first argument, cannot be there, and why, as ``an integer is due: seconds``."""

    place: int
    reason: str


# -- nodes


class _Word(NamedTuple):
    """One word of the person's own."""

    term: Term

    def steps(self, here: _Place) -> Iterator[_Step]:
        yield _Step(self.term, here.behind)


class _Token(NamedTuple):
    """One word that is given."""

    term: Term

    def steps(self, here: _Place) -> Iterator[_Step]:
        yield _Step(self.term, here.behind)


class _Count(NamedTuple):
    """A number that says how many of what comes behind it there are."""

    term: Term
    part: _Node
    may_be_none: bool

    def steps(self, here: _Place) -> Iterator[_Step]:
        yield _Step(self.term, here.behind, counts=self.part)


class _Row(NamedTuple):
    """All of it, in this order."""

    parts: tuple[_Node, ...]

    def steps(self, here: _Place) -> Iterator[_Step]:
        steps = here.through(self.parts).steps
        if isinstance(self.parts[0], _Token | _Choice):
            return (step if step.begins else step._replace(begins=self) for step in steps)
        return iter(steps)


class _Choice(NamedTuple):
    """One of it."""

    parts: tuple[_Node, ...]

    def steps(self, here: _Place) -> Iterator[_Step]:
        for part in self.parts:
            yield from here.instead(part).steps


class _Options(NamedTuple):
    """Any of it, each once, in any order; what takes all the words behind it is the last."""

    parts: tuple[_Node, ...]

    def steps(self, here: _Place) -> Iterator[_Step]:
        for part in self.parts:
            others = tuple(other for other in self.parts if other is not part)
            if isinstance(part, _Again):
                yield from _Place(part.part, here).steps
            elif isinstance(part, _Some) and _starts_with_token(part.part):
                rest = here.instead(_Options((_Again(part.part), *others)))
                yield from _Place(part.part, rest).steps
            else:
                yield from _Place(
                    part, here.behind if _takes_all(part) else here.instead(_Options(others))
                ).steps
        if here.behind is not None:
            yield from here.behind.steps


class _Again(NamedTuple):
    """An option that was there and may be again, also between others: the GET of SORT."""

    part: _Node

    def steps(self, here: _Place) -> Iterator[_Step]:
        return iter(_Place(self.part, here.behind).steps)


class _Some(NamedTuple):
    """It, once or more."""

    part: _Node

    def steps(self, here: _Place) -> Iterator[_Step]:
        return iter(_Place(self.part, here.instead(_More(self.part))).steps)


class _More(NamedTuple):
    """It, as often as one likes."""

    part: _Node

    def steps(self, here: _Place) -> Iterator[_Step]:
        yield from _Place(self.part, here).steps
        if here.behind is not None:
            yield from here.behind.steps


class _Times(NamedTuple):
    """It, so many times."""

    part: _Node
    number: int

    def steps(self, here: _Place) -> Iterator[_Step]:
        if self.number:
            yield from _Place(self.part, here.instead(_Times(self.part, self.number - 1))).steps
        elif here.behind is not None:
            yield from here.behind.steps


class _Pairs(NamedTuple):
    """Some of one thing and then as many of another: the keys and the IDs of XREAD."""

    first: Term
    second: Term
    taken: int = 0
    alike: int = 0
    """How many of those taken last look like seconds."""

    def steps(self, here: _Place) -> Iterator[_Step]:
        yield _Step(self.first, here.behind, pairs=self)

    def after(self, word: bytes) -> _Pairs:
        alike = self.alike + 1 if self.taken and _ID.fullmatch(word) else 0
        return self._replace(taken=self.taken + 1, alike=alike)

    @property
    def due(self) -> int | None:
        """How many seconds are to come, as far as their looks can tell."""
        if not self.alike:
            return None
        firsts = max(self.taken - self.alike, (self.taken + 1) // 2)
        return 2 * firsts - self.taken


class _Anything(NamedTuple):
    """What the facts do not tell: the arguments of modules and of DEBUG."""

    def steps(self, here: _Place) -> Iterator[_Step]:
        yield _Step(Term("string", "arg", "arg"), here)


_Leaf: TypeAlias = "_Anything | _Word | _Token"
_Node: TypeAlias = "_Leaf | _Count | _Row | _Choice | _Options | _Again | _Some | _More | _Times | _Pairs"


def _starts_with_token(part: _Node) -> bool:
    return isinstance(part, _Row) and isinstance(part.parts[0], _Token)


def _takes_all(part: _Node) -> bool:
    """Whether any word at all may follow in a list: the keys of MIGRATE, of which one may be named COPY."""
    match part:
        case _Row((_Token(), _Some(_Word(term)))):
            return term.kind not in _FITS
    return False


class _Step(NamedTuple):
    """A word that may come next, and where the walk stands behind it."""

    term: Term
    behind: _Place | None
    counts: _Node | None = None
    """What is repeated as often as the word says."""
    pairs: _Pairs | None = None
    begins: _Row | None = None
    """What the word is the token of."""


class _Place:
    """A node that is due, and the place behind it; None is the end of the command."""

    __slots__ = ("_steps", "behind", "node")

    def __init__(self, node: _Node, behind: _Place | None) -> None:
        self.node = node
        self.behind = behind
        self._steps: tuple[_Step, ...] | None = None

    @property
    def steps(self) -> tuple[_Step, ...]:
        if self._steps is None:
            self._steps = ()  # what repeats itself has its own steps in them only once
            self._steps = tuple(dict.fromkeys(self.node.steps(self)))
        return self._steps

    def instead(self, node: _Node) -> _Place:
        return _Place(node, self.behind)

    def through(self, nodes: Sequence[_Node]) -> _Place:
        place = self.behind
        for node in reversed(nodes):
            place = _Place(node, place)
        assert place is not None
        return place

    def nodes(self) -> Iterator[_Node]:
        """Yield what is due, in order."""
        place: _Place | None = self
        while place is not None:
            yield place.node
            place = place.behind


# -- from the facts to nodes


def _are_known(spec: Spec) -> bool:
    """Whether the facts tell the arguments: who has none has a fixed number of words, its name."""
    return bool(spec.arguments) or spec.arity == spec.name.count(" ") + 1


def _unknown(spec: Spec) -> list[_Node]:
    """Return the nodes of arguments of which the key specs are all that is known."""
    first: list[_Node] = [_Word(Term("key", "key", "key"))] if spec.first_key == 1 else []
    return [*first, _Anything()]


def _sequence(arguments: Sequence[tuple[Any, ...]]) -> list[_Node]:
    """Return the nodes of arguments: neighbours that are optional come in any order."""
    nodes: list[_Node] = []
    options: list[_Node] = []
    skip = False
    for at, argument in enumerate(arguments):
        if skip:
            skip = False
            continue
        after = arguments[at + 1] if at + 1 < len(arguments) else None
        if options and not _is(argument, "optional"):
            nodes.append(_Options(tuple(options)))
            options = []
        pair = _counted(argument, after) or _paired(argument, after)
        skip = pair is not None
        node = pair or _node(argument)
        (options if _is(argument, "optional") else nodes).append(node)
    if options:
        nodes.append(_Options(tuple(options)))
    return nodes


def _is(argument: tuple[Any, ...], flag: str) -> bool:
    return flag in argument[3]


def _counted(argument: tuple[Any, ...], after: tuple[Any, ...] | None) -> _Node | None:
    """Return the node of a number and of what it counts: the facts name it ``numkeys``, ``numfields``, ..."""
    name, kind, token, _, _, _, display, _ = argument
    if kind != "integer" or not name.startswith("num") or after is None or not _is(after, "multiple"):
        return None
    part = _single(after)
    count = _Count(Term("integer", name, display or name), part, _is(after, "optional"))
    return count if token is None else _Row((_token(token), count))


def _paired(argument: tuple[Any, ...], after: tuple[Any, ...] | None) -> _Node | None:
    """Return the node of two lists of one length; without a number between them nothing else tells them apart."""
    if after is None or not all(_is(one, "multiple") and not one[7] for one in (argument, after)):
        return None
    if any(_is(one, "optional") or one[2] is not None for one in (argument, after)):
        return None
    return _Pairs(_term(argument), _term(after))


def _node(argument: tuple[Any, ...]) -> _Node:
    single = _single(argument)
    token = argument[2]
    if argument[1] == "pure-token" or token is None:
        return _Some(single) if _is(argument, "multiple") else single
    if _is(argument, "multiple_token"):
        return _Some(_Row((_token(token), single)))
    return _Row((_token(token), _Some(single) if _is(argument, "multiple") else single))


def _single(argument: tuple[Any, ...]) -> _Node:
    """Return the node of an argument that stands there once, without its token."""
    _, kind, token, _, _, _, _, parts = argument
    match kind:
        case "oneof":
            return _Choice(tuple(_node(part) for part in parts))
        case "block":
            nodes = _sequence(parts)
            return nodes[0] if len(nodes) == 1 else _Row(tuple(nodes))
        case "pure-token":
            return _token(token)
    return _Word(_term(argument))


def _term(argument: tuple[Any, ...]) -> Term:
    name, kind, _, _, _, _, display, _ = argument
    return Term(kind, name, display or name)


def _token(token: str) -> _Token:
    return _Token(Term("token", canonical(token), token or '""'))


# -- how what is due is written


def _written(node: _Node) -> str:
    match node:
        case _Anything():
            return ""
        case _Word(term) | _Token(term):
            return term.shown
        case _Count(term, part, may_be_none):
            return f"{term.shown} [{_repeated(part)}]" if may_be_none else f"{term.shown} {_repeated(part)}"
        case _Row(parts):
            return " ".join(map(_written, parts))
        case _Choice(parts):
            return f"<{_alternatives(parts)}>"
        case _Options(parts):
            return " ".join(f"[{_bare(part)}]" for part in parts)
        case _Again(part):
            return f"{_written(part)} ..."
        case _Some(part):
            return _repeated(part)
        case _More(part):
            return f"[{_written(part)} ...]"
        case _Times(part, number):
            return _repeated(part) if number > 1 else _written(part) if number else ""
        case _Pairs(_, second) if node.due is not None:
            return _written(_Times(_Word(second), node.due))
        case _Pairs(first, second, taken):
            return f"{'[' if taken else f'{first.shown} ['}{first.shown} ...] {second.shown} [{second.shown} ...]"


def _repeated(part: _Node) -> str:
    written = _written(part)
    return f"{written} [{written} ...]"


def _alternatives(parts: Sequence[_Node]) -> str:
    return "|".join(map(_bare, parts))


def _form(step: _Step) -> str:
    """Return a token and what belongs to it."""
    behind = () if step.begins is None else step.begins.parts[1:]
    return " ".join([step.term.shown, *map(_written, behind)])


def _bare(part: _Node) -> str:
    """Return what is written between brackets that are there already."""
    return _alternatives(part.parts) if isinstance(part, _Choice) else _written(part)


# -- what a word can be

_INTEGER: Final = re.compile(rb"-?\d{1,20}")
_DOUBLE: Final = re.compile(
    rb"\(?[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|inf(?:inity)?|nan|0x[0-9a-f.]+(?:p[+-]?\d+)?)",
    re.IGNORECASE,
)  # ranges of scores exclude their end with a parenthesis

_FITS: Final[dict[str, Callable[[bytes], object]]] = {
    "integer": _INTEGER.fullmatch,
    "unix-time": _INTEGER.fullmatch,
    "double": _DOUBLE.fullmatch,
}
_NUMBERS: Final = {"integer": "an integer", "unix-time": "an integer", "double": "a number"}


# -- walking


class _Path(NamedTuple):
    """Where a walk stands, and by which words it came there, the last one first."""

    place: _Place | None
    step: _Step | None = None
    before: _Path | None = None


@dataclass(frozen=True, slots=True)
class Walk:
    """How far the words of a command were understood. ``mistake`` is why it went no further, if it did not."""

    roles: tuple[Role, ...]
    complete: bool
    """Whether the command may end here."""
    mistake: Mistake | None
    _paths: tuple[_Path, ...] = ()

    @property
    def terms(self) -> tuple[Term, ...]:
        """What may come next, without doubles; nothing behind a mistake."""
        terms: dict[Term, None] = {}
        for path in self._paths:
            for step in path.place.steps if path.place is not None else ():
                terms[step.term] = None
                if step.pairs is not None and step.pairs.taken:
                    terms[step.pairs.second] = None
        return tuple(terms)

    @property
    def forms(self) -> dict[str, str]:
        """The tokens that may come next, by name, written with what belongs to them: ``EX seconds``."""
        steps = [
            step for path in self._paths for step in (path.place.steps if path.place is not None else ())
        ]
        return {step.term.name: _form(step) for step in reversed(steps) if step.term.kind == "token"}

    def fit(self, word: bytes) -> Fit:
        """Return whether a word may come next: ``own``, it is what is due; ``any``, any word is."""
        fits = {
            _fit(step, word)
            for path in self._paths
            for step in (path.place.steps if path.place is not None else ())
        }
        return "own" if "own" in fits else "any" if "any" in fits else "none"

    @property
    def hint(self) -> str:
        """What is still to be typed: a partly matched option first, then those still free, in their order."""
        if not self._paths:
            return ""
        return self._hint(self._paths[0])

    def _hint(self, path: _Path) -> str:
        written = [_written(node) for node in (path.place.nodes() if path.place is not None else ())]
        return " ".join(word for word in written if word)


class Grammar:
    """The arguments of one command."""

    def __init__(self, spec: Spec) -> None:
        self._nodes = tuple(_sequence(spec.arguments) if _are_known(spec) else _unknown(spec))
        place: _Place | None = None
        for node in reversed(self._nodes):
            place = _Place(node, place)
        self._start = place
        self.known = _are_known(spec)
        """Whether the facts tell the arguments."""

    def __str__(self) -> str:
        return " ".join(filter(None, map(_written, self._nodes)))

    def walk(self, words: Sequence[bytes], begun: Walk | None = None) -> Walk:
        """Return how far the arguments, without the name of the command, are understood.

        ``begun`` is the walk of the first of these words, when that is at hand: it is gone on with.
        """
        paths: tuple[_Path, ...] = (_Path(self._start),)
        first = 0
        if begun is not None and begun.mistake is None:
            paths, first = begun._paths, len(begun.roles)
        for at in range(first, len(words)):
            further = _step(paths, words[at])
            if not further:
                return Walk(_roles(paths[0], words[:at]), False, Mistake(at, _reason(paths)))
            paths = further
        done = [path for path in paths if _may_end(path.place)]
        return Walk(_roles((done or paths)[0], words), bool(done), None, paths)


def _step(paths: Sequence[_Path], word: bytes) -> tuple[_Path, ...]:
    """Return where a word leads: to a token that it is, else to what it can be, numbers before strings."""
    name = canonical(word)
    tokens: list[_Path] = []
    numbers: list[_Path] = []
    strings: list[_Path] = []
    for path in paths:
        for step in path.place.steps if path.place is not None else ():
            kind = step.term.kind
            if kind == "token":
                if step.term.name == name:
                    tokens.append(_Path(step.behind, step, path))
                continue
            fits = _FITS.get(kind)
            if fits is None:
                strings.append(_Path(_behind(step, word), step, path))
            elif fits(word):
                numbers.append(_Path(_behind(step, word), step, path))
    return _distinct(tokens or numbers + strings)


def _fit(step: _Step, word: bytes) -> Fit:
    if step.term.kind == "token":
        return "own" if step.term.name == canonical(word) else "none"
    if step.pairs is not None and step.pairs.taken:
        if _ID.fullmatch(word):
            return "own"
        return "none" if step.pairs.due == 0 else "any"
    fits = _FITS.get(step.term.kind)
    return "any" if fits is None else "own" if fits(word) else "none"


def _behind(step: _Step, word: bytes) -> _Place | None:
    if step.pairs is not None:
        return _Place(step.pairs.after(word), step.behind)
    if step.counts is None:
        return step.behind
    return _Place(_Times(step.counts, max(0, int(word)) if word.lstrip(b"+-").isdigit() else 0), step.behind)


# A server may document options that all look alike: each word would then lead to many times as many places.
_MOST_PATHS: Final = 64


def _distinct(paths: list[_Path]) -> tuple[_Path, ...]:
    if len(paths) < 2:
        return tuple(paths)
    return tuple({id(path.place): path for path in reversed(paths)}.values())[: -_MOST_PATHS - 1 : -1]


def _may_end(place: _Place | None) -> bool:
    return place is None or all(map(_is_optional, place.nodes()))


def _is_optional(node: _Node) -> bool:
    match node:
        case _Options() | _More() | _Anything():
            return True
        case _Times(_, number):
            return number == 0
        case _Row(parts):
            return all(map(_is_optional, parts))
        case _Choice(parts):
            return any(map(_is_optional, parts))
        case _Some(part):
            return _is_optional(part)
        case _Pairs(taken=taken):
            return taken > 0 and taken % 2 == 0
    return False


def _roles(path: _Path, words: Sequence[bytes]) -> tuple[Role, ...]:
    """Return what each of the words is, by the path that was taken."""
    steps: list[_Step] = []
    at: _Path | None = path
    while at is not None and at.step is not None:
        steps.append(at.step)
        at = at.before
    steps.reverse()
    roles = [_role(step.term) for step in steps]
    for first, second in _pairings(steps, words):
        roles[second] = Role(steps[first].pairs.second.kind, steps[first].pairs.second.name)  # type: ignore[union-attr]
    return tuple(roles)


@lru_cache(maxsize=4096)
def _role(term: Term) -> Role:
    return Role(term.kind, term.name)


def _pairings(steps: Sequence[_Step], words: Sequence[bytes]) -> Iterator[tuple[int, int]]:
    """Yield the places of a first and of its second, for the seconds that are there."""
    places = [place for place, step in enumerate(steps) if step.pairs is not None]
    firsts = _firsts([words[place] for place in places])
    for number, second in enumerate(places[firsts:]):
        yield places[number] if number < firsts else places[0], second


_ID: Final = re.compile(rb"\d+(-(\d+|\*))?|[$>+*]")


def _firsts(words: Sequence[bytes]) -> int:
    """Return how many of the words are firsts: the half, or all before what looks like a second."""
    if len(words) % 2 == 0:
        return len(words) // 2
    return next((place for place, word in enumerate(words) if place and _ID.fullmatch(word)), len(words))


def _reason(paths: Sequence[_Path]) -> str:
    """Return what was due instead of a word that cannot be there."""
    terms = Walk((), False, None, tuple(paths)).terms
    tokens = [term.shown for term in terms if term.kind == "token"]
    others = [term for term in terms if term.kind != "token"]
    if not terms:
        return "no more arguments"
    if others:
        what = _NUMBERS.get(others[0].kind, "a word")
        due = f"{what} is due: {_listed(term.shown for term in others)}"
        return f"{due}; or {_listed(tokens)}" if tokens else due
    return f"{_listed(tokens)} is due" if len(tokens) == 1 else f"one of these is due: {_listed(tokens)}"


def _listed(words: Iterable[str]) -> str:
    return ", ".join(words)


_MOST_GRAMMARS: Final = 4_000
_grammars: dict[tuple[object, ...], tuple[Spec, Grammar]] = {}


def grammar(spec: Spec) -> Grammar:
    """Return the grammar of a command, made once."""
    key = spec.name, id(spec.arguments), spec.arity, spec.first_key
    if key not in _grammars:
        if len(_grammars) >= _MOST_GRAMMARS:
            _grammars.clear()  # tables of servers that were left
        _grammars[key] = spec, Grammar(spec)  # the row is kept, so that its id stays its own
    return _grammars[key][1]
