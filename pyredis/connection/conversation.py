"""What is owed and where one connection stands, told from the commands sent and the replies heard.

It sees argv and replies, never a socket or a clock. Replies are matched to commands by order alone, so anything
unexpected is a ``ProtocolError``: a reply that nobody waits for would shift all that follow. ``at_rest`` is the
one question that pools ask.
"""

from __future__ import annotations

from collections import deque

from pyredis.connection.handshake import greeting, protocol_of
from pyredis.exceptions import ProtocolError, PyRedisError, ReplyError
from pyredis.records import cast
from pyredis.types import Push

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, Final, Literal

    from pyredis.commands.spec import Spec
    from pyredis.types import Reply

__all__ = ["DEFAULT_USER", "Conversation", "Exchange", "Run", "Unasked"]

DEFAULT_USER: Final = "default"

_CONFIRMATIONS: Final = {
    b"subscribe": b"subscribe",
    b"unsubscribe": b"subscribe",
    b"psubscribe": b"psubscribe",
    b"punsubscribe": b"psubscribe",
    b"ssubscribe": b"ssubscribe",
    b"sunsubscribe": b"ssubscribe",
}
"""The kinds of confirmation, and the set of channels that each is about."""

_MESSAGES: Final = frozenset({b"message", b"pmessage", b"smessage"})


class Exchange:
    """One command and the reply it is owed.

    ``due`` counts what is still to come: one reply, or a confirmation for each channel of a subscription.
    ``waiter`` and ``limit`` belong to whoever drives the conversation.
    """

    __slots__ = ("argv", "due", "effect", "error", "limit", "name", "reply", "waiter")

    def __init__(self, argv: Sequence[bytes], spec: Spec | None, due: int) -> None:
        self.name = spec.name if spec else ""
        self.effect = spec.effect if spec else None
        self.argv: Sequence[bytes] = argv if self.effect else ()
        self.due = due
        self.reply: Reply = None
        self.error: PyRedisError | None = None
        self.waiter: Any = None
        self.limit: float | None = None


class Run:
    """Commands in a row that change no state and are answered together: one list of replies, one waiter.

    ``due`` counts the replies still to come. Without ``keep`` only error replies are kept.
    """

    __slots__ = ("due", "error", "keep", "limit", "replies", "waiter")

    name = ""
    effect = None

    def __init__(self, due: int = 0, waiter: Any = None, *, keep: bool = True) -> None:
        self.limit: float | None = None
        self.due = due
        self.waiter = waiter
        self.keep = keep
        self.replies: list[Reply] = []
        self.error: PyRedisError | None = None

    def hear(self, replies: Sequence[Reply], at: int = 0) -> int:
        """Take what is due from ``replies[at:]``, up to the next push, and return how many replies that were."""
        taken = replies[at : at + self.due]
        if Push in map(type, taken):
            taken = taken[: list(map(type, taken)).index(Push)]
        self.due -= len(taken)
        self.replies += taken if self.keep else [reply for reply in taken if isinstance(reply, ReplyError)]
        return len(taken)


class Unasked:
    """What came without being asked for: a push, a published message, a line of MONITOR."""

    __slots__ = ("reply",)

    def __init__(self, reply: Reply) -> None:
        self.reply = reply


