"""Training a variant inside a run folder, and what is looked at afterwards."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from audiovae import plots
from audiovae.metrics.measures import codebook_use, measure, sounding_codes
from audiovae.metrics.spectra import spectral_convergence
from audiovae.models.quantizer import perplexity
from audiovae.models.vae import AudioModel, AudioVQVAE, LatentModel
from audiovae.trainer import prepare
from manymodes.cli import UserError
from manymodes.experiment.fit import Stopwatch, fit_in_run, has_diverged, training_seconds, without_optimizer
from manymodes.files import save_keras, write_text
from manymodes.nn.randomness import make_deterministic

if TYPE_CHECKING:
    from collections.abc import Callable

    from audiovae.data.sounds import Sounds
    from audiovae.metrics.recognition import Recogniser
    from manymodes.experiment.run import Run

MONITOR = "val_loss"
"""What the best epoch has least of."""

_BATCH = 32


def train_in(run: Run, sounds: Sounds, *, tensorboard: bool = False) -> tuple[AudioModel, bool]:
    """Train what ``run.config`` describes from where the run stands; draw its history.

    Returns:
        the best epoch's model, and whether training went through to its end.
    """
    make_deterministic(run.config["seed"])
    model, batches, callbacks = prepare(run.config, sounds, len(run.history), run.last_checkpoint)
    callbacks += (Stopwatch(run),)
    if tensorboard:
        callbacks += (keras.callbacks.TensorBoard(str(run.path / "tensorboard")),)
    looking = measuring(model, sounds)
    best, complete = fit_in_run(run, model, batches, run.config["epochs"], measure=looking, callbacks=callbacks)
    if isinstance(best, LatentModel):
        best.fit_instruments(sounds.train.chunks, sounds.train.instruments)
        save_keras(without_optimizer(best), run.path / "model.keras")
    if run.history:
        plots.save_training(run.history, run.path / "plots")
    return best, complete


def measuring(model: AudioModel, sounds: Sounds) -> Callable[[], dict[str, float]]:
    """Return what measures a model on the validation chunks after each epoch."""
    chunks = sounds.validation.chunks
    features = model.features_of(chunks)
    dataset = tf.data.Dataset.from_tensor_slices(features).batch(_BATCH)
    sounding = sounding_codes(chunks, model.frames) if isinstance(model, AudioVQVAE) else None

    def measured() -> dict[str, float]:
        found = {f"val_{name}": value for name, value in model.evaluate(dataset, return_dict=True, verbose=0).items()}
        if model.input_kind == "raw":
            # Of spectrograms it takes Griffin-Lim, longer than the epoch took.
            found["val_spectral_convergence"] = float(spectral_convergence(chunks, model.reconstruct(chunks)).mean())
        if isinstance(model, AudioVQVAE):
            codes = model.encode_codes(chunks)
            found["val_codebook_use"] = codebook_use(codes, model.code_count)
            found["val_perplexity_nonsilent"] = float(perplexity(codes[sounding], model.code_count))
        return found

    return measured


def report(run: Run, model: AudioModel, sounds: Sounds, recogniser: Recogniser) -> dict[str, Any]:
    """Judge the trained model, keep that as RUN/measures.json, and draw what it makes of test chunks.

    Raises:
        UserError: the model has diverged.
    """
    if has_diverged(model):
        raise UserError(f"training has diverged, {run.path} makes no sound: start anew with another --seed")
    seconds = training_seconds(run)
    found = measure(model, sounds, recogniser, seed=run.config["seed"], train_seconds=seconds)
    write_text(run.path / "measures.json", json.dumps(found, indent=1) + "\n")
    plots.save_reconstructions(model, sounds, run.path / "plots")
    return found
