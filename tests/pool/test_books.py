"""The books of a pool under a random walk: whatever happens in whatever order, the numbers add up."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any, Final

import pytest

from pyredis import AsyncClient, AsyncPool, PoolExhausted, PyRedisConnError
from tests.conftest import MakeProxy
from tests.proxy import BOTH, REPLIES, Cut, Proxy
from tests.servers import DEADLINE, Server, until

pytestmark = pytest.mark.usefixtures("no_leaks")

STEPS: Final = 1000
SIZES: Final = (1, 2, 3, 5)


class Walk:
    """One pool, what is asked of it, and a model: leases that are out, and calls that are under way."""

    def __init__(self, pool: AsyncPool, between: Proxy, seed: int) -> None:
        self.pool = pool
        self.between = between
        self.chance = random.Random(seed)
        self.leases: list[AsyncClient] = []
        self.lent: dict[asyncio.Future[None], AsyncClient] = {}
        self.released: set[AsyncClient] = set()
        self.tasks: set[asyncio.Future[None]] = set()
        self.kept_before_shrinking = 0
        self.asked = self.answered = 0
        self.verbs: list[Callable[[], object]] = [
            *[self.execute] * 6,
            *[self.execute_many] * 2,
            *[self.use_lease] * 4,
            *[self.acquire] * 3,
            *[self.release] * 4,
            self.leave_something_behind,
            *[self.cancel] * 3,
            self.cut,
            self.cut_later,
            self.slow_down,
            *[self.heal] * 2,
            self.resize,
        ]

    # -- what is done

    def tag(self) -> bytes:
        self.asked += 1
        return b"%d" % self.asked

    def start(self, work: Awaitable[None]) -> asyncio.Future[None]:
        task = asyncio.ensure_future(work)
        self.tasks.add(task)
        return task

    def execute(self) -> None:
        async def run() -> None:
            tag = self.tag()
            assert await self.pool.execute("ECHO", tag) == tag
            self.answered += 1

        self.start(run())

    def execute_many(self) -> None:
        async def run() -> None:
            tags = [self.tag() for _ in range(self.chance.choice([1, 20, 200]))]
            assert await self.pool.execute_many([("ECHO", tag) for tag in tags]) == tags
            self.answered += len(tags)

        self.start(run())

    def acquire(self) -> None:
        async def run() -> None:
            self.leases.append(await self.pool.acquire())

        self.start(run())

    def use_lease(self) -> None:
        async def run(client: AsyncClient) -> None:
            for tag in [self.tag() for _ in range(3)]:
                assert await client.execute("ECHO", tag) == tag
                self.answered += 1

        self.with_lease(run)

    def release(self) -> None:
        self.with_lease(self.give_back)

    async def give_back(self, client: AsyncClient) -> None:
        await self.pool.release(client)
        self.released.add(client)

    def leave_something_behind(self) -> None:
        async def run(client: AsyncClient) -> None:
            try:
                await client.execute(*self.chance.choice([("SELECT", 1), ("MULTI",), ("SUBSCRIBE", "c")]))
            finally:
                await self.give_back(client)

        self.with_lease(run)

    def with_lease(self, use: Callable[[AsyncClient], Awaitable[None]]) -> None:
        """Use a lease in a task; it is there again when that is cancelled or fails, maybe before it began."""
        if self.leases:
            client = self.leases.pop(self.chance.randrange(len(self.leases)))
            self.lent[self.start(use(client))] = client

    def cancel(self) -> None:
        for task in self.chance.sample(sorted(self.tasks, key=id), min(3, len(self.tasks))):
            task.cancel()

    def cut(self) -> None:
        self.between.cut(self.chance.choice(list(Cut)))

    def cut_later(self) -> None:
        self.between.drop_after(self.chance.randrange(500), REPLIES, self.chance.choice(list(Cut)))

    def slow_down(self) -> None:
        self.between.delay(0.001, self.chance.choice([REPLIES, BOTH]))

    async def heal(self) -> None:
        await self.between.heal()

    def resize(self) -> None:
        # What is leased or under way stays until it is done.
        self.pool.pool_size = self.chance.choice(SIZES)
        self.kept_before_shrinking = max(self.kept_before_shrinking, self.used)

    # -- what must be true

    @property
    def used(self) -> int:
        now = self.pool.statistics
        return now.idle + now.leased + now.lanes + now.opening

    def check(self) -> None:
        """See that no more connections exist than may, and that every task that is done did well."""
        now = self.pool.statistics
        assert min(now[:5]) >= 0
        if self.used <= self.pool.pool_size:
            self.kept_before_shrinking = 0
        assert self.used <= max(self.pool.pool_size, self.kept_before_shrinking)
        assert now.leased >= sum(not client.closed for client in self.leases)
        assert now.opened - sum(now.closed.values()) <= max(self.pool.pool_size, self.kept_before_shrinking)
        done = {task for task in self.tasks if task.done()}
        self.tasks -= done
        for task in done:
            client = self.lent.pop(task, None)
            if client is not None and client not in self.released:
                self.leases.append(client)
            error = None if task.cancelled() else task.exception()
            if not isinstance(error, (type(None), PyRedisConnError, PoolExhausted)):
                raise error

    async def end(self) -> None:
        """Let everything finish; then every seat must be free, and usable."""
        await self.between.heal()
        while self.tasks or self.leases:
            while self.leases:
                await self.pool.release(self.leases.pop())
            if self.tasks:
                done, _ = await asyncio.wait(
                    self.tasks, timeout=DEADLINE, return_when=asyncio.FIRST_COMPLETED
                )
                assert done, (self.pool.statistics, self.tasks)
            self.check()
        await until(lambda: self.between.open == self.used)  # what was cut is noticed
        now = self.pool.statistics
        assert (now.leased, now.opening, now.waiting) == (0, 0, 0)
        assert now.opened - sum(now.closed.values()) == now.idle + now.lanes <= self.pool.pool_size


@pytest.mark.parametrize("acquire_timeout", [0, 5])
@pytest.mark.parametrize("seed", range(4))
async def test_a_random_walk_loses_no_seat_and_shifts_no_reply(
    redis82: Server, proxy: MakeProxy, seed: int, acquire_timeout: float
) -> None:
    between = await proxy(redis82)
    options: dict[str, Any] = {
        "decoder": ("fast", "typed")[seed % 2],
        "protocol": (2, 3)[seed // 2 % 2],
        "close_on_err": seed % 3 == 0,
    }
    async with AsyncPool(
        between.host, between.port, pool_size=3, acquire_timeout=acquire_timeout, **options
    ) as pool:
        walk = Walk(pool, between, seed)
        for _ in range(STEPS):
            done = walk.chance.choice(walk.verbs)()
            if done is not None:
                await done  # type: ignore[misc]
            walk.check()
            for _ in range(walk.chance.choice([0, 0, 1, 3])):
                await asyncio.sleep(walk.chance.choice([0, 0, 0, 0.001]))
                walk.check()
        await walk.end()
        assert walk.answered > STEPS / 10
        leases = [await pool.acquire() for _ in range(pool.pool_size)]
        await until(lambda: redis82.clients() <= pool.pool_size)
        assert await asyncio.gather(*(client.execute("ECHO", n) for n, client in enumerate(leases))) == [
            b"%d" % n for n in range(pool.pool_size)
        ]
