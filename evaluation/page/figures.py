"""The figures of the page, as inline SVG.

Their colours come from the style sheet of the page (classes gen, org and inter), so one file works in light mode, in
dark mode and in print. A plotting library would take longer to import than the rest takes to run.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup, escape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evaluation.reading.notes import FloatArray, Notes
    from evaluation.scores.sampling import Score

ROLL_NOTES = 400
_ROLL_BARS = 64
_SHORT = 3
"""Characters of a label that fits a cell as it is."""


def _svg(width: float, height: float, body: str, *, title: str, css: str) -> Markup:
    label = escape(title)
    return Markup(  # noqa: S704 - the title is escaped above, the body is made of numbers and escaped labels
        f'<svg class="{css}" viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{label}">'
        f"<title>{label}</title>{body}</svg>"
    )


def density_plot(curves: FloatArray, title: str, unit: str) -> Markup:
    """Draw the densities of distances within gen, within org and between, [4, points] as `FeatureComparison.curves`."""
    if not curves.size:
        return Markup('<p class="quiet">fewer than two pieces have this feature</p>')
    grid, within_gen, within_org, between = curves
    width, height = 320, 130
    floor, top = height - 22, 6
    x = 4 + (grid - grid[0]) / max(grid[-1] - grid[0], 1e-12) * (width - 8)
    parts = []
    for values, css in ((within_org, "org"), (between, "inter"), (within_gen, "gen")):
        y = floor - values * (floor - top)
        line = "M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x, y, strict=True))
        if css != "inter":
            parts.append(f'<path class="area {css}" d="{line}L{x[-1]:.1f} {floor}L{x[0]:.1f} {floor}Z"/>')
        parts.append(f'<path class="line {css}" d="{line}"/>')
    parts.append(f'<path class="axis" d="M4 {floor}H{width - 4}"/>')
    step = _round_step(float(grid[-1] - max(grid[0], 0.0)))
    for tick in np.arange(0.0, float(grid[-1]) + step * 1e-6, step):
        place = float(np.interp(tick, grid, x))
        parts.append(f'<path class="axis" d="M{place:.1f} {floor}v3"/>')
        parts.append(f'<text x="{place:.1f}" y="{height - 8}" text-anchor="middle">{tick:g}</text>')
    parts.append(f'<text class="unit" x="{width - 4}" y="12" text-anchor="end">distance, {escape(unit)}</text>')
    return _svg(width, height, "".join(parts), title=f"Densities of distances: {title}", css="plot")


def _round_step(span: float) -> float:
    """Choose a step of 1, 2 or 5 times a power of ten that gives three to six ticks."""
    if span <= 0:
        return 1.0
    power = 10.0 ** np.floor(np.log10(span / 3))
    return float(power * max((factor for factor in (2, 5) if span / (factor * power) >= 3), default=1))  # noqa: PLR2004


def overlap_bar(score: Score) -> Markup:
    """Draw an overlap at the ceiling's n as a bar, with the ceiling as a mark and its 95 % interval as a band."""
    if not np.isfinite(score.at_n):
        return Markup('<span class="quiet">not comparable</span>')
    width, height = 200, 18
    low, high = (limit * width for limit in score.ceiling_interval)
    body = (
        f'<rect class="track" y="3" width="{width}" height="{height - 6}" rx="2"/>'
        f'<rect class="gen" y="3" width="{score.at_n * width:.1f}" height="{height - 6}" rx="2"/>'
        f'<rect class="band" x="{low:.1f}" width="{max(high - low, 1):.1f}" height="{height}" rx="2"/>'
        f'<path class="mark" d="M{score.ceiling * width:.1f} 0V{height}"/>'
    )
    return _svg(width, height, body, title=f"overlap {score.at_n:.2f}, ceiling {score.ceiling:.2f}", css="bar")


