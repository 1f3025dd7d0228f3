"""Where grooves come from: rules with named templates, the Groove MIDI Dataset, or any folder of drum MIDI."""

from __future__ import annotations

import csv
import hashlib
import json
from collections import Counter
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from drumvae.config import BY_RULE
from drumvae.data.kit import Bars
from drumvae.data.midi_grooves import note_name, read_files
from drumvae.data.rules import STYLES, bundled_rules
from manymodes.cli import UserError
from manymodes.files import Skipped, in_columns, printable, readable_folder, skipped_lines, visible_files

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

FORMATS = (".mid", ".midi")
INDEX = "info.csv"

GROOVE_STYLES: Mapping[str, tuple[str, ...]] = {
    "rock": ("rock",),
    "jazz": ("jazz",),
    "hiphop": ("hiphop",),
    "latin": ("latin", "afrocuban"),
}
"""Our styles, and the primary styles of the Groove MIDI Dataset that belong to each.

It has no electronic music; most of its other styles are between two of these, or have few files.
"""

SPLITS = ("train", "validation", "test")
_TEST_SHARE = 0.2  # of bars by rule
_FILE_SHARE = 0.1  # of a style's files, for validation and for test each
_COLUMNS = ("midi_filename", "style", "split", "time_signature")
_SKIPPED_SHOWN = 40


@dataclass(frozen=True, eq=False)
class Grooves:
    """The result of `load_grooves`: bars with a hit, in three splits.

    Attributes:
        source: `BY_RULE` or the folder.
        seed: of the rules, or of the split.
        left_out: number of files of each other style; ``empty``: number of bars without a hit.
        unmapped: how often each MIDI note occurs that is none of the nine instruments.
    """

    source: str
    styles: tuple[str, ...]
    train: Bars
    validation: Bars
    test: Bars
    seed: int = 0
    skipped: Sequence[Skipped] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)
    unmapped: Mapping[int, int] = field(default_factory=dict)
    empty: int = 0

    @property
    def by_rule(self) -> bool:
        """Whether the bars were made by rule, so that their probability is known."""
        return self.source == BY_RULE

    @property
    def name(self) -> str:
        """The source in words."""
        return "the set of grooves by rule" if self.by_rule else self.source

    @cached_property
    def fingerprint(self) -> str:
        """Sha256 of the bars and the names of their styles, in hex."""
        digest = hashlib.sha256(json.dumps(self.styles).encode())
        for bars in (self.train, self.validation, self.test):
            digest.update(bars.hits.tobytes())
            for array in (bars.velocities, bars.offsets, bars.tempos):
                digest.update(array.astype("<f4").tobytes())
            digest.update(json.dumps([bars.styles.tolist(), bars.sources.tolist()]).encode())
        return digest.hexdigest()

    def table(self) -> str:
        """Describe the bars and the skipped files, for the terminal."""

        def row(name: str, splits: Sequence[Bars]) -> tuple[str, ...]:
            bars = Bars.join([*splits])
            counts = [*map(len, splits), len(np.unique(bars.sources))]
            return (name, *(f"{count:,}" for count in counts), f"{bars.hits.mean():.3f}")

        splits = (self.train, self.validation, self.test)
        rows = [
            ("style", "training", "validation", "test", "templates" if self.by_rule else "files", "density"),
            *(row(style, [bars[bars.styles == number] for bars in splits]) for number, style in enumerate(self.styles)),
            row("all", splits),
        ]
        lines = [f"grooves of {self.source}, seed {self.seed}, fingerprint {self.fingerprint[:12]}", *in_columns(rows)]
        if self.empty:
            lines.append(f"bars without a hit, left out: {self.empty:,}")
        if self.left_out:
            lines.append(f"files of other styles, left out: {_counted(self.left_out)}")
        if self.unmapped:
            named = {note_name(note): count for note, count in self.unmapped.items()}
            lines.append(f"hits of none of the nine instruments: {_counted(named)}")
        return printable("\n".join([*lines, *skipped_lines(self.skipped, _SKIPPED_SHOWN)]))


