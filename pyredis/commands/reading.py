"""What a connection that must change nothing may send. Pure: an argv in, an argv out or an error.

It trusts the facts alone: a command that they do not call read-only is refused, and so is one that they do not
know. Where a command has a twin that cannot write, that one is sent in its place, and it is the server who refuses
what would write.
"""

from __future__ import annotations

from pyredis.commands.spec import find
from pyredis.exceptions import ReadOnlyRefused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Final

    from pyredis.commands.spec import Spec

__all__ = ["reading"]

_LONGEST_NAME: Final = 64


def reading(argv: Sequence[bytes]) -> Sequence[bytes]:
    """Return the command to send in the place of this one; ReadOnlyRefused when there is none."""
    spec = find(argv)
    if spec is not None and spec.only_reads(argv):
        return argv
    if spec is not None and spec.readonly_twin is not None:
        if word := _lacking(spec, spec.readonly_twin, argv):
            raise ReadOnlyRefused(f"{spec.name} is not read-only with {word}", spec.name)
        return (spec.readonly_twin.encode(), *argv[1:])
    raise _refusal(argv, spec)


def _lacking(spec: Spec, twin: str, argv: Sequence[bytes]) -> str:
    """Return the first option that the twin of a command does not have; empty when it has all."""
    from pyredis.commands.grammar import grammar  # which few sessions need

    reader = find((twin.encode(),))
    words = argv[spec.name.count(" ") + 1 :]
    mistake = None if reader is None else grammar(reader).walk(words).mistake
    if mistake is None:
        return ""
    roles = grammar(spec).walk(words).roles
    role = roles[mistake.place] if mistake.place < len(roles) else None
    return role.name if role is not None and role.kind == "token" else ""


def _refusal(argv: Sequence[bytes], spec: Spec | None) -> ReadOnlyRefused:
    if spec is None or (spec.subcommands and len(argv) > 1):
        name = _shown(argv[:1] if spec is None else argv[:2])
        return ReadOnlyRefused(f"nobody knows what {name} does", name)
    name = spec.name
    if spec.write:
        return ReadOnlyRefused(f"{name} is a write command", name)
    how, _, words = (spec.reads or "").partition(" ")
    if how == "unless":
        return ReadOnlyRefused(f"{name} is not read-only with {' or '.join(words.split())}", name)
    return ReadOnlyRefused(f"{name} is not known to be read-only", name)


def _shown(words: Sequence[bytes]) -> str:
    """Return a name that may be anything in one line."""
    text = " ".join(word[:_LONGEST_NAME].decode("ascii", "backslashreplace") for word in words)
    return text if text.isprintable() else ascii(text)[1:-1]
