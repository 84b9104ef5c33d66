"""``settings``: the file that it begins, what it shows and where that comes from, and the mistakes it finds."""

from __future__ import annotations

import json
import os
import re
import stat
import tomllib
from pathlib import Path
from typing import Any

import pytest

from pyredis_cli.config.keys import KEYS
from pyredis_cli.given import Given
from pyredis_cli.repl.preferences import SUMMARIES
from pyredis_cli.streams import Streams
from pyredis_cli.tools.settings import run
from tests.config.test_profiles import configure, private, refused
from tests.program import ran


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


def told(*words: str, given: Given | None = None) -> tuple[int, str]:
    """Return the exit code of the tool, and what it prints, in JSON when nothing else is given."""
    import io

    stdout = io.BytesIO()
    nobody = Streams(io.BytesIO(), stdout, io.BytesIO())
    code = run(given or Given(output="json"), os.environ, nobody, words)
    return code, stdout.getvalue().decode()


def shown(*words: str, **given: Any) -> dict[str, tuple[object, str]]:
    """Return value and origin of each setting, without the folder of the file."""
    _, printed = told("show", "--origin", *words, given=Given(output="json", **given))
    folder = f"{Path.home()}/.config/pyredis-cli/"
    return {row["setting"]: (row["value"], row["origin"].replace(folder, "")) for row in json.loads(printed)}


# -- init


def test_the_file_that_is_begun_has_all_there_is_and_says_nothing_yet() -> None:
    done = ran("settings", "init")
    path = Path.home() / ".config/pyredis-cli/config.toml"
    assert (done.code, done.stdout, done.said) == (0, b"", f"wrote {path}\n")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert os.listdir(path.parent) == ["config.toml"]
    text = path.read_text()
    assert all(not values for values in tomllib.loads(text).values())
    for key in (*KEYS, *(name.replace("-", "_") for name in SUMMARIES)):
        assert f"\n# {key} = " in text
    assert told("check", given=Given()) == (0, "no mistakes\n")
    again = ran("settings", "init")
    assert (again.code, again.said) == (2, f"{path} is there already; it was not changed\n")


def test_each_line_of_that_file_is_right_once_it_is_taken_in() -> None:
    told("init")
    path = Path.home() / ".config/pyredis-cli/config.toml"
    text = path.read_text()
    head, _, profile = text.partition("# [profiles.prod]")
    pairs = [line[2:] for line in head.splitlines() if re.match("# [a-z0-9_]+ = ", line)]
    for pair in pairs:
        table = "repl" if pair in head.partition("[repl]")[2] else "defaults"
        path.write_text(f"[{table}]\n{pair}\n")
        assert told("check", given=Given()) == (0, "no mistakes\n"), pair
    for line in profile.splitlines()[1:]:
        pair = line.removeprefix("# ")
        beside = "host = 'h'" if not pair.startswith(("url", "host", "socket")) else ""
        if pair.startswith(("cacert", "cert", "key ", "sni", "verify_hostname")):
            beside += "\ntls = true\ncert = 'c'" if pair.startswith("key ") else "\ntls = true"
        path.write_text(f"[profiles.prod]\n{beside}\n{pair}\n")
        _, printed = told("check", given=Given())
        assert printed == "no mistakes\n" or "is not there" in printed or "No such file" in printed, pair


def test_no_file_is_begun_in_the_place_of_something_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYREDISCLI_CONFIG", str(tmp_path / "link"))
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Exception, match="is there already"):
        told("init")
    assert not (tmp_path / "elsewhere").exists()
    (tmp_path / "file").touch()
    monkeypatch.setenv("PYREDISCLI_CONFIG", str(tmp_path / "file/config.toml"))
    with pytest.raises(Exception, match=r"cannot be written: .*/file is no folder"):
        told("init")
    monkeypatch.setenv("PYREDISCLI_CONFIG", os.devnull)
    with pytest.raises(Exception, match="says that there is no file"):
        told("init")


