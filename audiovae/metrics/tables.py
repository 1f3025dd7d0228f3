"""The rows of `audiovae.compare` as tables."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from evaluation.scores.verdict import number
from manymodes.experiment.tables import (
    Cell,
    Table,
    differences,
    having,
    is_trained,
    mean,
    over_seeds,
    points,
    precise_share,
    signed,
    single_changes,
    training_cells,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from manymodes.experiment.records import Found, Record
    from manymodes.experiment.tables import Write

CHANGES = ("model", "input", "mels", "quantizer")
"""The settings in which rows differ."""

_SILENT = 1.0  # the spectral convergence of silence
_HALF = 0.5
_LEAST_TOP_NATS = 1.0

_COMPARED: Mapping[str, tuple[str, Write]] = {
    "spectral_convergence": ("Spectral convergence", signed(number)),
    "mel_distance": ("Mel distance, dB", signed(number)),
    "si_sdr": ("SI-SDR, dB", signed(number)),
    "instrument_hit_reconstructed": ("Recognised", points),
    "instrument_hit": ("New ones recognised", points),
    "diversity": ("Diversity, dB", signed(number)),
    "parameters": ("Parameters", signed(number)),
    "rtf_encode": ("Encoding", signed(number)),
    "rtf_decode": ("Decoding", signed(number)),
}
"""What is shown of the change of one setting: the header, and how a difference is written."""


class _Column(NamedTuple):
    """A column of a table: its header, a measure or a function of a record, how it is written and when it is marked."""

    header: str
    value: str | Callable[[Record], float | None]
    write: Write = number
    bad: Callable[[Sequence[Record]], bool] = lambda _: False

    def cell(self, records: Sequence[Record]) -> Cell:
        """Return the cell of the row with these records, one a seed."""
        known = [
            record.measures.get(self.value) if isinstance(self.value, str) else self.value(record) for record in records
        ]
        return over_seeds(known, self.write)._replace(bad=self.bad(records))


def _below(name: str, limit: float) -> Callable[[Sequence[Record]], bool]:
    return lambda records: mean(records, name) < limit


def _distance(header: str, name: str, equal: float, bad: Callable[..., bool] = lambda _: False) -> list[_Column]:
    """Return the columns of a distance and of its ceiling: Griffin-Lim's, otherwise that of equal sounds."""

    def ceiling(record: Record) -> float:
        of_spectra = record.measures.get("griffin_lim")
        return equal if of_spectra is None else float(of_spectra[name])

    return [_Column(header, name, bad=bad), _Column("its ceiling", ceiling)]


_REBUILT = (
    *_distance(
        "Spectral convergence", "spectral_convergence", 0.0, lambda some: mean(some, "spectral_convergence") >= _SILENT
    ),
    *_distance("Mel distance, dB", "mel_distance", 0.0),
    *_distance("SI-SDR, dB", "si_sdr", 60.0),
    *_distance("Cosine", "cosine", 1.0),
    *_distance("MSE", "mse", 0.0),
    _Column("Recognised", "instrument_hit_reconstructed", precise_share, _below("instrument_hit_reconstructed", _HALF)),
    _Column("of real sounds", "instrument_hit_real", precise_share),
)
_CODES = (
    _Column("Codes", "codes"),
    _Column("Bits a second", "bits_per_second"),
    _Column("In use", "codebook_use", precise_share, _below("codebook_use", _HALF)),
    _Column("Perplexity", "perplexity"),
    _Column("where there is sound", "perplexity_nonsilent"),
    _Column("at most", "codes"),
    _Column("Prior, bits a code", "prior_bits", bad=lambda some: mean(some, "prior_bits") >= mean(some, "bigram_bits")),
    _Column("pairs counted", "bigram_bits"),
    _Column("codes counted", "unigram_bits"),
    _Column("at most", lambda record: math.log2(record.measures["codes"])),
)
_LATENTS = (
    _Column("Latents", "latents"),
    _Column("Active", "active_units", precise_share, _below("active_units", _HALF)),
    _Column("KL, nats", "kl_nats"),
    _Column("at the top", "kl_top_nats", bad=_below("kl_top_nats", _LEAST_TOP_NATS)),
    _Column("at the bottom", "kl_bottom_nats"),
)
_NEW = (
    _Column("Recognised", "instrument_hit", precise_share, _below("instrument_hit", _HALF)),
    _Column("of real sounds", "instrument_hit_real", precise_share),
    _Column(
        "Diversity, dB", "diversity", bad=lambda some: mean(some, "diversity") < _HALF * mean(some, "diversity_real")
    ),
    _Column("of real sounds", "diversity_real"),
    _Column("Nearest, dB", "nearest_training"),
    _Column("of real sounds", "nearest_training_real"),
)
_SIZE = (
    _Column("Parameters", "parameters", "{:,.0f}".format),
    _Column("Encoding, × real time", "rtf_encode", bad=_below("rtf_encode", 1)),
    _Column("Decoding, × real time", "rtf_decode", bad=_below("rtf_decode", 1)),
)


