"""The settings of a session that goes on elsewhere: at the server of a profile, or as a URL says.

It knows what is about one server alone, and what stays with the person.
"""

from __future__ import annotations

from types import MappingProxyType

from pyredis.address import TcpAddress
from pyredis.records import replace
from pyredis_cli.flags import UsageError
from pyredis_cli.given import Given
from pyredis_cli.places import place_of, read_url
from pyredis_cli.settings import consulted, foreseen, settle
from pyredis_cli.urls import encoding_of, family_of, name_of, protocol_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeVar

    from pyredis.url import Target
    from pyredis_cli.settings import Settings
    from pyredis_cli.streams import Streams

    T = TypeVar("T")

__all__ = ["with_profile", "with_url"]

_NOTHING: Mapping[str, str] = MappingProxyType({})
_OF_SERVER = (
    *("address", "cluster", "others", "group", "database", "username", "password", "source", "tls"),
    *("profile", "init"),
)
"""The fields that are about one server alone."""


def with_profile(settings: Settings, name: str, environ: Mapping[str, str], streams: Streams) -> Settings:
    """Return the settings of a session that goes on at the server of a profile, as that says.

    How replies look stays, and how to talk where neither this profile says it nor the one that is left has said
    it; nothing can be written any more where that was so before. Raises UsageError and PyRedisURLError.
    """
    given = Given(profile=name)
    fresh = settle(given, environ, streams)
    if fresh.encoding != settings.encoding:
        raise UsageError(
            f"the profile says encoding = {fresh.encoding}; start again with pyredis-cli @{name} for that"
        )
    return replace(
        settings,
        **{field: getattr(fresh, field) for field in _OF_SERVER},
        **{field: getattr(fresh, field) for field in settings.of_profile | fresh.of_profile},
        natmap=fresh.natmap or _typed_natmap(settings),
        of_profile=fresh.of_profile,
        read_only=settings.read_only or fresh.read_only,
    )


def with_url(settings: Settings, url: str, environ: Mapping[str, str] = _NOTHING) -> Settings:
    """Return the settings of a session that goes on as the URL says.

    Where, as whom, in which database and over TLS or not is the URL's alone: what it leaves out is the default,
    for one server's password is none of another's business. How to talk stays, where the URL does not say it and
    no profile that is left has said it, and whether redirects are followed. A read-only session stays so,
    whatever the URL says.
    Raises PyRedisURLError and UsageError, of which no message shows the password.
    """
    target = read_url(url)
    settings = _left(settings, url, environ)
    follows = settings.cluster and target.kind == "server" and isinstance(target.address, TcpAddress)
    options = target.options
    encoding = _or(encoding_of(options.get("encoding")), settings.encoding)
    if encoding != settings.encoding:
        raise UsageError(f"the URL says encoding={encoding}; start again with --encoding {encoding} for that")
    return replace(
        settings,
        **place_of(target, cluster=follows)._asdict(),
        database=_or(target.database, 0),
        username=target.username,
        password=_password(target),
        conn_timeout=options.get("conn_timeout", settings.conn_timeout),
        read_timeout=options.get("read_timeout", settings.read_timeout),
        pool_size=_or(options.get("pool_size"), settings.pool_size),
        protocol=protocol_of(options.get("protocol")) or settings.protocol,
        tls=options.get("tls"),
        profile=None,
        source=None,
        init=(),
        natmap=_typed_natmap(settings),
        family=_or(family_of(options.get("family")), settings.family),
        client_name=_or(name_of(options.get("client_name")), settings.client_name),
        read_only=settings.read_only or bool(options.get("read_only")),
    )


def _left(settings: Settings, url: str, environ: Mapping[str, str]) -> Settings:
    """Return the settings without how their profile, which is left for a URL, wants to be talked to."""
    if not settings.of_profile:
        return settings
    given = Given(url=url)
    without, _, _ = foreseen(given, consulted(given, environ), environ)
    fields = {field: getattr(without, field) for field in settings.of_profile}
    return replace(settings, **fields, of_profile=frozenset())


def _typed_natmap(settings: Settings) -> tuple[tuple[TcpAddress, TcpAddress], ...]:
    """Return the pairs that hold elsewhere, too: those of a profile are about its network alone."""
    return () if settings.profile is not None else settings.natmap


def _password(target: Target) -> str | None:
    """Return the password of a URL; of a user without one an empty one, which only nopass users have."""
    return "" if target.username is not None and target.password is None else target.password


def _or(said: T | None, default: T) -> T:
    return default if said is None else said
