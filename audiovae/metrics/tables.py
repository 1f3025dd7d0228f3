"""The rows of `audiovae.compare` as tables."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

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
    values,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from manymodes.experiment.records import Found, Record
    from manymodes.experiment.tables import Write

CHANGES = ("model", "input", "mels", "quantizer")
"""The settings in which rows differ."""

SILENT = 1.0
"""The spectral convergence of silence."""

HALF = 0.5
"""Less than this share of codes in use, of active latents, of sounds that are recognised, or of the diversity of
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
"""Headers, and the values of equal sounds, limited as in `audiovae.metrics.measures`."""

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


def tables(found: Found, losses: Sequence[str]) -> list[Table]:
    """Return the tables of reconstructions, of single changes, of codes and latents, of new sounds, of costs.

    Args:
        found: the records of each row, one a seed.
        losses: columns of the last table.
    """
    several = any(len(records) > 1 for records in found.values())
    seeds = " Where seeds differ, it is their mean, with the least and the greatest." if several else ""
    shown = [_of_rebuilt(found, seeds), _of_changes(found), _of_codes(found), _of_latents(found), _of_new(found)]
    return [table for table in [*shown, _of_size(found), _of_training(found, losses)] if table.rows]


# --- reconstructions ----------------------------------------------------------------------------------------


def _of_rebuilt(found: Found, seeds: str) -> Table:
    return Table(
        "What comes back of test chunks",
        (
            "Row", *(header for title, _ in _DISTANCES.values() for header in (title, "its ceiling")),
            "Recognised", "of real sounds",
        ),
        [[Cell(row.title), *_rebuilt(records)] for row, records in found.items()],
        "Means over chunks of held-out tunes, grooves or files. Spectral convergence: distance of the magnitudes at "
        "three resolutions; 0 is equal, 1 is silence. Mel distance: distance of log-mel spectrograms. SI-SDR: "
        "scale-invariant signal-to-distortion ratio, limited to −30 to 60 for each chunk. Ceiling: the score of "
        "equal sounds; for spectrograms, of the original spectrograms after Griffin-Lim. Griffin-Lim estimates the "
        "phases, so SI-SDR, cosine and MSE have no meaning for spectrograms. Recognised: share that a classifier, "
        "trained on training chunks, assigns to the right instrument. Nearest training chunk: the chunk of the same "
        "instrument with the nearest log-mel spectrogram, as a model that memorises its training data would return "
        f"it. Bold: no nearer than silence; less than half are recognised.{seeds}",
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
        "Rows that differ in one setting: second minus first, same seed. Shares in percentage points; encoding and "
        "decoding relative to real time. For convergence and distance lower is better, for the others higher.",
    )


# --- codes and latents --------------------------------------------------------------------------------------


def _of_codes(found: Found) -> Table:
    return Table(
        "What codes hold",
        (
            "Row", "Codes", "Bits a second", "In use", "Perplexity", "where there is sound", "at most",
            "Prior, bits a code", "pairs counted", "codes counted", "at most",
        ),
        [[Cell(row.title), *_codes(records)] for row, records in having(found, "codes").items()],
        "On test chunks. Perplexity: the number of codes that, used equally often, would be equally diverse; the "
        "second leaves out silence, which always has the same codes. Prior: bits per code of a network that knows "
        "the instrument and the previous codes, beside counts of pairs and of single codes. Bold: less than half of "
        "the codes are in use; the prior is no better than counts of pairs.",
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
        "On test chunks. Active: share of the latent variables whose means vary by more than 0.01 from chunk to "
        "chunk. KL: divergence of the posterior from the prior, summed over latent variables. The top level covers a "
        "whole chunk, the bottom level some milliseconds. Bold: less than half of the latent variables are active; "
        "the top level holds less than one nat.",
    )


