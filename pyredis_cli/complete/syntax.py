"""How a command is written: its grammar from the facts, as one line in the notation of the servers' manuals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyredis.commands.spec import Spec

__all__ = ["syntax"]


def syntax(spec: Spec) -> str:
    """Return the command and its arguments: ``[optional]``, ``<one | of>``, ``repeated [repeated ...]``.

    A container of subcommands has no arguments of its own, and neither has a command learnt from a server.
    """
    return " ".join([spec.name, *map(_argument, spec.arguments)])


def _argument(argument: tuple[Any, ...]) -> str:
    name, kind, token, flags, _, _, display, parts = argument
    words = [_argument(part) for part in parts]
    match kind:
        case "pure-token":
            written = _shown(token)
        case "oneof":
            written = " | ".join(words)
        case "block":
            written = " ".join(words)
        case _:
            written = display or name
    optional = "optional" in flags
    # The brackets of an optional choice set it apart already, unless something stands beside it.
    if kind == "oneof" and (token or not optional or "multiple" in flags):
        written = f"<{written}>"
    if "multiple" in flags and "multiple_token" not in flags:
        written = f"{written} [{written} ...]"
    if token is not None and kind != "pure-token":
        written = f"{_shown(token)} {written}"
    if "multiple_token" in flags:
        written = f"{written} [{written} ...]"
    return f"[{written}]" if optional else written


def _shown(token: str) -> str:
    return token or '""'
