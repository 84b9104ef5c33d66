"""The names of the program's own tools and of the REPL's own words, and where each one lives.

A row is a string of the form that entry points use; nothing is imported before it is named. No tool bears the
first word of a Redis command, so that every command works without ``exec`` in front.
"""

from __future__ import annotations

from pyredis.records import NamedTuple, cast
from pyredis_cli.settings import Settings
from pyredis_cli.streams import Streams

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Literal, TypeAlias

    from pyredis_cli.given import Given

__all__ = [
    "DECODERS",
    "META",
    "MODES",
    "PREFERENCES",
    "PREFERENCES_SHOWN",
    "PREFERENCE_MISTAKES",
    "REPL",
    "SINCE",
    "TOOLS",
    "VIEWS",
    "DecoderRow",
    "MetaRow",
    "Repl",
    "Row",
    "Tool",
    "Unsettled",
    "load",
    "load_mode",
    "load_repl",
    "load_tool",
    "load_unsettled",
]

Tool: TypeAlias = "Callable[[Settings, Streams, Sequence[str]], int]"
"""Is given the words after its name; returns the exit code."""

Unsettled: TypeAlias = "Callable[[Given, Mapping[str, str], Streams, Sequence[str]], int]"
"""The same before anything is settled: it is given what was typed and the environment."""

Repl: TypeAlias = "Callable[[Settings, Streams], int]"


class Row(NamedTuple):
    """Where something lives, ``"module:attribute"``, and what it is for.

    A tool that is not ``settled`` talks with no server, so no password is looked up for it: it is given what was
    typed in the place of settings.
    """

    where: str
    summary: str
    settled: bool = True


TOOLS: dict[str, Row] = {
    "exec": Row("pyredis_cli.tools.exec:run", "run one command, or the commands on standard input"),
    "find": Row("pyredis_cli.tools.find:run", "list the keys that match a pattern"),
    "pipe": Row("pyredis_cli.tools.pipe:run", "send standard input as it is, count replies and errors"),
    "rdb": Row("pyredis_cli.tools.rdb:run", "save what the server has as an RDB file"),
    "replica": Row("pyredis_cli.tools.replica:run", "show the commands that the server sends its replicas"),
    "lua": Row("pyredis_cli.tools.lua:run", "run a Lua script or call a function"),
    "peek": Row("pyredis_cli.tools.peek:run", "show what a key holds and how it is stored"),
    # KEYS is a command, in whichever case it is typed; none begins with a colon.
    ":keys": Row("pyredis_cli.tools.keys:run", "show the prefixes of keys, with memory"),
    "since": Row("pyredis_cli.tools.since:run", "show what happens on a server within a span of time"),
    "settings": Row(
        "pyredis_cli.tools.settings:run", "show, check or begin what config.toml says", settled=False
    ),
    "all": Row("pyredis_cli.tools.all:run", "run a command at every node and show a row for each"),
    "explain": Row("pyredis_cli.tools.explain:run", "say what a command would do and cost, not run it"),
    "hint": Row("pyredis_cli.tools.hint:run", "print what is still to be typed of a line", settled=False),
    "completion": Row(
        "pyredis_cli.tools.completion:run", "print the completion script of a shell", settled=False
    ),
}

MODES: dict[str, Row] = {
    "ping": Row("pyredis_cli.tools.ping:run", "ask whether the server is there and lets you in"),
    "version": Row("pyredis_cli.tools.version:run", "print what server that is"),
}
"""Tools that have a flag but no name: it would be that of a command."""

_PREFERENCES = "pyredis_cli.repl.configured"
PREFERENCES = Row(f"{_PREFERENCES}:described", "what the REPL may prefer")
PREFERENCE_MISTAKES = Row(f"{_PREFERENCES}:mistakes", "what is wrong with a table of preferences")
PREFERENCES_SHOWN = Row(f"{_PREFERENCES}:shown", "what the REPL prefers, and which file says so")

