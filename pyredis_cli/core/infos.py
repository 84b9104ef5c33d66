"""What a reply to INFO says, as names and values; nothing is believed to be well formed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyredis.types import Reply

__all__ = ["details", "info", "number"]


def info(reply: Reply) -> dict[str, str]:
    """Return the fields of INFO, or of CLUSTER INFO; none when the server told something else."""
    text = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply
    if not isinstance(text, str):
        return {}
    fields = (line.partition(":") for line in text.splitlines())
    return {name: value for name, colon, value in fields if colon and not name.startswith("#")}


def details(value: str) -> dict[str, str]:
    """Return what is in a field like ``calls=1,usec=12``."""
    return dict(pair.split("=", 1) for pair in value.split(",") if "=" in pair)


def number(text: str | None) -> float | None:
    """Return a field as a number, None when it is none."""
    try:
        return float(text or "")
    except ValueError:
        return None
