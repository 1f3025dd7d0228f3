"""The metrics of an autoencoder of sounds: metrics.json, of test chunks, whose tunes, grooves or files are held out.

Keys of metrics.json; one that does not apply to a model is null:

- ``model``, ``input``, ``mels``, ``quantizer``: what it is; ``parameters``: weights that are learned;
  ``n``: test chunks; ``train_seconds``: what the updates took, looks at the validation chunks left out.
- Between test chunks and their reconstructions, means over chunks: ``mse``; ``cosine``, the cosine similarity;
  ``spectral_convergence``, 0 for equal magnitudes; ``mel_distance``, in dB; ``si_sdr``, in dB, each chunk's taken for
  −30 or 60 where it is beyond. See `audiovae.metrics.spectra`.
- ``griffin_lim``: the same five for what Griffin-Lim makes of the log-mel spectrograms of the chunks themselves, which
  is the best that a model of spectrograms can reach; null for models of samples.
- ``instruments``: of each, how many test chunks it has (``n``), its ``spectral_convergence``, and the share of what
  comes back that is recognised as it (``hit``).
- ``codes``: how many there are; ``bits_per_second``: of a sound as codes, log₂ ``codes`` for each. ``codebook_use``:
  share of the codes that occur in the test chunks. ``perplexity``: how many codes, used evenly, would be as various;
  ``perplexity_nonsilent``: the same of codes where the sound is not silent (`audiovae.data.chunks.QUIETEST_RMS`).
- ``latents``: how many there are; ``active_units``: share of them whose posterior mean varies by more than 0.01 (Burda
  et al., 2016). ``kl_nats``: divergence of posterior from prior, summed over latents; ``kl_top_nats`` and
  ``kl_bottom_nats``: of the levels, where there are two.
- ``rtf_encode``, ``rtf_decode``: real-time factors, seconds of sound that are encoded to codes or latents, or decoded
  from them, in a second on this machine, 32 chunks at a time: 20 is 20 times as fast as it plays.
- ``instrument_hit_real``: share of the test chunks that the recogniser (`audiovae.metrics.recognition`) takes for the
  instrument that they are of; ``instrument_hit_reconstructed``: the same of their reconstructions.
  ``instrument_hit``: share of samples that are taken for the instrument that was asked for; of VAEs they are drawn
  around where the instrument's sounds lie, 20 for each, of VQ-VAEs from the prior over codes, once it is trained.
- ``prior_bits``, ``unigram_bits``, ``bigram_bits``: a code on average, of VQ-VAEs once a prior over them is trained.
"""

from __future__ import annotations

import functools
import math
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from audiovae.data.chunks import CHUNK, QUIETEST_RMS
from audiovae.metrics import spectra
from audiovae.models.quantizer import perplexity
from audiovae.models.vae import AudioVQVAE, LatentModel
from manymodes.nn.latents import active_units

if TYPE_CHECKING:
    from collections.abc import Callable

    from audiovae.data.sounds import SoundChunks, Sounds
    from audiovae.metrics.recognition import Recogniser
    from audiovae.models.vae import AudioModel

__all__ = ["SAMPLES", "by_instrument", "codebook_use", "distances", "inverted", "measure", "sounding_codes"]

SAMPLES = 20
"""Of each instrument, that are made for ``instrument_hit``."""

_TIMED_CHUNKS = 32
_TIMED_RUNS = 3
_SI_SDR_RANGE = -30.0, 60.0
_BLOCK = 64
_DIGITS = 6


def measure(
    model: AudioModel,
    sounds: Sounds,
    recogniser: Recogniser,
    *,
    seed: int,
    train_seconds: float,
    made: np.ndarray | None = None,
) -> dict[str, Any]:
    """Return the metrics of a model.

    Args:
        model: the trained one.
        sounds: what it learned from; their test chunks are measured.
        recogniser: of their instruments.
        seed: of all random draws.
        train_seconds: what training took.
        made: reconstructions of the test chunks, if they exist already.
    """
    test = sounds.test
    if made is None:
        made = model.reconstruct(test.chunks)
    found: dict[str, Any] = {
        **_kind(model),
        "n": len(test.chunks),
        "train_seconds": train_seconds,
        **distances(test.chunks, made),
        "griffin_lim": _griffin_lim(model, sounds),
        "instruments": by_instrument(test, made, sounds.names, recogniser),
        **_codes(model, test.chunks),
        **_latents(model, test.chunks, seed),
        **_speeds(model, test.chunks),
        "instrument_hit_real": recogniser.hit_real,
        "instrument_hit_reconstructed": recogniser.hit(made, test.instruments),
        "instrument_hit": _hit(model, recogniser, seed),
        **dict.fromkeys(("prior_bits", "unigram_bits", "bigram_bits")),
    }
    return _rounded(found)


def distances(reference: np.ndarray, estimate: np.ndarray) -> dict[str, float]:
    """Return the measures between chunks, [n, 22050] each, averaged over them."""
    decibels = spectra.si_sdr(reference, estimate)
    return {
        "mse": float(spectra.mse(reference, estimate).mean()),
        "cosine": float(spectra.cosine_similarity(reference, estimate).mean()),
        "spectral_convergence": float(spectra.spectral_convergence(reference, estimate).mean()),
        "mel_distance": float(spectra.mel_distance(reference, estimate).mean()),
        "si_sdr": float(np.clip(decibels, *_SI_SDR_RANGE).mean()),
    }


