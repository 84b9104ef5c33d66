"""Command lines that people give redis-cli, given to both: the same bytes, and where they differ, how.

Debian's redis-cli 7.0 is the judge, on a server of its own version in the same state. Exit codes are ours:
redis-cli has 0 for an error of the server, and 1 for everything else.
"""

from __future__ import annotations

import shlex
from typing import NamedTuple

import pytest

from tests.program import Ran, ran, ran_redis_cli, redis_cli_70
from tests.servers import Server

STATE = (
    ("SET", "s", "hello"),
    ("SET", "b", b"a\x00b\xff\n"),
    ("SET", "e", ""),
    ("SET", "n", "41"),
    ("SET", "u", "\u6771\u4eac"),
    ("RPUSH", "l", "a", "b", "c"),
    ("SADD", "one", "m"),
    ("HSET", "h", "f", "v", "g", "w x"),
    ("ZADD", "z", "1.5", "m", "2", "n"),
    ("XADD", "x", "1-1", "f", "v"),
    ("XADD", "x", "2-1", "g", "w"),
)

SAME = """\
PING
ping hello
GET s
GET none
GET b
INCR n
LRANGE l 0 -1
LRANGE none 0 -1
HGETALL h
ZRANGE z 0 -1 WITHSCORES
XRANGE x - +
ECHO --raw
SET k ''
config get maxmemory
BLPOP none 0.01
SELECT 3
MEMORY DOCTOR
EVAL 'return {1,2.9,"x",false,true}' 0
--no-raw GET s
--no-raw GET none
--no-raw GET b
--no-raw GET u
--no-raw XRANGE x - +
--no-raw -3 HGETALL h
--no-raw -3 ZRANGE z 0 -1 WITHSCORES
--no-raw -3 ZSCORE z m
--no-raw EVAL 'return {1,{2,{"x"}},redis.status_reply("fine"),redis.error_reply("ERR bad")}' 0
-3 ZSCORE z m
-2 HGETALL h
--csv LRANGE l 0 -1
--csv GET b
--csv XRANGE x - +
--json GET none
--json HGETALL h
--json ZRANGE z 0 -1 WITHSCORES
--json GET u
--json EVAL 'return {1,{2,{"x"}},false}' 0
--quoted-json GET b
-d , LRANGE l 0 -1
-d '\\t' LRANGE l 0 -1
-d '' LRANGE l 0 -1
-d , -D ; LRANGE l 0 -1
-D ; GET s
-d : -D | XRANGE x - +
-d , -3 HGETALL h
-n 3 DBSIZE
-r 3 INCR n
-r 2 -d , LRANGE l 0 -1
-r 2 -d , -D ; LRANGE l 0 -1
-r 2 --json LRANGE l 0 -1
-r 2 --no-raw LRANGE l 0 -1
-i 0.01 -r 2 PING
--quoted-input SET '"\\x00\\xff"' '"\\n"'
--quoted-input ECHO "'a'"
--quoted-input ECHO 'a"b"'
--user default PING
--verbose PING
--show-pushes y -3 PING
"""
"""Standard input is empty, the exit code 0, and nothing is said on standard error."""


class Fed(NamedTuple):
    """A command line with something on standard input, and our exit code."""

    words: str
    stdin: bytes
    code: int = 0


SAME_FED = (
    Fed("-x SET k", b"a\x00\xff\r\n\n"),
    Fed("-x ECHO", b""),
    Fed("-x -r 2 RPUSH k", b"v\n"),
    Fed("--quoted-input -x ECHO", b'"q"'),
    Fed("-X @ SET k @", b"v"),
    Fed("-X @ RPUSH @ @", b"k"),
    Fed("", b"PING\n\n  GET s\n"),
    Fed("", b'SET "a b" \'c\'\nGET "a b"'),
    Fed("", b"2 INCR n\nquit\nPING\n"),
    Fed("", b"MULTI\nINCR n\nGET s\nEXEC\n"),
    Fed("", b"GET l\nPING\n", 1),
    Fed("", b"# comment\nPING\n", 1),
    Fed("--no-raw", b"GET b\nLRANGE l 0 -1\nGET l\n", 1),
    Fed("--csv", b"LRANGE l 0 -1\nGET s\nGET l\n", 1),
    Fed("--json", b"LRANGE l 0 -1\nGET s\n"),
    Fed("-d , -D ;", b"LRANGE l 0 -1\nGET s\n"),
    Fed("--quoted-input", b'ECHO "a"\n'),
    Fed("-3 --show-pushes yes", b"CLIENT TRACKING ON\nGET s\nSET s v\nPING\n"),
    Fed("-3 --show-pushes yes --no-raw", b"CLIENT TRACKING ON\nGET s\nSET s v\nPING\n"),
    Fed("-3 --show-pushes yes --csv", b"CLIENT TRACKING ON\nGET s\nSET s v\nPING\n"),
)


