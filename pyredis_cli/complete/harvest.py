"""Names learnt from what a person typed and what came back.

What a command names in its arguments is known from its grammar; what its reply names, a table of readers says, for
that is what the table is about. A reply may have any shape, be it a server's of another age or an odd proxy's:
what does not look as it should teaches nothing.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from pyredis.commands.rows import canonical
from pyredis.exceptions import ReplyError
from pyredis.types import Attributed, Status
from pyredis_cli.complete.known import KNOWN, WORDS
from pyredis_cli.complete.wants import Kind, Want, named

if TYPE_CHECKING:
    from pyredis.commands.spec import Spec
    from pyredis.types import Reply
    from pyredis_cli.complete.names import NameCache

__all__ = ["harvest"]

_MOST: Final = 50_000
"""So many names are taken from one reply."""


class _There(NamedTuple):
    """Names that are there; those that were typed are in use."""

    kind: Kind
    names: Iterable[bytes]
    about: tuple[bytes, ...] = ()
    type: str = ""
    size: int | None = None
    typed: bool = False


class _Gone(NamedTuple):
    """Names that are no more."""

    kind: Kind
    names: Iterable[bytes]
    about: tuple[bytes, ...] = ()


class _Emptied(NamedTuple):
    """A database of which no name is sure any more; None is every one."""

    database: int | None


_Lesson: TypeAlias = _There | _Gone | _Emptied
_Argv: TypeAlias = Sequence[bytes]
_Reader: TypeAlias = Callable[[_Argv, object, int], Iterable[_Lesson]]
"""From the words, the reply and the database to what they teach."""


def harvest(argv: Sequence[bytes], reply: Reply, spec: Spec | None, cache: NameCache, database: int) -> None:
    """Teach the cache the names in a command and in its reply; ``database`` is where the command ran.

    An error teaches nothing, nor does a command that was queued, nor one whose reply says that there is
    nothing. Words that may be secret are never learnt, and of replies only what is a name.
    """
    answer = _bare(reply)
    if spec is None or isinstance(answer, ReplyError) or (isinstance(answer, Status) and answer == b"QUEUED"):
        return
    for lesson in _typed(argv, answer, spec):
        _teach(cache, lesson, database)
    reader = _READERS.get(spec.name)
    for lesson in reader(argv, answer, database) if reader is not None else ():
        _teach(cache, lesson, database)


def _teach(cache: NameCache, lesson: _Lesson, database: int) -> None:
    match lesson:
        case _There():
            names = list(islice(lesson.names, _MOST))
            _learn(cache, lesson._replace(names=names), database)
            if lesson.about and lesson.kind in _NAMED_BEFORE_THE_KEY:
                _learn(cache, lesson._replace(names=names, about=()), database)
        case _Gone(kind, names, about):
            cache.forget(kind, names, about=about, database=database)
            if kind in _NAMED_BEFORE_THE_KEY:
                cache.forget(kind, names, database=database)
        case _Emptied(emptied):
            cache.forget_database(emptied)


_NAMED_BEFORE_THE_KEY: Final = frozenset({"group", "consumer"})
"""What XREADGROUP wants before it is known of which key."""


def _learn(cache: NameCache, lesson: _There, database: int) -> None:
    kind, names, about, type, size, typed = lesson
    cache.learn(kind, names, about=about, database=database, type=type, size=size)
    for name in names if typed else ():
        cache.touch(kind, name, about=about, database=database)


# -- what was typed

_TAKES: Final[Mapping[str, Kind]] = {
    "DEL": "key",
    "UNLINK": "key",
    "GETDEL": "key",
    "HDEL": "field",
    "HGETDEL": "field",
    "SREM": "member",
    "ZREM": "member",
    "SMOVE": "member",
    "XDEL": "id",
    "XDELEX": "id",
    "XACKDEL": "id",
    "XGROUP DESTROY": "group",
    "XGROUP DELCONSUMER": "consumer",
    "ACL DELUSER": "user",
    "FUNCTION DELETE": "library",
    "MODULE UNLOAD": "module",
    "CLUSTER FORGET": "node-id",
}
"""What is no more of that which these commands name."""

_ASKS: Final = frozenset(
    {
        "CONFIG GET",
        "PUBSUB CHANNELS",
        "PUBSUB SHARDCHANNELS",
        "FUNCTION LIST",
        "SCRIPT EXISTS",
    }
)
"""Commands whose words are patterns, or names that may not be."""


def _typed(argv: _Argv, reply: object, spec: Spec) -> Iterator[_Lesson]:
    """Yield what the words of a command teach, once it has succeeded."""
    takes = _TAKES.get(spec.name)
    teaches = _succeeded(reply, spec) and spec.name not in _ASKS
    found: defaultdict[Want, list[bytes]] = defaultdict(list)
    for want, name in named(spec, argv) if takes or teaches else ():
        found[want].append(name)
    for want, names in found.items():
        if want.kind == takes:
            yield _Gone(want.kind, names, want.about)
        elif teaches and want.kind not in KNOWN:
            type = next(iter(want.types)) if len(want.types) == 1 else ""
            yield _There(want.kind, _present(names, reply, spec), want.about, type, typed=True)


_ZERO_IS_DONE: Final = frozenset({"string", "bitmap", "hash", "set", "sorted-set", "geo", "hyperloglog"})
"""Groups whose writes may answer 0 though the key is there: a field that had a value, a bit that was off."""


def _succeeded(reply: object, spec: Spec) -> bool:
    """Whether a reply lets one think that what the command named is there."""
    if spec.effect in ("subscribe", "unsubscribe"):
        return True
    if reply is None:
        return False
    if not (spec.key_specs or spec.first_key) or reply not in (0, -2, b"", [], {}):
        return True
    places = any({"insert", "update"}.intersection(flags) for flags, *_ in spec.key_specs)
    return isinstance(reply, int) and places and spec.write and spec.group in _ZERO_IS_DONE


def _present(names: list[bytes], reply: object, spec: Spec) -> list[bytes]:
    """Return those of the names that are there by a reply that says it of each, or of how many."""
    if isinstance(reply, list) and len(reply) == len(names):
        return [name for name, item in zip(names, reply, strict=True) if item not in (None, 0, -2)]
    if spec.group == "generic" and isinstance(reply, int) and len(names) > 1 and reply != len(names):
        return []
    return names


# -- what replies are made of


def _bare(reply: object) -> object:
    while isinstance(reply, Attributed):
        reply = reply.reply
    return reply


def _items(reply: object) -> list[object]:
    """Return what is in an aggregate, of a map its pairs; nothing for anything else."""
    reply = _bare(reply)
    if isinstance(reply, Mapping):
        return list(reply.items())
    return list(reply) if isinstance(reply, list | tuple | set | frozenset) else []


def _pairs(reply: object) -> Iterator[tuple[object, object]]:
    """Yield the pairs of a map in any of its forms: a map, a list of pairs, a flat list."""
    items = _items(reply)
    if items and not isinstance(items[0], list | tuple):
        items = list(zip(items[::2], items[1::2], strict=False))
    for item in items:
        pair = _items(item)
        if len(pair) > 1:
            yield pair[0], pair[1]


def _word(item: object) -> bytes | None:
    item = _bare(item)
    if isinstance(item, str):
        try:
            return item.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:
            return None
    return bytes(item) if isinstance(item, bytes) else None


def _words(items: Iterable[object]) -> Iterator[bytes]:
    for item in items:
        word = _word(item)
        if word is not None:
            yield word


def _firsts(reply: object) -> Iterator[bytes]:
    """Yield the first of each pair."""
    return _words(first for first, _ in _pairs(reply))


def _page(reply: object) -> object:
    """Return what a SCAN brought, behind its cursor."""
    items = _items(reply)
    return items[1] if len(items) == 2 else None


def _value(reply: object, name: bytes) -> object:
    """Return a value of a map."""
    return next((value for key, value in _pairs(reply) if _word(key) == name), None)


def _values(reply: object, name: bytes) -> Iterator[bytes]:
    """Yield a value of each of some maps."""
    return _words(_value(item, name) for item in _items(reply))


def _lines(reply: object) -> list[bytes]:
    """Return the lines of a text, or of a list of lines."""
    text = _word(reply)
    return text.splitlines() if text is not None else list(_words(_items(reply)))


def _after(argv: _Argv, option: str) -> bytes:
    """Return what stands behind an option."""
    options = [canonical(word) for word in argv]
    return argv[options.index(option) + 1] if option in options[1:-1] else b""


def _has(argv: _Argv, option: str) -> bool:
    return option in (canonical(word) for word in argv[2:])


# -- who reads which reply: each from the words and the reply to what they teach


def _all(kind: Kind) -> _Reader:
    """Read a list of names of the server's or the database's."""
    return lambda argv, reply, database: [_There(kind, _words(_items(reply)))]


def _one(kind: Kind) -> _Reader:
    """Read a reply that is a name."""
    return lambda argv, reply, database: [_There(kind, _words([reply]))]


def _of_key(kind: Kind) -> _Reader:
    """Read one name or some, that belong to the key."""

    def read(argv: _Argv, reply: object, database: int) -> list[_Lesson]:
        return [_There(kind, _words([reply] if _word(reply) else _items(reply)), tuple(argv[1:2]))]

    return read


def _with_values(kind: Kind, option: str = "", *, paged: bool = False, unless: str = "") -> _Reader:
    """Read the names of a key that come with a value each: with this option, or unless there is that one."""

    def read(argv: _Argv, reply: object, database: int) -> list[_Lesson]:
        listed = _page(reply) if paged else reply
        paired = _has(argv, option) if option else not (unless and _has(argv, unless))
        names = _firsts(listed) if paired else _words([listed] if _word(listed) else _items(listed))
        return [_There(kind, names, tuple(argv[1:2]))]

    return read


def _named_first(kind: Kind) -> _Reader:
    """Read names of a key that come in front of something, or alone."""

    def read(argv: _Argv, reply: object, database: int) -> list[_Lesson]:
        firsts = ((_items(item) or [item])[0] for item in _items(reply))
        return [_There(kind, _words(firsts), tuple(argv[1:2]))]

    return read


def _taken(kind: Kind) -> _Reader:
    """Read the names that a command has taken away from its key, with their scores or without."""

    def read(argv: _Argv, reply: object, database: int) -> list[_Lesson]:
        return [_Gone(kind, list(_words([reply] if _word(reply) else _items(reply))), tuple(argv[1:2]))]

    return read


def _stored(argv: _Argv, reply: object, database: int) -> list[_Lesson]:
    """Read how many members were stored: with none, there is no key."""
    return [_Gone("key", argv[1:2])] if reply == 0 else []


def _popped(argv: _Argv, reply: object, database: int) -> Iterator[_Lesson]:
    """Read members that were taken away with their scores, in pairs or all in a row."""
    items = _items(reply)
    members = (
        [_items(item)[0] for item in items if _items(item)] if items and _items(items[0]) else items[::2]
    )
    yield _Gone("member", list(_words(members)), tuple(argv[1:2]))


def _migrated(argv: _Argv, reply: object, database: int) -> Iterator[_Lesson]:
    words = [canonical(word) for word in argv]
    if "COPY" not in words[:-1]:
        yield _Gone("key", [*argv[3:4], *(argv[words.index("KEYS") + 1 :] if "KEYS" in words else ())])


def _copied(argv: _Argv, reply: object, database: int) -> Iterator[_Lesson]:
    if "DB" in map(canonical, argv[3:]):  # it is there, and not known to be here
        yield _Gone("key", argv[2:3])


def _scan(argv: _Argv, reply: object, database: int) -> Iterator[_Lesson]:
    type = _after(argv, "TYPE").decode("ascii", "replace").lower()
    yield _There("key", _words(_items(_page(reply))), type=type if type in WORDS["type"] else "")


def _type(argv: _Argv, reply: object, database: int) -> Iterator[_Lesson]:
    type = (_word(reply) or b"").decode("utf-8", "replace")
    if type == "none":
        yield _Gone("key", argv[1:2])
    elif type:
        yield _There("key", argv[1:2], type=type)


def _size(argv: _Argv, reply: object, database: int) -> Iterator[_Lesson]:
    if isinstance(reply, int) and reply > 0:
        yield _There("key", argv[1:2], size=int(reply))


def _gone_if(answer: int | None) -> _Reader:
    """Read an answer that says that the one key is not there, or no more."""

    def read(argv: _Argv, reply: object, database: int) -> list[_Lesson]:
        return [_Gone("key", argv[1:2])] if reply == answer and len(argv) == 2 else []

    return read


def _moved(argv: _Argv, reply: object, database: int) -> Iterator[_Lesson]:
    if reply in (1, b"OK"):
        yield _Gone("key", argv[1:2])


def _entries(key: bytes, reply: object) -> Iterator[_Lesson]:
    entries = list(_pairs(reply))
    yield _There("id", _words(first for first, _ in entries), (key,))
    fields = (field for _, content in entries for field in _firsts(content))
    yield _There("field", dict.fromkeys(islice(fields, _MOST)), (key,))


def _range(argv: _Argv, reply: object, database: int) -> Iterator[_Lesson]:
    for key in argv[1:2]:
        yield from _entries(key, [pair for pair in _items(reply) if _items(pair)])


def _read(argv: _Argv, reply: object, database: int) -> Iterator[_Lesson]:
    for name, entries in _pairs(reply):
        key = _word(name)
        if key is not None:
            yield from _entries(key, entries)


def _groups(argv: _Argv, reply: object, database: int) -> Iterator[_Lesson]:
    yield _There("group", _values(reply, b"name"), tuple(argv[2:3]))


def _consumers(argv: _Argv, reply: object, database: int) -> Iterator[_Lesson]:
    yield _There("consumer", _values(reply, b"name"), tuple(argv[2:4]))


def _pending(argv: _Argv, reply: object, database: int) -> Iterator[_Lesson]:
    items = _items(reply)
    if items and isinstance(items[0], int):
        yield _There("consumer", _firsts(items[3] if len(items) > 3 else None), tuple(argv[1:3]))
        return
    entries = [(entry[0], entry[1]) for entry in map(_items, items) if len(entry) > 1]
    yield _There("id", _words(first for first, _ in entries), tuple(argv[1:2]))
    yield _There("consumer", dict.fromkeys(_words(second for _, second in entries)), tuple(argv[1:3]))


def _acl_list(argv: _Argv, reply: object, database: int) -> Iterator[_Lesson]:
    # The rules behind the name hold hashes of passwords.
    lines = [line.split(b" ", 2) for line in _lines(reply)]
    yield _There("user", [words[1] for words in lines if len(words) > 1 and words[0] == b"user"])


def _parameters(argv: _Argv, reply: object, database: int) -> Iterator[_Lesson]:
    yield _There("parameter", _firsts(reply))


_CLIENT: Final = re.compile(rb"(?:^| )(id|addr|laddr|user)=([^ \r\n]+)", re.MULTILINE)
_CLIENT_KINDS: Final[Mapping[bytes, Kind]] = {
    b"id": "client-id",
    b"addr": "client-address",
    b"laddr": "client-address",
    b"user": "user",
}


def _clients(argv: _Argv, reply: object, database: int) -> Iterator[_Lesson]:
    found: defaultdict[Kind, dict[bytes, None]] = defaultdict(dict)
    for what, name in _CLIENT.findall(_word(reply) or b""):
        found[_CLIENT_KINDS[what]][name] = None
    for kind, names in found.items():
        yield _There(kind, names)


def _functions(argv: _Argv, reply: object, database: int) -> Iterator[_Lesson]:
    yield _There("library", _values(reply, b"library_name"))
    for library in _items(reply):
        yield _There("function", _values(_value(library, b"functions"), b"name"))


def _nodes(argv: _Argv, reply: object, database: int) -> Iterator[_Lesson]:
    yield _There("node-id", [line.split(b" ", 1)[0] for line in _lines(reply) if b" " in line])


def _modules(argv: _Argv, reply: object, database: int) -> Iterator[_Lesson]:
    yield _There("module", _values(reply, b"name"))


_DATABASE: Final = re.compile(rb"^db(\d{1,9}):keys=(\d{1,18})", re.MULTILINE)


def _info(argv: _Argv, reply: object, database: int) -> Iterator[_Lesson]:
    for number, keys in _DATABASE.findall(_word(reply) or b""):
        yield _There("database", [number], size=int(keys))


def _flushed(argv: _Argv, reply: object, database: int) -> Iterator[_Lesson]:
    yield _Emptied(database)


def _all_flushed(argv: _Argv, reply: object, database: int) -> Iterator[_Lesson]:
    yield _Emptied(None)


def _swapped(argv: _Argv, reply: object, database: int) -> Iterator[_Lesson]:
    for word in argv[1:3]:
        if word.isdigit() and len(word) < 10:
            yield _Emptied(int(word))


_READERS: Final[Mapping[str, _Reader]] = {
    "KEYS": _all("key"),
    "SCAN": _scan,
    "RANDOMKEY": _one("key"),
    "TYPE": _type,
    "GET": _gone_if(None),
    "GETEX": _gone_if(None),
    "DUMP": _gone_if(None),
    "TTL": _gone_if(-2),
    "PTTL": _gone_if(-2),
    "EXISTS": _gone_if(0),
    "MOVE": _moved,
    "DELIFEQ": _moved,
    "RENAME": _moved,
    "RENAMENX": _moved,
    "FLUSHDB": _flushed,
    "FLUSHALL": _all_flushed,
    "SWAPDB": _swapped,
    "LLEN": _size,
    "LPUSH": _size,
    "RPUSH": _size,
    "HLEN": _size,
    "SCARD": _size,
    "ZCARD": _size,
    "XLEN": _size,
    "STRLEN": _size,
    "HKEYS": _of_key("field"),
    "HGETALL": _with_values("field"),
    "HSCAN": _with_values("field", paged=True, unless="NOVALUES"),
    "HRANDFIELD": _with_values("field", "WITHVALUES"),
    "SMEMBERS": _of_key("member"),
    "SRANDMEMBER": _of_key("member"),
    "SSCAN": lambda argv, reply, database: _of_key("member")(argv, _page(reply), database),
    "SPOP": _taken("member"),
    "ZPOPMIN": _popped,
    "ZPOPMAX": _popped,
    "MIGRATE": _migrated,
    "COPY": _copied,
    **dict.fromkeys(("SINTERSTORE", "SUNIONSTORE", "SDIFFSTORE"), _stored),
    **dict.fromkeys(("ZINTERSTORE", "ZUNIONSTORE", "ZDIFFSTORE", "ZRANGESTORE"), _stored),
    "ZSCAN": _with_values("member", paged=True),
    **{
        name: _with_values("member", "WITHSCORES")
        for name in (
            "ZRANGE",
            "ZREVRANGE",
            "ZRANGEBYSCORE",
            "ZREVRANGEBYSCORE",
            "ZRANGEBYLEX",
            "ZREVRANGEBYLEX",
            "ZRANDMEMBER",
        )
    },
    **{
        name: _named_first("member")
        for name in (
            "GEOSEARCH",
            "GEORADIUS",
            "GEORADIUS_RO",
            "GEORADIUSBYMEMBER",
            "GEORADIUSBYMEMBER_RO",
        )
    },
    "XADD": _of_key("id"),
    "XRANGE": _range,
    "XREVRANGE": _range,
    "XREAD": _read,
    "XREADGROUP": _read,
    "XINFO GROUPS": _groups,
    "XINFO CONSUMERS": _consumers,
    "XPENDING": _pending,
    "ACL LIST": _acl_list,
    "ACL USERS": _all("user"),
    "ACL WHOAMI": _one("user"),
    "CONFIG GET": _parameters,
    "PUBSUB CHANNELS": _all("channel"),
    "PUBSUB SHARDCHANNELS": _all("shard-channel"),
    "CLIENT LIST": _clients,
    "CLIENT INFO": _clients,
    "FUNCTION LIST": _functions,
    "FUNCTION LOAD": _one("library"),
    "SCRIPT LOAD": _one("script"),
    "CLUSTER NODES": _nodes,
    "CLUSTER REPLICAS": _nodes,
    "CLUSTER SLAVES": _nodes,
    "CLUSTER MYID": _one("node-id"),
    "MODULE LIST": _modules,
    "INFO": _info,
    "FT._LIST": _all("index"),
    "GRAPH.LIST": lambda argv, reply, database: [_There("key", _words(_items(reply)), type="graphdata")],
}
