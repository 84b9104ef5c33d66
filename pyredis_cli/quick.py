"""The flags in front of a command, or of none, without click, as far as they are usual and spelt the usual way.

It reads the same rows, so the same words mean the same. What it does not know for sure it leaves to ``parsing``,
mistakes too: that tells them.
"""

from __future__ import annotations

from pyredis_cli.flags import FLAGS, by_name, is_url
from pyredis_cli.given import Given

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyredis.commands.spec import Spec

__all__ = ["command", "quick"]

_UNUSUAL = frozenset(
    [
        *("help", "version", "cluster", "embedded", "color", "no_input"),
        *("times", "interval", "tag", "last_from_stdin", "quoted_input", "show_pushes"),
        *(flag.fills for flag in FLAGS["redis-cli's modes"]),
    ]
)
"""Fields of flags that lead elsewhere than to one command or one script on one server."""

_SCHEMES = ("redis://", "rediss://", "valkey://", "valkeys://", "unix://")


def quick(args: Sequence[str]) -> Given | None:
    """Return what the arguments say of one command, or a script, to one server.

    None when that is for ``parsing`` to tell.
    """
    said: dict[str, object] = {}
    at = 0
    while at < len(args) and args[at].startswith(("-", "@")):
        if args[at].startswith("@"):
            if "profile" in said or len(args[at]) == 1:
                return None
            said["profile"] = args[at][1:]
            at += 1
            continue
        flag = by_name(args[at])
        at += 1
        if flag is None or flag.alone is not None or flag.repeats:
            return None
        if flag.metavar is None:
            said[flag.fills] = flag.sets
            continue
        if at == len(args):
            return None
        try:
            value = flag.read(args[at])
        except ValueError:
            return None
        if flag.fills == "profile" and "profile" in said:
            return None
        if value is not None:
            said[flag.fills] = value
        at += 1
    if (at < len(args) and is_url(args[at])) or not said.keys().isdisjoint(_UNUSUAL):
        return None
    given = Given(words=tuple(args[at:]), **said)  # type: ignore[arg-type]
    return given if given.url is None or given.url.lower().startswith(_SCHEMES) else None


def command(words: Sequence[str]) -> tuple[Sequence[str], Spec] | None:
    """Return the words of a command without ``exec`` in front, and what the facts say of it.

    None when there is none, when nothing is known of it, and when it changes the state of its connection.
    """
    if not words:
        return None
    from pyredis.commands.spec import find

    words = words[1:] if words[0] == "exec" else words
    spec = find(words)
    return None if spec is None or spec.effect is not None else (words, spec)
