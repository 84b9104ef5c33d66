r"""Variables in the lines of a script: ``${name}`` becomes a value, within the word that it stands in.

A value never makes a word more or less, whatever is in it, for the line is split first. As in a shell there are
none in single quotes; ``$${`` and, as everywhere a backslash takes the meaning from the next character, ``\${``
are the characters themselves. It knows the splitter's idea of a word and no command.
"""

from __future__ import annotations

import re

from pyredis_cli.core.lines import LineError
from pyredis_cli.splitting import pieces, unescaped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Variables"]

_MARK = r"[$\\]?\$\{(?:(?P<name>[^\W\d]\w*)\})?"
_BARE = re.compile(_MARK)
_DOUBLE = re.compile(_MARK + r"|(?P<escape>\\(?:x[0-9a-fA-F]{2}|.))", re.DOTALL)


class Variables:
    """The values of ``--set``, by their names."""

    def __init__(self, values: Mapping[str, str], encoding: str) -> None:
        self._values = values
        self._encoding = encoding

    def split(self, line: str) -> list[bytes]:
        """Return the words of a line with the values in their places; LineError for a name that has none."""
        return [
            self._encoded(_BARE.sub(self._value, bare) + (single if double is None else self._double(double)))
            for bare, double, single in pieces(line)
        ]

    def _double(self, text: str) -> str:
        return _DOUBLE.sub(self._value, text)

    def _value(self, found: re.Match[str]) -> str:
        groups = found.groupdict()
        if groups.get("escape"):
            return unescaped(found["escape"])
        if found[0][0] != "$" or found[0].startswith("$$"):
            return found[0][1:]
        if found["name"] is None:
            raise LineError("${ without a name and }; $${ are the characters themselves")
        try:
            return self._values[found["name"]]
        except KeyError:
            name = found["name"]
            raise LineError(f"no value for ${{{name}}}; give one with --set {name}=VALUE") from None

    def _encoded(self, text: str) -> bytes:
        try:
            return text.encode(self._encoding, "surrogateescape")
        except UnicodeEncodeError:
            raise LineError(f"{self._encoding} has no character for some of a word") from None
