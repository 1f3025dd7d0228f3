"""The results of `drumvae.compare`: measures of each row, and the tables of all."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np

from drumvae.data.grooves import log_probability
from drumvae.metrics.baselines import classifier_of, hit_f1_baselines
from drumvae.metrics.probes import balanced_accuracy, probe
from drumvae.metrics.rhythm import mean_distance, nearest_training
from evaluation.scores.distances import pairwise
from evaluation.scores.diversity import precision_recall
from evaluation.scores.verdict import number, share
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

    from numpy.typing import NDArray

    from drumvae.data.grooves import Bars, Grooves
    from drumvae.metrics.baselines import Composed
    from manymodes.experiment.records import Found, Record
    from manymodes.experiment.tables import Write

COLLAPSED = 0.5
"""Share of the diversity of real bars below which bars have collapsed."""

SHOWN = 2
"""Bars of each style that are drawn of a row."""

_LEAST_WRITTEN = 0.001  # below which `number` would write 0
_COLUMNS = {"high": "kl_high_", "low": "kl_low_"}


def nats(value: float) -> str:
    """Write nats so that a collapse can be seen: 3.21, 0.0000005."""
    return number(value) if abs(value) >= _LEAST_WRITTEN else f"{value:z.7f}".rstrip("0").rstrip(".")


_COMPARED: Mapping[str, tuple[str, Write]] = {
    "kl_high_nats": ("z_high, nats", signed(nats)),
    "active_high": ("Active", signed(nats)),
    "mutual_information_high": ("Information", signed(nats)),
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
"""The measures of a change: header, and how a difference is written."""


# --- results ------------------------------------------------------------------------------------------------


def result_of(
    composed: Composed, grooves: Grooves, history: Sequence[Mapping[str, float]] = ()
) -> tuple[dict[str, Any], dict[str, str], dict[str, Any]]:
    """Measure the bars of a row.

    Args:
        composed: the bars, and further measures of the row.
        grooves: what was learned.
        history: of the training.

    Returns:
        the measures: of metrics.json those that are known, and ``style_hit``, ``diversity``, ``precision``, ``recall``
        and those of `drumvae.metrics.rhythm.nearest_training`; ``…_real`` is the same for test bars, ``…_ceiling`` for
        as many training bars. Sentences. And figures: the first ``bars`` of each style, as hexadecimal digits, and of
        each of the ``epochs`` the ``seconds`` spent, ``val_nats`` and the divergences of each dimension of both
        levels, ``high`` and ``low``.
    """
    measures = {
        **_limits(grooves),
        **composed.measures,
        "style_hit": balanced_accuracy(composed.styles, classifier_of(grooves)(composed.hits)),
        "diversity": diversity(composed.hits, composed.styles),
        **among(composed.hits, composed.styles, grooves.test),
        **nearest_training(composed.hits, grooves.test.hits, grooves.train.hits),
    }
    rows = [np.flatnonzero(composed.styles == style)[:SHOWN] for style in range(len(grooves.styles))]
    bars = [[np.packbits(np.asarray(bar, bool)).tobytes().hex() for bar in composed.hits[some]] for some in rows]
    sentences = {"latents": _latents_sentence(measures), "bars": _bars_sentence(measures)}
    return measures, sentences, {"bars": bars, "epochs": [_epoch(row) for row in history]}


@functools.lru_cache(maxsize=1)
def _limits(grooves: Grooves) -> Mapping[str, Any]:
    """Return the measures that are the same for every row."""
    train, test = grooves.train, grooves.test
    learned = train[np.random.default_rng(grooves.seed).permutation(len(train))]
    exact = float(-log_probability(test.hits).mean()) if grooves.by_rule else None
    return {
        **hit_f1_baselines(train.hits, test.hits),
        "probe_raw": probe(train.hits, train.styles, test.hits, test.styles),
        "chance": 1 / len(grooves.styles),
        "entropy_bound_nats": exact,
        "style_hit_real": balanced_accuracy(test.styles, classifier_of(grooves)(test.hits)),
        "diversity_real": diversity(test.hits, test.styles),
        **{f"{name}_ceiling": value for name, value in among(learned.hits, learned.styles, test).items()},
    }


def diversity(hits: np.ndarray, styles: np.ndarray) -> float:
    """Return the mean distance of two bars of one style, in cells, over the styles that have two; NaN if none has.

    Within styles, because all bars of a style may be alike and still differ from those of another one.
    """
    each = [mean_distance(hits[styles == style]) for style in np.unique(styles)]
    known = [distance for distance in each if np.isfinite(distance)]
    return float(np.mean(known)) if known else float("nan")


def among(hits: np.ndarray, styles: np.ndarray, real: Bars) -> dict[str, float]:
    """Return ``precision``, the share of bars that lie among real ones of their style, and ``recall``, the reverse.

    Of each style at most as many bars as there are real ones; the mean over styles
    (`evaluation.scores.diversity.precision_recall`).
    """
    scores = []
    for style in np.unique(real.styles):
        theirs = _flat(real.hits[real.styles == style])
        ours = _flat(hits[styles == style][: len(theirs)])
        if min(len(ours), len(theirs)) >= 2:  # noqa: PLR2004 - a bar and its neighbour
            scores.append(precision_recall(pairwise(theirs, theirs), pairwise(ours, theirs), pairwise(ours, ours)))
    return {name: float(np.mean([one[name] for one in scores])) for name in ("precision", "recall") if scores}


def _epoch(row: Mapping[str, float]) -> dict[str, Any]:
    """Return what figures show of an epoch."""
    each = {
        level: [value for name, value in row.items() if name.startswith(start) and name[len(start) :].isdigit()]
        for level, start in _COLUMNS.items()
    }
    return {"seconds": row["seconds"], "val_nats": row["val_nats"], **each}


def _latents_sentence(measures: Mapping[str, Any]) -> str:
    if "probe_high" not in measures:
        return ""
    predicted = (
        f"the style is predicted from z_high in {share(measures['probe_high'])}, "
        f"from z_low in {share(measures['probe_low'])}, from the bars themselves in {share(measures['probe_raw'])}, "
        f"by guessing in {share(measures['chance'])}"
    )
    if "kl_high_nats" not in measures:
        return predicted
    active = f"{measures['active_high']} of {measures['high_dim']} dimensions active"
    return f"z_high holds {nats(measures['kl_high_nats'])} nats, {active}; {predicted}"


def _bars_sentence(measures: Mapping[str, Any]) -> str:
    return (
        f"{share(measures['style_hit'])} of its bars are read as the style asked for (of real bars "
        f"{share(measures['style_hit_real'])}), and two of a style differ in {number(measures['diversity'])} cells "
        f"(real bars in {number(measures['diversity_real'])})"
    )


def _flat(hits: np.ndarray) -> NDArray[np.float32]:
    return np.asarray(hits, np.float32).reshape(len(hits), -1)


# --- tables -------------------------------------------------------------------------------------------------


def tables(found: Found, losses: Sequence[str], changes: Sequence[str]) -> list[Table]:
    """Put records into the tables of latents, of single changes, of likelihood, of bars, of transfer and of training.

    Args:
        found: the records of each row, one a seed; the first row is the ceiling.
        losses: columns of the history.
        changes: settings in which rows differ.
    """
    several = any(len(records) > 1 for records in found.values())
    seeds = " Where seeds differ, it is their mean, with the least and the greatest." if several else ""
    shown = (
        _of_latents(found, seeds), _of_changes(found, changes), _of_likelihood(found), _of_bars(found),
        _of_transfer(found), _of_training(found, losses),
    )  # fmt: skip
    return [table for table in shown if table.rows]


def _of_latents(found: Found, seeds: str) -> Table:
    ceiling = next(iter(found))
    return Table(
        "What the latents hold",
        (
            "Row", "z_high, nats", "Active", "Information", "z_low, nats", "Active", "Information", "at most",
            "Probe of z_high", "of z_low", "of raw bars", "by guessing", "Variance ratio", "if collapsed",
        ),
        [
            [Cell(row.title), *_latents(records)]
            for row, records in {ceiling: found[ceiling], **having(found, "probe_high")}.items()
        ],
        "Nats: divergence of the posterior from the prior on test bars, without free bits; with labels, from the prior "
        "of the bar's style. Active: dimensions whose means differ from bar to bar. Information: mutual information "
        "of a latent and the bar, nats, at most the logarithm of the number of bars. Probe: balanced accuracy with "
        "which a logistic regression predicts the style from sampled latents, beside raw bars; of principal "
        "components, the greatest four stand for z_high. Variance ratio: the reports' measure of z_high. It does not "
        "change if z_high becomes a million times smaller, so that no decoder could read it. Chain, as in the "
        "reports, which annealed it cyclically: z_high is inferred from z_low, and the decoder reads only z_low. "
        "Top-down: z_high is inferred from the bar, and the decoder reads both. Bold: there are inactive dimensions; "
        f"z_low predicts the style as well.{seeds}",
    )  # fmt: skip


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
    inactive = any(record.measures[f"active_{level}"] < dimensions for record in records)
    return cell._replace(text=f"{cell.text} of {dimensions}", bad=inactive and level == "high")


def _of_changes(found: Found, changes: Sequence[str]) -> Table:
    rows = []
    for before, after in single_changes(found, changes):
        apart = {name: differences(found[before], found[after], name) for name in _COMPARED}
        cells = (over_seeds(apart[name], write) for name, (_, write) in _COMPARED.items())
        rows.append([Cell(f"{before.title} → {after.title}"), *cells])
    return Table(
        "What each change does",
        ("Change", *(header for header, _ in _COMPARED.values())),
        rows,
        "Rows that differ in one setting: the second minus the first, of the same seed; shares in percentage points.",
    )


def _of_likelihood(found: Found) -> Table:
    return Table(
        "How well they model bars",
        (
            "Row", "Hit F1", "of principal components", "of the mean pattern",
            "−log p, nats", "its bound by one sample", "least possible", "above it", "± error",
        ),
        [[Cell(row.title), *_likelihood(records)] for row, records in having(found, "hit_f1", "iwae_nats").items()],
        "On test bars. Hit F1: of hits reconstructed from the means of the latents, beside 16 principal components "
        "and the mean pattern. −log p of a bar's hits: for models a bound by a hundred samples (IWAE), beside that by "
        "one (ELBO). The least possible follows from the rules by which bars are made; it is unknown for real "
        "playing. Shuffled hits and the mean pattern have independent cells, the first in each style. Bold: worse "
        "than the mean pattern.",
    )  # fmt: skip


def _likelihood(records: Sequence[Record]) -> list[Cell]:
    worse = is_trained(records) and mean(records, "hit_f1") < mean(records, "hit_f1_mean_pattern")
    names = ("iwae_nats", "elbo_nats", "entropy_bound_nats", "gap_nats", "gap_error")
    return [
        values(records, "hit_f1", number)._replace(bad=worse),
        *(values(records, f"hit_f1_{baseline}", number) for baseline in ("pca16", "mean_pattern")),
        *(values(records, name, number) for name in names),
    ]


def _of_bars(found: Found) -> Table:
    return Table(
        "What they compose",
        (
            "Row", "Style hit", "of real bars", "Diversity", "of real bars", "Precision", "its ceiling", "Recall",
            "its ceiling", "Nearest", "of real bars", "Copies", "of real bars",
        ),
        [[Cell(row.title), *_bars(records)] for row, records in found.items()],
        "Style hit: share of the bars that a classifier of training bars reads as the style asked for. Diversity: "
        "mean distance between two bars of a style, in cells. Precision: share of the bars that lie among real ones "
        "of the style; recall: share of the real ones that lie among the bars; the ceiling is what training bars "
        "reach. Nearest: distance to the nearest training bar, in cells; copies: share of the bars where it is 0. "
        "Real bars are test bars, but validation bars in the first row. Bold: less than half as diverse as real bars.",
    )  # fmt: skip


def _bars(records: Sequence[Record]) -> list[Cell]:
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
        "Bars transferred to another style",
        (
            "Row", "Style reached", "before", "Onsets kept", "by any bar", "Steps kept", "by any bar",
            "Reached by z_high alone", "Onsets kept",
        ),
        [[Cell(row.title), *_transferred(records)] for row, records in having(found, "transfer_success").items()],
        "Every test bar in every style but its own. Style reached: share that is read as the new style, beside the "
        "share that was before. Onsets kept: F1 of hits with the original bar, beside that of any real bar of the new "
        "style; steps kept: the same for any instrument. Models keep hits of the bar as drumvae.transfer does; by "
        "z_high alone: only z_low is that of the bar, and z_high is that of another bar of the new style. Principal "
        "components keep their distance from the mean of their style; the replay is the most similar training bar of "
        "the new style. Bold: no more onsets kept than by any bar of the new style.",
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


def _of_training(found: Found, losses: Sequence[str]) -> Table:
    trained = {row: records for row, records in found.items() if is_trained(records)}
    return Table(
        "How they were trained",
        (
            "Row", "Loss", "Reconstruction", "z_high, nats", "z_low, nats", "−log p in validation",
            "Updates", "Examples a second", "Seconds", "Epochs", "Chosen epoch",
        ),
        [[Cell(row.title), *training_cells(records, losses, nats)] for row, records in trained.items()],
        "Losses are means over the last epoch, in nats a bar; the loss as a whole contains velocities, timing and "
        "styles, so only rows of one kind can be compared. An example is a bar in an update. Learning rates and "
        "annealing follow the epochs that a short trial of each model predicts; the clock ends training. The chosen "
        "epoch has the least −log p of validation bars (ten samples), as in drumvae.train.",
    )  # fmt: skip
