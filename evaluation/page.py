"""The report as one self-contained page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined

from evaluation import figures
from evaluation.features import (
    FEATURES,
    NOTE_LENGTHS,
    PITCH_CLASSES,
    note_length_transitions,
    pitch_class_transition_matrix,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evaluation.assessment import MusicSet, SetComparison

_LENGTH_ROWS = ("<⅛ s", "⅛ s", "¼ s", "⅜ s", "½ s", "⅝ s", "¾ s", "≥⅞ s")


def page(comparisons: Sequence[SetComparison], org: MusicSet) -> str:
    """Render the page."""
    environment = Environment(
        loader=PackageLoader("evaluation"), autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined
    )
    return environment.get_template("report.html.jinja").render(
        comparisons=comparisons, org=org, features=FEATURES, figures=figures, matrices=_matrices(comparisons, org)
    )


def _matrices(comparisons: Sequence[SetComparison], org: MusicSet) -> list[dict[str, object]]:
    result = []
    for css, one in [*(("gen", comparison.gen) for comparison in comparisons), ("org", org)]:
        pitch = pitch_class_transition_matrix(one.pieces, normalize=0).mean(axis=0)
        lengths = note_length_transitions(one.pieces).mean(axis=0)
        result.append(
            {
                "label": one.label,
                "pitch": figures.matrix(pitch, PITCH_CLASSES, f"Pitch-class transitions of {one.label}", css),
                "length": figures.matrix(lengths, _LENGTH_ROWS, f"Note-length transitions of {one.label}", css),
            }
        )
    return result
