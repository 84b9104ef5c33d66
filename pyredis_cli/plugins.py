"""What installed packages add to the program, by the entry points they declare.

Looking for entry points is as slow as loading rich, so nobody looks before something is wanted that the program
has not itself; then it is done once. What is found is not imported before it is used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

__all__ = ["DECODERS", "Plugin", "decoders", "known_decoders"]

DECODERS: Final = "pyredis_cli.decoder.v1"
"""The group in which packages declare decoders of values; docs/decoders.md is the contract."""

_found: dict[str, Mapping[str, Plugin]] = {}


class Plugin(NamedTuple):
    """Something a package adds: where it is, ``module:attribute``, and what imports it."""

    where: str
    load: Callable[[], object]


def decoders() -> Mapping[str, Plugin]:
    """Return the decoders of installed packages by their names, in lower case."""
    if DECODERS not in _found:
        _found[DECODERS] = _declared(DECODERS)
    return _found[DECODERS]


def known_decoders() -> tuple[str, ...]:
    """Return the names of these decoders, none while nobody has looked for them."""
    return tuple(_found.get(DECODERS, ()))


def _declared(group: str) -> Mapping[str, Plugin]:
    from importlib.metadata import entry_points

    try:
        declared = entry_points(group=group)
    except Exception:  # noqa: BLE001 - one package with broken metadata must not cost a person the reply
        return {}
    found: dict[str, Plugin] = {}
    for point in declared:
        # The first package on the path is the one that an import finds, too.
        found.setdefault(point.name.lower(), Plugin(point.value, point.load))
    return found
