"""Replies for people: legible, in colours, cut to size, and never a danger to the terminal."""

from __future__ import annotations

import re
import time
import unicodedata
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyredis.exceptions import ReplyError
from pyredis.types import Attributed, BigNumber, Double, Map, Reply, Set, Status, Verbatim
from pyredis_cli.render.classic import classic, classic_parts
from pyredis_cli.render.human import human, human_parts
from pyredis_cli.render.layout import Part, elements
from pyredis_cli.render.look import Measure
from pyredis_cli.render.machine import json_parts, json_text, raw, raw_parts
from pyredis_cli.render.redis_csv import redis_csv_parts
from pyredis_cli.render.resp import resp_parts
from pyredis_cli.render.shapes import Shape, shape
from pyredis_cli.render.tabular import csv_parts, markdown_parts, ndjson_parts, tsv_parts
from pyredis_cli.render.yaml import yaml_parts
from tests.render.cases import CASES
from tests.strategies import Sample, pushes, replies

INFO = b"# Server\r\nredis_version:8.2.3\r\nos:Linux: x\r\n\r\n# Clients\r\nconnected:1\r\n"

ALL = "pyredis-cli exec ... | less shows all"


def shown(reply: Reply, *, limit: int | None = 1000, value_limit: int = 10_000, **options: Any) -> str:
    """Return what is shown, without the newline at its end."""
    return written(reply, measure=Measure(limit, value_limit), **options).removesuffix("\n")


def written(reply: Reply, **options: Any) -> str:
    return human(reply, **options).decode()


# Text shown as text, and lines of a text among elements, are the person's own; see the tests below.
_OTHERWISE = {"string-utf8", "array", "set", "map", "map-of-scalars-keys", "map-of-lines", "verbatim-lines"}


@pytest.mark.parametrize("case", sorted(CASES.keys() - _OTHERWISE))
def test_without_colour_a_person_sees_what_redis_cli_shows(case: str) -> None:
    assert human(CASES[case], color=False) == classic(CASES[case])


@given(st.one_of(replies(), replies(2), pushes()), st.booleans())
def test_no_reply_steers_the_terminal(sample: Sample, text: bool) -> None:
    painted = written(sample.reply, text=text, color=True)
    bare = re.sub(r"\x1b\[[0-9;]*m", "", painted)
    assert not [
        c
        for c in bare
        if c not in "\n\t" and unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
    ]
    assert bare == written(sample.reply, text=text, color=False)


def test_text_is_shown_as_text_in_the_encoding_asked_for() -> None:
    assert shown(["Ada 🦊".encode(), Status("東京".encode())]) == '1) "Ada 🦊"\n2) 東京'
    assert shown("東京".encode("gb18030"), encoding="gb18030") == '"東京"'
    assert shown("東京".encode("gb18030")) == r'"\x96|\xbe\xa9"'


def test_markup_and_emoji_codes_are_text_like_any_other() -> None:
    assert "[red]x[/red] :smile: [/]" in written(b"[red]x[/red] :smile: [/]", color=True)


def test_lines_of_a_text_cannot_pass_for_elements() -> None:
    assert shown(Verbatim(b"one\r\ntwo")) == "one\ntwo"
    assert shown([Verbatim(b"one\n2) two")]) == r"1) one\n2) two"


def test_types_are_told_apart_by_colour_and_the_code_of_an_error_is_bold() -> None:
    reply = [b"s", 1, Double("1.5"), BigNumber(2), None, True, ReplyError("WRONGTYPE no"), [], Status(b"OK")]
    assert written(reply, color=True) == (
        '\x1b[2m1) \x1b[0m\x1b[32m"s"\x1b[0m'
        "\n\x1b[2m2) \x1b[0m\x1b[36m(integer) 1\x1b[0m"
        "\n\x1b[2m3) \x1b[0m\x1b[36m(double) 1.5\x1b[0m"
        "\n\x1b[2m4) \x1b[0m\x1b[36m(big number) 2\x1b[0m"
        "\n\x1b[2m5) \x1b[0m\x1b[35m(nil)\x1b[0m"
        "\n\x1b[2m6) \x1b[0m\x1b[35m(true)\x1b[0m"
        "\n\x1b[2m7) \x1b[0m\x1b[31m(error) \x1b[0m\x1b[1;31mWRONGTYPE\x1b[0m\x1b[31m no\x1b[0m"
        "\n\x1b[2m8) \x1b[0m\x1b[2m(empty array)\x1b[0m"
        "\n\x1b[2m9) \x1b[0mOK\n"
    )


