"""What to do next when a node did not execute a command. Pure: sees an error, never a socket."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

from pyredis.address import NatMap, TcpAddress, reached
from pyredis.commands.slots import SLOTS
from pyredis.exceptions import (
    AskError,
    ClusterDown,
    ClusterError,
    Loading,
    MasterDown,
    MovedError,
    PyRedisConnError,
    PyRedisConnReadTimeout,
    PyRedisError,
    ReplyError,
    TryAgain,
)
from pyredis.retry import Backoff

__all__ = ["HOPS", "Ask", "GiveUp", "Move", "Reconnect", "Verdict", "Wait", "decide", "target"]

HOPS: Final = 16
"""How often a command may be sent elsewhere, or again, before it is given up."""

_WAITS: Final = Backoff(first=0.02, most=0.3)

_SENTENCES: Final = (
    "TRYAGAIN Multiple keys request during rehashing of slot",
    "CLUSTERDOWN The cluster is down",
    "CLUSTERDOWN Hash slot not served",
    "LOADING Redis is loading the dataset in memory",
    "LOADING Valkey is loading the dataset in memory",
)
"""How servers refuse to begin with a script; other words with these codes may be the script's own, at its end."""


@dataclass(frozen=True, slots=True)
class Move:
    """The slot is another node's for good: send the command there, and remember."""

    address: TcpAddress
    slot: int


@dataclass(frozen=True, slots=True)
class Ask:
    """Send ASKING and the command to this node, this once."""

    address: TcpAddress


@dataclass(frozen=True, slots=True)
class Wait:
    """The cluster is busy with itself: try again after so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Reconnect:
    """The node is of no use: find out who has the slot, after so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Raise this."""

    error: PyRedisError


Verdict: TypeAlias = Move | Ask | Wait | Reconnect | GiveUp


def decide(
    error: PyRedisError,
    attempt: int,
    *,
    readonly: bool,
    asked: TcpAddress,
    chance: float,
    scripted: bool = False,
    natmap: NatMap | None = None,
) -> Verdict:
    """Return what to do about a command that the node ``asked`` answered with ``error``.

    ``attempt`` counts from 0; ``chance`` is a number from 0 to 1. Only what was certainly not executed, or is
    ``readonly``, is ever sent again: a ``scripted`` command may fail half-way, with any words. ``natmap`` says
    where the nodes are reached that redirects name.
    """
    pause = _WAITS.delay(attempt, chance)
    match error:
        case MovedError() | AskError():
            return _redirected(error, attempt, asked, pause, natmap)
        case TryAgain() | ClusterDown() | Loading() | MasterDown() if scripted and not _refused_at_once(
            error
        ):
            return GiveUp(error)
        case TryAgain() if attempt < HOPS:
            return Wait(pause)
        case ClusterDown() | Loading() | MasterDown() if attempt < HOPS:
            # It may be the node alone, given up by the others.
            return Reconnect(pause) if attempt else Wait(pause)
        case PyRedisConnReadTimeout():
            return GiveUp(error)
        case PyRedisConnError() if attempt < HOPS and (readonly or error.sent is False):
            return Reconnect(pause)
    return GiveUp(error)


def _refused_at_once(error: ReplyError) -> bool:
    return error.message.startswith(_SENTENCES)


def _redirected(
    error: MovedError | AskError, attempt: int, asked: TcpAddress, pause: float, natmap: NatMap | None
) -> Verdict:
    if attempt >= HOPS:
        return GiveUp(ClusterError(f"redirected {HOPS} times, at last by {asked}: {error.message}"))
    if error.address.startswith("?:"):
        return Reconnect(pause)  # the node does not know where the other one can be reached
    address = target(error, asked, natmap)
    if address is None or not 0 <= error.slot < SLOTS:
        return GiveUp(ClusterError(f"{asked} redirects to nowhere: {error.message}"))
    if address == asked:
        return Wait(pause)
    return Move(address, error.slot) if isinstance(error, MovedError) else Ask(address)


def target(
    error: MovedError | AskError, asked: TcpAddress, natmap: NatMap | None = None
) -> TcpAddress | None:
    """Return where a redirect points to: a node that does not know its own host means the one it was asked at."""
    host, _, port = error.address.rpartition(":")
    try:
        return reached(TcpAddress(host.strip("[]") or asked.host, int(port)), natmap)
    except ValueError:
        return None
