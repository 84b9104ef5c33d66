"""Runs of short replies, as pipelined commands are answered, decoded by a few calls for all of them.

It takes what a chunk begins with of statuses, integers, errors, nil and strings without a line end. All else, and
whatever is odd, is left to a decoder, which has the last word on what is RESP.
"""

from __future__ import annotations

from pyredis.exceptions import reply_error
from pyredis.types import Status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from pyredis.types import Reply

__all__ = ["leading_run"]

_MOST_KEPT: Final = 1000
_LONGEST_KEPT: Final = 32
_LONGEST: Final = 512
_HEADERS: Final = [b"$%d" % length for length in range(_LONGEST)]
_NIL: Final = b"$-1"


class _Lines(dict[bytes, "Reply"]):
    """Statuses and integers by their lines, kept because they repeat; KeyError for every other line."""

    def __missing__(self, line: bytes) -> Reply:
        reply: Reply
        if line[:1] == b"+" and b"\n" not in line and b"\r" not in line:
            reply = Status(line[1:])
        elif line[:1] == b":" and len(line) < 20 and line[1:].isdigit():
            reply = int(line[1:])
        else:
            raise KeyError(line)
        if len(line) <= _LONGEST_KEPT and len(self) < _MOST_KEPT:
            self[line] = reply
        return reply


_lines: Final = _Lines()


def leading_run(chunk: bytes) -> tuple[list[Reply], bytes]:
    """Return the replies that a chunk begins with, as far as they are simple, and the rest of the chunk.

    The chunk must begin where a reply does.
    """
    if chunk[:1] not in (b"+", b":", b"$", b"-"):
        return [], chunk
    pieces = chunk.split(b"\r\n")
    kind = chunk[:1]
    if kind == b"$":
        replies = _strings(pieces)
        if len(pieces) - 1 == 2 * len(replies):
            return replies, pieces[-1]
    elif kind != b"-":
        try:
            return list(map(_lines.__getitem__, pieces[:-1])), pieces[-1]
        except KeyError:
            pass
    replies, at = _mixed(pieces)
    return replies, b"\r\n".join(pieces[at:])


def _strings(pieces: list[bytes]) -> list[Reply]:
    """Return the strings that the pieces are; none when some are something else."""
    whole = (len(pieces) - 1) // 2  # the last piece is not ended
    headers, strings = pieces[: 2 * whole : 2], pieces[1 : 2 * whole : 2]
    lengths = list(map(len, strings))
    if not lengths or max(lengths) >= _LONGEST or headers != list(map(_HEADERS.__getitem__, lengths)):
        return []
    return list(strings)


def _mixed(pieces: list[bytes]) -> tuple[list[Reply], int]:
    """Return the replies that the pieces begin with, and how many pieces they take; the last one is not ended."""
    replies: list[Reply] = []
    at, end = 0, len(pieces) - 1
    while at < end:
        piece = pieces[at]
        if piece[:1] == b"$":
            if piece == _NIL:
                replies.append(None)
            elif at + 1 < end and len(pieces[at + 1]) < _LONGEST and piece == _HEADERS[len(pieces[at + 1])]:
                at += 1
                replies.append(pieces[at])
            else:
                break
        elif piece[:1] == b"-":
            if b"\r" in piece or b"\n" in piece:
                break
            replies.append(reply_error(piece[1:].decode("utf-8", "surrogateescape")))
        else:
            try:
                replies.append(_lines[piece])
            except KeyError:
                break
        at += 1
    return replies, at
