"""What clusters and groups under sentinels have in common on the bench: servers that live and die together."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self

from tests.servers import Server

__all__ = ["Group"]


class Group(ABC):
    """Servers that are started together, stalled and killed one by one, and stopped together."""

    def __init__(self) -> None:
        self._stalled: set[Server] = set()

    @property
    @abstractmethod
    def everybody(self) -> list[Server]:
        """Every server there is, dead or alive."""

    @abstractmethod
    def start(self) -> None:
        """Start everybody and return when they agree."""

    @abstractmethod
    def forget(self) -> None:
        """Have nobody any more."""

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop everybody for good."""
        everybody = self.everybody
        self.forget()
        for server in everybody:
            server.kill()
            server.close()
        self._stalled.clear()

    def awake(self, server: Server) -> bool:
        """Whether a server runs and is not stalled."""
        return server.alive and server not in self._stalled

    def kill(self, server: Server) -> None:
        server.kill()

    def stall(self, server: Server) -> None:
        """Freeze a server: it keeps its connections and answers nothing until ``resume``."""
        server.pause()
        self._stalled.add(server)

    def resume(self, server: Server) -> None:
        server.resume()
        self._stalled.discard(server)
