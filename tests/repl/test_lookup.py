"""Names that nobody typed are looked up while a person types, at little cost and never in the way."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from pyredis import AsyncPool
from pyredis.commands.spec import TABLE
from pyredis_cli.complete import NameCache, tokens, wants
from pyredis_cli.core.session import Session
from pyredis_cli.repl.lookup import LookUp
from tests.servers import Server, until

pytestmark = pytest.mark.usefixtures("no_leaks")


class Person:
    """Somebody who types at a session, and sees what the cache knows."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.names = NameCache()
        self.redrawn = 0
        self.live = True
        self.look_up = LookUp(session, self.names, self._redraw, lambda: self.live)

    def _redraw(self) -> None:
        self.redrawn += 1

    def sees(self, line: str) -> list[bytes]:
        """Type up to here; return the names in the menu."""
        found: list[bytes] = []
        typed = tokens(line, TABLE)
        for want in wants(typed):
            names = self.names.find(want, typed.partial.value, database=self.session.database)
            found += [name.value for name in names]
        self.look_up.wake()
        return found

    async def until_sees(self, line: str, name: bytes) -> None:
        await until(lambda: name in self.sees(line), what=f"{name!r} is offered for {line!r}")


@pytest.fixture
async def person(server: Server) -> AsyncIterator[Person]:
    server.command("FLUSHALL")
    server.command("CONFIG", "RESETSTAT")
    session = Session(AsyncPool(server.host, server.port, decoder="typed", lib_name=None))
    await session.connect()
    person = Person(session)
    yield person
    await person.look_up.close()
    await session.close()


async def test_keys_that_begin_so_are_found(person: Person, server: Server) -> None:
    server.command("MSET", "user:1", 1, "user:2", 2, "other", 3)
    await person.until_sees("GET us", b"user:2")
    assert person.sees("GET us") == [b"user:1", b"user:2"]
    await until(lambda: person.redrawn > 0)


async def test_what_means_something_in_a_pattern_is_meant_literally(person: Person, server: Server) -> None:
    server.command("MSET", "a*b", 1, "axb", 2, "[z]", 3, b"\\q\xff", 4)
    for line, name in (("GET a*", b"a*b"), ("GET [", b"[z]"), (r"GET \q", b"\\q\xff")):
        await person.until_sees(line, name)
    assert person.sees("GET a*") == [b"a*b"]


async def test_types_of_the_keys_in_the_menu_are_learnt(person: Person, server: Server) -> None:
    server.command("HSET", "k:hash", "f", 1)
    server.command("SET", "k:string", 1)
    await person.until_sees("TTL k:", b"k:hash")
    await until(lambda: person.sees("HGETALL k:") == [b"k:hash"], what="a hash is told from a string")


async def test_what_belongs_to_a_key_is_found_once_it_is_typed(person: Person, server: Server) -> None:
    server.command("HSET", "h", "name", 1, "city", 2)
    server.command("SADD", "s", "ann", "bob")
    server.command("ZADD", "z", 1, "zoe")
    server.command("XGROUP", "CREATE", "x", "billing", "$", "MKSTREAM")
    server.command("XGROUP", "CREATECONSUMER", "x", "billing", "me")
    for line, name in (
        ("HGET h ", b"city"),
        ("SREM s a", b"ann"),
        ("ZSCORE z ", b"zoe"),
        ("XINFO CONSUMERS x ", b"billing"),
        ("XGROUP DELCONSUMER x billing ", b"me"),
    ):
        await person.until_sees(line, name)


async def test_what_belongs_to_the_server_is_found(person: Person) -> None:
    await person.until_sees("ACL GETUSER ", b"default")
    await person.until_sees("CONFIG GET maxmem", b"maxmemory-policy")


async def test_it_looks_in_the_database_of_the_session(person: Person, server: Server) -> None:
    await person.session.run([b"SELECT", b"3"])
    await person.session.run([b"SET", b"three", b"1"])
    await person.until_sees("GET th", b"three")


async def test_it_asks_as_the_person_who_is_logged_in(person: Person, server: Server) -> None:
    """What one user may see is not shown to the next."""
    server.command("SET", "key", 1)
    server.command("ACL", "SETUSER", "ann", "on", "nopass", "~*", "+@all", "-scan")
    await person.session.run([b"AUTH", b"ann", b"x"])
    assert person.session.username == "ann"
    for line in ("GET k", "GET ke"):
        assert person.sees(line) == []
        await until(lambda: person.look_up._asking is None and person.look_up._next is None)
    assert person.sees("GET key") == []
    assert "rejected_calls=1," in server.info("commandstats")["cmdstat_scan"]
    await person.session.run([b"AUTH", b"default", b""])
    await person.until_sees("GET k", b"key")


