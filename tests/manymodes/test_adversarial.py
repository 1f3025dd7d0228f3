import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from manymodes.nn import adversarial
from manymodes.nn.adversarial import OBJECTIVES, PENALTIES, AdversarialModel
from manymodes.nn.randomness import RandomBatches, make_deterministic

L = keras.layers
LATENT, WIDTH = 3, 2
LN3 = math.log(3)
REAL, FAKE = np.array([[0.0], [LN3]], np.float32), np.array([[0.0], [-LN3]], np.float32)

pytestmark = pytest.mark.usefixtures("deterministic")


@pytest.mark.parametrize(
    ("objective", "discriminator", "generator"),
    [
        # softplus(0) = ln 2, softplus(ln 3) = ln 4, softplus(−ln 3) = ln 4/3, softplus(2 ln 3) = ln 10
        ("bce", math.log(2 * 4 / 3) / 2, math.log(2 * 4) / 2),
        ("wasserstein", -LN3, LN3 / 2),
        ("relativistic", math.log(2 * 10 / 9) / 2, math.log(2 * 10) / 2),
    ],
)
def test_losses_by_hand(objective, discriminator, generator):
    losses = [float(loss(REAL, FAKE)) for loss in OBJECTIVES[objective]]
    assert losses == pytest.approx([discriminator, generator], rel=1e-6)
    far = np.array([[1e4], [-1e4]], np.float32)
    assert all(np.isfinite(loss(far, -far)) for loss in OBJECTIVES[objective])


def test_the_penalty_of_a_flat_critic_has_a_finite_gradient():
    gradient = tf.Variable(tf.zeros([2, 3]))
    with tf.GradientTape() as tape:
        penalty = adversarial.interpolation_penalty(gradient)
    assert np.isfinite(tape.gradient(penalty, gradient)).all()


def linear_players(
    rate=0.0, critic_rate=0.0, *, critic=(3.0, 4.0), generator="zeros", l2=0.0, averaging=0.0, **options
):
    """Build D(x) = w·x and G(z) = K z, which learn by gradient descent at these rates."""
    model = options.pop("model", AdversarialModel)
    dense = {"use_bias": False, "kernel_regularizer": keras.regularizers.L2(l2) if l2 else None}
    generates = keras.Sequential([keras.Input((LATENT,)), L.Dense(WIDTH, kernel_initializer=generator, **dense)])
    scores = keras.Sequential([keras.Input((WIDTH,)), L.Dense(1, **dense)])
    scores.set_weights([np.array(critic, np.float32)[:, None]])
    players = model(generates, scores, averaging=averaging)
    players.compile(sgd(rate), sgd(critic_rate), **{"objective": "wasserstein", **options})
    return players


def recorded(model, hook):
    """Return a list to which every tensor that passes through ``prepare`` or ``emit`` is added."""
    seen = []
    setattr(model, hook, lambda tensor, *_: seen.append(np.asarray(tensor)) or tensor)
    return seen


def update(model, batch):
    """Make one update of the model and return what it logs."""
    return {name: float(value) for name, value in model.train_step((tf.constant(batch, tf.float32),)).items()}


def sgd(rate):
    return keras.optimizers.SGD(float(rate))


def critic_of(model):
    return model.discriminator.get_weights()[0][:, 0]


def test_the_logs_of_a_step(eager):
    model = linear_players()
    # w·x is 3 and 11 for the real ones, 0 for what G = 0 makes.
    logs = update(model, [[1.0, 0.0], [1.0, 2.0]])
    assert [metric.name for metric in model.metrics] == list(logs)
    # K = 0 moves by −mean(z) wᵀ, which chance decides; w by −mean(x), which is (1, 1).
    assert logs.pop("generator_gradient") > 0
    expected = {"discriminator_loss": -7, "score_gap": 7, "generator_loss": 0, "discriminator_gradient": 2**0.5}
    assert logs == pytest.approx(expected)


