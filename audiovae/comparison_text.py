"""The rows of `audiovae.compare` as tables."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from audiovae.comparison import CEILING, CHANGES, LOSSES, PRIOR_SHARE
from evaluation.scores.verdict import number, share
from manymodes.experiment import tables as kit
from manymodes.experiment.cells import (
    differences,
    having,
    is_trained,
    mean,
    points,
    precise_share,
    signed,
    single_changes,
    training_cells,
    values,
)
from manymodes.experiment.tables import Cell, Table, over_seeds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from audiovae.comparison import Terms
    from audiovae.data.sounds import Sounds
    from manymodes.experiment.cells import Found, Write
    from manymodes.experiment.compare import Record

SILENT = 1.0
"""The spectral convergence of silence."""

HALF = 0.5
"""Less than this share of codes in use, of active latents, of sounds taken for what was asked, or of the diversity of
real ones, is marked."""

LEAST_TOP_NATS = 1.0
"""What the top of two levels is to hold at least."""

_DISTANCES: Mapping[str, tuple[str, float]] = {
    "spectral_convergence": ("Spectral convergence", 0.0),
    "mel_distance": ("Mel distance, dB", 0.0),
    "si_sdr": ("SI-SDR, dB", 60.0),
    "cosine": ("Cosine", 1.0),
    "mse": ("MSE", 0.0),
}
"""Headers, and what equal sounds have, as `audiovae.metrics.measures` cuts it off."""

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
"""What a change of one setting is judged by: the header and how a difference is written."""


def tables(found: Found) -> list[Table]:
    """Put records into the tables of sounds rebuilt, of single changes, of codes and latents, of new sounds, of size.

    Args:
        found: the records of each row, one a seed.
    """
    several = any(len(records) > 1 for records in found.values())
    seeds = " Where seeds differ, it is their mean, with the least and the greatest." if several else ""
    shown = [_of_rebuilt(found, seeds), _of_changes(found), _of_codes(found), _of_latents(found), _of_new(found)]
    return [table for table in [*shown, _of_size(found), _of_training(found)] if table.rows]


# --- what comes back ----------------------------------------------------------------------------------------


def _of_rebuilt(found: Found, seeds: str) -> Table:
    return Table(
        "What comes back of test chunks",
        (
            "Row", *(header for title, _ in _DISTANCES.values() for header in (title, "its ceiling")),
            "Recognised", "of real sounds",
        ),
        [[Cell(row.title), *_rebuilt(records)] for row, records in found.items()],
        "Means over chunks of tunes, grooves or files that no model has heard. Spectral convergence: distance of the "
        "magnitudes at three resolutions, 0 for the same, 1 for silence. Mel distance: of log-mel spectrograms. "
        "SI-SDR: scale-invariant signal-to-distortion ratio, each chunk's within −30 and 60. Ceiling: of equal sounds; "
        "of spectrograms what Griffin-Lim makes of the true ones. It finds phases of its own, so for spectrograms "
        "SI-SDR, cosine and MSE say nothing, neither of the model nor of what one hears. Recognised: share that "
        "a recogniser, which has learned from training chunks, takes for the instrument that they were. "
        "Nearest training chunk: of the same instrument, by log-mel spectrograms, which is what a model reaches that "
        f"has learned its chunks by heart. Bold: no nearer than silence; less than half are recognised.{seeds}",
    )  # fmt: skip


def _rebuilt(records: Sequence[Record]) -> list[Cell]:
    cells = []
    for name, (_, equal) in _DISTANCES.items():
        value = values(records, name, number)
        cells += [value, over_seeds([_ceiling(record, name, equal) for record in records], number)]
    cells[0] = cells[0]._replace(bad=mean(records, "spectral_convergence") >= SILENT)
    recognised = values(records, "instrument_hit_reconstructed", precise_share)
    missed = mean(records, "instrument_hit_reconstructed") < HALF
    return [*cells, recognised._replace(bad=missed), values(records, "instrument_hit_real", precise_share)]


def _ceiling(record: Record, name: str, equal: float) -> float:
    of_spectra = record.measures.get("griffin_lim")
    return equal if of_spectra is None else float(of_spectra[name])


def _of_changes(found: Found) -> Table:
    rows = []
    for before, after in single_changes(found, CHANGES):
        apart = {name: differences(found[before], found[after], name) for name in _COMPARED}
        cells = (over_seeds(apart[name], write) for name, (_, write) in _COMPARED.items())
        rows.append([Cell(f"{before.title} → {after.title}"), *cells])
    return Table(
        "What each change does",
        ("Change", *(header for header, _ in _COMPARED.values())),
        rows,
        "Rows that differ in one thing: the second less the first, of the same seed; shares in points, encoding and "
        "decoding in times real time. Of convergence and distance less is better, of the others more.",
    )


# --- what lies between --------------------------------------------------------------------------------------


def _of_codes(found: Found) -> Table:
    return Table(
        "What codes hold",
        (
            "Row", "Codes", "Bits a second", "In use", "Perplexity", "where there is sound", "at most",
            "Prior, bits a code", "pairs counted", "codes counted", "at most",
        ),
        [[Cell(row.title), *_codes(records)] for row, records in having(found, "codes").items()],
        "On test chunks. Perplexity: how many codes, used evenly, would be as various; silence, whose codes are all "
        "the same, is left out of the second. Prior: what a network that knows the instrument and the codes before "
        "pays for a code, beside whoever has counted which code follows which, and how often each occurs. Bold: less "
        "than half of the codes are in use; the prior has learned no more than pairs.",
    )  # fmt: skip


def _codes(records: Sequence[Record]) -> list[Cell]:
    bits = [values(records, f"{name}_bits", number) for name in ("prior", "bigram", "unigram")]
    bits[0] = bits[0]._replace(bad=mean(records, "prior_bits") >= mean(records, "bigram_bits"))
    count = records[0].measures["codes"]
    return [
        values(records, "codes", number),
        values(records, "bits_per_second", number),
        values(records, "codebook_use", precise_share)._replace(bad=mean(records, "codebook_use") < HALF),
        *(values(records, f"perplexity{end}", number) for end in ("", "_nonsilent")),
        Cell(number(count)),
        *bits,
        Cell(number(math.log2(count))),
    ]


def _of_latents(found: Found) -> Table:
    return Table(
        "What latents hold",
        ("Row", "Latents", "Active", "KL, nats", "at the top", "at the bottom"),
        [[Cell(row.title), *_latents(records)] for row, records in having(found, "latents").items()],
        "On test chunks. Active: share of the latents whose means vary from chunk to chunk by more than 0.01. KL: "
        "divergence of the posterior from the prior, summed over latents. The top is over a whole chunk, the bottom "
        "over some milliseconds. Bold: less than half of the latents are active; the top holds less than one nat.",
    )


def _latents(records: Sequence[Record]) -> list[Cell]:
    return [
        values(records, "latents", number),
        values(records, "active_units", precise_share)._replace(bad=mean(records, "active_units") < HALF),
        values(records, "kl_nats", number),
        values(records, "kl_top_nats", number)._replace(bad=mean(records, "kl_top_nats") < LEAST_TOP_NATS),
        values(records, "kl_bottom_nats", number),
    ]


# --- what is new --------------------------------------------------------------------------------------------


def _of_new(found: Found) -> Table:
    return Table(
        "What they play of their own",
        ("Row", "Recognised", "of real sounds", "Diversity, dB", "of real sounds", "Nearest, dB", "of real sounds"),
        [[Cell(row.title), *_new(records)] for row, records in found.items()],
        "New sounds, as many of each instrument: of VAEs drawn around where the instrument's sounds lie, of codes from "
        "the prior, of principal components normally distributed. Of real sounds and Griffin-Lim they are validation "
        "chunks. Recognised: share taken for the instrument asked for. Diversity: distance of two sounds of one "
        "instrument, by log-mel spectrograms. Nearest: distance to the nearest training chunk; 0 is a copy. Only all "
        "three together tell real sounds from others. Bold: less than half are recognised, or vary less than half as "
        "much as real ones.",
    )


def _new(records: Sequence[Record]) -> list[Cell]:
    modelled = records[0].made_with["row"] != CEILING
    missed = modelled and mean(records, "instrument_hit") < HALF
    narrow = modelled and mean(records, "diversity") < HALF * mean(records, "diversity_real")
    return [
        values(records, "instrument_hit", precise_share)._replace(bad=missed),
        values(records, "instrument_hit_real", precise_share),
        values(records, "diversity", number)._replace(bad=narrow),
        values(records, "diversity_real", number),
        *(values(records, f"nearest_training{end}", number) for end in ("", "_real")),
    ]


# --- what it costs ------------------------------------------------------------------------------------------


def _of_size(found: Found) -> Table:
    return Table(
        "What they cost",
        ("Row", "Parameters", "Encoding, × real time", "Decoding, × real time"),
        [[Cell(row.title), *_size(records)] for row, records in having(found, "parameters").items()],
        "Parameters: numbers that are learned, without the prior's. Times real time: seconds of sound in a second on "
        "this machine, 32 chunks at a time. Most of what decoding of spectrograms takes is Griffin-Lim. Bold: slower "
        "than it plays.",
    )


def _size(records: Sequence[Record]) -> list[Cell]:
    return [
        over_seeds([record.measures["parameters"] for record in records], "{:,.0f}".format),
        *(values(records, name, number)._replace(bad=mean(records, name) < 1) for name in ("rtf_encode", "rtf_decode")),
    ]


def _of_training(found: Found) -> Table:
    trained = {row: records for row, records in found.items() if is_trained(records)}
    return Table(
        "How they were trained",
        (
            "Row", "Loss", "Reconstruction", "in validation", "KL, nats", "at the top", "at the bottom", "Commitment",
            "Updates", "Examples a second", "Seconds", "Epochs", "Judged epoch", "Planned for the prior",
        ),
        [[Cell(row.title), *_training(records)] for row, records in trained.items()],
        "Losses are those of the last epoch, means over it. Reconstruction: of samples the multi-resolution spectral "
        "loss and ten times the mean absolute difference, of spectrograms that difference alone, so only rows with the "
        "same input compare. An example is a chunk that an update looked at. As many epochs were planned, for learning "
        "rates and annealing, as a short trial of each model said would fit; the clock ended training. The judged "
        "epoch is the one with the least loss of validation chunks, as audiovae.train chooses it. Priors were planned "
        "in the same way, and stop when validation codes get no cheaper.",
    )  # fmt: skip


def _training(records: Sequence[Record]) -> list[Cell]:
    prior = over_seeds([record.training.get("prior_epochs") for record in records], number)
    return [*training_cells(records, LOSSES, number), prior]


def particulars(found: Found, terms: Terms, command: str, sounds: Sounds) -> dict[str, str]:
    """Say what the tables depend on, as `manymodes.experiment.tables.particulars`; ``sounds`` are those of a seed."""
    fingerprints = dict.fromkeys(record.made_with["fingerprint"][:12] for kept in found.values() for record in kept)
    names = f"{len(sounds.names)} {'instrument' if len(sounds.names) == 1 else 'instruments'}"
    sides = f"{len(sounds.train.chunks):,} seconds to learn from and {len(sounds.test.chunks):,} to measure with"
    time = (
        f"{number(terms.minutes)} minutes of updates a model, {share(PRIOR_SHARE)} more for the prior of codes; "
        f"{terms.count} new sounds of each instrument"
    )
    return kit.particulars(
        found,
        command=command,
        data=("Sounds", f"{Path(sounds.source).name}, {names}, {sides}, fingerprint {', '.join(fingerprints)}"),
        time=time,
    )
