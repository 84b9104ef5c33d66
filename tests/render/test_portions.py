"""What is made at once is what is made of each element, and of each byte."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from pyredis.types import Map, Reply, Set, Status
from pyredis_cli.render.classic import classic, classic_parts
from pyredis_cli.render.escape import quote, quote_each
from pyredis_cli.render.machine import json_text, raw
from pyredis_cli.render.notation import BASE64, NOTATIONS, QUOTED, Notation
from pyredis_cli.render.portions import LONG, in_batches, runs, slices
from pyredis_cli.render.redis_csv import redis_csv_parts
from pyredis_cli.render.shapes import Scalar, Tree
from pyredis_cli.render.tabular import csv_parts, markdown_parts, tsv_parts
from pyredis_cli.render.yaml import yaml_parts
from tests.render.oracle import printed, redis_cli_62

TSV = {b"\\": b"\\", b"t": b"\t", b"n": b"\n", b"r": b"\r"}
ALL_NOTATIONS = [*NOTATIONS.values(), QUOTED]

# What separates values while they are made together, what it becomes, and what would be made otherwise alone.
SPECIAL = st.sampled_from(
    [
        *(
            b"\0",
            rb"\x00",
            rb"\u0000",
            rb"\\x00",
            b"\\",
            b'"',
            b'","',
            b"$base64",
            b"$hex",
            b"\n",
            b"\r",
            b"",
        ),
        *(
            b"\xff",
            b"\xe2\x82",
            b"\xac",
            b"\xf0\x9f",
            b"\x80",
            "\u202e".encode(),
            "é".encode(),
            b"\xed\xa0\x80",
        ),
        *("\U0001f98a".encode(), b"\x7f", b"\xc2\x85", b"u0000", b"x00"),
    ]
)
VALUES = st.one_of(
    st.binary(max_size=12),
    st.lists(SPECIAL, max_size=4).map(b"".join),
    st.just(b"plain"),
    st.just(b"x" * 9000),
)
RUNS = st.lists(VALUES, min_size=1, max_size=12)
OTHERS = st.one_of(st.none(), st.integers(), VALUES.map(Status), st.lists(st.none(), max_size=2))
MIXED = st.lists(st.one_of(VALUES, OTHERS), min_size=1, max_size=12)


def redis_csv(reply: Reply) -> bytes:
    return b"".join(part for part, _ in redis_csv_parts(reply))


def many(values: list[Reply]) -> list[Reply]:
    """Return so many elements that they are made in several runs, of which only some are uniform."""
    return [b"plain"] * 600 + values + [b"plain"] * 600


@given(RUNS)
def test_each_of_many_values_is_quoted_as_it_is_alone(values: list[bytes]) -> None:
    assert list(quote_each(values)) == [quote(value) for value in values]


@given(MIXED, st.booleans())
def test_the_bytes_of_a_list_are_those_of_its_elements(items: list[Reply], long: bool) -> None:
    items = many(items) if long else items
    assert raw(items, delimiter=b"|", null=b"~") == (
        b"|".join(raw(item, end=b"", delimiter=b"|", null=b"~") for item in items) + b"\n"
    )
    assert redis_csv(items) == b",".join(redis_csv(item)[:-1] for item in items) + b"\n"


@pytest.mark.parametrize("notation", ALL_NOTATIONS)
@given(MIXED, st.booleans())
def test_the_json_of_a_list_is_that_of_its_elements(
    notation: Notation, items: list[Reply], long: bool
) -> None:
    items = many(items) if long else items
    assert json_text(items, notation) == (
        b"[" + b",".join(json_text(item, notation)[:-1] for item in items) + b"]\n"
    )


@pytest.mark.parametrize("notation", ALL_NOTATIONS)
@given(st.lists(st.tuples(VALUES, st.one_of(VALUES, VALUES, OTHERS)), min_size=1, max_size=8))
def test_a_map_is_written_pair_by_pair(notation: Notation, pairs: list[tuple[Reply, Reply]]) -> None:
    each = [json_text(Map([pair]), notation)[1:-2] for pair in pairs]
    assert json_text(Map(pairs), notation) == b"{" + b",".join(each) + b"}\n"
    assert raw(Map(pairs), between=b"=", delimiter=b"|", end=b"") == (
        b"|".join(raw(Map([pair]), between=b"=", delimiter=b"|", end=b"") for pair in pairs)
    )
    assert redis_csv(Map(pairs)) == redis_csv([item for pair in pairs for item in pair])


@given(st.lists(VALUES, min_size=1, max_size=30), st.sampled_from([(list, ")"), (Set, "~")]))
def test_the_lines_of_a_list_are_numbered(
    values: list[bytes], kind: tuple[Callable[[list[bytes]], Reply], str]
) -> None:
    build, mark = kind
    width = len(str(len(values)))
    lines = [f"{number:>{width}}{mark} {quote(value)}" for number, value in enumerate(values, 1)]
    assert classic(build(values)).decode() == "\n".join(lines) + "\n"
    nested = [f"{'1) ' if number == 0 else '   '}{line}" for number, line in enumerate(lines)]
    assert classic([build(values)]).decode() == "\n".join(nested) + "\n"


@given(st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=30))
def test_the_lines_of_a_map_are_numbered(pairs: list[tuple[bytes, bytes]]) -> None:
    width = len(str(len(pairs)))
    lines = [f"{n:>{width}}# {quote(key)} => {quote(value)}" for n, (key, value) in enumerate(pairs, 1)]
    assert classic(Map(pairs)).decode() == "\n".join(lines) + "\n"


@pytest.mark.parametrize("form", ["no-raw", "raw"])
def test_long_replies_are_printed_as_redis_cli_prints_them(form: str) -> None:
    strings: list[Reply] = [b'"%d"\0' % number if number % 100 else b"" for number in range(1300)]
    pairs = [(b"k%d" % number, b"v") for number in range(700)]
    replies: list[Reply] = [
        strings,
        many([1, None, [b"a", strings, b"b"]]),
        Map([*pairs, (b"k", 1), *pairs]),
        [Map(pairs), [1, [Set(strings)]]],
    ]
    render = classic if form == "no-raw" else raw
    assert b"".join(map(render, replies)) == printed(redis_cli_62(), replies, f"--{form}")


@given(st.lists(VALUES, min_size=1, max_size=600))
def test_each_numbered_line_is_counted_where_it_begins(values: list[bytes]) -> None:
    for part, lines in classic_parts([values, values], terminal=True):
        assert lines == 0 or (lines == 1 and part.count(b") ") >= 1)
    for terminal in (True, False):
        assert sum(lines for _, lines in classic_parts([values, values], terminal=terminal)) == 2 + 2 * len(
            values
        )


# Long values

BRIEFLY = settings(max_examples=25, deadline=None)


@st.composite
def long_values(draw: st.DrawFn) -> bytes:
    """Return values of several slices, whose ends are wherever chance has them."""
    unit = draw(st.one_of(st.binary(min_size=1, max_size=7), st.lists(SPECIAL, min_size=1).map(b"".join)))
    start = draw(st.binary(max_size=5))
    return start + (unit or b"x") * (draw(st.integers(LONG - 3, 2 * LONG + 5)) // len(unit or b"x") + 1)


@BRIEFLY
@given(long_values())
def test_slices_are_the_value(value: bytes) -> None:
    pieces = list(slices(value))
    assert b"".join(pieces) == value
    assert max(map(len, pieces)) <= LONG


@pytest.mark.parametrize("notation", ALL_NOTATIONS)
@BRIEFLY
@given(long_values())
def test_a_long_value_is_written_as_a_short_one(notation: Notation, value: bytes) -> None:
    text = notation.text(value)
    expected = {notation.tag: notation.write(value)} if text is None else text
    assert json.loads(json_text(value, notation)) == expected
    assert json_text([value], notation) == b"[" + json_text(value, notation)[:-1] + b"]\n"


@pytest.mark.parametrize("notation", ALL_NOTATIONS)
@BRIEFLY
@given(long_values(), st.booleans())
def test_a_long_value_is_written_as_a_short_one_in_yaml(
    notation: Notation, value: bytes, tagged: bool
) -> None:
    value = notation.tag.encode() + value if tagged else value
    document = b"".join(part for part, _ in yaml_parts([value], notation))
    text = notation.text(value) if notation is BASE64 else notation.name(value)
    assert yaml.load(document, yaml.CSafeLoader) == [value if text is None else text]
    assert b"".join(part for part, _ in yaml_parts(value, notation)) == b"--- " + document[len(b"---\n- ") :]


@BRIEFLY
@given(long_values())
def test_a_long_cell_is_read_back(value: bytes) -> None:
    cells: list[Reply] = [b"a", value, None, b"c"]
    written = b"".join(part for part, _ in csv_parts(Tree([cells])))
    previous = csv.field_size_limit(4 * LONG)
    try:
        [row] = csv.reader(io.StringIO(written.decode("latin-1"), newline=""))
    finally:
        csv.field_size_limit(previous)
    assert [cell.encode("latin-1") for cell in row] == [b"a", value, b"", b"c"]
    [line] = b"".join(part for part, _ in tsv_parts(Tree([cells]))).splitlines()
    a, told, nil, c = line.split(b"\t")
    assert (a, nil, c) == (b"a", rb"\N", b"c")
    assert re.sub(rb"\\(.)", lambda found: TSV[found[1]], told) == value


@pytest.mark.parametrize("unit", ["a", "|b\\", "`*_[]<>&~$\n\t", "é\0", "\u202e東🦊"])
def test_a_long_cell_of_markdown_is_written_as_a_short_one(unit: str) -> None:
    def cell(value: str) -> bytes:
        last = b"".join(part for part, _ in markdown_parts(Scalar(value.encode()))).splitlines()[-2]
        return last.removeprefix(b"| ").removesuffix(b" |")

    times = 2 * LONG // len(unit.encode())
    assert cell(unit * times) == cell(unit) * times


@BRIEFLY
@given(long_values())
def test_a_long_value_is_quoted_as_a_short_one(value: bytes) -> None:
    assert classic(value) == redis_csv(value) == quote(value).encode() + b"\n"


# What they are made of


@given(st.integers(0, 2000))
def test_runs_are_the_items(size: int) -> None:
    assert [item for run in runs(range(size)) for item in run] == list(range(size))


@given(st.lists(st.binary()), st.integers(1, 20))
def test_batches_are_the_same_bytes(parts: list[bytes], size: int) -> None:
    batches = list(in_batches(parts, size))
    assert b"".join(batches) == b"".join(parts)
    assert all(size <= len(batch) < 2 * size for batch in batches[:-1])


def test_no_part_is_asked_for_before_a_batch_is_taken() -> None:
    left = iter([b"12345", b"67890"])
    batches = in_batches(left, 5)
    assert next(batches) == b"12345"
    assert next(left) == b"67890"
