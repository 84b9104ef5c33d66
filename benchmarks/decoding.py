"""What the guard around hiredis costs, and how far Python is from C: decoders and packer, without a network.

Usage: python benchmarks/decoding.py [ROUNDS]

Each stream is decoded chunk by chunk by a bare `hiredis.Reader` (feed, then `gets` until nothing is whole) and by
the fast decoder, in turn, round by round; the packer runs beside `hiredis.pack_command` in the same way. Ratios of
medians are what counts; below 1 ours is the faster one. Behind an @ stands the size of the chunks.
"""

from __future__ import annotations

import base64
import json
import os
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Sequence

import hiredis

from pyredis.resp.decode import TypedDecoder
from pyredis.resp.encode import encode, packed
from pyredis.resp.fast import FastDecoder

Chunks = list[bytes]
Run = Callable[[], object]

_KIB = 1024
_LEAST_SECONDS = 0.002  # of a sample; what is shorter is repeated
_NOTHING = object()

random.seed(6379)
_BASE64 = [base64.b64encode(random.randbytes(48 + number % 3)) for number in range(1000)]
_JSON = [
    json.dumps(
        {"id": number, "name": f"Ada ({number})", "tags": ["a>b"], "url": f"https://x/?q={number}&z=*1"}
    ).encode()
    for number in range(1000)
]
_RANDOM = [random.randbytes(64) for _ in range(1000)]


def bulk(value: bytes) -> bytes:
    return b"$%d\r\n%b\r\n" % (len(value), value)


def array(items: Sequence[bytes]) -> bytes:
    return b"*%d\r\n%b" % (len(items), b"".join(items))


def strings(values: Iterable[bytes]) -> list[bytes]:
    return [bulk(value) for value in values]


def numbers(count: int, width: int = 16) -> list[bytes]:
    """Return the wire bytes of different strings of one length."""
    return strings(b"%0*d" % (width, number) for number in range(count))


def entry(number: int) -> bytes:
    """Return the wire bytes of a stream entry with two fields, as XRANGE returns it."""
    fields = strings([b"name", b"%08d" % number, b"age", b"%02d" % (number % 100)])
    return array([bulk(b"15269190%05d-0" % number), array(fields)])


def cut(wire: bytes, size: int) -> Chunks:
    return [wire[at : at + size] for at in range(0, len(wire), size)]


def streams() -> dict[str, tuple[Chunks, float | None]]:
    """Return chunks by the name of what they hold, with the ratio that is aimed at."""
    get = bulk(b"x" * 64)
    long = array(numbers(20_000))
    wide = array(numbers(20_000, 64))
    entries = array([entry(number) for number in range(20_000)])
    mebibyte = bulk(random.randbytes(_KIB * _KIB))
    return {
        "GET 64 B": ([get], None),
        "SET (+OK)": ([b"+OK\r\n"], None),
        "200 GET 64 B in one chunk": ([get * 200], 1.15),
        "10,000 GET 64 B @64 KiB": (cut(get * 10_000, 64 * _KIB), 1.15),
        "10,000 GET 64 B @256 KiB": (cut(get * 10_000, 256 * _KIB), 1.15),
        "10,000 SET (+OK) @64 KiB": (cut(b"+OK\r\n" * 10_000, 64 * _KIB), 1.15),
        "200 GET 2 KiB @64 KiB": (cut(bulk(b"x" * 2048) * 200, 64 * _KIB), None),
        "200 GET base64": ([b"".join(strings(_BASE64[:200]))], None),
        "200 GET JSON": ([b"".join(strings(_JSON[:200]))], None),
        "200 GET random bytes": ([b"".join(strings(_RANDOM[:200]))], None),
        "LRANGE 1,000 x 16 B": ([array(numbers(1000))], None),
        "LRANGE 20,000 x 16 B @64 KiB": (cut(long, 64 * _KIB), 1.15),
        "LRANGE 20,000 x 16 B @256 KiB": (cut(long, 256 * _KIB), 1.15),
        "LRANGE 20,000 x 64 B @64 KiB": (cut(wide, 64 * _KIB), 1.15),
        "LRANGE 20,000 x 64 B @256 KiB": (cut(wide, 256 * _KIB), 1.15),
        "LRANGE 1,000 base64": ([array(strings(_BASE64))], None),
        "LRANGE 1,000 JSON": ([array(strings(_JSON))], None),
        "LRANGE 1,000 random bytes": ([array(strings(_RANDOM))], None),
        "HGETALL 1,000 (RESP2)": ([array(numbers(2000))], None),
        "HGETALL 20,000 (RESP2) @64 KiB": (cut(array(numbers(40_000)), 64 * _KIB), 1.15),
        "200 HGETALL 10 (RESP2)": ([array(numbers(20)) * 200], None),
        "XRANGE 1,000": ([array([entry(number) for number in range(1000)])], None),
        "XRANGE 20,000 @64 KiB": (cut(entries, 64 * _KIB), 1.2),
        "XRANGE 20,000 @256 KiB": (cut(entries, 256 * _KIB), 1.2),
        "GET 1 MiB @64 KiB": (cut(mebibyte, 64 * _KIB), 1.0),
        "GET 1 MiB @256 KiB": (cut(mebibyte, 256 * _KIB), 1.0),
    }


