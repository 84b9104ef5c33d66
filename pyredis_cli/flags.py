"""The flags before the command, declared once: rows from which the parser, the help and the completions are made.

It knows spelling and values. It does not know what the flags mean together, nor the environment; it opens nothing.
"""

from __future__ import annotations

from pyredis.records import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final, Literal, TypeAlias

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
    NotationName: TypeAlias = Literal["utf8", "escape", "base64", "hex"]

__all__ = [
    "FLAGS",
    "FOR_PROGRAMS",
    "NOTATION_NAMES",
    "NOT_HERE",
    "OUTPUTS",
    "THEMES",
    "WHENS",
    "Flag",
    "UsageError",
    "by_name",
    "is_profile",
    "is_url",
    "read_count",
    "read_encoding",
    "read_filled",
    "read_host",
    "read_name",
    "read_natmap",
    "read_number",
    "read_port",
    "read_seconds",
]

OUTPUTS: tuple[Output, ...] = (
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
)
WHENS: tuple[When, ...] = ("auto", "always", "never")
THEMES: tuple[Theme, ...] = ("dark", "light")
NOTATION_NAMES: tuple[NotationName, ...] = ("utf8", "escape", "base64", "hex")
FOR_PROGRAMS: frozenset[Output] = frozenset({"json", "ndjson", "yaml", "csv", "tsv", "markdown"})
"""The formats that show what a reply is made of: its types or its columns, and what a text of the server says."""


class UsageError(Exception):
    """What was typed cannot mean anything; the message is one line with the mend."""

    code = 2
    """How the program ends."""


# -- how a value is read; a ValueError says what it must be


def _is_number(text: str, digits: int = 9) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= digits


def read_number(text: str) -> int:
    """Return a whole number, 0 or more."""
    if not _is_number(text):
        raise ValueError("must be a whole number, 0 or more")
    return int(text)


def read_port(text: str) -> int:
    """Return a port."""
    if not _is_number(text, 5) or not 1 <= int(text) <= 65535:
        raise ValueError("must be a whole number from 1 to 65535")
    return int(text)


def read_count(text: str) -> int:
    """Return a whole number, 1 or more."""
    if not _is_number(text) or int(text) < 1:
        raise ValueError("must be a whole number, 1 or more")
    return int(text)


def _times(text: str) -> int:
    """Return how often; -1 is for ever."""
    digits = text.removeprefix("-")
    if not _is_number(digits, 18) or not int(digits):
        raise ValueError("must be a whole number, 1 or more, or -1 for ever")
    return -1 if text.startswith("-") else int(text)


