"""Replies of real servers, recorded: ``python -m tests.render.views.recorded NAME PORT COMMAND [ARG ...]``.

It asks the server at that port of the loopback in RESP2 and in RESP3 and writes ``replies/NAME.2.resp`` and
``NAME.3.resp``: the command, and when it was asked, as JSON in the first line, then what came.
``python -m tests.render.views.recorded`` alone writes what all of them look like now into ``snapshots/``; read the
difference before you keep it.
"""

from __future__ import annotations

import json
import re
import socket
import sys
import time
from pathlib import Path
from typing import NamedTuple

from pyredis.commands.spec import Spec, Table
from pyredis.resp.decode import INCOMPLETE, TypedDecoder
from pyredis.resp.encode import encode
from pyredis.types import Reply
from pyredis_cli.render.look import Look, Measure
from pyredis_cli.render.present import present

HERE = Path(__file__).parent
WIDTHS = (60, 100, 160)
# When the replies were recorded that do not say it, about.
NOW = 1_795_720_000.0
# Where things are on the machine that records is nobody's business.
_PRIVATE = re.compile(rb"/(?:tmp|home|root|work|var)/[^\s,\"']*")


class Recorded(NamedTuple):
    argv: tuple[bytes, ...]
    wire: bytes
    now: float = NOW

    @property
    def spec(self) -> Spec | None:
        # Of some modules nothing is known before a server tells the names of its commands.
        return Table().find(self.argv) or Spec(self.argv[0].decode().upper())

    @property
    def reply(self) -> Reply:
        [reply] = TypedDecoder().take(self.wire)
        return reply


def recorded() -> dict[str, Recorded]:
    """Return all that is recorded, by name."""
    return {path.name.removesuffix(".resp"): _read(path) for path in sorted(HERE.glob("replies/*.resp"))}


def _read(path: Path) -> Recorded:
    command, _, wire = path.read_bytes().partition(b"\n")
    asked = json.loads(command)
    argv, now = (asked["argv"], asked["now"]) if isinstance(asked, dict) else (asked, NOW)
    return Recorded(tuple(word.encode("latin-1") for word in argv), wire, now)


def shown(one: Recorded, width: int, reply: object = ...) -> str:
    """Return what a person sees of a reply, all of it, without colours."""
    look = Look(width, measure=Measure(elements=None, characters=10**9), now=one.now)
    found = one.reply if reply is ... else reply
    parts = present(one.argv, one.spec, found, look).parts  # type: ignore[arg-type]
    return b"".join(part for part, _ in parts).decode()


def snapshot(name: str, width: int) -> Path:
    return HERE / "snapshots" / f"{name}.{width}.txt"


def record(name: str, port: int, words: list[str]) -> None:
    """Write the replies of the server to a command."""
    for protocol in (2, 3):
        wire = answer(port, protocol, [word.encode() for word in words])
        path = HERE / "replies" / f"{name}.{protocol}.resp"
        asked = json.dumps({"argv": words, "now": int(time.time())})
        path.write_bytes(asked.encode() + b"\n" + _PRIVATE.sub(_hidden, wire))


def _hidden(path: re.Match[bytes]) -> bytes:
    """Return another path that is as long."""
    return b"/opt/redis/".ljust(len(path[0]), b"x")[: len(path[0])]


def answer(port: int, protocol: int, argv: list[bytes]) -> bytes:
    """Return what the server at that port of the loopback sends for a command."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        if protocol == 3:
            _ask(connection, [b"HELLO", b"3"])
        return _ask(connection, argv)


def _ask(connection: socket.socket, argv: list[bytes]) -> bytes:
    connection.sendall(encode(argv))
    decoder = TypedDecoder()
    wire = b""
    while True:
        wire += (chunk := connection.recv(1 << 16))
        decoder.feed(chunk)
        if decoder.next() is not INCOMPLETE:
            return wire


def write_snapshots() -> None:
    for name, one in recorded().items():
        for width in WIDTHS:
            snapshot(name, width).write_text(shown(one, width), "utf-8", newline="")


if __name__ == "__main__":
    if sys.argv[1:]:
        record(sys.argv[1], int(sys.argv[2]), sys.argv[3:])
    else:
        write_snapshots()
