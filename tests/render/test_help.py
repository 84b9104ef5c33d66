"""What help says of a command: how it is written, where its keys are, what a server told."""

from __future__ import annotations

import pytest

from pyredis.commands.spec import TABLE, Spec, Table
from pyredis_cli.render.help import command_help, group_help
from tests.servers import Server


def told(line: str, table: Table = TABLE) -> list[str]:
    spec = table.find(line.split())
    assert spec is not None, line
    return command_help(spec, table)


def fact(line: str, label: str, table: Table = TABLE) -> str | None:
    found = [entry for entry in told(line, table) if entry.startswith(f"  {label}: ")]
    return found[0].partition(": ")[2] if found else None


@pytest.mark.parametrize(
    ("line", "synopsis"),
    [
        ("get", ["GET key"]),
        ("mset", ["MSET key value [key value ...]"]),
        ("zadd", ["ZADD key [NX|XX] [GT|LT] [CH] [INCR] score member [score member ...]"]),
        (
            "sort",
            [
                "SORT key [BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]]",
                "    [ASC|DESC] [ALPHA] [STORE destination]",
            ],
        ),
        (
            "set",
            [
                "SET key value [NX|XX] [GET]",
                "    [EX seconds|PX milliseconds|EXAT unix-time-seconds|",
                "    PXAT unix-time-milliseconds|KEEPTTL]",
            ],
        ),
        ("config set", ["CONFIG SET parameter value [parameter value ...]"]),
        (
            "migrate",
            [
                'MIGRATE host port <key|""> destination-db timeout [COPY] [REPLACE]',
                "    [AUTH password|AUTH2 username password] [KEYS key [key ...]]",
            ],
        ),
        ("dbsize", ["DBSIZE"]),
    ],
)
def test_a_command_is_written_as_its_grammar_says(line: str, synopsis: list[str]) -> None:
    assert told(line)[: len(synopsis)] == synopsis
    assert told(line)[len(synopsis)].startswith(("  group: ", "  danger: "))


def test_what_can_hurt_says_so() -> None:
    assert fact("client kill", "danger") == "closes connections of other clients"
    assert fact("get", "danger") is None


@pytest.mark.parametrize(
    ("line", "label", "keys"),
    [
        ("get", "key", "1st argument"),
        ("object encoding", "key", "1st argument"),
        ("pfdebug", "key", "2nd argument"),
        ("rename", "keys", "1st and 2nd argument"),
        ("lcs", "keys", "1st and 2nd argument"),
        ("del", "keys", "all arguments"),
        ("blpop", "keys", "all arguments but the last"),
        ("mset", "keys", "every 2nd argument from the 1st"),
        ("sunionstore", "keys", "1st argument; all arguments from the 2nd"),
        ("eval", "keys", "as many as numkeys says"),
        ("zunionstore", "keys", "1st argument; as many as numkeys says"),
        ("xread", "keys", "the first half after STREAMS"),
        ("migrate", "keys", "3rd argument; all after KEYS"),
        ("sort_ro", "keys", "1st argument; known to the server alone, see COMMAND GETKEYS"),
        ("ping", "key", None),
        ("ping", "keys", None),
    ],
)
def test_where_the_keys_are_is_said_in_words(line: str, label: str, keys: str | None) -> None:
    assert fact(line, label) == keys


def test_keys_are_found_by_the_three_numbers_of_an_old_server() -> None:
    for numbers, words in [((1, 1, 1), "  key: 1st argument"), ((2, -2, 1), "from the 2nd but the last")]:
        table = Table()
        table.learn([[b"novel", -2, [], *numbers]])
        assert told("novel", table)[-1].endswith(words)


def test_history_and_categories_are_facts() -> None:
    assert fact("getset", "since") == "1.0.0"
    assert fact("getset", "deprecated since") == "6.2.0"
    assert fact("getset", "categories") == "@fast @string @write"


def test_a_container_shows_how_its_subcommands_are_written() -> None:
    lines = told("config")
    assert lines[0] == "CONFIG"
    assert lines[lines.index("  subcommands:") + 1 :][0] == "    CONFIG GET parameter [parameter ...]"
    table = Table()
    table.learn_server("redis", "6.2.14")
    assert not any("NO-EVICT" in line for line in told("client", table))


def test_a_command_that_only_a_server_told_of_says_how_many_words_it_takes() -> None:
    table = Table()
    table.learn([[b"m.one", 1, [], 0, 0, 0], [b"m.two", 2, [], 0, 0, 0], [b"m.more", -1, [], 0, 0, 0]])
    assert told("m.one", table) == ["M.ONE"]
    assert told("m.two", table) == ["M.TWO", "  takes: 2 words"]
    assert told("m.more", table) == ["M.MORE", "  takes: at least 1 word"]


def test_what_the_server_lacks_is_said() -> None:
    table = Table()
    table.learn_server("redis", "6.2.14")
    assert "  not on this server (redis 6.2.14)" in told("expiretime", table)
    assert not any("not on this server" in line for line in told("get", table) + told("expiretime"))


def test_sentences_come_from_the_server(server: Server) -> None:
    table = Table(server.product)
    table.learn_docs(server.command("COMMAND", "DOCS"))
    assert told("get", table)[1].startswith("  Returns the string value of a key")
    assert fact("get", "complexity", table) == "O(1)"
    for spec in table.specs():
        assert all(len(line) < 80 for line in command_help(spec, table)), spec.name


def test_no_line_is_longer_than_the_terminal_and_brackets_are_balanced() -> None:
    for spec in TABLE.specs():
        lines = command_help(spec, TABLE)
        assert all(len(line) < 80 for line in lines), spec.name
        text = "\n".join(lines)
        assert text.startswith(spec.name)
        assert text.count("[") == text.count("]"), text
        assert text.count("<") == text.count(">"), text
        assert "None" not in text


def test_nothing_a_server_says_steers_the_terminal() -> None:
    evil = b"\x1b]0;owned\x07\xe2\x80\xae"
    table = Table()
    table.learn([[b"m." + evil, -2, [evil], 1, 1, 1, [b"@" + evil], [], [
        [b"flags", [], b"begin_search", [b"type", b"keyword", b"spec", [b"keyword", evil, b"startfrom", 1]],
         b"find_keys", [b"type", b"range", b"spec", [b"lastkey", -1, b"keystep", 1, b"limit", 0]]],
    ], []]])  # fmt: skip
    sentences = [b"summary", evil, b"complexity", evil, b"group", evil, b"since", evil]
    table.learn_docs([b"m." + evil, sentences, b"get", sentences])
    for name in (b"m." + evil, b"get"):
        spec = table.find([name])
        assert spec is not None
        text = "".join([*command_help(spec, table), *group_help([spec])])
        assert text.isprintable()
        assert "owned" in text


def test_a_group_is_its_names_or_a_line_for_each_command() -> None:
    few = [Spec("SET"), Spec("GET")]
    assert group_help(few) == ["GET, SET"]
    few[0] = few[0]._replace(summary="Sets. " + "x" * 100)
    assert group_help(few)[0] == "GET"
    assert group_help(few)[1].startswith("SET  Sets. x")
    assert len(group_help(few)[1]) == 79
