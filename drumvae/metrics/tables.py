"""The results of `drumvae.compare`: measures of each row, and the tables of all."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np

from drumvae.data.rules import bundled_rules
from drumvae.metrics.baselines import classifier_of, hit_f1_baselines
from drumvae.metrics.probes import balanced_accuracy, probe
from drumvae.metrics.rhythm import mean_distance, nearest_training
from evaluation.scores.distances import pairwise
from evaluation.scores.diversity import precision_recall
from evaluation.scores.verdict import number, share
from manymodes.experiment.tables import (
    changes_table,
    having,
    mean,
    points,
    precise_share,
    seeds_note,
    signed,
    table,
    training_table,
    values,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from drumvae.data.grooves import Bars, Grooves
    from drumvae.metrics.baselines import Composed
    from manymodes.experiment.records import Record, Records
    from manymodes.experiment.tables import Cell, Table, Write

CHANGES = ("hierarchy", "anneal", "free_bits", "unsupervised")
"""The settings in which rows differ."""

COLLAPSED = 0.5
"""Share of the diversity of real bars below which bars have collapsed."""

SHOWN = 2
"""Bars of each style that are drawn of a row."""

_LEAST_WRITTEN = 0.001  # below which `number` would write 0


def nats(value: float) -> str:
    """Write nats so that a collapse can be seen: 3.21, 0.0000005."""
    return number(value) if abs(value) >= _LEAST_WRITTEN else f"{value:z.7f}".rstrip("0").rstrip(".")


def result_of(
    composed: Composed, grooves: Grooves, history: Sequence[Mapping[str, float]] = ()
) -> tuple[dict[str, Any], dict[str, str], dict[str, Any]]:
    """Measure the bars of a row.

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
    """Return the measures that do not depend on the row."""
    train, test = grooves.train, grooves.test
    learned = train[np.random.default_rng(grooves.seed).permutation(len(train))]
    exact = float(-bundled_rules().log_probability(test.hits).mean()) if grooves.by_rule else None
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
        theirs = real.hits[real.styles == style].astype(np.float32)
        ours = hits[styles == style][: len(theirs)].astype(np.float32)
        if min(len(ours), len(theirs)) >= 2:  # noqa: PLR2004 - a bar and its neighbour
            scores.append(precision_recall(pairwise(theirs, theirs), pairwise(ours, theirs), pairwise(ours, ours)))
    return {name: float(np.mean([one[name] for one in scores])) for name in ("precision", "recall") if scores}


