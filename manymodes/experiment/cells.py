"""Former name of parts of `manymodes.experiment.tables`."""

from manymodes.experiment.records import Found
from manymodes.experiment.tables import (
    COUNTS,
    Write,
    differ,
    differences,
    having,
    is_trained,
    mean,
    points,
    precise_share,
    signed,
    single_changes,
    training_cells,
    values,
)

__all__ = [
    "COUNTS", "Found", "Write", "differ", "differences", "having", "is_trained", "mean", "points", "precise_share",
    "signed", "single_changes", "training_cells", "values",
]  # fmt: skip
