import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

import audiovae
from audiovae.data import rendering, sounds
from audiovae.data.chunks import CHUNK, HOP, PEAK, QUIETEST_RMS, is_sounding, loudness
from audiovae.data.recordings import Recording, deal
from audiovae.data.rendering import DRUMS, INSTRUMENTS, KITS, PROGRAMS, play_groove, play_instrument, play_tune
from audiovae.data.sounds import SIDES, load_sounds
from drumvae.data.grooves import Bars, load_grooves
from manymodes import cli
from manymodes.cli import UserError
from manymodes.files import MANIFEST, cache_folder
from melodygan.data.corpus import Corpus
from melodygan.data.encoding import Note, Tune

RATE = 22_050
SECOND = np.arange(RATE) / RATE


def tune_of(pitches, name, steps=4):
    return Tune(tuple(Note(pitch, steps) for pitch in pitches), name=name, source=f"{name}.abc")


def random_tunes(count):
    rng = np.random.default_rng(0)
    scale = np.array([60, 62, 64, 65, 67, 69, 71, 72])
    return tuple(tune_of(rng.choice(scale, 32).tolist(), f"tune {number}") for number in range(count))


def tone(frequency, seconds=2.0, rate=RATE, amplitude=0.5):
    return amplitude * np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate)


def loudest_frequency(chunk):
    return np.fft.rfftfreq(4 * len(chunk), 1 / RATE)[
        np.abs(np.fft.rfft(chunk * np.hanning(len(chunk)), 4 * len(chunk))).argmax()
    ]


def sides_of(found):
    return [getattr(found, side) for side in SIDES]


@pytest.fixture(scope="module")
def small_corpus(tmp_path_factory):
    """Return a function: play ten chunks an instrument, of thirty tunes and few grooves; what is kept is kept here."""
    cache = tmp_path_factory.mktemp("cache")
    corpus = Corpus("thirty", random_tunes(30), 30, (), 0, (), "0" * 64)
    patch = pytest.MonkeyPatch()
    patch.setenv("MANYMODES_CACHE", str(cache))
    patch.setattr(sounds, "load_corpus", lambda **_: corpus)
    patch.setattr(sounds, "load_grooves", lambda seed: load_grooves(per_style=10, seed=seed))
    yield lambda **options: load_sounds(progress=False, **{"chunks": 10, **options})
    patch.undo()


@pytest.fixture(scope="module")
def played(small_corpus):
    return small_corpus()


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "recordings"
    path.mkdir()
    return path


@pytest.fixture
def record(folder):
    """Write a sound into the folder; return its path."""

    def write(name, signal, rate=RATE):
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


@pytest.fixture
def load(folder):
    return lambda source=folder, **options: load_sounds(source, progress=False, **options)


@pytest.fixture
def at_prompt(capsys):
    """Run the verb as a person would: return its exit code, what it printed and its errors."""

    def run(*arguments):
        with pytest.raises(SystemExit) as caught:
            cli.run(sounds.main, [str(argument) for argument in arguments])
        return caught.value.code, *capsys.readouterr()

    return run


# --- the corpus


def test_every_instrument_has_as_many_chunks(played):
    assert played.names == INSTRUMENTS == (*PROGRAMS, DRUMS)
    for side, count in zip(sides_of(played), (8, 1, 1), strict=True):
        assert np.bincount(side.instruments).tolist() == [count] * len(INSTRUMENTS)
        assert side.chunks.shape == (count * len(INSTRUMENTS), CHUNK)
        assert side.chunks.dtype == side.gains.dtype == np.float32
        assert len(side.gains) == len(side.origins) == len(side.chunks)


def test_chunks_are_loud_at_their_peaks_and_not_silent(played):
    for side in sides_of(played):
        np.testing.assert_allclose(np.abs(side.chunks).max(axis=1), PEAK, atol=1e-4)
        raw = side.chunks * side.gains[:, None]
        assert is_sounding(raw).all()
        assert (loudness(raw) >= QUIETEST_RMS).all()


