"""Named drum patterns of five styles: text grids of chances, kept as ``styles/*.ini`` beside this module.

A grid gives each instrument, in each sixteenth of a bar, a chance in tenths: ``0`` never, ``1`` to ``9``, ``x`` always.
Spaces part the beats. A row ``ghost`` is the snare played softly. Grids lie one over the other, and ``.`` lets through
what is beneath: the section ``ornaments`` is what drummers of the style add to any template, and each other section a
template or, if it has a ``chance``, what happens in so many bars of any template, such as a fill.
"""

from __future__ import annotations

import configparser
import functools
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

import numpy as np

from drumvae.data.kit import INSTRUMENTS, STEPS, STEPS_PER_QUARTER

if TYPE_CHECKING:
    from configparser import SectionProxy

    from numpy.typing import NDArray

__all__ = ["ALWAYS", "GHOST", "ROWS", "STYLES", "Change", "Style", "Template", "parse_style", "read_styles"]

STYLES = ("rock", "jazz", "hiphop", "electronic", "latin")

ROWS = (*INSTRUMENTS, "ghost")
GHOST = ROWS.index("ghost")
ALWAYS = 10
_THROUGH = -1
_CHANCES = {".": _THROUGH, **{str(tenths): tenths for tenths in range(ALWAYS)}, "x": ALWAYS}

_EXCLUSIVE = (("hihat_closed", "hihat_open"), ("snare", "ghost"))
"""Rows of which a step has at most one: there is one pair of cymbals, and one snare."""

_ORNAMENTS = "ornaments"


@dataclass(frozen=True, eq=False)
class Template:
    """A pattern that bars are made from.

    Attributes:
        name: what drummers call it.
        tempo: the lowest and the highest, quarters a minute.
        timing: how much later each of a beat's four sixteenths is played, in sixteenths: swing.
        loudness: a factor for velocities.
        tenths: int64 [16, 10], the chance of each of `ROWS` in each step, in tenths.
    """

    name: str
    tempo: tuple[float, float]
    timing: tuple[float, float, float, float]
    loudness: float
    tenths: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Change:
    """What happens in some bars of any template of a style, such as a fill.

    Attributes:
        name: what drummers call it.
        chance: in how many bars, a share of all.
        tenths: int64 [16, 10], as in `Template`, −1 where the template stays as it is.
    """

    name: str
    chance: float
    tenths: NDArray[np.int64]

    def applied(self, template: Template) -> NDArray[np.int64]:
        """Return the template's tenths with the change, [16, 10]."""
        return _over(self.tenths, template.tenths)


@dataclass(frozen=True)
class Style:
    """Templates of a style, equally likely, and the changes of any of them."""

    name: str
    templates: tuple[Template, ...]
    changes: tuple[Change, ...]


@functools.cache
def read_styles() -> tuple[Style, ...]:
    """Read the five styles that are kept beside the code."""
    folder = resources.files("drumvae") / "styles"
    return tuple(parse_style(name, (folder / f"{name}.ini").read_text(encoding="utf-8")) for name in STYLES)


def parse_style(name: str, text: str) -> Style:
    """Read the templates and changes of one style.

    Args:
        name: of the style.
        text: as in the files beside this module.

    Raises:
        ValueError: saying which section and row is wrong.
        configparser.Error: it is no such file at all, or has a section or row twice.
    """
    parser = configparser.ConfigParser(interpolation=None, delimiters=("=",))
    parser.read_string(text, name)
    ornaments = np.zeros((STEPS, len(ROWS)), np.int64)
    templates, changes = [], []
    for title in parser.sections():
        section, where = parser[title], f"{name}, {title}"
        if title == _ORNAMENTS:
            ornaments = _over(_grid(section, set(), where), ornaments)
            _check_exclusive(ornaments, where)
        elif "chance" in section:
            changes.append(_change(section, where))
        else:
            templates.append(_template(section, ornaments, where))
    if not templates or sum(change.chance for change in changes) > 1:
        raise ValueError(f"{name}: no template, or changes with chances of more than 1 in all")
    return Style(name, tuple(templates), tuple(changes))


def _template(section: SectionProxy, ornaments: NDArray[np.int64], where: str) -> Template:
    lowest, highest = _numbers(section, "tempo", "", 2, where)
    first, second, third, fourth = _numbers(section, "timing", "0 0 0 0", STEPS_PER_QUARTER, where)
    (loudness,) = _numbers(section, "loudness", "1", 1, where)
    if not 0 < lowest <= highest or max(map(abs, (first, second, third, fourth))) >= 1 / 2 or loudness <= 0:
        raise ValueError(f"{where}: a tempo is above 0, timing within half a sixteenth, loudness above 0")
    tenths = _grid(section, {"tempo", "timing", "loudness"}, where)
    _check_exclusive(np.maximum(tenths, 0), where)
    return Template(section.name, (lowest, highest), (first, second, third, fourth), loudness, _over(tenths, ornaments))


def _change(section: SectionProxy, where: str) -> Change:
    (chance,) = _numbers(section, "chance", "", 1, where)
    if not 0 < chance <= 1:
        raise ValueError(f"{where}: a chance is over 0 and at most 1, not {chance:g}")
    tenths = _grid(section, {"chance"}, where)
    _check_exclusive(np.maximum(tenths, 0), where)
    return Change(section.name, chance, tenths)


def _numbers(section: SectionProxy, key: str, default: str, count: int, where: str) -> list[float]:
    words = section.get(key, default).split()
    try:
        numbers = [float(word) for word in words]
    except ValueError:
        numbers = []
    if len(numbers) != count or not np.isfinite(numbers).all():
        raise ValueError(f"{where}: {key} has {count} numbers, not {' '.join(words)!r}")
    return numbers


def _grid(section: SectionProxy, others: set[str], where: str) -> NDArray[np.int64]:
    """Read the rows of a section, [16, 10] tenths, −1 where it lets through what is beneath."""
    tenths = np.full((STEPS, len(ROWS)), _THROUGH)
    for row, text in section.items():
        if row in others:
            continue
        if row not in ROWS:
            raise ValueError(f"{where}: there is no row {row!r}; rows are {', '.join(ROWS)}")
        characters = "".join(text.split())
        if len(characters) != STEPS or not set(characters) <= set(_CHANCES):
            raise ValueError(f"{where}: {row} has {STEPS} of . 0–9 x, not {text!r}")
        tenths[:, ROWS.index(row)] = [_CHANCES[character] for character in characters]
    return tenths


def _check_exclusive(tenths: NDArray[np.int64], where: str) -> None:
    for pair in _EXCLUSIVE:
        if (tenths[:, [ROWS.index(row) for row in pair]].sum(axis=1) > ALWAYS).any():
            raise ValueError(f"{where}: {' and '.join(pair)} never sound together: their chances add up to at most x")


def _over(upper: NDArray[np.int64], lower: NDArray[np.int64]) -> NDArray[np.int64]:
    """Lay one grid over another; what comes through has the chance that is left beside its partner."""
    tenths = np.where(upper == _THROUGH, lower, upper)
    for pair in _EXCLUSIVE:
        first, second = (ROWS.index(row) for row in pair)
        for row, partner in ((first, second), (second, first)):
            through, above = upper[:, row] == _THROUGH, upper[:, partner] != _THROUGH
            left = np.where(through & above, ALWAYS - tenths[:, partner], ALWAYS)
            tenths[:, row] = np.minimum(tenths[:, row], left)
    return tenths
