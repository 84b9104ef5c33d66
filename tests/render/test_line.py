"""An argv shown as a line can be typed again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyredis_cli.render.line import as_typed
from pyredis_cli.splitting import split


def test_words_are_quoted_only_where_they_must_be() -> None:
    argv = [b"SET", b"k:1", b"", b"two words", "東京".encode(), b'"', b"\xff", b"#", b"a|b", b">"]
    assert as_typed(argv) == r'SET k:1 "" "two words" 東京 "\"" "\xff" "#" "a|b" ">"'


def test_hidden_words_are_not_shown() -> None:
    assert as_typed([b"AUTH", b"ada", b"hush"], hidden={1, 2}) == "AUTH *** ***"


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "gb18030"])
@given(argv=st.lists(st.binary(max_size=20), min_size=1))
def test_a_line_splits_into_its_argv_again(encoding: str, argv: list[bytes]) -> None:
    assert split(as_typed(argv, encoding), encoding) == argv
