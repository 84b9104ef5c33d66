"""The buffer between a connection and its readers, without a connection."""

from __future__ import annotations

import asyncio
import random

import pytest

from pyredis.client.inbox import Inbox
from tests.servers import DEADLINE, until

pytestmark = pytest.mark.usefixtures("no_leaks")


class Over(Exception):
    pass


def inbox(max_items: int = 100, max_bytes: int = 1000) -> tuple[Inbox[int], list[bool]]:
    """Return an inbox, and whether it was full each time that turned."""
    turns: list[bool] = []
    made: Inbox[int] = Inbox(max_items, max_bytes, lambda: turns.append(made.full))
    return made, turns


async def test_items_come_out_in_the_order_they_went_in() -> None:
    box, _ = inbox()
    for item in range(3):
        box.put(item)
    assert [await box.get() for _ in range(3)] == [0, 1, 2]


async def test_an_empty_one_gives_nothing_in_time() -> None:
    box, _ = inbox()
    assert await box.get(0) is None
    assert await box.get(0.01) is None
    box.put(7)
    assert await box.get(0) == 7


@pytest.mark.parametrize("timeout", [-1, float("nan")])
async def test_a_timeout_that_makes_no_sense_is_refused(timeout: float) -> None:
    box, _ = inbox()
    with pytest.raises(ValueError, match="timeout"):
        await box.get(timeout)


async def test_it_is_full_at_its_limit_and_until_half_is_taken() -> None:
    box, turns = inbox(max_items=4)
    for item in range(6):
        box.put(item)
    assert turns == [True]
    for _ in range(3):
        await box.get()
    assert turns == [True]
    await box.get()
    assert turns == [True, False]
    assert len(box) == 2


async def test_bytes_make_it_full_as_well() -> None:
    box, turns = inbox(max_bytes=10)
    box.put(1, size=11)
    assert turns == [True]
    await box.get()
    assert turns == [True, False]


async def test_the_end_comes_after_what_came_before() -> None:
    box, _ = inbox()
    box.put(1)
    box.end(Over("first"))
    box.end(Over("second"))
    box.put(2)
    assert await box.get() == 1
    for _ in range(2):
        with pytest.raises(Over, match="first"):
            await box.get()


async def test_the_end_reaches_every_reader_that_waits() -> None:
    box, _ = inbox()
    readers = [asyncio.create_task(box.get()) for _ in range(3)]
    await asyncio.sleep(0)
    box.end(Over())
    assert [type(end) for end in await asyncio.gather(*readers, return_exceptions=True)] == [Over] * 3


async def test_an_item_whose_reader_was_cancelled_goes_to_the_next_reader() -> None:
    box, _ = inbox()
    first, second = (asyncio.create_task(box.get()) for _ in range(2))
    await asyncio.sleep(0)
    box.put(1)
    first.cancel()
    async with asyncio.timeout(DEADLINE):
        assert await second == 1
    assert first.cancelled()


async def test_no_item_is_lost_or_doubled_whoever_is_cancelled_when() -> None:
    box, _ = inbox(max_items=10**6)
    chance, total, taken = random.Random(1), 5000, []
    readers: set[asyncio.Task[None]] = set()

    async def read() -> None:
        while (item := await box.get(chance.choice([None, 0, 0.001]))) is not None:
            taken.append(item)
            await asyncio.sleep(0)

    def engage() -> None:
        while len(readers) < 5:
            reader = asyncio.create_task(read())
            readers.add(reader)
            reader.add_done_callback(readers.discard)

    for item in range(total):
        engage()
        box.put(item)
        if chance.random() < 0.5:
            await asyncio.sleep(0)
        if readers and chance.random() < 0.5:
            chance.choice(list(readers)).cancel()
    await asyncio.sleep(0)
    engage()
    await until(lambda: (engage(), len(taken) >= total)[1])
    for reader in list(readers):
        reader.cancel()
    assert sorted(taken) == list(range(total))


@pytest.mark.parametrize(
    ("max_items", "max_bytes", "error"), [(0, 1, ValueError), (1, 0, ValueError), (True, 1, TypeError)]
)
def test_a_limit_that_makes_no_sense_is_refused(
    max_items: int, max_bytes: int, error: type[Exception]
) -> None:
    with pytest.raises(error, match="buffer_"):
        inbox(max_items, max_bytes)
