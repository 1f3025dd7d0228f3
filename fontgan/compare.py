"""Compare fixes of mode collapse in equal time: ``python -m fontgan.compare --minutes 4``.

With ``--stacked`` images have three letters at once, see `fontgan.stacked`.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from fontgan.config import FontConfig
from fontgan.data.stacks import MODES
from fontgan.train import EVALUATED, LEAST_EVALUATED
from manymodes import cli
from manymodes.experiment import compare
from manymodes.experiment.compare import Comparison, Data, Job, LeftOutError, Result, Row

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from pathlib import Path

    from fontgan.data.fonts import Letters
    from fontgan.metrics.classifiers import Classifiers
    from manymodes.experiment.budget import Trained
    from manymodes.experiment.fit import Training


class FontComparison(Comparison):
    """The fixes, some with labels too, beside real letters, copies and noise."""

    program, stem = "fontgan.compare", "fonts"
    title = "Letter models in equal time"
    description = "Train every model of letters equally long, and compare what they draw with real letters."
    example = (
        "  python -m fontgan.compare\n"
        "  python -m fontgan.compare --minutes 1 --seeds 3 --rows none,minibatch,best --fonts ~/.local/share/fonts\n"
        "  python -m fontgan.compare --stacked --minutes 6"
    )
    rows: ClassVar[tuple[Row, ...]] = (
        Row("real", "real letters (ceiling)"),
        Row("none", "vanilla", FontConfig(fix="none")),
        Row("feature-matching", "feature matching", FontConfig(fix="feature-matching")),
        Row("unrolled", "unrolled", FontConfig(fix="unrolled")),
        Row("minibatch", "minibatch discrimination", FontConfig(fix="minibatch")),
        Row("conditional", "conditional", FontConfig(fix="none", conditional=True)),
        Row("best", "best", FontConfig()),
        Row("best-conditional", "best, conditional", FontConfig(conditional=True)),
        Row("replay", "training letters replayed"),
        Row("one-letter", "one letter, again and again"),
        Row("noise", "noise"),
    )
    work = "runs/compare-fonts"
    data_name, data_settings = "Fonts", ("fonts",)
    count, least_count = EVALUATED, LEAST_EVALUATED
    count_help = "images to evaluate for each row"
    counted = "{} letters drawn by each"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Add ``--stacked``, by which the command chooses the comparison."""
        parser.add_argument(
            "--stacked", action="store_true", help=f"count the {MODES:,} modes of three letters at once"
        )

    def load(self, config: Any) -> Data:
        """Draw the letters of a seed."""
        from fontgan.data.fonts import load_fonts

        letters = load_fonts(config.fonts, seed=config.seed)
        faces = f"{len(letters.faces)} {'typeface' if len(letters.faces) == 1 else 'typefaces'}"
        description = f"{letters.source}, {faces}, {len(letters.train.images):,} letters to learn from"
        return Data(letters, letters.fingerprint, letters.table(), description)

    def prepare(self, config: Any, data: Letters, done: int, checkpoint: Path | None) -> Training:
        """Build a training that counts letters about twenty times."""
        from fontgan import trainer

        config, classifiers, every = self.begun(config, data)
        return trainer.prepare(config, (data, classifiers), done, checkpoint, every=every)

    def begun(self, config: Any, letters: Letters) -> tuple[Any, Classifiers, int]:
        """Return the settings of a training by these letters, their classifiers, and after how many epochs to count."""
        from fontgan.metrics.classifiers import introduced_classifiers
        from manymodes.nn.randomness import make_deterministic

        classifiers = introduced_classifiers(letters)
        make_deterministic(config.seed)  # training a classifier has set another seed
        return config.with_letters(letters), classifiers, max(1, round(config.epochs / 20))

    def evaluate(self, job: Job, trained: Trained) -> Result:
        """Measure the images of a trained model."""
        from fontgan.metrics.tables import result_of
        from fontgan.trainer import draw_to_evaluate

        images, asked = draw_to_evaluate(trained.model, job.args.count, job.seed)
        if not np.isfinite(images).all():
            raise LeftOutError("its training diverged")
        return result_of(images, job.data.content, job.seed, asked, trained.history, trained.facts["seconds"])

    def baseline(self, job: Job) -> Result:
        """Measure real letters that no model has seen, copies, a single letter, or noise."""
        from fontgan.metrics.tables import result_of

        images, asked = self.known(job, job.args.count)
        return result_of(images, job.data.content, job.seed, asked)

    def known(self, job: Job, count: int) -> tuple[np.ndarray, np.ndarray | None]:
        """Return the images of a baseline, [count, 28, 28, 1], and where they are real their letters, [count]."""
        from fontgan.metrics.assessment import controls, unseen_letters

        letters, name = job.data.content, job.row.name
        if name == self.rows[0].name:
            return unseen_letters(letters, count)
        return controls(letters, count, job.seed)[name.replace("-", "_")], None


COMPARISON = FontComparison()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command, that of `fontgan.stacked` with ``--stacked``."""
    typed = list(sys.argv[1:] if argv is None else argv)
    module = "fontgan.stacked" if "--stacked" in typed else "fontgan.compare"
    return compare.main(importlib.import_module(module).COMPARISON, typed)


if __name__ == "__main__":
    cli.run(main)
