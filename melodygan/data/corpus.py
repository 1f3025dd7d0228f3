"""Corpora of tunes: the bundled Essen books, or any folder of kern, ABC, MIDI and MusicXML files.

`load_corpus` reads a source, keeps the tunes whose durations are all accepted (`encoding.DURATIONS_QUARTERS`),
transposes them to C major or A minor and removes repetitions; `split` divides them into training, validation and test
tunes. `load_split` does both, and adds tunes of other sources to learn from.

Parsing (`melodygan.data.readers`) takes twelve milliseconds per tune, so it runs on all cores, and its results are
kept in the user's cache directory under the hash of the files' content.
"""

from __future__ import annotations

import difflib
import gzip
import hashlib
import importlib.metadata
import itertools
import json
import os
import zlib
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from manymodes.cli import UserError
from manymodes.files import Skipped, cache_file, write_cache
from manymodes.watched import Death, each
from melodygan.data.encoding import Note, Tune, pitches_in
from melodygan.data.events import UnreadableError
from melodygan.data.readers import FORMATS, PARSER_VERSION, Piece, Record, one_line, pieces_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_NEAR_DUPLICATE_INTERVALS = 20
_QUOTED_INTERVALS = 12  # of a held-out tune, in a row: a tune of another source that has them may be a variant of it
_HELD_OUT = 0.1  # share of validation and of test tunes

# Of a book, only the tunes whose collection number begins with this: erk5 has tunes of other peoples, numbered L….
_BOOK_NUMBERS = {"erk": "E"}


@dataclass(frozen=True)
class Corpus:
    """The tunes of a source, a book or path; each once, transposed, in the order of the files.

    Attributes:
        loaded: number of tunes that could be read.
        filtered: the tunes left out because of a duration, or a bar that does not fit its metre.
        duplicates: number of tunes that equal an earlier one after transposition.
        skipped: files and tunes that could not be read.
        fingerprint: sha256 of the tunes, in hex; the place of the files does not matter.
    """

    source: str
    tunes: tuple[Tune, ...]
    loaded: int
    filtered: tuple[Skipped, ...]
    duplicates: int
    skipped: tuple[Skipped, ...]
    fingerprint: str

    def table(self, limit: int = 40) -> str:
        """Return a table of the tunes that were loaded, removed and skipped; the first ``limit`` of these are named."""
        rows = [
            ("tunes read", self.loaded, ""),
            ("  removed: unusable", len(self.filtered), _most_common(self.filtered)),
            ("  removed: repetitions", self.duplicates, "equal to an earlier tune after transposition"),
            ("  kept", len(self.tunes), f"{sum(len(tune.notes) for tune in self.tunes)} notes and rests"),
            ("skipped", len(self.skipped), "could not be read" if self.skipped else ""),
        ]
        width = max(len(label) for label, _, _ in rows)
        lines = [f"corpus {self.source}, fingerprint {self.fingerprint[:12]}"]
        lines += [f"{label:<{width}}  {count:>7}  {remark}".rstrip() for label, count, remark in rows]
        lines += [f"    {name}: {reason}" for name, reason in self.skipped[:limit]]
        if len(self.skipped) > limit:
            rest = self.skipped[limit:]
            lines.append(f"    and {len(rest)} more: {_most_common(rest)}")
        return "\n".join(lines)


class Split(NamedTuple):
    """The tunes of a corpus in three parts, and tunes of other sources that are only learned from."""

    train: tuple[Tune, ...]
    validation: tuple[Tune, ...]
    test: tuple[Tune, ...]
    others: tuple[Tune, ...] = ()


def _most_common(items: Iterable[Skipped], limit: int = 3) -> str:
    counted = Counter(sorted(item.reason for item in items))
    named = [f"{reason} ({count})" for reason, count in counted.most_common(limit)]
    return ", ".join(named + ["…"] * (len(counted) > limit))


def load_corpus(source: str | Path = "erk", *, jobs: int = -1, progress: bool = True) -> Corpus:
    """Read, filter, transpose and deduplicate tunes.

    Args:
        source: the name of a bundled book ("erk" is erk10.abc, erk20.abc … together), or a file or folder of `FORMATS`,
            searched recursively without hidden files. The book is meant even where a folder of its name exists: write
            ``./erk`` for the folder.
        jobs: processes that parse; −1 for one per core. An active joblib backend is used.
        progress: show a bar while parsing, on a terminal.

    Raises:
        UserError: the source does not exist, cannot be read, or has no usable tune.
    """
    found = _find(source)
    versions = [PARSER_VERSION, importlib.metadata.version("symusic"), found.numbers]
    cache = cache_file("tunes", [*versions, _hash_files(found.paths)], ".json.gz")
    cached = _read_cache(cache)
    records = cached or _parse(found, jobs, progress)
    tunes: dict[tuple[Note, ...], Tune] = {}
    for record in records:
        if record.tune is not None:
            tunes.setdefault(record.tune.notes, record.tune)
    read = sum(record.tune is not None for record in records)
    content = [[tune.notes, tune.name, tune.key, tune.meter, tune.pickup_steps] for tune in tunes.values()]
    filtered = tuple(Skipped(record.name, record.filtered) for record in records if record.filtered)
    corpus = Corpus(
        source=found.label,
        tunes=tuple(tunes.values()),
        loaded=read + len(filtered),
        filtered=filtered,
        duplicates=read - len(tunes),
        skipped=tuple(Skipped(record.name, record.skipped) for record in records if record.skipped),
        fingerprint=hashlib.sha256(json.dumps(content, separators=(",", ":")).encode()).hexdigest(),
    )
    if not corpus.tunes:
        raise UserError(_nothing_usable(corpus))
    if cached is None:
        items = [(name, tune and [*vars(tune).values()], *reasons) for name, tune, *reasons in records]
        data = gzip.compress(json.dumps(items).encode(), mtime=0)
        write_cache(cache, "the parsed corpus", lambda path: path.write_bytes(data))
    return corpus


