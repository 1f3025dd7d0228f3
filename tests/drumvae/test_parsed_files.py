import mido
import numpy as np
import pytest

from drumvae.data import midi_grooves
from drumvae.data.midi_grooves import Beat, parse_files, write_beat
from drumvae.data.rules import bundled_rules
from manymodes.files import CACHE_VARIABLE

NAMES = ["rock/1.mid", "rock/2.mid", "jazz/1.mid", "jazz/words.mid", "jazz/cowbell.mid", "jazz/gone.mid"]


@pytest.fixture
def cache(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    monkeypatch.setenv(CACHE_VARIABLE, str(folder))
    monkeypatch.setattr(midi_grooves, "_WORTH_KEEPING", 5)
    return folder


@pytest.fixture
def beats(tmp_path):
    """Write three beats, one with a cowbell, what is none, and a name without a file."""
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


@pytest.fixture
def no_parsing(monkeypatch):
    """Return a function after which nothing can be parsed any more."""
    return lambda: monkeypatch.delattr(midi_grooves, "parse_beat")


def parse(folder, names=NAMES):
    return parse_files(folder, names, progress=False)


def same(found, expected):
    """Whether beats, or reasons why there are none, are the same to the bit."""
    if found.keys() != expected.keys():
        return False
    for name, beat in expected.items():
        if not isinstance(beat, Beat):
            if found[name] != beat:
                return False
            continue
        if found[name].unmapped != beat.unmapped:
            return False
        for field, array in vars(beat.bars).items():
            kept = getattr(found[name].bars, field)
            if kept.dtype != array.dtype or not np.array_equal(kept, array):
                return False
    return True


def test_what_was_parsed_is_kept_to_the_bit(beats, cache, no_parsing):
    first = parse(beats)
    assert len(list(cache.iterdir())) == 1
    no_parsing()
    assert same(parse(beats), first)


def test_the_cache_knows_contents_and_not_places(beats, cache, no_parsing, tmp_path):
    first = parse(beats)
    no_parsing()
    assert same(parse(beats.rename(tmp_path / "elsewhere")), first)


@pytest.mark.parametrize("change", ["content", "name", "number"])
def test_other_files_are_parsed_anew(beats, cache, no_parsing, change):
    names = list(NAMES)
    parse(beats)
    if change == "content":
        write_beat(beats / NAMES[0], bundled_rules().sample(4, 3, [9]))
    elif change == "name":
        names[0] = "rock/9.mid"
        (beats / NAMES[0]).rename(beats / names[0])
    else:
        (beats / NAMES[5]).unlink()
        (beats / NAMES[5]).write_bytes((beats / NAMES[1]).read_bytes())
    found = parse(beats, names)
    assert all(isinstance(found[name], Beat) for name in names[:3])
    assert found[names[0]].bars.sources[0] == names[0]
    assert len(list(cache.iterdir())) == 2
    no_parsing()
    assert same(parse(beats, names), found)


@pytest.mark.parametrize("damage", [b"", b"words", None])
def test_a_damaged_cache_is_made_again(beats, cache, no_parsing, damage):
    first = parse(beats)
    (kept,) = cache.iterdir()
    whole = kept.read_bytes()
    kept.write_bytes(whole[: len(whole) // 2] if damage is None else damage)
    assert same(parse(beats), first)
    assert kept.read_bytes() == whole
    no_parsing()
    assert same(parse(beats), first)


def test_a_new_parser_does_not_trust_the_old_one(beats, cache, no_parsing, monkeypatch):
    parse(beats)
    monkeypatch.setattr(midi_grooves, "_PARSER_VERSION", 0)
    no_parsing()
    with pytest.raises(NameError):
        parse(beats)


def test_a_cache_that_cannot_be_written_is_no_obstacle(beats, cache, capsys):
    cache.write_text("a file in the way", encoding="utf-8")
    found = parse(beats)
    assert same(parse(beats), found)
    assert "note: what was read cannot be kept in" in capsys.readouterr().err
