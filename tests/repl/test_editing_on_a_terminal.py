"""Editing a line, as a person does it: open quotes, vi's keys, searching, an editor, the way out."""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.repl.conftest import StartRepl, ask, at_prompt
from tests.servers import Server, wait_until
from tests.terminal import Terminal


def until_line(screen: Terminal, ending: str) -> None:
    """Wait for what the cursor's line ends with, suggestions and hints left out."""
    screen.wait_until(
        lambda terminal: terminal.before_cursor.endswith(ending), what=f"a line that ends {ending!r}"
    )


def history() -> list[str]:
    path = Path(os.environ["XDG_STATE_HOME"], "pyredis-cli", "history")
    return path.read_text().splitlines() if path.exists() else []


# -- open quotes


@pytest.mark.parametrize(
    ("first", "mark", "rest", "value"),
    [
        ('SET k "a', '"> ', 'b"', b"a\nb"),
        ("SET k 'it\\'s", "'> ", "so'", b"it's\nso"),
        ("SET k \"it's [{(", '"> ', '\\"x\\""', b'it\'s [{(\n"x"'),
    ],
)
def test_an_open_quote_goes_on_in_the_next_line(
    repl: StartRepl, redis82: Server, first: str, mark: str, rest: str, value: bytes
) -> None:
    screen = repl(redis82)
    screen.send_line(first)
    screen.wait_until(lambda terminal: terminal.before_cursor == mark)
    screen.send_line(rest)
    screen.wait_for("OK")
    assert redis82.command("GET", "k") == value


def test_the_indentation_of_a_value_is_the_persons_own(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82)
    screen.send('SET k "\r  a\rb"\r')
    screen.wait_for("OK")
    assert redis82.command("GET", "k") == b"\n  a\nb"


def test_brackets_never_continue_a_line(repl: StartRepl, redis82: Server) -> None:
    assert ask(repl(redis82), "SET k {[(").startswith("OK")
    assert redis82.command("GET", "k") == b"{[("


def test_ctrl_c_drops_all_lines_of_an_open_quote(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82)
    screen.send('SET k "a\rb')
    screen.wait_until(lambda terminal: terminal.before_cursor == '"> b')
    screen.send_key("c-c")
    screen.wait_until(lambda terminal: at_prompt(terminal) and str(redis82.port) in terminal.line)
    assert ask(screen, "EXISTS k").startswith("(integer) 0")
    assert history() == ["EXISTS k"]


def test_a_command_of_several_lines_is_one_line_of_the_history(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82)
    screen.send("SET k 'a\rb'\r")
    screen.wait_until(lambda terminal: "OK" in terminal.text and at_prompt(terminal))
    screen.send_key("up")
    until_line(screen, r'> SET k "a\nb"')
    screen.send_key("c-u")
    screen.send(" SET secret 'a\rb'\r")
    screen.wait_until(lambda terminal: terminal.text.count("OK") == 2)
    assert history() == [r'SET k "a\nb"']


def test_enter_in_an_earlier_line_of_a_value_breaks_it_there(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82)
    screen.send('SET k "ab\rc')
    screen.wait_until(lambda terminal: terminal.before_cursor == '"> c')
    screen.send_key("up", "home")
    screen.send_key(*["right"] * 8)
    screen.send_key("enter", "down", "end")
    screen.send('"\r')
    screen.wait_for("OK")
    assert redis82.command("GET", "k") == b"a\nb\nc"


# -- pasting


def test_a_paste_with_an_open_quote_stays_to_be_finished(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82)
    screen.paste('SET a 1\nSET k "{\n  1')
    screen.send_key("enter")
    screen.wait_until(lambda terminal: terminal.before_cursor == '"> ')
    assert redis82.command("EXISTS", "a", "k") == 0
    screen.send('}"\r')
    screen.wait_for("Run these 2 commands? [y/N]")
    screen.send("y")
    wait_until(lambda: redis82.command("GET", "k") == b"{\n  1\n}")