def read_seconds(text: str) -> float:
    """Return a number of seconds, 0 or more."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise ValueError("must be a number of seconds, or 0 for no limit")
    return seconds


def _span(text: str) -> float:
    """Return a number of seconds of which 0 is none at all."""
    try:
        return read_seconds(text)
    except ValueError:
        raise ValueError("must be a number of seconds, 0 or more") from None


def read_encoding(text: str) -> str:
    """Return the name of an encoding that keeps ASCII."""
    if text == "utf-8":
        return text
    from pyredis.options import checked_encoding

    try:
        checked_encoding(text)
    except ValueError:
        raise ValueError("must be an encoding that keeps ASCII, such as utf-8, latin-1 or gb18030") from None
    return text


def _one_of(names: tuple[str, ...]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in names:
            raise ValueError(f"must be one of {', '.join(names)}")
        return text

    return read


_ALL_VERBS: Final = "*"


def _verb(text: str) -> str:
    """Return the command that nobody is asked about; empty for all."""
    if not text:  # as of a variable that is not set
        raise ValueError("must name a command behind its =, or stand without one to allow all")
    return "" if text == _ALL_VERBS else text


def _yes_or_no(text: str) -> bool:
    if text.lower() not in ("y", "yes", "n", "no"):
        raise ValueError("must be yes or no")
    return text.lower().startswith("y")


def read_filled(text: str) -> str:
    """Return a text that is not empty."""
    if not text:
        raise ValueError("must not be empty")
    return text


def read_host(text: str) -> str:
    """Return the name or the address of a host."""
    if "://" in text:
        raise ValueError("must be a name or an address; -u takes a URL")
    return read_filled(text)


def read_name(text: str) -> str:
    """Return the name of a connection, which lists of them, one line each, can show."""
    if not text or not all("!" <= character <= "~" for character in text):
        raise ValueError("must be printable ASCII without blanks")
    return text


def _is_path(word: str) -> bool:
    """Whether a word can only be meant as a folder: no command has a slash in its name."""
    return not is_url(word) and (word in (".", "..") or word.startswith("~") or "/" in word)


def _never(word: str) -> bool:
    """Whether the next word is the value: it is glued on, or there is none."""
    return False


def read_natmap(text: str) -> tuple[tuple[str, str], ...]:
    """Return pairs of addresses, ``host:port``: what is named, and where that is reached."""
    pairs = tuple(tuple(pair.split("=")) for pair in text.split(","))
    if not all(len(pair) == 2 and all(map(_is_address, pair)) for pair in pairs):
        raise ValueError("must be HOST:PORT=HOST:PORT, more of them behind commas")
    return pairs  # type: ignore[return-value]


def _is_address(text: str) -> bool:
    host, _, port = text.rpartition(":")
    return bool(host) and _is_number(port, 5) and 1 <= int(port) <= 65535


_OF_SERVERS = frozenset(["redis", "rediss", "valkey", "valkeys"])
_SCHEMES = _OF_SERVERS | {"cluster", "sentinel", "hash", "pubsub", "unix"}


def is_url(word: str) -> bool:
    """Whether a word names a server by a URL: no command does."""
    scheme, colon, _ = word.lower().partition("://")
    name, plus, kind = scheme.partition("+")
    return bool(colon) and name in _SCHEMES and (not plus or (name in _OF_SERVERS and kind.isalpha()))


def is_profile(word: str) -> bool:
    """Whether a word names a profile, ``@prod``: no command does."""
    return len(word) > 1 and word.startswith("@")


# -- the rows


class Flag(NamedTuple):
    """One flag: its spellings, the field of ``Given`` it fills, and what the help says.

    With a ``metavar`` it takes a value, read by ``read``; without one it sets its field to ``sets``. The value is
    glued on or the next word, where ``fits`` is given only if that word fits; ``alone`` is the value when there
    is none, and when ``alone`` is None, there must be one. ``choices`` are all values there are, where they can be
    counted. One that ``repeats`` may be given more than once, and its field is a tuple of all values.
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
    repeats: bool = False

    @property
    def behind(self) -> str:
        """What stands behind its name in a help text: a value that must be glued on has its own ``=``."""
        return "" if self.metavar is None else self.metavar if "=" in self.metavar else f" {self.metavar}"


