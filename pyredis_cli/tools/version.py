"""``--version`` where a server is named: what that server is."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from pyredis_cli.core.asking import ask
from pyredis_cli.exits import Exit
from pyredis_cli.printing import fail
from pyredis_cli.settings import Settings
from pyredis_cli.streams import Streams

__all__ = ["run"]


def run(settings: Settings, streams: Streams, words: Sequence[str]) -> int:
    """Print the product and the version of the server; that there is none to be had is only told."""
    outcome, address = asyncio.run(ask(settings, b"INFO", b"server"))
    if outcome.error is not None:
        fail(streams, outcome.error, address, "version of the server: ", at_connect=outcome.at_connect)
    elif isinstance(outcome.reply, bytes):
        product = _product(outcome.reply)
        streams.write(streams.printable(f"{product} at {address}").encode("utf-8", "replace") + b"\n")
    return Exit.OK


def _product(info: bytes) -> str:
    """Return the product and its version, as the server tells them."""
    lines = (line.partition(":") for line in info.decode("utf-8", "replace").splitlines())
    told = {name: value for name, _, value in lines}
    # Others tell the Redis version that they are compatible with, and their own by their name.
    name = told.get("server_name", "redis")
    version = told.get(f"{name}_version") or told.get("redis_version") or "of unknown version"
    mode = told.get("server_mode") or told.get("redis_mode") or "standalone"
    return f"{name.capitalize()} {version}" + ("" if mode == "standalone" else f", {mode}")
