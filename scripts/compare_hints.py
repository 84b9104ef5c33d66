"""Print where our hints differ from those of a redis-cli, 7.2 or newer, over tests/commands/hints.txt.

Usage: python scripts/compare_hints.py /path/to/redis-cli

Of 706 lines, 522 have the same hint in redis-cli 7.4.1, whose built-in table is that of 7.4. The others differ
because

- it knows no commands and options of 8.x: it dies of HGETEX, and says nothing of DIFF behind BITOP;
- it does not count: behind ``LMPOP 1 k`` it still hints ``[key ...]``, and then takes LEFT for a key;
- it writes ``LEFT|RIGHT`` where the reference has ``<LEFT|RIGHT>``, and leaves a bracket over behind a repeated
  option (``[member ...]]``);
- it takes ``BLPOP k 0`` for two keys, where we take the number for the timeout;
- it gives up where a number has another form (``ZCOUNT key (1``, ``BITFIELD key GET u8 #2``);
- it wants an option that repeats in one go, where the server takes ``SORT key GET # ALPHA GET n_*``.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from pyredis.commands.spec import TABLE  # noqa: E402
from pyredis_cli.complete.hints import hint  # noqa: E402

TABLED: Final = ROOT / "tests/commands/hints.txt"


def lines() -> Iterator[str]:
    for line in TABLED.read_text().splitlines():
        if "->" in line and not line.startswith("#"):
            yield line.partition("->")[0].rstrip() + " "


def theirs(cli: str, line: str) -> str:
    asked = subprocess.run([cli, "--test_hint", line], capture_output=True, text=True, check=False)
    return "(it dies)" if asked.returncode < 0 else asked.stdout.strip().replace(" | ", "|")


def main() -> int:
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    told = [(line, hint(line, TABLE).strip(), theirs(sys.argv[1], line)) for line in lines()]
    differing = [row for row in told if row[1] != row[2]]
    for line, own, other in differing:
        print(f"{line}\n  ours    {own}\n  theirs  {other}")
    print(f"{len(told)} lines, {len(told) - len(differing)} with the same hint")
    return 0


if __name__ == "__main__":
    sys.exit(main())
