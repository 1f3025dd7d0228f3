"""Make the models that ship, all that `manymodes.hub.MODELS` lists: ``python -m pretraining.make``.

Of each

1. WORK/NAME is the run of its training, judged as its package judges;
2. WORK/NAME-slim-DIGEST is the same for the pretrained file (`manymodes.hub.save_slim`), to measure what that
   costs;
3. OUT/NAME.keras and OUT/NAME.md are the model and its card. The prior of a VQ-VAE is OUT/NAME-prior.keras.

What is finished is not done again: interrupted, the same command continues.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from manymodes import cli
from manymodes.cli import UserError, quiet_start
from manymodes.experiment.config import training_parser
from manymodes.experiment.run import read_config
from manymodes.files import check_place, new_folder, replacing_file, write_text
from manymodes.hub import GROOVE, MODELS, folder

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from manymodes.hub import Shipped

PROGRAM = "pretraining.make"
EXAMPLE = (
    "  python -m pretraining.make --groove ~/groove\n"
    "  python -m pretraining.make --only drums-styles --from runs/drumvae-styles"
)
_CONFIGS = {
    "melodygan.train": "MelodyConfig",
    "fontgan.train": "FontConfig",
    "drumvae.train": "DrumConfig",
    "audiovae.train": "AudioConfig",
}
"""The class of the configurations of a program."""

_LAST = {"audiovae.train": "prior.keras"}
"""What training leaves last; model.keras unless it is listed."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the verb."""
    args = _parser().parse_args(argv)
    if args.taken is not None and len(args.only or ()) != 1:
        raise UserError("--from is the run of one model: say with --only NAME of which")
    for place in (args.out, args.work):
        check_place(place / "model")
    for name in args.only or MODELS:
        shipped = MODELS[name]
        run = args.taken or args.work / name
        arguments = _arguments(shipped, run, args.groove)
        if args.taken is not None:
            _check_taken(run, shipped, arguments)
        elif not _is_trained(run, shipped, arguments):
            code = _train(run, shipped, arguments)
            if code == cli.INTERRUPTED_EXIT:
                print(f"stopped; the same command continues with what is in {args.work}")
            if code:
                return code
        slim = _slimmed(run, args.work / name)
        _ship(name, shipped, run, slim, args.out)
    models = list(args.out.glob("*.keras"))
    print(f"{args.out} has {len(models)} files of {sum(file.stat().st_size for file in models) / 1e6:.1f} MB together")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = cli.parser(PROGRAM, "Train the models that ship, make them small, judge them, and write cards.", EXAMPLE)
    parser.add_argument(
        "--only", action="append", choices=tuple(MODELS), metavar="NAME", help=f"one of {', '.join(MODELS)}"
    )
    parser.add_argument(
        "--from", dest="taken", type=Path, metavar="RUN",
        help="a run that there is already, trained on this machine with the same command: nothing is trained",
    )  # fmt: skip
    parser.add_argument(
        "--groove", type=Path, metavar="DIR", help="the Groove MIDI Dataset, unpacked; for drums-groove"
    )
    parser.add_argument(
        "--work", type=Path, default=Path("runs/pretrained"), metavar="DIR", help="for runs (default runs/pretrained)"
    )
    parser.add_argument(
        "--out", type=Path, default=folder(), metavar="DIR", help="for models and cards (default data/pretrained)"
    )
    return parser


# --- training -----------------------------------------------------------------------------------------------


def _arguments(shipped: Shipped, run: Path, groove: Path | None) -> list[str]:
    """Return the options of a model's training, the folder of the Groove MIDI Dataset in its place.

    Raises:
        UserError: that is needed, and not known.
    """
    if GROOVE in shipped.options and groove is None:
        try:
            groove = Path(read_config(run)["grooves"])
        except UserError as error:
            raise UserError(
                f"{shipped.command} needs the Groove MIDI Dataset: give its folder with --groove, or leave this model "
                "out with --only"
            ) from error
    return [*(str(groove) if option == GROOVE else option for option in shipped.options), f"--seed={shipped.seed}"]


