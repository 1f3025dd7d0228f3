"""Letters as curves: images of 28×28 pixels, or distance fields, traced to lines and cubic Béziers.

The outline is where ink covers half of a pixel (marching squares between pixels, by contourpy). It is cut at its
corners; between two corners is a line if it is near enough, and otherwise few curves by least squares. All lengths
are pixels of an image.
"""

from __future__ import annotations

import functools
import itertools
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

import contourpy
import numpy as np
from fontTools.misc.transform import Identity, Transform
from fontTools.pens.boundsPen import BoundsPen
from fontTools.pens.transformPen import TransformPen
from numpy.lib.stride_tricks import sliding_window_view

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fontTools.pens.basePen import AbstractPen

Contour: TypeAlias = list[np.ndarray]
"""A closed curve: segments, each beginning where the last one ends; [2, 2] for a line, [4, 2] for a cubic Bézier."""

Outline: TypeAlias = list[Contour]
"""Contours of ink and of holes, x to the right and y down from the image's upper left corner; ink is on the right."""

_FIELD_SIDE_PX = 34  # of a field whose capitals are as high as those of an image
_SPECK_PX2 = 1.5  # least area of ink, and three times that of a hole; less is dirt
_PADDING_PX = 2  # so that ink at the edge of the image has an outline, too
_UPSAMPLING = 6
_RIM_PX = 20  # beyond the edges of a field, after which nothing is left of an error
_HAIRLINE, _HAIRLINE_LEVEL, _BRIDGE_LEVEL = 0.3, 0.1, 0.05  # share of a ridge that is added; up to levels
_SADDLE = 0.03  # least curvature along a gap
_STEP_PX = 0.1  # between points of a contour

# corners: the range in which the directions before and after are measured, and their least difference
_NEAR_PX, _FAR_PX, _TURN = 0.15, 1.1, np.radians(38)
_APART_PX = 0.8
_ROUND_PX = 0.3  # of the contour beside a corner, which the pixels have rounded off
_MOVED_PX = 1.0  # greatest distance of a corner from the rest of the contour

# A model's edges waver: curves that follow that have three times the points of a drawn letter.
_STRAIGHT_PX, _SAG = 0.15, 0.015  # greatest distance of a side's points from a line: the first, or this share of it
_UPRIGHT_PX = 0.15  # greatest distance of an upright or level line's ends
# Interpolation swings a little beside corners, where points of a long line may be farther away.
_LONG_PX, _HALO_PX, _SWING_PX = 3.0, 0.6, 0.2
_NEAR_CURVE_PX = 0.15  # greatest distance of a curve from the contour
_END_PX = 0.6  # of a curve, whose direction it has at a corner
_SMOOTHED = 4.0  # points over which the direction of a curve is averaged
_LEVEL, _CLEAR = 0.06, 0.3  # sine of an angle to an axis: as good as level, and clearly not
_FEWEST = 6  # points for a curve


class _Side(NamedTuple):
    """A contour between two corners: points [n, 2], and the lines of its beginning and its end, as `_line` has them."""

    points: np.ndarray
    begins: np.ndarray | None
    ends: np.ndarray | None
    straight: bool


def trace(image: np.ndarray) -> Outline:
    """Return the outline of an image [28, 28] in [−1, 1], ink 1 on −1, without specks; empty without ink."""
    clean = np.nan_to_num(np.clip(image, -1, 1), nan=-1.0).astype(float)
    padded = np.pad(clean, _PADDING_PX, constant_values=-1.0)
    # A hairline that is thinner than a pixel never covers half of one: raise its ridge to just ink.
    ridges = np.maximum(-_curvatures(padded)[0], 0)
    raised = np.maximum(padded, np.minimum(padded + _HAIRLINE * ridges, _HAIRLINE_LEVEL))
    # The interpolated levels must be 0 where the edge crosses a pixel of coverage a. Between a covered pixel and this
    # one that holds for the level v with 1 / (1 + v) = 3/2 − a, if a > 1/2.
    levels = raised / (2 - np.abs(raised))
    return [_fitted(points) for points in _contours(_enlarged(levels))]


def trace_field(field: np.ndarray) -> Outline:
    """Return the outline of a signed distance field [size, size], positive in ink, as `trace` does of an image."""
    scale = _FIELD_SIDE_PX / len(field)
    return [[segment / scale for segment in _fitted(points * scale)] for points in contours(field)]


def contours(field: np.ndarray) -> list[np.ndarray]:
    """Return the points [n, 2] of each contour of a signed distance field, without specks."""
    padded = np.pad(_bridged(field.astype(float)), _PADDING_PX, mode="edge")
    padded[[0, -1]] = padded[:, [0, -1]] = -1.0  # ink at the edge of the field has an outline, too
    speck = _SPECK_PX2 * (len(field) / _FIELD_SIDE_PX) ** 2
    return _contours(_enlarged(padded), speck)


