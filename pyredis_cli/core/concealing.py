"""A command in the arguments of this process: what is secret in it is kept from the rest of the machine."""

from __future__ import annotations

import os
from itertools import dropwhile

from pyredis.commands.spec import TABLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["conceal_secrets", "conceal_typed"]


def conceal_typed(words: Sequence[str]) -> None:
    """Hide the secrets of a command as it was typed, behind the flags of a tool perhaps.

    A password may be looked for, and standard input read, before it is known what the command is exactly.
    """
    words = tuple(dropwhile(lambda word: word.startswith("-"), words))
    if words:
        conceal_secrets(words, tuple(map(os.fsencode, words)))


def conceal_secrets(words: Sequence[str], argv: Sequence[bytes]) -> None:
    """Hide those of the words that are, or may be, secrets of the command that they were read as."""
    spec = TABLE.find(argv)
    is_plain = spec is not None and not spec.secrets and not spec.subcommands
    if is_plain and not any("://" in word for word in words):
        return
    from pyredis_cli.core.secrets import hidden

    # What came from standard input stands in the argv alone.
    if secrets := [words[place] for place in hidden(argv, TABLE) if place < len(words)]:
        from pyredis_cli.process_title import hide

        hide(secrets)
