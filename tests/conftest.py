"""The fixtures every test may ask for: real servers, faults, leak checks and a clean environment.

Servers are started when the first test asks for one and shared by the tests of a worker process; each test
finds its server as new. A test that wants to kill or configure a server asks for `make_server` instead.
"""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import TypeAlias

import hypothesis
import pytest

from tests.clusters import Cluster
from tests.proxy import BackgroundProxy, Proxy, in_background
from tests.sentinels import Sentinels
from tests.servers import BINARIES, Binary, MissingServer, Server, module_config, until
from tests.terminal import Terminal

__all__ = [
    "MakeBackgroundProxy",
    "MakeCluster",
    "MakeProxy",
    "MakeSentinels",
    "MakeServer",
    "MakeTerminal",
]

MakeCluster: TypeAlias = Callable[..., Cluster]
MakeSentinels: TypeAlias = Callable[..., Sentinels]
MakeServer: TypeAlias = Callable[..., Server]
MakeProxy: TypeAlias = Callable[[Server], Awaitable[Proxy]]
MakeTerminal: TypeAlias = Callable[..., Terminal]
MakeBackgroundProxy: TypeAlias = Callable[[Server], BackgroundProxy]

_LEAK_DEADLINE = 2.0  # seconds; what is being closed may need some turns of the loop
_SERVERS = (
    "shared_server",
    "redis82",
    "valkey9",
    "redis70",
    "redis62",
    "modules82",
    "server",
    "shared_cluster",
    "cluster",
    "cluster82",
    "durable_cluster",
    "shared_sentinels",
    "sentinels",
    "sentinels82",
    "durable_sentinels",
    "family",
)
_DURABLE = ("appendonly yes", "appendfsync always", "auto-aof-rewrite-percentage 0")
_LONG = (
    "tests/test_source.py",
    "tests/test_large_replies.py",
    "tests/test_pages.py",
    "tests/repl/test_growth.py",
    "tests/complete/test_shells.py",
    "tests/failover/",
    "tests/test_tour.py",
    "tests/test_benchmarks.py",
)
_FOREIGN_PREFIXES = (
    "REDISCLI_",
    "REDIS_",
    "VALKEY_",
    "VALKEYCLI_",
    "PYREDIS_",
    "PYREDISCLI_",
    "IREDIS",
    "XDG_",
)
_FOREIGN_NAMES = (
    "NO_COLOR",
    "FORCE_COLOR",
    "CLICOLOR",
    "CLICOLOR_FORCE",
    "COLORTERM",
    "COLUMNS",
    "LINES",
    "LESS",
    "LESSOPEN",
    "PAGER",
    "EDITOR",
    "VISUAL",
    "PROMPT_TOOLKIT_NO_CPR",
    "PROMPT_TOOLKIT_COLOR_DEPTH",
    "FAKETTY",
    "LC_ALL",
)


# A loaded machine is no reason to fail: how long an example takes tells nothing of what it shows.
hypothesis.settings.register_profile(
    "whatever the load", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("whatever the load")


def pytest_xdist_auto_num_workers() -> int:
    """Return how many workers ``-n auto`` means: a third of the suite waits for servers and clocks."""
    cores = os.cpu_count() or 1
    return cores + (cores + 1) // 2


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have what takes long run first, and set `no_leaks` up after the servers and before all else.

    No worker shall begin with something long when the others are done. A server outlives the test and is no leak;
    whatever else was opened must be closed again by then.
    """
    items.sort(key=lambda item: not item.nodeid.startswith(_LONG))
    for item in items:
        names: list[str] = getattr(item, "fixturenames", [])
        if "no_leaks" in names:
            names.sort(key=lambda name: 0 if name in _SERVERS else 1 if name == "no_leaks" else 2)


@pytest.fixture(scope="session")
def bytecode(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where the programs under test keep their bytecode, as installed ones have it; all workers share it.

    To compile the program takes longer than most tests of it.
    """
    folder = tmp_path_factory.getbasetemp()
    return (folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) / "bytecode"


@pytest.fixture(autouse=True)
def clean_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bytecode: Path) -> None:
    """Keep every test, and every program it starts, away from the user's files and settings."""
    for name in list(os.environ):
        if name in _FOREIGN_NAMES or name.startswith(_FOREIGN_PREFIXES):
            monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    for name, folder in (
        ("XDG_CONFIG_HOME", ".config"),
        ("XDG_DATA_HOME", ".local/share"),
        ("XDG_STATE_HOME", ".local/state"),
        ("XDG_CACHE_HOME", ".cache"),
    ):
        monkeypatch.setenv(name, str(home / folder))
    monkeypatch.setenv("LANG", "C.UTF-8")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    monkeypatch.setenv("PYTHONPYCACHEPREFIX", str(bytecode))


