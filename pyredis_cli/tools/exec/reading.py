"""What the lines of a script ask for, many at a time where they are alike.

It knows quoting, comments, variables and the words that are no commands; the facts say which commands may be sent
before the one in front of them is answered. It reads no file and sends nothing.
"""

from __future__ import annotations

import re
from operator import itemgetter

from pyredis.records import NamedTuple
from pyredis_cli.core.lines import LineError, counted
from pyredis_cli.core.rows import Rows
from pyredis_cli.splitting import SplitError, split, split_bytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Final

    from pyredis.commands.spec import Spec, Table
    from pyredis_cli.core.variables import Variables
    from pyredis_cli.settings import Settings

__all__ = ["BadLine", "Many", "One", "Reader", "is_connect", "is_goodbye", "make_reader", "shown"]

_first: Final = itemgetter(0)
_MOST_NAMES: Final = 1000
_LONGEST_NAME: Final = 64
_ODD: Final = re.compile(rb"[\"'\v\f]").search
"""Quotes, and what is a blank between words alone: lines without these are split at their blanks."""

_QUOTED: Final = re.compile(
    rb"""(?: [ \t\r]*+ (?: [^ \t\r\v\f"'\\]++ | "[^"\\\v\f]*+" | '[^'\\\v\f]*+' ) (?=[ \t\r]|\Z) )*+ [ \t\r]*+""",
    re.VERBOSE,
).fullmatch
"""A line of words that are bare or in quotes throughout, without backslashes."""

_NO_BLANKS: Final = bytes(set(range(256)) - set(b" \t\n\r\v\f"))

_WORDS: Final = re.compile(rb"""[ \t\r]*+(?:"([^"]*+)"|'([^']*+)'|([^ \t\r"']++))""").findall


class BadLine(Exception):
    """A line that cannot be read; ``column`` is 0 where it is not known."""

    def __init__(self, line: int, message: str, column: int = 0) -> None:
        super().__init__(line, message, column)
        self.line = line
        self.message = message
        self.column = column


class Many(NamedTuple):
    """Commands that change no state and do not block, their lines, and the names that they were given."""

    argvs: Sequence[tuple[bytes, ...]]
    lines: Sequence[int]
    names: frozenset[bytes]


class One(NamedTuple):
    """A command to be run by itself, ``times`` times."""

    argv: tuple[bytes, ...]
    line: int
    times: int = 1


