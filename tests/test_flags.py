"""The flags before the command: redis-cli's habits, and refusals that say the mend. No network."""

from __future__ import annotations

import re
from typing import Any

import pytest

from pyredis_cli.flags import FLAGS, NOT_HERE, UsageError
from pyredis_cli.given import Given
from pyredis_cli.modes import tool_of
from pyredis_cli.parsing import help_text, parse, parse_tool
from pyredis_cli.registry import META, TOOLS
from tests.program import ran


@pytest.mark.parametrize(
    ("args", "given"),
    [
        ([], {}),
        (["-h", "db.example", "-p", "7000"], {"host": "db.example", "port": 7000}),
        (["-s", "/run/redis.sock"], {"socket": "/run/redis.sock"}),
        (["-u", "redis://h:1/2"], {"url": "redis://h:1/2"}),
        (["cluster://h,i"], {"url": "cluster://h,i"}),
        (["VALKEYS+SENTINEL://h/g"], {"url": "VALKEYS+SENTINEL://h/g"}),
        (["-c"], {"cluster": True}),
        (["-cp7000"], {"cluster": True, "port": 7000}),
        (["-n", "2", "--user", "alice"], {"database": 2, "username": "alice"}),
        (["-a", "secret"], {"password": "secret"}),
        (["--pass", "-dash"], {"password": "-dash"}),
        (["--askpass", "--no-auth-warning"], {"askpass": True, "no_auth_warning": True}),
        (["-t", "0.5"], {"conn_timeout": 0.5}),
        (["-t", "0"], {"conn_timeout": 0.0}),
        (["-4"], {"ipv4": True}),
        (["-6", "--name", "ada"], {"ipv6": True, "client_name": "ada"}),
        (["--tls", "--sni", "db", "--cacert", "/ca"], {"tls": True, "sni": "db", "cacert": "/ca"}),
        (["--cacertdir", "/cas", "--insecure"], {"cacertdir": "/cas", "insecure": True}),
        (["--cert", "/c", "--key", "/k"], {"cert": "/c", "key": "/k"}),
        (["--tls-ciphers", "A:B", "--tls-ciphersuites=C"], {"tls_ciphers": "A:B", "tls_ciphersuites": "C"}),
        (["--no-verify-hostname"], {"no_verify_hostname": True}),
        (["--conn-timeout", "0", "--read-timeout=1e1"], {"conn_timeout": 0.0, "read_timeout": 10.0}),
        (["--pool-size", "3"], {"pool_size": 3}),
        (["--encoding", "gb18030"], {"encoding": "gb18030"}),
        (["-2"], {"resp2": True}),
        (["-3"], {"resp3": True}),
        (["--raw"], {"output": "raw"}),
        (["--no-raw"], {"output": "redis"}),
        (["--json"], {"output": "json"}),
        (["--json", "--raw"], {"output": "raw"}),
        (["--csv"], {"output": "redis-csv"}),
        (["--format", "csv"], {"output": "csv"}),
        (["--format=ndjson", "--bytes", "hex"], {"output": "ndjson", "notation": "hex"}),
        (["--format", "yaml", "--raw"], {"output": "raw"}),
        (["--raw", "--format", "yaml"], {"output": "yaml"}),
        (["--quoted-json"], {"output": "quoted-json"}),
        (["-d", "-", "-D", "", "--null", "nil"], {"delimiter": "-", "reply_end": "", "null": "nil"}),
        (["-0"], {"zero": True}),
        (["-e"], {"errors": True}),
        (["-3e"], {"resp3": True, "errors": True}),
        (["-p7000", "-n2"], {"port": 7000, "database": 2}),
        (["-3p7000"], {"resp3": True, "port": 7000}),
        (["--user=", "--encoding=latin-1"], {"username": "", "encoding": "latin-1"}),
        (["-n", "1", "-n", "2"], {"database": 2}),
        (["--"], {}),
        (["--help"], {"help": True}),
        (["-v"], {"version": True}),
        (["--version"], {"version": True}),
    ],
)
def test_a_flag_is_understood(args: list[str], given: dict[str, Any]) -> None:
    assert parse(args) == Given(**given)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["GET", "k"], ("GET", "k")),
        (["GET", "-h"], ("GET", "-h")),
        (["SET", "k", "-1", "--raw"], ("SET", "k", "-1", "--raw")),
        (["SET", "k", ""], ("SET", "k", "")),
        (["--raw", "SET", "k", "v", "--", "-n"], ("SET", "k", "v", "--", "-n")),
        (["exec", "GET", "--help"], ("exec", "GET", "--help")),
        (["--", "-x"], ("-x",)),
        (["--", "--", "-h"], ("--", "-h")),
        (["-"], ("-",)),
        (["SET", "k", "\udcff"], ("SET", "k", "\udcff")),
        (["GET", "redis://not/a/flag"], ("GET", "redis://not/a/flag")),
    ],
)
def test_the_first_word_that_is_no_flag_ends_the_flags(args: list[str], words: tuple[str, ...]) -> None:
    assert parse(args).words == words


