"""Secrets on the screen: a star for each character of a word that must not be shown.

A character that would turn the line round, or that nobody can see, is not drawn as it is either. What is masked
stays one character for one, so that the cursor stands where the person thinks it does. It knows nothing of
commands: the insight says where secrets are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from prompt_toolkit.application import get_app
from prompt_toolkit.formatted_text import to_formatted_text
from prompt_toolkit.layout.processors import Processor, Transformation
from prompt_toolkit.layout.screen import Char
from prompt_toolkit.layout.utils import explode_text_fragments

from pyredis_cli.render.escape import dangerous
from pyredis_cli.splitting import between

if TYPE_CHECKING:
    from collections.abc import Iterator, Set

    from prompt_toolkit.formatted_text import StyleAndTextTuples
    from prompt_toolkit.layout.processors import TransformationInput

    from pyredis_cli.repl.insight import Insight

__all__ = ["MaskProcessor", "holds_secret", "masked"]

_STAR: Final = "*"
_UNSEEN: Final = "\N{REPLACEMENT CHARACTER}"


def masked(text: str, insight: Insight) -> str:
    """Return the text, of one command or of several, as it may be shown while it is typed."""
    shown = [*text]
    for start, end in _secrets(text, 0, len(text), insight, finished=False):
        shown[start:end] = (_covered(character) for character in text[start:end])
    return "".join(shown)


def holds_secret(text: str, insight: Insight) -> bool:
    """Return whether a word of the text must not be shown."""
    return any(True for _ in _secrets(text, 0, len(text), insight, finished=True))


class MaskProcessor(Processor):
    """Draws stars over secrets, also in the line that is left behind on the screen, and covers what is unseen."""

    def __init__(self, insight: Insight) -> None:
        self._insight = insight

    def apply_transformation(self, transformation_input: TransformationInput) -> Transformation:
        document, fragments = transformation_input.document, transformation_input.fragments
        row = transformation_input.lineno
        line = document.lines[row]
        start = document.translate_row_col_to_index(row, 0) if row else 0
        end = start + len(line)
        secrets = [
            (max(first - start, 0), min(last - start, len(line)))
            for first, last in _secrets(document.text, start, end, self._insight, finished=get_app().is_done)
        ]
        # prompt_toolkit shows controls itself.
        unseen = dangerous(line) - Char.display_mappings.keys()
        if not secrets and not unseen:
            return Transformation(fragments)
        return Transformation(_starred(fragments, secrets, unseen))


def _secrets(
    text: str, start: int, end: int, insight: Insight, *, finished: bool
) -> Iterator[tuple[int, int]]:
    """Yield where the secrets are of those commands that have a part between two places of the text."""
    for command in between(text, start, end):
        ended = finished or command.end < len(text)
        for first, last in insight.secrets(text[command.start : command.end], finished=ended):
            yield command.start + first, command.start + last


def _starred(
    fragments: StyleAndTextTuples, secrets: list[tuple[int, int]], unseen: Set[str]
) -> StyleAndTextTuples:
    characters = to_formatted_text(explode_text_fragments(fragments))
    if unseen:
        for place, (style, character, *_) in enumerate(characters):
            characters[place] = (style, _UNSEEN if character in unseen else character)
    for start, end in secrets:
        for place in range(start, min(end, len(characters))):
            characters[place] = (characters[place][0], _STAR)
    return characters


def _covered(character: str) -> str:
    return character if character == "\n" else _STAR
