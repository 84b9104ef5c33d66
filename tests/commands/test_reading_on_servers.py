"""Real servers judge the facts: what a read-only connection sends leaves everything as it was."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from itertools import cycle
from typing import Any

import hiredis
import pytest

from pyredis.commands.reading import reading
from pyredis.commands.spec import TABLE, Spec
from pyredis.exceptions import ReadOnlyRefused
from pyredis.resp.encode import pack
from tests.commands.lines import are_told, lines
from tests.servers import Server

_LINES = 8
_AT_ONCE = 10
_PATIENCE = 0.2
_OF_TYPES = (
    ("SET", "string", "value"),
    ("SET", "number", "7"),
    ("RPUSH", "list", "3", "1", "2"),
    ("SADD", "set", "a", "b"),
    ("HSET", "hash", "f", "1", "g", "2"),
    ("ZADD", "zset", "1", "a", "2", "b"),
    ("GEOADD", "geo", "13.361389", "38.115556", "Palermo"),
    ("XADD", "stream", "1-1", "f", "v"),
    ("PFADD", "hll", "a", "b"),
    ("PFCOUNT", "hll"),  # which keeps what it has counted
)
_OF_MODULES = (
    ("JSON.SET", "json", "$", '{"a": [1, 2]}'),
    ("BF.ADD", "bloom", "a"),
    ("CF.ADD", "cuckoo", "a"),
    ("CMS.INITBYDIM", "cms", "10", "2"),
    ("TOPK.RESERVE", "topk", "3"),
    ("TDIGEST.CREATE", "tdigest"),
    ("FT.CREATE", "index", "ON", "HASH", "SCHEMA", "f", "TEXT"),
    ("FT.DICTADD", "dict", "word"),
    ("FT.SUGADD", "suggestions", "word", "1"),
)
_BY_HAND = {
    "DEBUG": (
        "OBJECT list",
        "DIGEST",
        "DIGEST-VALUE list",
        "HTSTATS 0",
        "HTSTATS-KEY hash",
        "SDSLEN string",
        "HELP",
    ),
    "ACL LOG": ("", "1"),
    "EVAL": ("return 1 0", "redis.call('SET','string','other') 0"),
    "SORT": ("list STORE copy", "list"),
    "BITFIELD": ("number SET u8 0 1", "number GET u8 0"),
    "GEORADIUS": ("geo 13 38 900 km STORE copy", "geo 13 38 900 km"),
}
"""Lines where the facts tell no arguments, and those that are known to be worth it."""

_SHA = "4ca238f611c9d0ae4e9a75a5dbac22aedc1e44b5"


def _spoken(line: str) -> list[bytes]:
    """Return the words of a line; a script, which has blanks, is told by its quotes or its return."""
    if "redis.call" in line or line.startswith("return"):
        script, _, count = line.rpartition(" ")
        return [script.encode(), count.encode()]
    return line.encode().split()


def _argvs(spec: Spec, keys: Iterator[bytes]) -> Iterator[list[bytes]]:
    name = spec.name.encode().split()
    drawn = lines(spec, _LINES) if are_told(spec) else []
    for line in drawn:
        yield [*name, *(next(keys) if one.kind == "key" else one.word for one in line)]
    for said in _BY_HAND.get(spec.name, ()):
        yield [*name, *_spoken(said)]


def _readings(spec: Spec, keys: Iterator[bytes]) -> Iterator[tuple[bytes, ...]]:
    for argv in _argvs(spec, keys):
        with suppress(ReadOnlyRefused):
            sent = tuple(reading(argv))
            blocks = spec.blocks_for(argv)
            if blocks is None or 0 < blocks < _PATIENCE:
                yield sent


@pytest.fixture
def filled(request: pytest.FixtureRequest) -> Server:
    """A server with keys of every type, scripts, functions, users, settings and another client."""
    server: Server = request.getfixturevalue(request.param)
    for argv in (*_OF_TYPES, *(_OF_MODULES if request.param == "modules82" else ())):
        server.command(*argv)
    server.command("ACL", "SETUSER", "ada", "on", ">pw", "~*", "+get")
    server.command("CONFIG", "SET", "slowlog-log-slower-than", "0")
    server.command("PING")
    server.command("CONFIG", "SET", "slowlog-log-slower-than", "-1")
    server.command(
        "FUNCTION", "LOAD", "#!lua name=lib\nredis.register_function('f', function() return 1 end)"
    )
    return server


def _state(server: Server) -> dict[str, Any]:
    """Return all that the server could lose, as far as it tells."""
    asked = {
        "keys": ("DEBUG", "DIGEST"),
        "users": ("ACL", "LIST"),
        "functions": ("FUNCTION", "DUMP"),
        "modules": ("MODULE", "LIST"),
        "script": ("SCRIPT", "EXISTS", _SHA),
        "channels": ("PUBSUB", "NUMSUB", "news"),
        "slow log": ("SLOWLOG", "LEN"),
    }
    told: dict[str, Any] = {what: server.command(*argv) for what, argv in asked.items()}
    role = {
        name: value for name, value in server.info("replication").items() if name in ("role", "master_host")
    }
    return {
        **told,
        "settings": server.settings(),
        "role": role,
        "blocked": server.blocked(),
        "keyspace": server.info("keyspace"),
        "saved": server.info("persistence")["rdb_changes_since_last_save"],
    }


class _Caller:
    """Sends what a read-only connection would: on one socket, or on one each what changes a connection's state."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._stack = ExitStack()
        self._sock, self._reader = self._opened()

    def _opened(self) -> tuple[socket.socket, hiredis.Reader]:
        sock = self._stack.enter_context(socket.socket(socket.AF_UNIX))
        sock.connect(self._server.unix_path)
        sock.settimeout(10)
        return sock, hiredis.Reader()

    def send(self, argvs: list[tuple[bytes, ...]], *, alone: bool) -> int:
        """Return how many commands were answered."""
        if alone:
            for argv in argvs:
                sock, _ = self._opened()
                sock.sendall(pack(argv))
                sock.shutdown(socket.SHUT_WR)
                while sock.recv(1 << 16):
                    pass
            return len(argvs)
        self._sock.sendall(b"".join(map(pack, argvs)))
        return self._heard(self._sock, self._reader, len(argvs))

    def _heard(self, sock: socket.socket, reader: hiredis.Reader, count: int) -> int:
        heard = 0
        while heard < count:
            chunk = sock.recv(1 << 16)
            if not chunk:
                break
            reader.feed(chunk)
            while reader.gets() is not False:
                heard += 1
        return heard

    def close(self) -> None:
        self._stack.close()


