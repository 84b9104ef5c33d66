"""Write the pictures of all views into docs/output.md: ``python scripts/generate_views_doc.py [--check]``.

What is shown are replies of real servers, recorded in ``tests/render/views``, at 100 columns and without colours.
``--check`` writes nothing and fails when the page does not show what the program does.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from pyredis_cli import registry  # noqa: E402
from tests.render.views.recorded import Recorded, recorded, shown  # noqa: E402

PAGE = ROOT / "docs" / "output.md"
BEGIN = "<!-- views: made by scripts/generate_views_doc.py -->\n"
END = "<!-- end of views -->\n"
WIDTH = 100
# Of a long reply its beginning tells enough.
MOST_LINES = 24


def main() -> int:
    """Write the page, or compare it; return the exit code."""
    page = PAGE.read_text("utf-8")
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    made = before + BEGIN + "".join(_views()) + "\n" + END + after
    if "--check" in sys.argv:
        if made != page:
            print("docs/output.md is not as scripts/generate_views_doc.py makes it")
        return made != page
    PAGE.write_text(made, "utf-8")
    return 0


def _views() -> Iterator[str]:
    examples: dict[str, Recorded] = {}
    # The shortest name is the plain case; the others are older servers, and trouble.
    for name, one in sorted(recorded().items(), key=lambda item: len(item[0])):
        if one.spec is not None and name.endswith(".3"):
            examples.setdefault(one.spec.name, one)
    same: dict[str, list[str]] = {}
    for command, row in sorted(registry.VIEWS.items()):
        same.setdefault(row.where, []).append(command)
    for commands in same.values():
        yield _view(commands, examples[min(commands, key=len)])


def _view(commands: list[str], one: Recorded) -> str:
    lines = shown(one, WIDTH).splitlines()
    more = len(lines) - MOST_LINES
    if more > 0:
        lines = [*lines[:MOST_LINES], f"[and {more} more lines]"]
    asked = shlex.join(word.decode() for word in one.argv)
    picture = "\n".join(["```text", f"> {asked}", *lines, "```"])
    return f"\n### {', '.join(commands)}\n\n{picture}\n"


if __name__ == "__main__":
    sys.exit(main())
