"""``all``: what every node of a cluster says to one command, or a primary and its replicas.

It decides by the facts which nodes a command is for, and what may not be asked of many; how they are found and
asked, `core.everywhere` knows.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Hashable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, cast

from pyredis.cluster.routing import audience
from pyredis.commands.keys import keys
from pyredis.commands.reading import reading
from pyredis.commands.spec import TABLE, Spec
from pyredis.exceptions import ClusterError
from pyredis.types import plain
from pyredis_cli.core import connect
from pyredis_cli.core.consent import allowed
from pyredis_cli.core.desk import Desk
from pyredis_cli.core.everywhere import Answer, Everybody, ask_everybody, everybody
from pyredis_cli.core.measuring import measured_everywhere
from pyredis_cli.core.outcome import Outcome
from pyredis_cli.core.veiling import veiled_reply
from pyredis_cli.exits import Exit, exit_for, explain
from pyredis_cli.flags import UsageError
from pyredis_cli.render.blocks import Block, Cell, Column, Grid, Line, Section
from pyredis_cli.render.fold import width
from pyredis_cli.render.layout import elements
from pyredis_cli.render.present import blocks_of
from pyredis_cli.render.texts import structured
from pyredis_cli.render.units import duration
from pyredis_cli.render.values import words as shown_words
from pyredis_cli.render.views.cells import bare, flat
from pyredis_cli.reporting import Report, arguments_of, run_report

if TYPE_CHECKING:
    from pyredis.cluster.topology import Member
    from pyredis.types import Reply
    from pyredis_cli.core.costs import Needs
    from pyredis_cli.core.figures import Figures
    from pyredis_cli.given import ToolArguments
    from pyredis_cli.render.look import Look
    from pyredis_cli.settings import Settings
    from pyredis_cli.streams import Streams

__all__ = ["refusal", "report", "roles", "run"]

_Role: TypeAlias = Literal["primary", "replica"]

_EVERYBODY: Final[tuple[_Role, ...]] = ("primary", "replica")
_WHERE: Final = "say where: --primaries, --replicas, or both"
# So many columns of a reply stand in its row; what is longer, below.
_SHORT: Final = 60
# So many elements, too, and so many fields as columns of their own.
_FEW: Final = 4
# So wide is what stands before them.
_BEFORE: Final = 40


def run(settings: Settings, streams: Streams, words: Sequence[str]) -> int:
    """Print what every node says to a command; return the exit code."""
    arguments = arguments_of("all", settings, streams, words)
    argv = tuple(map(os.fsencode, arguments.words))
    measure = partial(_measured, settings)
    if not allowed(settings, streams, TABLE.find(argv), argv, measure, everywhere=True):
        return Exit.GUARD
    return run_report(report, settings, streams, arguments)


def _measured(settings: Settings, wanted: Sequence[Needs]) -> Figures:
    """Return what the primaries tell; of the replicas only their replies will."""

    async def told() -> Figures:
        session = connect.session(settings)
        desk = Desk(session)
        try:
            return await measured_everywhere(desk, wanted)
        finally:
            await desk.close()
            await session.close()

    return asyncio.run(told())


async def report(desk: Desk, arguments: ToolArguments) -> Report:
    """Return a row for each node, with its reply or with what went wrong there."""
    argv = tuple(map(os.fsencode, arguments.words))
    if not argv:
        raise UsageError("all takes a command, such as all CONFIG GET maxmemory")
    if desk.session.read_only:
        argv = tuple(reading(argv))
    spec = await _spec(desk, argv)
    chosen = roles(spec, argv, _asked(arguments))
    found = await everybody(desk)
    if reason := refusal(spec, argv, found):
        raise UsageError(reason)
    members = [member for member in found.members if member.role in chosen]
    if not members:
        raise ClusterError(f"no {' or '.join(chosen)} is known to {desk.address}; nothing was sent")
    answers = await ask_everybody(desk.session, members, argv)
    outcome = Outcome(argv, spec)
    told = _told(answers, outcome)
    veiled = [veiled_reply(outcome._replace(reply=answer.reply), desk.table) for answer in answers]
    if all(new is answer.reply for new, answer in zip(veiled, answers, strict=True)):
        return told
    covered = [answer._replace(reply=new) for new, answer in zip(veiled, answers, strict=True)]
    return told._replace(safe=_told(covered, outcome))


def _told(answers: Sequence[Answer], outcome: Outcome) -> Report:
    value: list[Reply] = [_row(answer, outcome) for answer in answers]
    return Report(value, partial(_blocks, answers, outcome.argv, outcome.spec), _code(answers))


def _asked(arguments: ToolArguments) -> tuple[_Role, ...]:
    return tuple(role for role in _EVERYBODY if arguments.get(role))


async def _spec(desk: Desk, argv: Sequence[bytes]) -> Spec | None:
    """Return the facts of a command, a module's too if the server tells them."""
    if desk.table.find(argv) is None:
        desk.table.learn(await desk.try_to("COMMAND", "INFO", argv[0]))
    return desk.table.find(argv)


# -- decisions


