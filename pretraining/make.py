"""Make the models that ship, all that `manymodes.hub.MODELS` lists: ``python -m pretraining.make``.

For each of them

1. WORK/NAME is the run of its training, with the metrics of `pretraining.judging`;
2. WORK/NAME-slim-DIGEST is the same for the pretrained file (`manymodes.hub.save_slim`), to measure the cost of that;
3. OUT/NAME.keras and OUT/NAME.md are the model and its card. The prior of a VQ-VAE is OUT/NAME-prior.keras.

Finished steps are not repeated: after an interruption, the same command continues.
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
from typing import TYPE_CHECKING

from audiovae.config import AudioConfig
from drumvae.config import DrumConfig
from fontgan.config import FontConfig, TypefaceConfig
from manymodes import cli
from manymodes.experiment.config import training_parser
from manymodes.experiment.run import read_config
from manymodes.export import export, kind_of
from manymodes.files import check_place, new_folder, replacing_file, replacing_folder, write_text
from manymodes.hub import GROOVE, MODELS, folder, load_model, save_slim
from melodygan.config import MelodyConfig

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from manymodes.hub import Shipped

EXAMPLE = (
    "  python -m pretraining.make --groove ~/groove\n"
    "  python -m pretraining.make --only drums-styles --from runs/drumvae-styles"
)
_CONFIGS = {config.program: config for config in (MelodyConfig, FontConfig, TypefaceConfig, DrumConfig, AudioConfig)}
_LOADERS = {TypefaceConfig.program: "fontgan.designing"}  # of all others that of their package


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command."""
    args = _parser().parse_args(argv)
    if args.existing is not None and len(args.only or ()) != 1:
        raise cli.UserError("--from is the run of one model: name it with --only NAME")
    for place in (args.out, args.work):
        check_place(place / "model")
    for name in args.only or MODELS:
        shipped = MODELS[name]
        run = args.existing or args.work / name
        options = _options(shipped, run, args.groove)
        if args.existing is not None:
            _check_trained(run, shipped, options)
        elif code := _train(run, shipped, options):
            if code == cli.INTERRUPTED_EXIT:
                print(f"stopped; the same command continues with what is in {args.work}")
            return code
        _ship(name, shipped, run, _slimmed(run, args.work / name), args.out)
    models = list(args.out.glob("*.keras"))
    print(f"{args.out} has {len(models)} files of {sum(file.stat().st_size for file in models) / 1e6:.1f} MB together")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = cli.parser(
        "pretraining.make", "Train the models that ship, make them small, measure them, and write cards.", EXAMPLE
    )
    add = parser.add_argument
    add("--only", action="append", choices=tuple(MODELS), metavar="NAME", help=f"one of {', '.join(MODELS)}")
    existing = "a run that exists already, trained on this machine with the same command: nothing is trained"
    add("--from", dest="existing", type=Path, metavar="RUN", help=existing)
    add("--groove", type=Path, metavar="DIR", help="the Groove MIDI Dataset, unpacked; for drums-groove")
    add("--work", type=Path, default=Path("runs/pretrained"), metavar="DIR", help="for runs (default runs/pretrained)")
    add("--out", type=Path, default=folder(), metavar="DIR", help="for models and cards (default data/pretrained)")
    return parser


def _options(shipped: Shipped, run: Path, groove: Path | None) -> list[str]:
    """Return the options of a training, with the folder of the Groove MIDI Dataset, by default that of the run."""
    if GROOVE in shipped.options and groove is None:
        try:
            groove = Path(read_config(run)["grooves"])
        except cli.UserError as error:
            raise cli.UserError(
                f"{shipped.command} needs the Groove MIDI Dataset: give its folder with --groove, or leave this model "
                "out with --only"
            ) from error
    return [*(str(groove) if option == GROOVE else option for option in shipped.options), f"--seed={shipped.seed}"]


