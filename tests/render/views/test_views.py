"""Views of recorded replies: how they look, that nothing of a reply is lost, and that no reply is too strange."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from pyredis.exceptions import ReplyError
from pyredis.types import Attributed, Double, Map, Reply
from pyredis_cli import registry
from pyredis_cli.render.escape import in_json, printable, readable
from pyredis_cli.render.layout import digits, double, pairs
from pyredis_cli.render.look import Look
from pyredis_cli.render.present import View
from pyredis_cli.render.texts import structured
from pyredis_cli.render.views.json_values import is_json
from pyredis_cli.render.views.reading import Asked
from tests.render.views.recorded import WIDTHS, Recorded, recorded, shown, snapshot
from tests.strategies import replies

RECORDED = recorded()
# Wide enough that nothing is folded.
_ENDLESS = 1_000_000


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", RECORDED)
def test_a_view_looks_as_it_did(name: str, width: int) -> None:
    lines = shown(RECORDED[name], width)
    assert lines == snapshot(name, width).read_text("utf-8")
    assert [line for line in lines.splitlines() if cell_len(line) > width] == []


@pytest.mark.parametrize("name", RECORDED)
def test_every_command_that_is_recorded_has_its_view(name: str) -> None:
    one = RECORDED[name]
    assert one.spec is not None
    view = cast("View", registry.load(registry.VIEWS[one.spec.name]))
    assert view(one.reply, Asked(one.argv, one.spec, Look()))


def test_every_view_is_recorded_in_both_protocols() -> None:
    commands = {(one.spec.name, name[-1]) for name, one in RECORDED.items() if one.spec}
    assert commands >= {(name, protocol) for name in registry.VIEWS for protocol in "23"}


@pytest.mark.parametrize("width", [40, 300])
@pytest.mark.parametrize("name", RECORDED)
def test_no_width_is_too_narrow_or_too_wide(name: str, width: int) -> None:
    lines = shown(RECORDED[name], width).splitlines()
    assert [line for line in lines if cell_len(line) > width] == []
    assert "".join(shown(RECORDED[name], width).split())


@pytest.mark.parametrize("name", RECORDED)
def test_nothing_of_a_reply_is_lost(name: str) -> None:
    one = RECORDED[name]
    assert missing(one, one.reply) == []


@settings(deadline=None)
@given(st.data())
def test_whatever_a_server_says_is_shown_whole_and_safely(data: st.DataObject) -> None:
    one = RECORDED[data.draw(st.sampled_from(sorted(RECORDED)))]
    strange = data.draw(changed(one.reply))
    assert missing(one, strange) == []
    lines = shown(one, data.draw(st.integers(20, 300)), strange)
    assert not [
        c for c in lines if c not in "\n\t" and unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Cn")
    ]


def missing(one: Recorded, reply: Reply) -> list[str]:
    """Return what is in a reply and not on the screen."""
    screen = re.sub(r"\s+", " ", shown(one, _ENDLESS, reply))
    bare = without_blanks(screen)
    form = one.spec.text_for(one.argv) if one.spec else None
    return [
        forms[0]
        for leaf in leaves(_read(structured(reply, form), one))
        if (forms := ways(leaf)) and not any(re.sub(r"\s+", " ", form).strip() in screen for form in forms)
        if in_lines(leaf) not in bare
    ]


def _read(reply: Reply, one: Recorded) -> Reply:
    """Return the entries of ACL LOG with the fields of their clients, which are in one text."""
    if one.spec is None or one.spec.name != "ACL LOG" or type(reply) is not list:
        return reply
    return [_with_client(entry) for entry in reply]


def _with_client(entry: Reply) -> Reply:
    flat = [half for pair in pairs(entry) for half in pair] if isinstance(entry, Map) else entry
    return [structured(half, "client") for half in flat] if type(flat) is list else flat


def in_lines(leaf: Reply) -> str:
    """Return JSON as it is when it is laid out, but for the blanks between its words; else what is nowhere."""
    if not isinstance(leaf, bytes) or not is_json(leaf):
        return "\n"
    return in_json(without_blanks(leaf.decode("utf-8", "surrogateescape")))


def without_blanks(text: str) -> str:
    return re.sub(r"[ \t\r\n]+", "", text)


def leaves(reply: Reply) -> Iterator[Reply]:
    match reply:
        case Attributed(inner, attributes):
            yield from leaves(attributes)
            yield from leaves(inner)
        case Map() | dict():
            for pair in pairs(reply):
                for half in pair:
                    yield from leaves(half)
        case list():
            for item in cast("list[Reply]", reply):
                yield from leaves(item)
        case _:
            yield reply


def ways(leaf: Reply) -> list[str]:
    """Return how a scalar may be written; nothing of those that are shown by what is not there."""
    match leaf:
        case None | bool() | b"" | "":
            return []
        case ReplyError():
            return [printable(leaf.message.encode("utf-8", "surrogateescape"))]
        case bytes() | str():
            value = leaf.encode("utf-8", "surrogateescape") if isinstance(leaf, str) else leaf
            return [readable(value)[1:-1], printable(value), printable(value, keep_newlines=True)]
        case int():
            return [digits(leaf)]
        case float():
            return [double(leaf)]
    raise AssertionError(leaf)


def changed(reply: Reply) -> st.SearchStrategy[Reply]:
    """Return strategies for the reply with one of its parts in another form, or gone, or twice."""
    return st.integers(0, 2**16).flatmap(lambda at: _replaced(reply, at))


def _replaced(reply: Reply, at: int) -> st.SearchStrategy[Reply]:
    odd: st.SearchStrategy[Reply] = st.one_of(
        replies().map(lambda sample: sample.reply),
        st.sampled_from([None, b"", b"\x1b[31m", -(2**70), Double("nan"), [], Map(), ReplyError("ERR no")]),
    )
    if isinstance(reply, Map) and reply:
        found = list(pairs(reply))
        spot = at % (2 * len(found))
        name, value = found[spot // 2]

        def with_pair(part: Reply) -> Reply:
            pair = (part, value) if spot % 2 else (name, part)
            return Map([*found[: spot // 2], pair, *found[spot // 2 + 1 :]])

        return st.one_of(
            odd.map(with_pair), _replaced(value, at // 3).map(with_pair) if not spot % 2 else odd
        )
    if type(reply) is list and reply:
        spot = at % len(reply)

        def with_item(part: Reply) -> Reply:
            return [*reply[:spot], part, *reply[spot + 1 :]]

        return st.one_of(
            odd.map(with_item),
            _replaced(reply[spot], at // 3).map(with_item),
            st.just([*reply[:spot], *reply[spot + 1 :]]),
        )
    if isinstance(reply, bytes) and len(reply) > 3:
        cut = at % len(reply)
        return st.one_of(odd, st.just(type(reply)(reply[:cut] + b"\x00" + reply[cut + 1 :])))
    return odd


@pytest.mark.parametrize("reply", [[], Map([]), None, b"", [[]], [Map([])], [b"a", []], [b"", b""]], ids=repr)
def test_an_empty_reply_is_something_on_the_screen(reply: Reply) -> None:
    for name in registry.VIEWS:
        asked = Recorded((*name.encode().split(), b"x"), b"")
        assert shown(asked, 80, reply).strip(), name
