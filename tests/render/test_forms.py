"""What holds of every format for programs: it takes any reply, however deep, and loads no more than it needs."""

from __future__ import annotations

import subprocess
import sys
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyredis.types import Attributed, Map, Reply, Set
from pyredis_cli.flags import OUTPUTS
from pyredis_cli.render.escape import dangerous
from pyredis_cli.render.forms import form_parts
from pyredis_cli.settings import Settings
from tests.strategies import Sample, pushes, replies

NAMES: Final = sorted(set(OUTPUTS) - {"human"})


def written(name: str, reply: Reply, *, terminal: bool = False) -> bytes:
    return b"".join(part for part, _ in form_parts(name, reply, Settings(), terminal=terminal))


@pytest.mark.parametrize("name", NAMES)
def test_nesting_has_no_limit(name: str) -> None:
    reply: Reply = b"deep"
    for depth in range(2000):
        reply = [Map([(b"k", reply)]), Set([reply]), Attributed([reply], Map([(1, 2)])), [reply]][depth % 4]
    assert b"deep" in written(name, reply)


@pytest.mark.parametrize("name", NAMES)
@given(sample=st.one_of(replies(), replies(2), pushes()), terminal=st.booleans())
def test_every_reply_has_its_form_and_a_terminal_is_not_steered(
    name: str, sample: Sample, terminal: bool
) -> None:
    shown = written(name, sample.reply, terminal=terminal)
    if terminal and name != "raw":
        assert not dangerous(shown.decode()) - {"\n", "\t"}


@pytest.mark.parametrize("name", NAMES)
def test_no_form_loads_a_screen_or_a_network(name: str) -> None:
    code = (
        "import sys; from pyredis_cli.render.forms import form_parts; from pyredis_cli.settings import Settings;"
        f"list(form_parts({name!r}, {{b'a': [1.5, b'b', None]}}, Settings()));"
        "print(sorted({'rich', 'asyncio', 'socket', 'prompt_toolkit', 'yaml', 'csv'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout == "[]\n"
