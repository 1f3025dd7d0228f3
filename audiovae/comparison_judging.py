"""What is measured of a row of `audiovae.compare`, and the rows that need no training."""

from __future__ import annotations

import base64
import functools
import io
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from PIL import Image
from scipy.spatial.distance import pdist
from sklearn.decomposition import PCA

from audiovae.data.chunks import CHUNK, normalise
from audiovae.metrics.measures import by_instrument, distances, inverted
from audiovae.metrics.recognition import recogniser_of
from audiovae.metrics.spectra import FLOOR_DB, from_log_mel, log_mel
from evaluation.scores.verdict import number, share

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from audiovae.data.sounds import SoundChunks, Sounds
    from audiovae.metrics.recognition import Recogniser
    from manymodes.experiment.compare import Row

SHOWN = 5
"""Instruments of which a chunk is drawn in each row."""

COURSE = ("val_reconstruction_loss", "val_perplexity_nonsilent")
"""What is drawn of each epoch, where a model has it."""

_COMPONENTS = 128  # as many as a VAE has latents
_BANDS = 128
_BLOCK = 64  # chunks whose spectra are computed at a time
_HALF_DB = -FLOOR_DB / 2  # of a log-mel spectrogram, whose scale is from -1 to 1

_EXPLAINED = {
    "real": "the sounds themselves come back, and others that no row has learned from stand for new ones",
    "griffin-lim-256": "the true spectrograms have lost their phases alone: no model of 256 bands comes nearer",
    "griffin-lim-128": "the true spectrograms have lost their phases alone: no model of 128 bands comes nearer",
    "replay": "the nearest training chunk of the instrument comes back: as far as learning by heart goes",
    "components-raw": f"{_COMPONENTS} numbers a chunk, as a VAE has, but without a network: samples are added up",
    "components-mel128": f"{_COMPONENTS} numbers a chunk, as a VAE has, but without a network: spectra are added up",
    "mean-mel128": "every chunk comes back as its instrument's mean: what one number tells, which instrument it is",
}


class Made(NamedTuple):
    """What a row has made, to be judged.

    Attributes:
        rebuilt: [n, 22050], what comes back of the test chunks.
        new: [m, 22050], sounds that it made up.
        asked: [m], the instruments that these are to be of.
        measures: what is known of it, as in measures.json.
        facts: of the training; nothing where there was none.
        history: of it.
    """

    rebuilt: np.ndarray
    new: np.ndarray
    asked: np.ndarray
    measures: Mapping[str, Any]
    facts: Mapping[str, Any] = {}
    history: Sequence[Mapping[str, float]] = ()


# --- rows that need no training -----------------------------------------------------------------------------


def real_sounds(sounds: Sounds, count: int, seed: int) -> Made:  # noqa: ARG001 - one signature for all controls
    """Give the test chunks back, and take validation chunks for new ones: nothing here learns from either."""
    return _control(sounds, sounds.test.chunks, *_unheard(sounds, count))


def griffin_lim(sounds: Sounds, count: int, seed: int, *, bands: int) -> Made:  # noqa: ARG001 - the same
    """Make sounds of the log-mel spectrograms of real ones."""
    new, asked = _unheard(sounds, count)
    return _control(sounds, inverted(sounds, bands), from_log_mel(_spectra(new, bands), CHUNK), asked)


def replayed_chunks(sounds: Sounds, count: int, seed: int) -> Made:
    """Replay training chunks: those nearest to the test chunks, and any for new sounds."""
    train, test = sounds.train, sounds.test
    rebuilt = np.empty_like(test.chunks)
    for instrument in np.unique(test.instruments):
        own, asked_for = train.chunks[_of(train, instrument)], test.instruments == instrument
        rebuilt[asked_for] = own[nearest(decibels(test.chunks[asked_for]), decibels(own))]
    asked = asked_instruments(sounds, count)
    rng = np.random.default_rng(seed)
    rows = [rng.choice(_of(train, instrument)) for instrument in asked]
    return _control(sounds, rebuilt, train.chunks[rows], asked)


