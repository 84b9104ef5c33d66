"""What ``:set`` shows and changes."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from pyredis_cli.registry import DECODERS
from pyredis_cli.repl.preferences import SUMMARIES, PreferenceError, Preferences, changed, choices

START = Preferences()


@pytest.mark.parametrize(
    ("line", "after", "shown"),
    [
        ("live-completion", START, ("live-completion on",)),
        ("hints off", Preferences(hints=False), ("hints off",)),
        ("hints on", START, ("hints on",)),
        ("nohints", Preferences(hints=False), ("hints off",)),
        ("hints", START, ("hints on",)),
        ("HINTS Off", Preferences(hints=False), ("hints off",)),
        ("live-completion off", Preferences(live_completion=False), ("live-completion off",)),
        ("timing 250", Preferences(timing=250), ("timing 250",)),
        ("timing off", Preferences(timing=None), ("timing off",)),
        ("limit 0", Preferences(limit=None), ("limit off",)),
        ("format JSON", Preferences(format="json"), ("format json",)),
        ("vi on", Preferences(vi=True), ("vi on",)),
        ("decode", START, ("decode auto",)),
        ("bytes", START, ("bytes default",)),
        ("bytes HEX", Preferences(bytes="hex"), ("bytes hex",)),
        ("bytes default", START, ("bytes default",)),
        ("decode OFF", Preferences(decode="off"), ("decode off",)),
        ("decode msgpack", Preferences(decode="msgpack"), ("decode msgpack",)),
    ],
)
def test_set_shows_what_it_changed_or_was_asked_for(
    line: str, after: Preferences, shown: tuple[str, ...]
) -> None:
    assert changed(START, line.split()) == (after, shown)


def test_set_alone_shows_all_with_what_each_is_for() -> None:
    after, shown = changed(START, [])
    assert after == START
    assert len(shown) == len(fields(Preferences))
    assert any(line.startswith("timing 100 ") and "milliseconds" in line for line in shown)


def test_the_page_has_a_row_for_each() -> None:
    page = (Path(__file__).parents[2] / "docs" / "repl.md").read_text(encoding="utf-8")
    table = page.partition("| preference | default |")[2].partition("\n\n")[0]
    assert set(re.findall(r"^\| `([\w-]+)` \|", table, re.MULTILINE)) == set(SUMMARIES)


def test_hints_alone_switches_them_on_as_in_redis_cli() -> None:
    assert changed(Preferences(hints=False), ["hints"])[0].hints


def test_one_preference_leaves_the_others_alone() -> None:
    off, _ = changed(Preferences(live_completion=False), ["hints", "off"])
    assert off == Preferences(hints=False, live_completion=False)


@pytest.mark.parametrize(
    "line",
    [
        "nosuch",
        "nosuch on",
        "hints maybe",
        "hints on off",
        "nolive-completion",
        "timing -1",
        "timing 1e3",
        "limit 99999999999",
        "limit ٣",
        "format xml",
        "bytes octal",
        "decode xml",
        "decode on",
    ],
)
def test_what_cannot_be_meant_changes_nothing(line: str) -> None:
    with pytest.raises(PreferenceError, match=":set lists"):
        changed(START, line.split())


def test_a_decoder_nobody_knows_is_refused_with_the_nearest() -> None:
    with pytest.raises(
        PreferenceError, match=r"decode is one of auto, off, json.* \(did you mean msgpack\?\); :set"
    ):
        changed(START, ["decode", "msgpak"])


def test_decoders_can_be_completed() -> None:
    assert set(choices("decode")) >= {"auto", "off", *DECODERS}
