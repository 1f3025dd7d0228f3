"""The metrics of an autoencoder of sounds: metrics.json, of test chunks, whose tunes, grooves or files are held out.

Keys of metrics.json; one that does not apply to a model is null:

- ``model``, ``input``, ``mels``, ``quantizer``: its settings; ``parameters``: number of trained weights; ``n``: of test
  chunks; ``train_seconds``: of the updates, without validation.
- Between test chunks and their reconstructions, means over chunks: ``mse``; ``cosine``, the cosine similarity;
  ``spectral_convergence``, 0 for equal magnitudes; ``mel_distance``, in dB; ``si_sdr``, in dB, limited to −30 to 60
  for each chunk. See `audiovae.metrics.spectra`.
- ``griffin_lim``: the same five for what Griffin-Lim makes of the log-mel spectrograms of the chunks themselves, which
  is the best that a model of spectrograms can reach; null for models of samples.
- ``instruments``: for each, the number of its test chunks (``n``), their ``spectral_convergence``, and the share of the
  reconstructions recognised as it (``hit``).
- ``codes``: their number; ``bits_per_second``: of a sound as codes, log₂ ``codes`` for each. ``codebook_use``: share of
  the codes that occur in the test chunks. ``perplexity``: the number of codes that, used evenly, would be as diverse;
  ``perplexity_nonsilent``: the same where the sound is not silent (`audiovae.data.chunks.QUIETEST_RMS`).
- ``latents``: their number; ``active_units``: share of them whose posterior mean varies by more than 0.01 (Burda
  et al., 2016). ``kl_nats``: divergence of posterior from prior, summed over latents; ``kl_top_nats`` and
  ``kl_bottom_nats``: of the levels, where there are two.
- ``rtf_encode``, ``rtf_decode``: real-time factors, seconds of sound that are encoded to codes or latents, or decoded
  from them, in a second on this machine, 32 chunks at a time: 20 is 20 times as fast as it plays.
- ``instrument_hit_real``: share of the test chunks whose instrument the recogniser (`audiovae.metrics.recognition`)
  recognises; ``instrument_hit_reconstructed``: the same of their reconstructions. ``instrument_hit``: share of new
  sounds recognised as the requested instrument, 20 for each; VAEs draw them around the latents of the instrument's
  sounds, VQ-VAEs from the prior over codes, once it is trained.
- ``prior_bits``: bits that a code of the test chunks costs under the prior, which knows the instrument;
  ``unigram_bits``, ``bigram_bits``: the same under counts of codes (`audiovae.models.prior.counted_bits`); of VQ-VAEs
  once a prior over them is trained.
"""

from __future__ import annotations

import functools
import math
import timeit
from typing import TYPE_CHECKING, Any

import numpy as np

from audiovae.data.chunks import CHUNK, sounding_parts
from audiovae.metrics import spectra
from audiovae.models.quantizer import perplexity
from audiovae.models.vae import AudioVQVAE, LatentModel
from audiovae.synthesis import raw_sounds
from manymodes.cli import UserError
from manymodes.experiment.fit import has_diverged
from manymodes.experiment.records import plain
from manymodes.nn.latents import active_units

if TYPE_CHECKING:
    from audiovae.data.sounds import Sounds
    from audiovae.metrics.recognition import Recogniser
    from audiovae.models.vae import AudioModel

SAMPLES = 20
"""New sounds of each instrument for ``instrument_hit``."""

DIGITS = 6
"""Of all numbers, after the point."""

_TIMED_CHUNKS = 32
_TIMED_RUNS = 3
_SI_SDR_RANGE = -30.0, 60.0
_OF_SOME_MODELS = (
    *("codes", "bits_per_second", "codebook_use", "perplexity", "perplexity_nonsilent"),
    *("latents", "active_units", "kl_nats", "kl_top_nats", "kl_bottom_nats", "instrument_hit"),
    *("prior_bits", "unigram_bits", "bigram_bits"),
)


