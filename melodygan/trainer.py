"""From a configuration to a compiled model, its batches and its metrics."""

from __future__ import annotations

import functools
import itertools
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from manymodes.cli import UserError
from manymodes.experiment.fit import Training
from manymodes.nn.randomness import RandomBatches
from melodygan.data.encoding import ReportedCodec, StepVocabulary, pitches_in
from melodygan.data.form import NoTunesError
from melodygan.data.grid import HOLD, ONSET, OUTSIDE, PLAN_COLUMNS, REST, conditions_of, to_grid, to_rows
from melodygan.metrics.musical import NO_TUNES, musical_distance, two_sample_test
from melodygan.models.gan import MelodyGAN
from melodygan.models.lstm import MelodyLSTM, TuneBatches
from melodygan.models.networks import build_critic, build_generator
from melodygan.models.reported import LENGTH, ReportedGAN, build_reported_discriminator, build_reported_generator

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from melodygan.config import MelodyConfig
    from melodygan.data.corpus import Split
    from melodygan.data.encoding import Note, Tune

_TUNES_JUDGED = 200
HEADS = 4
_LSTM_LEARNING_RATE = 5e-3
_SHARE_WITH_OTHERS = 2 / 3  # of the epochs: tunes of a model that ends with those of other books are told by n-grams
_LSTM_WEIGHT_DECAY = 0.05  # without it, training and validation diverge from epoch 22 on
_DISCRIMINATOR_UNITS = 96
_TUNES_FOR_ONE = 2  # training tunes for each composed one whose candidates the discriminator learns from
_WASSERSTEIN_SCALE = 50.0
_LIGHT_CRITIC_PENALTY = 2.0  # without recurrence a critic gets ahead of its generator sooner
_ADAM = keras.optimizers.Adam
_FIRST_ORDER = {"none": (2e-4, functools.partial(_ADAM, beta_1=0.5)), "clip": (5e-5, keras.optimizers.RMSprop)}
"""Learning rates and optimizers of the penalties that need no second derivative of the critic."""

# How each penalty is trained. `clip` is Arjovsky et al. (2017), algorithm 1; `gradient` Gulrajani et al. (2017).
# `r1r2` is the default: the other two need five critic updates per generator update, `gradient` with a second
# derivative through the LSTMs in each of them. With R1 and R2 one is enough, with the penalty at every fourth only.
PENALTY_SETTINGS: dict[str, dict[str, Any]] = {
    "none": {"discriminator_steps": 1},
    "clip": {"discriminator_steps": 5, "clip": 0.01},
    "gradient": {"discriminator_steps": 5, "penalty_weight": 10.0},
    "r1r2": {"discriminator_steps": 1, "penalty_weight": 2.0, "penalty_interval": 4},
}


def prepare(config: MelodyConfig, split: Split, done: int, checkpoint: Path | None) -> Training:
    """Build the model and batches of a configuration, ready for the epoch after ``done``.

    The model is loaded from the folder of the last checkpoint, if there is one.
    """
    if config.mixed_precision:
        keras.config.set_dtype_policy("mixed_bfloat16")
    if checkpoint is None:
        build = _lstm if config.lstm else _reported_gan if config.as_reported else _gan
        model = build(config, split)
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

    return Training(model, batches, measure, finish=functools.partial(_learn_to_choose, config, split))


