"""Where tunes come from: the bundled Essen books, or any folder of kern, ABC, MIDI and MusicXML files.

`load_corpus` reads a source, keeps the tunes whose every duration is accepted
(`encoding.DURATIONS_QUARTERS`), transposes them to C major or A minor and removes repetitions; `split` parts
them into training, validation and test tunes.

Parsing (`melodygan.data.readers`) takes twelve milliseconds a tune, so it is done on all cores, and what it found is
kept in the user's cache directory under the hash of the files' content.
"""

from __future__ import annotations

import difflib
import gzip
import hashlib
import importlib.metadata
import importlib.util
import itertools
import json
import math
import os
import sys
import tempfile
import zlib
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from manymodes.cli import UserError
from manymodes.files import Skipped, cache_folder
from melodygan.data.encoding import Note, Tune
from melodygan.data.readers import FORMATS, PARSER_VERSION, Piece, Record, one_line, pieces_of, read_piece

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = [
    "Corpus",
    "Split",
    "book_names",
    "load_corpus",
    "near_duplicate_key",
    "split",
]

NEAR_DUPLICATE_INTERVALS = 20

# Of a book, only the tunes whose collection number begins so: erk5 holds other peoples' tunes, numbered L….
_BOOK_NUMBERS = {"erk": "E"}

# Starting worker processes takes longer than parsing so few tunes.
_FEW_PIECES = 40


