"""YAML that a parser of YAML reads as the reply."""

from __future__ import annotations

import math
from collections.abc import Hashable

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pyredis.exceptions import ReplyError
from pyredis.types import Attributed, Double, Map, Push, Reply, Set
from pyredis_cli.render.machine import json_text
from pyredis_cli.render.notation import NOTATIONS, Notation
from pyredis_cli.render.yaml import yaml_parts
from tests.strategies import Sample, pushes, replies


def written(reply: Reply, *notation: Notation) -> bytes:
    return b"".join(part for part, _ in yaml_parts(reply, *notation))


def plain(reply: Reply) -> object:
    """Return the reply as what a parser should make of it; NaN, which equals nothing, as a word."""
    match reply:
        case Attributed():
            return plain(reply.reply)
        case Map():
            return {_key(key): plain(value) for key, value in reply}
        case list():
            return [plain(item) for item in reply]
        case ReplyError():
            return {"error": {"code": reply.code, "message": plain(_message(reply))}}
        case bytes():
            try:
                return reply.decode()
            except UnicodeDecodeError:
                return bytes(reply)
        case float():
            return "NaN" if math.isnan(reply) else float(reply)
    return reply


def _message(error: ReplyError) -> bytes:
    return error.message.encode("utf-8", "surrogateescape")


def _key(key: Reply) -> Hashable:
    found = plain(key)
    return found if isinstance(found, Hashable) else json_text(key).decode().removesuffix("\n")


def known(document: object) -> object:
    """Return a parsed document with a word for NaN."""
    match document:
        case dict():
            return {known(key): known(value) for key, value in document.items()}
        case list():
            return [known(item) for item in document]
        case float() if math.isnan(document):
            return "NaN"
    return document


@given(st.lists(st.one_of(replies(), replies(2), pushes()), min_size=1, max_size=3))
def test_a_parser_reads_the_replies(samples: list[Sample]) -> None:
    stream = b"".join(written(sample.reply) for sample in samples)
    assert list(map(known, yaml.safe_load_all(stream))) == [plain(sample.reply) for sample in samples]


@given(st.one_of(st.binary(), st.text().map(lambda text: text.encode("utf-8", "surrogatepass"))))
def test_bytes_come_back_as_they_were(value: bytes) -> None:
    found = yaml.safe_load(written([value, Map([(value, 1)])]))
    assert found[0] == next(iter(found[1])) == plain(value)


@pytest.mark.parametrize(
    ("reply", "document"),
    [
        (b"text", '--- "text"\n'),
        (None, "--- null\n"),
        ([], "--- []\n"),
        (Map(), "--- {}\n"),
        ([1, [True, [b"no"]], Set()], '---\n- 1\n- - true\n  - - "no"\n- []\n'),
        (
            Map([(b"a", [1, 2]), (b"b", Map([(b"c", b"d")])), (1, Map())]),
            '---\n"a":\n  - 1\n  - 2\n"b":\n  "c": "d"\n1: {}\n',
        ),
        (Push([b"invalidate", [b"k"]]), '---\n- "invalidate"\n- - "k"\n'),
        (b"\xff\x00", '--- !!binary "/wA="\n'),
        ("\u202e\U000e0001é🦊".encode(), '--- "\\U0000202e\\U000e0001é🦊"\n'),
        (Double("1e+20"), "--- 1.0e+20\n"),
        (Double("3"), "--- 3.0\n"),
        (Double("1.50"), "--- 1.50\n"),
        (Double("-inf"), "--- -.inf\n"),
        (ReplyError("ERR no"), '---\n"error":\n  "code": "ERR"\n  "message": "ERR no"\n'),
    ],
)
def test_every_type_has_its_yaml(reply: Reply, document: str) -> None:
    assert written(reply).decode() == document


def test_a_long_key_is_a_key() -> None:
    reply = Map([(b"k" * 5000, Map([(b"l" * 5000, [1])])), (b"short", 2)])
    assert yaml.safe_load(written(reply)) == {"k" * 5000: {"l" * 5000: [1]}, "short": 2}


def test_other_notations_are_strings() -> None:
    assert written([b"\xff", b"a\\"], NOTATIONS["escape"]) == b'---\n- "\\\\xff"\n- "a\\\\\\\\"\n'
    assert written([b"\xff", b"$hex"], NOTATIONS["hex"]) == b'---\n- "$hex:ff"\n- "$hex:24686578"\n'
