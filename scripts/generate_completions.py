"""Write the completion scripts in ``completions/`` from the flags, the tools and the table of commands.

Usage: python scripts/generate_completions.py [--check]

``--check`` writes nothing and fails when a file is not what it would write.
"""

from __future__ import annotations

import sys
from pathlib import Path

from pyredis.commands.spec import TABLE
from pyredis_cli.complete.shells import SHELLS, words
from pyredis_cli.registry import TOOLS

FOLDER = Path(__file__).resolve().parent.parent / "completions"


def main(arguments: list[str]) -> int:
    known = words(TABLE.names(), {name: row.summary for name, row in TOOLS.items()})
    stale = []
    for name, make in SHELLS.items():
        path, text = FOLDER / name, make(known)
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(name)
        if "--check" not in arguments:
            path.write_text(text, encoding="utf-8")
            print(f"wrote completions/{name}")
    if stale and "--check" in arguments:
        print(f"not up to date: {', '.join(stale)}; run python scripts/generate_completions.py")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
