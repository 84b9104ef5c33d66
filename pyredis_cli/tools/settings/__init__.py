"""``settings``: what config.toml says; begun, shown and checked.

It asks no server, and looks no password up. It knows how it is called; the modules beside it do the work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pyredis.records import replace
from pyredis_cli.exits import Exit
from pyredis_cli.flags import UsageError, is_profile
from pyredis_cli.parsing import parse_tool
from pyredis_cli.tools.settings.beginning import begin
from pyredis_cli.tools.settings.checking import check
from pyredis_cli.tools.settings.showing import show

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pyredis_cli.given import Given, ToolArguments
    from pyredis_cli.streams import Streams

__all__ = ["run"]


class _Action(NamedTuple):
    """What to do, whether that is about a profile, and whether --origin means something."""

    do: Callable[[Given, Mapping[str, str], Streams, ToolArguments], Exit]
    shows: bool = False


_ACTIONS = {"init": _Action(begin), "show": _Action(show, shows=True), "check": _Action(check)}


def run(given: Given, environ: Mapping[str, str], streams: Streams, words: Sequence[str]) -> int:
    """Do what the first of the words says; return the exit code."""
    arguments = parse_tool("settings", words)
    name, rest = (*arguments.words[:1], "")[0], arguments.words[1:]
    action = _ACTIONS.get(name)
    if action is None:
        raise UsageError(f"settings takes one of {', '.join(_ACTIONS)}" + (f", not {name}" if name else ""))
    if action.shows and len(rest) == 1 and is_profile(rest[0]):
        if given.profile is not None:
            raise UsageError(f"{rest[0]} is a second profile; give one of them")
        given, rest = replace(given, profile=rest[0][1:]), ()
    if rest:
        raise UsageError(f"settings {name} takes {'one @PROFILE' if action.shows else 'nothing more'}")
    if arguments.get("origin") and not action.shows:
        raise UsageError("--origin is for settings show")
    return action.do(given, environ, streams, arguments)
