"""Autoencoders of one-second sounds: a VAE, one with two levels of latents, and one with codes.

All of them read sounds of 22,050 samples, either as they are or as log-mel spectrograms, which go back to sound by
Griffin-Lim. `AudioModel.encoder` and `AudioModel.decoder` are models of their own, saved with the whole.

Notation: B batch, L latents, N codes a chunk, D width of an encoding, K instruments. Features are what networks read
and write: sounds [B, 22050] or log-mel spectrograms [B, 88, mels]. Chunks are NumPy's, float32 [n, 22050], one or more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from audiovae.data.chunks import CHUNK
from audiovae.data.grids import levels_of
from audiovae.metrics.spectra import from_log_mel, log_mel, spectral_loss_tf
from audiovae.models.networks import (
    INPUTS,
    Form,
    build_bottom_network,
    build_code_decoder,
    build_code_encoder,
    build_latent_decoder,
    build_latent_encoder,
)
from audiovae.models.quantizer import FiniteScalarQuantizer, VectorQuantizer, perplexity
from manymodes.nn.variational import Gaussian, bounded, kl_divergence, standard_normal_like, with_free_bits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

__all__ = ["AUTO", "QUANTIZERS", "AudioModel", "AudioVAE", "AudioVQVAE", "HierarchicalAudioVAE", "LatentModel"]

QUANTIZERS = ("vq", "fsq")

AUTO = "auto"
"""The commitment that follows from how much encodings vary."""

_COMMITMENT = 0.25  # where encodings have a variance of 1
_DECAY, _LEAST_SHARE = 0.95, 0.25  # of a codebook: a code that is not used is noticed within thirty updates
_DIFFERENCE_WEIGHT = 10.0  # mean absolute differences are about a tenth of a spectral loss
_BATCH = 32


class Rebuilt(NamedTuple):
    """What an autoencoder makes of features in training.

    Attributes:
        features: as they came.
        cost: what is to be minimised beside their being different, scalar.
        reported: further quantities, by their names.
    """

    features: tf.Tensor
    cost: tf.Tensor
    reported: Mapping[str, tf.Tensor]


@keras.saving.register_keras_serializable(package="audiovae")
class AudioModel(keras.Model):
    """What the autoencoders have in common: features, the reconstruction loss, steps of training.

    Args:
        instruments: their names.
        input_kind: ``raw`` or ``mel``.
        mels: bands of the spectrogram.
        fine: channels, see `audiovae.models.networks.Form`.
        width: the same.
        dilations: the same.
        seed: of all draws of training.

    Attributes:
        encoder: from features to what is known of them.
        decoder: from what is known to features.
        file: where it was loaded from, as far as `audiovae.synthesis.load` did it.
    """

    encoder: keras.Model
    decoder: keras.Model
    file: Any = None
    _reported: tuple[str, ...] = ()

    def __init__(
        self,
        instruments: Sequence[str],
        *,
        input_kind: str = "raw",
        mels: int = 128,
        fine: int = 96,
        width: int = 128,
        dilations: Sequence[int] = (1, 3, 9, 27),
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if input_kind not in INPUTS:
            raise ValueError(f"input kind {input_kind!r} is not one of {', '.join(INPUTS)}")
        self.instruments, self.seed = list(instruments), seed
        self.input_kind, self.mels = input_kind, mels
        self.fine, self.width, self.dilations = fine, width, tuple(dilations)
        self.form = Form(input_kind, mels, fine, width, self.dilations)
        measured = ("difference", "spectral_loss") if input_kind == "raw" else ("difference",)
        names = ("loss", "reconstruction_loss", *measured, *self._reported)
        self._trackers = {name: keras.metrics.Mean(name=name) for name in names}
        self.built = True

    # -- the Keras side -----------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        names = ("name", "instruments", "input_kind", "mels", "fine", "width", "dilations", "seed")
        return {name: getattr(self, name) for name in names}

    def build(self, input_shape: Any = None) -> None:
        """Mark the model as built: its parts are when they come."""
        self.built = True

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """The trackers whose names are the keys that the steps return."""
        return list(self._trackers.values())

    def train_step(self, data: Any) -> dict[str, tf.Tensor]:
        """Make one update; ``data`` are features."""
        features, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        seed = tf.stack([tf.constant(self.seed, tf.int64), tf.cast(self.optimizer.iterations, tf.int64)])
        with tf.GradientTape() as tape:
            loss = self._measure(features, seed, training=True)
        variables = self.trainable_variables
        self.optimizer.apply(tape.gradient(loss, variables), variables)
        return {tracker.name: tracker.result() for tracker in self.metrics}

    def test_step(self, data: Any) -> dict[str, tf.Tensor]:
        """Measure a batch of features, with noise that is the same every time."""
        features, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        self._measure(features, tf.constant([self.seed, -1], tf.int64), training=False)
        return {tracker.name: tracker.result() for tracker in self.metrics}

    def _measure(self, features: tf.Tensor, seed: tf.Tensor, *, training: bool) -> tf.Tensor:
        estimate, cost, reported = self._rebuild(features, seed, training=training)
        found = dict(reported)
        found["difference"] = tf.reduce_mean(tf.abs(features - estimate))
        found["reconstruction_loss"] = _DIFFERENCE_WEIGHT * found["difference"]
        if self.input_kind == "raw":
            found["spectral_loss"] = tf.reduce_mean(spectral_loss_tf(features, estimate))
            found["reconstruction_loss"] += found["spectral_loss"]
        found["loss"] = found["reconstruction_loss"] + cost
        for name, value in found.items():
            self._trackers[name].update_state(value)
        return found["loss"]

    def _rebuild(self, features: tf.Tensor, seed: tf.Tensor, *, training: bool) -> Rebuilt:
        """Rebuild features; ``seed`` is of what is drawn."""
        raise NotImplementedError

    # -- sounds -------------------------------------------------------------------------------------------

    def features_of(self, chunks: np.ndarray) -> np.ndarray:
        """Return what networks read of chunks: themselves, or log-mel spectrograms [n, 88, mels]."""
        if self.input_kind == "raw":
            return chunks.astype(np.float32, copy=False)
        return np.concatenate([log_mel(part, self.mels) for (part,) in _batches(chunks)])

    def sounds_of(self, features: np.ndarray) -> np.ndarray:
        """Return the chunks of features."""
        return features if self.input_kind == "raw" else from_log_mel(features, CHUNK)

    def reconstruct(self, chunks: np.ndarray) -> np.ndarray:
        """Encode and decode chunks; nothing is drawn."""
        return self.sounds_of(_in_batches(self, self.features_of(chunks)))


class Inferred(NamedTuple):
    """What is known of features.

    Attributes:
        latents: [B, L], drawn.
        top: what those of the only level, or of the top, were drawn from.
        divergences: of the posterior from the prior, by level: {"top": [B, top_dim], …}, in nats.
    """

    latents: tf.Tensor
    top: Gaussian
    divergences: Mapping[str, tf.Tensor]


@keras.saving.register_keras_serializable(package="audiovae")
class LatentModel(AudioModel):
    """What autoencoders with normally distributed latents have in common.

    Args:
        top_dim: latents of the only level, or of the top.
        beta: weight of the divergence of the posterior from the prior, in nats, beside the reconstruction loss.
        free_bits_nats: see `manymodes.nn.variational.with_free_bits`.
        **kwargs: see `AudioModel`.

    Attributes:
        latent_dim: L, over all levels.
        anneal: what ``beta`` is multiplied with at this point of training, from 0 to 1.
        instrument_means: [K, top_dim], see `fit_instruments`.
        instrument_factors: [K, top_dim, top_dim], Cholesky factors of covariances.
    """

    latent_dim: int

    def __init__(
        self,
        instruments: Sequence[str],
        *,
        top_dim: int,
        beta: float = 1e-3,
        free_bits_nats: float = 0.1,
        **kwargs: Any,
    ) -> None:
        super().__init__(instruments, **kwargs)
        self.top_dim, self.beta, self.free_bits_nats = top_dim, beta, free_bits_nats
        count = len(self.instruments)
        self.anneal, self.instrument_means, self.instrument_factors = (
            self.add_weight(name=name, shape=shape, initializer=initializer, trainable=False)
            for name, shape, initializer in (
                ("anneal", (), "ones"),
                ("instrument_means", (count, top_dim), "zeros"),
                ("instrument_factors", (count, top_dim, top_dim), "zeros"),
            )
        )

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "beta": self.beta, "free_bits_nats": self.free_bits_nats}

    def infer(self, features: tf.Tensor, noise: tf.Tensor, training: bool = False) -> Inferred:
        """Draw latents of features; ``noise`` [B, L] is standard normal, or 0 for means."""
        raise NotImplementedError

    def below(self, top: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
        """Return latents [B, L] of which the top is given, the others drawn from their prior under it."""
        return top

    def call(self, features: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Return features rebuilt from the means of their latents."""
        return self.decoder(self._means(features, training=training), training=training)

    def _means(self, features: tf.Tensor, training: bool = False) -> tf.Tensor:
        return self.infer(features, tf.zeros([tf.shape(features)[0], self.latent_dim]), training=training).latents

    def _rebuild(self, features: tf.Tensor, seed: tf.Tensor, *, training: bool) -> Rebuilt:
        noise = tf.random.stateless_normal([tf.shape(features)[0], self.latent_dim], seed)
        inferred = self.infer(features, noise, training=training)
        levels = inferred.divergences
        found = {f"kl_{level}_nats": tf.reduce_mean(tf.reduce_sum(each, -1)) for level, each in levels.items()}
        if training:
            costs = [with_free_bits(each, self.free_bits_nats) for each in levels.values()]
            cost = self.beta * self.anneal * tf.add_n(costs)
        else:
            cost = self.beta * tf.add_n(list(found.values()))  # the same at every epoch, so that they can be compared
        return Rebuilt(self.decoder(inferred.latents, training=training), cost, found)

    # -- sounds -------------------------------------------------------------------------------------------

    def latents(self, chunks: np.ndarray) -> np.ndarray:
        """Return the means of the latents of chunks, float32 [n, L], those of the top first."""
        return _in_batches(self._means, self.features_of(chunks))

    def from_latents(self, latents: np.ndarray) -> np.ndarray:
        """Return the chunks of latents [n, L]."""
        return self.sounds_of(_in_batches(self.decoder, latents))

    def sample_latents(self, count: int, seed: int, instrument: int | None = None) -> np.ndarray:
        """Draw latents.

        Args:
            count: how many.
            seed: of the draws.
            instrument: its number, for what `fit_instruments` has found of it; None for the prior.

        Returns:
            float32 [count, L].
        """
        noise = np.random.default_rng(seed).standard_normal((count, self.latent_dim), np.float32)
        top, rest = noise[:, : self.top_dim], noise[:, self.top_dim :]
        if instrument is not None:
            top = self.instrument_means.numpy()[instrument] + top @ self.instrument_factors.numpy()[instrument].T
        return _in_batches(self.below, top, rest)

    def fit_instruments(self, chunks: np.ndarray, instruments: np.ndarray) -> None:
        """Find where the sounds of each instrument lie among the latents of the top.

        A normal distribution is fitted to the aggregate of the posteriors of an instrument's chunks: its mean is that
        of their means, its covariance that of their means plus the mean of their variances. An instrument without
        chunks is given what all chunks are together.

        Args:
            chunks: [n, 22050], those to learn from.
            instruments: [n], their numbers.
        """
        still = np.zeros((len(chunks), self.latent_dim), np.float32)
        found = [self.infer(features, none).top for features, none in _batches(self.features_of(chunks), still)]
        means, log_variances = (np.concatenate(parts).astype(np.float64) for parts in zip(*found, strict=True))
        centres, factors = [], []
        for number in range(len(self.instruments)):
            own = instruments == number if (instruments == number).any() else np.ones(len(chunks), bool)
            spread = means[own] - means[own].mean(axis=0)
            covariance = spread.T @ spread / len(spread) + np.diag(np.exp(log_variances[own]).mean(axis=0))
            centres.append(means[own].mean(axis=0))
            factors.append(np.linalg.cholesky(covariance))
        self.instrument_means.assign(np.stack(centres))
        self.instrument_factors.assign(np.stack(factors))

    def divergences(self, chunks: np.ndarray, seed: int) -> dict[str, np.ndarray]:
        """Return how far posteriors are from the prior, averaged over chunks.

        Args:
            chunks: [n, 22050].
            seed: of the latents that are drawn.

        Returns:
            float32 for each latent, in nats, by level: {"top": [top_dim], …}.
        """
        noise = np.random.default_rng(seed).standard_normal((len(chunks), self.latent_dim), np.float32)
        batches = _batches(self.features_of(chunks), noise)
        found = [self.infer(features, drawn).divergences for features, drawn in batches]
        return {level: np.concatenate([each[level] for each in found]).mean(axis=0) for level in found[0]}


