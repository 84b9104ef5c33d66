"""What the replies of several nodes to one command come to. Pure; it never sees an error."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, cast

from pyredis.cluster.routing import Part, policy
from pyredis.commands.spec import Spec
from pyredis.exceptions import ProtocolError
from pyredis.types import Map, Reply, Set

__all__ = ["joined", "merge", "mergeable", "one_is_enough"]


def mergeable(spec: Spec) -> bool:
    """Whether the replies of nodes to a command can be one; INFO's, say, cannot: each speaks for itself."""
    return policy(spec, "response") != "special"


def one_is_enough(spec: Spec) -> bool:
    """Whether a command has done its work when one node did it: the script that SCRIPT KILL ends runs on one."""
    return policy(spec, "response") == "one_succeeded"


def merge(spec: Spec, replies: Sequence[Reply]) -> Reply:
    """Return the one reply that those of several nodes come to; ProtocolError when they do not fit together."""
    merging = _POLICIES.get(policy(spec, "response"), _together)
    try:
        return merging(replies)
    except (TypeError, ValueError):
        raise ProtocolError(f"the replies of the nodes to {spec.name} do not fit together") from None


def joined(spec: Spec, parts: Sequence[Part], replies: Sequence[Reply]) -> Reply:
    """Return the reply to a command that was sent in parts: elements are put back where their keys stood."""
    if policy(spec, "response") is not None:
        return merge(spec, replies)
    elements: dict[int, Reply] = {}
    for part, reply in zip(parts, replies, strict=True):
        if not isinstance(reply, list) or len(reply) != len(part.places):
            raise ProtocolError(
                f"a node answered {spec.name} with something else than an element for each key"
            )
        elements.update(zip(part.places, cast("list[Reply]", reply), strict=True))
    return [elements[place] for place in sorted(elements)]


def _first(replies: Sequence[Reply]) -> Reply:
    return replies[0]


def _least(replies: Sequence[Reply]) -> Reply:
    """Return the reply that all nodes gave, or of numbers the least: MSETEX says 0 where it wrote nothing."""
    if all(reply == replies[0] for reply in replies):
        return replies[0]
    return cast("Reply", min(cast("Any", replies)))


def _each(merging: Callable[[Iterable[Any]], Any]) -> Callable[[Sequence[Reply]], Reply]:
    """Return a merger of numbers, or of lists of them, element by element."""

    def merge(replies: Sequence[Reply]) -> Reply:
        if isinstance(replies[0], list):
            columns = zip(*cast("Sequence[list[Reply]]", replies), strict=True)
            return [cast("Reply", merging(column)) for column in columns]
        return cast("Reply", merging(replies))

    return merge


def _all(numbers: Iterable[Any]) -> int:
    return int(all(numbers))


def _any(numbers: Iterable[Any]) -> int:
    return int(any(numbers))


def _together(replies: Sequence[Reply]) -> Reply:
    """Return lists as one list, maps as one map."""
    first = replies[0]
    if isinstance(first, dict):
        return {name: value for reply in replies for name, value in cast("dict[Any, Reply]", reply).items()}
    if not isinstance(first, (list, Map, Set)):
        raise TypeError("neither lists nor maps")
    return type(first)([element for reply in replies for element in cast("list[Any]", reply)])


_POLICIES: Final[dict[str | None, Callable[[Sequence[Reply]], Reply]]] = {
    "agg_sum": _each(sum),
    "agg_min": _each(min),
    "agg_max": _each(max),
    "agg_logical_and": _each(_all),
    "agg_logical_or": _each(_any),
    "all_succeeded": _least,
    "one_succeeded": _first,
}
