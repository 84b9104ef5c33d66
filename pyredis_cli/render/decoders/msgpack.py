"""MessagePack, written as JSON would be. Its forms are so few that no package is needed.

What JSON has no form for is an object whose member begins with ``$``, as in the json format of the program:
``{"$base64": ...}``, ``{"$time": ...}``, ``{"$extension": 5, "$base64": ...}``. Members keep their order, and
their names also where those are no strings. Nothing recurses, and a claimed length reserves no memory.
"""

from __future__ import annotations

import math
from binascii import b2a_base64
from collections.abc import Callable, Iterator
from functools import partial
from json.encoder import encode_basestring
from struct import Struct
from typing import Final, NamedTuple, TypeAlias

from pyredis_cli.render.decoders import Json
from pyredis_cli.render.units import moment

__all__ = ["decode"]

# Two bytes claim an array of so many elements, or are a letter of Hebrew, Syriac or Arabic.
_OR_A_LETTER: Final = range(0xDC, 0xE0)
_TIME: Final = -1
_PER_SECOND: Final = 10**9
_DEEPEST: Final = 10_000
# Below this a single float has fewer digits the smaller it is.
_COARSE: Final = 1e-30


class _Wrong(ValueError):
    """The bytes are no MessagePack."""


class _Source:
    """The bytes, and how far they have been read."""

    __slots__ = ("at", "value")

    def __init__(self, value: bytes) -> None:
        self.value = value
        self.at = 0

    @property
    def left(self) -> int:
        return len(self.value) - self.at

    def take(self, size: int) -> bytes:
        if size > self.left:
            raise _Wrong
        self.at += size
        return self.value[self.at - size : self.at]

    def number(self, size: int, *, signed: bool = False) -> int:
        return int.from_bytes(self.take(size), "big", signed=signed)


class _Opening(NamedTuple):
    """An array or a map begins, of so many elements; the name and the value of a member are two."""

    elements: int
    member: bool


_Form: TypeAlias = str | Callable[[_Source], str | _Opening]
"""What stands for a byte, or what reads on from there."""


class _Open:
    """An array or a map that is being read."""

    __slots__ = ("left", "member", "read")

    def __init__(self, opening: _Opening) -> None:
        self.left = opening.elements
        self.member = opening.member
        self.read = 0

    def next(self) -> str:
        """Return what stands before the next element."""
        self.left -= 1
        self.read += 1
        return "" if self.read == 1 else ", " if self.read & 1 or not self.member else ": "


def decode(value: bytes) -> Json | None:
    """Return a value and all that is in it, None when it is not MessagePack from end to end."""
    if not value or (value[0] in _OR_A_LETTER and _is_text(value)):
        return None
    source = _Source(value)
    try:
        text = "".join(_written(source))
    except _Wrong:
        return None
    return None if source.left else Json(text)


