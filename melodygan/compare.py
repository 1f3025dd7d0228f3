"""The table of the report's chapter 5, every model in equal time: ``python -m melodygan.compare --minutes 4``."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from manymodes import cli
from manymodes.experiment import compare
from manymodes.experiment.compare import Comparison, Data, Job, LeftOutError, Result, Row
from melodygan.config import DEFAULT_L2, DEFAULT_NOISE, MelodyConfig

if TYPE_CHECKING:
    from manymodes.experiment.budget import Trained

_LEAST_HELD_OUT = 4  # two halves of two tunes each: a distance needs two
_NOISE: dict[str, Any] = {"wgan": True, "noise": DEFAULT_NOISE}
_L2 = {**_NOISE, "l2": DEFAULT_L2}


class MelodyComparison(Comparison):
    """Compare tunes of every model with real ones."""

    program, stem = "melodygan.compare", "melody"
    title = "Melody models in equal time"
    description = "Train every melody model equally long, and compare its tunes with real ones."
    example = (
        "  python -m melodygan.compare\n"
        "  python -m melodygan.compare --minutes 1 --seeds 3 --rows wgan-noise-l2,lstm,replay,random"
    )
    rows = (
        Row("real", "real tunes (ceiling)"),
        Row("as-reported-gan", "GAN, as reported", MelodyConfig(as_reported=True)),
        Row("as-reported-wgan", "WGAN, as reported", MelodyConfig(as_reported=True, wgan=True)),
        Row("as-reported-wgan-noise", "WGAN + noise, as reported", MelodyConfig(as_reported=True, **_NOISE)),
        Row("as-reported-wgan-noise-l2", "WGAN + noise + L2, as reported", MelodyConfig(as_reported=True, **_L2)),
        Row("gan", "GAN", MelodyConfig()),
        Row("wgan", "WGAN", MelodyConfig(wgan=True)),
        Row("wgan-noise", "WGAN + noise", MelodyConfig(**_NOISE)),
        Row("wgan-noise-l2", "WGAN + noise + L2", MelodyConfig(**_L2)),
        Row("wgan-noise-l2-long", "WGAN + noise + L2, 15 times as long", MelodyConfig(**_L2), times=15),
        Row("lstm", "LSTM", MelodyConfig(lstm=True)),
        Row("attention", "attention", MelodyConfig(attention=True)),
        Row("replay", "training tunes replayed"),
        Row("random", "random notes"),
    )
    work = "runs/compare"
    data_name, data_settings = "Corpus", ("corpus", "also")
    count, count_help = 200, "tunes to compose for a row"
    counted = "{} tunes composed by each"

    def load(self, config: Any) -> Data:
        """Load and split the corpus."""
        from melodygan.data.corpus import load_split

        corpus, parts = load_split(config.corpus, config.also, seed=config.seed)
        tunes = len(corpus.tunes)
        if not parts.validation or len(parts.test) < _LEAST_HELD_OUT:
            raise cli.UserError(f"{corpus.source} has {tunes} usable tunes, too few to hold any out: add more")
        others = f", and {len(parts.others)} of {config.also}" if config.also else ""
        return Data(parts, corpus.fingerprint, corpus.table(), f"{config.corpus}, {tunes} tunes{others}")

    def examples(self, config: MelodyConfig) -> int:
        """Return the number of real tunes that an update sees."""
        from melodygan.trainer import PENALTY_SETTINGS

        return int(config.batch_size or 0) * int(PENALTY_SETTINGS[config.penalty or "none"]["discriminator_steps"])

    def evaluate(self, job: Job, trained: Trained) -> Result:
        """Compare tunes of the model with held-out tunes."""
        from melodygan.composing import tunes_of
        from melodygan.data.form import NoTunesError
        from melodygan.metrics.held_out import Compared, measured

        parts = job.data.content
        try:
            tunes = tunes_of(trained.model, job.args.count, seed=job.seed)
        except NoTunesError as error:
            raise LeftOutError(f"it composes nothing usable: {error}") from error
        return Result(**measured(Compared(tunes, parts.test), parts.train, job.seed))

    def baseline(self, job: Job) -> Result:
        """Compare real, replayed or random tunes with held-out tunes."""
        from melodygan.metrics.held_out import BASELINES, measured

        tunes = BASELINES[job.row.name](job.data.content, job.args.count, job.seed)
        return Result(**measured(tunes, job.data.content.train, job.seed))


COMPARISON = MelodyComparison()
main = functools.partial(compare.main, COMPARISON)

if __name__ == "__main__":
    cli.run(main)
