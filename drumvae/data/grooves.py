"""Where grooves come from: rules with named templates, the Groove MIDI Dataset, or any folder of drum MIDI.

`load_grooves` gives bars of sixteen steps and nine instruments in three sides; `read_beat` and `write_beat` are one
beat's way from MIDI and back.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from drumvae.data.kit import INSTRUMENTS, NOTES, STEPS, STEPS_PER_QUARTER, Bars, draw
from drumvae.data.midi_grooves import Beat, note_name, parse_files, read_beat, write_beat
from drumvae.data.rules import EntropyBound, bundled_rules
from drumvae.data.templates import STYLES
from manymodes.cli import UserError
from manymodes.files import Skipped, in_columns, skipped_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

__all__ = [
    "BY_RULE",
    "GROOVE_STYLES",
    "INSTRUMENTS",
    "NOTES",
    "STEPS",
    "STEPS_PER_QUARTER",
    "STYLES",
    "Bars",
    "Beat",
    "EntropyBound",
    "Grooves",
    "draw",
    "entropy_bound",
    "load_grooves",
    "log_probability",
    "note_name",
    "read_beat",
    "write_beat",
]

FORMATS = (".mid", ".midi")
INDEX = "info.csv"

BY_RULE = "styles"
"""The source that is made by rule; a folder of that name is ./styles."""

GROOVE_STYLES: Mapping[str, tuple[str, ...]] = {
    "rock": ("rock",),
    "jazz": ("jazz",),
    "hiphop": ("hiphop",),
    "latin": ("latin", "afrocuban"),
}
"""Our styles, and the primary styles of the Groove MIDI Dataset that are each of them.

