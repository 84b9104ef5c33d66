"""Which words of a valid line are keys, by the grammar and by the key specs; COMMAND GETKEYS is the judge.

The lines are drawn at random from the argument trees. Where a server refuses to judge, the reason is told here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import hiredis
import pytest

from pyredis.commands.grammar import grammar
from pyredis.commands.keys import key_positions
from pyredis.commands.spec import Spec, Table
from tests.commands.lines import are_told, lines
from tests.servers import Server

LINES: Final = 200
"""How many lines are drawn for each command."""

SERVERS: Final = {"redis": "redis82", "valkey": "valkey9"}

ELSEWHERE: Final = {
    "redis": {"CLUSTERSCAN", "DELIFEQ", "MSETEX"},  # Valkey's own
    "valkey": {  # Redis' own
        *("XACKDEL", "XDELEX"),
        *(spec.name for spec in Table().specs() if spec.group == "vector_set"),
    },
}

REFUSED: Final[dict[str, Callable[[Sequence[bytes]], bool]]] = {
    # With KEYS the one key must be empty, which no argument tree can say.
    "MIGRATE": lambda argv: argv[3] != b"" and b"KEYS" in [word.upper() for word in argv[6:]],
    # It may have no source, but then the server finds the place of the first one outside the line.
    "PFMERGE": lambda argv: len(argv) == 2,
    # With Valkey's BYPOLYGON there need be no FROM...; with the rest there need, and the line is too short.
    "GEOSEARCH": lambda argv: len(argv) < 7,
    "GEOSEARCHSTORE": lambda argv: len(argv) < 8,
}
"""Lines that are valid by the argument tree, and that a server cannot judge."""

NOT_KEYS: Final = {"SPUBLISH", "SSUBSCRIBE", "SUNSUBSCRIBE", "CLUSTERSCAN"}
"""Their channels, or the cursor, are routed like keys, and are none."""


def with_keys(product: str) -> list[Spec]:
    specs = [spec for spec in Table(product).specs() if spec.key_specs and are_told(spec)]
    return [spec for spec in specs if product in spec.products and spec.module is None]


def cases() -> list[tuple[str, Spec]]:
    return [(product, spec) for product in SERVERS for spec in with_keys(product)]


def drawn(spec: Spec, number: int) -> list[list[bytes]]:
    name = [word.encode() for word in spec.name.split()]
    return [name + [word.word for word in line] for line in lines(spec, number)]


def judged(server: Server, argv: Sequence[bytes]) -> list[bytes] | None:
    """Return what the server says are the keys; None when it does not say."""
    try:
        reply = server.command("COMMAND", "GETKEYS", *argv)
    except hiredis.ReplyError as error:
        return [] if "no key arguments" in str(error) else None
    assert isinstance(reply, list)
    return sorted(key for key in reply if isinstance(key, bytes))


def walked(spec: Spec, argv: Sequence[bytes]) -> list[int]:
    """Return the places of keys as the grammar sees them."""
    start = len(spec.name.split())
    roles = grammar(spec).walk(argv[start:]).roles
    return [place for place, role in enumerate(roles, start) if role.kind == "key"]


def is_refused(spec: Spec, argv: Sequence[bytes]) -> bool:
    return spec.name in REFUSED and REFUSED[spec.name](argv)


@pytest.mark.parametrize(
    ("product", "spec"), cases(), ids=[f"{product}-{spec.name}" for product, spec in cases()]
)
def test_a_server_agrees_which_words_are_keys(
    shared_server: Callable[[str], Server], product: str, spec: Spec
) -> None:
    server = shared_server(SERVERS[product])
    for argv in drawn(spec, LINES):
        said = judged(server, argv)
        assert (said is None) == is_refused(spec, argv), argv
        if said is None:
            continue
        by_grammar = walked(spec, argv)
        by_key_specs = [place for place in key_positions(spec, argv) if spec.name not in NOT_KEYS]
        if spec.name == "MIGRATE" and said == [b""]:
            by_grammar = [3]  # without KEYS it is the key of that name; to the grammar it is the token ""
        assert by_grammar == by_key_specs, argv
        assert sorted(argv[place] for place in by_grammar) == said, argv


@pytest.mark.parametrize("product", SERVERS)
def test_a_server_judges_nearly_every_line(shared_server: Callable[[str], Server], product: str) -> None:
    server = shared_server(SERVERS[product])
    said = [judged(server, argv) for spec in with_keys(product) for argv in drawn(spec, LINES // 10)]
    assert len(said) > 1000
    assert said.count(None) < 0.05 * len(said)


@pytest.mark.parametrize("product", SERVERS)
def test_what_a_server_does_not_judge_it_does_not_have(product: str) -> None:
    specs = [spec for spec in Table(product).specs() if spec.module is None]
    keyed = {spec.name for spec in specs if spec.key_specs and are_told(spec)}
    assert keyed - {spec.name for spec in with_keys(product)} == ELSEWHERE[product]
