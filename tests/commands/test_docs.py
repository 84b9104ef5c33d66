"""What a table learns from COMMAND DOCS, and what a server of which version has."""

from __future__ import annotations

import socket
import time
from typing import Any

import hiredis
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pyredis.commands.grammar import grammar
from pyredis.commands.rows import documented, in_version, stated, version
from pyredis.commands.spec import TABLE, Spec, Table
from pyredis.exceptions import ReplyError
from pyredis.pool.async_pool import AsyncPool
from pyredis.types import BigNumber, Double, Map, Push, Reply, Set, Status, Verbatim
from pyredis_cli.complete.hints import hint
from pyredis_cli.complete.paint import blot, paint
from tests.servers import Server


def spec_of(table: Table, line: str) -> Spec:
    spec = table.find(line.split())
    assert spec is not None, line
    return spec


def learnt(*docs: object) -> Table:
    table = Table()
    table.learn([[b"novel", -2, [], 1, 1, 1]])
    for reply in docs:
        table.learn_docs(reply)
    return table


ARGUMENT = [b"name", b"thing", b"type", b"string", b"display_text", b"thing", b"flags", [b"optional"]]
NOVEL = [
    b"novel",
    [
        b"summary",
        b"Does what none did before.",
        b"since",
        b"9.9.0",
        b"group",
        b"string",
        b"complexity",
        b"O(1)",
        b"arguments",
        [
            [b"name", b"key", b"type", b"key", b"key_spec_index", 0],
            [
                b"name",
                b"how",
                b"type",
                b"oneof",
                b"arguments",
                [
                    [b"name", b"fast", b"type", b"pure-token", b"token", b"FAST"],
                    [b"name", b"slow", b"type", b"integer", b"token", b"SLOW", b"display_text", b"much"],
                ],
            ],
            ARGUMENT,
        ],
    ],
]


def as_map(reply: Any) -> Any:
    """Return the reply as RESP3 has it, through the typed decoder."""
    if isinstance(reply, list) and len(reply) % 2 == 0 and reply and isinstance(reply[0], bytes):
        return Map(
            [(Status(name), as_map(value)) for name, value in zip(reply[::2], reply[1::2], strict=True)]
        )
    return [as_map(item) for item in reply] if isinstance(reply, list) else reply


def as_dict(reply: Any) -> Any:
    """Return the reply as hiredis has it in RESP3, as text."""
    if isinstance(reply, Map):
        return {name.decode(): as_dict(value) for name, value in reply}
    if isinstance(reply, list):
        return [as_dict(item) for item in reply]
    return reply.decode() if isinstance(reply, bytes) else reply


@pytest.mark.parametrize("form", [lambda reply: reply, as_map, lambda reply: as_dict(as_map(reply))])
def test_docs_are_learnt_from_any_form_of_the_reply(form: Any) -> None:
    spec = spec_of(learnt(form(NOVEL)), "novel")
    assert f"{spec.name} {grammar(spec)}" == "NOVEL key <FAST|SLOW much> [thing]"
    assert (spec.summary, spec.complexity) == ("Does what none did before.", "O(1)")
    assert (spec.group, spec.since, spec.deprecated_since) == ("string", "9.9.0", None)


def test_docs_of_a_command_without_a_row_wait_for_it() -> None:
    table = Table()
    table.learn_docs(NOVEL)
    assert table.find(["novel"]) is None
    table.learn([[b"novel", -2, [], 1, 1, 1]])
    assert spec_of(table, "novel").since == "9.9.0"


def test_docs_win_over_the_rows_that_are_there_and_not_over_the_overlay() -> None:
    argument = [b"name", b"secret", b"type", b"string", b"token", b"WITH"]
    entry = [b"since", b"1.2.3", b"deprecated_since", b"5.0.0", b"arguments", [argument]]
    extra = [b"secrets", [], b"effect", b"select", b"timeout", [1], b"name", b"GET", b"arity", 9]
    table = learnt([b"auth", entry + extra, b"blpop", entry + extra])
    auth, blpop = spec_of(table, "auth"), spec_of(table, "blpop")
    assert (auth.since, auth.deprecated_since, str(grammar(auth))) == ("1.2.3", "5.0.0", "WITH secret")
    assert (auth.name, auth.arity, auth.effect) == ("AUTH", TABLE.find(["AUTH"]).arity, "auth")  # type: ignore[union-attr]
    assert auth.secret_positions([b"AUTH", b"WITH", b"x"]) == {1, 2}
    assert blpop.blocks_for([b"BLPOP", b"k", b"2"]) == 2.0


