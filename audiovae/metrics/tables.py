"""The rows of `audiovae.compare` as tables."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from evaluation.scores.verdict import number
from manymodes.experiment.tables import (
    changes_table,
    column,
    having,
    mean,
    over_seeds,
    points,
    precise_share,
    seeds_note,
    signed,
    table,
    training_table,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from manymodes.experiment.records import Record, Records
    from manymodes.experiment.tables import Cell, Column, Table

CHANGES = ("model", "input", "mels", "quantizer")
"""The settings in which rows differ."""

_SILENT = 1.0  # the spectral convergence of silence
_HALF = 0.5
_LEAST_TOP_NATS = 1.0

_COMPARED = (
    ("Spectral convergence", "spectral_convergence", signed(number)),
    ("Mel distance, dB", "mel_distance", signed(number)),
    ("SI-SDR, dB", "si_sdr", signed(number)),
    ("Recognised", "instrument_hit_reconstructed", points),
    ("New ones recognised", "instrument_hit", points),
    ("Diversity, dB", "diversity", signed(number)),
    ("Parameters", "parameters", signed(number)),
    ("Encoding", "rtf_encode", signed(number)),
    ("Decoding", "rtf_decode", signed(number)),
)


def _below(name: str, limit: float) -> Callable[[Sequence[Record]], bool]:
    return lambda records: mean(records, name) < limit


def _distance(header: str, name: str, equal: float, bad: Callable[..., bool] = lambda _: False) -> list[Column]:
    """Return the columns of a distance and of its ceiling: Griffin-Lim's, otherwise that of equal sounds."""

    def ceiling(records: Sequence[Record]) -> Cell:
        of_spectra = [record.measures.get("griffin_lim") for record in records]
        return over_seeds([equal if of is None else of[name] for of in of_spectra], number)

    return [column(header, name, number, bad), ("its ceiling", ceiling)]


_REBUILT = (
    *_distance(
        "Spectral convergence", "spectral_convergence", 0.0, lambda some: mean(some, "spectral_convergence") >= _SILENT
    ),
    *_distance("Mel distance, dB", "mel_distance", 0.0),
    *_distance("SI-SDR, dB", "si_sdr", 60.0),
    *_distance("Cosine", "cosine", 1.0),
    *_distance("MSE", "mse", 0.0),
    column("Recognised", "instrument_hit_reconstructed", precise_share, _below("instrument_hit_reconstructed", _HALF)),
    column("of real sounds", "instrument_hit_real", precise_share),
)
_CODES = (
    column("Codes", "codes", number),
    column("Bits a second", "bits_per_second", number),
    column("In use", "codebook_use", precise_share, _below("codebook_use", _HALF)),
    column("Perplexity", "perplexity", number),
    column("where there is sound", "perplexity_nonsilent", number),
    column("at most", "codes", number),
    column(
        "Prior, bits a code", "prior_bits", number, lambda some: mean(some, "prior_bits") >= mean(some, "bigram_bits")
    ),
    column("pairs counted", "bigram_bits", number),
    column("codes counted", "unigram_bits", number),
    ("at most", lambda records: over_seeds([math.log2(record.measures["codes"]) for record in records], number)),
)
_LATENTS = (
    column("Latents", "latents", number),
    column("Active", "active_units", precise_share, _below("active_units", _HALF)),
    column("KL, nats", "kl_nats", number),
    column("at the top", "kl_top_nats", number, _below("kl_top_nats", _LEAST_TOP_NATS)),
    column("at the bottom", "kl_bottom_nats", number),
)
_NEW = (
    column("Recognised", "instrument_hit", precise_share, _below("instrument_hit", _HALF)),
    column("of real sounds", "instrument_hit_real", precise_share),
    column(
        "Diversity, dB",
        "diversity",
        number,
        lambda some: mean(some, "diversity") < _HALF * mean(some, "diversity_real"),
    ),
    column("of real sounds", "diversity_real", number),
    column("Nearest, dB", "nearest_training", number),
    column("of real sounds", "nearest_training_real", number),
)
_SIZE = (
    column("Parameters", "parameters", "{:,.0f}".format),
    column("Encoding, × real time", "rtf_encode", number, _below("rtf_encode", 1)),
    column("Decoding, × real time", "rtf_decode", number, _below("rtf_decode", 1)),
)


_LOSSES = {
    "loss": "Loss",
    "reconstruction_loss": "Reconstruction",
    "val_reconstruction_loss": "in validation",
    "kl_all_nats": "KL, nats",
    "kl_top_nats": "at the top",
    "kl_bottom_nats": "at the bottom",
    "commitment_loss": "Commitment",
}
"""Columns of the history whose last values the tables show, with their headers."""


def tables(found: Records) -> list[Table]:
    """Return all tables."""
    shown = [
        table(
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
            "training data would return it. Bold: no nearer than silence; less than half are recognised."
            f"{seeds_note(found)}",
        ),
        changes_table(
            found,
            CHANGES,
            _COMPARED,
            "Rows that differ in one setting: second minus first, same seed. Shares in percentage points; encoding and "
            "decoding relative to real time. For convergence and distance lower is better, for the others higher.",
        ),
        table(
            "What codes hold",
            _CODES,
            having(found, "codes"),
            "On test chunks. Perplexity: the number of codes that, used equally often, would be equally diverse; the "
            "second leaves out silence, which always has the same codes. Prior: bits per code of a network that "
            "knows the instrument and the previous codes, beside counts of pairs and of single codes. Bold: less "
            "than half of the codes are in use; the prior is no better than counts of pairs.",
        ),
        table(
            "What latents hold",
            _LATENTS,
            having(found, "latents"),
            "On test chunks. Active: share of the latent variables whose means vary by more than 0.01 from chunk to "
            "chunk. KL: divergence of the posterior from the prior, summed over latent variables. The top level "
            "covers a whole chunk, the bottom level some milliseconds. Bold: less than half of the latent variables "
            "are active; the top level holds less than one nat.",
        ),
        table(
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
        table(
            "What they cost",
            _SIZE,
            having(found, "parameters"),
            "Parameters: trained numbers, without the prior. Times real time: seconds of sound per second on this "
            "machine, 32 chunks at a time. Griffin-Lim takes most of the decoding time of spectrograms. Bold: slower "
            "than real time.",
        ),
        training_table(
            found,
            _LOSSES,
            number,
            "Losses are means over the last epoch. Reconstruction: for samples, the multi-resolution spectral loss "
            "plus ten times the mean absolute difference; for spectrograms, that difference alone. Compare only rows "
            "with the same input. Examples are training chunks, counted once per update. A short trial of each model "
            "set the number of epochs for learning rates and annealing; training ended when the time was over. The "
            "best epoch has the least loss on validation chunks, as in audiovae.train. Priors were planned in the same "
            "way and stop when the loss on validation codes no longer falls.",
            {"prior_epochs": "Planned for the prior"},
        ),
    ]
    return [one for one in shown if one.rows]
