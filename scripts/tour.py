"""Play the tour on real servers and a real terminal, and write docs/tour.md from what was shown.

Usage: python scripts/tour.py [--check] [--only SCENE ...]

``--check`` writes nothing and fails when the page is not what was shown, figures and times aside.
"""

from __future__ import annotations

import argparse
import asyncio
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.terminal import live_in  # noqa: E402
from pyredis.commands.slots import key_slot  # noqa: E402
from tests.clusters import Cluster  # noqa: E402
from tests.proxy import in_background  # noqa: E402
from tests.sentinels import Sentinels  # noqa: E402
from tests.servers import BINARIES, Server  # noqa: E402
from tests.stage import Stage, alike  # noqa: E402

PAGE = ROOT / "docs" / "tour.md"
HEAD = """\
# A tour

Eight people at work. `scripts/tour.py` plays each scene on real servers and writes this page of what the terminal
showed; a test plays them again. Ports are called otherwise here.
"""

_PROFILES = "~/.config/pyredis-cli/config.toml"
_ON_CALL = """\
[profiles.prod-cache]
url = "redis://127.0.0.1:16379"
production = true
read_only = true
"""
_PLATFORM = """\
[profiles.prod]
url = "sentinel://127.0.0.1:26382,127.0.0.1:26383,127.0.0.1:26384/mymaster"
password_command = "cat token"
natmap = "127.0.0.1:26379=127.0.0.1:27000"
"""
_SEED = """\
cat > seed.redis <<'END'
SET cfg:env ${env}
# a flag that somebody has made a string
LPUSH cfg:feature beta
SET done 1
END"""
_QUOTA = """\
cat > quota.lua <<'END'
local used = redis.call('INCRBY', KEYS[1], ARGV[1])
if used > 15 then
  return redis.error_reply('QUOTA of ' .. KEYS[1] .. ' is used up')
end
return used
END"""


def names(*servers: Server, first: int = 16379) -> dict[str, str]:
    """Return what ports are called in the page, and what they are."""
    return {str(first + number): str(server.port) for number, server in enumerate(servers)}


@contextmanager
def single(folder: Path) -> Iterator[tuple[Stage, Server]]:
    with Server(BINARIES["redis82"]) as server:
        yield Stage(folder, names(server)), server


# -- scenes


def checkout(server: Server) -> socket.socket:
    """Return the connection of somebody who has read a large hash five times."""
    client = socket.create_connection((server.host, server.port))
    client.sendall(
        b"CLIENT SETNAME svc-checkout\r\n" + b"HGETALL cart:global\r\n" * 5 + b"ECHO done-with-it\r\n"
    )
    came = b""
    while not came.endswith(b"done-with-it\r\n"):
        came = came[-100:] + client.recv(1 << 20)
    return client


def on_call(folder: Path) -> list[str]:
    with single(folder) as (stage, server):
        for start in range(0, 200_000, 10_000):
            server.command("HSET", "cart:global", *(n for n in range(start, start + 10_000) for _ in "kv"))
        server.command("CONFIG", "SET", "slowlog-log-slower-than", 15_000)
        stage.say(
            "## On call, 03:10",
            "An alert about latency. The profile says that this is production and that nothing may be changed, so "
            "nothing that she types can write.",
        )
        stage.file(_PROFILES, _ON_CALL)
        stage.show("toml", _ON_CALL)
        with stage.repl("@prod-cache") as screen, ExitStack() as clients:
            screen.type(":transcript incident.md")
            screen.type(":since 2s", meanwhile=lambda: clients.enter_context(closing(checkout(server))))
            screen.type(":explain HGETALL cart:global")
            screen.type("client list | grep -c svc-checkout")
            screen.type("del cart:global")
        stage.say("What she saw is there for the report, without a secret:")
        stage.run("grep -c . incident.md", "grep -o 'prod-cache.*> .*' incident.md")
        return stage.page


def developer(folder: Path) -> list[str]:
    with single(folder) as (stage, server):
        server.command("SET", "session:9", '{"user":7,"exp":1795719854}')
        stage.say(
            "## A developer, local",
            "Text is text, in any script. TAB knows the keys of the right type, an error says what mends it, and "
            "a reply goes to any program.",
        )
        with stage.repl("-p 16379") as screen:
            screen.type('hset user:7 name "Ada 🦊" city 東京')
            screen.type("hset user:8 name Grace")
            screen.look("hget us", "user:8", "tab")
            screen.type("hgetall user:7")
            screen.type("lpush user:7 x")
            screen.type("get session:9 | jq .exp")
            screen.type("peek session:9")
        return stage.page


def ci(folder: Path) -> list[str]:
    with single(folder) as (stage, server):
        server.command("SET", "cfg:feature", "on")
        stage.say("## A job in CI", "It waits for the server, seeds it, and fails where something failed.")
        stage.run(
            "pyredis-cli -p 16379 --ping --wait 30 || exit 1",
            _SEED,
            "pyredis-cli -p 16379 exec -f seed.redis --set env=ci --stop-on-error; echo $?",
            "pyredis-cli -p 16379 --format ndjson --scan --type string --no-ttl | jq -r .key | sort",
        )
        return stage.page


