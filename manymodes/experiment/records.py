"""The rows of a comparison, and the record of each finished row."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import math
import os
import platform
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from manymodes.experiment.run import VERSIONED
from manymodes.files import write_text

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

    from manymodes.experiment.config import Config


@dataclass(frozen=True)
class Row:
    """A row of a comparison: name for ``--rows``, title in tables, and configuration, None without training.

    A row that is trained several ``times`` as long as the others is made only if it is asked for.
    """

    name: str
    title: str
    config: Config | None = None
    times: int = 1


def packed(picture: Image) -> str:
    """Return a picture as PNG in base64, which a record holds."""
    file = io.BytesIO()
    picture.save(file, format="png")
    return base64.b64encode(file.getvalue()).decode()


def unpacked(text: str) -> np.ndarray:
    """Return the pixels of a picture, see `packed`: uint8 [height, width], or [height, width, 3]."""
    import numpy as np
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(base64.b64decode(text))))


def machine() -> str:
    """Name the processor and its number of cores."""
    name = platform.processor() or platform.machine()
    with contextlib.suppress(OSError):  # not Linux
        if model := re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text(encoding="utf-8")):
            name = model[1]
    cores = os.cpu_count()
    return f"{name}, {cores} {'core' if cores == 1 else 'cores'}"


def versions() -> dict[str, str]:
    """Return the versions of the packages that the figures depend on."""
    return {"python": platform.python_version(), **{name: version(name) for name in VERSIONED}}


@dataclass(frozen=True)
class Record:
    """The results of a row for one seed, as `manymodes.experiment.compare.Result`, with machine, versions and ISO date.

    ``made_with`` is everything that decides the results, except the speed of the machine; ``training`` has the facts of
    `manymodes.experiment.budget.Trained`, and is empty for a row without training.
    """

    made_with: dict[str, Any]
    training: dict[str, Any]
    measures: dict[str, Any]
    verdict: dict[str, str]
    figures: dict[str, Any]
    machine: str = field(default_factory=machine)
    versions: dict[str, str] = field(default_factory=versions)
    date: str = field(default_factory=lambda: datetime.now(UTC).date().isoformat())

    @property
    def trained(self) -> bool:
        """Whether this is the record of a trained model."""
        return bool(self.training)


Records: TypeAlias = Mapping[Row, Sequence[Record]]
"""The records of each row, one a seed."""

First: TypeAlias = Mapping[Row, Record]
"""The record of the first seed of each row, which pictures show."""


def read_record(path: Path) -> Record | None:
    """Read a record; None if there is no usable one."""
    try:
        record = Record(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return record if isinstance(record.made_with, dict) else None


def write_record(path: Path, record: Record) -> Record:
    """Write a record and return it as `read_record` will."""
    kept = plain(asdict(record))
    write_text(path, json.dumps(kept, allow_nan=False) + "\n")
    return Record(**kept)


def plain(value: Any, digits: int | None = None) -> Any:
    """Replace tuples with lists, NaN and infinity with None, and round other floats to digits after the point, if any.

    So that measures are JSON, and the same on computers whose last digits differ.
    """
    if isinstance(value, dict):
        return {name: plain(entry, digits) for name, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(entry, digits) for entry in value]
    if not isinstance(value, float):
        return value
    if not math.isfinite(value):
        return None
    return value if digits is None else round(value, digits)
