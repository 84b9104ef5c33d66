"""What is printed while a prompt is on the screen."""

from __future__ import annotations

import asyncio

import pytest
from prompt_toolkit import PromptSession
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from pyredis_cli.repl.terminal import above_prompt


@pytest.mark.parametrize("entered", [True, False])
async def test_a_line_that_was_entered_is_drawn_before_anything_is_printed(entered: bool) -> None:
    """Else it would vanish: what is on the screen is erased, and after its end a prompt draws nothing."""
    with create_pipe_input() as keyboard, create_app_session(keyboard, DummyOutput()):
        prompt: PromptSession[str] = PromptSession("> ")
        drawn = asyncio.Event()
        drawings = []

        def note() -> None:
            drawings.append(prompt.app.is_done)
            drawn.set()

        prompt.app.after_render += lambda _: note()
        reading = asyncio.create_task(prompt.prompt_async())
        await drawn.wait()
        if entered:
            prompt.app.exit(result="typed")
        async with above_prompt():
            assert drawings[-1] is entered
            assert prompt.app.is_running is not entered
        if not entered:
            prompt.app.exit(result="typed")
        assert await reading == "typed"
        assert drawings[-1]
