"""Where a server is, as a URL says it: an address, a cluster, or a group that sentinels know.

It asks nobody and connects nowhere.
"""

from __future__ import annotations

from pyredis.address import TcpAddress, UnixAddress
from pyredis.records import NamedTuple, dataclass, field
from pyredis_cli.flags import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from pyredis.address import Address
    from pyredis.url import Target

__all__ = ["Group", "Place", "place_of", "read_url"]


@dataclass(frozen=True, slots=True)
class Group:
    """A primary and its replicas, and the sentinels that know which is which; ``repr`` shows no password.

    ``username`` and ``password`` are for the sentinels.
    """

    sentinels: tuple[TcpAddress, ...]
    name: str
    replica_ok: bool = False
    retries: int = 3
    username: str | None = None
    password: str | None = field(default=None, repr=False)


class Place(NamedTuple):
    """Where the server is: the fields of ``Settings`` of those names."""

    address: Address
    cluster: bool = False
    others: tuple[TcpAddress, ...] = ()
    group: Group | None = None


def read_url(url: str) -> Target:
    """Return what the URL of a server, a cluster or a group with sentinels says.

    Raises UsageError for one that there is no session with, and PyRedisURLError.
    """
    from pyredis.url import masked, parse

    target = parse(url, any_kind=True)
    if target.kind not in ("server", "cluster", "sentinel") or len(target.groups) > 1:
        what = "several groups" if target.groups else f"{target.kind}:// URLs"
        raise UsageError(
            f"{masked(url)}: {what} are for the library; here there are redis://, unix://, cluster://host,... "
            "and sentinel://host,.../group"
        )
    return target


def place_of(target: Target, *, cluster: bool = False) -> Place:
    """Return where the target of a URL is; ``cluster`` is whether redirects are to be followed in any case.

    Raises UsageError when that cannot be.
    """
    address, options = target.address, target.options
    replicas = bool(options.get("replica_ok") or options.get("slave_ok"))
    if cluster and (target.kind == "sentinel" or isinstance(address, UnixAddress)):
        how = "by sentinels" if target.kind == "sentinel" else "by a unix socket"
        raise UsageError(f"the nodes of a cluster are not reached {how}; use cluster://host, or leave out -c")
    if target.kind == "cluster" and replicas:
        raise UsageError("replica_ok is not for a session in a cluster; connect to a replica, type READONLY")
    if target.kind == "cluster":
        return Place(address, cluster=True, others=target.others)
    if target.kind == "server":
        return Place(address, cluster)
    return Place(address, group=_group(target, replicas, options))


def _group(target: Target, replicas: bool, options: Mapping[str, Any]) -> Group:
    sentinels = [one for one in (target.address, *target.others) if isinstance(one, TcpAddress)]
    return Group(
        tuple(sentinels),
        target.groups[0],
        replica_ok=replicas,
        retries=options.get("retries", 3),
        username=options.get("sentinel_username"),
        password=options.get("sentinel_password"),
    )
