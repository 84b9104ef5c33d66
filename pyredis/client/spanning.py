"""Commands over several servers, of whatever has a way to each: pools and clients alike.

It knows how a command is routed, cut up, sent to many and put together again, and how what one server did not
execute is mended. How anything is sent to one server is for pools and clients to say.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Hashable, Iterable, Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, cast

from pyredis.address import TcpAddress
from pyredis.client.cluster_map import ClusterMap
from pyredis.client.redirects import follow, node_for
from pyredis.client.scanning import Scanning
from pyredis.cluster import merging, routing
from pyredis.cluster.buckets import Buckets
from pyredis.cluster.redirect import Reconnect, Wait, decide
from pyredis.commands.keys import keys
from pyredis.commands.methods import Commands
from pyredis.commands.spec import Spec, find
from pyredis.exceptions import (
    ClusterError,
    MovedError,
    PartialFailure,
    PyRedisConnError,
    PyRedisError,
    ReadOnly,
    StatefulCommand,
)
from pyredis.resp.encode import argv
from pyredis.types import Argument, Reply

__all__ = ["Audience", "Node", "OverBuckets", "OverCluster", "Planned", "Spanning", "named"]

_AT_ONCE: Final = 500  # commands of a list that are routed before others have their turn

Node: TypeAlias = TcpAddress | str
"""A server, by its address, or a group of servers, by its name."""
Planned: TypeAlias = tuple[Node, tuple[bytes, ...], Spec | None, int | None]
"""A command with the node that it belongs to, its row, and its slot."""
Audience: TypeAlias = Literal["primaries", "replicas", "all"]


def named(nodes: Iterable[Node], sock: object) -> Node:
    """Return the node that the execution option ``sock`` names; ValueError when there is none."""
    wanted = str(TcpAddress(*sock)) if isinstance(sock, tuple) and len(sock) == 2 else str(sock)
    named = {str(node): node for node in nodes}
    if wanted not in named:
        raise ValueError(f"sock={sock!r} is none of the servers, {', '.join(named)}")
    return named[wanted]


class Spanning(Commands, Scanning):
    """What spans several nodes; abstract over which there are and how each is reached."""

    if TYPE_CHECKING:

        @property
        def encoding(self) -> str | None: ...

    async def _route(
        self, words: Sequence[bytes], spec: Spec | None, shard_key: object, *, settled: bool = False
    ) -> Planned:
        """Return where a command belongs; ClusterError when that is not one node.

        ``settled``: it is part of something that goes on at a primary, so no replica will do.
        """
        raise NotImplementedError(f"{type(self).__name__} does not say where a command belongs")

    async def _nodes(self, audience: Audience) -> Sequence[Node]:
        """Return the nodes of a kind."""
        raise NotImplementedError(f"{type(self).__name__} does not say which nodes there are")

    async def _pinned(self, sock: object) -> Node:
        """Return the node that ``sock`` names, else raise ValueError."""
        raise NotImplementedError(f"{type(self).__name__} does not say what its nodes are called")

    async def _send(self, node: Node, words: Sequence[bytes]) -> Reply:
        """Return the reply of a node; raise its ReplyError."""
        raise NotImplementedError(f"{type(self).__name__} does not say how a node is reached")

    async def _send_many(
        self, node: Node, commands: Sequence[Sequence[bytes]]
    ) -> Sequence[Reply | PyRedisError]:
        """Return the replies of a node, errors in place."""
        raise NotImplementedError(f"{type(self).__name__} does not say how a node is reached")

    async def _mend(self, planned: Planned, error: PyRedisError) -> Reply:
        """Return the reply of a command that its node did not execute; raise the error when there is none."""
        raise error

    def _waits(self, planned: Planned, error: PyRedisError) -> bool:
        """Whether mending begins with waiting until a node can be found."""
        return False

    async def _send_anew(self, planned: Planned) -> Reply:
        """Return the reply of a command from where it belongs now; raise the error when there is none."""
        node, words, *_ = planned
        return await self._send(node, words)

    def _heed(self, error: PyRedisError) -> None:
        """Take note of what an error says of the nodes."""

    def _find(self, words: Sequence[bytes]) -> Spec | None:
        """Return the row of a command."""
        return find(words)

    def _refuse_writes(self, words: Sequence[bytes]) -> None:
        """Raise ReadOnlyRefused for what no node would be sent."""

    def _key(self, shard_key: object) -> bytes | None:
        return None if shard_key is None else argv((cast("Argument", shard_key),), self.encoding)[0]

    # -- many commands

    async def execute_many(self, commands: Iterable[Sequence[Argument]]) -> list[Reply | PyRedisError]:
        """Return the replies of many commands, in order, with errors in place as PyRedisError objects.

        They are sent to all their nodes at once. Commands that block, change state or belong to several nodes are
        refused before anything is sent. A node that is lost costs its own replies alone.
        """
        batch = []
        for command in commands:
            if isinstance(command, (str, bytes)):
                raise TypeError(f"a command is a list of arguments, not one {type(command).__name__}")
            words = argv(command, self.encoding)
            spec = self._find(words)
            _refuse_stateful(spec)
            self._refuse_writes(words)
            if spec is None or spec.blocks_for(words) is not None:
                name = words[0].decode("ascii", "replace")
                raise ValueError(f"{name} may block, or is not known: execute() it on its own")
            batch.append(await self._route(words, spec, None))
            if not len(batch) % _AT_ONCE:
                await asyncio.sleep(0)  # a long list must not hold up everybody else
        return await self._execute_batch(batch)

    async def _execute_batch(self, batch: Sequence[Planned]) -> list[Reply | PyRedisError]:
        """Return the replies of commands that are sent to all their nodes at once, in order."""
        places: dict[Node, list[int]] = {}
        for place, (node, *_) in enumerate(batch):
            places.setdefault(node, []).append(place)
        answered = await asyncio.gather(
            *(self._execute_run(node, [batch[place] for place in own]) for node, own in places.items())
        )
        replies: list[Reply | PyRedisError] = [None] * len(batch)
        for own, parts in zip(places.values(), answered, strict=True):
            for place, reply in zip(own, parts, strict=True):
                replies[place] = reply
        return replies

    async def _execute_run(self, node: Node, run: Sequence[Planned]) -> list[Reply | PyRedisError]:
        """Return the replies of one node, or what became of the commands elsewhere, one after the other."""
        replies = list(await self._send_many(node, [words for _, words, _, _ in run]))
        if not any(isinstance(reply, PyRedisError) for reply in replies):
            return replies
        overtaken = _overtaken(run, replies)
        by_slot: dict[int | None, list[int]] = {}
        for place, reply in enumerate(replies):
            if isinstance(reply, PyRedisError) and place not in overtaken:
                by_slot.setdefault(run[place][3], []).append(place)
        await asyncio.gather(*(self._mend_all(run, replies, places) for places in by_slot.values()))
        return replies

    async def _mend_all(
        self, run: Sequence[Planned], replies: list[Reply | PyRedisError], places: Sequence[int]
    ) -> None:
        """Replace errors of commands of one slot by what became of them in the end, one after the other.

        What one has waited for the next need not; and when that was in vain, the next ones keep their errors.
        """
        found = False
        for place in places:
            planned, error = run[place], cast("PyRedisError", replies[place])
            waits = self._waits(planned, error)
            try:
                again = self._send_anew(planned) if waits and found else self._mend(planned, error)
                replies[place] = await again
                found |= waits
            except PyRedisError as final:
                replies[place] = final
                if waits:
                    return

    # -- commands for several nodes

    async def execute_split(self, *args: Argument) -> Reply:
        """Return the reply of a command as one server with all the keys would give it.

        A command that the facts call multi-shard (MGET, MSET, DEL, EXISTS, ...) is sent slot by slot, one without
        keys (DBSIZE, KEYS, FLUSHALL, SCRIPT LOAD, ...) to every node that it concerns, and the replies are merged.
        Where each node speaks for itself (INFO), the reply is a dict by node. It is no transaction: PartialFailure
        tells which nodes did not do it.
        """
        words = argv(args, self.encoding)
        spec = self._find(words)
        _refuse_stateful(spec)
        self._refuse_writes(words)
        audience = routing.audience(spec) if spec is not None else None
        if spec is None or (audience is None and not routing.splittable(spec)):
            return await self.execute(*args)
        if audience is not None:
            each = _successes(spec, await self.execute_on(audience, *args))
            return merging.merge(spec, list(each.values())) if merging.mergeable(spec) else each
        parts = routing.split(words, spec)
        batch = [await self._route(part.argv, spec, None) for part in parts]
        answered = await self._execute_batch(batch)
        by_node: dict[str, list[Reply | PyRedisError]] = {}
        for (node, *_), reply in zip(batch, answered, strict=True):
            by_node.setdefault(str(node), []).append(reply)
        _successes(spec, {node: _of_one_node(spec, replies) for node, replies in by_node.items()})
        return merging.joined(spec, parts, cast("list[Reply]", answered))

    async def execute_on(self, audience: Audience, *args: Argument) -> dict[str, Reply | PyRedisError]:
        """Return the replies of ``"primaries"``, ``"replicas"`` or ``"all"`` nodes by ``host:port``.

        Errors are in place, as PyRedisError objects; nothing is sent again.
        """
        words = argv(args, self.encoding)
        _refuse_stateful(self._find(words))
        return await self._everywhere(await self._nodes(audience), words)

    async def _everywhere(
        self, nodes: Sequence[Node], words: Sequence[bytes]
    ) -> dict[str, Reply | PyRedisError]:
        replies = await asyncio.gather(*(self._at(node, words) for node in nodes))
        return dict(zip(map(str, nodes), replies, strict=True))

    async def _at(self, node: Node, words: Sequence[bytes]) -> Reply | PyRedisError:
        try:
            return await self._send(node, words)
        except PyRedisError as error:
            return error

    async def scan_iter(
        self,
        match: Argument | None = None,
        count: int | None = None,
        type: Argument | None = None,
        **options: object,
    ) -> AsyncGenerator[bytes | str, None]:
        """Yield the keys of every primary, one node after the other, or of the one that ``sock`` names."""
        socks = [options.pop("sock")] if "sock" in options else await self._nodes("primaries")
        for sock in socks:
            async with aclosing(super().scan_iter(match, count, type, sock=sock, **options)) as keys:
                async for key in keys:
                    yield key


class OverBuckets(Spanning):
    """What spans fixed nodes, each with its share of the keys."""

    _buckets: Buckets

    async def _route(
        self, words: Sequence[bytes], spec: Spec | None, shard_key: object, *, settled: bool = False
    ) -> Planned:
        return self._buckets.of(words, spec, self._key(shard_key)), tuple(words), spec, None

    async def _nodes(self, audience: Audience) -> Sequence[Node]:
        if audience not in ("primaries", "all"):
            raise ValueError(f"the servers are 'primaries', or 'all', not {audience!r}")
        return self._buckets.nodes

    async def _pinned(self, sock: object) -> Node:
        return named(self._buckets.nodes, sock)


class OverCluster(Spanning):
    """What spans the nodes of a cluster."""

    _cluster: ClusterMap
    _replica_ok: bool

    @property
    def replica_ok(self) -> bool:
        """Whether replicas are read from."""
        return self._replica_ok

    slave_ok = replica_ok

    @property
    def _patience(self) -> float:
        """Seconds for which a command that no node executed is tried again."""
        raise NotImplementedError(f"{type(self).__name__} does not say how long it tries")

    async def _send_asking(self, address: TcpAddress, words: Sequence[bytes], spec: Spec | None) -> Reply:
        """Return the reply of a command that is sent right behind ASKING; raise its ReplyError."""
        raise NotImplementedError(f"{type(self).__name__} does not say how a node is reached")

    async def _route(
        self, words: Sequence[bytes], spec: Spec | None, shard_key: object, *, settled: bool = False
    ) -> Planned:
        slot = routing.slot(words, spec, self._key(shard_key))
        if slot is None and spec is not None and routing.partial(spec):
            raise ClusterError(
                f"{spec.name} concerns more nodes than one: {_mend_of(spec)}, and sock='host:port' asks one"
            )
        if slot is None and spec is not None and _is_local(spec):
            raise ClusterError(
                f"{spec.name} is about one node: sock='host:port' says which, execute_on() asks many"
            )
        reads = self._replica_ok and not settled and spec is not None and spec.readonly
        return await node_for(self._cluster, slot, replica=reads), tuple(words), spec, slot

    async def _nodes(self, audience: Audience) -> Sequence[Node]:
        topology = await self._cluster.look()
        nodes = {"primaries": topology.primaries, "replicas": topology.replicas, "all": topology.nodes}
        if audience not in nodes:
            raise ValueError(f"there are 'primaries', 'replicas' and 'all' nodes, not {audience!r}")
        return nodes[audience]

    async def _pinned(self, sock: object) -> Node:
        topology = await self._cluster.learn()
        if str(sock) not in map(str, topology.nodes):
            topology = await self._cluster.look()
            if isinstance(sock, TcpAddress) and sock not in topology.nodes:
                raise ClusterError(f"{sock} has left the cluster; what went on there has to begin anew")
        return named((*topology.nodes, *self._cluster.seeds), sock)

    async def execute_on(self, audience: Audience, *args: Argument) -> dict[str, Reply | PyRedisError]:
        """Return the replies of ``"primaries"``, ``"replicas"`` or ``"all"`` nodes by ``host:port``.

        Errors are in place, as PyRedisError objects. A node that has left is no failure, and the one that has
        taken its place is asked, when that cannot execute a command twice.
        """
        words = argv(args, self.encoding)
        replies = await super().execute_on(audience, *args)
        gone = [node for node, reply in replies.items() if isinstance(reply, (PyRedisConnError, ReadOnly))]
        if not gone:
            return replies
        try:
            await self._cluster.refresh()
            nodes = await self._nodes(audience)
        except PyRedisError:
            return replies
        if not all(_harmless(self._find(words), replies[node]) for node in gone):
            return replies
        new = [node for node in nodes if str(node) not in replies]
        replies.update(await self._everywhere(new, words))
        here = set(map(str, nodes))
        return {node: reply for node, reply in replies.items() if node in here or node not in gone}

    async def _mend(self, planned: Planned, error: PyRedisError) -> Reply:
        node, words, spec, slot = planned
        assert isinstance(node, TcpAddress)

        async def send(address: TcpAddress, asking: bool) -> Reply:
            if asking:
                return await self._send_asking(address, words, spec)
            return await self._send(address, words)

        return await follow(
            self._cluster,
            error,
            node,
            send,
            slot=slot,
            harmless=spec is not None and spec.readonly,
            scripted=_is_script(spec),
            patience=self._patience,
        )

    def _waits(self, planned: Planned, error: PyRedisError) -> bool:
        node, _, spec, _ = planned
        readonly = spec is not None and spec.readonly
        asked = cast("TcpAddress", node)
        verdict = decide(
            error,
            0,
            readonly=readonly,
            asked=asked,
            chance=0,
            scripted=_is_script(spec),
            natmap=self._cluster.natmap,
        )
        return isinstance(verdict, Wait | Reconnect)

    async def _send_anew(self, planned: Planned) -> Reply:
        _, words, spec, slot = planned
        node = await node_for(self._cluster, slot, replica=False)
        try:
            return await self._send(node, words)
        except PyRedisError as error:
            return await self._mend((node, words, spec, slot), error)

    def _heed(self, error: PyRedisError) -> None:
        if isinstance(error, MovedError):
            self._cluster.refresh_soon()


def _is_script(spec: Spec | None) -> bool:
    """Whether a command may fail half-way, with any words; of one that nothing is known of, that is not known."""
    return spec is None or spec.group == "scripting"


def _is_local(spec: Spec) -> bool:
    """Whether a command without keys is about the node that it is sent to: another one would answer otherwise."""
    if "admin" in spec.flags or (spec.group == "pubsub" and " " in spec.name):
        return True
    return spec.group == "cluster" and any(argument[1] == "integer" for argument in spec.arguments)


def _mend_of(spec: Spec) -> str:
    if spec.name == "SCAN":
        return "scan_iter() walks through all of them"
    return "execute_split() merges their replies, execute_on() gives each"


def _refuse_stateful(spec: Spec | None) -> None:
    if spec is not None and spec.stateful:
        raise StatefulCommand(
            f"{spec.name} changes the state of its connection, so it cannot be sent to several; execute() it "
            "on a client, with shard_key= or sock="
        )


def _harmless(spec: Spec | None, error: object) -> bool:
    """Whether a command that failed so may be executed elsewhere, and not twice."""
    if spec is not None and spec.readonly:
        return True
    if isinstance(error, ReadOnly):
        return not _is_script(spec)
    return isinstance(error, PyRedisConnError) and error.sent is False


def _overtaken(run: Sequence[Planned], replies: Sequence[Reply | PyRedisError]) -> set[int]:
    """Return which commands were not executed, while a later one with the same key was.

    These must not be executed after all: what came later would be undone.
    """
    overtaken: set[int] = set()
    executed: set[bytes] = set()
    for place in range(len(run) - 1, -1, -1):
        _, words, spec, _ = run[place]
        own = keys(spec, words) if spec is not None else ()
        if not isinstance(replies[place], PyRedisError):
            executed.update(own)
        elif not executed.isdisjoint(own):
            overtaken.add(place)
    return overtaken


def _of_one_node(spec: Spec, replies: Sequence[Reply | PyRedisError]) -> Reply | PyRedisError:
    """Return what the parts that one node had come to: the first error, if any."""
    errors = [reply for reply in replies if isinstance(reply, PyRedisError)]
    return errors[0] if errors else merging.merge(spec, cast("Sequence[Reply]", replies))


def _successes(spec: Spec, replies: Mapping[str, Reply | PyRedisError]) -> dict[Hashable, Reply]:
    """Return the replies by node; raise PartialFailure when a node did not do it that had to."""
    failed = {node: reply for node, reply in replies.items() if isinstance(reply, PyRedisError)}
    if len(failed) == len(replies) == 1:
        raise next(iter(failed.values()))
    if failed and (len(failed) == len(replies) or not merging.one_is_enough(spec)):
        reasons = "; ".join(f"{node}: {error}" for node, error in failed.items())
        raise PartialFailure(
            f"{spec.name} failed at {len(failed)} of {len(replies)} nodes ({reasons})", replies
        )
    return {node: cast("Reply", reply) for node, reply in replies.items() if node not in failed}
