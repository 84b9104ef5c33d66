"""The handle that a caller holds: commands in, replies out, over one wire.

A handle of a pool is dead once it is released, whatever becomes of the wire; a handle of its own opens its wire
at the first command and stays with it until it is closed.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self

from pyredis.address import Address, TcpAddress, UnixAddress
from pyredis.commands.methods import Commands
from pyredis.commands.reading import reading
from pyredis.commands.spec import find
from pyredis.connection.conversation import Run
from pyredis.connection.opening import open_wire
from pyredis.connection.stream import Wire
from pyredis.exceptions import PyRedisConnClosed, PyRedisError, ReplyError
from pyredis.options import ConnectionOptions, TlsOptions, checked_tls
from pyredis.resp.encode import argv, pack
from pyredis.types import Argument, Reply

if TYPE_CHECKING:
    from pyredis.connection.bulk import Bulk, Pipeline

__all__ = ["AsyncConnection", "address_of", "checked_sock"]


def address_of(host: str | None, port: int, unix_sock: str | None) -> Address:
    """Return where the server is: ``unix_sock`` when given, else ``host`` (127.0.0.1 when None) and ``port``."""
    if host is not None and "/" in host:
        raise ValueError("host holds a slash: a URL goes to from_url() or get_by_url(), a path to unix_sock")
    if unix_sock is None:
        return TcpAddress("127.0.0.1" if host is None else host, port)
    if host is not None:
        raise ValueError("give host or unix_sock, not both")
    return UnixAddress(unix_sock)


def checked_sock(sock: object, address: Address) -> None:
    """Refuse the execution option ``sock`` when it is not the server's own address; None stands for that."""
    named = TcpAddress(*sock) if isinstance(sock, tuple) and len(sock) == 2 else sock
    if sock is not None and str(named) != str(address):
        raise ValueError(f"sock={sock!r} is not the address of this server, {address}")