def test_a_long_line_is_neither_wrapped_nor_cut_off_at_the_screen() -> None:
    value = b"word " * 500
    assert written(value, color=False) == f'"{value.decode()}"\n'
    assert written(value, color=True) == f'\x1b[32m"{value.decode()}"\x1b[0m\n'


def test_a_long_value_is_cut_and_says_how_long_it_is() -> None:
    assert shown(b"a" * 10_000) == '"' + "a" * 10_000 + '"'
    cut = f'" … (10,001 bytes; first 10,000 shown; {ALL})'
    assert shown(b"a" * 10_001) == '"' + "a" * 10_000 + cut
    assert shown("東".encode() * 5, value_limit=5) == '"東東東東東"'
    assert (
        shown([1, "東京".encode() * 4], value_limit=3)
        == f'1) (integer) 1\n2) "東京東" … (24 bytes; first 3 shown; {ALL})'
    )
    assert shown(b"\xff" * 50, value_limit=2) == rf'"\xff\xff" … (50 bytes; first 2 shown; {ALL})'
    assert shown(Verbatim(b"text"), value_limit=2) == f"te … (4 bytes; first 2 shown; {ALL})"


def test_a_long_aggregate_is_cut_and_says_how_much_is_missing() -> None:
    reply = list(range(49_211))
    lines = shown(reply).split("\n")
    assert lines[-2:] == [
        " 1000) (integer) 999",
        f"… 48,211 more elements ({ALL})",
    ]
    assert shown([1, 2], limit=1) == f"1) (integer) 1\n… 1 more element ({ALL})"
    assert shown([1, 2], limit=2) == "1) (integer) 1\n2) (integer) 2"


def test_elements_count_wherever_they_stand() -> None:
    reply = [Map([(b"a", [1, 2]), (b"b", Set([3]))]), Attributed([4], Map([(5, 6)]))]
    note = f"({ALL})"
    assert shown(reply, limit=4) == (
        f'1) 1# "a" => \n      1) (integer) 1\n      2) (integer) 2\n… 5 more elements {note}'
    )
    assert shown(reply, limit=8).endswith(f"2) |1# (integer) 5 => (integer) 6\n… 1 more element {note}")
    assert "more" not in shown(reply, limit=9)


def test_a_text_reply_has_its_sections_bold_and_its_names_dim() -> None:
    assert shown(INFO, text=True) == INFO.decode().replace("\r\n", "\n").rstrip("\n")
    assert written(INFO, text=True, color=True) == (
        "\x1b[1m# Server\x1b[0m\n\x1b[2mredis_version:\x1b[0m8.2.3\n\x1b[2mos:\x1b[0mLinux: x\n"
        "\n\x1b[1m# Clients\x1b[0m\n\x1b[2mconnected:\x1b[0m1\n"
    )


def test_a_text_reply_is_cut_by_lines() -> None:
    note = f"({ALL})"
    assert shown(b"a\nb\nc\nd\n", text=True, limit=2) == f"a\nb\n… 2 more lines {note}"
    assert shown(b"a\nb\n", text=True, limit=2) == "a\nb"
    assert shown(b"abc\r\nb\r\n", text=True, value_limit=2) == f"ab … (3 bytes; first 2 shown; {ALL})\nb"


def test_an_error_in_place_of_a_text_is_an_error() -> None:
    assert shown(ReplyError("NOPERM no"), text=True) == "(error) NOPERM no"
    assert shown(None, text=True) == "(nil)"


def test_nesting_has_no_limit() -> None:
    reply: Reply = 1
    for depth in range(2000):
        reply = [Map([(b"k", reply)]), Set([reply]), [reply]][depth % 3]
    assert shown(reply, limit=10_000).endswith("(integer) 1")
    assert shown(reply).endswith(f"… 1,000 more elements ({ALL})")


