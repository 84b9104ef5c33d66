"""Which commands are looked at before they are sent, and what has to be measured for that.

Pure, and it knows no command by name: the facts say it for each. What is a matter of course needs nothing.
"""

from __future__ import annotations

from pyredis.commands.keys import key_positions, keys
from pyredis.commands.rows import canonical
from pyredis.commands.spec import MANY
from pyredis.records import NamedTuple
from pyredis_cli.core.figures import Size, stays

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, Final, Literal, TypeAlias

    from pyredis.commands.spec import Spec
    from pyredis_cli.core.figures import Figures

    Kind: TypeAlias = Literal["always", "any", "many", "keys", "promotion", "whole"]

__all__ = ["LARGE", "Needs", "large", "needs", "unchanged"]

LARGE: Final = 250_000
"""From so many elements on, a value is large."""
_HEAVY: Final = 64 * 1024 * 1024
"""From so many bytes on, it is large too."""


class Needs(NamedTuple):
    """Why a command is looked at, and what has to be measured for that.

    ``keys`` are those whose values it works on, ``named`` those that it deletes. ``subject`` are the arguments
    that are measured besides.
    """

    kind: Kind
    measure: tuple[str, ...] = ()
    keys: tuple[bytes, ...] = ()
    named: tuple[bytes, ...] = ()
    subject: tuple[bytes, ...] = ()


def needs(spec: Spec | None, argv: Sequence[bytes]) -> Needs | None:
    """Return what is to be measured of a command before it is sent; None for one that is a matter of course."""
    if spec is None or not spec.may_cost(len(argv)):
        return None
    if spec.asks is not None and spec.is_asked_about(argv):
        kind = spec.asks[0]
        return Needs(
            kind if kind in ("any", "many") else "always",
            spec.measures_for(argv),
            subject=_subject(spec, argv),
        )
    if spec.makes_a_primary(argv):
        return Needs("promotion", ("role",))
    if spec.whole is not None and _reads_much(spec.whole, argv):
        return Needs("whole", keys=_read_keys(spec, argv))
    deleted = _deleted_keys(spec, argv) if len(argv) > MANY else ()
    if len(deleted) >= MANY:
        return Needs("keys", named=deleted)
    return Needs("always") if _called_dangerous(spec) else None


def unchanged(spec: Spec, argv: Sequence[bytes], wanted: Needs, figures: Figures) -> bool:
    """Return whether all parameters that it would be asked for are known to stay as they are."""
    if "parameters" not in wanted.measure or spec.asks is None or len(argv) % 2:
        return False
    pairs = zip(argv[2::2], argv[3::2], strict=True)
    asked = [(name, value) for name, value in pairs if spec.is_asked_about((*argv[:2], name, value))]
    return all(name in wanted.subject and stays(name, value, figures) for name, value in asked)


def _subject(spec: Spec, argv: Sequence[bytes]) -> tuple[bytes, ...]:
    """Return the arguments that are measured, none of which is secret or stands before a secret."""
    if "parameters" in spec.measure:
        secret = spec.secret_positions(argv)
        return tuple(argv[place] for place in range(2, len(argv), 2) if place + 1 not in secret)
    places = {"slot": slice(2, 3), "documents": slice(1, 2), "swapped": slice(1, 3)}
    return tuple(word for measure in spec.measure if measure in places for word in argv[places[measure]])


def _called_dangerous(spec: Spec) -> bool:
    """Whether a server that alone knows the command calls it one that can do harm."""
    alone = not spec.products and spec.write
    return alone and "admin" in spec.categories and "dangerous" in spec.categories


def _deleted_keys(spec: Spec, argv: Sequence[bytes]) -> tuple[bytes, ...]:
    return keys(_with_keys(spec, "RM"), argv)


def _read_keys(spec: Spec, argv: Sequence[bytes]) -> tuple[bytes, ...]:
    reading = _with_keys(spec, "access")
    return tuple(dict.fromkeys(argv[place] for place in key_positions(reading, argv)))


def _with_keys(spec: Spec, flag: str) -> Spec:
    """Return the spec with those keys alone that are used so."""
    return spec._replace(
        key_specs=tuple(one for one in spec.key_specs if flag in one[0] and one[1][0] != "unknown")
    )


def _reads_much(rule: tuple[Any, ...], argv: Sequence[bytes]) -> bool:
    """Whether a command may read many elements, as far as its arguments tell."""
    match rule:
        case (("range" | "ends") as kind, int(first), unless, within):
            if len(argv) < first + 2 or _has(argv[first + 2 :], within):
                return False
            if kind == "ends" or _has(argv[first + 2 :], unless):
                return canonical(argv[first]) in _ENDS and canonical(argv[first + 1]) in _ENDS
            return _may_span(argv[first], argv[first + 1])
    return True


_ENDS: Final = frozenset({"-", "+", "-INF", "+INF", "INF"})


def _has(words: Sequence[bytes], options: object) -> bool:
    return any(canonical(word) in options for word in words)  # type: ignore[operator]


def _may_span(first: bytes, last: bytes) -> bool:
    """Whether there may be many elements between two indices; of one side of the middle they can be counted."""
    span = _span(first, last)
    return span is not None and (span < 0 or span >= LARGE)


def _span(first: bytes, last: bytes) -> int | None:
    """Return how many elements there may be at most; -1 when only the value knows, None for what is no index."""
    try:
        start, end = int(first), int(last)
    except ValueError:
        return None
    return max(0, end - start + 1) if (start < 0) == (end < 0) else -1


def large(spec: Spec, argv: Sequence[bytes], wanted: Needs, figures: Figures) -> dict[bytes, Size]:
    """Return the values that it works on, as far as they are large together."""
    assert spec.whole is not None
    found = {key: figures.sizes[key] for key in wanted.keys if key in figures.sizes}
    match spec.whole:
        case ("first",):
            found = {key: size for key, size in found.items() if key == wanted.keys[0]}
        case ("least",) if found:
            least = min(found, key=lambda key: found[key].elements)
            found = {least: found[least]} if len(found) == len(wanted.keys) else {}
        case ("range", int(first), unless, _) if not _has(argv[first + 2 :], unless):
            found = {key: _part(size, argv[first], argv[first + 1]) for key, size in found.items()}
    elements = sum(size.elements for size in found.values())
    memory = sum(size.memory or 0 for size in found.values())
    return found if elements >= LARGE or memory >= _HEAVY else {}


def _part(size: Size, first: bytes, last: bytes) -> Size:
    """Return what is between two indices of a value."""
    start, end = (index + size.elements if index < 0 else index for index in (int(first), int(last)))
    elements = max(0, min(end, size.elements - 1) - max(start, 0) + 1)
    memory = None if size.memory is None else size.memory * elements // max(size.elements, 1)
    return Size(size.type, elements, memory)