def test_a_last_h_asks_for_help_and_one_with_a_word_is_the_host() -> None:
    assert parse(["-h"]).help
    assert parse(["-p", "7000", "-h"]).help
    assert parse(["-h", "somewhere"]).host == "somewhere"


def test_a_last_user_without_a_name_means_ask_for_it() -> None:
    assert parse(["-n", "2", "--user"]).username == ""


@pytest.mark.parametrize(
    ("args", "folder", "words"),
    [
        (["--embedded"], "", ()),
        (["--embedded", "PING"], "", ("PING",)),
        (["--embedded", "exec", "PING"], "", ("exec", "PING")),
        (["--embedded", "-n", "1", "PING"], "", ("PING",)),
        (["--embedded", "./kept", "PING"], "./kept", ("PING",)),
        (["--embedded", "kept/here"], "kept/here", ()),
        (["--embedded", ".", "PING"], ".", ("PING",)),
        (["--embedded", "..", "PING"], "..", ("PING",)),
        (["--embedded", "~kept"], "~kept", ()),
        (["--embedded=kept", "PING"], "kept", ("PING",)),
        (["--embedded", ".hidden"], "", (".hidden",)),
        (["-a", "--embedded", "PING"], None, ("PING",)),
    ],
)
def test_embedded_takes_the_next_word_only_when_it_is_a_path(
    args: list[str], folder: str | None, words: tuple[str, ...]
) -> None:
    given = parse(args)

    assert (given.embedded, given.words) == (folder, words)


@pytest.mark.parametrize("url", ["redis://h", "VALKEY://h", "unix:///s", "rediss://h", "valkeys://h"])
def test_a_url_may_stand_in_front_of_the_command_and_flags_may_follow(url: str) -> None:
    assert parse([url, "-n", "3", "GET", "k"]) == Given(url=url, database=3, words=("GET", "k"))