def _differences(run: Path, shipped: Shipped, options: Sequence[str]) -> list[str]:
    """Return the settings in which a run differs from its command."""
    kept, config = read_config(run), _CONFIGS[shipped.program]
    wanted = config.from_args(training_parser(config, "", "").parse_args(options)).to_json()
    return [
        f"{name} {kept.get(name)}, not {value}"
        for name, value in json.loads(json.dumps(wanted)).items()
        if value is not None and kept.get(name) != value
    ]


def _last_file(run: Path, shipped: Shipped) -> Path:
    """Return the file that training writes last."""
    return run / ("prior.keras" if shipped.program == AudioConfig.program else "model.keras")


def _check_trained(run: Path, shipped: Shipped, options: Sequence[str]) -> None:
    """Raise a UserError unless a run is the result of its command."""
    if differences := _differences(run, shipped, options):
        raise cli.UserError(f"{run} was trained with {'; '.join(differences)}: give a run of {shipped.command}")
    last = _last_file(run, shipped)
    if not last.is_file():
        raise cli.UserError(f"{run} has no {last.name}: continue it with python -m {shipped.program} --resume {run}")


def _train(run: Path, shipped: Shipped, options: Sequence[str]) -> int:
    """Train a model, or continue its training, unless it is finished; return the exit code."""
    begun = (run / "config.json").is_file()
    if begun and _differences(run, shipped, options):
        with replacing_folder(run):
            begun = False  # the run of other settings is moved to another name
    if begun and _last_file(run, shipped).is_file():
        return 0
    options = ["--resume", str(run)] if begun else [*options, "--out", str(run)]
    if shipped.program == MelodyConfig.program:
        options += ["--gen", f"{run}-gen", "--org", f"{run}-org"]
    print(f"python -m {shipped.program} {' '.join(options)}", flush=True)
    # Ctrl-C is left to the training, which ends with its batch.
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        return subprocess.run([sys.executable, "-m", shipped.program, *options], check=False).returncode  # noqa: S603 - our own command
    finally:
        signal.signal(signal.SIGINT, before)


def _slimmed(run: Path, stem: Path) -> Path:
    """Return STEM-slim-DIGEST, a run with the model and prior of another as they ship; make it unless it exists."""
    program = read_config(run)["program"]
    load = importlib.import_module(_LOADERS.get(program, program.split(".")[0])).load
    with tempfile.TemporaryDirectory() as temporary:
        made = Path(temporary)
        shutil.copy(run / "config.json", made)
        model = load(run / "model.keras")
        save_slim(model, made / "model.keras")
        if (run / "prior.keras").is_file():
            from audiovae.synthesis import prior_of

            prior = prior_of(model, run / "model.keras")
            prior.maker = load(made / "model.keras").maker  # by its rounded weights
            save_slim(prior, made / "prior.keras")
        digest = hashlib.sha256(b"".join(file.read_bytes() for file in sorted(made.iterdir()))).hexdigest()
        path = stem.with_name(f"{stem.name}-slim-{digest[:8]}")
        if not path.exists():
            with new_folder(path) as partial:
                shutil.copytree(made, partial, dirs_exist_ok=True)
    return path


def _ship(name: str, shipped: Shipped, run: Path, slim: Path, out: Path) -> None:
    """Write a model and its card."""
    from pretraining.cards import card, shipped_name

    text = card(name, shipped, run, slim)
    for file in slim.glob("*.keras"):
        shipped_file = out / shipped_name(name, file)
        with replacing_file(shipped_file) as partial:
            shutil.copyfile(file, partial)
        model = load_model(shipped_file, kind_of(shipped_file))
        if hasattr(model, "graphs"):
            form = out / "onnx" / shipped_file.stem
            shutil.rmtree(form, ignore_errors=True)  # it can be made again from the former weights
            export(model, form, int8=shipped.int8)
    write_text(out / f"{name}.md", text)
    print(f"wrote {out / name}.keras and {out / name}.md")


if __name__ == "__main__":
    cli.run(main)
