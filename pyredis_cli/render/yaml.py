"""Replies as YAML documents: blocks, one element a line, and strings in JSON's quotes.

YAML 1.1 and 1.2 read them alike. Bytes that are not UTF-8 are ``!!binary``, unless a notation says otherwise; an
error is a map as in JSON; doubles have a point, as YAML 1.1 wants them, and infinities and NaN are YAML's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite, isnan
from typing import Final, cast

from pyredis.exceptions import ReplyError
from pyredis.types import Attributed, Map, Reply
from pyredis_cli.render.escape import dangerous
from pyredis_cli.render.layout import Part, Steps, digits, double, message, pairs, unroll
from pyredis_cli.render.machine import json_text
from pyredis_cli.render.notation import BASE64, Notation
from pyredis_cli.render.portions import LONG

__all__ = ["yaml_parts"]

# A parser may refuse a key of more than 1,024 characters, unless it is told that it is one.
_LONG_KEY: Final = 500


def yaml_parts(reply: Reply, notation: Notation = BASE64) -> Iterator[Part]:
    """Yield one document part after part; nothing is laid out before it is asked for."""
    for written in unroll(_document(reply, notation)):
        yield written.encode(), 0


def _document(reply: Reply, notation: Notation) -> Steps[str]:
    reply = _plain(reply)
    yield "---\n" if _is_block(reply) else "--- "
    yield _node(reply, "", notation)


def _node(reply: Reply, indent: str, notation: Notation) -> Steps[str]:
    """Yield a value and its line end, from a line that is already indented."""
    reply = _plain(reply)
    match reply:
        case Map() | dict() if reply:
            yield _mapping(reply, indent, notation)
        case list() if reply:
            start = "- "
            for item in cast("list[Reply]", reply):
                yield start
                yield _node(item, indent + "  ", notation)
                start = f"{indent}- "
        case bytes() if len(reply) > LONG:
            yield from _long(reply, notation)
        case _:
            yield f"{_scalar(reply, notation)}\n"


def _mapping(mapping: Map | dict[object, Reply], indent: str, notation: Notation) -> Steps[str]:
    nested = indent + "  "
    start = ""
    for key, value in pairs(cast("Map", mapping)):
        name = _key(key, notation)
        if len(name) > _LONG_KEY:
            yield f"{start}? {name}\n{indent}: "
        elif _is_block(_plain(value)):
            yield f"{start}{name}:\n{nested}"
        else:
            yield f"{start}{name}: "
        yield _node(value, nested, notation)
        start = indent


def _plain(reply: Reply) -> Reply:
    """Return the reply without attributes, an error as the map that it is in JSON."""
    while isinstance(reply, Attributed):
        reply = reply.reply
    if isinstance(reply, ReplyError):
        facts: list[tuple[Reply, Reply]] = [(b"code", reply.code), (b"message", message(reply))]
        return Map([(b"error", Map(facts))])
    return reply


def _is_block(reply: Reply) -> bool:
    return isinstance(reply, list | dict) and bool(reply)


def _key(key: Reply, notation: Notation) -> str:
    key = _plain(key)
    if isinstance(key, list | dict):  # which few programs can have for a key
        return _string(json_text(key, notation).decode().removesuffix("\n"))
    return _scalar(key, notation)


def _scalar(reply: Reply, notation: Notation) -> str:
    match reply:
        case None:
            return "null"
        case bytes():
            return _value(reply, notation)
        case str():
            return _value(reply.encode("utf-8", "surrogateescape"), notation)
        case bool():
            return "true" if reply else "false"
        case int():
            return digits(reply)
        case float():
            return _double(reply)
        case Map() | dict():
            return "{}"
        case list():
            return "[]"
    raise TypeError(f"a reply cannot be of type {type(reply).__name__}")


def _double(number: float) -> str:
    if not isfinite(number):
        return ".nan" if isnan(number) else ".inf" if number > 0 else "-.inf"
    written = double(number)
    mantissa, e, exponent = written.partition("e")
    if not mantissa.removeprefix("-").replace(".", "0", 1).isdigit() or mantissa.removeprefix("-").startswith(
        "."
    ):
        mantissa, e, exponent = repr(float(number)).partition("e")
    point = "" if "." in mantissa else ".0"
    sign = "" if not e or exponent[:1] in "+-" else "+"
    return f"{mantissa}{point}{e}{sign}{exponent}"


def _value(value: bytes, notation: Notation) -> str:
    if notation is not BASE64:
        return _string(notation.name(value))
    text = notation.text(value)
    return f'!!binary "{notation.write(value)}"' if text is None else _string(text)


def _long(value: bytes, notation: Notation) -> Steps[str]:
    """Yield a long value and its line end slice by slice."""
    named = notation is not BASE64 and notation.tag and value.startswith(notation.tag.encode())
    texts = None if named else notation.text_parts(value)
    if texts is None:
        yield '!!binary "' if notation is BASE64 else f'"{notation.tag}:'
        yield from notation.written_parts(value)
    else:
        yield '"'
        yield from (_string(text)[1:-1] for text in texts)
    yield '"\n'


def _string(text: str) -> str:
    from json.encoder import encode_basestring

    written = encode_basestring(text)
    characters = dangerous(written)
    return written.translate({ord(c): f"\\U{ord(c):08x}" for c in characters}) if characters else written