@dataclass(frozen=True)
class Corpus:
    """What `load_corpus` found.

    Attributes:
        source: the book or path asked for.
        tunes: the tunes, transposed, each once, in the order of the files.
        loaded: how many tunes could be read.
        filtered: the tunes left out because of a duration outside the accepted ones.
        duplicates: how many tunes equal an earlier one after transposition.
        skipped: what could not be read.
        fingerprint: sha256 of the tunes, in hex; where the files lie does not matter.
    """

    source: str
    tunes: tuple[Tune, ...]
    loaded: int
    filtered: tuple[Skipped, ...]
    duplicates: int
    skipped: tuple[Skipped, ...]
    fingerprint: str

    def table(self, limit: int = 40) -> str:
        """Return a table of the tunes that were loaded, removed and skipped.

        Args:
            limit: the number of skipped files that are named; the others are counted.
        """
        rows = [
            ("tunes read", self.loaded, ""),
            ("  removed: durations", len(self.filtered), _most_common(self.filtered)),
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
    """The tunes of a corpus in three parts."""

    train: tuple[Tune, ...]
    validation: tuple[Tune, ...]
    test: tuple[Tune, ...]


def _most_common(items: Iterable[Skipped], limit: int = 3) -> str:
    counted = sorted(Counter(item.reason for item in items).items(), key=lambda pair: (-pair[1], pair[0]))
    named = [f"{reason} ({count})" for reason, count in counted[:limit]]
    return ", ".join(named + ["…"] * (len(counted) > limit))


# --- loading -----------------------------------------------------------------------------------------------


def load_corpus(
    source: str | Path = "erk",
    *,
    cache_dir: str | Path | None = None,
    jobs: int = -1,
    progress: bool = True,
) -> Corpus:
    """Read, filter, transpose and deduplicate tunes.

    Args:
        source: the name of a bundled book (`book_names`), or a file or folder of ``.krn``, ``.abc``,
            ``.mid``, ``.midi``, ``.xml``, ``.musicxml`` and ``.mxl``, searched recursively, in any case,
            hidden ones left out. A text that is the name of a book is the book even where a folder of that
            name exists: write ``./erk`` for the folder.
        cache_dir: where parsed tunes are kept; by default `manymodes.files.cache_folder`.
        jobs: processes that parse; −1 for one a core. A joblib backend that is active is used.
        progress: show a bar while parsing, if the terminal can.

    Returns:
        The corpus, with at least one tune.

    Raises:
        UserError: the source does not exist, cannot be read, or has no usable tune.
    """
    found = _find(source)
    contents = _hash_files(found)
    cache = (
        Path(cache_dir if cache_dir is not None else cache_folder()) / f"tunes-{_cache_key(found, contents)}.json.gz"
    )
    cached = _read_cache(cache)
    records = cached if cached is not None else _parse(found, contents, jobs, progress)
    corpus = _assemble(found.label, records)
    if not corpus.tunes:
        raise UserError(_nothing_usable(corpus))
    if cached is None:
        _write_cache(cache, records)
    return corpus


def _assemble(label: str, records: Sequence[Record]) -> Corpus:
    seen: set[tuple[Note, ...]] = set()
    tunes = []
    for record in records:
        if record.tune is not None and record.tune.notes not in seen:
            seen.add(record.tune.notes)
            tunes.append(record.tune)
    read = sum(record.tune is not None for record in records)
    filtered = tuple(Skipped(record.name, record.filtered) for record in records if record.filtered)
    return Corpus(
        source=label,
        tunes=tuple(tunes),
        loaded=read + len(filtered),
        filtered=filtered,
        duplicates=read - len(tunes),
        skipped=tuple(Skipped(record.name, record.skipped) for record in records if record.skipped),
        fingerprint=_fingerprint(tunes),
    )


def _fingerprint(tunes: Iterable[Tune]) -> str:
    content = [[tune.notes, tune.name, tune.key, tune.meter, tune.pickup_steps] for tune in tunes]
    return hashlib.sha256(json.dumps(content, separators=(",", ":")).encode()).hexdigest()


def _nothing_usable(corpus: Corpus) -> str:
    reasons = []
    if corpus.filtered:
        durations = _most_common(corpus.filtered)
        reasons.append(f"{len(corpus.filtered)} with durations outside the accepted ones: {durations}")
    if corpus.skipped:
        first = corpus.skipped[0]
        reasons.append(f"{len(corpus.skipped)} skipped, first {first.name}: {first.reason}")
    return f"no usable tune in {corpus.source} ({'; '.join(reasons)}): give a book or a folder of melodies"


# --- finding files -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Found:
    """The files of a source; `names` are their paths relative to it, which do not change when it is moved."""

    label: str
    paths: tuple[Path, ...]
    names: tuple[str, ...]
    numbers: str = ""


def book_names() -> tuple[str, ...]:
    """Name the bundled Essen books: "erk" for erk10.abc, erk20.abc … together."""
    return tuple(sorted(_books()))


def _books() -> dict[str, list[Path]]:
    books: dict[str, list[Path]] = defaultdict(list)
    # found without importing music21, which takes longer than all the rest of a cached load
    spec = importlib.util.find_spec("music21")
    if spec is not None and spec.origin is not None:
        for path in sorted((Path(spec.origin).parent / "corpus" / "essenFolksong").glob("*.abc")):
            books[path.stem.rstrip("0123456789")].append(path)
    return books


def _find(source: str | Path) -> _Found:
    if isinstance(source, str):
        book = _books().get(source)
        if book:
            return _Found(source, tuple(book), tuple(path.name for path in book), _BOOK_NUMBERS.get(source, ""))
    if source == "":
        raise UserError("the corpus has no name: give a bundled book such as erk, a file or a folder")
    path = Path(source)
    try:
        path = path.expanduser()
        if path.is_dir():
            return _find_in_folder(path)
        if path.exists():
            return _find_file(path)
    except OSError as error:
        raise UserError(f"cannot read {path}: {one_line(error.strerror or error)}; check its permissions") from None
    except RuntimeError:  # ~name, and nobody is called so
        raise UserError(f"no such file or folder: {path}; its home folder is not known") from None
    raise UserError(_no_such_source(source))


def _find_file(path: Path) -> _Found:
    if path.suffix.lower() not in FORMATS or not path.is_file():
        raise UserError(f"{path} is not a file of tunes: give one of {_formats()}, or a folder of them")
    return _Found(str(path), (path,), (path.name,))


def _find_in_folder(folder: Path) -> _Found:
    with os.scandir(folder):  # os.walk would pass over a folder that may not be read
        pass
    paths = [
        Path(parent) / name
        for parent, subfolders, names in os.walk(folder)
        for name in _visible(names, subfolders)
        if Path(name).suffix.lower() in FORMATS and not (Path(parent) / name).is_fifo()  # reading it would wait
    ]
    if not paths:
        raise UserError(f"no tunes in {folder}: it has no file of {_formats()}")
    by_name = sorted((path.relative_to(folder).as_posix(), path) for path in paths)
    return _Found(str(folder), tuple(path for _, path in by_name), tuple(name for name, _ in by_name))


def _visible(names: list[str], subfolders: list[str]) -> list[str]:
    """Leave out hidden files and, in place, hidden folders: macOS writes ``._name`` doubles."""
    subfolders[:] = [name for name in subfolders if not name.startswith(".")]
    return [name for name in names if not name.startswith(".")]


def _no_such_source(source: str | Path) -> str:
    text = str(source)
    if isinstance(source, Path) or os.sep in text or Path(text).suffix:
        return f"no such file or folder: {text}; check the path, or name a bundled book such as erk"
    books = book_names()
    near = difflib.get_close_matches(text.lower(), books, n=3)
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    return f"no bundled book and no path is called {text!r}: {hint}books are {', '.join(books)}"


def _formats() -> str:
    return ", ".join(FORMATS)


# --- parsing -----------------------------------------------------------------------------------------------


def _parse(found: _Found, contents: Sequence[str | OSError], jobs: int, progress: bool) -> list[Record]:
    records: list[Record | None] = []
    pieces = []
    for path, name, content in zip(found.paths, found.names, contents, strict=True):
        if isinstance(content, OSError):
            records.append(Record(name, skipped=one_line(content.strerror or content)))
        else:
            in_file = pieces_of(path, name, found.numbers)
            pieces += in_file
            records += [None] * len(in_file)
    parsed = _parse_pieces(pieces, jobs, progress)
    return [record if record is not None else next(parsed) for record in records]


def _parse_pieces(pieces: Sequence[Piece], jobs: int, progress: bool) -> Iterator[Record]:
    from joblib import Parallel, delayed
    from tqdm import tqdm

    if len(pieces) <= _FEW_PIECES:
        jobs = 1
    work = Parallel(n_jobs=jobs, batch_size=16 if jobs != 1 else 1, return_as="generator")
    results = work(delayed(read_piece)(piece) for piece in pieces)
    # disable=None: no bar where the output is not a terminal
    yield from tqdm(results, "parsing", len(pieces), unit="tune", leave=False, disable=None if progress else True)


# --- cache -------------------------------------------------------------------------------------------------


def _hash_files(found: _Found) -> list[str | OSError]:
    """Hash each file's content; one that cannot be read gives its error instead.

    Raises:
        UserError: there is no file that can be read.
    """
    hashes: list[str | OSError] = []
    for path in found.paths:
        try:
            hashes.append(hashlib.sha256(path.read_bytes()).hexdigest())
        except OSError as error:
            hashes.append(error)
    problems = [content for content in hashes if isinstance(content, OSError)]
    if len(problems) == len(hashes):
        reason = one_line(problems[0].strerror or problems[0])
        raise UserError(f"cannot read {found.paths[0]}: {reason}; check its permissions")
    return hashes


def _cache_key(found: _Found, contents: Sequence[str | OSError]) -> str:
    parts = [
        str(PARSER_VERSION),
        importlib.metadata.version("music21"),
        found.numbers,
        *(f"{name}\0{content}" for name, content in zip(found.names, contents, strict=True)),
    ]
    return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogateescape")).hexdigest()


def _read_cache(path: Path) -> list[Record] | None:
    """Read parsed tunes; None if there are none, or if the file is damaged."""
    try:
        return [_record_from_json(item) for item in json.loads(gzip.decompress(path.read_bytes()))]
    except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError):
        return None


