"""A grid of few cells, on which GANs draw and train in a fraction of the time."""

import contextlib

import pytest

from melodygan import trainer
from melodygan.data import grid
from melodygan.models import chain, gan, lstm, networks

CELLS = 64
"""Four bars of 4/4, five of 3/4."""


@contextlib.contextmanager
def small_grid():
    """Make the grid of all tunes `CELLS` long."""
    beats = CELLS // 4
    columns = grid.FACTS + 2 * beats
    sizes = {
        "LENGTH": CELLS,
        "BEATS": beats,
        "PLAN_COLUMNS": columns,
        "CONDITIONS": columns + len(grid.Layout._fields) * CELLS,
    }
    large = {name: getattr(grid, name) for name in sizes}
    with pytest.MonkeyPatch.context() as patch:
        for module in (grid, chain, gan, lstm, networks, trainer):
            for name, size in sizes.items():
                if getattr(module, name, None) == large[name]:
                    patch.setattr(module, name, size)
        patch.setattr(networks.RowSimilarity, "ROWS", CELLS // min(grid.ROW.values()))
        yield
