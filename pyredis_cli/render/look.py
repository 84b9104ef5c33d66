"""How somebody wants to see a reply: values that are passed down to whatever lays it out."""

from __future__ import annotations

from pyredis.records import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyredis_cli.flags import Theme

__all__ = ["MOST_PAGED", "Look", "Measure"]

MOST_PAGED = 10_000_000
"""So many characters of one value are shown in a pager, where they cost nobody the screen."""

_ALL = "pyredis-cli exec ... | less shows all"


class Measure(NamedTuple):
    """How much of a reply is shown, and what notes say of the rest.

    ``elements`` counts over all levels (lines, in a text), None is all of them; ``characters`` are those of one
    value. ``all_elements`` and ``whole_value`` tell the person what shows the rest, ``undecoded`` what shows a
    value as it is.
    """

    elements: int | None = 1000
    characters: int = 10_000
    all_elements: str = _ALL
    whole_value: str = _ALL
    undecoded: str = "--no-raw shows it as it is"


class Look(NamedTuple):
    """How a reply is to be seen.

    ``width`` is the terminal's, in columns. ``theme`` says what is behind the text. ``decode`` is the decoder for
    values, ``auto`` or ``off``. ``now`` is the time in Unix seconds, to which ages are told; None tells no ages.
    """

    width: int = 80
    encoding: str = "utf-8"
    color: bool = False
    theme: Theme = "dark"
    measure: Measure = Measure()
    decode: str = "auto"
    now: float | None = None
