import keras
import numpy as np
import pytest
from scores import random_tunes
from smallgrid import CELLS

from manymodes.cli import UserError
from melodygan.config import MelodyConfig
from melodygan.data.corpus import split
from melodygan.data.encoding import Note, Tune
from melodygan.data.grid import from_row, to_grid
from melodygan.metrics.musical import NO_TUNES, musical_distance
from melodygan.models.gan import MelodyGAN
from melodygan.models.lstm import MelodyLSTM, TuneBatches
from melodygan.models.networks import FormFeatures, PlanFeatures
from melodygan.models.reported import ReportedGAN
from melodygan.trainer import PENALTY_SETTINGS, grid_examples, prepare

TUNES = random_tunes(40, lengths=(8, 12))  # short enough for the small grid
SIDES = split(TUNES, 0)


def config(**changed):
    small = {"penalty": "r1r2", "epochs": 2, "batch_size": 4, "units": 2, "updates_per_epoch": 3, "seed": 7}
    return MelodyConfig(**{"corpus": "forty tunes", **small, **changed})


LEARN_CHAINS = MelodyGAN.learn_chains


@pytest.fixture(autouse=True)
def _no_chains(few_cells, monkeypatch):
    """Learn no chains, which takes most of the time."""
    monkeypatch.setattr(MelodyGAN, "learn_chains", lambda *_: None)


def layers_of(model, kind):
    return [layer for layer in model._flatten_layers() if isinstance(layer, kind)]


def test_tunes_are_laid_out_on_the_grid():
    tunes = [Tune((Note(60, 4), Note(None, 2), Note(64, 2)), meter="4/4"), Tune((Note(60, CELLS + 1),))]
    symbols, conditions = grid_examples(tunes, 58, 10)
    assert symbols.shape == (1, CELLS)  # the other one is too long
    hold, rest, outside = 10, 11, 12
    assert symbols[0, :10].tolist() == [2, hold, hold, hold, rest, hold, 6, hold, outside, outside]
    assert len(conditions) == 1


@pytest.mark.parametrize(
    ("changed", "kind", "expected", "optimizer"),
    [
        ({"penalty": "none", "noise": 0.2}, MelodyGAN, {"objective": "bce", "penalty": "none"}, None),
        ({}, MelodyGAN, {"objective": "bce", "penalty_weight": 2.0}, None),
        # A critic fifty times as steep, penalised a fiftieth as much: the same penalty, and L2 counts a fiftieth.
        ({"wgan": True}, MelodyGAN, {"objective": "wasserstein", "penalty_weight": 0.04}, None),
        (
            {"wgan": True, "penalty": "clip", "l2": 0.03},
            MelodyGAN,
            PENALTY_SETTINGS["clip"],
            (keras.optimizers.RMSprop, 5e-5),
        ),
        ({"wgan": True, "penalty": "gradient"}, MelodyGAN, PENALTY_SETTINGS["gradient"], None),
        ({"attention": True, "units": None}, MelodyGAN, {"objective": "relativistic", "penalty_weight": 4.0}, None),
        (
            {"as_reported": True, "penalty": "none", "noise": 0.2, "l2": 0.03},
            ReportedGAN,
            {"objective": "bce", "discriminator_steps": 1, "averaging": 0, "latent_dim": 1000},
            (keras.optimizers.Adam, 2e-4),
        ),
    ],
)
def test_the_model_is_the_one_asked_for(changed, kind, expected, optimizer):
    settings = config(**changed)
    training = prepare(settings, SIDES, 0, None)
    model = training.model
    assert (type(model), model.seed, len(training.batches)) == (kind, 7, 3)
    assert {name: getattr(model, name) for name in expected} == pytest.approx(expected)
    # every critic update has examples of its own
    assert training.batches.batch_size == 4 * model.discriminator_steps
    if optimizer:  # as in the paper
        for one in (model.generator_optimizer, model.discriminator_optimizer):
            assert (type(one), float(one.learning_rate)) == (optimizer[0], pytest.approx(optimizer[1]))
    scales = [layer.scale for layer in layers_of(model.discriminator, keras.layers.Rescaling)]
    assert scales == [50] * (settings.wgan and settings.penalty == "r1r2")
    # cuDNN's LSTM has no second derivative
    fused = "auto" if settings.penalty in {"none", "clip"} else False
    recurrent = {layer.use_cudnn for layer in layers_of(model.discriminator, keras.layers.LSTM)}
    assert recurrent == (set() if settings.attention else {fused})
    for network in (model.generator, model.discriminator):
        deviations = {layer.stddev for layer in layers_of(network, keras.layers.GaussianNoise)}
        assert deviations == ({settings.noise} if settings.noise else set())
        dense = [layer.kernel_regularizer for layer in layers_of(network, keras.layers.Dense)]
        strengths = {round(float(regulariser.l2), 6) for regulariser in dense if regulariser is not None}
        assert strengths == ({settings.l2} if settings.l2 else set())


