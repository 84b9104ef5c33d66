"""What TLS needs of us: whom to trust, what to show, and in plain words why a handshake failed.

It reads the files of the options and knows OpenSSL's words; it opens no socket and does not know who connects.
It is imported by the first connection that is encrypted, for the sake of those that are not.
"""

from __future__ import annotations

import os
import re
import ssl
import time
from functools import lru_cache
from stat import S_ISFIFO

from pyredis.address import TcpAddress
from pyredis.exceptions import PyRedisTlsError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any, Final, NoReturn, TypeAlias

    from pyredis.address import Address
    from pyredis.options import TlsOptions

    _Stamp: TypeAlias = tuple[int, int, int]
    _Certificate: TypeAlias = Mapping[str, Any]
    _Told: TypeAlias = tuple[str, dict[str, str]]  # a template of ``PyRedisTlsError`` and its facts

__all__ = ["context", "failure", "server_name"]

_CONTEXTS_KEPT: Final = 32
_HASHED_NAME: Final = re.compile(r"[0-9a-f]{8}\.\d+")


# -- before the handshake


def server_name(address: Address, options: TlsOptions) -> str:
    """Return the name to ask for and to verify; empty when there is none and nothing is verified."""
    if options.server_name is not None:
        return options.server_name
    if isinstance(address, TcpAddress):
        return address.host.removesuffix(".")  # certificates hold names without the dot of the root
    if options.verify and options.verify_hostname:
        raise PyRedisTlsError.of(
            "TLS over the unix socket {path} has no host name to verify; give {server_name}, or {verify}",
            path=address.path,
        )
    return ""


