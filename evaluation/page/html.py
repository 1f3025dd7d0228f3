"""The report as one self-contained HTML page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup

from evaluation.features.catalogue import DRUMS, FEATURES
from evaluation.features.feature import PITCH_CLASSES
from evaluation.features.table import averaged_transitions
from evaluation.page import figures
from evaluation.reading.notes import Notes, Stack
from evaluation.scores.copying import COPIED_NOTES, COPIED_SHARE
from evaluation.scores.verdict import CLOSE, SIGNIFICANT, SIMILAR, counted, number, share, title_of
from manymodes.experiment.page import template

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evaluation.comparison import Report
    from evaluation.scores.sets import MusicSet, SetComparison

_LENGTH_ROWS = ("<⅛", "⅛", "¼", "⅜", "½", "⅝", "¾", "≥⅞")
_ROLLED_PAIRS = 3
_LISTED = 200


def page(report: Report, ranked: Sequence[SetComparison], *, command: str, versions: Mapping[str, str]) -> str:
    """Render the page of a report, whose comparisons come ranked, with the command as it was typed."""
    return template("evaluation", "report.html.jinja").render(
        number=number,
        share=share,
        fixed=fixed,
        p_value=p_value,
        counted=counted,
        title=f"{', '.join(one.gen.label for one in ranked)} against {report.org.label}",
        comparisons=ranked,
        org=report.org,
        train=report.train,
        leakage=report.leakage,
        features=report.features,
        figures=figures,
        heard=FEATURES | DRUMS,
        title_of=title_of,
        playable=playable,
        player=player(),
        matrices=_matrices,
        rolls=_rolls,
        skipped=[file for one in report.sets for file in one.skipped],
        listed=_LISTED,
        sampling=report.sampling,
        significant=SIGNIFICANT,
        close=CLOSE,
        similar=SIMILAR,
        copied_share=COPIED_SHARE,
        copied_notes=COPIED_NOTES,
        command=command,
        seed=report.seed,
        versions=versions,
    )


def player() -> Markup:
    """Return the script that plays the notes of `play_button`."""
    return Markup(Path(__file__).parents[1].joinpath("templates", "player.js").read_text("utf-8"))  # noqa: S704


def play_button(piece: Notes, name: str) -> Markup:
    """Return a button that plays a piece, at most `figures.ROLL_NOTES` notes."""
    kept = np.flatnonzero(piece.counted())[: figures.ROLL_NOTES]
    times = np.stack([piece.onset_seconds[kept], piece.duration_seconds[kept]])
    rows = np.vstack([np.round(1000 * (times - [[times[0].min()], [0]])), piece.pitch[kept], piece.velocity[kept]])
    notes = json.dumps(rows.T.astype(int).tolist(), separators=(",", ":"))
    drums = Markup(' data-drums="1"') if piece.drums_only else ""
    button = Markup('<button class="play" aria-pressed="false" aria-label="play {}" data-notes="{}"{}></button>')
    return button.format(name, notes, drums)


def playable(piece: Notes, css: str) -> Markup:
    """Draw a piece as a piano roll with a button that plays it."""
    return Markup('<figure class="piece"><figcaption>{}<span class="{}-word">{}</span></figcaption>{}</figure>').format(
        play_button(piece, piece.name), css, piece.name, figures.piano_roll(piece, css)
    )


def fixed(value: float) -> str:
    """Write a score from 0 to 1 to two decimals, so that columns align."""
    return f"{value:.2f}" if np.isfinite(value) else "–"


def p_value(p: float) -> str:
    """Write a p-value: three decimals, never 0."""
    if not np.isfinite(p):
        return "–"
    return "<0.001" if p < 0.001 else f"{p:.3f}"  # noqa: PLR2004 - the last decimal


def _matrices(one: MusicSet, css: str) -> dict[str, Markup]:
    chunks = list(one.pieces.chunks())
    averages = [averaged_transitions(one.pieces[chunk]) for chunk in chunks]
    weights = [chunk.stop - chunk.start for chunk in chunks]
    pitch, lengths = (np.average(part, axis=0, weights=weights) for part in zip(*averages, strict=True))
    return {
        "pitch": figures.matrix(pitch, PITCH_CLASSES, f"Pitch-class transitions of {one.label}", css),
        "length": figures.matrix(lengths, _LENGTH_ROWS, f"Note-length transitions of {one.label}, in seconds", css),
    }


def _rolls(one: SetComparison, train: MusicSet) -> list[tuple[str, list[Markup]]]:
    """Draw the most typical and the most unusual piece, and the pairs that share the longest runs."""
    rolls = []
    if one.diversity is not None:
        for title, index in (("The most typical", one.diversity.typical), ("The most unusual", one.diversity.unusual)):
            piece = one.gen.pieces[index]
            rolls.append((f"{title}: {piece.name}", [figures.piano_roll(piece, "gen")]))
    for pair in one.copying.pairs[:_ROLLED_PAIRS]:
        piece, source = one.gen.pieces[pair.index], train.pieces[pair.source_index]
        title = f"{pair.notes} consecutive notes, {share(pair.share)} of {pair.piece}, are also in {pair.source}"
        runs = ((piece, "gen", pair.start), (source, "org", pair.source_start))
        images = [
            # a run is on the melodic line, and what is drawn are the counted notes
            figures.piano_roll(tune, css, Stack.of(tune).line[start : start + pair.notes].tolist())
            for tune, css, start in runs
        ]
        rolls.append((title, images))
    return rolls
