"""What a decoder may answer; each decoder is a file beside this one.

A decoder is given a value and returns None when the value is not its own, text for a person, or, as bytes, what
was packed in the value, which is looked at in turn. Plain str and bytes will do; the kinds here say more. This is
the contract of plugins too, version 1: docs/decoders.md.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

__all__ = ["MOST", "Decoder", "Json", "Missing", "Note", "Part"]

Decoder: TypeAlias = Callable[[bytes], str | bytes | None]

MOST = 1024 * 1024
"""No more than this is unpacked, and no value that is longer is looked into unasked."""


class Note(str):
    """A few words that stand beside the value and not in its place."""

    __slots__ = ()


class Missing(Note):
    """A note that says what has to be installed before such values can be read."""

    __slots__ = ()


class Json(str):
    """Text to be laid out as JSON, or what is close to it."""

    __slots__ = ()


class Part(bytes):
    """The beginning of what was packed: there is more."""

    __slots__ = ()
