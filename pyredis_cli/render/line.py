"""An argv as the line that a person would type for it."""

from __future__ import annotations

import re

from pyredis_cli.render.escape import readable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

__all__ = ["STARS", "as_typed"]

STARS = "***"
"""What stands in the place of a secret."""

# Nothing that a quoting rule, a comment or a shell-like redirection could mean.
_BARE = re.compile(r'[^\s"\'\\#|>]+')


def as_typed(argv: Sequence[bytes], encoding: str = "utf-8", hidden: Collection[int] = ()) -> str:
    """Return one line that splits into the argv again; the words at the positions ``hidden`` are ``***``."""
    return " ".join(
        STARS if position in hidden else _word(word, encoding) for position, word in enumerate(argv)
    )


def _word(word: bytes, encoding: str) -> str:
    quoted = readable(word, encoding)
    bare = quoted[1:-1]
    return bare if _BARE.fullmatch(bare) else quoted
