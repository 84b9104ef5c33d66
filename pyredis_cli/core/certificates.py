"""The files of TLS before the first connection: read, opened, and found to be what they should be.

It asks a person for the passphrase of a key, and connects nowhere.
"""

from __future__ import annotations

from os.path import isfile

from pyredis.connection import tls
from pyredis.exceptions import PyRedisTlsError
from pyredis.records import replace
from pyredis_cli.exits import TLS_FLAGS
from pyredis_cli.flags import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyredis.options import TlsOptions
    from pyredis_cli.settings import Settings
    from pyredis_cli.streams import Streams

__all__ = ["opened"]


def opened(settings: Settings, streams: Streams) -> Settings:
    """Return the settings, with what opens an encrypted key.

    Raises UsageError for files that are no certificate or no key, for ciphers that there are none of, and where
    there is no name to verify.
    """
    if settings.tls is None:
        return settings
    try:
        options = _with_passphrase(settings.tls, streams, asks=settings.asks)
        tls.server_name(settings.address, options)
        tls.context(options)  # which is kept for the connections
    except PyRedisTlsError as error:
        raise UsageError(error.told(TLS_FLAGS)) from None
    return replace(settings, tls=options)


def _with_passphrase(options: TlsOptions, streams: Streams, *, asks: bool) -> TlsOptions:
    """Return the same with what opens an encrypted key, which a person is asked for."""
    path = options.key_file or options.cert_file
    if path is None or not _is_encrypted(path):
        return options
    if not (asks and streams.can_ask):
        why = "without a terminal nobody can be" if asks else "with --no-input nobody is"
        raise UsageError(
            f"the key in {path!r} is encrypted, and {why} asked for its passphrase; openssl pkey decrypts it"
        )
    try:
        return replace(options, key_password=streams.ask_hidden(f"Passphrase of {path}: "))
    except EOFError:
        raise UsageError(f"no passphrase of {path!r} was typed; nothing was sent") from None


def _is_encrypted(path: str) -> bool:
    """Whether a file holds an encrypted key in PEM form; what cannot be read is told by who reads it next."""
    if not isfile(path):  # a pipe can be read once, and not here
        return False
    try:
        with open(path, "rb") as file:
            return b"ENCRYPTED" in file.read()
    except OSError:
        return False
