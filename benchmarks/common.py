"""The options and the clock of the benchmarks.

Importing this puts the checkout, before this folder, and the helpers of the evaluation's tests on the path.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "evaluation")]


def parser(description: str | None, repeats: int | None = None) -> argparse.ArgumentParser:
    """Describe a benchmark, with the option ``--repeats`` if it has a default."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    if repeats:
        parser.add_argument("--repeats", type=int, default=repeats, help="turns of each (default %(default)s)")
    return parser


def timed(work: Callable[[], T], clock: Callable[[], float] = time.perf_counter) -> tuple[T, float]:
    """Return the result of a call, and the seconds that it takes."""
    begin = clock()
    return work(), clock() - begin
