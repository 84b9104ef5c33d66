"""The command methods: one for each row, made when first used, and their stub for editors and type checkers.

The class below stands at the mixin's seam: all that it asks of a pool or a client is ``execute``.
"""

from __future__ import annotations

import ast
import copy
import inspect
import keyword
import os
import pickle
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from pyredis.client.async_client import AsyncClient
from pyredis.commands.methods import Commands, commands
from pyredis.commands.spec import TABLE
from pyredis.connection.async_connection import AsyncConnection
from pyredis.exceptions import StatefulCommand
from pyredis.pool.async_pool import AsyncPool
from pyredis.types import Argument, Reply
from tests.servers import Server

ROOT = Path(__file__).resolve().parents[2]
METHODS = ROOT / "pyredis/commands/methods.py"
STUB = METHODS.with_suffix(".pyi")
SPECS = {spec.name: spec for spec in TABLE.specs()}


class Target(Commands):
    """What was executed last, and no server."""

    def __init__(self) -> None:
        self.args: tuple[Argument, ...] = ()
        self.options: dict[str, object] = {}

    async def execute(self, *args: Argument, **options: object) -> Reply:
        self.args, self.options = args, options
        return "the reply"

    @property
    def broken(self) -> object:
        return self.missing  # type: ignore[attr-defined]


class Pool(AsyncPool, Commands):
    pass


class Client(AsyncClient, Commands):
    pass


@pytest.fixture
def target() -> Target:
    return Target()


