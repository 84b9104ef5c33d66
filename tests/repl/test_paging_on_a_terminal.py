"""Replies longer than the screen: page by page, in our own pager and in the person's, and without one."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import termios
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.repl.conftest import StartRepl, ask, at_prompt
from tests.servers import DEADLINE, Server, wait_until
from tests.terminal import Terminal

OUR_OWN = {"PAGER": ""}
STATUS = re.compile(r"^-- ([\d,]+) of ([\d,]+) (elements|lines); space: more")


@pytest.fixture
def numbers(redis82: Server) -> Server:
    """A server whose list ``l`` has the elements ``element-0`` to ``element-99999``."""
    for start in range(0, 100_000, 10_000):
        redis82.command("RPUSH", "l", *(f"element-{number}" for number in range(start, start + 10_000)))
    return redis82


def read(screen: Terminal) -> tuple[int, int] | None:
    """Return what the status line says: so many of so many."""
    found = STATUS.match(screen.line)
    return (int(found[1].replace(",", "")), int(found[2].replace(",", ""))) if found else None


def above_prompt(screen: Terminal) -> str:
    above = [line for line in screen.display[: screen.cursor[1]] if not re.fullmatch(r"\(\d+\.\d+s\)", line)]
    return above[-1]


def until_read(screen: Terminal, number: int) -> None:
    screen.wait_until(lambda shown: (read(shown) or (0, 0))[0] == number, what=f"{number} elements read")


def test_a_long_reply_is_shown_a_screenful_at_a_time(repl: StartRepl, numbers: Server) -> None:
    screen = repl(numbers, pager=True, env=OUR_OWN, rows=20)
    screen.send_line("LRANGE l 0 -1")
    screen.wait_until(lambda shown: read(shown) == (19, 100_000))
    assert screen.display[18] == '    19) "element-18"'
    screen.send_key("space")
    until_read(screen, 38)
    screen.send_key("enter", "down")
    screen.send("j")
    until_read(screen, 41)
    screen.send_key("pagedown")
    until_read(screen, 60)
    assert screen.display[0] == '    42) "element-41"'
    screen.send("q")
    screen.wait_until(at_prompt)
    assert above_prompt(screen) == '    60) "element-59"'
    assert ask(screen, "PING") == "PONG"
    assert "space: more" not in screen.text


@pytest.mark.parametrize("key", ["q", "\x1b", "\x04"], ids=["q", "escape", "ctrl-d"])
def test_a_page_is_left_and_the_session_goes_on(repl: StartRepl, numbers: Server, key: str) -> None:
    screen = repl(numbers, pager=True, env=OUR_OWN)
    screen.send_line("LRANGE l 0 -1")
    screen.wait_until(read)
    screen.send(key)
    screen.wait_until(at_prompt)
    assert ask(screen, "PING") == "PONG"


def test_ctrl_c_leaves_the_page_and_what_was_to_follow(repl: StartRepl, numbers: Server) -> None:
    screen = repl(numbers, pager=True, env=OUR_OWN)
    screen.send_line("3 LRANGE l 0 -1")
    screen.wait_until(read)
    screen.send_key("c-c")
    screen.wait_until(at_prompt)
    assert above_prompt(screen) == "stopped"
    assert ask(screen, "PING") == "PONG"


def test_all_of_it_is_written_on_demand(repl: StartRepl, redis82: Server) -> None:
    redis82.command("RPUSH", "l", *range(2_000))
    screen = repl(redis82, pager=True, env=OUR_OWN)
    screen.send_line("LRANGE l 0 -1")
    screen.wait_until(read)
    screen.send("a")
    screen.wait_until(lambda shown: at_prompt(shown) and '2000) "1999"' in shown.text)
    lines = screen.text.split("\n")
    begin = lines.index('   1) "0"')
    assert lines[begin : begin + 2_000] == [f'{n + 1:>4}) "{n}"' for n in range(2_000)]
    assert ask(screen, "PING") == "PONG"


def test_the_last_page_ends_at_the_prompt(repl: StartRepl, redis82: Server) -> None:
    redis82.command("RPUSH", "l", *range(30))
    screen = repl(redis82, pager=True, env=OUR_OWN, rows=20)
    screen.send_line("LRANGE l 0 -1")
    until_read(screen, 19)
    screen.send_key("space")
    screen.wait_until(at_prompt)
    assert above_prompt(screen) == '30) "29"'


def test_a_report_is_shown_a_screenful_at_a_time_and_kept_whole(
    repl: StartRepl, redis82: Server, tmp_path: Path
) -> None:
    for number in range(40):
        redis82.command("SET", f"key:{number}", number)
    screen = repl(redis82, pager=True, env=OUR_OWN, rows=12, cwd=str(tmp_path))
    ask(screen, ":transcript kept.txt")
    screen.send_line(":all KEYS *")
    screen.wait_for("space: more")
    assert "key:" in screen.text
    screen.send("q")
    screen.wait_until(at_prompt)
    ask(screen, ":transcript off")
    kept = (tmp_path / "kept.txt").read_text()
    assert all(f"key:{number}" in kept for number in range(40))


def test_what_fits_on_the_screen_is_not_paged(repl: StartRepl, redis82: Server) -> None:
    redis82.command("RPUSH", "l", *range(19))
    screen = repl(redis82, pager=True, env=OUR_OWN, rows=20)
    assert ask(screen, "LRANGE l 0 -1").endswith('19) "18"')
    redis82.command("RPUSH", "l", 19)
    screen.send_line("LRANGE l 0 -1")
    until_read(screen, 19)


def test_wrapped_lines_count_as_the_rows_they_fill(repl: StartRepl, redis82: Server) -> None:
    redis82.command("RPUSH", "l", *(["東" * 200] * 4))
    screen = repl(redis82, pager=True, env=OUR_OWN, rows=10, columns=60)
    screen.send_line("LRANGE l 0 -1")
    screen.wait_until(lambda shown: read(shown) == (2, 4))
    screen.send_key("space")
    until_read(screen, 3)
    screen.send_key("space", "space")
    screen.wait_until(at_prompt)
    assert screen.text.count("東") == 800


def test_a_text_is_counted_in_lines(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82, pager=True, env=OUR_OWN)
    screen.send_line("MEMORY MALLOC-STATS")
    screen.wait_until(lambda shown: " lines; space" in shown.line)
    screen.send("q")
    screen.wait_until(at_prompt)


@pytest.mark.parametrize("form", ["redis", "raw", "json", "csv", "yaml"])
def test_other_formats_are_paged_as_well(repl: StartRepl, numbers: Server, form: str) -> None:
    screen = repl(numbers, pager=True, env=OUR_OWN)
    ask(screen, f":set format {form}")
    screen.send_line("LRANGE l 0 -1")
    screen.wait_until(lambda shown: "space: more" in shown.line)
    screen.send_key("space")
    screen.wait_for("element-40")
    screen.wait_until(lambda shown: "space: more" in shown.line)
    screen.send("q")
    screen.wait_until(at_prompt)


def test_a_page_is_wrapped_anew_when_the_window_changes(repl: StartRepl, redis82: Server) -> None:
    redis82.command("RPUSH", "l", *(f"{number}-{'x' * 80}" for number in range(100)))
    screen = repl(redis82, pager=True, env=OUR_OWN, rows=20, columns=120)
    screen.send_line("LRANGE l 0 -1")
    until_read(screen, 19)
    screen.resize(columns=60, rows=12)
    screen.wait_until(lambda shown: read(shown) is not None and shown.cursor[1] == 11)
    assert screen.display[-3].startswith(' 19) "18-xxx')
    assert screen.display[-2] == "x" * 29 + '"'
    screen.send_key("enter", "enter")
    until_read(screen, 20)
    screen.resize(columns=120, rows=40)
    screen.wait_until(lambda shown: shown.display[0].startswith('  1) "0-xx') and read(shown) is not None)
    assert screen.display[19].startswith(' 20) "19-xx')
    screen.send("q")
    screen.wait_until(at_prompt)
    assert ask(screen, "PING") == "PONG"


def test_keys_are_neither_lost_nor_mistaken(repl: StartRepl, numbers: Server) -> None:
    screen = repl(numbers, pager=True, env=OUR_OWN)
    screen.send_line("LRANGE l 0 -1")
    screen.wait_until(read)
    screen.send("   qSET after 1\r")  # what follows the q is for the prompt
    wait_until(lambda: numbers.command("GET", "after") == b"1")
    screen.wait_until(at_prompt)


def test_a_line_typed_before_the_page_is_there_runs_after_it(repl: StartRepl, numbers: Server) -> None:
    screen = repl(numbers, pager=True, env=OUR_OWN)
    screen.send_line("BLPOP nokey 0")
    wait_until(lambda: numbers.blocked() == 1)
    screen.send("LRANGE l 0 -1\rSET quiet 1\r")
    numbers.command("RPUSH", "nokey", "v")
    screen.wait_until(read)
    assert numbers.command("EXISTS", "quiet") == 0
    screen.send("q")
    wait_until(lambda: numbers.command("GET", "quiet") == b"1")


def test_messages_and_pushes_are_not_paged(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82, pager=True, env=OUR_OWN, rows=12)
    screen.send_line("SUBSCRIBE news")
    screen.wait_for("Reading messages")
    redis82.command("PUBLISH", "news", "x" * 2_000)
    redis82.command("PUBLISH", "news", "the end")
    screen.wait_for("the end")


def test_pasted_lines_are_not_paged_and_cut_instead(repl: StartRepl, numbers: Server) -> None:
    screen = repl(numbers, pager=True, env=OUR_OWN)
    screen.paste("LRANGE l 0 -1\nSET after 1")
    screen.send_key("enter")
    screen.wait_for("[y/N]")
    screen.send("y")
    wait_until(lambda: numbers.command("GET", "after") == b"1")
    screen.wait_for("… 99,000 more elements (:set limit off shows all)")


def test_a_page_in_a_session_that_ends_leaves_the_terminal_sane(repl: StartRepl, numbers: Server) -> None:
    screen = repl(numbers, pager=True, env=OUR_OWN)
    screen.send_line("LRANGE l 0 -1")
    screen.wait_until(read)
    os.kill(screen.pid, signal.SIGTERM)
    assert screen.exit_code() == 143
    assert "Traceback" not in screen.text


@pytest.mark.parametrize("at", ["prompt", "page"])
def test_a_terminal_that_is_gone_ends_the_session_without_a_signal(
    redis82: Server, at: str, tmp_path: Path
) -> None:
    """As with nohup, or where the terminal is not the one that controls the program."""
    redis82.command("RPUSH", "l", *range(100))
    keyboard, screen = pty.openpty()
    termios.tcsetwinsize(screen, (24, 80))
    argv = [sys.executable, "-m", "pyredis_cli", "-p", str(redis82.port)]
    env = {**os.environ, "TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1", "PAGER": ""}
    with (
        Path(tmp_path, "said").open("w+b") as said,
        subprocess.Popen(
            argv, stdin=screen, stdout=screen, stderr=said, start_new_session=True, env=env
        ) as program,
    ):
        os.close(screen)
        try:
            converse(keyboard, [], f"{redis82.port}>".encode())
            if at == "page":
                converse(keyboard, ["LRANGE l 0 -1"], b"leave --")
        finally:
            os.close(keyboard)
        try:
            assert program.wait(DEADLINE) in (7, 129)
        finally:
            program.kill()
        said.seek(0)
        assert b"internal error" not in said.read()


# Preferences


def test_without_a_pager_a_long_reply_is_cut_and_says_what_shows_all(
    repl: StartRepl, numbers: Server
) -> None:
    screen = repl(numbers)
    assert ask(screen, ":set pager") == "pager off"
    note = "… 99,990 more elements (:set pager on or :set limit off shows all)"
    ask(screen, ":set limit 10")
    assert ask(screen, "LRANGE l 0 -1").split("\n")[-2:] == ['    10) "element-9"', note]
    ask(screen, ":set limit off")
    assert ask(screen, "LRANGE l 0 4999").count("\n") == 4_999


def test_pager_on_pages_from_then_on(repl: StartRepl, numbers: Server) -> None:
    screen = repl(numbers, env=OUR_OWN)
    ask(screen, ":set pager on")
    screen.send_line("LRANGE l 0 -1")
    screen.wait_until(lambda shown: read(shown))
    screen.send("q")
    screen.wait_until(at_prompt)
    ask(screen, ":set pager off")
    assert ask(screen, "LRANGE l 0 1") == '1) "element-0"\n2) "element-1"'
    assert "more elements" in ask(screen, "LRANGE l 0 -1")


def test_text_is_shown_as_bytes_with_utf8_off(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82)
    ask(screen, "SET k 東é")
    assert ask(screen, "GET k") == '"東é"'
    ask(screen, ":set utf8 off")
    assert ask(screen, "GET k") == r'"\xe6\x9d\xb1\xc3\xa9"'
    ask(screen, ":set utf8 on")
    assert ask(screen, "GET k") == '"東é"'


def test_the_format_changes_in_the_session_and_begins_as_the_flag_says(
    repl: StartRepl, redis82: Server
) -> None:
    redis82.command("RPUSH", "l", "é", "b")
    screen = repl(redis82, "--json")
    assert ask(screen, ":set format") == "format json"
    assert ask(screen, "LRANGE l 0 -1") == '["é","b"]'
    for form, printed in [
        ("raw", "é\nb"),
        ("redis", '1) "\\xc3\\xa9"\n2) "b"'),
        ("human", '1) "é"\n2) "b"'),
    ]:
        ask(screen, f":set format {form}")
        assert ask(screen, "LRANGE l 0 -1") == printed


# The person's own program


@pytest.fixture
def program(tmp_path: Path) -> Callable[[str], str]:
    """Return ``program(body)``: the command of a pager that runs these lines of Python."""

    def made(body: str) -> str:
        path = tmp_path / "pager.py"
        path.write_text(f"import os, signal, sys, termios, time, tty\n{body}")
        return f"{sys.executable} {path}"

    return made


def test_the_persons_pager_reads_no_more_than_it_wants(
    repl: StartRepl, numbers: Server, program: Callable[[str], str]
) -> None:
    """It leaves after ten lines; what was laid out by then is what a pipe holds."""
    pager = program("for _ in range(10):\n    sys.stdout.write(sys.stdin.readline())\nprint('I leave')")
    screen = repl(numbers, pager=True, env={"PAGER": pager})
    printed = ask(screen, "LRANGE l 0 -1")
    assert printed.split("\n") == [f'{n:>6}) "element-{n - 1}"' for n in range(1, 11)] + ["I leave"]
    assert ask(screen, "PING") == "PONG"


def test_little_of_a_long_reply_is_laid_out_before_its_first_screen_was_read(
    repl: StartRepl, numbers: Server, program: Callable[[str], str]
) -> None:
    """A pager that reads one screen finds behind it what the system holds back, and it stays at that."""
    pager = program(
        "import fcntl, struct\n"
        "waiting = lambda: struct.unpack('i', fcntl.ioctl(0, termios.FIONREAD, b'    '))[0]\n"
        "first = os.read(0, 4096)\n"
        "before = -1\n"
        "while waiting() != before:\n"
        "    before = waiting()\n"
        "    time.sleep(0.3)\n"
        "held = len(first) + before\n"
        "total = len(first) + len(sys.stdin.buffer.read())\n"
        "print('laid out', held * 100 // total, 'percent of', total > 4_000_000)"
    )
    screen = repl(numbers, pager=True, env={"PAGER": pager})
    found = re.fullmatch(r"laid out (\d+) percent of True", ask(screen, "LRANGE l 0 -1"))
    assert found is not None
    assert int(found[1]) < 10


def test_the_persons_pager_gets_everything_in_colour_and_less_is_told_how(
    repl: StartRepl, numbers: Server, program: Callable[[str], str]
) -> None:
    pager = program(
        "text = sys.stdin.read()\n"
        "print(text.count('\\n'), 'lines', repr(text[-30:]), 'LESS', os.environ['LESS'])"
    )
    screen = repl(numbers, pager=True, env={"PAGER": "false", "PYREDISCLI_PAGER": pager})
    printed = ask(screen, "LRANGE l 0 -1")
    assert printed == r"""100000 lines ' \x1b[0m\x1b[32m"element-99999"\x1b[0m\n' LESS -FRX"""
    assert "LESS -S" in ask(repl(numbers, pager=True, env={"PAGER": pager, "LESS": "-S"}), "LRANGE l 0 99")


def test_ctrl_c_ends_a_pager_that_does_not_heed_it(
    repl: StartRepl, numbers: Server, program: Callable[[str], str], tmp_path: Path
) -> None:
    note = tmp_path / "pid"
    pager = program(
        "for number in signal.SIGINT, signal.SIGTERM: signal.signal(number, signal.SIG_IGN)\n"
        "tty.setcbreak(1)\n"
        f"open({str(note)!r}, 'w').write(str(os.getpid()))\n"
        "print('page', flush=True)\n"
        "time.sleep(1000)"
    )
    screen = repl(numbers, pager=True, env={"PAGER": pager})
    screen.send_line("3 LRANGE l 0 -1")
    screen.wait_until(lambda shown: shown.display.count("page") == 1)
    screen.send_key("c-c")
    screen.wait_for("stopped")
    screen.wait_until(at_prompt)
    assert not Path(f"/proc/{note.read_text()}").exists()
    assert ask(screen, "PING") == "PONG"


def test_a_pager_that_is_killed_leaves_no_mess(
    repl: StartRepl, numbers: Server, program: Callable[[str], str]
) -> None:
    pager = program(
        "tty.setraw(1)\n"
        "print('\\x1b[?1049h\\x1b[?25l\\x1b[31mpage', flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    screen = repl(numbers, pager=True, env={"PAGER": pager})
    screen.send_line("LRANGE l 0 -1")
    screen.wait_until(read)
    assert b"the pager was killed; :set pager off does without" in screen.raw
    screen.send("q")
    screen.wait_until(at_prompt)
    assert ask(screen, "PING") == "PONG"
    screen.send_line("BLPOP nokey 0")
    wait_until(lambda: numbers.blocked() == 1)
    modes = subprocess.run(["stty", "-a", "-F", f"/proc/{screen.pid}/fd/0"], capture_output=True, text=True)
    assert {"isig", "icrnl", "opost"} <= set(re.findall(r"-?\w+", modes.stdout))


@pytest.mark.parametrize("pager", ["nosuchprogram -x", "/dev/null", "'unended"])
def test_a_pager_that_cannot_be_started_is_told_and_ours_takes_its_place(
    repl: StartRepl, numbers: Server, pager: str
) -> None:
    screen = repl(numbers, pager=True, env={"PAGER": pager})
    screen.send_line("LRANGE l 0 -1")
    screen.wait_until(read)
    assert "the pager in PAGER cannot be started: " in screen.text
    screen.send("q")
    screen.wait_until(at_prompt)


def test_a_pager_that_fails_loses_nothing(
    repl: StartRepl, numbers: Server, program: Callable[[str], str]
) -> None:
    pager = program("sys.stdin.buffer.read(100_000)\nsys.exit(3)")
    screen = repl(numbers, pager=True, env={"PAGER": pager}, rows=20)
    screen.send_line("LPOP l 1000")
    screen.wait_for("the pager ended with code 3; :set pager off does without")
    screen.wait_until(lambda shown: read(shown) == (19, 1_000))
    assert '   1) "element-0"' in screen.text
    screen.send("q")
    screen.wait_until(at_prompt)
    assert ask(screen, "PING") == "PONG"


def test_ours_is_used_where_less_is_not_installed(
    repl: StartRepl, numbers: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PAGER", "PYREDISCLI_PAGER"):
        monkeypatch.delenv(name, raising=False)
    screen = repl(numbers, pager=True, env={"PATH": "/nonexistent"})
    screen.send_line("LRANGE l 0 -1")
    screen.wait_until(read)


@pytest.mark.skipif(not shutil.which("less"), reason="less is not installed")
@pytest.mark.parametrize("leave", ["q", "\x03"], ids=["q", "ctrl-c"])
def test_less_shows_its_first_screen_and_is_left(
    repl: StartRepl, numbers: Server, leave: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PAGER", "PYREDISCLI_PAGER", "LESS"):
        monkeypatch.delenv(name, raising=False)
    screen = repl(numbers, pager=True)
    screen.send_line("LRANGE l 0 -1")
    screen.wait_until(lambda shown: shown.display[-2] == '    23) "element-22"' and shown.line == ":")
    screen.send_key("space")
    screen.wait_until(lambda shown: shown.display[-2] == '    46) "element-45"')
    screen.send(leave)
    screen.wait_until(at_prompt)
    assert ask(screen, "PING") == "PONG"
    assert not Path(f"/proc/{screen.pid}/task/{screen.pid}/children").read_text()


# Memory


def memory(pid: int, row: str) -> int:
    """Return a row of a process's memory in bytes: VmRSS, what it has, or VmHWM, the most it had."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(rf"^{row}:\s+(\d+) kB$", status, re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024


