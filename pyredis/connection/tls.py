"""What TLS needs of us: whom to trust, what to show, and in plain words why a handshake failed.

It reads the files of the options and knows OpenSSL's words; it opens no socket and does not know who connects.
It is imported by the first connection that is encrypted, for the sake of those that are not.
"""

from __future__ import annotations

import os
import re
import ssl
from functools import lru_cache
from typing import Final, NoReturn, TypeAlias

from pyredis.address import Address, TcpAddress
from pyredis.exceptions import PyRedisConnError
from pyredis.options import TlsOptions

__all__ = ["context", "reason_and_mend", "server_name"]

_Stamp: TypeAlias = tuple[int, int, int]

_CONTEXTS_KEPT: Final = 32
_HASHED_NAME: Final = re.compile(r"[0-9a-f]{8}\.\d+")


# -- before the handshake


def server_name(address: Address, options: TlsOptions) -> str:
    """Return the name to ask for and to verify; empty when there is none and nothing is verified."""
    if options.server_name is not None:
        return options.server_name
    if isinstance(address, TcpAddress):
        return address.host.removesuffix(".")  # certificates hold names without the dot of the root
    if options.verify:
        raise PyRedisConnError(
            f"TLS over the unix socket {address} has no host name to verify; give server_name, or verify=False"
        )
    return ""


def context(options: TlsOptions) -> ssl.SSLContext:
    """Return what verifies the server and shows our certificate; the same one until one of the files changes.

    Raises PyRedisConnError when a file cannot be read, is of the wrong kind or does not open.
    """
    named = (options.ca_file, options.ca_folder, options.cert_file, options.key_file)
    stamps = tuple(_stamp(option, path) for option, path in zip(_PATHS, named, strict=True))
    return _context(options, stamps)


_PATHS: Final = ("ca_file", "ca_folder", "cert_file", "key_file")


def _stamp(option: str, path: str | None) -> _Stamp | None:
    """Return what tells a file from what it was before."""
    if path is None:
        return None
    try:
        status = os.stat(path)
    except OSError as error:
        _unreadable(option, path, error)
    return status.st_mtime_ns, status.st_size, status.st_ino


@lru_cache(maxsize=_CONTEXTS_KEPT)
def _context(options: TlsOptions, _stamps: tuple[_Stamp | None, ...]) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    if options.verify:
        _trust(made, options)
    else:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    if options.cert_file is not None:
        _show(made, options.cert_file, options.key_file, options.key_password)
    return made


def _trust(made: ssl.SSLContext, options: TlsOptions) -> None:
    if options.ca_file is None and options.ca_folder is None:
        made.load_default_certs(ssl.Purpose.SERVER_AUTH)
    if options.ca_file is not None:
        try:
            made.load_verify_locations(cafile=options.ca_file)
        except ssl.SSLError as error:
            _useless("ca_file", options.ca_file, "holds no certificate in PEM form", error)
        except OSError as error:
            _unreadable("ca_file", options.ca_file, error)
    if options.ca_folder is not None:
        _check_hashed(options.ca_folder)
        made.load_verify_locations(capath=options.ca_folder)


def _check_hashed(folder: str) -> None:
    """Refuse a folder in which OpenSSL, which looks for names made of hashes, would find nothing."""
    try:
        names = os.listdir(folder)
    except OSError as error:
        _unreadable("ca_folder", folder, error)
    if not any(map(_HASHED_NAME.fullmatch, names)):
        raise PyRedisConnError(
            f"ca_folder {folder!r} holds no certificate under its hashed name; "
            "run openssl rehash on it, or give ca_file"
        )


def _show(
    made: ssl.SSLContext, cert_file: str, key_file: str | None, key_password: str | bytes | None
) -> None:
    option, path = ("key_file", key_file) if key_file is not None else ("cert_file", cert_file)
    encrypted = False

    def password() -> str | bytes:
        # Without a function to ask, OpenSSL would ask whoever sits at the terminal.
        nonlocal encrypted
        encrypted = True
        return key_password or ""

    try:
        made.load_cert_chain(cert_file, key_file, password)
    except ssl.SSLError as error:
        if encrypted and key_password is None:
            _useless(option, path, "holds an encrypted key; give key_password", error)
        if encrypted:
            _useless(option, path, "is not opened by key_password", error)
        if error.reason == "KEY_VALUES_MISMATCH":
            _useless(option, path, f"holds another key than that of the certificate in {cert_file!r}", error)
        if not _holds(cert_file, b"CERTIFICATE-----"):
            _useless("cert_file", cert_file, "holds no certificate in PEM form", error)
        _useless(option, path, "holds no private key in PEM form", error)
    except OSError as error:
        readable = os.access(cert_file, os.R_OK) and not os.path.isdir(cert_file)
        _unreadable(*(option, path) if readable else ("cert_file", cert_file), error)
    except ValueError as error:  # longer than OpenSSL takes
        _useless(option, path, "is not opened by key_password", error)


