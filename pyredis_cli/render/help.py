"""What there is to say of a command, as lines of at most 80 columns.

Pure: from the facts, with or without a server, to text. Whatever a server told is escaped here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from textwrap import wrap
from typing import TYPE_CHECKING, Any, Final

from pyredis.commands.grammar import grammar
from pyredis_cli.render.escape import printable

if TYPE_CHECKING:
    from pyredis.commands.spec import Spec, Table

__all__ = ["command_help", "group_help"]

_WIDTH: Final = 79  # in the last column some terminals begin a new line
_INDENT: Final = " " * 4


def command_help(spec: Spec, table: Table) -> list[str]:
    """Return how a command is written and what is known of it; of a container, its subcommands as well."""
    lines = list(_synopsis(spec))
    if not table.has(spec.name):
        lines.append(f"  not on this server{_version(table)}")
    lines += _wrapped(printable(spec.summary), "  ")
    for label, fact in _facts(spec):
        lines += _wrapped(f"{label}: {fact}", "  ")
    names = [f"{spec.name} {word}" for word in sorted(spec.subcommands)]
    subcommands = [table.find(name.split(" ", 1)) for name in names if table.has(name)]
    if subcommands:
        lines.append("  subcommands:")
    for subcommand in filter(None, subcommands):
        lines += _synopsis(subcommand, _INDENT)
    return lines


def group_help(specs: Sequence[Spec]) -> list[str]:
    """Return the commands of a group: with what they do, a line each, where the server told it."""
    specs = sorted(specs, key=lambda spec: spec.name)
    if not any(spec.summary for spec in specs):
        return wrap(", ".join(printable(spec.name) for spec in specs), _WIDTH, **_AT_BLANKS)
    width = max(len(printable(spec.name)) for spec in specs)
    return [_cut(f"{printable(spec.name):<{width}}  {printable(spec.summary)}".rstrip()) for spec in specs]


def _cut(line: str) -> str:
    return line if len(line) <= _WIDTH else line[: _WIDTH - 1] + "…"


def _version(table: Table) -> str:
    return f" ({table.product} {'.'.join(map(str, table.version))})" if table.version else ""


def _facts(spec: Spec) -> Iterator[tuple[str, str]]:
    known = spec.arguments or spec.subcommands or spec.arity == spec.name.count(" ") + 1
    label, keys = _keys(spec)
    facts = {
        "takes": "" if known else _arity(spec.arity),
        "complexity": spec.complexity,
        "danger": spec.danger or "",
        "group": spec.group,
        "since": spec.since,
        "deprecated since": spec.deprecated_since or "",
        "known to": ", ".join(sorted(spec.products)),
        "module": spec.module or "",
        "categories": " ".join(f"@{category}" for category in spec.categories),
        label: keys,
    }
    return ((label, printable(fact)) for label, fact in facts.items() if fact)


def _arity(arity: int) -> str:
    """Return how many words the command takes, its name among them; a negative arity is the least."""
    return f"{'at least ' if arity < 0 else ''}{abs(arity)} word{'' if abs(arity) == 1 else 's'}"


# -- where the keys are


def _keys(spec: Spec) -> tuple[str, str]:
    """Return the label and where the keys are, in words; nothing when there are none."""
    specs = [(begin, find) for _, begin, find in spec.key_specs]
    if not specs and spec.first_key > 0:  # servers before version 7 tell no more
        last = spec.last_key if spec.last_key < 0 else spec.last_key - spec.first_key
        specs = [(("index", spec.first_key), ("range", last, spec.key_step, 0))]
    named = spec.name.count(" ")
    single = [place - named for place in filter(None, map(_single, specs))]
    phrases = [_argument(single)] if single else []
    phrases += [_phrase(begin, find, spec) for begin, find in specs if not _single((begin, find))]
    one = len(single) == 1 and len(phrases) == 1
    return "key" if one else "keys", "; ".join(dict.fromkeys(phrases))


def _single(place: tuple[Any, Any]) -> int | None:
    match place:
        case (("index", int(first)), ("range", 0, *_)):
            return first
    return None


def _argument(numbers: Sequence[int]) -> str:
    ordinals = [_ordinal(number) for number in numbers]
    return f"{' and '.join(filter(None, (', '.join(ordinals[:-1]), ordinals[-1])))} argument"


def _phrase(begin: tuple[Any, ...], find: tuple[Any, ...], spec: Spec) -> str:
    match begin, find:
        case (("index", int(first)), ("keynum", int(number), *_)):
            return f"as many as {_counter(spec, first + number)} says"
        case (("keyword", word, *_), ("range", 0, *_)):
            return f"after {word}"
        case (("keyword", word, *_), ("range", -1, _, limit)):
            return f"the first half after {word}" if limit == 2 else f"all after {word}"
        case (("index", int(first)), ("range", int(last), int(step), *_)):
            return _range(first - spec.name.count(" "), last, step)
    return "known to the server alone, see COMMAND GETKEYS"


def _range(first: int, last: int, step: int) -> str:
    start = "" if first == 1 else f" from the {_ordinal(first)}"
    if last >= 0:
        return f"{_ordinal(first)} {'and' if last == 1 else 'to'} {_ordinal(first + last)} argument"
    if step != 1:
        return f"every {_ordinal(step)} argument from the {_ordinal(first)}"
    but = "" if last == -1 else " but the last" if last == -2 else f" but the last {-1 - last}"
    return f"all arguments{start}{but}"


def _counter(spec: Spec, place: int) -> str:
    """Return the name of the argument that says how many keys there are."""
    for name, kind, *_ in spec.arguments:
        if kind == "integer" and name.startswith("num"):
            return str(name)
    return f"the {_ordinal(place - spec.name.count(' '))} argument"


def _ordinal(number: int) -> str:
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


# -- lines

_AT_BLANKS: Final[dict[str, Any]] = {"break_on_hyphens": False}


def _wrapped(text: str, indent: str) -> list[str]:
    return wrap(text, _WIDTH, initial_indent=indent, subsequent_indent=indent + "  ", **_AT_BLANKS)


def _synopsis(spec: Spec, indent: str = "") -> Iterator[str]:
    """Yield the lines of a synopsis, broken outside of brackets where that is possible."""
    line = indent + printable(spec.name)
    for part in _parts(str(grammar(spec))):
        if len(line) + 1 + len(part) <= _WIDTH:
            line += f" {part}"
            continue
        yield line
        *full, line = _broken(part, _WIDTH - len(indent) - len(_INDENT))
        yield from (f"{indent}{_INDENT}{piece}" for piece in full)
        line = f"{indent}{_INDENT}{line}"
    yield line


def _broken(part: str, width: int) -> list[str]:
    """Return a part in lines, broken between alternatives rather than inside of one."""
    lines = [""]
    for piece in re.split(r"(?<=\|)", part):
        if len(lines[-1]) + len(piece) <= width:
            lines[-1] += piece
        else:
            lines += wrap(piece, width, **_AT_BLANKS)
    return [line for line in lines if line]


def _parts(synopsis: str) -> Iterable[str]:
    """Yield the words of a synopsis, what is in brackets in one piece."""
    part, depth = "", 0
    for word in synopsis.split(" "):
        part = f"{part} {word}" if part else word
        depth += word.count("[") + word.count("<") - word.count("]") - word.count(">")
        if depth <= 0 and part:
            yield part
            part, depth = "", 0
    if part:
        yield part