def test_no_tune_or_groove_is_on_two_sides(played):
    on_side = [set(np.array(played.origins)[side.origins]) for side in sides_of(played)]
    assert sum(map(len, on_side)) == len(set.union(*on_side))
    assert len(set(played.origins)) == len(played.origins)
    for side in sides_of(played):
        from_groove = np.array(["groove" in played.origins[origin] for origin in side.origins])
        np.testing.assert_array_equal(from_groove, side.instruments == INSTRUMENTS.index(DRUMS))


def test_instruments_play_different_tunes(played):
    train = played.train
    of_instrument = [set(train.origins[train.instruments == number]) for number in range(len(PROGRAMS))]
    assert all(len(origins) >= 2 for origins in of_instrument)
    assert len(set.union(*of_instrument)) == sum(map(len, of_instrument))


def test_same_seed_same_sounds(played, small_corpus, monkeypatch, tmp_path):
    monkeypatch.setenv("MANYMODES_CACHE", str(tmp_path / "another cache"))
    again = small_corpus()
    assert again.fingerprint == played.fingerprint
    for side, same in zip(sides_of(again), sides_of(played), strict=True):
        for array, other in zip(side, same, strict=True):
            np.testing.assert_array_equal(array, other)
    assert small_corpus(seed=1).fingerprint != played.fingerprint


def test_what_was_played_is_kept(played, small_corpus, monkeypatch):
    monkeypatch.setattr(sounds, "play_instrument", lambda *_: pytest.fail("it is in the cache"))
    kept = small_corpus()
    assert kept.fingerprint == played.fingerprint
    assert (kept.origins, kept.silent, kept.seed, kept.names) == (
        played.origins,
        played.silent,
        played.seed,
        played.names,
    )
    for side, same in zip(sides_of(kept), sides_of(played), strict=True):
        for array, other in zip(side, same, strict=True):
            assert array.dtype == other.dtype
            np.testing.assert_array_equal(array, other)