def matrix(values: FloatArray, labels: Sequence[str], title: str, css: str) -> Markup:
    """Draw a square matrix as shaded cells, the largest value darkest; from row i to column j."""
    wide = max(map(len, labels)) > _SHORT
    cell, margin = 22, 40 if wide else 28
    top = float(values.max()) or 1.0
    parts = []
    for i, row in enumerate(labels):
        middle = margin + (i + 0.5) * cell
        parts.append(f'<text x="{margin - 5}" y="{middle + 4:g}" text-anchor="end">{escape(row)}</text>')
        parts.append(f'<text x="{middle:g}" y="{margin - 6}" text-anchor="middle">{escape(row)}</text>')
        for j, column in enumerate(labels):
            # the square root lets the eye see the rare transitions, too
            shade = (float(values[i, j]) / top) ** 0.5
            place = f'x="{margin + j * cell}" y="{margin + i * cell}" width="{cell - 1}" height="{cell - 1}"'
            parts.append(
                f"<g><title>{escape(row)} → {escape(column)}: {values[i, j]:.3g}</title>"
                f'<rect class="cell" {place}/><rect class="{css}" fill-opacity="{shade:.2f}" {place}/></g>'
            )
    side = margin + cell * len(labels)
    return _svg(side, side, "".join(parts), title=title, css="matrix")


def histogram(gen: FloatArray, org: FloatArray, labels: Sequence[str], title: str) -> Markup:
    """Draw two mean histograms [k] with their bars side by side."""
    # names of note lengths must fit under a bar
    labels = [re.sub("^dotted (.+)", r"\1.", label).replace(" triplet", " ³") for label in labels]
    turned = max(map(len, labels)) > _SHORT
    height, floor = (180, 105) if turned else (130, 110)
    width = 320
    slot = width / len(labels)
    top = float(np.nanmax([gen, org])) or 1.0
    parts = []
    for k, label in enumerate(labels):
        for values, css, shift in ((org, "org", 0.12), (gen, "gen", 0.5)):
            tall = float(values[k]) / top * (floor - 8) if np.isfinite(values[k]) else 0.0
            parts.append(
                f'<rect class="{css}" x="{(k + shift) * slot:.1f}" y="{floor - tall:.1f}" width="{slot * 0.36:.1f}" '
                f'height="{tall:.1f}"><title>{escape(label)}: {values[k]:.3f}</title></rect>'
            )
        x = (k + 0.5) * slot
        turn = f' transform="rotate(-60 {x:.1f} {floor + 10})" text-anchor="end"' if turned else ' text-anchor="middle"'
        parts.append(f'<text x="{x:.1f}" y="{floor + 13}"{turn}>{escape(label)}</text>')
    parts.append(f'<path class="axis" d="M0 {floor}H{width}"/>')
    return _svg(width, height, "".join(parts), title=title, css="plot")


def piano_roll(piece: Notes, css: str, marked: Sequence[int] = ()) -> Markup:
    """Draw counted notes of a piece with bar lines, at most `ROLL_NOTES`, from the first or from just before a mark.

    `marked` are the numbers of the counted notes to highlight.
    """
    width, height = 640, 120
    counted = np.flatnonzero(piece.counted())
    first = 0 if not len(marked) or marked[-1] < ROLL_NOTES else max(0, marked[0] - ROLL_NOTES // 8)
    kept = counted[first : first + ROLL_NOTES]
    onset, length, pitch = piece.onset[kept], piece.duration[kept], piece.pitch[kept]
    begin = float(onset[0]) if first else 0.0
    end = float((onset + length).max())
    low, high = int(pitch.min()) - 1, int(pitch.max()) + 1
    left, row = 30, (height - 4) / (high - low + 1)
    across = (width - left) / max(end - begin, 1e-9)
    lines = piece.bar_starts[(piece.bar_starts >= begin) & (piece.bar_starts <= end + 1e-9)]
    parts = [
        f'<path class="grid" d="M{left + (start - begin) * across:.1f} 2V{height - 2}"/>'
        for start in lines[:: 1 + len(lines) // _ROLL_BARS].tolist()
    ]
    parts.extend(
        f'<text x="{left - 4}" y="{2 + (high - name + 0.5) * row + 4:.1f}" text-anchor="end">{name}</text>'
        for name in sorted({int(pitch.min()), int(pitch.max())})
    )
    marks = set(marked)
    for index, start, duration, level in zip(range(first, first + len(kept)), onset, length, pitch, strict=True):
        shade = css if not marks or index in marks else f"{css} faint"
        parts.append(
            f'<rect class="{shade}" x="{left + (start - begin) * across:.1f}" y="{2 + (high - level) * row:.1f}" '
            f'width="{max(duration * across - 0.8, 1.0):.1f}" height="{max(row - 0.5, 1.5):.1f}" rx="1"/>'
        )
    return _svg(width, height, "".join(parts), title=f"Piano roll of {piece.name}", css="roll")
