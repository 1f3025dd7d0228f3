"""From a configuration to a compiled model, its batches and its metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras

from manymodes.cli import UserError
from manymodes.experiment.fit import Training
from manymodes.nn.randomness import RandomBatches
from melodygan.data.bars import NoTunesError
from melodygan.data.encoding import NoteVocabulary, ReportedCodec, StepVocabulary, cut_windows
from melodygan.metrics.musical import NO_TUNES, musical_distance
from melodygan.models.attention import (
    AttentionGAN,
    build_attention_generator,
    build_light_critic,
    note_plans,
    with_plans,
)
from melodygan.models.gan import MelodyGAN, build_discriminator, build_generator
from melodygan.models.lstm import FollowEpochs, MelodyLSTM, TuneBatches
from melodygan.models.reported import LENGTH, ReportedGAN, build_reported_discriminator, build_reported_generator

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np

    from melodygan.config import MelodyConfig
    from melodygan.data.corpus import Split
    from melodygan.data.encoding import Note, Tune

NOTES_A_TUNE = 96
PLANNED_NOTES = 120  # one tune in 60 is longer than 96 notes, but it is these that make lengths vary
_TUNES_JUDGED = 200
_MOST_LEFT_OUT = 0.1
_LSTM_LEARNING_RATE = 5e-3
_LSTM_WEIGHT_DECAY = 0.05  # against overfitting: without any, training and validation part from epoch 22 on
_WASSERSTEIN_SCALE = 10.0
_LIGHT_CRITIC_PENALTY = 2.0  # without recurrence a critic runs ahead of its generator sooner
_FIRST_ORDER = {"none", "clip"}  # the penalties that need no second derivative of the critic

# How each penalty is trained. `clip` is Arjovsky et al. (2017), algorithm 1; `gradient` Gulrajani et al. (2017).
# `r1r2` is the default: the other two spend five critic updates on one of the generator, `gradient` with a second
# derivative through the LSTMs in each of them. With R1 and R2 one critic update a generator update suffices, and the
# penalty is needed at every fourth only.
PENALTY_SETTINGS: dict[str, dict[str, Any]] = {
    "none": {"discriminator_steps": 1},
    "clip": {"discriminator_steps": 5, "clip": 0.01},
    "gradient": {"discriminator_steps": 5, "penalty_weight": 10.0},
    "r1r2": {"discriminator_steps": 1, "penalty_weight": 0.2, "penalty_interval": 4},
}


def prepare(config: MelodyConfig, split: Split, done: int, checkpoint: Path | None) -> Training:
    """Build what a configuration describes, or load it from a checkpoint, ready for the epoch after ``done``.

    Args:
        config: checked.
        split: the tunes.
        done: epochs already trained.
        checkpoint: folder of the last checkpoint; None starts afresh.
    """
    if config.mixed_precision:
        keras.config.set_dtype_policy("mixed_bfloat16")
    kinds = {"lstm": _lstm, "as_reported": _reported_gan, "attention": _attention_gan}
    build = next((kinds[kind] for kind in kinds if getattr(config, kind)), _gan)
    saved = None if checkpoint is None else keras.models.load_model(checkpoint / "model.keras")
    return build(config, split, done, saved)


def _lstm(
    config: MelodyConfig,
    split: Split,
    done: int,  # noqa: ARG001 - `FollowEpochs` knows
    saved: keras.Model | None,
) -> Training:
    vocabulary = StepVocabulary.from_tunes([tune for side in split for tune in side])
    seed, size = config.seed, config.batch_size
    batches = TuneBatches(split.train, vocabulary, size, seed=seed)
    rate = keras.optimizers.schedules.CosineDecay(_LSTM_LEARNING_RATE, config.epochs * len(batches))
    model = saved
    if model is None:
        model = MelodyLSTM(vocabulary, units=config.units, plans=batches.plans, seed=seed)
        model.compile_for_tunes(keras.optimizers.AdamW(rate, weight_decay=_LSTM_WEIGHT_DECAY, clipnorm=1.0))
    model.optimizer.learning_rate = rate
    validation = TuneBatches(split.validation, vocabulary, size)
    return Training(
        model,
        batches.dataset(),
        callbacks=(FollowEpochs(batches),),
        fit={"validation_data": validation.dataset()},
    )


def _gan(config: MelodyConfig, split: Split, done: int, saved: keras.Model | None) -> Training:
    vocabulary = NoteVocabulary.from_tunes([tune for side in split for tune in side])
    model = saved
    if model is None:
        sizes = (NOTES_A_TUNE, vocabulary.n_pitches + vocabulary.n_durations)
        regularisers: dict[str, Any] = {"noise": config.noise, "l2": config.l2}
        discriminator = build_discriminator(
            *sizes,
            **regularisers,
            units=config.units,
            group_size=config.batch_size,
            fused_lstm=config.penalty in _FIRST_ORDER,
            score_scale=_score_scale(config),
        )
        generator = build_generator(*sizes, **regularisers)
        model = MelodyGAN(generator, discriminator, vocabulary=vocabulary, seed=config.seed, averaging=0.99)
    examples = vocabulary.encode(tunes_that_fit(split.train, NOTES_A_TUNE), NOTES_A_TUNE)
    return _adversarial(config, split, done, model, examples)


def _attention_gan(config: MelodyConfig, split: Split, done: int, saved: keras.Model | None) -> Training:
    vocabulary = NoteVocabulary.from_tunes([tune for side in split for tune in side])
    tunes = tunes_that_fit(split.train, PLANNED_NOTES)
    plans = note_plans(tunes, PLANNED_NOTES)
    model = saved
    if model is None:
        sizes = (vocabulary.n_pitches, vocabulary.n_durations)
        regularisers: dict[str, Any] = {"noise": config.noise, "l2": config.l2}
        generator = build_attention_generator(PLANNED_NOTES, sum(sizes), **regularisers)
        critic = build_light_critic(PLANNED_NOTES, *sizes, **regularisers, group_size=config.batch_size)
        model = AttentionGAN(generator, critic, vocabulary=vocabulary, plans=plans, seed=config.seed, averaging=0.995)
    return _adversarial(config, split, done, model, with_plans(vocabulary.encode(tunes, PLANNED_NOTES), plans))


def _reported_gan(config: MelodyConfig, split: Split, done: int, saved: keras.Model | None) -> Training:
    codec = ReportedCodec.from_tunes([tune for side in split for tune in side])
    windows = codec.windows(split.train, LENGTH)
    if not len(windows):
        raise UserError(f"--as-reported needs {LENGTH} notes in all, {config.corpus} has fewer: give it more tunes")
    model = saved
    if model is None:
        regularisers: dict[str, Any] = {"noise": config.noise, "l2": config.l2}
        generator = build_reported_generator(**regularisers)
        discriminator = build_reported_discriminator(
            **regularisers, units=config.units, fused_lstm=config.penalty in _FIRST_ORDER
        )
        model = ReportedGAN(generator, discriminator, codec=codec, seed=config.seed)
    return _adversarial(config, split, done, model, windows)


def _adversarial(config: MelodyConfig, split: Split, done: int, model: keras.Model, examples: np.ndarray) -> Training:
    _compile(model, config)
    steps = PENALTY_SETTINGS[config.penalty]["discriminator_steps"]
    batches = RandomBatches(
        examples,
        config.batch_size * steps,
        config.updates_per_epoch,
        seed=config.seed,
        first_epoch=done,
    )
    validation = [tune.notes for tune in split.validation]

    def measure(*_: Any) -> dict[str, float]:
        try:
            tunes = model.generate(_TUNES_JUDGED, seed=config.seed)
        except NoTunesError:  # early on, or for good
            return dict(NO_TUNES)
        return musical_distance(tunes, validation)

    return Training(model, batches, measure)


def _compile(model: keras.Model, config: MelodyConfig) -> None:
    """Compile a new model; give that of a checkpoint the learning rates of as many epochs as it is to have now."""
    updates = config.epochs * config.updates_per_epoch
    steps = PENALTY_SETTINGS[config.penalty]["discriminator_steps"]

    def decaying(rate: float, times: int = 1) -> keras.optimizers.schedules.LearningRateSchedule:
        return keras.optimizers.schedules.CosineDecay(rate, updates * times, alpha=0.1)

    rates: dict[str, tuple[Any, Any]] = {
        "none": (2e-4, 2e-4),
        "clip": (5e-5, 5e-5),
        "gradient": (decaying(4e-4), decaying(8e-4, steps)),
        "r1r2": (decaying(4e-4), decaying(8e-4, steps)),
    }
    generator_rate, discriminator_rate = rates[config.penalty]
    if model.compiled:
        model.generator_optimizer.learning_rate = generator_rate
        model.discriminator_optimizer.learning_rate = discriminator_rate
        return
    penalty = dict(PENALTY_SETTINGS[config.penalty])
    if config.penalty == "r1r2":
        penalty["penalty_weight"] /= _score_scale(config)  # as strong as at scale 1
        if config.attention:
            penalty["penalty_weight"] *= _LIGHT_CRITIC_PENALTY
    adam, rmsprop = keras.optimizers.Adam, keras.optimizers.RMSprop
    optimizers = {
        "none": (adam(generator_rate, 0.5), adam(discriminator_rate, 0.5)),
        "clip": (rmsprop(generator_rate), rmsprop(discriminator_rate)),
    }
    unhurried = (adam(generator_rate, 0.0, 0.99), adam(discriminator_rate, 0.0, 0.99))
    model.compile(
        *optimizers.get(config.penalty, unhurried),
        objective="wasserstein" if config.wgan else "relativistic" if config.attention else "bce",
        penalty=config.penalty,
        **penalty,
    )


def _score_scale(config: MelodyConfig) -> float:
    """Return what a critic's scores are multiplied by.

    R1 and R2 hold them near 0.1, where λ = 0.01 outweighs all that a critic has to say: its kernels shrink as the
    generator improves, and with them what can be learnt from it. Ten times as large, they are regularised and no more.
    """
    if config.as_reported or config.attention:
        return 1.0
    return _WASSERSTEIN_SCALE if config.wgan and config.penalty == "r1r2" else 1.0


def tunes_that_fit(tunes: Sequence[Tune], length: int) -> tuple[Tune, ...]:
    """Return whole tunes of at most ``length`` notes; where more than a tenth are longer, windows of all.

    A few long tunes are better left out, their windows having false beginnings; many are what the corpus is.
    """
    fitting = tuple(tune for tune in tunes if len(tune.notes) <= length)
    if len(fitting) >= (1 - _MOST_LEFT_OUT) * len(tunes):
        return fitting
    return cut_windows(tunes, length, length // 2)


def evaluate(
    model: keras.Model, config: MelodyConfig, tunes: Sequence[Sequence[Note]], test: Sequence[Tune]
) -> dict[str, float]:
    """Return what metrics.json says of a trained model.

    Args:
        model: the best epoch's.
        config: that it was trained with.
        tunes: generated by it.
        test: tunes that it has never seen.

    Returns:
        `musical_distance` of the generated tunes from the test tunes, and its parts; of an LSTM also its loss, bits
        and accuracies on the test tunes.
    """
    metrics = musical_distance(tunes, [tune.notes for tune in test])
    if config.lstm:
        model.compile_for_tunes("adam")
        batches = TuneBatches(test, model.vocabulary, config.batch_size)
        metrics |= model.evaluate(batches.dataset(), return_dict=True, verbose=0)
    return {name: float(value) for name, value in metrics.items()}
