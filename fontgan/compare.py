"""Compare fixes of mode collapse in equal time: ``python -m fontgan.compare --minutes 4``.

With ``--stacked`` images have three letters at once, see `fontgan.stacked`.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from fontgan.comparing import LetterComparison
from fontgan.config import FontConfig
from fontgan.train import EVALUATED, LEAST_EVALUATED
from manymodes import cli
from manymodes.experiment import compare
from manymodes.experiment.compare import Job, LeftOutError, Result, Row

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from fontgan.data.fonts import Letters
    from manymodes.experiment.budget import Trained
    from manymodes.experiment.fit import Training


class FontComparison(LetterComparison):
    """The fixes, some with labels too, beside real letters, copies and noise."""

    stem = "fonts"
    title = "Letter models in equal time"
    description = "Train every model of letters equally long, and compare what they draw with real letters."
    example = (
        "  python -m fontgan.compare\n"
        "  python -m fontgan.compare --minutes 1 --seeds 3 --rows none,minibatch,best --fonts ~/.local/share/fonts\n"
        "  python -m fontgan.compare --stacked --minutes 6"
    )
    rows = (
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
    count, least_count = EVALUATED, LEAST_EVALUATED
    count_help = "images to evaluate for each row"
    counted = "{} letters drawn by each"

    def prepare(self, config: Any, data: Letters, done: int, checkpoint: Path | None) -> Training:
        """Build a training that counts letters about twenty times."""
        from fontgan import trainer

        config, classifiers, every = self.begun(config, data)
        return trainer.prepare(config, (data, classifiers), done, checkpoint, every=every)

    def evaluate(self, job: Job, trained: Trained) -> Result:
        """Measure the images of a trained model."""
        from fontgan.trainer import draw_to_evaluate

        images, asked = draw_to_evaluate(trained.model, job.args.count, job.seed)
        if not np.isfinite(images).all():
            raise LeftOutError("its training diverged")
        return self._result(job, images, asked, trained.history, trained.facts["seconds"])

    def baseline(self, job: Job) -> Result:
        """Measure real letters that no model has seen, copies, a single letter, or noise."""
        return self._result(job, *self.known(job, job.args.count))

    def _result(self, job: Job, images: np.ndarray, *options: Any) -> Result:
        from fontgan.metrics.tables import result_of

        return result_of(images, job.data.content, job.seed, *options)


COMPARISON = FontComparison()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command, that of `fontgan.stacked` with ``--stacked``."""
    typed = list(sys.argv[1:] if argv is None else argv)
    if "--stacked" in typed:
        from fontgan import stacked

        return compare.main(stacked.COMPARISON, typed)
    return compare.main(COMPARISON, typed)


if __name__ == "__main__":
    cli.run(main)
