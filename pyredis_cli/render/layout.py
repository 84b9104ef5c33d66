"""Where the parts of a reply stand on a terminal: redis-cli's arrangement, as pieces.

A piece is a role and its words. Words of type str are the arrangement's own; bytes are the server's, as they
came, and whoever writes the pieces decides how to quote them, by the role. The arrangement knows replies and
nothing of colours, encodings or escapes. What redis-cli cannot show has a form in its spirit:
``(big number) 12``, and attributes as lines ``|1# key => value`` before the reply that they belong to.

Replies may be nested as deep as they like: nothing here recurses.
"""

from __future__ import annotations

from collections.abc import Generator

from pyredis.exceptions import ReplyError
from pyredis.records import NamedTuple, cast
from pyredis.types import Attributed, BigNumber, Double, Map, Push, Reply, Set, Status, Verbatim
from pyredis_cli.render.portions import pairs_of_strings, runs, short_strings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Sequence
    from typing import Final, Literal, TypeAlias, TypeVar

    T = TypeVar("T")

__all__ = [
    "ARROW",
    "NESTED",
    "Part",
    "Piece",
    "Role",
    "Run",
    "Steps",
    "arrangement",
    "digits",
    "double",
    "elements",
    "layout",
    "message",
    "numbers",
    "pairs",
    "unroll",
]

Role: TypeAlias = (
    "Literal["
    "'integer', 'double', 'bignum', 'string', 'text', 'status', 'nil', 'boolean', 'error', 'code', "
    "'empty', 'index', 'attribute', 'arrow', 'break', 'note', 'heading', 'label', 'name', 'time', "
    "'good', 'warning'"
    "]"
)
Piece: TypeAlias = "tuple[Role, str | bytes]"
Part: TypeAlias = "tuple[bytes, int]"
"""Bytes as they are to be written, and how many numbered lines begin with them."""


class Run(NamedTuple):
    """Lines that are a number and a bulk string each, or a key and a value: what long replies are made of.

    ``start`` stands before the first line, ``between`` before the others, ``mark`` behind the numbers.
    """

    strings: Sequence[bytes | tuple[bytes, bytes]]
    first: int
    width: int
    mark: str
    start: str
    between: str

    def pieces(self) -> Iterator[Piece]:
        """Yield the pieces that these lines consist of."""
        start = self.start
        for number, string in enumerate(self.strings, self.first):
            yield "index", f"{start}{number:>{self.width}}{self.mark} "
            if isinstance(string, tuple):
                yield "string", string[0]
                yield "arrow", ARROW
                yield "string", string[1]
            else:
                yield "string", string
            start = self.between


Steps: TypeAlias = "Generator[T | Steps[T], None, None]"

ARROW: Final = " => "
NESTED: Final = (list, dict, Attributed)
"""What replies may be inside of."""


def layout(reply: Reply) -> Iterator[Piece]:
    """Yield the pieces of a reply; the last line has no newline."""
    for piece in arrangement(reply):
        if isinstance(piece, Run):
            yield from piece.pieces()
        else:
            yield piece


def arrangement(reply: Reply) -> Iterator[Piece | Run]:
    """Yield what `layout` does, with runs of strings together, for who can write them faster so."""
    return unroll(_reply(reply, ""))


def numbers(role: Role) -> bool:
    """Return whether a piece begins a numbered line."""
    return role in ("index", "attribute")


def elements(reply: Reply) -> int:
    """Return how many numbered lines the layout of a reply has."""
    count = 0
    unseen = [reply]
    while unseen:
        match unseen.pop():
            case Attributed(inner, attributes):
                unseen += (attributes, inner)
            case Map() | dict() as mapping:
                count += len(mapping)
                unseen += [part for pair in pairs(mapping) for part in pair if isinstance(part, NESTED)]
            case list() as items:
                count += len(items)
                unseen += [item for item in items if isinstance(item, NESTED)]
    return count


def unroll(steps: Steps[T]) -> Iterator[T]:
    """Yield what a generator yields and, in place, what the generators among it yield, however deep."""
    stack = [steps]
    while stack:
        for step in stack[-1]:
            if isinstance(step, Generator):
                stack.append(step)
                break
            yield step
        else:
            stack.pop()


def pairs(mapping: Map | dict[Hashable, Reply]) -> Iterable[tuple[Reply, Reply]]:
    """Return the pairs of a map in the order they came."""
    return mapping if isinstance(mapping, Map) else cast("dict[Reply, Reply]", mapping).items()


