"""Building and measuring a training of a configuration; training the prior over the codes of a model."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from audiovae.config import PRIOR, PRIOR_EPOCHS
from audiovae.metrics import recognition
from audiovae.metrics.assessment import Made, result_of
from audiovae.metrics.baselines import asked_instruments
from audiovae.metrics.measures import DIGITS, SAMPLES, codebook_measures, evaluate, sounding_codes
from audiovae.metrics.spectra import spectral_convergence
from audiovae.models.prior import CodePrior, LabelledCodes, bits, bits_per_code, counted_bits, fit_prior
from audiovae.models.vae import AudioModel, AudioVAE, AudioVQVAE, HierarchicalAudioVAE, LatentModel
from audiovae.synthesis import prior_of, raw_sounds
from manymodes.experiment.budget import epochs_that_fit
from manymodes.experiment.compare import LeftOutError, Result
from manymodes.experiment.fit import Training, has_diverged
from manymodes.experiment.records import plain
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
    from manymodes.experiment.budget import Trained
    from manymodes.experiment.compare import Job
    from manymodes.experiment.config import Config

_LEARNING_RATE = 3e-3
_RISING = 0.02  # share of the updates over which the learning rate rises: nothing is learned if it starts high
_DECAY = 0.02  # share of the learning rate that is left at the end
_BATCH = 32
_PRIOR_SHARE = 0.25  # of a model's minutes in a comparison, for the prior over its codes


def prepare(config: AudioConfig, sounds: Sounds, done: int, checkpoint: Path | None) -> Training:
    """Build the model of a configuration, or load it from a checkpoint, as `manymodes.experiment.fit.Prepare`."""
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
        # instruments are equally frequent, however many chunks each has
        weights=1 / np.bincount(sounds.train.instruments)[sounds.train.instruments],
    )
    annealed = () if config.anneal is None else (Scheduled(updates, {"anneal": SCHEDULES[config.anneal]}),)

    def finish(best: AudioModel, _: bool) -> None:
        if isinstance(best, LatentModel):
            best.fit_instruments(sounds.train.chunks, sounds.train.instruments)

    return Training(model, batches, _measuring(model, sounds), annealed, finish=finish)


def build(config: AudioConfig, instruments: tuple[str, ...]) -> AudioModel:
    """Return the untrained model of a configuration."""
    settings: dict[str, Any] = {"input_kind": config.input, "mels": config.mels or 128, "seed": config.seed}
    if config.model == "vqvae":
        settings |= {"quantizer_kind": config.quantizer, "codes": config.codes, "commitment": config.commitment}
        return AudioVQVAE(instruments, **settings)
    kind = HierarchicalAudioVAE if config.model == "hvae" else AudioVAE
    return kind(instruments, beta=config.beta, free_bits_nats=config.free_bits, **settings)


def _measuring(model: AudioModel, sounds: Sounds) -> Callable[[int, bool], dict[str, float]]:
    """Return a function that measures a model on the validation chunks after an epoch."""
    chunks = sounds.validation.chunks
    features = model.features_of(chunks)
    dataset = tf.data.Dataset.from_tensor_slices(features).batch(_BATCH)
    sounding = sounding_codes(chunks, model.frames) if isinstance(model, AudioVQVAE) else np.array([])

    def measured(*_: Any) -> dict[str, float]:
        metrics = {f"val_{name}": value for name, value in model.evaluate(dataset, return_dict=True, verbose=0).items()}
        if model.input_kind == "raw":
            # spectrograms need Griffin-Lim, which would take longer than the epoch
            metrics["val_spectral_convergence"] = float(spectral_convergence(chunks, model.reconstruct(chunks)).mean())
        if isinstance(model, AudioVQVAE):
            measures = codebook_measures(model.encode_codes(chunks), sounding, model.code_count)
            metrics |= {f"val_{name}": value for name, value in measures.items()}
        return metrics

    return measured


def train_prior(
    run: Path, model: AudioVQVAE, sounds: Sounds, recogniser: Recogniser, *, epochs: int = PRIOR_EPOCHS, seed: int
) -> dict[str, float]:
    """Train a prior over a model's codes, write RUN/prior.keras, and add metrics to RUN/metrics.json; return them."""
    train, validation = (_labelled_codes(model, split) for split in (sounds.train, sounds.validation))
    make_deterministic(seed)
    prior = CodePrior(model.code_count, model.frames, sounds.names, maker=model.maker, seed=seed)
    prior = fit_prior(prior, train, validation, epochs=epochs)
    save_keras(prior, run / PRIOR)
    return measure_prior(run, prior, model, sounds, recogniser, seed=seed)


def measure_prior(
    run: Path, prior: CodePrior, model: AudioVQVAE, sounds: Sounds, recogniser: Recogniser, *, seed: int
) -> dict[str, float]:
    """Measure a prior over a model's codes, see `train_prior`, and add its metrics to RUN/metrics.json."""
    train, test = (_labelled_codes(model, split) for split in (sounds.train, sounds.test))
    asked = np.repeat(np.arange(len(sounds.names)), SAMPLES)
    measured = {
        "prior_bits": bits_per_code(prior, test),
        **counted_bits(train.codes, test.codes, model.code_count),
        "instrument_hit": recogniser.hit(raw_sounds(model, asked, seed, prior), asked),
        "instrument_hit_real": recogniser.hit_real,
    }
    metrics = dict(plain(measured, DIGITS))
    path = run / METRICS
    known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    write_text(path, json.dumps({**known, **metrics}, indent=1, allow_nan=False) + "\n")
    return metrics


def prepare_prior(config: Config, data: tuple[AudioVQVAE, Sounds], *_: Any) -> Training:
    """Build a prior over a model's codes, to time its updates."""
    model, sounds = data
    prior = CodePrior(model.code_count, model.frames, sounds.names, maker="", seed=config.seed)
    prior.compile(keras.optimizers.Adam(), loss=bits)
    return Training(prior, prior.batches(_labelled_codes(model, sounds.train)))


def _labelled_codes(model: AudioVQVAE, split: SoundChunks) -> LabelledCodes:
    return LabelledCodes(model.encode_codes(split.chunks), split.instruments)


def assess(job: Job, trained: Trained) -> Result:
    """Measure a trained model of `audiovae.compare`, train the prior over its codes, and make new sounds.

    Raises:
        LeftOutError: the model has diverged.
    """
    if has_diverged(trained.model):
        raise LeftOutError("its training diverged")
    sounds, args, seed = job.data.content, job.args, job.seed
    run, model, recogniser = trained.run, trained.model, recognition.recogniser_of(sounds)
    made = model.reconstruct(sounds.test.chunks)
    metrics = evaluate(model, sounds, recogniser, seed=seed, train_seconds=trained.facts["seconds"], made=made)
    run.write_metrics(metrics)
    prior, facts = None, {}
    if isinstance(model, AudioVQVAE):
        seconds = 60 * _PRIOR_SHARE * args.minutes
        fitting = args.epochs or epochs_that_fit(seconds, run.config, prepare_prior, (model, sounds))
        epochs = facts["prior_epochs"] = min(PRIOR_EPOCHS, fitting)
        metrics |= train_prior(run.path, model, sounds, recogniser, epochs=epochs, seed=seed)
        prior = prior_of(model, run.path / "model.keras")
    asked = asked_instruments(sounds, args.count)
    row = Made(made, raw_sounds(model, asked, seed, prior), asked, metrics)
    return Result(*result_of(row, sounds, history=trained.history), facts)
