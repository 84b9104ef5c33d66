"""A line in the person's own editor: from text to text, by a file that nobody else can read and that is removed.

It knows the environment's ``VISUAL`` and ``EDITOR``. It does not know what the text means.
"""

from __future__ import annotations

import asyncio
import os
import shlex
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from pyredis_cli.passwords import for_children

__all__ = ["EditorError", "edited"]

_PRIVATE: Final = 0o600
_USUAL: Final = "vi"
_NAME: Final = "command.redis"


class EditorError(Exception):
    """The text could not be edited; it is as it was."""


async def edited(text: str, environment: Mapping[str, str]) -> str:
    """Return what the person made of the text, without the line ends at its end.

    The terminal is the editor's meanwhile. What else it leaves beside the file, as copies, is removed too.
    """
    command = environment.get("VISUAL") or environment.get("EDITOR") or _USUAL
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise EditorError(f"the editor {command!r} cannot be read: {error}; set VISUAL or EDITOR") from None
    try:
        with TemporaryDirectory(prefix="pyredis-cli-") as folder:
            file = Path(folder, _NAME)
            _write(file, text)
            await _run([*words, str(file)])
            return _read(file)
    except OSError as error:
        raise EditorError(f"nothing can be edited: {error.strerror or error}") from None


def _write(file: Path, text: str) -> None:
    with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE), "wb") as private:
        private.write(text.encode("utf-8", "surrogateescape") + b"\n")


def _read(file: Path) -> str:
    return file.read_bytes().decode("utf-8", "surrogateescape").rstrip("\r\n")


async def _run(words: list[str]) -> None:
    try:
        program = await asyncio.create_subprocess_exec(*words, env=for_children(os.environ))
    except OSError as error:
        reason = error.strerror or "cannot be started"
        raise EditorError(f"the editor {words[0]}: {reason}; set VISUAL or EDITOR to another") from None
    try:
        code = await program.wait()
    except asyncio.CancelledError:  # the session ends, and with it what it started
        with suppress(ProcessLookupError):
            program.terminate()
        raise
    if code:
        raise EditorError(f"the editor {words[0]} failed with exit code {code}; the line is as it was")
