"""``hint``: what is still to be typed of a line, as the REPL shows it behind the cursor.

It knows the built-in table and no server. Lines are quoted as in the REPL; a blank at the end of one says that its
last word is finished.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from io import BufferedReader, FileIO
from typing import TYPE_CHECKING, cast

from pyredis.commands.spec import TABLE
from pyredis_cli.complete.hints import hint
from pyredis_cli.exits import Exit
from pyredis_cli.flags import UsageError
from pyredis_cli.parsing import parse_tool
from pyredis_cli.settings import consulted, foreseen

if TYPE_CHECKING:
    from pyredis_cli.given import Given
    from pyredis_cli.settings import Settings
    from pyredis_cli.streams import Streams

__all__ = ["run"]


def run(given: Given, environ: Mapping[str, str], streams: Streams, words: Sequence[str]) -> int:
    """Print the hint of the line, or of each line of a file; return the exit code."""
    arguments = parse_tool("hint", words)
    settings, _, _ = foreseen(given, consulted(given, environ), environ)
    path: str | None = arguments.get("lines")
    if path is not None and not arguments.words:
        for line in _lines(path, streams):
            _print(line.decode(settings.encoding, "surrogateescape"), settings, streams)
    elif path is None and len(arguments.words) == 1:
        _print(arguments.words[0], settings, streams)
    else:
        raise UsageError("hint takes one line, in quotes, or --lines FILE; hint --help tells more")
    return Exit.OK


def _print(line: str, settings: Settings, streams: Streams) -> None:
    text = hint(line, TABLE, settings.encoding)
    streams.write(text.encode(settings.encoding, "replace") + b"\n")


def _lines(path: str, streams: Streams) -> Iterator[bytes]:
    """Yield each line as soon as it is there, without its newline."""
    try:
        with BufferedReader(_opened(path, streams)) as file:
            for line in file:
                yield line.removesuffix(b"\n").removesuffix(b"\r")
    except OSError as error:
        where = "standard input" if path == "-" else path
        raise UsageError(f"cannot read {where}: {error.strerror}") from None


def _opened(path: str, streams: Streams) -> FileIO:
    return cast("FileIO", streams.stdin) if path == "-" else FileIO(path)
