"""Which words of a command must be neither shown nor kept.

The facts say it of commands that are spelt right. Of the others it is guessed, on the side of caution: a password
behind a misspelt ``AUTH`` is a password still, and servers repeat what they do not understand. It knows no file
and no screen.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from pyredis.commands.rows import canonical
from pyredis.commands.spec import Spec, Table
from pyredis.exceptions import ReplyError, reply_error
from pyredis.url import SCHEMES, masked

__all__ = ["guarded", "hidden", "veiled"]

_LONGEST_NAME = 40
_SHORT_NAME = 5
_URL = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*://")
_USER = re.compile(rb"[^/]*@")
_STARS = "***"
_FLAGS = (b"-a", b"--pass", b"--password")
_OF_PATTERNS = frozenset((b"~", b"%", b"&", b"+", b"-"))
"""With what a rule begins that names keys, channels or commands, in which any sign may stand."""
_GLUED = tuple(flag + b"=" for flag in _FLAGS[1:])
# Behind that a server repeats as much of the arguments as it has room for; of the last one perhaps a part.
_ECHO = re.compile(r"(args beginning with: ).*", re.DOTALL)


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


def _guessed(argv: Sequence[bytes], table: Table) -> frozenset[int]:
    spec = table.find(argv)
    if spec is not None and not spec.subcommands:
        return spec.secret_positions(argv) | _behind_misspelt_words(argv, spec) | _in_glued_rules(argv, spec)
    # Nobody knows the command, or the subcommand of that container.
    first = 1 if spec is None else 2
    if len(argv) <= first:
        return frozenset({0} if spec is None and argv and _is_glued(argv[0], table) else ())
    if guarded(argv[0].decode("utf-8", "replace"), table):
        return frozenset(range(first, len(argv)))
    return frozenset() if spec is not None else _behind_a_prompt(argv, table) | _behind_flags(argv)


def _is_glued(word: bytes, table: Table) -> bool:
    """Whether a word is a command and its secret without the blank between them: ``AUTHhunter2``."""
    name = canonical(word[:_LONGEST_NAME])
    return any(
        name.startswith(spec.name) for spec in table.specs() for rule in spec.secrets if rule[0] == "from"
    )


def _behind_a_prompt(argv: Sequence[bytes], table: Table) -> frozenset[int]:
    """Return the secrets of a command that stands behind something else: ``127.0.0.1:6379> AUTH x``."""
    for start, word in enumerate(argv[1:], 1):
        if canonical(word) in _careful(table):
            return frozenset(start + position for position in hidden(argv[start:], table))
    return frozenset()


def _behind_flags(argv: Sequence[bytes]) -> frozenset[int]:
    """Return the passwords of a line for a shell: ``redis-cli -a x ping``."""
    behind = {place for place, word in enumerate(argv[1:], 2) if word in _FLAGS and place < len(argv)}
    glued = {place for place, word in enumerate(argv) if place and word.startswith(_GLUED)}
    return frozenset(behind | glued)


def _behind_misspelt_words(argv: Sequence[bytes], spec: Spec) -> frozenset[int]:
    """Return what stands behind a word that is nearly one that secrets follow: ``CONFIG SET requirepas x``."""
    rules = [rule for rule in spec.secrets if rule[0] == "after"]
    exact = {mark for _, marks, _ in rules for mark in marks}
    words = [canonical(word) if len(word) <= _LONGEST_NAME else "" for word in argv]
    return frozenset(
        place
        for _, marks, count in rules
        for position, word in enumerate(words)
        if word not in exact and _is_nearly_one(word, marks)
        for place in range(position + 1, min(position + 1 + count, len(argv)))
    )


def _in_glued_rules(argv: Sequence[bytes], spec: Spec) -> frozenset[int]:
    """Return the rules with the sign of a secret inside: ``ACL SETUSER ada on>x``, of which servers say all."""
    return frozenset(
        place
        for rule in spec.secrets
        if rule[0] == "starting"
        for place in range(rule[2], len(argv))
        if argv[place][:1] not in _OF_PATTERNS and any(sign in argv[place][1:] for sign in rule[1])
    )


def _is_nearly_one(word: str, names: Sequence[str]) -> bool:
    # In a short word two letters that changed places are half of it.
    return bool(get_close_matches(word, names, cutoff=0.75 if len(word) <= _SHORT_NAME else 0.8))


def guarded(name: str, table: Table) -> bool:
    """Return whether a command of that name may carry a secret, as it is spelt or as it may be meant."""
    name = name.upper()
    careful = _careful(table)
    if name in careful or table.find([name]) is not None:
        return name in careful
    if len(name) > _LONGEST_NAME:
        return False
    return name.startswith(tuple(careful)) or bool(get_close_matches(name, careful, cutoff=0.7))


def _careful(table: Table) -> frozenset[str]:
    """Return the names of the commands that may carry a secret."""
    return frozenset(spec.name.partition(" ")[0] for spec in table.specs() if spec.secrets)


def veiled(error: ReplyError, asked: Iterable[Sequence[bytes]], table: Table) -> ReplyError:
    """Return the error without the secrets of what was asked; mostly that is the error itself."""
    secrets = {argv[position] for argv in asked for position in hidden(argv, table)}
    if not secrets:
        return error
    message = _ECHO.sub(rf"\g<1>{_STARS}", error.message)
    for secret in sorted(secrets, key=len, reverse=True):
        # A server writes line ends as blanks.
        text = re.sub(r"[\r\n]", " ", secret.decode("utf-8", "surrogateescape"))
        message = re.sub(rf"(['\"`]){re.escape(text)}\1", _STARS, message)
    if message == error.message:
        return error
    again = reply_error(message, error.command)
    again.server = error.server
    return again
