"""What is known of a command that somebody thinks of running, found out without running it.

Facts come from the table and, where that has learnt nothing yet, from COMMAND INFO and COMMAND DOCS; figures from
commands that only read. A word of the command that is or may be a secret is sent nowhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from pyredis.address import TcpAddress
from pyredis.cluster.topology import from_slots
from pyredis.commands.grammar import grammar
from pyredis.commands.keys import key_positions
from pyredis.commands.reading import reading
from pyredis.commands.slots import key_slot
from pyredis.exceptions import NoAuth, ProtocolError, ReadOnlyRefused, ReplyError
from pyredis_cli.core.complexity import Cost, cost, span
from pyredis_cli.core.infos import details, info, number
from pyredis_cli.core.secrets import hidden
from pyredis_cli.core.sizing import TYPES, Sized, sized

if TYPE_CHECKING:
    from pyredis.cluster.topology import Topology
    from pyredis.commands.spec import Spec
    from pyredis.types import Reply
    from pyredis_cli.core.desk import Desk

__all__ = ["MOST_KEYS", "Explained", "Page", "Unknown", "explained"]

MOST_KEYS: Final = 100
"""Of so many keys the size is asked."""

_PAGE: Final = 1_000  # elements that are read to see how long that takes
_PAGE_BYTES: Final = 1 << 20  # about so many bytes of them at most
_LARGE: Final = 1 << 20
_LINEAR: Final = frozenset({"O(N)", "O(S+N)", "O(log(N)+M)"})
"""Where twice as many elements take twice as long."""


class Unknown(ValueError):
    """Neither the table nor the server knows the command."""


@dataclass(frozen=True)
class Page:
    """How long the server took to read some elements in the way that reads in steps."""

    command: str
    elements: int
    seconds: float


@dataclass(frozen=True)
class Explained:
    """What was found out; None, or empty, is not known or does not apply.

    ``reached`` is how many elements (or keys of the database) the command works on, ``seconds`` how long that
    may keep the server, by ``page``. ``calls`` and ``average`` (seconds) are the server's statistics of the
    command. ``permitted`` is whether ``user`` may run it, ``refusal`` why not.
    """

    argv: tuple[bytes, ...]
    spec: Spec
    cost: Cost
    secrets: frozenset[int] = frozenset()
    arity: bool = True
    """Whether there are as many words as the command takes."""
    clustered: bool = False
    keys: tuple[Sized, ...] = ()
    more_keys: int = 0
    nodes: Mapping[int, str] = field(default_factory=dict)
    reached: int | None = None
    page: Page | None = None
    calls: int | None = None
    average: float | None = None
    user: str = ""
    permitted: bool | None = None
    refusal: str = ""
    read_only: bool = False
    """Whether it is refused because the session is read-only."""
    of_replica: bool = False
    """Whether it is a replica that was asked, and takes no writes from clients."""
    blocks: float | None = None
    read_timeout: float | None = None

    @property
    def seconds(self) -> float | None:
        if self.page is None or self.reached is None or not self.page.elements:
            return None
        return self.page.seconds / self.page.elements * self.reached

    @property
    def refused_by_replica(self) -> bool:
        """Whether it writes where nobody but the primary does; in a cluster it is sent elsewhere."""
        return self.of_replica and self.spec.write and not self.clustered

    @property
    def slots(self) -> frozenset[int]:
        return frozenset(key_slot(key.key) for key in self.keys)

    @property
    def unit(self) -> str:
        """What is reached, one of it."""
        if self.cost.reach in ("database", "databases"):
            return "key"
        units = {key.unit for key in self.keys if key.exists}
        return units.pop() if len(units) == 1 else "element"

    @property
    def key_flags(self) -> frozenset[str]:
        """What the command does to keys: ``RO``, ``RW``, ``OW``, ``RM``, ``access``, ``delete``, ..."""
        return frozenset(flag for flags, *_ in self.spec.key_specs for flag in flags)

    @property
    def small(self) -> bool:
        """Whether all that its keys hold is so little that nobody would notice."""
        known = all(key.length is not None for key in self.keys if key.exists)
        large = any(key.heavy for key in self.keys)
        return known and not large and (self.reached or 0) <= _PAGE


async def explained(desk: Desk, argv: Sequence[bytes]) -> Explained:
    """Return what is known of a command; raises Unknown, and PyRedisError when there is no server to ask."""
    table = desk.table
    about, replication = await desk.ask_all([(b"INFO", b"server"), (b"INFO", b"replication")])
    if isinstance(about, NoAuth):  # everything would be refused so
        raise about
    spec = await _spec(desk, argv, info(about))
    secrets = hidden(argv, table)
    count = len(argv)
    found = Explained(
        tuple(argv),
        spec,
        cost(spec.complexity),
        secrets,
        arity=count == spec.arity if spec.arity >= 0 else count >= -spec.arity,
        clustered=info(about).get("redis_mode") == "cluster" or desk.session.in_cluster,
        blocks=spec.blocks_for(argv),
        read_timeout=desk.session.pool.read_timeout,
        read_only=desk.session.read_only and _is_refused(argv),
        of_replica=not isinstance(replication, ReplyError)
        and bool(number(info(replication).get("slave_read_only"))),
    )
    found = await _with_keys(desk, found)
    found = await _with_figures(desk, found)
    found = await _with_page(desk, found)
    return await _with_permission(desk, found)


def _is_refused(argv: Sequence[bytes]) -> bool:
    """Whether a read-only session would refuse a command."""
    try:
        reading(argv)
    except ReadOnlyRefused:
        return True
    return False


async def _spec(desk: Desk, argv: Sequence[bytes], server: Mapping[str, str]) -> Spec:
    """Return the row of the command, with what the server says of it."""
    table = desk.table
    spec = table.find(argv)
    if spec is None or not spec.complexity:
        await _learn(desk, argv, spec, server)
        spec = table.find(argv)
    if spec is None:
        raise Unknown(argv[0].decode("utf-8", "replace"))
    return spec


async def _learn(desk: Desk, argv: Sequence[bytes], spec: Spec | None, server: Mapping[str, str]) -> None:
    """Teach the table what the server says of one command."""
    name = (spec.name.partition(" ")[0].encode() if spec else argv[0]).lower()
    if desk.table.version is None and "redis_version" in server:
        product = "valkey" if "valkey_version" in server else "redis"
        desk.table.learn_server(product, server[f"{product}_version"])
    rows, docs = await desk.ask_all([(b"COMMAND", b"INFO", name), (b"COMMAND", b"DOCS", name)])
    if spec is None and not isinstance(rows, ReplyError):
        desk.table.learn(rows)
    if not isinstance(docs, ReplyError):
        desk.table.learn_docs(docs)


# -- keys


async def _with_keys(desk: Desk, found: Explained) -> Explained:
    places = [place for place in key_positions(found.spec, found.argv) if place not in found.secrets]
    keys = [found.argv[place] for place in places]
    some = list(dict.fromkeys(keys))[:MOST_KEYS]
    return replace(
        found,
        keys=tuple(await sized(desk, some)),
        more_keys=len(keys) - len(some),
        nodes=await _nodes(desk, some) if found.clustered else {},
    )


async def _nodes(desk: Desk, keys: Sequence[bytes]) -> dict[int, str]:
    """Return the primaries of the slots of keys, as far as the server tells."""
    topology = await _topology(desk)
    shards = {slot: topology.shard(slot) for slot in map(key_slot, keys)} if topology else {}
    return {slot: str(shard.primary) for slot, shard in shards.items() if shard is not None}


async def _topology(desk: Desk) -> Topology | None:
    reply = await desk.try_to(b"CLUSTER", b"SLOTS")
    with suppress(ProtocolError):
        return from_slots(reply, desk.address) if isinstance(desk.address, TcpAddress) else None
    return None


# -- figures


async def _with_figures(desk: Desk, found: Explained) -> Explained:
    """Add what the server's statistics say of the command, and how much it works on."""
    stats, keyspace, size = await desk.ask_all(
        [(b"INFO", b"commandstats"), (b"INFO", b"keyspace"), (b"DBSIZE",)]
    )
    calls, micros = _statistics(stats, found.spec.name)
    found = replace(
        found,
        calls=int(calls) if calls is not None else None,
        average=micros / calls / 1e6 if calls and micros is not None else None,
    )
    match found.cost.reach:
        case "values":
            return replace(found, reached=_all_of(found.keys))
        case "returned":
            return replace(found, reached=_part_of(found))
        case "database":
            return replace(found, reached=size if isinstance(size, int) else None)
        case "databases":
            counts = [number(details(value).get("keys")) for value in info(keyspace).values()]
            known = not isinstance(keyspace, ReplyError)
            return replace(found, reached=int(sum(filter(None, counts))) if known else None)
    return found