@pytest.mark.parametrize("interval", [1, 3])
@pytest.mark.parametrize(
    ("penalty", "slope"),
    [("gradient", lambda w: 2 * (np.linalg.norm(w) - 1) * w / np.linalg.norm(w)), ("r1r2", lambda w: 2 * w)],
)
def test_the_penalty_moves_the_critic_at_its_weight_and_interval(eager, penalty, slope, interval):
    model = linear_players(0.0, 0.01, penalty=penalty, penalty_weight=0.5, penalty_interval=interval)
    w = critic_of(model)
    for step in range(4):
        update(model, np.zeros((2, WIDTH)))  # real and generated are alike: nothing else pulls at the critic
        if step % interval == 0:
            w = w - 0.01 * 0.5 * interval * slope(w)
        np.testing.assert_allclose(critic_of(model), w, rtol=1e-5)


def test_the_penalty_lies_between_real_and_generated_examples(eager):
    model = linear_players()
    real, fake = tf.zeros([64, WIDTH]), tf.ones([64, WIDTH])
    seen = []
    model._score = lambda examples, _: seen.append(np.asarray(examples)) or tf.reduce_sum(examples, axis=1)
    model._gradient_between(tf.concat([real, fake], axis=0), None, tf.constant(0, tf.int64))
    (between,) = seen
    np.testing.assert_array_equal(between[:, 0], between[:, 1])  # one place an example, on the straight line
    assert ((between >= 0) & (between <= 1)).all()
    assert len(np.unique(between[:, 0])) > 60
    assert 0.3 < between.mean() < 0.7


def test_clipping_bounds_the_critic_alone():
    model = linear_players(0.1, 10.0, generator="ones", penalty="clip", clip=0.05, discriminator_steps=2)
    for _ in range(2):
        model.train_on_batch(np.array([[5.0, 0.0]] * 2 + [[7.0, 0.0]] * 2, np.float32))
        assert np.abs(critic_of(model)).max() == pytest.approx(0.05)
    assert np.abs(model.generator.get_weights()[0]).max() > 0.5


def test_the_critic_steps_divide_the_batch_and_every_call_of_the_generator_draws_its_own_latents(eager):
    model = linear_players(0.0, 0.1, discriminator_steps=3)
    batch = np.random.default_rng(1).normal(size=(7, WIDTH)).astype(np.float32)  # the seventh is one too many
    before = critic_of(model)
    parts, fakes = recorded(model, "prepare"), recorded(model, "emit")
    update(model, batch)
    assert [part.shape[0] for part in parts] == [2, 2, 2]
    np.testing.assert_array_equal(np.concatenate(parts), batch[:6])
    # ∂/∂w (mean w·G(z) − mean w·x) = −mean x, G being zero
    np.testing.assert_allclose(
        critic_of(model), before + 0.1 * batch[:6].reshape(3, 2, WIDTH).mean(1).sum(0), rtol=1e-5
    )
    model.generator.set_weights([np.ones((LATENT, WIDTH), np.float32)])
    for _ in range(2):
        update(model, batch)
    assert [fake.shape[0] for fake in fakes] == [2] * 12  # three for the discriminator and one for the generator
    assert len({value for fake in fakes[4:] for value in fake[:, 0]}) == 16


class Conditional(AdversarialModel):
    """The last column of a batch is the condition of the others."""

    def prepare(self, batch):
        return batch[:, :-1]

    def conditions(self, batch):
        return batch[:, -1:]


@pytest.mark.parametrize(("objective", "penalty"), [("wasserstein", "gradient"), ("relativistic", "r1r2")])
def test_real_and_generated_examples_are_judged_under_the_same_conditions(eager, penalty, objective):
    # The generator copies its condition and the critic subtracts it: D = w·(x − condition).
    generates = keras.Sequential([keras.Input((LATENT + 1,)), L.Dense(WIDTH, use_bias=False)])
    generates.set_weights([np.array([[0.0] * WIDTH] * LATENT + [[1.0] * WIDTH], np.float32)])
    inputs = [keras.Input((WIDTH,)), keras.Input((1,))]
    score = L.Dense(1, use_bias=False, kernel_initializer="ones")(L.Subtract()(inputs))
    model = Conditional(generates, keras.Model(inputs, score), condition_dim=1)
    assert model.latent_dim == LATENT
    model.compile(sgd(0), sgd(0), objective=objective, penalty=penalty, discriminator_steps=2, clip=9.0)
    batch = np.array([[c + 1, c, c] for c in (10.0, 20.0, 30.0, 40.0)], np.float32)
    logs = update(model, batch)
    assert logs["score_gap"] == pytest.approx(1)  # 0 for what is generated, 1 for what is real
    assert logs["generator_loss"] == pytest.approx(0 if objective == "wasserstein" else math.log(1 + math.e))
    if penalty == "r1r2":
        assert logs["penalty"] == pytest.approx(WIDTH)  # the gradient is of the examples, not of the conditions