class Differing(NamedTuple):
    """A command line that each answers in its own way: exit code, standard output, the end of standard error.

    ``why`` ours does not do the same.
    """

    words: str
    theirs: tuple[int, bytes]
    ours: tuple[int, bytes]
    said: str
    why: str
    stdin: bytes = b""


_WRONG = "WRONGTYPE Operation against a key holding the wrong kind of value"
_NO_ANSWER = "an error is no answer: a script that takes it for the value goes on with it"
_NOT_MEANT = "what was typed cannot have been meant, and to guess is to run something else"
_NO_CLAIM = "the command would run where, or as whom, it was not meant to"

DIFFERENT = (
    Differing("GET l", (0, f"{_WRONG}\n\n".encode()), (1, b""), f"(error) {_WRONG}\n", _NO_ANSWER),
    Differing(
        "--csv GET l", (0, f'ERROR,"{_WRONG}"\n'.encode()), (1, b""), f"(error) {_WRONG}\n", _NO_ANSWER
    ),
    Differing(
        "--no-raw GET l", (0, f"(error) {_WRONG}\n".encode()), (1, b""), f"(error) {_WRONG}\n", _NO_ANSWER
    ),
    Differing(
        "-r 2 GET l", (0, f"{_WRONG}\n\n".encode() * 2), (1, b""), f"(error) {_WRONG}\n" * 2, _NO_ANSWER
    ),
    Differing("-e GET l", (1, b""), (1, b""), f"(error) {_WRONG}\n", "the same, in the words of the prompt"),
    Differing("-e -r 2 GET l", (1, b""), (1, b""), f"(error) {_WRONG}\n", "the same"),
    Differing(
        "--json GET b",
        (0, b'"a\\u0000b\xff\\n"\n'),
        (0, b'{"$base64":"YQBi/wo="}\n'),
        "",
        "JSON is UTF-8; no parser takes the other",
    ),
    Differing(
        "--json",
        (0, f'error:"{_WRONG}"\n"hello"\n'.encode()),
        (1, f'{{"error":{{"code":"WRONGTYPE","message":"{_WRONG}"}}}}\n"hello"\n'.encode()),
        f"stdin:1: GET: (error) {_WRONG}\n",
        "JSON always parses",
        b"GET l\nGET s\n",
    ),
    Differing("-n 99 DBSIZE", (0, b"10\n"), (4, b""), "; choose another database with -n\n", _NO_CLAIM),
    Differing(
        "--no-auth-warning -a x PING",
        (0, b"PONG\n"),
        (4, b""),
        "; check --user and the password: --askpass, --pass or REDISCLI_AUTH; "
        "settings show --origin tells which it was\n",
        _NO_CLAIM,
    ),
    Differing(
        "",
        (0, b"ERR DB index is out of range\n\n10\n"),
        (4, b"ERR DB index is out of range\n\n"),
        "stdin:1: SELECT: (error) ERR DB index is out of range; stopped here, no later line was sent\n",
        _NO_CLAIM,
        b"SELECT 99\nDBSIZE\n",
    ),
    Differing(
        "-n x PING", (0, b"PONG\n"), (2, b""), "-n must be a whole number, 0 or more, not 'x'\n", _NOT_MEANT
    ),
    Differing("-r 0 PING", (0, b""), (2, b""), "or -1 for ever, not '0'\n", _NOT_MEANT),
    Differing("-i x PING", (0, b"PONG\n"), (2, b""), ", not 'x'\n", _NOT_MEANT),
    Differing(
        "-r 2",
        (0, b"42\n"),
        (2, b""),
        "a number in front of a line repeats that line\n",
        _NOT_MEANT,
        b"INCR n\n",
    ),
    Differing(
        "-x",
        (0, b"PONG\n"),
        (2, b""),
        "and there is no command; give one behind the flags\n",
        _NOT_MEANT,
        b"PING\n",
    ),
    Differing(
        "--show-pushes maybe PING", (0, b"PONG\n"), (2, b""), "must be yes or no, not 'maybe'\n", _NOT_MEANT
    ),
    Differing(
        "-d , --json GET s", (0, b'"hello"\n'), (2, b""), "leave it out, or choose --raw\n", _NOT_MEANT
    ),
    Differing(
        "",
        (0, b"Invalid argument(s)\nPONG\n"),
        (2, b""),
        "stdin:1:5: unbalanced quotes; stopped before this line\n",
        "what follows relied on the line",
        b"GET 'a\nPING\n",
    ),
    Differing(
        "--quoted-input GET 'a b'",
        (1, b"Invalid quoted string\n"),
        (2, b""),
        "inside the shell's quotes it needs its own: '\"\"'\n",
        "standard output is for replies",
    ),
    Differing(
        "-X @ GET s", (1, b""), (2, b""), "No argument is '@'\n", "2 is the code of what cannot be run"
    ),
    Differing(
        "-x -X @ GET @", (1, b""), (2, b""), "give one of them\n", "2 is the code of what cannot be run"
    ),
    Differing("-2 -3 PING", (1, b""), (2, b""), "give one of them\n", "2 is the code of what cannot be run"),
    Differing(
        "--nosuch PING",
        (1, b""),
        (2, b""),
        "'--nosuch'; did you mean --no-shell? See --help\n",
        "2 is the code of what cannot be run",
    ),
    Differing("-- PING", (1, b""), (0, b"PONG\n"), "", "-- ends the flags, as everywhere"),
    Differing(
        "-u redis://127.0.0.1:1 PING",
        (1, b""),
        (3, b""),
        "cannot connect to 127.0.0.1:1: connection refused; is a server running there?\n",
        "3 tells a server that is not there from one that says no",
    ),
)