def _write_cache(path: Path, records: Iterable[Record]) -> None:
    """Write parsed tunes in one move, so that no reader meets half a file; say so if that cannot be done."""
    data = gzip.compress(json.dumps([_record_to_json(record) for record in records]).encode(), mtime=0)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            part = Path(folder) / path.name
            part.write_bytes(data)
            part.replace(path)
    except OSError as error:
        print(f"note: the parsed corpus cannot be kept in {path.parent}: {one_line(error)}", file=sys.stderr)


def _record_to_json(record: Record) -> dict[str, Any]:
    if record.tune is None:
        return {"name": record.name, "filtered": record.filtered, "skipped": record.skipped}
    tune = record.tune
    return {
        "name": tune.name,
        "source": tune.source,
        "key": tune.key,
        "meter": tune.meter,
        "pickup_steps": tune.pickup_steps,
        "pitches": [note.pitch for note in tune.notes],
        "steps": [note.steps for note in tune.notes],
    }


def _record_from_json(item: dict[str, Any]) -> Record:
    if "pitches" not in item:
        return Record(item["name"], None, item["filtered"], item["skipped"])
    notes = tuple(map(Note, item["pitches"], item["steps"]))
    tune = Tune(notes, item["name"], item["source"], item["key"], item["meter"], item["pickup_steps"])
    return Record(tune.source, tune)


