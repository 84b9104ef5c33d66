"""What a server's replies say of it: INFO, or HELLO and DBSIZE where that is refused.

Pure: from replies to a `Status`. What a reply does not say stays unknown; nothing is believed to be well formed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from pyredis.types import Map

if TYPE_CHECKING:
    from pyredis.types import Reply

__all__ = ["Status", "product_of", "status_by_hello", "status_by_info"]

_ROLES: Final = {"master": "primary", "slave": "replica"}
_LONGEST: Final = 40  # what is longer is no version and no name of a server
_MOST_DIGITS: Final = 20


@dataclass(frozen=True, slots=True)
class Status:
    """What is known of a server at one moment; None, or empty, is unknown.

    ``product`` is name and version. ``keys`` are counted by database; with ``all_keys``, one that is not among
    them has none. ``memory`` is in bytes, a ``maxmemory`` of 0 is no limit; ``round_trip`` is in seconds.
    """

    product: str = ""
    role: str = ""
    keys: Mapping[int, int] = field(default_factory=dict)
    all_keys: bool = False
    memory: int | None = None
    maxmemory: int | None = None
    clients: int | None = None
    round_trip: float | None = None

    def keys_in(self, database: int) -> int | None:
        return self.keys.get(database, 0 if self.all_keys else None)


def product_of(reply: Reply) -> str:
    """Return which server it is, by the section of INFO that says so; empty when it does not."""
    fields = _fields([reply])
    named = ((name, fields.get(f"{name.lower()}_version", "")) for name in ("Valkey", "Redis"))
    return next((f"{name} {version[:_LONGEST]}" for name, version in named if version), "")


def status_by_info(replies: Iterable[Reply], product: str) -> Status:
    """Return what the other sections say, however they came: in one reply, or in one each."""
    fields = _fields(replies)
    return Status(
        product=product,
        role=_ROLES.get(fields.get("role", ""), ""),
        keys=_keyspace(fields),
        all_keys="used_memory" in fields,  # INFO was told, and does not list an empty database
        memory=_number(fields.get("used_memory")),
        maxmemory=_number(fields.get("maxmemory")),
        clients=_number(fields.get("connected_clients")),
    )


def status_by_hello(hello: Reply, size: Reply, database: int) -> Status:
    """Return what HELLO says, and DBSIZE of one database."""
    fields = {_text(name): _text(value) for name, value in _pairs(hello)}
    server, version = fields.get("server", ""), fields.get("version", "")
    return Status(
        product=f"{server[:_LONGEST].capitalize()} {version[:_LONGEST]}" if server and version else "",
        role=_ROLES.get(fields.get("role", ""), ""),
        keys={database: size} if isinstance(size, int) else {},
    )


def _fields(replies: Iterable[Reply]) -> dict[str, str]:
    lines = (line.partition(":") for reply in replies for line in _text(reply).splitlines())
    return {name: value.strip() for name, colon, value in lines if colon}


def _keyspace(fields: Mapping[str, str]) -> dict[int, int]:
    """Return the numbers of keys by database, of lines like ``db0:keys=1,expires=0``."""
    keys = {}
    for name, value in fields.items():
        database = _number(name[2:]) if name.startswith("db") else None
        label, _, count = value.partition(",")[0].partition("=")
        number = _number(count)
        if database is not None and label == "keys" and number is not None:
            keys[database] = number
    return keys


def _pairs(reply: Any) -> Iterable[tuple[Any, Any]]:
    """Return the pairs of a map, which in RESP2 is a flat list."""
    if isinstance(reply, Map):
        return reply
    return zip(reply[::2], reply[1::2], strict=False) if isinstance(reply, list) else ()


def _number(text: str | None) -> int | None:
    if not text or not text.isascii() or not text.isdigit() or len(text) > _MOST_DIGITS:
        return None
    return int(text)


def _text(reply: Any) -> str:
    return reply.decode("utf-8", "replace") if isinstance(reply, bytes) else ""
