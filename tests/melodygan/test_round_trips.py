"""Tunes that are written in a format and read again are the same, with their metre, key and upbeat."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scores import rests_joined

from manymodes.music.formats import SUFFIXES, write_score
from manymodes.music.score import Score, signature
from melodygan.data.form import METERS, read_key
from melodygan.data.readers import pieces_of, read_quantised

DEGREES = {"major": (0, 2, 4, 5, 6, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10, 11)}  # each with one accidental


@st.composite
def scores(draw):
    """Tunes of whole bars after an upbeat, in keys with up to six accidentals, that begin and end with a note."""
    meter, mode = draw(st.sampled_from(sorted(METERS))), draw(st.sampled_from(["major", "minor"]))
    tonic, upbeat = draw(st.integers(0, 11)), draw(st.integers(0, METERS[meter] - 1))
    left = upbeat + METERS[meter] * draw(st.integers(2, 5))
    notes = []
    while left:
        steps = min(draw(st.integers(1, 12)), left)
        rest = notes and left > steps and notes[-1][0] is not None and draw(st.integers(0, 9)) == 0
        pitch = 60 + tonic + draw(st.sampled_from(DEGREES[mode]))
        notes.append((None if rest else pitch, steps))
        left -= steps
    return Score(notes, "Lied", meter, upbeat, signature(tonic, mode), mode, 100.0)


LENGTHS = {16: "1", 12: "2.", 8: "2", 6: "4.", 4: "4", 3: "8.", 2: "8", 1: "16"}
NAMES = ["C", "C#", "D", "E-", "E", "F", "F#", "G", "A-", "A", "B-", "B"]


def write_kern(path, score):
    """Write what the program only reads: notes tied over bar lines and where no single length is long enough."""
    tonic = NAMES[next(n for n in range(12) if signature(n, score.mode) == score.fifths)]
    lines = [
        "**kern",
        f"*{tonic if score.mode == 'major' else tonic.lower()}:",
        f"*M{score.meter}",
        f"*MM{score.tempo}",
    ]
    bar, place = METERS[score.meter], -score.upbeat
    for pitch, steps in score.notes:
        pieces = []
        while steps:
            if place % bar == 0:
                pieces.append(f"={place // bar + 1}")
            size = max(size for size in LENGTHS if size <= min(steps, bar - place % bar))
            pieces.append(LENGTHS[size] + ("r" if pitch is None else kern_pitch(pitch)))
            place, steps = place + size, steps - size  # noqa: PLW2901 - what is left of the note
        parts = [n for n, piece in enumerate(pieces) if piece[0] != "="]
        if pitch is not None and len(parts) > 1:
            for n in parts:
                pieces[n] = ("[" if n == parts[0] else "") + pieces[n] + {parts[0]: "", parts[-1]: "]"}.get(n, "_")
        lines += pieces
    path.write_text("\n".join([*lines, "==", "*-", ""]), encoding="ascii")


def kern_pitch(pitch):
    octave, name = pitch // 12 - 4, NAMES[pitch % 12]
    letter = name[0].lower() * octave if octave > 0 else name[0] * (1 - octave)
    return letter + name[1:]


@pytest.mark.parametrize("name", ["midi", "abc", "musicxml", "kern"])
def test_a_tune_comes_back_as_it_was_written(name, tmp_path_factory):
    folder = tmp_path_factory.mktemp(name)

    @settings(max_examples=25)
    @given(scores())
    def check(score):
        if name == "kern":
            path = folder / "tune.krn"
            write_kern(path, score)
        else:
            write_score(folder / "tune", score, [name])
            path = folder / f"tune{SUFFIXES[name]}"
        (piece,) = pieces_of(path, path.name)
        read = read_quantised(piece)
        notes = [(None if note.pitch is None else note.pitch - read.semitones, note.steps) for note in read.tune.notes]
        assert rests_joined(notes) == rests_joined(score.notes)
        assert (read.tune.meter, read.tune.pickup_steps, read.moved) == (score.meter, score.upbeat, 0)
        key = read_key(read.tune.key)
        assert signature(key.tonic, key.mode) == score.fifths  # E flat minor is D sharp minor
        assert (read.irregular, read.tempo) == ("", score.tempo)

    check()