def _epoch(row: Mapping[str, float]) -> dict[str, Any]:
    """Return what figures show of an epoch."""
    each = {
        level: [value for name, value in row.items() if name.removeprefix(f"kl_{level}_").isdigit()]
        for level in ("high", "low")
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


_Columns = tuple[tuple[str, str, "Write"], ...]
"""The columns of a table: header, measure, and how its values are written."""

_COMPARED: _Columns = (
    ("z_high, nats", "kl_high_nats", signed(nats)),
    ("Active", "active_high", signed(nats)),
    ("Information", "mutual_information_high", signed(nats)),
    ("Probe of z_high", "probe_high", points),
    ("of z_low", "probe_low", points),
    ("Hit F1", "hit_f1", signed(nats)),
    ("−log p", "iwae_nats", signed(nats)),
    ("Style hit", "style_hit", points),
    ("Diversity", "diversity", signed(nats)),
    ("Recall", "recall", points),
    ("Style reached", "transfer_success", points),
    ("Onsets kept", "transfer_onset_f1", signed(nats)),
    ("By z_high alone", "swap_success", points),
)
_LATENTS: _Columns = (
    ("z_high, nats", "kl_high_nats", nats),
    ("Active", "active_high", number),
    ("Information", "mutual_information_high", number),
    ("z_low, nats", "kl_low_nats", nats),
    ("Active", "active_low", number),
    ("Information", "mutual_information_low", number),
    ("at most", "mutual_information_ceiling", number),
    ("Probe of z_high", "probe_high", precise_share),
    ("of z_low", "probe_low", precise_share),
    ("of raw bars", "probe_raw", precise_share),
    ("by guessing", "chance", share),
    ("Variance ratio", "variance_ratio_high", number),
    ("if collapsed", "variance_ratio_collapsed", number),
)
_LIKELIHOOD: _Columns = (
    ("Hit F1", "hit_f1", number),
    ("of principal components", "hit_f1_pca16", number),
    ("of the mean pattern", "hit_f1_mean_pattern", number),
    ("−log p, nats", "iwae_nats", number),
    ("its bound by one sample", "elbo_nats", number),
    ("least possible", "entropy_bound_nats", number),
    ("above it", "gap_nats", number),
    ("± error", "gap_error", number),
)
_BARS: _Columns = (
    ("Style hit", "style_hit", precise_share),
    ("of real bars", "style_hit_real", precise_share),
    ("Diversity", "diversity", number),
    ("of real bars", "diversity_real", number),
    ("Precision", "precision", share),
    ("its ceiling", "precision_ceiling", share),
    ("Recall", "recall", share),
    ("its ceiling", "recall_ceiling", share),
    ("Nearest", "nearest_training", number),
    ("of real bars", "nearest_training_held_out", number),
    ("Copies", "copies", precise_share),
    ("of real bars", "copies_held_out", precise_share),
)
_TRANSFER: _Columns = (
    ("Style reached", "transfer_success", precise_share),
    ("before", "transfer_success_unchanged", precise_share),
    ("Onsets kept", "transfer_onset_f1", number),
    ("by any bar", "transfer_onset_f1_random", number),
    ("Steps kept", "transfer_step_f1", number),
    ("by any bar", "transfer_step_f1_random", number),
    ("Reached by z_high alone", "swap_success", precise_share),
    ("Onsets kept", "swap_onset_f1", number),
)

_BAD: Mapping[str, Callable[[Sequence[Record]], bool]] = {
    "active_high": lambda some: mean(some, "active_high") < mean(some, "high_dim"),
    "probe_high": lambda some: mean(some, "probe_high") <= mean(some, "probe_low"),
    "hit_f1": lambda some: mean(some, "hit_f1") < mean(some, "hit_f1_mean_pattern"),
    "diversity": lambda some: mean(some, "diversity") < COLLAPSED * mean(some, "diversity_real"),
    "transfer_onset_f1": lambda some: mean(some, "transfer_onset_f1") <= mean(some, "transfer_onset_f1_random"),
}
"""When a measure of a trained model is bad."""


_LOSSES = {
    "loss": "Loss",
    "reconstruction_nats": "Reconstruction",
    "kl_high_nats": "z_high, nats",
    "kl_low_nats": "z_low, nats",
    "val_nats": "−log p in validation",
}
"""Columns of the history whose last values the tables show, with their headers."""


def tables(found: Records) -> list[Table]:
    """Return the tables, the first row being the ceiling."""
    ceiling = next(iter(found))
    shown = (
        _table(
            "What the latents hold",
            _LATENTS,
            {ceiling: found[ceiling], **having(found, "probe_high")},
            "Nats: divergence of the posterior from the prior on test bars, without free bits; with labels, from the "
            "prior of the bar's style. Active: dimensions whose means differ from bar to bar. Information: mutual "
            "information of a latent and the bar, nats, at most the logarithm of the number of bars. Probe: balanced "
            "accuracy with which a logistic regression predicts the style from sampled latents, beside raw bars; of "
            "principal components, the greatest four stand for z_high. Variance ratio: the reports' measure of "
            "z_high. It does not change if z_high becomes a million times smaller, so that no decoder could read it. "
            "Chain, as in the reports, which annealed it cyclically: z_high is inferred from z_low, and the decoder "
            "reads only z_low. Top-down: z_high is inferred from the bar, and the decoder reads both. Bold: there are "
            f"inactive dimensions; z_low predicts the style as well.{seeds_note(found)}",
        ),
        changes_table(
            found,
            CHANGES,
            _COMPARED,
            "Rows that differ in one setting: the second minus the first, of the same seed; shares in percentage "
            "points.",
        ),
        _table(
            "How well they model bars",
            _LIKELIHOOD,
            having(found, "hit_f1", "iwae_nats"),
            "On test bars. Hit F1: of hits reconstructed from the means of the latents, beside 16 principal components "
            "and the mean pattern. −log p of a bar's hits: for models a bound by a hundred samples (IWAE), beside that "
            "by one (ELBO). The least possible follows from the rules by which bars are made; it is unknown for real "
            "playing. Shuffled hits and the mean pattern have independent cells, the first in each style. Bold: worse "
            "than the mean pattern.",
        ),
        _table(
            "What they compose",
            _BARS,
            found,
            "Style hit: share of the bars that a classifier of training bars reads as the style asked for. Diversity: "
            "mean distance between two bars of a style, in cells. Precision: share of the bars that lie among real "
            "ones of the style; recall: share of the real ones that lie among the bars; the ceiling is what training "
            "bars reach. Nearest: distance to the nearest training bar, in cells; copies: share of the bars where it "
            "is 0. Real bars are test bars, but validation bars in the first row. Bold: less than half as diverse as "
            "real bars.",
        ),
        _table(
            "Bars transferred to another style",
            _TRANSFER,
            having(found, "transfer_success"),
            "Every test bar in every style but its own. Style reached: share that is read as the new style, beside the "
            "share that was before. Onsets kept: F1 of hits with the original bar, beside that of any real bar of the "
            "new style; steps kept: the same for any instrument. Models keep hits of the bar as drumvae.transfer does; "
            "by z_high alone: only z_low is that of the bar, and z_high is that of another bar of the new style. "
            "Principal components keep their distance from the mean of their style; the replay is the most similar "
            "training bar of the new style. Bold: no more onsets kept than by any bar of the new style.",
        ),
        training_table(
            found,
            _LOSSES,
            nats,
            "Losses are means over the last epoch, in nats a bar; the loss as a whole contains velocities, timing and "
            "styles, so only rows of one kind can be compared. An example is a bar in an update. Learning rates and "
            "annealing follow the epochs that a short trial of each model predicts; the clock ends training. The best "
            "epoch has the least −log p of validation bars (ten samples), as in drumvae.train.",
        ),
    )
    return [one for one in shown if one.rows]


def _table(title: str, columns: _Columns, found: Records, note: str) -> Table:
    cells = [(header, functools.partial(_cell, name, write)) for header, name, write in columns]
    return table(title, cells, found, note)


def _cell(name: str, write: Write, records: Sequence[Record]) -> Cell:
    cell = values(records, name, write)
    if not records[0].trained:
        return cell
    if name.startswith("active_"):
        cell = cell._replace(text=f"{cell.text} of {records[0].measures[f'{name[7:]}_dim']}")
    return cell._replace(bad=name in _BAD and _BAD[name](records))
