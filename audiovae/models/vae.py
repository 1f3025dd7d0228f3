"""Autoencoders of one-second sounds: a VAE, one with two levels of latents, and one with codes.

All of them read chunks of 22,050 samples, either directly or as log-mel spectrograms, which Griffin-Lim turns back into
sound. `AudioModel.encoder` and `AudioModel.decoder` are models of their own, saved with the whole.

Notation: B batch, L latents, N codes a chunk, D width of an encoding, K instruments. Features are the inputs and
outputs of networks: sounds [B, 22050] or log-mel spectrograms [B, 88, mels]. Chunks are NumPy's, float32 [n, 22050].
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import keras
import numpy as np
import tensorflow as tf

from audiovae.codes import fingerprint
from audiovae.config import levels_of
from audiovae.data.chunks import CHUNK
from audiovae.metrics.spectra import from_log_mel, log_mel, spectral_loss_tf
from audiovae.models.networks import (
    Form,
    build_bottom_network,
    build_code_decoder,
    build_code_encoder,
    build_latent_decoder,
    build_latent_encoder,
    in_batches,
)
from audiovae.models.quantizer import FiniteScalarQuantizer, VectorQuantizer, perplexity
from manymodes.nn.measured import MeasuredModel
from manymodes.nn.variational import Gaussian, bounded, kl_divergence, standard_normal_like, with_free_bits

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Rebuilt: TypeAlias = tuple[tf.Tensor, tf.Tensor, Mapping[str, tf.Tensor]]

_COMMITMENT = 0.25  # where encodings have a variance of 1
_DECAY, _LEAST_SHARE = 0.95, 0.25  # of a codebook: a code that is not used is noticed within thirty updates
_DIFFERENCE_WEIGHT = 10.0  # mean absolute differences are about a tenth of a spectral loss


@keras.saving.register_keras_serializable(package="audiovae")
class AudioModel(MeasuredModel):
    """The base of the autoencoders: features, the reconstruction loss, steps of training.

    Args:
        instruments: their names.
        input_kind: ``raw`` or ``mel``; with ``mels``, ``fine``, ``width`` and ``dilations`` as in
            `audiovae.models.networks.Form`.
        seed: of all draws of training.

    Attributes:
        encoder: from features to codes or latents.
        decoder: from codes or latents to features.
        file: the file that `audiovae.synthesis.load` has read.
        arguments: names of the constructor's arguments, which are attributes.
    """

    encoder: keras.Model
    decoder: keras.Model
    file: Any = None
    arguments: tuple[str, ...] = ("name", "instruments", "input_kind", "mels", "fine", "width", "dilations", "seed")
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
        self.instruments, self.seed = list(instruments), seed
        self.input_kind, self.mels = input_kind, mels
        self.fine, self.width, self.dilations = fine, width, tuple(dilations)
        self.form = Form(input_kind, mels, fine, width, self.dilations)
        measured = ("difference", "spectral_loss") if input_kind == "raw" else ("difference",)
        self._report(("loss", "reconstruction_loss", *measured, *self._reported))

    def quantities(self, data: Any, seed: tf.Tensor, *, training: bool) -> dict[str, tf.Tensor]:
        """Return losses and what the model reports; ``data`` are features."""
        features, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        estimate, cost, reported = self._rebuild(features, seed, training=training)
        difference = tf.reduce_mean(tf.abs(features - estimate))
        values = {**reported, "difference": difference, "reconstruction_loss": _DIFFERENCE_WEIGHT * difference}
        if self.input_kind == "raw":
            values["spectral_loss"] = tf.reduce_mean(spectral_loss_tf(features, estimate))
            values["reconstruction_loss"] += values["spectral_loss"]
        return {**values, "loss": values["reconstruction_loss"] + cost}

    def _rebuild(self, features: tf.Tensor, seed: tf.Tensor, *, training: bool) -> Rebuilt:
        """Return rebuilt features, a cost beside the reconstruction loss, and further quantities to report, by name."""
        raise NotImplementedError

    def features_of(self, chunks: np.ndarray) -> np.ndarray:
        """Return the inputs of networks: the chunks, or their log-mel spectrograms [n, 88, mels]."""
        return chunks.astype(np.float32, copy=False) if self.input_kind == "raw" else log_mel(chunks, self.mels)

    def sounds_of(self, features: np.ndarray) -> np.ndarray:
        """Return the chunks of features."""
        return features if self.input_kind == "raw" else from_log_mel(features, CHUNK)

    def reconstruct(self, chunks: np.ndarray) -> np.ndarray:
        """Encode and decode chunks, without noise."""
        return self.sounds_of(in_batches(self, self.features_of(chunks)))


class Inferred(NamedTuple):
    """The posterior of features.

    Attributes:
        latents: [B, L], drawn from it.
        top: the distribution at the only level, or at the top.
        divergences: of the posterior from the prior, by level: {"top": [B, top_dim], …}, in nats.
    """

    latents: tf.Tensor
    top: Gaussian
    divergences: Mapping[str, tf.Tensor]


@keras.saving.register_keras_serializable(package="audiovae")
class LatentModel(AudioModel):
    """The base of autoencoders with normally distributed latents.

    Args:
        top_dim: latents of the only level, or of the top.
        beta: weight of the divergence of the posterior from the prior, in nats, beside the reconstruction loss.
        free_bits_nats: see `manymodes.nn.variational.with_free_bits`.
        **kwargs: see `AudioModel`.

    Attributes:
        latent_dim: L, over all levels.
        anneal: the factor of ``beta`` at this point of training, from 0 to 1.
        instrument_means: [K, top_dim], see `fit_instruments`.
        instrument_factors: [K, top_dim, top_dim], Cholesky factors of covariances.
    """

    latent_dim: int
    arguments = (*AudioModel.arguments, "beta", "free_bits_nats")

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
        shape = (len(self.instruments), top_dim)
        self.anneal = self.add_weight(name="anneal", shape=(), initializer="ones", trainable=False)
        self.instrument_means, self.instrument_factors = (
            self.add_weight(name=name, shape=shape, initializer="zeros", trainable=False)
            for name, shape in (("instrument_means", shape), ("instrument_factors", (*shape, top_dim)))
        )

    def infer(self, features: tf.Tensor, noise: tf.Tensor, training: bool = False) -> Inferred:
        """Draw latents of features; ``noise`` [B, L] is standard normal, or 0 for means."""
        raise NotImplementedError

    def below(self, top: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
        """Return latents [B, L] with the given top; those of lower levels are drawn from their prior given the top."""
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
        reported = {f"kl_{level}_nats": tf.reduce_mean(tf.reduce_sum(each, -1)) for level, each in levels.items()}
        if training:
            costs = [with_free_bits(each, self.free_bits_nats) for each in levels.values()]
            cost = self.beta * self.anneal * tf.add_n(costs)
        else:
            cost = self.beta * tf.add_n(list(reported.values()))  # without annealing, to compare epochs
        return self.decoder(inferred.latents, training=training), cost, reported

    def latents(self, chunks: np.ndarray) -> np.ndarray:
        """Return the means of the latents of chunks, float32 [n, L], those of the top first."""
        return in_batches(self._means, self.features_of(chunks))

    def from_latents(self, latents: np.ndarray) -> np.ndarray:
        """Return the chunks of latents [n, L]."""
        return self.sounds_of(in_batches(self.decoder, latents))

    def sample_latents(self, count: int, seed: int, instrument: int | None = None) -> np.ndarray:
        """Draw latents, float32 [count, L], of an instrument, given by its number, or from the prior."""
        noise = np.random.default_rng(seed).standard_normal((count, self.latent_dim), np.float32)
        top, rest = noise[:, : self.top_dim], noise[:, self.top_dim :]
        if instrument is not None:
            top = self.instrument_means.numpy()[instrument] + top @ self.instrument_factors.numpy()[instrument].T
        return in_batches(self.below, top, rest)

    def fit_instruments(self, chunks: np.ndarray, instruments: np.ndarray) -> None:
        """Fit a normal distribution to the latents of each instrument at the top.

        It fits the aggregate of the posteriors of the instrument's chunks: its mean is that of their means, its
        covariance that of their means plus the mean of their variances. An instrument without chunks gets the
        distribution of all chunks. ``chunks`` are [n, 22050], ``instruments`` [n] their numbers.
        """
        no_noise = np.zeros((len(chunks), self.latent_dim), np.float32)
        top = in_batches(self.infer, self.features_of(chunks), no_noise).top
        means, log_variances = (array.astype(np.float64) for array in top)
        centres, factors = [], []
        for number in range(len(self.instruments)):
            own = instruments == number if (instruments == number).any() else np.ones(len(chunks), bool)
            posteriors = np.diag(np.exp(log_variances[own]).mean(axis=0))
            centres.append(means[own].mean(axis=0))
            factors.append(np.linalg.cholesky(np.atleast_2d(np.cov(means[own].T, bias=True)) + posteriors))
        self.instrument_means.assign(np.stack(centres))
        self.instrument_factors.assign(np.stack(factors))

    def divergences(self, chunks: np.ndarray, seed: int) -> dict[str, np.ndarray]:
        """Return the divergence of each latent's posterior from the prior, in nats: {"top": float32 [top_dim], …}."""
        noise = np.random.default_rng(seed).standard_normal((len(chunks), self.latent_dim), np.float32)
        levels = in_batches(self.infer, self.features_of(chunks), noise).divergences
        return {level: each.mean(axis=0) for level, each in levels.items()}


