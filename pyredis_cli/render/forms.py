"""The formats for programs by their names, one row each; what a format needs is imported when it is asked for.

It knows which form takes which of the flags. What a form looks like, its module knows.
"""

from __future__ import annotations

from pyredis.types import Attributed, Reply
from pyredis_cli.render.escape import printable
from pyredis_cli.render.layout import Part
from pyredis_cli.render.notation import BASE64, NOTATIONS, QUOTED, Notation

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pyredis.commands.spec import Spec
    from pyredis_cli.render.shapes import Shape
    from pyredis_cli.settings import Settings

__all__ = ["form_parts"]


def form_parts(
    name: str,
    reply: Reply,
    settings: Settings,
    *,
    argv: Sequence[bytes] = (),
    spec: Spec | None = None,
    text: bool = False,
    terminal: bool = False,
    protocol: int = 3,
) -> Iterator[Part]:
    """Yield a reply in the format of that name part after part; nothing is laid out before it is asked for.

    ``argv`` and what the facts say of it, ``spec``, tell which columns a table has; without them the reply alone
    does. ``text``: it is text to be read (INFO). ``terminal``: nothing may steer it, except in ``raw``, which is
    asked for to get the bytes as they are. ``protocol`` is the one in which the reply came.
    """
    match name:
        case "raw":
            return _raw(reply, settings, text)
        case "redis":
            from pyredis_cli.render.classic import classic_parts

            return classic_parts(reply, text=text, terminal=terminal)
        case "json":
            from pyredis_cli.render.machine import json_parts

            return json_parts(reply, _notation(settings) or BASE64)
        case "quoted-json":
            from pyredis_cli.render.machine import json_parts

            return json_parts(reply, QUOTED)
        case "redis-csv":
            return _redis_csv(reply, text, terminal)
        case "yaml":
            from pyredis_cli.render.yaml import yaml_parts

            return yaml_parts(reply, _notation(settings) or BASE64)
        case "resp":
            from pyredis_cli.render.resp import resp_parts

            return _safe(resp_parts(reply, protocol), terminal)
        case "ndjson" | "csv" | "tsv" | "markdown":
            from pyredis_cli.render.shapes import bare, shape

            return _safe(_rows(name, shape(argv, spec, bare(reply)), settings), terminal)
    raise ValueError(f"no format {name} for programs")


def _raw(reply: Reply, settings: Settings, text: bool) -> Iterator[Part]:
    from pyredis_cli.render.machine import raw_parts

    marks = settings.marks
    if marks.end == b"\0" and _is_empty(reply):
        return iter(())  # no element, so nothing to be ended: xargs -0 would run a command for it
    # NUL ends whatever it is asked to end: a text as well, of which redis-cli ends none.
    return raw_parts(reply, text=text and marks.end != b"\0", **marks._asdict())


def _is_empty(reply: Reply) -> bool:
    while isinstance(reply, Attributed):
        reply = reply.reply
    return isinstance(reply, list | dict) and not reply


def _rows(name: str, found: Shape, settings: Settings) -> Iterator[Part]:
    from pyredis_cli.render import tabular

    notation = _notation(settings)
    null = {"null": settings.marks.null} if settings.marks.null else {}
    match name:
        case "ndjson":
            return tabular.ndjson_parts(found, notation or BASE64)
        case "csv":
            return tabular.csv_parts(found, notation, **null)
        case "tsv":
            return tabular.tsv_parts(found, notation, **null)
    return tabular.markdown_parts(found, notation, **null)


def _notation(settings: Settings) -> Notation | None:
    return NOTATIONS[settings.notation] if settings.notation else None


def _safe(parts: Iterator[Part], terminal: bool) -> Iterator[Part]:
    if not terminal:
        return parts
    return ((printable(part, keep_newlines=True).encode(), number) for part, number in parts)


def _redis_csv(reply: Reply, text: bool, terminal: bool) -> Iterator[Part]:
    if text:
        from pyredis_cli.render.machine import raw

        written = raw(reply, text=True)
        return iter([(printable(written, keep_newlines=True).encode() if terminal else written, 0)])
    from pyredis_cli.render.redis_csv import redis_csv_parts

    return redis_csv_parts(reply)
