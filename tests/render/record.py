"""Records what a redis-cli prints: ``python -m tests.render.record /path/to/redis-cli``.

JSON that does not parse is not recorded, for we do not print it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.render.cases import CASES, FORMS, snapshot
from tests.render.oracle import printed


def record(binary: Path) -> None:
    """Write the snapshots of all cases."""
    for case, reply in CASES.items():
        for form in FORMS:
            output = printed(binary, [reply], f"--{form}")
            if form != "json" or _parses(output):
                snapshot(case, form).write_bytes(output)


def _parses(output: bytes) -> bool:
    try:
        json.loads(output)
    except ValueError:
        return False
    return True


if __name__ == "__main__":
    record(Path(sys.argv[1]))
