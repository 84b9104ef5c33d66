"""Which flags exclude each other, or mean nothing together; nothing is sent then."""

from __future__ import annotations

from pyredis_cli.credentials import WITHOUT_ASKING
from pyredis_cli.flags import FOR_PROGRAMS, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyredis_cli.given import Given

__all__ = ["check", "marked"]

_WITH_NULL = ("csv", "tsv", "markdown")


def check(given: Given) -> None:
    """Raise UsageError for the first flags that cannot be meant together; it says which to leave out."""
    where = (given.host, given.port, given.socket, given.url)
    if given.embedded is not None and where != (None, None, None, None):
        raise UsageError("--embedded starts a server of its own; leave out -h, -p, -s and -u")
    if given.url is not None and where[:3] != (None, None, None):
        raise UsageError("the URL says where the server is; leave out -h, -p and -s, or -u")
    if given.cluster and given.embedded is not None:
        raise UsageError("--embedded starts a server that is in no cluster; leave out -c")
    if given.cluster and given.socket is not None:
        raise UsageError("the nodes of a cluster are not reached by a unix socket; leave out -s, or -c")
    if given.no_input and given.askpass:
        raise UsageError(f"--askpass asks, which --no-input forbids; {WITHOUT_ASKING}")
    if given.no_input and given.username == "":
        raise UsageError("--user needs a name, and with --no-input nobody is asked for it")
    if given.last_from_stdin and given.tag is not None:
        raise UsageError("-x and -X both take standard input; give one of them")
    if given.ipv4 and given.ipv6:
        raise UsageError("-4 and -6 exclude each other; give one of them")
    if given.resp2 and given.resp3:
        raise UsageError("-2 and -3 exclude each other; give one of them")
    if (flag := marked(given)) and given.output not in (None, "raw"):
        raise UsageError(f"{flag} is for raw output; leave it out, or choose --raw")
    if given.null is not None and given.output not in (None, "raw", *_WITH_NULL):
        raise UsageError(f"--null is for raw output and for {', '.join(_WITH_NULL)}; leave it out")
    if given.notation is not None and given.output not in FOR_PROGRAMS:
        raise UsageError(
            f"--bytes is for {', '.join(sorted(FOR_PROGRAMS))}; choose one of them with --format"
        )
    if given.zero and (given.delimiter, given.reply_end) != (None, None):
        raise UsageError("-0 puts NUL where -d and -D put theirs; leave it out, or them")


def marked(given: Given) -> str:
    """Return the flag that says what stands around the values of raw output, "" when there is none."""
    flags = {
        "-d": given.delimiter is not None,
        "-D": given.reply_end is not None,
        "-0": given.zero,
    }
    return next((flag for flag, is_given in flags.items() if is_given), "")
