"""What a subscriber hears: messages, and word of what became of its subscriptions.

Pure: it knows the forms in which RESP2 and RESP3 bring a message, in every decoder, and no connection.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, TypeAlias, cast

from pyredis.address import Address
from pyredis.exceptions import PyRedisError
from pyredis.types import Reply

__all__ = ["Heard", "Message", "Name", "Reconnected", "Unsubscribed", "heard"]

Name: TypeAlias = bytes | str
"""The name of a channel or a pattern: str when the client has an encoding, else bytes."""


class Message(NamedTuple):
    """One published message.

    ``kind`` is Redis' word: ``message`` of a channel, ``pmessage`` of a channel that ``pattern`` matched,
    ``smessage`` of a shard channel. ``payload`` is what was published, str when the client has an encoding, else
    bytes; only ``__redis__:invalidate`` carries a list of keys, or None for all of them.
    """

    kind: Literal["message", "pmessage", "smessage"]
    channel: Name
    pattern: Name | None
    payload: Reply


@dataclass(frozen=True, slots=True)
class Reconnected:
    """The connection was lost and is back with all subscriptions; what was published meanwhile is lost.

    ``seconds`` is how long nothing could be heard: from the last sign of life of the old connection to the last
    confirmation on the new one. ``error`` is why the old one ended.

    On a cluster it tells of the shard channels that are at ``address`` now, and of the longest of their gaps: they
    may have been elsewhere before, at a node that was lost or gave their slots away.
    """

    address: Address
    seconds: float
    error: PyRedisError


@dataclass(frozen=True, slots=True)
class Unsubscribed:
    """The server ended a subscription by itself: the slot of a shard channel moved to another node.

    ``kind`` is Redis' word for it, ``channel`` what is no longer subscribed.
    """

    kind: Literal["unsubscribe", "punsubscribe", "sunsubscribe"]
    channel: Name


Heard: TypeAlias = Message | Reconnected | Unsubscribed
"""What a subscriber is given, in the order it happened."""


def heard(push: Reply) -> Message | Unsubscribed | None:
    """Return what a push, or the array that is one in RESP2, means to a subscriber; None when nothing."""
    if not isinstance(push, list):
        return None
    match cast("list[object]", push):
        case [(bytes() | str()) as word, (bytes() | str()) as channel, payload] if word in _MESSAGES:
            return Message(_MESSAGES[word], channel, None, cast("Reply", payload))
        case [b"pmessage" | "pmessage", (bytes() | str()) as pattern, (bytes() | str()) as channel, payload]:
            return Message("pmessage", channel, pattern, cast("Reply", payload))
        case [(bytes() | str()) as word, (bytes() | str()) as channel, int()] if word in _ENDS:
            return Unsubscribed(_ENDS[word], channel)
    return None


_MESSAGES: Final[Mapping[Name, Literal["message", "smessage"]]] = {
    b"message": "message",
    "message": "message",
    b"smessage": "smessage",
    "smessage": "smessage",
}
_ENDS: Final[Mapping[Name, Literal["unsubscribe", "punsubscribe", "sunsubscribe"]]] = {
    b"unsubscribe": "unsubscribe",
    "unsubscribe": "unsubscribe",
    b"punsubscribe": "punsubscribe",
    "punsubscribe": "punsubscribe",
    b"sunsubscribe": "sunsubscribe",
    "sunsubscribe": "sunsubscribe",
}