def in_a_new_interpreter(program: str) -> str:
    """Return what a program prints for which nothing of ours was imported before."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


# Which there are, and what they send


def test_every_command_has_one_method_and_a_container_only_as_a_command_by_itself() -> None:
    sendable = [spec.name for spec in SPECS.values() if not spec.subcommands or spec.arity == -1]
    assert sorted(commands().values()) == sorted(sendable)
    assert len(sendable) > 390


async def test_every_method_sends_the_argv_of_its_row_and_passes_the_rest_on(target: Target) -> None:
    for name, command in commands().items():
        assert await getattr(target, name)("a", 1, 2.5, b"\xff", shard_key="k") == "the reply"
        assert target.args == (*command.split(), "a", 1, 2.5, b"\xff"), name
        assert target.options == {"shard_key": "k"}


async def test_arguments_are_the_callers_own_objects(target: Target) -> None:
    value = bytearray(b"v")
    await target.set("k", value)
    assert target.args[-1] is value


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("get", "GET"),
        ("del_", "DEL"),
        ("eval_ro", "EVAL_RO"),
        ("restore_asking", "RESTORE-ASKING"),
        ("client_list", "CLIENT LIST"),
        ("client_no_evict", "CLIENT NO-EVICT"),
        ("cluster_count_failure_reports", "CLUSTER COUNT-FAILURE-REPORTS"),
        ("command", "COMMAND"),
        ("command_count", "COMMAND COUNT"),
        ("commandlog_get", "COMMANDLOG GET"),
        ("exec", "EXEC"),
        ("vadd", "VADD"),
        ("json_arrappend", "JSON.ARRAPPEND"),
        ("ft__list", "FT._LIST"),
        ("ft_debug_dump_terms", "FT.DEBUG DUMP_TERMS"),
    ],
)
def test_a_method_is_named_after_its_command(name: str, command: str) -> None:
    assert commands()[name] == command


@pytest.mark.parametrize(
    "name", ["del", "GET", "Get", "get_", "client", "config", "client_", "client_nope", "_get"]
)
def test_no_other_spelling_is_a_method(target: Target, name: str) -> None:
    assert not hasattr(target, name)


def test_every_name_can_be_written_in_python() -> None:
    assert [name for name in commands() if keyword.iskeyword(name) or not name.isidentifier()] == []


@pytest.mark.parametrize("kind", [AsyncPool, AsyncClient, AsyncConnection])
def test_no_method_hides_what_pools_and_clients_have(kind: type) -> None:
    bases = [base for base in kind.__mro__ if base is not Commands]
    taken = {name for base in bases for name in vars(base)} | vars(kind()).keys()
    assert sorted(taken & commands().keys()) == []


# As attributes


def test_what_there_is_not_is_told_in_the_usual_words(target: Target) -> None:
    with pytest.raises(AttributeError) as raised:
        target.zad  # type: ignore[attr-defined]  # noqa: B018
    assert str(raised.value) == "'Target' object has no attribute 'zad'"
    assert (raised.value.name, raised.value.obj) == ("zad", target)


def test_an_attribute_that_fails_keeps_its_own_error(target: Target) -> None:
    with pytest.raises(AttributeError, match="'Target' object has no attribute 'missing'"):
        target.broken  # noqa: B018


def test_dir_lists_the_commands_beside_what_else_there_is(target: Target) -> None:
    listed = dir(target)
    assert commands().keys() | {"execute", "args", "broken", "__class__"} <= set(listed)
    assert len(listed) == len(set(listed))


def test_the_second_use_is_an_ordinary_method() -> None:
    printed = in_a_new_interpreter(
        "from pyredis.commands.methods import Commands\n"
        "class Target(Commands): pass\n"
        "before = 'zadd' in vars(Commands)\n"
        "Target().zadd\n"
        "made = vars(Commands)['zadd']\n"
        "print(before, Target().zadd.__func__ is made, 'zrem' in vars(Commands))"
    )
    assert printed == "False True False"


def test_nothing_is_made_before_a_method_is_asked_for() -> None:
    printed = in_a_new_interpreter(
        "import copy, pickle, pyredis\n"
        "from pyredis.commands.methods import Commands, commands\n"
        "def made(): return commands.cache_info().currsize\n"
        "pyredis.AsyncPool, pyredis.AsyncClient\n"
        "imported, target = made(), Commands()\n"
        "copy.deepcopy(target), pickle.dumps(target), hasattr(target, '__len__'), repr(target)\n"
        "print(imported, made(), hasattr(target, 'get'), made())"
    )
    assert printed == "0 0 True 1"


async def test_copies_and_pickles_are_as_of_any_object(target: Target) -> None:
    await target.get("k")
    for twin in (copy.copy(target), copy.deepcopy(target), pickle.loads(pickle.dumps(target))):
        assert vars(twin) == vars(target)
        assert await twin.get("other") == "the reply"


def test_who_overrides_a_method_can_call_the_one_it_hides() -> None:
    printed = in_a_new_interpreter(
        "from pyredis.commands.methods import Commands\n"
        "class Target(Commands):\n"
        "    def execute(self, *args, **options): return args, options\n"
        "class Prefixing:\n"
        "    def get(self, key, **options): return super().get(f'mine:{key}', **options)\n"
        "class Prefixed(Prefixing, Target):\n"
        "    def client_list(self): return super().client_list('ID', 1)\n"
        "print(*Prefixed().get('k', shard_key='s'), *Prefixed().client_list())"
    )
    assert printed == "('GET', 'mine:k') {'shard_key': 's'} ('CLIENT', 'LIST', 'ID', 1) {}"


def test_a_method_says_what_it_is(target: Target) -> None:
    method = target.client_no_evict
    assert method.__name__ == "client_no_evict"
    assert method.__qualname__ == "Commands.client_no_evict"
    assert method.__module__ == "pyredis.commands.methods"
    assert [str(parameter) for parameter in inspect.signature(method).parameters.values()] == [
        "*args: 'Argument'",
        "**options: 'object'",
    ]


@pytest.mark.parametrize(
    ("name", "described"),
    [
        ("get", "Execute GET (string): 1 argument, the first key is argument 1; since 1.0.0."),
        (
            "zadd",
            "Execute ZADD (sorted-set): at least 3 arguments, the first key is argument 1; since 1.2.0.",
        ),
        (
            "xgroup_destroy",
            "Execute XGROUP DESTROY (stream): 2 arguments, the first key is argument 1; since 5.0.0.",
        ),
        ("client_list", "Execute CLIENT LIST (connection): any arguments; since 2.4.0."),
        ("client_id", "Execute CLIENT ID (connection): no arguments; since 5.0.0."),
        ("quit", "Execute QUIT (connection): any arguments; since 1.0.0, deprecated since 7.2.0."),
        (
            "vcard",
            "Execute VCARD (vector_set): any arguments, the first key is argument 1; in Redis, since 8.0.0.",
        ),
        (
            "json_set",
            "Execute JSON.SET (json): any arguments, the first key is argument 1; "
            "of the module ReJSON, since 1.0.0.",
        ),
        ("commandlog_len", "Execute COMMANDLOG LEN (server): 1 argument; in Valkey, since 8.1.0."),
    ],
)
def test_a_method_is_described_by_its_facts(target: Target, name: str, described: str) -> None:
    assert getattr(target, name).__doc__ == described


def test_every_description_is_one_whole_line(target: Target) -> None:
    for name in commands():
        described = getattr(target, name).__doc__
        assert described.startswith("Execute ")
        assert described.endswith(".")
        assert "\n" not in described
        assert " ." not in described


# Against real servers


async def test_a_pool_has_the_commands_as_methods(server: Server) -> None:
    async with Pool(unix_sock=str(server.unix_path)) as pool:
        assert await pool.set("k", "v") in (b"OK", "OK")
        assert await pool.get("k", shard_key="k") == b"v"
        assert await pool.zadd("z", 1, "a", 2.5, b"b") == 2
        assert await pool.object_encoding("z") == b"listpack"
        assert await pool.del_("k", "z") == 2
        assert isinstance(await pool.client_list(), bytes)
        assert isinstance(await pool.command_count(), int)


async def test_a_pool_refuses_through_a_method_what_execute_refuses(server: Server) -> None:
    async with Pool(unix_sock=str(server.unix_path)) as pool:
        with pytest.raises(StatefulCommand, match="MULTI"):
            await pool.multi()
        with pytest.raises(TypeError, match="colour"):
            await pool.get("k", colour="red")
        with pytest.raises(TypeError, match="argument 2 is of type NoneType"):
            await pool.get(None)  # type: ignore[arg-type]


async def test_a_client_runs_a_transaction_with_methods(server: Server) -> None:
    async with Client(unix_sock=str(server.unix_path)) as client:
        await client.multi()
        assert client.in_transaction
        await client.incr("n")
        await client.incrby("n", 41)
        assert await client.exec() == [1, 42]
        assert not client.in_transaction


# The stub


def test_the_stub_is_what_the_generator_writes() -> None:
    checked = subprocess.run(
        [sys.executable, "scripts/generate_methods.py", "--check"],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


@cache
def stubbed() -> dict[str, ast.arguments]:
    """Return the parameters of each method that the stub declares."""
    tree = ast.parse(STUB.read_text(encoding="utf-8"))
    (mixin,) = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    return {node.name: node.args for node in mixin.body if isinstance(node, ast.AsyncFunctionDef)}


def test_the_stub_declares_every_method_and_execute() -> None:
    assert stubbed().keys() == {"execute", *commands()}


def test_the_stub_demands_no_more_than_the_server() -> None:
    for name, command in commands().items():
        arguments, spec = stubbed()[name], SPECS[command]
        if "module" in spec.flags:  # modules state no arity; what their manuals demand is all there is
            continue
        demanded = len(arguments.posonlyargs or arguments.args) - 1
        needed = abs(spec.arity) - len(command.split())
        assert demanded <= needed or not spec.arguments, name
        assert arguments.vararg is not None or (spec.arity > 0 and demanded == needed), name


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("get", "self, key: Argument, /, **options: object"),
        ("ping", "self, *args: Argument, **options: object"),
        ("client_id", "self, **options: object"),
        ("zadd", "self, key: Argument, /, *args: Argument, **options: object"),
        ("mset", "self, key: Argument, value: Argument, /, *args: Argument, **options: object"),
        ("lcs", "self, key1: Argument, key2: Argument, /, *args: Argument, **options: object"),
        ("vadd", "self, key: Argument, /, *args: Argument, **options: object"),
        ("json_type", "self, key: Argument, /, *args: Argument, **options: object"),
        ("json_toggle", "self, key: Argument, path: Argument, /, **options: object"),
        ("xread", "self, *args: Argument, **options: object"),
        (
            "linsert",
            "self, key: Argument, where: Argument, pivot: Argument, element: Argument, /, **options: object",
        ),
        # Redis takes a node's id, Valkey also NO ONE.
        ("cluster_replicate", "self, *args: Argument, **options: object"),
    ],
)
def test_a_stubbed_parameter_is_an_argument_whose_place_is_fixed(name: str, parameters: str) -> None:
    assert ast.unparse(stubbed()[name]) == parameters


SNIPPET = """
from typing import assert_type
from pyredis.commands.methods import Commands
from pyredis.pool.async_pool import AsyncPool
from pyredis.types import Reply

