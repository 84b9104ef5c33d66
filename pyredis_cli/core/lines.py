"""What a line asks for: an argv, and how often.

It knows quoting, the repeat count of ``5 INCR x`` and where ``connect`` leads. It does not know which words are
not the server's, and sends nothing.
"""

from __future__ import annotations

import re

from pyredis.address import TcpAddress
from pyredis.records import dataclass
from pyredis_cli.splitting import SplitError, is_comment, split, stretches

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["LineError", "Order", "counted", "destination", "lines_of", "numbered", "order"]

_COUNT = re.compile(rb"[+-]?\d+")
_LARGEST_COUNT = 2**63 - 1


class LineError(ValueError):
    """A line that cannot be read; nothing of it is sent."""


@dataclass(frozen=True, slots=True)
class Order:
    """A command to send ``times`` times."""

    argv: tuple[bytes, ...]
    times: int = 1


def lines_of(text: str) -> list[str]:
    """Return the commands of the text, without blank lines and comments, as they were typed or pasted.

    Each is a line, or more lines when a quote is open at the end of one.
    """
    return [line for _, line in numbered(text)]


def numbered(text: str) -> list[tuple[int, str]]:
    """Return the same, each with the number of the line of the text that it begins in."""
    found: list[tuple[int, str]] = []
    number, counted = 1, 0
    for start, end, _ in stretches(text):
        number += text.count("\n", counted, start)
        counted = start
        line = text[start:end]
        if line.strip() and not is_comment(line):
            found.append((number, line))
    return found


def order(line: str, encoding: str) -> Order:
    """Return what the line asks for; its argv is empty when the line is blank."""
    try:
        argv = split(line, encoding)
    except SplitError as error:
        raise LineError(f"Invalid argument(s): {error.message} (column {error.column})") from None
    return counted(argv)


def counted(argv: Sequence[bytes]) -> Order:
    """Return what the words ask for: a number in front of a command says how often."""
    # A number alone is sent as it is: without a command behind it, it counts nothing.
    if len(argv) < 2 or not _COUNT.fullmatch(argv[0]):
        return Order(tuple(argv))
    return Order(tuple(argv[1:]), _times(argv[0]))


def destination(words: Sequence[str]) -> TcpAddress:
    """Return where ``connect HOST PORT`` leads; no message repeats a URL, which may hold a password."""
    if len(words) != 2 or "://" in words[0]:
        raise LineError("connect takes a host and a port")
    host, port = words
    if not port.isascii() or not port.isdigit():
        raise LineError(f"port {port!r} is not a number")
    try:
        return TcpAddress(host, int(port[:6]))
    except ValueError as error:
        raise LineError(str(error)) from None


def _times(count: bytes) -> int:
    # int() refuses numbers of thousands of digits; more than 19 are too large anyway.
    times = int(count) if len(count.lstrip(b"+-0")) <= 19 else _LARGEST_COUNT + 1
    if not 1 <= times <= _LARGEST_COUNT:
        raise LineError(f"Invalid repeat count: give a number from 1 to {_LARGEST_COUNT} before the command")
    return times
