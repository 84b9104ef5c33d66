"""Names that every server has, so that nobody needs to be asked for them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pyredis.commands.spec import Table

__all__ = ["KNOWN", "WORDS", "categories", "commands", "rules", "summary", "topics", "typeable"]

WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "type": ("hash", "list", "set", "stream", "string", "zset"),
    "section": (
        "all",
        "clients",
        "cluster",
        "commandstats",
        "cpu",
        "default",
        "errorstats",
        "everything",
        "keyspace",
        "latencystats",
        "memory",
        "modules",
        "persistence",
        "replication",
        "server",
        "stats",
    ),
    "event": (
        "active-defrag-cycle",
        "aof-fsync-always",
        "aof-stat",
        "aof-write",
        "aof-write-alone",
        "aof-write-pending-fsync",
        "command",
        "eviction-cycle",
        "eviction-del",
        "expire-cycle",
        "fast-command",
        "fork",
        "rdb-unlink-temp-file",
    ),
    "first-id": ("-",),
    "last-id": ("+",),
    "seen-id": ("$", "0"),
    "new-id": (">", "0"),
}
"""The words of a kind, in order."""

KNOWN: Final = frozenset({*WORDS, "command", "category", "rule"})
"""The kinds of which every name is known."""

_SWITCHES: Final = (
    "on",
    "off",
    "allcommands",
    "nocommands",
    "allkeys",
    "resetkeys",
    "allchannels",
    "resetchannels",
    "nopass",
    "resetpass",
    "reset",
)


# A server may report any bytes as the name of a module's command.
_TYPEABLE: Final = re.compile(r"[!-~]+")


def typeable(names: Iterable[str]) -> Iterator[str]:
    """Yield the names that can be typed, of one word."""
    return filter(_TYPEABLE.fullmatch, names)


# The revision is part of what is asked, for a table learns.
@lru_cache(maxsize=4)
def _commands(table: Table, revision: int) -> tuple[str, ...]:
    return tuple(sorted(filter(table.has, typeable(table.names()))))


def commands(table: Table) -> tuple[str, ...]:
    """Return the names of all commands that the server has, sorted, without those of subcommands."""
    return _commands(table, table.revision)


@lru_cache(maxsize=4)
def _categories(table: Table, revision: int) -> tuple[str, ...]:
    return tuple(sorted({category for spec in table.specs() for category in spec.categories}))


def categories(table: Table) -> tuple[str, ...]:
    """Return the categories of ACLs that commands are in."""
    return _categories(table, table.revision)


@lru_cache(maxsize=4)
def _topics(table: Table, revision: int) -> tuple[str, ...]:
    return tuple(sorted({f"@{spec.group}" for spec in table.specs() if spec.group}))


def topics(table: Table) -> tuple[str, ...]:
    """Return the groups of commands, as help takes them: ``@hash``."""
    return _topics(table, table.revision)


def rules(table: Table) -> Iterator[str]:
    """Yield what ACL SETUSER takes: switches, categories, commands."""
    yield from _SWITCHES
    for sign in "+-":
        yield from (f"{sign}@{category}" for category in ("all", *categories(table)))
        yield from (f"{sign}{command.lower()}" for command in commands(table))


def summary(name: str, table: Table) -> str:
    """Return what is to be said of a command in a few words."""
    spec = table.find(name.split(" "))
    if spec is None or spec.summary or not spec.group:
        return spec.summary if spec is not None else ""
    return f"{spec.group}, since {spec.since}" if spec.since else spec.group
