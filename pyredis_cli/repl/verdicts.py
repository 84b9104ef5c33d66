"""What the REPL's own words can mean, as values, and what those that act may ask of the REPL.

A judge makes a verdict of the words behind a name: it decides and does nothing. What only the loop can do has a
verdict of its own; everything else is a `Perform`, which brings along what is to be done, so that a new word
needs no change of the loop.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar, runtime_checkable

if TYPE_CHECKING:
    from pyredis.address import Address
    from pyredis.commands.spec import Table
    from pyredis_cli.core.desk import Desk
    from pyredis_cli.repl.monitored import MonitorFilter
    from pyredis_cli.repl.printer import Printer
    from pyredis_cli.settings import Settings

T = TypeVar("T")

__all__ = [
    "Act",
    "After",
    "Clear",
    "Connect",
    "Dial",
    "Host",
    "Judge",
    "Leave",
    "Monitor",
    "Perform",
    "Refuse",
    "RunsLines",
    "SendsEverywhere",
    "Set",
    "Tell",
    "Verdict",
]


class After(Enum):
    """What a line means for the lines that were given with it."""

    GO_ON = auto()
    STOP = auto()
    LEAVE = auto()


class Host(Protocol):
    """What a `Perform` may ask of the REPL."""

    @property
    def printer(self) -> Printer: ...
    @property
    def settings(self) -> Settings: ...
    @property
    def table(self) -> Table: ...
    @property
    def failures(self) -> int:
        """How many commands the server has answered with an error so far, those inside of EXEC among them."""
        ...

    @property
    def interruptions(self) -> int:
        """How often Ctrl-C was pressed so far, be it for nothing."""
        ...

    @property
    def desk(self) -> Desk:
        """Where to ask the server something beside the session."""
        ...

    async def interruptible(self, work: Coroutine[Any, Any, T]) -> T:
        """Return what comes of some work that Ctrl-C may stop; Interrupted then."""
        ...

    async def do(self, line: str) -> After:
        """Do a line as if it were typed, and print what became of it."""
        ...

    async def allows(
        self, argv: tuple[bytes, ...], *, everywhere: bool = False, times: int | None = 1
    ) -> bool:
        """Return whether a command may be sent, once the person has been asked if they must be; a no is told.

        ``everywhere``: it is for every node. It is to run so many ``times``, for ever when that is None.
        """
        ...

    def together(
        self, lines: Iterable[tuple[str, str]], act: RunsLines | None = None
    ) -> AbstractAsyncContextManager[bool]:
        """Give whether the lines may run, each with where it stands; what is agreed to lasts for the block.

        ``act`` is what runs them.
        """
        ...


class Act(Protocol):
    """What is to be done; two that would do the same are equal."""

    async def __call__(self, host: Host) -> After: ...


@runtime_checkable
class RunsLines(Protocol):
    """An act that runs lines, which are looked at before the first of them runs."""

    def lines(self, encoding: str) -> Iterable[tuple[str, str]]:
        """Yield each line as far as they can be read now, with where it stands."""
        ...


@runtime_checkable
class SendsEverywhere(Protocol):
    """An act that may send a command to many nodes, which is looked at before lines in front of it run."""

    def sent(self) -> tuple[bytes, ...]:
        """Return that command; empty when there is none."""
        ...


@dataclass(frozen=True, slots=True)
class Leave:
    """End the session."""


@dataclass(frozen=True, slots=True)
class Clear:
    """Clear the screen."""


@dataclass(frozen=True, slots=True)
class Tell:
    """Print these lines."""

    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Refuse:
    """Print why the line cannot be done."""

    reason: str


@dataclass(frozen=True, slots=True)
class Connect:
    """Go on with another server, in the same database and as the same user."""

    address: Address


@dataclass(frozen=True, slots=True)
class Dial:
    """Go on as a URL says, which may hold a password, or a profile, ``@NAME``."""

    url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Set:
    """Show or change what the person prefers."""

    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Monitor:
    """Show the commands that the server runs, those that pass the filter."""

    filter: MonitorFilter


@dataclass(frozen=True, slots=True)
class Perform:
    """Do something that the verdict brings along."""

    act: Act


Verdict: TypeAlias = Leave | Clear | Tell | Refuse | Connect | Dial | Set | Monitor | Perform
Judge: TypeAlias = Callable[[Sequence[str], "Table"], Verdict]
"""Is given the words behind the name; bytes that are no UTF-8 come as lone surrogates."""