def _statistics(reply: Reply, name: str) -> tuple[float | None, float | None]:
    """Return how often a command has been run and how many microseconds that took in all; None is not known."""
    if isinstance(reply, ReplyError):
        return None, None
    fields = details(info(reply).get(f"cmdstat_{name.lower().replace(' ', '|')}", ""))
    return number(fields.get("calls", "0")), number(fields.get("usec", "0"))


def _all_of(keys: Sequence[Sized]) -> int | None:
    lengths = [key.length for key in keys if key.exists]
    if not keys or None in lengths:
        return None
    # Among values that have elements, a string is one value, however many bytes it has.
    mixed = len({key.unit for key in keys if key.exists}) > 1
    return sum(1 if mixed and key.unit == "byte" else key.length or 0 for key in keys if key.exists)


def _part_of(found: Explained) -> int | None:
    if len(found.keys) != 1 or (length := found.keys[0].length) is None:
        return None
    words = found.argv[found.spec.name.count(" ") + 1 :]
    roles = grammar(found.spec).walk(words).roles
    part = span(roles, words, length, ids=found.keys[0].type == "stream")
    return length - part if part is not None and found.cost.removes else part


# -- how long it may take


async def _with_page(desk: Desk, found: Explained) -> Explained:
    """Measure how long the server takes for some of what the command would read, when that is much."""
    if not found.spec.readonly or found.cost.order not in _LINEAR or (found.reached or 0) <= _PAGE:
        return found
    if found.cost.reach == "database":
        command: Sequence[bytes] = (b"SCAN", b"0", b"COUNT", b"%d" % _PAGE)
        return replace(found, page=await _measured(desk, command))
    largest = max(found.keys, key=lambda key: key.length or 0)
    if largest.type not in TYPES:
        return found
    return replace(found, page=await _measured(desk, _page_of(largest), TYPES[largest.type].words))