def message(error: ReplyError) -> bytes:
    """Return the error line as the server sent it."""
    return error.message.encode("utf-8", "surrogateescape")


def double(number: float) -> str:
    """Return the digits of a double: as the server wrote them, if that is known."""
    return number.text if isinstance(number, Double) else repr(number).removesuffix(".0")


def digits(number: int) -> str:
    """Return a number in decimal, also one with more digits than Python likes to write."""
    try:
        return str(int(number))
    except ValueError:
        from decimal import Decimal  # seldom needed, and slow to load

        return f"{Decimal(int(number)):f}"


def _reply(reply: Reply, indent: str) -> Steps[Piece | Run]:
    match reply:
        case Attributed(inner, attributes):
            if attributes:
                yield _mapping(attributes, indent, "|")
                yield "break", f"\n{indent}"
            yield _reply(inner, indent)
        case Map() | dict() if reply:
            yield _mapping(reply, indent)
        case Set() if reply:
            yield _sequence(reply, indent, "~")
        case list() if reply:
            yield _sequence(cast("list[Reply]", reply), indent, ")")
        case _:
            yield from _scalar(reply)


def _sequence(items: Sequence[Reply], indent: str, mark: str) -> Steps[Piece | Run]:
    width = len(str(len(items)))
    nested = indent + " " * (width + 2)
    start, between, first = "", f"\n{indent}", 1
    for run in runs(items):
        if short_strings(run):
            yield Run(run, first, width, mark, start, between)
        else:
            for number, item in enumerate(run, first):
                yield "index", f"{start}{number:>{width}}{mark} "
                if isinstance(item, NESTED):
                    yield _reply(item, nested)
                else:
                    yield from _scalar(item)
                start = between
        start, first = between, first + len(run)


def _mapping(mapping: Map | dict[Hashable, Reply], indent: str, prefix: str = "") -> Steps[Piece | Run]:
    width = len(str(len(mapping)))
    nested = indent + " " * (len(prefix) + width + 2)
    role: Role = "attribute" if prefix else "index"
    start, between, first = "", f"\n{indent}", 1
    for run in runs(pairs(mapping)):
        if not prefix and (strings := pairs_of_strings(run)):
            yield Run(strings, first, width, "#", start, between)
        else:
            for number, (key, value) in enumerate(run, first):
                yield role, f"{start}{prefix}{number:>{width}}# "
                yield _reply(key, nested)
                yield "arrow", ARROW
                if _spreads(value):
                    yield "break", f"\n{nested}"
                yield _reply(value, nested)
                start = between
        start, first = between, first + len(run)


def _spreads(reply: Reply) -> bool:
    """Whether a map's value begins on a line of its own: it has two lines with numbers, or attributes."""
    while True:
        match reply:
            case Attributed(inner, attributes):
                if attributes:
                    return True
                reply = inner
            case Map() | dict() if len(reply) == 1:
                [(_, reply)] = pairs(reply)
            case list() if len(reply) == 1:
                reply = cast("list[Reply]", reply)[0]
            case _:
                return isinstance(reply, (list, dict)) and len(reply) > 1


def _scalar(reply: Reply) -> tuple[Piece, ...]:
    """Return the pieces of what has no elements, an empty aggregate too."""
    match reply:
        case Status():
            return (("status", reply),)
        case Verbatim():
            return (("text", reply),)
        case bytes():
            return (("string", reply),)
        case str():
            return (("string", reply.encode("utf-8", "surrogateescape")),)
        case None:
            return (("nil", "(nil)"),)
        case bool():
            return (("boolean", "(true)" if reply else "(false)"),)
        case BigNumber():
            return (("bignum", f"(big number) {digits(reply)}"),)
        case int():
            return (("integer", f"(integer) {digits(reply)}"),)
        case float():
            return (("double", f"(double) {double(reply)}"),)
        case ReplyError():
            return _error(reply)
        case _:
            return (("empty", _empty(reply)),)


def _error(error: ReplyError) -> tuple[Piece, ...]:
    code = error.code.encode()
    return (("error", "(error) "), ("code", code), ("error", message(error)[len(code) :]))


def _empty(reply: Reply) -> str:
    match reply:
        case Map() | dict():
            return "(empty hash)"
        case Set():
            return "(empty set)"
        case Push():
            return "(empty push)"
    return "(empty array)"
