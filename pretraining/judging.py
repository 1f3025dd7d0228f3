"""The metrics of a run's model that its card shows: computed where they are missing, and kept in the run.

A melody model has judging.json, with ``measures`` and ``verdict`` of `melodygan.metrics.held_out.judge` for `TUNES`
tunes, beside the metrics.json of its training; all others have only the latter.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from manymodes.cli import UserError
from manymodes.experiment.run import METRICS, Run
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
    judge: Callable[[Run], None]


def judgement(path: Path) -> dict[str, Any]:
    """Return what is known of a run's model; what was judged before is not judged again.

    Args:
        path: of the run, with its model.

    Raises:
        UserError: the data are not there, or have changed.
    """
    run = Run.resume(path)
    file, last, judge = JUDGEMENTS[run.config["program"]]
    if _read(path / file).get(last) is None:
        judge(run)
    return {**_read(path / METRICS), **_read(path / file)}


def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _check_data(run: Run, fingerprint: str) -> None:
    """Make sure that a run was trained on what it is judged by.

    Raises:
        UserError: it was not.
    """
    if run.config.get("fingerprint") != fingerprint:
        raise UserError(f"the data of {run.path} have changed since it was trained: train anew")


def _judge_melody(run: Run) -> None:
    from melodygan.composing import load
    from melodygan.data.corpus import load_corpus, split
    from melodygan.metrics.held_out import Compared, measured

    seed = run.config["seed"]
    model = load(run.path)
    corpus = load_corpus(run.config["corpus"])
    _check_data(run, corpus.fingerprint)
    sides = split(corpus.tunes, seed)
    found = measured(Compared(model.generate(TUNES, seed=seed), sides.test), sides.train, seed)
    measures = {name: None if value != value else value for name, value in found["measures"].items()}  # noqa: PLR0124 - NaN
    write_text(
        run.path / "judging.json",
        json.dumps({"measures": measures, "verdict": found["verdict"]}, indent=1, allow_nan=False) + "\n",
    )


def _judge_letters(run: Run) -> None:
    from fontgan.data.fonts import load_fonts
    from fontgan.lettering import load
    from fontgan.metrics.classifiers import classifiers_of
    from fontgan.train import EVALUATED
    from fontgan.trainer import evaluate
    from manymodes.experiment.fit import training_seconds

    letters = load_fonts(run.config["fonts"], seed=run.config["seed"])
    _check_data(run, letters.fingerprint)
    _, metrics = evaluate(
        load(run.path), letters, classifiers_of(letters),
        count=EVALUATED, seed=run.config["seed"], train_seconds=training_seconds(run),
    )  # fmt: skip
    run.write_metrics(metrics)


def _judge_drums(run: Run) -> None:
    from drumvae import analyze

    analyze.main([str(run.path)])


def _judge_sounds(run: Run) -> None:
    from audiovae.data.sounds import load_sounds
    from audiovae.metrics.recognition import recogniser_of
    from audiovae.synthesis import load, prior_of, with_codes
    from audiovae.trainer import evaluate, measure_prior
    from manymodes.experiment.fit import training_seconds

    seed, file = run.config["seed"], run.path / "model.keras"
    sounds = load_sounds(run.config["sounds"], seed=seed, chunks=run.config["chunks"])
    _check_data(run, sounds.fingerprint)
    model, recogniser = with_codes(load(file), file), recogniser_of(sounds)
    run.write_metrics(evaluate(model, sounds, recogniser, seed=seed, train_seconds=training_seconds(run)))
    measure_prior(run.path, prior_of(model, file), model, sounds, recogniser, seed=seed)


JUDGEMENTS = {
    "melodygan.train": Judgement("judging.json", "verdict", _judge_melody),
    "fontgan.train": Judgement(METRICS, "controls", _judge_letters),
    "drumvae.train": Judgement(METRICS, "n", _judge_drums),
    "audiovae.train": Judgement(METRICS, "prior_bits", _judge_sounds),
}
