"""Large replies go through every format while they are laid out, in memory that is hardly more than theirs.

Memory is the most that the program had in RAM, beyond what it has for PING.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias

import pytest

from pyredis_cli.flags import OUTPUTS
from tests.program import PROGRAM, ROOT
from tests.servers import Server

_MIB: Final = 1 << 20
_HUGE: Final = 512 * _MIB
_LARGE: Final = 64 * _MIB
_ELEMENTS: Final = 100_000
_ELEMENT: Final = b"'%094d'"


class Took(NamedTuple):
    """What a program wrote and how many bytes of RAM it had at most."""

    written: int
    memory: int


Run: TypeAlias = Callable[..., Took]

# A process of its own between, for what this one has in RAM would count as its child's.
_WEIGHED: Final = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
"""


@pytest.fixture
def took(redis82: Server) -> Run:
    """Return ``took("json", "GET", "k")``, which runs the program to its end and reads what it writes.

    The memory is that beyond what PING takes in the same format.
    """

    def run(*words: str) -> Took:
        argv = [sys.executable, "-c", _WEIGHED, *PROGRAM, "-s", redis82.unix_path, *words]
        written = 0
        with subprocess.Popen(
            argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
        ) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            while chunk := process.stdout.read(_MIB):
                written += len(chunk)
            return Took(written, int(process.stderr.read()) * 1024)

    def beyond_ping(form: str, *words: str) -> Took:
        run("--format", form, "PING")  # compiles what it needs
        small, large = run("--format", form, "PING"), run("--format", form, *words)
        return Took(large.written, large.memory - small.memory)

    return beyond_ping


@pytest.mark.parametrize("form", sorted(set(OUTPUTS) - {"human"}))
def test_a_reply_is_written_while_it_is_laid_out(redis82: Server, took: Run, form: str) -> None:
    for start in range(0, _ELEMENTS, 1000):
        redis82.command("RPUSH", "list", *(_ELEMENT % number for number in range(start, start + 1000)))
    found = took(form, "LRANGE", "list", "0", "-1")
    held = _ELEMENTS * (len(_ELEMENT % 0) + 33 + 8)  # what bytes objects in a list take
    assert found.written > _ELEMENTS * len(_ELEMENT % 0)
    assert held * 0.5 < found.memory < held * 1.3 + 2 * _MIB


def test_a_million_elements_go_through(redis82: Server, took: Run) -> None:
    for _ in range(100):
        redis82.command("RPUSH", "list", *[b"0123456789"] * 10_000)
    sizes: dict[str, Callable[[int], int]] = {
        "raw": lambda elements: elements * 11,
        "json": lambda elements: elements * 13 + 2,
        "redis": lambda elements: elements * 22,
    }
    for form, size in sizes.items():
        found = took(form, "LRANGE", "list", "0", "-1")
        assert found.written == size(1_000_000)
        assert found.memory < 80 * _MIB
    beginning = took("human", "LRANGE", "list", "0", "-1")
    assert beginning.written < 30_000
    assert beginning.memory < 80 * _MIB


@pytest.mark.skipif(
    os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") < 6 * _HUGE, reason="needs 3 GB of memory"
)
def test_a_value_of_512_mb_goes_through_in_its_own_size(redis82: Server, took: Run) -> None:
    redis82.command("SETRANGE", "huge", _HUGE - 1, "x")
    found = took("raw", "GET", "huge")
    assert found.written == _HUGE + 1
    assert found.memory < 1.1 * _HUGE


def test_a_large_value_goes_through_the_other_formats_in_its_own_size(redis82: Server, took: Run) -> None:
    redis82.command("SET", "large", b"0123456789abcdef" * (_LARGE // 16))
    found = took("json", "GET", "large")
    assert found.written == _LARGE + 3
    assert found.memory < 1.1 * _LARGE
    beginning = took("human", "GET", "large")
    assert beginning.written < 11_000
    assert beginning.memory < 1.1 * _LARGE
