"""The words of the arguments as an argv: never joined and split again, byte for byte what was typed.

It knows the ways to tell an argument otherwise: on standard input, or quoted as lines are. It knows no command.
"""

from __future__ import annotations

from pyredis_cli.flags import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import BinaryIO

    from pyredis_cli.given import Given
    from pyredis_cli.settings import Telling

__all__ = ["argv_of", "encoded", "refuse_without_command", "whole"]

_CHUNK = 1 << 20


def argv_of(words: Sequence[str], telling: Telling, encoding: str, stdin: BinaryIO) -> tuple[bytes, ...]:
    """Return the command that the words are, with standard input where it was asked for; UsageError says why not.

    Standard input is read to its end, which a person tells by Ctrl-D, and not before all else is in order.
    """
    argv = _unquoted(words, encoding) if telling.quoted else encoded(words, encoding)
    if telling.last_from_stdin:
        return (*argv, whole(stdin))
    if telling.tag is None:
        return argv
    tag = telling.tag.encode(encoding, "surrogateescape")
    if tag not in argv:
        raise UsageError(f"Using -X option but stdin tag not match. No argument is {telling.tag!r}")
    place = argv.index(tag)
    return (*argv[:place], whole(stdin), *argv[place + 1 :])


def encoded(words: Iterable[str], encoding: str) -> tuple[bytes, ...]:
    """Return the words as bytes; UsageError for one with characters that the encoding lacks."""
    argv: list[bytes] = []
    for position, word in enumerate(words):
        try:
            argv.append(word.encode(encoding, "surrogateescape"))
        except UnicodeEncodeError:
            raise UsageError(
                f"argument {position} of the command has characters that {encoding} lacks; "
                "choose another --encoding"
            ) from None
    return tuple(argv)


def refuse_without_command(told: Given | Telling) -> None:
    """Refuse what is about the command of the arguments where there is none: UsageError."""
    if told.last_from_stdin or told.tag is not None:
        flag = "-x" if told.last_from_stdin else "-X"
        raise UsageError(
            f"{flag} gives a command an argument, and there is no command; give one behind the flags"
        )
    if told.times != 1:
        raise UsageError(
            "-r repeats the command behind the flags, and there is none; "
            "a number in front of a line repeats that line"
        )


def _unquoted(words: Sequence[str], encoding: str) -> tuple[bytes, ...]:
    """Return what each word means when it is quoted as in the REPL; no message shows one, it may be a password."""
    from pyredis_cli.splitting import SplitError, split

    argv: list[bytes] = []
    for position, word in enumerate(words):
        try:
            parts = split(word, encoding)
        except SplitError as error:
            raise _misquoted(position, str(error)) from None
        if len(parts) != 1:
            what = f"{len(parts)} words" if parts else "empty"
            raise _misquoted(position, f"it is {what}; inside the shell's quotes it needs its own: '\"\"'")
        argv += parts
    return tuple(argv)


def _misquoted(position: int, reason: str) -> UsageError:
    return UsageError(f"Invalid quoted string: argument {position} of the command: {reason}")


def whole(stdin: BinaryIO) -> bytes:
    """Return all of standard input, the last newline as well."""
    chunks: list[bytes] = []
    try:
        # Read until a read gives nothing, and no more: a terminal begins anew behind its Ctrl-D.
        while (chunk := _next(stdin)) != b"":
            chunks.append(chunk)
    except OSError as error:
        raise UsageError(f"cannot read standard input: {error.strerror}") from None
    return b"".join(chunks)


def _next(stdin: BinaryIO) -> bytes:
    while True:
        chunk: bytes | None = stdin.read(_CHUNK)
        if chunk is not None:
            return chunk
        from select import select

        select([stdin], [], [])  # somebody else made the pipe non-blocking, and it is empty
