"""What may stand at a place of the command line."""

from __future__ import annotations

import pytest

from pyredis.commands.spec import TABLE
from pyredis_cli.complete.command_line import Asked, Place, place
from pyredis_cli.complete.shell_line import shell_line
from pyredis_cli.complete.wants import Want
from pyredis_cli.flags import FLAGS, OUTPUTS

TOOLS = {
    "exec": "run",
    "find": "list keys",
    "lua": "run a script",
    "rdb": "save",
    "completion": "print",
    "settings": "show",
}


def at(typed: str) -> Place:
    """Return what may stand at the end of ``pyredis-cli`` and what is typed behind it."""
    line = shell_line(f"pyredis-cli {typed}", "bash", {"DB": "3"})
    return place(line, TOOLS, lambda: TABLE, lambda: ("dev", "prod"))


def offered(typed: str) -> list[str]:
    return [offer.value for offer in at(typed).offers]


@pytest.mark.parametrize(
    ("typed", "values"),
    [
        # flags and their values
        ("--pool", ["--pool-size"]),
        ("--TLS", []),
        ("--format j", ["json"]),
        ("--format=j", ["--format=json"]),
        ("--format ", list(OUTPUTS)),
        ("--show-pushes ", ["yes", "no"]),
        ("-p 7000 --bytes b", ["base64"]),
        ("--type z", ["zset"]),
        ("-p ", []),
        ("-p7", []),
        ("-3p ", []),
        ("--nosuch=", []),
        ("--nosuch hgeta", ["hgetall"]),
        # what is a flag's value is no command
        ("-n 2 --user alice hgeta", ["hgetall"]),
        ("-a get hgeta", ["hgetall"]),
        ("-an hgeta", ["hgetall"]),
        ("-3n 2 hgeta", ["hgetall"]),
        ("--embedded hgeta", ["hgetall"]),
        ("--embedded ./data hgeta", ["hgetall"]),
        ("redis://db:7000/2 hgeta", ["hgetall"]),
        ("$FLAGS hgeta", ["hgetall"]),
        ("-- hgeta", ["hgetall"]),
        ("-- --pool", []),
        # profiles
        ("@", ["@dev", "@prod"]),
        ("-n 2 @p", ["@prod"]),
        ("@nosuch", []),
        ("--profile ", ["dev", "prod"]),
        ("--profile p", ["prod"]),
        ("--profile=p", ["--profile=prod"]),
        ("@prod @", []),
        ("@prod hgeta", ["hgetall"]),
        ("@prod --pool", ["--pool-size"]),
        ("settings ", ["init", "show", "check"]),
        ("settings sh", ["show"]),
        ("settings show @", ["@dev", "@prod"]),
        ("settings show --o", ["--origin"]),
        ("settings check @", []),
        # tools, their flags and their words
        ("exe", ["exec"]),
        ("EXE", ["EXEC"]),
        ("fin", ["find"]),
        ("find --ty", ["--type"]),
        ("find --type ha", ["hash"]),
        ("find 'user:*' --type=ha", ["--type=hash"]),
        ("find --pool", []),
        ("find ", []),
        ("completion ", ["bash", "zsh", "fish"]),
        ("completion bash ", []),
        ("completion --", ["--help"]),
        ("find x --h", []),
        # commands, in the case that is typed
        ("hget", ["hget", "hgetall", "hgetdel", "hgetex"]),
        ("HGETA", ["HGETALL"]),
        ("Hgeta", ["HGETALL"]),
        ("exec hgeta", ["hgetall"]),
        ("exec --dry-run -f x hgeta", ["hgetall"]),
        ("exec --dry", ["--dry-run"]),
        ("exec get --dry", []),
        ("config re", ["resetstat", "rewrite"]),
        ("-p 7000 CONFIG RE", ["RESETSTAT", "REWRITE"]),
        ("exec CONFIG RESETSTAT", ["RESETSTAT"]),
        ("get ", []),
        ("config get ", []),
        ("set k v e", ["ex", "exat"]),
        ("SET k v EX 10 ", ["NX", "XX", "GET"]),
        ("SET k v nx e", ["ex", "exat"]),
        ("exec ZADD board g", ["gt"]),
        ("ZRANGE z 0 -1 BYSCORE LIMIT 0 1 w", ["withscores"]),
        ("SCAN 0 TYPE h", ["hash"]),
        ("$COMMAND k ", []),
        ("nosuch ", []),
        # modes of redis-cli
        ("--scan hgeta", []),
        ("--scan --pool", ["--pool-size"]),
        ("--eval x.lua hgeta", []),
    ],
)
def test_the_words_that_may_stand_there(typed: str, values: list[str]) -> None:
    assert offered(typed) == values