def test_docs_reach_subcommands_and_specs_that_were_handed_out_before() -> None:
    table = Table()
    before = spec_of(table, "config get")
    table.learn_docs([b"config", [b"subcommands", [b"config|get", [b"summary", b"Tells."]]]])
    assert before.summary == ""
    assert spec_of(table, "config get").summary == "Tells."
    assert spec_of(table, "config get").arguments == before.arguments
    assert TABLE.find(["CONFIG", "GET"]) == before


def test_a_module_that_says_nothing_of_its_arguments_leaves_what_is_known() -> None:
    table = learnt(NOVEL, [b"novel", [b"group", b"module", b"module", b"m"]])
    assert spec_of(table, "novel").group == "module"
    table = learnt([b"set", [b"group", b"module"]])
    assert spec_of(table, "set").group == "string"
    assert spec_of(table, "set").arguments == spec_of(Table(), "set").arguments


@pytest.mark.parametrize(
    "arguments",
    [
        [[b"name", b"x"]],
        [[b"type", b"string"]],
        [[b"name", b"x", b"type", b"oneof"]],
        [[b"name", b"x", b"type", b"block", b"arguments", []]],
        [[b"name", b"x", b"type", b"pure-token"]],
        [[b"name", b"x", b"type", b"string", b"arguments", [ARGUMENT]]],
        [[b"name", b"\x1b[2J", b"type", b"string"]],
        [[b"name", "na\u202eme", b"type", b"string"]],
        [[b"name", b"x" * 101, b"type", b"string"]],
        [[b"name", b"x", b"type", b"string", b"token", b"\x1b]0;x\x07"]],
        [[b"name", b"x", b"type", b"string", b"flags", [None]]],
        [ARGUMENT] * 501,
        [b"odd"],
        [7],
    ],
)
def test_an_argument_that_cannot_be_is_not_believed(arguments: object) -> None:
    table = learnt([b"novel", [b"summary", b"It.", b"arguments", arguments]])
    spec = spec_of(table, "novel")
    assert (spec.summary, spec.arguments) == ("It.", ())


def test_a_tree_that_is_too_deep_is_not_believed() -> None:
    tree: list[Any] = ARGUMENT
    for _ in range(5_000):
        tree = [b"name", b"x", b"type", b"block", b"arguments", [tree]]
    assert stated([b"arguments", [tree]]) == {}


# -- whatever it is that comes

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.binary(max_size=12)
    | st.text(st.characters(), max_size=12)
    | st.binary(max_size=5).map(Status)
    | st.binary(max_size=5).map(Verbatim)
    | st.integers().map(BigNumber)
    | st.just(Double("1.5"))
    | st.just(ReplyError("ERR no"))
)
FIELDS = st.sampled_from(
    [
        *(b"summary since group complexity deprecated_since replaced_by arguments subcommands name".split()),
        *(b"type token flags key_spec_index display_text".split()),
        *(b"string integer oneof block pure-token key double optional multiple multiple_token".split()),
        b"numkeys",
    ]
)
WORDS = FIELDS | SCALARS