def _differences(run: Path, shipped: Shipped, arguments: Sequence[str]) -> list[str]:
    """Return the settings in which a run differs from what its command says.

    Raises:
        UserError: it is no run.
    """
    kept = read_config(run)
    wanted = _settings(shipped.program, arguments)
    return [
        f"{name} {kept.get(name)}, not {value}"
        for name, value in wanted.items()
        if value is not None and kept.get(name) != value
    ]


def _settings(program: str, arguments: Sequence[str]) -> dict[str, Any]:
    """Return the settings that a training program would have with these options."""
    module = importlib.import_module(program)
    config = getattr(module, _CONFIGS[program])
    settings = config.from_args(training_parser(config, "", "").parse_args(arguments)).to_json()
    return json.loads(json.dumps(settings))  # as config.json has them


def _check_taken(run: Path, shipped: Shipped, arguments: Sequence[str]) -> None:
    """Make sure that a run is what its command leaves.

    Raises:
        UserError: it is not.
    """
    if found := _differences(run, shipped, arguments):
        raise UserError(f"{run} was trained with {'; '.join(found)}: give a run of {shipped.command}")
    last = _LAST.get(shipped.program, "model.keras")
    if not (run / last).is_file():
        raise UserError(f"{run} has no {last}: continue it with python -m {shipped.program} --resume {run}")


def _is_trained(run: Path, shipped: Shipped, arguments: Sequence[str]) -> bool:
    last = run / _LAST.get(shipped.program, "model.keras")
    return last.is_file() and not _differences(run, shipped, arguments)


def _train(run: Path, shipped: Shipped, arguments: Sequence[str]) -> int:
    """Train a model, or continue with that; return the exit code."""
    begun = (run / "config.json").is_file() and not _differences(run, shipped, arguments)
    options = ["--resume", str(run)] if begun else [*arguments, "--out", str(run)]
    if shipped.program == "melodygan.train":
        options += ["--gen", f"{run}-gen", "--org", f"{run}-org"]
    print(f"python -m {shipped.program} {' '.join(options)}", flush=True)
    # Ctrl-C is the training's business: it ends with its batch, and says how to go on.
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        return subprocess.run([sys.executable, "-m", shipped.program, *options], check=False).returncode  # noqa: S603 - our own verb
    finally:
        signal.signal(signal.SIGINT, before)


# --- shipping -----------------------------------------------------------------------------------------------


def _slimmed(run: Path, stem: Path) -> Path:
    """Return a run whose model is that of another, as it ships; it is made where it is not there yet.

    Args:
        run: with the model that was trained.
        stem: path of what is returned, up to a digest of the model.
    """
    with tempfile.TemporaryDirectory() as temporary:
        made = Path(temporary)
        _slim(run, made)
        shutil.copy(run / "config.json", made)
        files = sorted(made.iterdir())
        digest = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
        path = stem.with_name(f"{stem.name}-slim-{digest[:8]}")
        if not path.exists():
            with new_folder(path) as partial:
                for file in files:
                    shutil.copy(file, partial)
    return path


def _slim(run: Path, made: Path) -> None:
    """Write a run's model as it ships, and its prior if it has codes; the prior is told of the rounded weights."""
    with quiet_start():
        from manymodes.hub import save_slim
    package = importlib.import_module(read_config(run)["program"].split(".")[0])
    load = package.load
    model = load(run / "model.keras")
    save_slim(model, made / "model.keras")
    if (run / "prior.keras").is_file():
        from audiovae.codes import fingerprint
        from audiovae.synthesis import prior_of

        prior = prior_of(model, run / "model.keras")
        prior.maker = fingerprint(load(made / "model.keras").get_weights()).hex()
        save_slim(prior, made / "prior.keras")


def _ship(name: str, shipped: Shipped, run: Path, slim: Path, out: Path) -> None:
    """Write a model and its card."""
    from pretraining.cards import card, shipped_name

    text = card(name, shipped, run, slim)
    for file in slim.glob("*.keras"):
        with replacing_file(out / shipped_name(name, file)) as partial:
            shutil.copyfile(file, partial)
    write_text(out / f"{name}.md", text)
    print(f"wrote {out / name}.keras and {out / name}.md")


if __name__ == "__main__":
    cli.run(main)
