"""From a configuration to a compiled model, its batches and its metrics."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import keras

from manymodes.cli import UserError
from manymodes.experiment.fit import Training
from manymodes.nn.randomness import RandomBatches
from melodygan.data.encoding import NoteVocabulary, ReportedCodec, StepVocabulary, cut_windows
from melodygan.data.form import NoTunesError
from melodygan.data.plan import plan_of
from melodygan.metrics.musical import NO_TUNES, musical_distance, two_sample_test
from melodygan.models.attention import AttentionGAN, build_attention_generator, build_light_critic, note_plans
from melodygan.models.gan import MelodyGAN, build_discriminator, build_generator
from melodygan.models.lstm import MelodyLSTM, TuneBatches
from melodygan.models.reported import LENGTH, ReportedGAN, build_reported_discriminator, build_reported_generator

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from melodygan.config import MelodyConfig
    from melodygan.data.corpus import Split
    from melodygan.data.encoding import Note, Tune

NOTES_A_TUNE = 96
PLANNED_NOTES = 120  # one tune in 60 is longer than 96 notes, but these make lengths vary
_TUNES_JUDGED = 200
_MOST_LEFT_OUT = 0.1
_LSTM_LEARNING_RATE = 5e-3
_LSTM_WEIGHT_DECAY = 0.05  # without it, training and validation diverge from epoch 22 on
_WASSERSTEIN_SCALE = 10.0
_LIGHT_CRITIC_PENALTY = 2.0  # without recurrence a critic gets ahead of its generator sooner
_FIRST_ORDER = {"none", "clip"}  # the penalties that need no second derivative of the critic

# How each penalty is trained. `clip` is Arjovsky et al. (2017), algorithm 1; `gradient` Gulrajani et al. (2017).
# `r1r2` is the default: the other two need five critic updates per generator update, `gradient` with a second
# derivative through the LSTMs in each of them. With R1 and R2 one is enough, with the penalty at every fourth only.
PENALTY_SETTINGS: dict[str, dict[str, Any]] = {
    "none": {"discriminator_steps": 1},
    "clip": {"discriminator_steps": 5, "clip": 0.01},
    "gradient": {"discriminator_steps": 5, "penalty_weight": 10.0},
    "r1r2": {"discriminator_steps": 1, "penalty_weight": 0.2, "penalty_interval": 4},
}


def prepare(config: MelodyConfig, split: Split, done: int, checkpoint: Path | None) -> Training:
    """Build the model and batches of a configuration, ready for the epoch after ``done``.

    The model is loaded from the folder of the last checkpoint, if there is one.
    """
    if config.mixed_precision:
        keras.config.set_dtype_policy("mixed_bfloat16")
    if checkpoint is None:
        build = next((_BUILDERS[kind] for kind in _BUILDERS if getattr(config, kind)), _gan)
        model = build(config, [tune for part in split for tune in part], split.train)
    else:
        model = keras.models.load_model(checkpoint / "model.keras")
    if config.lstm:
        return _training_of_lstm(config, split, model)
    _compile(model, config)
    steps = PENALTY_SETTINGS[config.penalty]["discriminator_steps"]
    size, updates = config.batch_size * steps, config.updates_per_epoch
    batches = RandomBatches(_examples(model, config, split.train), size, updates, seed=config.seed, first_epoch=done)
    validation = [tune.notes for tune in split.validation]
    test = two_sample_test(validation)

    def measure(*_: Any) -> dict[str, float]:
        try:
            return musical_distance(model.generate(_TUNES_JUDGED, seed=config.seed), validation, test)
        except NoTunesError:
            return dict(NO_TUNES)

    return Training(model, batches, measure)


def _training_of_lstm(config: MelodyConfig, split: Split, model: keras.Model) -> Training:
    batches = TuneBatches(split.train, model.vocabulary, config.batch_size, seed=config.seed)
    rate = keras.optimizers.schedules.CosineDecay(_LSTM_LEARNING_RATE, config.epochs * len(batches))
    if not model.compiled:
        model.compile_for_tunes(keras.optimizers.AdamW(rate, weight_decay=_LSTM_WEIGHT_DECAY, clipnorm=1.0))
    model.optimizer.learning_rate = rate
    validation = TuneBatches(split.validation, model.vocabulary, config.batch_size).dataset()
    return Training(model, batches.dataset(), callbacks=(batches,), fit={"validation_data": validation})


def _examples(model: keras.Model, config: MelodyConfig, train: Sequence[Tune]) -> Any:
    """Return the training tunes as arrays, as a GAN reads them."""
    if config.as_reported:
        windows = model.codec.windows(train, LENGTH)
        if not len(windows):
            raise UserError(f"--as-reported needs {LENGTH} notes in all, {config.corpus} has fewer: give it more tunes")
        return windows
    length = PLANNED_NOTES if config.attention else NOTES_A_TUNE
    notes = model.vocabulary.encode(tunes_that_fit(train, length), length)
    return (notes, model.plans) if config.attention else notes


def _lstm(config: MelodyConfig, tunes: Sequence[Tune], train: Sequence[Tune]) -> keras.Model:
    plans = list(map(plan_of, train))
    return MelodyLSTM(StepVocabulary.from_tunes(tunes), units=config.units, plans=plans, seed=config.seed)


def _gan(config: MelodyConfig, tunes: Sequence[Tune], train: Sequence[Tune]) -> keras.Model:  # noqa: ARG001
    vocabulary = NoteVocabulary.from_tunes(tunes)
    sizes = (NOTES_A_TUNE, vocabulary.n_pitches + vocabulary.n_durations)
    discriminator = build_discriminator(
        *sizes,
        **_regularisation(config),
        units=config.units,
        group_size=config.batch_size,
        fused_lstm=config.penalty in _FIRST_ORDER,
        score_scale=_score_scale(config),
    )
    generator = build_generator(*sizes, **_regularisation(config))
    return MelodyGAN(generator, discriminator, vocabulary=vocabulary, seed=config.seed, averaging=0.99)


def _attention_gan(config: MelodyConfig, tunes: Sequence[Tune], train: Sequence[Tune]) -> keras.Model:
    vocabulary = NoteVocabulary.from_tunes(tunes)
    plans = note_plans(tunes_that_fit(train, PLANNED_NOTES), PLANNED_NOTES)
    sizes = (vocabulary.n_pitches, vocabulary.n_durations)
    generator = build_attention_generator(PLANNED_NOTES, sum(sizes), **_regularisation(config))
    critic = build_light_critic(PLANNED_NOTES, *sizes, **_regularisation(config), group_size=config.batch_size)
    return AttentionGAN(generator, critic, vocabulary=vocabulary, plans=plans, seed=config.seed, averaging=0.995)


def _reported_gan(config: MelodyConfig, tunes: Sequence[Tune], train: Sequence[Tune]) -> keras.Model:  # noqa: ARG001
    fused = config.penalty in _FIRST_ORDER
    generator = build_reported_generator(**_regularisation(config))
    discriminator = build_reported_discriminator(**_regularisation(config), units=config.units, fused_lstm=fused)
    return ReportedGAN(generator, discriminator, codec=ReportedCodec.from_tunes(tunes), seed=config.seed)


_BUILDERS = {"lstm": _lstm, "as_reported": _reported_gan, "attention": _attention_gan}


def _regularisation(config: MelodyConfig) -> dict[str, Any]:
    return {"noise": config.noise, "l2": config.l2}


def _compile(model: keras.Model, config: MelodyConfig) -> None:
    """Compile a new model; update the learning rates of a loaded one, as the number of epochs may differ."""
    settings, updates = dict(PENALTY_SETTINGS[config.penalty]), config.epochs * config.updates_per_epoch
    rates: list[Any]
    if config.penalty in _FIRST_ORDER:
        rates = [{"none": 2e-4, "clip": 5e-5}[config.penalty]] * 2
    else:
        decay = functools.partial(keras.optimizers.schedules.CosineDecay, alpha=0.1)
        rates = [decay(4e-4, updates), decay(8e-4, updates * settings["discriminator_steps"])]
    if model.compiled:
        model.generator_optimizer.learning_rate, model.discriminator_optimizer.learning_rate = rates
        return
    if config.penalty == "r1r2":
        settings["penalty_weight"] /= _score_scale(config)  # as strong as at scale 1
        if config.attention:
            settings["penalty_weight"] *= _LIGHT_CRITIC_PENALTY
    adam = keras.optimizers.Adam
    optimizers = {"none": functools.partial(adam, beta_1=0.5), "clip": keras.optimizers.RMSprop}
    optimizer = optimizers.get(config.penalty, functools.partial(adam, beta_1=0.0, beta_2=0.99))
    model.compile(
        *map(optimizer, rates),
        objective="wasserstein" if config.wgan else "relativistic" if config.attention else "bce",
        penalty=config.penalty,
        **settings,
    )


def _score_scale(config: MelodyConfig) -> float:
    """Return the factor of a critic's scores.

    R1 and R2 hold them near 0.1, where λ = 0.01 outweighs the critic's loss: its kernels shrink as the generator
    improves, and the generator learns less. Ten times as large, they are only regularised.
    """
    if config.as_reported or config.attention:
        return 1.0
    return _WASSERSTEIN_SCALE if config.wgan and config.penalty == "r1r2" else 1.0


def tunes_that_fit(tunes: Sequence[Tune], length: int) -> tuple[Tune, ...]:
    """Return whole tunes of at most ``length`` notes; where more than a tenth are longer, windows of all.

    A few long tunes are better left out, because their windows have false beginnings.
    """
    fitting = tuple(tune for tune in tunes if len(tune.notes) <= length)
    if len(fitting) >= (1 - _MOST_LEFT_OUT) * len(tunes):
        return fitting
    return cut_windows(tunes, length, length // 2)


def evaluate(
    model: keras.Model, config: MelodyConfig, tunes: Sequence[Sequence[Note]], test: Sequence[Tune]
) -> dict[str, float]:
    """Return the metrics of a trained model for metrics.json.

    These are `musical_distance` of the generated tunes from the test tunes, and its parts; of an LSTM also its loss,
    bits and accuracies on the test tunes.
    """
    metrics = musical_distance(tunes, [tune.notes for tune in test])
    if config.lstm:
        model.compile_for_tunes("adam")
        batches = TuneBatches(test, model.vocabulary, config.batch_size)
        metrics |= model.evaluate(batches.dataset(), return_dict=True, verbose=0)
    return {name: float(value) for name, value in metrics.items()}
