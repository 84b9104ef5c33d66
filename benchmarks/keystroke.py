"""What one keystroke costs in the REPL: the line taken apart, the menu, the hint, the colours.

Usage: python benchmarks/keystroke.py [--rounds N] [--keys N]

Lines of every command of the table, made by walking its grammar, are typed character by character while the cache
holds many keys; each keystroke is everything that is asked of `pyredis_cli.complete` then, on a line it has not
seen before. No terminal and no server take part. Times are CPU time of the thread, for a busy machine delays
them all.
"""

from __future__ import annotations

import argparse
import gc
import platform
import random
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.report import machine, table
from pyredis.commands.grammar import grammar
from pyredis.commands.spec import TABLE, Spec
from pyredis.version import __version__
from pyredis_cli.complete import NameCache, candidates, tokens
from pyredis_cli.complete.hints import hint
from pyredis_cli.complete.names import DatabaseNames
from pyredis_cli.complete.paint import blot, paint
from pyredis_cli.render.escape import readable

_PAIRS: Final = 1_000
_BARS: Final = {"a keystroke": 5.0, f"ZADD with {_PAIRS:,} pairs": 20.0}
"""What the p99 may be at most, in milliseconds."""
_TYPES: Final = ("string", "hash", "list", "set", "zset", "stream", "")
_VALUES: Final = {
    "integer": "12",
    "unix-time": "1700000000",
    "double": "1.5",
    "pattern": "user:*",
    "string": "word",
}


def cached(keys: int, random: random.Random) -> NameCache:
    """Return a cache of so many keys, of some types, a few of them used lately."""
    cache = NameCache()
    for start in range(0, keys, 1_000):
        names = [key(random) for _ in range(min(1_000, keys - start))]
        cache.learn("key", names, type=_TYPES[start // 1_000 % len(_TYPES)])
        cache.touch("key", names[0])
    return cache


def key(random: random.Random) -> bytes:
    part = random.choice(("cart", "log", "profile", "session"))
    return f"user:{random.randrange(10_000_000)}:{part}".encode()


def line(spec: Spec, random: random.Random) -> str:
    """Return a line that the grammar of a command allows, as far as it goes."""
    words: list[str] = []
    for _ in range(random.randrange(3, 9)):
        walk = grammar(spec).walk([word.encode() for word in words])
        if not walk.terms:
            break
        term = random.choice(walk.terms)
        match term.kind:
            case "token":
                words.append(term.shown)
            case "key":
                words.append(key(random).decode())
            case _:
                words.append(_VALUES[term.kind])
    return " ".join([spec.name, *words])


def typed(text: str) -> Iterator[str]:
    """Yield what stands there after each key."""
    return (text[:end] for end in range(1, len(text) + 1))


def keystroke(text: str, names: DatabaseNames) -> dict[str, float]:
    """Do what a keystroke asks for; return the milliseconds of each part."""
    times = {}
    parts: dict[str, Callable[[], object]] = {
        "tokens and walk": lambda: tokens(text, TABLE).walk_through,
        "candidates": lambda: candidates(
            tokens(text, TABLE), TABLE, names, {"help": "", "quit": ""}, quote=readable
        ),
        "hint": lambda: hint(text, TABLE),
        "colours and mistakes": lambda: (paint(text, TABLE), blot(text, TABLE, finished=False)),
    }
    for name, part in parts.items():
        started = time.thread_time()
        part()
        times[name] = (time.thread_time() - started) * 1_000
    return times


def figures(title: str, samples: list[dict[str, float]]) -> list[tuple[str, ...]]:
    """Return the rows of a report: all parts together, which the bar is for, then each of them."""
    totals = [sum(sample.values()) for sample in samples]
    bar = _BARS[title]
    verdict = "met" if _quantile(totals, 0.99) <= bar else "NOT met"
    rows = [(title, *_cells(totals), f"p99: at most {bar:g}", verdict)]
    rows += [(f"- {name}", *_cells([sample[name] for sample in samples]), "", "") for name in samples[0]]
    return rows


def _cells(values: list[float]) -> tuple[str, ...]:
    return tuple(f"{_quantile(values, share):.2f}" for share in (0.5, 0.99, 1))


def _quantile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure what a keystroke costs.")
    parser.add_argument("--rounds", type=int, default=3, help="lines of each command (default: 3)")
    parser.add_argument("--keys", type=int, default=50_000, help="how many keys are known (default: 50000)")
    options = parser.parse_args()
    chance = random.Random(1)
    names = cached(options.keys, chance).of(0)
    lines = [line(spec, chance) for _ in range(options.rounds) for spec in TABLE.specs()]
    gc.collect()
    usual = [keystroke(text, names) for whole in lines for text in typed(whole)]
    pairs = "ZADD board " + " ".join(f"{number} member:{number}" for number in range(_PAIRS))
    long = [
        keystroke(f"{pairs}{rest}", names) for number in range(10) for rest in typed(f" {number}.5 member:x")
    ]
    print(f"# Keystrokes\n\n- {machine()}")
    print(f"- Python {platform.python_version()}, pyredis {__version__}")
    print(
        f"- {len(usual):,} keystrokes of {len(lines):,} lines, {options.keys:,} keys; milliseconds of CPU\n"
    )
    rows = [
        row for title, samples in zip(_BARS, (usual, long), strict=True) for row in figures(title, samples)
    ]
    print(table(("", "p50", "p99", "max", "bar", "verdict"), rows, left=1))


if __name__ == "__main__":
    main()
