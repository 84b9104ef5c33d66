"""From arguments to what was given, by click, and the texts of --help: both are made from the rows of flags.

It knows redis-cli's habits: ``-h`` is the host and a last ``-h`` asks for help, the first word that is no flag
ends the flags, a URL or a @profile may stand in front of the command.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import click

from pyredis_cli.flags import FLAGS, NOT_HERE, Flag, UsageError, by_name, is_profile, is_url
from pyredis_cli.given import Given, ToolArguments
from pyredis_cli.tool_flags import TOOL_FLAGS

__all__ = ["EXAMPLES", "ToolArguments", "help_text", "parse", "parse_tool", "tool_help"]

_PROFILE = "--profile"


def parse(args: Sequence[str]) -> Given:
    """Return what the arguments of the program say; UsageError when they cannot be understood."""
    rows = [flag for rows in FLAGS.values() for flag in rows]
    try:
        params = _params("pyredis-cli", rows, _habits(args))
    except click.BadOptionUsage as error:
        if error.option_name == "-h":
            return Given(help=True)
        raise _misused(error, by_name(error.option_name)) from None
    return Given(**params)


def parse_tool(name: str, args: Sequence[str], *, word: str = "") -> ToolArguments:
    """Return what the words behind the name of a tool say; UsageError when they cannot be understood.

    ``word`` is what the tool is called in the REPL, when they were typed there.
    """
    tool = TOOL_FLAGS[name]
    helping = f"help {word}" if word else f"{name} --help"
    try:
        params = _params(name, tool.flags, args, mixed=tool.mixed, helping=helping, here=bool(word))
    except click.BadOptionUsage as error:
        flag = next((flag for flag in tool.flags if error.option_name in flag.names), None)
        raise _misused(error, flag, helping) from None
    except UsageError as error:
        raise UsageError(f"{word or name}: {error}") from None
    return ToolArguments(params.pop("words", ()), params)


def _params(
    name: str,
    rows: Iterable[Flag],
    args: Sequence[str],
    *,
    mixed: bool = False,
    helping: str = "--help",
    here: bool = False,
) -> dict[str, Any]:
    """Return the fields of the flags that were given, and ``words``; ``here`` is in the REPL."""
    try:
        params = _command(name, rows, mixed=mixed).make_context(name, list(args)).params
    except click.NoSuchOption as error:
        elsewhere = "" if here else _elsewhere(error.option_name, name)
        hint = elsewhere or _similar(error.possibilities, helping)
        raise _unrecognized(error.option_name, hint) from None
    return {field: value for field, value in params.items() if value not in (None, ())}


def _unrecognized(name: str, hint: str) -> UsageError:
    return UsageError(f"Unrecognized option or bad number of args for: '{name}'; {hint}")


def _misused(error: click.BadOptionUsage, flag: Flag | None, helping: str = "--help") -> UsageError:
    takes = f"it takes {flag.metavar or 'no value'}" if flag else f"see {helping}"
    return _unrecognized(error.option_name, takes)


def _elsewhere(flag: str, program: str) -> str:
    """Return what to say of a flag that has another place, or none in this program; nothing of an unknown one."""
    if flag in NOT_HERE:
        instead = NOT_HERE[flag]
        return "redis-cli has it, this program has not" + (f"; {instead}" if instead else "")
    if program != "pyredis-cli":
        return f"it goes in front of {program}" if by_name(flag) else ""
    tools = [name for name, tool in TOOL_FLAGS.items() if any(flag in row.names for row in tool.flags)]
    return f"it goes behind {' or '.join(tools)}" if tools else ""


def _similar(names: Sequence[str] | None, helping: str) -> str:
    return f"did you mean {' or '.join(names)}? See {helping}" if names else f"see {helping}"


def _command(name: str, rows: Iterable[Flag], *, mixed: bool) -> click.Command:
    words = click.Argument(["words"], nargs=-1, type=click.UNPROCESSED)
    return click.Command(
        name,
        params=[*map(_option, rows), words],
        add_help_option=False,
        context_settings={"allow_interspersed_args": mixed, "help_option_names": []},
    )


def _option(flag: Flag) -> click.Option:
    names = [*flag.names, flag.fills]
    if flag.metavar:
        return click.Option(
            names, type=click.UNPROCESSED, callback=partial(_value, flag), multiple=flag.repeats
        )
    return click.Option(names, is_flag=True, flag_value=flag.sets, default=None)


def _value(flag: Flag, _ctx: click.Context, _param: click.Parameter, said: Any) -> object:
    """Return what the flag's row reads from a value, or from each; None when the flag was not given."""
    if said is None:
        return None
    return tuple(_read(flag, text) for text in said) if flag.repeats else _read(flag, said)


