"""What the guard wants to know before it asks: a round trip beside the session, for values a second one, within
a second.

`commands`, `lengths` and `figures` are pure: what to ask, what to ask then, and what the replies amount to. Only
commands that change nothing are asked, and what a server does not tell is left out. None is asked of a key of
another type: servers count such errors, and people watch the number.
"""

from __future__ import annotations

from time import monotonic, time

from pyredis.exceptions import PyRedisConnReadTimeout, PyRedisError
from pyredis.resp.encode import pack
from pyredis.types import Map, Push
from pyredis_cli.core.figures import Figures, Size, added, whole
from pyredis_cli.core.sizing import OF_ELEMENTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
    from typing import Any, Final, TypeAlias

    from pyredis.connection.blocking import BlockingConnection
    from pyredis.types import Reply
    from pyredis_cli.core.costs import Needs
    from pyredis_cli.core.desk import Desk

    Argv: TypeAlias = tuple[bytes, ...]

__all__ = ["BUDGET", "commands", "figures", "lengths", "measured", "measured_everywhere", "measured_on"]

BUDGET: Final = 1.0
"""Seconds that measuring may take, once there is a connection."""

_INFO: Final = (b"INFO",)
_DBSIZE: Final = (b"DBSIZE",)
_CLUSTER: Final = (b"CLUSTER", b"INFO")
_ASKED: Final[dict[str, Callable[[bytes], Argv]]] = {
    "parameters": lambda name: (b"CONFIG", b"GET", name),
    "slot": lambda slot: (b"CLUSTER", b"COUNTKEYSINSLOT", slot),
    "documents": lambda name: (b"FT.INFO", name),
}
_SAVE: Final = b"save"
"""The parameter that says when a server saves by itself; one that never does saves nothing at its end either."""
_NEEDS_INFO: Final = frozenset(
    {
        "clients",
        "database",
        "functions",
        "keyspace",
        "role",
        "save",
        "scripts",
        "stopping",
        "swapped",
        "unsaved",
    }
)


def commands(wanted: Iterable[Needs]) -> list[Argv]:
    """Return what is to be asked, each thing once."""
    asked: dict[Argv, None] = {}
    keys: dict[bytes, None] = {}
    for need in wanted:
        asked.update(dict.fromkeys(_about(need)))
        keys.update(dict.fromkeys(need.keys))
    for key in keys:
        asked.update(dict.fromkeys(_about_value(key)))
    return list(asked)


def _about(need: Needs) -> Iterator[Argv]:
    if not _NEEDS_INFO.isdisjoint(need.measure):
        yield _INFO
    if "database" in need.measure:
        yield _DBSIZE
    if "cluster" in need.measure:
        yield _CLUSTER
    if "stopping" in need.measure:
        yield _ASKED["parameters"](_SAVE)
    for measure in _ASKED.keys() & set(need.measure):
        for word in need.subject:
            yield _ASKED[measure](word)
    if need.named:
        yield (b"EXISTS", *need.named)


def _about_value(key: bytes) -> Iterator[Argv]:
    yield b"TYPE", key
    yield b"MEMORY", b"USAGE", key


def lengths(replies: Mapping[Argv, Reply]) -> list[Argv]:
    """Return what is to be asked once the types of values are known."""
    types = ((argv[1], _type(reply)) for argv, reply in replies.items() if argv[0] == b"TYPE")
    return [(OF_ELEMENTS[type_].length, key) for key, type_ in types if type_ in OF_ELEMENTS]


def _type(reply: Reply) -> str:
    """Return the type of a value; empty when the server does not tell."""
    return reply.decode("utf-8", "surrogateescape") if isinstance(reply, bytes) else ""


def figures(replies: Mapping[Argv, Reply], database: int | None, clock: float) -> Figures:
    """Return what the replies amount to; ``clock`` is our own, for servers that do not tell theirs."""
    info = _fields(replies.get(_INFO))
    here = replies.get(_DBSIZE)
    return Figures(
        info,
        seconds=_seconds(info, clock),
        database=database,
        keys_here=here if isinstance(here, int) else None,
        parameters={
            name.lower(): value
            for name, reply in _of(replies, "parameters")
            if isinstance(value := _value(reply, name), bytes)
        },
        sizes={
            argv[1]: size
            for argv, reply in replies.items()
            if argv[0] == b"TYPE" and (size := _size(argv[1], reply, replies))
        },
        existing={
            argv[1:]: reply
            for argv, reply in replies.items()
            if argv[0] == b"EXISTS" and isinstance(reply, int)
        },
        slots={slot: reply for slot, reply in _of(replies, "slot") if isinstance(reply, int)},
        documents={
            name: number
            for name, reply in _of(replies, "documents")
            if (number := _whole(_value(reply, b"num_docs"))) is not None
        },
        cluster=_fields(replies.get(_CLUSTER)),
    )


def _of(replies: Mapping[Argv, Reply], measure: str) -> Iterator[tuple[bytes, Reply]]:
    """Yield what was asked for such a measure, and the reply."""
    begins = _ASKED[measure](b"")[:-1]
    for argv, reply in replies.items():
        if argv[:-1] == begins:
            yield argv[-1], reply


