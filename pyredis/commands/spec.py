"""What is known of a command before it is sent, and what follows from that for one argv.

The rows come from ``_facts``, a module for each letter that names begin with, and from ``_module_facts``; they are
generated from live servers, ``overlay.toml`` and ``modules.toml``. What a connected server adds is learnt into a
table of the caller's own. It knows no command by name: who needs to treat one in a special way adds a fact to the
overlay. It decides nothing about routing, retries or output.
"""

from __future__ import annotations

from pyredis.commands._facts import LETTERS
from pyredis.commands.rows import (
    FIELDS,
    canonical,
    documented,
    in_version,
    reported,
    retyped,
    stated,
    version,
)
from pyredis.records import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any, Final

__all__ = ["FAREWELLS", "MANY", "TABLE", "Spec", "Table", "built_in", "find", "reply_limit"]

FAREWELLS: Final = frozenset({"shutdown", "quit"})
"""The effects of which the server's closing of the connection is a success."""

MANY: Final = 100
"""So many keys are many for a command that deletes them."""


# A named tuple, because a frozen dataclass of this size takes a millisecond of every start.
class Spec(NamedTuple):
    """One command, or one subcommand of a container.

    ``arguments`` is the grammar: a tuple for each argument, ``(name, type, token, flags, key_spec, since,
    display, arguments)``; ``type`` may be ``oneof`` or ``block``, which have arguments of their own; ``flags``
    is a tuple of ``optional``, ``multiple`` and ``multiple_token``; ``key_spec`` is an index into
    ``key_specs`` or None; ``display`` is None where it equals ``name``.

    ``key_specs`` holds, for each, its flags, how to find the first key and how to find the rest:
    ``("index", 1)``, ``("keyword", "STORE", 6)`` or ``("unknown",)``; then ``("range", last, step, limit)``,
    ``("keynum", number, first, step)`` or ``("unknown",)``.

    ``summary``, ``complexity`` and ``replaced_by`` are sentences of a connected server, untrusted text and empty
    without one.
    ``products`` says whose servers have the command, and is empty when only a connected server told of it.
    ``module`` is the module that such a server has to load for it, as MODULE LIST names it; ``since`` is then a
    version of the module. The facts from ``effect`` on are the overlay's; that file says what each may be.
    """

    name: str
    products: frozenset[str] = frozenset()
    arity: int = -1
    flags: frozenset[str] = frozenset()
    categories: tuple[str, ...] = ()
    first_key: int = 0
    last_key: int = 0
    key_step: int = 0
    key_specs: tuple[Any, ...] = ()
    group: str = ""
    since: str = ""
    deprecated_since: str | None = None
    tips: tuple[str, ...] = ()
    arguments: tuple[Any, ...] = ()
    subcommands: tuple[str, ...] = ()
    module: str | None = None
    summary: str = ""
    complexity: str = ""
    replaced_by: str = ""
    effect: str | None = None
    secrets: tuple[Any, ...] = ()
    timeout: tuple[Any, ...] | None = None
    readonly_twin: str | None = None
    changes: str | None = None
    reads: str | None = None
    danger: str | None = None
    asks: tuple[Any, ...] | None = None
    promotes: tuple[Any, ...] | None = None
    measure: tuple[str, ...] = ()
    whole: tuple[Any, ...] | None = None
    steps: str | None = None
    ended_by: str | None = None
    shape: str | None = None
    text: str | None = None
    columns: tuple[str, ...] = ()
    inside: tuple[tuple[str, Any], ...] = ()
    secret_reply: str | None = None

    @property
    def readonly(self) -> bool:
        """Whether the command changes nothing, so that it may be sent again, or to a replica."""
        return "readonly" in self.flags and self.changes is None

    def only_reads(self, argv: Sequence[bytes]) -> bool:
        """Return whether this argv changes nothing for anybody else, as far as the facts go: in doubt it does.

        Unlike `readonly` it is about commands of any kind, those that concern their own connection alone among
        them. A subcommand that nobody knows may do anything.
        """
        how, _, words = (self.reads or "").partition(" ")
        named = argv[self.name.count(" ") + 1 :]
        if how == "if":
            return bool(named) and canonical(named[0]) in words.split()
        if self.subcommands and len(argv) > 1:
            return False
        if how == "unless":
            # As servers compare, which takes a word to end where a byte is zero.
            return {canonical(word.partition(b"\0")[0]) for word in named}.isdisjoint(words.split())
        return how == "always" or (self.readonly and how != "never")

    @property
    def write(self) -> bool:
        return "write" in self.flags

    @property
    def blocking(self) -> bool:
        """Whether the server may hold the reply back until something happens; `blocks_for` says how long."""
        return self.timeout is not None or "blocking" in self.flags

    @property
    def stateful(self) -> bool:
        """Whether the command changes the state of its connection; ``effect`` says how."""
        return self.effect is not None

    def may_cost(self, words: int) -> bool:
        """Whether a command of so many words may be one to ask a person about: no when its cost is a matter of
        course.
        """
        return self.asks is not None or self.whole is not None or words > MANY or not self.products

    def is_asked_about(self, argv: Sequence[bytes]) -> bool:
        """Return whether a person is to be asked before this argv is sent, as far as its words tell."""
        return _holds(self.asks, argv)

    def makes_a_primary(self, argv: Sequence[bytes]) -> bool:
        """Return whether this argv makes the server a primary, if it is a replica."""
        return _holds(self.promotes, argv)

    def measures_for(self, argv: Sequence[bytes]) -> tuple[str, ...]:
        """Return what tells how bad this argv would be: ``keyspace``, ``clients``, ..."""
        return tuple(found for one in self.measure if (found := _said_of(self, argv, one)))

    def blocks_for(self, argv: Sequence[bytes]) -> float | None:
        """Return how many seconds the server may block; 0.0 is for ever, None is not at all.

        A timeout that the server would refuse does not block. A blocking command of which nothing more is
        known, as of a module, may block for ever.
        """
        if self.timeout is None:
            return 0.0 if self.blocking else None
        where, unit, zero, skips, stop = self.timeout
        seconds = _seconds(_timeout_word(argv, where, dict(skips), stop), unit)
        return zero if seconds == 0 else seconds

    def secret_positions(self, argv: Sequence[bytes]) -> frozenset[int]:
        """Return the indices of arguments that must never be shown, logged or kept.

        In doubt an argument is secret: so is what follows a key that is named ``AUTH``.
        """
        return frozenset(place for rule in self.secrets for place in _secret(rule, argv))

    def shape_for(self, argv: Sequence[bytes]) -> str | None:
        """Return what a reply to this argv really is where the wire does not say: ``map``, ``scores``, ..."""
        return _said_of(self, argv, self.shape)

    def text_for(self, argv: Sequence[bytes]) -> str | None:
        """Return the form of the text that the reply to this argv is, or that is each element: ``info``, ..."""
        return _said_of(self, argv, self.text)

    def columns_for(self, argv: Sequence[bytes]) -> tuple[str, ...]:
        """Return the names of what stands in the rows of the reply to this argv."""
        return tuple(name for column in self.columns if (name := _said_of(self, argv, column)))

    def inside_for(self, argv: Sequence[bytes]) -> dict[str, str | tuple[str, ...]]:
        """Return what values are within the reply to this argv, by their names: ``map``, ``maps`` or columns."""
        said = (
            (name, kind if isinstance(kind, tuple) else _said_of(self, argv, kind))
            for name, kind in self.inside
        )
        return {name: kind for name, kind in said if kind}


