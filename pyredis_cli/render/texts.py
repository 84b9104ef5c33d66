"""The texts that servers write for people, as the values that are in them: INFO, CLIENT LIST, CLUSTER NODES.

Which form the text of a command has, the facts say; this knows what stands where in a text of that form. Names
and values are the server's own, as str, or bytes where they are not UTF-8. A text that does not look like its
form is None: whoever asked shows it as it came.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias, cast

from pyredis.types import Attributed, Double, Reply

__all__ = ["parsed", "structured"]

_Fields: TypeAlias = "dict[str | bytes, Reply]"

# As servers write them. What begins with zeros, has an exponent or endless digits is a name that looks like one.
_INTEGER: Final = re.compile(r"0|-?[1-9][0-9]{0,19}")
_DOUBLE: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,19})\.[0-9]{1,20}")
# An identifier of hexadecimal digits may happen to have no letter, and a user is free to be called 7.
_NEVER_NUMBERS: Final = re.compile(
    r"(?!used_cpu_)(?:.*_)?(?:sha1|build_id|run_id|replid2?|version|name|host|user|zone|os|executable|file)"
    r"|addr|laddr|flags|events|cmd|capa|lib-name|lib-ver|ip|address|bind|encoding"
)
_NEVER_MAPS: Final = re.compile(r".*_(?:name|zone|file|user|host)|os|executable")
_MAP: Final = re.compile(r"[A-Za-z0-9_.-]+=")
_FIELD: Final = re.compile(r",(?=[A-Za-z0-9_.-]+=)")
# A client's address may be a path with blanks.
_CLIENT_FIELD: Final = re.compile(r" (?=[a-z][a-z0-9-]*=)")
_OBJECT_FIELD: Final = re.compile(r" (?=[a-z_]+:)")
_ADDRESS: Final = re.compile(r"(.*):([0-9]{1,5})(?:@([0-9]{1,5}))?")
_SLOTS: Final = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?")
_MOVING: Final = re.compile(r"\[([0-9]{1,5})-([<>])-(.*)\]")
# These may stand several times, so they are lists also when they stand once.
_LISTS: Final = frozenset({"module", "bind"})


def structured(reply: Reply, form: str | None, forms: Sequence[str | None] = ()) -> Reply:
    """Return what is in a text of that form, or in each text of a list; other replies come back as they are.

    ``forms`` are those of the replies in a list, one for each, as EXEC has them.
    """
    if forms and type(reply) is list and len(reply) == len(forms):
        return [structured(*each) for each in zip(cast("list[Reply]", reply), forms, strict=True)]
    if form is None:
        return reply
    while isinstance(reply, Attributed):
        reply = reply.reply
    if isinstance(reply, bytes):
        found = parsed(reply, form)
        return reply if found is None else found
    if type(reply) is list:
        each = [
            parsed(item, form) if isinstance(item, bytes) else None for item in cast("list[Reply]", reply)
        ]
        return reply if None in each else each
    return reply


def parsed(text: bytes, form: str) -> Reply:
    """Return what is in a text of that form, None when it does not look like one.

    - ``info``: sections by name, each the fields by name; ``fields``: those alone. A value ``keys=1,expires=0``
      is a map, ``[a|b]`` in one is a list.
    - ``clients``, ``client``: the fields of each client, of one.
    - ``nodes``, ``node``: the nodes of a cluster, a line of them: ``id ip port bus-port hostname flags primary
      ping-sent pong-received config-epoch link-state slots migrating importing``, ``slots`` as first and last
      of each range, what moves as the slot and the other node; what is said behind the hostname by its name.
    - ``user``: a line of ACL LIST: ``user``, ``enabled`` and the ``rules``, a selector as one rule.
    - ``object``: the fields of DEBUG OBJECT.
    """
    return _READERS[form](text.decode("utf-8", "surrogateescape"))


# -- INFO and its like


def _info(text: str) -> Reply:
    sections: _Fields = {}
    fields: _Fields | None = None
    for line in _lines(text):
        if line.startswith("# "):
            fields = cast("_Fields", sections.setdefault(_text(line[2:]), {}))
        elif fields is None or not _take(fields, line):
            return None
    return cast("Reply", sections)


def _fields(text: str) -> Reply:
    fields: _Fields = {}
    return cast("Reply", fields) if all(_take(fields, line) for line in _lines(text)) else None


def _take(fields: _Fields, line: str) -> bool:
    """Add the field of a line; return whether there is one."""
    name, colon, written = line.partition(":")
    if not name or not colon:
        return False
    if _MAP.match(written) and not _NEVER_MAPS.fullmatch(name):
        _add(fields, name, _map(written))
    else:
        _add(fields, name, _value(name, written))
    return True


def _map(written: str) -> Reply:
    return _named(_FIELD.split(written), "=")


def _named(fields: Iterable[str], mark: str) -> Reply:
    named: _Fields = {}
    for field in fields:
        name, _, written = field.partition(mark)
        _add(named, name, _value(name, written))
    return cast("Reply", named)


def _add(fields: _Fields, name: str, value: Reply) -> None:
    """Add a field; what stands several times is the list of its values."""
    key = _text(name)
    known = fields.get(key)
    if isinstance(known, _Repeated):
        known.append(value)
    elif key in fields:
        fields[key] = _Repeated([known, value])
    else:
        fields[key] = _Repeated([value]) if name in _LISTS else value


class _Repeated(list["Reply"]):
    """The values of a field that may stand several times."""


def _value(name: str, written: str) -> Reply:
    if not _NEVER_NUMBERS.fullmatch(name):
        if _INTEGER.fullmatch(written):
            return int(written)
        if _DOUBLE.fullmatch(written):
            return Double(written)
    if written.startswith("[") and written.endswith("]"):
        return [_text(word) for word in written[1:-1].split("|") if word]
    return _text(written)


# -- CLIENT LIST


def _clients(text: str) -> Reply:
    return _each(_client, _lines(text))


def _client(text: str) -> Reply:
    line = text.removesuffix("\n")
    if not line.startswith("id=") or "\n" in line:
        return None
    return _named(_CLIENT_FIELD.split(line), "=")


# -- CLUSTER NODES


def _nodes(text: str) -> Reply:
    return _each(_node, _lines(text))


def _node(text: str) -> Reply:
    match text.removesuffix("\n").split(" "):
        case [identity, place, flags, primary, ping, pong, epoch, link, *slots]:
            where, *names = place.split(",")
            told = _told(names[1:])
            address = _ADDRESS.fullmatch(where)
            numbers = [_INTEGER.fullmatch(number) for number in (ping, pong, epoch)]
            served = _served(slots)
            if address is None or served is None or told is None or not all(numbers):
                return None
            ip, port, bus_port = address.groups()
            node: _Fields = {
                "id": _text(identity),
                "ip": _text(ip),
                "port": int(port),
                "bus-port": int(bus_port) if bus_port else None,
                "hostname": _text(names[0]) if names else "",
                "flags": [_text(flag) for flag in flags.split(",") if flag != "noflags"],
                "primary": None if primary == "-" else _text(primary),
                "ping-sent": int(ping),
                "pong-received": int(pong),
                "config-epoch": int(epoch),
                "link-state": _text(link),
            }
            node |= served
            return cast("Reply", {**node, **told}) if told.keys().isdisjoint(node) else None
    return None


def _told(words: list[str]) -> _Fields | None:
    """Return what stands behind a hostname, ``shard-id=...``; None when a word has no name of its own."""
    told: _Fields = {_text(name): _text(value) for name, _, value in (word.partition("=") for word in words)}
    return told if len(told) == len(words) and all(map(_MAP.match, words)) else None


def _served(words: list[str]) -> _Fields | None:
    """Return the slots of a node and those that come or go; None when a word is neither."""
    slots: list[Reply] = []
    moving: dict[str, list[Reply]] = {">": [], "<": []}
    for word in words:
        if found := _SLOTS.fullmatch(word):
            first, last = found.groups()
            slots.append([int(first), int(last or first)])
        elif found := _MOVING.fullmatch(word):
            slot, direction, node = found.groups()
            moving[direction].append(cast("Reply", {"slot": int(slot), "node": _text(node)}))
        else:
            return None
    return {"slots": slots, "migrating": moving[">"], "importing": moving["<"]}


# -- ACL LIST and DEBUG OBJECT


def _user(text: str) -> Reply:
    match _rules(text):
        case ["user", name, *rules] if len({"on", "off"}.intersection(rules)) == 1:
            listed: list[Reply] = [_text(rule) for rule in rules if rule not in ("on", "off")]
            return cast("Reply", {"user": _text(name), "enabled": "on" in rules, "rules": listed})
    return None


def _rules(line: str) -> list[str]:
    """Return the words of a line, a selector in parentheses as one; nothing when it does not end."""
    words: list[str] = []
    begun: list[str] = []
    for word in line.split(" "):
        if begun or word.startswith("("):
            begun.append(word)
            if word.endswith(")"):
                words.append(" ".join(begun))
                begun = []
        else:
            words.append(word)
    return [] if begun else words


def _object(text: str) -> Reply:
    if not text.startswith("Value at:"):
        return None
    return _named(_OBJECT_FIELD.split(text.removeprefix("Value ")), ":")


# -- their parts


def _each(reader: Callable[[str], Reply], lines: Iterable[str]) -> Reply:
    found = [reader(line) for line in lines]
    return None if None in found else found


def _lines(text: str) -> Iterator[str]:
    """Yield the lines that are not empty. Only newlines end one: str.splitlines knows many more characters."""
    return (line for line in (line.removesuffix("\r") for line in text.split("\n")) if line)


def _text(written: str) -> str | bytes:
    try:
        written.encode()
    except UnicodeEncodeError:
        return written.encode("utf-8", "surrogateescape")
    return written


_READERS: Final[Mapping[str, Callable[[str], Reply]]] = {
    "client": _client,
    "clients": _clients,
    "fields": _fields,
    "info": _info,
    "node": _node,
    "nodes": _nodes,
    "object": _object,
    "user": _user,
}
