"""Replies as one-shot commands and scripts write them: bytes on standard output, errors on standard error.

It knows which form a reply gets, that a text is read for programs, and that a person may leaf through what is
taller than the screen. It sends nothing. Only what a form takes is imported.
"""

from __future__ import annotations

import os

from pyredis.exceptions import ReadOnlyRefused, ReplyError
from pyredis.types import Status
from pyredis_cli.exits import exit_for, explain, in_read_only
from pyredis_cli.flags import FOR_PROGRAMS
from pyredis_cli.settings import Marks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any, Literal, TypeAlias

    from pyredis.address import Address
    from pyredis.exceptions import PyRedisError
    from pyredis.types import Reply
    from pyredis_cli.core.outcome import Outcome
    from pyredis_cli.exits import Exit
    from pyredis_cli.flags import Output, Theme
    from pyredis_cli.render.layout import Part
    from pyredis_cli.settings import Settings
    from pyredis_cli.streams import Streams

    _Parts: TypeAlias = Callable[[Outcome], Iterator[Part]]
    """Makes bytes of the reply in an outcome, part after part, as they are asked for."""

__all__ = ["ReplyWriter", "fail", "form_of", "protocol_for", "say_stars", "shows_pushes", "theme_of"]

_FEW = 1000  # elements
_STRINGS = frozenset([bytes, Status])
_BATCH = 64 * 1024  # bytes that are written at once
_SHORT = 1024  # bytes of a reply that is worth holding
_MOST_HELD = 256

# Formats that keep the types of RESP3, or its pairs; the others people know from RESP2.
_TYPED = FOR_PROGRAMS | {"quoted-json", "human"}

_CONFIRMED = frozenset({"subscribe", "unsubscribe"})


def form_of(settings: Settings, streams: Streams) -> Output:
    """Return the format in which replies are written."""
    return settings.output or ("human" if streams.stdout_tty else "raw")


def protocol_for(settings: Settings, streams: Streams) -> Literal[2, 3]:
    """Return the protocol to speak: the one that was asked for, else what the format makes the most of."""
    return settings.protocol or (3 if form_of(settings, streams) in _TYPED else 2)


def shows_pushes(settings: Settings, streams: Streams) -> bool:
    """Return whether pushes that nobody subscribed to are written."""
    return streams.stdout_tty if settings.show_pushes is None else settings.show_pushes


def theme_of(settings: Settings, streams: Streams) -> Theme:
    """Return the theme that was asked for, else the one that the terminal's background needs."""
    return settings.theme or ("light" if streams.light else "dark")


def fail(
    streams: Streams, error: PyRedisError, address: Address, where: str = "", *, at_connect: bool = False
) -> Exit:
    """Say what went wrong in one line; return the exit code that it means."""
    streams.say(f"{where}{explain(error, address, at_connect=at_connect)}")
    return exit_for(error, at_connect=at_connect)


def say_stars(streams: Streams) -> None:
    """Say that there is more to what was shown."""
    streams.say("secrets are stars here; --reveal shows them")


class ReplyWriter:
    """Writes replies in the format that was asked for; ``protocol`` tells in which one they come.

    ``pages``: what is taller than the screen goes to a pager.
    """

    def __init__(
        self, settings: Settings, streams: Streams, protocol: Callable[[], int], *, pages: bool = False
    ) -> None:
        self.pages = pages and _may_page(settings, streams)
        self._veils = form_of(settings, streams) == "human" and not settings.reveal
        self._settings = settings
        self._streams = streams
        self._parts = _parts(settings, streams, protocol, whole=self.pages)
        self._held: list[bytes] | None = None

    def show_plain(self, replies: Sequence[Reply]) -> bool:
        """Write many replies that are no texts at once; False, and nothing, when each needs a look of its own."""
        if self._parts is not _raw_parts:
            return False
        from pyredis_cli.render.machine import raw_each

        self._streams.write(raw_each(replies))
        return True

    def hold(self) -> None:
        """Keep what is shown until there is much of it, or `let_go`."""
        self._held = []

    def let_go(self) -> None:
        """Write what is held, and hold nothing any more."""
        held, self._held = self._held, None
        if held:
            self._streams.write(b"".join(held))

    def _put(self, written: bytes) -> None:
        if self._held is None:
            self._streams.write(written)
            return
        self._held.append(written)
        if len(written) > _SHORT or len(self._held) > _MOST_HELD:
            self.let_go()
            self.hold()

    def show(self, outcome: Outcome) -> None:
        """Write the reply of an outcome, or its error in the place of the reply."""
        if outcome.silent:
            return
        if isinstance(outcome.error, ReplyError):
            outcome = outcome._replace(reply=outcome.error)
        elif isinstance(outcome.error, ReadOnlyRefused):  # as a server would say it
            outcome = outcome._replace(reply=ReplyError(f"REFUSED {in_read_only(outcome.error.reason)}"))
        came = outcome.reply
        if self._veils:
            outcome = outcome._replace(reply=_seen(outcome))
        is_all = outcome.reply is came
        if self._settings.output in FOR_PROGRAMS and (outcome.text_form or outcome.text_forms):
            from pyredis_cli.render.texts import structured

            read = structured(outcome.reply, outcome.text_form, outcome.text_forms)
            outcome = outcome._replace(reply=read)
        for told in _told(outcome):
            self.write(told)
        if not is_all:
            say_stars(self._streams)

    def aside(self, push: Reply) -> None:
        """Write a push that nobody subscribed to, such as an invalidation."""
        from pyredis_cli.core.outcome import Outcome

        if form_of(self._settings, self._streams) in ("human", "redis"):
            from pyredis_cli.render.live import invalidated

            if (lines := invalidated(push, self._settings.encoding)) is not None:
                self._streams.write(lines.encode("utf-8", "replace"))
                return
        self.write(Outcome((), None, push))

    def write(self, outcome: Outcome) -> None:
        """Write a reply while it is laid out."""
        if self._parts is _raw_parts and (line := _plain(outcome)) is not None:
            self._put(line)
            return

        def laid_out() -> Iterator[bytes]:
            return (part for part, _ in self._parts(outcome))

        if self.pages:
            from pyredis_cli.paging import page

            page(laid_out, self._streams, os.environ)
            return
        from pyredis_cli.render.portions import in_batches

        for batch in in_batches(laid_out(), _BATCH):
            self._put(batch)


