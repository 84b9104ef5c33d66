"""CLUSTER INFO: whether the cluster works, then its numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from pyredis.types import Reply
from pyredis_cli.render.blocks import Beside, Block, Fact, Facts, Line
from pyredis_cli.render.views.cells import bare, label
from pyredis_cli.render.views.cluster.coverage import SLOTS
from pyredis_cli.render.views.reading import Asked, Unexpected, fields
from pyredis_cli.render.views.rows import BLANK, plural, sentence, warning

__all__ = ["view"]

_TROUBLES: Final = (
    ("cluster_slots_fail", "slot", "on a node that fails"),
    ("cluster_slots_pfail", "slot", "on a node that may fail"),
    ("cluster_nodes_fail", "node", "with fail"),
    ("cluster_nodes_pfail", "node", "with pfail"),
)


def view(reply: Reply, asked: Asked) -> Sequence[Block]:
    """Return what is wrong, and every field: those of the cluster beside those that count messages."""
    from pyredis_cli.render.texts import structured

    read = structured(reply, "fields")
    if not isinstance(read, dict):
        raise Unexpected("this is no CLUSTER INFO")
    known = dict(fields(read).rest())
    if "cluster_state" not in known:
        raise Unexpected("there is no cluster_state")
    messages = [name for name in known if str(name).startswith("cluster_stats_")]
    wrong = list(_wrong(known))
    return [
        *(wrong or [sentence(f"ok: all {SLOTS} slots have a node that works")]),
        BLANK,
        Beside(
            [
                Facts([_fact(name, said) for name, said in known.items() if name not in messages]),
                Facts([_fact(name, known[name]) for name in messages]),
            ]
        ),
    ]


def _wrong(known: dict[Reply, Reply]) -> Iterator[Line]:
    if (state := known["cluster_state"]) != "ok":
        yield sentence("cluster_state is ", ("warning", str(state)))
    assigned = known.get("cluster_slots_assigned")
    if isinstance(assigned, int) and assigned < SLOTS:
        yield warning(f"{plural(SLOTS - assigned, 'slot')} without a node")
    for name, thing, trouble in _TROUBLES:
        number = known.get(name)
        if isinstance(number, int) and number > 0:
            yield warning(f"{plural(number, thing)} {trouble}")


def _fact(name: Reply, said: Reply) -> Fact:
    return label(name), bare(said)