def _page_of(key: Sized) -> Sequence[bytes]:
    name, *behind = TYPES[key.type].page
    each = (key.memory or _LARGE) / (key.length or 1)
    size = _PAGE_BYTES // 16 if key.type == "string" else max(10, min(_PAGE, int(_PAGE_BYTES / max(each, 1))))
    return (name, key.key, *(word.replace(b"%d", b"%d" % size) for word in behind))


async def _measured(desk: Desk, command: Sequence[bytes], words: int = 1) -> Page | None:
    """Return how long the server took for a command; None where it cannot be told from what others do."""
    name = command[0].decode()
    stats = (b"INFO", b"commandstats")
    before, reply, after = await desk.ask_all([stats, command, stats])
    (calls, micros), (again, then) = (_statistics(told, name) for told in (before, after))
    if None in (calls, micros, again, then) or isinstance(reply, ReplyError):
        return None
    if (again or 0) - (calls or 0) != 1:  # somebody else's is in it
        return None
    return Page(name, _elements(reply) // words, max((then or 0) - (micros or 0), 1) / 1e6)


def _elements(reply: Reply) -> int:
    """Return how many elements, or bytes, were read."""
    if (
        isinstance(reply, list) and len(reply) == 2 and isinstance(reply[1], list)
    ):  # a cursor, and what it found
        return len(reply[1])
    return len(reply) if isinstance(reply, list | bytes) else 0


# -- whether one may


async def _with_permission(desk: Desk, found: Explained) -> Explained:
    """Ask whether the user of the session may run it: servers from 7.0 on know, and tell those who may ask."""
    user = await desk.try_to(b"ACL", b"WHOAMI")
    name = user if isinstance(user, bytes) else b""
    found = replace(found, user=name.decode("utf-8", "replace"))
    if not name or found.secrets or not found.arity:
        return found
    reply = await desk.try_to(b"ACL", b"DRYRUN", name, *found.argv)
    if reply == b"OK":
        return replace(found, permitted=True)
    refusal = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else ""
    return replace(found, permitted=False if refusal else None, refusal=refusal)
