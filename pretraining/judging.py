"""The metrics of a run's model that its card shows: computed where they are missing, and kept in the run.

A melody model has judging.json, with ``measures`` and ``verdict`` of `melodygan.metrics.held_out.judge` for `TUNES`
tunes, beside the metrics.json of its training; all others have only the latter.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from manymodes.cli import UserError
from manymodes.experiment.run import METRICS, read_config
from manymodes.files import write_text

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TUNES = 500


class Judgement(NamedTuple):
    """How models that a program trains are judged.

    Attributes:
        file: in the run, with what was found.
        last: the key of that which is written last.
        judge: what makes it, given the run.
    """

    file: str
    last: str
    judge: Callable[[Path, dict[str, Any]], None]


def judgement(path: Path) -> dict[str, Any]:
    """Return what is known of a run's model; what was judged before is not judged again.

    Args:
        path: of the run, with its model.

    Raises:
        UserError: the data are not there, or have changed.
    """
    config = read_config(path)
    file, last, judge = JUDGEMENTS[config["program"]]
    if _read(path / file).get(last) is None:
        judge(path, config)
    return {**_read(path / METRICS), **_read(path / file)}


def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _check_data(run: Path, config: dict[str, Any], fingerprint: str) -> None:
    """Make sure that a run was trained on what it is judged by.

    Raises:
        UserError: it was not.
    """
    if config.get("fingerprint") != fingerprint:
        raise UserError(f"the data of {run} have changed since it was trained: train anew")


def _judge_melody(run: Path, config: dict[str, Any]) -> None:
    from melodygan.composing import load
    from melodygan.data.corpus import load_corpus, split
    from melodygan.metrics.held_out import Compared, measured

    seed = config["seed"]
    model = load(run)
    corpus = load_corpus(config["corpus"])
    _check_data(run, config, corpus.fingerprint)
    sides = split(corpus.tunes, seed)
    found = measured(Compared(model.generate(TUNES, seed=seed), sides.test), sides.train, seed)
    measures = {name: None if value != value else value for name, value in found["measures"].items()}  # noqa: PLR0124 - NaN
    write_text(
        run / "judging.json",
        json.dumps({"measures": measures, "verdict": found["verdict"]}, indent=1, allow_nan=False) + "\n",
    )


def _judge_letters(run: Path, config: dict[str, Any]) -> None:
    from fontgan.data.fonts import load_fonts
    from fontgan.lettering import load
    from fontgan.metrics.classifiers import classifiers_of
    from fontgan.train import EVALUATED
    from fontgan.trainer import evaluate
    from manymodes.experiment.fit import training_seconds

    letters = load_fonts(config["fonts"], seed=config["seed"])
    _check_data(run, config, letters.fingerprint)
    _, metrics = evaluate(
        load(run), letters, classifiers_of(letters),
        count=EVALUATED, seed=config["seed"], train_seconds=training_seconds(run),
    )  # fmt: skip
    write_text(run / METRICS, json.dumps(metrics, indent=1) + "\n")


def _judge_drums(run: Path, _: dict[str, Any]) -> None:
    from drumvae import analyze

    analyze.main([str(run)])


def _judge_sounds(run: Path, config: dict[str, Any]) -> None:
    from audiovae.data.sounds import load_sounds
    from audiovae.metrics.recognition import recogniser_of
    from audiovae.synthesis import load, prior_of, with_codes
    from audiovae.trainer import evaluate, measure_prior
    from manymodes.experiment.fit import training_seconds

    seed, file = config["seed"], run / "model.keras"
    sounds = load_sounds(config["sounds"], seed=seed, chunks=config["chunks"])
    _check_data(run, config, sounds.fingerprint)
    model, recogniser = with_codes(load(file), file), recogniser_of(sounds)
    write_text(
        run / METRICS,
        json.dumps(evaluate(model, sounds, recogniser, seed=seed, train_seconds=training_seconds(run)), indent=1)
        + "\n",
    )
    measure_prior(run, prior_of(model, file), model, sounds, recogniser, seed=seed)


JUDGEMENTS = {
    "melodygan.train": Judgement("judging.json", "verdict", _judge_melody),
    "fontgan.train": Judgement(METRICS, "controls", _judge_letters),
    "drumvae.train": Judgement(METRICS, "n", _judge_drums),
    "audiovae.train": Judgement(METRICS, "prior_bits", _judge_sounds),
}
