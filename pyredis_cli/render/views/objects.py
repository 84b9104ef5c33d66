"""DEBUG OBJECT: how a value is stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from pyredis.types import Reply
from pyredis_cli.render.blocks import Block, Fact, Facts
from pyredis_cli.render.views.cells import bare, label, noted
from pyredis_cli.render.views.meanings import seconds, sized
from pyredis_cli.render.views.reading import Asked, Unexpected, fields

__all__ = ["debug"]

# What says more than the number itself.
_MEANINGS: Final[Mapping[str, Callable[[int], str]]] = {
    "serializedlength": sized,
    "ql_uncompressed_size": sized,
    "lru_seconds_idle": seconds,
}


def debug(reply: Reply, asked: Asked) -> Sequence[Block] | None:
    """Return the fields of DEBUG OBJECT; other subcommands are none of this view's."""
    from pyredis_cli.render.texts import structured

    form = asked.spec.text_for(asked.argv) if asked.spec is not None else None
    found = structured(reply, form)
    if form is None or not isinstance(found, dict):
        raise Unexpected("this is not DEBUG OBJECT")
    return [Facts([_fact(name, said) for name, said in fields(found).rest()])]


def _fact(name: Reply, said: Reply) -> Fact:
    meaning = _MEANINGS.get(name) if isinstance(name, str) else None
    return label(name), noted(bare(said), meaning(said) if meaning and isinstance(said, int) else "")
