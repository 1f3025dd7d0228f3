"""Letters as curves: images of 28×28 pixels traced to lines and cubic Béziers.

The outline is where ink covers half of a pixel (marching squares between pixels, by contourpy). It is cut at its
corners; between two corners is a line if it is near enough, and otherwise a smoothing spline with few pieces (P.
Dierckx' FITPACK, by SciPy). All lengths are pixels of an image.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import contourpy
import numpy as np
from fontTools.misc.transform import Transform
from fontTools.pens.boundsPen import BoundsPen
from fontTools.pens.transformPen import TransformPen
from scipy import ndimage
from scipy.interpolate import BPoly, PPoly, splprep

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fontTools.pens.basePen import AbstractPen

Contour: TypeAlias = list[np.ndarray]
"""A closed curve: segments, each beginning where the last one ends; [2, 2] for a line, [4, 2] for a cubic Bézier."""

Outline: TypeAlias = list[Contour]
"""Contours of ink and of holes, x to the right and y down from the image's upper left corner; ink is on the right."""

_SPECK_PX2 = 1.5  # least area of ink, and three times that of a hole; less is dirt
_PADDING_PX = 2  # so that ink at the edge of the image has an outline, too
_UPSAMPLING = 6
_HAIRLINE, _HAIRLINE_LEVEL = 0.3, 0.1
_STEP_PX = 0.1  # between points of a contour

# corners: the range in which the directions before and after are measured, and their least difference
_NEAR_PX, _FAR_PX, _TURN = 0.15, 1.1, np.radians(38)
_APART_PX = 0.8
_ROUND_PX = 0.3  # of the contour beside a corner, which the pixels have rounded off
_MOVED_PX = 0.6  # greatest distance of a corner from the rest of the contour

_STRAIGHT_PX = 0.12  # greatest distance of a side's points from a line
_UPRIGHT_PX = 0.12  # greatest distance of an upright or level line's ends
# Interpolation swings a little beside corners, where points of a long line may be farther away.
_LONG_PX, _HALO_PX, _SWING_PX = 3.0, 0.6, 0.2
_SMOOTH_PX = 0.06  # root mean square distance of a curve from the contour
_END_PX = 0.6  # of a curve, whose direction it has at a corner
_FIXED = 30.0  # weight of a curve's ends
_FEWEST = 6  # points for a smoothing spline


class _Side(NamedTuple):
    """A contour between two corners: points [n, 2], and the lines of its beginning and its end, as `_line` has them."""

    points: np.ndarray
    begins: np.ndarray | None
    ends: np.ndarray | None
    straight: bool


def trace(image: np.ndarray) -> Outline:
    """Return the outline of an image [28, 28] in [−1, 1], ink 1 on −1, without specks; empty without ink."""
    field = _field(np.nan_to_num(np.clip(image, -1, 1), nan=-1.0).astype(float))
    rows, columns = ((np.arange(size) + 0.5) / _UPSAMPLING - _PADDING_PX for size in field.shape)
    lines = contourpy.contour_generator(columns, rows, field, line_type="Separate").lines(0.0)
    outline = []
    for line in lines:
        points = np.asarray(line)[:-1]
        area = _cross(points, np.roll(points, -1, axis=0)).sum() / 2
        if area > _SPECK_PX2 or area < -_SPECK_PX2 / 3:
            outline.append(_fitted(points))
    return outline


def draw(outline: Outline, pen: AbstractPen, placing: Sequence[float]) -> None:
    """Draw an outline with a pen of fontTools, transformed by ``placing`` [6]: xx, xy, yx, yy, dx, dy."""
    placed = TransformPen(pen, Transform(*placing))
    for contour in outline:
        placed.moveTo(tuple(contour[0][0]))
        closing = len(contour[-1]) == 2  # noqa: PLR2004 - a pen draws the last line by closing
        for segment in contour[:-1] if closing else contour:
            points = [tuple(point) for point in segment[1:]]
            placed.lineTo(*points) if len(points) == 1 else placed.curveTo(*points)
        placed.closePath()


def bounds(outline: Outline) -> tuple[float, float, float, float]:
    """Return the least and greatest coordinates of an outline with ink: left, top, right, bottom."""
    pen = BoundsPen(None)
    draw(outline, pen, (1, 0, 0, 1, 0, 0))
    return pen.bounds


