"""Where a command belongs, and how it is cut up when that is not one place. Pure: facts and slots, no node."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from pyredis.commands.keys import key_positions
from pyredis.commands.slots import key_slot
from pyredis.commands.spec import Spec
from pyredis.exceptions import ClusterError

__all__ = ["Part", "audience", "partial", "policy", "slot", "split", "splittable"]

_AUDIENCES: Final[dict[str | None, Literal["primaries", "all"]]] = {
    "all_shards": "primaries",
    "all_nodes": "all",
}


def policy(spec: Spec, kind: Literal["request", "response"]) -> str | None:
    """Return the command's ``request_policy`` or ``response_policy`` as the server states it; None is none."""
    start = f"{kind}_policy:"
    return next((tip[len(start) :] for tip in spec.tips if tip.startswith(start)), None)


def slot(argv: Sequence[bytes], spec: Spec | None, shard_key: bytes | None = None) -> int | None:
    """Return the slot that a command belongs to, that of ``shard_key`` when given; None without keys.

    ClusterError when the keys lie in different slots.
    """
    if shard_key is not None:
        return key_slot(shard_key)
    if spec is None or not spec.key_specs:
        return None
    places = key_positions(spec, argv)
    slots = {key_slot(argv[place]) for place in places}
    if len(slots) > 1:
        raise _cross_slot(spec, sorted(slots))
    return slots.pop() if slots else None


def _cross_slot(spec: Spec, slots: Sequence[int]) -> ClusterError:
    shown = ", ".join(map(str, slots[:_SHOWN])) + (", ..." if len(slots) > _SHOWN else "")
    mend = "give them the same {hash tag}"
    if splittable(spec):
        mend += ", or use execute_split()"
    return ClusterError(f"the keys of {spec.name} lie in {len(slots)} slots ({shown}); {mend}")


_SHOWN: Final = 5


def splittable(spec: Spec) -> bool:
    """Whether a command with keys can be sent in parts."""
    return policy(spec, "request") == "multi_shard" and len(spec.key_specs) == 1


@dataclass(frozen=True, slots=True)
class Part:
    """The share of one slot in a command: ``places`` says which of the command's keys it has, from 0 on."""

    slot: int
    argv: tuple[bytes, ...]
    places: tuple[int, ...]


def split(argv: Sequence[bytes], spec: Spec) -> tuple[Part, ...]:
    """Return one command for each slot, keys in order; ClusterError for a command that cannot be cut up."""
    if not splittable(spec):
        raise ClusterError(f"{spec.name} cannot be split over slots; give its keys the same {{hash tag}}")
    positions = key_positions(spec, argv)
    if not positions:
        raise ClusterError(f"{spec.name} has no keys here, so there is nothing to split")
    find: tuple[Any, ...] = spec.key_specs[0][2]
    step = find[2] if find[0] == "range" else find[3]
    if positions[-1] + step > len(argv):
        raise ClusterError(f"{spec.name} lacks the value of its last key")
    by_slot: dict[int, list[int]] = {}
    for place, position in enumerate(positions):
        by_slot.setdefault(key_slot(argv[position]), []).append(place)
    return tuple(
        Part(number, _part(argv, find, positions, step, places), tuple(places))
        for number, places in by_slot.items()
    )


def _part(
    argv: Sequence[bytes], find: tuple[Any, ...], positions: Sequence[int], step: int, places: Sequence[int]
) -> tuple[bytes, ...]:
    """Return the command with those of its keys alone, and with what stands before and behind all keys."""
    before = list(argv[: positions[0]])
    if find[0] == "keynum":
        before[positions[0] - find[2] + find[1]] = b"%d" % len(places)
    own = [word for place in places for word in argv[positions[place] : positions[place] + step]]
    return (*before, *own, *argv[positions[-1] + step :])


def audience(spec: Spec) -> Literal["primaries", "all"] | None:
    """Return whom a command without keys concerns; None when any node answers as well as another."""
    return None if spec.key_specs else _AUDIENCES.get(policy(spec, "request"))


def partial(spec: Spec) -> bool:
    """Whether one node would say or do only a part of what this command without keys means."""
    if spec.key_specs or spec.group == "connection":
        return False
    return audience(spec) is not None or policy(spec, "request") == "special"
