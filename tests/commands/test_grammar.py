"""What a grammar makes of words: random valid lines judge what it accepts, examples what it refuses."""

from __future__ import annotations

import time
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyredis.commands.grammar import Mistake, Role, Walk, grammar
from pyredis.commands.rows import in_version, version
from pyredis.commands.spec import Spec, Table, find
from tests.commands.lines import Word, are_told, lines

LINES: Final = 200
"""How many lines are drawn for each command."""


def told() -> list[Spec]:
    """Return every command as Redis has it, and as Valkey has it where that differs."""
    redis = {spec.name: spec for spec in Table("redis").specs()}
    valkey = [spec for spec in Table("valkey").specs() if spec.arguments != redis[spec.name].arguments]
    return [spec for spec in (*redis.values(), *valkey) if are_told(spec)]


def not_told() -> list[Spec]:
    return [spec for spec in Table().specs() if not are_told(spec) and not spec.subcommands]


def ids(some: list[Spec]) -> list[str]:
    redis = {spec.name: spec for spec in Table("redis").specs()}
    return [spec.name + " of Valkey" * (spec.arguments != redis[spec.name].arguments) for spec in some]


def of_version(spec: Spec, wanted: tuple[int, ...] | None) -> Spec:
    return spec if wanted is None else spec._replace(arguments=in_version(spec.arguments, wanted))


def walked(line: str, wanted: tuple[int, ...] | None = None) -> Walk:
    argv = line.encode().split()
    spec = find(argv)
    assert spec is not None, line
    return grammar(of_version(spec, wanted)).walk(argv[len(spec.name.split()) :])


def words_of(line: list[Word]) -> list[bytes]:
    return [word.word for word in line]


# What is valid


@pytest.mark.parametrize("spec", told(), ids=ids(told()))
def test_every_valid_line_is_understood(spec: Spec) -> None:
    for line in lines(spec, LINES):
        walk = grammar(spec).walk(words_of(line))
        assert walk.mistake is None, words_of(line)
        assert walk.complete, words_of(line)
        assert [tuple(role) for role in walk.roles] == [(word.kind, word.name) for word in line], words_of(
            line
        )


@pytest.mark.parametrize("spec", told(), ids=ids(told()))
def test_what_a_valid_line_begins_with_has_no_mistake_and_says_what_is_missing(spec: Spec) -> None:
    seen: set[tuple[bytes, ...]] = set()
    for line in lines(spec, LINES):
        words = words_of(line)
        for length, due in enumerate(line):
            beginning = tuple(words[:length])
            walk = grammar(spec).walk(beginning)
            assert (due.kind, due.name) in {(term.kind, term.name) for term in walk.terms}, (beginning, due)
            if beginning in seen:
                continue
            seen.add(beginning)
            assert walk.mistake is None, beginning
            assert len(walk.roles) == length
            assert walk.complete or walk.hint, beginning


@pytest.mark.parametrize("spec", not_told(), ids=ids(not_told()))
def test_where_nothing_is_known_of_the_arguments_none_is_a_mistake(spec: Spec) -> None:
    walk = grammar(spec).walk([b"one", b"2", b"\xff\x00", b""])
    assert walk.mistake is None
    assert walk.complete
    assert walk.hint == ""


@given(
    spec=st.sampled_from(told() + not_told()),
    words=st.lists(
        st.binary(max_size=6) | st.sampled_from([b"1", b"99999999999999999999", b"#1", b"GET", b""])
    ),
)
def test_whatever_is_typed_is_read_without_complaint(spec: Spec, words: list[bytes]) -> None:
    walk = grammar(spec).walk(words)
    assert walk.complete is False or walk.mistake is None
    assert len(walk.roles) == (len(words) if walk.mistake is None else walk.mistake.place)
    assert (walk.hint, walk.terms) == ("", ()) or walk.mistake is None


def test_options_that_repeat_may_stand_between_others() -> None:
    """So says the server's own parser, which takes them as they come."""
    assert walked("SORT k GET # ALPHA GET n_* LIMIT 0 5 GET m_* STORE d").complete
    assert walked("CLIENT TRACKING ON PREFIX a BCAST PREFIX b NOLOOP PREFIX c").complete


def test_a_thousand_words_are_understood_while_a_person_types() -> None:
    spec = find(["ZADD"])
    assert spec is not None
    words = [b"key", *[b"1", b"member"] * 1000]
    began = time.process_time()
    walk = grammar(spec).walk(words)
    assert walk.complete
    assert time.process_time() - began < 0.5


def test_commands_of_which_only_a_server_knows_begin_with_a_key_where_it_says_so() -> None:
    told = grammar(Spec("GRAPH.QUERY", arity=-3, first_key=1, last_key=1, key_step=1))
    assert told.walk([]).hint == "key"
    assert not told.walk([]).complete
    assert told.walk([b"g", b"RETURN 1"]).roles[0] == Role("key", "key")