def evaluate(
    model: AudioModel,
    sounds: Sounds,
    recogniser: Recogniser,
    *,
    seed: int,
    train_seconds: float,
    made: np.ndarray | None = None,
) -> dict[str, Any]:
    """Return the metrics of a trained model on the test chunks; ``made`` are their reconstructions, if they exist.

    A model that has diverged raises a UserError.
    """
    if has_diverged(model):
        raise UserError("training has diverged, this model makes no sound: train again with another --seed")
    chunks = sounds.test.chunks
    measured: dict[str, Any] = {
        "model": {"AudioVAE": "vae", "HierarchicalAudioVAE": "hvae", "AudioVQVAE": "vqvae"}[type(model).__name__],
        "input": model.input_kind,
        "mels": None if model.input_kind == "raw" else model.mels,
        "quantizer": getattr(model, "quantizer_kind", None),
        "parameters": sum(int(np.prod(weight.shape)) for weight in model.trainable_variables),
        "n": len(chunks),
        "train_seconds": train_seconds,
        **of_rebuilt(sounds, model.reconstruct(chunks) if made is None else made, recogniser),
        "griffin_lim": None if model.input_kind == "raw" else distances(chunks, inverted(sounds, model.mels)),
        **dict.fromkeys(_OF_SOME_MODELS),
        **_speeds(model, chunks),
        "instrument_hit_real": recogniser.hit_real,
    }
    if isinstance(model, AudioVQVAE):
        codes, count = model.encode_codes(chunks), model.code_count
        measured |= {
            "codes": count,
            "bits_per_second": model.frames * math.log2(count),
            **codebook_measures(codes, sounding_codes(chunks, model.frames), count),
            "perplexity": float(perplexity(codes, count)),
        }
    elif isinstance(model, LatentModel):
        nats = {level: float(each.sum()) for level, each in model.divergences(chunks, seed).items()}
        asked = np.repeat(np.arange(len(model.instruments)), SAMPLES)
        measured |= {
            "latents": model.latent_dim,
            "active_units": float(active_units(model.latents(chunks)).mean()),
            "kl_nats": sum(nats.values()),
            "kl_top_nats": nats.get("top"),
            "kl_bottom_nats": nats.get("bottom"),
            "instrument_hit": recogniser.hit(raw_sounds(model, asked, seed), asked),
        }
    return dict(plain(measured, DIGITS))


def distances(reference: np.ndarray, estimate: np.ndarray) -> dict[str, float]:
    """Return the measures between chunks, [n, 22050] each, averaged over them."""
    return {
        "mse": float(spectra.mse(reference, estimate).mean()),
        "cosine": float(spectra.cosine_similarity(reference, estimate).mean()),
        "spectral_convergence": float(spectra.spectral_convergence(reference, estimate).mean()),
        "mel_distance": float(spectra.mel_distance(reference, estimate).mean()),
        "si_sdr": float(np.clip(spectra.si_sdr(reference, estimate), *_SI_SDR_RANGE).mean()),
    }


def of_rebuilt(sounds: Sounds, made: np.ndarray, recogniser: Recogniser) -> dict[str, Any]:
    """Return the measures of reconstructions of the test chunks, [n, 22050]."""
    test = sounds.test
    convergence = spectra.spectral_convergence(test.chunks, made)
    hits = recogniser.recognise(made) == test.instruments
    instruments = {
        name: {
            "n": int(own.sum()),
            "spectral_convergence": float(convergence[own].mean()),
            "hit": float(hits[own].mean()),
        }
        for number, name in enumerate(sounds.names)
        if (own := test.instruments == number).any()
    }
    return {
        **distances(test.chunks, made),
        "instruments": instruments,
        "instrument_hit_reconstructed": float(hits.mean()),
    }


@functools.lru_cache(maxsize=2)
def inverted(sounds: Sounds, bands: int) -> np.ndarray:
    """Return what Griffin-Lim makes of the log-mel spectrograms of the test chunks, [n, 22050]; it is slow, so kept."""
    return spectra.from_log_mel(spectra.log_mel(sounds.test.chunks, bands), CHUNK)


def sounding_codes(chunks: np.ndarray, count: int) -> np.ndarray:
    """Return which of ``count`` even parts of chunks, one a code, are not silent: [n, samples] → bool [n, count]."""
    return sounding_parts(chunks, np.arange(count) * chunks.shape[1] // count)


def codebook_measures(codes: np.ndarray, sounding: np.ndarray, count: int) -> dict[str, float]:
    """Return the share of ``count`` codes that occur, and the perplexity of those where there is sound."""
    return {
        "codebook_use": len(np.unique(codes)) / count,
        "perplexity_nonsilent": float(perplexity(codes[sounding], count)),
    }


def _speeds(model: Any, chunks: np.ndarray) -> dict[str, float]:
    """Return the seconds of sound that are encoded and decoded in a second, in the best of some runs."""
    some = np.resize(chunks, (_TIMED_CHUNKS, CHUNK))
    coded = isinstance(model, AudioVQVAE)
    encode, decode = (model.encode_codes, model.decode_codes) if coded else (model.latents, model.from_latents)
    encoded = encode(some)
    decode(encoded)
    work = {"rtf_encode": lambda: encode(some), "rtf_decode": lambda: decode(encoded)}
    return {name: _TIMED_CHUNKS / min(timeit.repeat(run, number=1, repeat=_TIMED_RUNS)) for name, run in work.items()}
