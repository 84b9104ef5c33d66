"""Commands as bytes: arguments to argv, argv to a RESP array of bulk strings.

Knows which Python values may be an argument and how each is spelled. Refuses to guess: a bool, None or a
container has no one spelling that every command would understand, so it is a TypeError. No message repeats
an argument, for it may be a password.
"""

from __future__ import annotations

from collections.abc import Sequence

from pyredis.types import Argument

__all__ = ["argv", "encode", "pack"]

_EMPTY = "a command needs at least its name; no argument was given"
# Nearly every header that is ever sent, made once.
_LENGTHS = [b"$%d" % length for length in range(512)]
_COUNTS = [b"*%d" % count for count in range(32)]


def encode(args: Sequence[Argument], encoding: str | None = None) -> bytes:
    """Return one command as the bytes to send."""
    return pack(argv(args, encoding))


def argv(args: Sequence[Argument], encoding: str | None = None) -> tuple[bytes, ...]:
    """Return the arguments as bytes: str in ``encoding`` (UTF-8 when None), numbers in decimal.

    TypeError for what cannot be an argument, ValueError for a str that the encoding cannot express; both
    name the position, counting the command as 1.
    """
    if not args:
        raise TypeError(_EMPTY)
    encoding = encoding or "utf-8"
    return tuple(
        [
            argument if type(argument) is bytes else _spelled(argument, position, encoding)
            for position, argument in enumerate(args, 1)
        ]
    )


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
