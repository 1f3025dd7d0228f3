"""A face in several weights: outlines moved along their normals, and a variable font between them.

The normal of an outline is the gradient of its distance field. All weights have the same contours and points.
"""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING

import numpy as np
import pathops
from fontTools.designspaceLib import AxisDescriptor, DesignSpaceDocument, InstanceDescriptor, SourceDescriptor
from fontTools.otlLib.builder import buildStatTable
from ufo2ft import compileVariableTTF
from ufo2ft.filters.decomposeTransformedComponents import DecomposeTransformedComponentsFilter

from fontgan.data.typefaces import CAPITAL
from fontgan.typeface.family import TOLERANCE, Shape, family_font, finished
from fontgan.typeface.outlines import bounds, draw

if TYPE_CHECKING:
    from fontTools.ttLib import TTFont

    from fontgan.typeface.outlines import Contour, Outline

_WEIGHTS = {"Light": (300, -0.13), "Regular": (400, 0.0), "Bold": (700, 0.2)}
"""Of the axis, with the distance that edges move, as a share of the width of strokes."""

_SPACED = 0.8  # of its growth in width, what a character takes more room
_STEPS = (1.0, 0.7, 0.5, 0.3, 0.15, 0.0)  # of a change, the largest with which a character's contours do not cross
_MITER = 0.4  # least cosine of half the angle between two normals: sharper corners are cut


def weighted(found: dict[str, Shape], change: float) -> dict[str, Shape]:
    """Return the characters with edges moved outwards by a share of the width of strokes; heights stay."""
    outlines = [shape.outline for character, shape in found.items() if character.isalpha() and shape.outline]
    stroke = float(np.median([2 * abs(float(_path(outline).area)) / _length(outline) for outline in outlines]))
    pitches = {round(shape.advance, 3) for character, shape in found.items() if character.isalnum()}
    return {
        character: _moved(shape, change * stroke, fixed=len(pitches) == 1) if shape.outline else shape
        for character, shape in found.items()
    }


def _moved(shape: Shape, distance: float, *, fixed: bool) -> Shape:
    for step in _STEPS:
        moved = step * distance
        aside = 0.0 if fixed else _SPACED * moved
        outline = _level([_parallel(contour, moved) for contour in shape.outline], shape.outline, aside)
        if len(list(pathops.simplify(_path(outline)).contours)) == len(shape.outline):
            break
    return Shape(outline, shape.advance + 2 * aside, shape.left - moved + aside, shape.right + moved + aside)


def _parallel(contour: Contour, distance: float) -> Contour:
    """Return a contour with the same points, moved to its left by a distance: ink, y up, is on its right."""
    moves = []
    for before, after in zip([contour[-1], *contour[:-1]], contour, strict=True):
        normals = [_normal(before[::-1], -1), _normal(after, 1)]
        middle = (normals[0] + normals[1]) / 2
        moves.append(distance * middle / max(middle @ middle, _MITER**2))
    moved = []
    for segment, first, last in zip(contour, moves, [*moves[1:], moves[0]], strict=True):
        begin, end = segment[0] + first, segment[-1] + last
        longer = np.hypot(*(end - begin)) / max(np.hypot(*(segment[-1] - segment[0])), 1e-6)
        handles = [begin + longer * (segment[1] - segment[0]), end + longer * (segment[-2] - segment[-1])]
        moved.append(np.array([begin, end] if len(segment) == 2 else [begin, *handles, end]))  # noqa: PLR2004 - a line
    return moved


def _normal(points: np.ndarray, way: int) -> np.ndarray:
    """Return the unit normal on the left of a segment at its first point; ``way`` −1 if it is given backwards."""
    steps = points[1:] - points[0]
    across = next((step for step in steps if np.hypot(*step) > 1e-6), np.array([1.0, 0.0]))  # noqa: PLR2004
    return way * np.array([-across[1], across[0]]) / np.hypot(*across)


def _level(outline: Outline, original: Outline, aside: float) -> Outline:
    """Return an outline as high as the original, if that is about as high as a letter, moved aside."""
    _, low, _, high = bounds(outline)
    _, bottom, _, top = bounds(original)
    scale = (top - bottom) / (high - low) if top - bottom > CAPITAL / 3 else 1.0
    shift = bottom - low * scale if scale != 1 else 0.0
    return [[segment * (1, scale) + (aside, shift) for segment in contour] for contour in outline]


def _path(outline: Outline) -> pathops.Path:
    path = pathops.Path()
    draw(outline, path.getPen())
    return path


def _length(outline: Outline) -> float:
    return sum(float(np.hypot(*np.diff(segment, axis=0).T).sum()) for contour in outline for segment in contour)


def variable_font(found: dict[str, Shape], name: str) -> TTFont:
    """Return a variable TrueType font of the characters of a face, with an axis of weights from light to bold."""
    space = DesignSpaceDocument()
    (least, _), (usual, _), (greatest, _) = _WEIGHTS.values()
    space.addAxis(AxisDescriptor(tag="wght", name="Weight", minimum=least, default=usual, maximum=greatest))
    regular = family_font(found, name)
    for style, (weight, change) in _WEIGHTS.items():
        font = family_font(weighted(found, change), name)
        font.info = copy(regular.info)  # lines are as high in all weights
        font.groups, font.kerning = regular.groups, regular.kerning
        place = {"familyName": name, "styleName": style}
        space.addSource(SourceDescriptor(font=font, name=style, location={"Weight": weight}, **place))
        space.addInstance(InstanceDescriptor(name=style, location={"Weight": weight}, **place))
    compiled = compileVariableTTF(
        space,
        filters=[DecomposeTransformedComponentsFilter(pre=True), ...],
        useProductionNames=False,
        cubicConversionError=TOLERANCE,
    )
    values = [
        {"name": style, "value": weight, "flags": 2 * (weight == usual)} for style, (weight, _) in _WEIGHTS.items()
    ]
    buildStatTable(compiled, [{"tag": "wght", "name": "Weight", "values": values}], macNames=False)
    return finished(compiled)
