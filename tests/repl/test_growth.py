"""A session that goes on for long holds no more than one that began a while ago."""

from __future__ import annotations

import sys

import pytest

from benchmarks.session import resident, run_lines
from benchmarks.terminal import Program
from tests.servers import Server

_COMMANDS = 700
_MOST = _COMMANDS * 750  # bytes: less than its task or its reply would take


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_hundreds_of_commands_leave_nothing_behind(redis82: Server) -> None:
    with Program([sys.executable, "-m", "pyredis_cli", "-p", str(redis82.port)]) as repl:
        repl.until(b">")
        run_lines(repl, 0, 400)
        before = resident(repl.pid)
        run_lines(repl, 400, 400 + _COMMANDS)
        assert resident(repl.pid) - before < _MOST
