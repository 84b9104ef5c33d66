"""What signals mean to the REPL: SIGINT stops what runs, SIGTERM and SIGHUP end the session in order.

It knows tasks and the prompt's application. It knows nothing of servers: whoever is cancelled cleans up.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any, TypeVar

from prompt_toolkit.application import get_app_or_none

from pyredis_cli.exits import Exit

__all__ = ["Interrupted", "Signals", "Terminated"]

T = TypeVar("T")

_ENDINGS = {signal.SIGTERM: Exit.TERMINATED, signal.SIGHUP: Exit.HANGUP}


class Interrupted(Exception):
    """What ran was stopped by Ctrl-C; ``told``: the person knows how."""

    def __init__(self, *, told: bool = False) -> None:
        super().__init__(told)
        self.told = told


class Terminated(Exception):
    """A signal ends the program with the exit code ``code``."""

    def __init__(self, code: Exit) -> None:
        super().__init__(code)
        self.code = code


class Signals:
    """The handlers of one event loop, for as long as ``installed`` lasts."""

    def __init__(self) -> None:
        self.interruptions = 0
        """How often Ctrl-C was pressed."""
        self._running: asyncio.Task[Any] | None = None
        self._code: Exit | None = None
        self._clearing: asyncio.Future[None] | None = None

    @property
    def ending(self) -> bool:
        """Whether a signal ends the program."""
        return self._code is not None

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Handle the signals; leave with ``Terminated`` when one of them ended the body."""
        body = asyncio.current_task()
        assert body is not None
        with ExitStack() as handlers:
            handlers.enter_context(_handler(signal.SIGINT, self._interrupt))
            for number, code in _ENDINGS.items():
                handlers.enter_context(_handler(number, partial(self._end, body, code)))
            try:
                yield
            except asyncio.CancelledError:
                if self._code is None:
                    raise
                body.uncancel()
                raise Terminated(self._code) from None

    async def interruptible(self, work: Coroutine[Any, Any, T]) -> T:
        """Return what the work returns; raise ``Interrupted`` when Ctrl-C cancelled it."""
        task = asyncio.create_task(work)
        self._running = task
        try:
            return await task
        except asyncio.CancelledError:
            caller = asyncio.current_task()
            if caller is not None and caller.cancelling():  # the session itself ends
                raise
            raise Interrupted from None
        finally:
            self._running = None

    def _interrupt(self) -> None:
        """Stop what runs; a second Ctrl-C stops the stopping. At the prompt, clear the line."""
        self.interruptions += 1
        if self._running is not None:
            self._running.cancel()
            return
        application = get_app_or_none()
        if application is not None and application.is_running:
            application.key_processor.send_sigint()

    def _end(self, body: asyncio.Task[Any], code: Exit) -> None:
        if self._code is not None:
            return
        self._code = code
        body.cancel()
        application = get_app_or_none()
        if application is not None and application.is_running:
            # It would wait for whoever has the terminal meanwhile, be it a person's editor.
            self._clearing = asyncio.ensure_future(application.cancel_and_wait_for_background_tasks())


@contextmanager
def _handler(number: signal.Signals, act: Callable[[], None]) -> Iterator[None]:
    """Handle a signal in the event loop and put back what was there before; an ignored one stays so (nohup)."""
    before = signal.getsignal(number)
    if before is signal.SIG_IGN:
        yield
        return
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(number, act)
    try:
        yield
    finally:
        loop.remove_signal_handler(number)
        signal.signal(number, before)
