"""A reply that is one short line for a person, as `present` shows it: what most one-shot commands get.

It loads nothing of what lays out everything else. Whatever it is not sure of, it leaves.
"""

from __future__ import annotations

from pyredis.types import Double, Status
from pyredis_cli import registry
from pyredis_cli.render.theme import painter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from pyredis.commands.spec import Spec
    from pyredis.types import Reply
    from pyredis_cli.flags import Theme
    from pyredis_cli.render.layout import Role

__all__ = ["brief", "is_plain"]

_OTHERS: Final = frozenset([int, bool, Double, Status])
_LONGEST: Final = 1000  # bytes, which are a few lines in any terminal
_MOST: Final = 64 * 1024  # bytes that are looked at
_ESCAPED: Final = frozenset(b'"\\')


def is_plain(spec: Spec | None, reply: Reply) -> bool:
    """Return whether there is nothing to say of a reply but the reply: no view, no shape, nothing packed in it."""
    if spec is None or spec.shape is not None or spec.text is not None or spec.name in registry.VIEWS:
        return False
    if type(reply) is not bytes:
        return reply is None or type(reply) in _OTHERS
    if len(reply) > _MOST or not _is_text(reply) or reply[:1] in (b"", b" "):
        return False
    return not any(row.takes(reply, reply[0]) for row in registry.DECODERS.values())


def brief(spec: Spec | None, reply: Reply, *, color: bool, theme: Theme) -> bytes | None:
    """Return the line of a reply, None when it is more than that."""
    if not is_plain(spec, reply) or (shown := _words(reply)) is None:
        return None
    role, words = shown
    return painter(color, theme)(role, words).encode() + b"\n"


def _words(reply: Reply) -> tuple[Role, str] | None:
    if reply is None:
        return "nil", "(nil)"
    if isinstance(reply, bytes):
        return _of_bytes(reply)
    if isinstance(reply, Double):
        return "double", f"(double) {reply.text}"
    if isinstance(reply, bool):
        return "boolean", "(true)" if reply else "(false)"
    return ("integer", f"(integer) {reply}") if isinstance(reply, int) else None


def _of_bytes(reply: bytes) -> tuple[Role, str] | None:
    if len(reply) > _LONGEST or not _is_text(reply):
        return None
    if isinstance(reply, Status):
        return "status", reply.decode()
    return None if _ESCAPED.intersection(reply) else ("string", f'"{reply.decode()}"')


def _is_text(reply: bytes) -> bool:
    return reply.isascii() and reply.decode().isprintable()
