"""From the flags of TLS, and what the URL says, to whom is trusted and what is shown.

It is loaded when something asks for TLS. It reads no file.
"""

from __future__ import annotations

from pyredis.options import TlsOptions
from pyredis.records import replace
from pyredis_cli.exits import TLS_FLAGS
from pyredis_cli.flags import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pyredis_cli.given import Given

__all__ = ["encryption"]


def encryption(given: Given, said: TlsOptions | None) -> TlsOptions | None:
    """Return the options of TLS that flags and URL amount to, where the flags win.

    Raises UsageError for what cannot be meant, and for flags of TLS where nothing encrypts.
    """
    chosen = _chosen(given)
    _check(given, chosen, encrypts=given.tls or said is not None)
    said = said or TlsOptions()
    if given.key is not None and given.cert is None and said.cert_file is None:
        raise UsageError("--key is shown with its certificate; give that with --cert")
    try:
        return replace(said, **chosen)
    except ValueError as error:
        option, _, rest = str(error).partition(" ")
        raise UsageError(f"{TLS_FLAGS.get(option, option)} {rest}") from None


def _chosen(given: Given) -> dict[str, Any]:
    """Return what the flags say, by the options of the library."""
    said = {option: getattr(given, flag[2:].replace("-", "_"), None) for option, flag in TLS_FLAGS.items()}
    chosen = {option: value for option, value in said.items() if isinstance(value, str)}
    return (
        chosen
        | ({"verify": False} if given.insecure else {})
        | ({"verify_hostname": False} if given.no_verify_hostname else {})
    )


def _check(given: Given, chosen: dict[str, Any], *, encrypts: bool) -> None:
    if given.embedded is not None:
        raise UsageError("--embedded starts a server that speaks no TLS; leave out --tls and its flags")
    if not encrypts:
        flag = TLS_FLAGS[next(iter(chosen))]
        raise UsageError(f"{flag} is about TLS; give --tls, too, or a URL that begins with rediss://")