async def test_an_error_is_no_reason_never_to_ask_again(person: Person, server: Server) -> None:
    server.command("XGROUP", "CREATE", "x", "billing", "$", "MKSTREAM")
    person.sees("XINFO CONSUMERS nosuch ")
    person.sees("XREADGROUP GROUP ")
    await person.until_sees("XINFO CONSUMERS x ", b"billing")


async def test_a_key_that_went_meanwhile_is_not_offered(person: Person, server: Server) -> None:
    person.names.learn("key", [b"gone"])
    server.command("SET", "gong", 1)
    await person.until_sees("TTL gon", b"gong")
    await until(lambda: person.sees("TTL gon") == [b"gong"], what="TYPE told that gone is no key")


async def test_a_session_that_reconnects_is_followed(person: Person, server: Server) -> None:
    server.command("MSET", "one", 1, "two", 2)
    await person.until_sees("GET on", b"one")
    server.command("ACL", "SETUSER", "bob", "on", "nopass", "~*", "+@all")
    server.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    await person.session.run([b"AUTH", b"bob", b"x"])
    assert person.session.username == "bob"
    await person.until_sees("GET tw", b"two")


async def test_what_is_forbidden_is_asked_for_once(person: Person, server: Server) -> None:
    server.command("ACL", "SETUSER", "default", "-scan")
    person.sees("GET a")
    await until(lambda: "cmdstat_scan" in server.info("commandstats"))
    for line in ("GET ab", "GET abc"):
        await until(lambda: person.look_up._asking is None and person.look_up._next is None)
        person.sees(line)
    await until(lambda: person.look_up._asking is None and person.look_up._next is None)
    assert "rejected_calls=1," in server.info("commandstats")["cmdstat_scan"]


async def test_switched_off_it_asks_nothing(person: Person, server: Server) -> None:
    server.command("SET", "key", 1)
    person.live = False
    assert person.sees("GET k") == []
    await asyncio.sleep(0.3)
    assert person.sees("GET k") == []


async def test_it_gives_way_to_who_types_on(person: Person, server: Server) -> None:
    """Among very many keys a page is short, and the next prefix is what counts."""
    for start in range(0, 40_000, 4_000):
        server.command("MSET", *[word for n in range(start, start + 4_000) for word in (f"k:{n}", n)])
    began = time.monotonic()
    for size in range(2, 8):
        person.sees("GET k:3999"[: 4 + size])
        await asyncio.sleep(0.05)
    await until(lambda: "cmdstat_scan" in server.info("commandstats"))
    calls = int(server.info("commandstats")["cmdstat_scan"].split(",")[0].partition("=")[2])
    assert calls <= 3 + (time.monotonic() - began) / 0.1  # seconds between two questions
    await person.until_sees("GET k:3999", b"k:39999")


async def test_a_line_that_was_dropped_is_not_asked_about(person: Person, server: Server) -> None:
    for start in range(0, 40_000, 4_000):
        server.command("MSET", *[word for n in range(start, start + 4_000) for word in (f"k:{n}", n)])
    person.sees("GET nosuch")
    await until(lambda: "cmdstat_scan" in server.info("commandstats"))
    person.look_up.give_way()
    await until(lambda: person.look_up._asking is None)
    calls = server.info("commandstats")["cmdstat_scan"].partition(",")[0]
    await asyncio.sleep(0.3)  # nothing is to happen for so long
    assert server.info("commandstats")["cmdstat_scan"].partition(",")[0] == calls


async def test_there_is_an_end_to_what_is_asked(person: Person, server: Server) -> None:
    server.command("MSET", *[word for n in range(1_000) for word in (f"k:{n}", n)])
    person.look_up = LookUp(person.session, person.names, lambda: None, budget=20)
    await until(lambda: bool(person.sees("GET k:1")))
    await until(lambda: person.look_up._asking is None)
    known = len(person.names)
    for line in ("GET k:2", "GET k:3"):
        person.sees(line)
        await asyncio.sleep(0.2)  # nothing is to happen for so long
    assert len(person.names) == known
    assert "cmdstat_scan" in server.info("commandstats")
