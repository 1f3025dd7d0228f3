"""The measures of `audiovae.compare`: of reconstructions of test chunks, and of new sounds."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from PIL import Image
from scipy.spatial.distance import pdist

from audiovae.data.chunks import CHUNK, normalise
from audiovae.metrics import recognition
from audiovae.metrics.spectra import FLOOR_DB, log_mel
from evaluation.scores.verdict import number, share
from manymodes.experiment.records import packed, unpacked

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from audiovae.data.sounds import Sounds

SHOWN = 5
"""Instruments of which a chunk of each row is drawn."""

COURSE = ("val_reconstruction_loss", "val_perplexity_nonsilent")
"""What is drawn of each epoch, if a model has it."""


class Made(NamedTuple):
    """The sounds of a row and its measures so far, as in metrics.json.

    ``rebuilt`` [n, 22050] are reconstructions of the test chunks, ``new`` [m, 22050] new sounds, and ``asked`` [m] the
    instruments requested for these.
    """

    rebuilt: np.ndarray
    new: np.ndarray
    asked: np.ndarray
    measures: Mapping[str, Any]


def result_of(
    made: Made, sounds: Sounds, explained: str = "", history: Sequence[Mapping[str, float]] = ()
) -> tuple[dict[str, Any], dict[str, str], dict[str, Any]]:
    """Measure the sounds of a row; ``explained`` describes it, ``history`` is that of its training.

    Returns:
        the measures: those of metrics.json that are known, and of the new sounds ``instrument_hit``, ``diversity``, the
        distance of two of one instrument, and ``nearest_training``, the distance to the nearest training chunk, in dB
        (`spectral_rows`); ``…_real`` is the same of test chunks. Sentences. Figures: log-mel spectrograms of
        ``rebuilt`` and ``new`` chunks of some instruments, and of each of the ``epochs`` the ``seconds`` and `COURSE`.
    """
    training, of_real = _real(sounds)
    hit = recognition.recogniser_of(sounds).hit(made.new, made.asked)
    measures = {**made.measures, **of_real, "instrument_hit": hit, **_variety(made.new, made.asked, training)}
    chosen = shown(sounds)
    verdict = {
        "row": explained,
        "rebuilt": _rebuilt_sentence(measures),
        "between": _between_sentence(measures),
        "new": _new_sentence(measures),
    }
    figures = {
        "rebuilt": pack(_firsts(made.rebuilt, sounds.test.instruments, chosen)),
        "new": pack(_firsts(made.new, made.asked, chosen)),
        "epochs": [{name: epoch[name] for name in ("seconds", *COURSE) if name in epoch} for epoch in history],
    }
    return measures, verdict, figures


def shown(sounds: Sounds) -> NDArray[np.int64]:
    """Return the instruments of which chunks are drawn: some of those with test chunks, spread evenly."""
    tested = np.unique(sounds.test.instruments)
    return tested[np.linspace(0, len(tested) - 1, min(SHOWN, len(tested))).astype(int)]


def _firsts(chunks: np.ndarray, instruments: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Return the first chunk of each chosen instrument, silence if there is none."""
    places = [np.flatnonzero(instruments == instrument)[:1] for instrument in chosen]
    return np.stack([chunks[place[0]] if len(place) else np.zeros(CHUNK, np.float32) for place in places])


def spectral_rows(chunks: np.ndarray) -> NDArray[np.float32]:
    """Return log-mel spectrograms of chunks made equally loud, [n, 22050] → float32 [n, 11264], for distances in dB.

    The Euclidean distance of two rows is the root of the mean squared difference over frames and bands.
    """
    spectra = log_mel(normalise(chunks)[0]).reshape(len(chunks), -1)
    return spectra * np.float32(-FLOOR_DB / 2 / np.sqrt(spectra.shape[1]))


def nearest(rows: np.ndarray, others: np.ndarray) -> NDArray[np.int64]:
    """Return the number of the nearest of the others for each row, [n]."""
    return np.asarray((np.square(others).sum(axis=1) - 2 * rows @ others.T).argmin(axis=1))


