"""The tour shows what happens: each scene of it is played again, on real servers and a real terminal."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from difflib import unified_diff
from pathlib import Path

import pytest

from scripts.tour import HEAD, PAGE, SCENES, ci, developer
from tests.stage import alike

WITH_JQ = (developer, ci)


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_each_scene_is_what_the_page_shows(scene: Callable[[Path], list[str]], tmp_path: Path) -> None:
    if shutil.which("jq") is None and scene in WITH_JQ:
        pytest.skip("jq is not installed")
    played = "\n".join(scene(tmp_path / "stage"))
    title = played.splitlines()[0]
    shown = re.search(
        rf"^{re.escape(title)}\n.*?(?=\n## |\Z)", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    assert shown is not None
    assert not [*unified_diff(alike(shown[0].rstrip()), alike(played.rstrip()), n=0)]


def test_the_page_has_each_scene_and_nothing_else() -> None:
    page = PAGE.read_text("utf-8")
    assert page.startswith(HEAD)
    assert page.count("\n## ") == len(SCENES)


def test_what_changes_each_time_is_not_compared_and_everything_else_is() -> None:
    assert alike("ops/s  1,234 → 5   ▁▂█  (0.3 ms, 2.5M/s)") == alike("ops/s 7 → 12,000 ▁ (12 s, 900B/s)")
    assert alike("127.0.0.1:1 replica  7 µs  OK") != alike("127.0.0.1:1 primary  7 µs  OK")
    assert alike("info         94%  135  128 µs\nhgetall  5%") == alike("hgetall  6%\n1 more commands")
