"""Measure how fast the evaluation is, what it detects, and how it reads damaged files.

    python benchmarks/evaluation.py            everything, side by side in one run
    python benchmarks/evaluation.py cold large only these parts

The music is the 1,754 tunes of the Erk collection that come with music21, written as MIDI.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from music21 import corpus

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "evaluation")]

import known  # noqa: E402 - found through the path above
import mgeval_port  # noqa: E402
from midifiles import write_abc  # noqa: E402
from test_evaluation_fuzz import mutated  # noqa: E402

from evaluation import FEATURES, compare_sets, feature_table, measure, read_folder  # noqa: E402
from evaluation.reading.midi import load  # noqa: E402

DAMAGED = 5000


def write_tunes(folder: Path) -> Path:
    """Write the Erk collection as 1,754 MIDI files."""
    folder.mkdir()
    sources = {path.name: path for path in corpus.getComposer("essenFolksong")}
    text = "".join(sources[f"erk{part}.abc"].read_text(encoding="latin-1") for part in (10, 20, 30))
    for number, tune in enumerate(re.split(r"(?m)^(?=X:)", text)[1:]):
        write_abc(folder / f"{number:04d}.mid", tune)
    return folder


def some(folder: Path, files: list[Path]) -> Path:
    """Link files into a folder of their own."""
    folder.mkdir()
    for number, file in enumerate(files):
        (folder / f"{number:05d}.mid").hardlink_to(file)
    return folder


def command(module: str, *arguments: object) -> str:
    """Run a command of the package; return its time, the processor time of all its processes, and its peak memory."""
    begin = time.perf_counter()
    code = (
        "import resource, runpy, sys; sys.argv = sys.argv[1:]\n"
        f"try: runpy.run_module({module!r}, run_name='__main__')\n"
        "except SystemExit: pass\n"
        "use = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]\n"
        "print(sum(u.ru_utime + u.ru_stime for u in use), sum(u.ru_maxrss for u in use), file=sys.stderr)"
    )
    run = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-c", code, module, *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=True,
        capture_output=True,
        text=True,
    )
    wall = time.perf_counter() - begin
    processor, peak = map(float, run.stderr.split()[-2:])
    return f"{wall:.2f} s ({processor:.2f} s of processor time), {peak / 1024:,.0f} MB at its peak"


def cold(files: list[Path], work: Path) -> None:
    """100 pieces against 100, from a cold start to a written page."""
    gen, org = some(work / "gen100", files[:100]), some(work / "org100", files[100:200])
    for _ in range(3):
        print(f"100 against 100, cold start: {command('evaluation.report', gen, org, '--out', work / 'cold')}")


def large(files: list[Path], work: Path) -> None:
    """The whole collection against itself."""
    folder = files[0].parent
    print(f"1,754 against 1,754, whole report: {command('evaluation.report', folder, folder, '--out', work / 'large')}")


def processor_time() -> float:
    """Processor time of this process and of those that it started and that have ended."""
    use = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in use)


def features(files: list[Path], _work: Path) -> None:
    """The twelve features, from file to number, against the same by pretty_midi; each in one process.

    Reading is from the path to note arrays; the port opens each file twice, with pretty_midi and with mido, as mgeval
    does. Of three runs the fastest counts, for both. Commands read in separate processes; the last line
    gives the time with these.
    """
    twelve = dict(itertools.islice(FEATURES.items(), 12))
    sample = files[::8]
    share = len(files) / len(sample)
    # the garbage of music21 must not slow either
    gc.collect()
    gc.freeze()
    times = []
    for _ in range(3):
        begin = time.process_time()
        pieces = [load(path, path.name) for path in files]
        read = time.process_time()
        feature_table(pieces, twelve)
        done = time.process_time()
        ported = [mgeval_port.Piece(path) for path in sample]
        port_read = time.process_time()
        for piece in ported:
            mgeval_port.measure(piece)
        port_done = time.process_time()
        times.append((read - begin, done - read, (port_read - done) * share, (port_done - port_read) * share))
    ours_reading, ours_features, port_reading, port_features = np.min(times, axis=0)
    watched_begin = processor_time()
    read_folder(files[0].parent, jobs=1)
    watched = processor_time() - watched_begin
    for what, ours, theirs in (
        ("reading", ours_reading, port_reading),
        ("the twelve features", ours_features, port_features),
        ("both", ours_reading + ours_features, port_reading + port_features),
    ):
        compared = f"{ours:.3f} s, pretty_midi port {theirs:.1f} s: {theirs / ours:.0f} times as fast"
        print(f"{len(files):,} files, processor time of {what}: {compared}")
    print(
        f"{len(files):,} files, processor time of reading in separate processes, their start included: {watched:.2f} s"
    )


def scale(files: list[Path], work: Path) -> None:
    """5,000, 10,000 and 20,000 files against 1,754."""
    for count in (5000, 10_000, 20_000):
        gen = some(work / f"gen{count}", [files[i % len(files)] for i in range(count)])
        used = command("evaluation.report", gen, files[0].parent, "--out", work / f"report{count}")
        print(f"{count:,} files against 1,754: {used}", flush=True)


def detect(files: list[Path], _work: Path) -> None:
    """Sets with a known verdict."""
    pieces = read_folder(files[0].parent).pieces
    rng = np.random.default_rng(0)
    order = rng.permutation(len(pieces))
    held, org = [pieces[i] for i in order[:100]], [pieces[i] for i in order[100:500]]
    sets = {
        "a random half of the originals": held,
        "one tune × 100, jittered": known.collapsed(org, rng),
        "60 tunes and 40 of one": [*held[:60], *known.collapsed(org, rng, copies=40)],
        "number of pitches frozen": known.one_frozen(held),
        "notes shuffled": known.shuffled(held, rng),
        "uniform random notes": known.uniform(held, rng),
        "a fourth higher": known.transposed(held),
        "half of it copied": [*org[:50], *held[:50]],
    }
    originals = measure("org", org)
    print("| set | overlap reached | features that differ | collapsed | copying | Vendi | coverage |")
    print("|---|---|---|---|---|---|---|")
    for name, made in sets.items():
        one = compare_sets(measure("gen", made), originals)
        differ = sum(feature.p_holm < 0.05 for feature in one.features.values())
        collapsed, copying = ("**yes**" if found else "no" for found in (one.collapse.found, one.copying.found))
        assert one.diversity is not None
        print(
            f"| {name} | {one.score:.0%} | {differ} of {len(one.features)} | {collapsed} | {copying} | "
            f"{one.diversity.vendi.at_n:.0%} | {one.diversity.coverage.at_n:.0%} |"
        )


def fuzz(files: list[Path], work: Path) -> None:
    """Damaged files: all must be read or listed."""
    (work / "fuzz").mkdir()
    rng = np.random.default_rng(1)
    for number in range(DAMAGED):
        (work / "fuzz" / f"{number:05d}.mid").write_bytes(mutated(files[number % len(files)].read_bytes(), rng))
    begin = time.perf_counter()
    found = read_folder(work / "fuzz")
    assert len(found.pieces) + len(found.skipped) == DAMAGED
    feature_table(found.pieces)
    crashed = sum("crashed" in skipped.reason or "no answer" in skipped.reason for skipped in found.skipped)
    print(f"{DAMAGED:,} damaged files: {len(found.pieces):,} read, {len(found.skipped):,} listed", end=", ")
    print(f"of which {crashed} crashed or stopped the parser; {time.perf_counter() - begin:.1f} s")


PARTS = {part.__name__: part for part in (cold, large, features, scale, detect, fuzz)}


def main() -> None:
    """Run the given parts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)} (default: all)")
    parts = parser.parse_args().parts or list(PARTS)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        files = sorted(write_tunes(work / "erk").glob("*.mid"))
        for part in parts:
            PARTS[part](files, work)


if __name__ == "__main__":
    main()