def _contours(field: np.ndarray, speck: float = _SPECK_PX2) -> list[np.ndarray]:
    """Return the contours of a field that is padded and enlarged: where it is 0."""
    rows, columns = ((np.arange(size) + 0.5) / _UPSAMPLING - _PADDING_PX for size in field.shape)
    found = []
    for line in contourpy.contour_generator(columns, rows, field, line_type="Separate").lines(0.0):
        points = np.asarray(line)[:-1]
        area = _cross(points, np.roll(points, -1, axis=0)).sum() / 2
        if area > speck or area < -speck / 3:
            found.append(points)
    return found


def draw(outline: Outline, pen: AbstractPen, placing: Sequence[float] = Identity) -> None:
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
    draw(outline, pen)
    return pen.bounds


def _enlarged(field: np.ndarray) -> np.ndarray:
    """Interpolate a field [rows, columns] by cubic splines, `_UPSAMPLING` times as fine; its edges go on."""
    rows, columns = map(_spline, field.shape)
    return np.einsum("ij,kj->ik", np.einsum("ij,jk->ik", rows, field), columns)


@functools.cache
def _spline(size: int) -> np.ndarray:
    """Return the matrix [size · _UPSAMPLING, size] that interpolates a row of pixels."""
    knots = np.arange(-_RIM_PX, size + _RIM_PX)
    values = np.eye(size)[knots.clip(0, size - 1)]
    coefficients = np.linalg.solve(_b_spline(knots[:, None] - knots), values)
    places = (np.arange(size * _UPSAMPLING) + 0.5) / _UPSAMPLING - 0.5
    return _b_spline(places[:, None] - knots) @ coefficients


def _b_spline(distances: np.ndarray) -> np.ndarray:
    """Return the cubic B-spline at distances from its middle."""
    far = np.abs(distances)
    return np.where(far < 1, 2 / 3 - far**2 + far**3 / 2, np.maximum(2 - far, 0) ** 3 / 6)


def _smoothed(values: np.ndarray, deviation: float, edges: Literal["wrap", "edge"]) -> np.ndarray:
    """Average values [n] with the weights of a normal distribution."""
    far = round(4 * deviation)
    weights = np.exp(-0.5 * (np.arange(-far, far + 1) / deviation) ** 2)
    return np.convolve(np.pad(values, far, edges), weights / weights.sum(), "valid")


def _bridged(field: np.ndarray) -> np.ndarray:
    """Return a field with ink in shallow gaps of strokes: saddles, raised by the curvature of their ridges."""
    least, greatest = _curvatures(field)
    raised = np.minimum(field - _HAIRLINE * np.minimum(least, 0), _BRIDGE_LEVEL)
    return np.where(greatest > _SADDLE, np.maximum(field, raised), field)


