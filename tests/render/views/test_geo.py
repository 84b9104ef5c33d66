"""The unit of distances, which is in the arguments alone and not in the reply."""

from __future__ import annotations

import shlex

import pytest

from pyredis.commands.spec import TABLE
from pyredis_cli.render.look import Look
from pyredis_cli.render.present import present


@pytest.mark.parametrize(
    ("command", "unit"),
    [
        ("GEOSEARCH k FROMMEMBER mi BYRADIUS 10 km WITHDIST", "km"),
        ("GEOSEARCH k BYRADIUS 1e3 KM FROMMEMBER m WITHDIST", "KM"),
        ("GEOSEARCH k FROMLONLAT 15 37 BYBOX 4 4.5 ft ASC COUNT 3 WITHDIST", "ft"),
        ("GEORADIUS km 15 37 200 mi WITHDIST", "mi"),
        ("GEORADIUSBYMEMBER 5 km 600000 ft WITHDIST", "ft"),
        ("GEORADIUSBYMEMBER_RO k m 7 m WITHDIST", "m"),
    ],
)
def test_distances_have_the_unit_that_was_asked_for(command: str, unit: str) -> None:
    argv = [word.encode() for word in shlex.split(command)]
    parts = present(argv, TABLE.find(argv), [[b"Palermo", b"1.5000"]], Look(80)).parts
    head, line = b"".join(part for part, _ in parts).decode().splitlines()
    assert head.split() == ["member", "distance", unit]
    assert line.split() == ["1)", '"Palermo"', "1.5000"]
