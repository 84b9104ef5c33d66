"""Replies for programs: redis-cli's raw bytes, and JSON.

Both give the reply alone: attributes are left out, for a program that reads the reply must not find it elsewhere.
It knows neither quotes nor colours.
"""

from __future__ import annotations

import re
from math import isfinite

from pyredis.exceptions import ReplyError
from pyredis.records import NamedTuple, cast
from pyredis.types import Attributed, Map, Reply, Status
from pyredis_cli.render.escape import dangerous
from pyredis_cli.render.layout import NESTED, Part, Steps, digits, double, message, pairs, unroll
from pyredis_cli.render.notation import BASE64, Notation
from pyredis_cli.render.portions import LONG, pairs_of_strings, runs, short_strings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Sequence
    from typing import Final

__all__ = ["json_parts", "json_text", "json_values", "raw", "raw_each", "raw_parts"]

_STRINGS: Final = frozenset({bytes, Status})
_NUMBER: Final = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)


class _Marks(NamedTuple):
    delimiter: bytes = b"\n"
    between: bytes = b" "
    null: bytes = b""


def raw(
    reply: Reply,
    *,
    text: bool = False,
    delimiter: bytes = b"\n",
    end: bytes = b"\n",
    between: bytes = b" ",
    null: bytes = b"",
) -> bytes:
    """Return a reply as redis-cli writes it into a pipe: the exact bytes of each value.

    Elements of aggregates follow each other with ``delimiter`` between (a key and its value: ``between``), ``end``
    closes the reply, ``null`` is the text for nil. An error's line is ended by a newline of its own. A ``text``
    reply (INFO) is only ended when its last line is not.
    """
    parts = raw_parts(reply, text=text, delimiter=delimiter, end=end, between=between, null=null)
    return b"".join([part for part, _ in parts])


def raw_parts(
    reply: Reply,
    *,
    text: bool = False,
    delimiter: bytes = b"\n",
    end: bytes = b"\n",
    between: bytes = b" ",
    null: bytes = b"",
) -> Iterator[Part]:
    """Yield what `raw` returns part after part; nothing is laid out before it is asked for."""
    last = b""
    for written in unroll(_raw(reply, _Marks(delimiter, between, null))):
        yield written, 0
        last = written or last
    if not text:
        yield end, 0
    elif not last.endswith(b"\n"):
        yield b"\n", 0


def raw_each(replies: Sequence[Reply]) -> bytes:
    """Return what `raw` returns for each of the replies, which are no texts, one after the other."""
    if _STRINGS.issuperset(map(type, replies)):
        return b"\n".join(cast("Sequence[bytes]", replies)) + b"\n"
    return b"".join([_raw_short(reply) for reply in replies])


def _raw_short(reply: Reply) -> bytes:
    match reply:
        case bytes():
            return reply + b"\n"
        case None:
            return b"\n"
        case int() if type(reply) is int:
            return b"%d\n" % reply
    return raw(reply)


def json_text(reply: Reply, notation: Notation = BASE64) -> bytes:
    """Return a reply as one line of JSON in UTF-8, as ``redis-cli --json`` writes it, and always valid.

    - Integers and big numbers have all their digits, doubles the server's; ``"inf"``, ``"-inf"``, ``"nan"``.
    - An error is ``{"error":{"code":"WRONGTYPE","message":"WRONGTYPE Operation ..."}}``, code "" if it has none.
    - Bytes are strings as the notation says. By default those that are not UTF-8 are ``{"$base64":"..."}``, as a
      key ``"$base64:..."``; so are keys that begin with ``$base64`` themselves.
    - A key that is no string is its JSON as a string (``"1"``, ``"[1,2]"``), a map within it the list of its
      pairs. Keys that repeat stay, in the order they came.
    - Characters that could steer a terminal are written as ``\\uXXXX``.
    """
    return "".join(unroll(_json(reply, notation))).encode() + b"\n"


def json_parts(reply: Reply, notation: Notation = BASE64) -> Iterator[Part]:
    """Yield what `json_text` returns part after part; nothing is laid out before it is asked for."""
    for written in unroll(_json(reply, notation)):
        yield written.encode(), 0
    yield b"\n", 0


def _raw(reply: Reply, marks: _Marks) -> Steps[bytes]:
    match reply:
        case Attributed():
            yield _raw(reply.reply, marks)
        case Map() | dict():
            yield from _raw_pairs(reply, marks)
        case list():
            yield from _raw_items(cast("list[Reply]", reply), marks)
        case _:
            yield _raw_scalar(reply, marks)


def _raw_items(items: list[Reply], marks: _Marks) -> Steps[bytes]:
    start = b""
    for run in runs(items):
        if short_strings(run):
            yield start + marks.delimiter.join(run)
        else:
            for item in run:
                yield start
                yield _raw_item(item, marks)
                start = marks.delimiter
        start = marks.delimiter


def _raw_pairs(mapping: Map | dict[Hashable, Reply], marks: _Marks) -> Steps[bytes]:
    start = b""
    for run in runs(pairs(mapping)):
        if strings := pairs_of_strings(run):
            yield start + marks.delimiter.join(map(marks.between.join, strings))
        else:
            for key, value in run:
                yield start
                yield _raw_item(key, marks)
                yield marks.between
                yield _raw_item(value, marks)
                start = marks.delimiter
        start = marks.delimiter


def _raw_item(item: Reply, marks: _Marks) -> Steps[bytes] | bytes:
    return _raw(item, marks) if isinstance(item, NESTED) else _raw_scalar(item, marks)