@functools.lru_cache(maxsize=2)
def inverted(sounds: Sounds, bands: int) -> np.ndarray:
    """Return what Griffin-Lim makes of the log-mel spectrograms of the test chunks, [n, 22050]; it is slow, so kept."""
    chunks = sounds.test.chunks
    blocks = (chunks[start : start + _BLOCK] for start in range(0, len(chunks), _BLOCK))
    return spectra.from_log_mel(np.concatenate([spectra.log_mel(block, bands) for block in blocks]), chunks.shape[1])


def sounding_codes(chunks: np.ndarray, count: int) -> np.ndarray:
    """Say where chunks are not silent: which of ``count`` even parts have an RMS of at least `QUIETEST_RMS`.

    Args:
        chunks: [n, samples], normalised.
        count: parts a chunk, one for each of its codes.

    Returns:
        bool [n, count].
    """
    ends = np.arange(count + 1) * chunks.shape[1] // count
    energy = np.add.reduceat(np.square(chunks, dtype=np.float64), ends[:-1], axis=1)
    return energy / np.diff(ends) >= QUIETEST_RMS**2


def codebook_use(codes: np.ndarray, count: int) -> float:
    """Return the share of ``count`` codes that occur among these."""
    return len(np.unique(codes)) / count


# --- parts -------------------------------------------------------------------------------------------------


def _kind(model: AudioModel) -> dict[str, Any]:
    names = {"AudioVAE": "vae", "HierarchicalAudioVAE": "hvae", "AudioVQVAE": "vqvae"}
    return {
        "model": names[type(model).__name__],
        "input": model.input_kind,
        "mels": model.mels if model.input_kind == "mel" else None,
        "quantizer": model.quantizer_kind if isinstance(model, AudioVQVAE) else None,
        "parameters": sum(int(np.prod(weight.shape)) for weight in model.trainable_variables),
    }


def _griffin_lim(model: AudioModel, sounds: Sounds) -> dict[str, float] | None:
    if model.input_kind == "raw":
        return None
    return distances(sounds.test.chunks, inverted(sounds, model.mels))


def by_instrument(
    test: SoundChunks, made: np.ndarray, names: tuple[str, ...], recogniser: Recogniser
) -> dict[str, dict[str, float]]:
    """Return the ``instruments`` of metrics.json for ``made`` [n, 22050], reconstructions of test chunks."""
    convergence = spectra.spectral_convergence(test.chunks, made)
    recognised = recogniser.recognise(made)
    return {
        name: {
            "n": int(own.sum()),
            "spectral_convergence": float(convergence[own].mean()),
            "hit": float((recognised[own] == number).mean()),
        }
        for number, name in enumerate(names)
        if (own := test.instruments == number).any()
    }


def _codes(model: AudioModel, chunks: np.ndarray) -> dict[str, Any]:
    names = ("codes", "bits_per_second", "codebook_use", "perplexity", "perplexity_nonsilent")
    if not isinstance(model, AudioVQVAE):
        return dict.fromkeys(names)
    codes = model.encode_codes(chunks)
    count = model.code_count
    heard = codes[sounding_codes(chunks, model.frames)]
    values = (
        count,
        model.frames * math.log2(count),
        codebook_use(codes, count),
        float(perplexity(codes, count)),
        float(perplexity(heard, count)),
    )
    return dict(zip(names, values, strict=True))


def _latents(model: AudioModel, chunks: np.ndarray, seed: int) -> dict[str, Any]:
    names = ("latents", "active_units", "kl_nats", "kl_top_nats", "kl_bottom_nats")
    if not isinstance(model, LatentModel):
        return dict.fromkeys(names)
    levels = {level: float(each.sum()) for level, each in model.divergences(chunks, seed).items()}
    values = (
        model.latent_dim,
        float(active_units(model.latents(chunks)).mean()),
        sum(levels.values()),
        levels.get("top"),
        levels.get("bottom"),
    )
    return dict(zip(names, values, strict=True))


def _speeds(model: Any, chunks: np.ndarray) -> dict[str, float]:
    some = np.resize(chunks, (_TIMED_CHUNKS, CHUNK))
    coded = isinstance(model, AudioVQVAE)
    encode = model.encode_codes if coded else model.latents
    decode = model.decode_codes if coded else model.from_latents
    encoded = encode(some)
    return {"rtf_encode": _speed(lambda: encode(some)), "rtf_decode": _speed(lambda: decode(encoded))}


def _speed(work: Callable[[], object]) -> float:
    """Return how many seconds of sound a second of work is done on, the best of some runs after a first one."""
    taken = []
    for _ in range(1 + _TIMED_RUNS):
        begun = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begun)
    return _TIMED_CHUNKS / min(taken[1:])


def _hit(model: AudioModel, recogniser: Recogniser, seed: int) -> float | None:
    if not isinstance(model, LatentModel):
        return None
    numbers = range(len(model.instruments))
    latents = np.concatenate([model.sample_latents(SAMPLES, seed + number, number) for number in numbers])
    return recogniser.hit(model.from_latents(latents), np.repeat(numbers, SAMPLES))


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(entry) for name, entry in value.items()}
    return round(value, _DIGITS) if isinstance(value, float) else value