REPL = Row("pyredis_cli.repl.loop:run", "type commands and see replies")

SINCE = Row("pyredis_cli.tools.since:Comparison", "compare two looks at a server")


Carried: TypeAlias = "Literal['', 'words', 'command']"


class MetaRow(NamedTuple):
    """A word of the REPL: where it is judged, how it is written, what it is for, in a line and in some more.

    ``completes`` is where what may stand behind it is known, empty when nothing may. With ``tool`` there is a tool
    for the same purpose, whose flags may stand behind it, and ``where`` is what makes its report; with ``sends``
    that sends the command behind the flags. ``carries`` is what stands behind the word that may hold a secret,
    such as a URL; ``"command"`` is one that is looked at or run.
    """

    where: str
    usage: str
    summary: str
    help: str = ""
    completes: str = ""
    tool: str = ""
    sends: bool = False
    carries: Carried = ""

    @property
    def completed(self) -> Row:
        return Row(self.completes, self.summary)


_HELP = MetaRow(
    "pyredis_cli.repl.helping:judge",
    "help, ? [WORD|COMMAND|@GROUP]",
    "this text, a word, a command, or a group",
    "It works without a server: what a server tells of its commands is added to it.",
    "pyredis_cli.repl.helping:behind",
    carries="words",
)
_QUIT = MetaRow(
    "pyredis_cli.repl.judges:leave", "quit, exit", "leave", "Ctrl-D on an empty line does the same."
)

