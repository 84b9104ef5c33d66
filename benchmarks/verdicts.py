"""What the figures say: the bars that the client has to clear, and the report, as Markdown.

Values in, text out: no process, no clock. Contenders of one round ran next to each other, so what slows the
machine down for a while slows them all: a ratio is therefore the median of the ratios of the rounds, and its
spread is given with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final, Literal, TypeAlias

from benchmarks.contenders import CLUSTERED, PEERS
from benchmarks.report import table
from benchmarks.workloads import CLUSTER_WORKLOADS, WORKLOADS, Sample

__all__ = ["BARS", "Bar", "Figures", "Ratio", "beside_lines", "figures_table", "ratio", "verdicts_table"]

Figures: TypeAlias = Mapping[tuple[str, str], Sequence[Sample | None]]
"""Workload and contender -> the sample of each round; None where there is none."""
Measured: TypeAlias = Literal["rate", "cpu", "p50", "p99"]

_LIMIT: Final = "probe"
_OURS: Final = "pyredis"
_BEST_PEER: Final = "the best peer"
_NAMES: Final[Mapping[str, str]] = {
    "rate": "operations/s",
    "cpu": "CPU per operation",
    "p50": "p50",
    "p99": "p99",
}


@dataclass(frozen=True, slots=True)
class Bar:
    """What one figure of pyredis must be, in proportion to somebody's (its own, even) at the same workload."""

    workload: str
    limit: float
    against: str = _LIMIT
    of: Measured = "rate"
    to: Measured = "rate"
    ours: str = _OURS

    @property
    def at_most(self) -> bool:
        """Whether less is better: so it is for everything but operations per second."""
        return self.of != "rate"

    def __str__(self) -> str:
        bound = "at most" if self.at_most else "at least"
        other = self.against if self.to == self.of else f"its own {_NAMES[self.to]}"
        return f"{_NAMES[self.of]}: {bound} {self.limit:g} x {other}"

    def met_by(self, measured: float) -> bool:
        return measured <= self.limit if self.at_most else measured >= self.limit


def _for_each(workloads: str, *bars: tuple[str, float]) -> list[Bar]:
    return [Bar(workload, limit, against) for workload in workloads.split() for against, limit in bars]


BARS: Final = (
    *_for_each("seq", (_LIMIT, 0.85)),
    Bar("seq", 0.5, "redis-py", of="cpu", to="cpu"),
    *_for_each("get50 get200 get1000", (_LIMIT, 0.75), ("redis-py", 12), ("valkey-glide", 4)),
    Bar("get200", 3, _OURS, of="p99", to="p50"),
    *_for_each("bulk100 bulk5000", (_LIMIT, 0.65), ("redis-py", 6), ("valkey-glide", 3)),
    *_for_each("mib1 mib8", (_LIMIT, 0.85), ("redis-py", 1.3), (_BEST_PEER, 1)),
    *_for_each("lrange1k lrange20k hgetall1k hgetall20k xrange1k xrange20k", (_LIMIT, 0.85), (_BEST_PEER, 1)),
    *_for_each("connect", (_LIMIT, 0.8), ("redis-py", 4)),
    *_for_each("mixed", (_LIMIT, 3), ("redis-py", 1.5)),
    Bar("mixed", 1, "redis-py", of="p99", to="p99"),
    *_for_each("timeout", ("pyredis-untimed", 0.9)),
    *(
        Bar(workload, limit, against, ours=_OURS + CLUSTERED)
        for workload in CLUSTER_WORKLOADS
        for against, limit in (("redis-py" + CLUSTERED, 8), ("valkey-glide" + CLUSTERED, 3), (_OURS, 0.6))
    ),
)


@dataclass(frozen=True, slots=True)
class Ratio:
    """The median of the rounds' ratios, and the least and the greatest of them."""

    median: float
    least: float
    greatest: float

    @property
    def spread(self) -> str:
        return f"{self.least:.2f} to {self.greatest:.2f}"


