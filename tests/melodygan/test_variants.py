import keras
import numpy as np
import pytest
from melodygan.models.attention import AttentionGAN, note_plans
from scores import random_tunes

from manymodes.cli import UserError
from melodygan.config import MelodyConfig
from melodygan.data.corpus import split
from melodygan.data.encoding import Note, NoteVocabulary, Tune
from melodygan.metrics.musical import NO_TUNES, musical_distance
from melodygan.models.gan import MelodyGAN
from melodygan.models.lstm import MelodyLSTM, TuneBatches
from melodygan.models.reported import ReportedGAN
from melodygan.trainer import NOTES_A_TUNE, PENALTY_SETTINGS, PLANNED_NOTES, prepare, tunes_that_fit

TUNES = random_tunes(40)
SIDES = split(TUNES, 0)
AS_REPORTED = {"as_reported": True, "penalty": "none"}


def config(**changed):
    small = {"penalty": "r1r2", "epochs": 2, "batch_size": 4, "units": 2, "updates_per_epoch": 3, "seed": 7}
    return MelodyConfig(**{"corpus": "forty tunes", **small, **changed})


def tune_of(count):
    return Tune(tuple(Note(60 + n % 5, 4) for n in range(count)))


def layers_of(model, kind):
    return [layer for layer in model._flatten_layers() if isinstance(layer, kind)]


def test_a_few_long_tunes_are_left_out():
    tunes = [tune_of(5)] * 9 + [tune_of(11)]
    assert tunes_that_fit(tunes, 10) == tuple(tunes[:9])


def test_many_long_tunes_are_cut():
    tunes = [tune_of(5)] * 8 + [tune_of(15)] * 2
    kept = tunes_that_fit(tunes, 10)
    assert len(kept) == 8 + 2 * 2
    assert all(len(tune.notes) <= 10 for tune in kept)
    assert kept[8].notes == tunes[8].notes[:10]
    assert kept[9].notes == tunes[8].notes[5:]


@pytest.mark.parametrize(
    ("changed", "kind", "expected"),
    [
        ({"penalty": "none"}, MelodyGAN, {"objective": "bce", "penalty": "none"}),
        ({}, MelodyGAN, {"objective": "bce", "penalty_weight": 0.2}),
        # A critic ten times as steep, penalised a tenth as much: the same penalty, and L2 counts a tenth.
        ({"wgan": True}, MelodyGAN, {"objective": "wasserstein", "penalty_weight": 0.02}),
        ({"wgan": True, "penalty": "clip"}, MelodyGAN, PENALTY_SETTINGS["clip"]),
        ({"wgan": True, "penalty": "gradient"}, MelodyGAN, PENALTY_SETTINGS["gradient"]),
        ({"attention": True, "units": None}, AttentionGAN, {"objective": "relativistic", "penalty_weight": 0.4}),
        ({"attention": True, "units": None, "wgan": True}, AttentionGAN, {"objective": "wasserstein"}),
        (AS_REPORTED, ReportedGAN, {"objective": "bce", "discriminator_steps": 1, "averaging": 0, "latent_dim": 1000}),
        ({**AS_REPORTED, "wgan": True}, ReportedGAN, {"objective": "wasserstein", "penalty": "none"}),
    ],
)
def test_the_model_is_the_one_asked_for(changed, kind, expected):
    training = prepare(config(**changed), SIDES, 0, None)
    model = training.model
    assert (type(model), model.seed, len(training.batches)) == (kind, 7, 3)
    assert {name: getattr(model, name) for name in expected} == pytest.approx(expected)
    # every critic update has examples of its own
    assert training.batches.batch_size == 4 * model.discriminator_steps


@pytest.mark.parametrize(
    ("penalty", "fused"), [("none", "auto"), ("clip", "auto"), ("gradient", False), ("r1r2", False)]
)
def test_a_critic_suits_its_penalty(penalty, fused):
    model = prepare(config(wgan=True, penalty=penalty), SIDES, 0, None).model
    scales = [layer.scale for layer in layers_of(model.discriminator, keras.layers.Rescaling)]
    assert scales == [10] * (penalty == "r1r2")
    # cuDNN's LSTM has no second derivative
    assert {layer.use_cudnn for layer in layers_of(model.discriminator, keras.layers.LSTM)} == {fused}
    assert model.generator.output_shape == model.discriminator.input_shape
    assert model.generator.output_shape[1] == NOTES_A_TUNE


@pytest.mark.parametrize(
    ("changed", "kind", "rate"),
    [
        ({"wgan": True, "penalty": "clip"}, keras.optimizers.RMSprop, 5e-5),
        (AS_REPORTED, keras.optimizers.Adam, 2e-4),
    ],
)
def test_optimizers_are_those_of_the_papers(changed, kind, rate):
    model = prepare(config(**changed), SIDES, 0, None).model
    for optimizer in (model.generator_optimizer, model.discriminator_optimizer):
        assert isinstance(optimizer, kind)
        assert float(optimizer.learning_rate) == pytest.approx(rate)


def test_an_attention_gan_learns_notes_with_their_plans():
    training = prepare(config(attention=True, units=None), SIDES, 0, None)
    notes, plans = training.batches[0]
    assert (notes.shape, len(plans)) == ((4, PLANNED_NOTES, 2), 4)
    kept = tunes_that_fit(SIDES.train, PLANNED_NOTES)
    np.testing.assert_array_equal(training.model.plans, note_plans(kept, PLANNED_NOTES))


@pytest.mark.parametrize(("noise", "l2", "as_reported"), [(0.2, 0.0, False), (0.0, 0.03, False), (0.2, 0.03, True)])
def test_noise_and_l2_reach_the_networks(noise, l2, as_reported):
    changed = config(wgan=True, noise=noise, l2=l2, as_reported=as_reported, penalty="none")
    model = prepare(changed, SIDES, 0, None).model
    for network in (model.generator, model.discriminator):
        deviations = {layer.stddev for layer in layers_of(network, keras.layers.GaussianNoise)}
        assert deviations == ({noise} if noise else set())
        dense = [layer.kernel_regularizer for layer in layers_of(network, keras.layers.Dense)]
        strengths = {round(float(regulariser.l2), 6) for regulariser in dense if regulariser is not None}
        assert strengths == ({l2} if l2 else set())


def test_as_reported_needs_a_window(tmp_path):
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


def test_the_measure_of_a_model_and_of_silence():
    training = prepare(config(), SIDES, 0, None)
    result = training.measure(1, False)
    assert training.measure(1, False) == result
    assert 0 <= result["musical_distance"] <= 2
    head = training.model.averaged_generator.get_layer("logits")
    head.set_weights([np.zeros_like(head.kernel), 1000 * np.eye(head.bias.shape[0])[NoteVocabulary.END]])
    assert training.measure(1, False) == NO_TUNES
    # one tune again and again is nearer
    one = musical_distance([TUNES[0].notes] * 20, [tune.notes for tune in SIDES.validation])
    assert one["musical_distance"] < NO_TUNES["musical_distance"]


def test_mixed_precision():
    before = keras.config.dtype_policy()
    try:
        model = prepare(config(mixed_precision=True, penalty="none"), SIDES, 0, None).model
        assert model.generator(np.zeros((1, model.latent_dim))).dtype == "float32"
        assert {layer.compute_dtype for layer in layers_of(model.generator, keras.layers.Dense)} == {"bfloat16"}
    finally:
        keras.config.set_dtype_policy(before)
