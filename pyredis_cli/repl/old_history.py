"""What redis-cli and valkey-cli have remembered, offered once to somebody who has no history here yet.

It knows where those files are and when there is something to offer; it reads them and leaves them as they are.
What of a line may be kept, others know.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from itertools import chain, groupby
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from prompt_toolkit import PromptSession
from prompt_toolkit.utils import is_dumb_terminal

from pyredis_cli.repl.history import OVERRIDES, HistoryFile

if TYPE_CHECKING:
    from pyredis_cli.repl.printer import Printer

__all__ = ["Offer", "answered", "begin", "offer"]

_NAMES: Final = (".rediscli_history", ".valkeycli_history")
_DECLINED: Final = "history-import-declined"
_PRIVATE_FILE: Final = 0o600


async def begin(
    own: HistoryFile, environ: Mapping[str, str], keep: Callable[[str], str | None], printer: Printer
) -> None:
    """Ask the person, when there is something to offer, and do what they answer."""
    found = offer(environ, own.path)
    # A dumb terminal is often a program, which would take the question for a prompt. Where nothing can be written,
    # no answer could be remembered.
    if found is None or is_dumb_terminal() or not os.access(own.path, os.W_OK):
        return
    try:
        if not await _asked(found.question):
            found.decline(own)
            return
        count = found.accept(own, keep)
        await printer.tell(f"{count:,} command{'' if count == 1 else 's'} imported")
    except (KeyboardInterrupt, EOFError):  # that is no answer: the next start asks again
        return
    except OSError as error:
        await printer.warn(f"nothing imported: {own.path}: {error.strerror or 'cannot be used'}")


async def _asked(question: str) -> bool:
    while True:
        reply = await PromptSession[str](question).prompt_async(handle_sigint=False)
        if (meant := answered(reply)) is not None:
            return meant


class Offer(NamedTuple):
    """The lines of old histories, the oldest first, and the names of the files they are in."""

    lines: tuple[str, ...]
    names: tuple[str, ...]

    @property
    def question(self) -> str:
        count = f"{len(self.lines):,} command{'' if len(self.lines) == 1 else 's'}"
        return f"Import {count} from {' and '.join(f'~/{name}' for name in self.names)}? [Y/n] "

    def accept(self, own: HistoryFile, keep: Callable[[str], str | None]) -> int:
        """Begin our own file with what may be kept of the lines; return how many lines that is.

        It is 0 when another session was faster. Raises OSError.
        """
        kept = [line for line, _ in groupby(filter(None, map(keep, self.lines)))]
        if not kept:
            self.decline(own)
        return len(kept) if kept and own.begin_with(kept) else 0

    def decline(self, own: HistoryFile) -> None:
        """Never ask again; without a place to remember that, the next start will."""
        with suppress(OSError):
            os.close(os.open(_marker(own), os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, _PRIVATE_FILE))


def offer(environ: Mapping[str, str], own: Path | None) -> Offer | None:
    """Return what there is to offer; None when our own history has begun, is elsewhere, or it was declined."""
    home = environ.get("HOME")
    if own is None or not home or any(environ.get(name) for name in OVERRIDES):
        return None
    if HistoryFile(own).size or os.path.lexists(_marker(HistoryFile(own))):
        return None
    found = {name: list(_lines(Path(home, name))) for name in _NAMES if HistoryFile(Path(home, name)).size}
    found = {name: lines for name, lines in found.items() if lines}
    return Offer(tuple(chain.from_iterable(found.values())), tuple(found)) if found else None


def answered(answer: str) -> bool | None:
    """Return what an answer means, yes unless it says otherwise; None when it is none."""
    match answer.strip().lower():
        case "" | "y" | "yes":
            return True
        case "n" | "no":
            return False
    return None


def _lines(path: Path) -> Iterator[str]:
    try:
        return reversed(HistoryFile(path).newest())
    except OSError:
        return iter(())


def _marker(own: HistoryFile) -> Path:
    return own.path.parent / _DECLINED
