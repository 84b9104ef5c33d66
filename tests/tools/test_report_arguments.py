"""The flags in front of a command mean the same in front of a report of one."""

from __future__ import annotations

import json

import pytest

from pyredis_cli.exits import Exit
from tests.program import ran
from tests.servers import Server


@pytest.mark.parametrize(
    ("flags", "stdin", "word", "meant"),
    [
        (("--quoted-input",), b"", r'"a\x00b"', b"a\0b"),
        (("--encoding", "latin-1"), b"", "é", b"\xe9"),
        (("-X", "tag"), b"two\nlines\n", "tag", b"two\nlines\n"),
    ],
)
def test_words_are_told_as_those_of_a_command(
    redis82: Server, flags: tuple[str, ...], stdin: bytes, word: str, meant: bytes
) -> None:
    redis82.command("SET", meant, "v")
    [row] = json.loads(ran(redis82, "--format", "json", *flags, "all", "GET", word, stdin=stdin).stdout)
    assert row["reply"] == "v"
    explained = json.loads(
        ran(redis82, "--format", "json", *flags, "explain", "GET", word, stdin=stdin).stdout
    )
    assert [key["type"] for key in explained["keys"]] == ["string"]
    peeked = json.loads(ran(redis82, "--format", "json", *flags, "peek", word, stdin=stdin).stdout)
    assert peeked["value"] == "v"


def test_the_last_word_may_come_from_standard_input(redis82: Server) -> None:
    done = ran(redis82, "--format", "json", "-x", "all", "SCRIPT", "LOAD", stdin=b"return 7")
    assert [len(row["reply"]) for row in json.loads(done.stdout)] == [40], done.said
    assert redis82.command("EVALSHA", json.loads(done.stdout)[0]["reply"], 0) == 7


@pytest.mark.parametrize("words", [("all", "PING"), ("explain", "PING"), ("peek", "k"), ("since", "1s")])
def test_a_report_is_made_once(redis82: Server, words: tuple[str, ...]) -> None:
    done = ran(redis82, "-r", "3", *words)
    assert (done.code, done.stdout) == (Exit.USAGE, b"")
    assert f"-r repeats a command, and {words[0]} is a report; leave it out" in done.said