def _field(image: np.ndarray) -> np.ndarray:
    """Return the image, padded and enlarged, so that its level 0 is the outline."""
    padded = np.pad(image, _PADDING_PX, constant_values=-1.0)
    # A hairline that is thinner than a pixel never covers half of one: raise it to just ink.
    raised = np.maximum(padded, np.minimum(padded + _HAIRLINE * _ridges(padded), _HAIRLINE_LEVEL))
    # The interpolated levels must be 0 where the edge crosses a pixel of coverage a. Between a covered pixel and this
    # one that holds for the level v with 1 / (1 + v) = 3/2 − a, if a > 1/2.
    levels = raised / (2 - np.abs(raised))
    return ndimage.zoom(levels, _UPSAMPLING, order=3, mode="nearest", grid_mode=True)


def _ridges(image: np.ndarray) -> np.ndarray:
    """Return the greatest curvature of a ridge at each pixel: −λ of the Hessian, or 0."""
    around = np.pad(image, 1, constant_values=-1.0)
    across = around[1:-1, 2:] + around[1:-1, :-2] - 2 * image
    along = around[2:, 1:-1] + around[:-2, 1:-1] - 2 * image
    mixed = (around[2:, 2:] + around[:-2, :-2] - around[2:, :-2] - around[:-2, 2:]) / 4
    least = (across + along) / 2 - np.hypot((across - along) / 2, mixed)
    return np.maximum(-least, 0)


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
    """Return the numbers of the corners: the direction changes there by more than around them, and by enough."""
    far = min(round(_FAR_PX / _STEP_PX), len(points) // 4)
    near = min(round(_NEAR_PX / _STEP_PX), far - 1)
    before = np.roll(points, near, axis=0) - np.roll(points, far, axis=0)
    after = np.roll(points, -far, axis=0) - np.roll(points, -near, axis=0)
    turn = np.abs(np.arctan2(_cross(before, after), (before * after).sum(axis=1)))
    turn = ndimage.gaussian_filter1d(turn, 1.5, mode="wrap")
    most = ndimage.maximum_filter1d(turn, 2 * round(_APART_PX / _STEP_PX) + 1, mode="wrap")
    return np.flatnonzero((turn == most) & (turn > _TURN))


def _side(points: np.ndarray) -> _Side:
    if len(points) < 3:  # noqa: PLR2004 - two points are both a line and a curve
        return _Side(points, None, None, straight=True)
    halo = round(_HALO_PX / _STEP_PX) if len(points) * _STEP_PX > _LONG_PX else 0
    within = points[halo : len(points) - halo]
    whole = _line(within, snapped=True)
    if _strays(within, whole) < _STRAIGHT_PX and _strays(points, whole) < _SWING_PX:
        return _Side(points, whole, whole, straight=True)
    ending = round(_END_PX / _STEP_PX)
    return _Side(points, _line(points[:ending]), _line(points[-ending:]), straight=len(points) < _FEWEST)


def _line(points: np.ndarray, *, snapped: bool = False) -> np.ndarray:
    """Return a point and the direction [2, 2] of the least squares line; ``snapped``: upright or level if nearly so."""
    middle = points.mean(axis=0)
    direction = np.linalg.svd(points - middle, full_matrices=False)[2][0]
    aside = int(np.abs(direction).argmin())
    if snapped and np.abs(points[[0, -1], aside] - middle[aside]).max() < _UPRIGHT_PX:
        direction = np.eye(2)[1 - aside]
    return np.stack([middle, direction])


def _strays(points: np.ndarray, line: np.ndarray) -> float:
    return float(np.abs(_cross(points - line[0], line[1])).max())


def _meeting(one: np.ndarray | None, other: np.ndarray | None, corner: np.ndarray) -> np.ndarray:
    """Return the point where two lines meet, or the corner if that is not near it."""
    if one is None or other is None:
        return corner
    sine = float(_cross(one[1], other[1]))
    if abs(sine) < 0.25:  # noqa: PLR2004 - nearly parallel lines meet anywhere
        return corner
    meeting = one[0] + float(_cross(other[0] - one[0], other[1])) / sine * one[1]
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
    """Return the pieces of a cubic B-spline over [0, 1]."""
    axes = [BPoly.from_power_basis(PPoly.from_spline((knots, axis, 3))) for axis in coefficients]
    begins, ends = axes[0].x[:-1], axes[0].x[1:]
    # Knots are repeated at open ends, and go on beyond closed ones.
    kept = (begins < ends) & (begins >= 0) & (ends <= 1)
    controls = np.stack([axis.c[:, kept].T for axis in axes], axis=-1)
    controls[:-1, -1] = controls[1:, 0]  # equal but for rounding
    return list(controls)


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the sine between vectors [..., 2] times their lengths."""
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
