"""``find``: the keys that match a pattern, as the server tells them, and what else is asked of each.

It knows its flags, which keys they choose, and in which order servers are asked. How keys are walked over and how
they are written, others know.
"""

from __future__ import annotations

from itertools import compress

from pyredis.exceptions import AskError, MovedError, PyRedisError, ReplyError
from pyredis.records import NamedTuple, replace
from pyredis_cli.argv import argv_of, encoded, refuse_without_command
from pyredis_cli.core import direct
from pyredis_cli.core.outcome import nameless
from pyredis_cli.core.walking import Question, walk
from pyredis_cli.exits import Exit
from pyredis_cli.flags import UsageError
from pyredis_cli.parsing import parse_tool
from pyredis_cli.printing import fail, form_of
from pyredis_cli.render.listing import Column, form
from pyredis_cli.settings import Marks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pyredis.address import Address
    from pyredis.cluster.topology import Topology
    from pyredis.connection.blocking import BlockingConnection
    from pyredis.types import Reply
    from pyredis_cli.core.walking import Page
    from pyredis_cli.parsing import ToolArguments
    from pyredis_cli.settings import Settings
    from pyredis_cli.streams import Streams

__all__ = ["run"]

_LINES = frozenset({"raw", "human", "redis", "redis-csv"})
"""Formats that tell no type: all keys have the one that was asked for."""

_TYPE_WIDTH, _TTL_WIDTH, _SIZE_WIDTH = 0, 10, 12


def run(settings: Settings, streams: Streams, words: Sequence[str]) -> int:
    """List the keys; return the exit code."""
    refuse_without_command(settings.telling)
    arguments = parse_tool("find", words)
    if arguments.get("zero"):
        settings = _ended_by_nul(settings)
    return _Find(settings, streams, _wanted(settings, streams, arguments)).run()


def _ended_by_nul(settings: Settings) -> Settings:
    if settings.output not in (None, "raw"):
        raise UsageError("find -0 is for raw output; leave it out, or choose --raw")
    return replace(settings, output="raw", marks=Marks(b"\0", b"\0", b"\0", settings.marks.null))


class _Fact(NamedTuple):
    """A command that is asked of each key, which replies choose a key, and the column that shows them, if any."""

    command: tuple[str, ...]
    chooses: Callable[[Reply], bool]
    column: Column | None


class _Wanted(NamedTuple):
    question: Question
    facts: tuple[_Fact, ...]
    limit: int | None


def _wanted(settings: Settings, streams: Streams, arguments: ToolArguments) -> _Wanted:
    if len(arguments.words) > 1:
        raise UsageError(f"find takes one pattern, not {len(arguments.words)}; quote it for the shell")
    facts = tuple(_facts(arguments))
    pattern = argv_of(arguments.words, settings.telling, settings.encoding, streams.stdin)
    kind = arguments.get("type")
    question = Question(
        pattern[0] if pattern else None,
        None if kind is None else encoded((kind,), settings.encoding)[0],
        arguments.get("count"),
        settings.telling.interval,
        tuple(fact.command for fact in facts),
    )
    return _Wanted(question, facts, arguments.get("limit"))


def _facts(arguments: ToolArguments) -> Iterable[_Fact]:
    match arguments.get("ttl"):
        case "ttl":
            yield _Fact(("TTL",), lambda reply: reply not in (-1, -2), Column("ttl", _TTL_WIDTH))
        case "no-ttl":
            yield _Fact(("TTL",), lambda reply: reply == -1, None)
    if arguments.get("size"):  # of a key that is gone it is nil
        yield _Fact(("MEMORY", "USAGE"), lambda reply: reply is not None, Column("size", _SIZE_WIDTH))


