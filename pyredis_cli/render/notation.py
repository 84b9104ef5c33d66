"""How bytes are told as text where a format knows nothing but text.

It knows bytes and the names of the notations. What a format's own quotes are, the format knows.
"""

from __future__ import annotations

from pyredis.records import NamedTuple
from pyredis_cli.render.portions import LONG, slices

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Final

__all__ = ["BASE64", "NOTATIONS", "QUOTED", "Notation"]

_THREES: Final = LONG // 3 * 3  # three bytes are four characters of base64


class Notation(NamedTuple):
    """How bytes become text by ``write``.

    With a ``tag`` only bytes that are not UTF-8 do, and the tag tells them from text; without one it is all of
    them, so that the same text never stands for other bytes (``utf8`` excepted, which gives up what is no text).
    """

    tag: str
    write: Callable[[bytes], str]

    def text(self, value: bytes) -> str | None:
        """Return the text for a value; None when it must be written beside the tag."""
        if not self.tag:
            return self.write(value)
        try:
            return value.decode()
        except UnicodeDecodeError:
            return None

    def text_parts(self, value: bytes) -> Iterator[str] | None:
        """Return the text for a long value slice by slice; None when it must be written beside the tag."""
        if any(self.text(piece) is None for piece in slices(value)):
            return None
        return (self.text(piece) or "" for piece in slices(value))

    def written_parts(self, value: bytes) -> Iterator[str]:
        """Return what stands beside the tag for a long value, slice by slice."""
        return (self.write(value[at : at + _THREES]) for at in range(0, len(value), _THREES))

    def name(self, value: bytes) -> str:
        """Return the text for a value where there is no place beside it for a tag, such as a key."""
        text = self.text(value)
        if text is None or (self.tag and text.startswith(self.tag)):
            return f"{self.tag}:{self.write(value)}"
        return text


def _base64(value: bytes) -> str:
    from base64 import b64encode  # seldom needed

    return b64encode(value).decode()


def _escaped(value: bytes) -> str:
    return value.replace(b"\\", rb"\\").decode("utf-8", "backslashreplace")


def _quoted(value: bytes) -> str:
    from pyredis_cli.render.escape import quote

    return quote(value)[1:-1]


BASE64: Final = Notation("$base64", _base64)
QUOTED: Final = Notation("", _quoted)
"""redis-cli's own, ASCII alone."""
NOTATIONS: Final[Mapping[str, Notation]] = {
    "utf8": Notation("", lambda value: value.decode("utf-8", "replace")),
    "escape": Notation("", _escaped),
    "base64": BASE64,
    "hex": Notation("$hex", bytes.hex),
}