@pytest.mark.parametrize("key", ["\r", "n", "\x1b"])
def test_a_paste_that_is_not_agreed_to_stays_to_be_edited(repl: StartRepl, redis82: Server, key: str) -> None:
    screen = repl(redis82)
    screen.paste("SET a 1\nSET b 2")
    screen.send_key("enter")
    screen.wait_for("Run these 2 commands? [y/N]")
    screen.send(key)
    screen.wait_until(lambda terminal: "[y/N]" not in terminal.text)
    assert redis82.command("DBSIZE") == 0
    screen.send("3")
    until_line(screen, "... SET b 23")
    screen.send_key("enter")
    screen.wait_for("[y/N]")
    screen.send("y")
    wait_until(lambda: redis82.command("GET", "b") == b"23")
    assert history() == ["SET a 1", "SET b 23"]


def test_an_enter_behind_a_no_is_a_part_of_it(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82)
    screen.paste("# don't skip\nSET a 1\nSET b 2")
    screen.send_key("enter")
    screen.wait_for("Run these 2 commands? [y/N]")
    screen.send("n\r")
    screen.wait_until(lambda terminal: "[y/N]" not in terminal.text)
    screen.send_key("enter")
    screen.wait_for("[y/N]")
    screen.send_key("c-d")
    screen.wait_until(lambda terminal: "[y/N]" not in terminal.text)
    screen.send_key("enter")
    screen.wait_for("[y/N]")
    screen.send("y")
    wait_until(lambda: redis82.command("DBSIZE") == 2)
    screen.wait_until(at_prompt)
    assert "unknown command" not in screen.text


def test_a_no_is_forgotten_with_the_line(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82)
    for _ in range(2):
        screen.paste("SET a 1\nSET b 2")
        screen.send_key("enter")
        screen.wait_for("Run these 2 commands? [y/N]")
        screen.send("n")
        screen.wait_until(lambda terminal: "[y/N]" not in terminal.text)
        screen.send_key("c-c")
        screen.wait_until(at_prompt)


def test_a_comment_is_sent_nowhere(repl: StartRepl, redis82: Server, tmp_path: Path) -> None:
    screen = repl(redis82)
    ask(screen, f":transcript {tmp_path}/t")
    assert ask(screen, "# it's the cache's fault") == ""
    assert ask(screen, "# don't use AUTH s3cret-word") == ""
    screen.send_key("enter")
    assert ask(screen, "PING") == "PONG"
    kept = (tmp_path / "t").read_text()
    assert "> # it's the cache's fault\n" in kept
    assert "s3cret-word" not in kept
    assert kept.count("> ") == 3, "an Enter alone is nothing that was typed"
    assert history()[-1] == "PING"
    assert "#" not in history()


def test_a_question_is_forgotten_with_the_line(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82)
    screen.paste("SET a 1\nSET b 2")
    screen.send_key("enter")
    screen.wait_for("[y/N]")
    screen.send_key("c-c")
    screen.wait_until(lambda terminal: at_prompt(terminal) and "[y/N]" not in terminal.text)
    assert ask(screen, "DBSIZE").startswith("(integer) 0")
    assert history() == ["DBSIZE"]


@pytest.mark.parametrize("keys", [("m-enter",), ("c-o",)])
def test_no_key_goes_round_the_question(repl: StartRepl, redis82: Server, keys: tuple[str, ...]) -> None:
    screen = repl(redis82)
    screen.paste("SET a 1\nSET b 2")
    screen.send_key(*keys)
    screen.wait_for("[y/N]")
    assert redis82.command("DBSIZE") == 0


def test_a_yes_before_the_question_could_be_read_is_none(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82)
    # A terminal that lets the end of a paste be pasted would enter and agree to it.
    screen.send("\x1b[200~SET a 1\nSET b 2\x1b[201~\ry")
    screen.wait_for("[y/N]")
    assert redis82.command("DBSIZE") == 0
    screen.send("y")
    wait_until(lambda: redis82.command("DBSIZE") == 2)