def reply_limit(argv: Sequence[bytes], spec: Spec | None, read_timeout: float | None) -> float | None:
    """Return the seconds within which the reply must come: a blocking command may block first."""
    if spec is None or not spec.blocking or read_timeout is None:
        return read_timeout
    blocks = spec.blocks_for(argv)
    if blocks is None:
        return read_timeout
    return blocks + read_timeout if blocks else None


def _holds(rule: tuple[Any, ...] | None, argv: Sequence[bytes]) -> bool:
    """Return whether a rule about words is so; without any it never is."""
    match rule:
        case None:
            return False
        case ("with", words, start, stop, step):
            return any(_is_one_of(word, words) for word in argv[start:stop:step])
        case ("without", words, start, stop, step):
            return not any(_is_one_of(word, words) for word in argv[start:stop:step])
    return True


def _is_one_of(word: bytes, words: Sequence[str]) -> bool:
    name = canonical(word.partition(b"\0")[0])  # as most servers compare words
    return any(name.startswith(known[:-1]) if known.endswith("*") else name == known for known in words)


def _said_of(spec: Spec, argv: Sequence[bytes], fact: str | None) -> str | None:
    """Return the first of the kinds in a fact whose options, if it needs any, are in the argv."""
    for alternative in fact.split("; ") if fact else ():
        kind, _, condition = alternative.partition(" if ")
        if not condition:
            return kind
        count, _, unit = condition.partition(" ")
        if unit == "WORDS":
            if len(argv) == int(count):
                return kind
            continue
        options = {canonical(word) for word in argv[_options_start(spec) :]}
        if options.intersection(condition.split()):
            return kind
    return None


def _options_start(spec: Spec) -> int:
    """Return the first index that can hold an option: a key may be named like one."""
    return abs(spec.arity) if spec.key_specs else spec.name.count(" ") + 1