def _read(flag: Flag, text: str) -> object:
    try:
        return flag.read(text)
    except ValueError as error:
        from pyredis.url import masked

        text = masked(text) if "://" in text else text
        raise UsageError(f"{'/'.join(flag.names)} {error}, not {text!r}") from None


def _habits(args: Sequence[str]) -> list[str]:
    """Return the arguments with the habits that click has no words for spelled out.

    A URL in front of the command gets its ``-u``, a profile its ``--profile``; a flag that may stand alone, and
    does, gets its value.
    """
    spelled: list[str] = []
    rest = list(args)
    profiles: list[str] = []
    while rest:
        word = rest.pop(0)
        flag = by_name(word)
        if is_profile(word) or word.partition("=")[0] == _PROFILE:
            profiles.append(word)
        if len(profiles) > 1 and (second := next(filter(is_profile, reversed(profiles)), "")):
            raise UsageError(f"{second} is a second profile; give one of them")
        if is_url(word) and "-u" not in spelled:
            spelled += ["-u", word]
        elif is_profile(word):
            spelled += [_PROFILE, word[1:]]
        elif not word.startswith("-") or word in ("-", "--"):
            return [*spelled, word, *rest]
        elif flag is None or flag.metavar is None:
            spelled.append(word)
        elif rest and (flag.fits is None or flag.fits(rest[0])):
            spelled += [word, rest.pop(0)]
        else:
            spelled.append(word if flag.alone is None else f"{word}={flag.alone}")
    return spelled


# -- help

EXAMPLES = """\
Examples:
  pyredis-cli                          type commands and see replies
  pyredis-cli -p 7000 GET greeting     run one command
  pyredis-cli < commands.txt           run one command per line
  pyredis-cli --embedded               try it without a server
"""


def help_text(tools: Iterable[tuple[str, str]], columns: int) -> str:
    """Return the help: examples first, then the tools given as name and summary, then the flags."""
    formatter = _formatter(columns)
    formatter.write("Usage: pyredis-cli [FLAGS] [COMMAND [ARG ...]]\n\n")
    formatter.write(EXAMPLES)
    with formatter.section("Tools"):
        formatter.write_dl(list(tools))
    for title, rows in FLAGS.items():
        _write_flags(formatter, title, rows)
    return formatter.getvalue()


def tool_help(name: str, columns: int) -> str:
    """Return the help of a tool: how it is called, what it does, its flags."""
    tool = TOOL_FLAGS[name]
    formatter = _formatter(columns)
    for start, usage in zip(("Usage:", *("      ",) * len(tool.usage)), tool.usage, strict=False):
        formatter.write(f"{start} pyredis-cli [FLAGS] {usage}\n")
    formatter.write_paragraph()
    formatter.write_text(tool.about)
    if tool.flags:
        _write_flags(formatter, "Flags", tool.flags)
    return formatter.getvalue()


def _formatter(columns: int) -> click.HelpFormatter:
    return click.HelpFormatter(width=max(40, min(columns, 100)))


def _write_flags(formatter: click.HelpFormatter, title: str, rows: Iterable[Flag]) -> None:
    with formatter.section(title):
        formatter.write_dl([(_spelling(flag), flag.help) for flag in rows])


def _spelling(flag: Flag) -> str:
    names = ", ".join(flag.names)
    return f"{names}{flag.behind}"
