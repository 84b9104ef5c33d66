"""The line below the prompt: how the server is, or how the command is written that is being typed.

Pure: from values and a width to formatted text that is never wider. What a server told is escaped here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from prompt_toolkit.utils import get_cwidth

from pyredis_cli.render.escape import printable

if TYPE_CHECKING:
    from prompt_toolkit.formatted_text import StyleAndTextTuples

    from pyredis_cli.repl.figures import Status

__all__ = ["STYLE", "Usage", "cut", "mistake_line", "status_line", "usage_line"]

STYLE: Final = {
    "bottom-toolbar": "noreverse",
    "toolbar": "ansibrightblack",
    "toolbar.notable": "ansiyellow",
    "mistake-reason": "ansired",
}
_QUIET: Final = "class:toolbar"
_NOTABLE: Final = "class:toolbar.notable"

_BETWEEN: Final = " · "
_UNITS: Final = "KMGTPE"
_NEARLY_FULL: Final = 0.9
_IN_MS: Final = 1_000


class Usage(NamedTuple):
    """How a command is written and what is known of it; empty is unknown."""

    synopsis: str
    complexity: str = ""
    since: str = ""
    deprecated_since: str = ""


class _Part(NamedTuple):
    text: str
    weight: int
    """The parts of the least weight go first where there is no room for all."""
    style: str = _QUIET


# -- how the server is


def status_line(status: Status, database: int, width: int) -> StyleAndTextTuples:
    """Return what is known of the server, as much as there is room for; nothing when nothing is known."""
    parts = [part for part in _parts(status, database) if part.text]
    while len(parts) > 1 and _width(parts) > width:
        parts.remove(min(parts, key=lambda part: part.weight))
    if len(parts) == 1:
        parts = [parts[0]._replace(text=cut(parts[0].text, width))]
    fragments: StyleAndTextTuples = []
    for part in parts:
        fragments += [(_QUIET, _BETWEEN)] if fragments else []
        fragments.append((part.style, part.text))
    return fragments


def _parts(status: Status, database: int) -> list[_Part]:
    full = bool(status.memory and status.maxmemory) and _share(status) > _NEARLY_FULL
    return [
        _Part(printable(status.product), 3),
        _Part(printable(status.role), 5, _NOTABLE if status.role == "replica" else _QUIET),
        _Part(_keys(status.keys_in(database), database), 4),
        _Part(_memory(status.memory, status.maxmemory), 2, _NOTABLE if full else _QUIET),
        _Part(_counted(status.clients, "client"), 0),
        _Part(_time(status.round_trip), 1),
    ]


def _share(status: Status) -> float:
    return (status.memory or 0) / (status.maxmemory or 1)


def _width(parts: list[_Part]) -> int:
    return get_cwidth(_BETWEEN.join(part.text for part in parts))


def _keys(count: int | None, database: int) -> str:
    return "" if count is None else f"db{database} {_counted(count, 'key')}"


def _counted(count: int | None, noun: str) -> str:
    return "" if count is None else f"{count:,} {noun}{'' if count == 1 else 's'}"


def _memory(used: int | None, most: int | None) -> str:
    if used is None:
        return ""
    return f"{_bytes(used)} / {_bytes(most)}" if most else _bytes(used)


def _bytes(size: int) -> str:
    """Return a size in INFO's units, with as many digits as are of use."""
    if size < 1024:
        return f"{size}B"
    value, unit = size / 1024, 0
    while value >= 1023.5 and unit < len(_UNITS) - 1:
        value, unit = value / 1024, unit + 1
    return f"{value:.1f}{_UNITS[unit]}" if value < 99.95 else f"{value:.0f}{_UNITS[unit]}"


def _time(seconds: float | None) -> str:
    if seconds is None:
        return ""
    ms = seconds * _IN_MS
    return f"{ms:.1f} ms" if ms < 10 else f"{ms:,.0f} ms"


# -- what is typed


def usage_line(usage: Usage, width: int) -> StyleAndTextTuples:
    """Return how the command is written, cut where there is no room, and behind it how long it takes.

    A long explanation gives way to the synopsis, and then only the orders in it are told.
    """
    synopsis = printable(usage.synopsis)
    room = width - get_cwidth(synopsis)
    facts = next((facts for facts in _facts(usage) if get_cwidth(facts) <= room), None)
    if facts is None:
        facts = next((facts for facts in _facts(usage) if get_cwidth(facts) <= width // 2), "")
    shown = cut(synopsis, width - get_cwidth(facts))
    return [(_QUIET, shown), (_NOTABLE if usage.deprecated_since else _QUIET, facts)]


def _facts(usage: Usage) -> list[str]:
    """Return what is told behind a synopsis, in ever fewer words."""
    since = f"since {usage.since}" if usage.since else ""
    if usage.deprecated_since:
        since = f"deprecated since {usage.deprecated_since}"
    orders = _orders(usage.complexity)
    choices = [(usage.complexity, since), (orders, since), (orders, "")]
    told = (_BETWEEN.join(printable(fact) for fact in facts if fact) for facts in choices)
    return [f"{_BETWEEN}{facts}" if facts else "" for facts in told]


def _orders(complexity: str) -> str:
    """Return the first order of a sentence: O(1), O(log(N))."""
    start = complexity.find("O(")
    depth = 0
    for place in range(start + 1, len(complexity) if start >= 0 else 0):
        depth += {"(": 1, ")": -1}.get(complexity[place], 0)
        if depth == 0:
            return complexity[start : place + 1]
    return ""


def mistake_line(reason: str, width: int) -> StyleAndTextTuples:
    """Return why a word cannot be right."""
    return [("class:mistake-reason", cut(printable(reason), width))]


def cut(text: str, width: int) -> str:
    """Return the text, or as much of it as fits into so many cells with an ellipsis behind it."""
    if get_cwidth(text) <= width:
        return text
    shown, room = "", width - 1
    for character in text[: max(room, 0)]:
        room -= get_cwidth(character)
        if room < 0:
            break
        shown += character
    return f"{shown}…" if width > 0 else ""