def _timeout_word(argv: Sequence[bytes], where: int | str, skips: dict[str, int], stop: str | None) -> bytes:
    """Return the argument at an index, or the one after the last such token that is an option."""
    if isinstance(where, int):
        return argv[where] if -len(argv) < where < len(argv) else b""
    found, place = b"", 1
    while place < len(argv) - 1 and (word := canonical(argv[place])) != stop:
        if word == where:
            found = argv[place + 1]
        place += 1 + skips.get(word, 0)
    return found


def _seconds(word: bytes, unit: str) -> float | None:
    """Return a timeout in seconds, or None when the server would refuse it."""
    try:
        if unit == "milliseconds":
            seconds = int(word) / 1000
        else:
            # The server reads with strtold, which knows hexadecimal; float() does not.
            seconds = float.fromhex(word.decode()) if b"x" in word.lower() else float(word)
    except (ValueError, OverflowError):
        return None
    return seconds if 0 <= seconds < float("inf") else None


def _secret(rule: tuple[Any, ...], argv: Sequence[bytes]) -> Iterable[int]:
    places = range(len(argv))
    match rule:
        case ("from", first):
            return places[first:]
        case ("starting", marks, first):
            return [place for place in places[first:] if argv[place][:1] in marks]
        case ("after", words, count):
            tokens = [place for place in places[1:] if canonical(argv[place]) in words]
            return [place for token in tokens for place in places[token + 1 : token + 1 + count]]
    raise ValueError(f"no such rule for secrets: {rule!r}")


def built_in(letter: str) -> Any:
    """Return the module with the rows of the servers' own commands that begin with a letter."""
    return __import__(f"pyredis.commands._facts.{letter.lower()}", None, None, ["ROWS"])