def test_only_one_url_is_taken() -> None:
    assert parse(["-u", "redis://a", "redis://b"]) == Given(url="redis://a", words=("redis://b",))
    assert parse(["redis://a", "redis://b"]) == Given(url="redis://a", words=("redis://b",))


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (["--bogus"], "Unrecognized option or bad number of args for: '--bogus'"),
        (["-q"], "Unrecognized option or bad number of args for: '-q'; see --help"),
        (["--ech"], "Unrecognized option or bad number of args for: '--ech'; did you mean --echo"),
        (["--ttls"], "Unrecognized option or bad number of args for: '--ttls'; did you mean --ttl or --tls"),
        (
            ["--stat"],
            "Unrecognized option or bad number of args for: '--stat'; "
            "redis-cli has it, this program has not; pyredis-cli since 10s tells what changes, "
            ":watch 1 INFO stats in the REPL repeats it",
        ),
        (
            ["--bigkeys", "-i", "1"],
            "Unrecognized option or bad number of args for: '--bigkeys'; redis-cli has it, this program has not",
        ),
        (
            ["--cluster", "check", "h:1"],
            "Unrecognized option or bad number of args for: '--cluster'; redis-cli",
        ),
        (["-p"], "Unrecognized option or bad number of args for: '-p'; it takes PORT"),
        (["--raw=yes"], "Unrecognized option or bad number of args for: '--raw'; it takes no value"),
        (["-p", "redis"], "-p must be a whole number from 1 to 65535, not 'redis'"),
        (["-p", "0"], "-p must be a whole number from 1 to 65535, not '0'"),
        (["-p", "65536"], "-p must be a whole number from 1 to 65535, not '65536'"),
        (["-p", "\u0667\u0667"], "-p must be a whole number from 1 to 65535"),
        (["-n", "two"], "-n must be a whole number, 0 or more, not 'two'"),
        (["-n", "-1"], "-n must be a whole number, 0 or more, not '-1'"),
        (["-n", "9" * 5000], "-n must be a whole number, 0 or more"),
        (["-t", "-1"], "-t/--conn-timeout must be a number of seconds, or 0 for no limit, not '-1'"),
        (["-t", "nan"], "-t/--conn-timeout must be a number of seconds"),
        (["-t", "inf"], "-t/--conn-timeout must be a number of seconds"),
        (["--read-timeout", "soon"], "--read-timeout must be a number of seconds"),
        (["--pool-size", "0"], "--pool-size must be a whole number, 1 or more, not '0'"),
        (["--encoding", "bogus"], "--encoding must be an encoding that keeps ASCII"),
        (["--encoding", "utf-16"], "--encoding must be an encoding that keeps ASCII"),
        (["--encoding", "\udcff"], "--encoding must be an encoding that keeps ASCII"),
        (["-i", "-1"], "-i must be a number of seconds, 0 or more, not '-1'"),
        (["-3-raw"], "Unrecognized option or bad number of args for: '--'; see --help"),
        (["-3q"], "Unrecognized option or bad number of args for: '-q'; see --help"),
        (["--=x"], "Unrecognized option or bad number of args for: '--'; "),
        (
            ["--embeded"],
            "Unrecognized option or bad number of args for: '--embeded'; did you mean --embedded",
        ),
        (["--format", "xml"], "--format must be one of human, redis, redis-csv, raw, json, "),
        (["--bytes", "octal"], "--bytes must be one of utf8, escape, base64, hex, not 'octal'"),
        (["-h", ""], "-h must not be empty"),
        (["-s", ""], "-s must not be empty"),
        (["--name", "a b"], "--name must be printable ASCII without blanks, not 'a b'"),
        (["--name", ""], "--name must be printable ASCII without blanks, not ''"),
        (["--cacert", ""], "--cacert must not be empty"),
        (["--sni"], "Unrecognized option or bad number of args for: '--sni'; it takes NAME"),
        (["-t", "1,5"], "-t/--conn-timeout must be a number of seconds, or 0 for no limit, not '1,5'"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_line(args: list[str], line: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse(args)
    assert str(raised.value).startswith(line)
    assert "\n" not in str(raised.value)


def test_a_password_is_in_no_message_and_no_repr() -> None:
    with pytest.raises(UsageError) as raised:
        parse(["--password=hunter2"])
    assert "hunter2" not in str(raised.value)
    assert "hunter2" not in repr(parse(["-a", "hunter2", "-u", "redis://:hunter2@h"]))


def test_what_redis_cli_has_and_this_program_has_not_is_no_flag() -> None:
    names = {name for rows in FLAGS.values() for flag in rows for name in flag.names}

    assert NOT_HERE.keys().isdisjoint(names)


def test_what_serves_instead_of_a_flag_is_there() -> None:
    for said in NOT_HERE.values():
        for tool in re.findall(r"pyredis-cli (\S+)", said):
            assert tool in TOOLS, said
        for word in re.findall(r"(:\w+)(?=.* in the REPL)", said):
            assert word in META, said
            assert word not in TOOLS, f"a shell has it, too: {said}"


def test_no_spelling_is_declared_twice() -> None:
    names = [name for rows in FLAGS.values() for flag in rows for name in flag.names]

    assert len(names) == len(set(names))


@pytest.mark.parametrize("columns", [1, 60, 80, 500])
def test_the_help_names_every_flag_and_tool(columns: int) -> None:
    text = help_text([("exec", "run commands")], columns)

    for rows in FLAGS.values():
        for flag in rows:
            assert all(name in text for name in flag.names)
    assert "exec" in text
    assert max(map(len, text.splitlines())) <= max(40, min(columns, 100)) or columns < 80


@pytest.mark.parametrize(
    ("flags", "mode"),
    [(["--pipe-timeout", "0"], "--pipe"), (["--wait", "0"], "--ping"), (["--pattern", ""], "--scan")],
)
def test_a_flag_of_a_mode_that_is_not_there_is_refused_whatever_its_value(
    flags: list[str], mode: str
) -> None:
    with pytest.raises(UsageError, match=f"{flags[0]} belongs to {mode}; give that, too"):
        tool_of(parse([*flags, "PING"]))


def test_a_flag_in_the_wrong_place_is_told_its_own() -> None:
    with pytest.raises(UsageError, match="'--echo'; it goes in front of exec"):
        parse_tool("exec", ["--echo", "PING"])
    with pytest.raises(UsageError, match="'-n'; it goes in front of find"):
        parse_tool("find", ["-n", "3"])
    with pytest.raises(UsageError, match="'--stop-on-error'; it goes behind exec"):
        parse(["--stop-on-error"])


def test_in_the_repl_a_flag_that_is_not_there_is_told_what_tells_the_others() -> None:
    with pytest.raises(UsageError, match="'--format'; see help peek"):
        parse_tool("peek", ["--format", "json"], word="peek")
    with pytest.raises(UsageError, match=r"'--fro'; did you mean --for[^;]*See help :keys"):
        parse_tool(":keys", ["--fro", "1"], word=":keys")
    with pytest.raises(UsageError, match=r"^:explain: .*see help :explain"):
        parse_tool("explain", ["--x"], word=":explain")


@pytest.mark.parametrize(
    ("word", "mend"),
    [
        (":since", "pyredis-cli since is the same here"),
        (":KEYS", "pyredis-cli :keys is the same here"),
        (":undo", "pyredis-cli alone begins one"),
    ],
)
def test_a_word_of_the_repl_is_not_sent_from_a_shell(word: str, mend: str) -> None:
    told = ran("-p", "1", word, "x")
    assert told.code == 2
    assert told.said == f"{word.lower()} is a word of the REPL; {mend}\n"
