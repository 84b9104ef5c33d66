"""INFO: its sections side by side, and what its large numbers mean beside them."""

from __future__ import annotations

from collections.abc import Sequence

from pyredis.types import Reply
from pyredis_cli.render.blocks import Beside, Block, Fact, Facts
from pyredis_cli.render.views.cells import bare, label
from pyredis_cli.render.views.reading import Asked, Unexpected

__all__ = ["view"]


def view(reply: Reply, asked: Asked) -> Sequence[Block]:
    """Return the sections of INFO."""
    from pyredis_cli.render.texts import structured

    read = structured(reply, "info")
    if not isinstance(read, dict):
        raise Unexpected("this is no INFO")
    return [Beside([_section(name, found) for name, found in read.items()])]


def _section(name: object, found: Reply) -> Facts:
    if not isinstance(found, dict) or not isinstance(name, str | bytes):
        raise Unexpected("this is no section")
    facts: list[Fact] = [(label(key), bare(said)) for key, said in found.items()]  # type: ignore[arg-type]
    return Facts(facts, (("heading", name),))