def ratio(
    ours: Sequence[Sample | None], theirs: Sequence[Sample | None], of: Measured, to: Measured
) -> Ratio | None:
    """Return how one figure relates to another, round by round; None when no round has both."""
    ratios = [
        getattr(one, of) / getattr(other, to)
        for one, other in zip(ours, theirs, strict=True)
        if one is not None and other is not None
    ]
    return Ratio(median(ratios), min(ratios), max(ratios)) if ratios else None


# The figures


def figures_table(figures: Figures) -> str:
    """Return every figure of one transport, workload by workload."""
    titles = (
        "workload",
        "contender",
        "operations/s",
        "spread",
        "of the probe",
        "CPU us",
        "of the probe's",
        "p50 us",
        "p99 us",
    )
    rows: list[Sequence[str]] = []
    for (workload, contender), samples in figures.items():
        title = _title(workload)
        limit = figures.get((workload, _LIMIT), [None] * len(samples))
        first = not rows or all(title != row[0] for row in rows)
        rows.append((title if first else "", contender, *_figures(samples, limit)))
    return table(titles, rows, left=2)


def _figures(samples: Sequence[Sample | None], limit: Sequence[Sample | None]) -> list[str]:
    taken = [sample for sample in samples if sample is not None]
    if not taken:
        return ["-"] * 7
    rates = [sample.rate for sample in taken]
    return [
        _number(median(rates)),
        f"{_number(min(rates))} to {_number(max(rates))}",
        _share(ratio(samples, limit, "rate", "rate")),
        _number(median(sample.cpu for sample in taken)),
        _share(ratio(samples, limit, "cpu", "cpu")),
        _number(median(sample.p50 for sample in taken)),
        _number(median(sample.p99 for sample in taken)),
    ]


def _share(measured: Ratio | None) -> str:
    return f"{measured.median:.2f}" if measured else "-"


def beside_lines(figures: Figures) -> Iterable[str]:
    """Yield what the tasks beside got done, a line for each workload that has one."""
    for name, workload in WORKLOADS.items():
        rates = {
            contender: median([sample.beside for sample in samples if sample is not None] or [0])
            for (measured, contender), samples in figures.items()
            if measured == name and workload.beside
        }
        if rates:
            said = ", ".join(f"{contender} {rate:.1f}" for contender, rate in rates.items())
            yield f"{workload.beside[0]} per second beside the {workload.title.partition(',')[0]}: {said}."


# The verdicts


def verdicts_table(transports: Mapping[str, Figures]) -> str:
    """Return each bar with what was measured over each transport, and whether that clears it."""
    titles = ["workload", "bar"]
    for transport in transports:
        titles += [transport, "spread", "verdict"]
    rows = [
        [
            _title(bar.workload),
            str(bar),
            *(cell for figures in transports.values() for cell in _verdict(bar, figures)),
        ]
        for bar in BARS
        if any(workload == bar.workload for figures in transports.values() for workload, _ in figures)
    ]
    return table(titles, rows, left=2)


def _verdict(bar: Bar, figures: Figures) -> tuple[str, str, str]:
    against = _best_peer(bar.workload, figures) if bar.against == _BEST_PEER else bar.against
    ours, theirs = figures.get((bar.workload, bar.ours), ()), figures.get((bar.workload, against), ())
    measured = ratio(ours, theirs, bar.of, bar.to) if ours and theirs else None
    if measured is None:
        return "-", "-", "not measured"
    whose = f" ({against})" if bar.against == _BEST_PEER else ""
    verdict = "met" if bar.met_by(measured.median) else "NOT met"
    return f"{measured.median:.2f}{whose}", measured.spread, verdict


def _best_peer(workload: str, figures: Figures) -> str:
    """Return the peer with the most operations per second; any, when none was measured."""

    def rate(peer: str) -> float:
        samples = figures.get((workload, peer), ())
        return median([sample.rate for sample in samples if sample is not None] or [0])

    return max(PEERS, key=rate)


def _title(workload: str) -> str:
    return f"{workload}: {(WORKLOADS.get(workload) or CLUSTER_WORKLOADS[workload]).title}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"
