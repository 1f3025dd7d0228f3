"""Say what the latents of a trained drum VAE hold: ``python -m drumvae.analyze RUN``.

Leaves in the run folder analysis.json, whose keys are listed in `drumvae.metrics.diagnostics`, and in ``plots``

- ``history.png``, ``divergence.png``: likelihood and divergences over the epochs; the latter of every dimension;
- ``hits.png``: how well hits are found again, of each instrument, beside what needs no network for it;
- ``maps.png``, ``clusters.png``, ``latents.png``: test bars at both levels, which are near each other, and how each
  dimension is distributed beside what the prior has;
- ``sweeps.png``, ``traversals.png``: what each dimension moves, in figures and in one bar;
- ``patterns.png``: bars of each style, real ones and composed ones.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drumvae.output import load_model
from manymodes import cli
from manymodes.cli import UserError
from manymodes.experiment.run import Run, read_config
from manymodes.files import check_place, write_text

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    import numpy as np

    from drumvae.data.grooves import Bars, Grooves
    from drumvae.metrics.diagnostics import Encoded
    from drumvae.models.vae import DrumVAE

PROGRAM = "drumvae.analyze"
EXAMPLE = "  python -m drumvae.analyze runs/drumvae-styles"
_SHOWN = 4  # bars of each style in a picture
_PLACES = (-2.0, -1.0, 0.0, 1.0, 2.0)  # of a traversal, in deviations
_FEWEST = 10  # test bars of which something can be said


def main(argv: Sequence[str] | None = None) -> int:
    """Run the verb."""
    args = _parser().parse_args(argv)
    config = read_config(args.run)
    if config.get("verb") != "drumvae.train":
        raise UserError(f"{args.run} is a run of {config.get('verb')}: give one that python -m drumvae.train has left")
    if not (args.run / "model.keras").is_file():
        raise UserError(
            f"{args.run} has no model.keras yet: finish it with python -m drumvae.train --resume {args.run}"
        )
    check_place(args.run / "analysis.json")

    from drumvae.data.grooves import load_grooves

    grooves = load_grooves(config["grooves"], per_style=config["per_style"], seed=config["seed"])
    if grooves.fingerprint != config["fingerprint"]:
        data = "the set of grooves by rule" if grooves.by_rule else config["grooves"]
        raise UserError(f"{data} has changed since {args.run} was trained: train anew")
    if len(grooves.test) < _FEWEST:
        raise UserError(f"{args.run} has {len(grooves.test)} bars to test with: train with more, {_FEWEST} at least")

    model = load_model(args.run / "model.keras", "the model")
    run = Run.resume(args.run)
    found = analyse_run(run, model, grooves)
    bound = "" if found["gap_nats"] is None else f", {found['gap_nats']:.2f} above the least possible"
    print(
        f"z_high: {found['active_high']} of {found['high_dim']} dimensions active, divergence "
        f"{found['kl_high_nats']:.2f} nats, information {found['mutual_information_high']:.2f} nats; "
        f"style read from it {found['probe_high']:.0%}, from z_low {found['probe_low']:.0%}"
    )
    print(f"{found['iwae_nats']:.2f} nats a bar{bound}; hit F1 {found['hit_f1']:.3f}")
    print(f"wrote {run.path}/analysis.json and {run.path}/plots/")
    return 0


def analyse_run(run: Run, model: DrumVAE, grooves: Grooves) -> dict[str, Any]:
    """Write RUN/analysis.json and the figures in RUN/plots; return what the first says."""
    from drumvae import plots
    from drumvae.metrics.diagnostics import analyse, encode, from_prior, measured
    from manymodes.experiment.fit import training_seconds

    seed, folder = run.config["seed"], run.path / "plots"
    found = analyse(model, grooves, seed=seed, train_seconds=training_seconds(run))
    write_text(run.path / "analysis.json", json.dumps(found, indent=1, allow_nan=False) + "\n")
    if run.history:
        plots.save_history(run.history, folder / "history.png", bound_nats=found["entropy_bound_nats"])
        plots.save_divergences(run.history, folder / "divergence.png")
    plots.save_hits(found, folder / "hits.png")
    test = measured(grooves.test, seed=seed)
    seen = encode(model, test, seed=seed)
    plots.save_maps(seen.means, test.styles, grooves.styles, folder / "maps.png", seed=seed)
    plots.save_clusters(seen.means, test.styles, grooves.styles, folder / "clusters.png", seed=seed)
    plots.save_histograms(seen.drawn, from_prior(model, 10 * len(test), seed=seed), folder / "latents.png")
    plots.save_sweeps(found["sweeps"], folder / "sweeps.png")
    plots.save_patterns(_traversals(model, seen), folder / "traversals.png")
    plots.save_patterns(_patterns(model, test, seed), folder / "patterns.png")
    return found


def _traversals(model: DrumVAE, seen: Encoded) -> dict[str, np.ndarray]:
    """Return for each dimension the first bar with other values of it, by title."""
    from drumvae.metrics.diagnostics import swept

    title = "z_{}, {}: 2 deviations below its mean, 1 below, the mean, 1 and 2 above"
    return {
        title.format(level, number): swept(model, seen, level, number, _PLACES, bars=1)[:, 0]
        for level, means in seen.means._asdict().items()
        for number in range(means.shape[1])
    }


def _patterns(model: DrumVAE, test: Bars, seed: int) -> dict[str, np.ndarray]:
    """Return velocities of bars of each style, real ones and composed ones, by title."""
    import numpy as np

    from drumvae.beats import compose, draw_latents, humanise

    asked = np.arange(len(model.styles)).repeat(_SHOWN)
    latents = draw_latents(model, np.eye(len(model.styles))[asked], seed=seed)
    hits = compose(model, latents, seed=seed)
    composed = humanise(model, latents, hits, tempo=model.tempo, amount=1.0, seed=seed)
    shown = {}
    for style, name in enumerate(model.styles):
        real = test.velocities[test.styles == style]
        if len(real):
            # from the middle of so many parts: a piece begins and ends unlike anything else in it
            parts = min(_SHOWN, len(real))
            shown[f"{name}, real"] = real[(2 * np.arange(parts) + 1) * len(real) // (2 * parts)]
        shown[f"{name}, composed"] = composed.velocities[asked == style]
    return shown


def _parser() -> argparse.ArgumentParser:
    parser = cli.parser(PROGRAM, "Measure what the latents of a trained drum VAE hold, and draw it.", EXAMPLE)
    parser.add_argument("run", type=Path, metavar="RUN", help="folder that drumvae.train has left")
    return parser


if __name__ == "__main__":
    cli.run(main)
