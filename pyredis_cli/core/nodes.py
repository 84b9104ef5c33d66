"""Where in a cluster a command belongs, and what is said of it. Pure: facts, slots and errors, no connection.

The map is a servant: what it does not know, and what it would refuse for good, is left to the node that the
session is at.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Final

from pyredis.address import NatMap, TcpAddress
from pyredis.cluster.redirect import GiveUp, Verdict, decide, target
from pyredis.cluster.topology import Topology
from pyredis.commands.keys import keys
from pyredis.commands.slots import key_slot
from pyredis.commands.spec import Spec
from pyredis.exceptions import AskError, ClusterError, CrossSlot, MovedError, ReplyError
from pyredis_cli.core.outcome import Outcome

__all__ = ["called", "elsewhere", "lost_way", "not_followed", "slot_of", "slots_of", "verdict"]

_SHOWN: Final = 5


def slots_of(argv: Sequence[bytes], spec: Spec | None) -> list[int]:
    """Return the slots of a command's keys, in order; none of what has no keys, or is not known."""
    return sorted(set(map(key_slot, keys(spec, argv)))) if spec is not None else []


def slot_of(argv: Sequence[bytes], spec: Spec | None) -> int | None:
    """Return the slot that a command belongs to, None without keys; CrossSlot when it has keys of several."""
    slots = slots_of(argv, spec)
    if spec is not None and len(slots) > 1:
        raise CrossSlot(f"CROSSSLOT {_cross_slot(spec, slots)}", spec.name)
    return slots[0] if slots else None


def _cross_slot(spec: Spec, slots: Sequence[int]) -> str:
    shown = ", ".join(map(str, slots[:_SHOWN])) + (", ..." if len(slots) > _SHOWN else "")
    return (
        f"the keys of {spec.name} lie in {len(slots)} slots ({shown}), so it was not sent; "
        "give them the same {hash tag}, or send a command for each slot"
    )


def elsewhere(topology: Topology | None, slot: int, at: TcpAddress) -> TcpAddress | None:
    """Return the node that has a slot when it is another one; None when ``at`` will do, or nobody knows.

    A replica is as good: it may have been told READONLY, and says where else to go if not.
    """
    shard = topology.shard(slot) if topology is not None else None
    if shard is None or at == shard.primary or at in shard.replicas:
        return None
    return shard.primary


def verdict(
    error: ReplyError, attempt: int, spec: Spec | None, asked: TcpAddress, natmap: NatMap | None = None
) -> Verdict:
    """Return what to do about a command that the node ``asked`` answered with an error."""
    scripted = spec is None or spec.group == "scripting"  # which may fail half-way, with any words
    if isinstance(error, AskError) and (spec is None or spec.stateful):
        # It would change a connection that the session does not stay on.
        return GiveUp(error)
    chance = random.random()
    return decide(
        error, attempt, readonly=False, asked=asked, chance=chance, scripted=scripted, natmap=natmap
    )


# -- what is said


def called(address: TcpAddress, natmap: NatMap) -> str:
    """Return an address for a person: where a node is reached, and what the others call it when that differs."""
    named = next((named for named, there in natmap.items() if there == address != named), None)
    return str(address) if named is None else f"{address} (the others call it {named})"


def not_followed(
    outcome: Outcome, at: TcpAddress, natmap: NatMap | None = None, *, transaction: bool, bound: str
) -> str:
    """Return why a redirect is only shown, empty when there is nothing to add.

    ``bound`` is what would end if the session went away.
    """
    error = outcome.error
    if not isinstance(error, MovedError | AskError):
        return ""
    there = target(error, at, natmap) if natmap else None
    where = f"slot {error.slot} is at {called(there, natmap) if there and natmap else error.address}"
    if outcome.effect == "exec":
        return f"{where} by now; the transaction was discarded, nothing of it was executed"
    if transaction:
        return (
            f"{where}, but the transaction stays at {at}, which will refuse EXEC now (EXECABORT): "
            "DISCARD it, run a command with that key, then MULTI again"
        )
    if bound:
        return f"{where}; the session stays at {at} because of {bound}"
    if isinstance(error, AskError):
        return f"slot {error.slot} is on its way to {error.address}; try again when it has arrived"
    return f"{where}, says {at} again and again; it may not know its cluster yet"


def lost_way(error: ReplyError, asked: TcpAddress) -> ClusterError:
    """Return what to say of a redirect to a node that has no address."""
    return ClusterError(
        f"{asked} redirects to a node whose address it does not tell: {error.message}; "
        "let the nodes announce one (cluster-announce-ip or cluster-announce-hostname)"
    )
