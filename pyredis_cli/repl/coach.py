"""What is said below an error: what lies behind it and what mends it, in one line.

A row for each code, or for the words of an error without a code of its own: what is to be looked up, which only
reads, and what follows from the answers. Pure; what is not known is not said, and nothing of it is a secret.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from pyredis.commands.grammar import grammar
from pyredis.commands.keys import keys
from pyredis.commands.rows import version
from pyredis.commands.slots import key_slot
from pyredis.exceptions import ReplyError
from pyredis_cli.complete.outlets import glued_mark
from pyredis_cli.core.infos import info, number
from pyredis_cli.core.kinds import articled, counterpart, expected, group_of, judged_keys
from pyredis_cli.core.naming import commands_like, like
from pyredis_cli.core.secrets import hidden
from pyredis_cli.registry import META
from pyredis_cli.render import units
from pyredis_cli.render.line import as_typed

if TYPE_CHECKING:
    from pyredis.commands.spec import Spec, Table
    from pyredis.types import Reply

__all__ = ["Case", "Lesson", "lesson", "meant"]

_MOST: Final = 4
_LONGEST: Final = 60
_CUT: Final = "..."
_LONGEST_NUMBER: Final = 20  # bytes of an integer of 64 bits
_FLOAT: Final = re.compile(rb"[-+]?(0x[\da-f.p+-]*|inf(inity)?|nan|[\d.]+(e[-+]?\d*)?)", re.IGNORECASE)


class Case(NamedTuple):
    """A command that the server refused. ``spoilt`` is the first command that the open transaction refused.

    ``now`` is when (Unix seconds). ``typed`` is the line, where ``|`` and ``>`` mean something in it.
    """

    argv: tuple[bytes, ...]
    spec: Spec | None
    error: ReplyError
    table: Table
    user: str = "default"
    spoilt: str = ""
    encoding: str = "utf-8"
    now: float = 0.0
    typed: str = ""

    def shown(self, word: bytes) -> str:
        """Return a word of the command as it would be typed, a long one cut."""
        text = as_typed([word], self.encoding)
        return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}{_CUT}"


Answers: TypeAlias = "Sequence[Reply]"
"""What was looked up, in order; nothing where that was not possible in time."""


class Lesson(NamedTuple):
    """``says`` is given what ``asks`` asked; an empty line is nothing to say."""

    says: Callable[[Case, Answers], str]
    asks: Callable[[Case], Sequence[Sequence[bytes]]] = lambda case: ()


def lesson(error: ReplyError) -> Lesson | None:
    """Return what is to be said of an error, None when that is nothing."""
    found = _BY_CODE.get(error.code)
    if found is not None:
        return found
    return next((row for pattern, row in _BY_WORDS if re.search(pattern, error.message, re.IGNORECASE)), None)


def _asking(*commands: bytes) -> Callable[[Case], Sequence[Sequence[bytes]]]:
    asked = [command.split() for command in commands]
    return lambda case: asked


def _saying(text: str) -> Callable[[Case, Answers], str]:
    return lambda case, answers: text


def _info(answers: Answers) -> Mapping[str, str]:
    """Return the fields of all answers together."""
    return {name: value for answer in answers for name, value in info(answer).items()}


# -- keys


def _types_wanted(case: Case) -> Sequence[Sequence[bytes]]:
    return [(b"TYPE", key) for key in _judged(case)]


def _judged(case: Case) -> Sequence[bytes]:
    if case.spec is None:
        return ()
    places = hidden(case.argv, case.table)
    secrets = {case.argv[place] for place in places}
    return [key for key in dict.fromkeys(judged_keys(case.spec, case.argv)) if key not in secrets][:_MOST]


def _wrong_type(case: Case, answers: Answers) -> str:
    if case.spec is None:
        return ""
    kinds = expected(case.spec)
    types = [answer.decode("ascii", "replace") if isinstance(answer, bytes) else "" for answer in answers]
    told = zip(_judged(case), types, strict=False)
    found = [(key, kind) for key, kind in told if kind not in ("", "none") and kind.isprintable()]
    wrong = [(key, kind) for key, kind in found if kind not in kinds]
    if kinds and wrong:
        key, kind = wrong[0]
        return f"{case.shown(key)} is {articled(kind)}; {_instead(case.spec, kind)}"
    if case.spec.group == "hyperloglog" and found:
        return f"{case.shown(found[0][0])} is a string, but no HyperLogLog"
    return "; ".join(f"{case.shown(key)} is {articled(kind)}" for key, kind in wrong)


def _instead(spec: Spec, kind: str) -> str:
    """Return what there is for a type in the place of a command."""
    own = " or ".join(sorted(articled(one) for one in expected(spec)))
    meant = counterpart(spec.name, kind)
    group = group_of(kind)
    mend = f". Did you mean {meant}?" if meant else f"; help @{group} lists what works on it" if group else ""
    return f"{spec.name} wants {own}{mend}"


def _number_wanted(case: Case) -> Sequence[Sequence[bytes]]:
    """Return what tells whether the value is to blame, of a command that reads what it changes."""
    judged, fields = _judged(case), _words_of_role(case, "field")
    if (
        case.spec is None
        or not judged
        or not any({"RW", "access"} <= set(at[0]) for at in case.spec.key_specs)
    ):
        return ()
    kinds = expected(case.spec)
    if kinds == {"string"}:
        return ((b"STRLEN", judged[0]), (b"GETRANGE", judged[0], b"0", b"%d" % _LONGEST_NUMBER))
    if kinds == {"hash"} and fields and "hash value" in case.error.message:
        return ((b"HSTRLEN", judged[0], fields[0]),)
    return ()


def _no_number(case: Case, answers: Answers) -> str:
    """Return which word is no number, else that what the key holds is none."""
    if mistake := _first_mistake(case, answers):
        return mistake
    size, value = (*answers, None, None)[:2]
    if not isinstance(size, int) or not size or not _number_wanted(case):
        return ""
    whole = "integer" in case.error.message
    if isinstance(value, ReplyError) or (isinstance(value, bytes) and _may_count(value, whole=whole)):
        return ""
    fields = _words_of_role(case, "field") if value is None else []
    where = " of ".join(case.shown(word) for word in (*fields[:1], _judged(case)[0]))
    holds = "1 byte that is" if size == 1 else f"{size:,} bytes that are"
    return f"{where} holds {holds} no {'integer of 64 bits' if whole else 'number'}"


def _may_count(value: bytes, *, whole: bool) -> bool:
    """Whether a server may take this beginning of a value for a number."""
    if whole:
        return re.fullmatch(rb"-?\d+", value) is not None and -(2**63) <= int(value) < 2**63
    return _FLOAT.fullmatch(value) is not None


def _cross_slot(case: Case, answers: Answers) -> str:
    found = list(dict.fromkeys(keys(case.spec, case.argv))) if case.spec is not None else []
    if len(found) < 2:
        return ""
    slots = [f"{case.shown(key)} is in slot {key_slot(key)}" for key in found[:_MOST]]
    more = [f"{len(found) - _MOST} more keys"] if len(found) > _MOST else []
    return f"{', '.join([*slots, *more])}; keys share a slot by a {{tag}}: {{user:7}}:name, {{user:7}}:mail"


# -- permissions


def _no_permission(case: Case, answers: Answers) -> str:
    rules = _missing(case)
    if not rules:
        return ""
    lacks = f"{case.user} lacks {' or '.join(rules)}"
    if len(rules) > 1 or rules[0].endswith(_CUT):
        return lacks
    return f"{lacks}; who may, gives it: ACL SETUSER {case.user} {rules[0]}"


def _missing(case: Case) -> list[str]:
    """Return the rule that the user lacks, or those of which it lacks one."""
    message = case.error.message
    command = re.search(r"run the '([^']+)' command", message)
    if command is not None:
        return [f"+{command[1]}"]
    if case.spec is None:
        return []
    if "channel" in message:
        words = _words_of_role(case, "channel") or _words_of_role(case, "shardchannel")
        return [case.shown(b"&" + _only(word)) for word in words[:_MOST]]
    return (
        [case.shown(b"~" + _only(key)) for key in keys(case.spec, case.argv)[:_MOST]]
        if "key" in message
        else []
    )


def _only(word: bytes) -> bytes:
    """Return the pattern of this word alone; a rule has no blanks, so any character may be in their place."""
    return re.sub(rb"[\s\0]", b"?", re.sub(rb"[*?\[\\]", rb"\\\g<0>", word))


def _words_of_role(case: Case, name: str) -> list[bytes]:
    words = _arguments(case)
    roles = grammar(case.spec).walk(words).roles if case.spec is not None else ()
    return [word for word, role in zip(words, roles, strict=False) if role.name == name]


# -- the state of the server


def _out_of_memory(case: Case, answers: Answers) -> str:
    fields = _info(answers)
    used, most = (number(fields.get(name)) for name in ("used_memory", "maxmemory"))
    policy = fields.get("maxmemory_policy", "")
    if used is None or not most:
        return ""
    evicts = {"noeviction": "evicts nothing"}.get(policy, "found nothing to evict")
    return (
        f"{units.size(used)} are used of maxmemory {units.size(most)}, and {policy} {evicts}; "
        "CONFIG SET maxmemory or maxmemory-policy changes that"
    )


def _cannot_save(case: Case, answers: Answers) -> str:
    fields = _info(answers)
    saved = number(fields.get("rdb_last_save_time"))
    if fields.get("aof_last_write_status") == "err":
        return "the append-only file could not be written; the server's log says why"
    if fields.get("rdb_last_bgsave_status") != "err" or not saved:
        return ""
    return (
        f"the last BGSAVE failed, the last one that worked was {units.ago(saved, case.now)}; the server's log "
        "says why. CONFIG SET stop-writes-on-bgsave-error no takes writes all the same"
    )


def _read_only(case: Case, answers: Answers) -> str:
    fields = _info(answers)
    host, port = fields.get("master_host"), fields.get("master_port")
    if fields.get("role") != "slave" or not host:
        return ""
    state = fields.get("master_link_status", "")
    return f"this is a replica of {host}:{port} (link {state}), which takes writes: connect {host} {port}"


def _loading(case: Case, answers: Answers) -> str:
    fields = _info(answers)
    share, left = number(fields.get("loading_loaded_perc")), number(fields.get("loading_eta_seconds"))
    if fields.get("loading") != "1" or share is None:
        return ""
    return f"{share:.0f}% is loaded" + (f", about {units.duration(left)} to go" if left and left > 0 else "")


def _link_down(case: Case, answers: Answers) -> str:
    fields = _info(answers)
    down = number(fields.get("master_link_down_since_seconds"))
    if down is None or not fields.get("master_host"):
        return ""
    where = f"{fields['master_host']}:{fields.get('master_port')}"
    since = f" for {units.duration(down)}" if down >= 0 else ""
    return (
        f"no link to the primary {where}{since}; CONFIG SET replica-serve-stale-data yes reads what is there"
    )


def _cluster_down(case: Case, answers: Answers) -> str:
    fields = _info(answers)
    assigned, failed = (number(fields.get(f"cluster_slots_{name}")) for name in ("assigned", "fail"))
    if assigned is None or failed is None:
        return ""
    parts = [f"{16384 - int(assigned):,} slots are assigned to nobody"] if assigned < 16384 else []
    parts += [f"{int(failed):,} slots are at nodes that are down"] if failed else []
    return f"{' and '.join(parts)}; CLUSTER SHARDS lists the nodes" if parts else ""


def _no_replicas(case: Case, answers: Answers) -> str:
    fields = _info(answers)
    good, wanted = number(fields.get("min_slaves_good_slaves")), _setting(answers)
    if good is None or not wanted:
        return ""
    return (
        f"min-replicas-to-write wants {wanted} replicas, and {int(good)} keep up; INFO replication lists them"
    )


def _databases(case: Case, answers: Answers) -> str:
    count = _setting(answers)
    return f"there are {count} databases, 0 to {int(count) - 1}" if count.isdigit() and int(count) else ""


def _setting(answers: Answers) -> str:
    """Return the value that CONFIG GET has told, empty when it has not."""
    for answer in answers:
        pairs = list(answer.items()) if isinstance(answer, dict) else answer
        if isinstance(pairs, list) and pairs:
            value = pairs[0][1] if isinstance(pairs[0], tuple) else pairs[-1]
            return value.decode("ascii", "replace") if isinstance(value, bytes) else ""
    return ""


def _busy(case: Case, answers: Answers) -> str:
    ending = "FUNCTION KILL" if "FUNCTION KILL" in case.error.message else "SCRIPT KILL"
    return f"{ending} ends it, unless it has written already"


def _aborted(case: Case, answers: Answers) -> str:
    return f"{case.spoilt} could not be queued, so nothing was run" if case.spoilt else ""


# -- how it was written


def _unknown_command(case: Case, answers: Answers) -> str:
    name = _first(case)
    if f":{name.lower()}" in META:
        return f"did you mean :{name.lower()}?"
    if case.spec is not None:
        return _lacking(_sent(case, case.spec), case.table)
    near = commands_like(name, case.table)
    return f"did you mean {near[0]}?" if near else ""


def _sent(case: Case, spec: Spec) -> Spec:
    """Return the command that the server was sent: a read-only session sends another one for some."""
    twin = spec.readonly_twin
    return (twin and twin in case.error.message and case.table.find((twin,))) or spec


def _lacking(spec: Spec, table: Table) -> str:
    """Return why a server may not know a command that others have."""
    if spec.module:
        return f"{spec.name} is a command of the module {spec.module}"
    if table.product not in spec.products and spec.products:
        return f"{spec.name} is a command of {' and '.join(map(str.capitalize, sorted(spec.products)))}"
    if not (table.version and spec.since):
        return ""
    if version(spec.since) <= table.version:
        return f"this server has no {spec.name}: rename-command takes names away, and sentinels have few commands"
    return f"{spec.name} is there since {spec.since}, and this is {'.'.join(map(str, table.version))}"


def _unknown_subcommand(case: Case, answers: Answers) -> str:
    if case.spec is None or not case.spec.subcommands:
        return ""
    near = _subcommands_like(case, case.spec)
    name = case.spec.name
    return f"did you mean {name} {near[0]}?" if near else f"help {name} lists its subcommands"


def _subcommands_like(case: Case, spec: Spec) -> list[str]:
    word = case.argv[1].decode("utf-8", "replace") if len(case.argv) > 1 else ""
    return like(word, (one for one in spec.subcommands if case.table.has(f"{spec.name} {one}")))


def _glued(case: Case) -> str:
    """Return what keeps a mark of the prompt from being one."""
    mark = glued_mark(case.typed, case.table, case.encoding)
    return f"a {mark} of the prompt needs a blank on both sides; this one went to the server" if mark else ""


def _miscounted(case: Case, answers: Answers) -> str:
    return _glued(case) or _usage(case, answers)


def _usage(case: Case, answers: Answers) -> str:
    if case.spec is None or case.spec.subcommands or not case.spec.arguments:
        return ""
    return f"usage: {case.spec.name} {grammar(case.spec)}"


def _first_mistake(case: Case, answers: Answers) -> str:
    """Return the first word that the grammar does not expect, or what is missing."""
    if case.spec is None or not case.spec.arguments:
        return ""
    words = _arguments(case)
    walk = grammar(case.spec).walk(words)
    if walk.mistake is None:
        return "" if walk.complete else f"there is more to come: {walk.hint}"
    place = walk.mistake.place + len(case.argv) - len(words)
    if place in hidden(case.argv, case.table):
        return ""
    return f"at {case.shown(case.argv[place])}: {walk.mistake.reason}"


def _syntax(case: Case, answers: Answers) -> str:
    return _glued(case) or _first_mistake(case, answers) or _usage(case, answers)


def _arguments(case: Case) -> tuple[bytes, ...]:
    return case.argv[case.spec.name.count(" ") + 1 :] if case.spec is not None else ()


def _first(case: Case) -> str:
    return case.argv[0].decode("utf-8", "replace")


def meant(case: Case) -> tuple[int, str] | None:
    """Return which word of the command was probably meant to be another one, and which; None if nobody knows."""
    if re.search(_UNKNOWN_COMMAND, case.error.message, re.IGNORECASE) and case.spec is None:
        near = commands_like(_first(case), case.table)
        return (0, near[0]) if near and f":{_first(case).lower()}" not in META else None
    if re.search(_UNKNOWN_SUBCOMMAND, case.error.message, re.IGNORECASE) and case.spec is not None:
        near = _subcommands_like(case, case.spec)
        return (1, near[0]) if near else None
    return None


_UNKNOWN_COMMAND: Final = r"^ERR unknown command"
_UNKNOWN_SUBCOMMAND: Final = r"^ERR unknown subcommand"

_BY_CODE: Final[Mapping[str, Lesson]] = {
    "BUSY": Lesson(_busy),
    "BUSYGROUP": Lesson(_saying("the group is there already; XINFO GROUPS shows it, XGROUP SETID moves it")),
    "BUSYKEY": Lesson(_saying("there is such a key already; RESTORE with REPLACE overwrites it")),
    "CLUSTERDOWN": Lesson(_cluster_down, _asking(b"CLUSTER INFO")),
    "CROSSSLOT": Lesson(_cross_slot),
    "EXECABORT": Lesson(_aborted),
    "LOADING": Lesson(_loading, _asking(b"INFO persistence")),
    "MASTERDOWN": Lesson(_link_down, _asking(b"INFO replication")),
    "MISCONF": Lesson(_cannot_save, _asking(b"INFO persistence")),
    "NOAUTH": Lesson(_saying("AUTH [user] password logs in")),
    "NOGROUP": Lesson(_saying("XGROUP CREATE makes a group, with MKSTREAM the stream as well")),
    "NOPERM": Lesson(_no_permission),
    "NOREPLICAS": Lesson(_no_replicas, _asking(b"INFO replication", b"CONFIG GET min-replicas-to-write")),
    "NOSCRIPT": Lesson(
        _saying("EVAL sends the script itself; SCRIPT LOAD keeps it until SCRIPT FLUSH or a restart")
    ),
    "OOM": Lesson(_out_of_memory, _asking(b"INFO memory")),
    "READONLY": Lesson(_read_only, _asking(b"INFO replication")),
    "TRYAGAIN": Lesson(
        _saying("the slot is moving, and some of the keys have moved: one key at a time goes")
    ),
    "UNKILLABLE": Lesson(
        _saying("it has written already: SHUTDOWN NOSAVE ends it, and with it all that was not saved")
    ),
    "WRONGPASS": Lesson(
        _saying("name or password is wrong, or the user is off: the server does not tell which")
    ),
    "WRONGTYPE": Lesson(_wrong_type, _types_wanted),
}
_BY_WORDS: Final = (
    (_UNKNOWN_COMMAND, Lesson(_unknown_command)),
    (_UNKNOWN_SUBCOMMAND, Lesson(_unknown_subcommand)),
    (r"^ERR wrong number of arguments", Lesson(_miscounted)),
    (r"^ERR syntax error", Lesson(_syntax)),
    (r"^ERR (hash value|\S+) is not (an integer|a (valid )?float)", Lesson(_no_number, _number_wanted)),
    (r"^ERR DB index is out of range", Lesson(_databases, _asking(b"CONFIG GET databases"))),
    (r"^ERR MULTI calls can not be nested", Lesson(_saying("EXEC runs what is queued, DISCARD drops it"))),
)
