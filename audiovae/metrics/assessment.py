"""What `audiovae.compare` measures of a row: its reconstructions of test chunks, and its new sounds."""

from __future__ import annotations

import base64
import functools
import io
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from PIL import Image
from scipy.spatial.distance import pdist

from audiovae.data.chunks import CHUNK, normalise
from audiovae.metrics.recognition import recogniser_of
from audiovae.metrics.spectra import FLOOR_DB, log_mel
from evaluation.scores.verdict import number, share

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from audiovae.data.sounds import Sounds
    from audiovae.metrics.recognition import Recogniser

SHOWN = 5
"""Instruments of which a chunk of each row is drawn."""

COURSE = ("val_reconstruction_loss", "val_perplexity_nonsilent")
"""What is drawn of each epoch, if a model has it."""

_BANDS = 128
_BLOCK = 64  # chunks whose spectrograms are computed at a time
_HALF_DB = -FLOOR_DB / 2  # of a log-mel spectrogram, whose scale is from -1 to 1


class Made(NamedTuple):
    """What a row has made.

    Attributes:
        rebuilt: [n, 22050], reconstructions of the test chunks.
        new: [m, 22050], new sounds.
        asked: [m], the instruments that these are to be of.
        measures: what is known of it, as in metrics.json.
    """

    rebuilt: np.ndarray
    new: np.ndarray
    asked: np.ndarray
    measures: Mapping[str, Any]


def result_of(
    made: Made, sounds: Sounds, explained: str = "", history: Sequence[Mapping[str, float]] = ()
) -> tuple[dict[str, Any], dict[str, str], dict[str, Any]]:
    """Measure what a row has made.

    Args:
        made: reconstructions and new sounds.
        sounds: what was learned.
        explained: what the row is, for the sentences.
        history: of its training.

    Returns:
        the measures: those of metrics.json that are known, and of the new sounds ``instrument_hit``, ``diversity``, the
        distance of two of one instrument, and ``nearest_training``, the distance to the nearest training chunk, in dB
        (`decibels`); ``…_real`` is the same of test chunks. Sentences. Figures: log-mel spectrograms of ``rebuilt``
        and ``new`` chunks of some instruments, and of each of the ``epochs`` the ``seconds`` spent and `COURSE`.
    """
    new = decibels(made.new)
    measures = {
        **made.measures,
        **_bounds(sounds),
        "instrument_hit": classifier_of(sounds).hit(made.new, made.asked),
        "diversity": diversity(new, made.asked),
        "nearest_training": float(_to_training(new, sounds).mean()),
    }
    verdict = {
        "row": explained,
        "rebuilt": _rebuilt_sentence(measures),
        "between": _between_sentence(measures),
        "new": _new_sentence(measures),
    }
    chosen = shown(sounds)
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


def decibels(chunks: np.ndarray) -> NDArray[np.float32]:
    """Return log-mel spectrograms of chunks made equally loud, scaled so that Euclidean distances are in dB.

    The distance of two rows is the root of the mean squared difference over frames and bands.

    Args:
        chunks: [n, 22050].

    Returns:
        float32 [n, 11264].
    """
    spectra = spectra_of(normalise(chunks)[0]).reshape(len(chunks), -1)
    return spectra * np.float32(_HALF_DB / np.sqrt(spectra.shape[1]))


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


def _to_training(rows: np.ndarray, sounds: Sounds) -> np.ndarray:
    """Return the distance of each row to the nearest training chunk, [n]."""
    train = _training_rows(sounds)
    return np.linalg.norm(rows - train[nearest(rows, train)], axis=1)


@functools.lru_cache(maxsize=1)
def _training_rows(sounds: Sounds) -> np.ndarray:
    return decibels(sounds.train.chunks)


@functools.lru_cache(maxsize=1)
def classifier_of(sounds: Sounds) -> Recogniser:
    """Return what recognises the instruments of these sounds; it is loaded or trained once."""
    return recogniser_of(sounds)


@functools.lru_cache(maxsize=1)
def _bounds(sounds: Sounds) -> Mapping[str, float]:
    """Return the measures of real sounds."""
    rows = decibels(sounds.test.chunks)
    return {
        "instrument_hit_real": classifier_of(sounds).hit_real,
        "diversity_real": diversity(rows, sounds.test.instruments),
        "nearest_training_real": float(_to_training(rows, sounds).mean()),
    }


def spectra_of(chunks: np.ndarray, bands: int = _BANDS) -> np.ndarray:
    """Return log-mel spectrograms [n, frames, bands]."""
    return np.concatenate([log_mel(chunks[start : start + _BLOCK], bands) for start in range(0, len(chunks), _BLOCK)])


def pack(chunks: np.ndarray) -> str:
    """Return log-mel spectrograms of chunks, side by side, as a grey PNG in base64."""
    spectra = np.rint((np.clip(spectra_of(chunks), -1, 1) + 1) * 127.5).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(np.concatenate(spectra).T).save(file, format="png")
    return base64.b64encode(file.getvalue()).decode()


def unpack(text: str) -> NDArray[np.float64]:
    """Read what `pack` has written, in dB: [bands, frames of all chunks]."""
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(text))))
    return FLOOR_DB * (1 - pixels / 255)


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
        f"{hit} of its new sounds are recognised as the instrument asked for (real ones {real}); two of an instrument "
        f"are {apart} dB apart (real ones {usual}), and the nearest training chunk is {far} dB away "
        f"(from real ones {held_out})"
    )
