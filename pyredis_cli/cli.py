"""What the arguments ask for: a tool, a command, the REPL, or a text about the program.

It knows no command and no reply: a tool or the REPL does the work.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from pyredis.address import UnixAddress
from pyredis.exceptions import PyRedisError
from pyredis.records import replace
from pyredis_cli import __version__
from pyredis_cli.argv import refuse_without_command
from pyredis_cli.exits import Exit
from pyredis_cli.flags import UsageError
from pyredis_cli.given import Given
from pyredis_cli.modes import tool_of
from pyredis_cli.parsing import help_text, parse, tool_help
from pyredis_cli.registry import META, TOOLS, Tool, load_mode, load_repl, load_tool, load_unsettled
from pyredis_cli.settings import Settings, colored, names_server, settle
from pyredis_cli.streams import Streams

__all__ = ["run"]


def run(args: Sequence[str], environ: Mapping[str, str], streams: Streams) -> int:
    """Do what the arguments ask for; return the exit code.

    Raises UsageError, PyRedisURLError and what `Streams.write` raises.
    """
    given = parse(args)
    if given.version:
        return _version(given, environ, streams)
    if text := _shown(given, streams):
        streams.write(text.encode())
        return Exit.OK
    if given.words and given.words[0] in TOOLS and not TOOLS[given.words[0]].settled:
        return load_unsettled(given.words[0])(given, environ, streams, given.words[1:])
    work = _work(given, streams)
    settings = _settled(given, environ, streams)
    return _start(work, given, settings, colored(settings, streams))


def _settled(given: Given, environ: Mapping[str, str], streams: Streams) -> Settings:
    """Return the settings, with the password of a key that needs one."""
    if given.words:
        from pyredis_cli.core.concealing import conceal_typed

        conceal_typed(given.words[1:] if given.words[0] in TOOLS else given.words)
    settings = settle(given, environ, streams)
    if settings.tls is not None:
        from pyredis_cli.core.certificates import opened

        settings = opened(settings, streams)
    return settings


def _shown(given: Given, streams: Streams) -> str:
    """Return the text that is asked for in the place of work, empty when there is work to do."""
    if given.help:
        return help_text([(name, row.summary) for name, row in TOOLS.items()], streams.columns)
    if given.words[1:2] == ("--help",) and given.words[0] in TOOLS:  # no command begins with a dash
        return tool_help(given.words[0], streams.columns)
    return ""


def _version(given: Given, environ: Mapping[str, str], streams: Streams) -> int:
    """Print the version, and that of a server that is named; when there is none to be had, that is only told."""
    streams.write(f"pyredis-cli {__version__}\n".encode())
    if names_server(given, environ):
        try:
            return load_mode("version")(_settled(given, environ, streams), streams, ())
        except (UsageError, PyRedisError) as error:
            streams.say(str(error))
    return Exit.OK


_Work: TypeAlias = "Callable[[], Callable[[Settings, Streams], int]]"
"""Loads what there is to do."""


def _start(work: _Work, given: Given, settings: Settings, streams: Streams) -> int:
    if given.embedded is None:
        return _do(work(), settings, streams)
    return _embedded(work, given.embedded, settings, streams)


def _work(given: Given, streams: Streams) -> _Work:
    """Return what there is to do: a tool, a command, or the REPL when there is none and a person is here."""
    if chosen := tool_of(given):
        name, rest = chosen
        return lambda: _bound(load_mode(name), rest)
    words = given.words
    if words and words[0].startswith(":") and words[0] not in TOOLS and words[0].lower() in META:
        raise UsageError(_of_the_repl(words[0].lower()))
    if not words and streams.interactive:
        refuse_without_command(given)
        return load_repl
    name, rest = (words[0], words[1:]) if words and words[0] in TOOLS else ("exec", words)
    return lambda: _bound(load_tool(name), rest)


def _of_the_repl(word: str) -> str:
    """Return what to type in a shell in the place of a word of the REPL."""
    tool = word if word in TOOLS else word.removeprefix(":")
    where = f"pyredis-cli {tool} is the same here" if tool in TOOLS else "pyredis-cli alone begins one"
    return f"{word} is a word of the REPL; {where}"


def _bound(tool: Tool, words: Sequence[str]) -> Callable[[Settings, Streams], int]:
    return lambda settings, streams: tool(settings, streams, words)


def _do(work: Callable[[Settings, Streams], int], settings: Settings, streams: Streams) -> int:
    """Do the work; from now on there may be garbage, but not among what is loaded."""
    gc.freeze()
    gc.enable()
    return work(settings, streams)


def _embedded(work: _Work, folder: str, settings: Settings, streams: Streams) -> int:
    """Do the work on a private server that ends with it."""
    from os.path import expanduser
    from pathlib import Path

    from pyredis_cli.embedded import EmbeddedError, EmbeddedServer

    try:
        with EmbeddedServer.launch(Path(expanduser(folder)) if folder else None) as server:
            loaded = work()  # while the server starts
            server.until_ready()
            return _do(loaded, replace(settings, address=UnixAddress(server.path)), streams)
    except EmbeddedError as error:
        streams.say(str(error))
        return Exit.CONNECTION
