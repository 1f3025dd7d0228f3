"""Odd and hostile files of the kinds that people bring, and what is right for each."""

import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from audiovae.codes import read_codes
from audiovae.synthesis import decode
from drumvae.data.midi_grooves import read_beat
from evaluation.reading.folders import read_some
from fontgan.data.glyphs import open_font, read_typeface
from manymodes.cli import UserError
from manymodes.music.audio import read_audio
from melodygan.data.given import read_given

CASES = Path(__file__).parents[2] / "shared" / "cases"

pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason="needs ../shared/cases")


def melody(name):
    """Pitch and sixteenths of the notes of a file, in its own key."""
    given = read_given(str(CASES / name))
    return [(None if note.pitch is None else note.pitch + given.shift, note.steps) for note in given.notes]


def quarters(*pitches):
    return [(pitch, 4) for pitch in pitches]


def eighths(*pitches):
    return [(pitch, 2) for pitch in pitches]


@pytest.mark.parametrize(
    ("name", "notes"),
    [
        ("abc_freetext_after.abc", [*quarters(67, 71, 74, 71, 72, 69), (67, 8)]),
        ("abc_plusdecor.abc", quarters(60, 62, 64, 65, 67, 69, 71, 72)),
        ("abc_Zsingle.abc", [*quarters(60, 62, 64), (None, 12), *quarters(67, 69, 71), (72, 12)]),
        ("abc_inline.abc", [*quarters(60, 62, 64, 65, 67, 66, 64, 62), *eighths(60, 62, 64, 66, 67, 69, 71, 72)]),
        ("abc_voices.abc", [*quarters(72, 74, 76, 77, 79, 77, 76, 74), (72, 16)]),
        ("abc_tie_acc.abc", [(60, 8), (66, 16), (67, 8)]),
        ("kern_resplit.krn", [(72, 8), (74, 8), (76, 8), (77, 8), (79, 16)]),
        ("mid_plain.mid", quarters(67, 69, 71, 72, 74, 76, 78, 79)),
        ("mid_riff.mid", quarters(67, 69, 71, 72, 74, 76, 78, 79)),
        ("mid_keysig_bad.mid", quarters(67, 69, 71, 72, 74, 76, 78, 79)),
        ("mid_trunc.mid", quarters(67, 69, 71, 72, 74, 76, 78)),
        ("mid_legato_desc.mid", [*quarters(79, 78, 76, 74, 72, 71, 69), (67, 5)]),
        ("xml_clarinet.musicxml", [*quarters(72, 74, 76, 77), (79, 8), (72, 8)]),
        ("mxl_ok.mxl", [(60, 16)]),
    ],
)  # fmt: skip
def test_melodies_are_read_as_they_sound(name, notes):
    assert melody(name) == notes


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("abc-huge-meter.abc", "is not a metre"),
        ("mxl-redos.mxl", "holds no score|not MusicXML"),
        ("mid_type2.mid", "type 2"),
    ],
)
def test_refused_melodies_are_named_with_a_reason(name, reason):
    begin = time.monotonic()
    with pytest.raises(UserError, match=rf"{name}.*({reason})"):
        read_given(str(CASES / name))
    assert time.monotonic() - begin < 10


def test_drums_keep_their_notes():
    bars = read_beat(CASES / "drum_sidestick_bell.mid").bars
    assert {37, 53} < set(np.unique(bars.notes).tolist())
    with pytest.raises(UserError, match=r"drum-vlq-overflow\.mid is no beat: it has no notes"):
        read_beat(CASES / "drum-vlq-overflow.mid")


def test_one_bad_file_does_not_end_the_reading_of_a_folder(tmp_path):
    for name in ("drum-vlq-overflow.mid", "mid_plain.mid", "mid_type2.mid", "mid_riff.mid"):
        shutil.copy(CASES / name, tmp_path)
    result = read_some(tmp_path)
    assert [Path(piece.name).name for piece in result.pieces] == ["mid_plain.mid", "mid_riff.mid"]
    assert len(result.skipped) == 2


@pytest.mark.slow
def test_files_of_a_hundred_thousand_bars_take_no_gigabytes(tmp_path):
    # what getrusage says includes the process that started this one
    code = (
        "import re, sys; from evaluation import report\n"
        "try: report.main(sys.argv[1:])\n"
        "finally: print(re.search(r'VmHWM:\\s*(\\d+)', open('/proc/self/status').read())[1])"
    )
    arguments = [str(CASES / "bars-bomb"), str(CASES / "bars-bomb"), "--out", str(tmp_path / "report")]
    run = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    assert int(run.stdout.split()[-1]) < 1_000_000


def test_sounds():
    assert np.abs(read_audio(CASES / "wav_antiphase.wav")).max() > 0.2
    assert len(read_audio(CASES / "flac-total-samples-0.flac")) > 20_000
    with pytest.raises(UserError, match=r"wav-1hz\.wav has 1 samples a second"):
        read_audio(CASES / "wav-1hz.wav")


def test_a_font_with_a_symbol_character_map_has_all_letters():
    assert read_typeface(open_font(CASES / "font_symbol.ttf")).capital_px > 10


class Stranger:
    """The shape of a model of codes."""

    frames, code_count = 172, 512

    def decode_codes(self, codes):
        raise AssertionError("codes of no such model were decoded")


@pytest.mark.parametrize("name", ["c-F1.codes", "c-K1.codes"])
def test_codes_that_no_model_has_made_are_refused(name):
    with pytest.raises(UserError):
        decode(Stranger(), read_codes(CASES / name))
