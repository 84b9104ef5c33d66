"""The formats for programs by their names, one row each; what a format needs is imported when it is asked for.

It knows which form takes which of the flags. What a form looks like, its module knows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pyredis.types import Reply
from pyredis_cli.render.escape import printable
from pyredis_cli.render.layout import Part

if TYPE_CHECKING:
    from pyredis_cli.settings import Settings

__all__ = ["form_parts"]


def form_parts(
    name: str, reply: Reply, settings: Settings, *, text: bool = False, terminal: bool = False
) -> Iterator[Part]:
    """Yield a reply in the format of that name part after part; nothing is laid out before it is asked for.

    ``text``: it is text to be read (INFO). ``terminal``: nothing may steer it, except in ``raw``, which is asked
    for to get the bytes as they are.
    """
    match name:
        case "raw":
            return _raw(reply, settings, text)
        case "redis":
            from pyredis_cli.render.classic import classic_parts

            return classic_parts(reply, text=text, terminal=terminal)
        case "json":
            from pyredis_cli.render.machine import json_parts

            return json_parts(reply)
        case "quoted-json":
            from pyredis_cli.render.machine import json_parts
            from pyredis_cli.render.notation import QUOTED

            return json_parts(reply, QUOTED)
        case "redis-csv":
            return _redis_csv(reply, text, terminal)
    raise ValueError(f"no format {name} for programs")


def _raw(reply: Reply, settings: Settings, text: bool) -> Iterator[Part]:
    from pyredis_cli.render.machine import raw_parts

    marks = settings.marks
    # NUL ends whatever it is asked to end: a text as well, of which redis-cli ends none.
    return raw_parts(reply, text=text and marks.end != b"\0", **marks._asdict())


def _redis_csv(reply: Reply, text: bool, terminal: bool) -> Iterator[Part]:
    if text:
        from pyredis_cli.render.machine import raw

        written = raw(reply, text=True)
        return iter([(printable(written, keep_newlines=True).encode() if terminal else written, 0)])
    from pyredis_cli.render.redis_csv import redis_csv_parts

    return redis_csv_parts(reply)