class Reader:
    """Makes steps of lines; with ``singly`` each is one of its own."""

    def __init__(
        self,
        table: Table,
        encoding: str,
        variables: Variables | None = None,
        *,
        singly: bool = False,
        read_only: bool = False,
    ) -> None:
        self._table = table
        self._encoding = encoding
        self._variables = variables
        self._singly = singly
        self._read_only = read_only
        self._plain: dict[bytes, Spec] = {}
        """Commands that may be sent before the one in front of them is answered, as they were typed."""

    def steps(self, block: bytes, first: int, *, comments: bool) -> Iterator[Many | One]:
        """Yield what the lines ask for, of which the first has that number; BadLine once one cannot be read."""
        many = self._alike(block, first)
        if many is not None:
            yield many
            return
        argvs: list[tuple[bytes, ...]] = []
        lines: list[int] = []
        bad: BadLine | None = None
        for number, line in enumerate(block.split(b"\n"), first):
            words = self._simple(line)
            if words and words[0] in self._plain:
                argvs.append(words)
                lines.append(number)
                continue
            if words == () or (comments and line.lstrip().startswith(b"#")):
                continue
            try:
                one = self._one(line, number)
            except BadLine as error:
                bad = error
                break
            if not one.argv:
                continue
            if one.times == 1 and self._is_plain(one.argv):
                argvs.append(one.argv)
                lines.append(number)
                continue
            if argvs:
                yield Many(argvs, lines, frozenset(map(_first, argvs)))
                argvs, lines = [], []
            yield one
        if argvs:
            yield Many(argvs, lines, frozenset(map(_first, argvs)))
        if bad is not None:
            raise bad

    def _simple(self, line: bytes) -> tuple[bytes, ...] | None:
        """Return the words of a line that need no closer look; None when they do.

        No character of any encoding ends in the byte of a quote or a blank; of a backslash some do.
        """
        if self._variables is not None and b"${" in line:
            return None
        if not _ODD(line):
            return tuple(line.split())
        if _QUOTED(line) is None:
            return None
        return tuple([double or single or bare for double, single, bare in _WORDS(line)])

    def _alike(self, block: bytes, first: int) -> Many | None:
        """Return the lines as commands when all may be sent at once and no line needs a closer look."""
        if self._singly or not block.endswith(b"\n") or _ODD(block):
            return None
        if self._variables is not None and b"${" in block:
            return None
        argvs = _rows(block) or list(map(tuple, map(bytes.split, block[:-1].split(b"\n"))))
        if not isinstance(argvs, Rows) and not all(argvs):
            return None
        names = frozenset(argvs.words[:: argvs.width] if isinstance(argvs, Rows) else map(_first, argvs))
        for name in names - self._plain.keys():
            if not self._is_plain(next(argv for argv in argvs if argv[0] == name)) or name not in self._plain:
                return None
        return Many(argvs, range(first, first + len(argvs)), names)

    def _one(self, line: bytes, number: int) -> One:
        try:
            order = counted(self._words(line))
        except SplitError as error:
            raise BadLine(number, error.message, error.column) from None
        except LineError as error:
            raise BadLine(number, str(error)) from None
        if order.argv and order.argv[0].startswith(b":"):
            raise BadLine(number, f"{shown(order.argv[0])} is a word of the prompt; a script has commands")
        return One(order.argv, number, order.times)

    def _words(self, line: bytes) -> Sequence[bytes]:
        """Return the words of a line, byte for byte as they came; the column of a SplitError counts characters."""
        if (simple := self._simple(line)) is not None:
            return simple
        # A character of gb18030 may end in the byte of a backslash, so quoting is looked for in text.
        text = line.decode(self._encoding, "surrogateescape")
        if self._variables is not None and "${" in text:
            return self._variables.split(text)
        if text.encode(self._encoding, "surrogateescape") == line:
            return split(text, self._encoding)
        return split_bytes(line)

    def _is_plain(self, argv: tuple[bytes, ...]) -> bool:
        """Whether the command changes no state and does not block; of an unknown one nobody can tell."""
        if self._singly:
            return False
        if argv[0] in self._plain:
            return True
        spec = self._table.find(argv)
        # With subcommands it is the family of one that nobody knows.
        if spec is None or spec.subcommands or spec.effect is not None or spec.blocking:
            return False
        if self._read_only and not _is_sent_as_it_is(argv, spec):
            return False
        if " " not in spec.name and len(self._plain) < _MOST_NAMES:
            self._plain[argv[0]] = spec
        return True


def _is_sent_as_it_is(argv: tuple[bytes, ...], spec: Spec) -> bool:
    """Whether a read-only session sends the command with whatever arguments, and no other in its place."""
    from pyredis.commands.reading import reading
    from pyredis.exceptions import ReadOnlyRefused

    try:
        return spec.reads in (None, "always") and reading(argv) is argv
    except ReadOnlyRefused:
        return False


def _rows(block: bytes) -> Rows | None:
    """Return the lines as commands if each has as many words, with one blank between and nothing else."""
    end = block.find(b"\n")
    width = block.count(b" ", 0, end) + 1
    words = block.split()
    count, left = divmod(len(words), width)
    # With all else taken away, every line is its blanks and its end; no word is missing, so no blank is too many.
    if left or block.translate(None, _NO_BLANKS) != (b" " * (width - 1) + b"\n") * count:
        return None
    return Rows(words, width)


def make_reader(
    settings: Settings, table: Table, values: Sequence[tuple[str, str]], *, singly: bool = False
) -> Reader:
    """Return what reads the lines of a script in which the variables have these values."""
    variables = None
    if values:
        from pyredis_cli.core.variables import Variables

        variables = Variables(dict(values), settings.encoding)
    return Reader(table, settings.encoding, variables, singly=singly, read_only=settings.read_only)


def is_goodbye(argv: tuple[bytes, ...]) -> bool:
    """Whether a line ends the script, as in redis-cli; the server is not told."""
    return len(argv) == 1 and argv[0].lower() in (b"quit", b"exit")


def is_connect(argv: tuple[bytes, ...]) -> bool:
    """Whether a line leads to another server."""
    return bool(argv) and argv[0].lower() == b"connect"


def shown(word: bytes) -> str:
    """Return the name of an unknown command for a line that is said: no longer than a name, and in one line."""
    from pyredis_cli.render.escape import printable

    rest = "..." if len(word) > _LONGEST_NAME else ""
    return printable(word[:_LONGEST_NAME].decode("utf-8", "surrogateescape")) + rest