@pytest.mark.parametrize("spec", told(), ids=ids(told()))
def test_a_line_in_the_notation_of_the_manuals_has_no_empty_brackets(spec: Spec) -> None:
    for wanted in (None, (2, 6, 0), (4, 0, 0), (6, 2, 0), (7, 0, 0)):
        written = str(grammar(of_version(spec, wanted)))
        assert not [empty for empty in ("[]", "<>", "  ", "[ ", "<|", "[|", "|]", "|>") if empty in written]


# What an older server does not have


@pytest.mark.parametrize(
    ("line", "wanted", "hint"),
    [
        ("SET", (2, 6, 0), "key value"),
        ("SET", (2, 6, 12), "key value [NX|XX] [EX seconds|PX milliseconds]"),
        ("SET", (6, 0, 0), "key value [NX|XX] [EX seconds|PX milliseconds|KEEPTTL]"),
        ("SET k v", (6, 0, 9), "[NX|XX] [EX seconds|PX milliseconds|KEEPTTL]"),
        ("ZADD k", (6, 0, 0), "[NX|XX] [CH] [INCR] score member [score member ...]"),
        ("LPOP k", (6, 0, 0), ""),
        ("LPOP k", (6, 2, 0), "[count]"),
        ("FLUSHALL", (3, 2, 0), ""),
        ("FLUSHALL", (6, 0, 0), "[ASYNC]"),
        ("AUTH", (5, 0, 0), "password"),
        ("BITCOUNT k", (6, 2, 0), "[start end]"),
        ("EXPIRE k 1", (6, 2, 0), ""),
        ("XADD k MINID", (6, 0, 0), "field value [field value ...]"),
    ],
)
def test_what_an_older_server_does_not_know_is_not_offered(
    line: str, wanted: tuple[int, ...], hint: str
) -> None:
    assert walked(line, wanted).hint == hint


def test_a_version_is_compared_by_its_numbers() -> None:
    assert version("7.2.0") == (7, 2, 0)
    assert version("10.0.0") > version("9.9.9")


# What the facts have wrong


@pytest.mark.parametrize(
    "line",
    [
        "ZINCRBY k 1.5 m",
        "ZINCRBY k +inf m",
        "ZUNION 2 a b WEIGHTS 1.5 2",
        "BITFIELD k GET u8 #1",
        "INCRBY k -1",
    ],
)
def test_what_a_server_takes_for_a_number_is_one(line: str) -> None:
    assert walked(line).complete


@pytest.mark.parametrize("line", ["SET k v EX +5", "EXPIRE k #1", "LPOP k 1.5"])
def test_what_a_server_takes_for_no_integer_is_none(line: str) -> None:
    assert walked(line).mistake is not None


# What is not valid


@pytest.mark.parametrize(
    ("line", "place", "reason"),
    [
        ("GET a b", 1, "no more arguments"),
        ("PING a b", 1, "no more arguments"),
        ("MULTI now", 0, "no more arguments"),
        ("CONFIG RESETSTAT now", 0, "no more arguments"),
        ("RANDOMKEY a b c", 0, "no more arguments"),
        ("LPOP k 1 2", 2, "no more arguments"),
        ("SET k v EX a", 3, "an integer is due: seconds"),
        ("SET k v EX 1.5", 3, "an integer is due: seconds"),
        ("set k v ex 1s", 3, "an integer is due: seconds"),
        ("SET k v NX PXAT tomorrow", 4, "an integer is due: unix-time-milliseconds"),
        ("EXPIRE k soon", 1, "an integer is due: seconds"),
        ("EXPIRE k 10 EQ", 2, "one of these is due: NX, XX, GT, LT"),
        ("SELECT zero", 0, "an integer is due: index"),
        ("LRANGE k 0 last", 2, "an integer is due: stop"),
        ("EVAL s two", 1, "an integer is due: numkeys"),
        ("INCRBYFLOAT k much", 1, "a number is due: increment"),
        ("ZADD k high m", 1, "a number is due: score; or NX, XX, GT, LT, CH, INCR"),
        ("ZADD k NX 1 a b", 4, "a number is due: score"),
        ("GEOADD k 1 north m", 2, "a number is due: latitude"),
        ("BLPOP k 1s", None, None),
        ("LMPOP 1 k UP", 2, "one of these is due: LEFT, RIGHT"),
        ("LMPOP 1 k LEFT 5", 3, "COUNT is due"),
        ("LMPOP 1 k l LEFT", 2, "one of these is due: LEFT, RIGHT"),
        ("LINSERT k BETWEEN a b", 1, "one of these is due: BEFORE, AFTER"),
        ("BITOP NAND d a", 0, "one of these is due: AND, OR, XOR, NOT, DIFF, DIFF1, ANDOR, ONE"),
        ("ZRANGE k 0 -1 LIMIT 0", None, None),
        ("ZRANGE k 0 -1 REV REV", 4, "one of these is due: BYSCORE, BYLEX, LIMIT, WITHSCORES"),
        ("SET k v NX XX", 3, "one of these is due: GET, EX, PX, EXAT, PXAT, KEEPTTL"),
        ("HGETDEL k a", 1, "FIELDS is due"),
        ("XREADGROUP STREAMS k 0", 0, "GROUP is due"),
        ("SCAN 0 COUNT 5 COUNT 6", 3, "one of these is due: MATCH, TYPE"),
        ("REPLICAOF NO TWO", 1, "ONE is due"),
        ("ACL LOG all", 0, "an integer is due: count; or RESET"),
        ("CLUSTER SETSLOT 5 GONE", 1, "one of these is due: IMPORTING, MIGRATING, NODE, STABLE"),
        ("CLIENT TRACKING maybe", 0, "one of these is due: ON, OFF"),
        ("XPENDING k g IDLE long - + 5", 3, "an integer is due: min-idle-time"),
        ("MIGRATE h port k 0 1", 1, "an integer is due: port"),
    ],
)
def test_the_first_word_that_cannot_be_there_is_named(
    line: str, place: int | None, reason: str | None
) -> None:
    walk = walked(line)
    assert walk.mistake == (None if place is None or reason is None else Mistake(place, reason))
    assert not walk.complete
    assert walk.mistake is None or len(walk.roles) == place