class Conversation:
    """The state of one connection; it starts after the handshake, as the user and in the database opened.

    ``username`` None: nobody has authenticated, so the server takes it for the default user, or for nobody.
    """

    def __init__(self, database: int = 0, username: str | None = None, protocol: int = 2) -> None:
        self._opened = (database, username, protocol)
        self._owed: deque[Exchange | Run] = deque()
        self._effects_owed = 0
        self._forget_state()
        self.database, self._user, self.protocol = self._opened
        self.reply_mode: Literal["on", "off", "skip"] = "on"
        self.greeting: dict[str, Reply] = {}
        """What the server told of itself and of this connection in its last reply to HELLO."""
        self.leaving = False
        """Whether QUIT was answered: the server closes the connection."""
        self._monitor_asked = False
        self._altered = False

    def _forget_state(self) -> None:
        """Stand where a connection stands after RESET.

        ``_altered`` stays: which of its settings RESET undoes depends on the server's version.
        """
        self.database, self._user, self.protocol = 0, None, 2
        self.in_transaction = False
        self.watching = False
        self.monitoring = False
        self._queued: list[Exchange] = []
        self._channels: dict[bytes, set[bytes]] = {kind: set() for kind in _CONFIRMATIONS.values()}

    @property
    def username(self) -> str:
        return self._user or DEFAULT_USER

    @property
    def owed(self) -> int:
        """How many commands, and runs of commands, still wait for their reply."""
        return len(self._owed)

    @property
    def head(self) -> Exchange | Run | None:
        """The command whose reply comes next."""
        return self._owed[0] if self._owed else None

    @property
    def tail(self) -> Exchange | Run | None:
        """The command, or run of commands, whose reply comes last."""
        return self._owed[-1] if self._owed else None

    @property
    def subscriptions(self) -> int:
        return sum(map(len, self._channels.values()))

    @property
    def engaged(self) -> bool:
        """Whether something is going on that ends with the connection: a transaction, a watch, a subscription."""
        return bool(
            self.in_transaction
            or self.watching
            or self.monitoring
            or self.subscriptions
            or self.reply_mode != "on"
        )

    @property
    def as_opened(self) -> bool:
        """Whether the connection stands where it was opened, as far as its commands have been answered."""
        return not (
            self.engaged or self._altered or (self.database, self._user, self.protocol) != self._opened
        )

    @property
    def at_rest(self) -> bool:
        """Whether the next user would find the connection as it was opened, with no reply owed."""
        return not self._owed and not self.leaving and self.as_opened

    @property
    def may_hear(self) -> bool:
        """Whether bytes may come now: a reply is owed, or the server may speak without being asked."""
        return bool(self._owed) or self.protocol != 2 or self.monitoring or self.subscriptions > 0

    @property
    def calm(self) -> bool:
        """Whether a command without an effect, sent now, gets one plain reply and nothing but that."""
        return (
            self.reply_mode == "on"
            and not (self.in_transaction or self.monitoring)
            and not (self.protocol == 2 and self.subscriptions)
            and not self._effects_owed
        )

    def say_run(self, *, keep: bool = True) -> Run:
        """Return a run to which commands without effect may be added, while ``calm``, and nothing else said."""
        run = Run(keep=keep)
        self._owed.append(run)
        return run

    def say_before(self, count: int, limit: float | None) -> None:
        """Have so many replies, of commands whose replies nobody wants, come before all that is owed."""
        for _ in range(count):
            exchange = Exchange((), None, 1)
            exchange.limit = limit
            self._owed.appendleft(exchange)

    def say(self, argv: Sequence[bytes], spec: Spec | None) -> Exchange:
        """Return the exchange of a command that is about to be written; it is owed unless ``due`` is 0."""
        effect = spec.effect if spec else None
        if effect is not None or self._monitor_asked:
            self._refuse(argv, effect)
        due = self._due(argv, effect)
        exchange = Exchange(argv, spec, due)
        if due:
            self._owed.append(exchange)
            self._effects_owed += effect is not None
            self._monitor_asked = effect == "monitor"
        elif effect not in (None, "reply"):
            # Its reply will never say whether it worked.
            self._altered = True
        return exchange

    def _refuse(self, argv: Sequence[bytes], effect: str | None) -> None:
        if self._monitor_asked:
            raise PyRedisError("a connection in MONITOR takes no other command; use another one")
        if effect == "replication":
            name = argv[0].decode("ascii", "replace").upper()
            raise PyRedisError(f"{name} would turn the connection into a replication stream")
        if effect in _BREAK_EXEC and self._transaction_ahead:
            raise PyRedisError(
                f"{_BREAK_EXEC[effect]} inside MULTI would break the reply of EXEC; DISCARD first"
            )
        if effect in _NEED_REPLIES and self.reply_mode != "on":
            raise PyRedisError(f"{_NEED_REPLIES[effect]} although replies are off; CLIENT REPLY ON first")

    @property
    def _transaction_ahead(self) -> bool:
        """Whether a command sent now would find the server in MULTI, as far as one can tell."""
        return self.in_transaction or any(exchange.effect == "multi" for exchange in self._owed)

    def _due(self, argv: Sequence[bytes], effect: str | None) -> int:
        if effect == "reply":
            return self._turn_replies(argv[2].lower() if len(argv) == 3 else b"")
        if self.reply_mode == "off":
            if effect != "reset":
                return 0
            self.reply_mode = "on"  # RESET turns replies on again, its own among them
        if self.reply_mode == "skip":
            self.reply_mode = "on"
            return 0
        if effect == "subscribe":
            return max(1, len(argv) - 1)
        if effect == "unsubscribe":
            kind = _CONFIRMATIONS[argv[0].lower()]
            return len(argv) - 1 or max(1, len(self._channels[kind]))
        return 1

    def _turn_replies(self, mode: bytes) -> int:
        if mode == b"off":
            self.reply_mode = "off"
        elif mode == b"skip":
            if self.reply_mode == "on":
                self.reply_mode = "skip"
        elif mode == b"on":
            self.reply_mode = "on"
            return 1
        return 0 if mode in (b"off", b"skip") else int(self.reply_mode == "on")

    def drop_head(self) -> Exchange | Run | None:
        """Give up waiting for the reply due next and return its exchange: the connection is gone."""
        return self._pop() if self._owed else None

    def _pop(self) -> Exchange | Run:
        entry = self._owed.popleft()
        self._effects_owed -= entry.effect is not None
        return entry

    def hear(self, reply: Reply) -> Exchange | Run | Unasked | None:
        """Return the exchange or run that this reply completes, or what came unasked, or None: more is due."""
        if isinstance(reply, Push):
            return self._hear_push(reply)
        if self.monitoring and not self._owed:
            return Unasked(reply)
        if type(reply) is list and self._hears_messages() and _is_message(reply):
            return self._hear_push(Push(cast("list[Reply]", reply)))
        if not self._owed:
            # What a server says before it hangs up: too many clients, protected mode.
            said = f": {reply.message}" if isinstance(reply, ReplyError) else ""
            raise ProtocolError(f"the server sent a reply to no command{said}")
        head = self._owed[0]
        if isinstance(head, Run):
            head.hear((reply,))
            return None if head.due else self._pop()
        return self._hear_reply(head, reply)

    def _hear_reply(self, exchange: Exchange, reply: Reply) -> Exchange:
        self._pop()
        exchange.due = 0
        exchange.reply = reply
        if self.in_transaction or exchange.effect is not None:
            try:
                self._take_effect(exchange, reply)
            except (IndexError, ValueError):
                self._owe_again(exchange)
                raise ProtocolError(
                    f"the server accepted {exchange.name} with impossible arguments"
                ) from None
            except ProtocolError:
                self._owe_again(exchange)
                raise
        return exchange

    def _owe_again(self, exchange: Exchange) -> None:
        """Put an exchange back whose reply cannot be: whoever waits for it gets the error of the connection."""
        exchange.due, exchange.reply = 1, None
        self._owed.appendleft(exchange)
        self._effects_owed += exchange.effect is not None

    def _hears_messages(self) -> bool:
        """Whether RESP2 arrays may be messages: a subscription stands or is being made."""
        if self.protocol != 2:
            return False
        head = self.head
        return (isinstance(head, Exchange) and head.effect in _SUBSCRIBING) or self.subscriptions > 0

    def _hear_push(self, push: Push) -> Exchange | Unasked | None:
        kind = _bytes(push[0]) if push else None
        if kind is None or kind not in _CONFIRMATIONS:
            return Unasked(push)
        self._count_channel(kind, push)
        head = self.head
        if not isinstance(head, Exchange) or head.effect not in _SUBSCRIBING or head.argv[0].lower() != kind:
            return Unasked(push)
        if head.reply is None:
            head.reply = []
        cast("list[Reply]", head.reply).append(push)
        head.due -= 1
        if head.due:
            return None
        self._pop()
        return head

    def _count_channel(self, kind: bytes, push: Push) -> None:
        channel = _bytes(push[1]) if len(push) > 1 else None
        if channel is None:
            return
        channels = self._channels[_CONFIRMATIONS[kind]]
        if kind.startswith((b"un", b"pun", b"sun")):
            channels.discard(channel)
        else:
            channels.add(channel)

    def _take_effect(self, exchange: Exchange, reply: Reply) -> None:
        if exchange.effect == "monitor":
            self._monitor_asked = not (self.in_transaction or isinstance(reply, ReplyError))
        if self.in_transaction and exchange.effect not in _ENDS_TRANSACTION:
            if not isinstance(reply, ReplyError):
                self._queued.append(exchange)
            return
        if exchange.effect == "exec":
            self._executed(reply)
        elif not isinstance(reply, ReplyError) and exchange.effect is not None:
            self._changed(exchange.effect, exchange.argv, reply)

    def _executed(self, reply: Reply) -> None:
        """End the transaction; what its commands changed is changed now."""
        if isinstance(reply, ReplyError) and reply.code == "ERR" and not self.in_transaction:
            return
        queued, self._queued = self._queued, []
        self.in_transaction = self.watching = False
        if not isinstance(reply, list):
            return
        if len(reply) != len(queued):
            raise ProtocolError(f"EXEC answered {len(reply)} commands of {len(queued)}")
        for exchange, part in zip(queued, cast("list[Reply]", reply), strict=True):
            if exchange.effect is not None and not isinstance(part, ReplyError):
                self._changed(exchange.effect, exchange.argv, part)

    def _changed(self, effect: str, argv: Sequence[bytes], reply: Reply) -> None:
        match effect:
            case "select":
                self.database = int(argv[1])
            case "auth":
                self._user = _text(argv[1]) if len(argv) > 2 else DEFAULT_USER
            case "hello":
                self._greeted(argv, reply)
            case "reset":
                self._forget_state()
            case "multi":
                self.in_transaction = True
            case "discard":
                self._queued = []
                self.in_transaction = self.watching = False
            case "watch":
                self.watching = True
            case "unwatch":
                self.watching = False
            case "monitor":
                self.monitoring = True
            case "quit":
                self.leaving = True
            case "alters" | "subscribe" | "unsubscribe":  # the latter two out of a transaction
                self._altered = True

    def _greeted(self, argv: Sequence[bytes], reply: Reply) -> None:
        self.protocol = protocol_of(reply) or self.protocol
        self.greeting = greeting(reply)
        options = iter(argv[2:])
        for option in options:
            value = _text(next(options, b""))
            if option.lower() == b"auth":
                self._user = value
                next(options, None)  # the password
            else:
                self._altered = True  # SETNAME


