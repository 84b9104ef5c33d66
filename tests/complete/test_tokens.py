"""A line that is being typed, taken apart at each keystroke."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pyredis.commands.grammar import grammar
from pyredis.commands.spec import TABLE
from pyredis_cli.complete import tokens
from pyredis_cli.splitting import scan

PARTS = st.sampled_from(
    [
        "SET",
        "ZADD",
        "config",
        "get",
        "k",
        "1",
        "EX",
        " ",
        " ",
        "  ",
        '"',
        "'",
        "\\",
        "\u3000",
        "\x0b",
        "\t",
        "5",
        "é",
    ]
)


@given(text=st.lists(PARTS, max_size=12).map("".join), back=st.integers(0, 6))
def test_a_line_that_grows_and_shrinks_is_read_as_if_it_were_new(text: str, back: int) -> None:
    states = [text[:end] for end in range(len(text) + 1)]
    for state in (*states, *(text[:-number] for number in range(1, back))):
        line = tokens(state, TABLE)
        typed = [*((line.count,) if line.count else ()), *line.name, *line.arguments]
        if line.partial.end > line.partial.start:
            typed.append(line.partial)
        assert typed == scan(state)
        words = [word.value for word in line.arguments]
        if line.walk is not None and line.spec is not None:
            fresh = grammar(line.spec).walk(words)
            through = grammar(line.spec).walk([*words, line.partial.value])
            for walked, anew in ((line.walk, fresh), (line.walk_through, through)):
                assert walked is not None
                assert (walked.roles, walked.complete, walked.mistake) == (
                    anew.roles,
                    anew.complete,
                    anew.mistake,
                )
                assert (walked.terms, walked.hint) == (anew.terms, anew.hint)


def test_a_word_that_ends_in_an_odd_blank_may_still_grow() -> None:
    for blank in ("\u3000", "\x0b", "\xa0"):
        line = tokens(f"GET a{blank}", TABLE)
        assert line.arguments == ()
        assert line.partial.value == f"a{blank}".encode()
    assert tokens("GET a\t", TABLE).partial.value == b""
