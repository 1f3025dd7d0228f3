"""Say what the latents of a trained drum VAE hold: ``python -m drumvae.analyze RUN``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelkit import cli
from modelkit.cli import UserError
from modelkit.files import write_text
from modelkit.quiet import quiet_start
from modelkit.runs import Run

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from drumvae.grooves import Grooves
    from drumvae.model import DrumVAE

PROGRAM = "drumvae.analyze"
EXAMPLE = "  python -m drumvae.analyze runs/drumvae-styles"
_SHOWN = 4  # bars of each style in a picture


def main(argv: Sequence[str] | None = None) -> int:
    """Run the verb."""
    args = _parser().parse_args(argv)
    run = Run.resume(args.run)
    if run.config.get("verb") != "drumvae.train" or not (args.run / "model.keras").is_file():
        raise UserError(f"{args.run} holds no trained drum model: give a run that python -m drumvae.train has finished")

    from drumvae.grooves import load_grooves  # noqa: PLC0415 - only after the arguments are known to be right

    config = run.config
    grooves = load_grooves(config["grooves"], per_style=config["per_style"], seed=config["seed"])
    if grooves.fingerprint != config["fingerprint"]:
        raise UserError(f"the grooves of {config['grooves']} have changed since {args.run} was trained: train anew")

    with quiet_start():
        from drumvae.fitting import load_model  # noqa: PLC0415 - imports TensorFlow

    model = load_model(args.run / "model.keras")
    found = analyse_run(run, model, grooves)
    bound = "" if found["gap_nats"] is None else f" ({found['gap_nats']:.2f} above the least possible)"
    print(
        f"wrote {run.path}/analysis.json: z_high {found['kl_high_nats']:.2f} nats, {found['active_high']} of "
        f"{found['high_dim']} active, style read from it {found['probe_high']:.0%} (z_low {found['probe_low']:.0%}); "
        f"{found['iwae_nats']:.2f} nats a bar{bound}"
    )
    return 0


def analyse_run(run: Run, model: DrumVAE, grooves: Grooves) -> dict[str, Any]:
    """Write RUN/analysis.json and the figures in RUN/plots; return what the first says."""
    import numpy as np  # noqa: PLC0415 - not for --help

    from drumvae import plots  # noqa: PLC0415 - the same
    from drumvae.composing import compose, draw_latents  # noqa: PLC0415 - the same
    from drumvae.diagnostics import analyse, encode  # noqa: PLC0415 - the same
    from modelkit.fitting import training_seconds  # noqa: PLC0415 - the same

    seed, folder, test = run.config["seed"], run.path / "plots", grooves.test
    found = analyse(model, grooves, seed=seed, train_seconds=training_seconds(run))
    write_text(run.path / "analysis.json", json.dumps(found, indent=1, allow_nan=False) + "\n")
    if run.history:
        plots.save_history(run.history, folder)
    seen = encode(model, test, seed=seed)
    plots.save_maps(seen.means, test.styles, grooves.styles, folder / "maps.png", seed=seed)
    plots.save_clusters(seen.means, test.styles, grooves.styles, folder / "clusters.png", seed=seed)
    plots.save_histograms(seen.drawn, folder / "latents.png")
    plots.save_sweeps(found["sweeps"], folder / "sweeps.png")
    asked = np.arange(len(grooves.styles)).repeat(_SHOWN)
    composed = compose(model, draw_latents(model, np.eye(len(grooves.styles))[asked], seed=seed), seed=seed)
    shown = {f"real: {name}": test.hits[test.styles == n][:_SHOWN] for n, name in enumerate(grooves.styles)}
    shown |= {f"composed: {name}": composed[asked == n] for n, name in enumerate(grooves.styles)}
    plots.save_patterns(shown, folder / "patterns.png")
    return found


def _parser() -> argparse.ArgumentParser:
    parser = cli.parser(PROGRAM, "Measure what the latents of a trained drum VAE hold, and draw it.", EXAMPLE)
    parser.add_argument("run", type=Path, metavar="RUN", help="folder that drumvae.train has left")
    return parser


if __name__ == "__main__":
    cli.run(main)
