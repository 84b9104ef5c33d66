"""Write the pictures of docs/repl.md: real sessions on a real terminal, as SVG.

Usage: python scripts/screenshots.py [NAME ...]

It starts a server of its own on Redis' port, types what a shot says, waits for what is to be seen, and draws the
screen. It needs what the tests need (``pip install '.[test]'``).
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.servers import BINARIES, Server  # noqa: E402  # the path is known only now
from tests.terminal import Terminal  # noqa: E402

FOLDER: Final = ROOT / "docs" / "images"
_COLUMNS: Final = 100
_ROWS: Final = 34
_PORT: Final = 6379
_CELL: Final = 8.4, 17.0  # pixels of a character
_MARGIN: Final = 14.0
_FONT: Final = "'DejaVu Sans Mono', Menlo, Consolas, monospace"
_BACK: Final = "#16181d"
_FRONT: Final = "#d7dae0"
_COLORS: Final = {
    "black": "#3b4048",
    "red": "#ef6b73",
    "green": "#8fc379",
    "brown": "#e3bd6f",
    "blue": "#6cb0f0",
    "magenta": "#c886dd",
    "cyan": "#5bb8c2",
    "white": "#d7dae0",
    "brightblack": "#767d89",
    "brightred": "#ef6b73",
    "brightgreen": "#8fc379",
    "brightbrown": "#e3bd6f",
    "brightblue": "#6cb0f0",
    "brightmagenta": "#c886dd",
    "brightcyan": "#5bb8c2",
    "brightwhite": "#ffffff",
}


# -- what is shown


def _line(screen: Terminal, line: str) -> None:
    """Type a line and wait for the next prompt."""
    screen.send_line(line)
    screen.wait_until(lambda shown: shown.line.endswith(">") and line in shown.text)


def _typing(screen: Terminal, text: str, seen: str) -> None:
    screen.send(text)
    screen.wait_for(seen)


def _first_steps(screen: Terminal, server: Server) -> None:
    for line in (
        'HSET user:7 name "Ada 🦊" city 東京',
        "HGETALL user:7",
        "LPUSH user:7 x",
        "SELECT 2",
        "MULTI",
        "INCR visits",
        "EXEC",
    ):
        _line(screen, line)


def _replies(screen: Terminal, server: Server) -> None:
    session = '{"user":7,"rights":["read","write"]}'
    server.command("HSET", "session:9", "name", "Ada 🦊", "expires", "1795719854", "state", session)
    server.command("ZADD", "board", "42", "ada", "17.5", "grace", "9", "linus")
    for number in range(3):
        server.command("XADD", "jobs", f"{1_795_719_854_000 + number * 1500}-0", "kind", "mail", "to", "ada")
    server.command("XGROUP", "CREATE", "jobs", "workers", "0")
    server.command("XREADGROUP", "GROUP", "workers", "w-1", "COUNT", "1", "STREAMS", "jobs", ">")
    _line(screen, ":set timing off")
    screen.send_key("c-l")
    for line in (
        "HGETALL session:9",
        "ZRANGE board 0 -1 WITHSCORES",
        "XRANGE jobs - +",
        "XINFO GROUPS jobs",
    ):
        _line(screen, line)


def _typing_a_command(screen: Terminal, server: Server) -> None:
    for number in range(12):
        server.command("SET", f"session:{number}", number)
    server.command("HSET", "settings", "theme", "dark")
    _typing(screen, "GET se", "session:11")


def _hints(screen: Terminal, server: Server) -> None:
    _line(screen, ":set live-completion off")
    _typing(screen, "ZADD board GT 42 ada ", "O(log(N))")


def _mistake(screen: Terminal, server: Server) -> None:
    _line(screen, ":set live-completion off")
    _typing(screen, "SET greeting hello EX ten ", "EX ten")


def _lua(screen: Terminal, server: Server) -> None:
    _line(screen, ":set live-completion off")
    _typing(screen, "EVAL \"local n = redis.call('INCR', KEYS[1]) return n + 1\" 1 visits", "since 2.6.0")


def _secrets(screen: Terminal, server: Server) -> None:
    _line(screen, ":set live-completion off")
    _typing(screen, "ACL SETUSER ada on >correct-horse ~app:* +@read", "+@read")


def _messages(screen: Terminal, server: Server) -> None:
    _line(screen, "SUBSCRIBE news")
    server.command("PUBLISH", "news", "first")
    server.command("PUBLISH", "news", '{"id": 7, "title": "Ada 🦊"}')
    screen.wait_for('\\"title\\"')
    _line(screen, "INCR readers")
    _typing(screen, "GET read", "GET read")


def _monitor(screen: Terminal, server: Server) -> None:
    _line(screen, ":monitor --match user:*")
    for argv in (
        ("HGET", "user:7", "name"),
        ("PING",),
        ("HSET", "user:7", "city", "Kyoto"),
        ("DEL", "user:8"),
    ):
        server.command(*argv)
    screen.wait_for("DEL user:8")
    screen.wait_for("lines/s")


def _interrupt(screen: Terminal, server: Server) -> None:
    screen.send_line("BLPOP jobs 0")
    screen.wait_for("Ctrl-C stops")
    screen.send_key("c-c")
    screen.wait_for("was unblocked")
    server.command("LPUSH", "jobs", "one")
    _line(screen, "BLPOP jobs 5")


def _help(screen: Terminal, server: Server) -> None:
    _typing(screen, "ZADD ", "O(log(N))")  # the server has told by now what it documents
    screen.send_key("c-u")
    _line(screen, "help zadd")


SHOTS: Final[dict[str, Callable[[Terminal, Server], None]]] = {
    "first-steps": _first_steps,
    "replies": _replies,
    "completion": _typing_a_command,
    "hints": _hints,
    "mistake": _mistake,
    "lua": _lua,
    "secrets": _secrets,
    "messages": _messages,
    "monitor": _monitor,
    "interrupt": _interrupt,
    "help": _help,
}


# -- how it is drawn


def svg(screen: Terminal) -> str:
    """Return the picture of the screen; of several empty rows one is drawn, of those at the end none."""
    width, height = _CELL
    lines = screen.display
    rows = [row for row, line in enumerate(lines) if line or (lines[row - 1] and any(lines[row:]))]
    total = _MARGIN * 2 + _COLUMNS * width, _MARGIN * 2 + len(rows) * height
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {total[0]:g} {total[1]:g}" '
        f'font-family="{_FONT}" font-size="14">',
        f'<rect width="100%" height="100%" rx="8" fill="{_BACK}"/>',
    ]
    for place, row in enumerate(rows):
        parts += _row(screen, row, _MARGIN + place * height)
    return "\n".join([*parts, "</svg>", ""])


def _row(screen: Terminal, row: int, top: float) -> Iterator[str]:
    width, height = _CELL
    cells = [(column, screen.cell(column, row)) for column in range(_COLUMNS)]
    for style, run in groupby(cells, key=lambda cell: (*_paint(cell[1]), cell[1].bold, cell[1].underscore)):
        front, back, bold, underlined = style
        members = list(run)
        text = "".join(cell.data for _, cell in members)
        left, size = _MARGIN + members[0][0] * width, len(members) * width
        if back != _BACK:
            yield f'<rect x="{left:g}" y="{top:g}" width="{size:g}" height="{height:g}" fill="{back}"/>'
        if text.strip():
            weight = ' font-weight="bold"' if bold else ""
            line = ' text-decoration="underline"' if underlined else ""
            yield (
                f'<text x="{left:g}" y="{top + height * 0.76:g}" fill="{front}"{weight}{line} '
                f'xml:space="preserve" textLength="{size:g}">{escape(text)}</text>'
            )
    if screen.cursor[1] == row:
        left = _MARGIN + screen.cursor[0] * width
        yield (
            f'<rect x="{left:g}" y="{top:g}" width="{width:g}" height="{height:g}" '
            f'fill="{_FRONT}" fill-opacity="0.5"/>'
        )


def _paint(cell: object) -> tuple[str, str]:
    front, back = _color(cell.fg, _FRONT), _color(cell.bg, _BACK)  # type: ignore[attr-defined]
    return (back, front) if cell.reverse else (front, back)  # type: ignore[attr-defined]


def _color(name: str, default: str) -> str:
    if name == "default":
        return default
    return _COLORS.get(name, f"#{name}")


def main(names: list[str]) -> int:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in names or SHOTS:
        with tempfile.TemporaryDirectory() as home:
            server = Server(BINARIES["redis82"], port=_PORT)
            server.start()
            env = {"HOME": home, "XDG_STATE_HOME": home, "XDG_CACHE_HOME": home, "XDG_CONFIG_HOME": home}
            env |= {"REDISCLI_HISTFILE": f"{home}/history", "REDISCLI_RCFILE": os.devnull}
            env |= {"PYREDISCLI_CONFIG": os.devnull, "NO_COLOR": "", "COLORTERM": ""}
            argv = [sys.executable, "-m", "pyredis_cli", "-p", str(server.port)]
            try:
                with Terminal(argv, columns=_COLUMNS, rows=_ROWS, env={**os.environ, **env}) as screen:
                    screen.wait_until(lambda shown: shown.line.endswith(">"))
                    SHOTS[name](screen, server)
                    (FOLDER / f"{name}.svg").write_text(svg(screen), encoding="utf-8")
            finally:
                server.stop()
        print(f"wrote docs/images/{name}.svg")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