def diversity(rows: np.ndarray, instruments: np.ndarray) -> float:
    """Return the mean distance of two rows of one instrument, over the instruments that have two; NaN if none has.

    Distances across instruments would hide that all sounds of an instrument are the same.
    """
    each = [pdist(rows[instruments == instrument]) for instrument in np.unique(instruments)]
    known = [apart.mean() for apart in each if len(apart)]
    return float(np.mean(known)) if known else float("nan")


def _variety(chunks: np.ndarray, instruments: np.ndarray, training: np.ndarray) -> dict[str, float]:
    rows = spectral_rows(chunks)
    apart = np.linalg.norm(rows - training[nearest(rows, training)], axis=1)
    return {"diversity": diversity(rows, instruments), "nearest_training": float(apart.mean())}


@functools.lru_cache(maxsize=1)
def _real(sounds: Sounds) -> tuple[np.ndarray, Mapping[str, float]]:
    """Return `spectral_rows` of the training chunks, and the measures of the test chunks."""
    training, test = spectral_rows(sounds.train.chunks), sounds.test
    variety = _variety(test.chunks, test.instruments, training)
    bounds = {f"{name}_real": value for name, value in variety.items()}
    return training, {"instrument_hit_real": recognition.recogniser_of(sounds).hit_real, **bounds}


def pack(chunks: np.ndarray) -> str:
    """Return log-mel spectrograms of chunks, side by side, as a grey PNG in base64."""
    spectra = np.rint((np.clip(log_mel(chunks), -1, 1) + 1) * 127.5).astype(np.uint8)
    return packed(Image.fromarray(np.concatenate(spectra).T))


def unpack(text: str) -> NDArray[np.float64]:
    """Read what `pack` has written, in dB: [bands, frames of all chunks]."""
    return FLOOR_DB * (1 - unpacked(text) / 255)


def _rebuilt_sentence(measures: Mapping[str, Any]) -> str:
    convergence, hit = number(measures["spectral_convergence"]), share(measures["instrument_hit_reconstructed"])
    ceiling = measures.get("griffin_lim")
    beside = f" (Griffin-Lim of the true spectrograms {number(ceiling['spectral_convergence'])})" if ceiling else ""
    recognised = f"{hit} of the reconstructions are recognised (real sounds {share(measures['instrument_hit_real'])})"
    return f"spectral convergence is {convergence}{beside}, and {recognised}"


def _between_sentence(measures: Mapping[str, Any]) -> str:
    if measures.get("codes"):
        use, perplexity = share(measures["codebook_use"]), number(measures["perplexity_nonsilent"])
        used = f"{use} of {measures['codes']} codes are in use, with a perplexity of {perplexity} without silence"
        prior, pairs, single = (number(measures[f"{name}_bits"]) for name in ("prior", "bigram", "unigram"))
        return f"{used}; a code costs {prior} bits under the prior, {pairs} under a bigram model, {single} by frequency"
    if measures.get("latents"):
        active = f"{share(measures['active_units'])} of {measures['latents']} latents are active"
        top = "" if measures["kl_top_nats"] is None else f", {number(measures['kl_top_nats'])} of them at the top"
        return f"{active}, and they hold {number(measures['kl_nats'])} nats{top}"
    return ""


def _new_sentence(measures: Mapping[str, Any]) -> str:
    hit, real = share(measures["instrument_hit"]), share(measures["instrument_hit_real"])
    apart, usual = number(measures["diversity"]), number(measures["diversity_real"])
    far, held_out = number(measures["nearest_training"]), number(measures["nearest_training_real"])
    return (
        f"{hit} of its new sounds are recognised as the requested instrument (real ones {real}); two of an instrument "
        f"are {apart} dB apart (real ones {usual}), and the nearest training chunk is {far} dB away "
        f"(from real ones {held_out})"
    )
