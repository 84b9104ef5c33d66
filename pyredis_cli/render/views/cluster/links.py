"""CLUSTER LINKS: the connections between this node and each other one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pyredis.types import Reply
from pyredis_cli.render.blocks import Block, Section
from pyredis_cli.render.layout import Piece
from pyredis_cli.render.views.cells import bare
from pyredis_cli.render.views.reading import Asked, Fields, fields, items, text
from pyredis_cli.render.views.rows import Known, plural, sentence, table, warning
from pyredis_cli.render.views.times import since

__all__ = ["view"]


def view(reply: Reply, asked: Asked) -> Sequence[Block] | None:
    """Return the links by the node at their other end."""
    by_node: dict[str, list[Fields]] = {}
    for link in map(fields, items(reply)):
        by_node.setdefault(text(link.take("node")), []).append(link)
    if not by_node:
        return None
    total = sum(map(len, by_node.values()))
    alone = [node for node, links in by_node.items() if len(links) == 1]
    blocks: list[Block] = [sentence(f"{plural(total, 'link')} with {plural(len(by_node), 'node')}")]
    if alone:
        blocks.append(warning(f"{plural(len(alone), 'node')} with a link in one direction alone"))
    for node, links in by_node.items():
        title: list[Piece] = [("heading", "node "), *bare(node)]
        blocks.append(Section(title, [table(links, _columns(asked))]))
    return blocks


# There is a table from the one width on, and room for ages in it from the other on.
_TABLE: Final = 75
_WIDE: Final = 92


def _columns(asked: Asked) -> Sequence[Known]:
    look = asked.look
    aged = look.now is not None and not _TABLE <= look.width < _WIDE
    age = (lambda moment: since(moment, look)) if aged else None
    return (
        Known("direction"),
        Known("events"),
        Known("send-buffer-allocated", right=True),
        Known("send-buffer-used", right=True),
        Known("create-time", right=True, note=age),
    )
