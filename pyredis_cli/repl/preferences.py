"""What the person prefers, and how ``:set`` changes it.

Pure: from preferences and words to preferences and lines. A new preference is a field and a row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from pyredis_cli import plugins
from pyredis_cli.flags import NOTATION_NAMES, OUTPUTS, THEMES
from pyredis_cli.registry import DECODERS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyredis_cli.flags import NotationName, Output, Theme

__all__ = ["SUMMARIES", "PreferenceError", "Preferences", "changed", "choices", "rows", "taken"]


class PreferenceError(ValueError):
    """Words that ``:set`` cannot mean; nothing is changed."""


@dataclass(frozen=True, slots=True)
class Preferences:
    """How lines are read and replies are shown; the rows say what each one is for.

    ``timing`` is in milliseconds; None: never for ``timing``, all for ``limit``.
    """

    hints: bool = True
    suggestions: bool = True
    live_completion: bool = True
    coach: bool = True
    timing: int | None = 100
    format: Output = "human"
    reveal: bool = False
    pager: bool = True
    limit: int | None = 1_000
    utf8: bool = True
    vi: bool = False
    toolbar: bool = True
    theme: Theme = "dark"
    decode: str = "auto"
    bytes: NotationName | Literal["default"] = "default"
    confirm: bool = True
    undo: bool = False


class _Row(NamedTuple):
    """How the words of a value are read, a ValueError says what it must be; and which words there are, for TAB.

    ``more`` are words that are known once somebody has looked for them.
    """

    read: Callable[[str], Any]
    words: tuple[str, ...]
    summary: str
    more: Callable[[], tuple[str, ...]] = tuple


_MOST: Final = 1_000_000_000
_FORMATS: Final[tuple[str, ...]] = OUTPUTS
_DECODINGS: Final = ("auto", "off", *DECODERS)
_NOTATIONS: Final = ("default", *NOTATION_NAMES)
_THEMES: Final[tuple[str, ...]] = THEMES


def _switch(word: str) -> bool:
    if word not in ("on", "off"):
        raise ValueError("is on or off")
    return word == "on"


def _number(word: str) -> int | None:
    if word == "off":
        return None
    if not word.isascii() or not word.isdigit() or len(word) > 10 or not 0 <= int(word) <= _MOST:
        raise ValueError("is a whole number, or off")
    return int(word)


def _limit(word: str) -> int | None:
    return _number(word) or None  # 0 is no limit, as with the flags


def _one_of(words: tuple[str, ...]) -> Callable[[str], str]:
    def read(word: str) -> str:
        if word not in words:
            raise ValueError(f"is one of {', '.join(words)}")
        return word

    return read


def _decoder(word: str) -> str:
    """Return the word; installed packages are asked only for a name that the program does not know itself."""
    if word in _DECODINGS or word in plugins.decoders():
        return word
    names = *_DECODINGS, *plugins.known_decoders()
    nearest = _nearest(word, names)
    raise ValueError(f"is one of {', '.join(names)}" + (f" (did you mean {nearest}?)" if nearest else ""))


_SWITCH: Final = ("on", "off")
_ROWS: Final[Mapping[str, _Row]] = {
    "hints": _Row(_switch, _SWITCH, "show behind the cursor what is still to be typed"),
    "suggestions": _Row(_switch, _SWITCH, "show behind the cursor the rest of a line of the history"),
    "live_completion": _Row(_switch, _SWITCH, "open the menu by itself, not at TAB alone"),
    "coach": _Row(_switch, _SWITCH, "say below an error what lies behind it and what mends it"),
    "timing": _Row(_number, ("100", "0", "off"), "show the time of replies that took so many milliseconds"),
    "format": _Row(_one_of(_FORMATS), _FORMATS, "the form of replies"),
    "bytes": _Row(
        _one_of(_NOTATIONS), _NOTATIONS, "how json, yaml, csv and their like write what is no UTF-8"
    ),
    "reveal": _Row(_switch, _SWITCH, "show the secrets in replies too, not only behind :reveal"),
    "pager": _Row(_switch, _SWITCH, "page through replies that are longer than the screen"),
    "limit": _Row(_limit, ("1000", "off"), "show so many elements of a reply that is not paged"),
    "utf8": _Row(_switch, _SWITCH, "show text as text; off: as bytes, like redis-cli"),
    "vi": _Row(_switch, _SWITCH, "vi's keys, not Emacs'"),
    "toolbar": _Row(_switch, _SWITCH, "show server, role, keys and memory below the prompt"),
    "decode": _Row(
        _decoder,
        _DECODINGS,
        "recognise what is packed in values; or read them as NAME",
        plugins.known_decoders,
    ),
    "confirm": _Row(_switch, _SWITCH, "ask before a command that could do harm"),
    "undo": _Row(_switch, _SWITCH, "keep what writes change, so that :undo can put it back"),
    "theme": _Row(_one_of(_THEMES), _THEMES, "colours for a dark or for a light background"),
}


def _spelling(field: str) -> str:
    return field.replace("_", "-")


SUMMARIES: Final[Mapping[str, str]] = {_spelling(field): row.summary for field, row in _ROWS.items()}
"""The names of the preferences, and what each one is for."""


def choices(name: str) -> tuple[str, ...]:
    """Return the words that a preference may be set to, as far as they can be listed; none without such a one."""
    row = _ROWS.get(name.lower().replace("-", "_"))
    return (*row.words, *row.more()) if row is not None else ()


def changed(preferences: Preferences, words: Sequence[str]) -> tuple[Preferences, tuple[str, ...]]:
    """Return the preferences after ``:set WORDS``, and what to show: those that were asked for or changed."""
    match [word.lower() for word in words]:
        case []:
            return preferences, tuple(_shown(preferences))
        case ["hints" | "nohints" as word]:  # as redis-cli spells it
            return _with(preferences, "hints", "on" if word == "hints" else "off")
        case [name]:
            return preferences, (_line(preferences, _field(name)),)
        case [name, value]:
            return _with(preferences, _field(name), value)
    raise PreferenceError(":set takes a name and a value; :set lists what there is")


def rows(preferences: Preferences) -> Iterator[tuple[str, str, str]]:
    """Yield the name of each preference, its value as it stands in a file of settings, and what it is for."""
    for field, row in _ROWS.items():
        _, _, word = _line(preferences, field).partition(" ")
        switch = {"on": "true", "off": "false"}.get(word)
        yield field, switch or (word if word.isdigit() else f'"{word}"'), row.summary


def taken(preferences: Preferences, values: Mapping[str, object]) -> tuple[Preferences, tuple[str, ...]]:
    """Return the preferences with values as a file of settings has them, and what is wrong with the others."""
    problems = []
    for name, value in values.items():
        shown = name  # without the value: of a name that nobody knows it may be a secret
        try:
            field = _field(name.lower())
            shown = f"{name} = {_toml(value)}"
            preferences, _ = _with(preferences, field, _word(value))
        except PreferenceError as error:
            problems.append(f"{shown}: {error}")
    return preferences, tuple(problems)


def _word(value: object) -> str:
    """Return what is typed for a value; one that cannot be typed is as wrong as what nobody knows."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return value.lower() if isinstance(value, str) else _plain(value)


