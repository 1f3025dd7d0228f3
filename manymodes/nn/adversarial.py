"""Adversarial training as one ``keras.Model`` with one compiled update.

All randomness of an update follows from the seed and the number of the update, so that training continued from a
checkpoint draws the same numbers as training that never stopped.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, TypeAlias

import keras
import tensorflow as tf

from manymodes.nn.randomness import reseed_layers

if TYPE_CHECKING:
    from collections.abc import Callable

Scores: TypeAlias = tf.Tensor


def bce_discriminator_loss(real: Scores, fake: Scores) -> tf.Tensor:
    """Mean of −log σ(D(x)) and −log(1 − σ(D(G(z)))), in nats; scores are logits (Goodfellow et al., 2014)."""
    return (tf.reduce_mean(tf.nn.softplus(-real)) + tf.reduce_mean(tf.nn.softplus(fake))) / 2


def bce_generator_loss(_: Scores, fake: Scores) -> tf.Tensor:
    """−E log σ(D(G(z))): the non-saturating form, in nats (Goodfellow et al., 2014)."""
    return tf.reduce_mean(tf.nn.softplus(-fake))


def wasserstein_critic_loss(real: Scores, fake: Scores) -> tf.Tensor:
    """E D(G(z)) − E D(x): its negative estimates the Wasserstein distance (Arjovsky et al., 2017)."""
    return tf.reduce_mean(fake) - tf.reduce_mean(real)


def wasserstein_generator_loss(_: Scores, fake: Scores) -> tf.Tensor:
    """−E D(G(z)) (Arjovsky et al., 2017)."""
    return -tf.reduce_mean(fake)


def relativistic_discriminator_loss(real: Scores, fake: Scores) -> tf.Tensor:
    """E softplus(D(G(z)) − D(x)) over pairs, in nats (Jolicoeur-Martineau, 2018)."""
    return tf.reduce_mean(tf.nn.softplus(fake - real))


def relativistic_generator_loss(real: Scores, fake: Scores) -> tf.Tensor:
    """E softplus(D(x) − D(G(z))) over pairs, in nats (Jolicoeur-Martineau, 2018)."""
    return tf.reduce_mean(tf.nn.softplus(real - fake))


def feature_matching_loss(real: tf.Tensor, fake: tf.Tensor) -> tf.Tensor:
    """‖E f(x) − E f(G(z))‖² over features [batch, …] of the discriminator (Salimans et al., 2016)."""
    return tf.reduce_sum(tf.square(tf.reduce_mean(real, axis=0) - tf.reduce_mean(fake, axis=0)))


OBJECTIVES = {
    "bce": (bce_discriminator_loss, bce_generator_loss),
    "wasserstein": (wasserstein_critic_loss, wasserstein_generator_loss),
    "relativistic": (relativistic_discriminator_loss, relativistic_generator_loss),
}
"""The losses of discriminator and generator."""

PENALTIES = ("none", "clip", "gradient", "r1r2")
FEATURES = "features"
"""The discriminator layer whose outputs feature matching compares."""

_LOSSES = ("generator_loss", "discriminator_loss", "score_gap", "generator_gradient", "discriminator_gradient")
_GRADIENT_PENALTIES = ("gradient", "r1r2")


def squared_gradient_norms(gradient: tf.Tensor) -> tf.Tensor:
    """Return ‖∇ₓ D(x)‖² for each example, shape [batch], from the gradient [batch, …] of the summed scores."""
    return tf.reduce_sum(tf.square(gradient), axis=tf.range(1, tf.rank(gradient)))


def interpolation_penalty(gradient: tf.Tensor) -> tf.Tensor:
    """E (‖∇D(x̂)‖ − 1)², x̂ drawn between a real and a generated example (Gulrajani et al., 2017)."""
    return tf.reduce_mean(tf.square(tf.sqrt(squared_gradient_norms(gradient) + 1e-12) - 1))


def zero_centred_penalty(gradient: tf.Tensor) -> tf.Tensor:
    """E ‖∇D(x)‖² over real and generated examples alike: the mean of R1 and R2 (Mescheder et al., 2018)."""
    return tf.reduce_mean(squared_gradient_norms(gradient))


@keras.saving.register_keras_serializable(package="manymodes")
class AdversarialModel(keras.Model):
    """A generator and a discriminator (or critic), trained by ``fit`` in one compiled step.

    Calling the model maps latent vectors to the outputs of the *averaged* generator, an exponential moving average of
    the generator's weights.

    A conditional model (Mirza and Osindero, 2014) overrides `conditions`, which are appended to the latent vector and
    are the critic's second input.

    A batch is divided evenly among the ``discriminator_steps`` updates that come before each generator update.

    Args:
        generator: latent [batch, latent_dim + condition_dim] → outputs; functional, so that it can be cloned.
        discriminator: examples, or [examples, conditions] → scores [batch, 1], logits or unbounded.
            None for a model that only generates, see `generating`.
        condition_dim: width of the conditions.
        seed: fixes every random draw of training.
        averaging: decay of the moving average of the generator's weights; 0 keeps the last weights. 1 lets it grow
            with the number n of updates, (1 + n) / (8 + n): the average is that of the last seventh of the training, as
            far as it has come.
    """

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model | None,
        *,
        condition_dim: int = 0,
        seed: int = 0,
        averaging: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.generator = generator
        self.discriminator: Any = discriminator
        self.averaged_generator = generator
        if discriminator is not None:
            self.averaged_generator = keras.models.clone_model(generator)
            self.averaged_generator.set_weights(generator.get_weights())
        self.averaged_generator.trainable = False
        self.condition_dim = condition_dim
        self.latent_dim = int(generator.input_shape[-1]) - condition_dim
        self.seed = seed
        self.averaging = averaging
        self.step = self.add_weight(name="step", shape=(), dtype="int64", initializer="zeros", trainable=False)
        self._trackers = {name: keras.metrics.Mean(name=name) for name in (*_LOSSES, "penalty")}
        self._reported: tuple[str, ...] = ()
        self.built = True

    def prepare(self, batch: Any) -> tf.Tensor:
        """Turn a batch of ``fit``, examples or (examples, labels), into what the discriminator reads."""
        return batch

    def conditions(self, batch: Any) -> tf.Tensor | None:
        """Turn a batch of ``fit`` into the conditions [batch, condition_dim] of its examples."""
        return None

    def emit(self, outputs: tf.Tensor, conditions: tf.Tensor | None, seed: tf.Tensor) -> tf.Tensor:
        """Turn the generator's outputs [batch, …] into what the discriminator reads.

        Emissions may depend on conditions [batch, condition_dim], and draw random numbers by a stateless seed [2].
        """
        return outputs

    def augment(self, examples: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Augment examples [batch, …], real and generated alike, by a stateless seed [2] (Zhao et al., 2020)."""
        return examples

    def compile(
        self,
        generator_optimizer: keras.optimizers.Optimizer | str = "adam",
        discriminator_optimizer: keras.optimizers.Optimizer | str = "adam",
        *,
        objective: str = "bce",
        penalty: str = "none",
        penalty_weight: float = 1.0,
        penalty_interval: int = 1,
        clip: float = 0.01,
        discriminator_steps: int = 1,
        feature_matching: bool = False,
        unrolled_steps: int = 0,
        unrolled_rate: float = 0.01,
        **kwargs: Any,
    ) -> None:
        """Choose how the two players learn.

        Args:
            generator_optimizer: a Keras optimizer or its name.
            discriminator_optimizer: another one, never the same object.
            objective: ``bce``, ``wasserstein`` or ``relativistic``.
            penalty: ``none``; ``clip`` keeps every weight of the critic in [−clip, clip] (Arjovsky et al., 2017);
                ``gradient`` is `interpolation_penalty`; ``r1r2`` is `zero_centred_penalty`.
            penalty_weight: factor of the penalty. More makes the critic smoother and slower to learn.
            penalty_interval: the penalty is computed every n updates and multiplied by n (Karras et al., 2020).
            clip: bound of weight clipping.
            discriminator_steps: discriminator updates before each generator update.
            feature_matching: train the generator by `feature_matching_loss` on the layer `FEATURES`.
            unrolled_steps: train the generator against the discriminator n updates later, through those updates
                (Metz et al., 2017).
            unrolled_rate: learning rate of these updates, which are plain gradient descent.
            **kwargs: passed to ``keras.Model.compile``.

        Raises:
            ValueError: an unknown objective or penalty, no layer `FEATURES` to match, or no discriminator.
        """
        if self.discriminator is None:
            raise ValueError("this model has no discriminator to learn by: it only generates")
        for name, value, known in (("objective", objective, OBJECTIVES), ("penalty", penalty, PENALTIES)):
            if value not in known:
                raise ValueError(f"{name} {value!r} is not one of {', '.join(known)}")
        if feature_matching and FEATURES not in {layer.name for layer in self.discriminator.layers}:
            raise ValueError(f"feature matching needs a layer of the discriminator that is called {FEATURES!r}")
        super().compile(**kwargs)
        self.generator_optimizer = keras.optimizers.get(generator_optimizer)
        self.discriminator_optimizer = keras.optimizers.get(discriminator_optimizer)
        self.generator_optimizer.build(self.generator.trainable_variables)
        self.discriminator_optimizer.build(self.discriminator.trainable_variables)
        self.objective, self.penalty = objective, penalty
        self.penalty_weight, self.penalty_interval = penalty_weight, penalty_interval
        self.clip, self.discriminator_steps = clip, discriminator_steps
        self.feature_matching = feature_matching
        self.unrolled_steps, self.unrolled_rate = unrolled_steps, unrolled_rate
        self._discriminator_loss, self._generator_loss = OBJECTIVES[objective]
        self._reported = (*_LOSSES, "penalty") if penalty in _GRADIENT_PENALTIES else _LOSSES
        self._keras_options = kwargs
        if feature_matching:
            featured = keras.Model(self.discriminator.inputs, self.discriminator.get_layer(FEATURES).output)
            # A function: Keras would save the network itself as a part of this model.
            self._features = lambda examples, conditions: _read(featured, examples, conditions)
        # One graph for all updates of a player: without it every extra critic step would be traced anew. No tensor
        # decides what Python does, so that there is nothing to convert, which would take a quarter of the tracing.
        self._discriminator_update = tf.function(self._update_discriminator, autograph=False)

    def get_compile_config(self) -> dict[str, Any]:
        """Return what `compile` was given, optimizers serialised."""
        if not self.compiled:
            return {}
        names = (
            *("objective", "penalty", "penalty_weight", "penalty_interval", "clip", "discriminator_steps"),
            *("feature_matching", "unrolled_steps", "unrolled_rate"),
        )
        return {
            "generator_optimizer": keras.optimizers.serialize(self.generator_optimizer),
            "discriminator_optimizer": keras.optimizers.serialize(self.discriminator_optimizer),
            **{name: getattr(self, name) for name in names},
            **self._keras_options,
        }

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compile as `get_compile_config` described it."""
        optimizers = ("generator_optimizer", "discriminator_optimizer")
        self.compile(**{**config, **{name: keras.optimizers.deserialize(config[name]) for name in optimizers}})

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """The trackers whose names are the keys that `train_step` returns."""
        return [self._trackers[name] for name in self._reported]

    def build(self, input_shape: Any = None) -> None:
        """Mark the model as built: its parts already are."""
        self.built = True

    def call(self, latents: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Return the averaged generator's outputs for latent vectors [batch, latent_dim + condition_dim]."""
        return self.averaged_generator(latents, training=training)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments, the networks serialised whole."""
        return {
            "name": self.name,
            "generator": keras.saving.serialize_keras_object(self.generator),
            "discriminator": keras.saving.serialize_keras_object(self.discriminator),
            "condition_dim": self.condition_dim,
            "seed": self.seed,
            "averaging": self.averaging,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> AdversarialModel:
        """Rebuild the model, untrained, from `get_config`."""
        networks = ("generator", "discriminator")
        return cls(**{**config, **{name: keras.saving.deserialize_keras_object(config[name]) for name in networks}})

    def generating(self) -> AdversarialModel:
        """Return a model of the averaged generator alone: it generates the same, and cannot be trained."""
        generator = keras.saving.serialize_keras_object(self.averaged_generator)
        alone = type(self).from_config({**self.get_config(), "generator": generator, "discriminator": None})
        alone.averaged_generator.set_weights(self.averaged_generator.get_weights())
        return alone

    def train_step(self, data: Any) -> dict[str, tf.Tensor]:
        """Make ``discriminator_steps`` discriminator updates and one generator update."""
        examples, labels, _ = keras.utils.unpack_x_y_sample_weight(data)
        batch = examples if labels is None else (examples, labels)
        reseed_layers([self.generator, self.discriminator], self.seed, self.step)
        size = tf.shape(examples)[0] // self.discriminator_steps
        tf.debugging.assert_positive(size, "a batch must have an example for each discriminator step")
        for number in range(self.discriminator_steps):
            begin, end = number * size, (number + 1) * size
            part = keras.tree.map_structure(lambda whole: whole[begin:end], batch)  # noqa: B023 - used at once
            real, conditions = self.prepare(part), self.conditions(part)
            self._discriminator_update(real, conditions, tf.constant(number, tf.int64))
        self._update_generator(real, conditions)
        self.step.assign_add(1)
        return {tracker.name: tracker.result() for tracker in self.metrics}

    def _draw_seed(self, purpose: int, number: tf.Tensor | int = 0) -> tf.Tensor:
        """Return a stateless seed [2] for one purpose within one update."""
        calls = max(self.discriminator_steps, self.unrolled_steps + 1)
        counter = (self.step * calls + tf.cast(number, tf.int64)) * 8 + purpose
        return tf.stack([tf.constant(self.seed, tf.int64), tf.cast(counter, tf.int64)])

    def _generate(
        self, size: tf.Tensor, conditions: tf.Tensor | None, number: tf.Tensor | int, player: int
    ) -> tf.Tensor:
        seed = self._draw_seed(player * 2, number)
        latents = tf.random.stateless_normal([size, self.latent_dim], seed)
        if conditions is not None:
            latents = tf.concat([latents, conditions], axis=-1)
        outputs = self.generator(latents, training=True)
        return self.emit(outputs, conditions, self._draw_seed(player * 2 + 1, number))

    def _update_discriminator(self, real: tf.Tensor, conditions: tf.Tensor | None, number: tf.Tensor) -> None:
        # before the condition, because each of its branches is a graph
        examples, both = self._beside_generated(real, conditions, number, player=0)
        step = functools.partial(self._step_discriminator, examples, both, number)
        penalised = self.penalty in _GRADIENT_PENALTIES
        if penalised and self.penalty_interval > 1:
            count = self.step * self.discriminator_steps + number
            tf.cond(count % self.penalty_interval == 0, lambda: step(penalised=True), lambda: step(penalised=False))
        else:
            step(penalised=penalised)
        if self.penalty == "clip":
            for weight in self.discriminator.trainable_variables:
                weight.assign(tf.clip_by_value(weight, -self.clip, self.clip))

    def _beside_generated(
        self, real: tf.Tensor, conditions: tf.Tensor | None, number: tf.Tensor | int, player: int
    ) -> tuple[tf.Tensor, tf.Tensor | None]:
        """Return real examples and as many generated ones in one batch, augmented, and their conditions.

        One pass over both: a recurrent discriminator costs by the call, hardly by the row.
        """
        fake = tf.cast(self._generate(tf.shape(real)[0], conditions, number, player), real.dtype)
        examples = self.augment(tf.concat([real, fake], axis=0), self._draw_seed(4 + 2 * player, number))
        return examples, None if conditions is None else tf.concat([conditions, conditions], axis=0)

    def _step_discriminator(
        self, examples: tf.Tensor, both: tf.Tensor | None, number: tf.Tensor, *, penalised: bool
    ) -> None:
        with tf.GradientTape() as tape:
            with tf.GradientTape(watch_accessed_variables=False) as input_tape:
                input_tape.watch(examples)
                scores = self._score(examples, both)
                # The sum couples no two examples unless the critic does, so one gradient holds every example's.
                total_score = tf.reduce_sum(scores)
            real_scores, fake_scores = tf.split(scores, 2)
            loss = self._discriminator_loss(real_scores, fake_scores)
            total = loss + _regularisation(self.discriminator)
            if penalised:
                if self.penalty == "r1r2":
                    penalty = zero_centred_penalty(input_tape.gradient(total_score, examples))
                else:
                    penalty = interpolation_penalty(self._gradient_between(examples, both, number))
                total += self.penalty_weight * self.penalty_interval * penalty
                self._trackers["penalty"].update_state(penalty)
        self._descend("discriminator", tape, loss, total)
        self._trackers["score_gap"].update_state(tf.reduce_mean(real_scores) - tf.reduce_mean(fake_scores))

    def _descend(self, player: str, tape: tf.GradientTape, loss: tf.Tensor, total: tf.Tensor) -> None:
        """Update the generator or discriminator by the gradient of its ``total``; report its length and the loss."""
        variables = getattr(self, player).trainable_variables
        gradients = tape.gradient(total, variables)
        getattr(self, f"{player}_optimizer").apply(gradients, variables)
        length = tf.linalg.global_norm([gradient for gradient in gradients if gradient is not None])
        self._trackers[f"{player}_gradient"].update_state(length)
        self._trackers[f"{player}_loss"].update_state(loss)

    def _score(self, examples: tf.Tensor, conditions: tf.Tensor | None) -> Scores:
        return _read(self.discriminator, examples, conditions)

    def _unrolled(self, real: tf.Tensor, conditions: tf.Tensor | None) -> Callable[..., Scores]:
        """Return the discriminator after `unrolled_steps` updates, differentiable in what it sees."""
        weights = [tf.convert_to_tensor(variable) for variable in self.discriminator.trainable_variables]
        others = [tf.convert_to_tensor(variable) for variable in self.discriminator.non_trainable_variables]

        def call(inputs: Any, *, training: bool) -> Scores:
            return self.discriminator.stateless_call(weights, others, inputs, training=training)[0]

        for number in range(1, self.unrolled_steps + 1):
            examples, both = self._beside_generated(real, conditions, number, player=1)
            with tf.GradientTape() as tape:
                tape.watch(weights)
                loss = self._discriminator_loss(*tf.split(_read(call, examples, both), 2))
            gradients = tape.gradient(loss, weights)
            weights = [weight - self.unrolled_rate * change for weight, change in zip(weights, gradients, strict=True)]
        return call

    def _gradient_between(self, examples: tf.Tensor, both: tf.Tensor | None, number: tf.Tensor) -> tf.Tensor:
        """Return the critic's gradient between the real first half of examples and the generated second one."""
        real, fake = tf.split(examples, 2)
        conditions = None if both is None else tf.split(both, 2)[0]
        shape = tf.concat([tf.shape(real)[:1], tf.ones_like(tf.shape(real)[1:])], axis=0)
        mix = tf.random.stateless_uniform(shape, self._draw_seed(5, number))
        between = mix * real + (1 - mix) * fake
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(between)
            total_score = tf.reduce_sum(self._score(between, conditions))
        return tape.gradient(total_score, between)

    def _update_generator(self, real: tf.Tensor, conditions: tf.Tensor | None) -> None:
        real = self.augment(real, self._draw_seed(7))
        # The scores of real examples do not depend on the generator, unless it is unrolled.
        known: tf.Tensor = tf.zeros([1, 1])
        if self.feature_matching:
            known = self._features(real, conditions)
        elif self.objective == "relativistic" and not self.unrolled_steps:
            known = self._score(real, conditions)
        with tf.GradientTape() as tape:
            fake = self._generate(tf.shape(real)[0], conditions, 0, player=1)
            fake = self.augment(tf.cast(fake, real.dtype), self._draw_seed(6))
            if self.feature_matching:
                loss = feature_matching_loss(known, self._features(fake, conditions))
            elif self.unrolled_steps:
                later = self._unrolled(real, conditions)
                loss = self._generator_loss(*(_read(later, examples, conditions) for examples in (real, fake)))
            else:
                loss = self._generator_loss(known, self._score(fake, conditions))
            total = loss + _regularisation(self.generator)
        self._descend("generator", tape, loss, total)
        decay: Any = self.averaging
        if decay == 1:
            updates = tf.cast(self.step, tf.float32)
            decay = (1 + updates) / (8 + updates)
        for average, current in zip(self.averaged_generator.variables, self.generator.variables, strict=True):
            if average.dtype == current.dtype and "float" in str(average.dtype):
                average.assign(decay * average + (1 - decay) * current)


def _read(network: Callable[..., tf.Tensor], examples: tf.Tensor, conditions: tf.Tensor | None) -> tf.Tensor:
    inputs = examples if conditions is None else [examples, conditions]
    return tf.cast(network(inputs, training=True), tf.float32)


def _regularisation(model: keras.Model) -> tf.Tensor:
    """Return the sum of the layers' own losses (L2), 0 where there are none."""
    return tf.add_n(model.losses) if model.losses else tf.constant(0.0)
