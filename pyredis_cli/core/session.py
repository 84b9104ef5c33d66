"""One person's or one script's conversation with a server, over one lease of the pool.

SELECT, AUTH, HELLO and MULTI are state of a connection, so the session keeps one lease for its life. When the
connection breaks, the next command opens another one and brings it to where the person was; what cannot be
brought back (a transaction, watched keys, subscriptions) is told, never made up. Nothing runs in a database, as
a user or in a protocol that was not asked for, and a write is never sent twice.
"""

from __future__ import annotations

from contextlib import suppress
from time import perf_counter

from pyredis.commands.spec import Table
from pyredis.exceptions import (
    AskError,
    MovedError,
    NoAuth,
    PyRedisConnClosed,
    PyRedisConnError,
    PyRedisConnReadTimeout,
    PyRedisError,
    PyRedisTlsError,
    ReadOnly,
    ReplyError,
    WrongPass,
)
from pyredis.records import cast
from pyredis_cli.core.arrivals import Inbox, blocks, let_the_network_speak
from pyredis_cli.core.outcome import START_WITH_C, Outcome, nameless, unknown_fate
from pyredis_cli.core.standing import Standing
from pyredis_cli.core.wanted import instead

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
    from typing import Final, TypeGuard

    from pyredis.address import Address, NatMap, TcpAddress
    from pyredis.client.async_client import AsyncClient
    from pyredis.commands.spec import Spec
    from pyredis.pool.async_pool import AsyncPool
    from pyredis.pool.async_sentinel import AsyncSentinelPool
    from pyredis.types import Reply
    from pyredis_cli.core.cluster import Cluster
    from pyredis_cli.core.keeping import Keeper
    from pyredis_cli.core.lease import Lease
    from pyredis_cli.core.standing import Pool

__all__ = ["Session"]

_ROLES: Final = {b"master": "primary", b"replica": "replica"}

_ENDS_TRANSACTION: Final = frozenset({"exec", "discard"})

_LETS_GO: Final = frozenset({"exec", "discard", "unwatch", "reply", "reset"})
"""Effects by which a person lets go of what was lost with a connection."""