@pytest.mark.parametrize("attention", [False, True])
def test_a_gan_learns_tunes_on_the_grid_with_their_plans(attention, quick_chains, monkeypatch):
    monkeypatch.setattr(MelodyGAN, "learn_chains", LEARN_CHAINS)
    training = prepare(config(attention=attention, units=None if attention else 2), SIDES, 0, None)
    model = training.model
    symbols, conditions = training.batches[0]
    assert (symbols.shape, len(conditions)) == ((4, CELLS), 4)
    assert model.generator.output_shape[1] == model.discriminator.input_shape[0][1] == CELLS
    heights = [note.pitch for tune in TUNES for note in tune.notes]
    assert (model.lowest, model.pitches) == (min(heights), max(heights) - min(heights) + 1)
    assert list(map(from_row, model.plans)) == [to_grid(tune).plan for tune in SIDES.train]
    assert bool(layers_of(model.generator, keras.layers.MultiHeadAttention)) == attention
    assert any(weight.numpy().any() for weight in model.kind_chain.weights)  # the chains have learned


def test_tunes_that_are_all_too_long():
    long = split([Tune((Note(60 + n, CELLS + 1),)) for n in range(10)], 0)
    with pytest.raises(UserError, match="all tunes of forty tunes are longer than a GAN writes"):
        prepare(config(), long, 0, None)


def test_as_reported_needs_a_window():
    few = split([Tune((Note(60 + n, 4), Note(62, 4))) for n in range(10)], 0)
    with pytest.raises(UserError, match="--as-reported needs 100 notes"):
        prepare(config(as_reported=True), few, 0, None)


def test_the_lstm():
    training = prepare(config(lstm=True), SIDES, 0, None)
    assert isinstance(training.model, MelodyLSTM)
    assert training.model.units == 2
    assert training.model.seed == 7
    assert training.measure(1, False) == {}
    learnt, chosen_by = training.batches, training.fit["validation_data"]
    for batches, side in ((learnt, SIDES.train), (chosen_by, SIDES.validation)):
        assert sum(len(inputs) for inputs, _, _ in batches.as_numpy_iterator()) == len(side)
    assert [type(callback) for callback in training.callbacks] == [TuneBatches]
    symbols = {str(note.pitch) for tune in TUNES for note in tune.notes}
    assert set(training.model.vocabulary.symbols) == symbols | {"/", "_", "r"}


def test_the_measure_of_a_model_and_of_silence(monkeypatch):
    monkeypatch.setattr("melodygan.trainer._TUNES_JUDGED", 20)
    training = prepare(config(), SIDES, 0, None)
    result = training.measure(1, False)
    assert training.measure(1, False) == result
    assert 0 <= result["musical_distance"] <= 2
    head = training.model.averaged_generator.get_layer("logits")
    rest = 1
    head.set_weights([np.zeros_like(head.kernel), 1000 * np.eye(head.bias.shape[0])[rest]])
    assert training.measure(1, False) == NO_TUNES
    # one tune again and again is nearer
    one = musical_distance([TUNES[0].notes] * 20, [tune.notes for tune in SIDES.validation])
    assert one["musical_distance"] < NO_TUNES["musical_distance"]


def test_mixed_precision():
    before = keras.config.dtype_policy()
    try:
        model = prepare(config(mixed_precision=True, penalty="none"), SIDES, 0, None).model
        assert model.generator(np.zeros((1, model.generator.input_shape[-1]))).dtype == "float32"
        dense = [layer for layer in layers_of(model.generator, keras.layers.Dense) if layer.name != "logits"]
        assert {layer.compute_dtype for layer in dense} == {"bfloat16"}
        # 16 bits do not hold the number of every cell
        reading = [layer for kind in (PlanFeatures, FormFeatures) for layer in layers_of(model.generator, kind)]
        assert [layer.compute_dtype for layer in reading] == ["float32"] * 2
    finally:
        keras.config.set_dtype_policy(before)
