"""Everything the REPL prints: replies in the format asked for, errors, notices, its own words.

It knows the terminal's colours and that a prompt may be on the screen: what is printed then appears above it
and leaves the typed line whole. It decides nothing about commands.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from prompt_toolkit.application import in_terminal

from pyredis.exceptions import ReplyError
from pyredis.types import Status
from pyredis_cli.core.secrets import hidden
from pyredis_cli.exits import explain
from pyredis_cli.render.classic import classic
from pyredis_cli.render.escape import printable
from pyredis_cli.render.live import LiveRole, Pieces, message, monitored
from pyredis_cli.render.machine import json_text, raw
from pyredis_cli.repl.feed import Item, Notice, Seen, Unasked
from pyredis_cli.repl.spinner import Spinner

if TYPE_CHECKING:
    from pyredis.address import Address
    from pyredis.commands.spec import Table
    from pyredis.exceptions import PyRedisError
    from pyredis.types import Reply
    from pyredis_cli.core.outcome import Outcome
    from pyredis_cli.repl.monitoring import MonitorLine
    from pyredis_cli.repl.preferences import Preferences
    from pyredis_cli.settings import Settings
    from pyredis_cli.streams import Streams

__all__ = ["Printer"]

# A reply is written in pieces, so that Ctrl-C ends a long one.
_PIECE = 64 * 1024

_RED = "31"
_YELLOW = "33"
_DIM = "2"
_RESET = b"\x1b[0m"
_LIVE: Final[Mapping[LiveRole, str]] = {
    "time": "2",
    "source": "2",
    "kind": "2",
    "name": "36",
    "value": "32",
    "write": "33",
    "read": "32",
    "admin": "35",
    "plain": "",
}


class Printer:
    """Prints on one terminal, by one set of settings."""

    def __init__(self, settings: Settings, streams: Streams, preferences: Callable[[], Preferences]) -> None:
        self._settings = settings
        self._streams = streams
        self._preferences = preferences
        self._turn = asyncio.Lock()
        self._spinner = Spinner(streams)

    @property
    def waiting(self) -> Spinner:
        """What shows, while it is entered, that a command runs."""
        return self._spinner

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
        timing = self._preferences().timing
        if timing is not None and outcome.seconds * 1000 >= timing:
            await self._line(f"({_seconds(outcome.seconds)}s)", _DIM)

    async def reply(self, reply: Reply, *, text: bool = False) -> None:
        """Print a reply, an error reply or a message that came by itself; ``text`` is for text to be read."""
        await self._write(self._formatted(reply, text))

    async def unasked(self, batch: Sequence[Item], table: Table) -> None:
        """Print what came by itself, and notices, in one go; ``table`` knows the commands of the server."""
        written: list[bytes] = []
        for item in batch:
            match item:
                case Notice(text):
                    written.append(self._painted(text, _YELLOW))
                case Unasked(at, reply):
                    written.append(self._live(reply, at))
                case Seen(line, text):
                    written.append(self._seen(line, text, table))
        await self._write(b"".join(written))

    def _live(self, reply: Reply, at: float) -> bytes:
        human = self._settings.output in (None, "human")
        line = message(reply, at, self._settings.encoding) if human else None
        return self._formatted(reply, False) if line is None else self._pieces(line)

    def _seen(self, line: MonitorLine, text: bytes, table: Table) -> bytes:
        if self._settings.output not in (None, "human") or not line.argv:
            return self._formatted(Status(text), False)
        spec = table.find(line.argv)
        role: LiveRole = (
            "plain" if spec is None else "write" if spec.write else "read" if spec.readonly else "admin"
        )
        source = f"{line.database} {line.client}"
        return self._pieces(
            monitored(
                line.time,
                source,
                line.argv,
                role=role,
                hidden=hidden(line.argv, table),
                encoding=self._settings.encoding,
            )
        )

    def _pieces(self, line: Pieces) -> bytes:
        if not self._streams.color:
            return "".join(text for _, text in line).encode("utf-8", "replace") + b"\n"
        painted = (f"\x1b[{_LIVE[role]}m{text}\x1b[0m" if _LIVE[role] else text for role, text in line)
        return "".join(painted).encode("utf-8", "replace") + b"\n"

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
        """Clear the screen and begin at its top."""
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
        await self._write(self._painted(line, color))

    def _painted(self, line: str, color: str) -> bytes:
        text = printable(line).encode("utf-8", "replace")
        painted = b"\x1b[%bm%b%b" % (color.encode(), text, _RESET) if color and self._streams.color else text
        return painted + b"\n"

    async def _write(self, text: bytes) -> None:
        async with self._turn, in_terminal():
            self._spinner.wipe()
            try:
                for start in range(0, len(text), _PIECE):
                    self._streams.write(text[start : start + _PIECE])
                    await asyncio.sleep(0)
            except asyncio.CancelledError:
                self._streams.write((_RESET if self._streams.color else b"") + b"\n")
                raise


def _seconds(seconds: float) -> str:
    return f"{seconds:.2f}" if seconds >= 0.01 else f"{seconds:.4f}"
