"""``:transcript FILE``: begin to keep what is typed and shown, end it, or say where it is kept."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pyredis_cli.complete.candidates import Choice
from pyredis_cli.repl import sourcing
from pyredis_cli.repl.transcript import Transcript
from pyredis_cli.repl.verdicts import After, Perform, Refuse, Verdict

if TYPE_CHECKING:
    from pyredis.commands.spec import Table
    from pyredis_cli.repl.verdicts import Host

__all__ = ["behind", "judge"]

_APPEND: Final = "--append"


def judge(words: Sequence[str], table: Table) -> Verdict:
    append = _APPEND in words
    names = [word for word in words if word != _APPEND]
    match names:
        case [] if not append:
            return Perform(Where())
        case ["off"] if not append:
            return Perform(End())
        case [name] if name and "\0" not in name:
            return Perform(Begin(name, append))
    return Refuse(":transcript takes one file, or off; put a name with blanks in quotes")


def behind(words: Sequence[str], typed: str, table: Table) -> Iterator[Choice]:
    """Yield what the first word may be."""
    if not words:
        yield Choice("off", meta="end it")
        yield Choice(_APPEND, meta="add to a file that is there")
    if list(words) in ([], [_APPEND]):
        yield from sourcing.behind((), typed, table)


@dataclass(frozen=True)
class Where:
    """Say which file it is."""

    async def __call__(self, host: Host) -> After:
        transcript = host.printer.transcript
        await host.printer.tell(f"transcript {transcript.path if transcript else 'off'}")
        return After.GO_ON


@dataclass(frozen=True)
class Begin:
    """Write to a file from now on."""

    path: str
    append: bool

    async def __call__(self, host: Host) -> After:
        secrets = [host.settings.password or ""]
        try:
            transcript = Transcript(self.path, append=self.append, secrets=secrets)
        except FileExistsError:
            await host.printer.refuse(f"{self.path} {_in_the_way(self.path)}")
            return After.STOP
        except OSError as error:
            await host.printer.refuse(f"{self.path}: {error.strerror}")
            return After.STOP
        await host.printer.end_transcript()
        if transcript.others_read_it:
            await host.printer.warn(f"others may read {self.path}")
        host.printer.begin_transcript(transcript, str(host.desk.address))
        if host.printer.transcript is None:  # not even its first line could be written, which has been told
            return After.STOP
        await host.printer.note(f"transcript {self.path}; secrets are ***")
        return After.GO_ON


def _in_the_way(path: str) -> str:
    is_folder = os.path.isdir(os.path.expanduser(path))
    return "is a folder" if is_folder else f"is there already; :transcript {_APPEND} FILE adds to it"


@dataclass(frozen=True)
class End:
    """Write no more."""

    async def __call__(self, host: Host) -> After:
        transcript = host.printer.transcript
        if transcript is None:
            await host.printer.tell("transcript off")
            return After.GO_ON
        await host.printer.end_transcript()
        await host.printer.tell(f"transcript off; it is in {transcript.path}")
        return After.GO_ON