class _Find:
    """One listing, of one server or of all primaries of a cluster."""

    def __init__(self, settings: Settings, streams: Streams, wanted: _Wanted) -> None:
        name = form_of(settings, streams)
        kind = wanted.question.type
        self._settings = settings
        self._streams = streams
        self._wanted = wanted
        self._kind = None if kind is None or name in _LINES else kind
        columns = [fact.column for fact in wanted.facts if fact.column is not None]
        if self._kind is not None:
            columns.insert(0, Column("type", _TYPE_WIDTH))
        self._form = form(name, columns, settings, terminal=streams.stdout_tty)
        self._listed = 0
        self._moved = 0

    @property
    def _full(self) -> bool:
        return self._listed == self._wanted.limit

    def run(self) -> Exit:
        """List the keys; return the exit code."""
        try:
            connection = direct.connect(self._settings)
        except PyRedisError as error:
            return fail(self._streams, error, self._settings.address, at_connect=True)
        name = self._settings.client_name
        if notice := nameless(connection.address, name, connection.name_refused):
            self._streams.say(notice)
        with connection:
            try:
                topology = direct.primaries(connection, self._settings) if self._settings.cluster else None
            except PyRedisError as error:
                return fail(self._streams, error, connection.address)
            code = self._of_server(connection) if topology is None else self._of_cluster(topology)
        if self._listed:
            self._streams.write(self._form.end)
        elif not code:
            self._streams.write(self._form.nothing)
        return code

    # -- servers

    def _of_server(self, connection: BlockingConnection, where: str = "") -> Exit:
        """List the keys of one server; return the exit code of what went wrong with it."""
        try:
            for page in walk(connection, self._wanted.question):
                self._show(page)
                if self._full:
                    break
        except PyRedisError as error:
            return fail(
                self._streams, error, connection.address, where if isinstance(error, ReplyError) else ""
            )
        return Exit.OK

    def _of_cluster(self, topology: Topology) -> Exit:
        """List the keys of all primaries; what some of them do not tell makes it partial."""
        codes = []
        for address in topology.primaries:
            if not self._full:
                codes.append(self._of_node(address))
        if all(codes):
            return codes[0]
        if topology.uncovered:
            self._streams.say(f"{topology.uncovered} slots are no node's; keys in them cannot be listed")
        if self._moved:
            self._streams.say(f"{self._moved} keys went to other nodes meanwhile and are not listed")
        return Exit.PARTIAL if any(codes) or topology.uncovered or self._moved else Exit.OK

    def _of_node(self, address: Address) -> Exit:
        try:
            connection = direct.connect_to(address, self._settings)
        except PyRedisError as error:
            return fail(self._streams, error, address, at_connect=True)
        with connection:
            return self._of_server(connection, f"{address}: ")

    # -- keys

    def _show(self, page: Page) -> None:
        """Write those keys of a page that are wanted, with what is to be shown of them."""
        chosen = self._chosen(page) if page.facts else None
        keys = page.keys if chosen is None else list(compress(page.keys, chosen))
        if self._wanted.limit is not None:
            keys = keys[: self._wanted.limit - self._listed]
        if not keys:
            return
        columns: list[Sequence[Reply]] = [] if self._kind is None else [[self._kind] * len(keys)]
        for fact, replies in zip(self._wanted.facts, page.facts, strict=True):
            if fact.column is not None and chosen is not None:
                columns.append(list(compress(replies, chosen))[: len(keys)])
        begin = b"" if self._listed else self._form.begin
        self._streams.write(begin + self._form.page(keys, columns, not self._listed))
        self._listed += len(keys)

    def _chosen(self, page: Page) -> list[bool]:
        """Return of each key whether it is wanted, as far as that depends on what was asked of it."""
        chosen = [True] * len(page.keys)
        for fact, replies in zip(self._wanted.facts, page.facts, strict=True):
            for position, reply in enumerate(replies):
                if isinstance(reply, ReplyError):
                    chosen[position] = self._misses(reply, counted=not chosen[position])
                elif not fact.chooses(reply):
                    chosen[position] = False
        return chosen

    def _misses(self, error: ReplyError, *, counted: bool) -> bool:
        """Return that a key cannot be chosen, for it is at another node by now; raise what else is wrong."""
        if not self._settings.cluster or not isinstance(error, MovedError | AskError):
            raise error
        self._moved += not counted
        return False
