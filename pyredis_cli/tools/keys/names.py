"""Where keys are put in the tree: by the parts of their names, those that are IDs all in one place. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

__all__ = ["ROOT", "Place", "places"]

# Digits; a UUID; hex that is no word; what is as long as a token.
_ID: Final = re.compile(
    rb"(\{?)(?:\d+"
    rb"|[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"
    rb"|(?=[0-9a-fA-F]*\d)[0-9a-fA-F]{8,}"
    rb"|(?=[\w-]*\d)[\w-]{20,})(\}?)",
    re.ASCII,
)


class Place(NamedTuple):
    """Parts of names, outermost first. ``open``: names go on behind these; else they end here."""

    parts: tuple[bytes, ...]
    open: bool

    @property
    def parent(self) -> Place:
        return Place(self.parts[:-1], True)

    def label(self, prefix: bytes, by: bytes) -> bytes:
        """Return what all names of the place begin with, or are: ``user:``, ``user:*:cart``, * for IDs."""
        return prefix + by.join(self.parts) + (by if self.open and self.parts else b"")


ROOT: Final = Place((), True)


def places(keys: Iterable[bytes], prefix: bytes, by: bytes, depth: int) -> list[Place]:
    """Return the place of each key, all of which begin with the prefix; ``by`` divides parts, so many count."""
    known: dict[bytes, bytes] = {}
    found: list[Place] = []
    start = len(prefix)
    for key in keys:
        parts = key[start:].split(by, depth)
        deeper = len(parts) > depth
        named = tuple([known[part] if part in known else _named(part, known) for part in parts[:depth]])
        found.append(Place(named, deeper))
    return found


def _named(part: bytes, known: dict[bytes, bytes]) -> bytes:
    """Return a part, or * for an ID; parts that come again and again are looked at once."""
    match = _ID.fullmatch(part)
    if match is None:
        known[part] = part
        return part
    return match[1] + b"*" + match[2]