def test_what_looks_like_a_mouse_in_pasted_text_is_harmless(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82)
    screen.send("SET k 'a\x1b[31mb\x1b[0m'")
    until_line(screen, "> SET k 'ab'")
    screen.send_key("enter")
    screen.wait_for("OK")
    assert "xception" not in screen.text


@pytest.mark.parametrize("term", ["xterm", "dumb"])
async def test_a_long_line_typed_ahead_is_whole(repl: StartRepl, redis82: Server, term: str) -> None:
    screen = repl(redis82, env={"TERM": term})
    screen.send_line("BLPOP q 0")
    await redis82.until_blocked()
    screen.send_line(f"SET k {'x' * 5_000}")  # of a line of its own a terminal keeps 4,095 bytes
    redis82.command("RPUSH", "q", "1")
    wait_until(lambda: redis82.command("EXISTS", "k"), 60)
    assert redis82.command("STRLEN", "k") == 5_000


def test_one_pasted_command_runs_at_enter(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82)
    screen.paste("\n\nSET a 1\n")
    screen.send_key("enter")
    screen.wait_for("OK")
    assert "[y/N]" not in screen.text


def test_pasted_lines_with_a_blank_in_front_are_not_remembered(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82)
    screen.paste("SET a 1\n SET b 2\nSET c 3")
    screen.send_key("enter")
    screen.wait_for("[y/N]")
    screen.send("y")
    wait_until(lambda: redis82.command("EXISTS", "a", "b", "c") == 3)
    assert history() == ["SET a 1", "SET c 3"]


# -- vi and emacs


def test_vi_is_there_at_the_next_prompt_and_says_its_mode(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82)
    assert "vi on" in ask(screen, ":set vi on")
    until_line(screen, f"[I] 127.0.0.1:{redis82.port}> ")
    screen.send("SET k wrong")
    screen.send_key("escape")
    screen.wait_until(lambda terminal: terminal.line.startswith("[N] "))
    screen.send("bcwright")
    screen.wait_until(lambda terminal: terminal.line.startswith("[I] "))
    screen.send_key("enter")
    screen.wait_for("OK")
    assert redis82.command("GET", "k") == b"right"
    screen.send_line(":set vi off")
    screen.wait_until(lambda terminal: at_prompt(terminal) and not terminal.line.startswith("["))
    assert f"\n127.0.0.1:{redis82.port}> SET k right\n" in screen.text


@pytest.mark.parametrize("vi", [False, True])
def test_ctrl_r_and_ctrl_s_search_the_history(repl: StartRepl, redis82: Server, vi: bool) -> None:
    screen = repl(redis82)
    if vi:
        screen.send_line(":set vi on")
        screen.wait_until(lambda terminal: terminal.line.startswith("[I]"))
    for line in ("SET a first", "SET b first", "PING"):
        ask(screen, line)
    screen.send_key("c-r")
    screen.send("set")  # as somebody types who is in a hurry
    screen.wait_for("SET b first")
    screen.wait_until(lambda terminal: "SET b first" in terminal.line)
    screen.send_key("c-r")
    screen.wait_until(lambda terminal: "SET a first" in terminal.line)
    screen.send_key("c-s")
    screen.wait_until(lambda terminal: "SET b first" in terminal.line)
    screen.send_key("enter", "enter")
    screen.wait_until(lambda terminal: terminal.text.count("> SET b first\nOK") == 2)


def test_ctrl_l_clears_the_screen_and_keeps_the_line(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82)
    ask(screen, "PING")
    screen.send("GET k")
    until_line(screen, "GET k")
    screen.send_key("c-l")
    screen.wait_until(lambda terminal: terminal.cursor[1] == 0)
    until_line(screen, "GET k")


# -- an editor


