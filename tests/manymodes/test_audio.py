import subprocess
import sys

import mido
import numpy as np
import pytest
import soundfile

from manymodes.cli import UserError
from manymodes.music.audio import FORMATS, PlayedNote, decoded, read_audio, read_midi, resample, write_audio

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
    read = read_audio(file)
    assert len(read) == pytest.approx(RATE, rel=0.05)  # an MP3 is made of frames
    assert loudest_frequency(middle(read)) == pytest.approx(1000, abs=2)
    assert np.sqrt(np.mean(middle(read) ** 2)) == pytest.approx(0.5 / np.sqrt(2), abs=0.03)


@pytest.mark.parametrize("ending", FORMATS)
def test_a_full_disk_is_an_error_in_words(tmp_path, ending):
    # not for this process: its own files may be larger
    program = (
        "import resource, sys, pathlib, numpy\nfrom manymodes import cli\n"
        "from manymodes.music.audio import write_audio\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "noise = numpy.random.default_rng(0).normal(size=200_000)\n"
        "cli.run(lambda argv: write_audio(pathlib.Path(argv[0]), noise), sys.argv[1:])"
    )
    command = [sys.executable, "-c", program, str(tmp_path / f"sound{ending}")]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr.count("\n"), list(tmp_path.iterdir())) == (2, 1, [])
    assert f"sound{ending} cannot be written" in run.stderr


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("text.wav", "cannot be read as sound (it is damaged, or in another format): give a WAV"),
        ("empty.wav", "is empty: give a WAV"),
        ("odd.wav", "has samples that are NaN or infinite"),
        ("missing.wav", "does not exist: give the path of a file"),
    ],
)
def test_sounds_that_cannot_be_read(tmp_path, name, message):
    (tmp_path / "text.wav").write_text("This is not a sound.", encoding="utf-8")
    soundfile.write(tmp_path / "empty.wav", np.zeros(0), RATE)
    soundfile.write(tmp_path / "odd.wav", np.array([0, np.nan, 1]), RATE, subtype="FLOAT")
    with pytest.raises(UserError) as error:
        read_audio(tmp_path / name)
    assert f"{tmp_path / name} {message}" in str(error.value)


@pytest.mark.parametrize(
    ("name", "message"), [("sound.aac", "which format"), ("folder.wav", "is a folder"), ("file/a.wav", "the file")]
)
def test_places_where_no_sound_can_be_written(tmp_path, name, message):
    (tmp_path / "folder.wav").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=message):
        write_audio(tmp_path / name, sine())


@pytest.mark.parametrize(("from_hz", "to_hz"), [(48_000, RATE), (8000, RATE), (RATE, 44_100)])
def test_a_sine_stays_a_sine(from_hz, to_hz):
    changed = resample(sine(1000, rate=from_hz), from_hz, to_hz)
    assert changed.dtype == np.float32
    assert abs(len(changed) - to_hz) <= 1
    expected = sine(1000, rate=to_hz)[: len(changed)]
    np.testing.assert_allclose(middle(changed), middle(expected[: len(changed)]), atol=2e-3)


def test_frequencies_above_half_the_rate_are_removed():
    assert np.abs(middle(resample(sine(15_000, rate=44_100), 44_100, RATE))).max() < 1e-3


def test_the_notes_of_a_midi_file(tmp_path):
    song = mido.MidiFile(ticks_per_beat=480)
    melody, drums = mido.MidiTrack(), mido.MidiTrack()
    melody.append(mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(60)))
    melody.append(mido.Message("program_change", program=73))
    for note in (69, 81):
        melody.append(mido.Message("note_on", note=note, velocity=80))
        melody.append(mido.Message("note_off", note=note, time=480))
    drums.append(mido.Message("note_on", note=36, velocity=100, channel=9, time=240))
    drums.append(mido.Message("note_off", note=36, channel=9, time=120))
    song.tracks += [melody, drums]
    song.save(tmp_path / "song.mid")
    assert sorted(read_midi(tmp_path / "song.mid")) == [
        PlayedNote(0, 1, 69, 80, 73, drums=False),
        PlayedNote(0.5, 0.25, 36, 100, 0, drums=True),
        PlayedNote(1, 1, 81, 80, 73, drums=False),
    ]


def test_channels_of_opposite_phase_are_not_silence(tmp_path):
    sine = np.sin(np.arange(44_100) / 16).astype(np.float32)
    soundfile.write(tmp_path / "wide.wav", np.stack([sine / 2, -sine], axis=1), 22_050)
    soundfile.write(tmp_path / "opposed.wav", np.stack([sine, -sine], axis=1), 22_050)
    assert np.abs(read_audio(tmp_path / "opposed.wav")) == pytest.approx(np.abs(sine), abs=1e-3)
    assert np.abs(read_audio(tmp_path / "wide.wav")).max() > 0.2


def test_sounds_above_full_scale_are_levelled_with_a_word(tmp_path, capsys):
    sine = 4 * np.sin(np.arange(22_050) / 16).astype(np.float32)
    soundfile.write(tmp_path / "hot.wav", sine, 22_050, subtype="FLOAT")
    assert read_audio(tmp_path / "hot.wav") == pytest.approx(sine / 4, abs=1e-3)
    assert "hot.wav goes 12 dB above full scale" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("samples", "rate", "reason"),
    [
        (np.zeros(2000), 1, "has 1 samples a second"),
        (np.zeros(2000), 400_000, "has 400,000 samples a second"),
        (np.zeros((10, 33)), 8000, "has 33 channels"),
        (np.zeros(1000 * 60 * 31, np.int16), 1000, "is longer than 30 minutes"),
    ],
)
def test_limits_are_checked_before_anything_is_resampled(tmp_path, samples, rate, reason):
    soundfile.write(tmp_path / "a.wav", samples, rate)
    assert str(decoded((str(tmp_path / "a.wav"), 22_050))).startswith(reason)


def test_a_stream_of_unknown_length_is_read(tmp_path):
    sine = np.sin(np.arange(22_050) / 16).astype(np.float32) / 2
    soundfile.write(tmp_path / "a.flac", sine, 22_050)
    data = bytearray((tmp_path / "a.flac").read_bytes())
    data[21] &= 0xF0  # the last four bits of a byte, and four more bytes, hold the number of samples
    data[22:26] = bytes(4)
    (tmp_path / "b.flac").write_bytes(data)
    assert read_audio(tmp_path / "b.flac") == pytest.approx(sine, abs=1e-3)