@keras.saving.register_keras_serializable(package="audiovae")
class AudioVAE(LatentModel):
    """A level of ``latent_dim`` latents over a whole chunk, with a standard normal prior (Kingma and Welling, 2014)."""

    arguments = (*LatentModel.arguments, "latent_dim")
    _reported = ("kl_all_nats",)

    def __init__(self, instruments: Sequence[str], *, latent_dim: int = 128, **kwargs: Any) -> None:
        super().__init__(instruments, top_dim=latent_dim, **kwargs)
        self.latent_dim = latent_dim
        self.encoder = build_latent_encoder(self.form, latent_dim)
        self.decoder = build_latent_decoder(self.form, latent_dim)

    def infer(self, features: tf.Tensor, noise: tf.Tensor, training: bool = False) -> Inferred:
        """Draw latents of features; ``noise`` [B, L] is standard normal, or 0 for means."""
        posterior = bounded(self.encoder(features, training=training))
        divergence = kl_divergence(posterior, standard_normal_like(posterior.mean))
        return Inferred(posterior.sample(noise), posterior, {"all": divergence})


@keras.saving.register_keras_serializable(package="audiovae")
class HierarchicalAudioVAE(LatentModel):
    """Two levels of latents: the top over a whole chunk, the bottom over every 23 ms (46 ms of a spectrogram).

    p(top) p(bottom | top) p(x | top, bottom), with q(top | x) q(bottom | x, top): the top is inferred from the sound
    alone, and both the prior of the bottom and the decoder read it. The top has ``top_dim`` latents, the bottom
    ``bottom_channels`` in each of the 43 or 22 coarse frames.
    """

    arguments = (*LatentModel.arguments, "top_dim", "bottom_channels")
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

    def infer(self, features: tf.Tensor, noise: tf.Tensor, training: bool = False) -> Inferred:
        """Draw latents of features; ``noise`` [B, L] is standard normal, or 0 for means."""
        parameters, coarse = self.encoder(features, training=training)
        top = bounded(parameters)
        drawn = top.sample(noise[:, : self.top_dim])
        bottom = bounded(self.bottom_encoder([drawn, coarse], training=training))
        prior = bounded(self.bottom_prior([drawn], training=training))
        divergences = {
            "top": kl_divergence(top, standard_normal_like(top.mean)),
            "bottom": kl_divergence(bottom, prior),
        }
        return Inferred(tf.concat([drawn, bottom.sample(noise[:, self.top_dim :])], axis=-1), top, divergences)

    def below(self, top: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
        """Return latents [B, L] with the given top; those of the bottom are drawn from their prior given the top."""
        return tf.concat([top, bounded(self.bottom_prior([top])).sample(noise)], axis=-1)


@keras.saving.register_keras_serializable(package="audiovae")
class AudioVQVAE(AudioModel):
    """A row of codes for each chunk (van den Oord et al., 2017).

    Args:
        quantizer_kind: ``vq``, a learned codebook, or ``fsq``, a grid.
        codes: their number; of a grid a product of numbers up to 8.
        code_width: D of a codebook.
        commitment: weight of the encodings' squared distance from their codes; or ``auto``: a quarter of the inverse of
            the encodings' variance, so that their scale does not matter. A grid does not use it.
        **kwargs: see `AudioModel`.

    Attributes:
        frames: N, 172 of a sound, 176 of a spectrogram.
        code_count: the number of different codes.
    """

    arguments = (*AudioModel.arguments, "quantizer_kind", "codes", "code_width", "commitment")
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
        self.quantizer_kind, self.codes = quantizer_kind, codes
        self.frames, self.code_count = self.form.codes, codes
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

    def call(self, features: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Return features rebuilt from their codes."""
        codes = self.quantizer(self.encoder(features, training=training)).codes
        return self.decoder(self.quantizer.values_of(codes), training=training)

    def _rebuild(self, features: tf.Tensor, seed: tf.Tensor, *, training: bool) -> Rebuilt:
        encodings = self.encoder(features, training=training)
        quantised = self.quantizer(encodings, training=training)
        reported = {"commitment_loss": quantised.commitment, "perplexity": perplexity(quantised.codes, self.codes)}
        cost = self._commitment_weight(encodings) * quantised.commitment
        return self.decoder(quantised.values, training=training), cost, reported

    def _commitment_weight(self, encodings: tf.Tensor) -> tf.Tensor | float:
        if self.quantizer_kind == "fsq":
            return 0.0
        if self.commitment != "auto":
            return self.commitment
        variance = tf.reduce_mean(tf.math.reduce_variance(encodings, axis=[0, 1]))
        return _COMMITMENT / tf.stop_gradient(tf.maximum(variance, 1e-6))

    def encode_codes(self, chunks: np.ndarray) -> np.ndarray:
        """Return the codes of chunks, int32 [n, N]."""
        return in_batches(self._codes_of, self.features_of(chunks))

    def decode_codes(self, codes: np.ndarray) -> np.ndarray:
        """Return the chunks of codes [n, N]."""
        return self.sounds_of(in_batches(self._features_of_codes, codes))

    def graphs(self) -> dict[str, Any]:
        """Return the functions that its exported form needs, for `manymodes.export`."""
        features = tf.TensorSpec([None, *self.encoder.input_shape[1:]], tf.float32, "features")
        encodings = tf.TensorSpec([None, *self.encoder.output_shape[1:]], tf.float32, "encodings")
        codes = tf.TensorSpec([None, self.frames], tf.int32, "codes")
        return {
            "encode": tf.function(self.encoder, input_signature=[features]),
            "quantise": tf.function(lambda encodings: self.quantizer(encodings).codes, input_signature=[encodings]),
            "decode": tf.function(lambda codes: self.decoder(self.quantizer.values_of(codes)), input_signature=[codes]),
        }

    def arrays(self) -> dict[str, np.ndarray]:
        """Return what its exported form needs beside the graphs: N, and the fingerprint of the model."""
        return {"frames": np.array(self.frames), "maker": np.array(self.maker)}

    @property
    def maker(self) -> str:
        """The fingerprint of the model, which its codes and its prior carry, in hex."""
        return fingerprint(self.get_weights()).hex()

    # Compiled for any number of chunks: run eagerly, they take twice as long, and five times for a few chunks.
    @tf.function(reduce_retracing=True)
    def _codes_of(self, features: tf.Tensor) -> tf.Tensor:
        return self.quantizer(self.encoder(features)).codes

    @tf.function(reduce_retracing=True)
    def _features_of_codes(self, codes: tf.Tensor) -> tf.Tensor:
        return self.decoder(self.quantizer.values_of(codes))

    def reconstruct(self, chunks: np.ndarray) -> np.ndarray:
        """Encode and decode chunks."""
        return self.decode_codes(self.encode_codes(chunks))

    def latents(self, chunks: np.ndarray) -> np.ndarray:
        """Return the encodings of chunks before they are rounded to codes, float32 [n, N D]."""
        return in_batches(self.encoder, self.features_of(chunks)).reshape(len(chunks), -1)

    def from_latents(self, latents: np.ndarray) -> np.ndarray:
        """Return the chunks of encodings [n, N D], rounded to codes, so that chunks can be interpolated."""
        encodings = latents.reshape(len(latents), *self.encoder.output_shape[1:])
        return self.decode_codes(in_batches(lambda part: self.quantizer(part).codes, encodings))
