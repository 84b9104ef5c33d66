"""Where a server is: a TCP host and port, or the path of a unix socket."""

from __future__ import annotations

from pyredis.records import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeAlias

__all__ = ["Address", "NatMap", "TcpAddress", "UnixAddress", "checked_natmap", "reached"]


@dataclass(frozen=True, slots=True)
class TcpAddress:
    host: str = "127.0.0.1"
    port: int = 6379

    def __post_init__(self) -> None:
        if not self.host:
            raise ValueError("host is empty")
        if isinstance(self.port, bool) or not isinstance(self.port, int):
            raise TypeError(f"port must be an int, not {type(self.port).__name__}")
        if not 1 <= self.port <= 65535:
            raise ValueError(f"port {self.port} is not between 1 and 65535")

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class UnixAddress:
    path: str

    def __post_init__(self) -> None:
        if not self.path:
            raise ValueError("the path of the unix socket is empty")

    def __str__(self) -> str:
        return self.path


Address: TypeAlias = TcpAddress | UnixAddress
NatMap: TypeAlias = "Mapping[TcpAddress, TcpAddress]"
"""Where servers are reached that others call by another address, as behind a tunnel or in containers."""


def reached(address: TcpAddress, natmap: NatMap | None) -> TcpAddress:
    """Return where the server is reached that another one calls by this address."""
    return natmap.get(address, address) if natmap else address


def checked_natmap(natmap: NatMap | None) -> NatMap:
    """Return the map, an empty one for None; TypeError when there is something else in it than addresses."""
    for address in (one for pair in (natmap or {}).items() for one in pair):
        if not isinstance(address, TcpAddress):
            raise TypeError(f"natmap maps TcpAddress to TcpAddress, got {address!r}")
    return dict(natmap or {})