FLAGS: dict[str, tuple[Flag, ...]] = {
    "Where": (
        Flag(("-h",), "host", "host of the server (127.0.0.1)", "HOST", read_host),
        Flag(("-p",), "port", "port of the server (6379)", "PORT", read_port),
        Flag(("-s",), "socket", "unix socket of the server; wins over -h and -p", "PATH", read_filled),
        Flag(
            ("-u",),
            "url",
            "redis://user:password@host:port/database, cluster://host,... or "
            "sentinel://host,.../group; -n, --user and --pass win",
            "URL",
            read_filled,
        ),
        Flag(("-4",), "ipv4", "prefer IPv4 where a host has both"),
        Flag(("-6",), "ipv6", "prefer IPv6 where a host has both"),
        Flag(
            ("--profile",),
            "profile",
            "the server of a profile in config.toml; @NAME in front of the command says the same",
            "PROFILE",
            read_filled,
        ),
        Flag(
            ("--natmap",),
            "natmap",
            "where nodes are reached that are named otherwise: HOST:PORT=HOST:PORT,...",
            "MAP",
            read_natmap,
        ),
        Flag(("-c",), "cluster", "a cluster: go to the node that has the key, follow redirects"),
        Flag(("-n",), "database", "database number (0)", "DB", read_number),
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
        Flag(
            ("--pass-file",),
            "pass_file",
            "file whose first line is the password; nobody else may be able to read it",
            "FILE",
            read_filled,
        ),
        Flag(("--no-auth-warning",), "no_auth_warning", "no warning about a password on the command line"),
    ),
    "Safety": (
        Flag(("--read-only",), "read_only", "send nothing that could change anything"),
        Flag(
            ("--yes",),
            "yes",
            "run dangerous commands without asking, or those called VERB alone",
            "[=VERB]",
            _verb,
            alone=_ALL_VERBS,
            fits=_never,
            repeats=True,
        ),
        Flag(("--no-input",), "no_input", "ask nothing: what would have to be asked is an error"),
        Flag(("--no-shell",), "no_shell", "no | and > in the REPL"),
    ),
    "TLS": (
        Flag(("--tls",), "tls", "encrypt, and verify the certificate of the server and its name"),
        Flag(("--sni",), "sni", "name to ask for and to verify (the host)", "NAME", read_filled),
        Flag(
            ("--cacert",),
            "cacert",
            "PEM file of the authorities to trust (the system's)",
            "PATH",
            read_filled,
        ),
        Flag(("--cacertdir",), "cacertdir", "folder of the authorities to trust", "DIR", read_filled),
        Flag(("--cert",), "cert", "PEM file of the client's certificate", "PATH", read_filled),
        Flag(("--key",), "key", "PEM file of its key (that of --cert)", "PATH", read_filled),
        Flag(
            ("--no-verify-hostname",),
            "no_verify_hostname",
            "any name will do in a certificate that is trusted",
        ),
        Flag(
            ("--insecure",), "insecure", "verify nothing: whoever is in between reads and changes everything"
        ),
        Flag(
            ("--tls-ciphers",),
            "tls_ciphers",
            "ciphers up to TLS 1.2, as openssl names them",
            "LIST",
            read_filled,
        ),
        Flag(
            ("--tls-ciphersuites",),
            "tls_ciphersuites",
            "ciphersuites of TLS 1.3; before Python 3.15 OPENSSL_CONF chooses them",
            "LIST",
            read_filled,
        ),
    ),
    "How": (
        Flag(
            ("-t", "--conn-timeout"),
            "conn_timeout",
            "limit to connect; 0 is none (5)",
            "SECONDS",
            read_seconds,
        ),
        Flag(
            ("--read-timeout",),
            "read_timeout",
            "limit for a reply, beyond what a command waits by itself; 0 is none (none)",
            "SECONDS",
            read_seconds,
        ),
        Flag(("--pool-size",), "pool_size", "most connections at a time (16)", "N", read_count),
        Flag(("--encoding",), "encoding", "of what is typed and shown (utf-8)", "NAME", read_encoding),
        Flag(("-2",), "resp2", "speak RESP2"),
        Flag(("-3",), "resp3", "speak RESP3"),
        Flag(("--name",), "client_name", "name of the connections, for CLIENT LIST", "NAME", read_name),
    ),
    "The command": (
        Flag(("-r",), "times", "run it N times, -1 for ever", "N", _times),
        Flag(("-i",), "interval", "wait between runs, and between the SCANs of --scan", "SECONDS", _span),
        Flag(("-x",), "last_from_stdin", "standard input is its last argument"),
        Flag(("-X",), "tag", "standard input is its argument TAG", "TAG", read_filled),
        Flag(("--quoted-input",), "quoted_input", 'its arguments are quoted as in the REPL: "\\x00"'),
        Flag(("-e",), "errors", "stop a script at the first error; an error ends in exit code 1 in any case"),
        Flag(
            ("--show-pushes",),
            "show_pushes",
            "whether RESP3 pushes are shown (on a terminal)",
            "yes|no",
            _yes_or_no,
            choices=("yes", "no"),
        ),
    ),
    "redis-cli's modes": (
        Flag(
            ("--eval",),
            "eval",
            "run a script: --eval FILE key ... , arg ...; see lua --help",
            "FILE",
            read_filled,
        ),
        Flag(("--scan",), "scan", "list keys; see find --help, whose flags may follow"),
        Flag(("--pattern",), "pattern", "keys that --scan lists (*)", "PATTERN"),
        Flag(("--quoted-pattern",), "quoted_pattern", "the same, quoted as in the REPL", "PATTERN"),
        Flag(
            ("--count",),
            "count",
            "keys that a SCAN looks at (10 and up to 2500 as long as that is quick)",
            "N",
            read_count,
        ),
        Flag(("--type",), "type", "type of the keys that --scan lists", "TYPE", read_filled),
        Flag(("--limit",), "limit", "most keys that --scan lists", "N", read_count),
        Flag(("--ttl",), "ttl", "keys of --scan that expire, with the seconds they have", sets="ttl"),
        Flag(("--no-ttl",), "ttl", "keys of --scan that never expire", sets="no-ttl"),
        Flag(("--size",), "size", "show the memory of each key that --scan lists"),
        Flag(("--pipe",), "pipe", "send standard input, RESP or inline commands, as it is; see pipe --help"),
        Flag(
            ("--pipe-timeout",),
            "pipe_timeout",
            "limit for --pipe to hear the last reply; 0 is none (30)",
            "SECONDS",
            read_seconds,
        ),
        Flag(("--rdb",), "rdb", "save the data as an RDB file; - is standard output", "FILE", read_filled),
        Flag(("--functions-rdb",), "functions_rdb", "the same with the functions alone", "FILE", read_filled),
        Flag(("--replica", "--slave"), "replica", "show the commands that the server sends its replicas"),
        Flag(("--ping",), "ping", "exit code 0 when the server is there, lets you in and answers"),
        Flag(("--wait",), "wait", "go on trying --ping for so long", "SECONDS", _span),
    ),
    "Output": (
        Flag(
            ("--format",),
            "output",
            f"{', '.join(OUTPUTS)}; the default is human on a terminal, else raw",
            "NAME",
            _one_of(OUTPUTS),
            choices=OUTPUTS,
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
            f"{', '.join(NOTATION_NAMES)}",
            "NAME",
            _one_of(NOTATION_NAMES),
            choices=NOTATION_NAMES,
        ),
        Flag(("-d",), "delimiter", "between the elements of raw output (a line end)", "DELIM"),
        Flag(("-D",), "reply_end", "behind each reply of raw output (a line end)", "DELIM"),
        Flag(("-0",), "zero", "NUL behind each element of raw output, for xargs -0"),
        Flag(("--null",), "null", "the text for nil in raw, csv, tsv and markdown (none)", "STR"),
        Flag(("--reveal",), "reveal", "show the secrets in replies, which are stars on a terminal"),
        Flag(("--no-pager",), "no_pager", "long replies are not paged but cut; :set pager on pages them"),
        Flag(
            ("--color",),
            "color",
            "colours of human output: auto, always or never; auto is on a terminal without NO_COLOR",
            "WHEN",
            _one_of(WHENS),
            choices=WHENS,
        ),
        Flag(
            ("--theme",),
            "theme",
            "colours for a dark or a light background (as COLORFGBG says, else dark)",
            "NAME",
            _one_of(THEMES),
            choices=THEMES,
        ),
        Flag(("--echo",), "echo", "print each command of a script before its reply, secrets as ***"),
    ),
    "Other": (
        Flag(("--verbose",), "verbose", "say more on standard error: a summary at the end of a script"),
        Flag(("--help",), "help", "show this text and exit"),
        Flag(
            ("-v", "--version"), "version", "show the version, and that of a server that is named, and exit"
        ),
    ),
}