@pytest.mark.parametrize("reply", [bytes(range(256)) * 20_500, [b"element"] * 100_000], ids=["value", "list"])
def test_a_huge_reply_is_there_at_once(reply: Reply) -> None:
    start = time.process_time()
    written(reply, color=True)
    assert time.process_time() - start < 1  # it takes milliseconds


class Counted(list[Reply]):
    """An array that counts how often one of its elements was looked at."""

    seen = 0

    def __iter__(self) -> Iterator[Reply]:
        for item in super().__iter__():
            self.seen += 1
            yield item


def counted(reply: Reply) -> Counted:
    return Counted([reply] * 100_000)


def shaped(parts: Callable[[Shape], Iterator[Part]]) -> Callable[[Counted], Iterator[Part]]:
    """Return what lays a reply out whose shape is known; that looks at the type of each element, in one go."""

    def laid_out(reply: Counted) -> Iterator[Part]:
        found = shape((), None, reply)
        reply.seen = 0
        return parts(found)

    laid_out.__name__ = parts.__name__
    return laid_out


@pytest.mark.parametrize(
    "parts",
    [
        human_parts,
        classic_parts,
        raw_parts,
        json_parts,
        shaped(ndjson_parts),
        redis_csv_parts,
        resp_parts,
        yaml_parts,
    ],
    ids=lambda parts: parts.__name__,
)
@pytest.mark.parametrize("element", [b"element", 7, None, [b"a", 1], Map([(b"k", [1, 2])])], ids=repr)
def test_a_screenful_of_a_long_reply_looks_at_no_more_than_a_screenful(
    parts: Callable[..., Iterator[Part]], element: Reply
) -> None:
    reply = counted(element)
    options = {"measure": Measure(elements=None)} if parts is human_parts else {}
    shown = 0
    for part, _ in parts(reply, **options):
        shown += len(part)
        if shown >= 2_000:
            break
    assert 0 < reply.seen <= 2_000 + 512  # elements are looked at some hundred at a time


@pytest.mark.parametrize(
    "parts",
    [shaped(csv_parts), shaped(tsv_parts), shaped(markdown_parts)],
    ids=lambda parts: parts.__name__,
)
def test_rows_are_written_one_after_the_other(parts: Callable[..., Iterator[Part]]) -> None:
    """Maps and lists are looked at twice: what columns there are, must be known before the first row."""
    reply = counted(b"element")
    assert list(islice(parts(reply), 50))
    assert 0 < reply.seen <= 52
    maps = counted(Map([(b"k", [1, 2])]))
    assert list(islice(parts(maps), 50))
    assert 100_000 <= maps.seen <= 100_050


def test_what_a_limit_leaves_out_is_counted_and_not_laid_out() -> None:
    reply = counted(b"element")
    assert shown(reply, limit=50).endswith(f"… 99,950 more elements ({ALL})")
    # elements() looks at each of them, once, for those that are aggregates.
    assert reply.seen <= 512 + 100_000


def test_the_notes_say_what_shows_the_rest() -> None:
    measure = Measure(1, 2, ":set limit off shows all", ":set format raw shows it")
    assert written([b"abc", 1], measure=measure) == (
        '1) "ab" … (3 bytes; first 2 shown; :set format raw shows it)\n'
        "… 1 more element (:set limit off shows all)\n"
    )


@given(st.one_of(replies(), replies(2), pushes()))
def test_no_colour_reaches_over_the_end_of_a_line(sample: Sample) -> None:
    for line in written(sample.reply, color=True).split("\n"):
        codes = re.findall(r"\x1b\[[0-9;]*m", line)
        assert codes[1::2] == ["\x1b[0m"] * (len(codes) // 2)
        assert len(codes) % 2 == 0


@given(st.one_of(replies(), replies(2), pushes()))
def test_parts_say_how_many_elements_begin_with_them(sample: Sample) -> None:
    begun = sum(number for _, number in human_parts(sample.reply, measure=Measure(elements=None)))
    assert begun == elements(sample.reply)


@given(st.one_of(replies(), replies(2), pushes()), st.booleans())
def test_parts_are_what_the_whole_is_made_of(sample: Sample, text: bool) -> None:
    assert b"".join(part for part, _ in raw_parts(sample.reply, text=text)) == raw(sample.reply, text=text)
    assert b"".join(part for part, _ in json_parts(sample.reply)) == json_text(sample.reply)
