"""Each view on each server that is supported, in both protocols: it is used, and nothing is lost."""

from __future__ import annotations

import shlex
import time
from typing import Final, cast

import pytest

from pyredis.exceptions import ReplyError
from pyredis_cli import registry
from pyredis_cli.render.look import Look
from pyredis_cli.render.present import View
from pyredis_cli.render.views.reading import Asked
from tests.conftest import MakeServer
from tests.render.views.recorded import Recorded, answer, shown
from tests.render.views.test_views import missing
from tests.servers import MissingServer, Server, module_config, wait_until

FILLED: Final = """
HSET user:7 name ada city london
SET {t}draft "the quick brown fox"
SET {t}copy "that quick red fox"
SET k v EX 3600
SET big xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
GEOADD places 13.361389 38.115556 Palermo 15.087269 37.502669 Catania
XADD jobs 1795712740202-0 kind mail
XADD jobs 1795713140202-0 kind print pages 3
XGROUP CREATE jobs workers 0
XREADGROUP GROUP workers w-1 COUNT 1 STREAMS jobs >
ACL SETUSER reader on nopass ~cart:* +@read
CONFIG SET slowlog-log-slower-than 0
CONFIG SET latency-monitor-threshold 1
EVAL "local t=0 for i=1,9000000 do t=t+i end return t" 0
"""
# What there is to see, and since which version of Redis.
COMMANDS: Final = {
    "ACL GETUSER reader": 6.2,
    "ACL LIST": 6.2,
    "CLIENT INFO": 6.2,
    "CLIENT LIST": 6.2,
    "CLUSTER INFO": 6.2,
    "CLUSTER NODES": 6.2,
    "CLUSTER SHARDS": 7.0,
    "CLUSTER SLOTS": 6.2,
    "COMMAND": 6.2,
    "COMMAND DOCS": 7.0,
    "COMMAND DOCS ZADD GET": 7.0,
    "COMMAND INFO ZADD GET": 6.2,
    "CONFIG GET *": 6.2,
    "EXPIRETIME k": 7.0,
    "FUNCTION STATS": 7.0,
    "GEORADIUS places 15 37 200 km WITHDIST": 6.2,
    "GEORADIUS_RO places 15 37 200 km WITHDIST WITHCOORD": 6.2,
    "GEORADIUSBYMEMBER places Palermo 200 km WITHDIST": 6.2,
    "GEORADIUSBYMEMBER_RO places Palermo 200 km WITHHASH": 6.2,
    "GEOSEARCH places FROMLONLAT 15 37 BYRADIUS 300 km ASC WITHCOORD WITHDIST WITHHASH": 6.2,
    "INFO": 6.2,
    "INFO everything": 7.0,
    "INFO commandstats": 6.2,
    "LASTSAVE": 6.2,
    "LATENCY HISTOGRAM": 7.0,
    "LATENCY HISTORY command": 6.2,
    "LATENCY LATEST": 6.2,
    "LCS {t}draft {t}copy IDX WITHMATCHLEN": 7.0,
    "MEMORY STATS": 6.2,
    "MEMORY USAGE big": 6.2,
    "OBJECT IDLETIME big": 6.2,
    "PEXPIRETIME k": 7.0,
    "PTTL k": 6.2,
    "PUBSUB NUMSUB news alerts": 6.2,
    "PUBSUB SHARDNUMSUB news": 7.0,
    "ROLE": 6.2,
    "SCRIPT EXISTS 0000000000000000000000000000000000000000": 6.2,
    "SLOWLOG GET 128": 6.2,
    "TIME": 6.2,
    "TTL k": 6.2,
    "XINFO CONSUMERS jobs workers": 6.2,
    "XINFO GROUPS jobs": 6.2,
    "XINFO STREAM jobs": 6.2,
    "XINFO STREAM jobs FULL": 6.2,
    "XPENDING jobs workers": 6.2,
    "XPENDING jobs workers - + 10": 6.2,
}
MODULES: Final = {
    "JSON.SET user:1 $ {\"name\":\"ada\",\"age\":36}": False,
    "FT.CREATE people ON JSON PREFIX 1 user: SCHEMA $.name AS name TEXT $.age AS age NUMERIC": False,
    "BF.ADD seen a": False,
    "TOPK.RESERVE pages 3": False,
    "JSON.GET user:1": True,
    "JSON.MGET user:1 none $.name": True,
    "FT.INFO people": True,
    "FT.SEARCH people *": True,
    "FT.AGGREGATE people * GROUPBY 1 @name REDUCE COUNT 0 AS n": True,
    "BF.INFO seen": True,
    "TOPK.INFO pages": True,
    "MODULE LIST": True,
}  # fmt: skip


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("kind", ["redis62", "redis70", "redis82", "valkey9"])
def test_every_view_is_used_and_loses_nothing(make_server: MakeServer, kind: str, protocol: int) -> None:
    server = make_server(kind, "cluster-enabled yes")
    server.command("CLUSTER", "ADDSLOTS", *range(16384))
    wait_until(lambda: b"cluster_state:ok" in bytes(server.command("CLUSTER", "INFO")))  # type: ignore[arg-type]
    for line in FILLED.strip().splitlines():
        server.command(*shlex.split(line))
    version = float(".".join(server.version.split(".")[:2]))
    commands = [line for line, since in COMMANDS.items() if since <= version]
    assert len(commands) > 35
    strange = [line for line in commands if not _is_used_and_whole(server, protocol, line)]
    assert strange == []


@pytest.mark.parametrize("protocol", [2, 3])
def test_the_views_of_modules_are_used_and_lose_nothing(make_server: MakeServer, protocol: int) -> None:
    try:
        server = make_server("redis82", *module_config())
    except MissingServer as missing_modules:
        pytest.skip(str(missing_modules))
    for line, seen in MODULES.items():
        if not seen:
            server.command(*shlex.split(line.replace('"', '\\"')))
    wait_until(lambda: server.command("FT.SEARCH", "people", "*")[0] == 1)  # type: ignore[index]
    strange = [
        line for line, seen in MODULES.items() if seen and not _is_used_and_whole(server, protocol, line)
    ]
    assert strange == []


def _is_used_and_whole(server: Server, protocol: int, line: str) -> bool:
    argv = [word.encode() for word in shlex.split(line)]
    one = Recorded(tuple(argv), answer(server.port, protocol, argv), time.time())
    assert not isinstance(one.reply, ReplyError), (line, one.reply)
    assert one.spec is not None
    view = cast("View", registry.load(registry.VIEWS[one.spec.name]))
    used = bool(view(one.reply, Asked(one.argv, one.spec, Look())))
    return used and not missing(one, one.reply) and bool(shown(one, 80))
