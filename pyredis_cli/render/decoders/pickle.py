"""Pickles of Python, as the list of what they would do. They are never loaded: that would do it."""

from __future__ import annotations

from itertools import islice
from typing import Any, Final

__all__ = ["decode"]

_PROTO: Final = 0x80
_PROTOCOLS: Final = range(2, 6)
_STOP: Final = b"."
_MOST_STEPS: Final = 1000
_LONGEST: Final = 120


def decode(value: bytes) -> str | None:
    """Return the steps of a pickle of protocol 2 or newer, a line for each, or the first thousand."""
    if value[:1] != bytes([_PROTO]) or value[1:2] not in map(_byte, _PROTOCOLS) or not value.endswith(_STOP):
        return None
    from pickletools import genops  # seldom needed

    lines = []
    try:
        for opcode, arg, at in islice(genops(value), _MOST_STEPS):
            lines.append(f"{at or 0:>6}  {opcode.name:<17} {_argument(arg)}".rstrip())
            end = at
    except (ValueError, OverflowError, Warning):  # escapes that Python warns of are an error to some
        return None
    if len(lines) < _MOST_STEPS:
        return "\n".join(lines) if end == len(value) - 1 else None
    return "\n".join([*lines, f"… and more, of {len(value):,} bytes"])


def _byte(number: int) -> bytes:
    return bytes([number])


def _argument(arg: Any) -> str:
    """Return the argument of a step as far as that is short."""
    if arg is None:
        return ""
    if isinstance(arg, (str, bytes, bytearray)):
        text = repr(arg[:_LONGEST])
        return text if len(arg) <= _LONGEST else f"{text}… of {len(arg):,}"
    if isinstance(arg, int) and arg.bit_length() > _LONGEST:
        return f"a number of {arg.bit_length():,} bits"
    return repr(arg)