def operator(folder: Path) -> list[str]:
    with Cluster(BINARIES["redis82"]) as cluster:
        primaries = sorted(cluster.primaries(), key=lambda node: node.port)
        replicas = [cluster.replica_of(primary) for primary in primaries]
        stage = Stage(folder, names(*primaries, *replicas, first=17000))
        owner = cluster.primary_of(key_slot(b"{cart}:"))
        here = primaries.index(next(node for node in primaries if node is not owner))
        fill = "for i = 1, 1200 do redis.call('SET', KEYS[1] .. i, i) end"
        owner.command("EVAL", fill, 1, "{cart}:")
        cluster.kill(replicas[1])
        stage.say(
            "## The operator of a cluster",
            "One word asks every node, and says which one is not there. What does not fit a cluster is refused "
            "with the mend before anything is sent; what everybody would feel is asked about, with numbers.",
        )
        with stage.repl(f"-c -p {17000 + here}", columns=120) as screen:
            screen.type("set {cart}:1 3")
            screen.type(":all --replicas config get maxmemory")
            screen.type("mget a b c")
            screen.type("keys {cart}:*", ("[y/N]", "n"))
        stage.run(
            "pyredis-cli -p 17000 --format csv all --replicas PING | cut -d, -f1-3; echo ${PIPESTATUS[0]}"
        )
        return stage.page


def auditor(folder: Path) -> list[str]:
    with single(folder) as (stage, server):
        rules = "on", ">web-s3cret", "~web:*", "+@read", "+@write", "-@dangerous"
        server.command("ACL", "SETUSER", "svc-web", *rules)
        server.command("CONFIG", "SET", "masterauth", "main-s3cret")
        stage.say(
            "## A security audit",
            "A session that cannot write, and passwords that nobody sees and that are kept nowhere.",
        )
        with stage.repl("--read-only -p 16379") as screen:
            screen.type("acl list")
            screen.type("acl dryrun svc-web get secret:1")
            screen.type("config get *auth")
            screen.type("auth svc-web web-s3cret")
            screen.type("set web:1 x")
        history = "~/.local/state/pyredis-cli/history"
        stage.run(f"grep -v '^#' {history}", f"grep -c s3cret {history}")
        return stage.page


def student(folder: Path) -> list[str]:
    with single(folder) as (stage, _):
        stage.say(
            "## A student",
            "Help for every command, what is still to be typed while one types, and the line that was meant.",
        )
        with stage.repl("-p 16379") as screen:
            screen.type("help zadd")
            screen.look("zadd lb 10 ada ", "score member")
            screen.type("zadd lb 10 ada 12.5 grace")
            screen.type("zrnage lb 0 -1", leads_to="zrange lb 0 -1")
            screen.terminal.send_key("right")
            screen.type(" withscores")
        return stage.page


def platform(folder: Path) -> list[str]:
    secret = "requirepass token-7", "masterauth token-7"
    passed_on = ("sentinel auth-pass mymaster token-7",)
    with (
        Sentinels(BINARIES["redis82"], *secret, sentinel_config=passed_on) as group,
        in_background((group.primary().host, group.primary().port)) as tunnel,
    ):
        before = group.primary()
        ports = names(before, *group.replicas(), *group.sentinels, first=26379)
        stage = Stage(folder, {**ports, "27000": str(tunnel.port)})
        stage.file(_PROFILES, _PLATFORM)
        stage.file("token", "token-7\n")
        stage.say(
            "## Sentinels, a password that a program prints, and a tunnel",
            "The profile says all of it. The primary dies between the two commands; the prompt tells it, and the "
            "write is sent once, to the new one.",
        )
        stage.show("toml", _PLATFORM)
        with stage.repl("@prod") as screen:
            screen.type("set deploys 41")
            group.kill(before)
            after = asyncio.run(group.until_another(before))
            stage.call(after.port, "26380")
            screen.until_told("not connected")
            screen.type("incr deploys")
        stage.say("In a container the environment says it:")
        place = "VALKEYCLI_HOST=127.0.0.1 VALKEYCLI_PORT=26380"
        stage.run(f'{place} REDISCLI_AUTH="$(cat token)" pyredis-cli GET deploys')
        return stage.page


def lua(folder: Path) -> list[str]:
    with single(folder) as (stage, server):
        for number in 1, 2:
            server.command("XADD", "orders", f"{number}-1", "id", number)
        server.command("XGROUP", "CREATE", "orders", "billing", "0")
        server.command("XREADGROUP", "GROUP", "billing", "me", "COUNT", "1", "STREAMS", "orders", ">")
        stage.say("## Lua and streams", "A script from a file, and who is behind.")
        stage.run(
            _QUOTA,
            "pyredis-cli -p 16379 lua quota.lua user:1 , 10",
            "pyredis-cli -p 16379 lua quota.lua user:1 , 10; echo $?",
        )
        with stage.repl("-p 16379") as screen:
            screen.type("xinfo groups orders")
        return stage.page


SCENES: tuple[Callable[[Path], list[str]], ...] = (
    on_call,
    developer,
    ci,
    operator,
    auditor,
    student,
    platform,
    lua,
)


def played(folder: Path, *chosen: str) -> str:
    """Return the page, or the chosen scenes of it, played anew; ``folder`` is empty at first."""
    scenes = [scene for scene in SCENES if not chosen or scene.__name__ in chosen]
    lines = [line for scene in scenes for line in scene(folder / scene.__name__)]
    return "\n".join([HEAD, *lines]).rstrip("\n") + "\n"


def main() -> None:
    arguments = argparse.ArgumentParser(description="Play the tour and write docs/tour.md.")
    arguments.add_argument("--check", action="store_true", help="write nothing, fail where the page lies")
    arguments.add_argument("--only", nargs="+", default=(), help="print these scenes alone")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as home:
        live_in(home)
        page = played(Path(home), *options.only)
    if options.only:
        print(page)
    elif not options.check:
        PAGE.write_text(page, encoding="utf-8")
    elif alike(page) != alike(PAGE.read_text("utf-8")):
        sys.exit(f"{PAGE} is not what the terminal shows; run scripts/tour.py")


if __name__ == "__main__":
    main()
