"""What ``:watch`` is asked for, what it finds changed, what it draws and writes: without a terminal."""

from __future__ import annotations

import csv
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyredis.commands.spec import TABLE
from pyredis_cli.render.named import named
from pyredis_cli.render.shapes import shape
from pyredis_cli.repl.highlight import highlighted
from pyredis_cli.repl.logbook import Logbook, LogbookError
from pyredis_cli.repl.trends import Trends
from pyredis_cli.repl.verdicts import Perform, Refuse
from pyredis_cli.repl.watching import Watch, behind, judge


@pytest.mark.parametrize(
    ("line", "watch"),
    [
        ("1 GET k", Watch(1, (b"GET", b"k"))),
        ("0.5 info memory", Watch(0.5, (b"info", b"memory"))),
        ("1m CLIENT LIST", Watch(60, (b"CLIENT", b"LIST"))),
        ("2 --csv f.csv HGETALL h", Watch(2, (b"HGETALL", b"h"), "f.csv")),
        ("--csv f.csv --append 2 PING", None),
        ("2 --csv f.csv --append PING", Watch(2, (b"PING",), "f.csv", append=True)),
        ("1 XREAD STREAMS s 0", Watch(1, (b"XREAD", b"STREAMS", b"s", b"0"))),
    ],
)
def test_it_takes_seconds_and_a_command_that_reads(line: str, watch: Watch | None) -> None:
    verdict = judge(line.split(), TABLE)
    assert isinstance(verdict, Refuse) if watch is None else verdict == Perform(watch)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("", "usage"),
        ("1", "usage"),
        ("GET k", "90s, 5m or 1h"),
        ("0 GET k", "90s, 5m or 1h"),
        ("1 --csv", "needs a FILE"),
        ("1 --append GET k", "usage"),
        ("1 INCR n", "INCR does more; 5 INCR"),
        ("1 EVAL x 0", "EVAL does more"),
        ("1 CONFIG SET a b", "CONFIG SET does more"),
        ("1 SLOWLOG RESET", "does more"),
        ("1 BLPOP k 0", "BLPOP may wait"),
        ("1 XREAD BLOCK 0 STREAMS s 0", "XREAD may wait"),
        ("1 SUBSCRIBE c", "does more"),
        ("1 MULTI", "does more"),
        ("1 NOSUCH", "nobody knows whether NOSUCH does"),
    ],
)
def test_anything_else_is_refused_with_the_reason(line: str, why: str) -> None:
    verdict = judge(line.split(), TABLE)
    assert isinstance(verdict, Refuse)
    assert why in verdict.reason


@pytest.mark.parametrize(
    ("line", "offered", "not_offered"),
    [
        ("", "2", "GET"),
        ("1", "--csv", "2"),
        ("1", "HGETALL", "2"),
        ("1 CLIENT", "LIST", "HGETALL"),
        ("1 --csv f.csv", "--append", "--csv"),
        ("1 --csv f.csv", "INFO", "--csv"),
        ("1 --csv f.csv --append", "INFO", "--append"),
    ],
)
def test_what_may_come_next_is_offered(line: str, offered: str, not_offered: str) -> None:
    names = [choice.text for choice in behind(line.split(), "", TABLE)]
    assert offered in names
    assert not_offered not in names


# -- what is another word


@pytest.mark.parametrize(
    ("before", "now", "shown"),
    [
        (["a 1", "b 2"], ["a 1", "b 3"], ["a 1", "b [3]"]),
        (["keys 9 x"], ["keys 10 x"], ["keys [10] x"]),
        (["a 1", "c 3"], ["a 2", "b 2", "c 3"], ["a [2]", "[b] [2]", "c 3"]),
        (["a 1", "b 1", "c 3"], ["a 1", "c 4"], ["a 1", "c [4]"]),
        (["x"], ["x"], ["x"]),
        (["\x1b[2mk\x1b[0m  \x1b[36m1\x1b[0m"], ["\x1b[2mk\x1b[0m  \x1b[36m2\x1b[0m"], ["k  [2]"]),
        (["東京 1"], ["東京 2"], ["東京 [2]"]),
    ],
)
def test_words_that_changed_are_reversed(before: list[str], now: list[str], shown: list[str]) -> None:
    rows = highlighted([row.encode() for row in before], [row.encode() for row in now])
    assert [read(row.decode()) for row in rows] == shown


def read(row: str) -> str:
    """Return a row with what is reversed in brackets, as a terminal would show it."""
    shown, reversed_, at = "", False, 0
    while at < len(row):
        if row[at] != "\x1b":
            shown, at = shown + row[at], at + 1
            continue
        code, at = row[at + 2 : row.index("m", at)], row.index("m", at) + 1
        now = {"7": True, "27": False, "0": False}.get(code, reversed_)
        shown += "[" * (now and not reversed_) + "]" * (reversed_ and not now)
        reversed_ = now
    # A colour that ends within a word would show as two reversals of one.
    return shown.replace("][", "")


ROWS = st.lists(
    st.text(alphabet="ab1 9\x1b[2m0", max_size=12).map(lambda row: row.replace("\n", "")), max_size=5
)


@given(before=ROWS, now=ROWS)
def test_no_word_is_lost_whatever_the_rows_are(before: list[str], now: list[str]) -> None:
    rows = highlighted([row.encode() for row in before], [row.encode() for row in now])

    plain = [row.decode().replace("\x1b[7m", "").replace("\x1b[27m", "") for row in rows]
    assert plain == now


