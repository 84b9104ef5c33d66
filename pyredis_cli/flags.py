"""The flags before the command, declared once: rows from which the parser and the help are made.

It knows spelling, values and redis-cli's habits: ``-h`` is the host and a last ``-h`` asks for help, the first
word that is no flag ends the flags, a URL may stand in front of the command. It does not know what the flags
mean together, nor the environment; it opens nothing.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal, NamedTuple, TypeAlias, get_args

import click

from pyredis.options import checked_encoding

__all__ = [
    "FLAGS",
    "FOR_PROGRAMS",
    "Flag",
    "Given",
    "NotationName",
    "Output",
    "Theme",
    "UsageError",
    "When",
    "help_text",
    "parse",
]

Output: TypeAlias = Literal[
    "human",
    "redis",
    "redis-csv",
    "raw",
    "json",
    "quoted-json",
    "ndjson",
    "yaml",
    "csv",
    "tsv",
    "markdown",
    "resp",
]
When: TypeAlias = Literal["auto", "always", "never"]
Theme: TypeAlias = Literal["dark", "light"]
FOR_PROGRAMS: frozenset[Output] = frozenset({"json", "ndjson", "yaml", "csv", "tsv", "markdown"})
"""The formats that show what a reply is made of: its types or its columns, and what a text of the server says."""
NotationName: TypeAlias = Literal["utf8", "escape", "base64", "hex"]


class UsageError(Exception):
    """What was typed cannot mean anything; the message is one line with the mend."""


# -- how a value is read; a ValueError says what it must be


def _number(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise ValueError("must be a whole number, 0 or more")
    return int(text)


def _port(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", text) or not 1 <= int(text) <= 65535:
        raise ValueError("must be a whole number from 1 to 65535")
    return int(text)


def _size(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text) or int(text) < 1:
        raise ValueError("must be a whole number, 1 or more")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise ValueError("must be a number of seconds, or 0 for no limit")
    return seconds


def _encoding(text: str) -> str:
    try:
        checked_encoding(text)
    except ValueError:
        raise ValueError("must be an encoding that keeps ASCII, such as utf-8, latin-1 or gb18030") from None
    return text


def _one_of(names: tuple[str, ...], text: str) -> str:
    if text not in names:
        raise ValueError(f"must be one of {', '.join(names)}")
    return text


def _filled(text: str) -> str:
    if not text:
        raise ValueError("must not be empty")
    return text


def _is_path(word: str) -> bool:
    """Whether a word can only be meant as a folder: no command has a slash in its name."""
    return not _URL.match(word) and (word in (".", "..") or word.startswith("~") or "/" in word)


_URL = re.compile(
    r"(?:(?:rediss?|valkeys?)(?:\+[a-z]+)?|cluster|sentinel|hash|pubsub|unix)://", re.IGNORECASE
)


# -- the rows


class Flag(NamedTuple):
    """One flag: its spellings, the field of ``Given`` it fills, and what the help says.

    With a ``metavar`` it takes a value, read by ``read``; without one it sets its field to ``sets``. The value is
    glued on or the next word, where ``fits`` is given only if that word fits; ``alone`` is the value when there
    is none, and when ``alone`` is None, there must be one. ``choices`` are all values there are, where they can be
    counted.
    """

    names: tuple[str, ...]
    fills: str
    help: str
    metavar: str | None = None
    read: Callable[[str], object] = str
    sets: object = True
    alone: str | None = None
    fits: Callable[[str], bool] | None = None
    choices: tuple[str, ...] = ()

    @property
    def takes_next(self) -> bool:
        """Whether the next word is its value, whatever that word is."""
        return self.metavar is not None and self.fits is None


FLAGS: dict[str, tuple[Flag, ...]] = {
    "Where": (
        Flag(("-h",), "host", "host of the server (127.0.0.1)", "HOST", _filled),
        Flag(("-p",), "port", "port of the server (6379)", "PORT", _port),
        Flag(("-s",), "socket", "unix socket of the server; wins over -h and -p", "PATH", _filled),
        Flag(
            ("-u",),
            "url",
            "redis://user:password@host:port/database, cluster://host,... or "
            "sentinel://host,.../group; -n, --user and --pass win",
            "URL",
            _filled,
        ),
        Flag(("-c",), "cluster", "a cluster: go to the node that has the key, follow redirects"),
        Flag(("-n",), "database", "database number (0)", "DB", _number),
        Flag(
            ("--embedded",),
            "embedded",
            "a private server, kept in DIR or thrown away",
            "[DIR]",
            alone="",
            fits=_is_path,
        ),
    ),
    "As whom": (
        Flag(
            ("--user",), "username", "user name; asks for the password when none is given", "NAME", alone=""
        ),
        Flag(("-a", "--pass"), "password", "password; others can see it, better use --askpass", "PASSWORD"),
        Flag(("--askpass",), "askpass", "ask for the password; wins over --pass and REDISCLI_AUTH"),
        Flag(("--no-auth-warning",), "no_auth_warning", "no warning about a password on the command line"),
    ),
    "How": (
        Flag(
            ("-t", "--conn-timeout"), "conn_timeout", "limit to connect; 0 is none (5)", "SECONDS", _seconds
        ),
        Flag(
            ("--read-timeout",),
            "read_timeout",
            "limit for a reply, beyond what a command waits by itself; 0 is none (none)",
            "SECONDS",
            _seconds,
        ),
        Flag(("--pool-size",), "pool_size", "most connections at a time (16)", "N", _size),
        Flag(("--encoding",), "encoding", "of what is typed and shown (utf-8)", "NAME", _encoding),
        Flag(("-2",), "resp2", "speak RESP2"),
        Flag(("-3",), "resp3", "speak RESP3"),
    ),
    "Output": (
        Flag(
            ("--format",),
            "output",
            f"{', '.join(get_args(Output))}; the default is human on a terminal, else raw",
            "NAME",
            partial(_one_of, get_args(Output)),
            choices=get_args(Output),
        ),
        Flag(("--raw",), "output", "the bytes that came; the default when not on a terminal", sets="raw"),
        Flag(("--no-raw",), "output", "redis-cli's formatted text, on a terminal or not", sets="redis"),
        Flag(("--json",), "output", "JSON; speaks RESP3 unless -2 is given", sets="json"),
        Flag(("--quoted-json",), "output", "JSON of ASCII alone, bytes as \\xff", sets="quoted-json"),
        Flag(
            ("--csv",),
            "output",
            "redis-cli's comma-separated line, flat, C-escaped; --format csv is a table",
            sets="redis-csv",
        ),
        Flag(
            ("--bytes",),
            "notation",
            "how json, ndjson, yaml, csv, tsv and markdown write bytes that are not UTF-8: "
            f"{', '.join(get_args(NotationName))}",
            "NAME",
            partial(_one_of, get_args(NotationName)),
            choices=get_args(NotationName),
        ),
        Flag(("-d",), "delimiter", "between the elements of raw output (a line end)", "DELIM"),
        Flag(("-D",), "reply_end", "behind each reply of raw output (a line end)", "DELIM"),
        Flag(("-0",), "zero", "NUL behind each element of raw output, for xargs -0"),
        Flag(("--null",), "null", "the text for nil in raw, csv, tsv and markdown (none)", "STR"),
        Flag(("--no-pager",), "no_pager", "long replies are not paged but cut; :set pager on pages them"),
        Flag(
            ("--color",),
            "color",
            "colours of human output: auto, always or never; auto is on a terminal without NO_COLOR",
            "WHEN",
            partial(_one_of, get_args(When)),
            choices=get_args(When),
        ),
        Flag(
            ("--theme",),
            "theme",
            "colours for a dark or a light background (as COLORFGBG says, else dark)",
            "NAME",
            partial(_one_of, get_args(Theme)),
            choices=get_args(Theme),
        ),
        Flag(("--echo",), "echo", "print each command of a script before its reply, secrets as ***"),
        Flag(("-e",), "errors", "accepted for redis-cli's sake: an error always ends in an exit code"),
    ),
    "Other": (
        Flag(("--help",), "help", "show this text and exit"),
        Flag(("-v", "--version"), "version", "show the version and exit"),
    ),
}

_BY_NAME = {name: flag for rows in FLAGS.values() for flag in rows for name in flag.names}


@dataclass(frozen=True, slots=True)
class Given:
    """What was typed: the flags, None where one was not given, and the words of the command.

    An empty ``username`` is one to be asked for; an empty ``embedded`` is a server in a temporary folder; 0
    seconds are no limit.
    """

    words: tuple[str, ...] = ()
    host: str | None = None
    port: int | None = None
    socket: str | None = None
    url: str | None = field(default=None, repr=False)
    cluster: bool = False
    database: int | None = None
    embedded: str | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    askpass: bool = False
    no_auth_warning: bool = False
    conn_timeout: float | None = None
    read_timeout: float | None = None
    pool_size: int | None = None
    encoding: str | None = None
    resp2: bool = False
    resp3: bool = False
    output: Output | None = None
    delimiter: str | None = None
    reply_end: str | None = None
    zero: bool = False
    null: str | None = None
    notation: NotationName | None = None
    no_pager: bool = False
    color: When | None = None
    theme: Theme | None = None
    echo: bool = False
    errors: bool = False
    help: bool = False
    version: bool = False


# -- from words to what was given


def parse(args: Sequence[str]) -> Given:
    """Return what the arguments of the program say; UsageError when they cannot be understood."""
    try:
        params = _command().make_context("pyredis-cli", _habits(args)).params
    except click.NoSuchOption as error:
        raise _unrecognized(error.option_name, _similar(error.possibilities)) from None
    except click.BadOptionUsage as error:
        if error.option_name == "-h":
            return Given(help=True)
        flag = _BY_NAME[error.option_name]
        raise _unrecognized(error.option_name, f"it takes {flag.metavar or 'no value'}") from None
    return Given(**{name: value for name, value in params.items() if value is not None})


def _unrecognized(name: str, hint: str) -> UsageError:
    return UsageError(f"Unrecognized option or bad number of args for: '{name}'; {hint}")


def _similar(names: Sequence[str] | None) -> str:
    return f"did you mean {' or '.join(names)}? See --help" if names else "see --help"


def _command() -> click.Command:
    options: list[click.Parameter] = [_option(flag) for rows in FLAGS.values() for flag in rows]
    words = click.Argument(["words"], nargs=-1, type=click.UNPROCESSED)
    return click.Command(
        "pyredis-cli",
        params=[*options, words],
        add_help_option=False,
        context_settings={"allow_interspersed_args": False, "help_option_names": []},
    )


def _option(flag: Flag) -> click.Option:
    names = [*flag.names, flag.fills]
    if flag.metavar:
        return click.Option(names, type=click.UNPROCESSED, callback=partial(_value, flag))
    return click.Option(names, is_flag=True, flag_value=flag.sets, default=None)


def _value(flag: Flag, _ctx: click.Context, _param: click.Parameter, text: str | None) -> object:
    """Return what the flag's row reads from a value; None when the flag was not given."""
    if text is None:
        return None
    try:
        return flag.read(text)
    except ValueError as error:
        raise UsageError(f"{'/'.join(flag.names)} {error}, not {text!r}") from None