META: dict[str, MetaRow] = {
    "help": _HELP,
    "?": _HELP,
    "connect": MetaRow(
        "pyredis_cli.repl.judges:connect",
        "connect HOST PORT | URL | @NAME",
        "go on with another server",
        "HOST PORT keeps the database, the user and the password. A URL, redis://user:password@host:port/0, "
        "says it all itself: what it leaves out is not taken from the session. rediss:// is TLS, unix:///path "
        "a socket. @NAME is a profile of config.toml, with all that it says.",
        "pyredis_cli.repl.judges:reachable",
        carries="words",
    ),
    "peek": MetaRow(
        "pyredis_cli.tools.peek:report",
        "peek KEY ... [--count N]",
        "show what a key holds, how it is stored",
        "Its type, its length, how long it lives, how it is stored, what memory it takes, when it was used last, "
        "then its value; of a large one 20 elements, or N, from both ends where it has ends. What is large is "
        "never read whole, and to be looked at does not count as being used (since Redis 7.2).",
        "pyredis_cli.repl.reports:behind_peek",
        "peek",
    ),
    ":all": MetaRow(
        "pyredis_cli.tools.all:report",
        ":all [--primaries] [--replicas] COMMAND",
        "run a command at every node",
        "At all nodes of the cluster, or at a primary and its replicas; a write at the primaries alone, unless "
        "you say where. A row for each node says what it replied, or what went wrong there. It runs "
        "on connections beside yours.",
        "pyredis_cli.repl.reports:behind_all",
        "all",
        sends=True,
        carries="command",
    ),
    ":explain": MetaRow(
        "pyredis_cli.tools.explain:report",
        ":explain COMMAND",
        "say what a command would do and cost",
        "How long it takes by what its keys hold now, where they are, whether you may run it, and what would be "
        "gentler. Nothing of it is run; what may be a password is sent nowhere.",
        "pyredis_cli.repl.reports:behind_command",
        "explain",
        carries="command",
    ),
    ":slot": MetaRow(
        "pyredis_cli.repl.slotting:judge",
        ":slot KEY [KEY ...]",
        "tell the slots of keys in a cluster",
        "Also which part of each key decides, and whether they are in one slot, as commands with several keys "
        "need it. In a cluster it tells the node; without a server it works, too.",
        "pyredis_cli.repl.reports:behind_key",
    ),
    ":timing": MetaRow(
        "pyredis_cli.repl.judges:time_replies",
        ":timing [on|off|MS]",
        "show how long replies took",
        "on is for each reply, a number for those that took so many milliseconds. The same as :set timing.",
        "pyredis_cli.repl.judges:timings",
    ),
    "clear": MetaRow("pyredis_cli.repl.judges:clear", "clear", "clear the screen", "Ctrl-L does the same."),
    ":set": MetaRow(
        "pyredis_cli.repl.judges:prefer",
        ":set [NAME [VALUE]]",
        "show or change what you prefer",
        "Alone it lists all there is, with a name it shows one. It holds until you leave; what is to hold always "
        "stands in the table [repl] of config.toml, or as :set NAME VALUE in ~/.redisclirc.",
        "pyredis_cli.repl.judges:preferable",
    ),
    ":format": MetaRow(
        "pyredis_cli.repl.judges:show_as",
        ":format [NAME]",
        "show replies in another form",
        "redis is redis-cli's own form; without a name it says which form there is now. The same as :set format.",
        "pyredis_cli.repl.judges:formats",
    ),
    ":reveal": MetaRow(
        "pyredis_cli.repl.revealing:judge",
        ":reveal",
        "show the last reply with its secrets",
        "Passwords and hashes of them in replies, as of CONFIG GET and ACL LIST, are stars on the screen. :set "
        "reveal on always shows them. What goes to a file or a pipe has them, and so have the formats for "
        "programs; a transcript never has.",
    ),
    ":source": MetaRow(
        "pyredis_cli.repl.sourcing:judge",
        ":source FILE",
        "run each command of a file",
        "Blank lines and those that begin with # are skipped; a value in quotes may span lines. Errors of "
        "commands do not stop it. It stops where a line cannot be read, the connection is lost, or a SELECT, "
        "AUTH, HELLO, RESET or connect failed, and nothing behind that is sent. Ctrl-C stops it, too; quit "
        "ends the file.",
        "pyredis_cli.repl.sourcing:behind",
    ),
    ":transcript": MetaRow(
        "pyredis_cli.repl.transcribing:judge",
        ":transcript [--append] [FILE] | off",
        "keep what is typed and shown in a file",
        "Without colours, and with *** for passwords, those in replies too. A FILE that ends in .md gets blocks "
        "of Markdown. One that is there already is only added to with --append. Alone it says which file it is.",
        "pyredis_cli.repl.transcribing:behind",
    ),
    ":undo": MetaRow(
        "pyredis_cli.repl.undoing:judge",
        ":undo [N|list]",
        "put back what a write changed",
        "With :set undo on, values below 1 MB are kept before a command of this session changes them, 100 "
        "changes or 64 MB of them. It shows what it would do and asks. It is undone by another :undo. What is "
        "changed in MULTI, by commands that name no keys, or in another database cannot be undone.",
        "pyredis_cli.repl.undoing:behind",
    ),
    ":monitor": MetaRow(
        "pyredis_cli.repl.monitoring:judge",
        ":monitor [--match GLOB] [--command NAME] [--client ADDR] [--count N] [--for SECONDS]",
        "show the commands that the server runs",
        "On a connection of its own, until Ctrl-C. --match looks at the keys of a command, or at all its "
        "arguments where no key is known. --command config|get is one subcommand. --client is host or "
        "host:port. MONITOR costs a busy server much of its speed: let --count or --for end it.",
        "pyredis_cli.repl.monitoring:behind",
    ),
    ":watch": MetaRow(
        "pyredis_cli.repl.watching:judge",
        ":watch SECONDS COMMAND",
        "repeat what reads, and show what changes",
        "Until Ctrl-C; the last picture stays. What is another word than the last time is reversed, numbers that "
        "change are drawn as lines. An error or a lost connection is shown in the place of the reply, and it goes "
        "on. :watch SECONDS --csv FILE COMMAND writes a row for each time into a new file that nobody else may "
        "read, with the columns of the first reply; --append behind FILE adds to one that such a :watch has made. "
        "It asks on a connection of its own.",
        "pyredis_cli.repl.watching:behind",
        carries="command",
    ),
    ":since": MetaRow(
        "pyredis_cli.repl.comparing:judge",
        ":since [SPAN]",
        "show what changed on the server",
        "With a span of time (60s, 5m) it waits so long, and Ctrl-C shows what there is so far. Without one it "
        "shows at once what happened since the last :since, or since you connected. Operations, latency, CPU, "
        "memory, keys, clients, errors, the commands that cost most, what is new in the slow log; what did not "
        "change is left out. In a cluster it is the node where you are.",
        "pyredis_cli.repl.comparing:behind",
    ),
    ":keys": MetaRow(
        "pyredis_cli.tools.keys:report",
        ":keys [PREFIX] [--by SEP] [--depth N] [--for SECONDS] [--count N]",
        "show the prefixes of keys, with memory",
        "How many keys each prefix has and what memory they take, how far that may be off, how many never expire, "
        "and the biggest one seen. A few keys are counted all; of many a sample is taken by SCAN, 100,000 keys or "
        "2 seconds, whichever comes first, and Ctrl-C shows what is known by then. * stands for IDs.",
        "pyredis_cli.repl.reports:behind_keys",
        ":keys",
    ),
    "quit": _QUIT,
    "exit": _QUIT,
}
"""The REPL's own words. What is not a word of letters begins with a colon; ? is the exception."""

