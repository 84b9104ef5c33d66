"""What to do when a node of a cluster does not execute a command: the driver of ``cluster.redirect``.

It sends the command where the verdict says, sleeps when it says so, and has the map of the cluster corrected. How
a command is sent to a node is its caller's affair.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from pyredis.address import TcpAddress
from pyredis.client.cluster_map import ClusterMap
from pyredis.cluster.redirect import Ask, GiveUp, Move, Reconnect, Wait, decide
from pyredis.cluster.topology import Topology
from pyredis.exceptions import ClusterError, PyRedisConnClosed, PyRedisConnError, PyRedisError
from pyredis.types import Reply

__all__ = ["PATIENCE", "Send", "follow", "node_for"]

_log = logging.getLogger(__name__)

PATIENCE: Final = 2.0
"""Seconds for which a command that no node executed is tried again, without a ``read_timeout``."""

Send: TypeAlias = Callable[[TcpAddress, bool], Awaitable[Reply]]
"""Sends the command to a node; True: right behind ASKING."""


async def node_for(cluster: ClusterMap, slot: int | None, *, replica: bool) -> TcpAddress:
    """Return the node for a command: a replica of the slot when asked for and there is one, else its primary.

    Without a slot any shard will do. ClusterError when no node serves the slot.
    """
    found = _find(await cluster.learn(), slot, replica=replica)
    if found is None:
        found = _find(await cluster.refresh(), slot, replica=replica)
    if found is None:
        raise ClusterError(f"no node serves slot {slot}; `CLUSTER INFO` on a node tells more")
    return found


def _find(topology: Topology, slot: int | None, *, replica: bool) -> TcpAddress | None:
    shard = random.choice(topology.shards) if slot is None else topology.shard(slot)
    if shard is None:
        return None
    return random.choice(shard.replicas) if replica and shard.replicas else shard.primary


async def _found_now(cluster: ClusterMap, slot: int | None, *, avoid: TcpAddress | None) -> TcpAddress | None:
    """Return the primary of a slot, looked up anew when a node is to be avoided; None when nobody knows now."""
    try:
        if avoid is not None:
            await cluster.refresh(avoid=avoid)
        return await node_for(cluster, slot, replica=False)
    except PyRedisConnClosed:
        raise  # it is we who were closed
    except (PyRedisConnError, ClusterError):
        return None


async def follow(
    cluster: ClusterMap,
    error: PyRedisError,
    asked: TcpAddress,
    send: Send,
    *,
    slot: int | None,
    harmless: bool,
    scripted: bool = False,
    patience: float,
) -> Reply:
    """Return the reply of a command that ``asked`` did not execute, from where it is executed at last.

    Goes on for ``patience`` seconds, as long as the command was certainly not executed, or is ``harmless`` when it
    is executed twice; else raises what became of it. ``scripted``: it may fail half-way, with any words.
    """
    loop = asyncio.get_running_loop()
    ends = loop.time() + patience
    attempt = 0
    while True:
        verdict = decide(
            error,
            attempt,
            readonly=harmless,
            asked=asked,
            chance=random.random(),
            scripted=scripted,
            natmap=cluster.natmap,
        )
        _log.debug("%s at %s: %s", type(error).__name__, asked, verdict)
        asking = False
        match verdict:
            case GiveUp(reason):
                if reason is error:
                    raise reason
                raise reason from error
            case Move(address, moved):
                cluster.moved(moved, address)
                asked = address
            case Ask(address):
                asked, asking = address, True
            case Wait(seconds) | Reconnect(seconds):
                if loop.time() + seconds > ends:
                    raise error
                await asyncio.sleep(seconds)
                found = await _found_now(
                    cluster, slot, avoid=asked if isinstance(verdict, Reconnect) else None
                )
                if found is None:
                    attempt += 1
                    continue
                asked = found
        attempt += 1
        try:
            return await send(asked, asking)
        except PyRedisError as again:
            error = again
