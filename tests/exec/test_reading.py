"""Lines as steps: what may go together, and that a quick look at a line sees what a close one does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyredis.commands.spec import Table
from pyredis.resp.encode import pack, pack_rows
from pyredis_cli.core.lines import LineError
from pyredis_cli.core.rows import Rows
from pyredis_cli.core.variables import Variables
from pyredis_cli.splitting import SplitError, split_bytes
from pyredis_cli.tools.exec.reading import BadLine, Many, One, Reader
from pyredis_cli.tools.exec.window import Window

TABLE = Table()


def steps(block: bytes, *, comments: bool = False, singly: bool = False, times: int = 2) -> list[Many | One]:
    """Return the steps of a block; of a reader that has seen it before, for that knows its commands."""
    reader = Reader(TABLE, "utf-8", singly=singly)
    for _ in range(times):
        found = list(reader.steps(block, 1, comments=comments))
    return found


def shown(found: list[Many | One]) -> list[object]:
    return [
        [*zip(step.lines, step.argvs, strict=True)] if isinstance(step, Many) else (step.line, step.argv)
        for step in found
    ]


@pytest.mark.parametrize("times", [1, 2])
def test_commands_without_effect_go_together(times: int) -> None:
    found = steps(b"SET a 1\nget a\n\nHGET h f\nCONFIG GET save\n", times=times)

    assert shown(found) == [
        [
            (1, (b"SET", b"a", b"1")),
            (2, (b"get", b"a")),
            (4, (b"HGET", b"h", b"f")),
            (5, (b"CONFIG", b"GET", b"save")),
        ]
    ]


@pytest.mark.parametrize(
    "line",
    [
        b"SELECT 1",
        b"AUTH x",
        b"HELLO 3",
        b"RESET",
        b"MULTI",
        b"EXEC",
        b"WATCH k",
        b"CLIENT REPLY OFF",
        b"CLIENT SETNAME x",
        b"READONLY",
        b"SUBSCRIBE c",
        b"MONITOR",
        b"BLPOP k 0",
        b"WAIT 1 0",
        b"XREAD BLOCK 0 STREAMS s $",
        b"NOSUCH x",
        b"CLIENT NOSUCH x",
        b"3 INCR n",
        b"connect h 1",
        b"quit",
        b"FLUSHALL",
    ],
)
def test_what_changes_state_or_blocks_or_is_unknown_goes_by_itself(line: bytes) -> None:
    if line == b"FLUSHALL":
        assert len(steps(b"PING\nFLUSHALL\nPING\n")) == 1
        return
    before, alone, behind = steps(b"PING\n" + line + b"\nPING\nPING\n")

    assert isinstance(before, Many)
    assert isinstance(alone, One)
    assert isinstance(behind, Many)
    assert (alone.line, list(behind.lines)) == (2, [3, 4])


def test_each_goes_by_itself_when_asked() -> None:
    assert [type(step) for step in steps(b"PING\nPING\n", singly=True)] == [One, One]


def test_what_comes_before_a_bad_line_is_kept() -> None:
    found = Reader(TABLE, "utf-8").steps(b"PING\nGET 'a\nPING\n", 7, comments=False)

    assert shown([next(found)]) == [[(7, (b"PING",))]]
    with pytest.raises(BadLine) as bad:
        next(found)
    assert (bad.value.line, bad.value.column) == (8, 5)


@given(st.lists(st.sampled_from([b"a", b"\xff", b'"', b"'", b" ", b"\t", b"\r", b"\v", b"\f", b"\\", b"\0"])))
def test_a_quick_look_sees_what_a_close_one_does(parts: list[bytes]) -> None:
    line = b"".join(parts)
    try:
        expected = [tuple(split_bytes(line))] if split_bytes(line) else []
    except SplitError:
        expected = []
    try:
        (*found,) = Reader(TABLE, "latin-1", singly=True).steps(line, 1, comments=False)
    except BadLine:
        found = []

    assert [step.argv for step in found if isinstance(step, One)] == expected


@given(st.dictionaries(st.sampled_from(["a", "b_1"]), st.text(), min_size=2))
def test_a_value_is_never_more_nor_less_than_its_word(values: dict[str, str]) -> None:
    try:
        a, b = (values[name].encode("utf-8") for name in ("a", "b_1"))
    except UnicodeEncodeError:
        return
    words = Variables(values, "utf-8").split("SET x${a}y \"${a} ${b_1}\" '${a}' ${b_1}")

    assert words == [b"SET", b"x" + a + b"y", a + b" " + b, b"${a}", b]


@pytest.mark.parametrize("line", ["${c}", "${", "${}", "${a b}", '"${c}"', "x$${a}${c}"])
def test_a_variable_that_is_none_is_refused(line: str) -> None:
    with pytest.raises(LineError):
        Variables({"a": "1"}, "utf-8").split(line)


# -- how many may be on their way


def test_nobody_knows_a_reply_before_one_has_come() -> None:
    window = Window()
    assert window.room([b"GET"], 0, short=False) == 1
    for _ in range(20):
        window.learn([b"GET"], 10, 50)
    assert window.room([b"GET"], 0, short=False) == 256
    assert window.room([b"GET"], 200, short=False) == 56
    assert window.room([b"GET", b"SET"], 0, short=False) == 1


def test_what_adds_to_the_database_may_run_further_ahead() -> None:
    window = Window()
    for _ in range(20):
        window.learn([b"SET"], 10, 50)
    assert window.room([b"SET"], 0, short=True) == 8192


def test_long_replies_let_few_be_on_their_way() -> None:
    window = Window()
    for _ in range(20):
        window.learn([b"GET"], 10, 50)
    window.learn([b"GET"], 1, 500_000)
    assert window.room([b"GET"], 0, short=False) == 2
    window.learn([b"GET"], 0, 50_000_000)
    assert window.room([b"GET"], 0, short=False) == 1
    assert window.room([b"GET"], 1, short=False) == 0


def test_where_silence_has_a_limit_few_are_on_their_way_and_fewer_where_they_are_slow() -> None:
    window = Window(seconds=1.0)
    for _ in range(20):
        window.learn([b"EVAL", b"SET"], 10, 50, silence=0.1)
    assert window.room([b"EVAL"], 0, short=False) == window.room([b"SET"], 0, short=True) == 16
    window.learn([b"EVAL"], 10, 50, silence=0.2)
    assert window.room([b"EVAL"], 0, short=False) == 8


# -- lines that are alike


@given(
    st.lists(
        st.sampled_from(
            [b"PING", b"GET", b"a", b"\0", b"\xff", b" ", b"  ", b"\t", b"\r", b"\n", b"\n\n", b'""']
        ),
        max_size=14,
    )
)
def test_lines_together_are_what_they_are_one_by_one(parts: list[bytes]) -> None:
    block = b"PING\nGET a\n" + b"".join(parts) + b"\n"
    together, singly = Reader(TABLE, "utf-8"), Reader(TABLE, "utf-8", singly=True)
    list(together.steps(b"PING\nGET a\n", 1, comments=False))  # so that it knows them

    found: list[tuple[int, tuple[bytes, ...]]] = []
    try:
        for step in together.steps(block, 1, comments=False):
            if isinstance(step, Many):
                found += zip(step.lines, step.argvs, strict=True)
                assert step.names == {argv[0] for argv in step.argvs}
            else:
                found.append((step.line, step.argv))
        expected = [
            (step.line, step.argv) for step in singly.steps(block, 1, comments=False) if isinstance(step, One)
        ]
    except BadLine:
        return
    assert found == expected


def test_rows_are_the_argvs_that_their_words_are() -> None:
    argvs = [(b"SET", b"a", b"1"), (b"SET", b"b", b"2"), (b"SET", b"c", b"3")]
    rows = Rows([word for argv in argvs for word in argv], 3)

    assert list(rows) == argvs
    assert [rows[place] for place in (0, 1, 2, -1)] == [*argvs, argvs[-1]]
    assert list(reversed(rows)) == argvs[::-1]
    assert list(rows[1:]) == argvs[1:]
    assert list(rows[:2]) == argvs[:2]
    assert not rows[3:]
    with pytest.raises(IndexError):
        rows[3]


@given(
    st.integers(1, 4).flatmap(
        lambda width: st.lists(
            st.lists(
                st.sampled_from([b"", b"a", b"x" * 511, b"x" * 512, b"\r\n"]), min_size=width, max_size=width
            ),
            min_size=1,
        )
    )
)
def test_rows_are_packed_as_each_of_them_is(argvs: list[list[bytes]]) -> None:
    words = [word for argv in argvs for word in argv]

    assert pack_rows(words, len(argvs[0])) == b"".join(map(pack, argvs))
