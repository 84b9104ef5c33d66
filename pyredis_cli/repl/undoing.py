"""``:undo``: a value that a write of this session has changed, put back after a yes.

It shows what it would do and what is there now, and does it by RESTORE and DEL as if they were typed, so that what
it does is kept in turn. What was kept, the keeper knows.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from prompt_toolkit import PromptSession

from pyredis.exceptions import PyRedisError, ReplyError
from pyredis_cli.complete.candidates import Choice
from pyredis_cli.core.keeping import LARGEST, Entry, Keeper, Kept, digest, run_id
from pyredis_cli.render.escape import readable
from pyredis_cli.render.line import as_typed
from pyredis_cli.render.units import duration, size
from pyredis_cli.repl.history import secret_words
from pyredis_cli.repl.terminal import typed_ahead
from pyredis_cli.repl.verdicts import After, Perform, Refuse, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyredis.commands.spec import Table
    from pyredis.types import Reply
    from pyredis_cli.core.session import Session
    from pyredis_cli.repl.verdicts import Host

__all__ = ["behind", "judge"]

_LOOKED_AT: Final = 10
"""So many keys are shown one by one."""
_WIDEST: Final = 60
_OFF: Final = "nothing is kept; :set undo on keeps from then on what writes change"
_NOTHING: Final = "nothing to undo: no write has changed anything that is kept"


class UndoError(Exception):
    """Why nothing is put back; the message is the reason."""


def judge(words: Sequence[str], table: Table) -> Verdict:
    match words:
        case []:
            return Perform(Undo())
        case ["list"]:
            return Perform(List())
        case [number] if number.isascii() and number.isdigit() and len(number) < 5:
            return Perform(Undo(int(number)))
    return Refuse(":undo takes nothing, list, or a number of the list")


def behind(words: Sequence[str], typed: str, table: Table) -> Iterator[Choice]:
    if not words:
        yield Choice("list", meta="what can be undone")


@dataclass(frozen=True)
class List:
    """Show what can be undone, the last first."""

    async def __call__(self, host: Host) -> After:
        keeper = _keeper(host)
        lines = [
            f"{number:>3}  {time.strftime('%H:%M:%S', time.localtime(entry.at))}  {_title(entry, host)}"
            for number, entry in enumerate(reversed(keeper.entries), 1)
        ]
        if keeper.dropped:
            lines.append(f"and {keeper.dropped:,} before that went")
        await host.printer.tell(*(lines or [_empty(keeper)]))
        return After.GO_ON


@dataclass(frozen=True)
class Undo:
    """Put back what an entry has kept; ``number`` counts from the last one."""

    number: int = 1

    async def __call__(self, host: Host) -> After:
        try:
            return await self._undo(host)
        except UndoError as error:
            await host.printer.refuse(str(error))
        except PyRedisError as error:
            await host.printer.error(error, host.desk.address)
        return After.STOP

    async def _undo(self, host: Host) -> After:
        keeper, session = _keeper(host), host.desk.session
        entry = self._entry(keeper)
        _check(entry, session)
        steps = await host.interruptible(_steps(entry, keeper, session))
        if self.number == 1 and keeper.unkept:
            await host.printer.warn(
                f"of {keeper.unkept}, which came later, nothing is kept; this is before it"
            )
        await host.printer.tell(f"undo {_title(entry, host)}", *_shown(steps, entry, host))
        if not await _agreed(host):
            await host.printer.tell("left as it is")
            return After.GO_ON
        with keeper.undoing(entry):
            await host.interruptible(_do(steps, session))
        keeper.remove(entry)
        for note in keeper.take_notes():
            await host.printer.note(note)
        names = "1 key" if len(steps) == 1 else f"{len(steps):,} keys"
        await host.printer.tell(f"undone: {names}; :undo takes it back")
        return After.GO_ON

    def _entry(self, keeper: Keeper) -> Entry:
        if not keeper.entries:
            raise UndoError(_empty(keeper))
        if not 1 <= self.number <= len(keeper.entries):
            raise UndoError(f":undo list has {len(keeper.entries):,} entries")
        return keeper.entries[-self.number]


class _Step(NamedTuple):
    """What is done to a key, and what is there now."""

    kept: Kept
    argv: tuple[bytes, ...]
    now: str
    ours: bool
    """Whether that is what this session left there, as far as it is known."""


def _keeper(host: Host) -> Keeper:
    keeper = host.desk.session.keeper
    if keeper is None:
        raise UndoError(_OFF)
    return keeper


def _empty(keeper: Keeper) -> str:
    return _NOTHING if keeper.enabled else _OFF


def _check(entry: Entry, session: Session) -> None:
    """Refuse where the keys of the entry are not those of the session."""
    if session.in_transaction:
        raise UndoError("in MULTI nothing can be undone; EXEC or DISCARD first")
    if session.silenced:
        raise UndoError("CLIENT REPLY is off, so nothing can be looked at; CLIENT REPLY ON first")
    if entry.database != session.database:
        raise UndoError(f"that was in database {entry.database}; SELECT {entry.database} first")


async def _steps(entry: Entry, keeper: Keeper, session: Session) -> list[_Step]:
    """Look at the keys as they are now; UndoError when the server is not the one of then."""
    steps = []
    for number, kept in enumerate(entry.values):
        now, ours = await _now(kept, session) if number < _LOOKED_AT else ("", True)
        if number == 0 and entry.run != run_id(await _reply(session, b"INFO", b"server")):
            keeper.remove(entry)
            raise UndoError(
                "the server was started anew since, or is another one; that cannot be undone any more"
            )
        steps.append(_Step(kept, _argv(kept), now, ours))
    return steps


async def _now(kept: Kept, session: Session) -> tuple[str, bool]:
    kind = await _reply(session, b"TYPE", kept.key)
    if kind == b"none":
        return "nothing", kept.left in (b"", None)
    told = await _reply(session, b"MEMORY", b"USAGE", kept.key)
    used = told if isinstance(told, int) else 0
    what = f"a {_word(kind)}, about {size(used)}"
    if kept.left is None or used > 4 * LARGEST:
        return what, True
    value = await _reply(session, b"DUMP", kept.key)
    return what, isinstance(value, bytes) and digest(value) == kept.left


async def _reply(session: Session, *argv: bytes) -> Reply:
    outcome = await session.run(argv)
    if outcome.error is not None:
        raise outcome.error
    return outcome.reply


def _word(kind: object) -> str:
    return bytes(kind).decode("ascii", "backslashreplace") if isinstance(kind, bytes) else "value"


def _argv(kept: Kept) -> tuple[bytes, ...]:
    """Return the command that puts a key back; what would be gone by now is not put back."""
    gone = kept.expires is not None and kept.expires <= time.time() * 1000
    if kept.value is None or gone:
        return b"DEL", kept.key
    return b"RESTORE", kept.key, b"%d" % (kept.expires or 0), kept.value, b"REPLACE", b"ABSTTL"


async def _do(steps: Sequence[_Step], session: Session) -> None:
    """Put all back; the first refusal ends it."""
    for number, step in enumerate(steps):
        try:
            await _reply(session, *step.argv)
        except ReplyError as error:
            done = f"{number:,} of {len(steps):,} keys were put back; " if number else ""
            raise UndoError(f"(error) {error}; {done}it stays in :undo list") from None


# -- what is shown of it


def _title(entry: Entry, host: Host) -> str:
    title = as_typed(entry.argv, host.settings.encoding, secret_words(list(entry.argv), host.table))
    title = title if len(title) <= _WIDEST else f"{title[:_WIDEST]}..."
    return f"the undoing of {title}" if entry.undoes else title


def _shown(steps: Sequence[_Step], entry: Entry, host: Host) -> list[str]:
    lines = [line for step in steps[:_LOOKED_AT] for line in _lines(step, host)]
    if len(steps) > _LOOKED_AT:
        lines.append(f"  and {len(steps) - _LOOKED_AT:,} keys more")
    if entry.lost:
        lines.append(f"  {len(entry.lost):,} of its keys were not kept and stay as they are")
    return lines


def _lines(step: _Step, host: Host) -> Iterator[str]:
    kept, key = step.kept, readable(step.kept.key, host.settings.encoding)
    if step.argv[0] == b"DEL":
        yield f"  delete {key}: it {'was not there' if kept.value is None else 'would have expired by now'}"
    else:
        yield f"  restore {key}: {kept.kind}, {size(len(kept.value or b''))}, {_life(kept.expires)}"
    yield f"    now there is {step.now}{'' if step.ours else ', not what this session left there'}"


def _life(expires: int | None) -> str:
    return "never expires" if expires is None else f"expires in {duration(expires / 1000 - time.time())}"


async def _agreed(host: Host) -> bool:
    if host.settings.yes & {"", "UNDO"}:
        return True
    if not host.settings.asks:
        raise UndoError(":undo asks first, and --no-input is given; --yes=UNDO goes on")
    await typed_ahead()  # is no answer
    question = "Do it? [y/N] "
    try:
        answer = await PromptSession[str](question).prompt_async(handle_sigint=False)
    except (KeyboardInterrupt, EOFError):
        return False
    host.printer.overhear(question + answer)
    return answer.strip().lower() in ("y", "yes")
