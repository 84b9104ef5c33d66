"""What a typed line asks for."""

from __future__ import annotations

import pytest

from pyredis_cli.core.lines import LineError, Order, lines_of, numbered, order


def test_a_line_is_a_command_to_send_once() -> None:
    assert order("SET k 'a b'", "utf-8") == Order((b"SET", b"k", b"a b"), 1)


def test_a_count_before_the_command_repeats_it() -> None:
    assert order("5 INCR x", "utf-8") == Order((b"INCR", b"x"), 5)
    assert order("'+2' PING", "utf-8") == Order((b"PING",), 2)


def test_a_number_alone_is_a_command() -> None:
    assert order("5", "utf-8") == Order((b"5",), 1)


@pytest.mark.parametrize("count", ["0", "-1", "9223372036854775808", "9" * 5000])
def test_a_count_that_means_nothing_is_refused(count: str) -> None:
    with pytest.raises(LineError, match="repeat count"):
        order(f"{count} INCR x", "utf-8")


def test_the_largest_count_is_the_servers_largest_integer() -> None:
    assert order("9223372036854775807 PING", "utf-8").times == 2**63 - 1


def test_unbalanced_quotes_are_refused_with_their_place() -> None:
    with pytest.raises(LineError, match=r"Invalid argument\(s\): .*column 7"):
        order('SET k "abc', "utf-8")


def test_typed_text_is_sent_in_the_encoding_of_the_session() -> None:
    assert order("SET k é", "latin-1").argv == (b"SET", b"k", b"\xe9")


def test_a_paste_is_its_lines_without_the_blank_ones() -> None:
    assert lines_of("PING\r\n\n  \nGET k\n") == ["PING", "GET k"]
    assert lines_of("  ") == []


def test_comments_are_no_commands() -> None:
    assert lines_of("# don't\nGET k\n  # \"why\nSET k '\n# data'\n") == ["GET k", "SET k '\n# data'"]
    assert lines_of('"#" x') == ['"#" x']


def test_lines_are_counted_as_a_person_sees_them() -> None:
    text = "# why\n\nGET a\r\nSET k 'x\ny'\nGET b\n"
    assert numbered(text) == [(3, "GET a"), (4, "SET k 'x\ny'"), (6, "GET b")]


def test_a_line_end_in_quotes_is_part_of_its_command() -> None:
    assert lines_of("SET k 'a\n\nb'\n GET k\n") == ["SET k 'a\n\nb'", " GET k"]
    assert order("SET k 'a\nb'", "utf-8").argv == (b"SET", b"k", b"a\nb")
