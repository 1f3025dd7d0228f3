"""Processor time of writing a tune of sixteen bars in every format, once all is loaded.

*Ours* is `manymodes.music.formats.write_score`, a format at a time and then all six at once. *Other* is what else pip
installs for the same file: of MIDI and MusicXML music21, which makes bars, ties and beams by itself; of WAV symusic's
synthesizer with the same soundfont at the same rate, which plays it out of tune. Of the others there is none.
Every turn has another tune, and another instrument, of which no note has been played before; ours and other take turns
in one process. The table has the medians, and their ratio.

    python benchmarks/manymodes_formats.py --repeats 9
"""

from __future__ import annotations

import random
import tempfile
import time
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import symusic
from music21 import key, meter, note, stream
from timing import parser, timed

from manymodes.music.audio import write_audio
from manymodes.music.formats import RATE_HZ, SUFFIXES, write_score
from manymodes.music.score import STEPS_PER_QUARTER, Score
from manymodes.music.soundfont import soundfont_file

BARS = 16
PROGRAMS = 80
BAR_SECONDS = 2.0  # the bar for all six
SCALE = (62, 64, 66, 67, 69, 71, 73, 74, 76, 78, 79)


def tune(seed: int) -> Score:
    """Return sixteen bars of 4/4 in D major, of quarters, eighths and sixteenths that go up and down by small steps."""
    rng = random.Random(seed)
    notes: list[tuple[int | None, int]] = []
    left, place = BARS * 4 * STEPS_PER_QUARTER, 5
    while left:
        steps = min(left, rng.choice((1, 2, 2, 4, 4, 4, 6, 8)))
        place = min(max(place + rng.choice((-2, -1, -1, 1, 1, 2)), 0), len(SCALE) - 1)
        notes.append((SCALE[place], steps))
        left -= steps
    # General MIDI programs: pianos first, then organs, strings and so on
    return Score(notes, f"tune {seed}", fifths=2, program=seed % PROGRAMS)


def synthesized(folder: Path, score: Score) -> None:
    """Play a score with symusic."""
    write_score(folder / "played", score, ("midi",))
    synthesizer = symusic.Synthesizer(str(soundfont_file()), RATE_HZ)
    sound = synthesizer.render(symusic.Score(folder / "played.mid"), stereo=False)
    write_audio(folder / "other.wav", np.asarray(sound)[0], RATE_HZ)


def by_music21(folder: Path, score: Score, name: str) -> None:
    """Write the notes of a score after its signatures; music21 finds the rest by itself."""
    part = stream.Part([meter.TimeSignature(score.meter), key.KeySignature(score.fifths)])
    part.append([note.Note(pitch, quarterLength=steps / STEPS_PER_QUARTER) for pitch, steps in score.notes])
    part.write(name, folder / f"other{SUFFIXES[name]}")


def turn(folder: Path, number: int) -> tuple[dict[str, float], dict[str, float]]:
    """Write tunes in every format; return what ours and the others took."""
    score, other = tune(2 * number), tune(2 * number + 1)
    write = {name: partial(write_score, folder / "ours", score, (name,)) for name in SUFFIXES}
    write["all six"] = partial(write_score, folder / "ours", other, tuple(SUFFIXES))
    write_other = {name: partial(by_music21, folder, score, name) for name in ("midi", "musicxml")}
    write_other["wav"] = partial(synthesized, folder, score)
    ours, others = (
        {name: timed(work, time.process_time)[1] for name, work in works.items()} for works in (write, write_other)
    )
    return ours, others


def main() -> None:
    """Measure and print."""
    args = parser(__doc__, repeats=9).parse_args()
    with tempfile.TemporaryDirectory() as folder:
        turns = [turn(Path(folder), number) for number in range(args.repeats + 1)][1:]  # the first one loads all
    print(f"{'format':>8}  {'ours, s':>8}  {'other, s':>8}  {'ratio':>6}")
    for name in turns[0][0]:
        line = f"{name:>8}  {median(ours[name] for ours, _ in turns):>8.3f}"
        if name in turns[0][1]:
            line += f"  {median(others[name] for _, others in turns):>8.3f}"
            line += f"  {median(others[name] / ours[name] for ours, others in turns):>6.2f}"
        print(line)
    taken, slowest = max((ours["all six"], number) for number, (ours, _) in enumerate(turns, start=1))
    program = (2 * slowest + 1) % PROGRAMS
    print(
        f"bar for all six: {BAR_SECONDS:g} s; they took at most {taken:.2f} s, with General MIDI instrument {program}"
    )


if __name__ == "__main__":
    main()
