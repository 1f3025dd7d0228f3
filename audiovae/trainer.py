"""From a configuration to a compiled model and the batches it learns from; measuring and evaluating it; its prior."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from audiovae.codes import fingerprint
from audiovae.config import PRIOR, PRIOR_EPOCHS, TEMPERATURE, TOP_P
from audiovae.metrics.measures import SAMPLES, codebook_use, measure, sounding_codes
from audiovae.metrics.ngrams import bigram_bits, unigram_bits
from audiovae.metrics.spectra import spectral_convergence
from audiovae.models.prior import BATCH_SIZE, CodePrior, LabelledCodes, bits, bits_per_code, fit_prior
from audiovae.models.quantizer import perplexity
from audiovae.models.vae import AudioModel, AudioVAE, AudioVQVAE, HierarchicalAudioVAE, LatentModel
from manymodes.cli import UserError
from manymodes.experiment.fit import Training, has_diverged
from manymodes.experiment.run import METRICS
from manymodes.files import save_keras, write_text
from manymodes.nn.randomness import RandomBatches, make_deterministic
from manymodes.nn.schedules import SCHEDULES, Scheduled

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from audiovae.config import AudioConfig
    from audiovae.data.sounds import SoundChunks, Sounds
    from audiovae.metrics.recognition import Recogniser
    from manymodes.experiment.config import Config

_LEARNING_RATE = 3e-3
_RISING = 0.02  # share of the updates over which the learning rate rises: if it starts high, nothing is learned
_DECAY = 0.02  # share of the learning rate that is left at the end
_BATCH = 32
_DIGITS = 6


def prepare(config: AudioConfig, sounds: Sounds, done: int, checkpoint: Path | None) -> Training:
    """Build the model of a configuration, or load it from a checkpoint, ready for the epoch after ``done``.

    Args:
        config: what to train.
        sounds: what to learn.
        done: epochs already trained.
        checkpoint: folder of the last checkpoint; None starts afresh.
    """
    updates = config.epochs * config.updates_per_epoch
    rising = round(_RISING * updates)
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, updates - rising, alpha=_DECAY, warmup_target=_LEARNING_RATE, warmup_steps=rising
    )
    if checkpoint is not None:
        model = keras.models.load_model(checkpoint / "model.keras")
        model.optimizer.learning_rate = rate
    else:
        model = build(config, sounds.names)
        model.compile(keras.optimizers.Adam(rate, global_clipnorm=1.0))
    batches = RandomBatches(
        model.features_of(sounds.train.chunks),
        config.batch_size,
        config.updates_per_epoch,
        seed=config.seed,
        first_epoch=done,
        # instruments are heard equally often, however many chunks each has
        weights=1 / np.bincount(sounds.train.instruments)[sounds.train.instruments],
    )
    annealed = () if config.anneal is None else (Scheduled(updates, {"anneal": SCHEDULES[config.anneal]}),)

    def finish(best: AudioModel) -> None:
        if isinstance(best, LatentModel):
            best.fit_instruments(sounds.train.chunks, sounds.train.instruments)

    return Training(model, batches, _measuring(model, sounds), annealed, finish=finish)


def build(config: AudioConfig, instruments: tuple[str, ...]) -> AudioModel:
    """Return the untrained model of a configuration."""
    common: dict[str, Any] = {"input_kind": config.input, "mels": config.mels or 128, "seed": config.seed}
    if config.model == "vqvae":
        of_codes: dict[str, Any] = {"codes": config.codes, "commitment": config.commitment}
        return AudioVQVAE(instruments, quantizer_kind=str(config.quantizer), **of_codes, **common)
    kind = HierarchicalAudioVAE if config.model == "hvae" else AudioVAE
    of_latents: dict[str, Any] = {"beta": config.beta, "free_bits_nats": config.free_bits}
    return kind(instruments, **of_latents, **common)


def _measuring(model: AudioModel, sounds: Sounds) -> Callable[[int, bool], dict[str, float]]:
    """Return what measures a model on the validation chunks after an epoch."""
    chunks = sounds.validation.chunks
    features = model.features_of(chunks)
    dataset = tf.data.Dataset.from_tensor_slices(features).batch(_BATCH)
    sounding = sounding_codes(chunks, model.frames) if isinstance(model, AudioVQVAE) else None

    def measured(*_: Any) -> dict[str, float]:
        metrics = {f"val_{name}": value for name, value in model.evaluate(dataset, return_dict=True, verbose=0).items()}
        if model.input_kind == "raw":
            # Spectrograms need Griffin-Lim, which would take longer than the epoch.
            metrics["val_spectral_convergence"] = float(spectral_convergence(chunks, model.reconstruct(chunks)).mean())
        if isinstance(model, AudioVQVAE):
            codes = model.encode_codes(chunks)
            metrics["val_codebook_use"] = codebook_use(codes, model.code_count)
            metrics["val_perplexity_nonsilent"] = float(perplexity(codes[sounding], model.code_count))
        return metrics

    return measured


def evaluate(
    model: AudioModel,
    sounds: Sounds,
    recogniser: Recogniser,
    *,
    seed: int,
    train_seconds: float,
    made: np.ndarray | None = None,
) -> dict[str, Any]:
    """Measure a trained model on the test chunks, as `audiovae.metrics.measures.measure`.

    Raises:
        UserError: the model has diverged.
    """
    if has_diverged(model):
        raise UserError("training has diverged, this model makes no sound: train again with another --seed")
    return measure(model, sounds, recogniser, seed=seed, train_seconds=train_seconds, made=made)


# --- the prior over codes -----------------------------------------------------------------------------------


def train_prior(
    run: Path, model: AudioVQVAE, sounds: Sounds, recogniser: Recogniser, *, epochs: int = PRIOR_EPOCHS, seed: int
) -> dict[str, float]:
    """Train a prior over a model's codes, write RUN/prior.keras, and add its metrics to RUN/metrics.json.

    Args:
        run: folder of the run.
        model: its trained model.
        sounds: what it was trained on.
        recogniser: of their instruments.
        epochs: at most.
        seed: of the prior and of the sounds that are drawn from it.

    Returns:
        the metrics that were added.
    """
    train, validation = (_labelled_codes(model, split) for split in (sounds.train, sounds.validation))
    make_deterministic(seed)
    maker = fingerprint(model.get_weights()).hex()
    prior = CodePrior(model.code_count, model.frames, sounds.names, maker=maker, seed=seed)
    prior = fit_prior(prior, train, validation, epochs=epochs)
    save_keras(prior, run / PRIOR)
    return measure_prior(run, prior, model, sounds, recogniser, seed=seed)


def measure_prior(
    run: Path, prior: CodePrior, model: AudioVQVAE, sounds: Sounds, recogniser: Recogniser, *, seed: int
) -> dict[str, float]:
    """Measure a prior over a model's codes, see `train_prior`, and add its metrics to RUN/metrics.json."""
    train, test = (_labelled_codes(model, split) for split in (sounds.train, sounds.test))
    asked = np.repeat(np.arange(len(sounds.names)), SAMPLES)
    drawn = model.decode_codes(prior.sample(asked, seed=seed, temperature=TEMPERATURE, top_p=TOP_P))
    metrics = {
        "prior_bits": bits_per_code(prior, test),
        "unigram_bits": unigram_bits(train.codes, test.codes, model.code_count),
        "bigram_bits": bigram_bits(train.codes, test.codes, model.code_count),
        "instrument_hit": recogniser.hit(drawn, asked),
        "instrument_hit_real": recogniser.hit_real,
    }
    metrics = {name: round(value, _DIGITS) for name, value in metrics.items()}
    path = run / METRICS
    known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    write_text(path, json.dumps({**known, **metrics}, indent=1, allow_nan=False) + "\n")
    return metrics


def prepare_prior(config: Config, data: tuple[AudioVQVAE, Sounds], *_: Any) -> Training:
    """Build a prior over a model's codes, to find out how fast it learns."""
    model, sounds = data
    codes, instruments = _labelled_codes(model, sounds.train)
    prior = CodePrior(model.code_count, model.frames, sounds.names, maker="", seed=config.seed)
    prior.compile(keras.optimizers.Adam(), loss=bits)
    updates = max(1, len(codes) // BATCH_SIZE)
    return Training(prior, RandomBatches(((codes, instruments), codes), BATCH_SIZE, updates, seed=config.seed))


def _labelled_codes(model: AudioVQVAE, split: SoundChunks) -> LabelledCodes:
    return LabelledCodes(model.encode_codes(split.chunks), split.instruments)
