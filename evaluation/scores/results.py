"""What was found, as the JSON file and the data frames that other programs read."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from evaluation.features.table import FEATURES, column_names
from evaluation.output import PROGRAM
from evaluation.reading.notes import as_rows
from evaluation.scores.compare import PAIRWISE, PERMUTATIONS, RESAMPLED, RESAMPLES, SPLITS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from evaluation.features.table import Feature
    from evaluation.reading.notes import FloatArray
    from evaluation.scores.assessment import MusicSet, SetComparison
    from evaluation.scores.compare import FeatureComparison, Sample, Score
    from evaluation.scores.copying import Runs

FORMAT = 1
"""Raised when a key of the JSON file changes its meaning or goes; new keys do not raise it."""

_DIGITS = 8


def _plain(value: Any) -> Any:
    """Turn arrays and tuples to lists, unknown numbers to null, and cut numbers to eight digits."""
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, (float, np.floating)):
        # the last digits depend on how many threads the linear algebra ran on
        return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else None
    if isinstance(value, np.generic):
        return value.item()
    return value


def _sample(sample: Sample) -> dict[str, Any]:
    one = len(sample.mean) == 1
    return {
        "n": sample.n,
        "undefined": sample.undefined,
        "mean": sample.mean[0] if one else sample.mean,
        "sd": sample.sd[0] if one else sample.sd,
        "spread": sample.spread,
    }


def _score(score: Score) -> dict[str, Any]:
    return {
        "value": score.value,
        "ci": score.interval,
        "at_n": score.at_n,
        "ceiling": score.ceiling,
        "ceiling_interval": score.ceiling_interval,
    }


def _moments(one: FeatureComparison, which: str) -> dict[str, float | None]:
    mean, sd = one.distances.get(which, (float("nan"), float("nan")))
    return {"mean": mean, "sd": sd}


def _feature(one: FeatureComparison) -> dict[str, Any]:
    return {
        "gen": _sample(one.gen),
        "org": _sample(one.org),
        "intra_gen": _moments(one, "intra_gen"),
        "intra_org": _moments(one, "intra_org"),
        "inter": _moments(one, "inter"),
        "overlap": one.overlap.value,
        "overlap_at_n": one.overlap.at_n,
        "overlap_ceiling": one.overlap.ceiling,
        "overlap_ceiling_interval": one.overlap.ceiling_interval,
        "relative_overlap": one.relative_overlap,
        "overlap_intra": _score(one.overlap_intra),
        "kld": one.kld.value,
        "kld_ci": one.kld.interval,
        "kld_ceiling": one.kld.ceiling,
        "jsd": one.jsd.value,
        "jsd_ci": one.jsd.interval,
        "jsd_ceiling": one.jsd.ceiling,
        "wasserstein": _score(one.wasserstein),
        "spread": _score(one.spread),
        "n": one.n,
        "ci": one.overlap.interval,
        "p": one.p,
        "p_holm": one.p_holm,
    }


def _comparison(one: SetComparison) -> dict[str, Any]:
    names = [piece.name for piece in one.gen.pieces]
    features = {name: _feature(comparison) for name, comparison in one.features.items()}
    for name, scores in one.mgeval.items():
        features[name]["mgeval"] = asdict(scores)
    diversity: dict[str, Any] = {}
    if one.diversity is not None:
        for key in ("vendi", "precision", "recall", "density", "coverage", "frechet"):
            diversity[key] = _score(getattr(one.diversity, key))
        diversity["typical"] = names[one.diversity.typical]
        diversity["unusual"] = names[one.diversity.unusual]
    return {
        "verdict": asdict(one.verdict),
        "score": one.score,
        "score_ci": one.score_interval,
        "features": features,
        "diversity": diversity,
        "manhattan": _score(one.manhattan),
        "collapse": {
            "found": one.collapse.found,
            "features": one.collapse.narrow,
            "near_copies": _score(one.collapse.near),
            "compared": one.collapse.compared,
            "exact_copies": one.collapse.exact,
            "clusters": [
                {"centre": names[group.centre], "members": [names[member] for member in group.members]}
                for group in one.collapse.clusters
            ],
        },
        "copying": {
            "found": one.copying.found,
            "p": one.copying.p,
            "gen": _runs(one.copying.gen),
            "train": _runs(one.copying.train),
            "pairs": [
                {"file": pair.piece, "source": pair.source, "notes": pair.notes, "share": pair.share}
                for pair in one.copying.pairs
            ],
            "nearest": [
                {"file": piece, "source": source, "distance": distance}
                for piece, source, distance in one.copying.closest
            ],
        },
    }


def _runs(runs: Runs) -> dict[str, Any]:
    pieces = len(runs.copied)
    return {
        "longest_run_mean": float(np.mean(runs.notes)) if pieces else None,
        "longest_run_max": int(np.max(runs.notes)) if pieces else None,
        "share_mean": float(np.mean(runs.share)) if pieces else None,
        "copied": int(runs.copied.sum()),
        "pieces": pieces,
        "copied_share": runs.copied_share,
        "copied_share_ci": runs.interval,
        "nearest_median": float(np.median(runs.nearest)) if len(runs.nearest) else None,
    }


def _set(one: MusicSet, role: str) -> dict[str, Any]:
    return {
        "role": role,
        "folder": one.folder,
        "files": len(one.pieces) + len(one.skipped),
        "pieces": len(one.pieces),
        "skipped": len(one.skipped),
        "drums_only": sum(piece.drums_only for piece in one.pieces),
        "notes": sum(len(piece) for piece in one.pieces),
    }


def as_json(
    comparisons: Sequence[SetComparison],
    ranked: Sequence[SetComparison],
    org: MusicSet,
    train: MusicSet,
    *,
    command: str,
    seed: int,
    versions: Mapping[str, str],
) -> str:
    """Write everything that was found, with the keys that the README documents.

    Args:
        comparisons: of the generated sets, in the order given.
        ranked: the same, the best first.
        org: the originals.
        train: what copies were looked for in.
        command: as it was typed.
        seed: of all random draws.
        versions: of the programs that the numbers depend on.
    """
    sets = {one.gen.label: _set(one.gen, "generated") for one in comparisons}
    sets[org.label] = _set(org, "original")
    if train is not org:
        sets[train.label] = _set(train, "training")
    everything = [*(one.gen for one in comparisons), org, *([train] if train is not org else [])]
    details = [_comparison(one) for one in comparisons]
    record = {
        "program": PROGRAM,
        "format": FORMAT,
        "command": command,
        "seed": seed,
        "versions": dict(versions),
        "sets": sets,
        "sampling": {
            "pairwise": PAIRWISE,
            "resampled": RESAMPLED,
            "splits": SPLITS,
            "resamples": RESAMPLES,
            "permutations": PERMUTATIONS,
            "sampled_sets": [one.label for one in everything if len(one.pieces) > PAIRWISE],
        },
        "ranking": [one.gen.label for one in ranked],
        **details[0],
        "skipped": [{"path": file.path, "reason": file.reason} for one in everything for file in one.skipped],
    }
    if len(details) > 1:
        record["comparisons"] = {one.gen.label: entry for one, entry in zip(comparisons, details, strict=True)}
    return json.dumps(_plain(record), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def comparison_frame(one: SetComparison) -> pd.DataFrame:
    """Give the comparison of two sets as a data frame, one row a feature."""
    import pandas as pd

    rows = [
        {
            "feature": name,
            "gen_mean": found.gen.mean[0] if len(found.gen.mean) == 1 else float("nan"),
            "org_mean": found.org.mean[0] if len(found.org.mean) == 1 else float("nan"),
            "spread": found.spread.value,
            "overlap": found.overlap.value,
            "overlap_low": found.overlap.interval[0],
            "overlap_high": found.overlap.interval[1],
            "overlap_at_n": found.overlap.at_n,
            "overlap_ceiling": found.overlap.ceiling,
            "kld": found.kld.value,
            "jsd": found.jsd.value,
            "wasserstein": found.wasserstein.value,
            "p": found.p,
            "p_holm": found.p_holm,
        }
        for name, found in one.features.items()
    ]
    return pd.DataFrame(rows).set_index("feature")


def feature_frame(one: MusicSet, features: Mapping[str, Feature] = FEATURES) -> pd.DataFrame:
    """Give the features of a set as a data frame, one row a piece, one column a number."""
    import pandas as pd

    names = [piece.name for piece in one.pieces]
    columns: dict[str, FloatArray] = {}
    for name, values in one.table.items():
        block = as_rows(values)
        columns.update(zip(column_names(name, block.shape[1], features), block.T, strict=True))
    return pd.DataFrame(columns, index=pd.Index(names, name="file"))