# --- splitting ---------------------------------------------------------------------------------------------


def near_duplicate_key(tune: Tune) -> tuple[int, ...]:
    """Give the first 20 intervals of a tune in semitones, rests passed over.

    Tunes with the same key are taken for variants of one another. A tune with fewer intervals has all of them
    as its key, so it is a variant only of tunes that end there too.
    """
    pitches = [note.pitch for note in tune.notes if note.pitch is not None][: NEAR_DUPLICATE_INTERVALS + 1]
    return tuple(second - first for first, second in itertools.pairwise(pitches))


def split(tunes: Sequence[Tune], seed: int, fractions: tuple[float, float, float] = (0.8, 0.1, 0.1)) -> Split:
    """Part tunes at random into training, validation and test tunes; variants stay together.

    The side of a tune depends on the seed and on which tunes there are, not on their order; within a side
    they keep their order. Sizes are those of `fractions`, as near as whole groups of variants allow. With
    three groups or more, every side whose fraction is not 0 has a tune.

    Args:
        tunes: what to part.
        seed: another number, another split.
        fractions: of train, validation and test; they add up to 1.

    Raises:
        ValueError: a fraction is negative, or they do not add up to 1.
    """
    if min(fractions) < 0 or not math.isclose(sum(fractions), 1):
        raise ValueError(f"the fractions of a split are not negative and add up to 1, got {fractions}")
    groups: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for position, tune in enumerate(tunes):
        groups[near_duplicate_key(tune)].append(position)
    # the order of a hash, unlike that of a random generator, is the same in every version of every library
    shuffled = sorted(groups, key=lambda key: hashlib.sha256(f"{seed} {key}".encode()).digest())
    waiting = [groups[key] for key in shuffled]
    test, waiting = _take(waiting, round(fractions[2] * len(tunes)), fractions[2] > 0, leave=2)
    validation, waiting = _take(waiting, round(fractions[1] * len(tunes)), fractions[1] > 0, leave=1)
    train = sorted(position for group in waiting for position in group)
    return Split(*(tuple(tunes[position] for position in part) for part in (train, validation, test)))


def _take(groups: list[list[int]], size: int, at_least_one: bool, leave: int) -> tuple[list[int], list[list[int]]]:
    """Take whole groups of up to `size` tunes, and leave at least `leave` groups."""
    taken: list[int] = []
    left: list[list[int]] = []
    for position, group in enumerate(groups):
        enough_left = len(left) + len(groups) - position - 1 >= leave
        fits = len(taken) + len(group) <= size or (at_least_one and not taken)
        if fits and enough_left:
            taken += group
        else:
            left.append(group)
    return sorted(taken), left