class Session(Standing):
    """Runs commands one after the other on one lease; reconnects at the next command when that is gone.

    An ``interactive`` one knows what stopping a command takes and notices when its connection is gone; that costs
    a script more than it is worth. With a ``cluster`` it goes to another node when a command belongs there;
    without one it stays where it is.
    """

    def __init__(
        self,
        pool: Pool,
        cluster: Cluster | None = None,
        *,
        interactive: bool = False,
        natmap: NatMap | None = None,
    ) -> None:
        super().__init__(pool, cluster)
        self.natmap = natmap or {}
        """Where servers are reached that call each other by other addresses."""
        self.table = Table()
        self.on_push: Callable[[Reply], bool] | None = None
        """Is given what comes unasked, returns whether it has room for more; without it `messages` does."""
        self.on_aside: Callable[[Reply], None] | None = None
        """Is given what comes unasked when nothing is subscribed or monitored and there is no ``on_push``."""
        self.on_lost: Callable[[], None] | None = None
        """Hears that the connection of an interactive session is gone."""
        self.on_move: Callable[[str], Awaitable[None]] | None = None
        """Hears at once that the session has another connection; without it the outcome's notices say so."""
        self.keeper: Keeper | None = None
        """Keeps what commands change."""
        self.renew: Callable[[str | bytes | None], Awaitable[str | None]] | None = None
        """Is given a password that was refused at a new connection, returns one to try in its place."""
        self.unauthenticated = False
        """Whether the server wants a password first, or refused the one it was given."""
        self.busy = False
        """Whether the server was too busy to take a connection when one was wanted last."""
        self._interactive = interactive
        self._number: int | None = None
        """What the server calls the connection."""
        self._watching: asyncio.Task[None] | None = None
        self._was_connected = False
        self._expects_reply = False
        self._renewing: asyncio.Lock | None = None
        self._notices: list[str] = []
        """What the person must be told with the command that runs."""
        self._nameless = pool.client_name is not None
        """Whether the person may still have to be told that the server refuses the name of the connection."""
        self._demoted = False
        """Whether the server is not any more what its sentinels called it."""
        if cluster is not None:
            cluster.seat(self, cast("AsyncPool", pool))
        self._inbox = Inbox()

    def learn_role(self, role: str) -> None:
        """Hear that the server has that role now."""
        self._role = role

    # -- what it does

    async def connect(self) -> None:
        """Open the connection and bring it to where the person was.

        Raises PyRedisConnError, or the ReplyError of a refused HELLO, AUTH, SELECT or RESET; it is not
        connected then.
        """
        try:
            client, pool = await self.let_in(self.reached), self.pool
            try:
                await self._take(client)
            except BaseException:
                client.close()
                await pool.release(client)  # the session may have another one by now, with another password
                raise
        except PyRedisError as error:
            self.unauthenticated = _refuses_the_person(error)
            self.busy = self.busy and _has_not_answered(error)  # or it is gone by now
            await self._drop()
            raise
        except BaseException:
            await self._drop()
            raise

    async def renewed(self, error: ReplyError, refused: Pool) -> bool:
        """Return whether the password of a pool, which a server refuses, is another one by now and is used.

        The connection is given up for it, unless it holds something or is at work: then nothing changes.
        """
        if self.renew is None or not self._was_connected or not _refuses_the_person(error):
            return False
        from asyncio import Lock

        self._renewing = self._renewing or Lock()
        async with self._renewing:  # one look for all who are refused: a program may ask the person
            if refused is not self.pool:  # somebody else has seen to it
                return True
            if self.commitments or self._expects_reply or (self.connected and self.subscribed):
                return False
            password = await self.renew(refused.password)
            if password is None:
                return False
            self._note_subscriptions()
            await self._drop()
            self.pool = refused.like(password=password)
            if self._cluster is not None:
                await self._cluster.replaced(cast("AsyncPool", self.pool))
            await refused.close()
            return True

    async def _take(self, client: AsyncClient) -> None:
        """Make a connection the session's own; until it has answered it is none that a prompt may speak of."""
        self.unauthenticated = False
        if self._interactive:
            await self._get_to_know(client)
        self._lease = client
        self.busy = False
        client.on_unasked(self._receive)
        self._was_connected = True
        self._demoted = False

    async def reached(self) -> AsyncClient:
        """Return a connection; at the start, to the first node of a cluster that is there."""
        try:
            return await self.another()
        except PyRedisConnError:
            if self._cluster is None or self._was_connected:
                raise
            for address in self._cluster.others:
                with suppress(PyRedisConnError):
                    client = await self.another(address)
                    self.pool = self._cluster.pool_at(address)
                    return client
            raise

    async def _get_to_know(self, client: AsyncClient) -> None:
        """Learn what the server calls the connection, and what its role is."""
        self._role = _role(client)
        self._number = await self._number_of(client)
        import asyncio  # which costs a script more than all else that it imports

        self._watching = asyncio.create_task(self._watch(client))

    async def _number_of(self, client: AsyncClient) -> int | None:
        number = client.greeting.get("id")
        # The pool may have had the connection for long: it is told of as the new one, so it must answer now.
        if number is None or self._was_connected:
            knocked = await self._knock(client)
            number = number if knocked is None else knocked
        return number if isinstance(number, int) else None

    async def _knock(self, client: AsyncClient) -> Reply:
        """Return what the server calls the connection; notice that it wants a password first."""
        try:
            return await client.execute("CLIENT", "ID")
        except ReplyError as error:
            self.unauthenticated = isinstance(error, NoAuth)
        return None

    async def _watch(self, client: AsyncClient) -> None:
        await client.wait_closed()
        if self._lease is client and self.on_lost is not None:
            self.on_lost()

    def _watch_no_more(self) -> None:
        watching, self._watching = self._watching, None
        if watching is not None:
            watching.cancel()

    async def reconnect(self) -> str:
        """Open a connection in the place of the one that is gone; return what to say of it.

        Raises what `connect` raises.
        """
        self._note_subscriptions()
        await self._drop()
        await self.connect()
        return self._welcome()

    async def unblock(self, argv: Sequence[bytes]) -> bool:
        """Have the server end the wait of the command that runs; return whether there was one to end.

        Raises what `connect` raises, and the ReplyError of a server that refuses.
        """
        spec = self.table.find(argv)
        if spec is None or spec.blocks_for(argv) is None or self.in_transaction:
            return False
        if self._number is None or not self.connected:
            return False
        if not self.read_only:
            return await self._unblock(self.pool, self._number, spec, argv)
        # What ends a wait of our own is no command of the person's.
        pool = self.pool.like(read_only=False, pool_size=1)
        try:
            return await self._unblock(pool, self._number, spec, argv)
        finally:
            await pool.close()

    async def _unblock(self, pool: Pool, number: int, spec: Spec, argv: Sequence[bytes]) -> bool:
        from pyredis_cli.core.unblocking import end_wait

        client = await self._another_of(pool, here=True)
        try:
            return await end_wait(client, number, spec, argv)
        finally:
            await pool.release(client)

    async def unsubscribe(self) -> None:
        """Leave all channels, patterns and shard channels."""
        for name in ("UNSUBSCRIBE", "PUNSUBSCRIBE", "SUNSUBSCRIBE"):
            if self._lease is not None and self.subscribed:
                with suppress(ReplyError):  # servers before 7.0 have no shard channels
                    await self._reply(self._lease, (name.encode(),))

    async def hang_up(self) -> None:
        """Let go of the connection and of what is subscribed, unless commands to come rely on it."""
        if not self.commitments:
            await self._drop()

    def resume(self) -> None:
        """Hear that there is room for what comes unasked."""
        if self._lease is not None and not self._lease.closed:
            self._lease.resume()

    @property
    def in_cluster(self) -> bool:
        """Whether redirects are followed."""
        return self._cluster is not None

    def pool_of(self, at: TcpAddress | None = None) -> Pool:
        """Return where connections to the node ``at`` come from; None is the node that the session is at."""
        return self.pool if at is None or self._cluster is None else self._cluster.pool_at(at)

    @property
    def known_nodes(self) -> tuple[TcpAddress, ...]:
        """The nodes of the cluster that the session has heard of; none without a cluster."""
        return self._cluster.known if self._cluster is not None else ()

    async def alone_at(self, address: Address) -> AsyncClient:
        """Return a connection to whichever server, as the same user and in the same database, cluster or not.

        It has a pool to itself, to be closed with it. Raises what `connect` raises.
        """
        pool = self.pool.at(address)
        try:
            client = await pool.acquire()
            for argv in self._ground.wanted.steps():
                await client.execute(*argv)
        except BaseException:
            await pool.close()
            raise
        return client

    async def let_in(self, opened: Callable[[], Awaitable[AsyncClient]]) -> AsyncClient:
        """Return the connection that is opened; where the password is refused, with the one that it is now."""
        pool = self.pool
        try:
            return await opened()
        except ReplyError as error:
            if not await self.renewed(error, pool):
                raise
        return await opened()

    async def another(self, at: TcpAddress | None = None) -> AsyncClient:
        """Return one more connection, as the same user and in the same database; release it to its ``pool``.

        In a cluster, to the node ``at``. Raises what `connect` raises, also when the sentinels lead to another
        server than the one the session is at.
        """
        return await self._another_of(self.pool_of(at), here=at is None)

    async def beside(self, at: TcpAddress | None = None) -> AsyncClient:
        """Return what `another` does; where the session is to be before it is connected, what `reached` does."""
        return await (self.another(at) if at is not None or self.connected else self.reached())

    async def _another_of(self, pool: Pool, *, here: bool) -> AsyncClient:
        client = await pool.acquire()
        try:
            if here and self.connected and client.address != self.address:
                reason = f"the sentinels lead to {client.address} now, and the session is at {self.address}"
                raise PyRedisConnError(reason, address=str(client.address))
            for argv in self._ground.wanted.steps():
                await client.execute(*argv)
        except BaseException:
            client.close()
            await pool.release(client)
            raise
        return client

    async def run(self, argv: Sequence[bytes]) -> Outcome:
        """Return what became of a command; errors are part of it.

        A cancellation passes through; the connection is closed then if the command was sent.
        """
        words = tuple(argv)
        outcome = Outcome(words, self.table.find(words))
        self._notices = []
        started = perf_counter()
        try:
            outcome = await self._run(outcome)
        except PyRedisError as error:
            outcome = outcome._replace(error=error, at_connect=self._lease is None)
        if isinstance(outcome.error, MovedError | AskError):
            self._explain_redirect(outcome)
        return outcome._replace(seconds=perf_counter() - started, notices=tuple(self._notices))

    async def _run(self, outcome: Outcome) -> Outcome:
        if self.read_only:
            # Before the session connects, or goes to another node, for what will not be sent.
            from pyredis.commands.reading import reading

            reading(outcome.argv)
        if self._lease is not None:
            await let_the_network_speak(self._lease)
        if self._cluster is None:
            return await self._run_here(outcome)
        outcome = await self._cluster.route(outcome)
        if outcome.error is not None:
            return outcome
        outcome = await self._run_here(outcome)
        try:
            return await self._cluster.follow(outcome)
        except PyRedisConnClosed as error:
            raise unknown_fate(error, outcome.name) from None

    async def _run_here(self, outcome: Outcome) -> Outcome:
        """Return what becomes of a command on this server; when need be, on another connection to it."""
        if self._demoted and not self.losses:
            await self._drop()
        await self._see_to_connection(outcome)
        broken_off = self.commitments
        try:
            return await self.send(outcome)
        except PyRedisConnClosed as error:
            repeatable = error.sent is False or (outcome.spec is not None and outcome.spec.readonly)
            if error.sent is not False and outcome.effect in _ENDS_TRANSACTION:
                await self._drop()  # nothing that follows was meant for the transaction
            if broken_off or not repeatable:
                raise unknown_fate(error, outcome.name) from None
        await self._see_to_connection(outcome)
        return await self.send(outcome)

    async def send(self, outcome: Outcome) -> Outcome:
        """Run the command on the lease, and remember what it changed."""
        client = self._lease
        if client is None:
            raise PyRedisConnClosed("not connected", address=str(self.address))
        silent = client.reply_mode != "on" or _is_silent(outcome)
        queues = client.in_transaction
        try:
            outcome = outcome._replace(reply=await self._reply(client, outcome.argv, outcome))
        except ReplyError as error:
            # Errors alone need it, and every start would pay.
            from pyredis_cli.core.secrets import veiled

            outcome = outcome._replace(error=veiled(error, [outcome.argv], self.table))
            self._note_demotion(error)
        except PyRedisError:
            raise
        except BaseException:  # its reply may have come by now, and have changed what nobody takes note of
            client.close()
            raise
        else:
            outcome = outcome._replace(silent=silent and outcome.reply is None)
        if self._nameless:
            self._note_name(client)
        queued = tuple(self._ground.queued) if outcome.effect == "exec" else ()
        change = self._ground.take(outcome, client.protocol, queues=queues and client.in_transaction)
        if change.logged_in:
            self.unauthenticated = False
            self._role = _role(client) or self._role
        outcome = outcome._replace(broken_ground=change.broken, queued=queued)
        if isinstance(outcome.error, NoAuth):
            self.unauthenticated = True
        if outcome.effect == "reset" and outcome.error is None and self._interactive:
            await self._knock(client)
        if client.closed and outcome.error is None:
            await self._drop()
        elif outcome.effect in ("auth", "hello") and outcome.error is None and not client.in_transaction:
            await self._greet_again(client)
        return outcome

    def _note_demotion(self, error: ReplyError) -> None:
        """Hear from a server that it takes no writes; the sentinels may have another one by now."""
        if isinstance(error, ReadOnly):
            self._role = "replica"
        if isinstance(error, ReadOnly) and _asks_sentinels(self.pool) and not self.pool.replica_ok:
            self._demoted = True
            self._notices.append(
                f"{self.address} is not the primary of {self.pool.name} any more; "
                "the next command asks the sentinels where that is"
            )

    def _note_name(self, client: AsyncClient) -> None:
        """Tell once that the server refuses the name of the connection."""
        if notice := nameless(self.address, self.pool.client_name, client.name_refused):
            self._nameless = False
            self._notices.append(notice)

    async def _greet_again(self, client: AsyncClient) -> None:
        """Do once somebody has logged in what the server may have refused without a password."""
        if self.pool.protocol == 3 and client.protocol == 2 and self._ground.wanted.protocol is None:
            with suppress(ReplyError):
                await client.execute("HELLO", 3)
                self._ground.wanted = self._ground.wanted._replace(protocol=3)
        if isinstance(client.name_refused, NoAuth):
            with suppress(ReplyError):
                await client.execute("CLIENT", "SETNAME", self.pool.client_name or "")
        if self._interactive and self._number is None:
            self._number = await self._number_of(client)

    async def _reply(
        self, client: AsyncClient, argv: tuple[bytes, ...], outcome: Outcome | None = None
    ) -> Reply:
        """Return the reply to a command; it may come behind any number of messages."""
        self._expects_reply = True
        client.resume()
        try:
            if self.keeper is not None and outcome is not None:
                return await self.keeper.execute(client, outcome)
            return await client.execute(*argv)
        finally:
            self._expects_reply = False

    async def _see_to_connection(self, outcome: Outcome) -> None:
        """See to it that there is a connection for a command, and tell what the person must know of it."""
        if self.connected:
            return
        lost = self.commitments
        lets_go = outcome.effect in _LETS_GO
        if lost and lets_go:
            self._note_subscriptions()
            await self._drop()
        if lost:
            # It stays lost until it is let go: lines typed ahead must not run outside of what they were meant for.
            raise PyRedisConnClosed(
                f"the connection to {self.address} was lost, and with it {lost}; {outcome.name} was not sent"
                + ("" if lets_go else "; DISCARD goes on without it"),
                address=str(self.address),
            )
        again = self._was_connected
        lease = self.blocking_lease
        refusal = lease.error if lease is not None else None
        self._note_subscriptions()
        await self._drop()
        if isinstance(refusal, PyRedisTlsError):  # told behind the handshake; another one would end like that
            raise refusal
        await self._connect_for(outcome)
        if again:
            await self._tell_move(self._welcome())

    async def _connect_for(self, outcome: Outcome) -> None:
        """Connect; what an AUTH, HELLO or SELECT asks for takes the place of what the server may refuse."""
        changes, wanted = instead(self._ground.wanted, outcome)
        if not changes:
            await self.connect()
            return
        before = self.pool, self._ground.wanted
        self.pool, self._ground.wanted = self.pool.like(**changes), wanted
        right = False
        try:
            await self.connect()
            right = True
        except ReplyError as error:
            # Then the password was right, and the database is to be said again.
            right = "password" in changes and error.command == "SELECT"
            raise
        finally:
            useless = before[0] if right else self.pool
            if not right:
                self.pool, self._ground.wanted = before
            if right and self._cluster is not None:
                await self._cluster.replaced(cast("AsyncPool", self.pool))
            await useless.close()

    def _note_subscriptions(self) -> None:
        """Remember to tell of the subscriptions that a new connection will not have."""
        if lost := self._subscriptions():
            self._ground.lose(lost)

    def _welcome(self) -> str:
        """Return what to say of a new connection: also what the person did to the old one that this one lacks."""
        undone = self._ground.lost()
        rest = f"; not done again: {', '.join(undone)}" if undone else ""
        return f"reconnected to {self.address}{rest}"

    # -- other nodes of a cluster

    async def go(self, slot: int, address: TcpAddress) -> None:
        """Be at another node of the cluster from now on, and say so.

        PyRedisConnError says why that cannot be; it stays where it is then.
        """
        if self._cluster is None or (self.connected and address == self.address):
            return
        client, undone = await self._arrived(slot, address)
        lease, self._lease = self._lease, client
        self.pool = self._cluster.pool_at(address)
        self._watch_no_more()
        if lease is not None:
            await self._cluster.leave(lease, self._ground.wanted)
        await self._take(client)
        rest = f"; not done there: {', '.join(undone)}" if undone else ""
        await self._tell_move(f"-> slot {slot} at {address}{rest}")

    async def _arrived(self, slot: int, address: TcpAddress) -> tuple[AsyncClient, tuple[str, ...]]:
        """Return a connection to another node; where the password is refused, with the one that it is now."""
        assert self._cluster is not None
        try:
            return await self._cluster.arrive(self, slot, address, self._ground.wanted)
        except PyRedisConnError as error:
            refusal = error.__cause__
            if not isinstance(refusal, ReplyError) or not await self.renewed(refusal, self.pool):
                raise
        return await self._cluster.arrive(self, slot, address, self._ground.wanted)

    async def _tell_move(self, notice: str) -> None:
        if self.on_move is not None:
            await self.on_move(notice)
        else:
            self._notices.append(notice)

    async def send_asking(self, outcome: Outcome, slot: int, address: TcpAddress) -> Outcome:
        """Return what becomes of a command behind ASKING at another node, and say so; the session stays."""
        assert self._cluster is not None
        client, _ = await self._arrived(slot, address)
        await self._tell_move(f"-> slot {slot} at {address}, asked this once")
        try:
            reply = await client.execute_after_asking(outcome.argv)
        except ReplyError as error:
            outcome = outcome._replace(error=error)
        except BaseException:  # there may be a reply to come
            client.close()
            raise
        else:
            outcome = outcome._replace(reply=reply, error=None)
            if self.keeper is not None:
                self.keeper.miss_asked(outcome)
        finally:
            await self._cluster.leave(client, self._ground.wanted)
        return outcome

    def _explain_redirect(self, outcome: Outcome) -> None:
        """Say why a redirect is only shown."""
        reason = START_WITH_C if self._cluster is None else self._cluster.explanation(outcome)
        if reason:
            self._notices.append(reason)

    # -- many commands at once

    @property
    def blocking_lease(self) -> Lease | None:
        """The lease when it is one that blocks, be it closed; None without one."""
        lease = self._lease
        return lease if lease is not None and blocks(lease) else None

    @property
    def many(self) -> Lease | None:
        """What takes many commands at once, None while they must go one by one.

        It takes commands without effect that do not block; nothing else may be run until all are answered.
        """
        lease = self.blocking_lease
        if lease is None or not lease.calm or self.streaming:
            return None
        untold = self._nameless and lease.name_refused is not None
        return None if untold and not isinstance(lease.name_refused, NoAuth) else lease

    def answered(self, argv: tuple[bytes, ...], reply: Reply) -> Outcome:
        """Return what became of a command that was one of many."""
        outcome = Outcome(argv, self.table.find(argv))
        if not isinstance(reply, ReplyError):
            return outcome._replace(reply=reply)
        from pyredis_cli.core.secrets import veiled

        reply.command = outcome.spec.name if outcome.spec else None
        outcome = outcome._replace(error=veiled(reply, [argv], self.table))
        self._notices = []
        if isinstance(reply, MovedError | AskError):
            self._explain_redirect(outcome)
        return outcome._replace(notices=tuple(self._notices))

    # -- messages

    def messages(self, deadline: float | None = None) -> AsyncGenerator[Reply, None]:
        """Yield each push, published message or line of MONITOR as it comes, until ``deadline`` (monotonic).

        Ends when nothing is subscribed any more; leaving it early closes the connection, and the next command
        opens another, and tells what was lost. Raises the error that ended the connection.
        """
        return self._inbox.messages(self._lease, deadline)

    def _receive(self, reply: Reply) -> None:
        has_room = True
        if self.on_push is not None:
            has_room = self.on_push(reply)
        elif self.streaming:
            has_room = self._inbox.put(reply)
        elif self.on_aside is not None:
            self.on_aside(reply)
        if not has_room and self._lease is not None and not self._expects_reply:
            self._lease.pause()

    # -- the end

    async def _drop(self) -> None:
        """Let go of the lease; its connection is closed."""
        client, self._lease = self._lease, None
        self._watch_no_more()
        self._inbox.clear()
        if client is not None:
            client.close()
            await self.pool.release(client)

    async def close(self) -> None:
        """Close the connections and the pools."""
        await self._drop()
        if self._cluster is not None:
            await self._cluster.close()
        await self.pool.close()


def _asks_sentinels(pool: Pool) -> TypeGuard[AsyncSentinelPool]:
    return hasattr(pool, "sentinels")


def _role(client: AsyncClient) -> str:
    """Return what the server said of its role when it was greeted; empty when nothing."""
    role = client.greeting.get("role")
    return _ROLES.get(bytes(role), "") if isinstance(role, bytes) else ""


def _refuses_the_person(error: PyRedisError) -> bool:
    """Whether the server does not let this user in, with this password or without one."""
    return isinstance(error, (NoAuth, WrongPass)) or (
        isinstance(error, ReplyError) and error.command == "AUTH"
    )


def _has_not_answered(error: PyRedisError) -> bool:
    """Whether time went by and nothing else is known: a connection that is lost is no sign of a busy server."""
    return isinstance(error, PyRedisConnReadTimeout) or isinstance(error.__cause__, TimeoutError)


def _is_silent(outcome: Outcome) -> bool:
    """Whether success shows nothing: CLIENT REPLY OFF and SKIP, SHUTDOWN."""
    return outcome.effect in ("reply", "shutdown")