_VIEWS = "pyredis_cli.render.views"

_FACTS = Row(f"{_VIEWS}.facts:view", "names and values, what sizes and times mean")
_FOUND = Row(f"{_VIEWS}.search:view", "documents as a table, JSON in lines")
_SAMPLES = Row(f"{_VIEWS}.series:range_", "samples with their times")
_SERIES = Row(f"{_VIEWS}.series:mrange", "samples with their times, by series")

VIEWS: dict[str, Row] = {
    "ACL GETUSER": Row(f"{_VIEWS}.acl:getuser", "rules folded between words, selectors below"),
    "ACL LIST": Row(f"{_VIEWS}.acl:list_", "a row for each user, rules folded between words"),
    "ACL LOG": Row(f"{_VIEWS}.acl:log", "what was refused and to whom, then the clients"),
    "BF.INFO": _FACTS,
    "CF.INFO": _FACTS,
    "CLIENT INFO": Row(f"{_VIEWS}.clients:info", "the fields of a client with what they mean"),
    "CLIENT LIST": Row(f"{_VIEWS}.clients:view", "a table of what matters, and what is unusual"),
    "CLUSTER INFO": Row(f"{_VIEWS}.cluster.info:view", "what is wrong first"),
    "CLUSTER LINKS": Row(f"{_VIEWS}.cluster.links:view", "links by the node at their other end"),
    "CLUSTER NODES": Row(f"{_VIEWS}.cluster.nodes:nodes", "what is wrong, who serves what, who is who"),
    "CLUSTER REPLICAS": Row(f"{_VIEWS}.cluster.nodes:replicas", "a line for each"),
    "CLUSTER SHARDS": Row(f"{_VIEWS}.cluster.shards:view", "nodes by the slots that they hold"),
    "CLUSTER SLAVES": Row(f"{_VIEWS}.cluster.nodes:replicas", "a line for each"),
    "CLUSTER SLOTS": Row(f"{_VIEWS}.cluster.slots:view", "nodes by their ranges"),
    "CMS.INFO": _FACTS,
    "COMMAND": Row(f"{_VIEWS}.commands:info", "a line for each, then where their keys are"),
    "COMMAND DOCS": Row(f"{_VIEWS}.commands:docs", "a page for each"),
    "COMMAND INFO": Row(f"{_VIEWS}.commands:info", "a line for each, then where their keys are"),
    "COMMANDLOG GET": Row(f"{_VIEWS}.slowlog:view", "slow or large commands as they were typed"),
    "CONFIG GET": Row(f"{_VIEWS}.config:view", "settings with what their numbers mean"),
    "DEBUG": Row(f"{_VIEWS}.objects:debug", "how a value is stored"),
    "EXPIRETIME": Row(f"{_VIEWS}.moments:moment", "a moment"),
    "FT.AGGREGATE": _FOUND,
    "FT.CURSOR": _FOUND,
    "FT.INFO": Row(f"{_VIEWS}.search_index:view", "attributes as a table, numbers side by side"),
    "FT.SEARCH": _FOUND,
    "FUNCTION LIST": Row(f"{_VIEWS}.functions:libraries", "functions by library"),
    "FUNCTION STATS": Row(f"{_VIEWS}.functions:stats", "what runs, and what each engine holds"),
    "GEORADIUS": Row(f"{_VIEWS}.geo:view", "members with distances and places"),
    "GEORADIUSBYMEMBER": Row(f"{_VIEWS}.geo:view", "members with distances and places"),
    "GEORADIUSBYMEMBER_RO": Row(f"{_VIEWS}.geo:view", "members with distances and places"),
    "GEORADIUS_RO": Row(f"{_VIEWS}.geo:view", "members with distances and places"),
    "GEOSEARCH": Row(f"{_VIEWS}.geo:view", "members with distances and places"),
    "HEXPIRETIME": Row(f"{_VIEWS}.moments:moments_of_fields", "moments"),
    "HPEXPIRETIME": Row(f"{_VIEWS}.moments:moments_in_milliseconds_of_fields", "moments"),
    "HPTTL": Row(f"{_VIEWS}.moments:milliseconds_left_of_fields", "spans of time"),
    "HTTL": Row(f"{_VIEWS}.moments:seconds_left_of_fields", "spans of time"),
    "INFO": Row(f"{_VIEWS}.info:view", "sections side by side"),
    "JSON.GET": Row(f"{_VIEWS}.json_values:get", "JSON in lines"),
    "JSON.MGET": Row(f"{_VIEWS}.json_values:mget", "JSON in lines, by keys"),
    "LASTSAVE": Row(f"{_VIEWS}.moments:moment", "a moment"),
    "LATENCY HISTOGRAM": Row(f"{_VIEWS}.latency:histogram", "a bar for each span of time"),
    "LATENCY HISTORY": Row(f"{_VIEWS}.latency:history", "spikes as a line and as bars"),
    "LATENCY LATEST": Row(f"{_VIEWS}.latency:latest", "spikes by event"),
    "LCS": Row(f"{_VIEWS}.lcs:view", "a line for each match"),
    "MEMORY STATS": Row(f"{_VIEWS}.memory:stats", "sizes and shares"),
    "MEMORY USAGE": Row(f"{_VIEWS}.moments:size", "a size"),
    "MODULE LIST": Row(f"{_VIEWS}.modules:view", "modules with their versions"),
    "OBJECT IDLETIME": Row(f"{_VIEWS}.moments:idle", "a span of time"),
    "PEXPIRETIME": Row(f"{_VIEWS}.moments:moment_in_milliseconds", "a moment"),
    "PTTL": Row(f"{_VIEWS}.moments:milliseconds_left", "a span of time"),
    "PUBSUB NUMSUB": Row(f"{_VIEWS}.pubsub:view", "subscribers by channel"),
    "PUBSUB SHARDNUMSUB": Row(f"{_VIEWS}.pubsub:view", "subscribers by channel"),
    "ROLE": Row(f"{_VIEWS}.role:view", "a role, its replicas or its link"),
    "SCRIPT EXISTS": Row(f"{_VIEWS}.scripts:exists", "which of the scripts are cached"),
    "SLOWLOG GET": Row(f"{_VIEWS}.slowlog:view", "slow commands as they were typed"),
    "TDIGEST.INFO": _FACTS,
    "TIME": Row(f"{_VIEWS}.moments:time", "a moment"),
    "TOPK.INFO": _FACTS,
    "TS.INFO": _FACTS,
    "TS.MRANGE": _SERIES,
    "TS.MREVRANGE": _SERIES,
    "TS.RANGE": _SAMPLES,
    "TS.REVRANGE": _SAMPLES,
    "TTL": Row(f"{_VIEWS}.moments:seconds_left", "a span of time"),
    "XINFO CONSUMERS": Row(f"{_VIEWS}.streams:consumers", "who is inactive, then a line for each"),
    "XINFO GROUPS": Row(f"{_VIEWS}.streams:groups", "who is behind, then a line for each"),
    "XINFO STREAM": Row(f"{_VIEWS}.streams:stream", "what a stream holds and who reads it"),
    "XPENDING": Row(f"{_VIEWS}.streams:pending", "what was not acknowledged"),
}
"""What lays the replies of a command out for people, by the command's name in capitals."""


