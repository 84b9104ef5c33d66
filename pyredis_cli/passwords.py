"""Where a password comes from that nobody types: a file, a command, the keyring of the system.

It hands the password to whoever asks and keeps none; no message shows one. It knows no server.
"""

from __future__ import annotations

import os

from pyredis.records import NamedTuple
from pyredis_cli.flags import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from subprocess import Popen
    from typing import Literal

__all__ = ["VARIABLES", "PasswordError", "PasswordSource", "fetched", "for_children", "from_file"]

VARIABLES = ("REDISCLI_AUTH", "VALKEYCLI_AUTH")
"""The variables of the environment that hold a password, the first that is there counts."""
_URLS = ("REDIS_URL", "VALKEY_URL")
_SERVICE = "pyredis-cli"
_LIMIT = 30.0  # seconds for a command to tell a password
_GLANCE = 0.1  # seconds after which it is looked whether the command has ended
_LARGEST = 64 * 1024
_TOO_LONG = f"its first line is longer than {_LARGEST // 1024} KiB, which no password is; nothing was sent"
_REGULAR, _KIND, _OTHERS = 0o100000, 0o170000, 0o077


class PasswordError(UsageError):
    """There is no password to be had; the message says why, and the mend."""

    code = 4


class PasswordSource(NamedTuple):
    """How the password of a profile is found."""

    kind: Literal["pass_file", "password_command", "keyring"]
    profile: str
    path: str = ""
    command: tuple[str, ...] = ()

    def __repr__(self) -> str:
        # The arguments of the command may be what opens something.
        return f"PasswordSource({self.kind!r}, {self.profile!r})"


def fetched(source: PasswordSource, environ: Mapping[str, str]) -> str:
    """Return the password. Raises UsageError for a file that is refused, PasswordError when there is none."""
    match source.kind:
        case "pass_file":
            return from_file(source.path, "pass_file")
        case "password_command":
            return _from_command(source.command, environ)
    return _from_keyring(source.profile)


def for_children(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for a program that is started: without the passwords that are in ours."""
    kept = {name: value for name, value in environ.items() if name not in VARIABLES}
    for name in _URLS:
        if "@" in kept.get(name, "") or "password=" in kept.get(name, ""):
            del kept[name]
    return kept


# -- a file


def from_file(path: str, called: str = "--pass-file") -> str:
    """Return the first line of a file that nobody else can read; UsageError says why not."""
    path = os.path.expanduser(path)
    try:
        # O_NONBLOCK: a FIFO in the file's place must not stop the program.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError as error:
        raise UsageError(f"{called} {path}: {error.strerror}") from None
    try:
        mode = os.fstat(descriptor).st_mode
        if mode & _KIND != _REGULAR:
            raise UsageError(f"{called} {path} is no regular file; {_elsewise(called)}")
        if mode & _OTHERS:
            raise UsageError(f"{called} {path} can be read by others; chmod 600 {_quoted(path)} mends it")
        told = os.read(descriptor, _LARGEST)
    except OSError as error:
        raise UsageError(f"{called} {path}: {error.strerror}") from None
    finally:
        os.close(descriptor)
    password = _first_line(told)
    if _is_cut(told):
        raise UsageError(f"{called} {path}: {_TOO_LONG}")
    if not password:
        raise UsageError(f"{called} {path}: its first line is empty; the password stands there")
    return password


def _elsewise(called: str) -> str:
    command = "a profile's password_command" if called == "--pass-file" else "password_command"
    return f"{command} asks a program for the password"


def _first_line(told: bytes) -> str:
    line, _, _ = told.partition(b"\n")
    return line.removesuffix(b"\r").decode("utf-8", "surrogateescape")


def _is_cut(told: bytes) -> bool:
    """Whether no more of the first line was read than a part."""
    return len(told.partition(b"\n")[0]) >= _LARGEST


def _quoted(path: str) -> str:
    from shlex import quote

    return quote(path)


# -- a command


def _from_command(command: tuple[str, ...], environ: Mapping[str, str]) -> str:
    from subprocess import DEVNULL, PIPE, Popen

    name = command[0]
    try:
        # Its stdin is nothing: a script that is piped into this program is not for it.
        process = Popen(command, stdin=DEVNULL, stdout=PIPE, bufsize=0, env=for_children(environ))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise PasswordError(f"password_command: {name} cannot be started: {reason}") from None
    with process:
        try:
            told, code = _told(process)
        except BaseException:
            process.kill()
            raise
    if code:
        how = f"exit code {code}" if code > 0 else f"signal {-code}"
        raise PasswordError(f"password_command: {name} failed with {how}; nothing was sent")
    password = _first_line(told)
    if _is_cut(told):
        raise PasswordError(f"password_command: {name}: {_TOO_LONG}")
    if not password:
        raise PasswordError(f"password_command: {name} printed no password; its first line is what counts")
    return password


def _told(process: Popen[bytes]) -> tuple[bytes, int]:
    """Return what a program prints, as far as a password may be long, and its exit code."""
    from select import select
    from subprocess import TimeoutExpired
    from time import monotonic

    assert process.stdout is not None
    deadline = monotonic() + _LIMIT
    told, ended = b"", False
    while (left := deadline - monotonic()) > 0:
        if select([process.stdout], [], [], 0 if ended else min(left, _GLANCE))[0]:
            chunk = process.stdout.read(_LARGEST)
            if not chunk:
                break
            told += chunk if len(told) < _LARGEST else b""
        elif ended:  # what it has started, an agent perhaps, still holds its output
            break
        else:  # it may have printed something since
            ended = process.poll() is not None
    try:
        return told, process.wait(max(deadline - monotonic(), 0))
    except TimeoutExpired:
        raise PasswordError(
            f"password_command: {process.args[0]!s} took longer than {_LIMIT:g} seconds; nothing was sent"  # type: ignore[index]
        ) from None


# -- the keyring


def _from_keyring(profile: str) -> str:
    try:
        import keyring
        from keyring.errors import KeyringError
    except ImportError:
        raise PasswordError(
            "keyring = true needs the package keyring; pip install 'pyredis-cli[keyring]' brings it"
        ) from None
    try:
        password: str | None = keyring.get_password(_SERVICE, profile)
    except KeyringError as error:
        raise PasswordError(f"the keyring tells nothing: {type(error).__name__}; nothing was sent") from None
    if not password:
        raise PasswordError(
            f"the keyring has no password of {profile}; keyring set {_SERVICE} {profile} puts one there"
        )
    return password