def _holds(path: str, mark: bytes) -> bool:
    with open(path, "rb") as file:
        return mark in file.read()


def _unreadable(option: str, path: str, error: OSError) -> NoReturn:
    why = os.strerror(error.errno).lower() if error.errno else "it is not a file"
    raise PyRedisConnError(
        f"{option} {path!r} cannot be read: {why}; check the path and its permissions"
    ) from error


def _useless(option: str, path: str, why: str, error: Exception) -> NoReturn:
    raise PyRedisConnError(f"{option} {path!r} {why}") from error


# -- after the handshake


def reason_and_mend(error: BaseException | None, options: TlsOptions, name: str) -> tuple[str, str] | None:
    """Return why a handshake failed and what to do about it; None when it was not TLS that failed."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _distrust(error, name)
    if isinstance(error, ssl.SSLError):
        for words, answer in _ALERTS:
            if any(word in (error.reason or "") for word in words):
                return answer
        if error.reason in _CLIENT_ALERTS:
            return _refused_client(options)
        return f"the TLS handshake failed: {_in_words(error)}", "check the TLS settings of both sides"
    return None


def _distrust(error: ssl.SSLCertVerificationError, name: str) -> tuple[str, str]:
    code, certificate = error.verify_code, "the server's certificate"
    if code in _WRONG_NAMES:
        mend = "connect by a name that it is for, or give that name as server_name"
        return f"{certificate} is not for {name!r}", mend
    if code in _UNKNOWN_AUTHORITY:
        mend = "give the certificate of the one that has as ca_file"
        return f"{certificate} is signed by no authority that is trusted here", mend
    if code in _WRONG_TIME:
        return f"the server's {error.verify_message}", "have it renewed, or check the clock of this machine"
    return f"{certificate} is refused: {error.verify_message}", "have it replaced"


def _refused_client(options: TlsOptions) -> tuple[str, str]:
    if options.cert_file is None:
        return "the server asks for a client certificate", "give cert_file and key_file"
    return (
        f"the server refuses the client certificate {options.cert_file!r}",
        "give one that an authority it trusts has signed",
    )


def _in_words(error: ssl.SSLError) -> str:
    return (error.reason or "no reason given").lower().replace("_", " ")


# X509_V_ERR_... of OpenSSL's x509_vfy.h
_WRONG_NAMES: Final = frozenset({62, 64})
_UNKNOWN_AUTHORITY: Final = frozenset({2, 18, 19, 20, 21, 27})
_WRONG_TIME: Final = frozenset({9, 10})

_NO_TLS: Final = ("the server does not speak TLS on this port", "connect without TLS, or to its tls-port")
_TOO_OLD: Final = ("the server speaks no TLS 1.2 or newer", "have it updated")
_NAME_UNKNOWN: Final = ("the server does not know the name it was asked for", "check server_name")

_ALERTS: Final = (
    (("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"), _NO_TLS),
    (("PROTOCOL_VERSION", "UNSUPPORTED_PROTOCOL"), _TOO_OLD),
    (("UNRECOGNIZED_NAME",), _NAME_UNKNOWN),
)
"""What the reason of an SSLError holds, and what it comes to."""

_CLIENT_ALERTS: Final = frozenset(
    {
        "SSLV3_ALERT_BAD_CERTIFICATE",
        "SSLV3_ALERT_CERTIFICATE_EXPIRED",
        "SSLV3_ALERT_CERTIFICATE_REVOKED",
        "SSLV3_ALERT_CERTIFICATE_UNKNOWN",
        "SSLV3_ALERT_HANDSHAKE_FAILURE",
        "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE",
        "TLSV13_ALERT_CERTIFICATE_REQUIRED",
        "TLSV1_ALERT_ACCESS_DENIED",
        "TLSV1_ALERT_DECRYPT_ERROR",
        "TLSV1_ALERT_UNKNOWN_CA",
    }
)
"""What a server sends when it asks in vain for a client certificate, or does not take the one it is shown."""