def _seen(outcome: Outcome) -> Reply:
    """Return the reply as a person is shown it."""
    if not outcome.queued and (outcome.spec is None or outcome.spec.secret_reply is None):
        return outcome.reply
    from pyredis.commands.spec import TABLE
    from pyredis_cli.core.veiling import seen_reply

    return seen_reply(outcome, TABLE)


def _told(outcome: Outcome) -> Iterator[Outcome]:
    """Yield the replies to one command: each confirmation of a subscription is one of its own."""
    if outcome.effect in _CONFIRMED and type(outcome.reply) is list:
        confirmations: Any = outcome.reply
        for reply in confirmations:
            yield outcome._replace(reply=reply)
    else:
        yield outcome


def _parts(settings: Settings, streams: Streams, protocol: Callable[[], int], *, whole: bool) -> _Parts:
    """Return what makes bytes of a reply; only what that takes is imported.

    ``protocol`` tells in which one replies come. ``whole``: a person gets a long one whole.
    """
    terminal = streams.stdout_tty
    match form_of(settings, streams):
        case "human":
            return _presented(settings, streams, whole=whole)
        case "raw" if settings.marks == Marks():
            return _raw_parts
        case "json" if settings.notation is None:
            from pyredis_cli.render.machine import json_parts

            return lambda outcome: json_parts(outcome.reply)
        case name:
            from pyredis_cli.render.forms import form_parts

            return lambda outcome: form_parts(
                name,
                outcome.reply,
                settings,
                argv=outcome.argv,
                spec=outcome.spec,
                text=outcome.is_text,
                terminal=terminal,
                protocol=protocol(),
            )


def _plain(outcome: Outcome) -> bytes | None:
    """Return what most one-shot commands get in reply as raw bytes, for which nothing else need be loaded."""
    reply: Any = outcome.reply
    kind = type(reply)
    if kind is bytes or kind is Status:
        return None if outcome.is_text or len(reply) > _BATCH else reply + b"\n"
    if kind is int or reply is None:
        return b"\n" if reply is None else b"%d\n" % reply
    if kind is list and len(reply) < _FEW and _STRINGS.issuperset(map(type, reply)):
        return b"\n".join(reply) + b"\n" if sum(map(len, reply)) < _BATCH else None
    return None


def _raw_parts(outcome: Outcome) -> Iterator[Part]:
    reply = outcome.reply
    if type(reply) is bytes and not outcome.is_text:
        return iter([(reply, 0), (b"\n", 0)])
    from pyredis_cli.render.machine import raw_parts

    return raw_parts(reply, text=outcome.is_text)


def _presented(settings: Settings, streams: Streams, *, whole: bool) -> _Parts:
    from time import time

    from pyredis_cli.render.look import MOST_PAGED, Look, Measure
    from pyredis_cli.render.present import present

    look = Look(
        streams.columns,
        encoding=settings.encoding,
        color=streams.color,
        theme=theme_of(settings, streams),
    )
    if whole:
        look = look._replace(measure=Measure(elements=None, characters=MOST_PAGED))

    def parts(outcome: Outcome) -> Iterator[Part]:
        seen = look._replace(now=time())
        return present(outcome.argv, outcome.spec, outcome.reply, seen, outcome.in_transaction).parts

    return parts


def _may_page(settings: Settings, streams: Streams) -> bool:
    """Whether a person is here to leaf through a reply that is taller than the screen."""
    if form_of(settings, streams) != "human" or not settings.pager or not streams.interactive:
        return False
    from pyredis_cli.paging import can_page

    return can_page(os.environ)