def tables(found: Found, losses: Sequence[str]) -> list[Table]:
    """Return all tables; ``losses`` are columns of the last one."""
    several = any(len(records) > 1 for records in found.values())
    seeds = " Where seeds differ, it is their mean, with the least and the greatest." if several else ""
    shown = [
        _table(
            "What comes back of test chunks",
            _REBUILT,
            found,
            "Means over chunks of held-out tunes, grooves or files. Spectral convergence: distance of the magnitudes "
            "at three resolutions; 0 is equal, 1 is silence. Mel distance: distance of log-mel spectrograms. SI-SDR: "
            "scale-invariant signal-to-distortion ratio, limited to −30 to 60 for each chunk. Ceiling: the score of "
            "equal sounds; for spectrograms, of the original spectrograms after Griffin-Lim. Griffin-Lim estimates "
            "the phases, so SI-SDR, cosine and MSE have no meaning for spectrograms. Recognised: share that a "
            "classifier, trained on training chunks, assigns to the right instrument. Nearest training chunk: the "
            "chunk of the same instrument with the nearest log-mel spectrogram, as a model that memorises its "
            f"training data would return it. Bold: no nearer than silence; less than half are recognised.{seeds}",
        ),
        _changes(found),
        _table(
            "What codes hold",
            _CODES,
            having(found, "codes"),
            "On test chunks. Perplexity: the number of codes that, used equally often, would be equally diverse; the "
            "second leaves out silence, which always has the same codes. Prior: bits per code of a network that "
            "knows the instrument and the previous codes, beside counts of pairs and of single codes. Bold: less "
            "than half of the codes are in use; the prior is no better than counts of pairs.",
        ),
        _table(
            "What latents hold",
            _LATENTS,
            having(found, "latents"),
            "On test chunks. Active: share of the latent variables whose means vary by more than 0.01 from chunk to "
            "chunk. KL: divergence of the posterior from the prior, summed over latent variables. The top level "
            "covers a whole chunk, the bottom level some milliseconds. Bold: less than half of the latent variables "
            "are active; the top level holds less than one nat.",
        ),
        _table(
            "What they play of their own",
            _NEW,
            found,
            "New sounds, equally many of each instrument: of VAEs, sampled around the encodings of the instrument's "
            "sounds; of codes, from the prior; of principal components, from a normal distribution. Real sounds and "
            "Griffin-Lim: validation chunks. Recognised: share classified as the requested instrument. Diversity: "
            "distance of two sounds of one instrument, by log-mel spectrograms. Nearest: distance to the nearest "
            "training chunk; 0 is a copy. Only all three together separate real sounds from others. Bold: less than "
            "half are recognised, or diversity is less than half of that of real sounds.",
        ),
        _table(
            "What they cost",
            _SIZE,
            having(found, "parameters"),
            "Parameters: trained numbers, without the prior. Times real time: seconds of sound per second on this "
            "machine, 32 chunks at a time. Griffin-Lim takes most of the decoding time of spectrograms. Bold: slower "
            "than real time.",
        ),
        _training(found, losses),
    ]
    return [table for table in shown if table.rows]


def _table(title: str, columns: Sequence[_Column], found: Found, note: str) -> Table:
    rows = [[Cell(row.title), *(column.cell(records) for column in columns)] for row, records in found.items()]
    return Table(title, ("Row", *(column.header for column in columns)), rows, note)


def _changes(found: Found) -> Table:
    rows = []
    for before, after in single_changes(found, CHANGES):
        apart = {name: differences(found[before], found[after], name) for name in _COMPARED}
        cells = (over_seeds(apart[name], write) for name, (_, write) in _COMPARED.items())
        rows.append([Cell(f"{before.title} → {after.title}"), *cells])
    return Table(
        "What each change does",
        ("Change", *(header for header, _ in _COMPARED.values())),
        rows,
        "Rows that differ in one setting: second minus first, same seed. Shares in percentage points; encoding and "
        "decoding relative to real time. For convergence and distance lower is better, for the others higher.",
    )


def _training(found: Found, losses: Sequence[str]) -> Table:
    headers = (
        "Row", "Loss", "Reconstruction", "in validation", "KL, nats", "at the top", "at the bottom", "Commitment",
        "Updates", "Examples a second", "Seconds", "Epochs", "Judged epoch", "Planned for the prior",
    )  # fmt: skip
    return Table(
        "How they were trained",
        headers,
        [
            [
                Cell(row.title),
                *training_cells(records, losses, number),
                over_seeds([record.training.get("prior_epochs") for record in records], number),
            ]
            for row, records in found.items()
            if is_trained(records)
        ],
        "Losses are means over the last epoch. Reconstruction: for samples, the multi-resolution spectral loss plus "
        "ten times the mean absolute difference; for spectrograms, that difference alone. Compare only rows with the "
        "same input. Examples are training chunks, counted once per update. A short trial of each model set the "
        "number of epochs for learning rates and annealing; training ended when the time was over. The judged epoch "
        "has the least loss on validation chunks, as in audiovae.train. Priors were planned in the same way and stop "
        "when the loss on validation codes no longer falls.",
    )
