"""Write the completion scripts in ``completions/``.

Usage: python scripts/generate_completions.py [--check]

``--check`` writes nothing and fails when a file is not what it would write.
"""

from __future__ import annotations

import sys
from pathlib import Path

from pyredis_cli.complete.shells import FILES, SCRIPTS

FOLDER = Path(__file__).resolve().parent.parent / "completions"


def main(arguments: list[str]) -> int:
    stale = []
    for shell, text in SCRIPTS.items():
        path = FOLDER / FILES[shell]
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(path.name)
        if "--check" not in arguments:
            path.write_text(text, encoding="utf-8")
            print(f"wrote completions/{path.name}")
    if stale and "--check" in arguments:
        print(f"not up to date: {', '.join(stale)}; run python scripts/generate_completions.py")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
