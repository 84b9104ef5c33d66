"""What is said of a command that could do harm: what it would do, with the numbers that were measured.

Pure text, in which words of the server and of the person stand as they are: whoever shows it escapes them.
"""

from __future__ import annotations

from pyredis_cli.core.costs import large
from pyredis_cli.core.figures import counted, human_size, keys_in, keyspace, stays, whole
from pyredis_cli.core.sizing import OF_ELEMENTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Final

    from pyredis.commands.spec import Spec
    from pyredis_cli.core.costs import Needs
    from pyredis_cli.core.figures import Figures, Size

__all__ = ["plural", "said"]

_SHOWN: Final = 60


def said(wanted: Needs, spec: Spec, argv: Sequence[bytes], figures: Figures, *, measured: bool = True) -> str:
    """Return what a command would do, with numbers, as the rest of a sentence that begins with its name.

    Where nothing was ``measured``, it is not told that nothing is known.
    """
    if wanted.kind == "keys":
        return _said_of_keys(wanted, figures, measured=measured)
    if wanted.kind == "promotion":
        return _said_of_promotion(figures, measured=measured)
    if wanted.kind == "whole":
        return _said_of_values(wanted, spec, argv, figures)
    phrases = [_phrase(measure, wanted, argv, figures) for measure in wanted.measure]
    known = [phrase for phrase in phrases if phrase and not isinstance(phrase, _Unknown)]
    unknown = ", ".join(phrase for phrase in phrases if measured and isinstance(phrase, _Unknown))
    numbers = "; ".join([*known, *([f"not known: {unknown}"] if unknown else [])])
    does = spec.danger or "is called dangerous by this server"
    mend = f"; {spec.steps} does it in steps" if spec.steps else ""
    return f"{does}: {numbers}{mend}" if numbers else f"{does}{mend}"


def _said_of_keys(wanted: Needs, figures: Figures, *, measured: bool) -> str:
    there = figures.existing.get(wanted.named)
    known = ": how many of them exist is not known" if measured else ""
    known = known if there is None else f": {there:,} of them exist"
    return f"deletes {len(wanted.named):,} keys at once{known}"


def _said_of_promotion(figures: Figures, *, measured: bool) -> str:
    role, host, port = (figures.info.get(name, "") for name in ("role", "master_host", "master_port"))
    if role == "slave":
        where = f"[{host[:_SHOWN]}]" if ":" in host else host[:_SHOWN]
        return f"makes this replica a primary; it no longer follows {where}:{port[:_SHOWN]}"
    unknown = "; not known: whether it is one" if measured and not role else ""
    return f"makes a replica a primary{unknown}"


def _said_of_values(wanted: Needs, spec: Spec, argv: Sequence[bytes], figures: Figures) -> str:
    mend = f"; {spec.steps} reads it in steps" if spec.steps else ""
    found = large(spec, argv, wanted, figures)
    if not found:
        return f"works on whole values: how large they are is not known{mend}"
    memory = sum(size.memory or 0 for size in found.values())
    weight = f", {human_size(memory)}" if memory else ""
    if len(found) > 1:
        elements = sum(size.elements for size in found.values())
        much = f"all {elements:,} elements of {len(found)} keys"
    else:
        ((key, size),) = found.items()
        much = f"{_much(size, figures.sizes[key])}{_named(key)}"
    return f"works on {much}{weight}, while nobody else is served{mend}"


def _much(size: Size, whole_size: Size) -> str:
    """Return how many elements of a key; nothing of what has none."""
    what = OF_ELEMENTS.get(size.type)
    all_ = "all " if size == whole_size else ""
    return f"{all_}{size.elements:,} {what.units} of " if what else ""


def _phrase(measure: str, wanted: Needs, argv: Sequence[bytes], figures: Figures) -> str:
    """Return one of the things that were measured."""
    match measure:
        case "keyspace":
            return _said_of_keyspace(figures)
        case "database":
            where = "this database" if figures.database is None else f"database {figures.database}"
            number = keys_in(figures.database, figures)
            return _Unknown("how many keys") if number is None else f"{plural(number, 'key')} in {where}"
        case "swapped":
            return _all_of([_in_database(word, figures) for word in wanted.subject], " and ")
        case "save":
            return _said_of_save(figures)
        case "saving" | "stopping" | "unsaved":
            return _said_of_end(measure, figures)
        case "clients":
            clients, replicas = (counted(figures, name) for name in ("connected_clients", "connected_slaves"))
            if clients is None or replicas is None:
                return _Unknown("how many clients")
            return f"{plural(clients, 'client')}, {plural(replicas, 'replica')}"
        case "scripts":
            scripts = counted(figures, "number_of_cached_scripts")
            return _Unknown("how many scripts") if scripts is None else plural(scripts, "script")
        case "functions":
            libraries, functions = (
                counted(figures, f"number_of_{name}") for name in ("libraries", "functions")
            )
            if libraries is None or functions is None:
                return _Unknown("how many functions")
            return f"{libraries:,} librar{'y' if libraries == 1 else 'ies'}, {plural(functions, 'function')}"
        case "parameters":
            return ", ".join(_changes(argv, wanted.subject, figures))
        case "cluster":
            return _said_of_cluster(figures)
        case "slot":
            return _all_of([_in_slot(slot, figures) for slot in wanted.subject], ", ")
        case "documents":
            return _all_of([_in_index(name, figures) for name in wanted.subject], ", ")
    return ""