def _latents(records: Sequence[Record]) -> list[Cell]:
    return [
        values(records, "latents", number),
        values(records, "active_units", precise_share)._replace(bad=mean(records, "active_units") < HALF),
        values(records, "kl_nats", number),
        values(records, "kl_top_nats", number)._replace(bad=mean(records, "kl_top_nats") < LEAST_TOP_NATS),
        values(records, "kl_bottom_nats", number),
    ]


# --- new sounds ---------------------------------------------------------------------------------------------


def _of_new(found: Found) -> Table:
    return Table(
        "What they play of their own",
        ("Row", "Recognised", "of real sounds", "Diversity, dB", "of real sounds", "Nearest, dB", "of real sounds"),
        [[Cell(row.title), *_new(records, real=row is next(iter(found)))] for row, records in found.items()],
        "New sounds, equally many of each instrument: of VAEs, sampled around the encodings of the instrument's "
        "sounds; of codes, from the prior; of principal components, from a normal distribution. Real sounds and "
        "Griffin-Lim: validation chunks. Recognised: share classified as the requested instrument. Diversity: "
        "distance of two sounds of one instrument, by log-mel spectrograms. Nearest: distance to the nearest "
        "training chunk; 0 is a copy. Only all three together separate real sounds from others. Bold: less than half "
        "are recognised, or diversity is less than half of that of real sounds.",
    )


def _new(records: Sequence[Record], *, real: bool) -> list[Cell]:
    missed = not real and mean(records, "instrument_hit") < HALF
    narrow = not real and mean(records, "diversity") < HALF * mean(records, "diversity_real")
    return [
        values(records, "instrument_hit", precise_share)._replace(bad=missed),
        values(records, "instrument_hit_real", precise_share),
        values(records, "diversity", number)._replace(bad=narrow),
        values(records, "diversity_real", number),
        *(values(records, f"nearest_training{end}", number) for end in ("", "_real")),
    ]


# --- costs --------------------------------------------------------------------------------------------------


def _of_size(found: Found) -> Table:
    return Table(
        "What they cost",
        ("Row", "Parameters", "Encoding, × real time", "Decoding, × real time"),
        [[Cell(row.title), *_size(records)] for row, records in having(found, "parameters").items()],
        "Parameters: trained numbers, without the prior. Times real time: seconds of sound per second on this "
        "machine, 32 chunks at a time. Griffin-Lim takes most of the decoding time of spectrograms. Bold: slower "
        "than real time.",
    )


def _size(records: Sequence[Record]) -> list[Cell]:
    return [
        over_seeds([record.measures["parameters"] for record in records], "{:,.0f}".format),
        *(values(records, name, number)._replace(bad=mean(records, name) < 1) for name in ("rtf_encode", "rtf_decode")),
    ]


def _of_training(found: Found, losses: Sequence[str]) -> Table:
    trained = {row: records for row, records in found.items() if is_trained(records)}
    return Table(
        "How they were trained",
        (
            "Row", "Loss", "Reconstruction", "in validation", "KL, nats", "at the top", "at the bottom", "Commitment",
            "Updates", "Examples a second", "Seconds", "Epochs", "Judged epoch", "Planned for the prior",
        ),
        [[Cell(row.title), *_training(records, losses)] for row, records in trained.items()],
        "Losses are means over the last epoch. Reconstruction: for samples, the multi-resolution spectral loss plus "
        "ten times the mean absolute difference; for spectrograms, that difference alone. Compare only rows with the "
        "same input. Examples are training chunks, counted once per update. A short trial of each model set the "
        "number of epochs for learning rates and annealing; training ended when the time was over. The judged epoch "
        "has the least loss on validation chunks, as in audiovae.train. Priors were planned in the same way and stop "
        "when the loss on validation codes no longer falls.",
    )  # fmt: skip


def _training(records: Sequence[Record], losses: Sequence[str]) -> list[Cell]:
    prior = over_seeds([record.training.get("prior_epochs") for record in records], number)
    return [*training_cells(records, losses, number), prior]
