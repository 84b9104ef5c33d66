"""What became of one command: a value that renderers and exit codes are made from."""

from __future__ import annotations

from dataclasses import dataclass

from pyredis.commands.spec import Spec
from pyredis.exceptions import PyRedisError
from pyredis.types import Reply

__all__ = ["Outcome"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The reply to a command, or the error in its place.

    ``notices`` are sentences that the person must be told. ``silent`` means that no reply is due: CLIENT REPLY
    OFF, SHUTDOWN.
    """

    argv: tuple[bytes, ...]
    spec: Spec | None
    reply: Reply = None
    error: PyRedisError | None = None
    seconds: float = 0.0
    notices: tuple[str, ...] = ()
    silent: bool = False
