"""What is told of a line while it is typed: the hint behind it, what its words are, its mistake, its secrets.

It asks the table that holds now at each key, and waits for nothing. Of words that are or may be secret it tells
nothing but where they stand: they have no colour, are no mistake and get no hint.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from pyredis_cli.complete import hints, paint
from pyredis_cli.complete.outlets import Outlet, outlet
from pyredis_cli.complete.paint import Blot, Span
from pyredis_cli.core.secrets import guarded, hidden
from pyredis_cli.render.escape import printable
from pyredis_cli.repl.history import command_place, secret_words
from pyredis_cli.repl.meta import WORDS
from pyredis_cli.repl.toolbar import Usage
from pyredis_cli.splitting import meaning, scan, stretches

if TYPE_CHECKING:
    from pyredis.commands.spec import Table

__all__ = ["Insight"]

# Of longer lines nothing is told: a walk through thousands of words would be felt at each key. A script is one
# word, though a long one.
_LONGEST: Final = 2_000
_LONGEST_SCRIPT: Final = 10_000
_MOST_WORDS: Final = 100
_URL: Final = re.compile(r"""(?<!\S)["']?([A-Za-z][\w+.-]*+://[^\s"']*)["']?""")
# A password begins behind that colon, unless it is a port: only what comes behind it will tell.
_URL_BEGUN: Final = re.compile(r"""["']?[A-Za-z][\w+.-]*+://[^\s/@:\[]*:(?=[^/@]+\Z)""")


class Insight:
    """Tells of lines in one encoding; ``table`` is asked each time: a server may have told more of itself."""

    def __init__(self, table: Callable[[], Table], encoding: str) -> None:
        self._table = table
        self._encoding = encoding
        # Several parts of the screen ask for what one keystroke left; a screen of pasted lines is asked for again.
        self._hint = lru_cache(maxsize=2)(self._find_hint)
        self._spans = lru_cache(maxsize=64)(self._find_spans)
        self._blot = lru_cache(maxsize=64)(self._find_blot)
        self._secrets = lru_cache(maxsize=64)(self._find_secrets)

    @property
    def basis(self) -> Hashable:
        """Another value whenever something else may be told of the same line."""
        table = self._table()
        return id(table), table.revision

    def outlet(self, line: str) -> Outlet | None:
        """Return where a command sends its reply, also when that is not typed yet."""
        return None if len(line) > _LONGEST else outlet(line, self._table(), self._encoding, begun=True)

    def hint(self, text: str) -> str:
        """Return what is still to be typed behind the text; of several commands, behind the last one."""
        line = _last(text)
        if self._is_long(line) or self.ends_in_secret(text) or self.outlet(line):
            return ""
        return self._hint(line, self.basis)

    def spans(self, line: str) -> tuple[Span, ...]:
        """Return what the words of a command are; a script is told of by its parts."""
        return () if self._is_long(line) else self._spans(line, self.basis)

    def blot(self, text: str) -> Blot | None:
        """Return the first word that cannot be right in a text's last command."""
        line = _last(text)
        return None if self._is_long(line) else self._blot(line, self.basis)

    def secrets(self, line: str, *, finished: bool = False) -> tuple[tuple[int, int], ...]:
        """Return the places in a command that must not be shown.

        Unless the line is ``finished``, what may still turn out to be one is among them.
        """
        begun = None if finished else _begun_url(line)
        return (*self._secrets(line, self.basis), *([begun] if begun else []))

    def ends_in_secret(self, text: str) -> bool:
        """Return whether the word at the end of a text is, or may become, a secret."""
        line = _last(text)
        return any(end == len(line) for _, end in self.secrets(line))

    def _find_hint(self, line: str, basis: Hashable) -> str:
        return printable(hints.hint(line, self._table(), self._encoding))

    def _find_spans(self, line: str, basis: Hashable) -> tuple[Span, ...]:
        spans = self._all_spans(line)
        secrets = self._secrets(line, basis) if spans else ()
        shown = [span for span in spans if not _any_at(secrets, span.start)]
        return tuple(part for span in shown for part in _parts(span, line))

    def _all_spans(self, line: str) -> list[Span]:
        sends = self.outlet(line)
        if sends is None:
            return paint.paint(line, self._table(), self._encoding)
        mark = Span(sends.start, sends.end, "outlet")
        return [*paint.paint(line[: sends.start], self._table(), self._encoding), mark]

    def _find_blot(self, line: str, basis: Hashable) -> Blot | None:
        sends = self.outlet(line)
        line = line if sends is None else line[: sends.start]
        blot = paint.blot(line, self._table(), finished=False, encoding=self._encoding, own=WORDS)
        return None if blot is None or _any_at(self._secrets(line, basis), blot.start) else blot

    def usage(self, text: str) -> Usage | None:
        """Return how the last command of a text is written; None while it names none."""
        line, table = _last(text), self._table()
        if sends := self.outlet(line):
            line = line[: sends.start]
        spec = None if len(line) > _LONGEST else hints.named(line, table, self._encoding)
        if spec is None:
            return None
        of = f"{spec.module} " if spec.module and spec.since else ""
        return Usage(
            hints.synopsis(spec, table), spec.complexity, f"{of}{spec.since}", spec.deprecated_since or ""
        )

    def _find_secrets(self, line: str, basis: Hashable) -> tuple[tuple[int, int], ...]:
        if self._is_long(line):
            return tuple(self._roughly(line))
        words = scan(line, self._encoding)
        places = secret_words([word.value for word in words], self._table())
        return tuple((words[place].start, words[place].end) for place in sorted(places))

    def _is_long(self, line: str) -> bool:
        if len(line) <= _LONGEST:
            return False
        return len(line) > _LONGEST_SCRIPT or len(scan(line, self._encoding)) > _MOST_WORDS

    def _roughly(self, line: str) -> Iterator[tuple[int, int]]:
        """Yield what may be secret in a long line: of a command that may carry one, all that stands behind it."""
        words = scan(line[:_LONGEST], self._encoding)
        place = command_place([word.value for word in words])
        name = words[place] if place < len(words) else None
        if name is not None and guarded(name.value.decode("utf-8", "replace"), self._table()):
            yield name.end, len(line)
            return
        for found in _URL.finditer(line):
            if hidden([found[1].encode(self._encoding, "replace")], self._table()):
                yield found.span()


def _last(text: str) -> str:
    return text[stretches(text)[-1].start :]


def _parts(span: Span, line: str) -> Iterator[Span]:
    """Yield the parts of a script; any other word is one."""
    if span.role != "script":
        yield span
        return
    from pyredis_cli.complete import lua  # few sessions have a script in them

    script, places = meaning(line, span.start, span.end)
    for part in lua.parts(script):
        yield Span(places[part.start], places[part.end], f"lua-{part.kind}")


def _begun_url(line: str) -> tuple[int, int] | None:
    """Return what may become the password of a URL that is the last word."""
    start = max(line.rfind(blank) for blank in " \t\n") + 1
    found = _URL_BEGUN.match(line, start)
    return (found.end(), len(line)) if found else None


def _any_at(secrets: tuple[tuple[int, int], ...], start: int) -> bool:
    return any(first == start for first, _ in secrets)
