"""What the person prefers of the prompt, and how ``:set`` changes it.

Pure: from preferences and words to preferences and lines. A new preference is a new field.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Final

__all__ = ["PreferenceError", "Preferences", "changed"]

_VALUES: Final = {"on": True, "off": False}


class PreferenceError(ValueError):
    """Words that ``:set`` cannot mean; nothing is changed."""


@dataclass(frozen=True, slots=True)
class Preferences:
    """``hints``: what is still to be typed stands behind the cursor. ``live_completion``: the menu opens by
    itself, not at TAB alone.
    """

    hints: bool = True
    live_completion: bool = True


def changed(preferences: Preferences, words: Sequence[str]) -> tuple[Preferences, tuple[str, ...]]:
    """Return the preferences after ``:set WORDS``, and what to show: those that were asked for or changed."""
    match [word.lower() for word in words]:
        case []:
            return preferences, tuple(_shown(preferences))
        case ["hints" | "nohints" as word]:  # as redis-cli spells it
            return _with(preferences, "hints", word == "hints")
        case [name]:
            return preferences, (_line(preferences, _field(name)),)
        case [name, value] if value in _VALUES:
            return _with(preferences, _field(name), _VALUES[value])
    raise PreferenceError("a preference is on or off; :set lists what there is")


def _with(preferences: Preferences, field: str, value: bool) -> tuple[Preferences, tuple[str, ...]]:
    preferences = replace(preferences, **{field: value})
    return preferences, (_line(preferences, field),)


def _field(name: str) -> str:
    field = name.replace("-", "_")
    if field not in (known.name for known in fields(Preferences)):
        raise PreferenceError(f"no preference {name}; :set lists what there is")
    return field


def _shown(preferences: Preferences) -> Iterator[str]:
    return (_line(preferences, field.name) for field in fields(preferences))


def _line(preferences: Preferences, field: str) -> str:
    return f"{field.replace('_', '-')} {'on' if getattr(preferences, field) else 'off'}"
