"""``lua``: a script from a file, or a function of the server, run with keys and arguments.

It knows redis-cli's comma between keys and arguments, that a server is told a script by its SHA1 first, and where
in the file an error is. Its reply is written as that of any command.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from pyredis.exceptions import NoScript, ReplyError
from pyredis.records import replace
from pyredis_cli.argv import argv_of, whole
from pyredis_cli.core import connect
from pyredis_cli.core.outcome import Outcome
from pyredis_cli.core.session import Session
from pyredis_cli.exits import Exit
from pyredis_cli.flags import UsageError
from pyredis_cli.parsing import ToolArguments, parse_tool
from pyredis_cli.printing import ReplyWriter, fail, protocol_for
from pyredis_cli.settings import Settings
from pyredis_cli.streams import Streams

__all__ = ["run"]

_LINE: Final = re.compile(r"user_script:(\d+)")
_STDIN: Final = "-"
_UNKNOWN_SCRIPT: Final = "NOSCRIPT No matching script"
_UNKNOWN_COMMAND: Final = re.compile(r"^ERR unknown command ['`](\w+)")
_SINCE_7: Final = frozenset({"FCALL", "FCALL_RO", "EVALSHA_RO"})


def run(settings: Settings, streams: Streams, words: Sequence[str]) -> int:
    """Run the script or the function as often as was asked for; return the exit code."""
    call = _call(settings, streams, parse_tool("lua", words))
    settings = replace(settings, protocol=protocol_for(settings, streams))
    return asyncio.run(_Run(settings, streams, call).run())


class _Call(NamedTuple):
    """What is to be run: ``name`` is that of the function, or of the file for its ``source``."""

    name: str
    source: bytes | None
    words: tuple[bytes, ...]
    read_only: bool

    @property
    def suffix(self) -> bytes:
        return b"_RO" if self.read_only else b""

    def first(self) -> tuple[bytes, ...]:
        """Return what the server is sent first."""
        if self.source is None:
            return (b"FCALL" + self.suffix, os.fsencode(self.name), *self.words)
        import hashlib

        sha = hashlib.sha1(self.source, usedforsecurity=False).hexdigest().encode()
        return (b"EVALSHA" + self.suffix, sha, *self.words)

    def in_full(self) -> tuple[bytes, ...]:
        """Return what a server is sent that does not know the script."""
        assert self.source is not None
        return (b"EVAL" + self.suffix, self.source, *self.words)


def _call(settings: Settings, streams: Streams, arguments: ToolArguments) -> _Call:
    """Return what the words ask for; UsageError when a file is missing."""
    name, words, source = arguments.get("function"), arguments.words, None
    if name is None:
        if not words:
            raise UsageError("lua needs the FILE of a script, - for standard input, or --function NAME")
        name, words = words[0], words[1:]
        if name == _STDIN and (settings.telling.last_from_stdin or settings.telling.tag is not None):
            raise UsageError("standard input is the script; leave out -x and -X, or name a file")
        source = _source(name, streams)
    argv = argv_of(words, settings.telling, settings.encoding, streams.stdin)
    comma = words.index(",") if "," in words else len(argv)
    if mistaken := _mistaken(words, comma):
        streams.say(f"{mistaken!r} is one word; only a comma between blanks divides keys and arguments")
    keys, args = argv[:comma], argv[comma + 1 :]
    return _Call(
        name,
        source,
        (b"%d" % len(keys), *keys, *args),
        settings.read_only or bool(arguments.get("read_only")),
    )


def _mistaken(words: Sequence[str], comma: int) -> str | None:
    """Return the word whose comma was probably meant to divide, None when there is none."""
    if comma < len(words):
        return next((word for word in words[:comma] if word[:1] == "," or word[-1:] == ","), None)
    return next((word for word in words if "," in word), None)


def _source(name: str, streams: Streams) -> bytes:
    if name == _STDIN:
        return whole(streams.stdin)
    try:
        with open(name, "rb") as file:
            return file.read()
    except OSError as error:
        raise UsageError(f"cannot read the script {name}: {error.strerror}") from None


class _Run:
    """One session on which the script is run."""

    def __init__(self, settings: Settings, streams: Streams, call: _Call) -> None:
        self._settings = settings
        self._streams = streams
        self._call = call
        self._session = connect.session(settings)
        self._writer = ReplyWriter(
            settings, streams, lambda: self._session.protocol, pages=settings.telling.times == 1
        )

    async def run(self) -> Exit:
        """Return the exit code of the first error."""
        code = Exit.OK
        try:
            for pause in self._settings.telling.pauses():
                if pause:
                    await asyncio.sleep(pause)
                outcome = await self._outcome(self._session)
                failure = self._told(outcome)
                code = code or failure
                if failure and (not outcome.answered or self._settings.stop_on_error):
                    break
        finally:
            await self._session.close()
        return code

    async def _outcome(self, session: Session) -> Outcome:
        outcome = await self._once(session, self._call.first())
        unknown = isinstance(outcome.error, NoScript) and outcome.error.message.startswith(_UNKNOWN_SCRIPT)
        if unknown and self._call.source is not None:
            outcome = await self._once(session, self._call.in_full())
        return outcome

    async def _once(self, session: Session, argv: tuple[bytes, ...]) -> Outcome:
        outcome = await session.run(argv)
        for notice in outcome.notices:
            self._streams.say(notice)
        return outcome

    def _told(self, outcome: Outcome) -> Exit:
        """Write the reply, or say in one line what is wrong and where in the file; return the exit code."""
        error = outcome.error
        if error is None:
            self._writer.show(outcome)
            return Exit.OK
        where = ""
        if isinstance(error, ReplyError) and not outcome.at_connect:
            where = f"{self._place(error)}: "
            if (unknown := _UNKNOWN_COMMAND.search(error.message)) and unknown[1] in _SINCE_7:
                what = "functions" if self._call.source is None else "scripts that are read-only"
                self._streams.say(f"{where}{self._session.address} knows no {what}; Redis 7.0 is the first")
                return Exit.REPLY
        return fail(self._streams, error, self._session.address, where, at_connect=outcome.at_connect)

    def _place(self, error: ReplyError) -> str:
        name = "stdin" if self._call.name == _STDIN else self._call.name
        line = _LINE.search(error.message) if self._call.source is not None else None
        return f"{name}:{line[1]}" if line else name