def load_split(source: str, also: str | None = None, *, seed: int) -> tuple[Corpus, Split]:
    """Load and `split` a corpus; ``also`` names further sources, separated by commas, to learn from.

    Of these, the tunes that may be variants of validation or test tunes are left out: those with the same first twenty
    intervals, or with twelve intervals in a row that a held-out tune has. The fingerprint is that of all sources.

    Raises:
        UserError: as `load_corpus`.
    """
    corpus = load_corpus(source)
    parts = split(corpus.tunes, seed)
    if not also:
        return corpus, parts
    loaded = [load_corpus(name.strip()) for name in also.split(",")]
    tunes = {tune.notes: tune for other in loaded for tune in other.tunes}
    known = {tune.notes for tune in corpus.tunes}
    held_out = [*parts.validation, *parts.test]
    keys = {near_duplicate_key(tune) for tune in held_out}
    quotations = set(itertools.chain.from_iterable(map(_quotations, held_out)))
    others = tuple(
        tune
        for notes, tune in tunes.items()
        if not (notes in known or near_duplicate_key(tune) in keys or quotations & _quotations(tune))
    )
    prints = " ".join(one.fingerprint for one in [corpus, *loaded])
    return replace(corpus, fingerprint=hashlib.sha256(prints.encode()).hexdigest()), parts._replace(others=others)


def _quotations(tune: Tune) -> set[tuple[int, ...]]:
    """Return all twelve intervals in a row of a tune."""
    intervals = _intervals(tune)
    return {intervals[n : n + _QUOTED_INTERVALS] for n in range(len(intervals) - _QUOTED_INTERVALS + 1)}


def _nothing_usable(corpus: Corpus) -> str:
    reasons = []
    if corpus.filtered:
        causes = _most_common(corpus.filtered)
        reasons.append(f"{len(corpus.filtered)} with durations or bars outside the accepted ones: {causes}")
    if corpus.skipped:
        first = corpus.skipped[0]
        reasons.append(f"{len(corpus.skipped)} skipped, first {first.name}: {first.reason}")
    return f"no usable tune in {corpus.source} ({'; '.join(reasons)}): give a book or a folder of melodies"


class _Found(NamedTuple):
    """The files of a source by their names relative to it, which do not change when it is moved."""

    label: str
    paths: Mapping[str, Path]
    numbers: str = ""


def _books() -> dict[str, dict[str, Path]]:
    books: dict[str, dict[str, Path]] = defaultdict(dict)
    for path in sorted((music21_corpus() / "essenFolksong").glob("*.abc")):
        books[path.stem.rstrip("0123456789")][path.name] = path
    return books


def music21_corpus() -> Path:
    """Return the folder of the scores that music21 brings; importing it would take longer than a cached load."""
    return Path(str(importlib.metadata.distribution("music21").locate_file("music21/corpus")))


def _find(source: str | Path) -> _Found:
    if source == "":
        raise UserError("the corpus has no name: give a bundled book such as erk, a file or a folder")
    if isinstance(source, str) and source in (books := _books()):
        return _Found(source, books[source], _BOOK_NUMBERS.get(source, ""))
    path = Path(source)
    try:
        path = path.expanduser()
        if path.is_dir():
            return _Found(str(path), _files_in(path))
        if path.exists():
            if path.suffix.lower() not in FORMATS or not path.is_file():
                raise UserError(f"{path} is not a file of tunes: give one of {', '.join(FORMATS)}, or a folder of them")
            return _Found(str(path), {path.name: path})
    except OSError as error:
        raise UserError(f"cannot read {path}: {one_line(error)}; check its permissions") from None
    except RuntimeError:  # ~name of an unknown user
        raise UserError(f"no such file or folder: {path}; its home folder is not known") from None
    raise UserError(_no_such_source(source))


