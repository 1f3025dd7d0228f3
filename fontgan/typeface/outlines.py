"""Letters as curves: images of 28×28 pixels traced to lines and cubic Béziers.

The outline is where ink covers half of a pixel (marching squares between pixels, by contourpy). It is cut at its
corners; what lies between two corners is a line where a line is near enough, and otherwise a smoothing spline of as
few pieces as will do (P. Dierckx' FITPACK, by SciPy). All lengths are pixels of an image.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import contourpy
import numpy as np
from fontTools.misc.transform import Transform
from fontTools.pens.boundsPen import BoundsPen
from fontTools.pens.transformPen import TransformPen
from scipy import ndimage
from scipy.interpolate import PPoly, splprep

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fontTools.pens.basePen import AbstractPen

Contour: TypeAlias = list[np.ndarray]
"""A closed curve: segments, each beginning where the last one ends; [2, 2] for a line, [4, 2] for a cubic Bézier."""

Outline: TypeAlias = list[Contour]
"""Contours of ink and of holes, x to the right and y down from the image's upper left corner; ink is on the right."""

_SPECK_PX2 = 1.5  # ink of less area is dirt, and so are holes of a third of it
_PADDING_PX = 2  # ink that touches the edge of the image must have an outline, too
_UPSAMPLING = 6
_HAIRLINE, _HAIRLINE_LEVEL = 0.3, 0.1
_STEP_PX = 0.1  # between points of a contour

# Corners: how near and how far the directions before and after are read, and how much they differ.
_NEAR_PX, _FAR_PX, _TURN = 0.15, 1.1, np.radians(38)
_APART_PX = 0.8
_ROUND_PX = 0.3  # of the contour beside a corner, which the pixels have rounded off
_MOVED_PX = 0.6  # a corner lies at most so far outside what is left of it

_STRAIGHT_PX = 0.12  # what strays less from a line is one
_UPRIGHT_PX = 0.12  # whose ends stray less from the upright, or from the level, is meant to be so
# Interpolation swings a little beside corners: there, the points of a line that is long enough may stray farther.
_LONG_PX, _HALO_PX, _SWING_PX = 3.0, 0.6, 0.2
_SMOOTH_PX = 0.06  # root mean square of what a curve strays from the contour
_END_PX = 0.6  # of a curve, by whose direction it runs into a corner
_FIXED = 30.0  # weight of a curve's ends
_FEWEST = 6  # points that a smoothing spline is fitted to


class _Side(NamedTuple):
    """What lies between two corners: its points [n, 2], the lines along its beginning and its end, and if it is one."""

    points: np.ndarray
    begins: _Line | None
    ends: _Line | None
    straight: bool


class _Line(NamedTuple):
    """A line through a point in a direction of length 1."""

    point: np.ndarray
    direction: np.ndarray


def trace(image: np.ndarray) -> Outline:
    """Return the outline of an image [28, 28] in [−1, 1], ink 1 on −1; empty where there is none.

    Specks are left out.
    """
    field = _field(np.nan_to_num(np.clip(image, -1, 1), nan=-1.0).astype(float))
    rows, columns = ((np.arange(size) + 0.5) / _UPSAMPLING - _PADDING_PX for size in field.shape)
    lines = contourpy.contour_generator(columns, rows, field, line_type="Separate").lines(0.0)
    contours = [np.asarray(line)[:-1] for line in lines]
    return [_fitted(points) for points in contours if _is_meant(_area(points))]


def draw(outline: Outline, pen: AbstractPen, placing: Sequence[float]) -> None:
    """Draw an outline with a pen of fontTools.

    Args:
        outline: what to draw.
        pen: what to draw with.
        placing: [6] the affine transformation xx, xy, yx, yy, dx, dy of its coordinates.
    """
    placed = TransformPen(pen, Transform(*placing))
    for contour in outline:
        placed.moveTo(tuple(contour[0][0]))
        for segment in contour[:-1]:
            _draw_segment(segment, placed)
        if len(contour[-1]) > 2:  # noqa: PLR2004 - a line is drawn by closing
            _draw_segment(contour[-1], placed)
        placed.closePath()


