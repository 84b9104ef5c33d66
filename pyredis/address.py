"""Where a server is: a TCP host and port, or the path of a unix socket."""

from __future__ import annotations

from pyredis.records import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

__all__ = ["Address", "TcpAddress", "UnixAddress"]


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
