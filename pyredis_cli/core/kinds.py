"""Which types commands work on, and which command does to one type what another one does to another.

Pure. The group of a command says its type; a table of what people do with values says the rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from pyredis.commands.keys import keys

if TYPE_CHECKING:
    from pyredis.commands.spec import Spec

__all__ = [
    "COUNTERPARTS",
    "GROUPS",
    "articled",
    "counterpart",
    "expected",
    "group_of",
    "judged_keys",
    "several",
]

GROUPS: Final[Mapping[str, str]] = {
    "string": "string",
    "bitmap": "string",
    "hyperloglog": "string",
    "list": "list",
    "set": "set",
    "sorted-set": "zset",
    "geo": "zset",
    "hash": "hash",
    "stream": "stream",
}
"""The type that the commands of a group work on."""

_NAMES: Final[Mapping[str, str]] = {"zset": "sorted set"}

COUNTERPARTS: Final[tuple[Mapping[str, str], ...]] = (
    {
        "string": "APPEND SET GETSET",
        "list": "RPUSH LPUSH RPUSHX LPUSHX LINSERT",
        "set": "SADD",
        "zset": "ZADD GEOADD",
        "hash": "HSET HMSET HSETNX",
        "stream": "XADD",
    },
    {"list": "LSET", "hash": "HSET"},
    {
        "string": "GET GETRANGE SUBSTR MGET",
        "list": "LRANGE",
        "set": "SMEMBERS",
        "zset": "ZRANGE ZREVRANGE ZRANGEBYSCORE ZREVRANGEBYSCORE",
        "hash": "HGETALL HKEYS HVALS",
        "stream": "XRANGE XREVRANGE XREAD",
    },
    {
        "string": "STRLEN",
        "list": "LLEN",
        "set": "SCARD",
        "zset": "ZCARD",
        "hash": "HLEN",
        "stream": "XLEN",
    },
    {"list": "LREM", "set": "SREM", "zset": "ZREM", "hash": "HDEL", "stream": "XDEL"},
    {"list": "LINDEX", "set": "SISMEMBER", "zset": "ZSCORE", "hash": "HGET HMGET HEXISTS"},
    {"list": "LPOP RPOP", "set": "SPOP", "zset": "ZPOPMIN ZPOPMAX"},
    {"set": "SSCAN", "zset": "ZSCAN", "hash": "HSCAN"},
    {"string": "INCRBY INCR DECR DECRBY INCRBYFLOAT", "zset": "ZINCRBY", "hash": "HINCRBY HINCRBYFLOAT"},
    {"set": "SRANDMEMBER", "zset": "ZRANDMEMBER", "hash": "HRANDFIELD"},
)
"""What does the same to several types; the first one of each is what people mostly mean.

That one is advice to whoever took a key for another type, so it replaces no whole value: SET is never first.
"""


def expected(spec: Spec) -> frozenset[str]:
    """Return the types that a command takes; none where its group does not tell."""
    kind = GROUPS.get(spec.group)
    if kind is None:
        return frozenset()
    # Where they say how many keys there are, commands on sorted sets take sets as well.
    counted = any(find[0] == "keynum" for _, _, find in spec.key_specs)
    return frozenset({kind, "set"} if kind == "zset" and counted else {kind})


def judged_keys(spec: Spec, argv: Sequence[bytes]) -> tuple[bytes, ...]:
    """Return the keys whose type matters: not those that are overwritten, whatever they hold."""
    read = tuple(one for one in spec.key_specs if not {"OW", "variable_flags"} & set(one[0]))
    return keys(spec._replace(key_specs=read), argv)


def counterpart(name: str, kind: str) -> str:
    """Return the command that does to a type what this one does to its own; empty when there is none."""
    for row in COUNTERPARTS:
        if kind in row and any(name in names.split() for names in row.values()):
            return row[kind].split()[0]
    return ""


def group_of(kind: str) -> str:
    """Return the group whose commands are for a type; empty for a type of a module."""
    return next((group for group, its in GROUPS.items() if its == kind), "")


def articled(kind: str) -> str:
    """Return a type in words: ``a hash``, ``a sorted set``."""
    return f"a {_NAMES.get(kind, kind)}"


def several(kind: str) -> str:
    """Return a type in words, many of it: ``hashes``, ``sorted sets``."""
    name = _NAMES.get(kind, kind)
    return f"{name}es" if name.endswith("sh") else f"{name}s"
