"""Pages of the guide as sessions: the commands of their ``console`` blocks, in order, and what they print.

    $ command               (a line of bash, which goes on in lines that begin with ``> ``)
    what it prints          (both streams; ``...`` stands for anything)

``$ cat FILE`` shows a file that is written before, so that the commands behind it find it.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.program import ROOT

__all__ = ["PAGES", "Example", "Shell", "examples"]

PAGES: Final = (
    "README.md",
    "docs/redis-cli.md",
    "docs/scripting.md",
    "docs/find.md",
    "docs/output.md",
    "docs/profiles.md",
    "docs/reports.md",
    "docs/safety.md",
)

_BLOCK: Final = re.compile(r"^```console\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_TIMEOUT: Final = 60.0


@dataclass(frozen=True, slots=True)
class Example:
    """A command of a page and what the page says that it prints."""

    command: str
    output: str

    @property
    def file(self) -> str | None:
        """The file that it shows, None for every other command."""
        words = shlex.split(self.command.partition("\n")[0])
        shows = len(words) == 2 and words[0] == "cat" and not words[1].startswith("<")
        return words[1] if shows else None

    @property
    def compares(self) -> bool:
        """Whether it needs redis-cli."""
        return re.search(r"(?<!py)redis-cli", self.command) is not None

    def is_printed_by(self, printed: str) -> bool:
        pattern = ".*".join(map(re.escape, self.output.split("...")))
        return re.fullmatch(pattern, printed, re.DOTALL) is not None


def examples(text: str) -> list[Example]:
    """Return the commands of a page in order."""
    return [example for block in _BLOCK.findall(text) for example in _examples(block.splitlines())]


def _examples(lines: list[str]) -> Iterator[Example]:
    assert lines
    assert lines[0].startswith("$ "), f"a block begins with a command, not with {lines[0]!r}"
    while lines:
        command = [lines.pop(0)[2:]]
        while lines and lines[0].startswith("> "):
            command.append(lines.pop(0)[2:])
        output = []
        while lines and not lines[0].startswith("$ "):
            output.append(lines.pop(0))
        yield Example("\n".join(command), "".join(f"{line}\n" for line in output))


class Shell:
    """bash in a folder of its own, where ``pyredis-cli`` and ``redis-cli`` find the server at once.

    ``ports`` are those of the pages and the real ones; the first is the server's.
    """

    def __init__(self, root: Path, ports: Mapping[str, int], redis_cli: Path | None) -> None:
        self.folder = root / "here"
        self._ports = ports
        port = next(iter(ports.values()))
        programs = root / "bin"
        for made in (programs, self.folder):
            made.mkdir(exist_ok=True)
        _write(programs / "pyredis-cli", f'exec {sys.executable} -m pyredis_cli "$@"')
        if redis_cli is not None:
            _write(programs / "redis-cli", f'exec {redis_cli} -p {port} "$@"')
        self._env: Mapping[str, str] = {
            **os.environ,
            "PATH": f"{programs}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "VALKEYCLI_PORT": str(port),
            "TERM": "dumb",
        }

    def run(self, example: Example) -> str:
        """Return what the command prints, with the ports of the pages."""
        if example.file is not None:
            (self.folder / example.file).write_text(example.output, encoding="utf-8")
        command = example.command
        for shown, real in self._ports.items():
            command = command.replace(shown, str(real))
        # A page shows no carriage return, and no byte that is no text.
        printed = self._output(command).decode("utf-8", "replace").replace("\r\n", "\n")
        for shown, real in self._ports.items():
            printed = printed.replace(str(real), shown)
        return printed

    def _output(self, command: str) -> bytes:
        """Return what it writes to both streams; nothing that it started is left behind."""
        with subprocess.Popen(
            ["bash", "-c", command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=self.folder,
            env=self._env,
            start_new_session=True,
        ) as bash:
            try:
                return bash.communicate(timeout=_TIMEOUT)[0]
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(bash.pid, signal.SIGKILL)


def _write(path: Path, line: str) -> None:
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(0o700)
