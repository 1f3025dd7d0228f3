import keras
import numpy as np
import pytest
from scores import random_tunes

from manymodes.cli import UserError
from melodygan.config import MelodyConfig
from melodygan.data.corpus import split
from melodygan.data.encoding import Note, NoteVocabulary, Tune
from melodygan.metrics.musical import NO_TUNES, musical_distance
from melodygan.models.attention import AttentionGAN, note_plans
from melodygan.models.gan import MelodyGAN
from melodygan.models.lstm import MelodyLSTM, TuneBatches
from melodygan.models.reported import LENGTH, ReportedGAN
from melodygan.trainer import NOTES_A_TUNE, PENALTY_SETTINGS, PLANNED_NOTES, prepare, tunes_that_fit

TUNES = random_tunes(40)
SIDES = split(TUNES, 0)


def config(**changed):
    small = {"penalty": "r1r2", "epochs": 2, "batch_size": 4, "units": 2, "updates_per_epoch": 3, "seed": 7}
    return MelodyConfig(**{"corpus": "forty tunes", **small, **changed})


def tune_of(count):
    return Tune(tuple(Note(60 + n % 5, 4) for n in range(count)))


def layers_of(model, kind):
    return [layer for layer in model._flatten_layers() if isinstance(layer, kind)]


# --- which tunes are learnt


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


# --- how they are trained


@pytest.mark.parametrize(
    ("wgan", "penalty"), [(False, "none"), (False, "r1r2"), (True, "r1r2"), (True, "clip"), (True, "gradient")]
)
def test_what_a_gan_is_compiled_with(wgan, penalty):
    training = prepare(config(wgan=wgan, penalty=penalty), SIDES, 0, None)
    model = training.model
    assert isinstance(model, MelodyGAN)
    assert model.objective == ("wasserstein" if wgan else "bce")
    assert model.penalty == penalty
    # A critic ten times as steep, penalised a tenth as much: the same penalty, and L2 counts a tenth.
    scale = 10 if wgan and penalty == "r1r2" else 1
    rescaling = layers_of(model.discriminator, keras.layers.Rescaling)
    assert [layer.scale for layer in rescaling] == [scale] * (scale != 1)
    expected = dict(PENALTY_SETTINGS[penalty])
    if penalty == "r1r2":
        expected["penalty_weight"] = 0.2 / scale
    assert {name: getattr(model, name) for name in expected} == expected
    assert model.seed == 7
    if penalty == "clip":
        optimizers = (model.generator_optimizer, model.discriminator_optimizer)
        assert all(isinstance(optimizer, keras.optimizers.RMSprop) for optimizer in optimizers)
        assert [float(optimizer.learning_rate) for optimizer in optimizers] == pytest.approx([5e-5] * 2)
    # every critic update has examples of its own
    assert training.batches.batch_size == 4 * model.discriminator_steps
    assert len(training.batches) == 3
    assert model.generator.output_shape == model.discriminator.input_shape
    assert model.generator.output_shape[1] == NOTES_A_TUNE
    # cuDNN's LSTM has no second derivative
    fused = {layer.use_cudnn for layer in layers_of(model.discriminator, keras.layers.LSTM)}
    assert fused == ({False} if penalty in {"gradient", "r1r2"} else {"auto"})


@pytest.mark.parametrize(("wgan", "objective"), [(False, "relativistic"), (True, "wasserstein")])
def test_an_attention_gan_learns_notes_with_their_plans(wgan, objective):
    training = prepare(config(attention=True, wgan=wgan, units=None), SIDES, 0, None)
    model = training.model
    assert isinstance(model, AttentionGAN)
    assert (model.objective, model.penalty) == (objective, "r1r2")
    assert model.penalty_weight == 2 * PENALTY_SETTINGS["r1r2"]["penalty_weight"]
    notes, plans = training.batches[0]
    assert (notes.shape, len(plans)) == ((4, PLANNED_NOTES, 2), 4)
    kept = tunes_that_fit(SIDES.train, PLANNED_NOTES)
    np.testing.assert_array_equal(model.plans, note_plans(kept, PLANNED_NOTES))


@pytest.mark.parametrize(("noise", "l2", "as_reported"), [(0.2, 0.0, False), (0.0, 0.03, False), (0.2, 0.03, True)])
def test_noise_and_l2_reach_the_networks(noise, l2, as_reported):
    changed = config(wgan=True, noise=noise, l2=l2, as_reported=as_reported, penalty="none")
    model = prepare(changed, SIDES, 0, None).model
    for network in (model.generator, model.discriminator):
        assert {layer.stddev for layer in layers_of(network, keras.layers.GaussianNoise)} == (
            {noise} if noise else set()
        )
        dense = [layer.kernel_regularizer for layer in layers_of(network, keras.layers.Dense)]
        strengths = {round(float(regulariser.l2), 6) for regulariser in dense if regulariser is not None}
        assert strengths == ({l2} if l2 else set())


@pytest.mark.parametrize("wgan", [False, True])
def test_as_reported(wgan):
    training = prepare(config(wgan=wgan, as_reported=True, penalty="none", batch_size=16), SIDES, 0, None)
    model = training.model
    assert isinstance(model, ReportedGAN)
    assert (model.objective, model.penalty) == ("wasserstein" if wgan else "bce", "none")
    assert (model.discriminator_steps, model.averaging, model.latent_dim) == (1, 0, 1000)
    for optimizer in (model.generator_optimizer, model.discriminator_optimizer):
        assert isinstance(optimizer, keras.optimizers.Adam)
        assert (float(optimizer.learning_rate), optimizer.beta_1) == pytest.approx((2e-4, 0.5))
    assert training.batches[0].shape == (16, LENGTH, 1)


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
    found = training.measure(1, False)
    assert training.measure(1, False) == found
    assert 0 <= found["musical_distance"] <= 2
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
