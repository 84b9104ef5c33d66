"""What ``:set`` shows and changes."""

from __future__ import annotations

import pytest

from pyredis_cli.repl.preferences import PreferenceError, Preferences, changed

START = Preferences()


@pytest.mark.parametrize(
    ("line", "after", "shown"),
    [
        ("", START, ("hints on", "live-completion on")),
        ("live-completion", START, ("live-completion on",)),
        ("hints off", Preferences(hints=False), ("hints off",)),
        ("hints on", START, ("hints on",)),
        ("nohints", Preferences(hints=False), ("hints off",)),
        ("hints", START, ("hints on",)),
        ("HINTS Off", Preferences(hints=False), ("hints off",)),
        ("live-completion off", Preferences(live_completion=False), ("live-completion off",)),
    ],
)
def test_set_shows_what_it_changed_or_was_asked_for(
    line: str, after: Preferences, shown: tuple[str, ...]
) -> None:
    assert changed(START, line.split()) == (after, shown)


def test_hints_alone_switches_them_on_as_in_redis_cli() -> None:
    assert changed(Preferences(hints=False), ["hints"])[0].hints


def test_one_preference_leaves_the_others_alone() -> None:
    off, _ = changed(Preferences(live_completion=False), ["hints", "off"])
    assert off == Preferences(hints=False, live_completion=False)


@pytest.mark.parametrize("line", ["nosuch", "nosuch on", "hints maybe", "hints on off", "nolive-completion"])
def test_what_cannot_be_meant_changes_nothing(line: str) -> None:
    with pytest.raises(PreferenceError, match=":set lists"):
        changed(START, line.split())
