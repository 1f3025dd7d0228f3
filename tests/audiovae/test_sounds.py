import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from smallsounds import tone

from audiovae import sounds as command
from audiovae.data import sounds
from audiovae.data.chunks import CHUNK, QUIETEST_RMS, RATE_HZ, loudness
from audiovae.data.recordings import Recording, deal
from audiovae.data.rendering import DRUMS, INSTRUMENTS, PROGRAMS, play_groove, play_tune
from audiovae.data.sounds import SPLITS, load_sounds
from drumvae.data.grooves import Bars, load_grooves
from manymodes.cli import UserError
from manymodes.files import cache_folder
from melodygan.data.corpus import Corpus
from melodygan.data.encoding import Note, Tune


def tune_of(pitches, name, steps=4):
    return Tune(tuple(Note(pitch, steps) for pitch in pitches), name=name, source=f"{name}.abc")


def loudest_frequency(chunk):
    """Return the loudest of the multiples of a quarter of a hertz."""
    return np.abs(np.fft.rfft(chunk * np.hanning(CHUNK), 4 * CHUNK)).argmax() / 4


def splits_of(result):
    return [getattr(result, side) for side in SPLITS]


@pytest.fixture(scope="module")
def small_corpus(tmp_path_factory):
    """Return a function: play ten chunks an instrument, of thirty tunes and few grooves; what is kept is kept here."""
    cache = tmp_path_factory.mktemp("cache")
    pitches = np.random.default_rng(0).choice([60, 62, 64, 65, 67, 69, 71, 72], (30, 32)).tolist()
    tunes = tuple(tune_of(row, f"tune {number}") for number, row in enumerate(pitches))
    corpus = Corpus("thirty", tunes, 30, (), 0, (), "0" * 64)
    patch = pytest.MonkeyPatch()
    patch.setenv("MANYMODES_CACHE", str(cache))
    patch.setattr(sounds, "load_corpus", lambda **_: corpus)
    patch.setattr(sounds, "load_grooves", lambda seed: load_grooves(per_style=10, seed=seed))
    yield lambda **options: load_sounds(**{"chunks": 10, **options})
    patch.undo()


@pytest.fixture(scope="module")
def played(small_corpus):
    return small_corpus()


@pytest.fixture
def record(folder):
    """Write a sound into the folder; return its path."""

    def write(name, signal, rate=RATE_HZ):
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(file, signal, rate)
        return file

    return write


@pytest.fixture
def three(record):
    """Write three good recordings."""
    for number, frequency in enumerate((200, 400, 800)):
        record(f"good {number}.wav", tone(frequency))


def test_every_instrument_has_as_many_chunks_and_no_tune_or_groove_is_in_two_splits(played):
    assert played.names == INSTRUMENTS == (*PROGRAMS, DRUMS)
    for side, count in zip(splits_of(played), (8, 1, 1), strict=True):
        assert np.bincount(side.instruments).tolist() == [count] * len(INSTRUMENTS)
        assert side.chunks.shape == (count * len(INSTRUMENTS), CHUNK)
        assert side.chunks.dtype == side.gains.dtype == np.float32
        from_groove = np.array(["groove" in played.origins[origin] for origin in side.origins])
        np.testing.assert_array_equal(from_groove, side.instruments == INSTRUMENTS.index(DRUMS))
    on_side = [set(np.array(played.origins)[side.origins]) for side in splits_of(played)]
    assert sum(map(len, on_side)) == len(set.union(*on_side))
    assert len(set(played.origins)) == len(played.origins)


def test_what_was_played_is_kept(played, small_corpus, monkeypatch):
    monkeypatch.setattr(sounds, "play_instrument", lambda *_: pytest.fail("it is in the cache"))
    kept = small_corpus()
    for field in ("fingerprint", "origins", "silent", "seed", "names"):
        assert getattr(kept, field) == getattr(played, field)
    for side, same in zip(splits_of(kept), splits_of(played), strict=True):
        for array, other in zip(side, same, strict=True):
            np.testing.assert_array_equal(array, other, strict=True)


