"""Real sentinels for the tests: several of them watching a primary and its replicas.

It knows how such a group is started and what it says of itself. It imports nothing that is under test.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Final

import hiredis

from tests.group import Group
from tests.servers import Binary, Server, until, wait_until

__all__ = ["Sentinel", "Sentinels"]

_AGREEMENT: Final = 25.0  # seconds for a failover on a loaded machine
_HASTE: Final = {
    "info-period": 200,
    "publish-period": 200,
    "ping-period": 200,
    "ask-period": 100,
    "default-down-after": 500,
}
"""What a sentinel does every so many milliseconds; unhurried, it takes seconds to learn anything."""


class Sentinel(Server):
    """A server that watches others."""

    arguments = ("--sentinel",)

    def settings(self, pattern: str = "*") -> dict[str, str]:
        return {"port": str(self.port)}  # it knows no CONFIG

    def _users(self) -> list[list[str]]:
        return []

    def start(self) -> None:
        super().start()
        if self.binary.major >= 7:
            self.command("SENTINEL", "DEBUG", *(word for pair in _HASTE.items() for word in pair))

    def _configure(self, path: Path) -> None:
        if not self._first_settings:  # from its first start on it writes down itself what it has learnt
            super()._configure(path)

    def facts(self, kind: str, name: str) -> list[dict[str, str]]:
        """Return what SENTINEL MASTER, REPLICAS or SENTINELS says, a dict for each server."""
        reply = self.command("SENTINEL", kind, name)
        assert isinstance(reply, list)
        entries = [reply] if kind == "MASTER" else reply
        return [_fields(entry) for entry in entries]


def _fields(flat: object) -> dict[str, str]:
    assert isinstance(flat, list)
    words = [word.decode() for word in flat]
    return dict(zip(words[::2], words[1::2], strict=True))


class Sentinels(Group):
    """``with Sentinels(BINARIES["redis82"]) as group``: sentinels, a primary and replicas that agree.

    ``config`` holds lines of redis.conf for the servers, ``sentinel_config`` those for the sentinels.
    """

    def __init__(
        self,
        binary: Binary,
        *config: str,
        name: str = "mymaster",
        replicas: int = 2,
        count: int = 3,
        sentinel_config: tuple[str, ...] = (),
    ) -> None:
        super().__init__()
        self.binary = binary
        self.name = name
        self.servers: list[Server] = []
        self.sentinels: list[Sentinel] = []
        self._config = config
        self._sentinel_config = sentinel_config
        self._shape = replicas, count

    def __repr__(self) -> str:
        return f"<Sentinels {self.binary.name} {self.name}>"

    # Life and death

    def start(self) -> None:
        """Start everybody and return when they agree."""
        replicas, count = self._shape
        common = ("repl-diskless-sync-delay 0", "repl-ping-replica-period 1", "repl-timeout 5", *self._config)
        primary = self._add(Server(self.binary, *common))
        for _ in range(replicas):
            self._add(Server(self.binary, *common, f"replicaof {primary.host} {primary.port}"))
        wait_until(
            lambda: all(
                server.info("replication")["master_link_status"] == "up" for server in self.servers[1:]
            ),
            _AGREEMENT,
            what="the replicas are in step",
        )
        quorum = count // 2 + 1
        for _ in range(count):
            sentinel = Sentinel(
                self.binary,
                f"sentinel monitor {self.name} {primary.host} {primary.port} {quorum}",
                f"sentinel down-after-milliseconds {self.name} 500",
                f"sentinel failover-timeout {self.name} 3000",
                f"sentinel parallel-syncs {self.name} {max(1, replicas)}",
                *self._sentinel_config,
            )
            self.sentinels.append(sentinel)
            sentinel.start()
        self.wait_until_agreed()

    def _add(self, server: Server) -> Server:
        self.servers.append(server)
        server.start()
        return server

    @property
    def everybody(self) -> list[Server]:
        return [*self.sentinels, *self.servers]

    def forget(self) -> None:
        self.sentinels, self.servers = [], []

    # Facts

    @property
    def addresses(self) -> list[tuple[str, int]]:
        return [(sentinel.host, sentinel.port) for sentinel in self.sentinels]

    def primary(self) -> Server:
        """Return the server that the first sentinel alive calls the primary."""
        port = self._named(self._awake[0])
        return next(server for server in self.servers if server.port == port)

    def replicas(self) -> list[Server]:
        return [server for server in self._live if server is not self.primary()]

    @property
    def _live(self) -> list[Server]:
        return list(filter(self.awake, self.servers))

    @property
    def _awake(self) -> list[Sentinel]:
        return list(filter(self.awake, self.sentinels))

    def _named(self, sentinel: Sentinel) -> int:
        reply = sentinel.command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self.name)
        assert isinstance(reply, list)
        port = reply[1]
        assert isinstance(port, bytes)
        return int(port)

    @property
    def agreed(self) -> bool:
        """Whether all sentinels name the same live primary, know each other, and the live replicas follow it."""
        try:
            return self._agreed()
        except (OSError, hiredis.ReplyError, StopIteration, KeyError):
            return False

    def _agreed(self) -> bool:
        primary, awake = self.primary(), self._awake
        return (
            {self._named(sentinel) for sentinel in awake} == {primary.port}
            and primary in self._live
            and primary.info("replication")["role"] == "master"
            and all(self._follows(server, primary) for server in self._live if server is not primary)
            and all(self._knows_all(sentinel) for sentinel in awake)
        )

    def _follows(self, server: Server, primary: Server) -> bool:
        facts = server.info("replication")
        return (facts["role"], facts.get("master_port"), facts.get("master_link_status")) == (
            "slave",
            str(primary.port),
            "up",
        )

    def _knows_all(self, sentinel: Sentinel) -> bool:
        (facts,) = sentinel.facts("MASTER", self.name)
        healthy = [
            entry
            for entry in sentinel.facts("REPLICAS", self.name)
            if (entry["flags"], entry["master-link-status"]) == ("slave", "ok")
        ]
        return (
            facts["flags"] == "master"
            and int(facts["num-other-sentinels"]) == len(self.sentinels) - 1
            and len(healthy) >= len(self._live) - 1
        )

    def wait_until_agreed(self) -> None:
        wait_until(lambda: self.agreed, _AGREEMENT, what=f"{self!r} agrees")

    async def until_agreed(self) -> None:
        """Return once everybody agrees, while the event loop goes on."""
        await until(lambda: self.agreed, _AGREEMENT, what=f"{self!r} agrees")

    async def until_named(self, server: Server) -> None:
        """Return once all sentinels that are awake name a server as the primary, and it is one."""

        def named() -> bool:
            try:
                role = server.info("replication")["role"]
                return role == "master" and all(self._named(one) == server.port for one in self._awake)
            except OSError:
                return False

        await until(named, _AGREEMENT, what=f"{server!r} is called the primary")

    async def until_another(self, than: Server) -> Server:
        """Return the server that all sentinels name, and that is a primary, once it is not ``than`` any more."""

        def another() -> Server | None:
            try:
                primary = self.primary()  # looked at each time: the first choice need not be the last
                agreed = all(self._named(one) == primary.port for one in self._awake)
                is_primary = primary.info("replication")["role"] == "master"
            except (OSError, StopIteration):
                return None
            return primary if agreed and is_primary and primary is not than else None

        found = await until(another, _AGREEMENT, what=f"another primary than {than!r}")
        assert found is not None
        return found

    # What happens to such groups

    def failover(self) -> None:
        """Have the sentinels put a replica in the primary's place, as soon as they call one fit for it."""
        wait_until(self._failover_begun, _AGREEMENT, what=f"{self!r} begins a failover")

    def _failover_begun(self) -> bool:
        try:
            return self._awake[0].command("SENTINEL", "FAILOVER", self.name) == b"OK"
        except hiredis.ReplyError as error:
            if "NOGOODSLAVE" in str(error):
                return False
            raise

    # Between tests

    def reset(self) -> None:
        """Make the group as new: empty, everybody alive and in agreement; else start another one.

        Clients are left alone: the sentinels are among them, and would call a server that hangs up disconnected.
        """
        with contextlib.suppress(OSError, hiredis.ReplyError, StopIteration):
            if (
                len(self._live) == len(self.servers)
                and len(self._awake) == len(self.sentinels)
                and self.agreed
            ):
                self.primary().command("FLUSHALL")
                return
        self.close()
        self.start()