def _counted(counts: Mapping[str, int]) -> str:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{name} {count:,}" for name, count in ordered)


def load_grooves(
    source: str | Path = BY_RULE, *, per_style: int = 200, seed: int = 0, progress: bool = True
) -> Grooves:
    """Make or read grooves, with bars in every split.

    By rule, four of five bars of a style are for training and one for testing; as many more are for validation. A
    folder with the Groove MIDI Dataset's ``info.csv`` keeps its split. In any other folder a sub-folder is a style, and
    eight of ten of its files, chosen by the seed, are for training.

    Args:
        source: `BY_RULE`, or a folder of ``.mid`` and ``.midi`` files, searched recursively without hidden ones.
        per_style: bars by rule of each style for training and testing, at least 2.
        seed: of the bars by rule, and of the split of a folder without ``info.csv``.
        progress: show a progress bar while reading, in a terminal.

    Raises:
        UserError: there is no such folder, or too little in it.
    """
    if source == BY_RULE:
        return _by_rule(per_style, seed)
    folder = readable_folder(source, "--grooves", f"give a folder of drum MIDI, or {BY_RULE} for grooves by rule")
    listing = _in_index(folder) if (folder / INDEX).is_file() else _in_folders(folder)
    label = source if isinstance(source, str) else str(source.absolute())  # Path("styles") is not by rule
    return _read(label, folder, listing, seed, progress)


def _by_rule(per_style: int, seed: int) -> Grooves:
    rules, styles = bundled_rules(), range(len(STYLES))
    tested = max(1, round(per_style * _TEST_SHARE))
    made = [
        Bars.join([rules.sample(style, count, [seed, split]) for style in styles])
        for split, count in enumerate((per_style - tested, tested, tested))
    ]
    train, validation, test = (bars[bars.struck] for bars in made)
    empty = sum(int((~bars.struck).sum()) for bars in made)
    return Grooves(BY_RULE, STYLES, train, validation, test, seed, empty=empty)


class _File(NamedTuple):
    """A file of a folder: its path there, its style, and its split where ``info.csv`` has one."""

    name: str
    style: str
    split: str = ""


class _Listing(NamedTuple):
    """The files of a folder to read, those that are not read, and files of other styles counted."""

    styles: tuple[str, ...]
    files: list[_File]
    skipped: list[Skipped]
    left_out: Counter[str]


def _in_index(folder: Path) -> _Listing:
    """Find the files of the Groove MIDI Dataset by its table."""
    ours = {theirs: style for style, primaries in GROOVE_STYLES.items() for theirs in primaries}
    listing = _Listing(tuple(GROOVE_STYLES), [], [], Counter())
    for row in _rows(folder / INDEX):
        name, style, split, meter = (row[column] or "" for column in _COLUMNS)
        primary = style.split("/")[0]
        if primary not in ours:
            listing.left_out[primary] += 1
        elif meter != "4-4":
            listing.skipped.append(Skipped(name, f"its metre is {meter.replace('-', '/')}, not 4/4"))
        elif split not in SPLITS:
            reason = f"{INDEX} gives it the split {split!r}, which is none of {', '.join(SPLITS)}"
            listing.skipped.append(Skipped(name, reason))
        else:
            listing.files.append(_File(name, ours[primary], split))
    return listing


def _rows(index: Path) -> list[dict[str, str]]:
    advice = "put the Groove MIDI Dataset's table there, or none"
    try:
        with index.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            missing = [column for column in _COLUMNS if column not in (reader.fieldnames or ())]
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"cannot read {index}: {error}; {advice}") from error
    if missing:
        raise UserError(f"{index} has no column {', '.join(missing)}: {advice}")
    return rows


