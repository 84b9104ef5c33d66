"""What the menu offers: from the text before the cursor to what may stand there, the best first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyredis.commands.grammar import grammar
from pyredis.commands.spec import TABLE, Spec, Table
from pyredis_cli.complete import Candidate, Choice, NameCache, candidates, tokens
from pyredis_cli.render.escape import readable
from pyredis_cli.splitting import split

OWN = {"help": "", "?": "", "quit": "leave", "exit": "", ":set": "", ":peek": ""}


def behind(words: Sequence[str], typed: str, table: Table) -> Iterator[Choice]:
    """Yield what these words of a REPL take."""
    match words:
        case [":set"]:
            yield from (Choice("format"), Choice("pager", meta="page long replies"))
        case [":set", "format"]:
            yield from (Choice("human"), Choice("json"))
        case [":peek"]:
            yield from (Choice("a b/", unfinished=True), Choice("a\udcffb"), Choice("ab"))
        case ["help"]:
            yield from (Choice("@hash", "topic"), Choice("GETDEL", "command", "takes it"), Choice(":set"))
        case ["?", name]:
            yield from (Choice(name.upper() + "S", "command"), Choice("REWRITE", "command"))


def offered(text: str, cache: NameCache | None = None, table: Table = TABLE) -> list[Candidate]:
    line = tokens(text, table)
    return candidates(
        line, table, (NameCache() if cache is None else cache).of(0), OWN, quote=readable, behind=behind
    )


def texts(text: str, cache: NameCache | None = None, table: Table = TABLE) -> list[str]:
    return [candidate.text for candidate in offered(text, cache, table)]


def with_names() -> NameCache:
    cache = NameCache()
    cache.learn("key", [b"user:1", b"user:2"], type="hash", size=3)
    cache.learn("key", [b"title"], type="string")
    cache.learn("field", [b"name", b"two words", b"\xff"], about=(b"user:1",))
    cache.learn("user", [b"ada"])
    return cache


# The first words


def test_a_prefix_offers_the_commands_that_begin_with_it() -> None:
    assert texts("GETD") == ["GETDEL"]
    assert texts("GET") == ["GET", "GETBIT", "GETDEL", "GETEX", "GETRANGE", "GETSET"]
    assert texts("nosuch") == []


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("getd", ["getdel"]),
        ("GETD", ["GETDEL"]),
        ("GetD", ["GETDEL"]),
        ("config rew", ["rewrite"]),
        ("CONFIG REW", ["REWRITE"]),
        ("5 getd", ["getdel"]),
        ('"getd', ["getdel"]),
    ],
)
def test_a_name_is_offered_in_the_case_the_person_types(typed: str, expected: list[str]) -> None:
    assert texts(typed) == expected


def test_after_a_container_its_subcommands_are_offered_in_the_case_of_the_container() -> None:
    assert texts("config ") == ["get", "help", "resetstat", "rewrite", "set"]
    assert texts("CONFIG  ") == ["GET", "HELP", "RESETSTAT", "REWRITE", "SET"]
    assert texts("config nosuch ") == []


def test_a_command_is_offered_with_its_group_and_age_or_with_what_it_does() -> None:
    assert offered("getd") == [Candidate("getdel", 0, "command", "string, since 6.2.0")]
    table = Table()
    table.learn_docs([b"getdel", [b"summary", b"get, then delete"]])
    assert offered("getd", table=table) == [Candidate("getdel", 0, "command", "get, then delete")]


@pytest.mark.parametrize(
    "text", ["config", "config resetstat", "getdel", "SET k v keepttl", "help getdel", ":set pager"]
)
def test_a_word_that_is_all_there_is_to_say_offers_nothing(text: str) -> None:
    assert texts(text) == []


def test_the_words_of_the_repl_stand_among_the_commands() -> None:
    assert offered("qu") == [Candidate("quit", 0, "word", "leave")]
    assert texts("ex")[:1] == ["exec"]
    assert "exit" in texts("ex")
    assert texts("get qu") == []


def test_a_name_from_a_server_that_could_not_be_typed_is_not_offered() -> None:
    table = Table()
    for name in ("EV\x1b[2J", "EV\u202e", "EV.OK"):
        table.learn([[name.encode(), 1, [], 0, 0, 0]])
    assert texts("ev.", table=table) == ["ev.ok"]
    assert all(text.isascii() and text.isprintable() for text in texts("ev", table=table))


def test_the_last_of_several_lines_is_completed() -> None:
    assert offered("GET k\n  config rew") == [Candidate("rewrite", 9, "command", "server, since 2.8.0")]


@pytest.mark.parametrize("name", sorted(TABLE.names()))
def test_every_name_of_the_built_in_table_can_be_completed(name: str) -> None:
    head, _, last = name.rpartition(" ")
    assert last in texts(f"{head} {last[:-1]}" if head else last[:-1])


# The REPL's words


def test_behind_a_word_of_the_repl_stands_what_it_takes() -> None:
    assert texts("help ") == ["@hash", "GETDEL", ":set"]
    assert offered("help @ha") == [Candidate("@hash", 5, "topic")]
    assert offered("help getd") == [Candidate("getdel", 5, "command", "takes it")]
    assert texts("help :se") == [":set"]
    assert texts("? config rew") == ["rewrite"]
    assert texts("? CONFIG ") == ["CONFIGS", "REWRITE"]
    assert texts("help get ") == []


def test_a_meta_command_has_its_own_words() -> None:
    assert texts(":") == [":peek", ":set"]
    assert texts(":set ") == ["format", "pager"]
    assert texts(":S") == [":SET"]
    assert texts(":SET f") == ["format"]
    assert texts(":set format j") == ["json"]
    assert texts(":set nosuch ") == []


def test_a_word_of_the_repl_is_no_command_of_a_server_that_has_one_of_that_name() -> None:
    assert TABLE.find(["quit"]) is not None
    assert texts("quit ") == []


def test_what_a_bare_word_cannot_say_is_quoted_and_left_open_while_there_is_more_to_come() -> None:
    assert texts(":peek ") == ['"a b/', r'"a\xffb"', "ab"]
    assert texts(':peek "a') == ['"a b/', r'"a\xffb"', '"ab"']


# Tokens


def test_only_the_tokens_of_the_place_are_offered_in_the_order_of_the_synopsis() -> None:
    assert texts("SET k v ")[:2] == ["NX", "XX"]
    assert texts("set k v ")[:2] == ["nx", "xx"]
    assert texts("SET k v NX EX 5 ") == ["GET"]
    assert texts("SET k ") == []
    assert texts("SET k v EX ") == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [("SET k v ex", "ex"), ("set k v EX", "EX"), ("SET k v Ex", "EX"), ("zadd k ", "nx"), ("ZADD k ", "NX")],
)
def test_a_token_is_offered_in_the_case_the_person_types(text: str, expected: str) -> None:
    assert texts(text)[0] == expected


def test_a_token_is_offered_with_what_belongs_to_it() -> None:
    metas = {candidate.text: candidate.meta for candidate in offered("SET k v ")}
    assert (metas["EX"], metas["NX"]) == ("EX seconds", "")
    assert offered("GEOSEARCH k FROMM")[0].meta == "FROMMEMBER member"
    assert offered("XADD s MAX")[0].meta == "MAXLEN [=|~] threshold [LIMIT count]"


def test_behind_a_mistake_nothing_is_offered() -> None:
    assert texts("EXPIRE k notanumber ") == []
    assert texts("GET k extra ") == []


# Names


def test_keys_of_the_right_type_are_offered_with_type_and_size() -> None:
    assert offered("HGET us", with_names()) == [
        Candidate("user:1", 5, "key", "hash, 3"),
        Candidate("user:2", 5, "key", "hash, 3"),
    ]
    assert texts("GET ", with_names()) == ["title"]
    assert texts("DEL ", with_names()) == ["title", "user:1", "user:2"]


def test_a_name_that_a_bare_word_cannot_say_is_quoted() -> None:
    assert texts("HGET user:1 ", with_names()) == ["name", '"two words"', r'"\xff"']
    assert texts("HGET user:1 t", with_names()) == ['"two words"']


def test_an_open_quote_is_replaced_from_its_start() -> None:
    assert offered('HGET user:1 "tw', with_names()) == [Candidate('"two words"', 12, "field")]
    assert texts("HGET user:1 'na", with_names()) == ['"name"']
    assert texts('HGET user:1 "name', with_names()) == ['"name"']
    assert texts('HGET user:1 "name"', with_names()) == []


def test_behind_a_closing_quote_nothing_can_stand() -> None:
    assert texts('HGET "user:1"us', with_names()) == []


def test_tokens_come_before_names() -> None:
    cache = with_names()
    cache.learn("field", [b"exotic"], about=(b"user:1",))
    assert texts("MIGRATE h 1 ", cache) == ['""', "title", "user:1", "user:2"]


def test_no_name_is_offered_where_a_value_or_only_a_token_may_stand() -> None:
    for text in ("SET title ", "SET title v ", "EXPIRE title ", "HSET user:1 name ", "EXPIRE title 5 "):
        assert not {"title", "user:1", "user:2"} & set(texts(text, with_names())), text


def test_no_name_is_offered_or_noted_where_a_secret_may_stand() -> None:
    cache = with_names()
    assert texts("AUTH a", cache) == []
    assert texts("ACL SETUSER ada >a", cache) == []
    assert cache.next_wanted() is None


def test_what_every_server_has_is_offered_without_asking_anybody() -> None:
    assert texts("INFO ke") == ["keyspace"]
    assert texts("SCAN 0 TYPE z") == ["zset"]
    assert texts("ACL CAT sor") == ["sortedset"]
    assert texts("ACL SETUSER ada +@sor") == ["+@sortedset"]
    assert texts("ACL SETUSER ada -getd") == ["-getdel"]
    assert texts("command info getd") == ["getdel"]
    assert texts("XRANGE s ") == ["-"]
    assert texts("XREADGROUP GROUP g c STREAMS s ")[-2:] == [">", "0"]


def test_what_is_hardly_known_is_noted_for_whoever_can_look_it_up() -> None:
    cache = NameCache()
    assert texts("HGET user:9 na", cache) == []
    noted = cache.next_wanted()
    assert noted is not None
    assert (noted.want.kind, noted.want.about, noted.prefix) == ("field", (b"user:9",), b"na")


# Whatever is typed


@given(
    names=st.lists(st.one_of(st.binary(max_size=5), st.text(max_size=4).map(str.encode)), max_size=5),
    typed=st.text(st.sampled_from("ab\"'\\ é\u3000"), max_size=4),
    quote=st.sampled_from(["", '"', "'"]),
)
def test_what_is_inserted_is_read_back_as_the_same_bytes(names: list[bytes], typed: str, quote: str) -> None:
    cache = NameCache()
    cache.learn("key", names)
    text = f"GET {quote}{typed}"
    for candidate in offered(text, cache):
        assert candidate.text.isprintable() or "\u3000" in candidate.text
        *before, name = split(text[: candidate.start] + candidate.text)
        assert before == [b"GET"]
        assert name in names


VALUES = {"integer": "1", "unix-time": "1", "double": "1.5", "key": "k", "string": "w", "pattern": "p"}


@given(data=st.data(), spec=st.sampled_from([spec for spec in TABLE.specs() if not spec.subcommands]))
def test_every_token_that_is_offered_is_understood_by_the_grammar(data: st.DataObject, spec: Spec) -> None:
    words: list[str] = []
    for _ in range(data.draw(st.integers(0, 8))):
        terms = grammar(spec).walk([word.encode() for word in words]).terms
        if not terms:
            break
        term = data.draw(st.sampled_from(terms))
        words.append((term.name or '""') if term.kind == "token" else VALUES[term.kind])
    prefix = data.draw(st.sampled_from(["", "a", "m", "W", "x", "K", '"', "*"]))
    text = " ".join([spec.name, *words, prefix])
    for candidate in offered(text, with_names()):
        if candidate.kind == "token":
            argv = split(text[: candidate.start] + candidate.text)
            walk = grammar(spec).walk(argv[spec.name.count(" ") + 1 :])
            assert walk.mistake is None, text
            assert walk.roles[-1].kind == "token"


@given(text=st.text(max_size=30))
def test_no_text_is_ever_refused(text: str) -> None:
    offered(text, with_names())


@given(
    words=st.lists(
        st.sampled_from(
            [*sorted(TABLE.names()), "help", ":set", "k", "1", '"', "'a", "\\", "*", "", "user:1"]
        ),
        max_size=6,
    ),
    end=st.sampled_from(["", " ", "\u3000", "\x0b"]),
)
def test_no_mixture_of_words_is_ever_refused(words: list[str], end: str) -> None:
    text = " ".join(words) + end
    for candidate in offered(text, with_names()):
        assert 0 <= candidate.start <= len(text)
