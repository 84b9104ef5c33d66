"""What must not be sent without a word of the person's: decided from facts, an argv, what was measured, and rules.

Pure, and it knows no command by name. A command of which nothing is known, and every one that is a matter of
course, is allowed.
"""

from __future__ import annotations

from pyredis.records import NamedTuple
from pyredis_cli.core.costs import Needs, large, needs, unchanged
from pyredis_cli.core.figures import Figures, counted, keys_in, keyspace, whole
from pyredis_cli.core.told import plural, said

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Final, TypeAlias

    from pyredis.commands.spec import Spec
    from pyredis_cli.settings import Settings

    Verdict: TypeAlias = "Allow | Ask | Refuse"

__all__ = [
    "ALLOW",
    "MANY_KEYS",
    "MOST_VALUES",
    "Allow",
    "Ask",
    "Batch",
    "Found",
    "Refuse",
    "Rules",
    "needs",
    "rules_of",
    "together",
    "verdict",
]

MANY_KEYS: Final = 1_000
"""A command that walks through all keys is asked about when there are so many."""

MOST_VALUES: Final = 1_000
"""So many values are measured at once."""

_LISTED: Final = 10


class Rules(NamedTuple):
    """Who is asked about what. ``confirm``: the person wants to be asked. ``yes`` are the verbs that nobody is
    asked about, "" for all. ``production`` is the name of a profile that has to be typed. ``terminal``: a person
    is there, whom ``asks`` lets be asked. With ``read_only`` a write is refused elsewhere.
    """

    confirm: bool = True
    yes: frozenset[str] = frozenset()
    production: str = ""
    terminal: bool = True
    asks: bool = True
    read_only: bool = False

    @property
    def idle(self) -> bool:
        """Whether everything is allowed, whatever it is."""
        return "" in self.yes or not (self.production or (self.terminal and self.confirm))


class Allow(NamedTuple):
    """Send it."""


class Ask(NamedTuple):
    """Send it when the person says so: by y, or by typing the ``name``."""

    reason: str
    name: str = ""


class Refuse(NamedTuple):
    """Do not send it; ``reason`` says what allows it."""

    reason: str


ALLOW: Final = Allow()


def rules_of(settings: Settings, *, terminal: bool, confirm: bool = True) -> Rules:
    """Return the rules of a session; ``terminal`` is whether a question would reach a person."""
    profile = settings.profile
    production = profile.name if profile is not None and profile.production else ""
    return Rules(confirm, settings.yes, production, terminal, settings.asks, settings.read_only)


def verdict(
    spec: Spec | None,
    argv: Sequence[bytes],
    figures: Figures,
    rules: Rules,
    *,
    later: bool = False,
    everywhere: bool = False,
    times: int | None = 1,
) -> Verdict:
    """Return whether a command may be sent; the reason says what would happen, with numbers.

    ``later``: what was measured is empty may not be by then. ``everywhere``: it is for every node, of which some
    were measured. It is to run so many ``times``, for ever when that is None.
    """
    wanted = needs(spec, argv)
    if wanted is None or spec is None or rules.idle or _covered(rules.yes, spec):
        return ALLOW
    if rules.read_only and not spec.only_reads(argv) and spec.readonly_twin is None:
        return ALLOW  # it is refused whatever the person says
    others = everywhere and figures.info.get("cluster_enabled") != "0"
    may_differ = _may_differ(wanted, later=later, others=others, everywhere=everywhere)
    if not may_differ and not _matters(wanted, spec, argv, figures):
        return ALLOW
    reason = " ".join((spec.name, said(wanted, spec, argv, figures, measured=rules.terminal)))
    reason += _where(wanted, figures, others=others) + _how_often(times)
    if rules.terminal and rules.asks:
        return Ask(reason, rules.production)
    whose = f"{rules.production} is a production profile" if rules.production else "nobody may be asked"
    return Refuse(f"{reason}; {whose}, --yes={spec.name.partition(' ')[0]} allows it")


def _may_differ(wanted: Needs, *, later: bool, others: bool, everywhere: bool) -> bool:
    """Return whether what was measured may not be so when and where the command runs."""
    match wanted.kind:
        case "many" | "always":
            return others
        case "any" | "keys":
            return later or others
        case "promotion":
            return everywhere  # at replicas too, which are not measured
    return False


_OF_A_NODE: Final = frozenset({"clients", "database", "functions", "keyspace", "scripts", "slot", "swapped"})


def _where(wanted: Needs, figures: Figures, *, others: bool) -> str:
    """Return of which nodes of a cluster that is told, as the end of a sentence."""
    numbers = not _OF_A_NODE.isdisjoint(wanted.measure) and figures.info.get("cluster_enabled") == "1"
    if not others:
        return "; that is of this node alone" if numbers else ""
    if not numbers:
        return "; it runs at every node"
    whose = (
        f"all {figures.nodes} primaries together" if figures.nodes > 1 else "one node, and it runs at others"
    )
    return f"; that is of {whose}"


def _how_often(times: int | None) -> str:
    return "" if times == 1 else "; again and again" if times is None else f"; {times:,} times"


def _covered(yes: frozenset[str], spec: Spec) -> bool:
    return spec.name in yes or spec.name.partition(" ")[0] in yes


def _matters(wanted: Needs, spec: Spec, argv: Sequence[bytes], figures: Figures) -> bool:
    """Whether it is worth a question; what is not known is."""
    match wanted.kind:
        case "any":
            return _first_figure(wanted, figures) != 0
        case "many":
            found = _first_figure(wanted, figures)
            return found is None or found >= MANY_KEYS
        case "promotion":
            return figures.info.get("role") != "master"
        case "keys":
            return figures.existing.get(wanted.named) != 0
        case "whole":
            return bool(large(spec, argv, wanted, figures)) or (
                figures.late and not all(key in figures.sizes for key in wanted.keys)
            )
    return not unchanged(spec, argv, wanted, figures)