def _make(name: str, *config: str) -> Server:
    """Return a server that is not started yet; skip the test when the machine lacks an optional one."""
    return Server(_binary(name), *config)


def _binary(name: str) -> Binary:
    """Return a server program; skip the test when the machine lacks an optional one."""
    binary = BINARIES[name]
    try:
        binary.path()
    except MissingServer as missing:
        if binary.optional:
            pytest.skip(str(missing))
        raise
    return binary


@pytest.fixture(scope="session")
def shared_server() -> Iterator[Callable[..., Server]]:
    """Return the worker's own server of that name and configuration, as new; the first call starts it."""
    running: dict[tuple[str, ...], Server] = {}

    def shared(name: str, *config: str) -> Server:
        asked = (name, *config)
        if asked not in running:
            running[asked] = stack.enter_context(_make(*asked))
        running[asked].reset()
        return running[asked]

    with ExitStack() as stack:
        yield shared


@pytest.fixture
def redis82(shared_server: Callable[[str], Server]) -> Server:
    return shared_server("redis82")


@pytest.fixture
def valkey9(shared_server: Callable[[str], Server]) -> Server:
    return shared_server("valkey9")


@pytest.fixture
def redis70(shared_server: Callable[[str], Server]) -> Server:
    return shared_server("redis70")


@pytest.fixture
def redis62(shared_server: Callable[[str], Server]) -> Server:
    return shared_server("redis62")


@pytest.fixture
def modules82(shared_server: Callable[..., Server]) -> Server:
    """Return Redis with the JSON, search and Bloom modules; skip the test when they are not installed."""
    try:
        config = module_config()
    except MissingServer as missing:
        pytest.skip(str(missing))
    return shared_server("redis82", *config)


@pytest.fixture(params=["redis82", "valkey9"])
def server(request: pytest.FixtureRequest, shared_server: Callable[[str], Server]) -> Server:
    """Return Redis, then Valkey: for what must hold on both."""
    return shared_server(request.param)


@pytest.fixture
def make_server() -> Iterator[MakeServer]:
    """Return ``make_server("redis82", "requirepass secret", ...)``: a started server of the test's own."""
    with ExitStack() as stack:
        yield lambda name="redis82", *config: stack.enter_context(_make(name, *config))


@pytest.fixture(scope="session")
def shared_cluster() -> Iterator[Callable[[str], Cluster]]:
    """Return the worker's own cluster of a binary, as new; the first call starts it."""
    running: dict[str, Cluster] = {}

    def shared(name: str) -> Cluster:
        if name not in running:
            running[name] = stack.enter_context(Cluster(_binary(name)))
        running[name].reset()
        return running[name]

    with ExitStack() as stack:
        yield shared


@pytest.fixture(params=["redis82", "valkey9"])
def cluster(request: pytest.FixtureRequest, shared_cluster: Callable[[str], Cluster]) -> Cluster:
    """Return three primaries with a replica each, of Redis, then of Valkey."""
    return shared_cluster(request.param)


@pytest.fixture
def cluster82(shared_cluster: Callable[[str], Cluster]) -> Cluster:
    return shared_cluster("redis82")


@pytest.fixture
def make_cluster() -> Iterator[MakeCluster]:
    """Return ``make_cluster("redis82", "appendonly yes", primaries=3, replicas=0)``: one of the test's own."""
    with ExitStack() as stack:
        yield lambda binary="redis82", *config, **shape: stack.enter_context(
            Cluster(_binary(binary), *config, **shape)
        )