def context(options: TlsOptions) -> ssl.SSLContext:
    """Return what verifies the server and shows our certificate; the same one until one of the files changes.

    Raises PyRedisTlsError when a file cannot be read, is of the wrong kind or does not open, and for ciphers
    that there are none of.
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
    if S_ISFIFO(status.st_mode):  # as <(...) of a shell: it can be read once
        return 0, 0, status.st_ino
    return status.st_mtime_ns, status.st_size, status.st_ino


@lru_cache(maxsize=_CONTEXTS_KEPT)
def _context(options: TlsOptions, _stamps: tuple[_Stamp | None, ...]) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.sslobject_class, made.sslsocket_class = _Object, _Socket
    _choose(made, options)
    if options.verify:
        made.check_hostname = options.verify_hostname
        _trust(made, options)
    else:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    if options.cert_file is not None:
        _show(made, options.cert_file, options.key_file, options.key_password)
    return made


def _choose(made: ssl.SSLContext, options: TlsOptions) -> None:
    # By getattr: before 3.15 there is no way to choose those of TLS 1.3.
    choose: Callable[[str], None] | None = getattr(made, "set_ciphersuites", None)
    if options.ciphers is not None:
        _chosen("ciphers", options.ciphers, made.set_ciphers)
    if options.ciphersuites is not None and choose is not None:
        _chosen("ciphersuites", options.ciphersuites, choose)
    elif options.ciphersuites is not None:
        raise PyRedisTlsError.of(
            "{ciphersuites} cannot be chosen by the ssl of this Python, 3.15 is the first that can; "
            "write Ciphersuites=... into an openssl.cnf and name that in OPENSSL_CONF"
        )


def _chosen(option: str, names: str, choose: Callable[[str], None]) -> None:
    try:
        choose(names)
    except ssl.SSLError as error:
        raise PyRedisTlsError.of(
            f"{{{option}}} {{names}} holds none that OpenSSL knows; see openssl ciphers", names=repr(names)
        ) from error


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
        raise PyRedisTlsError.of(
            "{ca_folder} {path} holds no certificate under its hashed name; "
            "run openssl rehash on it, or give {ca_file}",
            path=repr(folder),
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
    except OSError as error:  # ssl.SSLError is one
        if encrypted and key_password is None:
            _useless(option, path, "holds an encrypted key; give {key_password}", error)
        if encrypted:
            _useless(option, path, "is not opened by {key_password}", error)
        if not isinstance(error, ssl.SSLError):
            readable = os.access(cert_file, os.R_OK) and not os.path.isdir(cert_file)
            _unreadable(*(option, path) if readable else ("cert_file", cert_file), error)
        if error.reason == "KEY_VALUES_MISMATCH":
            other = "holds another key than that of the certificate in {cert}"
            _useless(option, path, other, error, cert=repr(cert_file))
        if not _holds(cert_file, b"CERTIFICATE-----"):
            _useless("cert_file", cert_file, "holds no certificate in PEM form", error)
        _useless(option, path, "holds no private key in PEM form", error)
    except ValueError as error:  # longer than OpenSSL takes
        _useless(option, path, "is not opened by {key_password}", error)


def _holds(path: str, mark: bytes) -> bool:
    with open(path, "rb") as file:
        return mark in file.read()


def _unreadable(option: str, path: str, error: OSError) -> NoReturn:
    why = os.strerror(error.errno).lower() if error.errno else "it is not a file"
    template = f"{{{option}}} {{path}} cannot be read: {{why}}; check the path and its permissions"
    raise PyRedisTlsError.of(template, path=repr(path), why=why) from error


def _useless(option: str, path: str, why: str, error: Exception, **facts: str) -> NoReturn:
    raise PyRedisTlsError.of(f"{{{option}}} {{path}} {why}", path=repr(path), **facts) from error


# -- in the handshake


class _Distrusted(ssl.SSLCertVerificationError):
    """The refusal of a certificate, with what the server has shown: its own certificate and those above it."""

    def __init__(self, error: ssl.SSLCertVerificationError, chain: Sequence[_Certificate]) -> None:
        super().__init__(*error.args)
        self.reason, self.library = error.reason, error.library
        self.verify_code, self.verify_message = error.verify_code, error.verify_message
        self.chain = chain


class _Object(ssl.SSLObject):
    """What asyncio shakes hands with."""

    def do_handshake(self) -> None:
        try:
            super().do_handshake()
        except ssl.SSLCertVerificationError as error:
            raise _Distrusted(error, _chain(self)) from None


class _Socket(ssl.SSLSocket):
    """What a driver that blocks shakes hands with."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except ssl.SSLCertVerificationError as error:
            raise _Distrusted(error, _chain(self)) from None


def _chain(connection: object) -> list[_Certificate]:
    """Return what the certificates say that were refused, as far as this Python tells: no public name does."""
    try:
        return [one.get_info() for one in connection._sslobj.get_unverified_chain()]  # type: ignore[attr-defined]
    except (AttributeError, TypeError, ssl.SSLError):
        return []


# -- after the handshake


def failure(
    error: BaseException | None, address: Address, options: TlsOptions, name: str
) -> PyRedisTlsError | None:
    """Return why a handshake failed and what to do about it; None when it was not TLS that failed."""
    told = _reason(error, options, name)
    if told is None:
        return None
    template, facts = told
    where = f"cannot connect to {{where}}: {template}"
    return PyRedisTlsError.of(where, address=str(address), where=str(address), **facts)


def _reason(error: BaseException | None, options: TlsOptions, name: str) -> _Told | None:
    if isinstance(error, ssl.SSLCertVerificationError):
        return _distrust(error, name)
    if isinstance(error, ssl.SSLError):
        for marks, answer in _ALERTS:
            if any(mark in (error.reason or "") for mark in marks):
                return answer, {}
        if error.reason in _CLIENT_ALERTS:
            return _refused_client(options)
        words = (error.reason or "no reason given").lower().replace("_", " ")
        return "the TLS handshake failed: {words}; check the TLS settings of both sides", {"words": words}
    return None


def _refused_client(options: TlsOptions) -> _Told:
    if options.cert_file is None:
        return "the server asks for a client certificate; give {cert_file} and {key_file}", {}
    return (
        "the server refuses the client certificate {cert}; give one that an authority it trusts has signed",
        {"cert": repr(options.cert_file)},
    )