def _fields(reply: Reply) -> dict[str, str]:
    """Return the lines ``name:value`` of a text, headings without a value; none of anything else."""
    if not isinstance(reply, bytes):
        return {}
    lines = (line.partition(":") for line in reply.decode("utf-8", "surrogateescape").splitlines())
    return {name: value for name, colon, value in lines if colon or name.startswith("#")}


def _seconds(info: Mapping[str, str], clock: float) -> float:
    told = _whole(info.get("server_time_usec", "").encode("utf-8", "surrogateescape"))
    return clock if told is None else told / 1e6


def _value(reply: Reply, name: bytes) -> Reply:
    """Return what stands under a name in a map, be it a flat list; None when it is not there."""
    pairs: Iterable[tuple[Any, Any]] = ()
    if isinstance(reply, Map):
        pairs = list(reply)
    elif isinstance(reply, dict):
        pairs = reply.items()
    elif isinstance(reply, list):
        pairs = zip(reply[::2], reply[1::2], strict=False)
    return next(
        (value for key, value in pairs if isinstance(key, bytes) and key.lower() == name.lower()), None
    )


def _whole(value: Reply) -> int | None:
    if isinstance(value, bytes):
        return whole(value)
    return int(value) if isinstance(value, int | float) and 0 <= value < 1 << 63 else None


def _size(key: bytes, kind: Reply, replies: Mapping[Argv, Reply]) -> Size | None:
    """Return how large a value is; None when the server does not tell its type, or how long it is."""
    type_ = _type(kind)
    length = replies.get((OF_ELEMENTS[type_].length, key)) if type_ in OF_ELEMENTS else 0
    memory = replies.get((b"MEMORY", b"USAGE", key))
    if not (type_ and isinstance(length, int)):
        return None
    return Size(type_, length, memory if isinstance(memory, int) else None)


# -- to ask


async def measured(desk: Desk, wanted: Sequence[Needs], seconds: float = BUDGET) -> Figures:
    """Return what the server tells in time, on a connection beside the session."""
    asked = commands(wanted)
    if not asked:
        return Figures()

    async def told() -> Figures:
        replies = dict(zip(asked, await desk.ask_all(asked), strict=True))
        if more := lengths(replies):
            replies.update(zip(more, await desk.ask_all(more), strict=True))
        return figures(replies, desk.database, time())

    try:
        return await _in_time(desk, told, seconds)
    except PyRedisError:  # the command itself will tell, unless only one more connection is refused
        return Figures(late=desk.session.connected)


async def measured_everywhere(desk: Desk, wanted: Sequence[Needs], seconds: float = BUDGET) -> Figures:
    """Return what all primaries of a cluster have together, if they tell in time; without one, its server."""
    asked = commands(wanted)
    if not asked:
        return Figures()
    from asyncio import gather

    from pyredis_cli.core.everywhere import ask_everybody, everybody

    async def told() -> Figures:
        found = await everybody(desk)
        primaries = [member for member in found.members if found.cluster and member.role == "primary"]
        if len(primaries) < 2:
            return await measured(desk, wanted, seconds)
        answers = await gather(*(ask_everybody(desk.session, primaries, argv) for argv in asked))
        each = (
            {argv: answer.reply for argv, answer in zip(asked, of_node, strict=True)}
            for of_node in zip(*answers, strict=True)
        )
        return added([figures(replies, desk.database, time()) for replies in each])

    try:
        return await _in_time(desk, told, seconds)
    except PyRedisError:  # the report will tell
        return Figures()


async def _in_time(desk: Desk, told: Callable[[], Awaitable[Figures]], seconds: float) -> Figures:
    """Return what is told within the seconds, once there is a connection: a server far away is no slow one."""
    # A script in the arguments is measured without an event loop.
    from asyncio import timeout

    try:
        async with timeout(seconds):
            await desk.reach()
        async with timeout(seconds):
            return await told()
    except TimeoutError:
        return Figures(late=True)


def measured_on(connection: BlockingConnection, wanted: Sequence[Needs], seconds: float = BUDGET) -> Figures:
    """Return what the server tells in time; when it does not tell all, the connection is closed."""
    asked = commands(wanted)
    replies: dict[Argv, Reply] = {}
    deadline = monotonic() + seconds
    late = False
    try:
        while asked:
            connection.send(b"".join(map(pack, asked)))
            for argv in asked:
                replies[argv] = _next(connection, deadline)
            asked = [argv for argv in lengths(replies) if argv not in replies]
    except PyRedisError as error:  # of what is broken the command itself will tell
        connection.close()
        late = isinstance(error, PyRedisConnReadTimeout)
    return figures(replies, connection.options.database, time())._replace(late=late)


def _next(connection: BlockingConnection, deadline: float) -> Reply:
    while isinstance(reply := connection.reply(max(0.0, deadline - monotonic())), Push):
        pass
    return reply
