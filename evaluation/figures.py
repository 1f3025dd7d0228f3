"""The figures of the page, as inline SVG.

They take their colours from the page's style sheet (classes gen, org and inter), so that one file is right in light,
in dark and in print; and they need no plotting library, which would take longer to import than the rest takes to run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup, escape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evaluation.compare import Score
    from evaluation.notes import FloatArray, Notes

_ROLL_NOTES = 400


def _svg(width: float, height: float, body: str, *, title: str, css: str) -> Markup:
    label = escape(title)
    return Markup(  # noqa: S704 - the title is escaped above, the body is made of numbers and escaped labels
        f'<svg class="{css}" viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{label}">'
        f"<title>{label}</title>{body}</svg>"
    )


def _path(x: FloatArray, y: FloatArray) -> str:
    return "M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x, y, strict=True))


def density_plot(curves: FloatArray, title: str, unit: str, width: int = 320, height: int = 130) -> Markup:
    """Draw the densities of distances within gen, within org and between, [4, points] as `FeatureComparison.curves`."""
    if not curves.size:
        return Markup('<p class="quiet">fewer than two pieces have this feature</p>')
    grid, within_gen, within_org, between = curves
    floor, top = height - 22, 6
    x = 4 + (grid - grid[0]) / max(grid[-1] - grid[0], 1e-12) * (width - 8)
    parts = []
    for values, css in ((within_org, "org"), (between, "inter"), (within_gen, "gen")):
        y = floor - values * (floor - top)
        line = _path(x, y)
        if css != "inter":
            parts.append(f'<path class="area {css}" d="{line}L{x[-1]:.1f} {floor}L{x[0]:.1f} {floor}Z"/>')
        parts.append(f'<path class="line {css}" d="{line}"/>')
    parts.append(f'<path class="axis" d="M4 {floor}H{width - 4}"/>')
    step = _round_step(float(grid[-1] - max(grid[0], 0.0)))
    ticks = np.arange(0.0, float(grid[-1]) + step * 1e-6, step)
    for tick in ticks:
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
    for factor in (5, 2, 1):
        if span / (factor * power) >= 3:  # noqa: PLR2004 - ticks
            return float(factor * power)
    return float(power)


def overlap_bar(score: Score, width: int = 180, height: int = 16) -> Markup:
    """Draw an overlap at the ceiling's n as a bar, with the ceiling as a mark and its 95 % interval as a band."""
    if not np.isfinite(score.at_n):
        return Markup('<span class="quiet">not comparable</span>')
    low, high = (limit * width for limit in score.ceiling_interval)
    body = (
        f'<rect class="track" width="{width}" height="{height}" rx="3"/>'
        f'<rect class="band" x="{low:.1f}" width="{max(high - low, 1):.1f}" height="{height}"/>'
        f'<rect class="gen" y="4" width="{score.at_n * width:.1f}" height="{height - 8}" rx="2"/>'
        f'<path class="mark" d="M{score.ceiling * width:.1f} 0V{height}"/>'
    )
    return _svg(width, height, body, title=f"overlap {score.at_n:.2f}, ceiling {score.ceiling:.2f}", css="bar")


def matrix(values: FloatArray, rows: Sequence[str], title: str, css: str, columns: Sequence[str] = ()) -> Markup:
    """Draw a matrix [r, c] as shaded cells, the largest value darkest; row i to column j."""
    cell, margin = 22, 56 if max(map(len, rows)) > 3 else 28  # noqa: PLR2004 - characters
    columns = columns or rows
    top = float(values.max()) or 1.0
    parts = []
    for i, row in enumerate(rows):
        y = margin + i * cell
        parts.append(f'<text x="{margin - 5}" y="{y + 15}" text-anchor="end">{escape(row)}</text>')
        for j, column in enumerate(columns):
            x = margin + j * cell
            parts.append(f'<rect class="cell" x="{x}" y="{y}" width="{cell - 1}" height="{cell - 1}"/>')
            if values[i, j] > 0:
                # the square root lets the eye see the rare transitions, too
                shade = (float(values[i, j]) / top) ** 0.5
                parts.append(
                    f'<rect class="{css}" fill-opacity="{shade:.3f}" x="{x}" y="{y}" width="{cell - 1}" '
                    f'height="{cell - 1}"><title>{escape(row)} → {escape(column)}: {values[i, j]:.3g}</title></rect>'
                )
    for j, column in enumerate(columns):
        x = margin + j * cell + cell / 2
        turn = f' transform="rotate(-90 {x} {margin - 6})" text-anchor="start"' if margin > 28 else ' text-anchor="middle"'  # noqa: PLR2004
        parts.append(f'<text x="{x}" y="{margin - (6 if margin == 28 else 3)}"{turn}>{escape(column)}</text>')  # noqa: PLR2004
    side = margin + cell * len(rows)
    return _svg(margin + cell * len(columns), side, "".join(parts), title=title, css="matrix")


def histogram(gen: FloatArray, org: FloatArray, labels: Sequence[str], title: str, width: int = 320) -> Markup:
    """Draw two mean histograms [k] side by side, bar by bar."""
    height, floor = 130, 110
    turned = max(map(len, labels)) > 3  # noqa: PLR2004 - characters
    if turned:
        height, floor = 190, 110
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


def piano_roll(
    piece: Notes, css: str, shared: tuple[int, int] | None = None, width: int = 640, height: int = 110
) -> Markup:
    """Draw the counted notes of a piece (its first `_ROLL_NOTES`), with bar lines; `shared` marks notes [from, to)."""
    kept = np.flatnonzero(piece.counted())[:_ROLL_NOTES]
    onset, length, pitch = piece.onset[kept], piece.duration[kept], piece.pitch[kept]
    end = float((onset + length).max())
    low, high = int(pitch.min()) - 1, int(pitch.max()) + 1
    across, row = (width - 30) / max(end, 1e-9), (height - 4) / (high - low + 1)
    parts = [
        f'<path class="grid" d="M{30 + start * across:.1f} 2V{height - 2}"/>'
        for start in piece.bar_starts[piece.bar_starts <= end + 1e-9].tolist()
    ]
    parts.extend(
        f'<text x="26" y="{2 + (high - name + 0.5) * row + 4:.1f}" text-anchor="end">{name}</text>'
        for name in sorted({int(pitch.min()), int(pitch.max())})
    )
    for index, (start, duration, height_of) in enumerate(zip(onset, length, pitch, strict=True)):
        marked = " shared" if shared is not None and shared[0] <= index < shared[1] else ""
        parts.append(
            f'<rect class="{css}{marked}" x="{30 + start * across:.1f}" y="{2 + (high - height_of) * row:.1f}" '
            f'width="{max(duration * across - 0.6, 1.0):.1f}" height="{max(row - 0.5, 1.5):.1f}" rx="1"/>'
        )
    return _svg(width, height, "".join(parts), title=f"Piano roll of {piece.name}", css="roll")
