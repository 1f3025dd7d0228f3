"""How a row of `audiovae.compare` comes about that is trained: a model has its time, is measured, and makes sounds."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from audiovae.comparison import LOSSES, PRIOR_SHARE
from audiovae.comparison_judging import Made, asked_instruments, ears_of
from audiovae.fitting import measuring
from audiovae.metrics.measures import measure
from audiovae.models.prior import BATCH_SIZE, CodePrior, bits
from audiovae.models.vae import AudioVQVAE, LatentModel
from audiovae.output import prior_of
from audiovae.prior import EPOCHS, MEASURES, TEMPERATURE, TOP_P, train_prior
from audiovae.trainer import prepare
from manymodes.experiment import budget
from manymodes.experiment.budget import Training, train_for
from manymodes.experiment.fit import has_diverged, without_optimizer
from manymodes.experiment.rows import DivergedError
from manymodes.files import save_keras, write_text
from manymodes.nn.randomness import RandomBatches

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from audiovae.comparison import Terms
    from audiovae.data.sounds import Sounds
    from audiovae.models.vae import AudioModel
    from manymodes.experiment.compare import Row


def made_after_training(
    row: Row, seed: int, terms: Terms, sounds: Sounds, *, clock: Callable[[], float] = time.perf_counter
) -> Made:
    """Train a row's model for its minutes, choose among its epochs as `audiovae.train` does, and have it play.

    A model of codes has a prior over them trained too. The folder of the run is then as `audiovae.train` and
    `audiovae.prior` leave it, so that `audiovae.generate` can use it.

    Raises:
        DivergedError: its weights are no numbers any more.
        KeyboardInterrupt: Ctrl-C; the run can be continued.
    """
    folder, settings = terms.run_folder(row, seed), terms.settings(row, seed)

    def ready(kept: dict[str, Any], done: int, checkpoint: Path | None) -> Training:
        model, batches, callbacks = prepare(kept, sounds, done, checkpoint)
        measured = measuring(model, sounds)
        return Training(model, batches, lambda *_: measured(), callbacks)

    trained = train_for(
        60 * terms.minutes, folder, settings, ready,
        examples=settings["batch_size"], losses=LOSSES, title=f"{row.name}, seed {seed}", clock=clock,
    )  # fmt: skip
    model, facts = trained.model, dict(trained.facts)
    if has_diverged(model):
        raise DivergedError
    if isinstance(model, LatentModel):
        model.fit_instruments(sounds.train.chunks, sounds.train.instruments)
        save_keras(without_optimizer(model), folder / "model.keras")
    made = model.reconstruct(sounds.test.chunks)
    found = measure(model, sounds, ears_of(sounds), seed=seed, train_seconds=facts["seconds"], made=made)
    write_text(folder / MEASURES, json.dumps(found, indent=1) + "\n")
    if isinstance(model, AudioVQVAE):
        facts["prior_epochs"] = _prior_epochs(60 * PRIOR_SHARE * terms.minutes, model, sounds, seed, clock)
        found |= train_prior(folder, model, sounds, epochs=facts["prior_epochs"], seed=seed)
    asked = asked_instruments(sounds, terms.count)
    new = new_sounds(model, asked, folder, seed)
    return Made(made, new, asked, found, facts, trained.history)


def new_sounds(model: AudioModel, asked: np.ndarray, folder: Path, seed: int) -> np.ndarray:
    """Have a model make sounds as `audiovae.generate` does, without cutting off their ends.

    Args:
        model: the trained one.
        asked: [m], the instruments.
        folder: where its prior is, if it has codes.
        seed: of the draws.

    Returns:
        float32 [m, 22050].
    """
    if isinstance(model, AudioVQVAE):
        prior = prior_of(model, folder / "model.keras")
        codes = prior.sample(asked, seed=seed, temperature=TEMPERATURE, top_p=TOP_P)
        return model.decode_codes(codes)
    numbers, counts = np.unique(asked, return_counts=True)
    latents = [
        model.sample_latents(int(count), seed + int(number), int(number))
        for number, count in zip(numbers, counts, strict=True)
    ]
    return model.from_latents(np.concatenate(latents))


def _prior_epochs(seconds: float, model: AudioVQVAE, sounds: Sounds, seed: int, clock: Callable[[], float]) -> int:
    """Return how many epochs of the prior over a model's codes fit into so many seconds, up to `EPOCHS`."""
    codes = model.encode_codes(sounds.train.chunks)

    def ready(settings: dict[str, Any], *_: Any) -> Training:
        prior = CodePrior(model.code_count, model.frames, sounds.names, maker="", seed=settings["seed"])
        prior.compile(keras.optimizers.Adam(), loss=bits)
        updates = max(1, len(codes) // BATCH_SIZE)
        examples = (codes, sounds.train.instruments), codes
        return Training(prior, RandomBatches(examples, BATCH_SIZE, updates, seed=settings["seed"]))

    return min(EPOCHS, budget.plan_epochs(seconds, {"seed": seed}, ready, clock))
