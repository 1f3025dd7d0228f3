import numpy as np
import pytest
from studiomodels import beat_file

from drumvae.data.kit import INSTRUMENTS, STEPS, Bars
from drumvae.data.midi_grooves import write_beat
from manymodes.cli import UserError
from manymodes.music.audio import read_audio, read_midi
from manymodes.music.formats import RATE_HZ
from manymodes.music.soundfont import render
from manymodes_studio import drums

OPTIONS = {"bars": 2, "complexity": 0.5, "humanize": 0.0, "tempo": 93.0, "seed": 5}
EVEN = [1.0] * 5


@pytest.fixture
def model(models):
    return models.loaded["drums-styles"]


def test_only_the_proportions_of_sliders_count(model):
    shares = [0.2, 0.0, 0.4, 0.0, 0.2]
    loud = drums.play(model, [2 * share for share in shares], **OPTIONS)
    assert (drums.play(model, shares, **OPTIONS).hits == loud.hits).all()
    with pytest.raises(UserError, match="raise one of them"):
        drums.play(model, [0.0] * 5, **OPTIONS)


def test_a_beat_that_is_kept_stays(model, tmp_path):
    source, remarks = drums.read_beat(beat_file(tmp_path / "beat.mid"))
    options = {"complexity": 0.5, "humanize": 1.0, "seed": 1, "tempo": 100, "count": 2}
    kept = drums.transfer(model, source, EVEN, keep=1.0, **options)
    assert not remarks
    assert (kept.hits == source.hits).all()
    assert (kept.tempos == source.tempos).all()
    assert (drums.transfer(model, source, EVEN, keep=0.0, **options).hits != source.hits).any()
    begun, remarks = drums.read_beat(beat_file(tmp_path / "long.mid", bars=40))
    assert (len(begun), remarks) == (16, ("the first 16 of 40 bars",))
    longer = drums.transfer(model, source, EVEN, keep=1.0, **{**options, "tempo": 133, "count": 5})
    assert longer.tempos.tolist() == [133] * 5
    assert (longer.hits == source.hits[[0, 1, 0, 1, 0]]).all()


def test_changing_nothing_is_a_variation(model):
    before = drums.play(model, EVEN, **OPTIONS)
    same = drums.play(model, EVEN, **OPTIONS)
    assert (drums.change(model, before, same, seed=1).hits != before.hits).any()
    other = drums.play(model, EVEN, **{**OPTIONS, "complexity": 1.0})
    assert drums.change(model, before, other, seed=1) is other


def test_hits_are_toggled_and_rows_locked_muted_and_alone(model):
    before = drums.play(model, EVEN, **OPTIONS)
    place = (1, 3, INSTRUMENTS.index("crash"))
    edited = drums.toggled(before, place, not before.hits[place])
    assert (edited.hits != before.hits).sum() == 1
    assert (drums.toggled(edited, place, before.hits[place]).hits == before.hits).all()
    after = drums.play(model, EVEN, **{**OPTIONS, "bars": 3, "seed": 6})
    kept = drums.locked(after, before, {0})
    assert (kept.hits[..., 0] == before.hits[[0, 1, 0]][..., 0]).all()
    assert (kept.hits[..., 1:] == after.hits[..., 1:]).all()
    assert not drums.audible(before, {0}, ()).hits[..., 0].any()
    assert not drums.audible(before, (), {0}).hits[..., 1:].any()


def test_a_place_in_a_square_mixes_the_styles_of_its_corners():
    assert drums.shares_at(0, 0) == [1, 0, 0, 0]
    assert drums.shares_at(1, 1) == [0, 0, 0, 1]
    assert sum(drums.shares_at(0.3, 0.8)) == pytest.approx(1)


@pytest.mark.parametrize("seconds", [2.0, 60.0], ids=["shorter than the sound", "longer"])
def test_a_sound_that_rings_on_is_heard_at_the_beginning(tmp_path, seconds):
    """The only hit, a crash on the last sixteenth of a bar, rings on after the bar."""
    hits = np.zeros((1, STEPS, len(INSTRUMENTS)), bool)
    hits[0, -1, INSTRUMENTS.index("crash")] = True
    write_beat(tmp_path / "crash.mid", Bars.of(hits, np.full(hits.shape, 0.8), np.zeros(hits.shape), tempo=120))
    once = render(read_midi(tmp_path / "crash.mid"), RATE_HZ)
    turned = drums.turning(tmp_path / "crash.mid", seconds)
    expected = np.zeros(round(seconds * RATE_HZ))
    np.add.at(expected, np.arange(len(once)) % len(expected), once)
    np.testing.assert_allclose(turned, 0.9 * expected / np.abs(expected).max(), atol=1e-6)
    assert (np.abs(turned[:1000]).max() > 0.05) == (seconds == 2.0)


def test_each_format_has_its_file(model, tmp_path):
    bars = drums.play(model, EVEN, **OPTIONS)
    files = drums.write(tmp_path / "beat", bars, drums.FORMATS)
    assert {name: file.suffix for name, file in files.items()} == {"wav": ".wav", "midi": ".mid", "png": ".png"}
    assert all(file.stat().st_size for file in files.values())
    assert len(read_audio(files["wav"], RATE_HZ)) == round(2 * 4 * 60 / 93 * RATE_HZ)
    assert drums.described(bars)[::2] == ("2 bars", "93 BPM")
