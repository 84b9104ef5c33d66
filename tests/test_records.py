"""Records behave as the standard library's named tuples and dataclasses do, and cost nothing of theirs."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
import subprocess
import sys
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from pyredis import records
from pyredis.options import ConnectionOptions, TlsOptions
from pyredis.records import NamedTuple, dataclass, field, replace

ROOT: Final = Path(__file__).parent.parent


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is."""

    host: str
    port: int = 6379
    tags: list[str] = field(default_factory=list)
    secret: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        if self.port < 1:
            raise ValueError("no such port")

    @property
    def both(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Named(Place):
    name: str = "x"


@dataclasses.dataclass(frozen=True, slots=True)
class Standard:
    """Where something is."""

    host: str
    port: int = 6379
    tags: list[str] = dataclasses.field(default_factory=list)
    secret: str = dataclasses.field(default="", repr=False)


class Pair(NamedTuple):
    """Two of them."""

    left: int
    right: str = "r"

    @property
    def swapped(self) -> tuple[str, int]:
        return self.right, self.left


class StandardPair(typing.NamedTuple):
    """Two of them."""

    left: int
    right: str = "r"


MADE: Final[list[Callable[[Any], object]]] = [
    lambda made: made("a"),
    lambda made: made("a", 1, ["t"], "s"),
    lambda made: made(host="a", tags=["t"]),
    lambda made: made("a", secret="s"),
]


@pytest.mark.parametrize("make", MADE)
def test_a_record_holds_and_shows_what_a_dataclass_does(make: Callable[[Any], object]) -> None:
    ours, theirs = make(Place), make(Standard)
    assert dataclasses.asdict(theirs) == {name: getattr(ours, name) for name in Place.__match_args__}  # type: ignore[call-overload]
    assert repr(ours) == repr(theirs).replace("Standard", "Place")


@pytest.mark.parametrize(
    "make",
    [
        lambda made: made(),
        lambda made: made("a", 1, [], "s", 5),
        lambda made: made("a", host="b"),
        lambda made: made("a", colour="b"),
        lambda made: made(port=1),
    ],
)
def test_what_a_dataclass_does_not_take_a_record_does_not(make: Callable[[Any], object]) -> None:
    for made in (Standard, Place):
        with pytest.raises(TypeError):
            make(made)


def test_each_record_has_a_default_of_its_own() -> None:
    first, second = Place("a"), Place("a")
    first.tags.append("t")
    assert second.tags == []


def test_the_fields_are_checked() -> None:
    with pytest.raises(ValueError, match="no such port"):
        Place("a", 0)
    with pytest.raises(ValueError, match="no such port"):
        replace(Place("a"), port=0)


def test_equal_records_are_equal_and_hash_alike() -> None:
    one, other = TlsOptions(ca_file="a"), TlsOptions(ca_file="a")
    assert one == other
    assert hash(one) == hash(other)
    assert one != TlsOptions(ca_file="b")
    assert Place("a") != Named("a")
    assert Place("a") != ("a", 6379, [], "")


def test_a_record_cannot_be_changed() -> None:
    place = Place("a")
    for change in (lambda: setattr(place, "port", 2), lambda: delattr(place, "port")):
        with pytest.raises(dataclasses.FrozenInstanceError, match="port cannot be changed"):
            change()
    with pytest.raises(dataclasses.FrozenInstanceError):
        place.other = 1  # type: ignore[attr-defined]
    assert not hasattr(place, "__dict__")


def test_a_record_is_copied_and_pickled() -> None:
    place = Named("a", 2, ["t"], "s", "n")
    for again in (copy.copy(place), copy.deepcopy(place), pickle.loads(pickle.dumps(place))):
        assert again == place
        assert type(again) is Named
    assert copy.deepcopy(place).tags is not place.tags


def test_a_record_is_matched_by_its_fields_in_order() -> None:
    match Place("a", 2):
        case Place(host, port):
            assert (host, port) == ("a", 2)


def test_a_record_that_is_replaced_is_another_one() -> None:
    place = Place("a", 2, ["t"])
    assert replace(place, port=3) == Place("a", 3, ["t"])
    assert place.port == 2
    with pytest.raises(TypeError, match="colour"):
        replace(place, colour="red")  # type: ignore[call-arg]


def test_a_record_inherits_fields_and_methods() -> None:
    named = Named("a", name="n")
    assert (named.host, named.port, named.name, named.both) == ("a", 6379, "n", "a:6379")
    assert repr(named) == "Named(host='a', port=6379, tags=[], name='n')"


def test_the_signature_tells_the_fields_and_their_defaults() -> None:
    assert str(inspect.signature(Place)) == (
        "(host: 'str', port: 'int' = 6379, tags: 'list[str]' = [], secret: 'str' = '')"
    )
    assert "database: 'int' = 0" in str(inspect.signature(ConnectionOptions))
    assert Place.__doc__ == "Where something is."


def test_dataclasses_takes_a_record_for_its_own() -> None:
    place = Place("a", 2)
    assert dataclasses.is_dataclass(place)
    assert [one.name for one in dataclasses.fields(place)] == list(Place.__match_args__)
    assert dataclasses.asdict(place) == {"host": "a", "port": 2, "tags": [], "secret": ""}
    assert dataclasses.replace(place, port=3) == Place("a", 3)


def test_a_named_tuple_is_what_typing_would_make() -> None:
    ours, theirs = Pair(1), StandardPair(1)
    assert ours == theirs == (1, "r")
    assert repr(ours) == repr(theirs).replace("StandardPair", "Pair")
    assert Pair._fields == StandardPair._fields
    assert Pair._field_defaults == StandardPair._field_defaults
    assert typing.get_type_hints(Pair) == typing.get_type_hints(StandardPair)
    assert (Pair.__doc__, Pair.__module__, Pair.__qualname__) == ("Two of them.", __name__, "Pair")
    assert ours._replace(left=2).swapped == ("r", 2)
    assert pickle.loads(pickle.dumps(ours)) == ours
    assert not hasattr(ours, "__dict__")


def test_records_load_neither_typing_nor_dataclasses() -> None:
    program = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import pyredis.records; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-ISc", program], capture_output=True, text=True, check=True)
    assert "pyredis.records" in done.stdout.split()
    assert not {"dataclasses", "inspect", "re", "typing"} & set(done.stdout.split())
    assert records.cast("int", 1) == 1
