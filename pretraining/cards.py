"""Cards of the models that ship: data, training, measures, intended use and limits."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

from manymodes.experiment.fit import training_seconds
from manymodes.experiment.records import machine
from manymodes.experiment.run import read_config
from manymodes.experiment.tables import UNKNOWN
from manymodes.experiment.tables import precise_share as _share
from pretraining.judging import TUNES, judgement

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from manymodes.hub import Shipped

    Write = Callable[[Any], str]


class Figure(NamedTuple):
    """A line of a card's table: the measure in words, its key, such as ``measures.overlap``, and how it is written.

    The bound is the key of a value for comparison, if there is one, and ``bounding`` that value in words.
    """

    title: str
    key: str
    write: Write
    bound: str = ""
    bounding: str = ""


_0, _1, _2, _3, _4 = (f"{{:.{digits}f}}".format for digits in range(5))  # digits after the point
_yes = {True: "yes", False: "no"}.__getitem__
_REAL, _TRAINING, _FACES = "real sounds", "training images", "held-out faces"

FIGURES = {
    "melodygan.train": (
        Figure("bits per sixteenth of held-out tunes, without their plans", "bits_per_step", _3),
        Figure("… symbols predicted", "accuracy", _share),
        Figure("… where a note or rest starts or the tune ends", "onset_accuracy", _share),
        Figure(
            f"overlap of {TUNES} tunes with held-out ones, mean over 20 features",
            "measures.overlap",
            _3,
            "measures.overlap_ceiling",
            "held-out tunes with themselves",
        ),
        Figure("… score", "measures.score", _share, bounding="100 % (real tunes)"),
        Figure(
            "… told from held-out ones by their features",
            "measures.told_by_features",
            _share,
            "measures.told_halves",
            "halves of the held-out ones from each other",
        ),
        Figure("… by n-grams", "measures.told_by_ngrams", _share),
        Figure(
            "… least spread of a feature, relative to real tunes", "measures.spread_least", _share, bounding="100 %"
        ),
        Figure("… greatest", "measures.spread_greatest", _share, bounding="100 %"),
        Figure("… distinct tunes", "measures.distinct", _share),
        Figure("… collapsed", "measures.collapsed", _yes),
        Figure("… copying", "measures.copying", _yes),
    ),
    "fontgan.train_typefaces": (
        Figure("characters read as asked, of 85", "read", _share, "read_real", _FACES),
        Figure("… of the character read least", "read_least", _share),
        Figure("told from real ones by the nearest neighbour", "two_sample", _share, "two_sample_real", _FACES),
        Figure("pairs of characters that a verifier judges right", "verified", _share, "verified_real", _FACES),
        Figure("… of one face, taken for one face's", "one_face", _share, "one_face_real", _FACES),
        Figure("… of two faces, taken for one face's", "two_faces", _share, "two_faces_real", _FACES),
        Figure(
            "overlap of held-out faces completed from A, B, C",
            "completed_overlap",
            _3,
            "nearest_overlap",
            "nearest known face",
        ),
        Figure("… better than the nearest, of 5", "completed_better", _0),
        Figure("characters with a usual number of contours", "clean", _share, "clean_real", _FACES),
    ),
    "fontgan.train": (
        Figure("letters covered, of 26", "strict_coverage", _0, "controls.validation.strict_coverage", "real"),
        Figure("images not classified with confidence", "rejected", _share, "controls.validation.rejected", "real"),
        Figure("classified as the requested letter", "asked", _share),
        Figure("divergence from a uniform alphabet, nats", "kl_uniform", _4, "kl_floor", "as many uniform letters"),
        Figure("precision", "precision", _3, "precision_ceiling", _TRAINING),
        Figure("recall", "recall", _3, "recall_ceiling", _TRAINING),
        Figure("Fréchet distance", "frechet", _2, "frechet_ceiling", _TRAINING),
        Figure(
            "distance to the nearest training image, relative to validation images",
            "nn_ratio",
            _2,
            "",
            "1; copies have 0",
        ),
    ),
    "drumvae.train": (
        Figure("nats per bar", "iwae_nats", _2, "entropy_bound_nats", "least possible"),
        Figure("reconstructed hits, F1", "hit_f1", _3, "hit_f1_mean_pattern", "mean pattern of the style"),
        Figure("style predicted from z_high", "probe_high", _share, "chance", "guessing"),
        Figure("style predicted from z_low", "probe_low", _share, "chance", "guessing"),
        Figure("generated bars classified as the requested style", "style_hit", _share, "style_hit_real", "real bars"),
        Figure("transferred bars classified as the requested style", "transfer_success", _share),
        Figure("… hits kept, F1", "transfer_onset_f1", _3, "transfer_onset_f1_random", "another bar"),
        Figure("generated bars that are copies", "copies", _share, "copies_held_out", "held-out bars"),
    ),
    "audiovae.train": (
        Figure("spectral convergence of test chunks", "spectral_convergence", _3, bounding="0"),
        Figure("… distance of mel spectrograms, dB", "mel_distance", _2, bounding="0"),
        Figure("… SI-SDR, dB", "si_sdr", _1),
        Figure(
            "… classified as the right instrument", "instrument_hit_reconstructed", _share, "instrument_hit_real", _REAL
        ),
        Figure("bits per second", "bits_per_second", _0),
        Figure("codes in use", "codebook_use", _share),
        Figure("perplexity of codes where there is sound", "perplexity_nonsilent", _0, "codes", "all equally often"),
        Figure("bits per code, given by the prior", "prior_bits", _3, "bigram_bits", "given the previous code"),
        Figure(
            "new sounds classified as the requested instrument", "instrument_hit", _share, "instrument_hit_real", _REAL
        ),
    ),
}
"""The figures on the cards of each program's models; those that a model lacks are left out."""


