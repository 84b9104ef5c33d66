"""The flags of the program's own tools, behind their names, declared once as the flags in front are."""

from __future__ import annotations

from pyredis.records import NamedTuple
from pyredis_cli.flags import Flag, read_count, read_filled, read_seconds

__all__ = ["TOOL_FLAGS", "ToolFlags"]


class ToolFlags(NamedTuple):
    """How a tool is called, what its help says of it, and its flags.

    ``operands`` are what may stand behind the flags, as the help calls it; a ``FILE`` is a file, and of
    ``KEY ...`` there may be many. Without ``mixed`` the first word that is no flag ends the flags.
    """

    usage: tuple[str, ...]
    about: str
    flags: tuple[Flag, ...] = ()
    operands: tuple[str, ...] = ()
    mixed: bool = True


def _variable(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise ValueError("must be NAME=VALUE, the name of letters, digits and _")
    return name, value


_EXEC = ToolFlags(
    ("exec [COMMAND [ARG ...]]", "exec [-f FILE] ..."),
    "Run one command, or, without one, the commands of files or of standard input: one per line, quoted as in "
    "redis-cli. What follows the flags is the command. Replies go to standard output, as they came when that is "
    "not a terminal. Exit code: 0, or 1 when the server replied with an error; pyredis-cli --help tells the flags "
    "in front.",
    (
        Flag(
            ("-f", "--file"),
            "files",
            "run the commands in FILE; # begins a comment, - is standard input",
            "FILE",
            read_filled,
            repeats=True,
        ),
        Flag(
            ("--set",),
            "variables",
            "${NAME} in the commands of a script is VALUE",
            "NAME=VALUE",
            _variable,
            repeats=True,
        ),
        Flag(("--stop-on-error",), "stops", "stop at the first error; commands are sent one at a time then"),
        Flag(("--dry-run",), "dry_run", "print what would be sent; with --format resp, its bytes"),
        Flag(
            ("--count",), "count", "stop after N messages of SUBSCRIBE, MONITOR and the like", "N", read_count
        ),
        Flag(
            ("--for",),
            "seconds",
            "stop so many seconds after the first message was asked for",
            "SECONDS",
            read_seconds,
        ),
        Flag(("--verbose",), "verbose", "say at the end how many commands were run, and how fast"),
    ),
    ("COMMAND",),
    mixed=False,
)
_FIND = ToolFlags(
    ("find [PATTERN]",),
    "List the keys that match PATTERN, by SCAN, one per line, byte for byte when standard output is not a "
    "terminal. A key that exists all the while is listed for certain, but may be listed twice. In lines the "
    "key stands last, behind its seconds and its bytes; records (--format json, csv, ...) have names. With -c "
    "it is all primaries of the cluster.",
    (
        Flag(
            ("--type",),
            "type",
            "keys of that type alone",
            "TYPE",
            read_filled,
            choices=("string", "list", "set", "zset", "hash", "stream"),
        ),
        Flag(
            ("--count",),
            "count",
            "keys that a SCAN looks at (10 and up to 2500 as long as that is quick)",
            "N",
            read_count,
        ),
        Flag(("--limit",), "limit", "most keys to list", "N", read_count),
        Flag(("--ttl",), "ttl", "keys that expire, with the seconds they have", sets="ttl"),
        Flag(("--no-ttl",), "ttl", "keys that never expire", sets="no-ttl"),
        Flag(("--size",), "size", "show the memory of each key"),
        Flag(("-0",), "zero", "NUL behind each key, for xargs -0"),
    ),
    ("PATTERN",),
)
_PIPE = ToolFlags(
    ("pipe < FILE",),
    "Send standard input, commands as RESP or as lines, to the server as it is, count the replies and show each "
    "error with the number of its command. What cannot be read is told with the number of the command and the "
    "byte, and nothing from there on is run. Exit code: 0, or 1 when there were errors.",
    (
        Flag(
            ("--timeout", "--pipe-timeout"),
            "timeout",
            "limit to hear the next reply once all is sent; 0 is none (30)",
            "SECONDS",
            read_seconds,
        ),
    ),
)
_RDB = ToolFlags(
    ("rdb FILE",),
    "Save what the server has as an RDB file; - is standard output. The file is whole or not there: it gets its "
    "name, or takes the place of one that was there, when everything has come. Its checksum is not verified; "
    "redis-check-rdb does that.",
    (Flag(("--functions",), "functions", "its functions alone, not its keys"),),
    ("FILE",),
)
_REPLICA = ToolFlags(
    ("replica",),
    "Show the commands that the server sends its replicas, as they come, one per line: as redis-cli does, or in "
    "another --format. A link that is lost is made anew and goes on where it was. The server counts it as a "
    "replica, so WAIT and min-replicas-to-write do, too.",
)
_LUA = ToolFlags(
    ("lua FILE [KEY ...] [, ARG ...]", "lua --function NAME [KEY ...] [, ARG ...]"),
    "Run the Lua script in FILE, - is standard input, or call a function. A comma between blanks divides keys and "
    "arguments. The server is told the SHA1 of the script, and the script when it does not know that. Its reply "
    "is shown as that of any command; an error names the line of the file.",
    (
        Flag(("--read-only",), "read_only", "by EVAL_RO or FCALL_RO, which refuse to write (Redis 7.0)"),
        Flag(
            ("--function",),
            "function",
            "call the function NAME, which a library of the server has",
            "NAME",
            read_filled,
        ),
    ),
    ("FILE", "KEY ..."),
    mixed=False,
)
_COMPLETION = ToolFlags(
    ("completion bash|zsh|fish",), "Print the completion script of a shell.", (), ("SHELL",)
)
_HINT = ToolFlags(
    ("hint LINE", "hint --lines FILE"),
    "Print what is still to be typed of a line: pyredis-cli hint 'SET key value EX ' prints seconds [NX|XX] "
    "[GET]. A blank at the end of the line says that its last word is finished. It is an empty line when there is "
    "nothing to say. No server is asked.",
    (
        Flag(
            ("--lines",),
            "lines",
            "print one hint for each line of FILE; - is standard input",
            "FILE",
            read_filled,
        ),
    ),
)

_PEEK = ToolFlags(
    ("peek KEY ...",),
    "Show what a key holds and what the server knows of it: type, length, time to live, encoding, memory, idle "
    "time, then the value; of a large one some elements, from both ends where it has ends. What is large is never "
    "read whole. Exit code: 0, or 1 when there is no such key.",
    (Flag(("--count",), "count", "most elements to show of a key (20)", "N", read_count),),
    ("KEY ...",),
)

_KEYS = ToolFlags(
    (":keys [PREFIX]",),
    "Show the prefixes of the keys as a tree, with how many keys there are of each and what memory they take, by "
    "a sample that takes two seconds at most.",
    (
        Flag(("--by",), "by", "what divides the parts of a name (:)", "SEPARATOR", read_filled),
        Flag(("--depth",), "depth", "parts of a name that count (3)", "N", read_count),
        Flag(("--for",), "seconds", "time that may be spent (2)", "SECONDS", read_seconds),
        Flag(("--count",), "count", "most keys to look at (100000)", "N", read_count),
    ),
    ("PREFIX",),
)

_SETTINGS = ToolFlags(
    ("settings init", "settings show [--origin] [@PROFILE]", "settings check"),
    "What config.toml says. init writes a file with all there is, commented out, never over one that is there. "
    "show tells what holds for a start with these flags, and with --origin which flag, variable or line says so; "
    "passwords are *** and are not looked up. check finds the mistakes of all files, with file and line. Exit "
    "code: 0, or 1 when there are mistakes. No server is asked.",
    (Flag(("--origin",), "origin", "where each value comes from"),),
    ("ACTION", "PROFILE"),
)
_SINCE = ToolFlags(
    ("since SPAN",),
    "Show what changes on the server within a span of time (60s, 5m, 1h): operations, latency, CPU, memory, keys, "
    "clients, errors, the commands that cost most, what is new in the slow log. Ctrl-C ends it sooner and shows "
    "what there is by then. --format json has all the numbers.",
    (),
    ("SPAN",),
)

_ALL = ToolFlags(
    ("all [--primaries] [--replicas] COMMAND [ARG ...]",),
    "Run a command at every node of the cluster that the server is in, or at a primary and its replicas, and show "
    "a row for each. A write is for the primaries, a read for all, unless it is said where. "
    "Exit code: 7 when it failed at some nodes, and what the first failure means when it failed at all of them.",
    (
        Flag(("--primaries",), "primary", "at the primaries alone"),
        Flag(("--replicas",), "replica", "at the replicas alone"),
    ),
    ("COMMAND",),
    mixed=False,
)
_EXPLAIN = ToolFlags(
    ("explain COMMAND [ARG ...]",),
    "Say what a command would do and what it would cost, without running it: its complexity with the size that "
    "its keys have now, an estimate of the time from what the server took for a part, slots and nodes, whether "
    "the user may run it, and what would be gentler. Only commands that read are sent, and of the command itself "
    "nothing that may be a password.",
    (),
    ("COMMAND",),
    mixed=False,
)

TOOL_FLAGS: dict[str, ToolFlags] = {
    "exec": _EXEC,
    "find": _FIND,
    "pipe": _PIPE,
    "rdb": _RDB,
    "replica": _REPLICA,
    "lua": _LUA,
    "peek": _PEEK,
    "since": _SINCE,
    "all": _ALL,
    "explain": _EXPLAIN,
    "completion": _COMPLETION,
    "settings": _SETTINGS,
    "hint": _HINT,
    ":keys": _KEYS,
}
"""By the names of tools."""