def test_a_damaged_cache_is_made_again(played, small_corpus, monkeypatch, tmp_path):
    (kept,) = cache_folder().glob("sounds-*.npz")
    whole = kept.read_bytes()
    monkeypatch.setenv("MANYMODES_CACHE", str(tmp_path))
    (tmp_path / kept.name).write_bytes(whole[: len(whole) // 2])
    assert small_corpus().fingerprint == played.fingerprint
    assert (tmp_path / kept.name).read_bytes() == whole
    monkeypatch.setattr(sounds, "play_instrument", lambda *_: pytest.fail("another seed is not in the cache"))
    with pytest.raises(pytest.fail.Exception):
        small_corpus(seed=1)


def test_a_tune_is_played_at_its_pitches():
    take = play_tune(tune_of([69] * 40, "a", steps=16), PROGRAMS["flute"], np.random.default_rng(0))
    assert take.shape == (3, CHUNK)
    assert take.dtype == np.float32
    for chunk in take:
        assert loudest_frequency(chunk) == pytest.approx(440, rel=0.01)


@pytest.mark.parametrize(("tempo", "seconds"), [(60, 4), (100, 2), (120, 2), (300, 1)])
def test_a_groove_is_as_many_chunks_as_its_bar_has_seconds(tempo, seconds):
    hits = np.zeros((1, 16, 9))
    hits[0, [0, 4, 8, 12], [0, 1, 0, 1]] = 1
    bar = Bars.of(hits, 0.8 * hits, np.zeros_like(hits), tempo=tempo)
    take = play_groove(bar, 0, np.random.default_rng(0))
    assert take.shape == (seconds, CHUNK)
    assert (loudness(take) > QUIETEST_RMS).all()


def test_a_folder_is_read(record, folder):
    for instrument, frequency in (("bells", 1000), ("horns", 300)):
        for number in range(3):
            record(f"{instrument}/take {number}.wav", tone(frequency + number, amplitude=0.1))
    result = load_sounds(folder)
    assert result.source == str(folder)
    assert result.names == ("bells", "horns")
    assert result.origins == tuple(f"{name}/take {number}.wav" for name in result.names for number in range(3))
    for side in splits_of(result):
        assert np.bincount(side.instruments).tolist() == [3, 3]  # 2 seconds, half a second apart
        for chunk, instrument, gain, origin in zip(*side, strict=True):
            frequency = (1000, 300)[instrument] + origin % 3
            assert loudest_frequency(chunk) == pytest.approx(frequency, abs=0.5)
            np.testing.assert_allclose(np.abs(chunk * gain).max(), 0.1, atol=1e-3)


def test_silent_parts_are_left_out(record, folder, three):
    record("pauses.wav", np.concatenate([tone(300, 1), np.zeros(4 * RATE_HZ), tone(300, 1)]))
    result = load_sounds(folder, hop=CHUNK)
    number = result.origins.index("pauses.wav")
    assert sum((side.origins == number).sum() for side in splits_of(result)) == 2
    assert result.silent == 4
    assert "left out: 4" in result.table()


def test_files_that_are_of_no_use(record, folder, three):
    for hidden in (".hidden/a.wav", "._good 1.wav"):
        record(hidden, tone(100))
    (folder / "notes.txt").write_text("Not a sound.", encoding="utf-8")
    (folder / "text.wav").write_text("This is not a sound.", encoding="utf-8")
    record("silent.flac", np.zeros(3 * RATE_HZ))
    result = load_sounds(folder)
    assert result.origins == ("good 0.wav", "good 1.wav", "good 2.wav")
    assert result.names == (folder.name,)
    assert dict(result.skipped) == {
        "silent.flac": "is silent",
        "text.wav": "cannot be read as sound (it is damaged, or in another format)",
    }
    assert "    silent.flac: is silent" in result.table()


def test_not_more_chunks_than_asked_for(record, folder):
    for number in range(3):
        record(f"{number}.wav", tone(300 + number, 30))
    result = load_sounds(folder, chunks=20, hop=CHUNK)
    assert [len(side.chunks) for side in splits_of(result)] == [16, 2, 2]
    assert load_sounds(folder, chunks=20, hop=CHUNK).fingerprint == result.fingerprint
    assert load_sounds(folder, chunks=10_000, hop=CHUNK).train.chunks.shape == (30, CHUNK)


def test_instruments_with_few_files_are_to_learn_from():
    names = "abb" + 30 * "c"
    recordings = [Recording(f"{number}.wav", name, np.zeros((1, CHUNK)), 0) for number, name in enumerate(names)]
    train, validation, test = deal(recordings, 0)
    assert sorted(train + validation + test) == list(range(33))
    assert {0, 1, 2} <= set(train)
    assert (len(validation), len(test)) == (3, 3)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("nowhere", "nowhere does not exist: give a folder of sound files"),
        ("", "--sounds is empty"),
        ("~nobody-of-that-name/sounds", "does not exist"),
        ("one/a.wav", "is a file: give a folder"),
        ("folder", "no sounds in folder: it has no file of .wav, .flac, .ogg, .mp3"),
        ("one", "one has too few sounds for training and tests (1 of its files can be used): give three"),
        ("bad", "(0 of its files can be used, not a.wav: cannot be read as sound"),
    ],
)
def test_nothing_to_learn_from(folder, monkeypatch, source, expected):
    monkeypatch.chdir(folder.parent)
    for place in ("one", "bad"):
        Path(place).mkdir()
    soundfile.write("one/a.wav", tone(300), RATE_HZ)
    for name in ("a.wav", "b.wav"):
        Path("bad", name).write_text("No sound at all.", encoding="utf-8")
    with pytest.raises(UserError) as caught:
        load_sounds(source)
    assert expected in str(caught.value)


def test_sounds_are_written_as_they_were(completed, record, folder, tmp_path):
    for number in range(4):
        record(f"bells/{number}.wav", tone(500 + number, amplitude=0.2))
        record(f"horns/{number}.wav", tone(200 + number, amplitude=0.02))
    text = completed(command.main, "--sounds", folder, "--out", tmp_path / "out", "--count", 2, "--hop", 1, "--seed", 3)
    assert f"wrote 4 sounds to {tmp_path / 'out'}/" in text
    metadata = json.loads((tmp_path / "out" / "metadata.json").read_text(encoding="utf-8"))
    result = load_sounds(folder, seed=3, hop=CHUNK)
    assert result.table() in text
    assert metadata["fingerprint"] == result.fingerprint
    assert metadata["instruments"] == [
        {"name": name, "train": 4, "validation": 2, "test": 2} for name in ("bells", "horns")
    ]
    assert metadata["command"].startswith("python -m audiovae.sounds --sounds")
    files = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert files == {sound["file"] for sound in metadata["sounds"]} | {"metadata.json"}
    for sound in metadata["sounds"]:
        samples, rate = soundfile.read(tmp_path / "out" / sound["file"])
        assert (rate, len(samples)) == (RATE_HZ, CHUNK)
        amplitude, frequency = (0.2, 500) if sound["instrument"] == "bells" else (0.02, 200)
        assert np.abs(samples).max() == pytest.approx(amplitude, rel=0.01)
        assert loudest_frequency(samples) == pytest.approx(frequency + int(Path(sound["origin"]).stem), abs=0.5)
