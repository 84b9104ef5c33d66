"""``exec``: one command from the arguments, or the commands of files or of standard input.

It knows how it is called; ``one``, ``script`` and ``dry`` do the work.
"""

from __future__ import annotations

import gc

from pyredis.records import replace
from pyredis_cli.argv import argv_of, refuse_without_command
from pyredis_cli.core.concealing import conceal_secrets
from pyredis_cli.flags import UsageError
from pyredis_cli.given import ToolArguments
from pyredis_cli.printing import protocol_for

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence
    from typing import Any

    from pyredis_cli.given import Given
    from pyredis_cli.settings import Settings
    from pyredis_cli.streams import Streams
    from pyredis_cli.tools.exec.running import Run

__all__ = ["run", "run_unnamed"]

_OF_SCRIPTS = {"files": "-f", "variables": "--set"}


def run(settings: Settings, streams: Streams, words: Sequence[str]) -> int:
    """Run the words as a command, or what files or standard input hold; return the exit code."""
    arguments = ToolArguments(tuple(words), {})
    if words and words[0].startswith("-"):  # no command begins with a dash
        from pyredis_cli.parsing import parse_tool

        arguments = parse_tool("exec", words)
    settings = replace(settings, protocol=protocol_for(settings, streams))
    if arguments.words:
        return _command(settings, streams, arguments)
    refuse_without_command(settings.telling)
    return _script(settings, streams, arguments)


def run_unnamed(given: Given, environ: Mapping[str, str], streams: Streams) -> int:
    """Run the script on standard input as ``run`` does, when nothing but flags was typed; return the exit code."""
    from pyredis_cli.settings import colored, settle

    settings = settle(given, environ, streams)
    streams = colored(settings, streams)
    if settings.tls is not None:
        from pyredis_cli.core.certificates import opened

        settings = opened(settings, streams)
    # From now on there may be garbage, but not among what is loaded.
    gc.freeze()
    gc.enable()
    return run(settings, streams, ())


def _command(settings: Settings, streams: Streams, arguments: ToolArguments) -> int:
    for field, flag in _OF_SCRIPTS.items():
        if arguments.get(field):
            raise UsageError(f"{flag} is for scripts, and there is a command in the arguments")
    argv = argv_of(arguments.words, settings.telling, settings.encoding, streams.stdin)
    conceal_secrets(arguments.words, argv)
    if arguments.get("dry_run"):
        from pyredis_cli.tools.exec.dry import show_command

        return show_command(settings, streams, argv)
    from pyredis_cli.core.connect import can_block
    from pyredis_cli.tools.exec.one import run_command
    from pyredis_cli.tools.exec.running import Run

    blocking = can_block(settings)
    one = Run(settings, streams, pages=settings.telling.times == 1, blocking=blocking)
    return _done(_run(one, lambda: run_command(one, argv, arguments)), blocking=blocking)


def _script(settings: Settings, streams: Streams, arguments: ToolArguments) -> int:
    from pyredis_cli.tools.exec.source import opened

    sources = opened(arguments.get("files", ()), streams)
    if arguments.get("dry_run"):
        from pyredis_cli.tools.exec.dry import show_script

        return show_script(settings, streams, sources, arguments)
    from pyredis_cli.core.connect import can_block
    from pyredis_cli.tools.exec.running import Run
    from pyredis_cli.tools.exec.script import run_script

    blocking = can_block(settings)
    script = Run(settings, streams, blocking=blocking)
    return _done(_run(script, lambda: run_script(script, sources, arguments)), blocking=blocking)


def _done(work: Coroutine[Any, Any, int], *, blocking: bool) -> int:
    """Do the work, without an event loop where it never waits for one; return its exit code."""
    if blocking:
        from pyredis_cli.core.lease import run_now

        return run_now(work)
    import asyncio

    return asyncio.run(work)


async def _run(run: Run, work: Callable[[], Coroutine[Any, Any, int]]) -> int:
    """Connect, do the work and close; return the exit code."""
    from pyredis_cli.tools.exec.running import Stopped

    try:
        await run.connect()
        return await work()
    except Stopped as stopped:
        return stopped.code
    finally:
        await run.close()
