"""The layout of a row of facts, and the rows that a server's COMMAND reply states.

It knows what COMMAND looks like in RESP2 and RESP3, through either decoder, and since which version (6.0 has
no tips, key specs and subcommands). It knows no command by name, and believes nothing: what does not look
like a row is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

__all__ = ["FIELDS", "canonical", "reported"]

FIELDS = (
    "name",
    "products",
    "arity",
    "flags",
    "categories",
    "first_key",
    "last_key",
    "key_step",
    "key_specs",
    "group",
    "since",
    "deprecated_since",
    "tips",
    "arguments",
    "overlay",
)
"""What stands where in a row; sets of words are one string with blanks, the overlay is pairs."""


def canonical(word: bytes | str) -> str:
    """Return a name as the table spells it: ASCII letters in capitals, every other byte as it is."""
    if isinstance(word, str):
        return word.encode("utf-8", "surrogatepass").upper().decode("utf-8", "surrogatepass")
    return word.upper().decode("utf-8", "surrogateescape")


def reported(reply: object) -> Iterator[tuple[Any, ...]]:
    """Return the rows of a COMMAND reply, a container's subcommands after it; what is no row is left out."""
    for entry in _items(reply):
        yield from _row(entry)
        for subcommand in _items((_items(entry) + [()] * 10)[9]):
            yield from _row(subcommand)


def _row(entry: object) -> list[tuple[Any, ...]]:
    """Return the row of one entry, in a list; an empty one when the entry does not look like a row."""
    try:
        name, arity, flags, first_key, last_key, key_step, *later = _items(entry)
        categories, tips, key_specs = (*later, (), (), ())[:3]
        keys = (int(first_key), int(last_key), int(key_step))
        specs = tuple(_key_spec(_mapping(spec)) for spec in _items(key_specs))
        stated = (int(arity), _words(flags), _words(categories).replace("@", ""), *keys, specs)
        return [(canonical(name).replace("|", " "), "", *stated, "", "", None, _words(tips), (), ())]
    except (AttributeError, KeyError, TypeError, ValueError):
        return []


def _key_spec(spec: dict[str, Any]) -> tuple[Any, ...]:
    """Return a key spec as its flags, how to find the first key, and how to find the rest.

    ``("index", 1)``, ``("keyword", "STORE", 6)``; ``("range", last, step, limit)``, ``("keynum", number,
    first, step)``; ``("unknown",)``.
    """
    return (
        tuple(sorted(map(_word, spec["flags"]))),
        _search(spec["begin_search"]),
        _search(spec["find_keys"]),
    )


def _search(search: object) -> tuple[Any, ...]:
    how = _mapping(search)
    values = _mapping(how["spec"]).values()
    return (_word(how["type"]), *(value if isinstance(value, int) else _word(value) for value in values))


def _items(reply: object) -> list[Any]:
    return list(reply) if isinstance(reply, (list, tuple, set, frozenset)) else []


def _mapping(reply: object) -> dict[str, Any]:
    """Return a map in any of its forms: a dict, a list of pairs, a flat list."""
    if isinstance(reply, dict):
        return {_word(name): value for name, value in reply.items()}
    items = _items(reply)
    if not all(isinstance(item, tuple) for item in items):
        items = list(zip(items[::2], items[1::2], strict=True))
    return {_word(name): value for name, value in items}


def _words(words: object) -> str:
    return " ".join(sorted(map(_word, _items(words))))


def _word(word: object) -> str:
    if isinstance(word, bytes):
        return word.decode("utf-8", "surrogateescape")
    if isinstance(word, str):
        return word
    raise TypeError(f"a name is text, not {type(word).__name__}")
