"""Play the tour on real servers and a real terminal, and write docs/tour.md from what was shown.

Usage: python scripts/tour.py [--check]

``--check`` writes nothing and fails when the page is not what was shown, figures and times aside.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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

Eight people at work. `scripts/tour.py` plays every scene on real servers and writes this page from what the terminal
showed; the tests play them again. Ports are shown as other ones.
"""


def names(*servers: Server, first: int = 16379) -> dict[str, str]:
    """Return what ports are called in the page, and what they are."""
    return {str(first + number): str(server.port) for number, server in enumerate(servers)}


@contextmanager
def single(folder: Path) -> Iterator[tuple[Stage, Server]]:
    with Server(BINARIES["redis82"]) as server:
        yield Stage(folder, names(server)), server


# -- scenes


def on_call(folder: Path) -> list[str]:
    with single(folder) as (stage, server):
        server.command("EVAL", "for i = 1, 300000 do redis.call('HSET', KEYS[1], i, i) end", 1, "cart:global")
        server.command("CONFIG", "SET", "slowlog-log-slower-than", 0)
        stage.say(
            "## On call, 03:10",
            "A latency alert. The profile says that this is production and that nothing may be changed, so nothing that she "
            "types can write.",
        )
        config = '[profiles.prod-cache]\nurl = "redis://127.0.0.1:16379"\nproduction = true\nread_only = true\n'
        stage.file("~/.config/pyredis-cli/config.toml", config)
        stage.show("toml", config)
        with stage.repl("@prod-cache") as screen:
            screen.type(":explain HGETALL cart:global")
            screen.type("DEL cart:global")
        return stage.page


def developer(folder: Path) -> list[str]:
    with single(folder) as (stage, server):
        server.command("SET", "session:9", '{"user":7,"exp":1795719854}')
        stage.say("## A developer, local", "Text is text, in any script; names complete, and an error says what mends it.")
        with stage.repl("-p 16379") as screen:
            screen.type('hset user:7 name "Ada 🦊" city 東京')
            screen.type("hset user:8 name Grace")
            screen.look("hget us", "user:8", "tab")
            screen.type("hgetall user:7")
            screen.type("lpush user:7 x")
        return stage.page


def ci(folder: Path) -> list[str]:
    with single(folder) as (stage, server):
        server.command("SET", "cfg:feature", "on")
        stage.say("## A job in CI", "It waits for the server, seeds it, and fails where something failed.")
        stage.run(
            "pyredis-cli -p 16379 --ping --wait 30",
            "cat > seed.redis <<'END'\nSET cfg:env ${env}\n# a flag that somebody made a string\nLPUSH cfg:feature beta\nSET done 1\nEND",
            "pyredis-cli -p 16379 exec -f seed.redis --set env=ci --stop-on-error; echo $?",
            "pyredis-cli -p 16379 --format ndjson --scan --type string --no-ttl | jq -r .key | sort",
        )
        return stage.page


def operator(folder: Path) -> list[str]:
    with Cluster(BINARIES["redis82"]) as cluster:
        primaries = sorted(cluster.primaries(), key=lambda node: node.port)
        replicas = [cluster.replica_of(primary) for primary in primaries]
        stage = Stage(folder, names(*primaries, *replicas, first=17000))
        fill = "for i = 1, 1200 do redis.call('SET', KEYS[1] .. i, i) end"
        cluster.primary_of(key_slot(b"{cart}:")).command("EVAL", fill, 1, "{cart}:")
        cluster.kill(replicas[1])
        stage.say(
            "## The operator of a cluster",
            "One word asks every node, and says which one is not there. What does not fit a cluster is refused with the mend, "
            "before anything is sent; what would be felt by all is asked about.",
        )
        with stage.repl("-c -p 17000") as screen:
            screen.type("set {cart}:1 3")
            screen.type(":all --replicas config get maxmemory")
            screen.type("mget a b c")
            screen.type("keys {cart}:*", ("[y/N]", "n"))
            screen.type(":all flushall", ("[y/N]", "n"))
        return stage.page


