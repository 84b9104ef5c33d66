"""Which of a fixed row of servers has which keys, when no server knows: sharding that the client alone does.

A pure function of the order of the servers: everybody who names them in the same order finds the same keys.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Final, TypeAlias

from pyredis.address import TcpAddress
from pyredis.cluster.routing import partial
from pyredis.commands.keys import keys
from pyredis.commands.slots import key_slot
from pyredis.commands.spec import Spec
from pyredis.exceptions import ClusterError

__all__ = ["Buckets"]

_LASTING: Final = frozenset({"write", "admin", "pubsub", "may_replicate"})

_Node: TypeAlias = TcpAddress | str


class Buckets:
    """Servers, or names of groups of servers, that share the keys: slot modulo their number."""

    def __init__(self, nodes: Sequence[_Node]) -> None:
        if len(set(nodes)) != len(nodes):
            raise ValueError("a bucket is there twice; each holds its own share of the keys")
        self.nodes: Final = tuple(nodes)

    def of_slot(self, slot: int) -> _Node:
        return self.nodes[slot % len(self.nodes)]

    def of(self, words: Sequence[bytes], spec: Spec | None, shard_key: bytes | None) -> _Node:
        """Return the node of a command; ClusterError when its keys have not got one and the same.

        Without a key any node will do for a question that all nodes answer alike.
        """
        routed_by = [shard_key] if shard_key is not None else keys(spec, words) if spec is not None else ()
        if spec is None and shard_key is None:
            name = words[0].decode("ascii", "replace")
            raise ClusterError(f"where {name} has its keys is not known; say shard_key= or sock=")
        found = {self.of_slot(key_slot(key)) for key in routed_by}
        if len(found) > 1:
            raise ClusterError(
                f"the keys of {_name(spec)} belong to {len(found)} servers, {', '.join(sorted(map(str, found)))}; "
                "give them the same {hash tag}, or use execute_split() if it can be split"
            )
        if found:
            return found.pop()
        if spec is not None and partial(spec):
            raise ClusterError(
                f"{spec.name} concerns all servers: execute_split() merges their replies, execute_on() gives "
                "each, and sock= asks one"
            )
        if spec is not None and not _LASTING.isdisjoint(spec.flags):
            raise ClusterError(
                f"{spec.name} does something to one server: say to which, with shard_key= or sock="
            )
        return random.choice(self.nodes)


def _name(spec: Spec | None) -> str:
    return spec.name if spec is not None else "the command"
