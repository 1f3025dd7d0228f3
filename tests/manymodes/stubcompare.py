"""A comparison of models of one number, which train in no time."""

import contextlib
import os
import signal
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from manymodes import cli
from manymodes.experiment.compare import Comparison, Data, LeftOutError, Result, Row
from manymodes.experiment.config import Config, setting
from manymodes.experiment.page import Picture
from manymodes.experiment.tables import Cell, Table, values

FAILING = "STUB_FAILS"
DYING = "STUB_DIES"  # names a file, without which the process is killed after its training


@dataclass(frozen=True)
class StubConfig(Config):
    """The step that the number makes in an update."""

    program = "stub.train"

    step: float = setting(1.0, "how far it goes")
    numbers: str = setting("few", "which numbers to learn from", group="data")
    batch_size: int = 8
    monitor = "distance"
    name = "stub"


class StubComparison(Comparison):
    program = "stubcompare"
    stem = "stub"
    title = "Stubs"
    description = "Compare stubs."
    example = "  python -m stubcompare"
    rows = (
        Row("real", "real numbers (ceiling)"),
        Row("small", "small steps", StubConfig(step=0.5)),
        Row("great", "great steps", StubConfig(step=2.0)),
        Row("long", "many small steps", StubConfig(step=0.5), times=3),
        Row("noise", "noise"),
    )
    work = "runs/compare-stub"
    data_name = "Numbers"
    data_settings = ("numbers",)
    count = 20
    least_count = 2
    count_help = "numbers to draw"
    counted = "{} numbers drawn by each"

    def load(self, config):
        if config.numbers == "none":
            raise cli.UserError("--numbers none: there is nothing to learn from, give some")
        numbers = np.random.default_rng(config.seed).normal(size=(40, 2)).astype(np.float32)
        return Data(numbers, f"{config.numbers} {config.seed}", f"{len(numbers)} numbers", f"{config.numbers} numbers")

    def prepare(self, config, data, done, checkpoint):
        from stubmodel import Preparing

        return Preparing()(config, data, done, checkpoint)

    def evaluate(self, job, trained):
        if DYING in os.environ:
            with contextlib.suppress(FileExistsError):
                Path(os.environ[DYING]).touch(exist_ok=False)
                os.kill(os.getpid(), signal.SIGKILL)
        if os.environ.get(FAILING) == job.row.name:
            raise LeftOutError("its training diverged")
        return self._result(float(trained.model.place), job)

    def baseline(self, job):
        if os.environ.get(FAILING) == job.row.name:
            raise KeyboardInterrupt
        return self._result(float(np.random.default_rng(job.seed).normal()), job)

    def _result(self, place, job):
        measures = {"place": place, "unknown": float("nan"), "process": os.getpid()}
        return Result(measures, {"place": f"it is at {place:.3f} after {job.args.count}"}, {"places": (place, place)})

    def tables(self, result):
        rows = [[Cell(row.title), values(records, "place", "{:.2f}".format)] for row, records in result.items()]
        return [Table("Places", ("Row", "Place"), rows, "Note.")]

    def pictures(self, result, data):
        return {"places.png": Picture("Where they are", lambda path: path.write_bytes(b"PNG"))}


COMPARISON = StubComparison()
