"""Train a model of whole typefaces: ``python -m fontgan.train_typefaces``.

Leaves a run folder with the model, its history and metrics.json.

history.csv has a row an epoch, the first five being means over its updates:

- ``loss``: all errors, weighted.
- ``field_error``, ``edge_error``: mean absolute errors of distances, 1 being the reach of a field, and of ink a pixel.
- ``bearing_error``: of side bearings, in hundredths of an em.
- ``divergence``: of the styles of faces from a normal distribution, in nats.
- ``missing_field_error``, ``missing_edge_error``, ``missing_bearing_error``: the same of characters that were kept back
  from training, of faces whose other characters were not. The epoch with the least edge error is kept.

metrics.json has the last three of the best epoch, ``faces``, ``characters``, ``train_seconds``, and where the extra
``[fonts]`` is installed the measures of `fontgan.typeface.measures.evaluate`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fontgan.config import TypefaceConfig
from manymodes import cli
from manymodes.experiment.config import config_of, training_parser
from manymodes.experiment.run import open_run

if TYPE_CHECKING:
    from collections.abc import Sequence

EXAMPLE = (
    "  python -m fontgan.train_typefaces\n  python -m fontgan.train_typefaces --fonts ~/.local/share/fonts --size 64"
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command."""
    args = training_parser(TypefaceConfig, "Train a model of whole typefaces.", EXAMPLE).parse_args(argv)
    config = config_of(TypefaceConfig, args)

    from fontgan.data.typefaces import TRAINING, load_typefaces

    data = load_typefaces(config.fonts or TRAINING, size=config.size, as_pixels=config.as_pixels)
    print(data.table())
    run = open_run(args, config, data.fingerprint, data=config.fonts or "the set of fonts")

    with cli.quiet_start():
        from fontgan import typefaces
        from manymodes.experiment.fit import fit, training_seconds

    model = fit(run, typefaces.prepare, data, tensorboard=args.tensorboard)
    if model is None:
        return cli.INTERRUPTED_EXIT
    best = {name: value for name, value in run.history[run.best_epoch].items() if name.startswith("missing_")}
    counts = {"faces": len(data.names), "characters": int(data.present.sum())}
    measured = typefaces.evaluate(model, data, seed=config.seed)
    run.write_metrics({**best, **counts, "train_seconds": training_seconds(run.path), **measured})
    print(f"wrote {run.path}/metrics.json: an edge error of {best['missing_edge_error']:.4f} for characters kept back")
    return 0


if __name__ == "__main__":
    cli.run(main)