def test_features_are_matched_on_average(eager):
    # D(x) = w·f(x) with features f(x) = 2 x, and G(z) = 0
    double = keras.initializers.Constant(2 * np.eye(WIDTH))
    features = L.Dense(WIDTH, use_bias=False, kernel_initializer=double, name=adversarial.FEATURES)
    generates = keras.Sequential([keras.Input((LATENT,)), L.Dense(WIDTH, kernel_initializer="zeros")])
    scores = keras.Sequential([keras.Input((WIDTH,)), features, L.Dense(1, use_bias=False)])
    model = AdversarialModel(generates, scores)
    model.compile(sgd(0.1), sgd(0), feature_matching=True)
    batch = [[1.0, 0.0], [3.0, -2.0]]  # (2, −1) on average, and its features (4, −2)
    assert update(model, batch)["generator_loss"] == pytest.approx(16 + 4)
    # ∂/∂bias ‖2 bias − (4, −2)‖² = −4 (4, −2) at 0
    np.testing.assert_allclose(model.generator.get_weights()[1], [1.6, -0.8], rtol=1e-5)


@pytest.mark.parametrize("steps", [1, 3])
def test_the_generator_climbs_the_critic_as_it_will_be(eager, steps):
    model = linear_players(0.1, unrolled_steps=steps, unrolled_rate=0.5)
    batch = np.array([[2.0, 0.0], [0.0, 0.0]], np.float32)
    update(model, batch)
    # G = 0, so that each step ahead moves w = (3, 4) by half of mean x = (1, 0); K moves along that w.
    ahead = np.array([3 + 0.5 * steps, 4])
    kernel = model.generator.get_weights()[0]
    np.testing.assert_allclose(kernel[:, 1], kernel[:, 0] * ahead[1] / ahead[0], rtol=1e-5)
    np.testing.assert_allclose(critic_of(model), [3, 4])  # the critic itself has not moved


class Shifted(AdversarialModel):
    """Adds a random number to all that is scored, and records both."""

    def augment(self, examples, seed):
        shift = tf.random.stateless_uniform([], seed)
        self.__dict__.setdefault("augmented", []).append((np.asarray(examples), float(shift)))
        return examples + shift


def test_everything_that_is_scored_is_augmented(eager):
    model = linear_players(generator="ones", model=Shifted, objective="relativistic", discriminator_steps=2)
    batch = np.arange(8.0).reshape(4, WIDTH)
    update(model, batch)
    examples, shifts = zip(*model.augmented, strict=True)
    # Real and generated together for two critic steps; for the generator one after the other.
    assert [len(part) for part in examples] == [4, 4, 2, 2]
    np.testing.assert_array_equal(np.concatenate([examples[0][:2], examples[1][:2]]), batch)
    np.testing.assert_array_equal(examples[2], batch[2:])
    assert len(set(shifts)) == 4


def test_regularisation_enters_both_updates(eager):
    # The critic is 0 and real examples are what the generator makes on average of nothing: only L2 pulls.
    model = linear_players(0.1, critic=(0.0, 0.0), generator="ones", l2=0.25)
    logs = update(model, np.zeros((4, WIDTH)))
    np.testing.assert_allclose(model.generator.get_weights()[0], 1 - 0.1 * 2 * 0.25, rtol=1e-6)
    assert logs["generator_loss"] == 0  # the loss that is shown is the objective alone

    model = linear_players(0.0, 0.1, l2=0.25)
    logs = update(model, np.zeros((4, WIDTH)))
    np.testing.assert_allclose(critic_of(model), np.array([3.0, 4.0]) * (1 - 0.1 * 2 * 0.25), rtol=1e-6)
    assert logs["discriminator_loss"] == 0