class AsyncConnection(Commands):
    """One connection to a server, used by one task at a time.

    The options are those of ``ConnectionOptions``. It connects at the first command, or at ``connect``;
    once broken or closed it stays so.
    """

    pool: object | None = None
    """The pool that the connection is leased from."""

    def __init__(
        self,
        host: str | None = None,
        port: int = 6379,
        unix_sock: str | None = None,
        database: int = 0,
        password: str | bytes | None = None,
        encoding: str | None = None,
        conn_timeout: float | None = 2,
        read_timeout: float | None = 2,
        username: str | None = None,
        *,
        tls: TlsOptions | bool | None = None,
        protocol: Literal[2, 3] = 2,
        decoder: Literal["fast", "typed"] = "fast",
        max_bulk: int = 512 * 1024 * 1024,
        client_name: str | None = None,
        lib_name: str | None = "pyredis",
        family: Literal[0, 4, 6] = 0,
        read_only: bool = False,
    ) -> None:
        self._address = address_of(host, port, unix_sock)
        self._options = ConnectionOptions(
            database=database,
            password=password,
            username=username,
            encoding=encoding,
            conn_timeout=conn_timeout,
            read_timeout=read_timeout,
            tls=checked_tls(tls),
            protocol=protocol,
            decoder=decoder,
            max_bulk=max_bulk,
            client_name=client_name,
            lib_name=lib_name,
            family=family,
            read_only=read_only,
        )
        self._wire: Wire | None = None
        self._bulk: Bulk | None = None
        self._dead: str | None = None

    @classmethod
    def over(cls, wire: Wire) -> Self:
        """Return a handle over a wire that is open already."""
        self = cls.__new__(cls)
        self._address = wire.address
        self._options = wire.options
        self._wire = wire
        self._bulk = None
        self._dead = None
        return self

    def __repr__(self) -> str:
        state = self._dead or ("closed" if self.closed else "open")
        return f"<{type(self).__name__} {self._address} {state}>"

    def _take_wire(self) -> Wire:
        """Return the open wire; PyRedisError says what became of it."""
        if self._dead is not None:
            raise PyRedisError(f"this connection to {self._address} is {self._dead}; acquire another one")
        if self._wire is None:
            raise PyRedisError(f"not connected to {self._address} yet; await connect() first")
        return self._wire

    def detach(self) -> Wire | None:
        """Take the wire out of the handle, which is dead from then on; None when that was done before."""
        wire, self._wire, self._dead = self._wire, None, "released"
        if wire is not None:
            wire.on_unasked = None
        if wire is not None and self._bulk is not None and self._bulk.unfinished:
            wire.abort(PyRedisConnClosed(f"the connection to {self._address} was released during a bulk"))
        return wire

    async def connect(self) -> None:
        """Open the connection unless it is open."""
        if self._unopened():
            wire = await open_wire(self._address, self._options)
            if self._unopened():
                self._wire = wire
            else:
                wire.abort()  # it was closed meanwhile, or another task was faster

    def _unopened(self) -> bool:
        return self._wire is None and self._dead is None

    async def execute(self, *args: Argument, shard_key: object = None, sock: object = None) -> Reply:
        """Return the reply of a command; raise its ReplyError.

        Commands that change the connection's state are welcome here. SUBSCRIBE and its kin return the list of
        their confirmations; what is published comes to ``on_unasked``. Raises PyRedisConnReadTimeout when no
        reply comes within ``read_timeout`` (a blocking command may block first), and closes the connection.
        """
        checked_sock(sock, self._address)
        if self._bulk is not None:
            self._take_wire()
            await self._bulk.add(args)
            return None
        words = argv(args, self._options.encoding)
        if self._wire is None:
            await self.connect()
        return await self._take_wire().execute(words, find(words))

    async def execute_after_asking(self, words: Sequence[bytes]) -> Reply:
        """Return the reply of a command that is sent right behind ASKING; raise its ReplyError."""
        wire, spec, asking = self._take_wire(), find(words), (b"ASKING",)
        if self._options.read_only:
            words = reading(words)  # lest ASKING be sent without it
        # The server forgets ASKING with the next command, so to the conversation it is one without effect.
        sent = wire.send_batch([(asking, None, pack(asking)), (words, spec, pack(words))], keep=True)
        await wire.settled(sent)
        last = sent[-1]
        if isinstance(last, PyRedisError):
            raise last
        if last.error is not None:
            raise last.error
        reply = last.replies[0] if isinstance(last, Run) else last.reply
        if isinstance(reply, ReplyError):
            reply.command = spec.name if spec else None
            raise reply
        return reply

    # -- bulk

    async def bulk_start(self, bulk_size: int = 5000, keep_results: bool = True) -> None:
        """Have commands sent in batches from now on: they return None, ``bulk_stop`` returns their replies.

        ``bulk_size`` commands are written at once, and no more than twice as many are on their way. Without
        ``keep_results`` only error replies are kept.
        """
        from pyredis.connection.bulk import Bulk

        if self._bulk is not None:
            raise PyRedisError("a bulk was started already; await bulk_stop() first")
        await self.connect()
        self._bulk = Bulk(self._take_wire(), bulk_size, keep_replies=keep_results)

    async def bulk_stop(self) -> list[Reply]:
        """Return the replies of the bulk in order, error replies in place as ReplyError objects.

        Raises PyRedisConnError when the connection broke meanwhile.
        """
        bulk, self._bulk = self._bulk, None
        if bulk is None:
            raise PyRedisError("no bulk was started; await bulk_start() first")
        self._take_wire()
        return await bulk.stop()

    def bulk_drop(self) -> None:
        """End the bulk at once: forget its commands that were not written yet, and the replies still to come."""
        self._bulk = None

    @property
    def bulk_replies(self) -> list[Reply]:
        """The replies of the bulk so far; they grow by the batch."""
        return [] if self._bulk is None else self._bulk.replies

    def pipeline(self, bulk_size: int = 5000, keep_results: bool = True) -> Pipeline:
        """``async with client.pipeline() as p``: a bulk for the length of a block; then ``p.replies``."""
        from pyredis.connection.bulk import Pipeline

        return Pipeline(self, bulk_size, keep_results)

    @property
    def replies_later(self) -> bool:
        """Whether a command's reply tells nothing about it yet: in MULTI, in a bulk, with replies off."""
        return self._bulk is not None or self.in_transaction or self.reply_mode != "on"

    def close(self) -> None:
        """Close at once; whoever waits for a reply gets PyRedisConnClosed."""
        if self._wire is not None:
            self._wire.abort()
        elif self._dead is None:
            self._dead = "closed"

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
        if self._wire is not None:
            await self._wire.wait_closed()

    @property
    def address(self) -> Address:
        return self._address

    @property
    def closed(self) -> bool:
        return self._dead is not None or (self._wire is not None and self._wire.closed)

    @property
    def error(self) -> PyRedisError | None:
        """Why the connection is closed; None while it is open."""
        return self._wire.error if self._wire else None

    @property
    def at_rest(self) -> bool:
        """Whether the next user would find the connection as it was opened."""
        return self._wire is not None and self._wire.clean

    @property
    def database(self) -> int:
        """The database that the connection is in now."""
        return self._take_wire().conversation.database

    @property
    def username(self) -> str:
        """The user that the connection is authenticated as now."""
        return self._take_wire().conversation.username

    @property
    def protocol(self) -> int:
        """The RESP version spoken now."""
        return self._take_wire().conversation.protocol

    @property
    def greeting(self) -> Mapping[str, Reply]:
        """What the server told when it was last said HELLO: ``server version proto id mode role``; empty without.

        Names are as Redis documents them, values as they came.
        """
        return self._take_wire().conversation.greeting

    @property
    def name_refused(self) -> ReplyError | None:
        """Why the server does not show ``client_name``; None when it does, as far as is known."""
        return None if self._wire is None else self._wire.name_refused

    @property
    def in_transaction(self) -> bool:
        return self._take_wire().conversation.in_transaction

    @property
    def watching(self) -> bool:
        return self._take_wire().conversation.watching

    @property
    def engaged(self) -> bool:
        """Whether something is going on that ends with the connection: a transaction, a watch, a subscription."""
        return self._wire is not None and self._wire.conversation.engaged

    @property
    def as_opened(self) -> bool:
        """Whether another connection would do as well: nothing is going on, same database, user and protocol."""
        return self._wire is None or self._wire.conversation.as_opened

    @property
    def monitoring(self) -> bool:
        return self._take_wire().conversation.monitoring

    @property
    def subscriptions(self) -> int:
        """How many channels, patterns and shard channels are subscribed."""
        return self._take_wire().conversation.subscriptions

    @property
    def reply_mode(self) -> Literal["on", "off", "skip"]:
        """What CLIENT REPLY asked for."""
        return self._take_wire().conversation.reply_mode

    def on_unasked(self, receive: Callable[[Reply], None] | None) -> None:
        """Have pushes, published messages and lines of MONITOR given to ``receive``; None drops them."""
        self._take_wire().on_unasked = receive

    def is_heard_by(self, receive: Callable[[Reply], None]) -> bool:
        """Whether it is ``receive`` that gets what comes unasked."""
        return self._wire is not None and self._wire.on_unasked == receive

    def pause(self) -> None:
        """Read nothing more from the network until ``resume``."""
        self._take_wire().pause()

    def resume(self) -> None:
        self._take_wire().resume()

    async def wait_closed(self) -> None:
        """Return when the socket is gone."""
        if self._wire is not None:
            await self._wire.wait_closed()

    def __del__(self) -> None:
        wire = self.__dict__.get("_wire")  # none when the options were refused
        if wire is not None and self.pool is None and not wire.closed:
            unclosed = f"unclosed {self!r}; close() it, or use async with"
            warnings.warn(unclosed, ResourceWarning, stacklevel=2, source=self)
            wire.abort()