def _habits(args: Sequence[str]) -> list[str]:
    """Return the arguments with the habits that click has no words for spelled out.

    A URL in front of the command gets its ``-u``; a flag that may stand alone, and does, gets its value.
    """
    spelled: list[str] = []
    rest = list(args)
    while rest:
        word = rest.pop(0)
        flag = _BY_NAME.get(word)
        if _URL.match(word) and "-u" not in spelled:
            spelled += ["-u", word]
        elif not word.startswith("-") or word in ("-", "--"):
            return [*spelled, word, *rest]
        elif flag is None or flag.metavar is None:
            spelled.append(word)
        elif rest and (flag.fits is None or flag.fits(rest[0])):
            spelled += [word, rest.pop(0)]
        else:
            spelled.append(word if flag.alone is None else f"{word}={flag.alone}")
    return spelled


# -- help

_EXAMPLES = """\
Examples:
  pyredis-cli                          type commands and see replies
  pyredis-cli -p 7000 GET greeting     run one command
  pyredis-cli < commands.txt           run one command per line
  pyredis-cli --embedded               try it without a server
"""


def help_text(tools: Iterable[tuple[str, str]], columns: int) -> str:
    """Return the help: examples first, then the tools given as name and summary, then the flags."""
    formatter = click.HelpFormatter(width=max(40, min(columns, 100)))
    formatter.write("Usage: pyredis-cli [FLAGS] [COMMAND [ARG ...]]\n\n")
    formatter.write(_EXAMPLES)
    with formatter.section("Tools"):
        formatter.write_dl(list(tools))
    for title, rows in FLAGS.items():
        with formatter.section(title):
            formatter.write_dl([(_spelling(flag), flag.help) for flag in rows])
    return formatter.getvalue()


def _spelling(flag: Flag) -> str:
    names = ", ".join(flag.names)
    return f"{names} {flag.metavar}" if flag.metavar else names