def test_first_come_the_tools_then_the_commands_in_lower_case() -> None:
    words = offered("")
    assert words[: len(TOOLS)] == list(TOOLS)
    assert set(words) == {*TOOLS, *(name.lower() for name in TABLE.names() if " " not in name)}
    assert len(words) == len(set(words))


def test_every_flag_in_front_is_offered_with_its_help() -> None:
    rows = [flag for rows in FLAGS.values() for flag in rows]
    expected = {name: flag.help for flag in rows for name in flag.names}
    assert dict(at("-").offers) == expected


def test_a_command_is_told_in_a_few_words() -> None:
    assert dict(at("hgeta").offers) == {"hgetall": "hash, since 2.0.0"}


@pytest.mark.parametrize(
    ("typed", "files", "before"),
    [
        ("-s ", "files", ""),
        ("-s/tm", "files", "-s"),
        ("-3s/tm", "files", "-3s"),
        ("--cert=x", "files", "--cert="),
        ("--cacertdir ", "folders", ""),
        ("--embedded ./da", "folders", ""),
        ("--embedded=", "folders", "--embedded="),
        ("--rdb ", "files", ""),
        ("--eval ", "files", ""),
        ("rdb ", "files", ""),
        ("rdb --functions du", "files", ""),
        ("rdb x ", "", ""),
        ("lua x", "files", ""),
        ("lua x.lua k", "", ""),
        ("lua --function f k", "", ""),
        ("exec -fx", "files", "-f"),
        ("exec --file=a", "files", "--file="),
        ("exec -f a -f ", "files", ""),
        ("exec < ", "files", ""),
        ("exec GET ", "", ""),
        ("-p ", "", ""),
    ],
)
def test_files_are_offered_where_files_go(typed: str, files: str, before: str) -> None:
    assert (at(typed).files, at(typed).before) == (files, before)


KEY = Want("key")
HASH = Want("key", (), frozenset({"hash"}))


@pytest.mark.parametrize(
    ("typed", "asked"),
    [
        ("GET us", Asked((Want("key", (), frozenset({"string"})),), b"us", ())),
        ("-n 2 -h db exec HGET us", Asked((HASH,), b"us", ("-n", "2", "-h", "db"))),
        ("-n $DB HGET us", Asked((HASH,), b"us", ("-n", "3"))),
        ("HGET user:1 na", Asked((Want("field", (b"user:1",)),), b"na", ())),
        ('HGET "user 1" na', Asked((Want("field", (b"user 1",)),), b"na", ())),
        ("-c DEL a b ", Asked((KEY,), b"", ("-c",))),
        ("--eval x.lua a ", Asked((KEY,), b"", ("--eval", "x.lua"))),
        ("lua x.lua a ", Asked((KEY,), b"", ())),
        ("lua --function f ", Asked((KEY,), b"", ())),
        ("lua x.lua a , ", None),
        ("--eval x.lua a , ", None),
        ("HGET $KEY na", None),
        ("-h $NOWHERE GET us", None),
        ("GET us$NOWHERE", None),
        ("SET us v", None),
        ("ACL GETUSER us", Asked((Want("user"),), b"us", ())),
        ("AUTH us", None),
    ],
)
def test_the_names_that_are_worth_a_question(typed: str, asked: Asked | None) -> None:
    assert at(typed).asked == asked
