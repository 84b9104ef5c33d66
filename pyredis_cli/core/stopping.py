"""How a command that runs is stopped at a person's wish, within a second, and what is said of it.

It has the server end a wait (CLIENT UNBLOCK), for then nothing is lost: neither the connection nor a value that
was on its way. Where that does not help, the connection is closed and another one opened. It never sends what
would stop somebody else's work, and never the command again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from pyredis.exceptions import PyRedisError, ReplyError

if TYPE_CHECKING:
    from pyredis.commands.spec import Spec
    from pyredis_cli.core.outcome import Outcome
    from pyredis_cli.core.session import Session

__all__ = ["Stopped", "cancelled", "cut_short", "sentences", "stop"]

# Seconds, 0.9 in all; whoever pressed Ctrl-C is to have a prompt within one.
_UNBLOCKING: Final = 0.4
_ANSWERING: Final = 0.1
_RECONNECTING: Final = 0.4


_CUT_OFF: Final = frozenset({"reconnected", "busy", "lost", "unconnected", "closed"})
"""The ways that leave a command behind whose end nobody saw."""


class Stopped(NamedTuple):
    """How it ended, with the outcome when there is one all the same, or with the error of a new connection.

    ``welcome`` is what to say of the new connection; ``lost`` is what went with the old one and keeps the session
    from opening another.
    """

    how: Literal[
        "answered",
        "unblocked",
        "unsent",
        "unexecuted",
        "reconnected",
        "busy",
        "lost",
        "unconnected",
        "closed",
    ]
    outcome: Outcome | None = None
    error: PyRedisError | None = None
    welcome: str = ""
    lost: str = ""


async def stop(session: Session, running: asyncio.Task[Outcome], argv: Sequence[bytes]) -> Stopped:
    """Stop the command that runs; a cancellation in between closes the connection at once."""
    if not session.connected:  # it waits for a connection, so nothing was sent
        await cancelled(running)
        return Stopped("unsent")
    if session.between:
        await cancelled(running)
        return Stopped("unexecuted")
    try:
        unblocked = await _unblock(session, running, argv)
        await asyncio.wait([running], timeout=_ANSWERING)
        if running.done():
            outcome = running.result()
            # A nil while nobody has heard yet what became of UNBLOCK: the wait is over, by that or by its own end.
            unblocked = _brought_nothing(outcome) if unblocked is None else unblocked
            return Stopped("unblocked" if unblocked else "answered", outcome)
    finally:
        await cancelled(running)
    return await _reconnected(session)


def cut_short(session: Session, running: asyncio.Task[Outcome]) -> Stopped:
    """Return what became of a command when its stopping was cancelled in its turn."""
    if running.done() and not running.cancelled():
        return Stopped("answered", running.result())
    if session.commitments and not session.connected:
        return Stopped("lost", lost=session.losses)
    return Stopped("closed")


def _brought_nothing(outcome: Outcome) -> bool:
    return outcome.error is None and outcome.reply is None


async def _unblock(session: Session, running: asyncio.Task[Outcome], argv: Sequence[bytes]) -> bool | None:
    """Return whether the server ended a wait, None when it has not said so in time.

    Without a wait it ends early with the command.
    """
    unblocking = asyncio.create_task(session.unblock(argv))
    try:
        await asyncio.wait([unblocking, running], timeout=_UNBLOCKING, return_when=asyncio.FIRST_COMPLETED)
        if running.done():  # which may be the work of UNBLOCK, whose own reply is on its way then
            await asyncio.wait([unblocking], timeout=_RECONNECTING)
    finally:
        await cancelled(unblocking)
    if unblocking.cancelled():
        return None
    with suppress(PyRedisError):
        return unblocking.result()
    return False


async def _reconnected(session: Session) -> Stopped:
    if session.connected:  # it ran on another connection, to which ASKING led
        return Stopped("closed")
    if session.commitments:
        return Stopped("lost", lost=session.losses)
    try:
        async with asyncio.timeout(_RECONNECTING):
            return Stopped("reconnected", welcome=await session.reconnect())
    except TimeoutError:
        session.busy = True
        return Stopped("busy")
    except ReplyError as error:
        session.busy = error.code == "BUSY"
        return Stopped("busy" if session.busy else "unconnected", error=error)
    except PyRedisError as error:
        return Stopped("unconnected", error=error)


async def cancelled(task: asyncio.Task[Any]) -> None:
    """Cancel a task and wait for its end."""
    task.cancel()
    await asyncio.wait([task])


def sentences(stopped: Stopped, spec: Spec | None) -> Iterator[str]:
    """Yield what to say of it, apart from the reply."""
    name = spec.name if spec else "the command"
    match stopped.how:
        case "unsent":
            yield f"stopped: not connected; {name} was not sent"
        case "unexecuted":
            yield f"stopped: {name} was not executed"
        case "answered" if stopped.outcome is None or stopped.outcome.answered:
            yield f"{name} was answered before it could be stopped"
        case "unblocked":
            yield f"stopped: {name} was unblocked"
        case "reconnected":
            yield f"stopped: {_fate(name, spec)}{stopped.welcome}"
        case "busy":
            yield (
                f"stopped: {_fate(name, spec)}not connected (server busy); "
                "the connection comes back when the server answers"
            )
        case "lost":
            yield f"stopped: {_fate(name, spec)}the connection is closed, and with it went {stopped.lost}"
        case "closed":
            yield f"stopped: {_fate(name, spec)}the connection is closed, the next command opens another"
        case "unconnected":
            yield f"stopped: {_fate(name, spec)}not connected: {stopped.error}"
    if spec is not None and spec.ended_by and stopped.how in _CUT_OFF:
        yield f"{name} may still run: {spec.ended_by} ends it, unless it has written already"


def _fate(name: str, spec: Spec | None) -> str:
    readonly = spec is not None and spec.readonly
    return "" if readonly else f"{name} was sent, its outcome is unknown; "