def auditor(folder: Path) -> list[str]:
    with single(folder) as (stage, server):
        server.command("ACL", "SETUSER", "svc-web", "on", ">web-s3cret", "~web:*", "+@read", "+@write", "-@dangerous")
        server.command("CONFIG", "SET", "masterauth", "s3cret")
        stage.say("## A security audit", "A session that cannot write, and a password that is kept nowhere.")
        with stage.repl("--read-only -p 16379") as screen:
            screen.type("acl list")
            screen.type("acl dryrun svc-web get secret:1")
            screen.type("auth svc-web web-s3cret")
            screen.type("set web:1 x")
        stage.run("grep -c s3cret ~/.local/state/pyredis-cli/history", "grep -v '^#' ~/.local/state/pyredis-cli/history")
        return stage.page


def student(folder: Path) -> list[str]:
    with single(folder) as (stage, _):
        stage.say("## A student", "Help for every command of the server at hand, and what is still to be typed while one types.")
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
    with (
        Sentinels(BINARIES["redis82"], *secret, sentinel_config=("sentinel auth-pass mymaster token-7",)) as group,
        in_background((group.primary().host, group.primary().port)) as tunnel,
    ):
        before = group.primary()
        ports = names(before, *group.replicas(), *group.sentinels, first=26379)
        stage = Stage(folder, {**ports, "27000": str(tunnel.port)})
        url = "sentinel://127.0.0.1:26382,127.0.0.1:26383,127.0.0.1:26384/mymaster"
        config = (
            f'[profiles.prod]\nurl = "{url}"\npassword_command = "cat token"\n'
            'natmap = "127.0.0.1:26379=127.0.0.1:27000"\n'
        )
        stage.file("~/.config/pyredis-cli/config.toml", config)
        stage.file("token", "token-7\n")
        stage.say("## Sentinels and a password that a program prints", "The profile names both.")
        stage.show("toml", config)
        stage.run("pyredis-cli @prod ROLE | head -1")
        with stage.repl("@prod") as screen:
            screen.type("set deploys 41")
            group.kill(before)
            after = asyncio.run(group.until_another(before))
            screen.type("incr deploys")
        stage.say(
            "The primary died behind the first line. Its name in the prompt is the one that `natmap` says; the write was sent once."
        )
        shown = next(name for name, port in ports.items() if port == str(after.port))
        stage.run(f'VALKEYCLI_HOST=127.0.0.1 VALKEYCLI_PORT={shown} REDISCLI_AUTH="$(cat token)" pyredis-cli ping')
        return stage.page


def lua(folder: Path) -> list[str]:
    with single(folder) as (stage, server):
        server.command("XADD", "orders", "1-1", "id", "7")
        server.command("XADD", "orders", "2-1", "id", "8")
        server.command("XGROUP", "CREATE", "orders", "billing", "0")
        server.command("XREADGROUP", "GROUP", "billing", "me", "COUNT", "1", "STREAMS", "orders", ">")
        stage.say("## Lua and streams", "A script from a file, and who is behind.")
        stage.run(
            "cat > quota.lua <<'END'\nlocal used = redis.call('INCRBY', KEYS[1], ARGV[1])\nif used > 15 then\n  return redis.error_reply('QUOTA of ' .. KEYS[1] .. ' is used up')\nend\nreturn used\nEND",
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


def played(folder: Path) -> str:
    """Return the page, played anew; ``folder`` is empty at first."""
    lines = [line for scene in SCENES for line in scene(folder / scene.__name__)]
    return "\n".join([HEAD, *lines]).rstrip("\n") + "\n"


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        live_in(home)
        page = played(Path(home))
    if sys.argv[1:] != ["--check"]:
        PAGE.write_text(page, encoding="utf-8")
    elif alike(page) != alike(PAGE.read_text("utf-8")):
        sys.exit(f"{PAGE} is not what the terminal shows; run scripts/tour.py")


if sys.argv[1:2] == ["--only"]:
    SCENES = tuple(scene for scene in SCENES if scene.__name__ in sys.argv[2:])
    with tempfile.TemporaryDirectory() as home:
        live_in(home)
        print(played(Path(home)))
    sys.exit()
if __name__ == "__main__":
    main()