def components_of_samples(sounds: Sounds, count: int, seed: int) -> Made:
    """Let principal components of samples stand for latents."""
    rebuilt, new, asked, parameters = _components(sounds.train.chunks, sounds.test.chunks, sounds, count, seed)
    return _control(sounds, rebuilt, new, asked, parameters=parameters)


def components_of_spectra(sounds: Sounds, count: int, seed: int) -> Made:
    """Let principal components of log-mel spectrograms stand for latents."""
    train, test = (_spectra(side.chunks) for side in (sounds.train, sounds.test))
    *made, asked, parameters = _components(_flat(train), _flat(test), sounds, count, seed)
    rebuilt, new = (from_log_mel(each.reshape(-1, *train.shape[1:]), CHUNK) for each in made)
    return _control(sounds, rebuilt, new, asked, parameters=parameters, **_ceiling(sounds))


def mean_spectra(sounds: Sounds, count: int, seed: int) -> Made:  # noqa: ARG001 - the same
    """Make a single sound of each instrument, of the mean of its log-mel spectrograms."""
    spectra = _spectra(sounds.train.chunks)
    means = [spectra[_of(sounds.train, instrument)].mean(axis=0) for instrument in range(len(sounds.names))]
    made = from_log_mel(np.stack(means), CHUNK)
    asked = asked_instruments(sounds, count)
    return _control(sounds, made[sounds.test.instruments], made[asked], asked, **_ceiling(sounds))


CONTROLS: dict[str, Callable[[Sounds, int, int], Made]] = {
    "real": real_sounds,
    "griffin-lim-256": functools.partial(griffin_lim, bands=256),
    "griffin-lim-128": functools.partial(griffin_lim, bands=128),
    "replay": replayed_chunks,
    "components-raw": components_of_samples,
    "components-mel128": components_of_spectra,
    "mean-mel128": mean_spectra,
}
"""What gives a row that needs no training, from the sounds, a number of new ones an instrument, and a seed."""


def asked_instruments(sounds: Sounds, count: int) -> NDArray[np.int64]:
    """Return the instruments that new sounds are to be of, so many of each that there are chunks to learn from."""
    return np.repeat(np.unique(sounds.train.instruments), count)


def _control(sounds: Sounds, rebuilt: np.ndarray, new: np.ndarray, asked: np.ndarray, **measures: Any) -> Made:
    """Measure what comes back of the test chunks as `audiovae.metrics.measures` does."""
    test, ears = sounds.test, ears_of(sounds)
    found = {
        **distances(test.chunks, rebuilt),
        "instruments": by_instrument(test, rebuilt, sounds.names, ears),
        "instrument_hit_reconstructed": ears.hit(rebuilt, test.instruments),
        **measures,
    }
    return Made(rebuilt, new, asked, found)


