"""Tables of maps: every value stands under the name of its field, whatever the other rows have."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pyredis.types import Reply
from pyredis_cli.render.blocks import Cell
from pyredis_cli.render.views.cells import bare
from pyredis_cli.render.views.reading import Fields
from pyredis_cli.render.views.rows import Known, table

_NAMES = ("name", "pending", "idle", "new", "newer")
_KNOWN = (Known("idle", right=True, note=lambda said: _doubled(said)), Known("name"), Known("pending"))


def _doubled(said: Reply) -> Cell:
    return (*bare(said), *bare(said))


@given(st.lists(st.dictionaries(st.sampled_from(_NAMES), st.integers(0, 9), min_size=1), min_size=1))
def test_every_value_stands_under_its_name(rows: list[dict[str, int]]) -> None:
    grid = table([Fields(list(row.items())) for row in rows], _KNOWN)
    names = [column.name for column in grid.columns]
    for row, made in zip(rows, grid.rows, strict=True):
        cells = ["".join(str(said) for _, said in cell) for cell in grid.cells(made)]
        found = {name: cell for name, cell in zip(names, cells, strict=True) if name and cell}
        assert found == {name: str(said) for name, said in row.items()}
        if "idle" in row:
            assert cells[names.index("idle") + 1] == f"{row['idle']}{row['idle']}"
    known = [field.name for field in _KNOWN if any(field.name in row for row in rows)]
    assert [name for name in names if name in known] == known
