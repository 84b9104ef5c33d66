"""The connection beside a session is to the server that the session is at."""

from __future__ import annotations

from pyredis import AsyncSentinelPool, ReadOnly
from pyredis_cli.core.session import Session
from pyredis_cli.repl.aside import Aside
from tests.conftest import MakeSentinels


async def test_it_follows_the_session_to_another_server(make_sentinels: MakeSentinels) -> None:
    group = make_sentinels("redis82")
    old = group.primary()
    pool = AsyncSentinelPool(group.addresses, group.name, decoder="typed", read_timeout=None)
    session = Session(pool, interactive=True)
    await session.connect()
    aside = Aside(session)
    assert (await aside.client()).address == session.address
    old.command("REPLICAOF", "127.0.0.1", group.replicas()[0].port)  # behind everybody's back
    assert isinstance((await session.run([b"SET", b"k", b"1"])).error, ReadOnly)
    new = await group.until_another(old)
    assert (await session.run([b"SET", b"k", b"1"])).error is None
    assert str(session.address) == f"{new.host}:{new.port}"
    assert (await aside.client()).address == session.address
    await aside.hang_up()
    await session.close()
