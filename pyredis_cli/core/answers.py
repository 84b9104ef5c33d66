"""What a server replies to raw commands: counted, with the errors among them and the commands they belong to.

Pure: bytes in, errors out. It is told how many commands were sent and which of them are not answered, so that an
error is named by its command and not by its reply.
"""

from __future__ import annotations

import re
from collections import deque

from pyredis.exceptions import ProtocolError, ReplyError
from pyredis.records import NamedTuple
from pyredis.resp.fast import FastDecoder
from pyredis.types import Push

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final

    from pyredis.types import Reply

__all__ = ["Answers", "Failure"]

# An error, or a push, can only be in what holds one of these.
_TO_LOOK_AT = re.compile(rb"[-!>]")
_QUEUED: Final = b"QUEUED"


class Failure(NamedTuple):
    """An error and where it belongs: ``command 3``, or ``reply 5`` when nobody knows to which command."""

    where: str
    error: ReplyError


class Answers:
    """``expect`` what is sent, ``take`` what comes, until ``ended``: ``count`` replies, ``errors`` among them.

    ``token`` is the reply to the last command, which is asked for when all was sent and not counted.
    """

    def __init__(self, token: bytes) -> None:
        self.count = 0
        self.errors = 0
        self.owed = 0
        self.ended = False
        self.queued = False
        """Whether the last command was queued in a transaction, in the place of being answered."""
        self._token = token
        self._asked = False
        self._ours = 0  # replies that are not counted, in front of the token
        self._loose_from: int | None = None
        self._silent: deque[tuple[int, int]] = deque()  # replies, and commands without one behind them
        self._unanswered = 0
        self._decoder = FastDecoder()
        self._careful = False

    def expect(self, commands: int, replies: int) -> None:
        """Take note that so many commands are sent, the last so many of which have a reply each."""
        self._pass_silent()
        if commands > replies:
            self._silent.append((self.owed, commands - replies))
        self.owed += replies

    def expect_any(self) -> None:
        """Take note that from now on there may be any number of replies."""
        if self._loose_from is None:
            self._loose_from = self.owed

    def expect_token(self, before: int = 0) -> None:
        """Take note that the token was asked for, behind so many commands of ours."""
        self._asked = self._careful = True
        self._ours = before

    @property
    def exact(self) -> bool:
        """Whether there were as many replies as commands that have one."""
        return self._loose_from is not None or self.count == self.owed

    @property
    def due(self) -> bool:
        """Whether a reply is owed."""
        return self.count < self.owed

    def take(self, chunk: bytes) -> list[Failure]:
        """Take the next bytes; return the errors among the replies. Raises ProtocolError."""
        self._careful = self._careful or _TO_LOOK_AT.search(chunk) is not None
        replies = self._decoder.take(chunk)
        failures = list(self._looked_at(replies)) if self._careful else []
        if not self._careful:
            self.count += len(replies)
        self._careful = self._asked or self._decoder.pending
        if self._decoder.broken is not None:
            raise ProtocolError(self._decoder.broken)
        return failures

    def _looked_at(self, replies: list[Reply]) -> Iterator[Failure]:
        for reply in replies:
            if isinstance(reply, Push) or self.ended:
                continue
            if self._asked and self._is_last(reply):
                self.ended = True
                continue
            if self._ours and not self.due:
                self._ours -= 1
                continue
            self.count += 1
            if isinstance(reply, ReplyError):
                yield self._failed(reply)
            elif type(reply) is list:
                for number, element in enumerate(reply, 1):
                    if isinstance(element, ReplyError):
                        yield self._failed(element, f", {number})")

    def _is_last(self, reply: Reply) -> bool:
        """Whether it is the reply to the last command: the token, or what stands in its place."""
        if reply == self._token or (type(reply) is list and self._token in reply):
            return True
        if self._loose_from is not None:
            return isinstance(reply, ReplyError) and "ping" in reply.message.lower()
        self.queued = self.count >= self.owed and reply == _QUEUED
        return self.queued or (isinstance(reply, ReplyError) and self.count >= self.owed)

    def _failed(self, error: ReplyError, inside: str = "") -> Failure:
        self.errors += 1
        return Failure(f"{self._place()}{inside}", error)

    def _place(self) -> str:
        if self._loose_from is not None and self.count > self._loose_from:
            return f"reply {self.count}"
        self._pass_silent()
        return f"command {self.count + self._unanswered}"

    def _pass_silent(self) -> None:
        """Count the commands without a reply that stand in front of the last reply."""
        while self._silent and self._silent[0][0] < self.count:
            self._unanswered += self._silent.popleft()[1]