_SUBSCRIBING: Final = frozenset({"subscribe", "unsubscribe"})

_BREAK_EXEC: Final[Mapping[str | None, str]] = {
    "reply": "CLIENT REPLY",
    "subscribe": "a subscription",
    "unsubscribe": "the end of a subscription",
    # 8.2 leaves the error of a refused AUTH out of the array and sends it nowhere.
    "auth": "AUTH",
    "hello": "HELLO",
}
"""What a server queues and then answers in a way that no client can tell from the next reply."""

_NEED_REPLIES: Final[Mapping[str | None, str]] = {
    "subscribe": "a subscription is confirmed",
    "unsubscribe": "the end of a subscription is confirmed",
    "select": "only its reply tells whether SELECT worked,",
    "auth": "only its reply tells whether AUTH worked,",
    "hello": "only its reply tells whether HELLO worked,",
}
"""What must not be sent while no reply comes: nobody would know where the connection stands."""

_ENDS_TRANSACTION: Final = frozenset({"exec", "discard", "reset", "quit"})


def _bytes(value: object) -> bytes | None:
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape")
    return bytes(value) if isinstance(value, bytes) else None


def _is_message(reply: Sequence[object]) -> bool:
    """Whether a RESP2 array is what RESP3 would push: a message or a confirmation."""
    kind = _bytes(reply[0]) if reply else None
    return kind in _CONFIRMATIONS or kind in _MESSAGES


def _text(value: bytes) -> str:
    return value.decode("utf-8", "surrogateescape")
