"""Which names may stand at a place: a key, a field of this key, a consumer of this group.

It reads the terms and roles that the grammar gives and what the row of a command states, and maps both to kinds of
names: in tables, so that a new argument is a new row. It knows no names, and asks nobody for them: `names` keeps
those that are known, and whoever talks to a server looks up the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

from pyredis.commands.grammar import Role, grammar
from pyredis.commands.keys import key_positions

if TYPE_CHECKING:
    from pyredis.commands.spec import Spec
    from pyredis_cli.complete.tokens import Line

__all__ = ["ABOUT", "IN_DATABASE", "Kind", "Want", "named", "types_of", "wants"]

Kind: TypeAlias = Literal[
    "key",
    "field",  # of a hash or of the entries of a stream
    "member",  # of a set or a sorted set
    "id",  # of an entry of a stream
    "group",
    "consumer",
    "channel",
    "pattern",
    "shard-channel",
    "user",
    "category",
    "rule",  # of ACL SETUSER
    "parameter",
    "client-id",
    "client-address",
    "library",
    "function",
    "script",
    "node-id",
    "command",
    "module",
    "index",  # of RediSearch
    "section",
    "event",
    "database",
    "type",
    "first-id",
    "last-id",
    "seen-id",
    "new-id",
]

IN_DATABASE: Final[frozenset[str]] = frozenset({"key", "field", "member", "id", "group", "consumer"})
"""The kinds of which each database has its own names; the others are the server's."""

ABOUT: Final[Mapping[str, tuple[str, ...]]] = {
    "field": ("key",),
    "member": ("key",),
    "id": ("key",),
    "group": ("key",),
    "consumer": ("key", "group"),
}
"""What the names of a kind belong to; of every other kind they belong to the server or the database."""


class Want(NamedTuple):
    """Names of this kind, and of nothing but ``about``: the key, or the key and the group.

    ``about`` is empty where the line does not say it: XREADGROUP has the group before the key. ``types`` are
    the types, as TYPE says them, that a key may have; empty for any.
    """

    kind: Kind
    about: tuple[bytes, ...] = ()
    types: frozenset[str] = frozenset()


# -- which argument is which

_ROWS: Final[Mapping[tuple[str, str], Kind | None]] = {
    # (argument, its command) goes before (argument, the group of its command); None is nothing that has a name
    ("field", "hash"): "field",
    ("field", "stream"): "field",
    ("member", "set"): "member",
    ("member", "sorted-set"): "member",
    ("member", "geo"): "member",
    ("member1", "geo"): "member",
    ("member2", "geo"): "member",
    ("group", "stream"): "group",
    ("consumer", "stream"): "consumer",
    ("groupname", "stream"): "group",  # as 7.0 calls them
    ("consumername", "stream"): "consumer",
    ("id", "stream"): "id",
    ("id", "XADD"): None,
    ("id", "XREAD"): "seen-id",
    ("id", "XREADGROUP"): "new-id",
    ("id", "XGROUP CREATE"): "seen-id",
    ("id", "XGROUP SETID"): "seen-id",
    ("start", "stream"): "first-id",
    ("end", "stream"): "last-id",
    ("channel", "pubsub"): "channel",
    ("pattern", "pubsub"): "pattern",
    ("pattern", "PUBSUB CHANNELS"): "channel",
    ("pattern", "PUBSUB SHARDCHANNELS"): "shard-channel",
    ("shardchannel", "pubsub"): "shard-channel",
    ("username", "server"): "user",
    ("username", "connection"): "user",
    ("category", "server"): "category",
    ("rule", "server"): "rule",
    ("parameter", "server"): "parameter",
    ("section", "server"): "section",
    ("event", "server"): "event",
    ("command", "server"): "command",
    ("command-name", "server"): "command",
    ("name", "MODULE UNLOAD"): "module",
    ("module-name", "server"): "module",
    ("client-id", "connection"): "client-id",
    ("addr", "connection"): "client-address",
    ("old-format", "connection"): "client-address",
    ("library-name", "scripting"): "library",
    ("library-name-pattern", "scripting"): "library",
    ("function", "scripting"): "function",
    ("sha1", "scripting"): "script",
    ("node-id", "cluster"): "node-id",
    ("node", "cluster"): "node-id",
    ("importing", "cluster"): "node-id",
    ("migrating", "cluster"): "node-id",
    ("key", "cluster"): "key",
    ("type", "generic"): "type",
    ("type", "cluster"): "type",
    ("index", "connection"): "database",
    ("db", "generic"): "database",
    ("destination-db", "generic"): "database",
    ("index", "search"): "index",
    ("index1", "server"): "database",
    ("index2", "server"): "database",
}

_FIRST_OF_FAMILY: Final[Mapping[str, Kind]] = {"FT": "index"}
"""What the first argument of commands is of which no grammar is known, by what stands before the dot."""

# -- which types a command works on

