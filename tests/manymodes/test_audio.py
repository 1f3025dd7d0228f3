import subprocess
import sys

import mido
import numpy as np
import pytest
import soundfile

from manymodes.cli import UserError
from manymodes.music.audio import FORMATS, PlayedNote, decoded, read_audio, read_midi, write_audio

RATE = 22_050


def sine(frequency=440.0, seconds=1.0, rate=RATE, amplitude=0.5):
    return (amplitude * np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def loudest_frequency(sound, rate=RATE):
    return np.fft.rfftfreq(len(sound), 1 / rate)[np.abs(np.fft.rfft(sound * np.hanning(len(sound)))).argmax()]


def middle(sound):
    return sound[len(sound) // 10 : -len(sound) // 10]


@pytest.mark.parametrize("ending", [".wav", ".flac", ".WAV"])
def test_what_is_written_is_read_again(tmp_path, ending):
    sound = np.random.default_rng(0).uniform(-1.5, 1.5, 5000).astype(np.float32)
    file = tmp_path / "new" / f"sound{ending}"
    write_audio(file, sound)
    read = read_audio(file)
    assert read.dtype == np.float32
    np.testing.assert_allclose(read, np.clip(sound, -1, 1), atol=1 / 2**15)
    before = file.read_bytes()
    write_audio(file, sound)
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir()] == [file.name]


@pytest.mark.parametrize("ending", FORMATS)
@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (44_100, 2)])
def test_any_rate_and_number_of_channels(tmp_path, ending, rate, channels):
    file = tmp_path / f"sound{ending}"
    write_audio(file, np.repeat(sine(1000, rate=rate)[:, None], channels, axis=1), rate)
    assert soundfile.info(file).channels == channels
    read, _ = decoded((str(file), RATE))
    assert len(read) == pytest.approx(RATE, rel=0.05)  # an MP3 is made of frames
    assert loudest_frequency(middle(read)) == pytest.approx(1000, abs=2)
    assert np.sqrt(np.mean(middle(read) ** 2)) == pytest.approx(0.5 / np.sqrt(2), abs=0.03)


# not for this process: its own files may be larger
FULL_DISK = """
import pathlib, resource, sys, numpy
from manymodes.cli import UserError
from manymodes.music.audio import write_audio
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
for path in sys.argv[1:]:
    try:
        write_audio(pathlib.Path(path), numpy.random.default_rng(0).normal(size=200_000))
    except UserError as error:
        print(error)
"""


def test_a_full_disk_is_an_error_in_words(tmp_path):
    files = [str(tmp_path / f"sound{ending}") for ending in FORMATS]
    run = subprocess.run([sys.executable, "-c", FULL_DISK, *files], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines() == [f"{file} cannot be written: is there room for it?" for file in files]
    assert not list(tmp_path.iterdir())


def test_sounds_that_cannot_be_read(tmp_path):
    (tmp_path / "text.wav").write_text("This is not a sound.", encoding="utf-8")
    for name, problem in (
        ("text.wav", "cannot be read as sound (it is damaged, or in another format): give a WAV"),
        ("missing.wav", "does not exist: give the path of a file"),
    ):
        with pytest.raises(UserError) as error:
            read_audio(tmp_path / name)
        assert f"{tmp_path / name} {problem}" in str(error.value)


@pytest.mark.parametrize(
    ("name", "message"), [("sound.aac", "which format"), ("folder.wav", "is a folder"), ("file/a.wav", "is a file")]
)
def test_places_where_no_sound_can_be_written(tmp_path, name, message):
    (tmp_path / "folder.wav").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=message):
        write_audio(tmp_path / name, sine())


def test_the_notes_of_a_midi_file(tmp_path):
    melody = [mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(60)), mido.Message("program_change", program=73)]
    for note in (69, 81):
        melody += [mido.Message("note_on", note=note, velocity=80), mido.Message("note_off", note=note, time=480)]
    drums = [mido.Message("note_on", note=36, velocity=100, channel=9, time=240)]
    drums += [mido.Message("note_off", note=36, channel=9, time=120)]
    mido.MidiFile(ticks_per_beat=480, tracks=[*map(mido.MidiTrack, (melody, drums))]).save(tmp_path / "song.mid")
    assert sorted(read_midi(tmp_path / "song.mid")) == [
        PlayedNote(0, 1, 69, 80, 73, drums=False),
        PlayedNote(0.5, 0.25, 36, 100, 0, drums=True),
        PlayedNote(1, 1, 81, 80, 73, drums=False),
    ]


def test_channels_of_opposite_phase_are_not_silence(tmp_path):
    sine = np.sin(np.arange(44_100) / 16).astype(np.float32)
    soundfile.write(tmp_path / "wide.wav", np.stack([sine / 2, -sine], axis=1), 22_050)
    soundfile.write(tmp_path / "opposed.wav", np.stack([sine, -sine], axis=1), 22_050)
    wide, opposed = (decoded((str(tmp_path / name), RATE))[0] for name in ("wide.wav", "opposed.wav"))
    np.testing.assert_allclose(np.abs(opposed), np.abs(sine), atol=1e-3)
    assert np.abs(wide).max() > 0.2


def test_sounds_above_full_scale_are_levelled_with_a_word(tmp_path, capsys):
    sine = 4 * np.sin(np.arange(22_050) / 16).astype(np.float32)
    soundfile.write(tmp_path / "hot.wav", sine, 22_050, subtype="FLOAT")
    np.testing.assert_allclose(read_audio(tmp_path / "hot.wav"), sine / 4, atol=1e-3)
    assert "hot.wav goes 12 dB above full scale" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("samples", "rate", "reason"),
    [
        (np.zeros(2000), 1, "has 1 samples a second"),
        (np.zeros(2000), 400_000, "has 400,000 samples a second"),
        (np.zeros((10, 33)), 8000, "has 33 channels"),
        (np.zeros(1000 * 60 * 31, np.int16), 1000, "is longer than 30 minutes"),
        (np.zeros(0), RATE, "is empty"),
        (np.array([0, np.nan, 1]), RATE, "has samples that are NaN or infinite"),
    ],
)
def test_unusable_sounds_are_refused_before_they_are_resampled(tmp_path, samples, rate, reason):
    soundfile.write(tmp_path / "a.wav", samples, rate, subtype=None if samples.dtype == np.int16 else "FLOAT")
    assert str(decoded((str(tmp_path / "a.wav"), RATE))).startswith(reason)


def test_a_stream_of_unknown_length_is_read(tmp_path):
    sine = np.sin(np.arange(22_050) / 16).astype(np.float32) / 2
    soundfile.write(tmp_path / "a.flac", sine, 22_050)
    data = bytearray((tmp_path / "a.flac").read_bytes())
    data[21] &= 0xF0  # the last four bits of a byte, and four more bytes, hold the number of samples
    data[22:26] = bytes(4)
    (tmp_path / "b.flac").write_bytes(data)
    np.testing.assert_allclose(decoded((str(tmp_path / "b.flac"), RATE))[0], sine, atol=1e-3)
