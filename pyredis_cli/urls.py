"""What a URL says of a start: which URL counts, and which of its options can be meant.

The given one counts, else that of the environment where nothing nearer names a server.
"""

from __future__ import annotations

from types import MappingProxyType

from pyredis.exceptions import PyRedisURLError
from pyredis.records import NamedTuple
from pyredis_cli.environment import URLS, flag_of_place, variable_of_place
from pyredis_cli.flags import UsageError, read_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Literal

    from pyredis.url import Target
    from pyredis_cli.given import Given

__all__ = ["Unsaid", "encoding_of", "family_of", "name_of", "protocol_of", "target_of", "variable_of_url"]


class Unsaid(NamedTuple):
    """What a URL says where there is none, so that the module of URLs need not be loaded."""

    database: None = None
    username: None = None
    password: None = None
    options: Mapping[str, Any] = MappingProxyType({})


def target_of(given: Given, environ: Mapping[str, str]) -> Target | Unsaid:
    """Return what the URL says: the given one, else that of the environment when nothing names a server."""
    if given.url is not None:
        from pyredis_cli.places import read_url

        return read_url(given.url)
    name = variable_of_url(given, environ)
    return _read_variable(name, environ[name]) if name else Unsaid()


def variable_of_url(given: Given, environ: Mapping[str, str]) -> str:
    """Return the variable whose URL says where the server is; empty when something nearer does, or nothing."""
    name = "" if flag_of_place(given) else variable_of_place(environ)
    return name if name in URLS else ""


def _read_variable(name: str, url: str) -> Target:
    from pyredis_cli.places import read_url

    try:
        return read_url(url)
    except (PyRedisURLError, UsageError) as error:
        raise UsageError(f"{name}: {error}") from None


def encoding_of(said: str | None) -> str | None:
    """Return the encoding, None where the URL says none; UsageError for one that cannot be."""
    if said is None:
        return None
    from pyredis.options import checked_encoding

    try:
        return checked_encoding(said)
    except ValueError as error:
        raise UsageError(f"the URL says encoding={said}: {error}") from None


def protocol_of(said: int | None) -> Literal[2, 3] | None:
    """Return the version of RESP that the URL asks for; UsageError for one that is not there."""
    match said:
        case None | 2 | 3:
            return said
    raise UsageError(f"the URL says protocol={said}; there are 2 and 3")


def family_of(said: int | None) -> Literal[0, 4, 6] | None:
    """Return the version of IP that the URL prefers; UsageError for one that is not there."""
    match said:
        case None | 0 | 4 | 6:
            return said
    raise UsageError(f"the URL says family={said}; there are 4 and 6")


def name_of(said: str | None) -> str | None:
    """Return the name that the URL gives the connection; UsageError for one that cannot be."""
    try:
        return said if said is None else read_name(said)
    except ValueError as error:
        raise UsageError(f"the URL says client_name={said}; it {error}") from None
