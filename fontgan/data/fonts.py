"""Letters of ten typefaces included with matplotlib, or of any folder of fonts, drawn 28×28 with seeded jitter."""

from __future__ import annotations

import hashlib
import itertools
import json
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image, features
from tqdm import tqdm

from fontgan.data import glyphs
from fontgan.data.glyphs import LETTERS, SIZE_PX, STILL, USUAL, UnusableFontError, font_files, open_font
from fontgan.data.sheets import bundled_fonts, from_pixels, letter_sheet, to_pixels
from manymodes.cli import UserError
from manymodes.files import Skipped, in_columns, new_folder, new_run_folder, printable, skipped_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from PIL import ImageFont

    from fontgan.data.glyphs import Jitter, Typeface

BUNDLED_SOURCE = "matplotlib"
_NAMED = 40  # skipped fonts that a table names; the others are counted


class Face(NamedTuple):
    """A typeface: its file, relative to the folder that was searched, and which face of a collection it is.

    The name is the role of a bundled face, such as "bold italic"; of another its family and style.
    """

    name: str
    file: str
    number: int = 0


BUNDLED = (
    # Their capitals differ by more than jitter: of pairs such as DejaVu Serif and STIX there is only one.
    Face("regular", "DejaVuSans.ttf"),
    Face("bold", "DejaVuSans-Bold.ttf"),
    Face("mono bold", "DejaVuSansMono-Bold.ttf"),
    Face("mono oblique", "DejaVuSansMono-Oblique.ttf"),
    Face("typewriter", "cmtt10.ttf"),
    Face("serif", "cmr10.ttf"),
    Face("serif bold", "DejaVuSerif-Bold.ttf"),
    Face("italic", "cmti10.ttf"),
    Face("bold italic", "STIXGeneralBolIta.ttf"),
    Face("script", "cmsy10.ttf"),  # Computer Modern's symbols: their capitals are calligraphic
)


class LetterImages(NamedTuple):
    """Images of letters.

    Attributes:
        images: float32 [n, 28, 28, 1] in [−1, 1], ink 1 on −1, on the 256 levels of a PNG.
        labels: int64 [n], 0 for A to 25 for Z, in this order.
        faces: int64 [n], the number of the face.
    """

    images: np.ndarray
    labels: np.ndarray
    faces: np.ndarray


@dataclass(frozen=True, eq=False)
class Letters:
    """A set of letters: training images, and validation images of the same faces with other jitter, drawn with a seed.

    Attributes:
        source: the path, or "matplotlib".
        faces: the typefaces, at least one.
        alphabets: float32 [faces, 26, 28, 28, 1], every letter of every face without jitter.
        jitter: the greatest differences between images of a letter.
        fingerprint: sha256 of the images, their letters and faces, in hex.
    """

    source: str
    faces: tuple[Face, ...]
    train: LetterImages
    validation: LetterImages
    alphabets: np.ndarray
    skipped: tuple[Skipped, ...]
    seed: int
    jitter: Jitter
    fingerprint: str

    def table(self) -> str:
        """Return the numbers of images by face, and the skipped fonts, for the terminal."""
        counts = [np.bincount(part.faces, minlength=len(self.faces)) for part in (self.train, self.validation)]
        rows = [
            ("face", "font", "training", "validation"),
            *((face.name, face.file, f"{a:,}", f"{b:,}") for face, a, b in zip(self.faces, *counts, strict=True)),
            ("all", "", f"{len(self.train.images):,}", f"{len(self.validation.images):,}"),
        ]
        title = f"letters of {self.source}, seed {self.seed}, fingerprint {self.fingerprint[:12]}"
        return "\n".join([title, *in_columns(rows, left=2), *skipped_lines(self.skipped, _NAMED)])


