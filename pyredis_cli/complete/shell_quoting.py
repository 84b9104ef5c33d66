r"""How a value is written for bash, so that what is typed so far stays where it is.

zsh and fish quote what they are given themselves. bash puts in what it is told, in the place of what readline
takes for the word: behind the last ``:``, ``=`` or ``@``, and behind a quote that is open.
"""

from __future__ import annotations

__all__ = ["in_bash"]

_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+:,./=-")
"""What needs no backslash outside quotes, of ASCII."""


def in_bash(value: str, quote: str = "") -> str:
    """Return what to type for a value behind an open quote: ``'``, ``"``, ``$'`` or none.

    bash, or who asked for the completion, closes the quote. Bytes that are no UTF-8 are lone surrogates.
    """
    return "".join([_WRITTEN[quote](character) for character in value])


def _bare(character: str) -> str:
    if character in _PLAIN:
        return character
    if not character.isprintable():
        return f"$'{_coded(character)}'"
    return character if character > "\x7f" else f"\\{character}"


def _double(character: str) -> str:
    # A backslash in front of ! is kept in double quotes, and the history is asked all the same.
    if character == "!" or not character.isprintable():
        return f'"{_bare(character)}"'
    return f"\\{character}" if character in '$`"\\' else character


def _single(character: str) -> str:
    return f"'{_bare(character)}'" if character == "'" or not character.isprintable() else character


def _coded(character: str) -> str:
    if character.isprintable() and character != "!":
        return f"\\{character}" if character in "'\\" else character
    return "".join([f"\\x{byte:02x}" for byte in character.encode("utf-8", "surrogateescape")])


_WRITTEN = {"": _bare, '"': _double, "'": _single, "$'": _coded}
