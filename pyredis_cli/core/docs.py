"""What a server says of its commands, asked once of each kind of server and kept on disk.

A kind is a product in a version, of one build, at an address, with the modules it has loaded: that says the same
in COMMAND and COMMAND DOCS. What a file says is believed as little as what a server says: the table skips what it
does not understand, and a file that is not ours is written anew.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import stat
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from hashlib import blake2b
from itertools import chain
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import platformdirs

from pyredis.exceptions import ReplyError
from pyredis.types import Attributed, Map

if TYPE_CHECKING:
    from pyredis.client.async_client import AsyncClient
    from pyredis.commands.spec import Table
    from pyredis.pool.async_pool import AsyncPool
    from pyredis.types import Reply

__all__ = ["DocsFolder", "Kind", "Told", "cache_folder", "dumped", "kind_of", "learn", "loaded"]

logger = logging.getLogger(__name__)

_FORMAT: Final = 1
_ABOUT: Final = (("INFO", "server"), ("MODULE", "LIST"), ("COMMAND", "COUNT"))
_LARGEST: Final = 16 * 1024 * 1024
_MOST_FILES: Final = 32
_DEEPEST: Final = 24
_PRIVATE_FOLDER: Final = 0o700
# So many rows are made between two looks at the keyboard.
_AT_ONCE: Final = 20


class Kind(NamedTuple):
    """What servers have in common that say the same of their commands; ``details`` is all but the version."""

    product: str
    version: str
    details: str

    @property
    def file_name(self) -> str:
        readable = re.sub(r"[^0-9A-Za-z.]", "_", self.version)[:40]
        digest = blake2b(repr(self).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
        return f"docs-{_FORMAT}-{self.product}-{readable}-{digest}.json"


class Told(NamedTuple):
    """The replies to COMMAND and COMMAND DOCS; None is one that the server does not have or refuses."""

    commands: object = None
    docs: object = None


def cache_folder() -> Path:
    """Return the folder of the platform for what can be had again."""
    return platformdirs.user_cache_path("pyredis-cli", appauthor=False)


async def learn(server: AsyncPool | AsyncClient, table: Table, folder: Path | None) -> bool:
    """Teach the table what the server has and says of it, from the folder or else from the server.

    What the server refuses stays unknown: returns whether it refused nothing. Raises PyRedisError when there is no
    connection to ask on.
    """
    about, modules, count = [await _reply(server, *argv) for argv in _ABOUT]
    kind = kind_of(about, modules, count, str(server.address))
    files = DocsFolder(folder) if folder is not None and kind is not None else None
    told = None
    if kind is not None:
        table.learn_server(kind.product, kind.version)
    if files is not None and kind is not None:
        told = await asyncio.to_thread(files.read, kind)
    complete, kept = True, told is not None
    if told is None:
        told, complete = await _asked(server)
    table.learn(told.commands, whole=True)
    table.learn_docs(told.docs)
    await _made(table)
    if files is not None and kind is not None and complete and not kept:
        await asyncio.to_thread(files.write, kind, told)  # what could be learnt, and nothing else
    return complete


async def _asked(server: AsyncPool | AsyncClient) -> tuple[Told, bool]:
    """Return what the server tells, and whether others of its kind would tell the same to anybody."""
    commands = await _reply(server, "COMMAND")
    docs = await _reply(server, "COMMAND", "DOCS")
    refused = isinstance(commands, ReplyError) or (isinstance(docs, ReplyError) and docs.code != "ERR")
    replies = (None if isinstance(reply, ReplyError) else reply for reply in (commands, docs))
    return Told(*replies), not refused


async def _reply(server: AsyncPool | AsyncClient, *argv: str) -> Reply:
    try:
        return await server.execute(*argv)
    except ReplyError as error:
        logger.debug("the server does not tell %s: %s", " ".join(argv), error)
        return error


async def _made(table: Table) -> None:
    """Make every row now, a few at a time, and not all at once at a keystroke."""
    for number, _ in enumerate(table.specs()):
        if number % _AT_ONCE == 0:
            await asyncio.sleep(0)


# -- which kind of server


def kind_of(about: Reply, modules: Reply, count: Reply, address: str = "") -> Kind | None:
    """Return what the replies to INFO, MODULE LIST and COMMAND COUNT amount to; None when INFO is no help.

    The address is part of it, lest one server speak for another.
    """
    if not isinstance(about, bytes):
        return None
    lines = (
        line.split(":", 1) for line in about.decode("utf-8", "surrogateescape").splitlines() if ":" in line
    )
    facts = dict(lines)
    product = "valkey" if "valkey_version" in facts else "redis"
    version = facts.get(f"{product}_version")
    if not version:
        return None
    build = {name: value for name, value in facts.items() if name.endswith(("build_id", "_mode", "_version"))}
    commands = count if isinstance(count, int) else None
    details = [address, sorted(build.items()), _loaded_modules(modules), commands]
    return Kind(product, version, json.dumps(details))


def _loaded_modules(reply: Reply) -> list[Any]:
    """Return names and versions; none when the server does not tell."""
    told = _simple(reply)
    maps = [one for one in told if _names_values(one)] if isinstance(told, list) else []
    modules = [dict(zip(one[::2], one[1::2], strict=False)) for one in maps]
    return sorted(json.dumps([module.get("name"), module.get("ver")]) for module in modules)


def _names_values(module: object) -> bool:
    return isinstance(module, list) and all(isinstance(name, str) for name in module[::2])


# -- as text


def dumped(kind: Kind, told: Told) -> bytes:
    """Return the text of a file; bytes that are no UTF-8 come back as they were."""
    known = {"kind": kind, "commands": _simple(told.commands), "docs": _simple(told.docs)}
    return json.dumps(known, separators=(",", ":")).encode()


def loaded(text: bytes, kind: Kind) -> Told | None:
    """Return what a file of that kind of server says; None when it is none."""
    try:
        known = json.loads(text, parse_constant=_refused)
    except (ValueError, RecursionError):
        return None
    if not isinstance(known, dict) or known.get("kind") != list(kind):
        return None
    told = Told(known.get("commands"), known.get("docs"))
    return told if isinstance(told.commands, list) else None


def _refused(constant: str) -> None:
    raise ValueError(f"{constant} is not ours")


def _simple(reply: object, depth: int = 0) -> Any:
    """Return a reply as JSON has it, a map as its names and values in turn; what JSON lacks is None."""
    while isinstance(reply, Attributed):
        reply = reply.reply
    match reply:
        case bytes():
            return reply.decode("utf-8", "surrogateescape")
        case str() | bool():
            return reply
        case int() if -(2**63) <= reply < 2**63:
            return int(reply)
        case float() if isfinite(reply):
            return float(reply)
        case dict() | list() | tuple() | set() | frozenset() if depth < _DEEPEST:
            return [_simple(item, depth + 1) for item in _members(reply)]
    return None


def _members(reply: Any) -> Sequence[object]:
    if isinstance(reply, dict):
        return list(chain.from_iterable(reply.items()))
    return list(chain.from_iterable(reply)) if isinstance(reply, Map) else list(reply)


# -- on disk


class DocsFolder:
    """A folder of such files, each mode 0600 and written whole; one that cannot be used is as good as empty."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self, kind: Kind) -> Told | None:
        """Return what is kept of that kind of server, None when there is nothing to rely on."""
        text = self._text(self.path / kind.file_name)
        return loaded(text, kind) if text is not None else None

    def write(self, kind: Kind, told: Told) -> None:
        """Keep what a server told; whoever reads at the same time gets the old file or the new one."""
        text = dumped(kind, told)
        if len(text) > _LARGEST:
            return
        with suppress(OSError):
            self.path.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
            self._replace(self.path / kind.file_name, text)
            self._tidy()

    def _text(self, path: Path) -> bytes | None:
        # O_NONBLOCK: a FIFO in the file's place must not stop the program.
        flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY | os.O_NOFOLLOW
        try:
            descriptor = os.open(path, flags)
        except OSError:
            return None
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid() or status.st_size > _LARGEST:
            os.close(descriptor)
            return None
        with suppress(OSError), open(descriptor, "rb") as file:
            return file.read(_LARGEST)
        return None

    def _replace(self, path: Path, text: bytes) -> None:
        descriptor, name = tempfile.mkstemp(dir=self.path, prefix=f"{path.name}.")  # for us alone, 0600
        try:
            with open(descriptor, "wb") as file:
                file.write(text)
            os.replace(name, path)
        except OSError:
            os.unlink(name)
            raise

    def _tidy(self) -> None:
        """Remove the oldest files beyond the most that are kept: servers come and go."""
        files = sorted(self.path.glob("docs-*"), key=lambda file: file.lstat().st_mtime, reverse=True)
        for file in files[_MOST_FILES:]:
            file.unlink()
