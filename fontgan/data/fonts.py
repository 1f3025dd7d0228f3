"""Letters of ten typefaces included with matplotlib, or of any folder of fonts, drawn 28×28 with seeded jitter.

`load_fonts` draws A–Z in every face, each many times with jitter; `write_letters` writes what it drew as PNG files.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image, features
from tqdm import tqdm

from fontgan.data.glyphs import (
    LETTERS,
    SIZE_PX,
    STILL,
    USUAL,
    Jitter,
    Typeface,
    UnusableFontError,
    draw_images,
    open_font,
    read_glyph,
    read_typeface,
)
from fontgan.data.sheets import bundled_fonts, from_pixels, letter_sheet, to_pixels
from manymodes.cli import UserError
from manymodes.files import Skipped, in_columns, new_folder, new_run_folder, skipped_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from PIL import ImageFont

__all__ = [
    "BUNDLED",
    "LETTERS",
    "SIZE_PX",
    "STILL",
    "USUAL",
    "Face",
    "Jitter",
    "LetterImages",
    "Letters",
    "load_fonts",
    "write_letters",
]

BUNDLED_SOURCE = "matplotlib"
FORMATS = (".ttf", ".otf", ".ttc", ".otc")


class Face(NamedTuple):
    """A typeface.

    Attributes:
        name: the role of a bundled face, such as "bold italic"; of another its family and style.
        file: its file, relative to the folder that was searched.
        number: which face of a collection it is.
    """

    name: str
    file: str
    number: int = 0


BUNDLED = (
    # Ten whose capitals differ in more than jitter does: of pairs such as DejaVu Serif and STIX there is only one.
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
    """What `load_fonts` drew.

    Attributes:
        source: the path asked for, or "matplotlib".
        faces: the typefaces, at least one.
        train: images to learn from.
        validation: images of the same faces with other jitter.
        alphabets: float32 [faces, 26, 28, 28, 1], every letter of every face without jitter.
        skipped: the fonts that are not used.
        seed: that of the jitter.
        jitter: how far images differ.
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

    def table(self, limit: int = 40) -> str:
        """Return what was drawn and skipped, for the terminal.

        Args:
            limit: how many skipped fonts are named one by one; the others are counted.
        """
        counts = [np.bincount(part.faces, minlength=len(self.faces)) for part in (self.train, self.validation)]
        rows = [
            ("face", "font", "training", "validation"),
            *((face.name, face.file, f"{a:,}", f"{b:,}") for face, a, b in zip(self.faces, *counts, strict=True)),
            ("all", "", f"{len(self.train.images):,}", f"{len(self.validation.images):,}"),
        ]
        lines = [f"letters of {self.source}, seed {self.seed}, fingerprint {self.fingerprint[:12]}"]
        lines += [*in_columns(rows, left=2), *skipped_lines(self.skipped, limit)]
        return "\n".join(lines)


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

    A letter's images are spread over the faces as evenly as their number allows. Each follows from the seed, the
    face, the letter, the split and its own number alone.

    Args:
        source: a folder of ``.ttf``, ``.otf``, ``.ttc`` and ``.otc`` files, searched recursively, hidden ones left
            out; or one font; by default the faces `BUNDLED` of matplotlib.
        seed: of the jitter, at least 0.
        train: images a letter to learn from, at least 1.
        validation: images a letter to validate with, at least 1.
        jitter: how far images of one letter in one face differ.
        progress: show a bar, if the terminal can.

    Returns:
        The images, of at least one face. A font that cannot be opened, lacks a letter or repeats another is skipped.

    Raises:
        UserError: there is no such source, or no usable font in it.
        ValueError: a number is too small.
    """
    if min(train, validation) < 1 or seed < 0 or min(jitter) < 0:
        raise ValueError(f"train {train}, validation {validation}, seed {seed} or {jitter} is too small")
    label = BUNDLED_SOURCE if source is None else str(source)
    faces, typefaces, skipped = _usable(*_find(source), progress)
    if not faces:
        raise UserError(_nothing_usable(label, skipped))
    splits, alphabets = _draw(typefaces, (train, validation), seed, jitter, progress)
    return Letters(
        source=label,
        faces=tuple(faces),
        train=splits[0],
        validation=splits[1],
        alphabets=alphabets,
        skipped=tuple(skipped),
        seed=seed,
        jitter=jitter,
        fingerprint=_fingerprint(faces, splits),
    )


def _draw(
    typefaces: Sequence[Typeface], counts: Sequence[int], seed: int, jitter: Jitter, progress: bool
) -> tuple[list[LetterImages], np.ndarray]:
    """Draw so many images of each letter for each split, and the letters of each face without jitter."""
    labels = np.arange(len(LETTERS))
    turns = [_turns(count, len(typefaces)) for count in counts]
    splits = [np.empty((len(LETTERS), count, SIZE_PX, SIZE_PX), np.uint8) for count in counts]
    alphabets = np.empty((len(typefaces), len(LETTERS), SIZE_PX, SIZE_PX), np.uint8)
    bar = tqdm(typefaces, "drawing", unit="face", leave=False, disable=None if progress else True)
    for face, typeface in enumerate(bar):
        for label in range(len(LETTERS)):
            glyph = read_glyph(typeface, label)
            alphabets[face, label] = draw_images(glyph, STILL, [np.random.default_rng(0)])[0]
            for split, (pixels, faces) in enumerate(zip(splits, turns, strict=True)):
                places = np.flatnonzero(faces[label] == face)
                generators = [np.random.default_rng([seed, split, face, label, turn]) for turn in range(len(places))]
                if generators:
                    pixels[label, places] = draw_images(glyph, jitter, generators)
    images = [
        LetterImages(from_pixels(pixels.reshape(-1, SIZE_PX, SIZE_PX, 1)), labels.repeat(count), faces.ravel())
        for pixels, count, faces in zip(splits, counts, turns, strict=True)
    ]
    return images, from_pixels(alphabets[..., None])


def _turns(count: int, faces: int) -> np.ndarray:
    """Return the face of each image, [26, count]: they take turns.

    Letters begin at places spread over all faces, so that neither a letter's images nor all of them prefer a face by
    more than one; where a letter begins does not depend on ``count``, so that more images change none of the others.
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


