"""What the writes of a session overwrite or delete, kept so that it can be put back.

A value is kept by a DUMP that is sent in the packet of the write, right before it, so that on one server nothing
comes between them as long as that packet is read at once. How large the values are is asked first. It knows by the
facts which keys a command changes, holds so much and no more, and puts nothing back itself.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, NamedTuple

from pyredis.commands.grammar import grammar
from pyredis.commands.keys import keys
from pyredis.exceptions import AskError, MovedError, ReplyError

if TYPE_CHECKING:
    from pyredis.client.async_client import AsyncClient
    from pyredis.commands.spec import Spec
    from pyredis.types import Reply
    from pyredis_cli.core.outcome import Outcome

__all__ = ["LARGEST", "MOST_ENTRIES", "MOST_KEYS", "Entry", "Keeper", "Kept", "digest", "judged", "run_id"]

LARGEST: Final = 1024 * 1024
"""So many bytes may the DUMP of a value have."""
MOST_KEYS: Final = 1_000
MOST_ENTRIES: Final = 100
_MOST_BYTES: Final = 64 * 1024 * 1024
_LARGEST_IN_MEMORY: Final = 4 * LARGEST
"""What takes so much memory is not asked for: of what takes less, a DUMP may still be small enough."""
_SHOWN_WORDS: Final = 8
_SHOWN_BYTES: Final = 60
_SAMPLES: Final = 50
_ELSEWHERE: Final = frozenset({"db", "destination-db"})
"""Arguments that name another database, where nothing can be looked at."""
_CLOSE: Final = 5  # milliseconds by which two looks at the same expiry may differ


class Kept(NamedTuple):
    """A key as it was before a write.

    ``value`` is its DUMP, None where there was no such key; ``expires`` the Unix time in milliseconds, if it has
    one. ``left`` is the digest of what the write has left there, empty for nothing, None when it is not known.
    """

    key: bytes
    kind: str
    value: bytes | None
    expires: int | None
    left: bytes | None = None


@dataclass(frozen=True)
class Entry:
    """What a command has changed, on which run of a server and where; ``lost`` are keys that were not kept.

    Of the command itself the beginning is kept, to show it.
    """

    argv: tuple[bytes, ...]
    run: str
    database: int
    at: float
    values: tuple[Kept, ...]
    lost: tuple[bytes, ...] = ()
    undoes: bool = False
    """Whether it is an undoing itself, of what ``argv`` did."""

    @property
    def size(self) -> int:
        values = sum(len(kept.key) + len(kept.value or b"") for kept in self.values)
        return values + sum(map(len, self.lost))


class Keeper:
    """Runs the commands of a session, and keeps what those that write change while it is ``enabled``."""

    def __init__(self, enabled: Callable[[], bool]) -> None:
        self.entries: deque[Entry] = deque()
        self.unkept = ""
        """The name of a command behind the last entry that may have changed something; nothing of it is kept."""
        self.dropped = 0
        """How many entries had to go for newer ones."""
        self._is_on = enabled
        self._notes: list[str] = []
        self._noted: set[str] = set()
        self._run: tuple[AsyncClient, str] | None = None
        self._group: list[Entry] | None = None

    @property
    def enabled(self) -> bool:
        return self._is_on()

    async def execute(self, client: AsyncClient, outcome: Outcome) -> Reply:
        """Return the reply to a command; raises what the client raises."""
        if not (self.enabled or self.entries):
            return await client.execute(*outcome.argv)
        changed, reason = judged(outcome.spec, outcome.argv, in_transaction=client.in_transaction)
        sizes = None
        if self.enabled and changed and not reason and client.reply_mode == "on":
            sizes = await self._measured(client, changed)
        if sizes is None:
            reply = await client.execute(*outcome.argv)
            self.unkept = _shown(outcome) if changed or reason else self.unkept
            self.miss(outcome, reason)
            return reply
        small = [key for key in changed if sizes[key] <= _LARGEST_IN_MEMORY]
        before = [*_looks(small), outcome.argv]
        *looked, reply = await _all(client, before)
        if isinstance(reply, ReplyError):
            raise reply
        kept = _read(small, looked)
        if kept is None:
            self.unkept = _shown(outcome)
            self._note_once("DUMP", f"undo: what {outcome.name} changed is not kept: {_refusal(looked)}")
        else:
            await self._keep(client, outcome, changed, kept)
        return reply

    def take_notes(self) -> list[str]:
        """Return what is to be said, once."""
        notes, self._notes = self._notes, []
        return notes

    def remove(self, entry: Entry) -> None:
        """Keep an entry no longer."""
        if entry in self.entries:
            self.entries.remove(entry)

    @contextmanager
    def undoing(self, entry: Entry) -> Iterator[None]:
        """Make one entry of all that is changed within: the undoing of another one."""
        self._group = []
        try:
            yield
        finally:
            group, self._group = self._group, None
            if group:
                values = tuple(kept for one in group for kept in one.values)
                lost = tuple(key for one in group for key in one.lost)
                again = replace(group[-1], argv=entry.argv, values=values, lost=lost, undoes=not entry.undoes)
                self._add(again)

    def miss(self, outcome: Outcome, reason: str) -> None:
        """Say once why what a command may have changed is not kept."""
        name = _shown(outcome)
        if reason and self.enabled:
            self._note_once(f"{name} {reason}", f"undo: {name} {reason}; it cannot be undone")

    def miss_asked(self, outcome: Outcome) -> None:
        """Hear of a command that another node was asked for this once."""
        changed, reason = judged(outcome.spec, outcome.argv, in_transaction=False)
        self.unkept = _shown(outcome) if changed or reason else self.unkept
        self.miss(outcome, reason or ("went to a node that is only taking the slot over" if changed else ""))

    # -- before a write

    async def _measured(self, client: AsyncClient, changed: Sequence[bytes]) -> dict[bytes, int] | None:
        """Return how much memory the values take; None when the server does not tell."""
        asked: list[tuple[bytes, ...]] = [
            (b"MEMORY", b"USAGE", key, b"SAMPLES", b"%d" % _SAMPLES) for key in changed
        ]
        known = self._run is not None and self._run[0] is client
        replies = await _all(client, asked if known else [*asked, (b"INFO", b"server")])
        if not known:
            self._run = client, run_id(replies.pop())
        sizes = {key: reply or 0 for key, reply in zip(changed, replies, strict=True)}
        if not all(isinstance(size, int) for size in sizes.values()):
            if not any(isinstance(reply, MovedError | AskError) for reply in replies):
                self._note_once("MEMORY", f"undo: nothing is kept: {_refusal(replies)}")
            return None
        return sizes  # type: ignore[return-value]

    # -- behind it

    async def _keep(
        self, client: AsyncClient, outcome: Outcome, changed: Sequence[bytes], kept: Sequence[Kept]
    ) -> None:
        fit = [one for one in kept if len(one.value or b"") < LARGEST]
        lost = tuple(key for key in changed if key not in {one.key for one in fit})
        sizes = await self._measured(client, [one.key for one in fit]) if fit else {}
        small = [key for key, size in (sizes or {}).items() if size <= _LARGEST_IN_MEMORY]
        now = {one.key: one for one in _read(small, await _all(client, _looks(small))) or ()}
        values = tuple(_after(one, now.get(one.key)) for one in fit if not _same(one, now.get(one.key)))
        if lost:
            names = f"{len(lost):,} values" if len(lost) > 1 else "a value"
            self._notes.append(f"undo: {names} of 1 MB or more not kept")
        if values and client.closed is False:
            run = self._run[1] if self._run is not None else ""
            begins = tuple(word[:_SHOWN_BYTES] for word in outcome.argv[:_SHOWN_WORDS])
            self._add(Entry(begins, run, client.database, time.time(), values, lost))
        elif lost:
            self.unkept = _shown(outcome)

    def _add(self, entry: Entry) -> None:
        if self._group is not None:
            self._group.append(entry)
            return
        self.entries.append(entry)
        self.unkept = ""
        while len(self.entries) > MOST_ENTRIES or sum(one.size for one in self.entries) > _MOST_BYTES:
            self.entries.popleft()
            self.dropped += 1
            self._note_once("full", f"undo: {MOST_ENTRIES} changes or 64 MB are kept, so the oldest go now")

    def _note_once(self, about: str, note: str) -> None:
        if about not in self._noted:
            self._noted.add(about)
            self._notes.append(note)


def judged(
    spec: Spec | None, argv: Sequence[bytes], *, in_transaction: bool
) -> tuple[tuple[bytes, ...], str]:
    """Return the keys that a command may change, and why they cannot be kept; nothing of one that only reads."""
    if spec is not None and (spec.readonly or spec.effect is not None):
        return (), ""
    written = _written(spec, argv) if spec is not None else ()
    reason = _reason(spec, argv, written, in_transaction=in_transaction)
    return tuple(dict.fromkeys(written)), reason


def digest(value: bytes | None) -> bytes:
    """Return what tells a DUMP from others; empty for none."""
    if value is None:
        return b""
    from hashlib import sha256  # few sessions keep anything

    return sha256(value).digest()


def run_id(info: Reply) -> str:
    """Return which run of a server INFO is of; empty when it does not tell."""
    if not isinstance(info, bytes):
        return ""
    found = (line for line in info.split(b"\r\n") if line.startswith(b"run_id:"))
    return next(found, b"run_id:")[7:].decode("ascii", "replace")


def _written(spec: Spec, argv: Sequence[bytes]) -> tuple[bytes, ...]:
    """Return the keys of a command that it does not only read."""
    if not spec.key_specs and spec.first_key:  # of servers before 7.0 no more is known
        last = spec.last_key if spec.last_key >= 0 else len(argv) + spec.last_key
        places = range(spec.first_key, min(last, len(argv) - 1) + 1, max(spec.key_step, 1))
        return tuple(argv[place] for place in places)
    named = tuple(one for one in spec.key_specs if "not_key" not in one[0])
    changed = tuple(one for one in named if "RO" not in one[0])
    if spec.write and not changed:  # XREADGROUP reads the entries, and writes down who has them
        changed = named
    return keys(spec._replace(key_specs=changed), argv)


def _reason(
    spec: Spec | None, argv: Sequence[bytes], written: Sequence[bytes], *, in_transaction: bool
) -> str:
    """Return why what a command changes is not kept; empty when it is, or when it changes nothing."""
    if spec is None:
        return "does what nobody knows"
    if not (spec.write or written or _may_write(spec)):
        return ""
    if in_transaction:
        return "is in MULTI"
    if spec.blocks_for(argv) is not None:
        return "waits for what it takes"
    if not written:
        return "" if keys(spec, argv) else "names no key that it changes"
    if len(written) > MOST_KEYS:
        return f"changes more than {MOST_KEYS:,} keys"
    roles = grammar(spec).walk(argv[spec.name.count(" ") + 1 :]).roles
    return "changes another database" if _ELSEWHERE.intersection(role.name for role in roles) else ""


def _may_write(spec: Spec) -> bool:
    return any("RO" not in one[0] for one in spec.key_specs)


def _shown(outcome: Outcome) -> str:
    """Return the name of a command as it may be shown."""
    if outcome.spec is not None:
        return outcome.spec.name
    return outcome.argv[0][:40].decode("ascii", "backslashreplace")


def _looks(keys: Sequence[bytes]) -> list[tuple[bytes, ...]]:
    """Return the commands that tell all of some keys."""
    each = [(name, key) for key in keys for name in (b"TYPE", b"PTTL", b"DUMP")]
    return [(b"TIME",), *each]


def _read(keys: Sequence[bytes], replies: Sequence[Reply]) -> list[Kept] | None:
    """Return what `_looks` has found out; None when a part of it was refused, or is not what a server says."""
    now, *values = replies
    if not (isinstance(now, list) and len(now) == 2):
        return None
    seconds, micros = _number(now[0]), _number(now[1])
    if seconds is None or micros is None:
        return None
    clock = seconds * 1000 + micros // 1000
    looks = zip(keys, values[::3], values[1::3], values[2::3], strict=True)
    found = [_kept(key, kind, left, value, clock) for key, kind, left, value in looks]
    return [one for one in found if one] if all(found) else None


def _kept(key: bytes, kind: Reply, left: Reply, value: Reply, clock: int) -> Kept | None:
    if not (isinstance(kind, bytes) and isinstance(left, int) and isinstance(value, bytes | None)):
        return None
    return Kept(key, kind.decode("ascii", "replace"), value, clock + left if left >= 0 else None)


def _number(word: object) -> int | None:
    return int(word) if isinstance(word, bytes) and word.isdigit() and len(word) < 20 else None


def _after(kept: Kept, now: Kept | None) -> Kept:
    return kept._replace(left=None if now is None else digest(now.value))


def _same(kept: Kept, now: Kept | None) -> bool:
    """Whether a write has changed nothing."""
    if now is None or kept.value != now.value:
        return False
    if kept.expires is None or now.expires is None:
        return kept.expires == now.expires
    return abs(kept.expires - now.expires) <= _CLOSE


def _refusal(replies: Sequence[Reply]) -> str:
    return next((f"(error) {reply}" for reply in replies if isinstance(reply, ReplyError)), "no answer")


async def _all(client: AsyncClient, commands: Sequence[Sequence[bytes]]) -> list[Reply]:
    """Return the replies to commands that go in one packet, errors in their places."""
    await client.bulk_start()
    for command in commands:
        await client.execute(*command)
    return await client.bulk_stop()
