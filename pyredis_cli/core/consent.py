"""What the guard finds is told and asked on standard error: for a command of the arguments, and for scripts.

A question is for who sits at the terminal: what was typed before it could be read is lost, and all but a yes is a
no. Whether anybody is there, `Streams` knows.
"""

from __future__ import annotations

from pyredis_cli.core.costs import needs
from pyredis_cli.core.figures import Figures
from pyredis_cli.core.guard import Ask, Refuse, rules_of, verdict
from pyredis_cli.exits import Exit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pyredis.commands.spec import Spec
    from pyredis_cli.core.costs import Needs
    from pyredis_cli.core.guard import Verdict
    from pyredis_cli.settings import Settings
    from pyredis_cli.streams import Streams

__all__ = ["agreed", "allowed", "looks"]


def looks(settings: Settings, streams: Streams, spec: Spec | None, argv: Sequence[bytes]) -> bool:
    """Return whether the guard has to look at a command; most need nothing more than this."""
    if spec is None or not spec.may_cost(len(argv)):
        return False
    rules = rules_of(settings, terminal=streams.can_ask)
    return not rules.idle and needs(spec, argv) is not None


def allowed(
    settings: Settings,
    streams: Streams,
    spec: Spec | None,
    argv: Sequence[bytes],
    measure: Callable[[Sequence[Needs]], Figures],
    *,
    everywhere: bool = False,
    times: int | None = 1,
) -> bool:
    """Return whether a command may be sent, once the person has been asked if they must be; a no is told.

    It is measured where a person is there who has to know; ``everywhere`` and ``times`` are as in `verdict`.
    """
    rules, wanted = rules_of(settings, terminal=streams.can_ask), needs(spec, argv)
    if wanted is None or rules.idle:
        return True
    figures = measure([wanted]) if rules.terminal else Figures()
    return agreed(streams, [verdict(spec, argv, figures, rules, everywhere=everywhere, times=times)])


def agreed(streams: Streams, verdicts: Sequence[Verdict], told: Sequence[str] = ()) -> bool:
    """Return whether all may be sent, once the person was asked; ``told`` is said of several in their place."""
    refused = [found.reason for found in verdicts if isinstance(found, Refuse)]
    asked = [found for found in verdicts if isinstance(found, Ask)]
    if not (refused or asked):
        return True
    for line in told or [*refused, *(found.reason for found in asked)]:
        _tell(streams, line)
    if not refused and _answered(streams, asked[0].name):
        return True
    streams.say("refused, nothing was sent" if refused else "nothing was sent")
    return False


def _tell(streams: Streams, line: str) -> None:
    """Say a line; on a terminal it is cut between words."""
    if not streams.stderr_tty:
        streams.say(line)
        return
    from pyredis_cli.core.sentence import in_lines

    for part in in_lines(streams.printable(line), streams.stderr_columns):
        streams.say(part)


def _answered(streams: Streams, name: str) -> bool:
    """Return whether the person types a yes, or the name when there is one."""
    _drop_typed_ahead(streams)
    try:
        typed = streams.ask(f"Type {name} to go on: " if name else "Go on? [y/N] ").strip()
    except EOFError:
        typed = _unanswered(streams)
    except SystemExit as ending:
        if ending.code != Exit.INTERRUPT:
            raise
        typed = _unanswered(streams)  # Ctrl-C is a no
    return typed == name if name else typed.lower() in ("y", "yes")


def _unanswered(streams: Streams) -> str:
    """Return no answer, once the line of the question is ended."""
    streams.say("")
    return ""


def _drop_typed_ahead(streams: Streams) -> None:
    """Lose what was typed before there was a question that it could answer, and say so."""
    import termios
    from fcntl import ioctl

    try:
        waiting = ioctl(streams.stdin.fileno(), termios.FIONREAD, b"\0" * 4)
        termios.tcflush(streams.stdin.fileno(), termios.TCIFLUSH)
    except (OSError, termios.error):
        return  # it is no terminal, and nobody types there
    if any(waiting):
        streams.say("dropped what was typed ahead")
