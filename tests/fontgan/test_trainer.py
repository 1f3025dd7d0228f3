import keras
import numpy as np
import pytest
import tensorflow as tf
from smallfonts import block_classifiers, small_letters, use_tiny_networks

from fontgan.config import FIXES, FontConfig
from fontgan.data.glyphs import LETTERS
from fontgan.data.groups import find_groups
from fontgan.models.gan import FontGAN
from fontgan.trainer import UNROLLED_STEPS, Data, prepare
from manymodes.files import save_keras
from manymodes.nn.layers import MinibatchDiscrimination
from manymodes.nn.randomness import RandomBatches

LETTERS_TO_LEARN = small_letters(train=4)
CHOICES = [("none", False), ("feature-matching", True), ("unrolled", False), ("minibatch", True), ("best", False)]


def config(fix="best", **changed):
    return FontConfig(**{"fix": fix, "epochs": 3, "batch_size": 4, "updates_per_epoch": 2, "seed": 7, **changed})


def prepared(letters, fix="best", done=0, checkpoint=None, **changed):
    return prepare(config(fix, **changed), Data(letters, block_classifiers()), done, checkpoint)


@pytest.fixture
def _tiny(monkeypatch):
    use_tiny_networks(monkeypatch)


def ready(fix="best", done=0, checkpoint=None, **changed):
    return prepared(LETTERS_TO_LEARN, fix, done, checkpoint, **changed)


def update(training):
    """Make one update with the first batch of the epoch; return what is logged."""
    batch = keras.tree.map_structure(tf.convert_to_tensor, training.batches[0])
    return {name: float(value) for name, value in training.model.train_step(batch).items()}


def learning_rates(model, at):
    """Return the learning rates of both players after so many updates."""
    return [
        float(rate(at) if callable(rate) else rate)
        for rate in (model.generator_optimizer._learning_rate, model.discriminator_optimizer._learning_rate)
    ]


def compared(model):
    return [layer for layer in model.discriminator.layers if isinstance(layer, MinibatchDiscrimination)]


# --- what each fix is


def made_of(training):
    """Return all by which the course's variants may differ."""
    model = training.model
    return {
        "objective": model.objective,
        "penalty": model.penalty,
        "feature_matching": model.feature_matching,
        "unrolled_steps": model.unrolled_steps,
        "minibatch": len(compared(model)),
        "discriminator_steps": model.discriminator_steps,
        "averaging": model.averaging,
        "translation_px": model.translation_px,
        "optimizers": [type(one).__name__ for one in (model.generator_optimizer, model.discriminator_optimizer)],
        "betas": [one.beta_1 for one in (model.generator_optimizer, model.discriminator_optimizer)],
        "learning_rates": [round(rate, 6) for rate in learning_rates(model, 3)],
        "latent_dim": model.latent_dim,
    }


NONE = {
    "objective": "bce",
    "penalty": "none",
    "feature_matching": False,
    "unrolled_steps": 0,
    "minibatch": 0,
    "discriminator_steps": 1,
    "averaging": 0.0,
    "translation_px": 0,
    "optimizers": ["Adam", "Adam"],
    "betas": [0.5, 0.5],
    "learning_rates": [2e-4, 2e-4],
    "latent_dim": 100,
}


@pytest.mark.parametrize(
    ("fix", "changed"),
    [
        ("none", {}),
        ("feature-matching", {"feature_matching": True}),
        ("unrolled", {"unrolled_steps": UNROLLED_STEPS}),
        ("minibatch", {"minibatch": 1}),
    ],
)
def test_a_fix_of_the_course_changes_one_thing(fix, changed):
    training = ready(fix)
    assert isinstance(training.model, FontGAN)
    assert made_of(training) == {**NONE, **changed}
    assert training.model.seed == 7


@pytest.mark.parametrize("conditional", [False, True])
def test_the_best_is_another_model_altogether(conditional):
    model = ready("best", conditional=conditional).model
    assert (model.objective, model.penalty) == ("relativistic", "r1r2")
    assert (model.penalty_weight, model.penalty_interval) == (0.5, 4)
    assert (model.averaging, model.translation_px) == (0.998, 2)
    assert (model.feature_matching, model.unrolled_steps) == (False, 0)
    assert len(compared(model)) == 1
    for optimizer in (model.generator_optimizer, model.discriminator_optimizer):
        assert isinstance(optimizer, keras.optimizers.Adam)
        assert (optimizer.beta_1, optimizer.beta_2) == (0.0, 0.99)


@pytest.mark.usefixtures("_tiny")
def test_the_best_learns_ever_more_slowly():
    model = ready("best", conditional=True, epochs=5, updates_per_epoch=20).model
    # half a cosine from 1e-3 down to a tenth of it, over all the updates there will be
    for at, share in ((0, 1), (50, 0.55), (100, 0.1)):
        assert learning_rates(model, at) == pytest.approx([1e-3 * share] * 2, rel=1e-4)


