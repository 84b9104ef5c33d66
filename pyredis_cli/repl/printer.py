"""Everything the REPL prints: replies in the format asked for, errors, notices, its own words.

It knows the terminal's colours and that a prompt may be on the screen: what is printed then appears above it
and leaves the typed line whole. It decides nothing about commands.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Final

from prompt_toolkit.utils import get_cwidth, is_dumb_terminal

from pyredis.exceptions import ReplyError
from pyredis.records import replace
from pyredis.types import Status
from pyredis_cli.core.outcome import Outcome
from pyredis_cli.core.secrets import hidden
from pyredis_cli.core.sentence import in_lines
from pyredis_cli.exits import explain
from pyredis_cli.flags import FOR_PROGRAMS
from pyredis_cli.render.escape import printable
from pyredis_cli.render.forms import form_parts
from pyredis_cli.render.live import LiveRole, Pieces, message, monitored
from pyredis_cli.render.look import MOST_PAGED, Look, Measure
from pyredis_cli.render.portions import in_batches
from pyredis_cli.repl.feed import Item, Notice, Seen, Unasked
from pyredis_cli.repl.monitored import without
from pyredis_cli.repl.spinner import Spinner
from pyredis_cli.repl.terminal import above_prompt

if TYPE_CHECKING:
    from pyredis.address import Address
    from pyredis.commands.spec import Table
    from pyredis.exceptions import PyRedisError
    from pyredis.types import Reply
    from pyredis_cli.render.layout import Part
    from pyredis_cli.render.present import Presented
    from pyredis_cli.repl.monitored import MonitorLine
    from pyredis_cli.repl.preferences import Preferences
    from pyredis_cli.repl.screen import Screen
    from pyredis_cli.repl.transcript import Transcript
    from pyredis_cli.reporting import Report
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
    """Prints on one terminal, as the person prefers at that time.

    ``protocol`` tells in which one replies come, ``table`` what is known of commands. ``may_page`` is whether the
    reply of a command may be shown page by page: not when lines were pasted that are to run one after the other.
    """

    def __init__(
        self,
        settings: Settings,
        streams: Streams,
        preferences: Callable[[], Preferences],
        protocol: Callable[[], int],
        table: Callable[[], Table],
    ) -> None:
        self.may_page = True
        # Whatever stands behind a reply, the prompt begins a line.
        end = settings.marks.end.removesuffix(b"\n") + b"\n"
        self._settings = replace(settings, marks=settings.marks._replace(end=end))
        self._streams = streams
        self._preferences = preferences
        self._protocol = protocol
        self._table = table
        self.transcript: Transcript | None = None
        """What keeps all that is printed."""
        self._whole: Callable[[], Awaitable[None]] | None = None
        """What prints the last reply or report, where there is more to it than was shown."""
        self._turn = asyncio.Lock()
        self._spinner = Spinner(streams, self._turn.locked)

    def waiting(self, text: str = "Ctrl-C stops") -> Spinner:
        """Return what shows, while it is entered, that something runs."""
        return self._spinner.saying(text)

    async def outcome(
        self,
        outcome: Outcome,
        address: Address,
        take: Callable[[Outcome], Awaitable[None]] | None = None,
    ) -> None:
        """Print what became of a command: what must be told first, then its reply or error, then its time.

        With ``take`` the reply goes there and is not printed.
        """
        for notice in outcome.notices:
            await self.warn(notice)
        if isinstance(outcome.error, ReplyError) and outcome.answered:
            await self._write(self._said(outcome.error))
        elif outcome.error is not None:
            await self.error(outcome.error, address, at_connect=outcome.at_connect)
        elif not outcome.silent:
            await (take or self.answer)(outcome)
        timing = self._preferences().timing
        if timing is not None and outcome.seconds * 1000 >= timing:
            await self._line(f"({_seconds(outcome.seconds)}s)", _DIM)

    async def report(self, report: Report) -> None:
        """Print what a tool has found out, page by page when it is long and the person likes that."""

        safe = report.safe or report
        seen = safe if self._veils else report
        self._whole = None if seen is report else partial(self._report, report, safe)
        await self._report(seen, safe)
        await self._tell_of_stars()

    async def _report(self, report: Report, safe: Report) -> None:
        """Print a report, and keep the ``safe`` one."""

        def laid_out(report: Report, paged: bool) -> Presented:
            if self._preferences().format != "human":
                return self._laid_out(Outcome((), None, report.value))
            from pyredis_cli.render.present import present_blocks

            look = self._look(paged=paged)
            return present_blocks(report.blocks(look), look)

        as_it_is = safe is report
        shown = await self._show(partial(laid_out, report), as_it_is=as_it_is)
        if self.transcript is not None and not (shown and as_it_is):
            self._keep(b"".join(part for part, _ in laid_out(safe, False).parts))

    @asynccontextmanager
    async def screen(self) -> AsyncIterator[Screen]:
        """Have the terminal's other screen; its last picture stays, and what others print waits until then."""
        # Few watch anything.
        from pyredis_cli.repl.screen import Screen

        async with self._turn:
            self._spinner.wipe()
            screen = Screen(self._streams)
            try:
                with screen:
                    yield screen
            finally:
                screen.keep()

    def picture(self, outcome: Outcome, address: Address) -> Iterable[Part]:
        """Return what there is to see of a command, for whoever shows it in another place."""
        if isinstance(outcome.error, ReplyError):
            return ((part, 0) for part in self._said(outcome.error))
        if outcome.error is not None:
            return [(self._painted(explain(outcome.error, address, interactive=True), _RED), 0)]
        parts = self._laid_out(self._fit_to_see(outcome)).parts
        if self._preferences().format != "raw":
            return parts
        # Raw is for what stands in the scrollback; here it would draw where something else stands.
        return [(printable(b"".join(part for part, _ in parts), keep_newlines=True).encode(), 0)]

    def row(self, line: str, columns: int, *, dim: bool = False) -> bytes:
        """Return as much of a line of ours as fits into a row of the screen, without an end."""
        line = printable(line)
        while get_cwidth(line) > columns:
            line = line[:columns] if len(line) > columns else line[:-1]
        return self._painted(line, _DIM if dim else "").removesuffix(b"\n")

    def _readable(self, outcome: Outcome) -> Reply:
        """Return the reply as the preferred format wants it: programs read what is in a text, not the text."""
        if self._preferences().format not in FOR_PROGRAMS or not (outcome.text_form or outcome.text_forms):
            return outcome.reply
        from pyredis_cli.render.texts import structured

        return structured(outcome.reply, outcome.text_form, outcome.text_forms)

    async def answer(self, outcome: Outcome) -> None:
        """Print the reply of a command, page by page when it is long and the person likes that."""
        seen = self._fit_to_see(outcome)
        self._whole = None if seen is outcome else partial(self._answer, outcome)
        await self._answer(seen)
        await self._tell_of_stars()

    async def _tell_of_stars(self) -> None:
        if self._whole is not None:
            await self.note("secrets are stars here; :reveal shows them")

    async def reveal(self) -> bool:
        """Print the last reply with the secrets in it; return whether it had any that were not shown."""
        whole, self._whole = self._whole, None
        if whole is not None:
            await whole()
        return whole is not None

    async def _answer(self, outcome: Outcome) -> None:
        kept = self._fit_to_keep(outcome)
        shown = await self._show(lambda paged: self._laid_out(outcome, paged=paged), as_it_is=kept is outcome)
        if self.transcript is not None and not (shown and kept is outcome):
            self._keep(b"".join(part for part, _ in self._laid_out(kept).parts))

    @property
    def _veils(self) -> bool:
        preferred = self._preferences()
        return preferred.format == "human" and not preferred.reveal

    def _fit_to_see(self, outcome: Outcome) -> Outcome:
        """Return the outcome as a person is shown it unasked; itself in the formats for programs."""
        if not self._veils:
            return outcome
        from pyredis_cli.core.veiling import seen_reply

        reply = seen_reply(outcome, self._table())
        return outcome if reply is outcome.reply else outcome._replace(reply=reply)

    def _fit_to_keep(self, outcome: Outcome) -> Outcome:
        """Return the outcome without the secrets that its reply may hold; itself where nothing is kept."""
        if self.transcript is None:
            return outcome
        from pyredis_cli.core.veiling import veiled_reply

        reply = veiled_reply(outcome, self._table())
        return outcome if reply is outcome.reply else outcome._replace(reply=reply)

    async def _show(self, laid_out: Callable[[bool], Presented], *, as_it_is: bool) -> bool:
        """Print what is laid out for pages or not; return whether it was not paged.

        The transcript gets it ``as_it_is``.
        """
        if not (self.may_page and self._preferences().pager):
            await self._write((part for part, _ in laid_out(False).parts), kept=as_it_is)
            return True
        from pyredis_cli.repl import pager

        if not pager.can_page(self._streams):
            await self._write((part for part, _ in laid_out(False).parts), kept=as_it_is)
            return True

        parts, too_long = pager.opened(laid_out(True).parts)
        if too_long:
            async with self._turn:
                parts = await pager.page(
                    parts,
                    lambda: laid_out(True).parts,
                    lambda: laid_out(True).total(),
                    self._streams,
                    lambda line: self._say(line, _YELLOW),
                )
        await self._write((part for part, _ in parts), kept=as_it_is and not too_long)
        return not too_long

    def _laid_out(self, outcome: Outcome, *, paged: bool = False) -> Presented:
        """Lay a command's reply out, in the format and to the length that is preferred now."""
        # rich costs as much as half the way to the first prompt, so the first reply loads it.
        from pyredis_cli.render.present import Presented, present, total

        if self._preferences().format == "human":
            look = self._look(paged=paged)
            return present(outcome.argv, outcome.spec, outcome.reply, look, outcome.in_transaction)
        outcome = outcome._replace(reply=self._readable(outcome))
        return Presented(self._form_parts(outcome), lambda: total(outcome.reply, outcome.is_text))

    async def unasked(self, batch: Sequence[Item], table: Table) -> None:
        """Print what came by itself, and notices, in one go; ``table`` knows the commands of the server."""
        await self._write(part for item in batch for part in self._shown(item, table))

    def _shown(self, item: Item, table: Table) -> Iterator[bytes]:
        match item:
            case Notice(text):
                yield self._painted(_folded(text), _YELLOW)
            case Unasked(at, reply):
                yield from self._live(reply, at)
            case Seen(line, text):
                yield from self._seen(line, text, table)

    def _live(self, reply: Reply, at: float) -> Iterator[bytes]:
        human = self._preferences().format == "human"
        line = message(reply, at, self._encoding) if human else None
        if line is not None:
            yield self._pieces(line)
        else:
            yield from self._said(reply)

    def _said(self, reply: Reply) -> Iterator[bytes]:
        """Yield an error, or what came by itself: in the preferred format, but never as the raw bytes.

        Raw is what somebody has asked for; what these say, somebody else decides.
        """
        parts = (part for part, _ in self._parts(reply))
        if self._preferences().format != "raw":
            yield from parts
        else:
            yield printable(b"".join(parts), keep_newlines=True).encode()

    def _seen(self, line: MonitorLine, text: bytes, table: Table) -> Iterator[bytes]:
        secret = hidden(line.argv, table)
        if self._preferences().format != "human" or not line.argv:
            yield from self._said(Status(without(text, secret)))
            return
        spec = table.find(line.argv)
        role: LiveRole = (
            "plain" if spec is None else "write" if spec.write else "read" if spec.readonly else "admin"
        )
        source = f"{line.database} {line.client}"
        yield self._pieces(
            monitored(
                line.time,
                source,
                line.argv,
                role=role,
                hidden=secret,
                encoding=self._encoding,
            )
        )

    def _pieces(self, line: Pieces) -> bytes:
        if not self._streams.color:
            return "".join(text for _, text in line).encode("utf-8", "replace") + b"\n"
        painted = (f"\x1b[{_LIVE[role]}m{text}\x1b[0m" if _LIVE[role] else text for role, text in line)
        return "".join(painted).encode("utf-8", "replace") + b"\n"

    async def error(self, error: PyRedisError, address: Address, *, at_connect: bool = False) -> None:
        """Print why there is no reply, or why the session is not connected."""
        await self.refuse(explain(error, address, at_connect=at_connect, interactive=True))

    async def refuse(self, line: str) -> None:
        """Print why something typed is not done."""
        await self._line(_folded(line), _RED)

    async def warn(self, line: str) -> None:
        """Print what the person should know, apart from any reply."""
        await self._line(_folded(line), _YELLOW)

    async def note(self, line: str) -> None:
        """Print what need not be read."""
        await self._line(_folded(line), _DIM)

    @asynccontextmanager
    async def lent(self) -> AsyncIterator[None]:
        """Lend the terminal to a program that writes by itself; nothing else is printed meanwhile."""
        from pyredis_cli.repl.lending import lent, line_begun

        async with self._turn:
            try:
                with lent(self._streams.stdin.fileno()):
                    yield
            finally:
                self._streams.write(line_begun(shutil.get_terminal_size().columns))
                self._keep(b"(piped)\n")

    async def advise(self, line: str) -> None:
        """Print what lies behind an error, below it."""
        await self._line(_folded(f"↳ {line}"), _DIM)

    async def tell(self, *lines: str) -> None:
        """Print lines of our own."""
        for line in lines:
            await self._line(line)

    async def clear(self) -> None:
        """Clear the screen and begin at its top; a dumb terminal has none."""
        if not is_dumb_terminal():
            await self._write([b"\x1b[2J\x1b[H"], kept=False)

    def _parts(self, reply: Reply) -> Iterable[Part]:
        """Lay out what is no reply to a command."""
        if self._preferences().format != "human":
            return self._form_parts(Outcome((), None, reply))
        from pyredis_cli.render.human import human_parts

        look = self._look()
        return human_parts(
            reply, encoding=look.encoding, color=look.color, theme=look.theme, measure=look.measure
        )

    def _form_parts(self, outcome: Outcome) -> Iterator[Part]:
        preferred = self._preferences()
        notation = None if preferred.bytes == "default" else preferred.bytes
        return form_parts(
            preferred.format,
            outcome.reply,
            replace(self._settings, notation=notation),
            argv=outcome.argv,
            spec=outcome.spec,
            text=outcome.is_text,
            terminal=True,
            protocol=self._protocol(),
        )

    def _look(self, *, paged: bool = False) -> Look:
        preferred = self._preferences()
        mend = ":set limit off shows" if preferred.pager else ":set pager on or :set limit off shows"
        return Look(
            shutil.get_terminal_size().columns,
            encoding=self._encoding,
            color=self._streams.color,
            theme=preferred.theme,
            measure=Measure(
                None if paged else preferred.limit,
                MOST_PAGED if paged else Measure().characters,
                all_elements=f"{mend} all",
                whole_value=":set format redis shows all",
                undecoded=":set decode off shows it as it is",
            ),
            decode=preferred.decode,
            now=time.time(),
        )

    @property
    def _encoding(self) -> str:
        # What is not ASCII is no text in ASCII, so it is shown as bytes.
        return self._settings.encoding if self._preferences().utf8 else "ascii"

    async def _line(self, line: str, color: str = "") -> None:
        await self._write([self._painted(line, color)])

    def _say(self, line: str, color: str = "") -> None:
        """Write a line at once, where this printer's turn it is."""
        self._streams.write(self._painted(line, color))
        self._keep(self._painted(line, color))

    def _painted(self, line: str, color: str) -> bytes:
        text = printable(line, keep_newlines=True).encode("utf-8", "replace")
        if color and self._streams.color:
            return b"\x1b[%bm%b%b\n" % (color.encode(), text, _RESET)
        return text + b"\n"

    # -- what is kept of it

    def begin_transcript(self, transcript: Transcript, address: str) -> None:
        self.transcript = transcript
        self._kept_by(lambda: transcript.begin(address))

    def typed(self, prompt: str, line: str) -> None:
        """Keep a line as it was typed, without secrets."""
        if transcript := self.transcript:
            self._kept_by(lambda: transcript.typed(prompt, line))

    def overhear(self, line: str) -> None:
        """Keep a line that something else has shown."""
        self._keep(line.encode("utf-8", "surrogateescape") + b"\n")

    def hide(self, words: Iterable[str]) -> None:
        """Keep none of these words."""
        if self.transcript is not None:
            self.transcript.hide(words)

    async def end_transcript(self) -> None:
        if transcript := self.transcript:
            self._kept_by(transcript.close)
            self.transcript = None

    def _keep(self, output: bytes) -> None:
        if transcript := self.transcript:
            self._kept_by(lambda: transcript.shown(output))

    def _kept_by(self, act: Callable[[], None]) -> None:
        """Write to the transcript; one that cannot be written to is over, and the session is not."""
        transcript = self.transcript
        assert transcript is not None
        try:
            act()
        except OSError as error:
            self.transcript = None
            transcript.give_up()
            self._say(f"{transcript.path}: {error.strerror}; the transcript ends here", _YELLOW)

    async def _write(self, parts: Iterable[bytes], *, kept: bool = True) -> None:
        async with self._turn, above_prompt():
            self._spinner.wipe()
            try:
                for batch in in_batches(parts, _PIECE):
                    self._streams.write(batch)
                    if kept:
                        self._keep(batch)
                    await asyncio.sleep(0)
            except asyncio.CancelledError:
                self._streams.write((_RESET if self._streams.color else b"") + b"\n")
                raise


def _folded(sentence: str) -> str:
    """Return a sentence of ours in lines that fit the terminal, cut between words."""
    sentence = printable(sentence)
    return "\n".join(in_lines(sentence, shutil.get_terminal_size().columns, get_cwidth))


def _seconds(seconds: float) -> str:
    return f"{seconds:.2f}" if seconds >= 0.01 else f"{seconds:.4f}"