def _raw_scalar(reply: Reply, marks: _Marks) -> bytes:
    match reply:
        case bytes():
            return reply
        case None:
            return marks.null
        case str():
            return _bytes(reply)
        case bool():
            return b"(true)" if reply else b"(false)"
        case int():
            return digits(reply).encode()
        case float():
            return double(reply).encode()
        case ReplyError():
            return message(reply) + b"\n"
    raise TypeError(f"a reply cannot be of type {type(reply).__name__}")


def _json(reply: Reply, notation: Notation, *, in_key: bool = False) -> Steps[str]:
    match reply:
        case Attributed():
            yield _json(reply.reply, notation, in_key=in_key)
        case Map() | dict() if in_key:
            # A string of JSON within a string of JSON doubles its backslashes at each level.
            yield _json([list(pair) for pair in pairs(reply)], notation, in_key=True)
        case Map() | dict():
            yield from _json_pairs(reply, notation)
        case list():
            yield from _json_items(cast("list[Reply]", reply), notation, in_key)
        case bytes() if len(reply) > LONG:
            yield from _json_long(reply, notation)
        case _:
            yield _json_scalar(reply, notation)


def _json_items(items: list[Reply], notation: Notation, in_key: bool) -> Steps[str]:
    start = "["
    for run in runs(items):
        if short_strings(run):
            yield start + ",".join(json_values(run, notation))
        else:
            for item in run:
                yield start
                yield (
                    _json(item, notation, in_key=in_key) if _branches(item) else _json_scalar(item, notation)
                )
                start = ","
        start = ","
    yield "]" if items else "[]"


def _json_pairs(mapping: Map | dict[Hashable, Reply], notation: Notation) -> Steps[str]:
    start = "{"
    for run in runs(pairs(mapping)):
        if strings := pairs_of_strings(run):
            keys, values = zip(*strings, strict=True)
            written = zip(_json_keys(keys, notation), json_values(values, notation), strict=True)
            yield start + ",".join(map(":".join, written))
        else:
            for key, value in run:
                yield f"{start}{_json_key(key, notation)}:"
                yield _json(value, notation) if _branches(value) else _json_scalar(value, notation)
                start = ","
        start = ","
    yield "}" if mapping else "{}"


def _branches(item: Reply) -> bool:
    """Whether the JSON of an item is more than one step."""
    return isinstance(item, NESTED) or (isinstance(item, bytes) and len(item) > LONG)


def _json_scalar(reply: Reply, notation: Notation) -> str:
    match reply:
        case None:
            return "null"
        case bytes() | str():
            return _json_value(_bytes(reply), notation)
        case bool():
            return "true" if reply else "false"
        case int():
            return digits(reply)
        case float():
            return _json_double(reply)
        case ReplyError():
            return f'{{"error":{{"code":"{reply.code}","message":{_json_value(message(reply), notation)}}}}}'
    raise TypeError(f"a reply cannot be of type {type(reply).__name__}")


def json_values(values: Sequence[bytes], notation: Notation) -> Sequence[str]:
    """Return the JSON of each value."""
    text = notation.text(b"\0".join(values))
    strings = () if text is None else _json_strings(text, notation)
    # More strings than values: there is NUL in a value, or what NUL is written as.
    return strings if len(strings) == len(values) else [_json_value(value, notation) for value in values]


def _json_keys(keys: Sequence[bytes], notation: Notation) -> Sequence[str]:
    """Return the JSON of each key."""
    text = notation.text(b"\0".join(keys))
    special = text is None or (notation.tag and notation.tag in text)
    strings = () if text is None or special else _json_strings(text, notation)
    return strings if len(strings) == len(keys) else [_json_key(key, notation) for key in keys]


def _json_strings(text: str, notation: Notation) -> Sequence[str]:
    """Return the JSON of texts that the notation made at once, with NUL between them.

    That is ten times as fast as one by one, for it is done in C. No JSON has NUL in it, so what it was written
    as is put back in, and cut at, once all is quoted.
    """
    between = _json_string(notation.text(b"\0") or "")[1:-1]
    return _json_string(text).replace(between, '"\0"').split("\0")


def _json_long(value: bytes, notation: Notation) -> Steps[str]:
    """Yield the JSON of a long value slice by slice."""
    texts = notation.text_parts(value)
    if texts is None:
        yield f'{{"{notation.tag}":"'
        yield from notation.written_parts(value)
        yield '"}'
    else:
        yield '"'
        yield from (_json_string(text)[1:-1] for text in texts)
        yield '"'


def _json_double(number: float) -> str:
    written = double(number)
    if _NUMBER.fullmatch(written):
        return written
    return repr(float(number)) if isfinite(number) else f'"{float(number)}"'


def _json_value(value: bytes, notation: Notation) -> str:
    text = notation.text(value)
    return f'{{"{notation.tag}":"{notation.write(value)}"}}' if text is None else _json_string(text)


def _json_key(key: Reply, notation: Notation) -> str:
    while isinstance(key, Attributed):
        key = key.reply
    if not isinstance(key, bytes | str):
        return _json_string("".join(unroll(_json(key, notation, in_key=True))))
    return _json_string(notation.name(_bytes(key)))


def _json_string(text: str) -> str:
    # Only JSON pays for loading it; the package ``json`` would take ten times as long.
    try:
        from _json import encode_basestring
    except ImportError:  # an interpreter without the C part
        from json.encoder import encode_basestring

    written = encode_basestring(text)
    characters = dangerous(written)
    return written.translate({ord(c): _json_escape(c) for c in characters}) if characters else written


def _json_escape(character: str) -> str:
    units = character.encode("utf-16-be")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


def _bytes(value: bytes | str) -> bytes:
    return value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
