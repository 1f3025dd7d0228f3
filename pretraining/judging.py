"""The judgement of a run's model, as its package has it: made where it is missing, and kept in the run.

A melody model's is judging.json, with ``measures`` and ``verdict`` of `melodygan.metrics.judging.judge` for `TUNES`
tunes; an LSTM has test.json beside it (`melodygan.fitting.evaluate_lstm`). The others are coverage.json
(`fontgan.metrics.assessment`), analysis.json (`drumvae.metrics.diagnostics`) and measures.json
(`audiovae.metrics.measures`).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from manymodes.cli import UserError
from manymodes.experiment.run import Run
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
    file, last, judge = JUDGEMENTS[run.config["verb"]]
    if _read(path / file).get(last) is None:
        judge(run)
    return {**_read(path / "test.json"), **_read(path / file)}


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
    from melodygan.data.corpus import load_corpus, split
    from melodygan.metrics.judging import Judged, judge
    from melodygan.output import load_model

    seed = run.config["seed"]
    model = load_model(run.path / "model.keras")
    corpus = load_corpus(run.config["corpus"])
    _check_data(run, corpus.fingerprint)
    sides = split(corpus.tunes, seed)
    if run.config["lstm"]:
        from melodygan.fitting import evaluate_lstm

        model.compile_for_tunes("adam")
        evaluate_lstm(run, model, sides.test)
    found = judge(Judged(model.generate(TUNES, seed=seed), sides.test), sides.train, seed)
    measures = {name: None if value != value else value for name, value in found["measures"].items()}  # noqa: PLR0124 - NaN
    write_text(
        run.path / "judging.json",
        json.dumps({"measures": measures, "verdict": found["verdict"]}, indent=1, allow_nan=False) + "\n",
    )


def _judge_letters(run: Run) -> None:
    from fontgan.data.fonts import load_fonts
    from fontgan.fitting import report
    from fontgan.generate import load_model
    from fontgan.metrics.judges import judges_of
    from fontgan.train import JUDGED

    letters = load_fonts(run.config["fonts"], seed=run.config["seed"])
    _check_data(run, letters.fingerprint)
    report(run, load_model(run.path / "model.keras"), letters, judges_of(letters), count=JUDGED)


def _judge_drums(run: Run) -> None:
    from drumvae import analyze

    analyze.main([str(run.path)])


def _judge_sounds(run: Run) -> None:
    from audiovae.data.sounds import load_sounds
    from audiovae.fitting import report
    from audiovae.metrics.recognition import recogniser_of
    from audiovae.output import load_model, prior_of, quantised
    from audiovae.prior import measure_prior

    seed, file = run.config["seed"], run.path / "model.keras"
    sounds = load_sounds(run.config["sounds"], seed=seed, chunks=run.config["chunks"])
    _check_data(run, sounds.fingerprint)
    model = quantised(load_model(file), file)
    report(run, model, sounds, recogniser_of(sounds))
    measure_prior(run.path, prior_of(model, file), model, sounds, seed=seed)


JUDGEMENTS = {
    "melodygan.train": Judgement("judging.json", "verdict", _judge_melody),
    "fontgan.train": Judgement("coverage.json", "controls", _judge_letters),
    "drumvae.train": Judgement("analysis.json", "n", _judge_drums),
    "audiovae.train": Judgement("measures.json", "prior_bits", _judge_sounds),
}
