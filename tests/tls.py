"""TLS for the tests: an authority, what it signs, and a proxy that speaks TLS for a server that cannot.

It knows certificates and sockets, never RESP, and nothing that is under test. All is made anew for each test.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import hashlib
import ssl
from asyncio.trsock import TransportSocket
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from tests.proxy import stop_listening
from tests.servers import until

__all__ = ["Authority", "Identity", "TlsProxy", "server_context"]

_READ_SIZE: Final = 1 << 16
_LONG_AGO: Final = datetime.datetime(2001, 1, 1, tzinfo=datetime.UTC)
_FAR_AHEAD: Final = datetime.datetime(2999, 1, 1, tzinfo=datetime.UTC)


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate and its private key, as files."""

    cert_file: str
    key_file: str

    def encrypted(self, password: str) -> Identity:
        """Return the same with a key that only the password opens."""
        key = serialization.load_pem_private_key(Path(self.key_file).read_bytes(), None)
        kept = Path(f"{self.key_file}.encrypted")
        kept.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.BestAvailableEncryption(password.encode()),
            )
        )
        return Identity(self.cert_file, str(kept))

    def in_one_file(self) -> str:
        """Return the path of a file that holds both."""
        kept = Path(f"{self.cert_file}.both")
        kept.write_bytes(Path(self.key_file).read_bytes() + Path(self.cert_file).read_bytes())
        return str(kept)


class Authority:
    """One that signs certificates; ``ca_file`` is its own, ``ca_folder`` holds that under its hashed name."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        self._authority = trustme.CA()
        self._signed = 0
        self.ca_file = str(folder / "ca.pem")
        self._authority.cert_pem.write_to_path(self.ca_file)

    @property
    def ca_folder(self) -> str:
        folder = self._folder / "hashed"
        if not folder.exists():
            folder.mkdir()
            pem = self._authority.cert_pem.bytes()
            (folder / f"{_subject_hash(pem)}.0").write_bytes(pem)
        return str(folder)

    @property
    def itself(self) -> Identity:
        """What the authority shows when it is a server: its own certificate, which nobody else has signed."""
        key_file = self._folder / "ca.key"
        self._authority.private_key_pem.write_to_path(str(key_file))
        return Identity(self.ca_file, str(key_file))

    def sign(self, *names: str, expired: bool = False, early: bool = False) -> Identity:
        """Return a certificate for these host names and addresses, those of this machine when there are none.

        One that is ``early`` is not valid yet.
        """
        self._signed += 1
        signed = self._authority.issue_cert(
            *(names or ("localhost", "127.0.0.1", "::1")),
            not_before=_FAR_AHEAD if early else None,
            not_after=_LONG_AGO if expired else _FAR_AHEAD.replace(month=2) if early else None,
        )
        cert_file, key_file = (self._folder / f"{self._signed}.{kind}" for kind in ("crt", "key"))
        cert_file.write_bytes(b"".join(part.bytes() for part in signed.cert_chain_pems))
        signed.private_key_pem.write_to_path(str(key_file))
        return Identity(str(cert_file), str(key_file))


def _subject_hash(pem: bytes) -> str:
    """Return the name under which OpenSSL looks for an authority: a hash of its subject, in lower case."""
    subject = x509.load_pem_x509_certificate(pem).subject
    plain = x509.Name([x509.NameAttribute(part.oid, str(part.value).lower()) for part in subject])
    parts = plain.public_bytes()[2:]  # without the header that says how long they are
    return f"{int.from_bytes(hashlib.sha1(parts).digest()[:4], 'little'):08x}"


def server_context(identity: Identity, clients_of: Authority | None = None) -> ssl.SSLContext:
    """Return what a server needs to show an identity, and to ask for a client certificate of an authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(identity.cert_file, identity.key_file)
    if clients_of is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(clients_of.ca_file)
    return context


class TlsProxy:
    """``async with TlsProxy((host, port), context) as proxy``: speak TLS to ``proxy.port``.

    ``asked`` holds the server names that clients asked for (SNI), ``requests`` what they have said once the
    handshake was over, ``accepted`` how many came, ``open`` how many are still there.
    """

    host: Final = "127.0.0.1"

    def __init__(self, upstream: tuple[str, int], context: ssl.SSLContext) -> None:
        self.upstream = upstream
        self.asked: list[str | None] = []
        self.requests = bytearray()
        self.accepted = 0
        self.port = 0
        self._context = context
        context.sni_callback = self._note_name
        self._listener: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def open(self) -> int:
        return len(self._tasks)

    @property
    def address(self) -> tuple[str, int]:
        return self.host, self.port

    async def __aenter__(self) -> Self:
        self._listener = await asyncio.start_server(self._accept, self.host, 0)
        self.port = self._listener.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._listener is not None:
            await stop_listening(self._listener)
        if self._tasks:
            # Their clients have gone, so most end by themselves; cancelled too early, one would leave a socket.
            await asyncio.wait(self._tasks, timeout=1)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _note_name(self, _socket: ssl.SSLObject, name: str | None, _context: ssl.SSLContext) -> None:
        self.asked.append(name)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sock = writer.get_extra_info("socket")
        try:
            with contextlib.suppress(OSError):  # also a handshake that failed, for the client to tell
                await writer.start_tls(self._context)
                await self._carry(reader, writer)
        finally:
            await _drop(writer, sock)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(*self.upstream)
        flows = [
            asyncio.create_task(_flow(reader, far_writer, self.requests)),
            asyncio.create_task(_flow(far_reader, writer, bytearray())),
        ]
        try:
            await asyncio.wait(flows, return_when=asyncio.FIRST_COMPLETED)
            writer.close()  # in good order: what was written goes out, and that there is no more
            with contextlib.suppress(OSError):
                await writer.wait_closed()
        finally:
            for flow in flows:
                flow.cancel()
            await asyncio.gather(*flows, return_exceptions=True)
            await _drop(far_writer, far_writer.get_extra_info("socket"))


async def _flow(source: asyncio.StreamReader, sink: asyncio.StreamWriter, seen: bytearray) -> None:
    with contextlib.suppress(OSError):
        while chunk := await source.read(_READ_SIZE):
            seen += chunk
            sink.write(chunk)
            await sink.drain()


async def _drop(writer: asyncio.StreamWriter, sock: TransportSocket) -> None:
    """Close at once; return when the socket is closed, which asyncio does not tell after a failed handshake."""
    writer.transport.abort()
    await until(lambda: sock.fileno() == -1)