def _distrust(error: ssl.SSLCertVerificationError, name: str) -> _Told:
    chain = error.chain if isinstance(error, _Distrusted) else ()
    facts = {"it": _described(chain[0]) if chain else "", "message": error.verify_message, "name": repr(name)}
    code = error.verify_code
    if code in _WRONG_NAMES:
        return f"{_IT} is not for {{name}}{{names}}; {_OTHER_NAME}", {**facts, "names": _names(chain)}
    if code == _SELF_SIGNED:
        return f"{_IT} is signed by itself and not trusted here; give it as {{ca_file}}", facts
    if code in _UNKNOWN_AUTHORITY:
        return f"{_IT} is signed by no authority that is trusted here; {_AUTHORITY}", facts
    if code in _WRONG_TIME:
        late = _out_of_time(chain, time.time())
        what = f"{_IT} {{when}}" if late else "the server's {message}"
        return f"{what}; have it renewed, or check the clock of this machine", {**facts, **late}
    return f"{_IT} is refused: {{message}}; have it replaced", facts


def _out_of_time(chain: Sequence[_Certificate], now: float) -> dict[str, str]:
    """Return which certificate of the chain is too old or too new; nothing when none of them is."""
    for one in chain:
        for ends, words in (("notAfter", "has expired on"), ("notBefore", "is not valid before")):
            seconds = ssl.cert_time_to_seconds(one[ends])
            if (seconds < now) is (ends == "notAfter"):
                when = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds))
                return {"it": _described(one), "when": f"{words} {when}"}
    return {}


def _described(certificate: _Certificate) -> str:
    """Return whom a certificate is of, and who has signed it, behind a blank; it is the server that says so."""
    subject, issuer = _title(certificate.get("subject", ())), _title(certificate.get("issuer", ()))
    signed = "" if subject == issuer else f", signed by {issuer}"
    return f" ({subject}{signed})"


def _title(name: Sequence[Sequence[tuple[str, str]]]) -> str:
    parts = [f"{_SHORT.get(key, key)}={value}" for pairs in name for key, value in pairs]
    return _told(", ".join(parts) or "without a name")


def _names(chain: Sequence[_Certificate]) -> str:
    """Return which names a certificate is for."""
    names = [value for _, value in chain[0].get("subjectAltName", ())] if chain else []
    more = f" and {len(names) - _FEW} more" if len(names) > _FEW else ""
    return _told(f" but for {', '.join(names[:_FEW])}") + more if names else ""


def _told(text: str) -> str:
    """Return what a server says of itself, fit for one line."""
    text = "".join(character if character.isprintable() else "?" for character in text)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


_FEW: Final = 4  # names that a message names one by one
_LONGEST: Final = 150
_SHORT: Final = {
    "commonName": "CN",
    "countryName": "C",
    "localityName": "L",
    "organizationName": "O",
    "organizationalUnitName": "OU",
    "stateOrProvinceName": "ST",
}

_IT: Final = "the server's certificate{it}"
_OTHER_NAME: Final = (
    "connect by a name that it is for, or give that name as {server_name}; {verify_hostname} takes any name"
)
_AUTHORITY: Final = "give the certificate of its authority as {ca_file}"

# X509_V_ERR_... of OpenSSL's x509_vfy.h
_WRONG_NAMES: Final = frozenset({62, 64})
_SELF_SIGNED: Final = 18
_UNKNOWN_AUTHORITY: Final = frozenset({2, 19, 20, 21, 27})
_WRONG_TIME: Final = frozenset({9, 10})

_NO_TLS: Final = "the server does not speak TLS on this port; connect without {tls}, or to its tls-port"
_TOO_OLD: Final = "the server speaks no TLS 1.2 or newer; have it updated"
_NAME_UNKNOWN: Final = "the server does not know the name it was asked for; check {server_name}"

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
