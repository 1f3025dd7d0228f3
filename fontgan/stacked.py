"""The comparison of ``python -m fontgan.compare --stacked``: three independent letters an image, 17,576 modes.

As Stacked MNIST (Metz et al., 2017; Srivastava et al., 2017; Lin et al., 2018), with 26 letters for ten digits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from evaluation.scores.verdict import number
from fontgan.comparing import LetterComparison
from fontgan.config import StackedConfig
from fontgan.data.sheets import to_pixels
from fontgan.data.stacks import MODES, PLANES, stacked, unstacked
from fontgan.metrics.coverage import Reading
from fontgan.metrics.modes import measure_modes
from manymodes.experiment.compare import LeftOutError, Result, Row
from manymodes.experiment.records import packed
from manymodes.experiment.tables import Cell, Table, column, precise_share, seeds_note, table, training_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import keras

    from fontgan.data.fonts import Letters
    from fontgan.models.gan import FontGAN
    from manymodes.experiment.budget import Trained
    from manymodes.experiment.compare import Data, Job
    from manymodes.experiment.fit import Training
    from manymodes.experiment.page import Picture
    from manymodes.experiment.records import Records

_AT_ONCE = 2000  # stacks that are drawn before they are read
_COUNTED = 500  # stacks whose modes are counted in training
_PLANES_OF_BASELINES = 2600  # letters, or noise, of which the stacks of a baseline are made
_SHOWN = 16

_PUBLISHED = (
    ("DCGAN", "99", "3.40", "Srivastava et al., 2017"),
    ("ALI", "16", "5.40", "Srivastava et al., 2017"),
    ("unrolled GAN", "48.7", "4.32", "Srivastava et al., 2017"),
    ("VEEGAN", "150", "2.95", "Srivastava et al., 2017"),
    ("PacDCGAN2", "1000", "0.06", "Lin et al., 2018"),
    ("R3GAN", "1000", "0.029", "Huang et al., 2024"),
)
"""Models of Stacked MNIST: modes of 1,000, divergence in nats, and the paper."""


class StackedComparison(LetterComparison):
    """The fixes beside real letters and noise; each image has three letters."""

    module, stem = "fontgan.stacked", "fonts-stacked"
    title = "Stacked letters: 17,576 modes in equal time"
    description = "Train every model of three letters at once equally long, and count the modes that they draw."
    example = "  python -m fontgan.compare --stacked --minutes 6"
    rows = (
        Row("real", "real letters (ceiling)"),
        Row("none", "vanilla", StackedConfig(fix="none")),
        Row("feature-matching", "feature matching", StackedConfig(fix="feature-matching")),
        Row("unrolled", "unrolled", StackedConfig(fix="unrolled")),
        Row("minibatch", "minibatch discrimination", StackedConfig(fix="minibatch")),
        Row("ungrouped", "best, without groups", StackedConfig(grouped=False)),
        Row("best", "best", StackedConfig()),
        Row("noise", "noise"),
    )
    work = "runs/compare-fonts-stacked"
    count, least_count = 100_000, 1
    count_help = "images of three letters to evaluate for each row"
    counted = "{} images drawn by each"

    def load(self, config: Any) -> Data:
        """Draw the letters of a seed."""
        data = super().load(config)
        return data._replace(
            fingerprint=f"{data.fingerprint}-{PLANES}", description=f"{data.description}, of which {PLANES} are stacked"
        )

    def prepare(self, config: Any, data: Letters, done: int, checkpoint: Path | None) -> Training:
        """Build a training that counts modes about twenty times."""
        from fontgan import trainer
        from manymodes.experiment.fit import Training

        config, classifiers, every = self.begun(config, data)
        kinds = trainer.kinds_of(config, data) if config.grouped else None
        model = trainer.model_of(config, kinds, checkpoint, planes=PLANES)
        batches = trainer.batches_of(config, data, kinds, done, planes=PLANES)

        def measure(epoch: int, last: bool) -> dict[str, float]:
            measures = trainer.balance(model)
            if epoch % every == 0 or last:
                counts = measure_modes(_reading(classifiers.selecting, _drawn(model, _COUNTED, config.seed)))
                counts["shortfall"] = 2 - counts["modes"] / counts["expected"] - counts["legible"]
                measures |= counts
            return measures

        return Training(model, batches, measure)

    def evaluate(self, job: Job, trained: Trained) -> Result:
        """Count the modes of a trained model."""
        from fontgan.metrics.classifiers import introduced_classifiers

        if not np.isfinite(trained.model.generate(_SHOWN, seed=job.seed)).all():
            raise LeftOutError("its training diverged")
        drawn = _drawn(trained.model, job.args.count, job.seed + 1)
        reading = _reading(introduced_classifiers(job.data.content).reporting, drawn)
        names = ("seconds", "modes", "legible")
        counts = [{name: row.get(name) for name in names} for row in trained.history if "modes" in row]
        return _result(reading, next(_drawn(trained.model, _SHOWN, job.seed + 1)), counts)

    def baseline(self, job: Job) -> Result:
        """Count the modes of letters that no model has seen, or of noise, each letter in many stacks."""
        from fontgan.metrics.classifiers import introduced_classifiers, read

        images, *_ = self.known(job, min(_PLANES_OF_BASELINES, PLANES * job.args.count))
        of_letters = read(introduced_classifiers(job.data.content).reporting, images)
        chosen = np.random.default_rng(job.seed).integers(len(images), size=PLANES * job.args.count)
        reading = Reading(*(part[chosen] for part in of_letters))
        return _result(reading, stacked(images[chosen[: PLANES * _SHOWN]]))

    def tables(self, found: Records) -> list[Table]:
        """Return the tables of modes, of published figures and of the training."""
        from fontgan.metrics.tables import LOSSES

        modes = table(
            f"Modes, of {MODES:,}",
            (
                column("Modes", "modes", "{:,.0f}".format),
                column("KL", "kl", number),
                column("Legible", "legible", precise_share),
                column("Legible modes", "legible_modes", "{:,.0f}".format),
            ),
            found,
            "The reporting classifier reads each of the three planes by itself. Modes: the combinations of letters "
            "that it reads at all, as for Stacked MNIST; KL: divergence of these combinations from even ones, nats. "
            "Legible: share of the images whose three letters it reads with a confidence of at least 0.9; legible "
            f"modes: those among these images. {_expected(found)}{seeds_note(found)}",
        )
        published = Table(
            "Published figures of Stacked MNIST, of 1,000 modes",
            ("Model", "Modes", "KL", "Source"),
            [[Cell(text) for text in row] for row in _PUBLISHED],
            "arXiv 1705.07761, 1712.04086 and 2501.05441. They cannot be compared with the rows above: three digits "
            "have 1,000 modes, three letters 17.6 times as many; the first two papers count among 26,000 images, 26 a "
            "mode, here there are 5.7 a mode unless --count says more; MNIST is written by hand; their trainings are "
            "longer, on graphics processors. In common is that a mode counts if it is read once, sharp or not.",
        )
        training = training_table(
            found,
            LOSSES,
            number,
            "As in the comparison of single letters. Letters are stacked anew for each update. The epoch "
            f"is chosen by the modes and the legible share of {_COUNTED:,} images, read by the selecting classifier. "
            "Groups of images are those of single letters, found without labels: the best model is asked for a group "
            "in each plane, chosen independently, so that it is told that planes are independent; the others are not.",
        )
        return [modes, published, training] if training.rows else [modes, published]

    def pictures(self, found: Records, _: Data) -> dict[str, Picture]:
        """Return the pictures by file name, of the first seed."""
        from fontgan import plots

        return plots.stacked_pictures(found)


def _drawn(model: FontGAN, count: int, seed: int) -> Iterator[np.ndarray]:
    """Draw stacks [n, 28, 28, 3], some at a time."""
    for part, begin in enumerate(range(0, count, _AT_ONCE)):
        # As many as a hundred million images have other seeds than those of the next seed.
        yield model.generate(min(_AT_ONCE, count - begin), seed=50_000 * seed + part)


def _reading(classifier: keras.Model, parts: Iterator[np.ndarray]) -> Reading:
    """Return the reading of the planes of stacks, [3 n]."""
    from fontgan.metrics.classifiers import read

    readings = [read(classifier, unstacked(part)) for part in parts]
    return Reading(*(np.concatenate(parts) for parts in zip(*readings, strict=True)))


def _result(reading: Reading, images: np.ndarray, counts: Sequence[Mapping[str, Any]] = ()) -> Result:
    """Measure a reading; the stacks [n, 28, 28, 3] are shown side by side, planes being colours."""
    measures = measure_modes(reading)
    sentence = f"{measures['modes']:,} of {MODES:,} modes, {measures['legible']:.1%} of the images legible"
    first = packed(Image.fromarray(to_pixels(np.concatenate(images, axis=1))))
    return Result(measures, {"modes": sentence}, {"first": first, "counts": list(counts)})


def _expected(found: Records) -> str:
    """Return a sentence on letters drawn evenly, if all rows have as many images."""
    names = ("n", "expected", "kl_floor")
    known = {tuple(record.measures[name] for name in names) for records in found.values() for record in records}
    if len(known) != 1:
        return ""
    ((count, modes, kl),) = known
    return f"{count:,} images of letters drawn evenly have {modes:,.0f} modes on average, and a KL of {kl:.4f}."


COMPARISON = StackedComparison()
