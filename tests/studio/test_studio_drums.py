import numpy as np
import pytest
from studiomodels import PEOPLE, STYLES, beat_file

from drumvae.data.kit import INSTRUMENTS, STEPS, Bars
from drumvae.data.midi_grooves import write_beat
from manymodes.cli import UserError
from manymodes.music.audio import read_audio, read_midi
from manymodes.music.formats import RATE_HZ
from manymodes.music.soundfont import render
from manymodes_studio import drums

ASKED = {"bars": 2, "complexity": 0.5, "humanize": 1.0, "tempo": 120.0, "seed": 5}
MACHINE = {**ASKED, "humanize": 0.0}


@pytest.fixture
def model(models):
    return models.loaded["drums-styles"]


def even(count=5):
    return [1.0] * count


def late_hit():
    """Return a bar whose only hit, a crash on its last sixteenth, rings on when the bar is over."""
    hits = np.zeros((1, STEPS, len(INSTRUMENTS)), bool)
    hits[0, -1, INSTRUMENTS.index("crash")] = True
    return Bars.of(hits, np.full(hits.shape, 0.8), np.zeros(hits.shape), tempo=120)


def test_a_loop_has_the_bars_and_the_tempo_that_were_asked_for(model):
    bars = drums.play(model, even(), **ASKED)
    assert len(bars) == 2
    assert (bars.tempos == 120).all()
    assert bars.hits.any(axis=(1, 2)).all()


def test_only_the_proportions_of_sliders_count(model):
    shares = [0.2, 0.0, 0.4, 0.0, 0.2]
    loud = drums.play(model, [2 * share for share in shares], **MACHINE)
    assert (drums.play(model, shares, **MACHINE).hits == loud.hits).all()


def test_all_sliders_at_nothing_are_a_message(model):
    with pytest.raises(UserError, match="raise one of them"):
        drums.play(model, [0.0] * 5, **ASKED)


def test_more_complexity_never_has_fewer_hits(model):
    counts = [
        drums.play(model, even(), **{**MACHINE, "complexity": complexity}).hits.sum()
        for complexity in (0.0, 0.3, 0.6, 1.0)
    ]
    assert counts == sorted(counts)
    assert counts[0] < counts[-1]


def test_a_machine_plays_on_the_grid_and_people_do_not(model):
    assert not drums.play(model, even(), **MACHINE).offsets.any()
    assert drums.play(model, even(), **ASKED).offsets.any()


def test_models_know_different_numbers_of_styles(models):
    for name, styles in (("drums-styles", STYLES), ("drums-groove", PEOPLE)):
        assert models.loaded[name].styles == styles
        assert len(drums.play(models.loaded[name], even(len(styles)), **ASKED)) == 2


def test_what_is_kept_whole_stays(model, tmp_path):
    source, remarks = drums.read_beat(beat_file(tmp_path / "beat.mid"))
    how = {"complexity": 0.5, "humanize": 1.0, "seed": 1}
    kept = drums.transfer(model, source, even(), keep=1.0, **how)
    assert not remarks
    assert (kept.hits == source.hits).all()
    assert (kept.tempos == source.tempos).all()
    assert (drums.transfer(model, source, even(), keep=0.0, **how).hits != source.hits).any()


def test_of_a_long_beat_only_the_beginning_is_played(tmp_path):
    bars, remarks = drums.read_beat(beat_file(tmp_path / "long.mid", bars=40))
    assert len(bars) == 16
    assert remarks == ("the first 16 of 40 bars",)


@pytest.mark.parametrize("content", [b"no MIDI", b"MThd\x00\x00\x00\x06\x00\x00\x00\x00\x01\xe0"])
def test_a_file_without_a_beat_is_a_message(tmp_path, content):
    file = tmp_path / "bad.mid"
    file.write_bytes(content)
    with pytest.raises(UserError, match="is no beat"):
        drums.read_beat(file)


def test_a_loop_is_exactly_as_long_as_its_bars(model, tmp_path):
    bars = drums.play(model, even(), **{**ASKED, "tempo": 93.0})
    sound = read_audio(drums.write(tmp_path / "loop", bars, ["wav"])["wav"], RATE_HZ)
    assert len(sound) == round(2 * 4 * 60 / 93 * RATE_HZ)


def test_what_rings_on_at_the_end_is_heard_at_the_beginning(tmp_path):
    write_beat(tmp_path / "crash.mid", late_hit())
    once = render(read_midi(tmp_path / "crash.mid"), RATE_HZ)
    turned = drums.turning(tmp_path / "crash.mid", 2.0)
    begins = np.flatnonzero(np.abs(once) > 0)[0]
    assert begins > 1.8 * RATE_HZ
    assert np.abs(turned[:1000]).max() > 0.05
    # No step where the end meets the beginning, beyond those that the sound itself has.
    assert abs(turned[0] - turned[-1]) <= np.abs(np.diff(turned)).max()


def test_what_is_over_in_time_sounds_as_it_is(tmp_path):
    write_beat(tmp_path / "crash.mid", late_hit())
    once = render(read_midi(tmp_path / "crash.mid"), RATE_HZ)
    turned = drums.turning(tmp_path / "crash.mid", 60.0)
    assert len(turned) == 60 * RATE_HZ
    assert np.allclose(turned[: len(once)], 0.9 * once / np.abs(once).max(), atol=1e-6)
    assert not turned[len(once) :].any()


def test_each_format_has_its_file(model, tmp_path):
    made = drums.write(tmp_path / "beat", drums.play(model, even(), **ASKED), drums.FORMATS)
    assert {name: file.suffix for name, file in made.items()} == {"wav": ".wav", "midi": ".mid", "png": ".png"}
    assert all(file.stat().st_size for file in made.values())
