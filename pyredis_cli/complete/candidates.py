"""What may be put in the place of the word at the cursor: names of commands, tokens, names that are known.

It joins what the grammar expects with what the cache knows, and ranks it: tokens first, in the order of the
synopsis, then names. What it returns can be inserted as it is: a name that a bare word could not say is quoted.
It knows no menu and no server.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, TypeAlias

from pyredis.commands.rows import canonical
from pyredis_cli.complete.known import KNOWN, WORDS, categories, commands, rules, summary, typeable
from pyredis_cli.complete.wants import Want, wants

if TYPE_CHECKING:
    from pyredis.commands.spec import Spec, Table
    from pyredis_cli.complete.names import Name
    from pyredis_cli.complete.tokens import Line
    from pyredis_cli.splitting import Word

__all__ = ["Behind", "Candidate", "Choice", "Names", "candidates"]

_MOST: Final = 24
"""So many names of a kind are offered: three times what a menu shows at once; each costs time at each key."""

_SPECIAL: Final = frozenset(" \\\"'")
"""What a bare word cannot have in it, or what stands for something else there."""


class Candidate(NamedTuple):
    """A text for the place from ``start`` to the cursor."""

    text: str
    start: int
    kind: str
    """What it is: ``command``, ``token``, ``word`` (of the REPL), ``topic`` (of help), or the kind of a name."""
    meta: str = ""
    """What else is to be said of it, in a few words."""


class Choice(NamedTuple):
    """What may stand behind a word of the REPL; that of kind ``command`` comes in the case the person types.

    Bytes that are no UTF-8 are lone surrogates. ``unfinished``: there is more to come, so no quote is closed.
    """

    text: str
    kind: str = "word"
    meta: str = ""
    unfinished: bool = False


Behind: TypeAlias = Callable[[Sequence[str], str, "Table"], "Iterable[Choice | Want]"]
"""Is given the finished words, the word at the cursor, and the table; what does not fit is left out later.

