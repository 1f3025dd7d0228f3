"""Cards: what a model that ships has learned from, how, what it is worth, and what it is not for."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

from manymodes.experiment.fit import training_seconds
from manymodes.experiment.records import machine
from manymodes.experiment.run import read_config
from manymodes.experiment.tables import UNKNOWN, precise_share
from pretraining.judging import judgement

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from manymodes.hub import Shipped

    Write = Callable[[Any], str]


class Figure(NamedTuple):
    """A line of a card's table.

    Attributes:
        title: what was measured.
        key: where a judgement has it, such as ``measures.overlap``.
        write: how it is written.
        bound: where the judgement has what it is to be seen beside; empty where nothing is.
        bounding: what that is.
    """

    title: str
    key: str
    write: Write
    bound: str = ""
    bounding: str = ""


def _rounded(digits: int, unit: str = "") -> Write:
    return lambda value: f"{value:.{digits}f}{unit}"


def _yes_or_no(value: bool) -> str:
    return "yes" if value else "no"


_OF_MELODIES = (
    Figure("bits per sixteenth of held-out tunes, without their plans", "bits_per_step", _rounded(3)),
    Figure("… symbols predicted", "accuracy", precise_share),
    Figure("… where a note or rest starts or the tune ends", "onset_accuracy", precise_share),
    Figure(
        "overlap of 500 tunes with held-out ones, mean over 20 features",
        "measures.overlap",
        _rounded(3),
        "measures.overlap_ceiling",
        "held-out tunes with themselves",
    ),
    Figure("… score", "measures.score", precise_share, bounding="100 % (real tunes)"),
    Figure(
        "… least spread of a feature, relative to real tunes", "measures.spread_least", precise_share, bounding="100 %"
    ),
    Figure("… greatest", "measures.spread_greatest", precise_share, bounding="100 %"),
    Figure("… distinct tunes", "measures.distinct", precise_share),
    Figure("… collapsed", "measures.collapsed", _yes_or_no),
    Figure("… copying", "measures.copying", _yes_or_no),
)
_OF_LETTERS = (
    Figure("letters covered, of 26", "strict_coverage", _rounded(0), "controls.validation.strict_coverage", "real"),
    Figure("images not classified with confidence", "rejected", precise_share, "controls.validation.rejected", "real"),
    Figure("classified as the requested letter", "asked", precise_share),
    Figure(
        "divergence from a uniform alphabet, nats", "kl_uniform", _rounded(4), "kl_floor", "as many uniform letters"
    ),
    Figure("precision", "precision", _rounded(3), "precision_ceiling", "training images"),
    Figure("recall", "recall", _rounded(3), "recall_ceiling", "training images"),
    Figure("Fréchet distance", "frechet", _rounded(2), "frechet_ceiling", "training images"),
    Figure(
        "distance to the nearest training image, relative to validation images",
        "nn_ratio",
        _rounded(2),
        bounding="1; copies have 0",
    ),
)
_OF_DRUMS = (
    Figure("nats per bar", "iwae_nats", _rounded(2), "entropy_bound_nats", "least possible"),
    Figure("reconstructed hits, F1", "hit_f1", _rounded(3), "hit_f1_mean_pattern", "mean pattern of the style"),
    Figure("style predicted from z_high", "probe_high", precise_share, "chance", "guessing"),
    Figure("style predicted from z_low", "probe_low", precise_share, "chance", "guessing"),
    Figure(
        "generated bars classified as the requested style", "style_hit", precise_share, "style_hit_real", "real bars"
    ),
    Figure("transferred bars classified as the requested style", "transfer_success", precise_share),
    Figure("… hits kept, F1", "transfer_onset_f1", _rounded(3), "transfer_onset_f1_random", "another bar"),
    Figure("generated bars that are copies", "copies", precise_share, "copies_held_out", "held-out bars"),
)
_OF_SOUNDS = (
    Figure("spectral convergence of test chunks", "spectral_convergence", _rounded(3), bounding="0"),
    Figure("… distance of mel spectrograms, dB", "mel_distance", _rounded(2), bounding="0"),
    Figure("… SI-SDR, dB", "si_sdr", _rounded(1)),
    Figure(
        "… classified as the right instrument",
        "instrument_hit_reconstructed",
        precise_share,
        "instrument_hit_real",
        "real sounds",
    ),
    Figure("bits per second", "bits_per_second", _rounded(0)),
    Figure("codes in use", "codebook_use", precise_share),
    Figure(
        "perplexity of codes where there is sound", "perplexity_nonsilent", _rounded(0), "codes", "all equally often"
    ),
    Figure("bits per code, given by the prior", "prior_bits", _rounded(3), "bigram_bits", "given the previous code"),
    Figure(
        "new sounds classified as the requested instrument",
        "instrument_hit",
        precise_share,
        "instrument_hit_real",
        "real sounds",
    ),
)
FIGURES = {
    "melodygan.train": _OF_MELODIES,
    "fontgan.train": _OF_LETTERS,
    "drumvae.train": _OF_DRUMS,
    "audiovae.train": _OF_SOUNDS,
}
"""What cards say of the models of each program; what is not known of a model is left out."""


def table(figures: Sequence[Figure], trained: dict[str, Any], shipping: dict[str, Any]) -> list[tuple[str, ...]]:
    """Return the lines of a card's table: title, as trained, as it ships, what it is to be seen beside.

    Args:
        figures: those there may be.
        trained: judgement of the model that was trained.
        shipping: judgement of the one that ships.
    """
    lines = []
    for title, key, write, bound, bounding in figures:
        values = [_found(known, key) for known in (trained, shipping)]
        if None in values:
            continue
        beside = bounding
        if bound:
            known = _found(shipping, bound)
            beside = UNKNOWN if known is None else f"{write(known)} ({bounding})"
        lines.append((title, *map(write, values), beside))
    return lines


def _found(known: Any, key: str) -> Any:
    """Return what stands at a key of keys, None where nothing does."""
    for part in key.split("."):
        known = known.get(part) if isinstance(known, dict) else None
    return known


def card(name: str, shipped: Shipped, run: Path, shipping: Path) -> str:
    """Write the card of a model.

    Args:
        name: of the model.
        shipped: how it is made.
        run: of its training, on this machine.
        shipping: a run with the model that ships.
    """
    model = run / "model.keras"
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
        name=name,
        shipped=shipped,
        config=read_config(run),
        minutes=training_seconds(run) / 60,
        date=datetime.fromtimestamp(model.stat().st_mtime, UTC).date().isoformat(),
        machine=machine(),
        files={shipped_name(name, file): _digest(file) for file in files},
        megabytes=sum(file.stat().st_size for file in files) / 1e6,
        figures=table(FIGURES[shipped.program], judgement(run), judgement(shipping)),
    )


def shipped_name(name: str, file: Path) -> str:
    """Return what a file of a run is called among the models that ship, NAME.keras or NAME-prior.keras."""
    return f"{name}.keras" if file.stem == "model" else f"{name}-{file.name}"


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