# --- finding fonts -----------------------------------------------------------------------------------------


def _find(source: str | Path | None) -> tuple[Path, Iterator[Face]]:
    """Return the folder of a source and the faces in it, not yet opened; some have no name yet.

    Raises:
        UserError: the source does not exist, cannot be read or has no font.
    """
    if source is None:
        return bundled_fonts(), iter(BUNDLED)
    if not str(source):
        raise UserError("--fonts is empty: give a folder of fonts, or one font")
    path = Path(source)
    try:
        path = path.expanduser()
        if path.is_dir():
            return path, _in_folder(path)
        if path.is_file():
            return path.parent, _in_file(path.parent, path.name)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}; check its permissions") from error
    except RuntimeError as error:  # ~name of an unknown user
        raise UserError(f"{path} does not exist: its user is unknown") from error
    raise UserError(f"{path} does not exist: give a folder of fonts ({', '.join(FORMATS)}), or one font")


def _in_folder(folder: Path) -> Iterator[Face]:
    with os.scandir(folder):  # os.walk would pass over a folder that may not be read
        pass
    names = []
    for parent, subfolders, files in os.walk(folder):
        # Hidden ones are left out: macOS writes a double called ._name beside a file.
        subfolders[:] = [name for name in subfolders if not name.startswith(".")]
        paths = [Path(parent) / name for name in files if not name.startswith(".")]
        names += [
            path.relative_to(folder).as_posix() for path in paths if path.suffix.lower() in FORMATS and path.is_file()
        ]
    if not names:
        raise UserError(f"no fonts in {folder}: it has no file of {', '.join(FORMATS)}")
    return itertools.chain.from_iterable(_in_file(folder, name) for name in sorted(names))