_SIZES = "pyredis-cli :keys tells what prefixes take, pyredis-cli find --size what each key does"

NOT_HERE: dict[str, str] = {
    "--bigkeys": _SIZES,
    "--cluster": "CLUSTER INFO and its kin tell what a node knows",
    "--hotkeys": "OBJECT FREQ tells how often a key is used",
    "--intrinsic-latency": "",
    "--keystats": _SIZES,
    "--keystats-samples": "",
    "--latency": "pyredis-cli since 10s tells how long commands take, LATENCY DOCTOR what was slow",
    "--latency-dist": "pyredis-cli since 10s tells how long commands take, LATENCY HISTOGRAM all of it",
    "--latency-history": "pyredis-cli since 10s tells how long commands take, LATENCY HISTORY what was slow",
    "--ldb": "",
    "--ldb-sync-mode": "",
    "--lru-test": "",
    "--memkeys": _SIZES,
    "--memkeys-samples": "",
    "--mptcp": "",
    "--rdma": "",
    "--stat": "pyredis-cli since 10s tells what changes, :watch 1 INFO stats in the REPL repeats it",
    "--vset-recall": "",
}
"""Flags of redis-cli and valkey-cli that this program has not, and what may serve instead."""

_BY_NAME: dict[str, Flag] = {}


def by_name(name: str) -> Flag | None:
    """Return the flag with that spelling."""
    if not _BY_NAME:
        _BY_NAME.update({name: flag for rows in FLAGS.values() for flag in rows for name in flag.names})
    return _BY_NAME.get(name)
