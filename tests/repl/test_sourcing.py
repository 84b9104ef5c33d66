"""How a file is cut into commands, and which files there are."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice, repeat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyredis.commands.spec import TABLE
from pyredis_cli.render.line import as_typed
from pyredis_cli.repl.meta import verdict
from pyredis_cli.repl.sourcing import Source, behind, commands
from pyredis_cli.repl.verdicts import Perform, Refuse
from pyredis_cli.splitting import split


def cut(text: str) -> list[tuple[int, str]]:
    return [tuple(command) for command in commands(iter(text.encode().splitlines(keepends=True)), "utf-8")]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        ("GET a\nGET b\n", [(1, "GET a"), (2, "GET b")]),
        ("GET a", [(1, "GET a")]),
        ("\n  \n# a comment\n  # it's one\nGET a\n", [(5, "GET a")]),
        ("GET a\r\nGET b\r\n", [(1, "GET a"), (2, "GET b")]),
        ('SET k "one\ntwo"\nGET k\n', [(1, 'SET k "one\ntwo"'), (3, "GET k")]),
        (
            "SET k 'one\n# two\n\nit\\'s three' NX\nGET k",
            [(1, "SET k 'one\n# two\n\nit\\'s three' NX"), (5, "GET k")],
        ),
        ('SET k "a\\"\nb"\nGET k', [(1, 'SET k "a\\"\nb"'), (3, "GET k")]),
        ('SET k "a\\\nb"\nGET k', [(1, 'SET k "a\\\nb"'), (3, "GET k")]),
        ('SET k "open\nGET k\n', [(1, 'SET k "open\nGET k')]),
        ('SET k "a"b"c\nGET k', [(1, 'SET k "a"b"c'), (2, "GET k")]),
        ('SET k "it\'s"\nGET k', [(1, 'SET k "it\'s"'), (2, "GET k")]),
        ("SET k it's\nGET it's\n", [(1, "SET k it's\nGET it's")]),
        ("SET k v # no comment\n", [(1, "SET k v # no comment")]),
    ],
)
def test_a_command_ends_with_its_line_unless_a_quote_is_open(text: str, found: list[tuple[int, str]]) -> None:
    assert cut(text) == found


@given(st.lists(st.lists(st.binary(), min_size=1), max_size=5), st.sampled_from(["\n", "\n\n# it's\n"]))
def test_what_is_typed_one_way_or_another_comes_back(argvs: Sequence[list[bytes]], between: str) -> None:
    def typed(word: bytes) -> str:
        # As nobody writes it unless words hold line ends: in single quotes, as they are.
        text = word.decode("utf-8", "surrogateescape")
        if "\\" in text or "'" in text:
            return as_typed([word])
        return f"'{text}'"

    text = between.join(" ".join(map(typed, argv)) for argv in argvs)
    lines = [line + b"\n" for line in text.encode("utf-8", "surrogateescape").split(b"\n")]
    found = [split(command.text) for command in commands(iter(lines), "utf-8")]
    assert found == [list(argv) for argv in argvs]


def test_a_file_is_read_no_further_than_its_commands_are_run() -> None:
    endless = commands(repeat(b"PING\n"), "utf-8")
    assert [command.number for command in islice(endless, 3)] == [1, 2, 3]


def test_bytes_that_are_no_text_stay_what_they_are() -> None:
    (command,) = commands(iter([b'SET k "\xff\xfe"\n']), "utf-8")
    assert split(command.text) == [b"SET", b"k", b"\xff\xfe"]


def test_source_takes_one_file() -> None:
    assert verdict([b":source", b"a b"], TABLE) == Perform(Source("a b"))
    for words in ([b":source"], [b":source", b""], [b":source", b"a", b"b"]):
        assert isinstance(verdict(words, TABLE), Refuse)


def paths(typed: str) -> list[tuple[str, bool]]:
    return [(choice.text, choice.unfinished) for choice in behind([], typed, TABLE)]


def test_files_and_folders_are_offered_as_they_are_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for name in ("b.redis", "a b.redis", ".hidden"):
        Path(name).touch()
    Path("sub").mkdir()
    Path("sub/x").touch()
    (Path.home() / "mine.redis").touch()
    assert paths("") == [("a b.redis", False), ("b.redis", False), ("sub/", True)]
    assert paths("a") == [("a b.redis", False)]
    assert paths(".h") == [(".hidden", False)]
    assert paths("sub/") == [("sub/x", False)]
    assert paths("./s") == [("./sub/", True)]
    assert paths("~/m") == [("~/mine.redis", False)]
    assert paths(f"{folder}/b") == [(f"{folder}/b.redis", False)]
    assert paths("nosuch/") == paths("a\0b/") == []
    assert list(behind(["a"], "", TABLE)) == []