def _in_folders(folder: Path) -> _Listing:
    """Find files by sub-folder; without sub-folders, the folder itself is the style of its files."""
    names = visible_files(folder, FORMATS)
    if not names:
        raise UserError(f"no drums in {folder}: it has no file of {', '.join(FORMATS)}")
    inside = [_File(name.as_posix(), name.parts[0]) for name in names if len(name.parts) > 1]
    outside = [name.as_posix() for name in names if len(name.parts) == 1]
    skipped = [Skipped(name, "it is in no sub-folder, so it has no style") for name in outside] if inside else []
    used = inside or [_File(name, folder.resolve().name) for name in outside]
    return _Listing(tuple(sorted({file.style for file in used})), used, skipped, Counter())


def _read(source: str, folder: Path, listing: _Listing, seed: int, progress: bool) -> Grooves:
    """Read the files of a listing and put their bars into splits."""
    skipped, unmapped, empty = list(listing.skipped), Counter[int](), 0
    read: list[tuple[_File, Bars]] = []
    seen: dict[bytes, str] = {}
    requests = [(str(folder / file.name), file.name) for file in listing.files]
    for file, beat in zip(listing.files, read_files(requests, progress=progress), strict=True):
        if isinstance(beat, str):
            skipped.append(Skipped(file.name, beat))
            continue
        bars = beat.bars[beat.bars.struck]
        digest = hashlib.sha256(bars.hits.tobytes() + bars.velocities.tobytes() + bars.offsets.tobytes()).digest()
        if not file.split and digest in seen:  # in two splits it would be learned and then tested
            skipped.append(Skipped(file.name, f"has the same bars as {seen[digest]}"))
            continue
        seen[digest] = file.name
        unmapped += beat.unmapped
        empty += len(beat.bars) - len(bars)
        read.append((file, bars))
    if not read:
        raise UserError(printable(_nothing_usable(source, listing, skipped)))
    styles = tuple(style for style in listing.styles if any(file.style == style for file, _ in read))
    split_of = _splits([file for file, _ in read], seed)
    parts: dict[str, list[Bars]] = {split: [] for split in SPLITS}
    for file, bars in read:
        parts[split_of[file.name]].append(replace(bars, styles=np.full(len(bars), styles.index(file.style))))
    if lacking := [split for split in SPLITS if not parts[split]]:
        advice = f"give at least three files of a style, or a full {INDEX}"
        raise UserError(f"{source} has no bars for {lacking[0]}: {advice}")
    train, validation, test = map(Bars.join, parts.values())
    return Grooves(source, styles, train, validation, test, seed, skipped, listing.left_out, unmapped, empty)


def _nothing_usable(source: str, listing: _Listing, skipped: Sequence[Skipped]) -> str:
    reasons = []
    if skipped:
        reasons.append(f"{len(skipped):,} skipped, first {skipped[0].name}: {skipped[0].reason}")
    if listing.left_out:
        reasons.append(f"files of other styles: {_counted(listing.left_out)}")
    return f"no usable drums in {source} ({'; '.join(reasons)}): give drum MIDI in 4/4, a sub-folder for each style"


def _splits(files: Iterable[_File], seed: int) -> dict[str, str]:
    """Return the split of each file; of a style's files without one, the first is for training, the second for test."""
    splits, waiting = {}, dict[str, list[str]]()
    for file in files:
        splits[file.name] = file.split
        if not file.split:
            waiting.setdefault(file.style, []).append(file.name)
    for names in waiting.values():
        # the order of a hash, unlike that of a random generator, is the same in every version of every library
        names.sort(key=lambda name: hashlib.sha256(f"{seed} {name}".encode("utf-8", "surrogateescape")).digest())
        share, count = max(1, round(len(names) * _FILE_SHARE)), len(names)
        held_out = ["test"] * share * (count > 1) + ["validation"] * share * (count > 2)  # noqa: PLR2004
        splits |= dict(zip(names, held_out + ["train"] * (count - len(held_out)), strict=True))
    return splits