def _first_figure(wanted: Needs, figures: Figures) -> int | None:
    """Return how much there is of what is measured first, None when that is not known."""
    match wanted.measure[0]:
        case "keyspace":
            found = keyspace(figures)
            return None if found is None else sum(found.values())
        case "database":
            return keys_in(figures.database, figures)
        case "swapped":
            counts = [keys_in(whole(word), figures) for word in wanted.subject]
            return None if None in counts else sum(count or 0 for count in counts)
        case "scripts":
            return counted(figures, "number_of_cached_scripts")
        case "functions":
            return counted(figures, "number_of_libraries")
        case "slot":
            return figures.slots.get(wanted.subject[0]) if wanted.subject else None
    return None


class Found(NamedTuple):
    """A command of a batch that is looked at, and where it stands.

    It will run in that database, ``here`` or on another server, which may be another node of a cluster; ``later``
    than one that writes. ``everywhere`` and ``times`` are as in `verdict`.
    """

    where: str
    spec: Spec
    argv: tuple[bytes, ...]
    wanted: Needs
    database: int | None
    here: bool
    later: bool
    everywhere: bool = False
    times: int = 1


class Batch:
    """Commands that are to run one after the other, of which it keeps those that are looked at."""

    def __init__(self, database: int, first: int | None = None, *, follows: bool = False) -> None:
        """``database`` is what is measured; ``first`` the one that the first command will run in, if another.

        ``follows``: the session goes to the node of a key, and what has none runs at the node where it is.
        """
        self.count = 0
        """How many commands there are."""
        self.found: list[Found] = []
        self._database: int | None = database if first is None else first
        self._begun = database
        self._follows = follows
        self._here = True
        self._moved = False
        self._wrote = False
        self._values = 0
        self._certain = 0

    def add(
        self,
        where: str,
        spec: Spec | None,
        argv: tuple[bytes, ...],
        times: int = 1,
        *,
        everywhere: bool = False,
    ) -> None:
        """Take the next command."""
        self.count += 1
        if spec is None:
            return
        if spec.effect in ("select", "reset"):
            self._database = whole(argv[1]) if spec.effect == "select" and len(argv) > 1 else 0
        wanted = needs(spec, argv)
        if wanted is not None and (wanted.kind != "whole" or self.has_room):
            self._values += len(wanted.keys)
            here = self._here and (bool(wanted.keys or wanted.named) or everywhere or not self._moved)
            runs = self._database, here, self._wrote
            self.found.append(Found(where, spec, argv, self._told_of(wanted), *runs, everywhere, times))
        self._wrote = self._wrote or spec.write
        self._moved = self._moved or (self._follows and bool(spec.key_specs))

    @property
    def has_room(self) -> bool:
        """Whether more values can be measured."""
        return self._values < MOST_VALUES

    def _told_of(self, wanted: Needs) -> Needs:
        """Return what has to be measured: nothing where it is asked about anyhow, behind all that is told."""
        if wanted.kind not in ("always", "keys"):
            return wanted
        self._certain += 1
        return wanted if self._certain <= _LISTED else Needs("always")

    def skip(self, number: int, *, writes: bool) -> None:
        """Hear of commands that need no look."""
        self.count += number
        self._wrote = self._wrote or writes

    def leave(self) -> None:
        """Hear that the commands to come are for another server."""
        self._here = False

    def move(self) -> None:
        """Hear that a command that needed no look may have gone to another node."""
        self._moved = self._follows

    @property
    def wanted(self) -> list[Needs]:
        """What can be measured before the first of them runs: a key may be another one in another database."""
        return [one.wanted for one in self.found if self._is_measured(one) and not one.everywhere]

    @property
    def wanted_everywhere(self) -> list[Needs]:
        """The same of those that are for every node."""
        return [one.wanted for one in self.found if self._is_measured(one) and one.everywhere]

    def _is_measured(self, one: Found) -> bool:
        return one.here and (one.database == self._begun or one.wanted.kind != "whole")

    def judged(
        self, figures: Figures, rules: Rules, of_all: Figures | None = None
    ) -> list[tuple[Found, Verdict]]:
        """Return what is to be done about each that was looked at.

        ``figures`` are of where the first one runs, and ``of_all`` of all nodes together.
        """
        judged: list[tuple[Found, Verdict]] = []
        for one in self.found:
            measured = of_all if one.everywhere and of_all is not None else figures
            found = verdict(
                one.spec,
                one.argv,
                self._figures_of(one, measured),
                rules,
                later=one.later,
                everywhere=one.everywhere,
                times=one.times,
            )
            judged.append((one, found))
            if "parameters" in one.wanted.measure:
                figures = figures.once_set(one.wanted.subject)
            if one.spec.promotes is not None:
                figures = figures.without("role")
        return judged

    def _figures_of(self, one: Found, figures: Figures) -> Figures:
        if one.here and one.database == self._begun:
            return figures
        return figures.elsewhere(one.database) if one.here else Figures(database=one.database)


def together(asked: Sequence[tuple[str, str]], number: int) -> tuple[str, ...]:
    """Return what is said of the dangerous ones among so many commands, each with where it stands."""
    shown = [f"  {where}: {reason}" for where, reason in asked[:_LISTED]]
    more = len(asked) - len(shown)
    head = f"{len(asked):,} of {plural(number, 'command')} {'is' if len(asked) == 1 else 'are'} dangerous:"
    return (head, *shown, *([f"  and {more:,} more"] if more else []))
