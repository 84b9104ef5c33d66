"""What redis-cli prints, we print, byte for byte."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Final

import pytest

from pyredis.exceptions import ReplyError
from pyredis.types import Map, Reply, Set, Status, Verbatim
from pyredis_cli.render.classic import classic
from pyredis_cli.render.escape import quote
from pyredis_cli.render.machine import json_text, raw
from pyredis_cli.render.notation import QUOTED
from pyredis_cli.render.redis_csv import redis_csv_parts
from tests.program import redis_cli_70
from tests.render.cases import CASES, FORMS, NEWER, snapshot
from tests.render.oracle import printed, redis_cli_62

RENDERERS: Final[dict[str, Callable[..., bytes]]] = {"no-raw": classic, "raw": raw, "json": json_text}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("case", CASES)
def test_a_reply_is_printed_as_redis_cli_7_prints_it(case: str, form: str) -> None:
    recorded = snapshot(case, form)
    if not recorded.exists():
        assert form == "json", "only JSON may lack a recording, where redis-cli's does not parse"
        return
    assert RENDERERS[form](CASES[case]) == recorded.read_bytes()


def test_no_recording_is_left_of_a_case_that_is_gone() -> None:
    known = {snapshot(case, form) for case in CASES for form in FORMS}
    assert set(snapshot("any", "raw").parent.iterdir()) <= known


@pytest.mark.parametrize("form", ["no-raw", "raw"])
def test_many_replies_are_printed_as_redis_cli_6_prints_them(form: str) -> None:
    replies = [reply for case, reply in CASES.items() if form == "raw" or case not in NEWER]
    assert b"".join(map(RENDERERS[form], replies)) == printed(redis_cli_62(), replies, f"--{form}")


@pytest.mark.parametrize("form", ["no-raw", "raw"])
@pytest.mark.parametrize(
    "reply",
    [
        b"# Server\r\nport:1\r\n",
        Verbatim(b"ends here\n"),
        ReplyError("NOPERM no"),
        [b"a\n", b"b\n"],
        Map([(b"a", b"b\n")]),
    ],
)
def test_a_text_reply_is_printed_as_it_is_in_both_forms(reply: Reply, form: str) -> None:
    expected = printed(redis_cli_62(), [reply], f"--{form}", command="INFO")
    assert RENDERERS[form](reply, text=True) == expected


@pytest.mark.parametrize("reply", [b"no line end", Status(b"QUEUED")])
def test_a_text_reply_that_does_not_end_its_line_has_it_ended(reply: bytes) -> None:
    assert printed(redis_cli_62(), [reply], "--raw", command="INFO") == reply
    assert raw(reply, text=True) == classic(reply, text=True) == reply + b"\n"


def test_raw_puts_the_delimiters_asked_for_where_redis_cli_puts_its_own() -> None:
    reply = [b"a\0", Set([1, 2]), Map([(b"k", b"v"), (b"l", [3, 4])]), ReplyError("ERR no"), None]
    expected = printed(redis_cli_62(), [reply], "--raw", "-d", "<>")
    assert raw(reply, delimiter=b"<>") == expected
    assert raw([b"a", b"b"], delimiter=b"\0", end=b"") == b"a\0b"


def csv(reply: Reply) -> bytes:
    return b"".join(part for part, _ in redis_csv_parts(reply))


def test_csv_is_redis_clis_whatever_the_reply() -> None:
    replies = list(CASES.values())
    assert b"".join(map(csv, replies)) == printed(redis_cli_70(), replies, "--csv")


def test_quoted_json_is_redis_clis_where_that_is_json() -> None:
    """It is none of errors, infinities, map keys that are no strings, and values with a double quote."""
    kept = {case: reply for case, reply in CASES.items() if _parses(json_text(reply, QUOTED))}
    assert kept.keys() == CASES.keys()
    printed_by_redis_cli = {
        case: printed(redis_cli_70(), [reply], "--quoted-json") for case, reply in kept.items()
    }
    theirs = {case: line for case, line in printed_by_redis_cli.items() if _parses(line)}
    assert len(theirs) > 35
    assert {case: json_text(CASES[case], QUOTED) for case in theirs} == theirs


def test_a_quote_in_quoted_json_does_not_end_the_string() -> None:
    value = b'say "hi" \\ \n \xff'
    assert printed(redis_cli_70(), [value], "--quoted-json") == b'"say \\\\"hi\\\\" \\\\\\\\ \\\\n \\\\xff"\n'
    assert json.loads(json_text(value, QUOTED)) == quote(value)[1:-1]


def _parses(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True
