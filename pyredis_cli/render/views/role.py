"""ROLE: a primary and how far its replicas are, a replica and its link, or what a sentinel watches."""

from __future__ import annotations

from collections.abc import Sequence

from pyredis.types import Reply
from pyredis_cli.render.blocks import Block, Cell, Column, Fact, Facts, Grid, Line
from pyredis_cli.render.views.cells import bare, noted
from pyredis_cli.render.views.meanings import sized
from pyredis_cli.render.views.reading import Asked, Unexpected, integer, items, text

__all__ = ["view"]


def view(reply: Reply, asked: Asked) -> Sequence[Block]:
    """Return the facts of a role, with a table for replicas or primaries."""
    match items(reply):
        case [b"master" as role, offset, list() as replicas]:
            return _primary(role, offset, [_replica(replica) for replica in items(replicas)])
        case [b"slave" as role, host, port, state, offset]:
            return [Facts(_link(role, host, port, state, offset))]
        case [b"sentinel" as role, list() as names]:
            return _sentinel(role, items(names))
    raise Unexpected("this is no role that is known")


def _fact(name: str, cell: Cell) -> Fact:
    return (("label", name),), cell


def _primary(role: bytes, offset: Reply, replicas: Sequence[Sequence[Reply]]) -> Sequence[Block]:
    sent = integer(offset)
    facts = [
        _fact("role", noted(bare(role), "primary")),
        _fact("offset", bare(offset)),
        _fact("replicas", (("text", str(len(replicas)) if replicas else "none"),)),
    ]
    if not replicas:
        return [Facts(facts)]

    def cells(replica: Sequence[Reply]) -> Sequence[Cell]:
        address, port, acknowledged = replica
        behind = sent - integer(acknowledged)
        lacking = noted((("text", str(behind)),), sized(behind))
        return bare(address), bare(port), bare(acknowledged), lacking

    columns = (
        Column("replica"),
        Column("port", right=True),
        Column("offset", right=True),
        Column("bytes behind"),
    )
    return [Facts(facts), Line(), Grid(columns, replicas, cells)]


def _replica(replica: Reply) -> Sequence[Reply]:
    found = items(replica, 3)
    text(found[0])
    integer(found[1])
    integer(found[2])
    return found


def _link(role: bytes, host: Reply, port: Reply, state: Reply, offset: Reply) -> Sequence[Fact]:
    up = text(state) == "connected"
    text(host)
    integer(port)
    received = "nothing received yet" if integer(offset) == -1 else ""
    broken: Cell = (("warning", "  the link to its primary is not up"),)
    return [
        _fact("role", noted(bare(role), "replica")),
        _fact("state", bare(state) if up else (*bare(state), *broken)),
        _fact("primary", bare(host)),
        _fact("port", bare(port)),
        _fact("offset", noted(bare(offset), received)),
    ]


def _sentinel(role: bytes, names: Sequence[Reply]) -> Sequence[Block]:
    for name in names:
        text(name)
    facts = [_fact("role", bare(role)), _fact("watches", (("text", str(len(names))),))]
    watched = [Grid((Column("primary"),), names, lambda name: (bare(name),))] if names else []
    return [Facts(facts), Line(), *watched] if watched else [Facts(facts)]
