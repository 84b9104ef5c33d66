"""What other users of the machine see of this process: its arguments, without the passwords among them.

Linux shows the memory in which they were handed over, so that is what is changed. For a moment they could be seen.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["hide", "starred"]

_MEMORY, _STATUS, _WORDS = "/proc/self/mem", "/proc/self/stat", "/proc/self/cmdline"
_START = 45
"""Which field behind the name of the program says where the arguments begin; the next one, where they end."""
_FLAGS = (b"-a", b"--pass=")
_OPTION = b"password="
"""How the option of a URL ends that is a password; what follows may be the rest of it, with a & in it."""


def hide(secrets: Collection[str]) -> None:
    """Put stars in the place of secrets in the arguments, and of the passwords of URLs.

    Where the system does not allow that, nothing is done.
    """
    hidden = [os.fsencode(secret) for secret in secrets if secret]
    try:
        start = _start()
        with open(_WORDS, "rb") as file:
            words = file.read().split(b"\0")
        memory = os.open(_MEMORY, os.O_RDWR | os.O_CLOEXEC)
    except (OSError, ValueError, IndexError):
        return
    try:
        for word in words:
            if (shown := starred(word, hidden)) != word:
                os.pwrite(memory, shown, start)
            start += len(word) + 1
    except OSError:
        return
    finally:
        os.close(memory)


def _start() -> int:
    with open(_STATUS, "rb") as file:
        fields = file.read().rpartition(b")")[2].split()
    start, end = int(fields[_START]), int(fields[_START + 1])
    if not 0 < start < end:
        raise ValueError("the system does not tell where the arguments are")
    return start


def starred(word: bytes, secrets: Collection[bytes]) -> bytes:
    """Return an argument, as long as it was, with stars in the place of what is secret in it."""
    scheme, mark, rest = word.partition(b"://")
    userinfo, at, where = rest.rpartition(b"@")
    where, option, told = where.partition(_OPTION)
    if mark and (at or option):
        return b"".join((scheme, mark, b"*" * len(userinfo), at, where, option, b"*" * len(told)))
    for flag in (b"", *_FLAGS):
        secret = word.removeprefix(flag)
        if secret in secrets and word.startswith(flag):
            return flag + b"*" * len(secret)
    return word