def roles(spec: Spec | None, argv: Sequence[bytes], asked: Sequence[_Role] = ()) -> Sequence[_Role]:
    """Return whose servers a command is for: those asked for, else all for a read, the primaries for a write.

    Of what is neither, the servers themselves may say whom it concerns (CONFIG SET every node). UsageError for
    what nobody knows.
    """
    if asked:
        return asked
    if spec is None:
        raise UsageError(f"it is not known whether that command writes; {_WHERE}")
    if spec.write:
        return ("primary",)
    concerned = "all" if spec.only_reads(argv) else audience(spec)
    if concerned is None:
        raise UsageError(f"{spec.name} does something at each node that it is sent to; {_WHERE}")
    return _EVERYBODY if concerned == "all" else ("primary",)


def refusal(spec: Spec | None, argv: Sequence[bytes], found: Everybody) -> str:
    """Return why a command is not for many nodes, and the mend; empty for one that is."""
    if spec is None:
        return ""
    if spec.stateful:
        return (
            f"{spec.name} is about one connection, and all uses others, which it closes; send it without all"
        )
    if spec.blocks_for(argv) is not None:
        return f"{spec.name} would wait at each node; send it without all"
    if keys(spec, argv) and (found.cluster or not spec.readonly):
        return f"{spec.name} is for the node of its key; send it without all" + (
            ", -c finds that node" if found.cluster else ""
        )
    return ""


def _code(answers: Sequence[Answer]) -> Exit:
    """Return that all went well, that some did not, or what the first failure means when nothing went well."""
    codes = [
        exit_for(answer.error, at_connect=answer.at_connect) for answer in answers if answer.error is not None
    ]
    if not codes:
        return Exit.OK
    return codes[0] if len(codes) == len(answers) else Exit.PARTIAL


# -- what is shown


def _row(answer: Answer, outcome: Outcome) -> Reply:
    row: dict[Hashable, Reply] = {
        "node": str(answer.member.address),
        "role": answer.member.role,
        "reply": structured(answer.reply, outcome.text_form),
        "error": _said(answer) if answer.error is not None else None,
        "seconds": round(answer.seconds, 6),
    }
    return row


def _said(answer: Answer) -> str:
    assert answer.error is not None
    return explain(answer.error, answer.member.address, at_connect=answer.at_connect)


def _blocks(
    answers: Sequence[Answer], argv: Sequence[bytes], spec: Spec | None, look: Look
) -> Sequence[Block]:
    """Return a table of the nodes; below it the replies that have no room in a row, equal ones once."""
    fields = _fields(answers, look.width - _BEFORE)
    text = spec is not None and spec.shape_for(argv) == "text"
    told = [] if fields else [answer for answer in answers if answer.error is None]
    long = [answer for answer in told if text or not _is_short(answer.reply, look)]
    below = {answer.member.address for answer in long}

    def cells(answer: Answer) -> Sequence[Cell]:
        time = "" if answer.at_connect else duration(answer.seconds)
        first: list[Cell] = [
            [("text", said)] for said in (str(answer.member.address), answer.member.role, time)
        ]
        if answer.error is not None:
            return [*first, [("error", _said(answer))]]
        if fields:
            return [*first, *(bare(_value(answer.reply, name)) for name in fields)]
        return [*first, [("note", "below")] if answer.member.address in below else bare(answer.reply)]

    columns = [Column("node", whole=True), Column("role"), Column("time", right=True)]
    columns += [Column(name) for name in fields[:-1]]
    columns.append(Column(fields[-1] if fields else "reply", words=True))  # which an error fills, too
    blocks: list[Block] = [Grid(columns, answers, cells)]
    for nodes, reply in _grouped(long):
        title = ", ".join(f"{member.address} ({member.role})" for member in nodes)
        blocks += [Line(), Section([("heading", title)], blocks_of(argv, spec, reply, look))]
    return blocks


def _is_short(reply: Reply, look: Look) -> bool:
    """Whether there is room for a reply in a row."""
    if isinstance(reply, list | dict) and elements(reply) > _FEW:
        return False
    if isinstance(reply, bytes) and (len(reply) > 4 * _SHORT or b"\n" in reply.rstrip()):
        return False
    said = [word for piece in bare(reply) for word in shown_words(*piece, look.encoding, look.measure)]
    return width(said) <= _SHORT


def _fields(answers: Sequence[Answer], room: int) -> list[bytes]:
    """Return the fields that all replies have, where they are small maps of the same ones with room; else none."""
    replies = [plain(answer.reply) for answer in answers if answer.error is None]
    first = replies[0] if replies else None
    if not isinstance(first, dict) or not 0 < len(first) <= _FEW:
        return []
    # Servers tell them in any order.
    for reply in replies:
        if not isinstance(reply, dict) or reply.keys() != first.keys() or not all(map(flat, reply.values())):
            return []
    names = [name for name in first if isinstance(name, bytes)]
    return names if len(names) == len(first) and sum(map(len, names)) <= room else []


def _value(reply: Reply, field: bytes) -> Reply:
    return cast("dict[Hashable, Reply]", plain(reply))[field]


def _grouped(answers: Sequence[Answer]) -> list[tuple[list[Member], Reply]]:
    """Return each reply and whose it is: that all say the same is soon seen so."""
    groups: list[tuple[list[Member], Reply, object]] = []
    for answer in answers:
        said = plain(answer.reply)
        for members, _, other in groups:
            if other == said:
                members.append(answer.member)
                break
        else:
            groups.append(([answer.member], answer.reply, said))
    return [(members, reply) for members, reply, _ in groups]
