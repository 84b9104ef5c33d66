"""A line with ``|`` or ``>`` while it is typed and afterwards: colours, mistakes, menu, history, bytes."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path

import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

from pyredis.commands.spec import TABLE
from pyredis.types import Attributed, Double, Map, Reply, Status
from pyredis_cli.complete import NameCache
from pyredis_cli.complete.outlets import outlet
from pyredis_cli.core.outcome import Outcome
from pyredis_cli.repl.completer import NameCompleter
from pyredis_cli.repl.descriptors import File
from pyredis_cli.repl.echoing import echoed
from pyredis_cli.repl.history import redacted
from pyredis_cli.repl.insight import Insight
from pyredis_cli.repl.pouring import PouringError, exact, target
from pyredis_cli.settings import Settings


def test_the_mark_has_a_colour_and_what_is_behind_it_is_no_mistake() -> None:
    insight = Insight(lambda: TABLE, "utf-8")
    line = "GET k | jq ."
    assert [(line[span.start : span.end], span.role) for span in insight.spans(line)] == [
        ("GET", "command"),
        ("k", "key"),
        ("|", "outlet"),
    ]
    for typed in ("GET k |", "GET k | ", line, "GET k > f g"):
        assert insight.blot(typed) is None
        assert insight.hint(typed) == ""
    assert insight.blot("GET k x ") is not None


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("GET k | jq '.a'", "GET k | jq '.a'"),
        ("CONFIG GET * | less", "CONFIG GET * | less"),
        (" GET k | less", None),
        ("GET k | curl redis://ada:s3cret@h -d @-", "GET k | curl *** -d @-"),
        ("CONFIG SET requirepass s3cret > f", 'CONFIG SET requirepass *** ">" f'),
        ("GET k | mysql -p s3cret-word", None),
    ],
)
def test_the_history_keeps_the_line_and_no_secret_of_it(line: str, kept: str | None) -> None:
    assert redacted(line, "utf-8", TABLE, "s3cret-word") == kept


def test_what_was_pasted_is_shown_as_it_is_understood() -> None:
    assert echoed("GET k | jq .", "utf-8", TABLE, typed=True) == "GET k | jq ."
    assert echoed("GET k | jq .", "utf-8", TABLE) == 'GET k "|" jq .'


@pytest.fixture
def menu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> NameCompleter:
    program = tmp_path / "sorter"
    program.write_text("")
    program.chmod(0o755)
    (tmp_path / "some notes").write_text("")
    (tmp_path / "sorted.txt").write_text("")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return NameCompleter(lambda: TABLE, lambda: NameCache().of(0))


@pytest.mark.parametrize(
    ("text", "offered"),
    [
        ("GET k | so", ["sorter"]),
        ("GET k | sorter so", ["sorted.txt", "sorter"]),
        ("GET k | cat | so", ["sorter"]),
        ("GET k > so", ["sorted.txt", "sorter"]),
        ("GET k > f so", []),
        ("GET k | ", []),
        ("GET k |", []),
    ],
)
def test_programs_and_files_are_offered(menu: NameCompleter, text: str, offered: list[str]) -> None:
    found = menu.get_completions(Document(text), CompleteEvent(completion_requested=True))
    assert [one.text for one in found] == offered


@pytest.mark.parametrize(
    ("reply", "written"),
    [
        (b"\x00\xff\r\n", b"\x00\xff\r\n"),
        (Attributed(b"a", Map()), b"a"),
        (Status(b"OK"), b"OK\n"),
        (7, b"7\n"),
        (Double("0.10"), b"0.10\n"),
        ([b"a b", 1, None, [b"c"]], b"a b\n1\n\nc\n"),
        (Map([(b"f 1", b"v 1"), (b"f2", b"v2")]), b"f 1\nv 1\nf2\nv2\n"),
        ([], b""),
        (Map(), b""),
    ],
)
def test_what_goes_out_are_the_exact_bytes(reply: Reply, written: bytes) -> None:
    assert b"".join(exact(Outcome((), None, reply), Settings())) == written


def test_a_file_has_one_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")

    def named(line: str) -> bytes:
        found = outlet(line, TABLE)
        assert found is not None
        return target(found)

    assert named("GET k > 'a b'") == b"a b"
    assert named("GET k > ~/x") == b"/home/ada/x"
    assert named("GET k > $HOME") == b"$HOME"
    for line in ("GET k > a b", "GET k > ''", 'GET k > "a\\x00b"', "GET k > 'a'b"):
        with pytest.raises(PouringError):
            named(line)


@pytest.fixture
def little_room() -> Iterator[None]:
    """Let a file have 64 KiB, as a disk that is nearly full would."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 * 1024, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.usefixtures("little_room")
async def test_a_file_keeps_what_it_holds_when_there_is_no_room_for_the_reply(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"kept" * 10)
    with pytest.raises(OSError, match="File too large"):
        await File(bytes(path), append=False).write(lambda: [b"x" * 60_000, b"y" * 60_000])
    assert path.read_bytes() == b"kept" * 10


@pytest.mark.parametrize("held", [b"", b"short", b"long" * 100])
async def test_a_file_holds_what_was_written_last_and_no_more(tmp_path: Path, held: bytes) -> None:
    path = tmp_path / "f"
    path.write_bytes(held)
    await File(bytes(path), append=False).write(lambda: [b"one ", b"two"])
    assert path.read_bytes() == b"one two"
    await File(bytes(path), append=True).write(lambda: [b" three"])
    assert path.read_bytes() == b"one two three"
    await File(bytes(path), append=False).write(list)
    assert path.read_bytes() == b""
