"""Whole typefaces as signed distance fields: every character on one canvas, with its side bearings.

A distance field, enlarged and cut at 0, has a smooth and sharp outline from few pixels (Green, 2007). All faces are
scaled to the same height of capitals. Lengths are *units*: `CAPITAL` of them are that height, 1000 an em of the fonts
that are made of the fields.
"""

from __future__ import annotations

import hashlib
import importlib.util
import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from fontTools.ttLib import TTFont, TTLibError
from PIL import Image, ImageDraw
from tqdm import tqdm

from fontgan.data.glyphs import FORMATS, UnusableFontError, font_files, open_font, signed_distances
from fontgan.data.sheets import bundled_fonts
from manymodes.cli import UserError
from manymodes.files import Skipped, cache_file, in_columns, printable, skipped_lines, write_cache

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from PIL import ImageFont

CAPITAL = 700
"""Height of capitals in units."""

CANVAS = 1200
"""Side of the canvas in units, from `DESCENT` below the base line; ink is in the middle of its width."""

DESCENT = 330

CHARACTERS = (
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    ".,:;!?-–’'\"()/&@#%+=*ßı"
    "¨´`ˆ˜¸˚"  # marks, of which accented letters are composed
)
"""The characters that a model draws; `fontgan.typeface.family` composes others of them."""

NEEDED = CHARACTERS[:62]
"""A face without one of these is not used; of others the model learns from the faces that have them."""

REACH_PX = 4.0
"""Distance at which a field is 1: only what is nearer to the outline is learned."""

_OVERSAMPLING = 8
_WEIGHTS = (300, 400, 700, 900)  # of a family, roman and italic
_LARGEST_PX = 4000
_NOT_A_CHARACTER = "\uffff"
_THINNEST = 26  # units: a thinner stroke is thinner than a pixel of the usual field
_NAMED = 40


class Family(NamedTuple):
    """A family of a pip package, or of matplotlib: where its files are, and how their names begin."""

    package: str
    prefix: str = ""


TRAINING = (
    *(Family("matplotlib", prefix) for prefix in ("DejaVuSans", "DejaVuSansMono", "DejaVuSerif", "STIXGeneral")),
    *(Family("matplotlib", f"{name}10") for name in ("cmr", "cmb", "cmss", "cmtt", "cmti")),
    *(Family(f"font_{name}") for name in ("roboto", "source_sans_pro", "source_serif_pro", "caladea", "fredoka_one")),
    *(Family(f"font_{name}") for name in ("hanken_grotesk", "manrope", "lato", "intuitive")),
    *(Family(f"fontpkg_{name}") for name in ("montserrat", "nunito", "playfair_display", "eb_garamond", "lora")),
    *(Family(f"fontpkg_{name}") for name in ("merriweather", "roboto_slab", "zilla_slab", "jetbrains_mono")),
    *(Family(f"fontpkg_{name}") for name in ("josefin_sans", "barlow_condensed", "fira_sans")),
)
JUDGING = (
    *(Family(f"fontpkg_{name}") for name in ("bitter", "crimson_pro", "exo_2", "ibm_plex_sans", "ibm_plex_serif")),
    *(Family(f"fontpkg_{name}") for name in ("inconsolata", "inter", "poppins", "rubik", "source_code_pro")),
    *(Family(f"fontpkg_{name}") for name in ("spectral", "vollkorn", "work_sans")),
)
HELD_OUT = tuple(
    Family(f"fontpkg_{name}") for name in ("open_sans", "libre_baskerville", "cabin", "pt_serif", "space_mono")
)
"""Families that no model is trained on: those that judges learn from, and those that both are tested on."""


class FaceFile(NamedTuple):
    """One face: a file, the number of the face in it, and its weight where the font has an axis of weights.

    Fonts that are ``ascii_only`` have other characters than their maps say.
    """

    family: str
    path: Path
    number: int = 0
    weight: int | None = None
    ascii_only: bool = False


