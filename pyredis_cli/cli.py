"""The program from its arguments to its exit code: what is started, and what ends it.

The only place that catches everything. It knows no command and no reply: a tool or the REPL does the work.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import FrameType

from pyredis.address import UnixAddress
from pyredis.exceptions import PyRedisError
from pyredis_cli import __version__
from pyredis_cli.exits import Exit, exit_for
from pyredis_cli.flags import Given, UsageError, help_text, parse
from pyredis_cli.registry import TOOLS, load_repl, load_tool
from pyredis_cli.settings import Settings, settle
from pyredis_cli.streams import OutputError, Streams

__all__ = ["main", "run"]

_DEBUG = "PYREDISCLI_DEBUG"
_ENDINGS = {
    signal.SIGINT: Exit.INTERRUPT,
    signal.SIGTERM: Exit.TERMINATED,
    signal.SIGHUP: Exit.HANGUP,
}


def main() -> int:
    """Run the program with the arguments and streams of this process; return its exit code."""
    streams = Streams.of_process(printable=_printable)
    _end_in_order()
    try:
        return run(sys.argv[1:], os.environ, streams)
    except KeyboardInterrupt:
        return Exit.INTERRUPT
    except BrokenPipeError:
        _let_go_of_stdout()
        return Exit.BROKEN_PIPE
    except OutputError as error:
        streams.say(str(error))
        return Exit.PARTIAL
    except Exception as error:
        if os.environ.get(_DEBUG):
            raise
        streams.say(f"internal error: {type(error).__name__}: {error}; {_DEBUG}=1 shows where")
        return Exit.INTERNAL
    finally:
        # The interpreter's last collections would look at every object once more: an eighth of a one-shot's time.
        gc.freeze()


def run(args: Sequence[str], environ: Mapping[str, str], streams: Streams) -> int:
    """Do what the arguments ask for; return the exit code."""
    try:
        given = parse(args)
        if given.help or given.version:
            streams.write((_help(streams) if given.help else f"pyredis-cli {__version__}\n").encode())
            return Exit.OK
        streams = _colored(given, streams)
        return _start(given, settle(given, environ, streams), streams)
    except UsageError as error:
        streams.say(str(error))
        return Exit.USAGE
    except PyRedisError as error:
        streams.say(str(error))
        return exit_for(error)


def _colored(given: Given, streams: Streams) -> Streams:
    if given.color in (None, "auto"):
        return streams
    return replace(streams, color=given.color == "always")


def _start(given: Given, settings: Settings, streams: Streams) -> int:
    if given.embedded is None:
        return _do(_work(given.words, streams), settings, streams)
    return _embedded(given.embedded, given.words, settings, streams)


def _work(words: Sequence[str], streams: Streams) -> Callable[[Settings, Streams], int]:
    """Return what there is to do: a tool, a command, or the REPL when there is none and a person is here."""
    if not words and streams.interactive:
        return load_repl()
    name, rest = (words[0], words[1:]) if words and words[0] in TOOLS else ("exec", words)
    tool = load_tool(name)
    return lambda settings, streams: tool(settings, streams, rest)


def _do(work: Callable[[Settings, Streams], int], settings: Settings, streams: Streams) -> int:
    """Do the work; from now on there may be garbage, but not among what is loaded."""
    gc.freeze()
    gc.enable()
    return work(settings, streams)


def _embedded(folder: str, words: Sequence[str], settings: Settings, streams: Streams) -> int:
    """Do the work on a private server that ends with it."""
    from os.path import expanduser
    from pathlib import Path

    from pyredis_cli.embedded import EmbeddedError, EmbeddedServer

    try:
        with EmbeddedServer.launch(Path(expanduser(folder)) if folder else None) as server:
            work = _work(words, streams)  # imported while the server starts
            server.until_ready()
            return _do(work, replace(settings, address=UnixAddress(server.path)), streams)
    except EmbeddedError as error:
        streams.say(str(error))
        return Exit.CONNECTION


def _help(streams: Streams) -> str:
    return help_text([(name, row.summary) for name, row in TOOLS.items()], streams.columns)


def _printable(text: str) -> str:
    from pyredis_cli.render.escape import printable

    return printable(text)


def _end_in_order() -> None:
    """Let these signals end the program like an exit does, unless they are ignored (nohup).

    Python's own answer to SIGINT does not do: under asyncio it waits for a write to a full pipe.
    """
    for number in _ENDINGS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _end)


def _end(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(_ENDINGS[signal.Signals(number)])


def _let_go_of_stdout() -> None:
    """Point standard output at nothing, so that flushing it at exit cannot fail again."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