# -- numbers


def test_numbers_have_names() -> None:
    def names(line: str, reply: object) -> dict[str, object]:
        argv = [word.encode() for word in line.split()]
        return dict(named(shape(argv, TABLE.find(argv), reply)))  # type: ignore[arg-type]

    assert names("GET k", b"7") == {"value": b"7"}
    assert names("HGETALL h", {b"a": b"1", b"b": b"x"}) == {"a": b"1", "b": b"x"}
    assert names("HGETALL h", [b"a", b"1"]) == {"a": b"1"}
    assert names("INFO", b"# Keyspace\r\ndb0:keys=3,expires=0\r\n") == {"db0.keys": 3, "db0.expires": 0}
    assert names("MGET a b", [b"x", None]) == {"1": b"x", "2": None}


def test_a_number_that_changes_is_drawn_and_one_that_does_not_is_not() -> None:
    trends = Trends()
    for at, number in enumerate([1, 5, 3, 9]):
        trends.add({"up": number, "same": 4, "clock": 100 + at, "text": b"x"})

    rows = trends.rows(9, 80)

    assert rows[0] == "up     ▁▅▃█  9  +6"
    assert rows[1].startswith("clock  ")
    assert len(rows) == 2
    # What goes up and down is worth more than a clock.
    assert trends.rows(1, 80) == ["… 2 more numbers changed"]
    trends.add({"up": 1, "other": 2})
    trends.add({"up": 2, "other": 3})
    assert [row.split()[0] for row in trends.rows(2, 80)] == ["up", "…"]


def test_a_name_that_comes_late_or_goes_has_gaps() -> None:
    trends = Trends()
    trends.add({"a": 1})
    trends.add({"a": 2, "late": 1})
    trends.add({"late": 3})

    assert trends.rows(9, 80) == ["a     ▁█   2  +1", "late   ▁█  3  +2"]


def test_no_number_is_cut_off_by_a_narrow_screen() -> None:
    trends = Trends()
    for number in (61.48, 61.31):
        trends.add({"cmdstat_info.usec_per_call": number})
    assert trends.rows(9, 40) == ["cmdstat_info.usec_p…  █  61.31  -0.17"]
    assert trends.rows(9, 30) == ["cmdstat_info.u…  █  61.31"]


def test_a_name_that_is_gone_for_long_is_forgotten_and_may_come_back() -> None:
    trends = Trends()
    for number in (1, 2, 1):
        trends.add({"a": number})
    for _ in range(60):
        trends.add({})
        trends.rows(9, 80)
    assert trends.rows(9, 80) == []
    trends.add({"a": 5})
    trends.add({"a": 6})
    assert [row.split() for row in trends.rows(9, 80)] == [["a", "▁█", "6", "+1"]]


def test_a_value_that_is_no_number_any_more_is_forgotten_in_time() -> None:
    trends = Trends()
    for value in (1, 2, *["text"] * 60):
        trends.add({"a": value})
        trends.rows(9, 80)
    assert trends.rows(9, 80) == []


# -- the file


def test_each_time_is_a_row_that_fits_its_head(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    with Logbook(str(path)) as log:
        log.add(0.5, {}, "LOADING")
        log.add(1, {"a": 1, "b": b'x,"y"'})
        log.add(2, {"b": None, "c": 3})
        log.add(3.25, {}, "lost")

    assert list(csv.reader(path.read_text("utf-8").splitlines())) == [
        ["time", "error", "a", "b"],
        ["1970-01-01T00:00:01.000Z", "", "1", 'x,"y"'],
        ["1970-01-01T00:00:02.000Z", "", "", ""],
        ["1970-01-01T00:00:03.250Z", "lost", "", ""],
    ]
    assert log.left_out == {"c"}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_value_that_is_called_as_our_columns_are_has_one_of_its_own(tmp_path: Path) -> None:
    path = str(tmp_path / "log.csv")
    with Logbook(path) as log:
        log.add(0, {"time": b"5", "time_": b"6", "error": b"7"})
    with Logbook(path, append=True) as log:
        log.add(1, {"error": b"8"}, "ERR gone")
        assert not log.left_out

    with open(path, newline="") as file:
        rows = list(csv.reader(file))

    assert rows[0] == ["time", "error", "time_", "time__", "error_"]
    assert [row[1:] for row in rows[1:]] == [["", "5", "6", "7"], ["ERR gone", "", "", "8"]]


def test_a_file_is_never_written_over(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    with Logbook(str(path)) as log:
        log.add(1, {"a": 1})
    with pytest.raises(LogbookError, match="--append adds to it"):
        Logbook(str(path))
    with Logbook(str(path), append=True) as log:
        log.add(2, {"b": 3, "a": 2})
    assert path.read_text().splitlines()[2:] == ["1970-01-01T00:00:02.000Z,,2"]

    path.write_text("name,age\nada,36\n")
    with pytest.raises(LogbookError, match="not written by :watch"):
        Logbook(str(path), append=True)
    with pytest.raises(LogbookError, match="cannot write to"):
        Logbook(str(tmp_path / "no" / "such"))
    assert path.read_text() == "name,age\nada,36\n"
    os.symlink("/dev/full", tmp_path / "full")
    with Logbook(str(tmp_path / "full"), append=True) as log, pytest.raises(LogbookError, match="No space"):
        log.add(1, {"a": 1})