def _learn_to_choose(config: MelodyConfig, split: Split, best: Any, complete: bool) -> None:
    """Let the discriminator of a model, if it has one, learn after its training is complete."""
    if config.discriminator and complete:
        composed = -(-len(split.train) // _TUNES_FOR_ONE)
        best.learn_to_choose([*split.train, *split.others], split.validation, count=composed, seed=config.seed)


def _training_of_lstm(config: MelodyConfig, split: Split, model: keras.Model) -> Training:
    batches = TuneBatches(
        split.train, model.vocabulary, config.batch_size, seed=config.seed,
        others=split.others, others_until=round(_SHARE_WITH_OTHERS * config.epochs),
    )  # fmt: skip
    rate = keras.optimizers.schedules.CosineDecay(_LSTM_LEARNING_RATE, config.epochs * len(batches))
    if not model.compiled:
        model.compile_for_tunes(keras.optimizers.AdamW(rate, weight_decay=_LSTM_WEIGHT_DECAY, clipnorm=1.0))
    model.optimizer.learning_rate = rate
    validation = TuneBatches(split.validation, model.vocabulary, config.batch_size).dataset()
    return Training(
        model, batches.dataset(), callbacks=(batches,), fit={"validation_data": validation},
        finish=functools.partial(_learn_to_choose, config, split),
    )  # fmt: skip


def _examples(model: keras.Model, config: MelodyConfig, train: Sequence[Tune]) -> Any:
    """Return the training tunes as arrays, as a GAN reads them."""
    if config.as_reported:
        windows = model.codec.windows(train, LENGTH)
        if not len(windows):
            raise UserError(f"--as-reported needs {LENGTH} notes in all, {config.corpus} has fewer: give it more tunes")
        return windows
    return grid_examples(train, model.lowest, model.pitches)


def _lstm(config: MelodyConfig, split: Split) -> keras.Model:
    plans = to_rows(grid.plan for grid in map(to_grid, split.train) if grid is not None)
    return MelodyLSTM(
        StepVocabulary.from_tunes(itertools.chain(*split)), units=config.units, plans=plans,
        discriminator_units=_DISCRIMINATOR_UNITS * config.discriminator, seed=config.seed,
    )  # fmt: skip


def _gan(config: MelodyConfig, split: Split) -> keras.Model:
    """Build a GAN, whose chains learn at once, from the tunes of other sources too."""
    heights = [pitch for tune in itertools.chain(*split) for pitch in pitches_in(tune.notes)]
    lowest, pitches = min(heights), max(heights) - min(heights) + 1
    symbols, conditions = grid_examples(split.train, lowest, pitches)
    if not len(symbols):
        raise UserError(f"all tunes of {config.corpus} are longer than a GAN writes: give shorter ones, or use --lstm")
    critic = build_critic(
        pitches,
        **_regularisation(config),
        units=0 if config.attention else config.units,
        group_size=config.batch_size,
        fused_lstm=config.penalty in _FIRST_ORDER,
        score_scale=_score_scale(config),
    )
    generator = build_generator(pitches, **_regularisation(config), heads=HEADS if config.attention else 0)
    plans = conditions[:, :PLAN_COLUMNS]
    model = MelodyGAN(
        generator, critic, lowest=lowest, pitches=pitches, plans=plans,
        discriminator_units=_DISCRIMINATOR_UNITS * config.discriminator, seed=config.seed, averaging=0.99,
    )  # fmt: skip
    learned = [(symbols, conditions), grid_examples(split.others, lowest, pitches)]
    columns = zip(*(part for part in learned if len(part[0])), strict=True)
    symbols, conditions = map(np.concatenate, columns)
    model.learn_chains(symbols, conditions, config.seed)
    return model


def grid_examples(tunes: Sequence[Tune], lowest: int, pitches: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the tunes that are short enough as `MelodyGAN` reads them: symbols [n, L] and conditions [n, …]."""
    grids = [grid for grid in map(to_grid, tunes) if grid is not None]
    types = np.array([grid.types for grid in grids], np.int32)
    others = np.zeros(OUTSIDE + 1, np.int32)
    others[[HOLD, REST, OUTSIDE]] = pitches + np.arange(3)
    symbols = np.where(types == ONSET, [grid.pitches - lowest for grid in grids], others[types])
    return symbols.astype(np.int32), conditions_of(to_rows(grid.plan for grid in grids))


def _reported_gan(config: MelodyConfig, split: Split) -> keras.Model:
    fused = config.penalty in _FIRST_ORDER
    generator = build_reported_generator(**_regularisation(config))
    discriminator = build_reported_discriminator(**_regularisation(config), units=config.units, fused_lstm=fused)
    return ReportedGAN(
        generator, discriminator, codec=ReportedCodec.from_tunes(itertools.chain(*split)), seed=config.seed
    )


def _regularisation(config: MelodyConfig) -> dict[str, Any]:
    return {"noise": config.noise, "l2": config.l2}


def _compile(model: keras.Model, config: MelodyConfig) -> None:
    """Compile a new model; update the learning rates of a loaded one, as the number of epochs may differ."""
    settings, updates = dict(PENALTY_SETTINGS[config.penalty]), config.epochs * config.updates_per_epoch
    decay = functools.partial(keras.optimizers.schedules.CosineDecay, alpha=0.1)
    rates: list[Any] = [decay(1.5e-4, updates), decay(4e-4, updates * settings["discriminator_steps"])]
    optimizer: Any = functools.partial(_ADAM, beta_1=0.0, beta_2=0.99)
    if config.penalty in _FIRST_ORDER:
        rate, optimizer = _FIRST_ORDER[config.penalty]
        rates = [rate, rate]
    if model.compiled:
        model.generator_optimizer.learning_rate, model.discriminator_optimizer.learning_rate = rates
        return
    if config.penalty == "r1r2":
        settings["penalty_weight"] /= _score_scale(config)  # as strong as at scale 1
        if config.attention:
            settings["penalty_weight"] *= _LIGHT_CRITIC_PENALTY
    model.compile(
        *map(optimizer, rates),
        objective="wasserstein" if config.wgan else "relativistic" if config.attention else "bce",
        penalty=config.penalty,
        **settings,
    )


def _score_scale(config: MelodyConfig) -> float:
    """Return the factor of a critic's scores.

    R1 and R2 hold the difference of its scores near 0.01, where λ = 0.01 outweighs the critic's loss: its kernels
    shrink, and the generator learns nothing. Fifty times as large, they are only regularised.
    """
    if config.as_reported or config.attention:
        return 1.0
    return _WASSERSTEIN_SCALE if config.wgan and config.penalty == "r1r2" else 1.0


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
