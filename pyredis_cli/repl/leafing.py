"""Our own pager, where there is no other: a screenful at a time, then a line that says how to go on.

It knows keys, rows and the size of the terminal. What it has shown stays on the screen and scrolls away as any
output does; it only goes forward.
"""

from __future__ import annotations

import asyncio
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from enum import Enum, auto
from functools import cache
from itertools import chain
from typing import Final

from prompt_toolkit.application import get_app_session
from prompt_toolkit.input.typeahead import store_typeahead
from prompt_toolkit.key_binding import KeyPress
from prompt_toolkit.keys import Keys

from pyredis_cli.render.layout import Part
from pyredis_cli.repl.rows import Row, rows
from pyredis_cli.streams import Streams

__all__ = ["Leafing"]


class _Wish(Enum):
    """What a key asks for."""

    PAGE = auto()
    LINE = auto()
    ALL = auto()
    LEAVE = auto()
    STOP = auto()
    REDRAW = auto()


_KEYS: Final = {
    **dict.fromkeys([" ", "f", Keys.PageDown, Keys.ControlF, Keys.ControlV], _Wish.PAGE),
    **dict.fromkeys([Keys.ControlM, Keys.ControlJ, "j", Keys.Down], _Wish.LINE),
    **dict.fromkeys(["a", "G", Keys.End], _Wish.ALL),
    **dict.fromkeys(["q", "Q", Keys.Escape, Keys.ControlD], _Wish.LEAVE),
    Keys.ControlC: _Wish.STOP,
}
_HELP: Final = "space: more, Enter: a line, a: all, q: leave"
_ERASE: Final = b"\r\x1b[K"
_CLEAR: Final = b"\x1b[H\x1b[2J"
_REVERSE, _RESET = b"\x1b[7m", b"\x1b[0m"
# A key that sends several characters has sent them within this time; a lone Escape is a key of its own.
_ESCAPE_SECONDS: Final = 0.1
_MOST_ROWS: Final = 500  # that a redrawn screen shows


class Leafing:
    """One reply, as far as it was read."""

    def __init__(self, parts: Iterable[Part], total: Callable[[], str], streams: Streams) -> None:
        self._parts = parts
        self._total = cache(total)  # to count takes time, and each page says it
        self._streams = streams
        self._session = get_app_session()
        self._wishes: asyncio.Queue[_Wish] = asyncio.Queue()
        self._left = False
        self._shown: deque[Row] = deque(maxlen=_MOST_ROWS)

    async def read(self) -> Iterable[Part]:
        """Show rows as the person asks for them; return what is to be written without a stop."""
        coming: Iterator[Row] = rows(self._parts, lambda: self._session.output.get_size().columns)
        following = next(coming, None)
        with self._keys(), self._resizes():
            wish = _Wish.PAGE
            while following is not None:
                match wish:
                    case _Wish.PAGE | _Wish.LINE:
                        for _ in range(self._height() if wish is _Wish.PAGE else 1):
                            if following is None:
                                return ()
                            self._show(following)
                            following = next(coming, None)
                    case _Wish.REDRAW:
                        coming = chain(self._redrawn(following), coming)
                        following = next(coming, None)
                    case _Wish.ALL:
                        break
                    case _Wish.LEAVE:
                        return ()
                    case _Wish.STOP:
                        # As if the terminal had sent it: who runs what is shown here knows what else to stop.
                        signal.raise_signal(signal.SIGINT)
                if following is not None:
                    wish = await self._asked()
        return () if following is None else _as_parts(chain([following], coming))

    def _height(self) -> int:
        return max(1, self._session.output.get_size().rows - 1)

    def _show(self, row: Row) -> None:
        self._shown.append(row)
        self._streams.write(row.text + b"\n")

    def _redrawn(self, following: Row) -> list[Row]:
        """Wrap what was shown anew, and what follows: return that.

        How the terminal did that when its size changed is not known.
        """
        columns = self._session.output.get_size().columns
        anew = deque(rows(_as_parts(self._shown), lambda: columns), maxlen=self._height())
        self._streams.write(_CLEAR + b"".join([row.text + b"\n" for row in anew]))
        return [
            row._replace(elements=following.elements) for row in rows(_as_parts([following]), lambda: columns)
        ]

    async def _asked(self) -> _Wish:
        """Return what the person wants next, the status line shown until then."""
        columns = self._session.output.get_size().columns
        number = self._shown[-1].elements
        where = f"{number:,} of {self._total()}; " if number else ""
        line = f"-- {where}{_HELP} --"[: max(0, columns - 1)]
        self._streams.write(_REVERSE + line.encode() + _RESET if self._streams.color else line.encode())
        try:
            return await self._wishes.get()
        finally:
            self._streams.write(_ERASE)

    @contextmanager
    def _keys(self) -> Iterator[None]:
        """Read keys; those struck after the one that leaves are for the next prompt."""
        terminal = self._session.input
        loop = asyncio.get_running_loop()
        flushing: asyncio.TimerHandle | None = None

        def read() -> None:
            nonlocal flushing
            take(terminal.read_keys())
            if terminal.closed:
                self._wishes.put_nowait(_Wish.LEAVE)
            if flushing is not None:
                flushing.cancel()
            flushing = loop.call_later(_ESCAPE_SECONDS, lambda: take(terminal.flush_keys()))

        def take(keys: list[KeyPress]) -> None:
            for position, key in enumerate(keys):
                if self._left:
                    store_typeahead(terminal, keys[position:])
                    return
                self._strike(key)

        with terminal.raw_mode(), terminal.attach(read):
            try:
                yield
            finally:
                if flushing is not None:
                    flushing.cancel()
                self._left = True
                take(terminal.flush_keys())

    def _strike(self, key: KeyPress) -> None:
        wish = _KEYS.get(key.key)
        if wish is not None:
            self._wishes.put_nowait(wish)
            self._left = wish in (_Wish.LEAVE, _Wish.ALL)

    @contextmanager
    def _resizes(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        with ExitStack() as handlers:
            loop.add_signal_handler(signal.SIGWINCH, self._wishes.put_nowait, _Wish.REDRAW)
            handlers.callback(loop.remove_signal_handler, signal.SIGWINCH)
            yield


def _as_parts(shown: Iterable[Row]) -> Iterator[Part]:
    """Return rows as what they were made of."""
    return ((row.text + b"\n" * row.ended, 0) for row in shown)
