"""redis-cli's modes, ``--scan --pattern x`` and the like, as a tool of ours and the words behind its name."""

from __future__ import annotations

from pyredis.records import NamedTuple
from pyredis_cli.flags import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pyredis_cli.given import Given

__all__ = ["tool_of"]


class _Mode(NamedTuple):
    """A flag that chooses a tool: the field it fills, the tool, and what the tool is told."""

    flag: str
    field: str
    tool: str
    told: Callable[[Given], Iterator[str]]
    companions: tuple[str, ...] = ()


def _find(given: Given) -> Iterator[str]:
    for flag, value in (("--type", given.type), ("--count", given.count), ("--limit", given.limit)):
        if value is not None:
            yield from (flag, str(value))
    if given.ttl is not None:
        yield f"--{given.ttl}"
    if given.size:
        yield "--size"
    # Behind a pattern there may be flags, as behind find's; a first word with a dash stood behind a -- itself.
    flags_may_follow = given.words and not given.words[0].startswith("-")
    if flags_may_follow:
        yield from (*given.words, "--", *_patterns(given))
    else:
        yield from ("--", *_patterns(given), *given.words)


def _patterns(given: Given) -> Iterator[str]:
    if given.pattern is not None:
        yield given.pattern
    if given.quoted_pattern is not None:
        yield _unquoted(given.quoted_pattern)


def _unquoted(text: str) -> str:
    from pyredis_cli.splitting import SplitError, split

    try:
        words = split(text)
    except SplitError:
        words = []
    if len(words) != 1:
        raise UsageError(f"--quoted-pattern must be one word, quoted as in the REPL, not {text!r}")
    return words[0].decode("utf-8", "surrogateescape")


def _pipe(given: Given) -> Iterator[str]:
    if given.pipe_timeout is not None:
        yield f"--timeout={given.pipe_timeout:g}"
    yield from given.words


def _rdb(given: Given) -> Iterator[str]:
    yield from ("--", str(given.rdb), *given.words)


def _functions_rdb(given: Given) -> Iterator[str]:
    yield from ("--functions", "--", str(given.functions_rdb), *given.words)


def _lua(given: Given) -> Iterator[str]:
    yield from ("--", str(given.eval), *given.words)


def _words(given: Given) -> Iterator[str]:
    yield from given.words


def _ping(given: Given) -> Iterator[str]:
    if given.words:
        raise UsageError(f"--ping runs no other command; leave out {given.words[0]}")
    if given.wait:
        yield f"{given.wait:g}"


_MODES = (
    _Mode("--eval", "eval", "lua", _lua),
    _Mode(
        "--scan",
        "scan",
        "find",
        _find,
        ("--pattern", "--quoted-pattern", "--count", "--type", "--limit", "--ttl", "--size"),
    ),
    _Mode("--pipe", "pipe", "pipe", _pipe, ("--pipe-timeout",)),
    _Mode("--rdb", "rdb", "rdb", _rdb),
    _Mode("--functions-rdb", "functions_rdb", "rdb", _functions_rdb),
    _Mode("--replica", "replica", "replica", _words),
    _Mode("--ping", "ping", "ping", _ping, ("--wait",)),
)


def tool_of(given: Given) -> tuple[str, tuple[str, ...]] | None:
    """Return the tool that a mode names and its words; None when there is no mode.

    Raises UsageError for two modes, and for a flag whose mode is not there.
    """
    chosen = [mode for mode in _MODES if _is_given(given, mode.field)]
    if len(chosen) > 1:
        raise UsageError(f"{chosen[0].flag} and {chosen[1].flag} exclude each other; give one of them")
    for mode in _MODES:
        for flag in mode.companions:
            field = flag[2:].replace("-", "_")
            if mode not in chosen and _is_given(given, field):
                raise UsageError(f"{flag} belongs to {mode.flag}; give that, too, or leave it out")
    return (chosen[0].tool, tuple(chosen[0].told(given))) if chosen else None


def _is_given(given: Given, field: str) -> bool:
    said = getattr(given, field)
    return said is not None and said is not False  # 0 seconds are something that was said