@pytest.mark.parametrize("words", SAME.splitlines())
def test_a_command_line_has_the_same_output(redis70: Server, words: str) -> None:
    ours, theirs = by_both(redis70, words)

    assert ours == Ran(0, theirs.stdout, b"")


@pytest.mark.parametrize("line", SAME_FED, ids=lambda line: f"{line.words} <<< {line.stdin!r}")
def test_what_reads_standard_input_has_the_same_output(redis70: Server, line: Fed) -> None:
    ours, theirs = by_both(redis70, line.words, line.stdin)

    assert (ours.code, ours.stdout) == (line.code, theirs.stdout)


@pytest.mark.parametrize("line", DIFFERENT, ids=lambda line: f"{line.words} <<< {line.stdin!r}")
def test_a_difference_is_the_one_that_is_listed(redis70: Server, line: Differing) -> None:
    ours, theirs = by_both(redis70, line.words, line.stdin)

    assert (theirs.code, theirs.stdout) == line.theirs
    assert (ours.code, ours.stdout) == line.ours
    assert ours.said[len(ours.said) - len(line.said) :] == line.said
    assert line.said or not ours.said
    assert line.why


def by_both(server: Server, words: str, stdin: bytes = b"") -> tuple[Ran, Ran]:
    """Return what the program and redis-cli make of a command line, each from the same state."""
    redis_cli = redis_cli_70()
    args: list[str | Server] = [*shlex.split(words)]
    if "-u" not in args:
        args.insert(0, server)
    fill(server)
    theirs = ran_redis_cli(*args, stdin=stdin, binary=redis_cli)
    fill(server)
    return ran(*args, stdin=stdin), theirs


def fill(server: Server) -> None:
    server.command("FLUSHALL")
    for command in STATE:
        server.command(*command)