def bare(chunks: Chunks) -> Run:
    """Return what decodes the chunks with nothing but hiredis."""
    reader = hiredis.Reader(notEnoughData=_NOTHING)
    feed, gets = reader.feed, reader.gets

    def run() -> None:
        for chunk in chunks:
            feed(chunk)
            replies: list[object] = []
            append = replies.append
            while (reply := gets()) is not _NOTHING:
                append(reply)

    return run


def taking(decoder: FastDecoder | TypedDecoder, chunks: Chunks) -> Run:
    """Return what decodes the chunks with a decoder of ours."""
    take = decoder.take

    def run() -> None:
        for chunk in chunks:
            take(chunk)

    return run


def compare(rounds: int, *runs: Run) -> list[float]:
    """Return the median seconds of CPU time of each, all measured in turn; the first round is not counted."""
    started = time.process_time()
    runs[0]()
    times = max(1, int(_LEAST_SECONDS / (time.process_time() - started)))
    samples: list[list[float]] = [[] for _ in runs]
    for number in range(rounds + 1):
        for run, seconds in zip(runs, samples, strict=True):
            started = time.process_time()
            for _ in range(times):
                run()
            if number:
                seconds.append((time.process_time() - started) / times)
    return [statistics.median(seconds) for seconds in samples]


def line(name: str, base: float, ours: float, aim: float | None = None) -> None:
    aimed = "" if aim is None else f"   aim: at most {aim}"
    print(f"{name:34} {base * 1e6:10.2f} us {ours * 1e6:10.2f} us {ours / base:6.2f}{aimed}")


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 21
    # A little of each stretch of memory stays in use, so that none is given back to the system in one round
    # and asked for in the next, which would take longer than to decode.
    ballast = [bytes(size) for size in range(0, 480, 16) for _ in range(20_000)][::50]
    print("The guard's cost alone                 bare hiredis        guarded  ratio")
    for name, (chunks, aim) in streams().items():
        base, ours = compare(rounds, bare(chunks), taking(FastDecoder(), chunks))
        line(name, base, ours, aim)

    print("\nThe typed decoder                      bare hiredis          typed  ratio")
    few, many = array(numbers(25_000, 8)), array(numbers(100_000, 8))
    chunks = cut(many, 64 * _KIB)
    base, ours = compare(rounds, bare(chunks), taking(TypedDecoder(), chunks))
    line("100,000 short strings @64 KiB", base, ours, 20)
    for size in (1, 1460, 64 * _KIB):
        runs = [taking(TypedDecoder(), cut(wire, size)) for wire in (few, many)]
        quarter, whole = compare(min(rounds, 5), *runs)
        line(f"4 x 25,000 to 100,000 @{size} B", 4 * quarter, whole, 1.5)

    print("\nThe packer                             pack_command         packed  ratio    (encode)")
    for args in (
        ("GET", "key"),
        ("SET", "key", "x" * 64),
        ("SET", "key", b"x" * 64),
        (b"SET", b"key", b"x" * 64),
        ("EXPIRE", "key", 60),
        ("MSET", *["key"] * 40),
        *(("SET", "key", b"x" * size) for size in (3, _KIB, 16 * _KIB, 256 * _KIB, _KIB * _KIB)),
    ):
        pack_command, ours, slow = compare(
            rounds,
            lambda args=args: hiredis.pack_command(args),  # type: ignore[misc]
            lambda args=args: packed(args),  # type: ignore[misc]
            lambda args=args: encode(args),  # type: ignore[misc]
        )
        shown = " ".join(
            f"{len(arg)} B" if isinstance(arg, bytes) and len(arg) > 9 else str(arg) for arg in args[:3]
        )
        name = f"{shown[:24]} ({len(args)} arguments)"
        print(
            f"{name:34} {pack_command * 1e6:10.2f} us {ours * 1e6:10.2f} us {ours / pack_command:6.2f}"
            f" {slow / pack_command:8.2f}"
        )
    versions = f"Python {sys.version.split()[0]}, hiredis {hiredis.__version__}"
    print(f"({rounds} rounds, {os.cpu_count()} cores, {versions})")
    del ballast


if __name__ == "__main__":
    main()