# -- show


def test_each_value_is_shown_with_where_it_comes_from(monkeypatch: pytest.MonkeyPatch) -> None:
    path = configure(
        "[defaults]\npool_size = 3\nformat = 'csv'\n[repl]\nvi = true\n"
        "[profiles.prod]\nurl = 'redis://h:7000/2'\npassword_command = ['pass', 'hunter2']\ncolor = 'red'\n"
        "read_timeout = 9\ninit = ['CLIENT NO-TOUCH ON']\n"
    )
    Path(".pyredis-cli.toml").write_text("[defaults]\ntheme = 'light'\n[repl]\nlimit = 5\n")
    monkeypatch.setenv("NO_COLOR", "1")
    rows = shown("@prod", conn_timeout=1.0)
    of_url = "profile prod config.toml:7"
    expected = {
        "profile": ("prod", "flag --profile"),
        "url": ("redis://h:7000/2", of_url),
        "host": ("h", of_url),
        "port": (7000, of_url),
        "database": (2, of_url),
        "conn_timeout": (1.0, "flag -t"),
        "read_timeout": (9.0, "profile prod config.toml:10"),
        "pool_size": (3, "user file config.toml:2"),
        "format": ("json", "flag --format"),
        "theme": ("light", "project file .pyredis-cli.toml:2"),
        "color": ("red", "profile prod config.toml:9"),
        "init": (["CLIENT NO-TOUCH ON"], "profile prod config.toml:11"),
        "read_only": (False, "default"),
        "repl.vi": (True, "user file config.toml:5"),
        "repl.limit": (5, "project file .pyredis-cli.toml:4"),
        "repl.hints": (True, "default"),
        "repl.theme": ("light", "project file .pyredis-cli.toml:2"),
    }
    assert {name: rows[name] for name in expected} == expected
    assert rows["password"] == ("***", "profile prod config.toml:8")
    assert "hunter2" not in str(rows)
    assert list(rows)[1:3] == ["url", "host"]
    assert str(path.parent) not in str(rows)


def test_flags_and_the_environment_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "rediss://ada:hunter2@h/3")
    rows = shown()
    assert rows["host"] == ("h", "environment REDIS_URL")
    assert rows["tls"] == (True, "environment REDIS_URL")
    assert rows["password"] == ("***", "environment REDIS_URL")
    assert "hunter2" not in str(rows)
    monkeypatch.setenv("VALKEYCLI_HOST", "v")
    monkeypatch.setenv("VALKEYCLI_USER", "eve")
    monkeypatch.setenv("REDISCLI_AUTH", "hunter2")
    monkeypatch.setenv("NO_COLOR", "1")
    rows = shown(resp3=True)
    assert rows["host"] == ("v", "environment VALKEYCLI_HOST")
    assert rows["username"] == ("eve", "environment VALKEYCLI_USER")
    assert rows["password"] == ("***", "environment REDISCLI_AUTH")
    assert rows["color"] == ("never", "environment NO_COLOR")
    assert rows["protocol"] == (3, "flag -3")
    rows = shown(port=1, password="hunter2", username="bob")
    assert rows["port"] == (1, "flag -p")
    assert rows["password"] == ("***", "flag -a")


def test_no_password_is_looked_up_to_be_shown(tmp_path: Path) -> None:
    configure(f"[profiles.prod]\nhost = 'h'\npassword_command = ['touch', '{tmp_path}/run']\n")
    assert shown("@prod")["password"] == ("***", "profile prod config.toml:3")
    assert shown("@prod")["password_command"][0] == "touch ***"
    assert not (tmp_path / "run").exists()
    configure("[profiles.prod]\nhost = 'h'\nkeyring = true\n")
    assert shown("@prod")["password"] == ("***", "profile prod config.toml:3")