def _toml(value: object) -> str:
    """Return a value much as it stands in the file, as far as that is short."""
    text = str(value).lower() if isinstance(value, bool) else _plain(value)
    return text if len(text) <= 40 else f"{text[:40]}..."


def _plain(value: object) -> str:
    too_large = isinstance(value, int) and value.bit_length() > 64  # thousands of digits are refused by str()
    return "a large number" if too_large else repr(value)


def _with(preferences: Preferences, field: str, value: str) -> tuple[Preferences, tuple[str, ...]]:
    try:
        read = _ROWS[field].read(value)
    except ValueError as error:
        raise PreferenceError(f"{_spelling(field)} {error}; :set lists what there is") from None
    preferences = replace(preferences, **{field: read})
    return preferences, (_line(preferences, field),)


def _field(name: str) -> str:
    field = name.replace("-", "_")
    if field not in _ROWS:
        raise PreferenceError(f"no preference {name}; {_mend(name)}:set lists what there is")
    return field


def _mend(name: str) -> str:
    nearest = _nearest(name.replace("_", "-"), SUMMARIES)
    return f"did you mean {nearest}? " if nearest else ""


def _nearest(word: str, words: Iterable[str]) -> str:
    # Imported where somebody has mistyped something.
    from difflib import get_close_matches

    return next(iter(get_close_matches(word, words, n=1)), "")


def _shown(preferences: Preferences) -> Iterator[str]:
    lines = [_line(preferences, field) for field in _ROWS]
    width = max(map(len, lines))
    return (f"{line:<{width}}  {row.summary}" for line, row in zip(lines, _ROWS.values(), strict=True))


def _line(preferences: Preferences, field: str) -> str:
    match getattr(preferences, field):
        case True:
            word = "on"
        case False | None:
            word = "off"
        case value:
            word = str(value)
    return f"{_spelling(field)} {word}"