_TYPES: Final[Mapping[str, str]] = {
    # the categories of ACLs, which servers state of commands that came later, too
    "string": "string",
    "bitmap": "string",
    "hyperloglog": "string",
    "hash": "hash",
    "list": "list",
    "set": "set",
    "sortedset": "zset",
    "geo": "zset",
    "stream": "stream",
    # the families of modules
    "JSON": "ReJSON-RL",
    "TS": "TSDB-TYPE",
    "BF": "MBbloom--",
    "CF": "MBbloomCF",
    "CMS": "CMSk-TYPE",
    "TOPK": "TopK-TYPE",
    "TDIGEST": "TDIS-TYPE",
    "GRAPH": "graphdata",
    # the one group whose commands have no category
    "vector_set": "vectorset",
}
_SETS_TOO: Final = frozenset(
    {"ZUNION", "ZUNIONSTORE", "ZINTER", "ZINTERSTORE", "ZINTERCARD", "ZDIFF", "ZDIFFSTORE"}
)  # a set is to them a sorted set of which every score is 1


def types_of(spec: Spec) -> frozenset[str]:
    """Return the types that the keys of a command may have, as TYPE says them; empty for any."""
    family, dot, _ = spec.name.partition(".")
    words = (*spec.categories, spec.group, family if dot else "")
    types = frozenset(_TYPES[word] for word in words if word in _TYPES)
    return types | {"set"} if spec.name in _SETS_TOO else types


# -- what a line wants


def wants(line: Line) -> tuple[Want, ...]:
    """Return what names may stand at the cursor; none where a word is due that nobody knows, or a secret."""
    spec = line.spec
    if spec is None or line.container:
        return ()
    argv = [word.value for word in (*line.name, *line.arguments, line.partial)]
    if len(argv) - 1 in spec.secret_positions(argv):
        return ()
    if not spec.arguments:
        return tuple(_wants_of_unknown(spec, argv))
    if line.walk is None:
        return ()
    words = list(zip(line.walk.roles, argv[len(line.name) :], strict=False))
    found = [
        _want(Role(term.kind, term.name), spec, words) for term in line.walk.terms if term.kind != "token"
    ]
    return tuple(dict.fromkeys(want for want in found if want is not None))


def _wants_of_unknown(spec: Spec, argv: Sequence[bytes]) -> Iterator[Want]:
    """Yield what a command wants of which nothing but the key specs is known."""
    kind = _FIRST_OF_FAMILY.get(spec.name.partition(".")[0])
    if kind is not None and len(argv) == spec.name.count(" ") + 2:
        yield Want(kind)
    elif len(argv) - 1 in _key_places(spec, argv):
        yield Want("key", (), types_of(spec))


def _key_places(spec: Spec, argv: Sequence[bytes]) -> Sequence[int]:
    """Return where the keys are; servers before 7.0 state of a command no more than a range."""
    if spec.key_specs or not spec.first_key:
        return key_positions(spec, argv)
    last = spec.last_key if spec.last_key >= 0 else len(argv) + spec.last_key
    return range(spec.first_key, min(last, len(argv) - 1) + 1, max(spec.key_step, 1))


def _want(role: Role, spec: Spec, words: Sequence[tuple[Role, bytes]]) -> Want | None:
    """Return what a word of this role is to name, among these words."""
    if role.kind == "key":
        return Want("key", (), types_of(spec))
    kind = _ROWS.get((role.name, spec.name), _ROWS.get((role.name, spec.group)))
    return None if kind is None else Want(kind, _about(kind, words))


def _about(kind: Kind, words: Sequence[tuple[Role, bytes]]) -> tuple[bytes, ...]:
    if kind not in ABOUT:
        return ()
    known = [_key(words) if owner == "key" else _last(owner, words) for owner in ABOUT[kind]]
    return tuple(owner for owner in known if owner is not None) if None not in known else ()


_OWNERS: Final = ("source", "key")
"""Of the keys of a command, the one whose members are meant: SMOVE has it first, GEOSEARCHSTORE last."""


def _key(words: Sequence[tuple[Role, bytes]]) -> bytes | None:
    keys = {role.name: word for role, word in words if role.kind == "key"}
    return next((keys[name] for name in _OWNERS if name in keys), None)


def _last(name: str, words: Sequence[tuple[Role, bytes]]) -> bytes | None:
    return next((word for role, word in reversed(words) if role.name in (name, f"{name}name")), None)


# -- what a command that was sent names

_MOST_WORDS: Final = 1_000
"""So many words of a command are looked at: what a person typed, not what a program made."""


def named(spec: Spec, argv: Sequence[bytes]) -> Iterator[tuple[Want, bytes]]:
    """Yield the names in a command, and what each would have been wanted as; nothing that may be a secret."""
    argv = argv[:_MOST_WORDS]
    secret = spec.secret_positions(argv)
    if not spec.arguments:
        keys = set(_key_places(spec, argv)) - secret
        yield from ((Want("key", (), types_of(spec)), argv[place]) for place in sorted(keys))
        return
    start = spec.name.count(" ") + 1
    words = list(zip(grammar(spec).walk(argv[start:]).roles, argv[start:], strict=False))
    meant: dict[Role, Want | None] = {}
    for place, (role, word) in enumerate(words, start):
        if role not in meant:
            meant[role] = None if role.kind == "token" else _want(role, spec, words)
        want = meant[role]
        if want is not None and place not in secret:
            yield want, word
