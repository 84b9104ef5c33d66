"""What a server's sentence on the time that a command takes comes to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyredis.commands.grammar import grammar
from pyredis.commands.spec import Spec, Table
from pyredis_cli.core.complexity import cost, span
from tests.servers import Server

TABLE = Table()


async def test_each_of_these_sentences_of_real_servers_is_understood(server: Server) -> None:
    wanted = {
        "constant": "GET SET HSET LPUSH ZADD UNLINK HSCAN EXPIRE INFO DBSIZE",
        "arguments": "MGET MSET HMGET TOUCH SUBSCRIBE CONFIG|GET ZMSCORE SPOP",
        "values": "HGETALL HKEYS HVALS SMEMBERS DEL SORT SUNION SDIFF SINTER ZUNION LREM BITCOUNT COPY DUMP",
        "returned": "LRANGE ZRANGE ZREVRANGE XRANGE GETRANGE LTRIM ZRANGEBYSCORE",
        "database": "KEYS FLUSHDB",
        "databases": "FLUSHALL SAVE",
        "unknown": "EVAL PUBLISH GEOSEARCH RESTORE CLIENT|LIST ACL|LIST XREAD MIGRATE",
    }
    names = [name for group in wanted.values() for name in group.split()]
    table = Table()
    table.learn_docs(server.command("COMMAND", "DOCS", *names))

    found = {name: cost(_spec(table, name).complexity).reach for name in names}

    assert found == {name: reach for reach, group in wanted.items() for name in group.split()}
    assert cost(_spec(table, "LTRIM").complexity).removes


def _spec(table: Table, name: str) -> Spec:
    spec = table.find(name.split("|"))
    assert spec is not None
    return spec


@pytest.mark.parametrize(
    ("sentence", "order"),
    [
        ("O(N) where N is something", "O(N)"),
        ("O(N+M*log(M)) and so on", "O(N+M*log(M))"),
        ("O(N)+O(M*log(M)) worst", "O(N)+O(M*log(M))"),
        ("O(K) + O(M*log(N)) where", "O(K) + O(M*log(N))"),
        ("it depends", ""),
        ("O(N without an end", ""),
        ("", ""),
    ],
)
def test_the_order_is_taken_with_its_parentheses(sentence: str, order: str) -> None:
    assert cost(sentence).order == order


@given(st.text(alphabet="O(N)+* log1", max_size=40))
def test_no_sentence_is_too_odd(sentence: str) -> None:
    found = cost(sentence)
    assert found.order in sentence
    assert found.order or found.reach == "unknown"


@pytest.mark.parametrize(
    ("line", "length", "count"),
    [
        ("LRANGE k 0 -1", 10, 10),
        ("LRANGE k 0 9", 5_000, 10),
        ("LRANGE k -3 -1", 10, 3),
        ("LRANGE k 5 2", 10, 0),
        ("LRANGE k -100 100", 10, 10),
        ("LRANGE k a b", 10, None),
        ("GETRANGE k 0 -1", 10, 10),
        ("ZRANGE k 0 -1 WITHSCORES", 10, 10),
        ("ZRANGE k 0 5 BYSCORE", 10, None),
        ("XRANGE k - +", 10, 10),
        ("XRANGE k - + COUNT 3", 10, None),
        ("XRANGE k 5 9", 10, None),
        ("HGETALL k", 10, None),
    ],
)
def test_a_range_by_indices_says_how_much_it_is(line: str, length: int, count: int | None) -> None:
    words = line.encode().split()
    spec = TABLE.find(words)
    assert spec is not None
    roles = grammar(spec).walk(words[1:]).roles

    assert span(roles, words[1:], length, ids=line.startswith("X")) == count
