"""Where scenes are played: a shell, the REPL on a real terminal, and the page that is written of it.

What was typed and what was shown goes into a page as it was; only ports and folders get the names that the page
gives them. It knows no scene and no server.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from textwrap import wrap
from typing import Any, Final

from tests.pages import Example, Shell
from tests.terminal import Terminal

__all__ = ["Screen", "Stage", "alike"]

_WAIT: Final = 30.0
_PLACES: Final = {
    "CONFIG": ".config",
    "DATA": ".local/share",
    "STATE": ".local/state",
    "CACHE": ".cache",
}
_TOOK: Final = re.compile(r"\(\d+\.\d+s\)")
_NUMBER: Final = re.compile(r"\d+(?:[.,:]\d+)*")
_OWN: Final = re.compile(
    r"(?!hgetall )[a-z]+(\|[a-z]+)?  .* \d+%  |\d+ more commands?|(memory|clients) .* → "
)
_UNITS: Final = re.compile(r"# (?:µs|ms|s|min|h|d)\b|#[KMGB]\b|\(#s\)")
_CHANGE: Final = re.compile("# → #")
_BARS: Final = re.compile("[▁▂▃▄▅▆▇█]+")


def alike(text: str) -> list[str]:
    """Return the lines of a text without what is another one each time: figures, times, and the room they take.

    Which commands the server ran beside the one that is looked at, and what memory they took, is left out as well.
    """
    return [_settled(line) for line in text.splitlines() if not _OWN.match(line)]


def _settled(line: str) -> str:
    line = _UNITS.sub("#", _BARS.sub("", _NUMBER.sub("#", line)))
    return re.sub(r"-{2,}", "--", re.sub(r" +", " ", _CHANGE.sub("#", line.replace("≤ ", "")))).strip()


class Stage:
    """A folder to play in; ``names`` are what the page says, and what is really there, port for port."""

    def __init__(self, folder: Path, names: Mapping[str, str]) -> None:
        folder.mkdir()
        self.folder = folder
        self.page: list[str] = []
        self._names = dict(names)
        self._env = {
            "HOME": str(folder),
            **{f"XDG_{name}_HOME": str(folder / place) for name, place in _PLACES.items()},
        }
        os.environ.update(self._env)
        self._shell = Shell(folder, self._names, None)

    def say(self, *paragraphs: str) -> None:
        """Write something about what is shown."""
        for paragraph in paragraphs:
            self.page += [*wrap(paragraph, 120), ""]

    def file(self, name: str, text: str) -> None:
        """Put a file where commands run, or with a ``~/`` into the home, without a word."""
        at_home = name.startswith("~/")
        path = self.folder / name[2:] if at_home else self._shell.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self._real(text), encoding="utf-8")
        path.chmod(0o600)

    def show(self, language: str, text: str) -> None:
        self.page += [f"```{language}", *text.rstrip("\n").splitlines(), "```", ""]

    def call(self, port: int, name: str) -> None:
        """Give a port a name that another one may have had: who becomes the primary is not known before."""
        other = next(shown for shown, real in self._names.items() if real == str(port))
        self._names[other], self._names[name] = self._names[name], str(port)
        self._shell = Shell(self.folder, self._names, None)

    def run(self, *commands: str) -> None:
        """Run lines of bash and show what they print."""
        shown = []
        for command in commands:
            printed = self._shell.run(Example(command, ""))
            shown.append("$ " + command.replace("\n", "\n> ") + "\n" + self.named(printed))
        self.show("text", "".join(shown))

    @contextmanager
    def repl(self, flags: str = "", *, rows: int = 40, columns: int = 100) -> Iterator[Screen]:
        """Lend the REPL; what was typed and shown is a block of the page when it ends."""
        argv = [sys.executable, "-m", "pyredis_cli", *shlex.split(self._real(flags))]
        with Terminal(
            argv, columns=columns, rows=rows, env=self._env, cwd=str(self._shell.folder)
        ) as terminal:
            screen = Screen(terminal)
            screen.until_prompt()
            screen.keep(f"$ pyredis-cli {flags}".rstrip())
            yield screen
            self.show("text", self.named("\n".join(screen.kept)))

    def named(self, text: str) -> str:
        """Return a text with the names of the page."""
        for shown, real in self._names.items():
            text = text.replace(real, shown)
        return text.replace(str(self.folder), "~")

    def _real(self, text: str) -> str:
        for shown, real in self._names.items():
            text = text.replace(shown, real)
        return text


class Screen:
    """The REPL as a person sees it; what is to be shown of it is kept."""

    def __init__(self, terminal: Terminal) -> None:
        self.terminal = terminal
        self.kept: list[str] = []
        self._seen = 0

    def keep(self, *lines: str) -> None:
        self.kept += lines

    def until_prompt(self, more: int = 0, typed: str = "") -> None:
        end = f"> {typed}".rstrip()
        self.terminal.wait_until(
            lambda screen: screen.line.endswith(end) and len(screen.text_to_cursor) >= self._seen + more,
            _WAIT,
            "the prompt",
        )

    def until_told(self, text: str) -> None:
        """Return once a text is on the line of the prompt."""
        self.terminal.wait_until(lambda screen: text in screen.line, _WAIT, text)

    def type(
        self,
        line: str,
        *answers: tuple[str, str],
        leads_to: str = "",
        meanwhile: Callable[[], object] | None = None,
    ) -> None:
        """Type a line, answer what is asked, and keep all of it, up to the next prompt.

        ``leads_to`` is what stands behind that already. ``meanwhile`` is done once it is told how long it takes.
        """
        before = self.terminal.text_to_cursor.rstrip("\n")
        start = len(before) - len(before.splitlines()[-1])
        self._seen = len(before)
        self.terminal.send_line(line)
        for question, answer in answers:
            self.terminal.wait_until(lambda screen, asked=question: asked in screen.line, _WAIT, question)  # type: ignore[misc]
            self._seen = len(self.terminal.text_to_cursor)
            self.terminal.send_line(answer)
        if meanwhile is not None:
            self.until_told("Ctrl-C shows what there is so far")
            meanwhile()
        self.until_prompt(1, leads_to)
        printed = self.terminal.text_to_cursor[start:].splitlines()[:-1]
        self.keep(*(row.rstrip() for row in printed if not _TOOK.fullmatch(row)))

    def look(self, typed: str, until: str, *keys: str, clear: bool = True) -> None:
        """Type and keep what the screen shows from that line on, once ``until`` is there; then clear the line."""
        self.terminal.send(typed)
        for key in keys:
            self.terminal.send_key(key)
        self.terminal.wait_until(
            lambda screen: re.search(until, "\n".join(self._from_prompt(screen))), _WAIT, until
        )
        rows = self._from_prompt(self.terminal)
        self.keep(*(row for row, below in zip(rows, [*rows[1:], "."], strict=True) if row or below))
        if clear:
            self.terminal.send_key("c-e", "c-u")
            self.terminal.wait_until(
                lambda screen: screen.before_cursor.endswith("> "), _WAIT, "an empty line"
            )

    def _from_prompt(self, screen: Any) -> list[str]:
        rows = list(screen.display)
        while rows and not rows[-1].strip():
            rows.pop()
        return [row.rstrip() for row in rows[screen.cursor[1] :]]
