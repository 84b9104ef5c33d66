"""``|`` and ``>`` behind the REPL's own words: nothing is sent anywhere, and that is told."""

from __future__ import annotations

import pytest

from pyredis.commands.spec import TABLE
from pyredis_cli.repl.unsent import objection


@pytest.mark.parametrize(
    ("line", "mark", "mend"),
    [
        ("peek js | head -3", "|", "in your shell pyredis-cli peek ... can be piped"),
        (":keys > f", ">", "is for replies of commands: :transcript FILE keeps"),
        (":KEYS user: >> f", ">>", ":transcript FILE"),
        (":all PING | cat", "|", "pyredis-cli all"),
        (":all --primaries SET k v > f", ">", "pyredis-cli all"),
        (":explain GET js > e.txt", ">", "pyredis-cli explain"),
        (":watch 1 INFO | cat", "|", ":transcript FILE"),
        (":since 5s | cat", "|", "pyredis-cli since"),
        ("help GET | less", "|", ":transcript FILE"),
    ],
)
def test_a_word_of_ours_sends_nothing_to_programs_and_files(line: str, mark: str, mend: str) -> None:
    said = objection(line, "utf-8", TABLE)
    assert said.startswith(f"{mark} is for replies")
    assert mend in said


@pytest.mark.parametrize(
    "line",
    [
        'peek "|" x',
        "peek a|b",
        "peek js |",
        ":slot k",
        ":explain XREADGROUP GROUP g c STREAMS s >",
        ":explain XREAD STREAMS a b > >",
        ":explain EVAL_RO script 1 users age > 30",
        ":all SET k '>' x",
    ],
)
def test_what_is_an_argument_stays_one(line: str) -> None:
    assert objection(line, "utf-8", TABLE) == ""
