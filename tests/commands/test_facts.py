"""The rows against the servers they came from, and the generator against mistakes in the overlay."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pytest

from pyredis.commands.rows import retyped
from pyredis.commands.spec import TABLE, Spec, Table
from tests.servers import MissingServer, Server, module_config

ROOT = Path(__file__).resolve().parents[2]
GENERATOR = ROOT / "scripts/generate_facts.py"
COMMANDS = ROOT / "pyredis/commands"
FACTS = [*COMMANDS.glob("_facts/*.py"), COMMANDS / "_module_facts.py"]

PRODUCTS = ["redis", "valkey", "redis with modules"]
SERVERS = {"redis": "redis82", "valkey": "valkey9", "redis with modules": "modules82"}


def _text(reply: Any) -> Any:
    if isinstance(reply, list):
        return [_text(item) for item in reply]
    return reply.decode() if isinstance(reply, bytes) else reply


def _name(reported: str) -> str:
    return reported.upper().replace("|", " ")


def _stated(server: Server) -> dict[str, list[Any]]:
    """Return the entries of COMMAND, subcommands too, by their names in the table."""
    entries = _text(server.command("COMMAND"))
    entries += [subcommand for entry in entries for subcommand in entry[9]]
    return {_name(entry[0]): entry for entry in entries}


def _documented(flat: list[Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, entry in zip(flat[::2], flat[1::2], strict=True):
        docs = dict(zip(entry[::2], entry[1::2], strict=True))
        yield _name(name), docs
        yield from _documented(docs.get("subcommands", []))


def _grammar(arguments: list[Any]) -> list[Any]:
    """Return the argument tree of COMMAND DOCS, of each argument what must not get lost."""
    fields = [dict(zip(flat[::2], flat[1::2], strict=True)) for flat in arguments]
    return [
        (
            field["name"],
            field["type"],
            field.get("token"),
            field.get("flags", []),
            field.get("key_spec_index"),
            field.get("since"),
            _grammar(field.get("arguments", [])),
        )
        for field in fields
    ]


def _kept(arguments: tuple[Any, ...]) -> list[Any]:
    return [
        (name, type_, token, list(flags), key_spec, since, _kept(nested))
        for name, type_, token, flags, key_spec, since, _display, nested in arguments
    ]


@pytest.fixture(params=PRODUCTS)
def product(request: pytest.FixtureRequest) -> tuple[Server, str]:
    return request.getfixturevalue(SERVERS[request.param]), request.param


def _table(product: str) -> Table:
    return Table(product.split()[0])


def _known(table: Table, product: str) -> dict[str, Spec]:
    name, _, modules = product.partition(" with ")
    return {
        spec.name: spec
        for spec in table.specs()
        if name in spec.products and spec.group != "sentinel" and (modules or spec.module is None)
    }


def test_a_table_names_exactly_what_the_product_has(product: tuple[Server, str]) -> None:
    server, name = product
    assert _known(_table(name), name).keys() == _stated(server).keys()


def test_redis_has_267_commands_and_130_subcommands() -> None:
    names = _known(TABLE, "redis")
    assert (sum(" " not in name for name in names), sum(" " in name for name in names)) == (267, 130)


def test_modules_have_117_commands_and_29_subcommands() -> None:
    names = [spec.name for spec in TABLE.specs() if spec.module]
    assert (sum(" " not in name for name in names), sum(" " in name for name in names)) == (117, 29)
    assert names == [name for name in TABLE.names() if "." in name]


def test_each_row_states_what_the_server_states(product: tuple[Server, str]) -> None:
    server, name = product
    known = _known(_table(name), name)
    for command, (_, arity, flags, first, last, step, categories, tips, specs, _) in _stated(server).items():
        spec = known[command]
        assert (spec.arity, spec.flags) == (arity, set(flags)), command
        assert (spec.first_key, spec.last_key, spec.key_step) == (first, last, step), command
        assert {f"@{category}" for category in spec.categories} == set(categories), command
        assert (set(spec.tips), len(spec.key_specs)) == (set(tips), len(specs)), command


CALLED_INTEGERS: Final = {
    "ZINCRBY": {"increment": "integer"},
    **{key: {"weight": "integer"} for key in ("ZUNION", "ZUNIONSTORE", "ZINTER", "ZINTERSTORE")},
    **{key: {"offset": "integer"} for key in ("BITFIELD", "BITFIELD_RO")},
}
"""What the servers call integers, and take otherwise: the overlay says what it is."""


def test_each_row_documents_what_the_server_documents(product: tuple[Server, str]) -> None:
    server, name = product
    known = _known(_table(name), name)
    docs = dict(_documented(_text(server.command("COMMAND", "DOCS"))))
    assert docs.keys() == known.keys()
    for command, stated in docs.items():
        spec = known[command]
        assert spec.module == (stated.get("module") if "." in command else None)
        if "module" in stated:  # a module documents nothing; modules.toml does
            assert stated.keys() <= {"group", "module", "subcommands"}, command
            continue
        assert (spec.group, spec.since) == (stated["group"], stated.get("since", "")), command
        assert spec.deprecated_since == stated.get("deprecated_since"), command
        as_called = retyped(spec.arguments, CALLED_INTEGERS.get(command, {}))
        assert _kept(as_called) == _grammar(stated.get("arguments", [])), command


def test_no_sentence_of_a_servers_documentation_is_kept(product: tuple[Server, str]) -> None:
    text = "".join(path.read_text() for path in FACTS)
    for command, docs in _documented(_text(product[0].command("COMMAND", "DOCS"))):
        for field in ("summary", "complexity", "replaced_by"):
            sentence = docs.get(field, "")
            assert " " not in sentence or sentence not in text, command


@pytest.mark.parametrize(
    ("command", "products"),
    [
        ("GET", {"redis", "valkey"}),
        ("VADD", {"redis"}),
        ("XACKDEL", {"redis"}),
        ("DELIFEQ", {"valkey"}),
        ("MSETEX", {"valkey"}),
        ("CLUSTERSCAN", {"valkey"}),
        ("CLIENT CAPA", {"valkey"}),
        ("COMMANDLOG GET", {"valkey"}),
        ("SENTINEL SET", {"redis", "valkey"}),
    ],
)
def test_a_row_says_which_products_have_the_command(command: str, products: set[str]) -> None:
    spec = TABLE.find(command.split())
    assert spec is not None
    assert (spec.name, spec.products) == (command, products)


def test_keys_that_stand_elsewhere_keep_their_specs() -> None:
    stored = TABLE.find(["GEORADIUS"])
    counted = TABLE.find(["BLMPOP"])
    assert stored is not None
    assert counted is not None
    assert stored.key_specs[1] == (("OW", "update"), ("keyword", "STORE", 6), ("range", 0, 1, 0))
    assert counted.key_specs == ((("RW", "access", "delete"), ("index", 2), ("keynum", 0, 1, 1)),)


def test_every_blocking_command_has_a_timeout() -> None:
    assert [spec.name for spec in TABLE.specs() if "blocking" in spec.flags and spec.timeout is None] == []


def test_every_readonly_twin_cannot_write() -> None:
    twins = {spec.name: spec.readonly_twin for spec in TABLE.specs() if spec.readonly_twin}
    assert twins == {
        "BITFIELD": "BITFIELD_RO",
        "EVAL": "EVAL_RO",
        "EVALSHA": "EVALSHA_RO",
        "FCALL": "FCALL_RO",
        "GEORADIUS": "GEORADIUS_RO",
        "GEORADIUSBYMEMBER": "GEORADIUSBYMEMBER_RO",
        "SORT": "SORT_RO",
    }
    found = [TABLE.find([twin]) for twin in twins.values()]
    assert all(spec is not None and spec.readonly and not spec.write for spec in found)


def test_what_cannot_be_undone_is_dangerous() -> None:
    dangerous = {spec.name for spec in TABLE.specs() if spec.danger}
    assert dangerous > {
        "CLUSTER RESET",
        "CONFIG SET",
        "DEBUG",
        "FLUSHALL",
        "FLUSHDB",
        "KEYS",
        "REPLICAOF",
        "SCRIPT FLUSH",
        "SHUTDOWN",
        "SLAVEOF",
    }
    assert not dangerous & {"DEL", "GET", "SET", "SCAN", "CONFIG GET"}


# The generator


def _generator(*arguments: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, str(GENERATOR), *arguments]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def modules() -> None:
    """Skip a test that cannot do without modules."""
    try:
        module_config()
    except MissingServer as missing:
        pytest.skip(str(missing))


@pytest.mark.usefixtures("modules")
def test_the_files_on_disk_are_what_the_generator_writes() -> None:
    done = _generator("--check")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.usefixtures("modules")
@pytest.mark.parametrize(
    ("name", "word"), [("_facts/g.py", "'GET'"), ("_module_facts.py", "'FT.SEARCH'"), ("_facts/g.py", None)]
)
def test_check_fails_on_a_stale_file_and_leaves_it_alone(tmp_path: Path, name: str, word: str | None) -> None:
    texts = {str(path.relative_to(COMMANDS)): path.read_text() for path in FACTS}
    (tmp_path / "_facts").mkdir()
    texts[name] = texts[name].replace(word, "'GOT'") if word else ""
    for file, text in texts.items():
        (tmp_path / file).write_text(text)
    done = _generator("--check", "--folder", str(tmp_path))
    assert done.returncode == 1
    assert done.stderr == f"{tmp_path / name} is stale; run python scripts/generate_facts.py\n"
    assert {file: (tmp_path / file).read_text() for file in texts} == texts


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_facts", GENERATOR)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def rows() -> dict[str, dict[str, Any]]:
    names = ("AUTH", "EVAL", "EVAL_RO", "BLPOP", "SORT")
    return {
        name: {
            "name": name,
            "flags": "readonly" if name == "EVAL_RO" else "write" if name == "SORT" else "",
            "overlay": (),
            "key_specs": ((("RO",), ("index", 1), ("range", 0, 1, 0)),),
        }
        for name in names
    }


def _row(*commands: str, **facts: Any) -> dict[str, Any]:
    return {"commands": list(commands), "why": "a test", **facts}


def test_an_overlay_row_adds_its_facts(generator: ModuleType, rows: dict[str, Any]) -> None:
    overlay = {"row": [_row("AUTH", effect="auth", secrets=[{"from": 1}])]}
    merged = generator.merge(rows, overlay)
    assert merged["AUTH"]["overlay"] == (("effect", "auth"), ("secrets", (("from", 1),)))
    assert rows["AUTH"]["overlay"] == ()


@pytest.mark.parametrize(
    ("overlay", "complaint"),
    [
        ({"rows": []}, "unknown key rows"),
        ({"row": [_row("AUHT", effect="auth")]}, "no server has 'AUHT'"),
        ({"row": [_row("AUTH", efect="auth")]}, "unknown key efect"),
        ({"row": [_row("AUTH", effect="login")]}, "effect cannot be 'login'"),
        ({"row": [_row("AUTH", effect=1)]}, "effect cannot be 1"),
        ({"row": [_row("AUTH")]}, "states no fact"),
        ({"row": [_row(effect="auth")]}, "commands and why must be there"),
        ({"row": [{"commands": ["AUTH"], "effect": "auth"}]}, "commands and why must be there"),
        ({"row": [_row("AUTH", secrets=[{"form": 1}])]}, "secrets cannot be"),
        ({"row": [_row("AUTH", secrets=[{"after": ["auth"], "count": 1}])]}, "secrets cannot be"),
        ({"row": [_row("AUTH", secrets=[{"from": 1, "count": 1}])]}, "secrets cannot be"),
        ({"row": [_row("BLPOP", timeout={"at": -1})]}, "timeout cannot be"),
        ({"row": [_row("BLPOP", timeout={"at": -1, "unit": "minutes"})]}, "timeout cannot be"),
        ({"row": [_row("BLPOP", timeout={"unit": "seconds"})]}, "timeout cannot be"),
        ({"row": [_row("BLPOP", timeout={"at": 1, "unit": "seconds", "zero": "no"})]}, "timeout cannot be"),
        ({"row": [_row("AUTH", shape="bush")]}, "shape cannot be 'bush'"),
        ({"row": [_row("AUTH", shape="map if withscores")]}, "shape cannot be"),
        ({"row": [_row("AUTH", shape="map if X; bush")]}, "shape cannot be"),
        ({"row": [_row("AUTH", shape="map if 3")]}, "shape cannot be"),
        ({"row": [_row("AUTH", shape="map if SOME WORDS")]}, "shape cannot be"),
        ({"row": [_row("AUTH", inside={})]}, "inside cannot be"),
        ({"row": [_row("AUTH", inside={"nodes": "rows"})]}, "inside cannot be"),
        ({"row": [_row("AUTH", inside={"nodes": []})]}, "inside cannot be"),
        ({"row": [_row("AUTH", inside="map")]}, "inside cannot be"),
        ({"row": [_row("AUTH", columns=[])]}, "columns cannot be"),
        ({"row": [_row("AUTH", columns="id")]}, "columns cannot be"),
        ({"row": [_row("AUTH", columns=["id if x"])]}, "columns cannot be"),
        ({"row": [_row("AUTH", text="prose")]}, "text cannot be 'prose'"),
        ({"row": [_row("AUTH", text="info if all")]}, "text cannot be"),
        ({"row": [_row("AUTH", danger="")]}, "danger cannot be ''"),
        ({"row": [_row("AUTH", changes="")]}, "changes cannot be ''"),
        ({"row": [_row("AUTH", asks="sometimes")]}, "asks cannot be 'sometimes'"),
        ({"row": [_row("AUTH", asks={"with": ["NO"]})]}, "asks cannot be"),
        ({"row": [_row("AUTH", asks={"with": ["no"], "from": 1})]}, "asks cannot be"),
        ({"row": [_row("AUTH", asks={"without": [], "at": 1})]}, "asks cannot be"),
        ({"row": [_row("AUTH", asks={"with": ["A"], "at": 1, "form": 2})]}, "asks cannot be"),
        ({"row": [_row("AUTH", measure=["patience"])]}, "measure cannot be"),
        ({"row": [_row("AUTH", measure="keyspace")]}, "measure cannot be"),
        ({"row": [_row("SORT", whole="most")]}, "whole cannot be 'most'"),
        ({"row": [_row("SORT", whole={"range": "2"})]}, "whole cannot be"),
        ({"row": [_row("SORT", whole={"ends": 2, "unless": ["X"]})]}, "whole cannot be"),
        ({"row": [_row("SORT", steps="SSORT")]}, "no server has its command in steps 'SSORT'"),
        ({"row": [_row("SORT", keys=[{"after": "STORE"}])]}, "keys cannot be"),
        (
            {"row": [_row("SORT", keys=[{"spec": 0, "after": "STORE", "from": 2}])]},
            "no key spec 0 that is unknown",
        ),
        ({"row": [_row("EVAL", readonly_twin="EVAL_R0")]}, "no server has its read-only twin 'EVAL_R0'"),
        ({"row": [_row("EVAL", readonly_twin="SORT")]}, "its twin 'SORT' is not read-only"),
        ({"row": [_row("AUTH", reads="mostly")]}, "reads cannot be 'mostly'"),
        ({"row": [_row("AUTH", reads="if")]}, "reads cannot be 'if'"),
        ({"row": [_row("AUTH", reads="unless reset")]}, "reads cannot be 'unless reset'"),
        ({"row": [_row("AUTH", reads="never")]}, "its server says whether it reads"),
        ({"row": [_row("SORT", reads="always")]}, "its server says whether it reads"),
        ({"row": [_row("EVAL_RO", reads="always")]}, "its server says whether it reads"),
        ({"row": [_row("AUTH", effect="auth"), _row("AUTH", effect="hello")]}, "AUTH has effect already"),
        ({"row": [_row("AUTH", added=True, arity=1)]}, "a server has 'AUTH'"),
        ({"row": [_row("NEW", added=True, arity=1)]}, "must state flags"),
        ({"row": [_row("NEW", "NEWER", added=True)]}, "stands for one command"),
        ({"row": [_row("AUTH", effect="auth", arity=1)]}, "unknown key arity"),
    ],
)
def test_a_mistake_in_the_overlay_is_refused(
    generator: ModuleType, rows: dict[str, Any], overlay: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(generator.OverlayError, match=complaint):
        generator.merge(rows, overlay)


def test_an_added_row_is_a_row_like_any_other(generator: ModuleType, rows: dict[str, Any]) -> None:
    stated = {
        "arity": -2,
        "flags": "admin",
        "categories": "slow",
        "products": "redis",
        "group": "sentinel",
        "since": "2.8.4",
    }
    merged = generator.merge(rows, {"row": [_row("NEW", added=True, **stated)]})
    assert {field: merged["NEW"][field] for field in stated} == stated


def test_what_only_valkey_states_is_an_override(generator: ModuleType) -> None:
    def row(arity: int) -> dict[str, Any]:
        return dict.fromkeys(generator.FIELDS, "") | {"arity": arity}

    rows, overrides = generator.combine({"A": row(1), "B": row(2)}, {"B": row(3), "C": row(4)})
    assert sorted(rows) == ["A", "B", "C"]
    assert (rows["B"]["arity"], rows["B"]["products"]) == (2, "redis valkey")
    assert overrides == [("valkey", "B", (("arity", 3),))]