def bounds(outline: Outline) -> tuple[float, float, float, float]:
    """Return the least and greatest coordinates of an outline with ink: left, top, right, bottom."""
    pen = BoundsPen(None)
    draw(outline, pen, (1, 0, 0, 1, 0, 0))
    return pen.bounds


def _draw_segment(segment: np.ndarray, pen: TransformPen) -> None:
    points = [tuple(point) for point in segment[1:]]
    if len(points) == 1:
        pen.lineTo(*points)
    else:
        pen.curveTo(*points)


# --- from an image to contours -----------------------------------------------------------------------------


def _field(image: np.ndarray) -> np.ndarray:
    """Return the image, padded and enlarged, so that its level 0 is the outline."""
    padded = np.pad(image, _PADDING_PX, constant_values=-1.0)
    # A hairline that is thinner than a pixel never covers half of one: it is raised to be just ink.
    raised = np.maximum(padded, np.minimum(padded + _HAIRLINE * _ridges(padded), _HAIRLINE_LEVEL))
    # Where an edge crosses a pixel, the interpolated levels must be 0 in the place that its coverage a tells. Between
    # a covered pixel and the crossed one that is so for the level v with 1 / (1 + v) = 3/2 − a, if a > 1/2.
    levels = raised / (2 - np.abs(raised))
    return ndimage.zoom(levels, _UPSAMPLING, order=3, mode="nearest", grid_mode=True)


def _ridges(image: np.ndarray) -> np.ndarray:
    """Return how sharply levels fall off to both sides, across where they do so most: −λ of the Hessian, or 0."""
    around = np.pad(image, 1, constant_values=-1.0)
    across = around[1:-1, 2:] + around[1:-1, :-2] - 2 * image
    along = around[2:, 1:-1] + around[:-2, 1:-1] - 2 * image
    mixed = (around[2:, 2:] + around[:-2, :-2] - around[2:, :-2] - around[:-2, 2:]) / 4
    least = (across + along) / 2 - np.hypot((across - along) / 2, mixed)
    return np.maximum(-least, 0)


def _area(points: np.ndarray) -> float:
    x, y = points.T
    return float(x @ np.roll(y, -1) - np.roll(x, -1) @ y) / 2


def _is_meant(area: float) -> bool:
    return area > _SPECK_PX2 or area < -_SPECK_PX2 / 3


# --- from a contour to segments ----------------------------------------------------------------------------


def _fitted(points: np.ndarray) -> Contour:
    points = _evenly(points)
    places = _corners(points)
    if not len(places):
        begin = np.roll(points, -int(points[:, 1].argmin()), axis=0)
        return _curve(np.vstack([begin, begin[:1]]), closed=True)
    rounded = round(_ROUND_PX / _STEP_PX)
    following = np.append(places[1:], places[0] + len(points))
    sides = [
        _side(points[np.arange(place + rounded, after - rounded + 1) % len(points)])
        for place, after in zip(places, following, strict=True)
    ]
    corners = [
        _meeting(sides[number - 1].ends, sides[number].begins, points[place]) for number, place in enumerate(places)
    ]
    contour: Contour = []
    for side, corner, after in zip(sides, corners, [*corners[1:], corners[0]], strict=True):
        contour += [np.stack([corner, after])] if side.straight else _curve(np.vstack([corner, side.points, after]))
    return contour


def _evenly(points: np.ndarray) -> np.ndarray:
    """Return points of a closed polygon at equal distances."""
    closed = np.vstack([points, points[:1]])
    lengths = np.append(0, np.cumsum(np.hypot(*np.diff(closed, axis=0).T)))
    count = max(2 * _FEWEST, round(lengths[-1] / _STEP_PX))
    places = np.arange(count) * lengths[-1] / count
    return np.stack([np.interp(places, lengths, axis) for axis in closed.T], axis=1)