class _Unknown(str):
    """What was to be measured, and is not known."""

    __slots__ = ()


def _all_of(phrases: Sequence[str], between: str) -> str:
    """Return phrases as one, which is not known when one of them is not."""
    unknown = next((phrase for phrase in phrases if isinstance(phrase, _Unknown)), None)
    return between.join(phrases) if unknown is None else unknown


def plural(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _said_of_keyspace(figures: Figures) -> str:
    found = keyspace(figures)
    if found is None:
        return _Unknown("how many keys")
    memory = figures.info.get("used_memory_human", "")[:_SHOWN]
    keys_, databases = plural(sum(found.values()), "key"), plural(len(found), "database")
    return f"{keys_} in {databases}{', ' if memory else ''}{memory}"


def _said_of_save(figures: Figures) -> str:
    saved, changes = (
        counted(figures, f"rdb_{name}") for name in ("last_save_time", "changes_since_last_save")
    )
    if saved is None or changes is None:
        return _Unknown("when it was saved last")
    since = f"{plural(changes, 'change')} since" if changes else "no change since"
    if _never_saved(saved, figures):
        return f"never saved since it started, {plural(changes, 'change')}"
    return f"last save {_ago(figures.seconds - saved)}, {since}"


def _said_of_end(measure: str, figures: Figures) -> str:
    """Return what is lost when a server ends; where it is not known whether it saves first, when it did last."""
    points = figures.parameters.get(b"save")
    if measure == "saving" or (measure == "stopping" and points):
        return "it saves first"
    appends = figures.info.get("aof_enabled")
    if appends == "1" and figures.info.get("aof_last_write_status") == "ok":
        return "appendonly keeps everything"
    if appends != "0" or (measure == "stopping" and points is None):
        return _said_of_save(figures)
    saved, changes = (
        counted(figures, f"rdb_{name}") for name in ("last_save_time", "changes_since_last_save")
    )
    if saved is None or changes is None:
        return _Unknown("what it loses")
    if not changes:
        return "no change is unsaved"
    return f"loses {plural(changes, 'change')} of {_lasting(figures.seconds - saved)}"


def _never_saved(saved: int, figures: Figures) -> bool:
    """Whether what a server calls its last save is its start; CONFIG RESETSTAT forgets the number of saves."""
    up = counted(figures, "uptime_in_seconds")
    return up is not None and abs(figures.seconds - up - saved) < 2 and not counted(figures, "rdb_saves")


def _said_of_cluster(figures: Figures) -> str:
    told = (figures.cluster.get(f"cluster_{name}", "") for name in ("known_nodes", "slots_assigned"))
    nodes, slots = (whole(word.encode("utf-8", "surrogateescape")) for word in told)
    if nodes is None or slots is None:
        return _Unknown("how the cluster is")
    return f"{plural(nodes, 'node')}, {plural(slots, 'slot')} assigned"


def _in_database(word: bytes, figures: Figures) -> str:
    number = keys_in(whole(word), figures)
    return (
        _Unknown("how many keys") if number is None else f"{plural(number, 'key')} in database {_named(word)}"
    )


def _in_slot(slot: bytes, figures: Figures) -> str:
    number = figures.slots.get(slot)
    return _Unknown("how many keys") if number is None else f"{plural(number, 'key')} in slot {_named(slot)}"


def _in_index(name: bytes, figures: Figures) -> str:
    number = figures.documents.get(name)
    return _Unknown("how many documents") if number is None else plural(number, "document")


def _changes(argv: Sequence[bytes], subject: Sequence[bytes], figures: Figures) -> Iterator[str]:
    """Yield what each parameter is and would be; of a secret one its name alone."""
    for name, value in zip(argv[2::2], argv[3::2], strict=False):
        shown = _named(name.lower())
        if name not in subject:
            yield f"{shown} ***"
        elif stays(name, value, figures):
            yield f"{shown} stays {_quoted(value)}"
        else:
            now = figures.parameters.get(name.lower())
            is_ = "" if now is None else f" is {_quoted(now)},"
            yield f"{shown}{is_} would be {_quoted(value)}"


def _quoted(value: bytes) -> str:
    return _named(value) if value and not value.strip(_PLAIN) else f'"{_named(value)}"'


_PLAIN: Final = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:%"


def _named(word: bytes) -> str:
    """Return what stands in a sentence for a word, which is not longer than can be read."""
    rest = "..." if len(word) > _SHOWN else ""
    return word[:_SHOWN].decode("utf-8", "surrogateescape") + rest


def _ago(seconds: float) -> str:
    return f"{_lasting(seconds)} ago"


def _lasting(seconds: float) -> str:
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{int(seconds // length):,} {unit}"
    return f"{max(0, int(seconds))} s"
