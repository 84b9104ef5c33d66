"""The line below the prompt: what it says, and that it never says more than there is room for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prompt_toolkit.formatted_text import StyleAndTextTuples, fragment_list_to_text
from prompt_toolkit.utils import get_cwidth

from pyredis.commands.spec import Table
from pyredis.types import Map, Reply
from pyredis_cli.render.escape import dangerous
from pyredis_cli.repl.figures import Status, product_of, status_by_hello, status_by_info
from pyredis_cli.repl.insight import Insight
from pyredis_cli.repl.toolbar import Usage, mistake_line, status_line, usage_line

GIB = 1024**3
WHOLE = Status("Redis 8.2.1", "primary", {0: 1234}, True, int(1.2 * 1024**2), 4 * GIB, 12, 0.0003)


def said(status: Status, width: int = 80, database: int = 0) -> str:
    return fragment_list_to_text(status_line(status, database, width))


def used(line: str, width: int = 80, table: Table | None = None) -> str:
    usage = Insight(lambda: table or Table(), "utf-8").usage(line)
    return "" if usage is None else fragment_list_to_text(usage_line(usage, width))


# -- how the server is


def test_all_that_is_known_stands_in_one_line() -> None:
    assert said(WHOLE) == "Redis 8.2.1 · primary · db0 1,234 keys · 1.2M / 4.0G · 12 clients · 0.3 ms"


def test_the_least_important_goes_first_when_it_is_narrow() -> None:
    assert said(WHOLE, 70) == "Redis 8.2.1 · primary · db0 1,234 keys · 1.2M / 4.0G · 0.3 ms"
    assert said(WHOLE, 60) == "Redis 8.2.1 · primary · db0 1,234 keys · 1.2M / 4.0G"
    assert said(WHOLE, 40) == "Redis 8.2.1 · primary · db0 1,234 keys"
    assert said(WHOLE, 30) == "primary · db0 1,234 keys"
    assert said(WHOLE, 10) == "primary"
    assert said(WHOLE, 4) == "pri…"


def test_what_is_not_known_is_not_there() -> None:
    assert said(Status()) == ""
    assert said(Status(role="replica", clients=1)) == "replica · 1 client"
    assert said(Status(keys={3: 1}), database=3) == "db3 1 key"
    assert said(Status(keys={3: 1}), database=0) == ""
    assert said(Status(keys={3: 1}, all_keys=True), database=0) == "db0 0 keys"
    assert said(Status(memory=512, maxmemory=0)) == "512B"


@pytest.mark.parametrize(
    ("size", "text"),
    [(1023, "1023B"), (1024, "1.0K"), (150 * 1024, "150K"), (1024**2 - 1, "1.0M"), (3 * 1024**4, "3.0T")],
)
def test_memory_is_told_in_the_units_of_info(size: int, text: str) -> None:
    assert said(Status(memory=size)) == text


def test_a_replica_and_a_server_that_is_nearly_full_stand_out() -> None:
    notable = "class:toolbar.notable"
    full = Status(role="replica", memory=95, maxmemory=100)
    assert [style for style, text, *_ in status_line(full, 0, 80) if text != " · "] == [notable, notable]
    assert notable not in [style for style, *_ in status_line(WHOLE, 0, 80)]


numbers = st.none() | st.integers(0, 2**70)
statuses = st.builds(
    Status,
    st.text(max_size=60),
    st.sampled_from(("", "primary", "replica")),
    st.dictionaries(st.integers(0, 20), st.integers(0, 2**40), max_size=3),
    st.booleans(),
    numbers,
    numbers,
    numbers,
    st.none() | st.floats(0, 100),
)


def fits(fragments: StyleAndTextTuples, width: int) -> bool:
    text = fragment_list_to_text(fragments)
    return get_cwidth(text) <= width and not dangerous(text)


@given(statuses, st.integers(0, 20), st.integers(0, 200))
def test_it_is_never_wider_than_the_terminal_and_never_steers_it(
    status: Status, database: int, width: int
) -> None:
    assert fits(status_line(status, database, width), width)


@given(st.builds(Usage, *[st.text(max_size=120)] * 4), st.integers(0, 200))
def test_nor_is_what_is_told_of_a_command(usage: Usage, width: int) -> None:
    assert fits(usage_line(usage, width), width)
    assert fits(mistake_line(usage.synopsis, width), width)


# -- what a server says


@given(
    st.lists(st.binary(max_size=40) | st.sampled_from((b"role:slave", b"used_memory:12", b"db0:keys=3,x=1")))
)
def test_nothing_that_a_server_says_is_an_error(lines: list[bytes]) -> None:
    text = b"\r\n".join(lines)
    status = status_by_info([text], product_of(text))
    assert status.role in ("", "primary", "replica")
    assert fits(status_line(status, 0, 80), 80)


@pytest.mark.parametrize("hello", [None, 5, b"x", [], [b"server"], [[], []], Map([(b"server", 1)]), Map()])
def test_a_hello_that_says_nothing_leaves_all_unknown(hello: Reply) -> None:
    assert status_by_hello(hello, None, 0) == Status()


def test_info_and_hello_are_read() -> None:
    info = b"# Replication\r\nrole:slave\r\nused_memory:5\r\nmaxmemory:9\r\ndb1:keys=7,expires=0\r\n"
    assert status_by_info([info], "Redis 8") == Status("Redis 8", "replica", {1: 7}, True, 5, 9)
    hello: list[Reply] = [b"server", b"valkey", b"version", b"9.0.1", b"role", b"master"]
    assert status_by_hello(hello, 7, 2) == Status("Valkey 9.0.1", "primary", {2: 7})
    assert product_of(b"redis_version:7.2.4\r\nvalkey_version:9.0.1\r\n") == "Valkey 9.0.1"
    assert product_of(b"redis_version:8.2.1\r\n") == "Redis 8.2.1"


# -- what is typed


def test_a_command_is_shown_as_it_is_written() -> None:
    assert used("GET") == "GET key · since 1.0.0"
    assert used("get some") == "GET key · since 1.0.0"
    assert used("GE") == used("") == used("nosuch x") == used(":set ") == ""


def test_a_container_shows_its_subcommands_until_one_is_named() -> None:
    assert used("OBJECT ENC") == used("OBJECT ") == used("OBJECT")
    assert used("OBJECT ").startswith("OBJECT ENCODING|FREQ|")
    assert used("OBJECT ENCODING") == "OBJECT ENCODING key · since 2.2.3"


def test_a_password_is_not_in_it() -> None:
    assert "hunter2" not in used("AUTH ada hunter2")
    assert used("AUTH ada hunter2").startswith("AUTH [username] password")


def test_a_long_synopsis_is_cut_at_the_edge_and_the_rest_stays() -> None:
    line = used("SET k v", 60)
    assert line.startswith("SET key value [NX|XX]")
    assert line.endswith("… · since 1.0.0")
    assert get_cwidth(line) == 60


def test_the_complexity_gives_way_before_the_synopsis() -> None:
    usage = Usage("SUNION key [key ...]", "O(N) where N is the number of all members in all sets", "1.0.0")
    assert fragment_list_to_text(usage_line(usage, 120)) == (
        "SUNION key [key ...] · O(N) where N is the number of all members in all sets · since 1.0.0"
    )
    assert fragment_list_to_text(usage_line(usage, 50)) == "SUNION key [key ...] · O(N) · since 1.0.0"
    assert fragment_list_to_text(usage_line(usage, 30)) == "SUNION key [key ...] · O(N)"


def test_what_is_deprecated_is_told() -> None:
    assert used("GETSET k") == "GETSET key value · deprecated since 6.2.0"
