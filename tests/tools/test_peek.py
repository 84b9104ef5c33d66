"""``peek``: what keys hold and what servers know of them, on real servers of every age."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, cast

import pytest

from pyredis.commands.slots import key_slot
from pyredis.exceptions import ReplyError
from pyredis.types import Reply
from pyredis_cli.core.desk import Desk
from pyredis_cli.exits import Exit
from pyredis_cli.flags import UsageError
from pyredis_cli.tools.peek.samples import Known, sampled
from tests.clusters import Cluster
from tests.program import ran
from tests.servers import Server
from tests.tools.desks import desk_at, report_of, seen

TYPES = ("string", "hash", "list", "set", "zset", "stream")


@pytest.fixture(params=["redis62", "redis82", "valkey9"])
def server(request: pytest.FixtureRequest, shared_server: Callable[[str], Server]) -> Server:
    return shared_server(request.param)


async def peek(server: Server, *words: str, flags: tuple[str, ...] = ()) -> Any:
    """Return what programs get."""
    async with desk_at(server, *flags) as desk:
        return (await report_of(desk, "peek", *words)).value


async def page(server: Server, *words: str, columns: int = 80) -> str:
    """Return what a person sees."""
    async with desk_at(server) as desk:
        return seen(await report_of(desk, "peek", *words), columns)


def fill(server: Server) -> None:
    server.command("SET", "greeting", "hello", "PX", "3600000")
    server.command("HSET", "user:7", "name", "Ada", "city", "東京")
    server.command("RPUSH", "jobs", *[f"job {number}" for number in range(100)])
    server.command("SADD", "tags", "red")
    server.command("ZADD", "board", *[word for number in range(50) for word in (number, f"p{number}")])
    for number in range(30):
        server.command("XADD", "orders", f"1700000000{number:03}-0", "item", f"i{number}")
    server.command("XGROUP", "CREATE", "orders", "billing", "0")


async def test_each_type_has_its_length_and_its_value(server: Server) -> None:
    fill(server)
    async with desk_at(server) as desk:
        keys = ("greeting", "user:7", "jobs", "tags", "board", "orders")
        value = cast("Any", (await report_of(desk, "peek", *keys, "--count", "4")).value)
    found = {one["key"].decode(): one for one in value}

    assert [found[key]["type"] for key in keys] == list(TYPES)
    assert [found[key]["length"] for key in keys] == [5, 2, 100, 1, 50, 30]
    assert [found[key]["shown"] for key in keys] == [5, 2, 4, 1, 4, 4]
    assert 3590 < found["greeting"]["ttl"] <= 3600
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", found["greeting"]["expires_at"])
    assert found["user:7"]["ttl"] is None
    assert all(isinstance(one["memory"], int) and one["encoding"] for one in value)
    assert found["greeting"]["value"] == b"hello"
    assert found["user:7"]["value"] == {b"name": b"Ada", b"city": "東京".encode()}
    assert found["jobs"]["value"] + found["jobs"]["tail"] == [b"job 0", b"job 1", b"job 98", b"job 99"]
    assert found["tags"]["value"] == [b"red"]
    assert [member for member, _ in found["board"]["value"]] == [b"p0", b"p1"]
    assert [float(score) for _, score in found["board"]["tail"]] == [48, 49]
    assert found["orders"]["value"][0] == [b"1700000000000-0", {b"item": b"i0"}]
    assert found["orders"]["tail"][-1] == [b"1700000000029-0", {b"item": b"i29"}]
    assert found["orders"]["groups"][0][b"name"] == b"billing"


async def test_a_page_says_how_much_it_leaves_out(server: Server) -> None:
    fill(server)
    shown = await page(server, "jobs", "orders", "--count", "4")

    assert "jobs  list, 100 elements" in shown
    assert re.search(r"^ +2\) +\"job 1\"\n +… 96 more\n +99\) +\"job 98\"$", shown, re.MULTILINE)
    assert "(4 of 100 elements, from both ends)" in shown
    assert "(4 of 30 entries, from both ends)" in shown
    assert "billing" in shown
    assert re.search(r"^encoding .* expires +never$", shown, re.MULTILINE), "facts stand side by side"


@pytest.mark.parametrize("columns", [40, 80, 160])
async def test_a_page_fits_the_terminal(redis82: Server, columns: int) -> None:
    fill(redis82)
    shown = await page(redis82, "greeting", "user:7", "orders", columns=columns)
    assert max(map(len, shown.splitlines())) <= columns


FILL = """
for _ = 1, 4 do redis.call('RPUSH', 'films', string.rep('x', 2000000)) end
for _ = 1, 30 do redis.call('RPUSH', 'pages', string.rep('y', 500000)) end
for field = 1, 20000 do redis.call('HSET', 'wide', field, 'value') end
"""


async def test_what_is_large_is_not_read_whole(server: Server) -> None:
    server.command("SETRANGE", "long", 7_999_999, "x")
    server.command("EVAL", FILL, 0)
    before = int(server.info("stats")["total_net_output_bytes"])
    found = await peek(server, "long", "films", "wide", "pages")
    sent = int(server.info("stats")["total_net_output_bytes"]) - before

    assert sent < 6_000_000, "31 MB are there"
    long, films, wide, pages = found
    assert (long["length"], long["shown"]) == (8_000_000, 10_000)
    assert (films["length"], films["shown"]) == (4, 0)
    assert (wide["length"], wide["shown"]) == (20_000, 20)
    assert pages["length"] == 30
    assert 1 <= pages["shown"] <= 10


async def test_large_values_are_cut_on_a_page(redis82: Server) -> None:
    redis82.command("SET", "long", "ä" * 30_000)
    redis82.command("RPUSH", "films", "y" * 500, "z" * 2_000_000, "z" * 2_000_000)
    redis82.command("RPUSH", "notes", "y" * 500)
    redis82.command("SET", "doc", json.dumps([{"name": "x" * 70}] * 200))
    shown = await page(redis82, "long", "films", "notes", "doc")
    assert shown.count('"name": ') == 13
    assert "(the first 40 lines)" in shown
    assert "(the first 1,000 of 60,000 bytes)" in shown
    assert re.search(r"\(not read: each is about 1,\d\d\d,\d\d\d bytes long\)", shown)
    assert "200 more bytes" in " ".join(shown.split())


async def test_to_be_looked_at_is_not_to_be_used(server: Server) -> None:
    """Servers before 7.2 cannot be told, so the page says whose idle time it was."""
    server.command("HSET", "old", "f", "v")
    dump = cast("bytes", server.command("DUMP", "old"))
    server.command("RESTORE", "old", 0, dump, "REPLACE", "IDLETIME", 5000)
    found = await peek(server, "old")
    assert found["idle"] >= 5000

    server.command("RESTORE", "old", 0, dump, "REPLACE", "IDLETIME", 5000)
    shown = await page(server, "old")
    idle = cast("int", server.command("OBJECT", "IDLETIME", "old"))
    can_be_told = server.product == "valkey" or server.version >= "7.2"
    assert (idle >= 5000) == can_be_told
    assert ("1 h 23 min, until this look at it" in shown) != can_be_told


async def test_under_lfu_it_is_the_frequency(server: Server) -> None:
    server.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lfu")
    server.command("SET", "k", "v")
    found = await peek(server, "k")
    assert found["idle"] is None
    assert found["frequency"] >= 1
    assert "refused" not in found


async def test_a_key_that_is_not_there(server: Server) -> None:
    server.command("MSET", "user:7", "v", "session:1", "v")
    async with desk_at(server) as desk:
        report = await report_of(desk, "peek", "usr:7", "session:1")
        assert report.code == Exit.REPLY
        assert seen(report).startswith("no such key: usr:7; there is user:7\n\nsession:1  string, 1 byte\n")
        alone = await report_of(desk, "peek", "\udcff\x1b")
        assert (alone.code, alone.value) == (Exit.REPLY, {"key": b"\xff\x1b", "type": "none"})
        assert seen(alone) == "no such key: \\xff\\x1b\n"


@pytest.mark.parametrize("kind", TYPES)
async def test_a_key_may_go_while_it_is_looked_at(server: Server, kind: str) -> None:
    async with desk_at(server) as desk:
        assert await sampled(desk, Known(b"gone", kind), 20) is None


class Interrupted(Desk):
    """A desk whose first questions are followed by what somebody else sends meanwhile."""

    meanwhile: tuple[Callable[[], object], ...] = ()

    async def ask_all(self, *commands: Any, **options: Any) -> list[Reply]:
        replies = await super().ask_all(*commands, **options)
        for act in self.meanwhile:
            act()
        self.meanwhile = ()
        return replies


async def test_a_key_that_becomes_of_another_type_is_looked_at_again(server: Server) -> None:
    server.command("SET", "key", "text")
    async with desk_at(server) as desk:
        interrupted = Interrupted(desk.session)
        interrupted.meanwhile = (
            lambda: server.command("DEL", "key"),
            lambda: server.command("RPUSH", "key", "a", "b"),
        )
        report = await report_of(interrupted, "peek", "key")
        await interrupted.close()
    found = cast("Any", report.value)
    assert (found["type"], found["value"], "refused" in found) == ("list", [b"a", b"b"], False)


async def test_what_a_user_may_not_ask_is_said_and_all_else_is_told(server: Server) -> None:
    server.command("HSET", "user:7", "name", "Ada")
    server.command("ACL", "SETUSER", "ada", "on", ">s3cret", "~user:*", "+@all", "-memory", "-hscan")
    as_ada = ("--user", "ada", "--pass", "s3cret", "--no-auth-warning")
    async with desk_at(server, *as_ada) as desk:
        report = await report_of(desk, "peek", "user:7")
        found = cast("Any", report.value)
        assert (found["type"], found["length"], found["memory"], found["value"]) == ("hash", 1, None, None)
        assert set(found["refused"]) == {"memory", "hscan"}
        assert re.search(r"^memory +NOPERM", seen(report, 200), re.MULTILINE)
        with pytest.raises(ReplyError, match="NOPERM"):
            await report_of(desk, "peek", "other")


async def test_scores_are_numbers_in_either_protocol(server: Server) -> None:
    server.command("ZADD", "board", "-inf", "a", "1.5", "b", "3", "c")
    wanted = [[b"a", float("-inf")], [b"b", 1.5], [b"c", 3]]
    for protocol in ("-2", "-3"):
        assert (await peek(server, "board", flags=(protocol,)))["value"] == wanted


async def test_of_several_keys_one_that_may_not_be_asked_is_said_and_the_others_are_told(
    server: Server,
) -> None:
    server.command("HSET", "user:7", "name", "Ada")
    server.command("ACL", "SETUSER", "ada", "on", ">s3cret", "~user:*", "+@all")
    as_ada = ("--user", "ada", "--pass", "s3cret", "--no-auth-warning")
    async with desk_at(server, *as_ada) as desk:
        report = await report_of(desk, "peek", "other", "user:7")
        other, mine = cast("Any", report.value)
        assert (other["key"], other["type"], set(other["refused"])) == (b"other", None, {"type"})
        assert mine["value"] == {b"name": b"Ada"}
        assert report.code == Exit.REPLY
        assert re.search(r"^other  NOPERM .*\n\nuser:7  hash", seen(report, 200), re.MULTILINE)
        with pytest.raises(ReplyError, match="NOPERM"):
            await report_of(desk, "peek", "other", "another")


async def test_a_cluster_is_followed_to_the_node_of_the_key(cluster82: Cluster) -> None:
    here, there = cluster82.primary_of(key_slot(b"bar")), cluster82.primary_of(key_slot(b"foo"))
    there.command("RPUSH", "foo", *range(100))
    assert here is not there
    found = await peek(here, "foo", "--count", "2", flags=("-c",))
    assert (found["length"], found["value"], found["tail"]) == (100, [b"0"], [b"99"])
    with pytest.raises(ReplyError, match=r"^MOVED 12182 .*; start with -c"):
        await peek(here, "foo")


async def test_fields_of_a_hash_may_expire(redis82: Server) -> None:
    redis82.command("HSET", "user:7", "name", "Ada", "code", "1234")
    redis82.command("HEXPIRE", "user:7", 500, "FIELDS", 1, "code")
    found = await peek(redis82, "user:7")
    assert list(found["field_ttls"]) == [b"code"]
    assert "expires in 8 min" in await page(redis82, "user:7")


async def test_types_of_modules_tell_of_themselves(modules82: Server) -> None:
    modules82.command("JSON.SET", "doc", "$", '{"a":[1,2]}')
    modules82.command("JSON.SET", "large", "$", json.dumps(["x" * 1000] * 1000))
    modules82.command("BF.ADD", "bf", "x")
    modules82.command("TOPK.RESERVE", "tk", 3)
    modules82.command("TOPK.ADD", "tk", "a")
    modules82.command("VADD", "vec", "VALUES", 2, 1, 2, "e1")
    doc, large, bloom, top, vectors = await peek(modules82, "doc", "large", "bf", "tk", "vec")
    assert doc["document"] == b'{"a":[1,2]}'
    assert (large["length"], large["value"]) == (1000, None)
    assert "document" not in large
    assert bloom["info"][b"Number of items inserted"] == 1
    assert top["sample"][:2] == [b"a", 1]
    assert (vectors["length"], vectors["sample"]) == (1, [b"e1"])
    shown = await page(modules82, "doc", "bf")
    assert '"a": [1, 2]' in shown
    assert "Number of items inserted" in shown


async def test_bytes_never_steer_the_terminal(redis82: Server) -> None:
    evil = b"\x1b]0;pwned\x07\xff"
    redis82.command("HSET", evil, evil, evil)
    redis82.command("SET", b"s" + evil, evil)
    key = evil.decode("utf-8", "surrogateescape")
    shown = await page(redis82, key, f"s{key}")
    assert "\x1b" not in shown
    assert shown.count("\\x1b") == 5


async def test_peek_needs_a_key(redis82: Server) -> None:
    async with desk_at(redis82) as desk:
        with pytest.raises(UsageError, match="peek takes a key"):
            await report_of(desk, "peek")


def test_scripts_get_json_and_an_exit_code(redis82: Server) -> None:
    redis82.command("SET", b"bin\xff", "v")
    ran_json = ran(redis82, "--format", "json", "--quoted-input", "peek", '"bin\\xff"', "nosuch")
    there, missing = json.loads(ran_json.stdout)
    assert ran_json.code == Exit.REPLY
    assert there["value"] == "v"
    assert missing["type"] == "none"
    assert ran_json.stderr == b""


async def test_a_key_may_expire_when_no_calendar_reaches(redis82: Server) -> None:
    redis82.command("SET", "far", "v", "PXAT", 9_223_370_000_000_000_000)
    found = await peek(redis82, "far")
    assert (found["expires_at"], found["ttl"] > 1e15) == (None, True)


async def test_a_value_that_is_shared_is_not_referred_to_two_thousand_million_times(
    shared_server: Callable[[str], Server],
) -> None:
    server = shared_server("redis62")  # newer ones share fewer values
    server.command("SET", "small", "7")
    assert "shared by all keys with that value" in await page(server, "small")
