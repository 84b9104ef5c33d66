"""What the parts of a Lua script are, and that an unfinished one is taken apart as well."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyredis_cli.complete.lua import parts


def told(script: str) -> list[tuple[str, str]]:
    return [(script[part.start : part.end], part.kind) for part in parts(script)]


def test_keywords_names_strings_numbers_and_comments_are_told() -> None:
    assert told('local n = redis.call(\'GET\', KEYS[1]) -- once\nreturn n .. "\\"" + 0x1F') == [
        ("local", "keyword"),
        ("redis.call", "given"),
        ("'GET'", "string"),
        ("KEYS", "given"),
        ("1", "number"),
        ("-- once", "comment"),
        ("return", "keyword"),
        ('"\\""', "string"),
        ("0x1F", "number"),
    ]


def test_a_library_says_its_engine_in_a_comment() -> None:
    assert told("#!lua name=l\nserver.register_function('f', f)") == [
        ("#!lua name=l", "comment"),
        ("server.register_function", "given"),
        ("'f'", "string"),
    ]


def test_names_that_only_look_like_others_are_nothing() -> None:
    assert told("endpoint returns x.KEYSx redisx v2 a1") == []


@pytest.mark.parametrize(
    ("script", "part"),
    [
        ("return 'ab", ("'ab", "string")),
        ("return 'ab\\", ("'ab\\", "string")),
        ("return [[a\nb", ("[[a\nb", "string")),
        ("return [==[a]]", ("[==[a]]", "string")),
        ("return --[[a\nb", ("--[[a\nb", "comment")),
    ],
)
def test_what_is_not_closed_goes_to_the_end(script: str, part: tuple[str, str]) -> None:
    assert told(script)[1:] == [part]


def test_long_brackets_end_where_they_say() -> None:
    assert told("--[=[ a ]] ]=] end [[x]] or") == [
        ("--[=[ a ]] ]=]", "comment"),
        ("end", "keyword"),
        ("[[x]]", "string"),
        ("or", "keyword"),
    ]


@given(st.text(st.sampled_from("-[]='\"\\\n a1.eKEYSreturn#!"), max_size=60))
def test_parts_are_in_order_and_do_not_overlap(script: str) -> None:
    found = list(parts(script))
    assert all(part.start < part.end for part in found)
    assert all(one.end <= next_one.start for one, next_one in pairwise(found))


@pytest.mark.parametrize("script", ["[" * 20_000, "-" * 20_000, "[=" * 10_000, "'\\" * 10_000, "1" * 20_000])
def test_no_script_takes_long(script: str) -> None:
    started = time.thread_time()
    list(parts(script))
    assert time.thread_time() - started < 1
