"""Draw and explain the latents of a trained drum VAE: ``python -m drumvae.analyze RUN``.

Reads metrics.json, whose keys are listed in `drumvae.metrics.diagnostics`, or writes it if there is none. Writes to
RUN/plots

- ``history.png``, ``divergence.png``: likelihood and divergences over the epochs; the latter of every dimension;
- ``hits.png``: F1 of reconstructed hits, for each instrument, beside baselines without a network;
- ``maps.png``, ``clusters.png``, ``latents.png``: test bars at both levels, which are near each other, and the
  distribution of each dimension beside its prior;
- ``sweeps.png``, ``traversals.png``: the effect of each dimension, as numbers and in one bar;
- ``patterns.png``: bars of each style, real ones and composed ones.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drumvae.config import DrumConfig
from drumvae.playing import DRUM_MODEL
from manymodes import cli
from manymodes.experiment.run import METRICS, Run, read_config
from manymodes.hub import load_model

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from drumvae.data.grooves import Grooves
    from drumvae.models.vae import DrumVAE

EXAMPLE = "  python -m drumvae.analyze runs/drumvae-styles"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command."""
    parser = cli.parser("drumvae.analyze", "Draw what the latents of a trained drum VAE hold, and explain it.", EXAMPLE)
    parser.add_argument("run", type=Path, metavar="RUN", help="run folder of drumvae.train")
    path = parser.parse_args(argv).run
    config = DrumConfig.from_run(path)
    if not (path / "model.keras").is_file():
        raise cli.UserError(f"{path} has no model.keras yet: finish it with python -m drumvae.train --resume {path}")

    from drumvae.data.grooves import load_grooves

    grooves = load_grooves(config.grooves, per_style=config.per_style, seed=config.seed)
    if grooves.fingerprint != read_config(path)["fingerprint"]:
        raise cli.UserError(f"{grooves.name} has changed since {path} was trained: train it again")

    model = load_model(path / "model.keras", DRUM_MODEL, "the model")
    with cli.quiet_start():
        from drumvae.trainer import evaluate, too_few
        from manymodes.experiment.fit import training_seconds
    if problem := too_few(grooves):
        raise cli.UserError(f"{path}: {problem}")
    run = Run.continued(path, config)
    if not (path / METRICS).is_file():
        run.write_metrics(evaluate(model, grooves, seed=config.seed, train_seconds=training_seconds(run.path)))
        print(f"wrote {path}/{METRICS}")
    metrics = json.loads((path / METRICS).read_text(encoding="utf-8"))
    draw(run, model, grooves, metrics)
    print("\n".join(explained(metrics)))
    print(f"wrote {path}/plots/")
    return 0


def explained(metrics: Mapping[str, Any]) -> list[str]:
    """Return the main results of metrics.json in words, as lines."""
    bound = "" if metrics["gap_nats"] is None else f", {metrics['gap_nats']:.2f} above the least possible"
    latents = (
        f"z_high: {metrics['active_high']} of {metrics['high_dim']} dimensions active, divergence "
        f"{metrics['kl_high_nats']:.2f} nats, information {metrics['mutual_information_high']:.2f} nats; "
        f"style predicted from it {metrics['probe_high']:.0%}, from z_low {metrics['probe_low']:.0%}"
    )
    return [latents, f"{metrics['iwae_nats']:.2f} nats a bar{bound}; hit F1 {metrics['hit_f1']:.3f}"]


def draw(run: Run, model: DrumVAE, grooves: Grooves, metrics: Mapping[str, Any]) -> None:
    """Write the figures in RUN/plots."""
    from drumvae import plots
    from drumvae.metrics.diagnostics import encode, examples, from_prior, sample, traversals

    seed, folder = run.config.seed, run.path / "plots"
    if run.history:
        plots.save_history(run.history, folder / "history.png", bound_nats=metrics["entropy_bound_nats"])
        plots.save_divergences(run.history, folder / "divergence.png")
    plots.save_hits(metrics, folder / "hits.png")
    test = grooves.test[sample(len(grooves.test), seed=seed)]
    seen = encode(model, test, seed=seed)
    plots.save_maps(seen.means, test.styles, grooves.styles, folder / "maps.png", seed=seed)
    plots.save_clusters(seen.means, test.styles, grooves.styles, folder / "clusters.png", seed=seed)
    plots.save_histograms(seen.drawn, from_prior(model, 10 * len(test), seed=seed), folder / "latents.png")
    plots.save_sweeps(metrics["sweeps"], folder / "sweeps.png")
    plots.save_patterns(traversals(model, seen), folder / "traversals.png")
    plots.save_patterns(examples(model, test, seed), folder / "patterns.png")


if __name__ == "__main__":
    cli.run(main)