class Table:
    """Commands by name: the built-in rows, and what a connected server added.

    Where servers state different facts of one command, ``product`` says whose hold, ``redis`` or ``valkey``;
    every table finds the commands of both, and `has` says which of them a connected server has. Rows are loaded
    when they are first asked for: by a name that begins with the same letter, or by all names; those of modules by
    a name with a dot, which the servers' own commands do not have.
    """

    __slots__ = (
        "_commands",
        "_docs",
        "_learnt",
        "_overrides",
        "_rows",
        "_specs",
        "_subcommands",
        "_unloaded",
        "product",
        "revision",
        "server_names",
        "version",
    )

    def __init__(self, product: str = "redis") -> None:
        self._rows: dict[str, tuple[Any, ...]] = {}
        self._unloaded = {*LETTERS, _OF_MODULES}
        self._learnt: dict[str, tuple[Any, ...]] = {}
        self._overrides: dict[tuple[str, str], Any] = {}
        self._subcommands: dict[str, list[str]] = {}
        self._docs: dict[str, object] = {}
        self.version: tuple[int, ...] | None = None
        """The server's, None as long as it is unknown."""
        self.server_names: frozenset[str] = frozenset()
        """Every name that the server has told of; empty as long as it has not been asked for all."""
        self.revision = 0
        """Another number whenever something was learnt."""
        self._specs: dict[str, Spec] = {}
        self._use_facts_of(product)

    def find(self, argv: Sequence[bytes | str]) -> Spec | None:
        """Return the row of the subcommand, else of the command, else None; case does not matter."""
        if not argv:
            return None
        return self._commands.get(argv[0]) or self._search(argv)

    def names(self) -> Iterable[str]:
        """Return every name: ``CONFIG``, ``CONFIG GET``, ...; the built-in ones sorted, then what was learnt."""
        if self._unloaded:
            for part in tuple(self._unloaded):
                self._load(part)
            self._rows = dict(sorted(self._rows.items()))
        return [*self._rows, *self._learnt]

    def specs(self) -> Iterator[Spec]:
        return map(self._spec, self.names())

    def has(self, name: str) -> bool:
        """Return whether the server has the command, as it said, or else as its version can have it.

        An unknown server has every command that there is a row of.
        """
        names = self.server_names
        if name in names or not self._knows(name):
            return name in names
        command, _, subcommand = name.partition(" ")
        if names and (command not in names or not subcommand or any(" " in other for other in names)):
            return False  # only servers before version 7 tell nothing of subcommands
        return self._can_have(self._spec(name))

    def _can_have(self, spec: Spec) -> bool:
        if self.version is None or _is_of_module(spec.name):
            return True
        return (not spec.products or self.product in spec.products) and version(spec.since) <= self.version

    def learn(self, command_reply: object, *, whole: bool = False) -> None:
        """Add the commands of a server's COMMAND reply that have no row yet; believe it nothing else.

        ``whole`` says that these are all that the server has. The reply may come from either decoder and in
        either protocol; what does not look like a row is skipped.
        """
        names = set()
        for row in reported(command_reply):
            name = row[0]
            names.add(name)
            if not self._knows(name):
                self._learnt[name] = row
                self._count_subcommand(name)
                self._forget(name.partition(" ")[0])
        if whole:
            self.server_names = frozenset(names)
        self.revision += 1

    def learn_docs(self, docs_reply: object) -> None:
        """Let a server's COMMAND DOCS reply win over the rows that are there: what it says of a command's
        arguments, group and history, its summary and its complexity.

        The overlay's facts stay. The reply may have any form, as with `learn`; what does not look like docs is
        skipped.
        """
        self._docs.update(documented(docs_reply))
        self._forget_all()

    def learn_server(self, product: str, version_text: str) -> None:
        """Take the facts of that product in that version: what it is too old for is left out of the grammars."""
        self.version = version(version_text) or None
        self._use_facts_of(product)

    def _use_facts_of(self, product: str) -> None:
        self.product = product
        self._forget_all()

    def _forget_all(self) -> None:
        self._specs.clear()
        # What execute() asks for: the usual spellings of the commands that have no subcommands.
        self._commands: dict[bytes | str, Spec] = {}
        self.revision += 1

    def _knows(self, name: str) -> bool:
        return self._row(name) is not None

    def _row(self, name: str) -> tuple[Any, ...] | None:
        part = _OF_MODULES if _is_of_module(name) else name[:1]
        if part in self._unloaded:
            self._load(part)
        return self._rows.get(name) or self._learnt.get(name)

    def _load(self, part: str) -> None:
        """Load the rows of names that begin with a letter, or of modules."""
        self._unloaded.discard(part)
        if part == _OF_MODULES:
            from pyredis.commands._module_facts import ROWS as rows
        else:
            facts = built_in(part)
            rows = facts.ROWS
            self._overrides.update([((owner, name), stated) for owner, name, stated in facts.OVERRIDES])
        for row in rows:
            name = str(row[0])
            self._rows[name] = row
            self._count_subcommand(name)

    def _count_subcommand(self, name: str) -> None:
        container, _, subcommand = name.partition(" ")
        if subcommand:
            self._subcommands.setdefault(container, []).append(subcommand)

    def _forget(self, container: str) -> None:
        """Make a container's Spec anew when it is asked for next, with the subcommands it has then."""
        self._specs.pop(container, None)
        self._commands.clear()

    def _search(self, argv: Sequence[bytes | str]) -> Spec | None:
        name = canonical(argv[0])
        if " " in name or not self._knows(name):
            return None
        spec = self._spec(name)
        if not spec.subcommands:
            self._remember(spec)
        elif len(argv) > 1:
            subcommand = f"{name} {canonical(argv[1])}"
            if self._knows(subcommand):
                return self._spec(subcommand)
        return spec

    def _remember(self, spec: Spec) -> None:
        # Not as it was typed: SeLeCt has many spellings, and they would stay for ever.
        for word in (spec.name, spec.name.lower()):
            self._commands[word] = self._commands[_encoded(word)] = spec

    def _spec(self, name: str) -> Spec:
        spec = self._specs.get(name)
        if spec is None:
            spec = self._specs[name] = self._make(name)
        return spec

    def _make(self, name: str) -> Spec:
        facts: dict[str, Any] = dict(zip(FIELDS, self._row(name) or (), strict=True))
        facts.update(self._overrides.get((self.product, name), ()))
        facts.update(self._told(name, facts))
        facts.update(facts.pop("overlay"))
        if "types" in facts:
            facts["arguments"] = retyped(facts["arguments"], dict(facts.pop("types")))
        for field in ("products", "flags"):
            facts[field] = frozenset(facts[field].split())
        for field in ("categories", "tips"):
            facts[field] = tuple(facts[field].split())
        facts["subcommands"] = tuple(self._subcommands.get(name, ()))
        return Spec(**facts)

    def _told(self, name: str, facts: dict[str, Any]) -> dict[str, Any]:
        """Return what is otherwise with the server than in the row."""
        told = stated(self._docs[name]) if name in self._docs else {}
        if facts["products"]:
            told.pop("module", None)  # what Redis 8 has built in, it calls a module still
        if told.get("group") == "module" and facts["group"]:
            del told["group"]  # a server calls the commands of every module so
        if self.version is not None and "arguments" not in told and not _is_of_module(name):
            told["arguments"] = in_version(facts["arguments"], self.version)
        return told


def _encoded(word: str) -> bytes:
    """Return a name as it may be typed; a name that no bytes spell is not found by any."""
    try:
        return word.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return word.encode("utf-8", "surrogatepass")


def _is_of_module(name: str) -> bool:
    """Whether versions of its own count, not the server's: the servers' own commands have no dot."""
    return "." in name


_OF_MODULES: Final = "."
"""Stands for the letters of the commands of modules."""

TABLE: Final = Table()
find = TABLE.find