def _unheard(sounds: Sounds, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return so many validation chunks of each instrument, [m, 22050], again from the first if there are fewer."""
    side = sounds.validation
    found = np.unique(side.instruments)
    rows = np.concatenate([np.resize(_of(side, instrument), count) for instrument in found])
    return side.chunks[rows], np.repeat(found, count)


def _of(side: SoundChunks, instrument: int) -> NDArray[np.int64]:
    """Return the numbers of an instrument's chunks, of all chunks if it has none."""
    own = np.flatnonzero(side.instruments == instrument)
    return own if len(own) else np.arange(len(side.chunks))


def _ceiling(sounds: Sounds) -> dict[str, Any]:
    return {"griffin_lim": distances(sounds.test.chunks, inverted(sounds, _BANDS))}


def _components(
    train: np.ndarray, test: np.ndarray, sounds: Sounds, count: int, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Rebuild rows of ``test`` from the principal components of ``train``, and draw new rows of each instrument.

    Components are normally distributed in each instrument.

    Returns:
        rows rebuilt and new ones, float32 [n, …] and [m, …], the instruments of the new ones, and how many numbers
        were learned.
    """
    model = PCA(min(_COMPONENTS, *train.shape), svd_solver="randomized", random_state=seed).fit(train)
    known = model.transform(train)
    asked = asked_instruments(sounds, count)
    rng = np.random.default_rng(seed)
    drawn = []
    for instrument in np.unique(asked):
        own = known[sounds.train.instruments == instrument]
        spread = np.atleast_2d(np.cov(own, rowvar=False, bias=True))
        drawn.append(rng.multivariate_normal(own.mean(axis=0), spread, count, method="eigh"))
    made = (model.inverse_transform(each).astype(np.float32) for each in (model.transform(test), np.concatenate(drawn)))
    return *made, asked, model.components_.size + model.mean_.size


# --- what is measured ---------------------------------------------------------------------------------------


def judge(row: Row, made: Made, sounds: Sounds) -> dict[str, Any]:
    """Measure what a row has made.

    Returns:
        ``measures``: those of measures.json that are known of it, and of its new sounds ``instrument_hit``,
        ``diversity``, how far two of an instrument are apart, and ``nearest_training``, how far each is from the
        nearest training chunk, in dB (`decibels`); ``…_real`` is the same of test chunks. ``verdict``: sentences.
        ``figures``: log-mel spectrograms of what was ``rebuilt`` and of what is ``new``, of one chunk of some
        instruments, and of each of the ``epochs`` the ``seconds`` spent and `COURSE`.
    """
    new = decibels(made.new)
    measures = {
        **made.measures,
        **_bounds(sounds),
        "instrument_hit": ears_of(sounds).hit(made.new, made.asked),
        "diversity": diversity(new, made.asked),
        "nearest_training": float(_to_training(new, sounds).mean()),
    }
    verdict = {
        "row": _EXPLAINED.get(row.name, ""),
        "rebuilt": _rebuilt_sentence(measures),
        "between": _between_sentence(measures),
        "new": _new_sentence(measures),
    }
    chosen = shown(sounds)
    return {
        "measures": measures,
        "verdict": verdict,
        "figures": {
            "rebuilt": pack(_firsts(made.rebuilt, sounds.test.instruments, chosen)),
            "new": pack(_firsts(made.new, made.asked, chosen)),
            "epochs": [{name: epoch[name] for name in ("seconds", *COURSE) if name in epoch} for epoch in made.history],
        },
    }


def shown(sounds: Sounds) -> NDArray[np.int64]:
    """Return the instruments of which chunks are drawn: some of those that are tested, spread evenly."""
    tested = np.unique(sounds.test.instruments)
    return tested[np.linspace(0, len(tested) - 1, min(SHOWN, len(tested))).astype(int)]


def _firsts(chunks: np.ndarray, instruments: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Return the first chunk of each chosen instrument, silence where there is none."""
    places = [np.flatnonzero(instruments == instrument)[:1] for instrument in chosen]
    return np.stack([chunks[place[0]] if len(place) else np.zeros(CHUNK, np.float32) for place in places])


def decibels(chunks: np.ndarray) -> NDArray[np.float32]:
    """Return log-mel spectrograms of chunks made equally loud, so that Euclidean distances are in dB.

    That is: the distance of two rows is the root of the mean squared difference over frames and bands.

    Args:
        chunks: [n, 22050].

    Returns:
        float32 [n, 11264].
    """
    spectra = _flat(_spectra(normalise(chunks)[0]))
    return spectra * np.float32(_HALF_DB / np.sqrt(spectra.shape[1]))


def nearest(rows: np.ndarray, others: np.ndarray) -> NDArray[np.int64]:
    """Return the number of the nearest of the others for each row, [n]."""
    return np.asarray((np.square(others).sum(axis=1) - 2 * rows @ others.T).argmin(axis=1))


def diversity(rows: np.ndarray, instruments: np.ndarray) -> float:
    """Return the mean distance of two rows of one instrument, over the instruments that have two; NaN if none has.

    Within instruments, for an instrument's sounds may all be the same and yet differ from another's.
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
def ears_of(sounds: Sounds) -> Recogniser:
    """Return what recognises the instruments of these sounds, which is loaded or trained once."""
    return recogniser_of(sounds)


@functools.lru_cache(maxsize=1)
def _bounds(sounds: Sounds) -> Mapping[str, float]:
    """Return what stands beside the measures of every row."""
    rows = decibels(sounds.test.chunks)
    return {
        "instrument_hit_real": ears_of(sounds).hit_real,
        "diversity_real": diversity(rows, sounds.test.instruments),
        "nearest_training_real": float(_to_training(rows, sounds).mean()),
    }


def _spectra(chunks: np.ndarray, bands: int = _BANDS) -> np.ndarray:
    """Return log-mel spectrograms [n, frames, bands]."""
    return np.concatenate([log_mel(chunks[start : start + _BLOCK], bands) for start in range(0, len(chunks), _BLOCK)])


def _flat(arrays: np.ndarray) -> np.ndarray:
    return arrays.reshape(len(arrays), -1)


# --- pictures that are kept ---------------------------------------------------------------------------------


def pack(chunks: np.ndarray) -> str:
    """Return log-mel spectrograms of chunks, one beside the other, as a grey PNG in base64."""
    spectra = np.rint((np.clip(_spectra(chunks), -1, 1) + 1) * 127.5).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(np.concatenate(spectra).T).save(file, format="png")
    return base64.b64encode(file.getvalue()).decode()


def unpack(text: str) -> NDArray[np.float64]:
    """Read what `pack` has written, in dB: [bands, frames of all chunks]."""
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(text))))
    return FLOOR_DB * (1 - pixels / 255)


# --- sentences ----------------------------------------------------------------------------------------------


def _rebuilt_sentence(found: Mapping[str, Any]) -> str:
    convergence, hit = number(found["spectral_convergence"]), share(found["instrument_hit_reconstructed"])
    ceiling = found.get("griffin_lim")
    beside = f" (Griffin-Lim of the true spectrograms {number(ceiling['spectral_convergence'])})" if ceiling else ""
    recognised = f"{hit} of what comes back is recognised (of real sounds {share(found['instrument_hit_real'])})"
    return f"spectral convergence is {convergence}{beside}, and {recognised}"


def _between_sentence(found: Mapping[str, Any]) -> str:
    if found.get("codes"):
        use, perplexity = share(found["codebook_use"]), number(found["perplexity_nonsilent"])
        used = f"{use} of {found['codes']} codes are in use, with a perplexity of {perplexity} where there is sound"
        prior, pairs, single = (number(found[f"{name}_bits"]) for name in ("prior", "bigram", "unigram"))
        return f"{used}; a code costs its prior {prior} bits, whoever counts pairs {pairs}, single codes {single}"
    if found.get("latents"):
        active = f"{share(found['active_units'])} of {found['latents']} latents are active"
        top = "" if found["kl_top_nats"] is None else f", {number(found['kl_top_nats'])} of them at the top"
        return f"{active}, and they hold {number(found['kl_nats'])} nats{top}"
    return ""


def _new_sentence(found: Mapping[str, Any]) -> str:
    hit, real = share(found["instrument_hit"]), share(found["instrument_hit_real"])
    apart, usual = number(found["diversity"]), number(found["diversity_real"])
    far, held_out = number(found["nearest_training"]), number(found["nearest_training_real"])
    return (
        f"{hit} of its new sounds are taken for the instrument asked for (real ones {real}); two of an instrument are "
        f"{apart} dB apart (real ones {usual}), and the nearest training chunk is {far} dB away "
        f"(from real ones {held_out})"
    )