It has no electronic music; of its other styles most stand between two of these, or have few files.
"""

SIDES = ("train", "validation", "test")
_TEST_SHARE = 0.2  # of bars by rule
_FILE_SHARE = 0.1  # of a style's files, for validation and for test each
_COLUMNS = ("midi_filename", "style", "split", "time_signature")


@dataclass(frozen=True, eq=False)
class Grooves:
    """What `load_grooves` found: bars with a hit, in three sides.

    Attributes:
        source: `BY_RULE` or the folder.
        styles: their names.
        train: bars to learn from.
        validation: bars to choose by.
        test: bars to measure with.
        skipped: the files that are not used.
        left_out: how many files have another style, by its name.
        unmapped: how often each MIDI note is struck that is none of the nine instruments.
        empty: how many bars have no hit.
        seed: that of the rules, or of the split.
        fingerprint: sha256 of the bars and the names of their styles, in hex.
    """

    source: str
    styles: tuple[str, ...]
    train: Bars
    validation: Bars
    test: Bars
    skipped: tuple[Skipped, ...]
    left_out: Mapping[str, int]
    unmapped: Mapping[int, int]
    empty: int
    seed: int
    fingerprint: str

    @property
    def by_rule(self) -> bool:
        """Whether the bars were made by rule, so that `entropy_bound` is theirs."""
        return self.source == BY_RULE

    @property
    def name(self) -> str:
        """The source in words."""
        return "the set of grooves by rule" if self.by_rule else self.source

    def table(self, limit: int = 40) -> str:
        """Say what was found and skipped, for the terminal.

        Args:
            limit: how many skipped files are named one by one; the others are counted.
        """
        sides = (self.train, self.validation, self.test)
        everything = Bars.join(list(sides))
        rows = [("style", "training", "validation", "test", "templates" if self.by_rule else "files", "density")]
        for name, style in [*zip(self.styles, range(len(self.styles)), strict=True), ("all", None)]:
            train, validation, test = (f"{len(bars_of_style(bars, style)):,}" for bars in sides)
            bars = bars_of_style(everything, style)
            rows.append((name, train, validation, test, f"{len(np.unique(bars.sources)):,}", f"{bars.hits.mean():.3f}"))
        lines = [f"grooves of {self.source}, seed {self.seed}, fingerprint {self.fingerprint[:12]}", *in_columns(rows)]
        if self.empty:
            lines.append(f"bars without a hit, left out: {self.empty:,}")
        if self.left_out:
            lines.append(f"files of other styles, left out: {_counted(self.left_out)}")
        if self.unmapped:
            named = {note_name(note): count for note, count in self.unmapped.items()}
            lines.append(f"hits of none of the nine instruments: {_counted(named)}")
        lines += skipped_lines(self.skipped, limit)
        return printable("\n".join(lines))


def printable(text: str) -> str:
    """Return a text whose bytes that are not Unicode, from old file names, are escaped."""
    return text.encode("utf-8", "backslashreplace").decode()


def bars_of_style(bars: Bars, style: int | None) -> Bars:
    """Return the bars of a style; None stands for all."""
    return bars if style is None else bars[bars.styles == style]


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(
        f"{name} {count:,}" for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    )


def load_grooves(
    source: str | Path = BY_RULE,
    *,
    per_style: int = 200,
    seed: int = 0,
    groove_styles: Mapping[str, Sequence[str]] = GROOVE_STYLES,
    progress: bool = True,
) -> Grooves:
    """Make or read grooves.

    By rule, four of five bars of a style are to learn from and one is to test with; as many more are to validate with.
    A folder with the Groove MIDI Dataset's ``info.csv`` keeps its split. In any other folder a sub-folder is a style,
    and of its files, by the seed, eight of ten are to learn from.

    Args:
        source: `BY_RULE`, or a folder of ``.mid`` and ``.midi`` files, searched recursively, hidden ones left out.
        per_style: bars by rule that each style has to learn from and to test with, at least 2.
        seed: another number, other bars by rule, and another split of a folder without ``info.csv``.
        groove_styles: the styles to keep of the Groove MIDI Dataset, with its primary styles that are each of them.
        progress: show a bar while reading, if the terminal can.

    Returns:
        The grooves, with bars on every side.

    Raises:
        UserError: there is no such folder, or too little in it.
        ValueError: there are too few bars a style.
    """
    if source == BY_RULE:
        return _by_rule(per_style, seed)
    folder = _existing_folder(source)
    found = _in_index(folder, groove_styles) if (folder / INDEX).is_file() else _in_folders(folder)
    label = source if isinstance(source, str) else str(source.absolute())  # Path("styles") is not by rule
    return _read(label, folder, found, seed, progress)


def log_probability(hits: np.ndarray, styles: np.ndarray | None = None) -> np.ndarray:
    """Return the exact log-probability of bars under the rules of `STYLES`, in nats, −∞ for what they never make.

    Args:
        hits: [n, 16, 9], 0 or 1.
        styles: [n], numbers of `STYLES`; then it is the probability given the style.

    Returns:
        float64 [n]
    """
    return bundled_rules().log_probability(hits, styles)


def entropy_bound(samples: int = 5_000, seed: int = 0) -> EntropyBound:
    """Return the least mean of −log p that a model of bars by rule can have, in nats; see `Rules.entropy_bound`."""
    return bundled_rules().entropy_bound(samples, seed)


def _by_rule(per_style: int, seed: int) -> Grooves:
    if per_style < 2:  # noqa: PLR2004 - one to learn from, one to test with
        raise ValueError(f"{per_style} bars a style are too few: there are some to learn from and some to test with")
    rules = bundled_rules()
    tested = max(1, round(per_style * _TEST_SHARE))
    counts = (per_style - tested, tested, tested)
    made = [
        Bars.join([rules.sample(style, count, [seed, side]) for style in range(len(STYLES))])
        for side, count in enumerate(counts)
    ]
    train, validation, test = (bars[bars.struck] for bars in made)
    return Grooves(
        source=BY_RULE,
        styles=STYLES,
        train=train,
        validation=validation,
        test=test,
        skipped=(),
        left_out={},
        unmapped={},
        empty=sum(int((~bars.struck).sum()) for bars in made),
        seed=seed,
        fingerprint=_fingerprint(STYLES, [train, validation, test]),
    )


def _fingerprint(styles: Sequence[str], sides: Iterable[Bars]) -> str:
    digest = hashlib.sha256(json.dumps(list(styles)).encode())
    for bars in sides:
        for array, kind in ((bars.hits, "?"), (bars.velocities, "<f4"), (bars.offsets, "<f4"), (bars.tempos, "<f4")):
            digest.update(array.astype(kind).tobytes())
        digest.update(json.dumps([bars.styles.tolist(), bars.sources.tolist()]).encode())
    return digest.hexdigest()


# --- finding files -----------------------------------------------------------------------------------------


class _File(NamedTuple):
    """A file of a folder: its path there, its style, and its side where that is settled."""

    name: str
    style: str
    side: str = ""


class _Found(NamedTuple):
    """The files of a folder to read, those that are not read, and files of other styles counted."""

    styles: tuple[str, ...]
    files: list[_File]
    skipped: list[Skipped]
    left_out: Counter[str]


def _existing_folder(source: str | Path) -> Path:
    if not str(source):
        raise UserError(f"--grooves is empty: give a folder of drum MIDI, or {BY_RULE} for grooves by rule")
    path = Path(source)
    try:
        path = path.expanduser()
        if path.is_dir():
            with os.scandir(path):  # os.walk would pass over a folder that may not be read
                return path
        problem = "is not a folder" if path.exists() else "does not exist"
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}; check its permissions") from error
    except RuntimeError as error:  # ~name, and nobody is called so
        raise UserError(f"{path} does not exist: the home of that user is not known") from error
    raise UserError(f"{path} {problem}: give a folder of drum MIDI, or {BY_RULE} for grooves by rule")


def _in_index(folder: Path, groove_styles: Mapping[str, Sequence[str]]) -> _Found:
    """Find the files of the Groove MIDI Dataset by its table."""
    ours = {theirs: style for style, primaries in groove_styles.items() for theirs in primaries}
    found = _Found(tuple(groove_styles), [], [], Counter())
    for row in _rows(folder / INDEX):
        name, style, side, meter = (row[column] or "" for column in _COLUMNS)
        primary = style.split("/")[0]
        if primary not in ours:
            found.left_out[primary] += 1
        elif meter != "4-4":
            found.skipped.append(Skipped(name, f"its metre is {meter.replace('-', '/')}, not 4/4"))
        elif side not in SIDES:
            found.skipped.append(
                Skipped(name, f"{INDEX} gives it the split {side!r}, which is none of {', '.join(SIDES)}")
            )
        else:
            found.files.append(_File(name, ours[primary], side))
    return found


def _rows(index: Path) -> list[dict[str, str]]:
    try:
        with index.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            missing = [column for column in _COLUMNS if column not in (reader.fieldnames or ())]
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"cannot read {index}: {error}; put the Groove MIDI Dataset's table there, or none") from error
    if missing:
        raise UserError(
            f"{index} has no column {', '.join(missing)}: put the Groove MIDI Dataset's table there, or none"
        )
    return rows


def _in_folders(folder: Path) -> _Found:
    """Find files by sub-folder; files outside of any are a style called as the folder, if there are no others."""
    names = []
    for parent, subfolders, files in os.walk(folder):
        # Hidden ones are left out: macOS writes a double called ._name beside a file.
        subfolders[:] = [name for name in subfolders if not name.startswith(".")]
        paths = [Path(parent) / name for name in files if not name.startswith(".")]
        names += [path.relative_to(folder) for path in paths if path.suffix.lower() in FORMATS and path.is_file()]
    if not names:
        raise UserError(f"no drums in {folder}: it has no file of {', '.join(FORMATS)}")
    outside = [name for name in names if len(name.parts) == 1]
    inside = [name for name in names if len(name.parts) > 1]
    skipped = []
    if inside:
        found = [_File(name.as_posix(), name.parts[0]) for name in sorted(inside)]
        skipped = [Skipped(name.as_posix(), "it is in no sub-folder, so it has no style") for name in sorted(outside)]
    else:
        found = [_File(name.as_posix(), folder.resolve().name) for name in sorted(outside)]
    return _Found(tuple(sorted({file.style for file in found})), found, skipped, Counter())


# --- reading files -----------------------------------------------------------------------------------------


def _read(source: str, folder: Path, found: _Found, seed: int, progress: bool) -> Grooves:
    """Read the files found, settle their sides, and put their bars together."""
    skipped, unmapped, empty = list(found.skipped), Counter[int](), 0
    read: list[tuple[_File, Bars]] = []
    seen: dict[bytes, str] = {}
    parsed = parse_files(folder, [file.name for file in found.files], progress=progress)
    for file in found.files:
        beat = parsed[file.name]
        if isinstance(beat, str):
            skipped.append(Skipped(file.name, beat))
            continue
        bars = beat.bars[beat.bars.struck]
        digest = hashlib.sha256(
            b"".join(array.tobytes() for array in (bars.hits, bars.velocities, bars.offsets))
        ).digest()
        if not file.side and digest in seen:  # on two sides it would be learnt and then tested
            skipped.append(Skipped(file.name, f"has the same bars as {seen[digest]}"))
            continue
        seen[digest] = file.name
        unmapped += beat.unmapped
        empty += len(beat.bars) - len(bars)
        read.append((file, bars))
    if not read:
        raise UserError(printable(_nothing_usable(source, found, skipped)))
    styles = tuple(style for style in found.styles if any(file.style == style for file, _ in read))
    settled = _settled([file for file, _ in read], seed)
    sides = [_side(side, read, settled, styles) for side in SIDES]
    for side, bars in zip(SIDES, sides, strict=True):
        if not len(bars):
            raise UserError(f"{source} has no bars for {side}: give at least three files of a style, or a full {INDEX}")
    train, validation, test = sides
    return Grooves(
        source=source,
        styles=styles,
        train=train,
        validation=validation,
        test=test,
        skipped=tuple(skipped),
        left_out=dict(found.left_out),
        unmapped=dict(unmapped),
        empty=empty,
        seed=seed,
        fingerprint=_fingerprint(styles, sides),
    )


def _nothing_usable(source: str, found: _Found, skipped: Sequence[Skipped]) -> str:
    reasons = []
    if skipped:
        reasons.append(f"{len(skipped):,} skipped, first {skipped[0].name}: {skipped[0].reason}")
    if found.left_out:
        reasons.append(f"files of other styles: {_counted(found.left_out)}")
    return f"no usable drums in {source} ({'; '.join(reasons)}): give drum MIDI in 4/4, a sub-folder for each style"


def _settled(files: Sequence[_File], seed: int) -> dict[str, str]:
    """Return the side of each file; of a style's files that have none, at least one goes to learning, then to test."""
    waiting: dict[str, list[str]] = defaultdict(list)
    for file in files:
        if not file.side:
            waiting[file.style].append(file.name)
    sides = {file.name: file.side for file in files}
    for names in waiting.values():
        # the order of a hash, unlike that of a random generator, is the same in every version of every library
        names.sort(key=lambda name: hashlib.sha256(f"{seed} {name}".encode("utf-8", "surrogateescape")).digest())
        sides.update(zip(names, _turns(len(names)), strict=True))
    return sides


def _turns(count: int) -> Iterator[str]:
    """Give the sides of so many files of a style."""
    share = max(1, round(count * _FILE_SHARE))
    tested = share if count > 1 else 0
    validated = share if count > 2 else 0  # noqa: PLR2004 - the first is to learn from, the second to test with
    yield from ["test"] * tested
    yield from ["validation"] * validated
    yield from ["train"] * (count - tested - validated)


def _side(side: str, read: Sequence[tuple[_File, Bars]], settled: Mapping[str, str], styles: Sequence[str]) -> Bars:
    parts = []
    for file, bars in read:
        if settled[file.name] == side:
            numbers = np.full(len(bars), styles.index(file.style))
            parts.append(Bars(bars.hits, bars.velocities, bars.offsets, bars.tempos, numbers, bars.sources))
    return Bars.join(parts)
