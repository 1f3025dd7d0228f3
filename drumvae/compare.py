"""What keeps the style in the upper latent, every remedy in equal time: ``python -m drumvae.compare --minutes 4``."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drumvae.config import DrumConfig
from manymodes import cli
from manymodes.experiment import compare
from manymodes.experiment.compare import Comparison, Data, Job, LeftOutError, Result, Row

if TYPE_CHECKING:
    from manymodes.experiment.budget import Trained

CEILING = "real"
_BARE: dict[str, Any] = {"unsupervised": True, "free_bits": 0.0}


class DrumComparison(Comparison):
    """Each row differs from the one before it in one setting; the first two models are those of the reports."""

    program, stem = "drumvae.compare", "drums"
    title = "Drum models in equal time"
    description = "Train every drum model equally long, and compare its latents and its bars with real bars."
    example = (
        "  python -m drumvae.compare\n"
        "  python -m drumvae.compare --minutes 2 --seeds 3 --rows chain,top-down,supervised --grooves ~/groove"
    )
    rows = (
        Row(CEILING, "real bars (ceiling)"),
        Row("chain", "chain", DrumConfig(hierarchy="chain", anneal="none", **_BARE)),
        Row("chain-cyclical", "chain, cyclical", DrumConfig(hierarchy="chain", anneal="cyclical", **_BARE)),
        Row("cyclical", "top-down, cyclical", DrumConfig(anneal="cyclical", **_BARE)),
        Row("top-down", "top-down", DrumConfig(anneal="none", **_BARE)),
        Row("sigmoid", "top-down, sigmoid", DrumConfig(anneal="sigmoid", **_BARE)),
        Row("linear", "top-down, linear", DrumConfig(**_BARE)),
        Row("free-bits", "top-down, linear, free bits", DrumConfig(unsupervised=True)),
        Row("supervised", "top-down, linear, free bits, labels", DrumConfig()),
        Row("chain-supervised", "chain, linear, free bits, labels", DrumConfig(hierarchy="chain")),
        Row("components", "principal components"),
        Row("replay", "training bars replayed"),
        Row("shuffled", "hits shuffled within styles"),
        Row("mean-pattern", "mean pattern"),
    )
    work = "runs/compare-drums"
    data_name, data_settings = "Grooves", ("grooves", "per_style")
    count, least_count, count_help = 1000, 2, "bars to compose for a row"
    counted = "{} bars composed by each"

    def load(self, config: Any) -> Data:
        """Make or read the grooves of a seed."""
        from drumvae.data.grooves import load_grooves

        grooves = load_grooves(config.grooves, per_style=config.per_style, seed=config.seed)
        styles = f"{len(grooves.styles)} {'style' if len(grooves.styles) == 1 else 'styles'}"
        sizes = f"{len(grooves.train):,} bars to learn from and {len(grooves.test):,} to test with"
        return Data(grooves, grooves.fingerprint, grooves.table(), f"{Path(grooves.source).name}, {styles}, {sizes}")

    def evaluate(self, job: Job, trained: Trained) -> Result:
        """Analyse a trained model, and compare its bars with real ones."""
        from drumvae.metrics.diagnostics import analyse, composed_by
        from drumvae.metrics.tables import result_of
        from manymodes.experiment.fit import has_diverged

        if has_diverged(trained.model):
            raise LeftOutError("its training diverged")
        grooves = job.data.content
        metrics = analyse(trained.model, grooves, seed=job.seed, train_seconds=trained.facts["seconds"])
        del metrics["sweeps"]
        composed = composed_by(trained.model, grooves, job.args.count, job.seed, metrics)
        return Result(*result_of(composed, grooves, trained.history))

    def baseline(self, job: Job) -> Result:
        """Measure real bars, or bars that need no network."""
        from drumvae.metrics.baselines import BASELINES
        from drumvae.metrics.tables import result_of

        grooves = job.data.content
        return Result(*result_of(BASELINES[job.row.name](grooves, job.args.count, job.seed), grooves))


COMPARISON = DrumComparison()
main = functools.partial(compare.main, COMPARISON)

if __name__ == "__main__":
    cli.run(main)