class DecoderRow(NamedTuple):
    """What reads values of one kind: where it lives, what those are, and which values are given to it unasked.

    ``first`` are the bytes such a value begins with, ``least`` is how long it is, ``only`` are all the bytes that
    it may have, where they can be counted. What is not ``sure`` may look like it by accident: what it unpacks
    counts when one that is sure knows that, or when it is text.
    """

    where: str
    summary: str
    first: bytes
    least: int = 1
    sure: bool = True
    only: bytes = b""

    def takes(self, value: bytes, first: int) -> bool:
        """Return whether a value that begins with that byte, blanks aside, may be one of its kind."""
        if first not in self.first or len(value) < self.least:
            return False
        return not self.only or not value.translate(None, self.only)


_DECODERS = "pyredis_cli.render.decoders"
_DIGITS = b"0123456789"
_HEX = _DIGITS + b"ABCDEFabcdef"
_BASE64 = _DIGITS + b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz+/-_"

DECODERS: dict[str, DecoderRow] = {
    "json": DecoderRow(f"{_DECODERS}.json:decode", "JSON", b"{[", least=2),
    "gzip": DecoderRow(f"{_DECODERS}.gzip:decode", "what was packed with gzip", b"\x1f", least=18),
    "zlib": DecoderRow(f"{_DECODERS}.zlib:decode", "what was packed with zlib", b"\x78", least=8),
    "zstd": DecoderRow(f"{_DECODERS}.zstd:decode", "what was packed with Zstandard", b"\x28", least=9),
    "pickle": DecoderRow(
        f"{_DECODERS}.pickle:decode", "the steps of a pickle, never loaded", b"\x80", least=4
    ),
    "msgpack": DecoderRow(
        f"{_DECODERS}.msgpack:decode",
        "MessagePack",
        bytes([*range(0x80, 0xA0), *range(0xDC, 0xE0)]),
        4,
        sure=False,
    ),
    "uuid": DecoderRow(f"{_DECODERS}.uuid:decode", "version and time of a UUID", _HEX, least=36),
    "timestamp": DecoderRow(f"{_DECODERS}.timestamp:decode", "the date of a Unix time", _DIGITS, least=10),
    "base64": DecoderRow(
        f"{_DECODERS}.base64:decode", "what is in base64", _BASE64, least=16, sure=False, only=_BASE64 + b"="
    ),
}
"""What recognises values, in the order in which it is asked."""


def load(row: Row | MetaRow | DecoderRow) -> object:
    """Return what the row names, imported now."""
    from importlib import import_module

    module, _, attribute = row.where.partition(":")
    loaded: object = getattr(import_module(module), attribute)
    return loaded


def load_tool(name: str) -> Tool:
    """Return the tool of that name; KeyError when there is none."""
    return cast("Tool", load(TOOLS[name]))


def load_unsettled(name: str) -> Unsettled:
    """Return a tool that is not settled."""
    return cast("Unsettled", load(TOOLS[name]))


def load_mode(name: str) -> Tool:
    """Return a tool that a flag chooses, which may have a name as well."""
    return cast("Tool", load(TOOLS[name] if name in TOOLS else MODES[name]))


def load_repl() -> Repl:
    return cast("Repl", load(REPL))