@pytest.fixture
def editor(tmp_path: Path) -> Callable[[str], str]:
    """Return ``editor(code)``: the command of an editor that does that to the ``path`` it is given."""

    def make(code: str) -> str:
        script = tmp_path / "editor.py"
        script.write_text(f"import pathlib, sys\npath = pathlib.Path(sys.argv[-1])\n{code}\n")
        return f"{sys.executable} {script}"

    return make


def test_the_editor_changes_the_line_and_runs_nothing(
    repl: StartRepl, redis82: Server, editor: Callable[[str], str], tmp_path: Path
) -> None:
    seen = tmp_path / "seen"
    command = editor(
        "text = path.read_text()\n"
        f"open({str(seen)!r}, 'w').write(f'{{path}} {{path.stat().st_mode:o}} {{text}}')\n"
        "path.with_name('copy~').write_text(text)\n"
        "path.write_text(text.replace('old', 'new'))"
    )
    screen = repl(redis82, env={"VISUAL": command, "EDITOR": "false"})
    screen.send("SET k old")
    screen.send_key("c-x", "c-e")
    until_line(screen, "> SET k new")
    assert redis82.command("EXISTS", "k") == 0
    path, mode, text = seen.read_text().split(" ", 2)
    assert text == "SET k old\n"
    assert stat.S_IMODE(int(mode, 8)) == 0o600
    assert not Path(path).parent.exists()
    screen.send_key("enter")
    screen.wait_for("OK")
    assert redis82.command("GET", "k") == b"new"


def test_v_opens_the_editor_in_vi(repl: StartRepl, redis82: Server, editor: Callable[[str], str]) -> None:
    screen = repl(redis82, env={"VISUAL": "", "EDITOR": editor("path.write_text('PING')")})
    ask(screen, ":set vi on")
    screen.send("GET k")
    screen.send_key("escape")
    screen.wait_until(lambda terminal: terminal.line.startswith("[N]"))
    screen.send("v")
    screen.wait_until(lambda terminal: terminal.line.endswith("> PING"))


def test_commands_from_the_editor_are_asked_about(
    repl: StartRepl, redis82: Server, editor: Callable[[str], str]
) -> None:
    screen = repl(redis82, env={"VISUAL": editor("path.write_text('SET a 1\\nSET b 2\\n')")})
    screen.send_key("c-x", "c-e")
    until_line(screen, "... SET b 2")
    screen.send_key("enter")
    screen.wait_for("Run these 2 commands? [y/N]")
    screen.send("y")
    wait_until(lambda: redis82.command("EXISTS", "a", "b") == 2)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("/nosuch/editor", "the editor /nosuch/editor: No such file or directory; set VISUAL or EDITOR"),
        ("false", "the editor false failed with exit code 1; the line is as it was"),
        ("'unbalanced", "cannot be read"),
    ],
)
def test_an_editor_that_fails_is_one_line_and_the_line_stays(
    repl: StartRepl, redis82: Server, command: str, said: str
) -> None:
    screen = repl(redis82, env={"VISUAL": command})
    screen.send("SET k v")
    screen.send_key("c-x", "c-e")
    screen.wait_for(said)
    until_line(screen, "> SET k v")
    assert "Traceback" not in screen.text
    screen.send_key("enter")
    screen.wait_for("OK")


def test_ctrl_c_in_the_editor_is_the_editors(
    repl: StartRepl, redis82: Server, editor: Callable[[str], str]
) -> None:
    command = editor(
        "import os, signal\nos.kill(os.getppid(), signal.SIGINT)\npath.write_text('GET ' + 'k' * 3)"
    )
    screen = repl(redis82, env={"VISUAL": command})
    screen.send("GET k")
    screen.send_key("c-x", "c-e")
    until_line(screen, "> GET kkk")
    screen.send_key("enter")
    screen.wait_for("(nil)")


