"""What became of one command: a value that renderers and exit codes are made from."""

from __future__ import annotations

from pyredis.commands.spec import Spec
from pyredis.exceptions import NoAuth, PyRedisConnClosed, PyRedisError, ReadOnlyRefused, ReplyError
from pyredis.records import NamedTuple
from pyredis.types import Reply

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyredis.address import Address

__all__ = ["START_WITH_C", "Outcome", "nameless", "unknown_fate"]

START_WITH_C = "start with -c to follow redirects to other nodes"


# A named tuple, as every value of a one-shot command's way: a dataclass takes half a millisecond more to make.
class Outcome(NamedTuple):
    """The reply to a command, or the error in its place.

    ``at_connect``: the error is that of the connection it needed, and it was not sent. ``broken_ground`` is why
    commands to come would not meet the database, user or protocol that they rely on, empty when they would.
    ``notices`` are sentences that the person must be told. ``silent`` means that no reply is due: CLIENT REPLY
    OFF, SHUTDOWN. ``queued`` are the commands of the transaction that an EXEC ran.
    """

    argv: tuple[bytes, ...]
    spec: Spec | None
    reply: Reply = None
    error: PyRedisError | None = None
    at_connect: bool = False
    broken_ground: str = ""
    seconds: float = 0.0
    notices: tuple[str, ...] = ()
    silent: bool = False
    queued: tuple[Outcome, ...] = ()

    @property
    def effect(self) -> str | None:
        """How the command changes the state of its connection, None when it does not."""
        return self.spec.effect if self.spec else None

    @property
    def name(self) -> str:
        return self.spec.name if self.spec else "the command"

    @property
    def is_text(self) -> bool:
        """Whether the reply is text to be read, not a value."""
        return self.spec is not None and self.spec.shape_for(self.argv) == "text"

    @property
    def text_form(self) -> str | None:
        """The form of the text in the reply, None when it has none that programs can read."""
        return self.spec.text_for(self.argv) if self.spec else None

    @property
    def text_forms(self) -> tuple[str | None, ...]:
        """The form of the text in each reply of a transaction; nothing where no reply has one."""
        forms = tuple(one.text_form for one in self.queued)
        return forms if any(forms) else ()

    @property
    def in_transaction(self) -> tuple[tuple[tuple[bytes, ...], Spec | None], ...]:
        """The commands of the transaction that an EXEC ran, and what the facts say of each."""
        return tuple((one.argv, one.spec) for one in self.queued)

    @property
    def answered(self) -> bool:
        """Whether the server answered the command, be it with an error."""
        return self.error is None or (isinstance(self.error, ReplyError) and not self.at_connect)

    @property
    def refused(self) -> bool:
        """Whether it was not sent because it must not be; what comes behind it may be."""
        return isinstance(self.error, ReadOnlyRefused)

    @property
    def failed(self) -> bool:
        """Whether it is an error, or the reply to an EXEC with one in it."""
        if self.error is not None or self.effect != "exec" or not isinstance(self.reply, list):
            return self.error is not None
        return any(isinstance(reply, ReplyError) for reply in self.reply)


def unknown_fate(error: PyRedisConnClosed, name: str) -> PyRedisConnClosed:
    """Return the error of a connection with what is known of the command that was on it."""
    fate = "was not sent" if error.sent is False else "was sent, its outcome is unknown; it is not sent again"
    told = PyRedisConnClosed(f"{error}; {name} {fate}", address=error.address, sent=error.sent)
    told.unheard = error.unheard
    return told


def nameless(address: Address, name: str | None, refusal: ReplyError | None) -> str:
    """Return what to say of a server that refuses the name of a connection; nothing of one that has not yet.

    Who must log in first can say it again then.
    """
    if refusal is None or isinstance(refusal, NoAuth):
        return ""
    return f"{address} refused the name {name}: (error) {refusal.message}"
