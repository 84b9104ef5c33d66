"""The line of progress: what it says, how often it is drawn, and that nothing of it is left."""

from __future__ import annotations

import io

from hypothesis import given
from hypothesis import strategies as st

from pyredis_cli.progress import Progress, drawn
from pyredis_cli.streams import Streams


class Clock:
    """Time that passes when the test says so."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def on_terminal(*, tty: bool = True) -> tuple[io.BytesIO, Streams]:
    stderr = io.BytesIO()
    return stderr, Streams(io.BytesIO(), io.BytesIO(), stderr, stderr_tty=tty)


def test_it_tells_the_amount_the_rate_and_the_time_left():
    line = drawn(512 * 1024, 2048 * 1024, "bytes", 1024 * 1024, 79)
    assert line == "[=======>                      ]  25%  512.00K of 2.00M  1.00M/s  0:02 left"


def test_without_a_total_it_tells_the_amount_and_the_rate():
    assert drawn(1_234_567, None, "commands", 450_000.4, 79) == "1,234,567 commands  450,000/s"


def test_what_is_all_done_has_no_time_left():
    assert drawn(10, 10, "keys", 3, 79) == "[==============================] 100%  10 keys of 10 keys  3/s"


@given(
    done=st.integers(0, 10**15),
    total=st.none() | st.integers(0, 10**15),
    unit=st.sampled_from(["bytes", "commands"]),
    rate=st.floats(0, 1e12),
    columns=st.integers(0, 300),
)
def test_it_fits_in_any_terminal(done: int, total: int | None, unit: str, rate: float, columns: int):
    line = drawn(done, total, unit, rate, columns)
    assert len(line) <= columns
    assert line.isascii()
    assert line.isprintable()


def test_quick_work_shows_nothing_and_slow_work_at_most_ten_lines_a_second():
    stderr, streams = on_terminal()
    clock = Clock()
    with Progress(streams, 1000, "bytes", clock) as progress:
        progress.at(100)
        assert stderr.getvalue() == b""
        for _ in range(200):
            clock.now += 0.01
            progress.advance(1)
        assert 15 <= stderr.getvalue().count(b"\r") <= 20
    last = stderr.getvalue().split(b"\r")
    assert last[-2].isspace()
    assert len(last[-2]) >= len(last[-3].rstrip())
    assert last[-1] == b""


def test_what_is_waited_for_stands_there_until_something_comes():
    stderr, streams = on_terminal()
    clock = Clock()
    with Progress(streams, None, "bytes", clock, waiting="waiting for the fork") as progress:
        for seconds in (1, 61):
            clock.now += seconds
            progress.at(0)
        clock.now += 1
        progress.at(2048)
        progress.total = 4096
        clock.now += 1
        progress.at(2048)
    shown = [line.rstrip() for line in stderr.getvalue().split(b"\r")]
    assert shown[1:4] == [
        b"waiting for the fork  0:01",
        b"waiting for the fork  1:02",
        b"2.00K  2.00K/s",
    ]
    assert b" 50%  2.00K of 4.00K" in shown[4]


def test_an_amount_of_nothing_of_a_known_total_is_no_waiting():
    stderr, streams = on_terminal()
    clock = Clock()
    with Progress(streams, None, "bytes", clock, waiting="waiting") as progress:
        progress.total = 4096
        clock.now += 1
        progress.at(0)
    assert b"  0%  0B of 4.00K" in stderr.getvalue()


def test_a_note_stands_in_a_line_of_its_own():
    stderr, streams = on_terminal()
    clock = Clock()
    with Progress(streams, None, "commands", clock) as progress:
        clock.now += 1
        progress.at(5)
        progress.note("command 3: (error) ERR\x1b no")
    wiped = b"\r5 commands  5/s\r               \r"
    assert stderr.getvalue() == wiped + b"command 3: (error) ERR\\x1b no\n"


def test_what_is_no_terminal_gets_the_notes_alone():
    stderr, streams = on_terminal(tty=False)
    clock = Clock()
    with Progress(streams, 10, "bytes", clock) as progress:
        clock.now += 10
        progress.at(5)
        progress.note("noted")
    assert stderr.getvalue() == b"noted\n"


def test_a_shorter_line_leaves_nothing_of_a_longer_one():
    stderr, streams = on_terminal()
    clock = Clock()
    progress = Progress(streams, None, "bytes", clock)
    clock.now += 1
    progress.at(1023)
    clock.now += 10
    progress.at(1)
    first, second = stderr.getvalue().split(b"\r")[1:]
    assert len(second) >= len(first)