@dataclass(frozen=True, eq=False)
class Typefaces:
    """Faces as fields.

    Attributes:
        names: of the faces, such as "Lato Bold Italic".
        families: the name of each face's family.
        fields: int8 [faces, characters, size, size], 127 inside from `REACH_PX` on, −127 outside; 0 is the outline.
        bearings: float32 [faces, characters, 2], white space at the left and right of the ink, units; NaN where a face
            lacks the character.
        skipped: fonts that were not used, and why.
        fingerprint: sha256 of all of it, in hex.
    """

    names: tuple[str, ...]
    families: tuple[str, ...]
    fields: np.ndarray
    bearings: np.ndarray
    skipped: tuple[Skipped, ...]
    fingerprint: str

    @property
    def present(self) -> np.ndarray:
        """Whether a face has a character, [faces, characters]."""
        return ~np.isnan(self.bearings[..., 0])

    def table(self) -> str:
        """Return the families with their numbers of faces, for the terminal."""
        counts = {family: self.families.count(family) for family in dict.fromkeys(self.families)}
        rows = [("family", "faces"), *((name, str(count)) for name, count in counts.items())]
        glyphs = f"{self.present.sum():,} characters of {len(self.names)} faces, fingerprint {self.fingerprint[:12]}"
        return "\n".join([glyphs, *in_columns(rows), *skipped_lines(self.skipped, _NAMED)])


def as_floats(fields: np.ndarray) -> np.ndarray:
    """Return fields as float32 in [−1, 1], where 1 is `REACH_PX` pixels within the ink."""
    return fields.astype(np.float32) / np.float32(127)


def load_typefaces(
    source: str | Path | Sequence[Family] = TRAINING,
    *,
    size: int = 48,
    as_pixels: bool = False,
    only: str = "",
    progress: bool = True,
) -> Typefaces:
    """Measure the faces of families, or of a folder of fonts or one font; what was measured before comes from a cache.

    Families whose package is not installed are left out.

    Args:
        source: families, such as `TRAINING`; or a path, searched without hidden files.
        size: pixels of a field along each side.
        as_pixels: end the fields half a pixel from the outline, where the ink of a pixel does: grey images.
        only: characters to measure and to require, by default all, of which those of `NEEDED` are required.
        progress: show a progress bar on a terminal.

    Raises:
        UserError: no font can be used; the message says what the first one lacks.
    """
    files = list(_files(source))
    if not files:
        raise UserError('none of the families is installed: pip install "manymodes[fonts]", or give --fonts DIR')
    stamps = [(str(one.path), one.number, one.weight, one.path.stat().st_mtime_ns) for one in files]
    cache = cache_file("typefaces", [3, size, CHARACTERS, only, stamps], ".npz")
    if cache.is_file():
        with np.load(cache) as kept:
            arrays: dict[str, Any] = dict(kept)
    else:
        arrays = _measured(files, str(source), size, only, progress)

        def write(path: Path) -> None:
            with path.open("wb") as file:  # NumPy would add a suffix to a path
                np.savez_compressed(file, **arrays)

        write_cache(cache, "the distance fields", write)
    fields, bearings = arrays["fields"], arrays["bearings"]
    if as_pixels:
        fields = np.clip(fields * (2 * REACH_PX), -127, 127).astype(np.int8)
    names, families = (tuple(map(str, arrays[name])) for name in ("names", "families"))
    skipped = tuple(Skipped(*map(str, row)) for row in arrays["skipped"])
    digest = hashlib.sha256("\n".join([CHARACTERS, *names]).encode())
    for part in (fields, bearings):
        digest.update(part.tobytes())
    return Typefaces(names, families, fields, bearings, skipped, digest.hexdigest())