@keras.saving.register_keras_serializable(package="audiovae")
class AudioVAE(LatentModel):
    """One level of latents over a whole chunk, with a standard normal prior (Kingma and Welling, 2014).

    Args:
        latent_dim: L.
        **kwargs: see `LatentModel`.
    """

    _reported = ("kl_all_nats",)

    def __init__(self, instruments: Sequence[str], *, latent_dim: int = 128, **kwargs: Any) -> None:
        super().__init__(instruments, top_dim=latent_dim, **kwargs)
        self.latent_dim = latent_dim
        self.encoder = build_latent_encoder(self.form, latent_dim)
        self.decoder = build_latent_decoder(self.form, latent_dim)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "latent_dim": self.latent_dim}

    def infer(self, features: tf.Tensor, noise: tf.Tensor, training: bool = False) -> Inferred:
        """Draw latents of features; ``noise`` [B, L] is standard normal, or 0 for means."""
        posterior = bounded(self.encoder(features, training=training))
        divergence = kl_divergence(posterior, standard_normal_like(posterior.mean))
        return Inferred(posterior.sample(noise), posterior, {"all": divergence})


@keras.saving.register_keras_serializable(package="audiovae")
class HierarchicalAudioVAE(LatentModel):
    """Two levels of latents: the top over a whole chunk, the bottom over every 23 ms (46 ms of a spectrogram).

    p(top) p(bottom | top) p(x | top, bottom), with q(top | x) q(bottom | x, top): the top is inferred from the sound
    itself, and both the prior of the bottom and the decoder read it.

    Args:
        top_dim: latents of the top.
        bottom_channels: latents of the bottom in each of the 43 or 22 coarse frames.
        **kwargs: see `LatentModel`.
    """

    _reported = ("kl_top_nats", "kl_bottom_nats")

    def __init__(
        self, instruments: Sequence[str], *, top_dim: int = 32, bottom_channels: int = 4, **kwargs: Any
    ) -> None:
        super().__init__(instruments, top_dim=top_dim, **kwargs)
        self.bottom_channels = bottom_channels
        self.latent_dim = top_dim + self.form.coarse_frames * bottom_channels
        sizes = (self.form, top_dim, bottom_channels)
        self.encoder = build_latent_encoder(self.form, top_dim, local=True)
        self.bottom_encoder = build_bottom_network(*sizes, local=True, name="bottom_encoder")
        self.bottom_prior = build_bottom_network(*sizes, local=False, name="bottom_prior")
        self.decoder = build_latent_decoder(*sizes)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "top_dim": self.top_dim, "bottom_channels": self.bottom_channels}

    def infer(self, features: tf.Tensor, noise: tf.Tensor, training: bool = False) -> Inferred:
        """Draw latents of features; ``noise`` [B, L] is standard normal, or 0 for means."""
        parameters, heard = self.encoder(features, training=training)
        top = bounded(parameters)
        drawn = top.sample(noise[:, : self.top_dim])
        bottom = bounded(self.bottom_encoder([drawn, heard], training=training))
        prior = bounded(self.bottom_prior([drawn], training=training))
        divergences = {
            "top": kl_divergence(top, standard_normal_like(top.mean)),
            "bottom": kl_divergence(bottom, prior),
        }
        return Inferred(tf.concat([drawn, bottom.sample(noise[:, self.top_dim :])], axis=-1), top, divergences)

    def below(self, top: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
        """Return latents [B, L] of which the top is given, the others drawn from their prior under it."""
        return tf.concat([top, bounded(self.bottom_prior([top])).sample(noise)], axis=-1)


@keras.saving.register_keras_serializable(package="audiovae")
class AudioVQVAE(AudioModel):
    """A row of codes for each chunk (van den Oord et al., 2017).

    Args:
        quantizer_kind: ``vq``, a learned codebook, or ``fsq``, a grid.
        codes: how many there are; of a grid a product of numbers up to 8.
        code_width: D of a codebook.
        commitment: weight of the encodings' squared distance from their codes; or ``auto``: a quarter of the inverse of
            the encodings' variance, so that it counts the same however far apart they are. A grid has no use for it.
        **kwargs: see `AudioModel`.
    """

    _reported = ("commitment_loss", "perplexity")

    def __init__(
        self,
        instruments: Sequence[str],
        *,
        quantizer_kind: str = "vq",
        codes: int = 256,
        code_width: int = 8,
        commitment: float | str = _COMMITMENT,
        **kwargs: Any,
    ) -> None:
        super().__init__(instruments, **kwargs)
        if quantizer_kind not in QUANTIZERS:
            raise ValueError(f"quantizer {quantizer_kind!r} is not one of {', '.join(QUANTIZERS)}")
        self.quantizer_kind, self.codes = quantizer_kind, codes
        self.code_width, self.commitment = code_width, commitment
        learned = quantizer_kind == "vq"
        width = code_width if learned else len(levels_of(codes))
        self.encoder = build_code_encoder(self.form, width, normalised=learned)
        self.decoder = build_code_decoder(self.form, width)
        self.quantizer: Any = (
            VectorQuantizer(codes, decay=_DECAY, least_share=_LEAST_SHARE, seed=self.seed)
            if learned
            else FiniteScalarQuantizer(levels_of(codes))
        )
        self.quantizer.build((None, self.frames, width))

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        names = ("quantizer_kind", "codes", "code_width", "commitment")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}

    @property
    def frames(self) -> int:
        """N: 172 of a sound, 176 of a spectrogram."""
        return self.form.codes

    @property
    def code_count(self) -> int:
        """How many codes there are."""
        return self.codes

    def call(self, features: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Return features rebuilt from their codes."""
        codes = self.quantizer(self.encoder(features, training=training)).codes
        return self.decoder(self.quantizer.values_of(codes), training=training)

    def _rebuild(
        self,
        features: tf.Tensor,
        seed: tf.Tensor,
        *,
        training: bool,
    ) -> Rebuilt:
        encodings = self.encoder(features, training=training)
        quantised = self.quantizer(encodings, training=training)
        found = {"commitment_loss": quantised.commitment, "perplexity": perplexity(quantised.codes, self.codes)}
        cost = self._commitment_weight(encodings) * quantised.commitment
        return Rebuilt(self.decoder(quantised.values, training=training), cost, found)

    def _commitment_weight(self, encodings: tf.Tensor) -> tf.Tensor | float:
        if self.quantizer_kind == "fsq":
            return 0.0  # a grid has no distance to keep
        if self.commitment != AUTO:
            return self.commitment
        variance = tf.reduce_mean(tf.math.reduce_variance(encodings, axis=[0, 1]))
        return _COMMITMENT / tf.stop_gradient(tf.maximum(variance, 1e-6))

    # -- sounds -------------------------------------------------------------------------------------------

    def encode_codes(self, chunks: np.ndarray) -> np.ndarray:
        """Return the codes of chunks, int32 [n, N]."""
        return _in_batches(lambda part: self.quantizer(self.encoder(part)).codes, self.features_of(chunks))

    def decode_codes(self, codes: np.ndarray) -> np.ndarray:
        """Return the chunks of codes [n, N]."""
        values = _in_batches(lambda part: self.decoder(self.quantizer.values_of(part)), codes)
        return self.sounds_of(values)

    def latents(self, chunks: np.ndarray) -> np.ndarray:
        """Return the encodings of chunks before they are rounded to codes, float32 [n, N D]."""
        return _in_batches(self.encoder, self.features_of(chunks)).reshape(len(chunks), -1)

    def from_latents(self, latents: np.ndarray) -> np.ndarray:
        """Return the chunks of encodings [n, N D], rounded to codes: there is a way from one chunk to another."""
        encodings = latents.reshape(len(latents), *self.encoder.output_shape[1:])
        return self.decode_codes(_in_batches(lambda part: self.quantizer(part).codes, encodings))


def _batches(*arrays: np.ndarray) -> Iterator[tuple[np.ndarray, ...]]:
    """Yield some rows of all arrays at a time."""
    for start in range(0, len(arrays[0]), _BATCH):
        yield tuple(array[start : start + _BATCH] for array in arrays)


def _in_batches(function: Callable[..., Any], *arrays: np.ndarray) -> np.ndarray:
    """Return what a function makes of the rows of arrays, at least one."""
    return np.concatenate([np.asarray(function(*parts)) for parts in _batches(*arrays)])