def _curvatures(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the least and the greatest curvature at each pixel: the eigenvalues of the Hessian."""
    around = np.pad(image, 1, constant_values=-1.0)
    across = around[1:-1, 2:] + around[1:-1, :-2] - 2 * image
    along = around[2:, 1:-1] + around[:-2, 1:-1] - 2 * image
    mixed = (around[2:, 2:] + around[:-2, :-2] - around[2:, :-2] - around[:-2, 2:]) / 4
    middle, radius = (across + along) / 2, np.hypot((across - along) / 2, mixed)
    return middle - radius, middle + radius


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
    for before, piece in itertools.pairwise([contour[-1], *contour]):
        piece[0] = before[-1]  # a level or upright part may have moved its corner by a hair
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
    turn = _smoothed(turn, 1.5, "wrap")
    apart = round(_APART_PX / _STEP_PX)
    most = sliding_window_view(np.pad(turn, apart, "wrap"), 2 * apart + 1).max(axis=1)
    return np.flatnonzero((turn == most) & (turn > _TURN))


def _side(points: np.ndarray) -> _Side:
    if len(points) < 3:  # noqa: PLR2004 - two points are both a line and a curve
        return _Side(points, None, None, straight=True)
    halo = round(_HALO_PX / _STEP_PX) if len(points) * _STEP_PX > _LONG_PX else 0
    within = points[halo : len(points) - halo]
    whole = _line(within, snapped=True)
    allowed = max(_STRAIGHT_PX, _SAG * _STEP_PX * len(points))
    if _strays(within, whole) < allowed and _strays(points, whole) < max(allowed, _SWING_PX):
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
    if abs(sine) > 0.25:  # noqa: PLR2004 - nearly parallel lines meet anywhere
        meeting = one[0] + float(_cross(other[0] - one[0], other[1])) / sine * one[1]
        if np.hypot(*(meeting - corner)) < _MOVED_PX:
            return meeting
    return np.mean([line[0] + (corner - line[0]) @ line[1] * line[1] for line in (one, other)], axis=0)


def _curve(points: np.ndarray, *, closed: bool = False) -> Contour:
    """Return cubic Béziers along points [n, 2], from the first to the last one.

    They join where the curve is upright or level, as type designers place their points.
    """
    if closed:
        beyond = _FEWEST
        around = np.vstack([points[-1 - beyond : -1], points, points[1 : 1 + beyond]])
        directions = _directions(around)[beyond:-beyond]
        directions[-1] = directions[0]
    else:
        directions = _directions(points)
    straight = _runs(directions)
    joints = sorted({place for run in straight for place in run} | set(_extremes(directions, straight)))
    for place in joints:
        aside = int(np.abs(directions[place]).argmin())
        directions[place, aside] = 0
        directions[place] /= np.abs(directions[place]).max()
    for begin, end in straight:
        aside = int(np.abs(directions[begin]).argmin())
        points[begin : end + 1, aside] = points[begin : end + 1, aside].mean()
    contour: Contour = []
    for begin, end in itertools.pairwise([0, *(one for one in joints if 0 < one < len(points) - 1), len(points) - 1]):
        if any(first <= begin and end <= last for first, last in straight):
            contour.append(points[[begin, end]])
        else:
            contour += _fit(points[begin : end + 1], directions[begin : end + 1])
    contour[-1][-1] = contour[0][0] if closed else points[-1]
    return contour


def _directions(points: np.ndarray) -> np.ndarray:
    """Return unit vectors along points [n, 2]."""
    steps = np.diff(np.stack([_smoothed(axis, _SMOOTHED, "edge") for axis in points.T], axis=1), axis=0)
    ahead = np.vstack([steps[:1], steps]) + np.vstack([steps, steps[-1:]])
    return ahead / np.maximum(np.hypot(*ahead.T)[:, None], 1e-9)


def _runs(directions: np.ndarray) -> list[tuple[int, int]]:
    """Return the first and last points of upright and level parts of a curve, the ends of the curve included."""
    runs = []
    for axis in directions.T:
        level = np.flatnonzero(np.diff(np.abs(axis) < _LEVEL, prepend=False, append=False))
        runs += [(int(a), int(b) - 1) for a, b in level.reshape(-1, 2) if b - a > _LONG_PX / _STEP_PX]
    return sorted(runs)


def _extremes(directions: np.ndarray, runs: Sequence[tuple[int, int]]) -> list[int]:
    """Return where a curve turns from up to down or from left to right, but for runs and the ends of the curve."""
    kept: list[int] = []
    for axis in directions.T:
        clear = np.flatnonzero(np.abs(axis) > _CLEAR)
        for before, after in itertools.pairwise(clear):
            if axis[before] * axis[after] < 0:
                place = int(before) + int(np.abs(axis[before : after + 1]).argmin())
                near = any(first - _FEWEST < place < last + _FEWEST for first, last in runs)
                if not near and _FEWEST < place < len(directions) - _FEWEST:
                    kept.append(place)
    return kept


def _fit(points: np.ndarray, directions: np.ndarray) -> Contour:
    """Fit cubic Béziers to points by least squares, cut in two until they are near enough (Schneider, 1990)."""
    begin, end = points[0], points[-1]
    lengths = np.append(0, np.cumsum(np.hypot(*np.diff(points, axis=0).T)))
    if len(points) < _FEWEST or lengths[-1] < 3 * _STEP_PX:
        return [np.linspace(begin, end, 4)]
    out, back = directions[0], -directions[-1]
    t = lengths / lengths[-1]
    for _ in range(4):
        basis = np.stack([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3])
        fixed = (basis[0] + basis[1])[:, None] * begin + (basis[2] + basis[3])[:, None] * end
        mixed = (basis[1] @ basis[2]) * (out @ back)
        rest = basis[1:3] @ (points - fixed)
        wanted = np.array([rest[0] @ out, rest[1] @ back])
        squares = basis[1] @ basis[1], basis[2] @ basis[2]
        found = squares[1] * wanted[0] - mixed * wanted[1], squares[0] * wanted[1] - mixed * wanted[0]
        handles = np.array(found) / max(squares[0] * squares[1] - mixed**2, 1e-12)
        handles = np.clip(handles, 0.05 * lengths[-1], lengths[-1])
        curve = np.stack([begin, begin + handles[0] * out, end + handles[1] * back, end])
        missed = basis.T @ curve - points
        first, second, third = 3 * np.diff(curve, axis=0)
        velocity = np.outer((1 - t) ** 2, first) + np.outer(2 * t * (1 - t), second) + np.outer(t**2, third)
        step = (missed * velocity).sum(axis=1) / np.maximum((velocity**2).sum(axis=1), 1e-9)
        t = np.maximum.accumulate(np.clip(t - step, 0, 1))  # the nearest points of the curve
    distance = np.hypot(*missed.T)
    worst = int(np.clip(distance.argmax(), _FEWEST // 2, len(points) - 1 - _FEWEST // 2))
    if distance.max() < _NEAR_CURVE_PX or len(points) < 2 * _FEWEST:
        return [curve]
    return _fit(points[: worst + 1], directions[: worst + 1]) + _fit(points[worst:], directions[worst:])


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the sine between vectors [..., 2] times their lengths."""
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