def load_fonts(
    source: str | Path | None = None,
    *,
    seed: int = 0,
    train: int = 200,
    validation: int = 60,
    jitter: Jitter = USUAL,
    progress: bool = True,
) -> Letters:
    """Draw the letters A–Z of every face, each many times.

    A letter's images are spread over the faces as evenly as possible. Each image follows from the seed, the face, the
    letter, the split and its number alone.

    Args:
        source: a folder of ``.ttf``, ``.otf``, ``.ttc`` and ``.otc`` files, searched recursively without hidden ones;
            or one font; by default the faces `BUNDLED` of matplotlib. A font that cannot be opened, lacks a letter or
            repeats another one is skipped.
        seed: of the jitter, at least 0.
        train: training images of each letter, at least 1.
        validation: validation images of each letter, at least 1.
        jitter: the greatest differences between images of one letter in one face.
        progress: show a progress bar on a terminal.

    Raises:
        UserError: the source does not exist, or has no usable font.
    """
    label, folder, candidates = BUNDLED_SOURCE, bundled_fonts(), iter(BUNDLED)
    if source is not None:
        label, (folder, files) = str(source), font_files(source)
        candidates = itertools.chain.from_iterable(_in_file(folder, name) for name in sorted(map(Path.as_posix, files)))
    faces, typefaces, skipped = _usable(folder, candidates, progress)
    if not faces:
        first, more = skipped[0], f", and {len(skipped) - 1} more" if len(skipped) > 1 else ""
        raise UserError(
            f"no usable font in {label} ({first.name}: {first.reason}{more}): give fonts that have all of A–Z"
        )
    splits, alphabets = _draw(typefaces, (train, validation), seed, jitter, progress)
    fingerprint = _fingerprint(faces, splits)
    return Letters(label, tuple(faces), splits[0], splits[1], alphabets, tuple(skipped), seed, jitter, fingerprint)


def _draw(
    typefaces: Sequence[Typeface], counts: Sequence[int], seed: int, jitter: Jitter, progress: bool
) -> tuple[list[LetterImages], np.ndarray]:
    """Draw the given number of images of each letter for each split, and the letters of each face without jitter."""
    labels = np.arange(len(LETTERS))
    turns = [_turns(count, len(typefaces)) for count in counts]
    splits = [np.empty((len(LETTERS), count, SIZE_PX, SIZE_PX), np.uint8) for count in counts]
    alphabets = np.empty((len(typefaces), len(LETTERS), SIZE_PX, SIZE_PX), np.uint8)
    bar = tqdm(typefaces, "drawing", unit="face", leave=False, disable=None if progress else True)
    for face, typeface in enumerate(bar):
        for label in range(len(LETTERS)):
            glyph = glyphs.read_glyph(typeface, label)
            alphabets[face, label] = glyphs.draw_images(glyph, STILL, [np.random.default_rng(0)])[0]
            for split, (pixels, faces) in enumerate(zip(splits, turns, strict=True)):
                places = np.flatnonzero(faces[label] == face)
                generators = [np.random.default_rng([seed, split, face, label, turn]) for turn in range(len(places))]
                if generators:
                    pixels[label, places] = glyphs.draw_images(glyph, jitter, generators)
    images = [
        LetterImages(from_pixels(pixels.reshape(-1, SIZE_PX, SIZE_PX, 1)), labels.repeat(count), faces.ravel())
        for pixels, count, faces in zip(splits, counts, turns, strict=True)
    ]
    return images, from_pixels(alphabets[..., None])


def _turns(count: int, faces: int) -> np.ndarray:
    """Return the face of each image, [26, count]: they take turns.

    The first faces of the letters are spread over all faces, so that no face has more than one image more than
    another, of a letter or in all. They do not depend on ``count``, so that more images change none of the others.
    """
    starts = np.arange(len(LETTERS)) * faces // len(LETTERS)
    return (starts[:, None] + np.arange(count)) % faces


def _fingerprint(faces: Iterable[Face], splits: Iterable[LetterImages]) -> str:
    digest = hashlib.sha256(json.dumps([face.name for face in faces]).encode())
    for part in splits:
        digest.update(to_pixels(part.images).tobytes())
        digest.update(part.labels.astype("<i8").tobytes())
        digest.update(part.faces.astype("<i8").tobytes())
    return digest.hexdigest()


def _in_file(folder: Path, name: str) -> Iterator[Face]:
    """Yield the faces of a file of the user's, which have no names yet."""
    yield Face("", name)
    for number in itertools.count(1):
        try:
            open_font(folder / name, number)
        except UnusableFontError:
            return  # a font has one face, a collection has more
        yield Face("", name, number)