@pytest.mark.parametrize(("fix", "conditional"), CHOICES)
def test_every_choice_trains(eager, fix, conditional):
    training = ready(fix, conditional=conditional)
    model = training.model
    before = [array.copy() for array in model.get_weights()]
    logs = update(training)
    assert all(np.isfinite(value) for value in logs.values())
    after = model.get_weights()
    assert all(np.isfinite(array).all() for array in after)
    assert sum((old != new).any() for old, new in zip(before, after, strict=True)) > len(before) * 0.7
    images = model.generate(3, seed=1)
    assert images.shape == (3, 28, 28, 1)
    assert np.abs(images).max() <= 1


# --- kinds


@pytest.mark.usefixtures("_tiny")
@pytest.mark.parametrize("fix", FIXES)
def test_a_conditional_model_is_asked_for_letters(fix):
    model, batches, *_ = ready(fix, conditional=True)
    assert model.condition_dim == len(LETTERS)
    assert model.shares == pytest.approx(np.full(len(LETTERS), 1 / len(LETTERS)))
    images, kinds = batches.examples
    np.testing.assert_array_equal(images, LETTERS_TO_LEARN.train.images)
    np.testing.assert_array_equal(kinds, LETTERS_TO_LEARN.train.labels)


@pytest.mark.usefixtures("_tiny")
def test_without_letters_the_best_is_told_groups_that_it_finds():
    model, batches, *_ = ready("best")
    images, kinds = batches.examples
    expected = find_groups(LETTERS_TO_LEARN.train.images, seed=7)
    np.testing.assert_array_equal(images, LETTERS_TO_LEARN.train.images)
    np.testing.assert_array_equal(kinds, expected.of_images)
    assert model.condition_dim == len(expected.shares) == len(LETTERS_TO_LEARN.train.images) // 20
    assert model.shares == pytest.approx(np.bincount(kinds) / len(kinds))


# --- batches


@pytest.mark.usefixtures("_tiny")
@pytest.mark.parametrize("conditional", [False, True])
def test_batches_follow_from_the_seed_and_the_epoch(conditional):
    batches = ready("none", conditional=conditional, updates_per_epoch=3, batch_size=5).batches
    assert isinstance(batches, RandomBatches)
    assert len(batches) == 3
    first = keras.tree.flatten(batches[0])
    assert [len(part) for part in first] == [5] * (1 + conditional)
    later = ready("none", done=2, conditional=conditional, updates_per_epoch=3, batch_size=5).batches
    assert not np.array_equal(keras.tree.flatten(later[0])[0], first[0])
    for _ in range(2):
        batches.on_epoch_end()
    for one, other in zip(keras.tree.flatten(batches[1]), keras.tree.flatten(later[1]), strict=True):
        np.testing.assert_array_equal(one, other)


# --- continuing


@pytest.fixture
def checkpoint(tmp_path):
    """Return a function: train one update, keep the model as a run does; return it and the folder."""

    def make(fix, **changed):
        training = ready(fix, **changed)
        update(training)
        save_keras(training.model, tmp_path / "model.keras")
        return training, tmp_path

    return make


def state_of(model):
    optimizers = model.generator_optimizer.variables + model.discriminator_optimizer.variables
    return [np.asarray(value) for value in [*model.weights, *optimizers]]


@pytest.mark.usefixtures("_tiny", "eager")
@pytest.mark.parametrize(
    ("fix", "conditional"), [("none", True), ("feature-matching", False), ("unrolled", False), ("best", False)]
)
def test_a_checkpoint_is_continued_where_it_stands(checkpoint, fix, conditional):
    (model, batches, *_), folder = checkpoint(fix, conditional=conditional)
    again = ready(fix, done=1, checkpoint=folder, conditional=conditional)
    assert int(again.model.step) == 1
    for one, other in zip(state_of(model), state_of(again.model), strict=True):
        np.testing.assert_array_equal(one, other)
    names = ("objective", "penalty", "penalty_interval", "feature_matching", "unrolled_steps", "translation_px", "seed")
    assert {name: getattr(again.model, name) for name in names} == {name: getattr(model, name) for name in names}
    assert again.model.shares == pytest.approx(model.shares)
    # Groups are found anew, and must be those that the shares and the generator were made for.
    examples = (keras.tree.flatten(one.examples) for one in (batches, again.batches))
    for one, other in zip(*examples, strict=True):
        np.testing.assert_array_equal(one, other)
    update(again)
    assert int(again.model.step) == 2


@pytest.mark.usefixtures("_tiny", "eager")
def test_more_epochs_stretch_the_curve_of_the_learning_rate(checkpoint):
    (model, *_), folder = checkpoint("best", conditional=True, epochs=1)
    again = ready("best", done=1, checkpoint=folder, conditional=True, epochs=50).model
    assert learning_rates(model, 2) == pytest.approx([1e-4] * 2, rel=1e-4)  # it had come to its end
    assert learning_rates(again, 2) == pytest.approx([1e-3] * 2, rel=2e-3)
    assert learning_rates(again, 50) == pytest.approx([5.5e-4] * 2, rel=1e-4)
    assert learning_rates(again, 100) == pytest.approx([1e-4] * 2, rel=1e-4)
    # Where on the curve the next update is follows from how many there have been.
    assert int(again.generator_optimizer.iterations) == int(again.discriminator_optimizer.iterations) == 1