@pytest.mark.parametrize("content", [b"", b"not an archive", None])
def test_a_damaged_cache_is_made_again(played, small_corpus, monkeypatch, tmp_path, content):
    (kept,) = cache_folder().glob("sounds-*.npz")
    whole = kept.read_bytes()
    monkeypatch.setenv("MANYMODES_CACHE", str(tmp_path))
    (tmp_path / kept.name).write_bytes(whole[: len(whole) // 2] if content is None else content)
    assert small_corpus().fingerprint == played.fingerprint
    assert (tmp_path / kept.name).read_bytes() == whole


def test_a_cache_that_cannot_be_written(played, small_corpus, monkeypatch, tmp_path, capsys):
    (tmp_path / "file").touch()
    monkeypatch.setenv("MANYMODES_CACHE", str(tmp_path / "file"))
    assert small_corpus().fingerprint == played.fingerprint
    assert "cannot be kept" in capsys.readouterr().err


def test_too_few_chunks():
    with pytest.raises(ValueError, match="9 chunks an instrument are too few"):
        load_sounds(chunks=9)


# --- playing


def test_a_tune_is_played_at_its_pitches():
    take = play_tune(tune_of([69] * 40, "a", steps=16), PROGRAMS["flute"], np.random.default_rng(0))
    assert take.shape == (3, CHUNK)
    assert take.dtype == np.float32
    for chunk in take:
        assert loudest_frequency(chunk) == pytest.approx(440, rel=0.01)


def test_rests_are_silent_and_chunks_follow_one_another():
    tune = tune_of([None, 69] * 8, "on and off", steps=8)  # at these tempos a rest is 0.8 seconds or more
    for seed in range(8):
        take = play_tune(tune, PROGRAMS["flute"], np.random.default_rng(seed)).ravel()
        assert np.abs(np.diff(take)).max() < 0.2  # no seam within
        silent = np.diff(np.flatnonzero(np.concatenate([[True], take != 0, [True]])))
        assert 0.2 * RATE < silent.max() < 1.5 * RATE
        assert 0.3 < (np.abs(take) > 1e-3).mean() < 0.9


def test_a_short_tune_is_over_before_its_take():
    take = play_tune(tune_of([60, 62], "short"), 0, np.random.default_rng(0))
    assert take.shape == (3, CHUNK)
    assert not is_sounding(take)[2]


def bar_of(hits, tempo):
    """Return one bar with so many (step, instrument) hits."""
    cells = np.zeros((1, 16, 9))
    for step, drum in hits:
        cells[0, step, drum] = 1
    return Bars.of(cells, cells * 0.8, np.zeros_like(cells), tempo=tempo)


@pytest.mark.parametrize(("tempo", "seconds"), [(60, 4), (100, 2), (120, 2), (300, 1)])
def test_a_groove_is_as_many_chunks_as_its_bar_has_seconds(tempo, seconds):
    take = play_groove(bar_of([(0, 0), (4, 1), (8, 0), (12, 1)], tempo), 0, np.random.default_rng(0))
    assert take.shape == (seconds, CHUNK)
    assert (loudness(take) > QUIETEST_RMS).all()


def test_hits_are_played_at_their_steps():
    rng = np.random.default_rng(0)
    take = play_groove(bar_of([(0, 1), (8, 1)], 120), 0, rng).ravel()  # a snare each second
    energy = np.convolve(take**2, np.ones(200), "same")
    onsets = np.flatnonzero((energy[1:] > 0.2) & (energy[:-1] <= 0.2))
    onsets = onsets[np.insert(np.diff(onsets) > RATE // 4, 0, True)]
    assert len(onsets) >= 1
    np.testing.assert_allclose(np.diff(onsets), RATE, atol=RATE // 100)


def test_a_groove_without_hits_is_silent():
    assert not play_groove(bar_of([], 120), 0, np.random.default_rng(0)).any()


def test_an_instrument_that_makes_no_sound(monkeypatch):
    monkeypatch.setattr(rendering, "render", lambda _, rate, seconds: np.zeros(rate * seconds, np.float32))
    with pytest.raises(RuntimeError, match="hardly a sound of the piano"):
        play_instrument("piano", random_tunes(2), load_grooves(per_style=2).train, 2, [0])


def test_kits_and_programs_are_different():
    assert len(set(KITS.values())) == len(KITS)
    assert len(set(PROGRAMS.values())) == len(PROGRAMS)


# --- recordings


def test_a_folder_is_read(record, load, folder):
    for instrument, frequency in (("bells", 1000), ("horns", 300)):
        for number in range(3):
            record(f"{instrument}/take {number}.wav", tone(frequency + number, amplitude=0.1))
    found = load()
    assert found.source == str(folder)
    assert found.names == ("bells", "horns")
    assert found.rate_hz == RATE
    assert found.origins == tuple(f"{name}/take {number}.wav" for name in found.names for number in range(3))
    for side in sides_of(found):
        assert np.bincount(side.instruments).tolist() == [3, 3]  # 2 seconds, half a second apart
        for chunk, instrument, gain, origin in zip(*side, strict=True):
            frequency = (1000, 300)[instrument] + origin % 3
            assert loudest_frequency(chunk) == pytest.approx(frequency, abs=0.5)
            np.testing.assert_allclose(np.abs(chunk * gain).max(), 0.1, atol=1e-3)


def test_no_file_is_on_two_sides(record, load):
    for number in range(20):
        record(f"{number}.wav", tone(300 + 10 * number))
    found = load()
    on_side = [set(side.origins) for side in sides_of(found)]
    assert [len(origins) for origins in on_side] == [16, 2, 2]
    assert set.union(*on_side) == set(range(20))
    assert [set(side.origins) for side in sides_of(load(seed=1))] != on_side


@pytest.mark.parametrize("ending", ["wav", "flac", "ogg", "mp3"])
@pytest.mark.parametrize("rate", [8000, 44_100])
def test_formats_rates_and_channels(record, load, ending, rate):
    for number in range(3):
        record(f"{number}.{ending.upper() if number else ending}", np.stack([tone(500, rate=rate)] * 2, axis=1), rate)
    for side in sides_of(load()):
        for chunk in side.chunks:
            assert loudest_frequency(chunk) == pytest.approx(500, abs=1)


def test_hidden_files_and_others_are_left_out(record, load, folder, three):
    record(".hidden/a.wav", tone(100))
    record("._good 1.wav", tone(100))
    (folder / "notes.txt").write_text("Not a sound.", encoding="utf-8")
    found = load()
    assert found.origins == ("good 0.wav", "good 1.wav", "good 2.wav")
    assert found.names == (folder.name,)
    assert found.skipped == ()


@pytest.mark.parametrize(("hop", "count"), [(CHUNK, 2), (HOP, 3), (CHUNK // 5, 6)])
def test_the_hop(load, three, hop, count):
    assert [len(side.chunks) for side in sides_of(load(hop=hop))] == [count] * 3


def test_a_short_sound_is_padded(record, load, three):
    file = record("hit.wav", tone(1000, 0.1))
    found = load()
    (number,) = (place for place, name in enumerate(found.origins) if name == file.name)
    (chunk,) = (
        chunk
        for side in sides_of(found)
        for chunk, origin in zip(side.chunks, side.origins, strict=True)
        if origin == number
    )
    assert loudest_frequency(chunk[: RATE // 10]) == pytest.approx(1000, abs=10)
    assert not chunk[RATE // 10 :].any()


def test_silent_parts_are_left_out(record, load, three):
    record("pauses.wav", np.concatenate([tone(300, 1), np.zeros(4 * RATE), tone(300, 1)]))
    found = load(hop=CHUNK)
    number = found.origins.index("pauses.wav")
    assert sum((side.origins == number).sum() for side in sides_of(found)) == 2
    assert found.silent == 4
    assert "left out: 4" in found.table()


def test_files_that_are_of_no_use(record, load, folder, three):
    (folder / "text.wav").write_text("This is not a sound.", encoding="utf-8")
    record("empty.wav", np.zeros(0))
    record("silent.flac", np.zeros(3 * RATE))
    soundfile.write(folder / "odd.wav", np.full(RATE, np.nan), RATE, subtype="FLOAT")
    found = load()
    assert dict(found.skipped) == {
        "empty.wav": "is empty",
        "odd.wav": "has samples that are no numbers",
        "silent.flac": "is silent",
        "text.wav": "cannot be read as sound (Format not recognised)",
    }
    assert "skipped: 4" in found.table()
    assert "    silent.flac: is silent" in found.table()
    assert "and 3 more" in found.table(limit=1)


def test_a_folder_may_move(load, folder, three):
    before = load()
    moved = folder.rename(folder.with_name("moved"))
    after = load(moved)
    assert [side.origins.tolist() for side in sides_of(after)] == [side.origins.tolist() for side in sides_of(before)]
    for side, same in zip(sides_of(after), sides_of(before), strict=True):
        np.testing.assert_array_equal(side.chunks, same.chunks)


def test_not_more_chunks_than_asked_for(record, load):
    for number in range(3):
        record(f"{number}.wav", tone(300 + number, 30))
    found = load(chunks=20, hop=CHUNK)
    assert [len(side.chunks) for side in sides_of(found)] == [16, 2, 2]
    assert load(chunks=20, hop=CHUNK).fingerprint == found.fingerprint
    assert load(chunks=10_000, hop=CHUNK).train.chunks.shape == (30, CHUNK)


def test_instruments_with_few_files_are_to_learn_from():
    recordings = [
        Recording(f"{name}/{n}.wav", name, np.zeros((1, CHUNK)), 0)
        for name, m in (("a", 1), ("b", 2), ("c", 30))
        for n in range(m)
    ]
    train, validation, test = deal(recordings, 0)
    assert sorted(train + validation + test) == list(range(33))
    assert {0, 1, 2} <= set(train)
    assert (len(validation), len(test)) == (3, 3)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("nowhere", "nowhere does not exist: give a folder of sound files"),
        ("", "--sounds is empty"),
        ("~nobody-of-that-name/sounds", "does not exist"),
        ("one/a.wav", "is a file: give a folder"),
        ("recordings", "no sounds in recordings: it has no file of .wav, .flac, .ogg, .mp3"),
        ("one", "one has too few sounds to learn from and to judge by (1 of its files can be used): give three"),
        ("bad", "(0 of its files can be used, not a.wav: cannot be read as sound (Format not recognised), and 1 more)"),
    ],
)
def test_nothing_to_learn_from(load, folder, monkeypatch, source, said):
    monkeypatch.chdir(folder.parent)
    for place in ("one", "bad"):
        Path(place).mkdir()
    soundfile.write("one/a.wav", tone(300), RATE)
    for name in ("a.wav", "b.wav"):
        Path("bad", name).write_text("No sound at all.", encoding="utf-8")
    with pytest.raises(UserError) as caught:
        load(source)
    assert said in str(caught.value)


# --- the verb


def test_the_verb_writes_sounds_as_they_were(at_prompt, record, folder, tmp_path):
    for number in range(4):
        record(f"bells/{number}.wav", tone(500 + number, amplitude=0.2))
        record(f"horns/{number}.wav", tone(200 + number, amplitude=0.02))
    code, text, errors = at_prompt("--sounds", folder, "--out", tmp_path / "out", "--count", 2, "--hop", 1, "--seed", 3)
    assert (code, errors) == (0, "")
    assert f"wrote 4 sounds to {tmp_path / 'out'}/" in text
    metadata = json.loads((tmp_path / "out" / "metadata.json").read_text(encoding="utf-8"))
    found = load_sounds(folder, seed=3, hop=CHUNK, progress=False)
    assert found.table() in text
    assert metadata["fingerprint"] == found.fingerprint
    assert metadata["instruments"] == [
        {"name": name, "train": 4, "validation": 2, "test": 2} for name in ("bells", "horns")
    ]
    assert metadata["command"].startswith("python -m audiovae.data.sounds --sounds")
    files = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert files == {sound["file"] for sound in metadata["sounds"]} | {"metadata.json", MANIFEST}
    for sound in metadata["sounds"]:
        samples, rate = soundfile.read(tmp_path / "out" / sound["file"])
        assert (rate, len(samples)) == (RATE, CHUNK)
        amplitude, frequency = (0.2, 500) if sound["instrument"] == "bells" else (0.02, 200)
        assert np.abs(samples).max() == pytest.approx(amplitude, rel=0.01)
        assert loudest_frequency(samples) == pytest.approx(frequency + int(Path(sound["origin"]).stem), abs=0.5)


def test_the_same_command_writes_the_same_bytes(at_prompt, small_corpus, tmp_path):
    small_corpus()
    written = []
    for name in ("one", "two"):
        assert at_prompt("--out", tmp_path / name, "--chunks", 10)[0] == 0
        files = sorted((tmp_path / name).rglob("*.wav"))
        assert len(files) == 3 * len(INSTRUMENTS)
        written.append({file.relative_to(tmp_path / name): file.read_bytes() for file in files})
    assert written[0] == written[1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--chunks", 9), "too few for three sides: give 10 or more"),
        (("--hop", 0), "--hop"),
        (("--hop", 1.5), "--hop"),
        (("--count", 0), "--count"),
        (("--seed", -1), "--seed"),
        (("--sounds", "nowhere"), "nowhere does not exist"),
    ],
)
def test_mistakes_are_told_in_one_line(at_prompt, tmp_path, arguments, said):
    code, _, errors = at_prompt("--out", tmp_path / "out", *arguments)
    assert code == 2
    assert said in errors
    assert errors.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_folder_of_somebody_elses_stays(at_prompt, three, folder, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("Mine.", encoding="utf-8")
    code, _, errors = at_prompt("--sounds", folder, "--out", tmp_path / "out")
    assert code == 2
    assert "mine.txt" in errors
    assert at_prompt("--sounds", folder, "--out", tmp_path / "out", "--force")[0] == 0
    assert (tmp_path / "out.1" / "mine.txt").read_text(encoding="utf-8") == "Mine."


def test_help_needs_neither_tensorflow_nor_librosa():
    program = (
        "import sys\n"
        "from audiovae.data import sounds\n"
        "try:\n    sounds.main(['--help'])\n"
        "finally:\n    print({'tensorflow', 'librosa', 'music21'} & set(sys.modules))"
    )
    root = Path(audiovae.__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=root)
    assert "python -m audiovae.data.sounds" in done.stdout
    assert done.stdout.rstrip().endswith("set()")
