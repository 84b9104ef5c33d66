"""The commands that a profile has run on each new connection: read from lines, and found to be harmless there.

What would change the database, the user, the protocol or the mode of a connection is refused: it has a key of its
own, or would leave nobody the connection that was meant. So is what a person is asked about: each connection would
do it once more, those in the background too.
"""

from __future__ import annotations

from pyredis.commands.reading import reading
from pyredis.commands.spec import find
from pyredis.exceptions import ReadOnlyRefused
from pyredis_cli.splitting import SplitError, split

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["argvs"]

_KEYS = {
    "select": "database chooses another one",
    "auth": "username and pass_file, password_command or keyring log in",
    "hello": "protocol chooses RESP2 or RESP3",
}
_HARMLESS = "alters"
"""The one effect that a command may have: it changes how the connection is treated, and nothing else."""


def argvs(lines: Sequence[str], encoding: str, *, read_only: bool) -> tuple[tuple[bytes, ...], ...]:
    """Return the commands of the lines; ValueError says which of them cannot be run there, and why."""
    return tuple(_argv(line, encoding, read_only=read_only) for line in lines)


def _argv(line: str, encoding: str, *, read_only: bool) -> tuple[bytes, ...]:
    try:
        argv = tuple(split(line, encoding))
    except SplitError as error:
        raise ValueError(f"has a line that cannot be read: {error}") from None
    except UnicodeEncodeError:
        raise ValueError(f"has a line with characters that {encoding} lacks") from None
    if not argv:
        raise ValueError("has a line without a command")
    spec = find(argv)
    if spec is not None and spec.effect not in (None, _HARMLESS):
        mend = _KEYS.get(spec.effect or "", "a new connection must be one for any command")
        raise ValueError(f"must not have {spec.name}: {mend}")
    if spec is not None and spec.blocks_for(argv) is not None:
        raise ValueError(f"must not have {spec.name}: it would wait")
    if spec is not None and (spec.is_asked_about(argv) or spec.makes_a_primary(argv)):
        raise ValueError(f"must not have {spec.name}: nobody is asked there, so it is to be typed")
    if read_only:
        try:
            reading(argv)
        except ReadOnlyRefused as refusal:
            raise ValueError(f"must not be where read_only is true: {refusal.reason}") from None
    return argv