@pytest.mark.parametrize("filled", ["redis82", "valkey9", "modules82"], indirect=True)
def test_what_a_read_only_connection_sends_leaves_a_server_as_it_was(filled: Server) -> None:
    keys = cycle([argv[1].encode() for argv in (*_OF_TYPES, *_OF_MODULES)])
    with ExitStack() as stack:
        bystander = stack.enter_context(socket.socket(socket.AF_UNIX))
        bystander.connect(filled.unix_path)
        bystander.sendall(pack([b"CLIENT", b"SETNAME", b"bystander"]) + pack([b"BLPOP", b"never", b"0"]))
        listener = stack.enter_context(socket.socket(socket.AF_UNIX))
        listener.connect(filled.unix_path)
        listener.sendall(pack([b"SUBSCRIBE", b"news"]))
        assert listener.recv(100)
        while filled.blocked() != 1:
            pass
        before = _state(filled)
        caller = _Caller(filled)
        stack.callback(caller.close)
        asked, since = 0, []
        for spec in TABLE.specs():
            argvs = list(_readings(spec, keys))
            if argvs and spec.effect != "replication":
                asked += caller.send(argvs, alone=spec.effect is not None)
                since.append(spec.name)
            if len(since) == _AT_ONCE:
                assert _state(filled) == before, since
                since = []
        assert _state(filled) == before, since
        assert asked > 1000
