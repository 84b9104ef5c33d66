"""The REPL in a terminal, and how a person talks with it."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable
from typing import Any, Final, Protocol

import pytest

from tests.servers import Server
from tests.terminal import Terminal

__all__ = ["StartRepl", "ask", "at_prompt", "pace"]


_TIME: Final = re.compile(r"^\(\d+\.\d+s\)\n?", re.MULTILINE)
_ADVICE: Final = re.compile(r"^↳ .*", re.MULTILINE | re.DOTALL)


class StartRepl(Protocol):
    def __call__(
        self, server: Server, *flags: str, prompt: str = ..., pager: bool = ..., **window: Any
    ) -> Terminal: ...


@pytest.fixture
def repl(terminal: Callable[..., Terminal]) -> StartRepl:
    """Return ``repl(server, *flags)``: the REPL on that server, once its first prompt is there.

    Only with ``pager`` are long replies paged.
    """

    def start(server: Server, *flags: str, prompt: str = ">", pager: bool = False, **window: Any) -> Terminal:
        paging = () if pager else ("--no-pager",)
        where = ("-h", server.host, "-p", str(server.port))
        argv = [sys.executable, "-m", "pyredis_cli", *where, *paging, *flags]
        opened = terminal(argv, **{"columns": 120, **window})
        opened.wait_until(lambda screen: screen.line.endswith(prompt), what="the first prompt")
        return opened

    return start


def at_prompt(terminal: Terminal) -> bool:
    """Return whether the cursor waits behind an empty prompt; a line may be suggested there."""
    return terminal.before_cursor.rstrip().endswith(">")


def pace(terminal: Terminal) -> float:
    """Return how many seconds a letter takes to the screen and off it again, on the machine as it is now."""
    before, took = terminal.before_cursor, []
    for _ in range(3):
        began = time.monotonic()
        terminal.send("x")
        terminal.wait_until(
            lambda screen: screen.before_cursor == f"{before}x", what="a letter that was typed"
        )
        terminal.send_key("backspace")
        terminal.wait_until(lambda screen: screen.before_cursor == before, what="the line without it")
        took.append(time.monotonic() - began)
    return max(took)


def ask(
    terminal: Terminal, line: str, *, shown: str | None = None, timed: bool = False, advised: bool = False
) -> str:
    """Type a line, wait for the next prompt, and return what was printed between.

    ``shown`` is what the line looks like, if that is not the line with its secrets as stars. What a reply took is
    only returned with ``timed``: on a busy machine any reply may take long. What is said below an error only
    with ``advised``.
    """
    typed = re.compile("> " + "".join(rf"[{re.escape(letter)}*]" for letter in shown or line))
    before = len(typed.findall(terminal.text))
    terminal.send_line(line)
    terminal.wait_until(
        lambda screen: len(typed.findall(screen.text)) > before and at_prompt(screen),
        what=f"the prompt after {line}",
    )
    printed = typed.split(terminal.text_to_cursor)[-1].rpartition("\n")[0].strip("\n")
    if not advised:
        printed = _ADVICE.sub("", printed).rstrip("\n")
    return printed if timed else _TIME.sub("", printed).strip("\n")
