"""One command in the arguments, without an event loop: what a shell loop starts a thousand times.

It does what ``cli`` and ``exec`` do with the same arguments, byte for byte, for a known command that leaves its
connection as it was, to one server. Where that turns out to be a cluster, or to be known by sentinels, it is
``exec`` that does it.
"""

from __future__ import annotations

from pyredis.commands.spec import TABLE, reply_limit
from pyredis.connection.blocking import BlockingConnection
from pyredis.exceptions import AskError, MovedError, PyRedisConnClosed, PyRedisError, ReplyError
from pyredis.records import replace
from pyredis.resp.decode import TypedDecoder
from pyredis_cli.argv import encoded
from pyredis_cli.core.direct import options_of
from pyredis_cli.core.outcome import START_WITH_C, Outcome, nameless, unknown_fate
from pyredis_cli.exits import Exit
from pyredis_cli.printing import ReplyWriter, fail, form_of, protocol_for, theme_of
from pyredis_cli.settings import colored, settle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pyredis.commands.spec import Spec
    from pyredis.types import Reply
    from pyredis_cli.core.costs import Needs
    from pyredis_cli.core.figures import Figures
    from pyredis_cli.given import Given
    from pyredis_cli.settings import Settings
    from pyredis_cli.streams import Streams

__all__ = ["run"]


def run(given: Given, words: Sequence[str], spec: Spec, environ: Mapping[str, str], streams: Streams) -> int:
    """Run the words as the command that ``spec`` is about; return the exit code.

    Raises UsageError, PyRedisURLError and what `Streams.write` raises.
    """
    if spec.secrets or any("://" in word for word in words):
        from pyredis_cli.core.concealing import conceal_typed

        conceal_typed(words)
    settings = settle(given, environ, streams)
    streams = colored(settings, streams)
    if settings.tls is not None:
        from pyredis_cli.core.certificates import opened

        settings = opened(settings, streams)
    if settings.cluster or settings.group is not None:  # by a URL of the environment
        from pyredis_cli.tools.exec import run as run_tool

        return run_tool(settings, streams, words)
    return _OneShot(settings, streams, encoded(words, settings.encoding), spec).run()


class _OneShot:
    """A command on its way to one server."""

    def __init__(self, settings: Settings, streams: Streams, argv: tuple[bytes, ...], spec: Spec) -> None:
        self._settings = settings
        self._streams = streams
        self._argv = argv
        self._spec = spec
        self._limit = reply_limit(argv, spec, settings.read_timeout)

    def run(self) -> int:
        """Connect, send, print; return the exit code."""
        settings = self._settings
        try:
            if self._is_looked_at and not self._is_allowed():
                return Exit.GUARD
            connection = self._connected()
        except PyRedisError as error:
            return self._fail(error, at_connect=True)
        if notice := nameless(settings.address, settings.client_name, connection.name_refused):
            self._streams.say(notice)
        try:
            reply = self._reply(connection)
        except PyRedisError as error:
            return self._fail(error)
        self._show(reply, connection)
        return Exit.OK

    @property
    def _is_looked_at(self) -> bool:
        """Whether the guard has a word to say: of most commands, and where nobody is there, it has none."""
        profile = self._settings.profile
        cares = self._streams.can_ask or (profile is not None and profile.production)
        return cares and self._spec.may_cost(len(self._argv))

    def _is_allowed(self) -> bool:
        from pyredis_cli.core.consent import allowed

        return allowed(self._settings, self._streams, self._spec, self._argv, self._measured)

    def _measured(self, wanted: Sequence[Needs]) -> Figures:
        """Return what the server tells, on a connection of its own: a person may think for long."""
        from pyredis_cli.core.measuring import measured_on

        options = options_of(replace(self._settings, protocol=None), "typed")
        with BlockingConnection.open(self._settings.address, options) as connection:
            return measured_on(connection, wanted)

    def _show(self, reply: Reply, connection: BlockingConnection) -> None:
        settings, streams = self._settings, self._streams
        if form_of(settings, streams) == "human":
            from pyredis_cli.render.brief import brief

            line = brief(self._spec, reply, color=streams.color, theme=theme_of(settings, streams))
            if line is not None:
                streams.write(line)
                return
        writer = ReplyWriter(settings, streams, lambda: connection.protocol, pages=True)
        writer.show(Outcome(self._argv, self._spec, reply))

    def _connected(self) -> BlockingConnection:
        settings = replace(self._settings, protocol=protocol_for(self._settings, self._streams))
        options = options_of(settings, "typed")
        return BlockingConnection.open(settings.address, options, decoder=self._decoder())

    def _decoder(self) -> TypedDecoder:
        """Return a decoder that makes as little of a reply as the format leaves of it."""
        raw = form_of(self._settings, self._streams) == "raw"
        return TypedDecoder(join=self._settings.marks.delimiter if raw else None)

    def _reply(self, connection: BlockingConnection) -> Reply:
        """Return the reply; of a connection that broke ask another one, if the command only reads."""
        try:
            return connection.execute(self._argv, timeout=self._limit)
        except PyRedisConnClosed as error:
            if not self._spec.readonly:
                raise unknown_fate(error, self._spec.name) from None
        connection = self._connected()
        self._streams.say(f"reconnected to {self._settings.address}")
        return connection.execute(self._argv, timeout=self._limit)

    def _fail(self, error: PyRedisError, *, at_connect: bool = False) -> int:
        if isinstance(error, ReplyError) and not at_connect:
            from pyredis_cli.core.secrets import veiled

            error = veiled(error, [self._argv], TABLE)
            if isinstance(error, (MovedError, AskError)):
                self._streams.say(START_WITH_C)
        return fail(self._streams, error, self._settings.address, at_connect=at_connect)
