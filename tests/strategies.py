"""hypothesis strategies for replies: what a server writes, and what the typed decoder must make of it.

``replies()`` draws RESP3, ``replies(protocol=2)`` what RESP2 can say. ``spelled`` turns a reply into nested
tuples that are equal only when type and content are, for ``Status(b"OK") == b"OK"`` and ``True == 1``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from hypothesis import strategies as st

from pyredis.exceptions import ReplyError, reply_error
from pyredis.types import Attributed, BigNumber, Double, Map, Push, Reply, Set, Status, Verbatim

__all__ = ["Sample", "cut_points", "cut_up", "pushes", "replies", "spelled", "streams"]


@dataclass(frozen=True)
class Sample:
    """The bytes of one reply, and the value they mean."""

    wire: bytes
    reply: Reply


def spelled(reply: object) -> object:
    """Return the reply as nested tuples of type names and contents."""
    name = type(reply).__name__
    match reply:
        case Attributed():
            return name, spelled(reply.reply), spelled(reply.attributes)
        case ReplyError():
            return name, reply.message
        case Verbatim():
            return name, reply.format, bytes(reply)
        case Double():
            return name, reply.text
        case dict():
            return name, tuple((spelled(key), spelled(value)) for key, value in reply.items())
        case list() | tuple():
            return name, tuple(spelled(item) for item in reply)
        case float():
            return name, repr(reply)
    return name, reply


# Contents that look like RESP, end lines in the middle, or cannot be decoded.
_TRICKY = st.sampled_from(
    [
        b"",
        b"\r",
        b"\n",
        b"\r\n",
        b"OK\r\n",
        b"\r\n*9999999\r\n",
        b"\r\n%2\r\n$1\r\na",
        b"\r\n|1\r\n(12\r\n",
        b"\r\n!3\r\nERR\r\n",
        b"\n%1\n~?\n*?\n>-1\n=-1",
        b"$1048576\r\n",
        b"%",
        b"*1000\r",
        b"\xff\xfe\x00",
        "naïve ✓".encode(),
    ]
)
_STRINGS = st.one_of(
    st.binary(max_size=12),
    _TRICKY,
    st.builds(lambda left, right: left + right, _TRICKY, _TRICKY),
    st.builds(lambda length, byte: bytes([byte]) * length, st.integers(0, 3000), st.integers(0, 255)),
)
_LINES = st.one_of(
    st.sampled_from([b"OK", b"PONG", b"", b"QUEUED", b"*3", b"\xff", b"a b"]),
    st.binary(max_size=12).map(lambda line: line.replace(b"\r", b".").replace(b"\n", b".")),
)
_ERRORS = st.one_of(
    st.sampled_from(
        [b"ERR no", b"WRONGTYPE not that", b"MOVED 1 h:1", b"", b"ERR \xff\xfe", "ERR \ufffd é".encode()]
    ),
    _LINES,
)
_INT64 = st.integers(-(2**63), 2**63 - 1)


def _crlf(kind: str, line: bytes) -> bytes:
    return kind.encode() + line + b"\r\n"


def _sized(kind: str, text: bytes) -> bytes:
    return b"%b%d\r\n%b\r\n" % (kind.encode(), len(text), text)


def _text(error: bytes) -> ReplyError:
    return reply_error(error.decode("utf-8", "surrogateescape"))


_STATUS = _LINES.map(lambda line: Sample(_crlf("+", line), Status(line)))
_ERROR = _ERRORS.map(lambda line: Sample(_crlf("-", line), _text(line)))
_INTEGER = st.one_of(st.integers(-3, 100), _INT64).map(lambda number: Sample(b":%d\r\n" % number, number))
_BULK = _STRINGS.map(lambda text: Sample(_sized("$", text), text))
_RESP2_SCALARS = st.one_of(
    _STATUS, _ERROR, _INTEGER, _BULK, st.sampled_from([Sample(b"$-1\r\n", None), Sample(b"*-1\r\n", None)])
)


def _double(text: str) -> Sample:
    return Sample(_crlf(",", text.encode()), Double(text))


def _streamed(chunks: list[bytes]) -> Sample:
    wire = b"".join(_sized(";", chunk) for chunk in chunks)
    return Sample(b"$?\r\n" + wire + b";0\r\n", b"".join(chunks))


_RESP3_SCALARS = st.one_of(
    _RESP2_SCALARS,
    st.sampled_from([Sample(b"_\r\n", None), Sample(b"#t\r\n", True), Sample(b"#f\r\n", False)]),
    st.integers(0, 2**63 - 1).map(lambda number: Sample(b":+%d\r\n" % number, number)),
    st.integers(-(10**300), 10**300).map(lambda number: Sample(b"(%d\r\n" % number, BigNumber(number))),
    st.floats().map(lambda number: _double(repr(number))),
    st.sampled_from(["inf", "-inf", "nan", "-nan", "1", "+1.5", "1e5", "10.", ".5", "-0"]).map(_double),
    st.tuples(st.sampled_from(["txt", "mkd"]), _STRINGS).map(
        lambda pair: Sample(_sized("=", pair[0].encode() + b":" + pair[1]), Verbatim(pair[1], pair[0]))
    ),
    _ERRORS.map(lambda text: Sample(_sized("!", text), _text(text))),
    st.lists(_STRINGS.filter(bool), max_size=3).map(_streamed),
)


def _wires(samples: list[Sample]) -> bytes:
    return b"".join(sample.wire for sample in samples)


def _values(samples: list[Sample]) -> list[Reply]:
    return [sample.reply for sample in samples]


def _flat(pairs: list[tuple[Sample, Sample]]) -> list[Sample]:
    return [sample for pair in pairs for sample in pair]


def _aggregate(kind: str, build: Callable[[list[Reply]], Reply], samples: list[Sample]) -> Sample:
    return Sample(_crlf(kind, b"%d" % len(samples)) + _wires(samples), build(_values(samples)))


def _unannounced(kind: str, build: Callable[[list[Reply]], Reply], samples: list[Sample]) -> Sample:
    return Sample(_crlf(kind, b"?") + _wires(samples) + b".\r\n", build(_values(samples)))


def _map_of(pairs: list[tuple[Sample, Sample]]) -> Map:
    return Map((key.reply, value.reply) for key, value in pairs)


def _map(pairs: list[tuple[Sample, Sample]]) -> Sample:
    return Sample(_crlf("%", b"%d" % len(pairs)) + _wires(_flat(pairs)), _map_of(pairs))


def _streamed_map(pairs: list[tuple[Sample, Sample]]) -> Sample:
    return Sample(b"%?\r\n" + _wires(_flat(pairs)) + b".\r\n", _map_of(pairs))


def _attributed(pairs: list[tuple[Sample, Sample]], sample: Sample) -> Sample:
    wire = _crlf("|", b"%d" % len(pairs)) + _wires(_flat(pairs)) + sample.wire
    return Sample(wire, Attributed(sample.reply, _map_of(pairs)))


def _arrays(children: st.SearchStrategy[Sample]) -> st.SearchStrategy[Sample]:
    return st.lists(children, max_size=5).map(lambda samples: _aggregate("*", list, samples))


def _resp3_aggregates(children: st.SearchStrategy[Sample]) -> st.SearchStrategy[Sample]:
    items = st.lists(children, max_size=4)
    pairs = st.lists(st.tuples(children, children), max_size=3)
    return st.one_of(
        _arrays(children),
        items.map(lambda samples: _aggregate("~", Set, samples)),
        items.map(lambda samples: _unannounced("*", list, samples)),
        items.map(lambda samples: _unannounced("~", Set, samples)),
        pairs.map(_map),
        pairs.map(_streamed_map),
        st.builds(_attributed, pairs, children),
    )


_REPLIES = {
    2: st.recursive(_RESP2_SCALARS, _arrays, max_leaves=12),
    3: st.recursive(_RESP3_SCALARS, _resp3_aggregates, max_leaves=12),
}


def replies(protocol: int = 3) -> st.SearchStrategy[Sample]:
    """Draw one reply of any shape the protocol has."""
    return _REPLIES[protocol]


def pushes() -> st.SearchStrategy[Sample]:
    """Draw one out-of-band message."""
    items = st.lists(replies(), min_size=1, max_size=3)
    return items.map(lambda samples: _aggregate(">", Push, samples))


def streams(protocol: int = 3) -> st.SearchStrategy[list[Sample]]:
    """Draw what a connection brings: replies and, in RESP3, pushes between them."""
    samples = replies(2) if protocol == 2 else st.one_of(replies(), replies(2), pushes())
    return st.lists(samples, min_size=1, max_size=4)


def cut_points() -> st.SearchStrategy[list[float]]:
    """Draw where the network cuts, as fractions of the stream."""
    return st.lists(st.floats(0, 1, allow_nan=False), max_size=8)


def cut_up(wire: bytes, points: list[float]) -> list[bytes]:
    """Return the bytes in pieces, cut at those points."""
    ends = sorted({round(point * len(wire)) for point in points} | {0, len(wire)})
    return [wire[start:end] for start, end in pairwise(ends)]
