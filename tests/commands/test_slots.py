"""Which slot a key belongs to, with a server as judge."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyredis.commands.slots import SLOTS, key_slot
from tests.clusters import Cluster

TRICKY = [
    b"",
    b"{}",
    b"{}{a}",
    b"}{a}",
    b"a{b}c",
    b"a{b",
    b"a}b{",
    b"{{a}}",
    b"{a}{b}",
    b"\x00{\xff}\r\n",
    b"{}x",
    b"foo{}{bar}",
]


def test_a_slot_is_the_checksum_of_the_key() -> None:
    assert key_slot(b"123456789") == 0x31C3  # the check value of CRC16/XMODEM, which is below 16384
    assert key_slot(b"user:{42}:name") == key_slot(b"42")


@given(st.binary())
def test_a_slot_is_one_of_those_there_are(key: bytes) -> None:
    assert 0 <= key_slot(key) < SLOTS


@pytest.mark.parametrize("binary", ["redis82", "valkey9"])
def test_a_server_agrees(binary: str, shared_cluster) -> None:  # type: ignore[no-untyped-def]
    cluster: Cluster = shared_cluster(binary)
    node = cluster.nodes[0]

    @given(
        st.binary(max_size=30) | st.lists(st.sampled_from([b"{", b"}", b"a", b"b"]), max_size=9).map(b"".join)
    )
    def agrees(key: bytes) -> None:
        assert node.command("CLUSTER", "KEYSLOT", key) == key_slot(key)

    agrees()
    for key in TRICKY:
        assert node.command("CLUSTER", "KEYSLOT", key) == key_slot(key)
