from operator import attrgetter

import keras
import numpy as np
import pytest
import tensorflow as tf
from smallfonts import block_classifiers, small_letters, tiny_gan, use_tiny_networks

from fontgan.config import FontConfig
from fontgan.data.groups import find_groups
from fontgan.trainer import UNROLLED_STEPS, prepare
from manymodes.files import save_keras
from manymodes.nn.layers import MinibatchDiscrimination

LETTERS_TO_LEARN = small_letters(train=4)


@pytest.fixture
def _tiny(monkeypatch):
    use_tiny_networks(monkeypatch)


def ready(fix="best", done=0, checkpoint=None, **changed):
    settings = {"fix": fix, "epochs": 3, "batch_size": 4, "updates_per_epoch": 2, "seed": 7, **changed}
    return prepare(FontConfig(**settings), (LETTERS_TO_LEARN, block_classifiers()), done, checkpoint)


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


def compiled(model):
    """Return the settings of a compiled model, without the names of its optimizers."""
    config = model.get_compile_config()
    for player in ("generator_optimizer", "discriminator_optimizer"):
        del config[player]["config"]["name"]
    return config


def compares(model):
    """Return whether the discriminator compares the images of a batch."""
    return any(isinstance(layer, MinibatchDiscrimination) for layer in model.discriminator.layers)


@pytest.mark.usefixtures("_tiny")
@pytest.mark.parametrize(
    ("fix", "changed"),
    [
        ("none", {}),
        ("feature-matching", {"feature_matching": True}),
        ("unrolled", {"unrolled_steps": UNROLLED_STEPS}),
        ("minibatch", {}),
    ],
)
def test_a_fix_of_the_course_changes_one_thing(fix, changed):
    model, plain = ready(fix).model, tiny_gan()
    plain.compile(keras.optimizers.Adam(2e-4, 0.5), keras.optimizers.Adam(2e-4, 0.5))
    assert compiled(model) == {**compiled(plain), **changed}
    assert compares(model) == (fix == "minibatch")
    assert (model.averaging, model.translation_px, model.seed) == (0.0, 0, 7)


@pytest.mark.usefixtures("_tiny")
@pytest.mark.parametrize("conditional", [False, True])
def test_the_best_is_another_model_altogether(conditional):
    model = ready("best", conditional=conditional).model
    expected = {"objective": "relativistic", "penalty": "r1r2", "penalty_weight": 0.5, "penalty_interval": 4}
    assert expected.items() <= model.get_compile_config().items()
    assert (model.averaging, model.translation_px, compares(model)) == (1, 2, True)
    assert model.spread == (1 if conditional else 1.08)
    for optimizer in (model.generator_optimizer, model.discriminator_optimizer):
        assert isinstance(optimizer, keras.optimizers.Adam)
        assert (optimizer.beta_1, optimizer.beta_2) == (0.0, 0.99)


@pytest.mark.parametrize(("fix", "conditional"), [("minibatch", True), ("best", False)])  # both kinds of networks
def test_real_networks_train(eager, fix, conditional):
    training = ready(fix, conditional=conditional)
    model = training.model
    before = [array.copy() for array in model.get_weights()]
    assert all(np.isfinite(value) for value in update(training).values())
    after = model.get_weights()
    assert all(np.isfinite(array).all() for array in after)
    assert sum((old != new).any() for old, new in zip(before, after, strict=True)) > len(before) * 0.7


@pytest.mark.usefixtures("_tiny")
def test_without_letters_the_best_is_told_groups_that_it_finds():
    model, batches, *_ = ready("best")
    images, kinds = batches.examples
    expected = find_groups(LETTERS_TO_LEARN.train.images, seed=7)
    np.testing.assert_array_equal(images, LETTERS_TO_LEARN.train.images)
    np.testing.assert_array_equal(kinds, expected.of_images)
    assert model.condition_dim == len(expected.shares) == len(LETTERS_TO_LEARN.train.images) // 20
    assert model.shares == pytest.approx(np.bincount(kinds) / len(kinds))


@pytest.fixture
def checkpoint(tmp_path):
    """Return a function: train one update, keep the model as a run does; return it and the folder."""

    def make(fix, **changed):
        training = ready(fix, **changed)
        update(training)
        save_keras(training.model, tmp_path / "model.keras")
        return training, tmp_path

    return make


@pytest.mark.usefixtures("_tiny", "eager")
@pytest.mark.parametrize(("fix", "conditional"), [("none", True), ("feature-matching", False), ("best", False)])
def test_a_checkpoint_is_continued_where_it_stands(checkpoint, fix, conditional):
    (model, batches, *_), folder = checkpoint(fix, conditional=conditional)
    again = ready(fix, done=1, checkpoint=folder, conditional=conditional)
    assert int(again.model.step) == 1
    for parts in ("weights", "generator_optimizer.variables", "discriminator_optimizer.variables"):
        for one, other in zip(*map(attrgetter(parts), (model, again.model)), strict=True):
            np.testing.assert_array_equal(one, other)
    assert compiled(again.model) == compiled(model)
    assert (again.model.translation_px, again.model.seed) == (model.translation_px, model.seed)
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