Of what is a `Want`, the names are offered that are known.
"""


class Names(Protocol):
    """What candidates ask for names."""

    def find(self, want: Want, prefix: bytes, limit: int) -> Sequence[Name]: ...


def candidates(
    line: Line,
    table: Table,
    names: Names,
    words: Mapping[str, str] | None = None,
    *,
    quote: Callable[[bytes], str],
    behind: Behind = lambda words, typed, table: (),
) -> list[Candidate]:
    """Return what may replace the word at the cursor, the best first.

    ``words`` are the REPL's own first words and what each is for; ``behind`` tells what may stand behind them, and
    is given all finished words, the first one in lower case. Names of commands and tokens come in the case the
    person types. ``quote`` writes a name in double quotes so that it is read back as the same bytes.

    The list is empty where nobody knows what may stand, and when the word is all there is to say.
    """
    if _is_glued(line):
        return []
    place = _Place(line, table, names, quote)
    found = list(dict.fromkeys(place.offers(words or {}, behind)))
    if not line.partial.quote and all(offer.typed for offer in found):
        return []
    return [offer.candidate for offer in found]


def _is_glued(line: Line) -> bool:
    """Whether the word at the cursor stands right behind a closing quote, where no word can be."""
    before = (*line.name, *line.arguments)[-1:]
    return any(word.end == line.partial.start for word in before)


class _Offer(NamedTuple):
    candidate: Candidate
    typed: bool
    """Whether it is what stands there already."""


class _Place(NamedTuple):
    """The place at the cursor, and where the names for it come from."""

    line: Line
    table: Table
    names: Names
    quote: Callable[[bytes], str]

    def offers(self, words: Mapping[str, str], behind: Behind) -> Iterator[_Offer]:
        line = self.line
        if line.blank:
            return self._first(words)
        if _text(line.name[0]).lower() in words or line.spec is None:
            return self._of_the_repl(behind)
        if line.container:
            return iter(()) if line.arguments else self._subcommands(line.spec, line.name[0])
        return self._arguments()

    def _first(self, words: Mapping[str, str]) -> Iterator[_Offer]:
        """Yield what a line may begin with, by the alphabet."""
        typed = canonical(self.line.partial.value)
        own = {canonical(word): purpose for word, purpose in words.items()}
        for name in sorted(name for name in {*commands(self.table), *own} if name.startswith(typed)):
            if name in own:  # the REPL takes these before any server
                yield self._word(name, own[name])
            else:
                yield self._spelled(name, "command", summary(name, self.table))

    def _subcommands(self, spec: Spec, model: Word) -> Iterator[_Offer]:
        typed = canonical(self.line.partial.value)
        for name in sorted(typeable(spec.subcommands)):
            if name.startswith(typed) and self.table.has(f"{spec.name} {name}"):
                yield self._spelled(name, "command", summary(f"{spec.name} {name}", self.table), model)

    def _of_the_repl(self, behind: Behind) -> Iterator[_Offer]:
        """Yield what may stand behind a word of the REPL."""
        first, *others = [_text(word) for word in (*self.line.name, *self.line.arguments)]
        typed = canonical(self.line.partial.value)
        model = (*self.line.arguments, self.line.partial)[0]
        for choice in behind((first.lower(), *others), _text(self.line.partial), self.table):
            if isinstance(choice, Want):
                yield from self._named(choice)
            elif choice.kind == "command":
                if choice.text.startswith(typed):
                    yield self._spelled(choice.text, "command", choice.meta, model)
            elif self._fits(choice.text):
                yield self._choice(choice)

    def _arguments(self) -> Iterator[_Offer]:
        walk, typed = self.line.walk, canonical(self.line.partial.value)
        if walk is not None:
            forms = walk.forms
            for term in walk.terms:
                if term.kind == "token" and term.name.startswith(typed):
                    form = forms[term.name]
                    yield self._spelled(term.name, "token", form if form != term.shown else "")
        for want in wants(self.line):
            yield from self._named(want)

    def _named(self, want: Want) -> Iterator[_Offer]:
        match want.kind:
            case "command":
                typed = canonical(self.line.partial.value)
                for name in commands(self.table):
                    if name.startswith(typed):
                        yield self._spelled(name, "command", summary(name, self.table))
                return
            case "category":
                known: Iterable[str] = categories(self.table)
            case "rule":
                known = rules(self.table)
            case _:
                known = WORDS.get(want.kind, ())
        yield from (self._literal(word, want.kind) for word in known if self._fits(word))
        if want.kind not in KNOWN:
            found = self.names.find(want, self.line.partial.value, _MOST)
            yield from (self._name(name, want.kind) for name in found)

    # -- one of them

    def _fits(self, word: str) -> bool:
        return word.lower().startswith(self.line.partial.value.lower().decode("utf-8", "replace"))

    def _spelled(self, name: str, kind: str, meta: str = "", model: Word | None = None) -> _Offer:
        """Offer a word of which the case does not matter, in the case of what is typed, or else of the model."""
        typed = self.line.partial.value
        model = model or (self.line.name[0] if self.line.name else self.line.partial)
        written = name.lower() if (typed if _has_case(typed) else model.value).islower() else name
        return self._offer(written or '""', kind, meta, typed=canonical(typed) == name and bool(name))

    def _word(self, name: str, purpose: str) -> _Offer:
        """Offer a word of the REPL, which it writes in lower case itself."""
        typed = self.line.partial.value
        written = name if _has_case(typed) and not typed.islower() else name.lower()
        return self._offer(written, "word", purpose, typed=canonical(typed) == name)

    def _literal(self, word: str, kind: str) -> _Offer:
        return self._offer(word, kind, typed=word.encode() == self.line.partial.value)

    def _name(self, name: Name, kind: str) -> _Offer:
        size = "" if name.size is None else f"{name.size:,}"
        meta = ", ".join(filter(None, (name.type, size)))
        text = self._quoted(name.value)
        return self._offer(text, kind, meta, typed=name.value == self.line.partial.value)

    def _choice(self, choice: Choice) -> _Offer:
        value = choice.text.encode("utf-8", "surrogateescape")
        text = self._quoted(value)
        if choice.unfinished:
            text = text.removesuffix('"')
        return self._offer(text, choice.kind, choice.meta, typed=value == self.line.partial.value)

    def _quoted(self, value: bytes) -> str:
        """Return what is to be typed for a value: itself, or in quotes where a bare word could not say it."""
        quoted = self.quote(value)
        bare = quoted[1:-1]
        return quoted if not bare or self.line.partial.quote or not _SPECIAL.isdisjoint(bare) else bare

    def _offer(self, text: str, kind: str, meta: str = "", *, typed: bool) -> _Offer:
        return _Offer(Candidate(text, self.line.partial.start, kind, meta), typed)


def _text(word: Word) -> str:
    return word.value.decode("utf-8", "surrogateescape")


def _has_case(word: bytes) -> bool:
    return word.lower() != word.upper()