def converse(keyboard: int, lines: Sequence[str], ends: bytes) -> None:
    """Type lines into a terminal without an emulator, which is too slow for long replies; wait for an output."""
    os.write(keyboard, b"".join(line.encode() + b"\r" for line in lines))
    shown = b""
    while ends not in shown:
        assert select.select([keyboard], [], [], DEADLINE)[0], shown
        shown = shown[-1_000:] + os.read(keyboard, 65_536)


@pytest.mark.skipif(
    not Path("/proc/self/clear_refs").exists(), reason="the peak of memory is read from /proc"
)
@pytest.mark.parametrize(
    ("flags", "settings", "env"),
    [
        ((), (), {"PAGER": ""}),
        ((), (), {"PAGER": "tail -1"}),
        (("--no-pager", "--raw"), (), {}),
        (("--no-pager",), (":set limit off",), {}),
    ],
    ids=["page", "pager", "raw", "no limit"],
)
def test_a_long_reply_takes_less_than_three_times_its_size(
    redis82: Server, flags: tuple[str, ...], settings: tuple[str, ...], env: dict[str, str]
) -> None:
    for start in range(0, 100_000, 10_000):
        redis82.command("RPUSH", "l", *(f"{n:06}".ljust(100, "x") for n in range(start, start + 10_000)))
    size = 100_000 * len("$100\r\n" + "x" * 100 + "\r\n")
    keyboard, screen = pty.openpty()
    termios.tcsetwinsize(screen, (24, 120))
    program = subprocess.Popen(
        [sys.executable, "-m", "pyredis_cli", "-p", str(redis82.port), *flags],
        stdin=screen,
        stdout=screen,
        start_new_session=True,
        env={**os.environ, "TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1", **env},
    )
    os.close(screen)
    try:
        # Everything is loaded that replies need when the memory is looked at. What is typed is not what ends it.
        converse(keyboard, [*settings, "LRANGE l 0 0", r'ECHO "loaded by\x20now"'], b"loaded by now")
        Path(f"/proc/{program.pid}/clear_refs").write_text("5")
        before = memory(program.pid, "VmRSS")
        last = b"000022xxx" if env.get("PAGER") == "" else b"099999xxx"
        converse(keyboard, ["LRANGE l 0 -1"], last)
        assert memory(program.pid, "VmHWM") - before < 3 * size
    finally:
        program.kill()
        program.wait()
        os.close(keyboard)
