"""What both comparisons of letter models share, those of `fontgan.compare` and of `fontgan.stacked`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fontgan.data.stacks import MODES
from manymodes.experiment.compare import Comparison, Data

if TYPE_CHECKING:
    import argparse

    import numpy as np

    from fontgan.data.fonts import Letters
    from fontgan.metrics.classifiers import Classifiers
    from manymodes.experiment.compare import Job


class LetterComparison(Comparison):
    """Models that learn the letters of `fontgan.data.fonts`."""

    program = "fontgan.compare"
    data_name, data_settings = "Fonts", ("fonts",)

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

    def known(self, job: Job, count: int) -> tuple[np.ndarray, ...]:
        """Return the images of a baseline, [count, 28, 28, 1], and where they are real their letters, [count]."""
        from fontgan.metrics.assessment import controls, unseen_letters

        letters, name = job.data.content, job.row.name
        if name == self.rows[0].name:
            return unseen_letters(letters, count)
        return (controls(letters, count, job.seed)[name.replace("-", "_")],)

    def begun(self, config: Any, letters: Letters) -> tuple[Any, Classifiers, int]:
        """Return the settings of a training by these letters, their classifiers, and after how many epochs to count."""
        from fontgan.metrics.classifiers import introduced_classifiers
        from manymodes.nn.randomness import make_deterministic

        classifiers = introduced_classifiers(letters)
        make_deterministic(config.seed)  # training a classifier has set another seed
        return config.with_letters(letters), classifiers, max(1, round(config.epochs / 20))