def aggregates(items: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    lists = st.lists(items, max_size=6)
    return (
        lists
        | lists.map(Set)
        | lists.map(Push)
        | lists.map(tuple)
        | st.lists(st.tuples(items, items), max_size=4).map(Map)
        | st.dictionaries(st.binary(max_size=8) | FIELDS, items, max_size=4)
    )


ANYTHING = st.recursive(WORDS, aggregates, max_leaves=40)
NAMES = st.sampled_from(["novel", "get", "set", "config", "CONFIG|GET", "xread", "n\xf6"])
KINDS = st.sampled_from(["string", "integer", "key", "double", "pattern", "unix-time", "pure-token"])
OPTIONS = st.lists(st.sampled_from(["optional", "multiple", "multiple_token"]), unique=True)


def tree(parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    given = {"type": st.sampled_from(["oneof", "block"]), "arguments": st.lists(parts, max_size=4)}
    return st.fixed_dictionaries(
        {"name": st.sampled_from(["a", "numkeys"]), **given, "flags": OPTIONS},
        optional={"token": st.sampled_from(["T", "", "A"])},
    )


LEAVES = st.fixed_dictionaries(
    {"name": st.sampled_from(["a", "b", "numkeys"]), "type": KINDS, "flags": OPTIONS},
    optional={"token": st.sampled_from(["T", "", "A"]), "since": st.sampled_from(["1.0", "9.0", "x"])},
)
TREES = st.lists(st.recursive(LEAVES, tree, max_leaves=8), max_size=5)
PLAUSIBLE = st.dictionaries(NAMES, st.fixed_dictionaries({}, optional={"arguments": TREES}), max_size=3)


@given(ANYTHING | st.dictionaries(NAMES, ANYTHING, max_size=3))
@example([b"config", [b"subcommands", 7]])
@example({"novel": {"arguments": [{"name": 1}]}})
def test_learning_never_raises_and_every_row_can_still_be_made(reply: Reply) -> None:
    table = learnt(reply)
    for line in ("get", "set", "config get", "config", "xread", "novel", "n\xf6"):
        assert line == "n\xf6" or spec_of(table, line)
    for _, entry in documented(reply):
        stated(entry)


@given(PLAUSIBLE, st.lists(st.sampled_from(["a", "1", "T", "-1", "", '"', "A", "2"]), max_size=5))
def test_no_grammar_of_a_server_stops_the_typing(docs: Any, words: list[str]) -> None:
    table = learnt(docs)
    for name in ("novel", "set", "config get"):
        line = " ".join([name, *words])
        assert isinstance(hint(line, table), str)
        assert isinstance(hint(line + " ", table), str)
        paint(line, table)
        blot(line, table, finished=True)


def test_options_that_all_look_alike_do_not_stop_the_typing() -> None:
    alike = [{"name": f"o{number}", "type": "string", "flags": ["optional"]} for number in range(20)]
    table = learnt({"novel": {"arguments": alike}})
    started = time.process_time()
    assert hint("novel a b c d e f g h ", table).startswith("[o8] [o9]")
    assert time.process_time() - started < 5


# -- real servers


class Wire:
    """A connection to a server, by hiredis alone."""

    def __init__(self, server: Server, protocol: int) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(server.unix_path)
        self._reader = hiredis.Reader()
        self.ask("HELLO", str(protocol))

    def ask(self, *argv: str) -> Any:
        self._socket.sendall(hiredis.pack_command(argv))
        while (reply := self._reader.gets()) is False:
            self._reader.feed(self._socket.recv(1 << 16))
        return reply

    def close(self) -> None:
        self._socket.close()


@pytest.mark.parametrize("protocol", [2, 3])
async def test_both_decoders_and_both_protocols_teach_the_same(server: Server, protocol: Any) -> None:
    pool = AsyncPool(server.host, server.port, protocol=protocol, decoder="typed")
    wire = Wire(server, protocol)
    typed, fast = Table(server.product), Table(server.product)
    try:
        typed.learn_docs(await pool.execute("COMMAND", "DOCS"))
        fast.learn_docs(wire.ask("COMMAND", "DOCS"))
    finally:
        await pool.close()
        wire.close()
    assert list(typed.specs()) == list(fast.specs())
    assert all(spec.summary for spec in typed.specs() if spec.name in typed.server_names)
    assert spec_of(typed, "get").summary
    assert spec_of(typed, "config get").complexity


def test_a_server_documents_what_the_table_knows(server: Server) -> None:
    before, table = Table(server.product), Table(server.product)
    table.learn_docs(server.command("COMMAND", "DOCS"))
    for spec in table.specs():
        assert spec._replace(summary="", complexity="", replaced_by="") == spec_of(before, spec.name)


# -- versions


def test_a_version_is_compared_by_its_numbers() -> None:
    assert version("7.2.0") == (7, 2, 0)
    assert version("10.0") > version("9.9.9") > version("")
    assert version("9" * 5_000)


def test_what_is_newer_than_the_server_is_left_out_of_its_grammars() -> None:
    table = Table()
    table.learn_server("redis", "6.2.14")
    assert str(grammar(spec_of(table, "expire"))) == "key seconds"
    assert "GET" in str(grammar(spec_of(table, "set")))
    table.learn_server("redis", "5.0.0")
    assert "GET" not in str(grammar(spec_of(table, "set")))
    assert "NX" in str(grammar(spec_of(TABLE, "expire")))


def test_a_choice_of_which_all_is_newer_is_left_out() -> None:
    leaf = ("x", "pure-token", "X", (), None, "8.0.0", None, ())
    choice = ("c", "oneof", None, ("optional",), None, None, None, (leaf,))
    assert in_version((choice,), (7,)) == ()
    assert in_version((choice,), (8, 0, 0)) == (choice,)


def test_what_a_server_documents_itself_is_never_too_new_for_it() -> None:
    argument = [b"name", b"x", b"type", b"string", b"since", b"99.0.0"]
    table = learnt([b"novel", [b"arguments", [argument]]])
    table.learn_server("redis", "7.0.0")
    assert str(grammar(spec_of(table, "novel"))) == "x"


def test_an_unknown_server_has_every_command_that_there_is_a_row_of() -> None:
    assert all(map(Table().has, TABLE.names()))
    assert not Table().has("NOSUCH")


def test_a_server_that_was_not_asked_has_what_its_version_and_product_have() -> None:
    table = Table()
    table.learn_server("redis", "6.2.14")
    assert table.has("GET")
    assert not table.has("EXPIRETIME")  # since 7.0.0
    assert not table.has("CLIENT NO-TOUCH")  # since 7.2.0
    table.learn_server("redis", "8.2.3")
    assert table.has("VADD")
    assert not table.has("CLUSTER SYNCSLOTS")  # Valkey's
    table.learn_server("valkey", "9.1.0")
    assert not table.has("VADD")
    assert table.has("CLUSTER SYNCSLOTS")


def test_a_server_has_exactly_what_it_told(server: Server) -> None:
    table = Table()
    table.learn(server.command("COMMAND"), whole=True)
    assert table.has("CONFIG GET")
    assert not table.has("SENTINEL")
    assert table.has("VADD") is (server.product == "redis")
    assert {name for name in table.names() if table.has(name)} == table.server_names


def test_an_old_server_tells_no_subcommands_and_has_those_of_its_version(redis62: Server) -> None:
    table = Table()
    table.learn(redis62.command("COMMAND"), whole=True)
    table.learn_server("redis", redis62.version)
    assert table.has("CONFIG GET")
    assert not table.has("CLIENT NO-TOUCH")
    assert not table.has("EXPIRETIME")
    assert table.has("STRALGO")


def test_a_part_of_a_reply_says_nothing_of_the_rest() -> None:
    table = Table()
    table.learn([[b"novel", -2, [], 1, 1, 1]])
    assert table.has("NOVEL")
    assert table.has("GET")


def test_a_reply_without_a_row_is_not_believed_to_be_all() -> None:
    table = Table()
    table.learn([], whole=True)
    assert table.has("GET")


def test_a_name_that_was_learnt_for_one_server_is_not_the_next_ones() -> None:
    table = Table()
    table.learn([[b"novel", -2, [], 1, 1, 1]], whole=True)
    table.learn([[b"get", 2, [], 1, 1, 1]], whole=True)
    assert table.has("GET")
    assert not table.has("NOVEL")


# -- what is offered while typing


def test_commands_and_options_that_the_server_lacks_are_not_hinted() -> None:
    table = Table()
    assert hint("EXPIRE k 10 ", table) == "[NX|XX|GT|LT]"
    table.learn_server("redis", "6.2.14")
    assert hint("EXPIRE k 10 ", table) == ""
    assert hint("EXPIRETIME ", table) == ""
    assert hint("EXPIRETIME", table) == ""
    assert "NO-TOUCH" not in hint("CLIENT ", table)
    assert "NO-EVICT" in hint("CLIENT ", Table())
    assert [span.role for span in paint("EXPIRETIME k", table)] == []
    mistake = blot("CLIENT NO-TOUCH ", table, finished=False)
    assert mistake is not None
    assert mistake.reason == "CLIENT has no such subcommand"


def test_what_is_learnt_shows_at_the_next_key() -> None:
    table = Table()
    assert hint("NOVEL ", table) == ""
    table.learn([[b"novel", -2, [], 1, 1, 1]])
    table.learn_docs(NOVEL)
    assert hint("NOVEL ", table) == "key <FAST|SLOW much> [thing]"


def test_a_number_that_is_none_is_no_row() -> None:
    table = Table()
    table.learn([[b"odd", -1, [], float("inf"), 0, 0], [b"even", -1, [], 0, 0, 0]])
    assert table.find([b"odd"]) is None
    assert table.find([b"even"]) is not None
