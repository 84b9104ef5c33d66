"""``exec``: one command from the arguments, or the commands of files or of standard input.

It knows how it is called; ``one`` and ``script`` do the work.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from pyredis.records import replace
from pyredis_cli.argv import argv_of, refuse_without_command
from pyredis_cli.parsing import ToolArguments, parse_tool
from pyredis_cli.printing import protocol_for
from pyredis_cli.settings import Settings
from pyredis_cli.streams import Streams
from pyredis_cli.tools.exec.running import Run, Stopped

__all__ = ["run"]


def run(settings: Settings, streams: Streams, words: Sequence[str]) -> int:
    """Run the words as a command, or what files or standard input hold; return the exit code."""
    arguments = ToolArguments(tuple(words), {})
    if words and words[0].startswith("-"):  # no command begins with a dash
        arguments = parse_tool("exec", words)
    argv: tuple[bytes, ...] = ()
    if arguments.words:
        argv = argv_of(arguments.words, settings.telling, settings.encoding, streams.stdin)
    else:
        refuse_without_command(settings.telling)
    settings = replace(settings, protocol=protocol_for(settings, streams))
    return asyncio.run(_run(settings, streams, argv, arguments))


async def _run(
    settings: Settings, streams: Streams, argv: tuple[bytes, ...], arguments: ToolArguments
) -> int:
    run = Run(settings, streams, pages=bool(argv) and settings.telling.times == 1)
    try:
        await run.connect()
        if argv:
            from pyredis_cli.tools.exec.one import run_command

            return await run_command(run, argv)
        from pyredis_cli.tools.exec.script import run_script

        return await run_script(run, arguments)
    except Stopped as stopped:
        return stopped.code
    finally:
        await run.close()
