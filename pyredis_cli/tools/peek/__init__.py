"""``peek``: what a key holds, and what the server knows of it, at a cost that does not grow with the key.

It knows its words, in which order a key is looked at, and what its report is for programs. What is asked of which
type, ``samples`` knows; how it is shown, ``page``.
"""

from __future__ import annotations

import os
from collections.abc import Hashable, Mapping, Sequence
from functools import partial
from time import time
from typing import Final, TypeAlias

from pyredis.exceptions import MovedError, ReplyError
from pyredis.types import Reply
from pyredis_cli.core.desk import Desk
from pyredis_cli.core.infos import info
from pyredis_cli.core.outcome import START_WITH_C
from pyredis_cli.exits import Exit
from pyredis_cli.flags import UsageError
from pyredis_cli.given import ToolArguments
from pyredis_cli.render.units import stamp
from pyredis_cli.reporting import Report, arguments_of, run_report
from pyredis_cli.settings import Settings
from pyredis_cli.streams import Streams
from pyredis_cli.tools.peek.nearest import nearest
from pyredis_cli.tools.peek.page import page
from pyredis_cli.tools.peek.samples import Known, Sample, sampled

__all__ = ["report", "run"]

_TIMES: Final = 3  # that a key is looked at which changes its type all the time
_COUNT: Final = 20  # elements: what fits on a screen with what is known of the key above it


def run(settings: Settings, streams: Streams, words: Sequence[str]) -> int:
    """Print what keys hold; return the exit code."""
    return run_report(report, settings, streams, arguments_of("peek", settings, streams, words))


async def report(desk: Desk, arguments: ToolArguments) -> Report:
    """Return what the server knows of keys, and what is in them; of a large one, the ends."""
    if not arguments.words:
        raise UsageError("peek takes a key; put a key with blanks in quotes")
    keys = [os.fsencode(word) for word in arguments.words]
    desk.look_only()
    with desk.anywhere():
        facts = _facts(await desk.try_to("INFO", "memory"))
        found = await _all_looked_at(desk, keys, facts, arguments.get("count", _COUNT))
    values: list[Reply] = [_value(known, sample) for known, sample in found]
    code = Exit.OK if all(known.exists for known, _ in found) else Exit.REPLY
    return Report(values[0] if len(values) == 1 else values, partial(page, found), code)


# -- what is asked

_Facts: TypeAlias = "Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]"

# Before all that touches the key: to be looked at is to be used, where the server cannot be told otherwise.
_FACTS: Final[_Facts] = {
    "idle": (("OBJECT", "IDLETIME"), ()),
    "frequency": (("OBJECT", "FREQ"), ()),
    "type": (("TYPE",), ()),
    "ttl": (("PTTL",), ()),
    "encoding": (("OBJECT", "ENCODING"), ()),
    "references": (("OBJECT", "REFCOUNT"), ()),
    # Five elements, the server's own choice, tell how large the others are about.
    "memory": (("MEMORY", "USAGE"), ("SAMPLES", "5")),
}
"""What is known of a key whatever it holds: the words before it and behind it."""


def _facts(memory: Reply) -> _Facts:
    """Return what is to be asked of each key: of its use, what the policy for a full memory has it kept by."""
    by_frequency = "lfu" in info(memory).get("maxmemory_policy", "")
    other = "idle" if by_frequency else "frequency"
    return {name: words for name, words in _FACTS.items() if name != other}


async def _all_looked_at(
    desk: Desk, keys: Sequence[bytes], facts: _Facts, count: int
) -> list[tuple[Known, Sample | None]]:
    """Return what is known of each key; raises what the server says when it tells of none."""
    found: list[tuple[Known, Sample | None]] = []
    first: ReplyError | None = None
    for key in keys:
        try:
            found.append(await _looked_at(desk, key, facts, count))
        except ReplyError as error:
            first = first or error
            found.append((Known(key, "", refused={"type": error.message}), None))
    if first is not None and not any(known.type for known, _ in found):
        raise first
    return found


async def _looked_at(desk: Desk, key: bytes, facts: _Facts, count: int) -> tuple[Known, Sample | None]:
    """Look at a key, and again when it has got another type meanwhile."""
    for _ in range(_TIMES):
        known, sample = await _look(desk, key, facts, count)
        if sample is None or not any(said.startswith("WRONGTYPE") for said in sample.refused.values()):
            break
    return known, sample


async def _look(desk: Desk, key: bytes, facts: _Facts, count: int) -> tuple[Known, Sample | None]:
    replies = await desk.ask_all([(*before, key, *behind) for before, behind in facts.values()])
    said = dict(zip(facts, replies, strict=True))
    match said["type"]:
        case MovedError() as moved:
            raise ReplyError(f"{moved.message}; {START_WITH_C}")
        case ReplyError() as error:
            raise error
    known = _known(key, said, unseen=desk.unseen)
    if not known.exists:
        return known._replace(nearest=await nearest(desk, key)), None
    sample = await sampled(desk, known, count)
    if sample is None:  # it went while it was looked at
        return known._replace(type="none", vanished=True), None
    return known, sample


def _known(key: bytes, facts: dict[str, Reply], *, unseen: bool) -> Known:
    kind = facts.pop("type")
    refused = {
        name: said.message for name, said in facts.items() if isinstance(said, ReplyError) and _is_told(said)
    }
    said = {name: number for name, number in facts.items() if isinstance(number, int | bytes)}
    encoding = said.pop("encoding", None)
    numbers = {name: number for name, number in said.items() if isinstance(number, int)}
    return Known(
        key,
        os.fsdecode(kind) if isinstance(kind, bytes | str) else "none",
        encoding=os.fsdecode(encoding) if isinstance(encoding, bytes) else None,
        expires=time() + numbers["ttl"] / 1000 if numbers.get("ttl", -1) >= 0 else None,
        idle=numbers.get("idle"),
        frequency=numbers.get("frequency"),
        references=numbers.get("references"),
        memory=numbers.get("memory"),
        refused=refused,
        unseen=unseen,
    )


def _is_told(error: ReplyError) -> bool:
    """Whether a refusal is worth a word: idle time and frequency are never both there, MEMORY USAGE is of 4.0."""
    return error.code != "ERR"


# -- what programs get


def _value(known: Known, sample: Sample | None) -> Reply:
    """Return what was found under names that stay, None where the server does not tell."""
    found: dict[Hashable, Reply] = {"key": known.key, "type": known.type or None}
    if sample is None:
        return found | ({"refused": dict(known.refused.items())} if not known.type else {})
    left = None if known.expires is None else max(0.0, round(known.expires - time(), 3))
    found |= {
        "ttl": left,
        "expires_at": None if known.expires is None else stamp(known.expires),
        "encoding": known.encoding,
        "memory": known.memory,
        "idle": known.idle,
        "frequency": known.frequency,
        "length": sample.length,
        "shown": sample.shown,
        "value": sample.value,
        "tail": sample.tail_value,
    }
    found |= sample.more
    if known.refused or sample.refused:
        found["refused"] = dict({**known.refused, **sample.refused}.items())
    return found
