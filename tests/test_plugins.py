"""Decoders that an installed package adds, found by the entry points that it declares."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Final

import pytest

from pyredis_cli.registry import DECODERS

ROOT: Final = Path(__file__).parent.parent
DECODER: Final = """
import plistlib
def decode(value):
    return repr(plistlib.loads(value)) if value.startswith(b"bplist00") else None
"""


def installed(folder: Path, entry_points: str, **modules: str) -> Path:
    """Lay out what an installer would for one small package."""
    for name, source in modules.items():
        (folder / f"{name}.py").write_text(source)
    described = folder / "plugged-1.0.dist-info"
    described.mkdir()
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: plugged\nVersion: 1.0\n")
    (described / "entry_points.txt").write_text(entry_points)
    return folder


def ran(folder: Path, code: str) -> list[str]:
    path = os.pathsep.join([str(ROOT), str(folder)])
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


FIND: Final = """
import plistlib, sys
from pyredis_cli.render.decoding import find
value = plistlib.dumps({"name": "ada"}, fmt=plistlib.FMT_BINARY)
def text(found): return "".join(words for _, words in found.pieces())
"""


def test_a_package_adds_a_decoder(tmp_path: Path) -> None:
    folder = installed(
        tmp_path, "[pyredis_cli.decoder.v1]\nPList = plugged_plist:decode\n", plugged_plist=DECODER
    )
    code = f"{FIND}print(find(value).names, text(find(value)), text(find(value, 'plist')), find(b'\\xff'))"
    assert ran(folder, code) == ["('plist',) {'name': 'ada'} {'name': 'ada'} None"]


def test_without_it_nobody_knows_the_value(tmp_path: Path) -> None:
    assert ran(tmp_path, f"{FIND}print(find(value), find(value, 'plist'))") == ["None None"]


def test_nothing_of_it_is_loaded_before_a_value_needs_it(tmp_path: Path) -> None:
    folder = installed(
        tmp_path, "[pyredis_cli.decoder.v1]\nplist = plugged_plist:decode\n", plugged_plist=DECODER
    )
    code = f"""{FIND}
find(b'hello'), find(b'[]'), find(b'hello', 'json')
print('plugged_plist' in sys.modules, 'importlib.metadata' in sys.modules)
find(value)
print('plugged_plist' in sys.modules)
"""
    assert ran(folder, code) == ["False False", "True"]


def test_names_are_known_once_somebody_has_looked(tmp_path: Path) -> None:
    folder = installed(
        tmp_path, "[pyredis_cli.decoder.v1]\nplist = plugged_plist:decode\n", plugged_plist=DECODER
    )
    code = "from pyredis_cli.plugins import *; a = known_decoders(); print(a, *decoders(), known_decoders())"
    assert ran(folder, code) == ["() plist ('plist',)"]


@pytest.mark.parametrize(
    "entry_points",
    [
        "[pyredis_cli.decoder.v1]\nplist = nosuch_module:decode\n",
        "[pyredis_cli.decoder.v1]\nplist = plugged_broken:decode\n",
        "[pyredis_cli.decoder.v1]\nplist\n",
        "[pyredis_cli.decoder.v1\n= =\n",
        "[pyredis_cli.decoder.v2]\nplist = plugged_broken:decode\n",
    ],
    ids=["no module", "broken module", "no value", "no section", "another contract"],
)
def test_a_broken_package_costs_nobody_the_reply(tmp_path: Path, entry_points: str) -> None:
    folder = installed(tmp_path, entry_points, plugged_broken="1 / 0")
    assert ran(folder, f"{FIND}print(find(value), text(find(b'[1]')))") == ["None [1]"]


def test_who_names_a_broken_decoder_is_told(tmp_path: Path) -> None:
    folder = installed(
        tmp_path, "[pyredis_cli.decoder.v1]\nplist = plugged_broken:decode\n", plugged_broken="1 / 0"
    )
    assert ran(folder, f"{FIND}print(find(value, 'plist').beside)") == [
        "decoder plist failed: ZeroDivisionError: division by zero"
    ]


def test_a_decoder_of_a_package_can_be_preferred(tmp_path: Path) -> None:
    folder = installed(
        tmp_path, "[pyredis_cli.decoder.v1]\nPList = plugged_plist:decode\n", plugged_plist=DECODER
    )
    code = """
import sys
from pyredis_cli.repl.preferences import Preferences, changed, choices
changed(Preferences(), ["decode", "json"])
print("plist" in choices("decode"), "importlib.metadata" in sys.modules)
after, shown = changed(Preferences(), ["decode", "PList"])
print(after.decode, *shown, "plist" in choices("decode"), "plugged_plist" in sys.modules)
"""
    assert ran(folder, code) == ["False False", "plist decode plist True False"]


PAGE: Final = (ROOT / "docs" / "decoders.md").read_text(encoding="utf-8")


def test_the_decoder_that_the_page_shows_works(tmp_path: Path) -> None:
    blocks = dict(re.findall(r"^```(python|toml)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE))
    [(group, [(name, where)])] = [
        (group, list(points.items()))
        for group, points in tomllib.loads(blocks["toml"])["project"]["entry-points"].items()
    ]
    module = where.partition(":")[0]
    folder = installed(tmp_path, f"[{group}]\n{name} = {where}\n", **{module: blocks["python"]})
    code = f"""{FIND}
xml = plistlib.dumps({{"name": "ada"}})
print(find(value).names, text(find(value)), find(xml), text(find(xml, 'plist')), find(value[:-20]))
print(find(xml[:-20], 'plist'))
"""
    assert ran(folder, code) == [
        """('plist', 'json') {"name": "ada"} None {"name": "ada"} None""",
        "None",
    ]


def test_the_page_names_every_decoder() -> None:
    assert re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE) == list(DECODERS)