@pytest.mark.parametrize("averaging", [0.0, 0.75, 1.0])
def test_the_averaged_generator_is_the_moving_average(eager, averaging):
    model = linear_players(0.1, 0.1, generator="ones", averaging=averaging)
    average = model.generator.get_weights()[0]
    for number in range(3):
        update(model, np.full((2, WIDTH), number + 1.0))
        current = model.generator.get_weights()[0]
        decay = averaging if averaging < 1 else (1 + number) / (8 + number)
        average = decay * average + (1 - decay) * current
        np.testing.assert_allclose(model.averaged_generator.get_weights()[0], average, rtol=1e-6)
    assert np.allclose(average, current) == (averaging == 0)
    latents = np.random.default_rng(0).normal(size=(5, LATENT)).astype(np.float32)
    np.testing.assert_allclose(model(latents), latents @ average, rtol=1e-5)
    assert model.averaged_generator.trainable_variables == []


def noisy_players():
    """Build small networks with dropout, noise, regularisation and normalisation."""
    make_deterministic(1)

    def network(name, width, *layers):
        dense = L.Dense(4, activation="tanh", kernel_regularizer=keras.regularizers.L2(0.01), name="hidden")
        noise = (L.GaussianNoise(0.3, name="noise"), L.Dropout(0.3, name="dropout"))
        return keras.Sequential([keras.Input((width,), name="inputs"), dense, *noise, *layers], name=name)

    generator = network("generator", LATENT, L.BatchNormalization(name="normalisation"), L.Dense(WIDTH, name="outputs"))
    critic = network("discriminator", WIDTH, L.Dense(1, name="scores"))
    return AdversarialModel(generator, critic, averaging=0.9, name="players")


EXAMPLES = np.random.default_rng(7).normal(size=(40, WIDTH)).astype(np.float32)


def train(model, first_epoch, epochs, **fit):
    batches = RandomBatches(EXAMPLES, 8, 2, seed=5, first_epoch=first_epoch)
    return model.fit(batches, initial_epoch=first_epoch, epochs=epochs, shuffle=False, verbose=0, **fit)


def state_of(model):
    """Return all that training changes, optimizers included."""
    optimizers = model.generator_optimizer.variables + model.discriminator_optimizer.variables
    return [np.asarray(value) for value in [*model.weights, *optimizers]]


def same(one, other):
    return [np.array_equal(a, b) for a, b in zip(one, other, strict=True)]


HARDEST = {"objective": "relativistic", "penalty": "r1r2", "penalty_interval": 3, "discriminator_steps": 2}


# Data sets of TensorFlow are compiled all the same, and it says so.
@pytest.mark.filterwarnings("ignore:Even though the:UserWarning")
def test_continuing_from_a_file_is_training_that_never_stopped(eager, tmp_path):
    whole = noisy_players()
    whole.compile("rmsprop", keras.optimizers.Adam(1e-2, 0.5), **HARDEST)
    halfway = []

    def save(epoch, _):
        if epoch == 1:
            whole(np.zeros((1, LATENT), np.float32))  # generating must not disturb anything
            whole.save(tmp_path / "model.keras")
            halfway.extend(state_of(whole))

    history = train(whole, 0, 4, callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=save)]).history

    keras.utils.set_random_seed(99)  # another process would be seeded otherwise
    continued = keras.models.load_model(tmp_path / "model.keras")
    assert all(same(halfway, state_of(continued)))
    rest = train(continued, 2, 4).history
    assert int(continued.step) == int(whole.step) == 8
    assert all(same(state_of(whole), state_of(continued)))
    assert {name: values[2:] for name, values in history.items()} == rest
    # the states are not equal for lack of training
    assert sum(not alike for alike in same(halfway, state_of(whole))) > 25


@pytest.mark.parametrize(("name", "known"), [("objective", OBJECTIVES), ("penalty", PENALTIES)])
def test_an_unknown_choice_is_refused_with_the_known_ones(name, known):
    with pytest.raises(ValueError, match=f"{name} 'hinge' is not one of {', '.join(known)}"):
        linear_players().compile(**{name: "hinge"})


@pytest.fixture
def mixed_precision():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    yield
    keras.config.set_dtype_policy(before)


def test_it_trains_in_mixed_precision(eager, mixed_precision):
    model = noisy_players()
    model.compile(**HARDEST)
    before = model.get_weights()
    assert model.generator.compute_dtype == "bfloat16"
    for _ in range(2):
        assert all(np.isfinite(value) for value in update(model, EXAMPLES[:8]).values())
    assert {str(weight.dtype) for weight in model.trainable_weights} == {"float32"}
    assert sum(not alike for alike in same(before, model.get_weights())) > 10
    assert all(np.isfinite(weights).all() for weights in model.get_weights())