@pytest.mark.parametrize("line", ["GET a b", "SET k v EX a", "LMPOP 1 k UP", "SET k v EX a NX GET"])
def test_nothing_is_said_of_what_is_behind_a_mistake(line: str) -> None:
    assert walked(line).hint == ""
    assert walked(line).terms == ()


def test_what_is_understood_before_a_mistake_keeps_its_role() -> None:
    assert walked("SET k v EX soon NX").roles == (
        Role("key", "key"),
        Role("string", "value"),
        Role("token", "EX"),
    )


# What the words are


@pytest.mark.parametrize(
    ("line", "roles"),
    [
        ("AUTH secret", "password"),
        ("AUTH ada secret", "username password"),
        ("BLPOP a 0", "key timeout"),
        ("BLPOP a 0 1", "key key timeout"),
        ("XREAD STREAMS a b 0 0", "STREAMS key key id id"),
        ("XREAD STREAMS 1 2 3 4", "STREAMS key key id id"),
        ("XREAD STREAMS a b c", "STREAMS key key key"),
        ("XREAD STREAMS a b 0", "STREAMS key key id"),
        ("xread count 1 streams a $", "COUNT count STREAMS key id"),
        ("SET EX EX EX 5", "key value EX seconds"),
        ("ZADD NX NX 1 NX", "key NX score member"),
        ("LMPOP 2 LEFT RIGHT LEFT", "numkeys key key LEFT"),
        ("EVAL s 1 a b", "script numkeys key arg"),
        ("EVAL s 0 a b", "script numkeys arg arg"),
        ("SORT BY BY GET GET BY", "key BY by-pattern GET get-pattern"),
        ("REPLICAOF no one", "NO ONE"),
        ("REPLICAOF host 6379", "host port"),
        ("ACL LOG reset", "RESET"),
        ("ACL LOG 5", "count"),
        ("XADD k * f v", "key * field value"),
        ("XADD k 1-1 * v", "key id field value"),
        ("XPENDING k g IDLE 5 - + 9 c", "key group IDLE min-idle-time start end count consumer"),
        ("MIGRATE h 1 k 0 1 COPY", "host port key destination-db timeout COPY"),
        ("MIGRATE h 1 k 0 1 KEYS a COPY", "host port key destination-db timeout KEYS keys keys"),
        ("GEORADIUS k 1 2 3 km STORE d", "key longitude latitude radius KM STORE storekey"),
        ("CLIENT KILL 127.0.0.1:6379", "old-format"),
        ("CLIENT KILL ID 5", "ID client-id"),
    ],
)
def test_each_word_has_its_role(line: str, roles: str) -> None:
    assert [role.name for role in walked(line).roles] == roles.split()


@pytest.mark.parametrize(
    ("line", "terms"),
    [
        ("XREAD STREAMS", "key"),
        ("XREAD STREAMS a", "key id"),
        ("AUTH", "username password"),
        ("AUTH x", "password"),
        ("SET k v", "NX XX GET EX PX EXAT PXAT KEEPTTL"),
        ("SET k v EX", "seconds"),
        ("SET k v EX 5 NX", "GET"),
        ("EVAL s 0", "arg"),
        ("EVAL s 1", "key"),
        ("HGETALL k", ""),
    ],
)
def test_what_may_come_next(line: str, terms: str) -> None:
    assert [term.name for term in walked(line).terms] == terms.split()
