"""What the files say that a person writes once: config.toml, and redis-cli's rc file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pyredis_cli.repl.configured import configured
from pyredis_cli.repl.preferences import Preferences
from tests.repl.conftest import StartRepl, ask
from tests.servers import Server


def write(name: str, text: str) -> Path:
    path = Path.home() / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


OURS = ".config/pyredis-cli/config.toml"


def preferred(text: str) -> tuple[Preferences, list[str]]:
    """Return what our own file makes of the defaults, and what is told of it, without its name."""
    path = write(OURS, text)
    preferences, warnings = configured(os.environ, Preferences())
    assert all(warning.startswith(f"{path}: ") for warning in warnings)
    return preferences, [warning.removeprefix(f"{path}: ") for warning in warnings]


def test_without_files_all_is_by_default() -> None:
    assert configured(os.environ, Preferences()) == (Preferences(), [])


def test_config_toml_says_what_is_preferred() -> None:
    text = """
    [repl]  # mine
    hints = false
    live-completion = "off"
    timing = 250
    format = "JSON"
    pager = false
    limit = 0
    vi = true
    """
    assert preferred(text) == (
        Preferences(
            hints=False, live_completion=False, timing=250, format="json", pager=False, limit=None, vi=True
        ),
        [],
    )
    assert preferred("[repl]\nlive_completion = false\ntiming = false\nlimit = 'off'") == (
        Preferences(live_completion=False, timing=None, limit=None),
        [],
    )
    assert preferred("") == preferred("[repl]") == (Preferences(), [])


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (
            "hint = true",
            "[repl] hint: no preference hint; did you mean hints? :set lists what there is",
        ),
        ("vi = 'maybe'", "[repl] vi = 'maybe': vi is on or off; :set lists what there is"),
        ("vi = 1", "[repl] vi = 1: vi is on or off"),
        ("timing = true", "[repl] timing = True: timing is a whole number, or off"),
        ("timing = 1.5", "[repl] timing = 1.5: timing is a whole number"),
        ("timing = -1", "[repl] timing = -1: timing is a whole number"),
        ("limit = 0x" + "f" * 5000, "[repl] limit = a large number: limit is a whole number"),
        ("limit = [1]", "[repl] limit = [1]: limit is a whole number"),
        ("format = 'xml'", "[repl] format = 'xml': format is one of human, redis"),
        ("format = 'redis\\u001b'", "[repl] format = "),
        ("hints = {a = 1}", "[repl] hints = {'a': 1}: hints is on or off"),
    ],
)
def test_what_is_wrong_is_told_in_a_line_and_the_rest_holds(line: str, told: str) -> None:
    preferences, warnings = preferred(f"[repl]\n{line}\ntoolbar = false\n")
    assert preferences == Preferences(toolbar=False)
    assert len(warnings) == 1
    assert warnings[0].lower().startswith(told.lower())


def test_names_and_tables_that_are_not_there_are_told() -> None:
    preferences, warnings = preferred("hints = false\n[rpel]\nvi = true\n[repl]\nvi = true\n")
    assert preferences == Preferences(vi=True)
    assert [warning.partition(";")[0] for warning in warnings] == ["unknown name hints", "unknown name rpel"]
    assert preferred("repl = 1")[1][0].startswith("repl is no table")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[repl]\nhints = maybe\n", "line 2"),
        ("[repl]\nvi = true\nvi = false\n", "line 3"),
        ("[repl", "at end of document"),
        ("a = " + "[" * 100_000, "nested too deeply"),
        ("a = " + "9" * 10_000, "nothing of the file is used"),
    ],
)
def test_of_a_broken_file_the_line_is_told_and_nothing_is_used(text: str, told: str) -> None:
    preferences, warnings = preferred(text)
    assert preferences == Preferences()
    assert len(warnings) == 1
    assert told in warnings[0]
    assert "\n" not in warnings[0]


def test_what_is_no_file_of_text_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    (tmp_path / "large").write_bytes(b"#" * (1 << 20) + b"##")
    os.mkfifo(tmp_path / "fifo")
    for name, why in [
        ("bytes", "is not UTF-8"),
        ("large", "is larger than 1024 KiB"),
        ("fifo", "is no regular file"),
        (".", "is no regular file"),
        ("nosuch", "there is no such file"),
        ("bytes/x", "there is no such file"),
    ]:
        monkeypatch.setenv("PYREDISCLI_CONFIG", str(tmp_path / name))
        preferences, warnings = configured(os.environ, Preferences())
        assert preferences == Preferences()
        assert len(warnings) == 1
        assert why in warnings[0]


def test_the_environment_names_another_file_or_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(OURS, "[repl]\nvi = true\n")
    (tmp_path / "other.toml").write_text("[repl]\nhints = false\n")
    monkeypatch.setenv("PYREDISCLI_CONFIG", str(tmp_path / "other.toml"))
    assert configured(os.environ, Preferences()) == (Preferences(hints=False), [])
    for none in ("", "/dev/null"):
        monkeypatch.setenv("PYREDISCLI_CONFIG", none)
        assert configured(os.environ, Preferences()) == (Preferences(), [])


# -- redis-cli's


@pytest.mark.parametrize("name", [".redisclirc", ".valkeyclirc"])
def test_the_rc_file_of_redis_cli_is_read(name: str) -> None:
    write(name, "# mine\n\n:set nohints\n:SET vi on\n  :set live-completion  off\n")
    preferences = Preferences(hints=False, vi=True, live_completion=False)
    assert configured(os.environ, Preferences()) == (preferences, [])
    write(name, ":set nohints\n:set hints\n")
    assert configured(os.environ, Preferences()) == (Preferences(), [])


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (":set x", ".redisclirc: unknown redis-cli preference 'x'; :set lists what there is (line 2)"),
        (":set x on", ".redisclirc: unknown redis-cli preference 'x'"),
        ("hints", ".redisclirc: unknown redis-cli internal command 'hints'"),
        ("AUTH s3cret", ".redisclirc: unknown redis-cli internal command 'auth'"),
        (":set", ".redisclirc: unknown redis-cli internal command ':set'"),
        (":set vi", ".redisclirc: no value for vi"),
        (":set vi maybe", ".redisclirc: vi is on or off"),
        (":set vi on off", ".redisclirc: no value for vi"),
    ],
)
def test_a_line_of_the_rc_file_that_is_not_known_is_told_and_the_rest_holds(line: str, told: str) -> None:
    write(".redisclirc", f"\n{line}\n:set nohints\n")
    preferences, warnings = configured(os.environ, Preferences())
    assert preferences == Preferences(hints=False)
    assert len(warnings) == 1
    assert warnings[0].startswith(told)
    assert "s3cret" not in warnings[0]


def test_the_environment_names_another_rc_file_or_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(".redisclirc", ":set nohints\n")
    (tmp_path / "rc").write_text(":set vi on\n")
    monkeypatch.setenv("REDISCLI_RCFILE", str(tmp_path / "rc"))
    assert configured(os.environ, Preferences())[0] == Preferences(vi=True)
    monkeypatch.setenv("REDISCLI_RCFILE", "/dev/null")
    assert configured(os.environ, Preferences()) == (Preferences(), [])
    monkeypatch.delenv("REDISCLI_RCFILE")
    monkeypatch.setenv("VALKEYCLI_RCFILE", str(tmp_path / "rc"))
    assert configured(os.environ, Preferences())[0] == Preferences(vi=True)


def test_our_own_file_wins_over_redis_clis() -> None:
    write(".redisclirc", ":set nohints\n:set vi on\n")
    assert preferred("[repl]\nhints = true\n")[0] == Preferences(vi=True)


# -- at the start


def test_files_hold_from_the_first_prompt_on_and_flags_win(repl: StartRepl, redis82: Server) -> None:
    write(".redisclirc", ":set nohints\n:set vi on\n")
    path = write(OURS, '[repl]\nformat = "redis"\ntiming = 250\nhint = true\n')
    screen = repl(redis82, columns=240)
    assert f"{path}: [repl] hint: no preference hint; did you mean hints?" in screen.text
    listed = ask(screen, ":set").splitlines()
    for shown in ("hints off ", "vi on ", "format redis ", "timing 250 "):
        assert any(line.startswith(shown) for line in listed), shown
    screen.send_line("quit")
    assert screen.exit_code() == 0
    assert ask(repl(redis82, "--json"), ":format") == "format json"
    path.write_text("[repl]\nreveal = false\n")
    assert ask(repl(redis82, "--reveal"), ":set reveal") == "reveal on"


def test_a_broken_file_does_not_keep_the_prompt_away(repl: StartRepl, redis82: Server) -> None:
    write(OURS, "[repl]\nhints = maybe \x1b]0;title\x07\n")
    screen = repl(redis82)
    assert "line 2" in screen.text
    assert b"\x1b]0;title" not in screen.raw
    assert ask(screen, "PING") == "PONG"


LOADED = """
import os, sys
from pyredis_cli.repl.configured import configured
from pyredis_cli.repl.preferences import Preferences
before = set(sys.modules)
configured(os.environ, Preferences())
print(*(sys.modules.keys() - before))
"""


def test_without_a_file_nothing_is_loaded_to_read_one() -> None:
    done = subprocess.run([sys.executable, "-c", LOADED], check=True, capture_output=True, text=True)
    assert not [name for name in done.stdout.split() if "tomllib" in name]