@pytest.fixture(params=["redis82", "valkey9"])
def durable_cluster(request: pytest.FixtureRequest, make_cluster: MakeCluster) -> Cluster:
    """Return a cluster of the test's own whose nodes record every write before they acknowledge it."""
    return make_cluster(request.param, *_DURABLE)


@pytest.fixture(params=["redis82", "valkey9"])
def durable_sentinels(request: pytest.FixtureRequest, make_sentinels: MakeSentinels) -> Sentinels:
    """Return sentinels of the test's own; the servers record every write before they acknowledge it."""
    return make_sentinels(request.param, *_DURABLE)


@pytest.fixture(scope="session")
def shared_sentinels() -> Iterator[Callable[[str], Sentinels]]:
    """Return the worker's own sentinels of a binary, as new; the first call starts them."""
    running: dict[str, Sentinels] = {}

    def shared(name: str) -> Sentinels:
        if name not in running:
            running[name] = stack.enter_context(Sentinels(_binary(name)))
        running[name].reset()
        return running[name]

    with ExitStack() as stack:
        yield shared


@pytest.fixture(params=["redis82", "valkey9"])
def sentinels(request: pytest.FixtureRequest, shared_sentinels: Callable[[str], Sentinels]) -> Sentinels:
    """Return three sentinels with a primary and two replicas, of Redis, then of Valkey."""
    return shared_sentinels(request.param)


@pytest.fixture
def sentinels82(shared_sentinels: Callable[[str], Sentinels]) -> Sentinels:
    return shared_sentinels("redis82")


@pytest.fixture
def make_sentinels() -> Iterator[MakeSentinels]:
    """Return ``make_sentinels("redis82", "requirepass secret", name="orders")``: a group of the test's own."""
    with ExitStack() as stack:
        yield lambda binary="redis82", *config, **shape: stack.enter_context(
            Sentinels(_binary(binary), *config, **shape)
        )


@pytest.fixture
async def proxy() -> AsyncIterator[MakeProxy]:
    """Return ``await proxy(server)``: a proxy in front of that server, in the test's event loop."""
    async with AsyncExitStack() as stack:

        async def make(server: Server) -> Proxy:
            return await stack.enter_async_context(Proxy((server.host, server.port)))

        yield make


@pytest.fixture
def background_proxy() -> Iterator[MakeBackgroundProxy]:
    """Return ``background_proxy(server)``: the same in a thread, for tests that block."""
    with ExitStack() as stack:
        yield lambda server: stack.enter_context(in_background((server.host, server.port)))


@pytest.fixture
def terminal() -> Iterator[MakeTerminal]:
    """Return ``terminal(argv, columns=80, rows=24, env={...})``: a program in a terminal."""
    with ExitStack() as stack:
        yield lambda *args, **kwargs: stack.enter_context(Terminal(*args, **kwargs))


@pytest.fixture
async def no_leaks() -> AsyncIterator[None]:
    """Fail when the test leaves a task running or a file descriptor open."""
    gc.collect()
    gc.freeze()  # what is alive now is not the test's; to look through all of it again would take a second
    tasks, descriptors = asyncio.all_tasks(), _descriptors()
    yield
    gc.collect()
    await until(
        lambda: not (asyncio.all_tasks() - tasks - {asyncio.current_task()}),
        seconds=_LEAK_DEADLINE,
        what=f"no task is left of {asyncio.all_tasks() - tasks}",
    )
    await until(
        lambda: len(_descriptors()) <= len(descriptors),
        seconds=_LEAK_DEADLINE,
        what=f"file descriptors {descriptors} are all that is open, not {_descriptors()}",
    )


def _descriptors() -> dict[int, str]:
    """Return what this process has open, by number."""
    listing = "/proc/self/fd" if os.path.isdir("/proc/self/fd") else "/dev/fd"
    opened = {}
    for name in os.listdir(listing):
        try:
            opened[int(name)] = os.readlink(f"{listing}/{name}")
        except OSError:  # the descriptor that listed the folder is closed again
            continue
    return opened
