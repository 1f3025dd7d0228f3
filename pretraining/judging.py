"""The metrics of a run's model that its card shows: measured where they are missing, and kept in the run.

A melody model has judging.json, with ``measures`` and ``verdict`` of `melodygan.metrics.held_out.measured` for `TUNES`
tunes, beside the metrics.json of its training; all others have only the latter.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from manymodes.cli import UserError
from manymodes.experiment.fit import training_seconds
from manymodes.experiment.records import plain
from manymodes.experiment.run import METRICS, read_config
from manymodes.files import write_text

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TUNES = 500


def judgement(path: Path) -> dict[str, Any]:
    """Return the metrics of a run's model, measured once; raise a UserError if the data are missing or have changed."""
    config = read_config(path)
    name, last_key, measure = MEASUREMENTS[config["program"]]
    if _read(path / name).get(last_key) is None:
        measure(path, config)
    return {**_read(path / METRICS), **_read(path / name)}


def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _write(path: Path, metrics: dict[str, Any]) -> None:
    write_text(path, json.dumps(metrics, indent=1) + "\n")


def _check_data(run: Path, config: dict[str, Any], fingerprint: str) -> None:
    """Raise a UserError unless a run was trained on the data that it is measured with."""
    if config.get("fingerprint") != fingerprint:
        raise UserError(f"the data of {run} have changed since it was trained: train it again")


def _measure_melody(run: Path, config: dict[str, Any]) -> None:
    from melodygan.composing import load, tunes_of
    from melodygan.config import MelodyConfig
    from melodygan.data.corpus import load_split
    from melodygan.metrics.held_out import Compared, measured
    from melodygan.trainer import evaluate

    seed = config["seed"]
    model = load(run)
    corpus, splits = load_split(config["corpus"], config.get("also"), seed=seed)
    _check_data(run, config, corpus.fingerprint)
    tunes = tunes_of(model, TUNES, seed=seed)
    result = measured(Compared(tunes, splits.test), splits.train, seed)
    if not (run / METRICS).is_file():
        _write(run / METRICS, evaluate(model, MelodyConfig.from_run(run), [tune.notes for tune in tunes], splits.test))
    _write(run / "judging.json", {name: plain(result[name]) for name in ("measures", "verdict")})


def _measure_letters(run: Path, config: dict[str, Any]) -> None:
    from fontgan.data.fonts import load_fonts
    from fontgan.lettering import load
    from fontgan.metrics.classifiers import classifiers_of
    from fontgan.train import EVALUATED
    from fontgan.trainer import evaluate

    seed = config["seed"]
    letters = load_fonts(config["fonts"], seed=seed)
    _check_data(run, config, letters.fingerprint)
    options = {"count": EVALUATED, "seed": seed, "train_seconds": training_seconds(run)}
    _, metrics = evaluate(load(run), letters, classifiers_of(letters), **options)
    _write(run / METRICS, metrics)


def _measure_typefaces(run: Path, config: dict[str, Any]) -> None:
    from fontgan.data.typefaces import TRAINING, load_typefaces
    from fontgan.designing import load
    from fontgan.typefaces import evaluate

    data = load_typefaces(config["fonts"] or TRAINING, size=config["size"], as_pixels=config["as_pixels"])
    _check_data(run, config, data.fingerprint)
    _write(run / METRICS, evaluate(load(run), data, seed=config["seed"]))


def _measure_drums(run: Path, _: dict[str, Any]) -> None:
    from drumvae import analyze

    analyze.main([str(run)])


def _measure_sounds(run: Path, config: dict[str, Any]) -> None:
    from audiovae.data.sounds import load_sounds
    from audiovae.metrics.recognition import recogniser_of
    from audiovae.synthesis import load, prior_of, with_codes
    from audiovae.trainer import evaluate, measure_prior

    seed, file = config["seed"], run / "model.keras"
    sounds = load_sounds(config["sounds"], seed=seed, chunks=config["chunks"])
    _check_data(run, config, sounds.fingerprint)
    model, recogniser = with_codes(load(file), file), recogniser_of(sounds)
    _write(run / METRICS, evaluate(model, sounds, recogniser, seed=seed, train_seconds=training_seconds(run)))
    measure_prior(run, prior_of(model, file), model, sounds, recogniser, seed=seed)


MEASUREMENTS: dict[str, tuple[str, str, Callable[[Path, dict[str, Any]], None]]] = {
    "melodygan.train": ("judging.json", "verdict", _measure_melody),
    "fontgan.train": (METRICS, "controls", _measure_letters),
    "fontgan.train_typefaces": (METRICS, "clean_real", _measure_typefaces),
    "drumvae.train": (METRICS, "n", _measure_drums),
    "audiovae.train": (METRICS, "prior_bits", _measure_sounds),
}
"""For the models of a program: a file of the run, the key that is written last to it, the function that writes it."""
