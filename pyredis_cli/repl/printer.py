"""Everything the REPL prints: replies in the format asked for, errors, notices, its own words.

It knows the terminal's colours and that a prompt may be on the screen: what is printed then appears above it
and leaves the typed line whole. It decides nothing about commands.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from prompt_toolkit.application import in_terminal
from prompt_toolkit.utils import is_dumb_terminal

from pyredis.exceptions import ReplyError
from pyredis_cli.exits import explain
from pyredis_cli.render.classic import classic
from pyredis_cli.render.escape import printable
from pyredis_cli.render.machine import json_text, raw

if TYPE_CHECKING:
    from pyredis.address import Address
    from pyredis.exceptions import PyRedisError
    from pyredis.types import Reply
    from pyredis_cli.core.outcome import Outcome
    from pyredis_cli.settings import Settings
    from pyredis_cli.streams import Streams

__all__ = ["Printer"]

# A reply is written in pieces, so that Ctrl-C ends a long one.
_PIECE = 64 * 1024
# redis-cli's: a command that took longer shows its time.
_SLOW = 0.5

_RED = "31"
_YELLOW = "33"
_DIM = "2"
_RESET = b"\x1b[0m"


class Printer:
    """Prints on one terminal, by one set of settings."""

    def __init__(self, settings: Settings, streams: Streams) -> None:
        self._settings = settings
        self._streams = streams
        self._turn = asyncio.Lock()

    async def outcome(self, outcome: Outcome, address: Address) -> None:
        """Print what became of a command: what must be told first, then its reply or error, then its time."""
        for notice in outcome.notices:
            await self.warn(notice)
        if isinstance(outcome.error, ReplyError) and outcome.answered:
            await self.reply(outcome.error)
        elif outcome.error is not None:
            await self.error(outcome.error, address, at_connect=outcome.at_connect)
        elif not outcome.silent:
            await self.reply(outcome.reply, text=outcome.is_text)
        if outcome.seconds >= _SLOW:
            await self._line(f"({outcome.seconds:.2f}s)", _DIM)

    async def reply(self, reply: Reply, *, text: bool = False) -> None:
        """Print a reply, an error reply or a message that came by itself; ``text`` is for text to be read."""
        await self._write(self._formatted(reply, text))

    async def error(self, error: PyRedisError, address: Address, *, at_connect: bool = False) -> None:
        """Print why there is no reply, or why the session is not connected."""
        await self.refuse(explain(error, address, at_connect=at_connect))

    async def refuse(self, line: str) -> None:
        """Print why something typed is not done."""
        await self._line(line, _RED)

    async def warn(self, line: str) -> None:
        """Print what the person should know, apart from any reply."""
        await self._line(line, _YELLOW)

    async def tell(self, *lines: str) -> None:
        """Print lines of our own."""
        for line in lines:
            await self._line(line)

    async def clear(self) -> None:
        """Clear the screen and begin at its top; a dumb terminal has none."""
        if not is_dumb_terminal():
            await self._write(b"\x1b[2J\x1b[H")

    def _formatted(self, reply: Reply, text: bool) -> bytes:
        match self._settings.output:
            case "raw":
                return raw(reply, text=text)
            case "redis":
                return classic(reply, text=text, terminal=True)
            case "json":
                return json_text(reply)
        # rich costs as much as half the way to the first prompt, so the first reply loads it.
        from pyredis_cli.render.human import renderable, to_ansi

        shown = renderable(reply, encoding=self._settings.encoding, text=text)
        return to_ansi(shown, color=self._streams.color).encode("utf-8", "replace")

    async def _line(self, line: str, color: str = "") -> None:
        text = printable(line).encode("utf-8", "replace")
        painted = b"\x1b[%bm%b%b" % (color.encode(), text, _RESET) if color and self._streams.color else text
        await self._write(painted + b"\n")

    async def _write(self, text: bytes) -> None:
        async with self._turn, in_terminal():
            try:
                for start in range(0, len(text), _PIECE):
                    self._streams.write(text[start : start + _PIECE])
                    await asyncio.sleep(0)
            except asyncio.CancelledError:
                self._streams.write((_RESET if self._streams.color else b"") + b"\n")
                raise
