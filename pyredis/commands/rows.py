"""The layout of a row of facts, the rows that a server's COMMAND reply states, and what COMMAND DOCS adds.

It knows what both look like in RESP2 and RESP3, through either decoder, and since which version (6.0 has no
tips, key specs and subcommands). It knows no command by name, and believes nothing: what does not look like a
row or like docs is left out.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any, Final

__all__ = ["FIELDS", "canonical", "documented", "in_version", "reported", "retyped", "stated", "version"]

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


def version(text: str) -> tuple[int, ...]:
    """Return ``7.2.0`` as numbers."""
    import re

    return tuple(int(number[:9]) for number in re.findall(r"[0-9]+", text))


def in_version(arguments: Sequence[tuple[Any, ...]], server: tuple[int, ...]) -> tuple[tuple[Any, ...], ...]:
    """Return argument trees without what is newer than a server, and without what is left empty by that."""
    kept = []
    for *facts, parts in arguments:
        since, left = facts[5], in_version(parts, server)
        if (since is None or version(since) <= server) and (left or not parts):
            kept.append((*facts, left))
    return tuple(kept)


def retyped(arguments: Sequence[tuple[Any, ...]], types: Mapping[str, str]) -> tuple[tuple[Any, ...], ...]:
    """Return argument trees in which the arguments of these names are of these types."""
    return tuple(
        (name, kind if parts else types.get(name, kind), *facts, retyped(parts, types))
        for name, kind, *facts, parts in arguments
    )


# COMMAND


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
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
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


# COMMAND DOCS

_SENTENCES: Final = (
    "group",
    "since",
    "deprecated_since",
    "replaced_by",
    "module",
    "summary",
    "complexity",
)
# A server may say anything; what is larger than that would only make a person wait at each key.
_LONGEST_SENTENCE: Final = 2_000
_LONGEST_NAME: Final = 100
_DEEPEST: Final = 8
_MOST_ARGUMENTS: Final = 200
_MOST_NEIGHBOURS: Final = 48


def documented(reply: object) -> Iterator[tuple[str, object]]:
    """Return the entries of a COMMAND DOCS reply by name, a container's subcommands after it."""
    for name, entry in _entries(reply):
        yield canonical(name).replace("|", " "), entry
        yield from ((canonical(own).replace("|", " "), part) for own, part in _entries(_subcommands(entry)))


def stated(entry: object) -> dict[str, Any]:
    """Return what an entry of COMMAND DOCS states, as far as it is there and looks right.

    That is ``group``, ``since``, ``deprecated_since``, ``replaced_by``, ``module``, ``summary``, ``complexity``
    and ``arguments``, as `Spec` describes them.
    """
    try:
        docs = _mapping(entry)
    except (TypeError, ValueError):
        return {}
    found: dict[str, Any] = {}
    for field in _SENTENCES:
        if isinstance(docs.get(field), (bytes, str)):
            found[field] = _word(docs[field])[:_LONGEST_SENTENCE]
    if "arguments" in docs:
        try:
            arguments = _arguments(docs["arguments"], 0)
        except (KeyError, TypeError, ValueError):
            return found
        if _count(arguments) <= _MOST_ARGUMENTS and _widest(arguments) <= _MOST_NEIGHBOURS:
            found["arguments"] = arguments
    return found


def _entries(reply: object) -> list[tuple[bytes | str, object]]:
    """Return the names and values of a map whose values may be anything."""
    try:
        pairs = _pairs(reply)
    except (TypeError, ValueError):
        return []
    return [(name, value) for name, value in pairs if isinstance(name, (bytes, str))]


def _subcommands(entry: object) -> object:
    return next((value for name, value in _entries(entry) if name in (b"subcommands", "subcommands")), None)


def _arguments(stated: object, depth: int) -> tuple[tuple[Any, ...], ...]:
    """Return argument trees as `Spec` describes them."""
    if depth > _DEEPEST:
        raise ValueError("nested too deep")
    return tuple(_argument(_mapping(argument), depth) for argument in _items(stated))


def _argument(stated: dict[str, Any], depth: int) -> tuple[Any, ...]:
    name, kind, token, since, display = map(
        _optional_name, map(stated.get, ("name", "type", "token", "since", "display_text"))
    )
    parts = _arguments(stated.get("arguments"), depth + 1)
    nested = kind in ("oneof", "block")
    if not name or not kind or nested != bool(parts) or (kind == "pure-token" and token is None):
        raise ValueError("no argument looks like that")
    place = stated.get("key_spec_index")
    return (
        name,
        kind,
        token,
        tuple(map(_word, _items(stated.get("flags")))),
        place if isinstance(place, int) else None,
        since,
        None if display == name else display,
        parts,
    )


def _optional_name(given: object) -> str | None:
    """Return a name that can be shown and typed, None when there is none."""
    if given is None:
        return None
    name = _word(given)
    if len(name) > _LONGEST_NAME or not (name.isascii() and name.isprintable()):
        raise ValueError(f"no name looks like {name[:_LONGEST_NAME]!r}")
    return name


def _widest(arguments: Sequence[tuple[Any, ...]]) -> int:
    """Return how many arguments stand beside each other at most."""
    return max([len(arguments), *(_widest(argument[-1]) for argument in arguments)])


def _count(arguments: Sequence[tuple[Any, ...]]) -> int:
    return sum(1 + _count(argument[-1]) for argument in arguments)


# Replies in any form


def _items(reply: object) -> list[Any]:
    return list(reply) if isinstance(reply, (list, tuple, set, frozenset)) else []


def _mapping(reply: object) -> dict[str, Any]:
    """Return a map in any of its forms: a dict, a list of pairs, a flat list."""
    return {_word(name): value for name, value in _pairs(reply)}


def _pairs(reply: object) -> list[tuple[Any, Any]]:
    if isinstance(reply, dict):
        return list(reply.items())
    items = _items(reply)
    if not all(isinstance(item, tuple) for item in items):
        items = list(zip(items[::2], items[1::2], strict=True))
    return [(name, value) for name, value in items]


def _words(words: object) -> str:
    return " ".join(sorted(map(_word, _items(words))))


def _word(word: object) -> str:
    if isinstance(word, bytes):
        return word.decode("utf-8", "surrogateescape")
    if isinstance(word, str):
        return word
    raise TypeError(f"a name is text, not {type(word).__name__}")