def _measured(files: Sequence[FaceFile], source: str, size: int, only: str, progress: bool) -> dict[str, Any]:
    """Return the columns of `Typefaces`, as they are cached; raise a UserError if no face can be used."""
    faces: list[tuple[Any, ...]] = []
    skipped: list[Skipped] = []
    seen: set[bytes] = set()
    for one in tqdm(files, "measuring", unit="face", leave=False, disable=None if progress else True):
        shown = printable(one.path.name) + (f", weight {one.weight}" if one.weight else "")
        try:
            fields, bearings = measure_face(one, size, only)
            family, style = (" ".join((part or "").split()) for part in open_font(one.path, one.number).getname())
        except UnusableFontError as error:
            skipped.append(Skipped(shown, str(error)))
            continue
        digest = hashlib.sha256(fields.tobytes()).digest()
        if digest in seen:
            skipped.append(Skipped(shown, "draws the same as another one"))
            continue
        seen.add(digest)
        faces.append((f"{family} {one.weight or ''} {style}".replace("  ", " "), one.family, fields, bearings))
    if not faces:
        reason = f"{skipped[0].name}: {skipped[0].reason}"
        raise UserError(f"no usable font in {source} ({reason}): give fonts that have {only or 'A–Z, a–z and 0–9'}")
    names, families, fields, bearings = map(np.array, zip(*faces, strict=True))
    rows = np.array(skipped, dtype=np.str_).reshape(-1, 2)
    return {"names": names, "families": families, "fields": fields, "bearings": bearings, "skipped": rows}


def measure_face(one: FaceFile, size: int, only: str = "") -> tuple[np.ndarray, np.ndarray]:
    """Return the fields of a face, int8 [characters, size, size], and its bearings [characters, 2].

    Raises:
        UnusableFontError: a letter or a digit is missing or does not fit on the canvas, or strokes are too thin.
    """
    scale = size * _OVERSAMPLING / CANVAS  # pixels drawn a unit
    small = _opened(one, 1000)
    height = _drawn(small, "H").above
    if height < 1000 / 8:
        raise UnusableFontError("has no H, or a far too small one")
    font = _opened(one, 1000 * CAPITAL * scale / height)
    absent = _drawn(font, _NOT_A_CHARACTER)
    fields = np.full((len(CHARACTERS), size, size), -127, np.int8)
    bearings = np.full((len(CHARACTERS), 2), np.nan, np.float32)
    for number, character in enumerate(CHARACTERS):
        if (only and character not in only) or (one.ascii_only and not character.isascii()):
            continue
        drawn = _drawn(font, character)
        reason = _unusable(drawn, absent, size)
        if reason and character in (only or NEEDED):
            raise UnusableFontError(f"{reason} {character}")
        if not reason:
            fields[number] = _field(drawn, size)
            bearings[number] = drawn.left / scale, (drawn.advance - drawn.left - drawn.ink.shape[1]) / scale
    if only:
        return fields, bearings
    strokes = 2 * REACH_PX * CANVAS / size * fields[:52].max(axis=(1, 2)) / 127
    if np.median(strokes) < _THINNEST:
        raise UnusableFontError("strokes are thinner than a pixel")
    if np.mean([np.array_equal(*pair) for pair in zip(fields[:26], fields[26:52], strict=True)]) > 1 / 2:
        raise UnusableFontError("has no small letters")
    return fields, bearings


class _Drawn(NamedTuple):
    """A large character: ink [rows, columns], rows above the base line, columns from the pen to the ink, advance."""

    ink: np.ndarray
    above: int
    left: int
    advance: float


def _opened(one: FaceFile, size_px: float) -> ImageFont.FreeTypeFont:
    font = open_font(one.path, one.number).font_variant(size=size_px)
    if one.weight:
        axes: Any = font.get_variation_axes()
        font.set_variation_by_axes([one.weight if axis["name"] == b"Weight" else axis["default"] for axis in axes])
    return font


def _drawn(font: ImageFont.FreeTypeFont, character: str) -> _Drawn:
    try:
        left, top, right, bottom = (round(edge) for edge in font.getbbox(character, anchor="ls"))
        if max(right - left, bottom - top) > _LARGEST_PX:
            raise UnusableFontError(f"draws {character} far too large")
        image = Image.new("1", (max(right - left, 0) + 4, max(bottom - top, 0) + 4))
        draw = ImageDraw.Draw(image)
        draw.fontmode = "1"  # a pixel is ink if its middle is
        draw.text((2 - left, 2 - top), character, fill=1, font=font, anchor="ls")
        box = image.getbbox() or (0, 0, 0, 0)
        return _Drawn(np.asarray(image.crop(box)), 2 - top - box[1], box[0] - 2 + left, font.getlength(character))
    except (OSError, ValueError, MemoryError) as error:
        raise UnusableFontError(f"cannot draw {character}: {error}") from error


