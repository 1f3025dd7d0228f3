"""Measure how fast the evaluation is, what it detects, and how it reads damaged files.

    python benchmarks/evaluation.py            everything, side by side in one run
    python benchmarks/evaluation.py cold large only these parts

The music is the 1,754 tunes of the Erk collection that come with music21, written as MIDI.
"""

from __future__ import annotations

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

import common
import known
import mgeval_port
import numpy as np
from midifiles import mutated, write_tunes

from evaluation import FEATURES, compare_sets, feature_table, measure, read_folder
from evaluation.reading.midi import load
from evaluation.scores.two_sample import TwoSampleTest
from manymodes.music.midifile import read_score

DAMAGED = 5000


def some(folder: Path, files: list[Path]) -> Path:
    """Link files into a folder of their own."""
    folder.mkdir()
    for number, file in enumerate(files):
        (folder / f"{number:05d}.mid").hardlink_to(file)
    return folder


def watched(module: str, *arguments: object) -> tuple[float, float, float]:
    """Run a command of the package; return its seconds, the processor time of all its processes, and its peak in MB.

    The peak is that of the command's own process, as the kernel keeps it: `ru_maxrss` would begin with the memory of
    this process, which the command is forked from.
    """
    begin = time.perf_counter()
    run = subprocess.Popen(  # noqa: S603 - our own module
        [sys.executable, "-m", module, *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": str(common.ROOT)},
        stdout=subprocess.DEVNULL,
    )
    peak = 0
    while not os.waitid(os.P_PID, run.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
        fields = dict(re.findall(r"(\w+):\s*(\d+) kB", Path(f"/proc/{run.pid}/status").read_text(encoding="ascii")))
        peak = max(peak, int(fields.get("VmHWM", 0)))
        time.sleep(0.02)
    wall = time.perf_counter() - begin
    _, status, use = os.wait4(run.pid, 0)
    assert status == 0
    return wall, use.ru_utime + use.ru_stime, peak / 1024


def command(module: str, *arguments: object) -> str:
    """Run a command as `watched`, and describe what it took."""
    wall, processor, peak = watched(module, *arguments)
    return f"{wall:.2f} s ({processor:.2f} s of processor time), {peak:,.0f} MB at its peak"


def cold(files: list[Path], work: Path) -> None:
    """100 pieces against 100, from a cold start to a written page."""
    gen, org = some(work / "gen100", files[:100]), some(work / "org100", files[100:200])
    for _ in range(3):
        print(f"100 against 100, cold start: {command('evaluation.report', gen, org, '--out', work / 'cold')}")


def large(files: list[Path], work: Path) -> None:
    """The whole collection against itself."""
    folder = files[0].parent
    print(f"1,754 against 1,754, whole report: {command('evaluation.report', folder, folder, '--out', work / 'large')}")


def features(files: list[Path], _work: Path) -> None:
    """The twelve features, from file to number, against the same by pretty_midi; each in one process.

    Reading is from the path to note arrays; the port opens each file twice, with pretty_midi and with mido, as mgeval
    does. Of three runs the fastest counts, for both. A further line has all features against merely parsing the files
    by the same parser. Commands read in separate processes; the last line gives the time with these.
    """
    twelve = dict(itertools.islice(FEATURES.items(), 12))
    sample = files[::8]
    share = len(files) / len(sample)
    # the garbage of music21 must not slow either
    gc.collect()
    gc.freeze()

    def turn() -> list[tuple[float, float]]:
        _, parsing = common.timed(lambda: [read_score(path.read_bytes()) for path in files], time.process_time)
        pieces, reading = common.timed(lambda: [load(path, path.name) for path in files], time.process_time)
        _, measuring = common.timed(lambda: feature_table(pieces, twelve), time.process_time)
        ported, port_reading = common.timed(lambda: [mgeval_port.Piece(path) for path in sample], time.process_time)
        _, port_measuring = common.timed(lambda: [mgeval_port.measure(piece) for piece in ported], time.process_time)
        _, measuring_all = common.timed(lambda: feature_table(pieces), time.process_time)
        return [(reading, port_reading * share), (measuring, port_measuring * share), (measuring_all, parsing)]

    *best, (measuring_all, parsing) = np.min([turn() for _ in range(3)], axis=0)
    for what, (ours, theirs) in zip(("reading", "the twelve features", "both"), [*best, np.sum(best, 0)], strict=True):
        compared = f"{ours:.3f} s, pretty_midi port {theirs:.1f} s: {theirs / ours:.0f} times as fast"
        print(f"{len(files):,} files, processor time of {what}: {compared}")
    reading = best[0][0]
    whole = reading + measuring_all
    print(
        f"{len(files):,} files, processor time of all {len(FEATURES)} features, with reading: {whole:.3f} s, "
        f"{whole / reading:.1f} times as long as reading the files, {reading:.3f} s, "
        f"and {whole / parsing:.1f} times as long as their parser alone takes, {parsing:.3f} s"
    )
    begin = sum(os.times()[:4])  # of this process and of those that it started
    read_folder(files[0].parent, jobs=1)
    separately = sum(os.times()[:4]) - begin
    print(
        f"{len(files):,} files, processor time of reading in separate processes, with their start: {separately:.2f} s"
    )


def variations(folder: Path, files: list[Path], count: int) -> Path:
    """Write as many files, each a tune with some or most of its notes moved by up to a fifth."""
    import symusic

    folder.mkdir()
    rng = np.random.default_rng(0)
    scores = [symusic.Score(str(file)) for file in files]
    for number in range(count):
        score = scores[number % len(scores)].copy()
        for track in score.tracks:
            notes = len(track.notes)
            for place in rng.choice(notes, int(notes * rng.choice([0.02, 0.1, 0.3, 0.8])), replace=False).tolist():
                track.notes[place].pitch = int(np.clip(track.notes[place].pitch + rng.integers(-7, 8), 0, 127))
        score.dump_midi(str(folder / f"{number:06d}.mid"))
    return folder


def scale(files: list[Path], work: Path) -> None:
    """10,000 and 100,000 files against 1,754."""
    print("| files | seconds | files a second | processor time | memory |")
    print("|---|---|---|---|---|")
    for count in (10_000, 100_000):
        gen = variations(work / f"gen{count}", files, count)
        wall, processor, peak = watched(
            "evaluation.report", gen, files[0].parent, "--out", str(work / f"report{count}")
        )
        print(f"| {count:,} | {wall:.1f} | {count / wall:,.0f} | {processor:.1f} s | {peak:,.0f} MB |", flush=True)


def detect(files: list[Path], _work: Path) -> None:
    """Sets with a known verdict."""
    pieces = read_folder(files[0].parent).pieces
    rng = np.random.default_rng(0)
    order = rng.permutation(len(pieces))
    held, org = [pieces[i] for i in order[:100]], [pieces[i] for i in order[100:500]]
    originals = measure("org", org)
    print("| set | overlap reached | features that differ | collapsed | copying | Vendi | coverage |")
    print("|---|---|---|---|---|---|---|")
    for name, made in known.sets(held, org, rng).items():
        one = compare_sets(measure("gen", made), originals)
        differ = sum(feature.p_holm < 0.05 for feature in one.features.values())
        collapsed, copying = ("**yes**" if found else "no" for found in (one.collapse.found, one.copying.found))
        assert one.diversity is not None
        print(
            f"| {name} | {one.score:.0%} | {differ} of {len(one.features)} | {collapsed} | {copying} | "
            f"{one.diversity.vendi.at_n:.0%} | {one.diversity.coverage.at_n:.0%} |"
        )


def power(files: list[Path], _work: Path) -> None:
    """How often the two-sample test tells sets apart of which a part is n-gram babble, by the number of pieces."""
    pieces = read_folder(files[0].parent).pieces
    print("| pieces of each set | least significant accuracy | real tunes | 20 % babble | 50 % babble | all babble |")
    print("|--:|--:|--:|--:|--:|--:|")
    for size, turns in ((30, 20), (100, 20), (400, 6)):
        found: dict[float, list[bool]] = {share: [] for share in (0.0, 0.2, 0.5, 1.0)}
        limits = []
        for turn in range(turns):
            rng = np.random.default_rng([size, turn])
            order = rng.permutation(len(pieces))
            org, held, others = (
                [pieces[i] for i in order[a:b]] for a, b in ((0, 2 * size), (2 * size, 3 * size), (3 * size, None))
            )
            test = TwoSampleTest(org, FEATURES, turn)
            made = known.babble(others[:400], rng, 4, size)
            for share, told in found.items():
                cut = round(size * share)
                one = test([*made[:cut], *held[cut:]])
                told.append(one.found)
            limits.append(one.limit)
        shares = " | ".join(f"{np.mean(told):.0%}" for told in found.values())
        print(f"| {size} | {np.mean(limits):.2f} | {shares} |", flush=True)


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


PARTS = {part.__name__: part for part in (cold, large, features, scale, detect, power, fuzz)}


def main() -> None:
    """Run the given parts."""
    options = common.parser(__doc__)
    options.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)} (default: all)")
    parts = options.parse_args().parts or list(PARTS)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        files = sorted(write_tunes(work / "erk", (10, 20, 30)).glob("*.mid"))
        for part in parts:
            PARTS[part](files, work)


if __name__ == "__main__":
    main()