def _files_in(folder: Path) -> dict[str, Path]:
    """Return the files of tunes in a folder, without hidden ones: macOS writes ``._name`` doubles."""
    with os.scandir(folder):  # raises where os.walk would skip a folder without permission
        pass
    paths = {}
    for parent, subfolders, names in os.walk(folder):
        subfolders[:] = [name for name in subfolders if not name.startswith(".")]
        for path in (Path(parent, name) for name in names if not name.startswith(".")):
            if path.suffix.lower() in FORMATS and not path.is_fifo():  # reading it would wait
                paths[path.relative_to(folder).as_posix()] = path
    if not paths:
        raise UserError(f"no tunes in {folder}: it has no file of {', '.join(FORMATS)}")
    return dict(sorted(paths.items()))


def _no_such_source(source: str | Path) -> str:
    text = str(source)
    if isinstance(source, Path) or os.sep in text or Path(text).suffix:
        return f"no such file or folder: {text}; check the path, or name a bundled book such as erk"
    books = sorted(_books())
    near = difflib.get_close_matches(text.lower(), books, n=3)
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    return f"no bundled book and no path is called {text!r}: {hint}books are {', '.join(books)}"


def _hash_files(paths: Mapping[str, Path]) -> dict[str, str]:
    """Return the hash of each file's content, or the error where it cannot be read.

    Raises:
        UserError: no file can be read.
    """
    hashes, errors = {}, []
    for name, path in paths.items():
        try:
            hashes[name] = hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError as error:
            hashes[name] = str(error)
            errors.append(f"cannot read {path}: {one_line(error)}; check its permissions")
    if len(errors) == len(paths):
        raise UserError(errors[0])
    return hashes


def _parse(found: _Found, jobs: int, progress: bool) -> list[Record]:
    from tqdm import tqdm

    records: list[Record | Piece] = []
    for name, path in found.paths.items():
        try:
            records += pieces_of(path, name, found.numbers)
        except (OSError, UnreadableError) as error:
            records.append(Record(name, skipped=one_line(error)))
    pieces = [record for record in records if isinstance(record, Piece)]
    results = each("melodygan.data.readers:read_piece", pieces, jobs=jobs)
    # disable=None: no bar where the output is not a terminal
    bar = tqdm(results, "parsing", len(pieces), unit="tune", leave=False, disable=None if progress else True)
    answers = zip(pieces, bar, strict=True)
    parsed = (Record(piece.name, skipped=a) if isinstance(a, Death) else a for piece, a in answers)
    return [next(parsed) if isinstance(record, Piece) else record for record in records]


def _read_cache(path: Path) -> list[Record] | None:
    """Read parsed tunes; None if there are none, or if the file is damaged."""
    try:
        records = []
        for name, tune, *reasons in json.loads(gzip.decompress(path.read_bytes())):
            notes, *about = tune or [()]
            records.append(Record(name, tune and Tune(tuple(itertools.starmap(Note, notes)), *about), *reasons))
    except (OSError, EOFError, zlib.error, ValueError, TypeError):
        return None
    return records


def near_duplicate_key(tune: Tune) -> tuple[int, ...]:
    """Return the first 20 intervals of a tune in semitones, without rests; tunes with the same ones count as variants.

    A tune with fewer intervals is a variant only of tunes that end there too.
    """
    return _intervals(tune)[:_NEAR_DUPLICATE_INTERVALS]


def _intervals(tune: Tune) -> tuple[int, ...]:
    return tuple(second - first for first, second in itertools.pairwise(pitches_in(tune.notes)))


def split(tunes: Sequence[Tune], seed: int) -> Split:
    """Divide tunes at random into training (80 %), validation and test tunes (10 % each); variants stay together.

    The part of a tune depends on the seed and on which tunes there are, not on their order; within a part they keep
    their order. Sizes are as near as whole groups of variants allow; with three groups or more, every part has a tune.
    """
    groups: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for position, tune in enumerate(tunes):
        groups[near_duplicate_key(tune)].append(position)
    # the order of a hash, unlike that of a random generator, is the same in every version of every library
    shuffled = sorted(groups, key=lambda key: hashlib.sha256(f"{seed} {key}".encode()).digest())
    waiting = [groups[key] for key in shuffled]
    size = round(_HELD_OUT * len(tunes))
    test, waiting = _take(waiting, size, leave=2)
    validation, waiting = _take(waiting, size, leave=1)
    train = list(itertools.chain.from_iterable(waiting))
    return Split(*(tuple(tunes[position] for position in sorted(part)) for part in (train, validation, test)))


def _take(groups: list[list[int]], size: int, leave: int) -> tuple[list[int], list[list[int]]]:
    """Take whole groups of up to ``size`` tunes, one at least, and leave at least ``leave`` groups."""
    taken: list[int] = []
    left: list[list[int]] = []
    for position, group in enumerate(groups):
        enough_left = len(left) + len(groups) - position - 1 >= leave
        if enough_left and (not taken or len(taken) + len(group) <= size):
            taken += group
        else:
            left.append(group)
    return taken, left