class Pool(AsyncPool, Commands): ...

async def right(pool: Pool) -> None:
    assert_type(await pool.zadd("z", 1, "a"), Reply)
    await pool.del_("a", b"b", 3, shard_key="a")
    await pool.client_list()

async def wrong(pool: Pool) -> None:
    await pool.get()
    await pool.get("a", "b")
    await pool.get(key="a")
    await pool.get(None)
    await pool.no_such_command()
"""


def test_a_type_checker_knows_the_methods(tmp_path: Path) -> None:
    snippet, source = tmp_path / "snippet.py", tmp_path / "source_of_methods.py"
    snippet.write_text(SNIPPET, encoding="utf-8")
    # Beside a stub the source itself goes unchecked, unless under another name.
    source.write_text(METHODS.read_text(encoding="utf-8"), encoding="utf-8")
    mypy = [sys.executable, "-m", "mypy", "--cache-dir", str(tmp_path / "cache")]
    checked = subprocess.run([*mypy, str(snippet), str(source)], cwd=ROOT, capture_output=True, text=True)
    told = [line.partition(":")[::2] for line in checked.stdout.splitlines()]
    assert [complaint for name, complaint in told if name.endswith(source.name)] == []
    calls = SNIPPET.splitlines()
    refused = [
        calls[int(complaint.split(":")[0]) - 1] for name, complaint in told if name.endswith(snippet.name)
    ]
    assert refused == calls[calls.index("async def wrong(pool: Pool) -> None:") + 1 :], checked.stdout
