"""Write the man page from the flags, the tools and the tables in the README.

Usage: python scripts/generate_man.py [--check]

``--check`` writes nothing and fails when the page is not what it would write.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from textwrap import wrap

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from pyredis_cli.flags import FLAGS, Flag  # noqa: E402
from pyredis_cli.parsing import EXAMPLES  # noqa: E402
from pyredis_cli.registry import TOOLS  # noqa: E402
from pyredis_cli.tool_flags import TOOL_FLAGS  # noqa: E402

PAGE = ROOT / "docs" / "pyredis-cli.1"
DESCRIPTION = (
    "Without a command, pyredis-cli is a prompt to type commands at; when standard input is no terminal, it runs "
    "the commands there, one per line, quoted as in redis-cli.",
    "Flags stand in front of the command and keep redis-cli's spelling. The first word that is no flag is a tool, "
    "else a command of the server; a URL such as redis://localhost:6380/2 may stand in front of it.",
)
FILES = {
    "~/.config/pyredis-cli/config.toml": "profiles, defaults, and preferences of the prompt in a table [repl]",
    ".pyredis-cli.toml": "how things look in the current directory, and nothing else",
    "~/.redisclirc, ~/.valkeyclirc": "preferences in redis-cli's words",
    "~/.local/state/pyredis-cli/history": "the history, secrets as stars",
}


def main() -> int:
    """Write the page, or compare it; return the exit code."""
    made = "".join(f"{line}\n" for line in page())
    if "--check" in sys.argv:
        if made != PAGE.read_text("utf-8"):
            print("docs/pyredis-cli.1 is not as scripts/generate_man.py makes it")
            return 1
        return 0
    PAGE.write_text(made, "utf-8")
    return 0


def page() -> Iterator[str]:
    """Yield the lines of the page."""
    yield '.TH PYREDIS\\-CLI 1 "" "pyredis\\-cli" "User Commands"'
    yield from (".SH NAME", r"pyredis\-cli \- a terminal client for Redis and Valkey")
    yield from (".SH SYNOPSIS", r".B pyredis\-cli", r"[\fIFLAGS\fR] [\fICOMMAND\fR [\fIARG\fR ...]]", ".br")
    yield from (r".B pyredis\-cli", r"[\fIFLAGS\fR] \fITOOL\fR [\fITOOL FLAGS\fR] [\fIARG\fR ...]")
    yield ".SH DESCRIPTION"
    yield paragraph(DESCRIPTION[0])
    yield from (".PP", paragraph(DESCRIPTION[1]))
    yield ".SH FLAGS"
    for title, rows in FLAGS.items():
        yield f".SS {written(title)}"
        yield from flags(rows)
    yield ".SH TOOLS"
    for name in TOOLS:
        yield from tool(name)
    yield from (".SH EXIT STATUS", *definitions(table("exit code")))
    yield from (".SH ENVIRONMENT", *definitions(table("variable")))
    yield from (".SH FILES", *definitions(FILES.items()))
    yield from (".SH EXAMPLES", ".nf", *(written(line) for line in EXAMPLES.splitlines()[1:]), ".fi")
    yield from (".SH SEE ALSO", r".BR redis\-cli (1)")


def tool(name: str) -> Iterator[str]:
    about = TOOL_FLAGS[name]
    yield f".SS {written(name)}"
    for usage in about.usage:
        yield from (rf"\fBpyredis\-cli\fR [\fIFLAGS\fR] {written(usage)}", ".br")
    yield from (".PP", paragraph(about.about))
    yield from flags(about.flags)


def flags(rows: Iterable[Flag]) -> Iterator[str]:
    for flag in rows:
        names = ", ".join(rf"\fB{written(name)}\fR" for name in flag.names)
        blank, shown = (" " if flag.behind.startswith(" ") else ""), written(flag.behind.lstrip())
        value = rf"{blank}\fI{shown}\fR" if shown else ""
        yield from (".TP", names + value, paragraph(flag.help))


def definitions(rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    for term, meaning in rows:
        yield from (".TP", rf"\fB{written(term)}\fR", paragraph(meaning))


def table(title: str) -> Iterator[tuple[str, str]]:
    """Yield the rows of the table in the README whose first column has that title."""
    text = (ROOT / "README.md").read_text("utf-8")
    found = re.search(rf"^\| {title} \|.*\n\|[-:| ]+\|\n((?:\|.*\n)+)", text, re.MULTILINE)
    assert found is not None, f"the README has no table of {title}"
    for line in found[1].splitlines():
        term, meaning = re.split(r"(?<!\\)\|", line.strip("|"))
        yield term.replace("`", "").strip(), meaning.replace(r"\|", "|").strip()


def paragraph(text: str) -> str:
    """Return a text as lines of its own; what is in backquotes is bold."""
    marked = re.sub(r"`([^`]*)`", r"\\fB\1\\fR", written(text))
    lines = wrap(marked, 78, break_long_words=False, break_on_hyphens=False)
    return "\n".join(rf"\&{line}" if line[:1] in (".", "'") else line for line in lines)


def written(text: str) -> str:
    r"""Return a text as roff reads it back: backslashes and hyphens are special, ' ^ and ~ drawn otherwise."""
    for special, escape in (("\\", r"\e"), ("-", r"\-"), ("'", r"\(aq"), ("^", r"\(ha"), ("~", r"\(ti")):
        text = text.replace(special, escape)
    return text


if __name__ == "__main__":
    sys.exit(main())