def test_ctrl_z_suspends_and_fg_goes_on_with_the_line(
    terminal: Callable[..., Terminal], redis82: Server
) -> None:
    screen = terminal(["bash", "--norc", "-i"], columns=120, env={"PS1": "shell$ "})
    screen.wait_for("shell$ ")
    screen.send_line(f"{sys.executable} -m pyredis_cli -p {redis82.port}")
    screen.wait_until(lambda shown: shown.line.endswith(f"{redis82.port}>"))
    screen.send("AUTH half")
    until_line(screen, "AUTH ****")
    marked = screen.raw.rfind(b"\x1b[?2004h")
    screen.send_key("c-z")
    screen.wait_until(lambda shown: shown.line.endswith("shell$"))
    assert b"\x1b[?2004l" in screen.raw[marked:]  # the shell may want no marks around what is pasted
    screen.send_line("fg")
    until_line(screen, "AUTH ****")
    screen.send_key("c-u")
    screen.send_line("PING")
    screen.wait_for("PONG")


def test_a_secret_is_not_given_to_an_editor(
    repl: StartRepl, redis82: Server, editor: Callable[[str], str], tmp_path: Path
) -> None:
    opened = tmp_path / "opened"
    screen = repl(redis82, env={"VISUAL": editor(f"open({str(opened)!r}, 'w')")})
    screen.send("AUTH hunter2")
    screen.send_key("c-x", "c-e")
    screen.wait_for("the line holds a secret")
    until_line(screen, "> AUTH *******")
    assert not opened.exists()


# -- the way out


def test_ctrl_c_on_an_empty_line_tells_the_way_out_once(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82)
    screen.send("GET half")
    until_line(screen, "GET half")
    for presses in range(1, 6):
        screen.send_key("c-c")
        screen.wait_until(lambda terminal: at_prompt(terminal) and _prompts(terminal) == presses + 1)  # noqa: B023
        assert screen.text.count("Ctrl-D, quit or exit leaves") == (1 if presses >= 3 else 0), presses
    assert ask(screen, "PING").startswith("PONG")


def _prompts(screen: Terminal) -> int:
    return len(re.findall(r"^127\.0\.0\.1:\d+>", screen.text, re.MULTILINE))


# -- dumb terminals


def test_a_dumb_terminal_continues_quotes_and_hides_secrets(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82, env={"TERM": "dumb"})
    screen.send_line('SET k "a')
    screen.wait_until(lambda terminal: terminal.before_cursor == '"> ')
    screen.send_line('b"')
    screen.wait_until(lambda terminal: "OK" in terminal.text and at_prompt(terminal))
    assert redis82.command("GET", "k") == b"a\nb"
    screen.send_line("AUTH hunter2")
    screen.wait_until(lambda terminal: "> AUTH *******\n(error)" in terminal.text and at_prompt(terminal))
    screen.send_key("up", "up")
    screen.wait_until(lambda terminal: terminal.line.endswith(r'> SET k "a\nb"'))
    screen.send_key("c-c")
    screen.send_line("clear")
    screen.send("GET kk")
    screen.send_key("backspace", "enter")
    screen.wait_for(r'"a\nb"')
    screen.send_key("c-d")
    assert screen.exit_code() == 0
    assert b"\x1b" not in screen.raw
    assert b"hunter2" not in screen.raw
    assert history() == [r'SET k "a\nb"', "AUTH ***", "clear", "GET k"]


def test_a_dumb_terminal_shows_the_question(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82, env={"TERM": "dumb"})
    screen.paste("SET a 1\nSET b 2")
    screen.send_key("enter")
    until_line(screen, "Run these 2 commands? [y/N] ")
    screen.send("n\r")
    until_line(screen, "... SET b 2")
    screen.send_key("enter")
    until_line(screen, "[y/N] ")
    screen.send("y")
    screen.wait_until(lambda terminal: "> SET b 2\nOK" in terminal.text and at_prompt(terminal))
    assert b"\x1b" not in screen.raw
