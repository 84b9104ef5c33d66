"""Readers and writers at work while something happens to the servers, and what must be true afterwards.

Every write is numbered and made once, so what a server holds, or has held, tells whether one was lost or made
twice; every read knows its own answer, so one that belongs to another command is noticed at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Final, Protocol, Self, TypeAlias

import hiredis

from pyredis import PyRedisConnError, PyRedisError, ReplyError
from pyredis.types import Reply
from tests.servers import Server, until

__all__ = ["Load", "Writes", "recorded", "watched", "written"]

Writes: TypeAlias = dict[str, Counter[int]]
"""The numbers in each list, and how often each is there."""

_PAUSE: Final = 0.005  # seconds for which a task that was refused leaves the servers alone


class _Executor(Protocol):
    async def execute(self, *args: str | int, shard_key: object = None, sock: object = None) -> Reply: ...


class Load:
    """``async with Load(pool, tasks=20) as load``: tasks that write and read, until the block ends.

    ``{tag}`` in ``names`` puts the keys of all tasks into one slot, without it they are spread.
    """

    def __init__(self, pool: _Executor, tasks: int = 20, prefix: str = "") -> None:
        self.errors: list[tuple[float, PyRedisError]] = []
        self.wrong: list[str] = []
        self.acknowledged: dict[str, list[int]] = {f"{prefix}log:{number}": [] for number in range(tasks)}
        self._pool = pool
        self._prefix = prefix
        self._tasks: list[asyncio.Task[None]] = []
        self._succeeded: list[list[float]] = [[] for _ in range(tasks)]
        self._over = False

    async def __aenter__(self) -> Self:
        for number in range(len(self._succeeded)):
            await self._pool.execute("SET", self._own(number), number)
        self._tasks = [
            asyncio.create_task(self._work(number, key)) for number, key in enumerate(self.acknowledged)
        ]
        await self.until_more()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over = True
        await asyncio.gather(*self._tasks)

    def _own(self, number: int) -> str:
        return f"{self._prefix}own:{number}"

    async def _work(self, number: int, key: str) -> None:
        turn = 0
        while not self._over:
            turn += 1
            try:
                length = await self._pool.execute("RPUSH", key, turn)
                if not isinstance(length, int):
                    self.wrong.append(f"RPUSH {key} was answered {length!r}")
                self.acknowledged[key].append(turn)
                own = await self._pool.execute("GET", self._own(number))
                if own not in (b"%d" % number, None):  # None: not replicated before its server died
                    self.wrong.append(f"GET {self._own(number)} was answered {own!r}")
                self._succeeded[number].append(time.monotonic())
            except PyRedisError as error:
                self.errors.append((time.monotonic(), error))
                await asyncio.sleep(_PAUSE)

    async def until_more(self, successes: int = 5) -> None:
        """Return once every task has had some more successes."""
        wanted = [len(times) + successes for times in self._succeeded]
        await until(
            lambda: all(len(t) >= n for t, n in zip(self._succeeded, wanted, strict=True)),
            30,
            what="every task succeeds again",
        )

    def recovery(self, agreed: float) -> float:
        """Return how many seconds after ``agreed``, on the monotonic clock, the last task succeeded again."""
        return max(next(at for at in times if at >= agreed) - agreed for times in self._succeeded)

    def check(self, nodes: Iterable[Server], *, lost: Iterable[Writes] = ()) -> None:
        """Assert that no reply was another's, every error is typed, and no write was lost or made twice.

        What was acknowledged must be on ``nodes``, or have been ``recorded`` by one that was lost.
        """
        assert not self.wrong
        for _, error in self.errors:
            assert isinstance(error, (PyRedisConnError, ReplyError)), repr(error)
        held = [written(node) for node in nodes]
        kept = list(lost)
        for key, turns in self.acknowledged.items():
            for writes in (*held, *kept):
                twice = [turn for turn, times in writes.get(key, Counter()).items() if times > 1]
                assert not twice, f"{key}: {twice} were written twice"
            known = {turn for writes in (*held, *kept) for turn in writes.get(key, ())}
            assert not set(turns) - known, f"{key}: {sorted(set(turns) - known)} were lost"


def written(node: Server) -> Writes:
    """Return the numbers in each list that a node holds."""
    logs = {}
    keys = node.command("KEYS", "*log:*")
    assert isinstance(keys, list)
    for key in keys:
        assert isinstance(key, bytes)
        try:
            turns = node.command("LRANGE", key, 0, -1)
        except hiredis.ReplyError:  # a replica has the keys, but sends us to its primary
            continue
        assert isinstance(turns, list)
        logs[key.decode()] = Counter(int(turn) for turn in turns if isinstance(turn, bytes))
    return logs


def recorded(node: Server) -> Writes:
    """Return the numbers that a node, dead or alive, says in its append-only file were written to each list."""
    logs: Writes = {}
    for path in sorted(node.folder.glob("**/*.aof")):
        reader = hiredis.Reader()
        reader.feed(b"\n".join(line for line in path.read_bytes().split(b"\n") if not line.startswith(b"#")))
        while isinstance(entry := reader.gets(), list):
            if entry[0].upper() == b"RPUSH":
                logs.setdefault(entry[1].decode(), Counter()).update(int(turn) for turn in entry[2:])
    return logs


@contextmanager
def watched(node: Server) -> Iterator[Writes]:
    """Yield the numbers that a node is seen to write to each list, until it hangs up; whole after the block.

    For a node that gives up what it has recorded when it becomes a replica.
    """
    seen: Writes = {}
    with socket.socket(socket.AF_UNIX) as monitor:
        monitor.connect(node.unix_path)
        monitor.sendall(b"MONITOR\r\n")
        assert monitor.recv(5, socket.MSG_WAITALL) == b"+OK\r\n"

        def watch() -> None:
            with contextlib.suppress(OSError), monitor.makefile("rb") as lines:
                for line in lines:
                    if pushed := _PUSHED.search(line):
                        seen.setdefault(pushed[1].decode(), Counter()).update([int(pushed[2])])

        watching = threading.Thread(target=watch)
        watching.start()
        try:
            yield seen
        finally:
            with contextlib.suppress(OSError):
                monitor.shutdown(socket.SHUT_RD)
            watching.join()


_PUSHED: Final = re.compile(rb'"RPUSH" "([^"]*)" "(\d+)"')
