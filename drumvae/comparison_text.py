"""The rows of `drumvae.compare` as tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from drumvae.comparison import CEILING, CHANGES, LOSSES
from evaluation.scores.verdict import number, share
from manymodes.experiment import tables as kit
from manymodes.experiment.cells import (
    differences,
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

    from drumvae.comparison import Terms
    from drumvae.data.grooves import Grooves
    from manymodes.experiment.cells import Found, Write
    from manymodes.experiment.compare import Record

COLLAPSED = 0.5
"""Share of the diversity of real bars under which bars have collapsed."""

_LEAST_WRITTEN = 0.001  # under which three digits would be none


def nats(value: float) -> str:
    """Write nats so that what has collapsed is seen to have: 3.21, 0.0000005."""
    return number(value) if abs(value) >= _LEAST_WRITTEN else f"{value:z.7f}".rstrip("0").rstrip(".")


_COMPARED: Mapping[str, tuple[str, Write]] = {
    "kl_high_nats": ("z_high, nats", signed(nats)),
    "active_high": ("Active", signed(nats)),
    "mutual_information_high": ("Tells", signed(nats)),
    "probe_high": ("Probe of z_high", points),
    "probe_low": ("of z_low", points),
    "hit_f1": ("Hit F1", signed(nats)),
    "iwae_nats": ("−log p", signed(nats)),
    "style_hit": ("Style hit", points),
    "diversity": ("Diversity", signed(nats)),
    "recall": ("Recall", points),
    "transfer_success": ("Style reached", points),
    "transfer_onset_f1": ("Onsets kept", signed(nats)),
    "swap_success": ("By z_high alone", points),
}
"""What a change of one setting is judged by: the header and how a difference is written."""


def tables(found: Found) -> list[Table]:
    """Put records into the tables of latents, of single changes, of bars known, composed and changed, and of training.

    Args:
        found: the records of each row, one a seed.
    """
    several = any(len(records) > 1 for records in found.values())
    seeds = " Where seeds differ, it is their mean, with the least and the greatest." if several else ""
    shown = [_of_latents(found, seeds), _of_changes(found), _of_likelihood(found), _of_bars(found), _of_transfer(found)]
    return [table for table in [*shown, _of_training(found)] if table.rows]


def _of_latents(found: Found, seeds: str) -> Table:
    return Table(
        "What the latents hold",
        (
            "Row", "z_high, nats", "Active", "Tells", "z_low, nats", "Active", "Tells", "at most",
            "Probe of z_high", "of z_low", "of raw bars", "by guessing", "Variance ratio", "if collapsed",
        ),
        [[Cell(row.title), *_latents(records)] for row, records in _having(found, "probe_high", CEILING).items()],
        "Nats: divergence of the posterior from the prior on test bars, with no floor under it; where styles are told, "
        "from the prior of the bar's style. Active: dimensions whose means move from bar to bar. Tells: how many nats "
        "the latent tells of which bar it is (mutual information), at most the logarithm of the number of bars. Probe: "
        "balanced accuracy with which a logistic regression reads the style from drawn latents, beside raw bars; of "
        "principal components, the greatest four stand for z_high. Variance ratio: the reports' measure of z_high, "
        "which is the same if that is made a million times smaller, so that no decoder could read it. Chain, as in "
        "the reports, which annealed it cyclically: z_high is inferred from z_low, and the decoder reads only z_low. "
        "Top-down: z_high is inferred from the bar, and the decoder reads both. Bold: there are silent dimensions; "
        f"z_low tells the style as well.{seeds}",
    )  # fmt: skip


def _having(found: Found, *names: str) -> Found:
    """Return the rows of which any of these measures is known, or that have one of these names."""
    return {
        row: records
        for row, records in found.items()
        if row.name in names or any(records[0].measures.get(name) is not None for name in names)
    }


def _latents(records: Sequence[Record]) -> list[Cell]:
    high, low = (values(records, f"probe_{level}", precise_share) for level in ("high", "low"))
    return [
        values(records, "kl_high_nats", nats),
        _active(records, "high"),
        values(records, "mutual_information_high", number),
        values(records, "kl_low_nats", nats),
        _active(records, "low"),
        values(records, "mutual_information_low", number),
        values(records, "mutual_information_ceiling", number),
        high._replace(bad=is_trained(records) and mean(records, "probe_high") <= mean(records, "probe_low")),
        low,
        values(records, "probe_raw", precise_share),
        values(records, "chance", share),
        values(records, "variance_ratio_high", number),
        values(records, "variance_ratio_collapsed", number),
    ]


def _active(records: Sequence[Record], level: str) -> Cell:
    cell = values(records, f"active_{level}", number)
    if not is_trained(records):
        return cell
    dimensions = records[0].measures[f"{level}_dim"]
    silent = any(record.measures[f"active_{level}"] < dimensions for record in records)
    return cell._replace(text=f"{cell.text} of {dimensions}", bad=silent and level == "high")


def _of_changes(found: Found) -> Table:
    rows = []
    for before, after in single_changes(found, tuple(CHANGES)):
        apart = {name: differences(found[before], found[after], name) for name in _COMPARED}
        cells = (over_seeds(apart[name], write) for name, (_, write) in _COMPARED.items())
        rows.append([Cell(f"{before.title} → {after.title}"), *cells])
    return Table(
        "What each change does",
        ("Change", *(header for header, _ in _COMPARED.values())),
        rows,
        "Rows that differ in one thing: the second less the first, of the same seed; shares in points.",
    )


def _of_likelihood(found: Found) -> Table:
    return Table(
        "How well they know bars",
        (
            "Row", "Hit F1", "of principal components", "of the mean pattern",
            "−log p, nats", "its bound by one sample", "least possible", "above it", "± error",
        ),
        [[Cell(row.title), *_known(records)] for row, records in _having(found, "hit_f1", "iwae_nats").items()],
        "On test bars. Hit F1: hits found again from the means of the latents, beside 16 principal components and the "
        "mean pattern. −log p of a bar's hits: for models a bound by a hundred samples (IWAE), beside that by one "
        "(ELBO); the rules by which bars are made say how much is the least possible, so there is none for real "
        "playing. Shuffled hits and the mean pattern are cells by themselves, the first in each style. Bold: worse "
        "than the mean pattern.",
    )  # fmt: skip


def _known(records: Sequence[Record]) -> list[Cell]:
    worse = is_trained(records) and mean(records, "hit_f1") < mean(records, "hit_f1_mean_pattern")
    return [
        values(records, "hit_f1", number)._replace(bad=worse),
        *(values(records, f"hit_f1_{floor}", number) for floor in ("pca16", "mean_pattern")),
        *(
            values(records, name, number)
            for name in ("iwae_nats", "elbo_nats", "entropy_bound_nats", "gap_nats", "gap_error")
        ),
    ]


def _of_bars(found: Found) -> Table:
    return Table(
        "What they compose",
        (
            "Row", "Style hit", "of real bars", "Diversity", "of real bars", "Precision", "its ceiling", "Recall",
            "its ceiling", "Nearest", "of real bars", "Copies", "of real bars",
        ),
        [[Cell(row.title), *_composed(records)] for row, records in found.items()],
        "Style hit: share of the bars that a classifier, which knows training bars alone, reads as the style asked "
        "for. Diversity: mean distance between two bars of a style, in cells. Precision: share of the bars that lie "
        "among real ones of the style; recall: share of the real ones that lie among the bars; the ceiling is what "
        "training bars reach. Nearest: distance to the nearest training bar, in cells; copies: share for which it is "
        "0. Real bars, beside which all stand, are test bars; as a row they are validation bars. Bold: less than half "
        "as diverse as real bars.",
    )  # fmt: skip


def _composed(records: Sequence[Record]) -> list[Cell]:
    narrow = is_trained(records) and mean(records, "diversity") < COLLAPSED * mean(records, "diversity_real")
    return [
        *(values(records, f"style_hit{end}", precise_share) for end in ("", "_real")),
        values(records, "diversity", number)._replace(bad=narrow),
        values(records, "diversity_real", number),
        *(values(records, f"{name}{end}", share) for name in ("precision", "recall") for end in ("", "_ceiling")),
        *(values(records, f"nearest_training{end}", number) for end in ("", "_held_out")),
        *(values(records, f"copies{end}", precise_share) for end in ("", "_held_out")),
    ]


def _of_transfer(found: Found) -> Table:
    return Table(
        "What becomes of bars that are given another style",
        (
            "Row", "Style reached", "before", "Onsets kept", "by any bar", "Steps kept", "by any bar",
            "Reached by z_high alone", "Onsets kept",
        ),
        [[Cell(row.title), *_transferred(records)] for row, records in _having(found, "transfer_success").items()],
        "Every test bar with every style that it does not have. Style reached: share that is read as the new style, "
        "beside the share that was before. Onsets kept: F1 of hits with the bar that it was, beside that of any real "
        "bar of the new style; steps kept: the same whatever is struck. Models keep to the hits of the bar as "
        "drumvae.transfer has them do; by z_high alone: they know of it only z_low, and z_high is that of another bar "
        "of the new style. Principal components keep how far they are "
        "from the mean of their style; the replay is the training bar of the new style that has most in common. Bold: "
        "no more than any bar of the new style has in common.",
    )  # fmt: skip


def _transferred(records: Sequence[Record]) -> list[Cell]:
    lost = is_trained(records) and mean(records, "transfer_onset_f1") <= mean(records, "transfer_onset_f1_random")
    return [
        *(values(records, f"transfer_success{end}", precise_share) for end in ("", "_unchanged")),
        values(records, "transfer_onset_f1", number)._replace(bad=lost),
        values(records, "transfer_onset_f1_random", number),
        *(values(records, f"transfer_step_f1{end}", number) for end in ("", "_random")),
        values(records, "swap_success", precise_share),
        values(records, "swap_onset_f1", number),
    ]


def _of_training(found: Found) -> Table:
    trained = {row: records for row, records in found.items() if is_trained(records)}
    return Table(
        "How they were trained",
        (
            "Row", "Loss", "Reconstruction", "z_high, nats", "z_low, nats", "−log p in validation",
            "Updates", "Examples a second", "Seconds", "Epochs", "Judged epoch",
        ),
        [[Cell(row.title), *training_cells(records, LOSSES, nats)] for row, records in trained.items()],
        "Losses are those of the last epoch, in nats a bar, means over it; the loss as a whole has velocities, timing "
        "and styles in it, so only rows of one kind compare. An example is a bar that an update looked at. As many "
        "epochs were planned, for learning rates and annealing, as a short trial of each model said would fit; the "
        "clock ended training. The judged epoch is the one with the least −log p of validation bars (ten samples), as "
        "drumvae.train chooses it.",
    )  # fmt: skip


def particulars(found: Found, terms: Terms, command: str, grooves: Grooves) -> dict[str, str]:
    """Say what the tables depend on, as `manymodes.experiment.tables.particulars`; ``grooves`` are those of a seed."""
    fingerprints = dict.fromkeys(record.made_with["fingerprint"][:12] for kept in found.values() for record in kept)
    source = f"{Path(grooves.source).name}, {len(grooves.styles)} {'style' if len(grooves.styles) == 1 else 'styles'}"
    sides = f"{len(grooves.train):,} bars to learn from and {len(grooves.test):,} to measure with"
    time = f"{number(terms.minutes)} minutes of updates a model; {terms.count:,} bars composed by each"
    return kit.particulars(
        found,
        command=command,
        data=("Grooves", f"{source}, {sides}, fingerprint {', '.join(fingerprints)}"),
        time=time,
    )
