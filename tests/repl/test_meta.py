"""The REPL's own words."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence

import pytest

from pyredis.address import TcpAddress
from pyredis.commands.spec import TABLE, Table
from pyredis_cli import registry
from pyredis_cli.complete import Candidate, Choice, NameCache, candidates, tokens
from pyredis_cli.registry import META, MetaRow, load
from pyredis_cli.render.escape import readable
from pyredis_cli.repl.meta import behind, offered, verdict
from pyredis_cli.repl.verdicts import Clear, Connect, Dial, Leave, Refuse, Set, Tell, Verdict


def judged(line: str) -> Verdict | None:
    return verdict([word.encode() for word in line.split()], TABLE)


@pytest.mark.parametrize("line", ["quit", "exit", "QUIT", "Exit now"])
def test_quit_and_exit_leave(line: str) -> None:
    assert judged(line) == Leave()


def test_clear_clears() -> None:
    assert judged("clear") == Clear()
    assert isinstance(judged("clear all"), Refuse)


@pytest.mark.parametrize("line", ["GET k", "PING", "helper", "5"])
def test_anything_else_is_for_the_server(line: str) -> None:
    assert judged(line) is None


def test_connect_names_a_host_and_a_port() -> None:
    assert judged("connect localhost 7000") == Connect(TcpAddress("localhost", 7000))


@pytest.mark.parametrize(
    "line",
    [
        "connect",
        "connect redis://u:s3cret@h 1",
        "connect h",
        "connect h 1 2",
        "connect h x",
        "connect h 0",
        "connect h 65536",
        "connect h -1",
    ],
)
def test_connect_with_anything_else_shows_its_usage(line: str) -> None:
    answer = judged(line)
    assert isinstance(answer, Refuse)
    assert "connect HOST PORT" in answer.reason
    assert "s3cret" not in answer.reason


def test_connect_takes_a_url_whose_password_is_not_shown() -> None:
    answer = judged("connect rediss://ada:s3cret@h:1/2")
    assert answer == Dial("rediss://ada:s3cret@h:1/2")
    assert "s3cret" not in repr(answer)


@pytest.mark.parametrize(
    ("line", "mend"),
    [
        (":nosuch x", "help lists"),
        (":sorce x", "did you mean :source?"),
        (":FROMAT", "did you mean :format?"),
    ],
)
def test_an_unknown_meta_command_is_refused_with_the_nearest_name_and_never_sent(
    line: str, mend: str
) -> None:
    answer = judged(line)
    assert isinstance(answer, Refuse)
    assert line.split()[0] in answer.reason
    assert mend in answer.reason


def test_the_form_of_replies_is_a_preference() -> None:
    assert judged(":format") == Set(("format",))
    assert judged(":format redis") == Set(("format", "redis"))
    assert isinstance(judged(":format json raw"), Refuse)


def test_help_names_every_word() -> None:
    text = told("help")
    assert told("?") == text
    assert all(word in text for word in META)


@pytest.mark.parametrize("name", ["get", "CONFIG GET", "xadd", "hello"])
def test_help_for_a_command_shows_its_name_and_its_history(name: str) -> None:
    text = told(f"help {name}")
    assert text.upper().startswith(name.upper())
    assert "since: " in text
    assert "group: " in text


def test_help_for_a_container_lists_its_subcommands() -> None:
    assert "GET" in told("help config")
    assert "RESETSTAT" in told("help config")


def test_help_for_a_group_lists_its_commands() -> None:
    assert "LPUSH" in told("help @list")


@pytest.mark.parametrize("line", ["help nosuch", "help @nosuch", "help config nosuch"])
def test_help_that_is_not_there_is_said_in_a_line(line: str) -> None:
    answer = judged(line)
    assert isinstance(answer, Refuse)
    assert "nosuch" in answer.reason


def test_help_for_a_group_leaves_out_what_the_server_lacks() -> None:
    table = Table()
    table.learn_server("redis", "6.2.14")
    answer = verdict([b"help", b"@string"], table)
    assert isinstance(answer, Tell)
    text = "\n".join(answer.lines)
    assert "GETEX" in text
    assert "LCS" not in text


def test_no_line_of_help_is_wider_than_the_terminal() -> None:
    for line in ("help", *(f"help {word}" for word in META), "help @string", "help @server"):
        assert all(len(shown) < 80 for shown in told(line).splitlines()), line


def test_set_is_passed_on_with_its_words() -> None:
    assert judged(":set") == Set(())
    assert judged(":SET hints off") == Set(("hints", "off"))
    assert ":set" in told("help")
    assert told("help :set").startswith(":set [NAME")


@pytest.mark.parametrize("name", META)
def test_each_word_has_help_of_its_own(name: str) -> None:
    row = META[name]
    text = " ".join(told(f"help {name}").split())
    assert text == f"{row.usage} {row.summary} {row.help}"
    assert row.help


@pytest.mark.parametrize("name", META)
def test_each_row_names_something_that_can_be_called(name: str) -> None:
    assert callable(load(META[name]))
    assert not META[name].completes or callable(load(META[name].completed))


# -- what may stand behind them


def menu(text: str) -> list[Candidate]:
    names = NameCache().of(0)
    return candidates(tokens(text, TABLE), TABLE, names, offered(), quote=readable, behind=behind)


def texts(text: str) -> list[str]:
    return [candidate.text for candidate in menu(text)]


def test_the_names_are_offered_with_what_they_are_for() -> None:
    assert texts(":") == [name for name in sorted(META) if name.startswith(":")]
    assert menu(":forma") == [Candidate(":format", 0, "word", META[":format"].summary)]
    assert "?" not in texts("")


@pytest.mark.parametrize(
    ("text", "some"),
    [
        ("help ", {"@hash", ":set", "connect", "GET"}),
        ("help zad", {"zadd"}),
        ("? @so", {"@sorted-set"}),
        ("help CONFIG RE", {"RESETSTAT", "REWRITE"}),
        (":explain CONFIG RE", {"RESETSTAT", "REWRITE"}),
        (":explain hgeta", {"hgetall"}),
        (":explain SET k v ", {"NX", "EX"}),
        (":timing ", {"on", "off", "100"}),
        (":set ", {"format", "hints", "live-completion"}),
        (":set vi ", {"on", "off"}),
        (":set live-completion ", {"on", "off"}),
        (":set format js", {"json"}),
        (":format ", {"json", "human", "redis", "raw", "ndjson", "yaml", "csv", "tsv", "markdown", "resp"}),
        ("connect ", {"localhost", "redis://", "unix://", "cluster://", "sentinel://"}),
        ("connect localhost ", {"6379"}),
        (":monitor ", {"--match", "--command", "--client", "--count", "--for"}),
        (":monitor --for 5 --co", {"--command", "--count"}),
        ("peek --", {"--count"}),
        (":keys --depth 1 --", {"--by", "--count", "--for"}),
        (":monitor --command hget", {"hget", "hgetall"}),
    ],
)
def test_behind_a_word_stands_what_it_takes(text: str, some: set[str]) -> None:
    assert some <= set(texts(text))


@pytest.mark.parametrize(
    "text",
    [
        "quit ",
        "clear ",
        ":format json ",
        ":set format json ",
        ":set nosuch ",
        "connect redis://h ",
        "connect h 1 ",
        ":monitor --match ",
        "help get ",
        ":nosuch ",
    ],
)
def test_behind_all_there_is_to_say_stands_nothing(text: str) -> None:
    assert texts(text) == []


@pytest.mark.parametrize("text", ["peek us", "peek --count 5 us", "peek other us", ":keys us", ":slot us"])
def test_where_a_key_is_due_those_that_are_known_are_offered(text: str) -> None:
    names = NameCache()
    names.learn("key", [b"user:7", b"session:9"])
    line = tokens(text, TABLE)
    found = candidates(line, TABLE, names.of(0), offered(), quote=readable, behind=behind)
    assert [candidate.text for candidate in found] == ["user:7"]


def test_a_flag_is_offered_once() -> None:
    assert texts("peek --count 5 --") == []
    assert texts("peek --count ") == []
    assert "--for" not in texts(":monitor --for 5 ")
    assert "--for" not in texts(":monitor --for=5 ")


# -- a new one


def greet(words: Sequence[str], table: Table) -> Verdict:
    return Tell((f"hello {' '.join(words)}",))


def people(words: Sequence[str], typed: str, table: Table) -> Iterator[Choice]:
    yield from (Choice("ada"), Choice("grace hopper"))


def test_a_new_word_is_a_row_and_what_it_names(monkeypatch: pytest.MonkeyPatch) -> None:
    row = MetaRow(f"{__name__}:greet", ":greet NAME", "greet", "It is polite.", f"{__name__}:people")
    monkeypatch.setitem(registry.META, ":greet", row)
    assert judged(":greet ada") == Tell(("hello ada",))
    assert ":greet NAME" in told("help")
    assert told("help :greet") == ":greet NAME\n  greet\n  It is polite."
    assert texts(":gr") == [":greet"]
    assert texts(":greet ") == ["ada", '"grace hopper"']
    assert texts(":greet g") == ['"grace hopper"']
    assert judged(":gret") == Refuse("unknown meta command :gret; did you mean :greet?")
    assert judged(":peek") == Refuse("unknown meta command :peek; did you mean peek?")


NOTHING_YET = """
import sys
from pyredis.commands.spec import TABLE
from pyredis_cli.repl.meta import offered, verdict
offered()
modules = {f"pyredis_cli.repl.{name}" for name in ("helping", "judges", "monitoring", "sourcing")}
assert not modules & sys.modules.keys()
verdict([b"quit"], TABLE)
assert modules & sys.modules.keys() == {"pyredis_cli.repl.judges"}
"""


def test_nothing_is_imported_before_it_is_named() -> None:
    subprocess.run([sys.executable, "-c", NOTHING_YET], check=True)


def told(line: str) -> str:
    answer = judged(line)
    assert isinstance(answer, Tell)
    return "\n".join(answer.lines)