def _in_file(folder: Path, name: str) -> Iterator[Face]:
    yield Face("", name)
    for number in itertools.count(1):
        try:
            open_font(folder / name, number)
        except UnusableFontError:
            return  # a font has one face, a collection has more
        yield Face("", name, number)


# --- opening fonts -----------------------------------------------------------------------------------------


def _usable(
    folder: Path, candidates: Iterable[Face], progress: bool
) -> tuple[list[Face], list[Typeface], list[Skipped]]:
    """Return the faces that have all letters and repeat no other one, what they draw with, and the others."""
    faces: list[Face] = []
    typefaces: list[Typeface] = []
    skipped: list[Skipped] = []
    seen: dict[bytes, str] = {}
    for candidate in tqdm(candidates, "opening", unit="font", leave=False, disable=None if progress else True):
        file = candidate.file.encode("utf-8", "backslashreplace").decode()  # an old name may be no Unicode
        shown = f"{file}, face {candidate.number}" if candidate.number else file
        try:
            font = open_font(folder / candidate.file, candidate.number)
            typeface = read_typeface(font)
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
    """Name a face by its family and style, or by its file where that is no name or another face has it."""
    name = " ".join(" ".join(part or "" for part in font.getname()).split())
    return shown if not name.isprintable() or name in {"", *(face.name for face in faces)} else name


def _nothing_usable(label: str, skipped: Sequence[Skipped]) -> str:
    first, others = skipped[0], len(skipped) - 1
    more = f", and {others} more" if others else ""
    return f"no usable font in {label} ({first.name}: {first.reason}{more}): give fonts that have all of A–Z"


# --- writing -----------------------------------------------------------------------------------------------


def write_letters(folder: Path, letters: Letters, *, command: str = "") -> Path:
    """Write letters as PNG files with ``metadata.json`` and ``contact-sheet.png``, in one step.

    The files are ``train/A/000.png``, ``validation/Z/059.png`` and so on. The metadata has

    - ``source``, ``seed``, ``jitter``, ``fingerprint``: as in `Letters`;
    - ``command``: as typed; ``versions``: of the libraries that drew;
    - ``faces``: ``name``, ``file`` and ``number`` of each, as in `Face`;
    - ``skipped``: ``name`` and ``reason`` of each font that was not used;
    - ``images``: ``file``, ``split``, ``letter`` and ``face``, its name, of each image.

    Args:
        folder: where to; if it exists, the first free one of ``folder-2``, ``folder-3`` ….
        letters: what to write.
        command: noted in the metadata.

    Returns:
        the folder.
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
    folder = new_run_folder(folder)
    with new_folder(folder) as partial:
        images = [
            image
            for name, part in (("train", letters.train), ("validation", letters.validation))
            for image in _write_split(partial, name, part, letters.faces)
        ]
        text = json.dumps({**metadata, "images": images}, indent=1)
        (partial / "metadata.json").write_text(f"{text}\n", encoding="utf-8")
        names = [face.name for face in letters.faces]
        letter_sheet(letters.alphabets, rows=names, columns=LETTERS).save(partial / "contact-sheet.png")
    return folder


def _write_split(folder: Path, name: str, part: LetterImages, faces: Sequence[Face]) -> Iterator[dict[str, str]]:
    """Write the images one by one, and yield the description of each."""
    pixels = to_pixels(part.images[..., 0])
    digits = max(3, len(str(len(pixels) // len(LETTERS) - 1)))
    counts = dict.fromkeys(LETTERS, 0)
    for picture, label, face in zip(pixels, part.labels, part.faces, strict=True):
        letter = LETTERS[label]
        file = Path(name, letter, f"{counts[letter]:0{digits}d}.png")
        (folder / file.parent).mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(folder / file)
        counts[letter] += 1
        yield {"file": file.as_posix(), "split": name, "letter": letter, "face": faces[face].name}


# --- the command -------------------------------------------------------------------------------------------
