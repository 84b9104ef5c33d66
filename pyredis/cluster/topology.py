"""Which node of a cluster has which slots, read from what a node says. Pure: values in, value out.

What a node says is taken with care: a node without an address that can be reached is left out, and what is no
topology at all is ProtocolError.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, groupby
from typing import Final, Literal, NamedTuple, TypeAlias

from pyredis.address import Address, NatMap, TcpAddress, reached
from pyredis.commands.slots import SLOTS
from pyredis.exceptions import ProtocolError
from pyredis.types import Reply, plain

__all__ = [
    "Member",
    "Shard",
    "Topology",
    "from_shards",
    "from_slots",
    "members_in_nodes",
    "members_in_shards",
]

_Ranges: TypeAlias = "dict[Shard, list[tuple[int, int]]]"

_UNKNOWN: Final = "?"


@dataclass(frozen=True, slots=True)
class Shard:
    """A primary and the replicas that it can be read from."""

    primary: TcpAddress
    replicas: tuple[TcpAddress, ...] = ()


class Member(NamedTuple):
    """A node as another one sees it, with slots or without; ``up`` is whether that one can reach it."""

    address: Address
    role: Literal["primary", "replica"]
    up: bool = True


class Topology:
    """The shards, and whose each slot is; equal when both are."""

    def __init__(self, shards: Iterable[Shard], owners: Sequence[Shard | None]) -> None:
        """``owners`` is the shard of each slot, from 0 on; None where there is none."""
        self.shards = tuple(shards)
        self._owners = tuple(owners)

    def shard(self, slot: int) -> Shard | None:
        """Return who has a slot; None is nobody."""
        return self._owners[slot]

    @cached_property
    def primaries(self) -> tuple[TcpAddress, ...]:
        return tuple(dict.fromkeys(shard.primary for shard in self.shards))

    @cached_property
    def replicas(self) -> tuple[TcpAddress, ...]:
        return tuple(dict.fromkeys(replica for shard in self.shards for replica in shard.replicas))

    @cached_property
    def nodes(self) -> tuple[TcpAddress, ...]:
        return tuple(dict.fromkeys((*self.primaries, *self.replicas)))

    @cached_property
    def uncovered(self) -> int:
        """How many slots nobody has."""
        return self._owners.count(None)

    @property
    def covered(self) -> bool:
        return not self.uncovered

    def moved(self, slot: int, address: TcpAddress) -> Topology:
        """Return the same, but for one slot that ``address`` has now; its other slots, if any, stay its own."""
        owner = self._owners[slot]
        if owner is not None and owner.primary == address:
            return self
        shard = next((shard for shard in self.shards if shard.primary == address), Shard(address))
        owners = (*self._owners[:slot], shard, *self._owners[slot + 1 :])
        return Topology(dict.fromkeys((*self.shards, shard)), owners)

    def reached_by(self, natmap: NatMap) -> Topology:
        """Return the same with every node where it is reached."""
        if not natmap:
            return self
        there = {
            shard: Shard(
                reached(shard.primary, natmap), _in_order(reached(one, natmap) for one in shard.replicas)
            )
            for shard in self.shards
        }
        return Topology(there.values(), [shard and there[shard] for shard in self._owners])

    @cached_property
    def _runs(self) -> tuple[tuple[Shard | None, int], ...]:
        """Who has the slots from 0 on, and how many in a row each: few, where slots are many."""
        return tuple((shard, sum(1 for _ in run)) for shard, run in groupby(self._owners))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Topology):
            return NotImplemented
        return set(self.shards) == set(other.shards) and self._runs == other._runs

    def __hash__(self) -> int:
        return hash(frozenset(self.shards))

    def __repr__(self) -> str:
        counts = f"{len(self.shards)} shards, {len(self.nodes)} nodes, {self.uncovered} slots uncovered"
        return f"<Topology: {counts}>"


def _topology(ranges: _Ranges) -> Topology:
    owners: list[Shard | None] = [None] * SLOTS
    for shard, spans in ranges.items():
        for first, last in spans:
            owners[first : last + 1] = [shard] * (last + 1 - first)
    return Topology(ranges, owners)


def from_slots(reply: Reply, asked: Address) -> Topology:
    """Return what a CLUSTER SLOTS reply of the node ``asked`` says."""
    ranges: _Ranges = {}
    try:
        for entry in _items(plain(reply)):
            first, last, primary, *replicas = _items(entry)
            span = _span(first, last)
            address = _listed(primary, asked)
            if address is not None:
                others = [replica for entry in replicas if (replica := _listed(entry, asked))]
                ranges.setdefault(Shard(address, _in_order(others)), []).append(span)
    except (TypeError, ValueError, LookupError):
        raise ProtocolError(
            f"{asked} answered CLUSTER SLOTS with something else than slots and nodes"
        ) from None
    return _topology(ranges)


def from_shards(reply: Reply, asked: Address, *, tls: bool = False) -> Topology:
    """Return what a CLUSTER SHARDS reply of the node ``asked`` says; with ``tls``, the ports for TLS."""
    ranges: _Ranges = {}
    try:
        for entry in _items(plain(reply)):
            shard = _fields(entry)
            slots = _items(shard["slots"])
            spans = [_span(first, last) for first, last in zip(slots[::2], slots[1::2], strict=True)]
            nodes = [_fields(node) for node in _items(shard["nodes"])]
            primary = next(_nodes(nodes, asked, "master", tls), None)
            others = _in_order(_nodes(nodes, asked, "replica", tls))
            if primary is not None and spans:
                ranges.setdefault(Shard(primary, others), []).extend(spans)
    except (TypeError, ValueError, LookupError):
        raise ProtocolError(f"{asked} answered CLUSTER SHARDS with something else than shards") from None
    return _topology(ranges)


def members_in_shards(reply: Reply, asked: Address, *, tls: bool = False) -> tuple[Member, ...]:
    """Return every node in a CLUSTER SHARDS reply of the node ``asked``: each primary, then its replicas."""
    shards: list[list[Member]] = []
    try:
        for entry in _items(plain(reply)):
            nodes = [_fields(node) for node in _items(_fields(entry)["nodes"])]
            found = [(_endpoint(node, asked, tls), _text(node["role"]), _online(node)) for node in nodes]
            shards.append([_member(*node) for node in found if node[0] is not None])  # type: ignore[arg-type]
    except (TypeError, ValueError, LookupError):
        raise ProtocolError(f"{asked} answered CLUSTER SHARDS with something else than shards") from None
    return _by_shard(shards)


def members_in_nodes(reply: Reply, asked: Address) -> tuple[Member, ...]:
    """Return every node in a CLUSTER NODES reply of the node ``asked``: each primary, then its replicas."""
    shards: dict[str, list[Member]] = {}
    try:
        for line in _text(plain(reply)).splitlines():
            id, where, flags, primary, *_ = line.split(" ")
            host, _, port = where.partition("@")[0].rpartition(":")
            address = _address(host, asked, int(port))
            known = set(flags.split(","))
            if address is not None and not known & {"handshake", "noaddr"}:
                role = "master" if "master" in known else "replica"
                shard = shards.setdefault(id if primary == "-" else primary, [])
                shard.append(_member(address, role, not known & {"fail", "fail?"}))
    except (TypeError, ValueError):
        raise ProtocolError(f"{asked} answered CLUSTER NODES with something else than nodes") from None
    return _by_shard(shards.values())


def _member(address: TcpAddress, role: str, up: bool) -> Member:
    return Member(address, "primary" if role == "master" else "replica", up)


def _by_shard(shards: Iterable[list[Member]]) -> tuple[Member, ...]:
    """Return the nodes in the same order, in whichever order a node names them."""
    ordered: list[list[Member]] = [
        sorted(shard, key=lambda node: (node.role, str(node.address))) for shard in shards if shard
    ]
    ordered.sort(key=lambda shard: str(shard[0].address))
    return tuple(chain.from_iterable(ordered))


def _in_order(replicas: Iterable[TcpAddress]) -> tuple[TcpAddress, ...]:
    """Return replicas in the same order, in whichever order a node names them."""
    return tuple(sorted(replicas, key=str))


def _nodes(
    nodes: Sequence[Mapping[str, object]], asked: Address, role: str, tls: bool
) -> Iterator[TcpAddress]:
    """Yield the addresses of the nodes of a role, those that are online first.

    A replica that is not is left out. A primary that failed is the primary until another one is.
    """
    for node in sorted(nodes, key=lambda node: not _online(node)):
        if _text(node["role"]) != role or (role == "replica" and not _online(node)):
            continue
        address = _endpoint(node, asked, tls)
        if address is not None:
            yield address


def _endpoint(node: Mapping[str, object], asked: Address, tls: bool) -> TcpAddress | None:
    """Return where a node of CLUSTER SHARDS is; None when that cannot be known."""
    endpoint = _text(node.get("endpoint") or "")
    host = _text(node.get("ip") or "") if endpoint == _UNKNOWN else endpoint
    return _address(host, asked, node.get("tls-port" if tls else "port"))


def _online(node: Mapping[str, object]) -> bool:
    return _text(node.get("health", "online")) == "online"


def _listed(entry: object, asked: Address) -> TcpAddress | None:
    """Return the address of a node in CLUSTER SLOTS; None when it cannot be known."""
    host, port, *rest = _items(entry)
    name = _text(host or "")
    if name == _UNKNOWN:
        known = _fields(rest[1]) if len(rest) > 1 else {}
        name = _text(known.get("ip") or _UNKNOWN)
    return _address(name, asked, port)


def _address(host: str, asked: Address, port: object) -> TcpAddress | None:
    """Return where a node is: without a host it is where it was asked; None when that cannot be known."""
    if not host and isinstance(asked, TcpAddress):
        host = asked.host
    if host in ("", _UNKNOWN) or not isinstance(port, int) or not 0 < port < 65536:
        return None
    return TcpAddress(host, port)


def _span(first: object, last: object) -> tuple[int, int]:
    if not (isinstance(first, int) and isinstance(last, int) and 0 <= first <= last < SLOTS):
        raise ValueError("no slots")
    return first, last


def _items(reply: object) -> Sequence[object]:
    if not isinstance(reply, list):
        raise TypeError("no list")
    return reply


def _fields(reply: object) -> dict[str, object]:
    """Return the pairs of a map, or of a list that stands for one."""
    if isinstance(reply, dict):
        return {_text(name): value for name, value in reply.items()}
    flat = _items(reply)
    return {_text(name): value for name, value in zip(flat[::2], flat[1::2], strict=True)}


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    if isinstance(value, str):
        return value
    raise TypeError("no string")
