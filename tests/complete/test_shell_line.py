"""Lines of shells are understood as the shells understand them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pyredis_cli.complete.shell_line import ShellLine, ShellWord, shell_line
from pyredis_cli.complete.shell_quoting import in_bash

ENVIRON = {
    "HOME": "/home/ada",
    "HOST": "db.one",
    "TWO": "a b",
    "EMPTY": "",
    "PATH": "/usr/bin:/bin",
    "LC_ALL": "C.UTF-8",
}

POSIX = (
    r"plain two",
    r"a\ b 'c d' "
    '"e f"',
    r"us'er'\''s' x",
    r'"a\"b\$c\\d\e" \"',
    r"$'a\nb\x41\101\'\\' $'\u00e9'",
    r"$HOST ${HOST}x '$HOST' \$HOST",
    '"$HOST:$HOME" "$TWO"',
    "~ ~/data a~ 'a'~",
    r"a=b --x=~ k:v {tag}:1 100% @ ^",
    r"é:ü 'naïve' \é",
    '$ a$ "$"',
    "one 2two 3",
    r"a\
b c",
)
FISH = (
    r"plain two",
    r"a\ b 'c d' "
    '"e f"',
    r"us'er'\''s' x",
    r'"a\"b\$c\\d\e" \"',
    r"'a\'b\\c\d' 'x'y",
    r"a\nb\tc\x41\101 \u00e9 \$HOST",
    r"$HOST $HOST.x '$HOST' \"$TWO\"",
    '"$HOST:$HOME"',
    "~ ~/data a~",
    r"a=b k:v 100% @",
    r"é:ü 'naïve'",
    r"\cA \e\a",
)


def in_shell(shell: str, lines: tuple[str, ...]) -> list[bytes]:
    """Return what a shell makes of the words of lines, each line as its words with NUL behind each."""
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is not installed")
    script = "\n".join(f"printf '%s\\0' {line}; printf '\\n\\n'" for line in lines)
    options = {"bash": ["--norc"], "zsh": ["-f"], "fish": ["--no-config"]}[shell]
    done = subprocess.run([program, *options, "-c", script], env=ENVIRON, capture_output=True, check=True)
    assert done.stderr == b""
    return done.stdout.split(b"\n\n")[:-1]


def words_of(line: str, shell: str) -> bytes:
    read = shell_line(f"pyredis-cli {line} ", shell, ENVIRON)
    assert read.partial == ShellWord()
    return b"".join(word.value.encode("utf-8", "surrogateescape") + b"\0" for word in read.words[1:])


@pytest.mark.parametrize(("shell", "lines"), [("bash", POSIX), ("zsh", POSIX), ("fish", FISH)])
def test_words_are_what_the_shell_makes_of_them(shell: str, lines: tuple[str, ...]) -> None:
    assert [words_of(line, shell) for line in lines] == in_shell(shell, lines)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    values=st.lists(
        st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)
        | st.text(
            "ab'\"\\$`!:= \n\t\x1b\x7f\x80\u202e~*?[]{}()<>|&;#,^%@\udcff\udcc3", min_size=1, max_size=12
        ),
        min_size=5,
        max_size=60,
    )
)
def test_bash_reads_back_what_is_written_for_it_in_any_quotes(values: list[str]) -> None:
    written = [
        f"{opening}{in_bash(value, opening)}{closing}"
        for value in values
        for opening, closing in (("", ""), ("'", "'"), ('"', '"'), ("$'", "'"))
    ]
    meant = [value.encode("utf-8", "surrogateescape") for value in values for _ in range(4)]
    script = "".join(f"printf '%s\\0' {word}\n" for word in written).encode("utf-8", "surrogateescape")
    done = subprocess.run(["bash", "--norc"], input=script, env=ENVIRON, capture_output=True, check=True)
    assert done.stdout.split(b"\0")[:-1] == meant
    # And so do we, when the completion goes on from there.
    assert [words_of(word, "bash") for word in written] == [word + b"\0" for word in meant]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
@pytest.mark.parametrize(
    ("typed", "value", "quote"),
    [
        ("", "", ""),
        ("us", "us", ""),
        ('"us e', "us e", '"'),
        ("'us e", "us e", "'"),
        (r"us\ e", "us e", ""),
        ("us\\", "us", ""),
        ('us"er', "user", '"'),
        ('"us"er', "user", ""),
        ('"us\\', "us", '"'),
        ("--format=js", "--format=js", ""),
    ],
)
def test_a_word_may_be_unfinished(shell: str, typed: str, value: str, quote: str) -> None:
    line = shell_line(f"pyredis-cli GET {typed}", shell, ENVIRON)
    assert [word.value for word in line.words] == ["pyredis-cli", "GET"]
    assert line.partial == ShellWord(value, True, quote)


def test_bash_s_own_quotes_may_be_open() -> None:
    assert shell_line(r"x $'a\n", "bash", {}).partial == ShellWord("a\n", True, "$'")
    assert shell_line("x $'a\\", "bash", {}).partial == ShellWord("a", True, "$'")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
@pytest.mark.parametrize(
    "word", ["$NOWHERE", '"$NOWHERE"', "$(date +%s)", '"x$(echo "a b")"', "a$NOWHERE", "$TWO", "$EMPTY"]
)
def test_what_only_the_shell_can_tell_is_not_known(shell: str, word: str) -> None:
    line = shell_line(f"pyredis-cli -h {word} GET us", shell, ENVIRON)
    assert [(word.value, word.known) for word in line.words[2:]] == [
        (line.words[2].value, False),
        ("GET", True),
    ]


def test_nothing_is_run(tmp_path: Path) -> None:
    for shell, typed in (("bash", f"`touch {tmp_path}/x`"), ("fish", f"(touch {tmp_path}/x)")):
        assert not shell_line(f"pyredis-cli GET {typed} ", shell, ENVIRON).words[2].known
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("shell", "text"),
    [
        ("bash", "pyredis-cli exec < a.txt -n 2>/dev/null 2 us"),
        ("fish", "cat x | A=1 command pyredis-cli exec <a.txt -n >> out 2 us"),
        ("fish", "true; and time pyredis-cli exec -n 2 us"),
        ("zsh", "A=1 B='x y' pyredis-cli exec -n 2 <(date) us"),
    ],
)
def test_redirections_and_what_stands_in_front_do_not_count(shell: str, text: str) -> None:
    line = shell_line(text, shell, ENVIRON)
    words = [word.value for word in line.words if word.known]
    assert (words, line.partial.value) == (["pyredis-cli", "exec", "-n", "2"], "us")
    assert not line.redirected


def test_the_file_of_a_redirection_is_told_apart() -> None:
    assert shell_line("pyredis-cli exec < com", "bash", {}) == ShellLine(
        (ShellWord("pyredis-cli"), ShellWord("exec")), ShellWord("com"), redirected=True
    )


@given(st.text("ab '\"\\$`(){}<>;|&#~\n=é", max_size=30), st.sampled_from(["bash", "zsh", "fish"]))
def test_any_text_is_read(text: str, shell: str) -> None:
    line = shell_line(text, shell, ENVIRON)
    assert len(line.words) <= len(text)
