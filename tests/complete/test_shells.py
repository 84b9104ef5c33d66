"""The completion scripts are the program's, and bash, zsh and fish complete with them in a real terminal."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.program import PROGRAM, ROOT, ran
from tests.servers import Server
from tests.terminal import Terminal

SHELLS: Final = ("bash", "zsh", "fish")
FILES: Final = {"bash": "pyredis-cli.bash", "zsh": "_pyredis-cli", "fish": "pyredis-cli.fish"}


@pytest.mark.parametrize("shell", SHELLS)
def test_the_files_are_what_the_program_prints(shell: str) -> None:
    printed = ran("completion", shell)
    assert (printed.code, printed.said) == (0, "")
    assert (ROOT / "completions" / FILES[shell]).read_bytes() == printed.stdout


def test_the_generator_finds_nothing_to_write() -> None:
    check = [sys.executable, "scripts/generate_completions.py", "--check"]
    checked = subprocess.run(check, cwd=ROOT, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("words", [(), ("tcsh",), ("bash", "zsh")])
def test_another_shell_is_a_usage_error(words: tuple[str, ...]) -> None:
    done = ran("completion", *words)
    assert (done.code, done.stdout) == (2, b"")
    assert done.said == "completion takes the name of a shell: bash, zsh, fish\n"


# What a person runs is written down; what a script asks is asked of the program.
_STARTER: Final = """\
#!/bin/sh
[ "$1" = completion ] && exec {program} "$@"
printf '%s\\0' "$@" >> {got}
printf '\\0' >> {got}
"""


@pytest.fixture(params=SHELLS)
def shell(
    request: pytest.FixtureRequest, tmp_path: Path, terminal: Callable[..., Terminal]
) -> Iterator[Terminal]:
    """Return a shell at its prompt in a terminal, which has the script and a folder of files."""
    name: str = request.param
    program = shutil.which(name)
    if program is None:
        pytest.skip(f"{name} is not installed")
    folder = tmp_path / "shell"
    for path in ("bin", "work/a folder"):
        (folder / path).mkdir(parents=True)
    for path in ("work/a folder/inner", "work/one file", "work/two"):
        (folder / path).touch()
    starter = folder / "bin" / "pyredis-cli"
    starter.write_text(_STARTER.format(program=" ".join(PROGRAM), got=folder / "got"))
    starter.chmod(0o755)
    env = {
        "HOME": str(folder),
        "ZDOTDIR": str(folder),
        "PATH": f"{folder}/bin:/usr/bin:/bin",
        "PYTHONPATH": str(ROOT),
        "PYREDISCLI_COMPLETE_LIVE": "1",
        "LC_ALL": "C.UTF-8",
    }
    opened = terminal(
        [program, *_started(name, folder)], columns=140, rows=40, env=env, cwd=str(folder / "work")
    )
    opened.wait_until(lambda screen: screen.line == "$", what="the first prompt")
    yield opened
    opened.close()


def _started(name: str, folder: Path) -> list[str]:
    """Return the arguments that start a shell as if the script had been installed for it."""
    script = ROOT / "completions" / FILES[name]
    match name:
        case "bash":
            (folder / "rc").write_text(f"PS1='$ '\nbind 'set bell-style none'\nsource {script}\n")
            return ["--noprofile", "--rcfile", str(folder / "rc"), "-i"]
        case "zsh":
            (folder / ".zshrc").write_text(
                f"PS1='$ '\nunsetopt beep prompt_sp\nfpath=({script.parent} $fpath)\n"
                "autoload -Uz compinit\ncompinit -u -D\n"
            )
            return ["-d", "-i"]
    (folder / "rc").write_text(
        f"set -g fish_greeting\nfunction fish_prompt; echo -n '$ '; end\nsource {script}\n"
    )
    return ["--no-config", "-i", "-C", f"source {folder}/rc"]


def name_of(shell: Terminal) -> str:
    return os.path.basename(shell.argv[0])


def complete(shell: Terminal, typed: str) -> None:
    """Type the beginning of a line and TAB, and wait until the shell has put something in."""
    shell.send(typed)
    shell.wait_until(lambda screen: screen.before_cursor.endswith(typed[-1]), what="what was typed")
    before = shell.before_cursor
    for again in (True, True, False):  # a busy machine may take longer than a TAB may wait
        shell.send_key("tab")
        try:
            shell.wait_until(lambda screen: screen.before_cursor != before, what="a completion")
        except AssertionError:
            if not again:
                raise
        else:
            return


def finish(shell: Terminal) -> None:
    """Press Enter and wait for the next prompt."""
    shell.send_key("enter")
    shell.wait_until(lambda screen: screen.line == "$", what="the next prompt")


def got(tmp_path: Path) -> list[list[bytes]]:
    """Return the arguments of each run of the program."""
    runs = (tmp_path / "shell" / "got").read_bytes().split(b"\0\0")
    return [run.split(b"\0") for run in runs[:-1]]


KEYS: Final = (
    "user:1",
    "us er",
    "a b c:d",
    'say "on"',
    "it's",
    "$HOME",
    "back\\slash",
    "`ls`",
    "née:Ada",
    "bang!x",
    "{tag}:x[1]*?",
    "a;b|c&d<e>f#(g)~h^i%j,k",
    b"bytes\xff:\xc3x",
    "esc\x1bape",
    "tab\ttab",
    "line\nline",
)
OPEN: Final = ("", '"', "'")
IN_QUOTES: Final = (1, 3, 4, 5, 6, 9, 12)


def _is_left_out(shell: str, key: bytes, quote: str) -> bool:
    """Whether a shell has no way to write a key in such quotes, or would show it to the terminal as it is."""
    special = key.strip(b"\n\t") == key and (b"\xff" in key or b"\x1b" in key)
    if shell == "fish":
        return b"\t" in key or b"\n" in key or (special and bool(quote))
    return shell == "zsh" and b"\xff" in key and bool(quote)


def test_a_key_arrives_as_it_is_in_any_quotes(shell: Terminal, redis82: Server, tmp_path: Path) -> None:
    keys = [key if isinstance(key, bytes) else key.encode() for key in KEYS]
    for number, key in enumerate(keys):
        redis82.command("SET", b"%d-" % number + key, number)
    wanted = []
    for number, key in enumerate(keys):
        for quote in OPEN[: 3 if number in IN_QUOTES else 1]:
            if not _is_left_out(name_of(shell), key, quote):
                complete(shell, f"pyredis-cli -s {redis82.unix_path} GET {quote}{number}-")
                finish(shell)
                wanted.append([b"GET", b"%d-" % number + key])
    assert [line[2:] for line in got(tmp_path)] == wanted


def test_each_place_is_completed_by_what_belongs_there(
    shell: Terminal, redis82: Server, tmp_path: Path
) -> None:
    redis82.command("SELECT", 2)
    redis82.command("HSET", "person:ada", "first name", "Ada")
    redis82.command("SET", "person:text", "a string")
    redis82.command("SELECT", 0)
    where = f"-s {redis82.unix_path} -n 2"
    for typed in (
        "--pool",
        "--format j",
        "--format=j",
        "--cert one",
        "--cert=one",
        "-sone",
        "--cacertdir a",
        "exec -f a\\ folder/",
        "CONFIG RES",
        "config res",
        "exec SET key value KEEP",
        f"{where} HGET pers",
        f"{where} exec HGET person:",
        f"{where} HGET person:ada ",
        f"{where} HGET person:ada 'first n",
    ):
        complete(shell, f"pyredis-cli {typed}")
        finish(shell)
    complete(shell, "~/bin/pyredis-cli hgeta")
    finish(shell)
    redis82.command("MSET", "a pair:1", "x", "a pair:2", "x")
    complete(shell, f"pyredis-cli -s {redis82.unix_path} GET a")
    shell.send("2")  # all that one TAB can tell is what both begin with
    finish(shell)
    at = ["-s", redis82.unix_path, "-n", "2"]
    # zsh takes the slash away again when the line is finished.
    assert [[word.decode().removesuffix("/") for word in line] for line in got(tmp_path)] == [
        ["--pool-size"],
        ["--format", "json"],
        ["--format=json"],
        ["--cert", "one file"],
        ["--cert=one file"],
        ["-sone file"],
        ["--cacertdir", "a folder"],
        ["exec", "-f", "a folder/inner"],
        ["CONFIG", "RESETSTAT"],
        ["config", "resetstat"],
        ["exec", "SET", "key", "value", "KEEPTTL"],
        [*at, "HGET", "person:ada"],
        [*at, "exec", "HGET", "person:ada"],
        [*at, "HGET", "person:ada", "first name"],
        [*at, "HGET", "person:ada", "first name"],
        ["hgetall"],
        [*at[:2], "GET", "a pair:2"],
    ]


def test_a_profile_is_completed_in_a_terminal(shell: Terminal, tmp_path: Path) -> None:
    config = Path(os.environ["XDG_CONFIG_HOME"]) / "pyredis-cli/config.toml"
    config.parent.mkdir(parents=True)
    config.write_text("[profiles.production]\nhost = 'h'\npassword_command = 'touch looked-up'\n")
    complete(shell, "pyredis-cli @pro")
    finish(shell)
    complete(shell, "pyredis-cli --profile pro")
    finish(shell)
    assert got(tmp_path)[0][0] == b"@production"
    assert got(tmp_path)[-1] == [b"--profile", b"production"]
    assert not (tmp_path / "shell/work/looked-up").exists()
