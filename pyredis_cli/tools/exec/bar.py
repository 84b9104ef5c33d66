"""How far a script is, for a person who does not see its replies."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyredis_cli.progress import Progress
    from pyredis_cli.streams import Streams
    from pyredis_cli.tools.exec.source import Source

__all__ = ["Bar"]


class Bar:
    """Bytes of the script that are done; nothing where nobody looks, or where a person types it."""

    def __init__(self, streams: Streams, sources: Sequence[Source]) -> None:
        self._progress = _progress(streams, sources)
        self._before = 0  # bytes in front of the block
        self._size = 0
        self._first = self._lines = 1

    def begin(self, block: bytes, first: int) -> None:
        """Go on with the next lines, of which the first has that number."""
        if self._progress is None:
            return
        self._before += self._size
        self._size = len(block)
        self._first, self._lines = first, block.count(b"\n") or 1
        self._progress.at(self._before)

    def reach(self, line: int | None) -> None:
        """Be at a line, None for the end of the lines."""
        if self._progress is not None:
            share = 1.0 if line is None else (line - self._first) / self._lines
            self._progress.at(self._before + int(share * self._size))

    def clear(self) -> None:
        """Make room for something that is said."""
        if self._progress is not None:
            self._progress.clear()


def _progress(streams: Streams, sources: Sequence[Source]) -> Progress | None:
    if not streams.stderr_tty or streams.stdout_tty or any(source.stream.isatty() for source in sources):
        return None
    from pyredis_cli.progress import Progress

    sizes = [source.size for source in sources]
    return Progress(streams, None if None in sizes else sum(filter(None, sizes)), "bytes")