def _is_text(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def _written(source: _Source) -> Iterator[str]:
    around: list[_Open] = []
    while True:
        item = _item(source)
        if isinstance(item, str):
            yield item
        elif item.elements > source.left or len(around) == _DEEPEST:  # each element takes a byte at least
            raise _Wrong
        else:
            around.append(_Open(item))
            yield "{" if item.member else "["
        while around and not around[-1].left:
            yield "}" if around.pop().member else "]"
        if not around:
            return
        yield around[-1].next()


def _item(source: _Source) -> str | _Opening:
    try:
        form = _FORMS[source.value[source.at]]
    except IndexError:
        raise _Wrong from None
    source.at += 1
    return form if isinstance(form, str) else form(source)


# -- forms


def _wrong(source: _Source) -> str:
    raise _Wrong


def _integer(source: _Source, *, size: int, signed: bool = False) -> str:
    return str(source.number(size, signed=signed))


def _float(source: _Source) -> str:
    packed = source.take(_SINGLE.size)
    number: float = _SINGLE.unpack(packed)[0]
    if not math.isfinite(number):
        return _digits(number)
    # What fewer digits say is written with them by `g` as well, except where floats are far apart.
    texts = (f"{number:.{digits}g}" for digits in range(6 if abs(number) > _COARSE else 1, 9))
    exact = (text for text in texts if _single(float(text)) == packed)
    return _digits(float(next(exact, f"{number:.9g}")))


def _single(number: float) -> bytes:
    try:
        return _SINGLE.pack(number)
    except OverflowError:  # rounded up beyond the largest
        return b""


def _double(source: _Source) -> str:
    return _digits(_DOUBLE.unpack(source.take(_DOUBLE.size))[0])


def _digits(number: float) -> str:
    if math.isnan(number):
        return "NaN"
    return repr(number) if math.isfinite(number) else "Infinity" if number > 0 else "-Infinity"


def _string(source: _Source, *, size: int = 0, prefix: int = 0) -> str:
    packed = source.take(source.number(prefix) if prefix else size)
    try:
        return encode_basestring(packed.decode())
    except UnicodeDecodeError:  # that strings are text is most of what tells MessagePack from other bytes
        raise _Wrong from None


def _bytes(source: _Source, *, prefix: int) -> str:
    return _object(_base64(source.take(source.number(prefix))))


def _extension(source: _Source, *, size: int = 0, prefix: int = 0) -> str:
    size = source.number(prefix) if prefix else size
    kind = source.number(1, signed=True)
    packed = source.take(size)
    time = _time(packed) if kind == _TIME else None
    return _object(f'"$time": "{time}"' if time else f'"$extension": {kind}, {_base64(packed)}')


def _time(packed: bytes) -> str | None:
    number = int.from_bytes(packed, "big")
    match len(packed):
        case 4:
            return moment(number, 1)
        case 8:
            nanoseconds, seconds = number >> 34, number & (1 << 34) - 1
        case 12:
            nanoseconds, seconds = number >> 64, int.from_bytes(packed[4:], "big", signed=True)
        case _:
            return None
    written = moment(seconds * _PER_SECOND + nanoseconds, _PER_SECOND)
    # What is in no calendar would be a number without its fraction.
    return written if nanoseconds < _PER_SECOND and written.endswith("Z") else None


def _base64(packed: bytes) -> str:
    return f'"$base64": "{b2a_base64(packed, newline=False).decode()}"'


def _object(members: str) -> str:
    return f"{{{members}}}"


def _fixed(source: _Source, *, opening: _Opening) -> _Opening:
    return opening


def _array(source: _Source, *, prefix: int) -> _Opening:
    return _Opening(source.number(prefix), member=False)


def _map(source: _Source, *, prefix: int) -> _Opening:
    return _Opening(2 * source.number(prefix), member=True)


_SINGLE, _DOUBLE = Struct(">f"), Struct(">d")

_FORMS: Final[list[_Form]] = [
    *map(str, range(0x80)),
    *(partial(_fixed, opening=_Opening(2 * size, member=True)) for size in range(16)),
    *(partial(_fixed, opening=_Opening(size, member=False)) for size in range(16)),
    *(partial(_string, size=size) for size in range(32)),
    "null",
    _wrong,
    "false",
    "true",
    *(partial(_bytes, prefix=size) for size in (1, 2, 4)),
    *(partial(_extension, prefix=size) for size in (1, 2, 4)),
    _float,
    _double,
    *(partial(_integer, size=size) for size in (1, 2, 4, 8)),
    *(partial(_integer, size=size, signed=True) for size in (1, 2, 4, 8)),
    *(partial(_extension, size=size) for size in (1, 2, 4, 8, 16)),
    *(partial(_string, prefix=size) for size in (1, 2, 4)),
    *(partial(_array, prefix=size) for size in (2, 4)),
    *(partial(_map, prefix=size) for size in (2, 4)),
    *map(str, range(-0x20, 0)),
]
"""What each first byte begins, 0 to 255."""