def test_people_and_programs_read_the_same() -> None:
    configure("[profiles.prod]\nhost = 'h'\n")
    done = ran("@prod", "settings", "show")
    assert b"\nhost" in done.stdout
    assert b"origin" not in done.stdout
    assert json.loads(ran("--json", "@prod", "settings", "show").stdout)["host"] == "h"
    assert ran("--format", "csv", "settings", "show", "--origin").stdout.startswith(
        b"setting,value,origin\r\n"
    )


# -- check


def test_all_mistakes_of_all_files_are_found() -> None:
    path = configure(
        "[defaults]\nport = 'x'\nproduction = true\n[rpel]\nvi = true\n[repl]\nhint = true\nvi = 1\n"
        "[profiles.a]\nhots = 'h'\npass_file = 'open'\n[profiles.b]\nhost = 'h'\ninit = ['SELECT 1']\n"
        "pass_file = 'none'\n[profiles]\nc = 1\n"
    )
    path.with_name("open").write_text("hunter2")
    path.with_name("open").chmod(0o644)
    Path(".pyredis-cli.toml").write_text("[defaults]\nread_only = true\n[repl]\nvi = true\nhints = 1\n[x]\n")
    code, printed = told("check")
    assert code == 1
    found = {(Path(row["file"]).name, row["line"]): row["mistake"] for row in json.loads(printed)}
    assert "hunter2" not in printed
    beginnings = {
        ("config.toml", 2): "[defaults] port must be",
        ("config.toml", 3): "[defaults] production belongs in a profile",
        ("config.toml", 4): "rpel is not known",
        ("config.toml", 7): "[repl] hint: no preference hint; did you mean hints?",
        ("config.toml", 8): "[repl] vi = 1: vi is on or off",
        ("config.toml", 9): "[profiles.a] does not say where the server is",
        ("config.toml", 10): "[profiles.a] hots is not known; did you mean host?",
        ("config.toml", 11): "[profiles.a] pass_file names a file that cannot be used",
        ("config.toml", 14): "[profiles.b] init must not have SELECT",
        ("config.toml", 15): "[profiles.b] pass_file names a file that cannot be used",
        (".pyredis-cli.toml", 2): "[defaults] read_only is not for a file of the current directory",
        (".pyredis-cli.toml", 4): "[repl] vi is not for a file of the current directory",
        (".pyredis-cli.toml", 5): "[repl] hints = 1: hints is on or off",
        (".pyredis-cli.toml", 6): "[x] is not for a file",
    }
    for place, beginning in beginnings.items():
        assert found.pop(place).startswith(beginning), place
    assert {place: what for place, what in found.items() if "profiles" not in what} == {}


def test_mistakes_are_lines_for_people() -> None:
    path = configure("[profiles.a]\nhost = 'h'\n\nport = '\x1b'\n".replace("\x1b", "\\u001b"))
    path.write_text(path.read_text().replace("'", '"'))
    done = ran("settings", "check")
    assert (done.code, done.said) == (1, "")
    assert done.stdout.decode() == f"{path}:4: [profiles.a] port must be a whole number from 1 to 65535\n"


@pytest.mark.parametrize("text", ["[repl]\n\nx = \n", "a = 1\na = 2\n"])
def test_what_is_no_toml_is_told_with_its_line(text: str) -> None:
    configure(text)
    code, printed = told("check")
    assert (code, json.loads(printed)[0]["line"]) == (1, text.count("\n"))


def test_words_that_mean_nothing_are_refused() -> None:
    for words, why in [
        ((), "settings takes one of init, show, check"),
        (("shwo",), "settings takes one of init, show, check, not shwo"),
        (("check", "x"), "settings check takes nothing more"),
        (("show", "x"), "settings show takes one @PROFILE"),
        (("check", "--origin"), "--origin is for settings show"),
    ]:
        with pytest.raises(Exception, match=why):
            told(*words)
    assert "no profile x" in refused("@x")
    assert private(Path("f"), "x").read_text() == "x"
