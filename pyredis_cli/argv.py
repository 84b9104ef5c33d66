"""The words of the arguments as an argv: never joined and split again, byte for byte what was typed."""

from __future__ import annotations

from pyredis_cli.flags import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["encoded"]


def encoded(words: Iterable[str], encoding: str) -> tuple[bytes, ...]:
    """Return the words as bytes; UsageError for one with characters that the encoding lacks."""
    argv: list[bytes] = []
    for position, word in enumerate(words):
        try:
            argv.append(word.encode(encoding, "surrogateescape"))
        except UnicodeEncodeError:
            raise UsageError(
                f"argument {position} of the command has characters that {encoding} lacks; "
                "choose another --encoding"
            ) from None
    return tuple(argv)
