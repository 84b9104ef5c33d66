"""Commands as bytes: arguments to argv, argv to a RESP array of bulk strings.

Knows which Python values may be an argument and how each is spelled. Refuses to guess: a bool, None or a
container has no one spelling that every command would understand, so it is a TypeError. No message repeats
an argument, for it may be a password.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Final

    from pyredis.types import Argument

__all__ = ["argv", "encode", "pack", "pack_rows", "packed"]

_EMPTY = "a command needs at least its name; no argument was given"
# Nearly every header that is ever sent, made once.
_LENGTHS = [b"$%d" % length for length in range(128)]
_COUNTS = [b"*%d" % count for count in range(32)]

# For ``packed``: headers with CRLF on both sides, and what a command of so many arguments begins with by its
# name. Those are learnt by use, for this module knows no commands.
_BETWEEN: list[bytes] = []
_HEADS: list[dict[object, bytes]] = [{} for _ in _COUNTS]
_MOST_HEADS: Final = 500
_LONGEST_NAME: Final = 24


def encode(args: Sequence[Argument], encoding: str | None = None) -> bytes:
    """Return one command as the bytes to send."""
    return pack(argv(args, encoding))


def packed(args: Sequence[Argument], encoding: str | None = None) -> bytes:
    """Return what ``encode`` returns, in a third of the time when the arguments are str, bytes and int.

    hiredis' packer is hardly faster, takes what has no one spelling, and is far slower from 100 kB on.
    """
    if encoding is None or encoding == "utf-8":
        # One flat pass, for it runs for each command. What it does not expect and what UTF-8 cannot express
        # is for ``encode``, which knows how to spell or to refuse it.
        try:
            try:
                parts = [_HEADS[len(args)][args[0]]]
            except LookupError:
                parts = [_head(args)]
            for argument in args[1:]:
                if type(argument) is str:
                    argument = argument.encode()
                elif type(argument) is int:
                    argument = b"%d" % argument
                elif type(argument) is not bytes:
                    break
                length = len(argument)
                if length < 512:
                    parts.append(_BETWEEN[length] + argument)
                else:
                    parts += (b"\r\n$%d\r\n" % length, argument)
            else:
                parts.append(b"\r\n")
                return b"".join(parts)
        except (LookupError, TypeError, ValueError):
            pass
    return encode(args, encoding)


def _head(args: Sequence[Argument]) -> bytes:
    """Return what a command begins with; keep it for the next, unless names seem to have no end."""
    _fill_between()
    count, name = len(args), args[0]
    (spelling,) = argv([name])
    head = b"*%d\r\n$%d\r\n%b" % (count, len(spelling), spelling)
    if type(name) is str and len(name) <= _LONGEST_NAME and count < len(_HEADS):
        heads = _HEADS[count]
        if len(heads) < _MOST_HEADS:
            heads[name] = head
    return head


def _fill_between() -> None:
    if not _BETWEEN:  # not at import, for who sends one command
        _BETWEEN.extend([b"\r\n$%d\r\n" % length for length in range(512)])


def pack_rows(words: Sequence[bytes], width: int) -> bytes:
    """Return the RESP bytes of commands of ``width`` words each, which follow each other in ``words``.

    What is done for each word is done in C, as long as none is longer than 511 bytes.
    """
    _fill_between()
    parts = [b""] * (2 * len(words))
    try:
        parts[::2] = map(_BETWEEN.__getitem__, map(len, words))
    except IndexError:
        rows = zip(*[iter(words)] * width, strict=True)
        return b"".join(map(pack, rows))
    start = b"\r\n*%d" % width
    parts[:: 2 * width] = [start + header for header in parts[:: 2 * width]]
    parts[1::2] = words
    return b"".join(parts)[2:] + b"\r\n"


def argv(args: Sequence[Argument], encoding: str | None = None) -> tuple[bytes, ...]:
    """Return the arguments as bytes: str in ``encoding`` (UTF-8 when None), numbers in decimal.

    TypeError for what cannot be an argument, ValueError for a str that the encoding cannot express; both
    name the position, counting the command as 1.
    """
    if not args:
        raise TypeError(_EMPTY)
    encoding = encoding or "utf-8"
    try:
        return tuple(
            [
                argument
                if type(argument) is bytes
                else argument.encode(encoding, "surrogateescape")
                if type(argument) is str
                else _spelled(argument, position, encoding)
                for position, argument in enumerate(args, 1)
            ]
        )
    except UnicodeError:
        # Once more, to say which.
        return tuple([_spelled(argument, position, encoding) for position, argument in enumerate(args, 1)])


def pack(argv: Sequence[bytes]) -> bytes:
    """Return the RESP bytes of an argv."""
    if not argv:
        raise TypeError(_EMPTY)
    count = len(argv)
    parts = [_COUNTS[count] if count < len(_COUNTS) else b"*%d" % count]
    for argument in argv:
        length = len(argument)
        parts += (_LENGTHS[length] if length < len(_LENGTHS) else b"$%d" % length, argument)
    parts.append(b"")
    return b"\r\n".join(parts)


def _spelled(argument: object, position: int, encoding: str) -> bytes:
    try:
        match argument:
            case str():
                return argument.encode(encoding, "surrogateescape")
            case int() if not isinstance(argument, bool):
                return b"%d" % argument
            case float():
                # float's own repr: a subclass may spell itself otherwise.
                return float.__repr__(argument).encode("ascii")
            case bytes() | bytearray() | memoryview():
                return bytes(argument)
    except UnicodeError:
        raise ValueError(
            f"argument {position} holds characters that {encoding} cannot express; pass it as bytes"
        ) from None
    except ValueError as error:
        # An integer past sys.set_int_max_str_digits, or a released memoryview.
        raise ValueError(f"argument {position}: {error}") from None
    raise TypeError(
        f"argument {position} is of type {type(argument).__name__}; pass bytes, str, int or float"
    )
