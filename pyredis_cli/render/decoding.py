"""What a value is and what it says: recognised by its bytes, or read as what a person says it is.

What was packed in a value is looked at in turn, a few levels deep. A value that nobody recognises has nothing said
of it, and whoever shows it shows it as it is. Decoders are rows of the registry, and plugins; none is imported
before a value begins like one of its own. Whatever they do, nothing is raised here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Final, TypeAlias, TypeVar, cast

from pyredis_cli import plugins as installed
from pyredis_cli.registry import DECODERS, DecoderRow, load
from pyredis_cli.render.decoders import MOST, Decoder, Json, Note, Part
from pyredis_cli.render.escape import printable, quote, readable
from pyredis_cli.render.json_layout import json_pieces
from pyredis_cli.render.layout import Role
from pyredis_cli.render.units import size

__all__ = ["Found", "find"]

_DEEPEST: Final = 4
# A person who names a decoder waits for it, so it is given values that are so many times longer.
_ASKED: Final = 8
_CONTROL: Final = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_BLANKS: Final = b" \t\r\n"
_LONGEST_NOTE: Final = 200
_SLICE: Final = 4096
# Fewer bytes of an identifier that is no base64 are text by accident, though hardly ever ASCII.
_FEW: Final = 18

T = TypeVar("T")
_Plugins: TypeAlias = Callable[[], Mapping[str, installed.Plugin]]


@dataclass(frozen=True, slots=True)
class Found:
    """What is in a value: the names of what was read, the outermost first.

    ``document`` is shown in the place of the value: text or JSON as it was found, or bytes that are no text;
    `pieces` are what may reach a terminal. With None the value itself stays. ``beside`` is a note, fit for a
    terminal, to stand beside the one or the other.
    """

    names: tuple[str, ...]
    document: str | bytes | None = None
    beside: str | None = None

    def pieces(self) -> Iterator[tuple[Role, str]]:
        """Yield the document laid out, with the roles of its parts; nothing when the value stays."""
        match self.document:
            case None:
                return
            case Json() as document:
                yield from json_pieces(document)
            case bytes() as document:
                yield from (("string", words) for words in _quoted(document))
            case document:
                yield "text", printable(document, keep_newlines=True)


def find(
    value: bytes,
    choice: str = "auto",
    *,
    decoders: Mapping[str, DecoderRow] = DECODERS,
    plugins: _Plugins = installed.decoders,
    most: int = MOST,
) -> Found | None:
    """Return what is in the value, None when nobody knows or nobody is to look.

    ``choice`` is ``auto``, ``off`` or the name of the one decoder to be used, which may take what it would not be
    given unasked; what it unpacks is looked at as with ``auto``. Nothing longer than ``most`` is looked into with
    ``auto``, be it the value or what was packed in it: a MB of JSON takes a twentieth of a second, one of
    MessagePack one or two.
    """
    if choice == "off" or not value:
        return None
    search = _Search(decoders, plugins, most)
    if choice != "auto":
        return search.asked(value, choice)
    return search.recognised(value) if len(value) <= most else None


@dataclass(frozen=True, slots=True)
class _Search:
    decoders: Mapping[str, DecoderRow]
    plugins: _Plugins
    most: int

    def asked(self, value: bytes, name: str) -> Found | None:
        """Return what the decoder of that name makes of the value."""
        row = self.decoders.get(name)
        plugin = self.plugins().get(name) if row is None else None
        if row is None and plugin is None:
            return None
        if len(value) > _ASKED * self.most:
            return Found((name,), beside=f"{size(len(value))} is too much to look into")
        try:
            decode = _built_in(row) if row is not None else _loaded(cast("installed.Plugin", plugin))
            return self._followed(name, decode(value), value, 1)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - see _answer; who asked for it is told
            return Found((name,), beside=_note(f"decoder {name} failed: {type(error).__name__}: {error}"))

    def recognised(self, value: bytes, depth: int = 1, *, guessed: bool = False) -> Found | None:
        """Return what the first decoder says that takes the value for its own.

        With ``guessed`` the value itself may be none: a guess upon a guess says nothing.
        """
        first = value[0]
        if first in _BLANKS:
            first = (value[:100].lstrip(_BLANKS) or value)[0]
        for name, row in self.decoders.items():
            if (row.sure or not guessed) and row.takes(value, first):
                answer = _answer(_built_in, row, value)
                if found := self._followed(name, answer, value, depth, sure=row.sure):
                    return found
        return None if guessed or _is_text(value) else self._by_plugin(value, depth)

    def _by_plugin(self, value: bytes, depth: int) -> Found | None:
        for name, plugin in self.plugins().items():
            if name not in self.decoders:
                answer = _answer(_loaded, plugin, value)
                if found := self._followed(name, answer, value, depth):
                    return found
        return None

    def _followed(
        self, name: str, answer: object, value: bytes, depth: int, *, sure: bool = True
    ) -> Found | None:
        """Return what a decoder found, and what is in that."""
        match answer:
            case Note():
                return Found((name,), beside=_note(answer))
            case str():
                return Found((name,), answer)
            case bytes() if answer != value:
                return self._unpacked(name, answer, value, depth, sure)
        return None

    def _unpacked(self, name: str, packed: bytes, value: bytes, depth: int, sure: bool) -> Found | None:
        cut = isinstance(packed, Part) or len(packed) > MOST
        packed = _whole(packed[:MOST]) if cut else packed
        look = 0 < len(packed) <= self.most and depth < _DEEPEST
        inner = self.recognised(packed, depth + 1, guessed=not sure) if look else None
        if inner is not None:
            found = Found((name, *inner.names), inner.document, inner.beside)
            if found.document is None:
                found = replace(found, document=_plain(packed))
        elif sure or _plausible(packed):
            found = _as_text(name, packed, value)
        else:
            return None
        if not cut:
            return found
        notes = [found.beside, f"only the first {size(MOST)} are unpacked"]
        return replace(found, beside="; ".join([note for note in notes if note]))


def _as_text(name: str, packed: bytes, value: bytes) -> Found:
    """Return what was packed as a document; or beside the value, where both are a few words."""
    document = _plain(packed)
    if (
        isinstance(document, str)
        and _is_text(value)
        and len(packed) <= _LONGEST_NOTE
        and "\n" not in document
    ):
        return Found((name,), beside=f"{name} of {readable(packed)}")
    return Found((name,), document)


def _quoted(packed: bytes) -> Iterator[str]:
    """Yield bytes in quotes, part after part: what is long is hardly ever looked at to its end."""
    try:
        whole: str | bytes = packed.decode()
    except UnicodeDecodeError:
        whole = packed
    yield '"'
    for start in range(0, len(whole), _SLICE):
        match whole[start : start + _SLICE]:
            case str(text):
                yield readable(text.encode())[1:-1]
            case part:
                yield quote(part)[1:-1]
    yield '"'


def _plain(packed: bytes) -> str | bytes:
    """Return text as text; of nothing, as of what is no text, the bytes are shown in quotes."""
    return packed.decode() if packed and _is_text(packed) else packed


def _whole(packed: bytes) -> bytes:
    """Return the bytes without a last character that was cut in two."""
    try:
        packed.decode()
    except UnicodeDecodeError as error:
        if error.reason == "unexpected end of data":
            return packed[: error.start]
    return packed


def _is_text(value: bytes) -> bool:
    """Return whether a person could read the value as it is."""
    if _CONTROL.search(value):
        return False
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def _plausible(packed: bytes) -> bool:
    return _is_text(packed) and (packed.isascii() or len(packed) >= _FEW)


def _note(words: str) -> str:
    return printable(words if len(words) <= _LONGEST_NOTE else f"{words[:_LONGEST_NOTE]}…")


def _answer(loaded: Callable[[T], Decoder], row: T, value: bytes) -> object:
    """Return what a decoder answers, None when it fails: then the value is not its own.

    Decoders are other people's work, too; a mistake of theirs must not cost anybody the reply.
    """
    try:
        return loaded(row)(value)
    except (Exception, SystemExit):  # noqa: BLE001
        return None


@cache
def _built_in(row: DecoderRow) -> Decoder:
    return cast("Decoder", load(row))


@cache
def _loaded(plugin: installed.Plugin) -> Decoder:
    return cast("Decoder", plugin.load())