def table(figures: Sequence[Figure], trained: dict[str, Any], shipping: dict[str, Any]) -> list[tuple[str, ...]]:
    """Return the lines of a card's table, where known: title, value as trained, as it ships, and for comparison."""
    lines = []
    for title, key, write, bound, bounding in figures:
        values = [_value(known, key) for known in (trained, shipping)]
        if None in values:
            continue
        beside = bounding
        if bound:
            known = _value(shipping, bound)
            beside = UNKNOWN if known is None else f"{write(known)} ({bounding})"
        lines.append((title, *map(write, values), beside))
    return lines


def _value(known: Any, key: str) -> Any:
    """Return the value of a key such as ``measures.overlap``; None if there is none."""
    for part in key.split("."):
        known = known.get(part) if isinstance(known, dict) else None
    return known


def card(name: str, shipped: Shipped, run: Path, shipping: Path) -> str:
    """Return the card of a model, given the run of its training and a run with the model that ships."""
    files = sorted(shipping.glob("*.keras"))
    environment = Environment(
        loader=PackageLoader("pretraining"),
        autoescape=False,  # noqa: S701 - Markdown, of our own figures
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    return environment.get_template(f"{name}.md.jinja").render(
        shipped=shipped,
        name=name,
        config=read_config(run),
        minutes=training_seconds(run) / 60,
        date=datetime.fromtimestamp((run / "model.keras").stat().st_mtime, UTC).date().isoformat(),
        machine=machine(),
        files={shipped_name(name, file): hashlib.sha256(file.read_bytes()).hexdigest() for file in files},
        megabytes=sum(file.stat().st_size for file in files) / 1e6,
        figures=table(FIGURES[shipped.program], judgement(run), judgement(shipping)),
    )


def shipped_name(name: str, file: Path) -> str:
    """Return the name of a run's file among the models that ship: NAME.keras or NAME-prior.keras."""
    return f"{name}.keras" if file.stem == "model" else f"{name}-{file.name}"
