"""CLUSTER NODES and CLUSTER REPLICAS: what is wrong, who serves what, and below it who is who."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from pyredis.types import Reply
from pyredis_cli.render.blocks import Block, Cell, Column, Grid, Line
from pyredis_cli.render.layout import Piece
from pyredis_cli.render.look import Look
from pyredis_cli.render.units import duration
from pyredis_cli.render.views.cells import bare, joined
from pyredis_cli.render.views.cluster.coverage import SLOTS, Range, count, gaps, have, ranges, written
from pyredis_cli.render.views.reading import Asked, Fields, Unexpected, fields, integer, items, text
from pyredis_cli.render.views.rows import BLANK, plural, sentence, warning

__all__ = ["nodes", "replicas"]

_SHORT: Final = 8
_WRONG: Final = frozenset({"fail", "fail?", "handshake", "noaddr"})


class _Node(NamedTuple):
    id: str
    place: str
    """As clients see it, or whatever there is to tell the node by."""
    address: str
    """All there is to it."""
    flags: Sequence[str]
    primary: str | None
    ping: Reply
    pong: Reply
    epoch: Reply
    link: str
    slots: Sequence[Range]
    moving: Sequence[tuple[str, int, str]]
    """``migrating`` or ``importing``, the slot, and the other node."""

    @property
    def fails(self) -> bool:
        return "fail" in self.flags

    @property
    def suspected(self) -> bool:
        return "fail?" in self.flags


class _Nodes:
    """The nodes in an order in which replicas stand below their primary."""

    def __init__(self, found: Sequence[_Node]) -> None:
        self._by_id: Mapping[str, _Node] = {node.id: node for node in found}
        if len(self._by_id) < len(found):
            raise Unexpected("a node stands twice")
        self.all = sorted(found, key=self._place)

    def called(self, identity: str) -> str:
        """Return the address of a node, or its ID when it is not among these."""
        node = self._by_id.get(identity)
        return identity if node is None else node.place

    def shortly(self, identity: str) -> str:
        """Return the address of a node, or the beginning of its ID, of which the whole stands elsewhere."""
        node = self._by_id.get(identity)
        return identity[:_SHORT] if node is None else node.place

    def strange(self) -> list[str]:
        """Return the primaries that are not among these."""
        named = dict.fromkeys(node.primary for node in self.all if node.primary is not None)
        return [primary for primary in named if primary not in self._by_id]

    def replicas(self, node: _Node) -> list[_Node]:
        return [other for other in self.all if other.primary == node.id]

    def _place(self, node: _Node) -> tuple[Range, str, bool, str]:
        first = node if node.primary is None else self._by_id.get(node.primary, node)
        slots = first.slots[0] if first.slots else (SLOTS, SLOTS)
        return slots, first.place, node.primary is not None, node.place


def nodes(reply: Reply, asked: Asked) -> Sequence[Block]:
    """Return a cluster as one of its nodes sees it."""
    found = _Nodes(_read(reply, asked))
    mine = next((node for node in found.all if "myself" in node.flags), None)
    primaries = sum(node.primary is None for node in found.all)
    seen: Cell = (("text", ", as seen by "), ("name", mine.place)) if mine else ()
    said = f"{plural(len(found.all), 'node')}, {len(found.all) - primaries} of them replicas"
    return [
        sentence(said, *seen),
        *_troubles(found),
        *_tables(found, asked.look),
    ]


def replicas(reply: Reply, asked: Asked) -> Sequence[Block]:
    """Return the replicas of a node."""
    found = _Nodes(_read(reply, asked))
    of: list[Piece] = []
    for primary in found.strange():
        of += [("text", ", of " if of else " of "), ("name", primary)]
    return [
        sentence(plural(len(found.all), "replica"), *of),
        *_failures(found),
        sentence(_slots_said(found)),
        *_tables(found, asked.look),
    ]


# -- what is wrong


def _troubles(found: _Nodes) -> Iterator[Block]:
    yield from _failures(found)
    covered = [slots for node in found.all for slots in node.slots]
    missing = gaps(covered)
    lost = ranges(slots for node in found.all if node.fails for slots in node.slots)
    if lost:
        yield warning(f"{have(lost)} a node that fails: {written(lost)}")
    if missing:
        yield warning(f"{have(missing)} no node: {written(missing)}")
    yield from _alone(found)
    for primary in found.strange():
        yield Line((("warning", "a primary is not among the nodes: "), ("name", primary)))
    yield sentence(_slots_said(found))
    for node in found.all:
        for direction, slot, other in node.moving:
            way = "to" if direction == "migrating" else "from"
            moves = f" slot {slot} {direction} {way} "
            yield Line((("name", node.place), ("text", moves), ("name", found.called(other))))


def _slots_said(found: _Nodes) -> str:
    served = count(slots for node in found.all for slots in node.slots)
    moving = [direction for node in found.all for direction, _, _ in node.moving]
    return (
        f"slots: {served} of {SLOTS} have a node, {moving.count('migrating')} migrating, "
        f"{moving.count('importing')} importing"
    )


def _failures(found: _Nodes) -> Iterator[Block]:
    yield from _listed("fails (fail)", "fail (fail)", (node for node in found.all if node.fails))
    suspected = [node for node in found.all if node.suspected]
    yield from _listed("may fail (fail?)", "may fail (fail?)", suspected)
    cut = [node for node in found.all if node.link != "connected" and not node.fails and not node.suspected]
    yield from _listed("is not connected", "are not connected", cut)


def _alone(found: _Nodes) -> Iterator[Block]:
    """Yield which primaries have no replica that could take over, in a cluster that has replicas."""
    if any(node.primary is not None for node in found.all):
        alone = [
            node
            for node in found.all
            if node.slots and not any(not replica.fails for replica in found.replicas(node))
        ]
        yield from _listed("has no replica that works", "have no replica that works", alone)


def _listed(one: str, many: str, concerned: Iterable[_Node]) -> Iterator[Block]:
    concerned = list(concerned)
    if concerned:
        verb = one if len(concerned) == 1 else many
        said: list[Piece] = [("warning", f"{plural(len(concerned), 'node')} {verb}:")]
        for node in concerned:
            said += [("text", " "), ("name", node.place)]
        yield Line(said)


# -- tables

_PLACE = Column("ip:port")
_GLANCE = (_PLACE, Column("flags"), Column("slots or primary"), Column("link-state"))
_IDENTITY = (Column("ip:port@bus-port,hostname"), Column("id", whole=True))
_NUMBERS = (
    Column("config-epoch", right=True),
    Column("ping-sent", right=True),
    Column("pong-received", right=True),
)
# What has identities and numbers beside each other.
_WIDE: Final = 130


def _tables(found: _Nodes, look: Look) -> Iterator[Block]:
    """Yield first what tells how the nodes are, then what tells who they are, and the rest of the numbers."""

    def glance(node: _Node) -> Sequence[Cell]:
        pong = (_silent(node, look.now),) if look.now is not None else ()
        return (("name", node.place),), _flags(node), _served(node, found), _link(node), *pong

    heard = (Column("last pong", right=True),) if look.now is not None else ()
    yield BLANK
    yield Grid((*_GLANCE, *heard), found.all, glance)
    yield BLANK
    if look.width >= _WIDE:
        yield Grid((*_IDENTITY, *_NUMBERS), found.all, lambda node: (*_identity(node), *_numbers(node)))
        return
    yield Grid(_IDENTITY, found.all, _identity)
    yield BLANK
    yield Grid((_PLACE, *_NUMBERS), found.all, lambda node: ((("name", node.place),), *_numbers(node)))


def _silent(node: _Node, now: float) -> Cell:
    """Return how long ago a node was heard of; nothing for the one that tells, which hears not of itself."""
    pong = integer(node.pong)
    return (("note", duration(max(0, round(now - pong / 1000)))),) if pong else ()


def _flags(node: _Node) -> Cell:
    flags = node.flags or ("noflags",)
    return joined(((("warning" if flag in _WRONG else "text", flag),) for flag in flags), ("arrow", ","))


def _served(node: _Node, found: _Nodes) -> Cell:
    if node.primary is not None:
        of: Cell = (("note", "of "), ("name", found.shortly(node.primary)))
        return (("text", f"{written(node.slots)} "), *of) if node.slots else of
    return (("text", written(node.slots)),) if node.slots else (("empty", "no slots"),)


def _link(node: _Node) -> Cell:
    return (("text" if node.link == "connected" else "warning", node.link),)


def _identity(node: _Node) -> Sequence[Cell]:
    return (("text", node.address),), (("text", node.id),)


def _numbers(node: _Node) -> Sequence[Cell]:
    return bare(node.epoch), bare(node.ping), bare(node.pong)


# -- reading


def _read(reply: Reply, asked: Asked) -> list[_Node]:
    from pyredis_cli.render.texts import structured

    form = asked.spec.text_for(asked.argv) if asked.spec is not None else None
    found = structured(reply, form)
    if found is reply or not found:
        raise Unexpected("these are no nodes")
    return [_node(fields(node)) for node in items(found)]


def _node(node: Fields) -> _Node:
    identity, ip, port, names = map(node.take, ("id", "ip", "port", "hostname"))
    bus, primary = node.take("bus-port"), node.take("primary")
    where = f"{text(ip)}:{integer(port)}"
    found = _Node(
        id=text(identity),
        # Some nodes do not know the address of others, or not yet.
        place=where if ip else f"{text(names)}:{integer(port)}" if names else text(identity),
        address=where + (f"@{integer(bus)}" if bus is not None else ""),
        flags=list(map(text, items(node.take("flags")))),
        primary=None if primary is None else text(primary),
        ping=node.take("ping-sent"),
        pong=node.take("pong-received"),
        epoch=node.take("config-epoch"),
        link=text(node.take("link-state")),
        slots=ranges(_range(found) for found in items(node.take("slots"))),
        moving=[*_moving(node, "migrating"), *_moving(node, "importing")],
    )
    told = [f"{text(name)}={text(value)}" for name, value in node.rest()]
    behind = [text(names), *told] if names or told else []
    return found._replace(address=",".join([found.address, *behind]))


def _range(found: Reply) -> Range:
    first, last = items(found, 2)
    return integer(first), integer(last)


def _moving(node: Fields, direction: str) -> Iterator[tuple[str, int, str]]:
    for one in map(fields, items(node.take(direction))):
        yield direction, integer(one.take("slot")), text(one.take("node"))