def _usable(
    folder: Path, candidates: Iterable[Face], progress: bool
) -> tuple[list[Face], list[Typeface], list[Skipped]]:
    """Return the faces that have all letters and repeat no other one, their typefaces, and the fonts skipped."""
    faces: list[Face] = []
    typefaces: list[Typeface] = []
    skipped: list[Skipped] = []
    seen: dict[bytes, str] = {}
    for candidate in tqdm(candidates, "opening", unit="font", leave=False, disable=None if progress else True):
        file = printable(candidate.file)
        shown = f"{file}, face {candidate.number}" if candidate.number else file
        try:
            font = open_font(folder / candidate.file, candidate.number)
            typeface = glyphs.read_typeface(font)
        except UnusableFontError as error:
            skipped.append(Skipped(shown, str(error)))
            continue
        if typeface.digest in seen:
            skipped.append(Skipped(shown, f"draws the same letters as {seen[typeface.digest]}"))
            continue
        seen[typeface.digest] = shown
        name = candidate.name or _free_name(font, shown, faces)
        faces.append(Face(name, file, candidate.number))
        typefaces.append(typeface)
    return faces, typefaces, skipped


def _free_name(font: ImageFont.FreeTypeFont, shown: str, faces: Iterable[Face]) -> str:
    """Return a face's family and style, or its file where these are empty, unprintable or those of another face."""
    name = " ".join(" ".join(part or "" for part in font.getname()).split())
    return shown if not name.isprintable() or name in {"", *(face.name for face in faces)} else name


def write_letters(folder: Path, letters: Letters, *, command: str = "") -> Path:
    """Write letters as PNG files with ``metadata.json`` and ``contact-sheet.png``, in one step; return the folder.

    It is the first free one of ``folder``, ``folder-2``, ``folder-3`` ….
    The files are ``train/A/000.png``, ``validation/Z/059.png`` and so on. The metadata has

    - ``source``, ``seed``, ``jitter``, ``fingerprint``: as in `Letters`;
    - ``command``: as typed; ``versions``: of the libraries that drew;
    - ``faces``: ``name``, ``file`` and ``number`` of each, as in `Face`;
    - ``skipped``: ``name`` and ``reason`` of each font that was not used;
    - ``images``: ``file``, ``split``, ``letter`` and ``face``, its name, of each image.
    """
    metadata = {
        "source": letters.source,
        "seed": letters.seed,
        "jitter": letters.jitter._asdict(),
        "fingerprint": letters.fingerprint,
        "command": command,
        "versions": {
            **{name: version(name) for name in ("manymodes", "matplotlib", "numpy", "pillow", "scipy")},
            "freetype": features.version("freetype2"),
        },
        "faces": [face._asdict() for face in letters.faces],
        "skipped": [font._asdict() for font in letters.skipped],
    }
    names = [face.name for face in letters.faces]
    folder = new_run_folder(folder)
    with new_folder(folder) as partial:
        metadata["images"] = [
            image
            for split, part in (("train", letters.train), ("validation", letters.validation))
            for image in _write_split(partial, split, part, names)
        ]
        (partial / "metadata.json").write_text(json.dumps(metadata, indent=1) + "\n", encoding="utf-8")
        letter_sheet(letters.alphabets, rows=names, columns=LETTERS).save(partial / "contact-sheet.png")
    return folder


def _write_split(folder: Path, split: str, part: LetterImages, names: Sequence[str]) -> Iterator[dict[str, str]]:
    """Write the images one by one, and yield the description of each."""
    count = len(part.images) // len(LETTERS)  # of each letter, one after the other
    digits = max(3, len(str(count - 1)))
    for number, (pixels, label, face) in enumerate(
        zip(to_pixels(part.images[..., 0]), part.labels, part.faces, strict=True)
    ):
        file = Path(split, LETTERS[label], f"{number % count:0{digits}d}.png")
        (folder / file.parent).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / file)
        yield {"file": file.as_posix(), "split": split, "letter": LETTERS[label], "face": names[face]}
