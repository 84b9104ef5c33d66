"""The prompt: from a state to what the person reads."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from prompt_toolkit.styles import ANSI_COLOR_NAMES

from pyredis.address import Address, TcpAddress, UnixAddress
from pyredis_cli.config.keys import COLORS
from pyredis_cli.repl.prompt import prompt
from pyredis_cli.settings import Profile


@dataclass
class State:
    connected: bool = True
    address: Address = field(default_factory=TcpAddress)
    database: int = 0
    username: str | None = None
    in_transaction: bool = False
    watching: bool = False
    silenced: bool = False
    subscribed: bool = False
    role: str = ""
    unauthenticated: bool = False
    busy: bool = False
    read_only: bool = False


@pytest.mark.parametrize(
    ("state", "text"),
    [
        (State(), "127.0.0.1:6379> "),
        (State(database=2), "127.0.0.1:6379[2]> "),
        (State(database=2, in_transaction=True), "127.0.0.1:6379[2](TX)> "),
        (State(subscribed=True), "127.0.0.1:6379(subscribed)> "),
        (State(watching=True), "127.0.0.1:6379(watching)> "),
        (State(watching=True, in_transaction=True), "127.0.0.1:6379(TX)> "),
        (State(silenced=True), "127.0.0.1:6379(replies off)> "),
        (State(role="primary"), "127.0.0.1:6379> "),
        (State(role="replica", database=1, in_transaction=True), "127.0.0.1:6379[1](replica)(TX)> "),
        (State(unauthenticated=True), "127.0.0.1:6379(not authenticated)> "),
        (State(username="default"), "127.0.0.1:6379> "),
        (State(username="alice", database=1), "alice@127.0.0.1:6379[1]> "),
        (State(address=TcpAddress("::1", 7000)), "[::1]:7000> "),
        (State(address=UnixAddress("/run/redis.sock")), "redis /run/redis.sock> "),
        (State(address=UnixAddress("/run/redis.sock"), username="bob"), "redis bob@/run/redis.sock> "),
        (State(read_only=True), "127.0.0.1:6379(read-only)> "),
        (
            State(database=1, role="replica", read_only=True, in_transaction=True),
            "127.0.0.1:6379[1](replica)(read-only)(TX)> ",
        ),
        (State(connected=False, read_only=True), "not connected(read-only)> "),
        (State(connected=False), "not connected> "),
        (State(connected=False, busy=True), "not connected (server busy)> "),
        (State(connected=False, unauthenticated=True), "not authenticated> "),
    ],
)
def test_the_prompt_tells_where_the_next_command_goes(state: State, text: str) -> None:
    assert _text(state) == text


@pytest.mark.parametrize(
    ("profile", "state", "text", "style"),
    [
        (Profile("dev"), State(), "dev 127.0.0.1:6379> ", "class:prompt.profile"),
        (Profile("dev", color="green"), State(), "dev 127.0.0.1:6379> ", "class:prompt.profile ansigreen"),
        (
            Profile("prod", production=True),
            State(database=2, username="ada", role="replica", in_transaction=True),
            "prod ada@127.0.0.1:6379[2](PROD)(replica)(TX)> ",
            "class:prompt.profile ansired",
        ),
        (
            Profile("prod", production=True, color="bright-blue"),
            State(connected=False),
            "prod not connected(PROD)> ",
            "class:prompt.profile ansibrightblue",
        ),
        (Profile("x", color="white"), State(), "x 127.0.0.1:6379> ", "class:prompt.profile ansigray"),
        (Profile("\x1b[31m"), State(), "\\x1b[31m 127.0.0.1:6379> ", "class:prompt.profile"),
    ],
)
def test_a_profile_is_named_before_all_else(profile: Profile, state: State, text: str, style: str) -> None:
    fragments = prompt(state, profile=profile)
    assert "".join(shown for _, shown, *_ in fragments) == text
    assert fragments[0][0] == style


@pytest.mark.parametrize("color", COLORS)
def test_every_colour_is_one_that_the_terminal_has(color: str) -> None:
    style = prompt(State(), profile=Profile("x", color=color))[0][0]
    assert style.rpartition(" ")[2] in ANSI_COLOR_NAMES


def test_monitor_is_shown_whatever_becomes_of_the_session() -> None:
    assert "".join(text for _, text in prompt(State(), monitoring=True)) == "127.0.0.1:6379(monitor)> "
    assert "".join(text for _, text in prompt(State(connected=False), monitoring=True)) == (
        "not connected(monitor)> "
    )


def test_of_a_long_path_the_end_is_shown() -> None:
    state = State(address=UnixAddress("/tmp/pyredis-cli-1234-abcdefgh/that/is/really/long/socket"))
    assert _text(state).startswith("redis …")
    assert len(_text(state)) == len("redis > ") + 40
    assert _text(state).endswith("long/socket> ")


def test_without_a_connection_nothing_is_claimed_of_it() -> None:
    lost = State(connected=False, database=5, username="alice", in_transaction=True)
    assert _text(lost) == "not connected> "


def test_no_control_sequence_reaches_the_terminal_through_a_name() -> None:
    state = State(address=UnixAddress("/tmp/\x1b[2Jx"), username="a\x1b]0;t\x07\u202eb")
    assert _text(state).isprintable()


def _text(state: State) -> str:
    return "".join(fragment[1] for fragment in prompt(state))