def _unusable(drawn: _Drawn, absent: _Drawn, size: int) -> str:
    """Return why a character cannot be used, in words that its name ends, or nothing."""
    if not drawn.ink.size:
        return "draws nothing for"
    if np.array_equal(drawn.ink, absent.ink):
        return "lacks"
    side = size * _OVERSAMPLING
    above = side * (CANVAS - DESCENT) // CANVAS
    inside = drawn.ink.shape[1] <= side and drawn.above <= above and drawn.ink.shape[0] - drawn.above <= side - above
    return "" if inside else "has no room on the canvas for"


def _field(drawn: _Drawn, size: int) -> np.ndarray:
    """Return the field of a character on the canvas, int8 [size, size]."""
    side, reach = size * _OVERSAMPLING, round(REACH_PX * _OVERSAMPLING) + _OVERSAMPLING
    near = signed_distances(np.pad(drawn.ink, reach)) / (_OVERSAMPLING * REACH_PX)
    top = side * (CANVAS - DESCENT) // CANVAS - drawn.above - reach
    left = (side - drawn.ink.shape[1]) // 2 - reach
    canvas = np.full((side + 2 * reach, side + 2 * reach), -1.0, np.float32)
    canvas[top + reach : top + reach + near.shape[0], left + reach : left + reach + near.shape[1]] = near
    canvas = canvas[reach:-reach, reach:-reach]
    # the middle of a pixel lies between the four samples in its middle
    half = _OVERSAMPLING // 2
    blocks = canvas.reshape(size, _OVERSAMPLING, size, _OVERSAMPLING)[:, half - 1 : half + 1, :, half - 1 : half + 1]
    return np.rint(127 * np.clip(blocks.mean(axis=(1, 3)), -1, 1)).astype(np.int8)


def _files(source: str | Path | Sequence[Family]) -> Iterator[FaceFile]:
    """Return the faces of a source; of a family those of the usual weights, roman and italic."""
    if isinstance(source, (str, Path)):
        folder, files = font_files(source)
        for file in files:
            yield from _faces(file.stem, folder / file)
        return
    yield from itertools.chain.from_iterable(map(_of_family, source))


def _of_family(family: Family) -> Iterator[FaceFile]:
    if family.package == "matplotlib":
        name = family.prefix
        for file in sorted(bundled_fonts().glob(f"{name}*.ttf")):
            if file.stem.split("-")[0].removesuffix("BolIta").removesuffix("Bol").removesuffix("Italic") == name:
                yield FaceFile(name, file, ascii_only=name.startswith("cm"))  # encoded as TeX does
        return
    found = importlib.util.find_spec(family.package)
    if found is None or not found.submodule_search_locations:
        return
    files = sorted(Path(found.submodule_search_locations[0], "files").iterdir())
    kept = {file.stem: file for file in files if file.suffix in FORMATS and "VariableFont" not in file.stem}
    for file in kept.values():  # of the same font in two formats, one
        yield from _faces(family.package.split("_", 1)[1], file, _WEIGHTS if len(kept) > 1 else ())


def _faces(family: str, file: Path, weights: Sequence[int] = ()) -> Iterator[FaceFile]:
    """Return the faces of a file, of a font with an axis of weights the usual ones; others only of ``weights``."""
    for number in itertools.count():
        try:
            with TTFont(file, fontNumber=number, lazy=True) as font:
                axes = {axis.axisTag: axis for axis in font["fvar"].axes} if "fvar" in font else {}
                kept = not weights or font["OS/2"].usWeightClass in weights
        except (TTLibError, OSError, KeyError, AssertionError):
            if not number:
                yield FaceFile(family, file)  # measuring says what is wrong with it
            return
        if "wght" in axes:
            least, greatest = axes["wght"].minValue, axes["wght"].maxValue
            yield from (FaceFile(family, file, number, weight) for weight in _WEIGHTS if least <= weight <= greatest)
        elif kept:
            yield FaceFile(family, file, number)
        if file.suffix.lower() not in {".ttc", ".otc"}:
            return