def _corners(points: np.ndarray) -> np.ndarray:
    """Return which points are corners: where the direction changes most within a short way, and enough."""
    far = min(round(_FAR_PX / _STEP_PX), len(points) // 4)
    near = min(round(_NEAR_PX / _STEP_PX), far - 1)
    before = np.roll(points, near, axis=0) - np.roll(points, far, axis=0)
    after = np.roll(points, -far, axis=0) - np.roll(points, -near, axis=0)
    turn = np.abs(np.arctan2(_cross(before, after), (before * after).sum(axis=1)))
    turn = ndimage.gaussian_filter1d(turn, 1.5, mode="wrap")
    most = ndimage.maximum_filter1d(turn, 2 * round(_APART_PX / _STEP_PX) + 1, mode="wrap")
    return np.flatnonzero((turn == most) & (turn > _TURN))


def _side(points: np.ndarray) -> _Side:
    if len(points) < 3:  # noqa: PLR2004 - two points tell no line from a curve
        return _Side(points, None, None, straight=True)
    halo = round(_HALO_PX / _STEP_PX) if len(points) * _STEP_PX > _LONG_PX else 0
    within = points[halo : len(points) - halo]
    whole = _line(within, snapped=True)
    if _strays(within, whole) < _STRAIGHT_PX and _strays(points, whole) < _SWING_PX:
        return _Side(points, whole, whole, straight=True)
    ending = round(_END_PX / _STEP_PX)
    return _Side(points, _line(points[:ending]), _line(points[-ending:]), straight=len(points) < _FEWEST)


def _line(points: np.ndarray, *, snapped: bool = False) -> _Line:
    """Return the line that is nearest to points by least squares; upright or level if it nearly is and may be."""
    middle = points.mean(axis=0)
    direction = np.linalg.svd(points - middle, full_matrices=False)[2][0]
    aside = int(np.abs(direction).argmin())
    if snapped and np.abs(points[[0, -1], aside] - middle[aside]).max() < _UPRIGHT_PX:
        direction = np.eye(2)[1 - aside]
    return _Line(middle, direction)


def _strays(points: np.ndarray, line: _Line) -> float:
    return float(np.abs(_cross(points - line.point, line.direction)).max())


def _meeting(one: _Line | None, other: _Line | None, corner: np.ndarray) -> np.ndarray:
    """Return where two lines meet, or the corner itself where they do not meet near it."""
    if one is None or other is None:
        return corner
    sine = float(_cross(one.direction, other.direction))
    if abs(sine) < 0.25:  # noqa: PLR2004 - lines so nearly parallel meet anywhere
        return corner
    along = float(_cross(other.point - one.point, other.direction)) / sine
    meeting = one.point + along * one.direction
    return meeting if np.hypot(*(meeting - corner)) < _MOVED_PX else corner


def _curve(points: np.ndarray, *, closed: bool = False) -> Contour:
    """Return cubic Béziers along points [n, 2], from the first to the last one."""
    weights = np.ones(len(points))
    if not closed:
        weights[[0, -1]] = _FIXED
    (knots, coefficients, _), _ = splprep(points.T, w=weights, s=len(points) * _SMOOTH_PX**2, per=closed)
    curves = _beziers(knots, coefficients)
    curves[-1][-1] = curves[0][0] if closed else points[-1]
    if not closed:
        curves[0][0] = points[0]
    return curves


def _beziers(knots: np.ndarray, coefficients: Sequence[np.ndarray]) -> Contour:
    """Return the pieces of a cubic B-spline over [0, 1], in Bernstein's form."""
    pieces = [PPoly.from_spline((knots, axis, 3)) for axis in coefficients]
    begins = pieces[0].x
    # Knots are repeated at open ends, and go on beyond closed ones.
    kept = np.flatnonzero((np.diff(begins) > 0) & (begins[:-1] >= 0) & (begins[1:] <= 1))
    width = np.diff(begins)[kept, None]
    third, second, first, zeroth = np.stack([piece.c[:, kept] for piece in pieces], axis=-1)
    first, second, third = first * width, second * width**2, third * width**3
    ends = zeroth + first + second + third
    controls = np.stack([zeroth, zeroth + first / 3, zeroth + (2 * first + second) / 3, ends], axis=1)
    controls[:-1, -1] = controls[1:, 0]  # but for rounding they are
    return list(controls)


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the sine between vectors [..., 2] times their lengths."""
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
