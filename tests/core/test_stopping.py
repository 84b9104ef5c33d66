"""How a command that runs is stopped, where a terminal cannot strike the moment."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from pyredis import AsyncPool
from pyredis_cli.core.session import Session
from pyredis_cli.core.stopping import cut_short, stop
from tests.servers import Server, until

pytestmark = pytest.mark.usefixtures("no_leaks")


async def test_a_value_that_is_there_survives_the_end_of_the_stopping(server: Server) -> None:
    session = Session(AsyncPool(server.host, server.port, read_timeout=None), interactive=True)
    server.command("LPUSH", "k", "precious")
    running = asyncio.create_task(session.run([b"BLPOP", b"k", b"0"]))
    await asyncio.wait([running])
    stopped = cut_short(session, running)
    assert stopped.how == "answered"
    assert stopped.outcome is not None
    assert stopped.outcome.reply == [b"k", b"precious"]
    await session.close()


async def test_a_stopping_that_is_cancelled_closes_the_connection(server: Server) -> None:
    session = Session(AsyncPool(server.host, server.port, read_timeout=None), interactive=True)
    await session.run([b"WATCH", b"other"])
    running = asyncio.create_task(session.run([b"BLPOP", b"k", b"0"]))
    await server.until_blocked()
    stopping = asyncio.create_task(stop(session, running, [b"BLPOP", b"k", b"0"]))
    await asyncio.sleep(0)
    stopping.cancel()
    await asyncio.wait([stopping])
    assert stopping.cancelled()
    assert cut_short(session, running) == ("lost", None, None, "", "the watched keys")
    assert not session.connected
    await until(lambda: server.blocked() == 0)
    await session.close()


async def test_a_wait_that_was_ended_is_said_to_be_although_its_own_end_is_heard_first(
    server: Server,
) -> None:
    class Late(Session):
        async def unblock(self, argv: Sequence[bytes]) -> bool:
            unblocked = await super().unblock(argv)
            await asyncio.wait([running])
            await asyncio.sleep(0.01)
            return unblocked

    session = Late(AsyncPool(server.host, server.port, read_timeout=None), interactive=True)
    running = asyncio.create_task(session.run([b"BLPOP", b"k", b"0"]))
    await server.until_blocked()
    stopped = await stop(session, running, [b"BLPOP", b"k", b"0"])
    assert stopped.how == "unblocked"
    await session.close()
