"""Which words of a command must be neither shown nor kept.

The facts say it of commands that are spelt right. Of the others it is guessed, on the side of caution: a password
behind a misspelt ``AUTH`` is a password still. It knows no file and no screen.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches

from pyredis.commands.rows import canonical
from pyredis.commands.spec import Spec, Table
from pyredis.exceptions import ReplyError, reply_error
from pyredis.url import SCHEMES, masked

__all__ = ["guarded", "hidden", "veiled"]

_LONGEST_NAME = 40
_QUOTED = re.compile(r"'([^']*)'")
_CUT = 20
_URL = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*://")
_USER = re.compile(rb"[^/]*@")


def hidden(argv: Sequence[bytes], table: Table) -> frozenset[int]:
    """Return the positions of the words that are or may be secret."""
    urls = frozenset(position for position, word in enumerate(argv) if _is_secret_url(word))
    return urls | _guessed(argv, table)


def _is_secret_url(word: bytes) -> bool:
    """Whether a word is a URL that holds or may hold a password."""
    scheme = _URL.match(word)
    if scheme is None:
        return False
    if word[: scheme.end() - 3].lower().decode("ascii") not in SCHEMES:
        return _USER.match(word, scheme.end()) is not None
    # Of a URL of ours it is known exactly: a password may hold a slash, and an option may be one.
    text = word.decode("utf-8", "surrogateescape")
    return text != masked(text)


def veiled(error: ReplyError, argv: Sequence[bytes], table: Table) -> ReplyError:
    """Return the error without the secrets of its command, which a server may quote; mostly the error itself."""
    if "'" not in error.message:
        return error
    secrets = [argv[place].decode("utf-8", "surrogateescape") for place in hidden(argv, table)]
    if not secrets:
        return error

    def veil(quoted: re.Match[str]) -> str:
        said = quoted[1]
        # Servers cut long arguments.
        tells = any(said == secret or (len(said) >= _CUT and secret.startswith(said)) for secret in secrets)
        return "'***'" if tells else quoted[0]

    message = _QUOTED.sub(veil, error.message)
    if message == error.message:
        return error
    again = reply_error(message, error.command)
    again.server = error.server
    return again


def _guessed(argv: Sequence[bytes], table: Table) -> frozenset[int]:
    spec = table.find(argv)
    if spec is not None and not spec.subcommands:
        return spec.secret_positions(argv) | _behind_misspelt_words(argv, spec)
    # Nobody knows the command, or the subcommand of that container.
    first = 1 if spec is None else 2
    if len(argv) <= first or not guarded(argv[0].decode("utf-8", "replace"), table):
        return frozenset()
    return frozenset(range(first, len(argv)))


def _behind_misspelt_words(argv: Sequence[bytes], spec: Spec) -> frozenset[int]:
    """Return what stands behind a word that is nearly one that a secret follows: ``CONFIG SET requirepas x``."""
    marks = [mark for kind, marks, *_ in spec.secrets if kind == "after" for mark in marks]
    return frozenset(
        position + 1
        for position, word in enumerate(argv[:-1])
        if marks and len(word) <= _LONGEST_NAME and get_close_matches(canonical(word), marks, cutoff=0.8)
    )


def guarded(name: str, table: Table) -> bool:
    """Return whether a command of that name may carry a secret, as it is spelt or as it may be meant."""
    name = name.upper()
    careful = {spec.name.partition(" ")[0] for spec in table.specs() if spec.secrets}
    if name in careful or table.find([name]) is not None:
        return name in careful
    if len(name) > _LONGEST_NAME:
        return False
    return name.startswith(tuple(careful)) or bool(get_close_matches(name, careful, cutoff=0.7))
