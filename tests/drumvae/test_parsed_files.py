import mido
import numpy as np
import pytest

from drumvae.data import midi_grooves
from drumvae.data.midi_grooves import Beat, parse_files, write_beat
from drumvae.data.rules import bundled_rules

NAMES = ["rock/1.mid", "rock/2.mid", "jazz/1.mid", "jazz/words.mid", "jazz/cowbell.mid", "jazz/gone.mid"]


@pytest.fixture
def cache(cache, monkeypatch):
    monkeypatch.setattr(midi_grooves, "_WORTH_CACHING", 5)
    return cache


@pytest.fixture
def beats(tmp_path):
    """Write three beats, one with a cowbell, a text file, and a name without a file."""
    folder = tmp_path / "beats"
    for number, name in enumerate(NAMES[:3] + NAMES[4:5]):
        bars = bundled_rules().sample(number % 3, 2 + number, [number])
        bars.hits[1] &= number > 0  # a silent bar is a bar
        write_beat(folder / name, bars)
    cowbell = mido.MidiFile(folder / NAMES[4])
    for _ in range(3):
        cowbell.tracks[0].insert(2, mido.Message("note_on", channel=9, note=56, velocity=60))
    cowbell.save(folder / NAMES[4])
    (folder / NAMES[3]).write_text("these are words", encoding="utf-8")
    (folder / NAMES[5]).symlink_to("nowhere")
    return folder


def parse(folder, names=NAMES):
    """Return the results as values that can be compared to the bit."""
    return {
        name: result
        if isinstance(result, str)
        else [result.unmapped, *((array.dtype.kind, array.tolist()) for array in vars(result.bars).values())]
        for name, result in parse_files(folder, names, progress=False).items()
    }


@pytest.mark.parametrize("moved", [False, True])
def test_results_are_cached_to_the_bit_wherever_the_files_are(beats, cache, monkeypatch, tmp_path, moved):
    first = parse(beats)
    assert len(list(cache.iterdir())) == 1
    monkeypatch.delattr(midi_grooves, "parse_beat")
    assert parse(beats.rename(tmp_path / "elsewhere") if moved else beats) == first


@pytest.mark.parametrize("change", ["content", "name"])
def test_other_files_are_parsed_again(beats, cache, change):
    parse(beats)
    names = ["rock/9.mid", *NAMES[1:]] if change == "name" else NAMES
    write_beat(beats / names[0], bundled_rules().sample(4, 3, [9]))
    results = parse_files(beats, names, progress=False)
    assert isinstance(results[names[0]], Beat)
    np.testing.assert_array_equal(results[names[0]].bars.sources, [names[0]] * 3)
    assert len(list(cache.iterdir())) == 2


@pytest.mark.parametrize("damage", [b"", b"words", None])
def test_a_damaged_cache_is_made_again(beats, cache, damage):
    first = parse(beats)
    (cached,) = cache.iterdir()
    whole = cached.read_bytes()
    cached.write_bytes(whole[: len(whole) // 2] if damage is None else damage)
    assert parse(beats) == first
    assert cached.read_bytes() == whole


def test_without_a_cache_files_are_parsed_every_time(beats, cache, capsys):
    cache.write_text("a file in the way", encoding="utf-8")
    assert parse(beats) == parse(beats)
    assert "note: parsed beats cannot be cached in" in capsys.readouterr().err
