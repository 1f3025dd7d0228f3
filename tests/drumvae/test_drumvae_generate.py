import shutil

import mido
import numpy as np
import pytest
from scipy.stats import spearmanr
from smalldrums import pretrained

import drumvae
from drumvae import generate, playing
from drumvae.data.kit import Bars
from drumvae.data.midi_grooves import DRUM_CHANNEL, read_beat, write_beat
from drumvae.data.rules import bundled_rules
from drumvae.metrics.rhythm import hit_f1

pytestmark = pytest.mark.usefixtures("loaded_once", "unwatched")


@pytest.fixture
def play(completed, tmp_path):
    """Run the command; return the MIDI files that it wrote."""

    def run(*options, out="beats"):
        shutil.rmtree(tmp_path / out, ignore_errors=True)
        text = completed(generate.main, "--out", tmp_path / out, *options)
        files = sorted((tmp_path / out).glob("*.mid"))
        assert f"wrote {files[0]}" in text
        return files

    return run


@pytest.fixture
def my_beat(tmp_path):
    """Write six bars as a person plays them: two alike, one silent, and a tempo that changes."""
    bars = bundled_rules().sample(0, 6, [7])
    bars.hits[2] = False
    bars.hits[3] = bars.hits[0]
    path = tmp_path / "my beat.mid"
    write_beat(path, Bars.of(bars.hits, bars.velocities.clip(0.3), bars.offsets, tempo=np.array([90] * 4 + [99] * 2)))
    return path


def read(files):
    return [read_beat(file).bars for file in files]


def hits_in(files):
    return np.stack([bars.hits for bars in read(files)])


def test_the_function_and_the_command_compose_the_same(play, tmp_path):
    (file,) = play("--style", "jazz", "--count", 1, "--bars", 2, "--seed", 6)
    (beat,) = drumvae.beats(pretrained(), "Jazz", bars=2, seed=6)
    write_beat(tmp_path / "again.mid", beat)
    assert (tmp_path / "again.mid").read_bytes() == file.read_bytes()


def test_beats_are_drums_of_the_length_and_tempo_asked_for(play, monkeypatch):
    monkeypatch.setattr(playing, "_AT_ONCE", 2)
    files = play("--style", "rock", "--count", 3, "--bars", 3, "--tempo", "132.5")
    assert [file.name for file in files] == [f"rock-{number:03d}.mid" for number in range(1, 4)]
    for file in files:
        midi = mido.MidiFile(file)
        assert midi.length == pytest.approx(3 * 240 / 132.5, rel=1e-4)
        assert {message.channel for message in midi.tracks[0] if not message.is_meta} == {DRUM_CHANNEL}
    assert {len(bars) for bars in read(files)} == {3}
    assert len(np.unique(hits_in(files), axis=0)) == 3


def test_the_formats_that_are_asked_for(play, contents, tmp_path):
    options = ("--style", "rock", "--count", 2, "--bars", 1)
    play(*options, "--format", "midi,wav,png")
    every = contents(tmp_path / "beats")
    assert {name.rpartition(".")[2] for name in every} == {"mid", "wav", "png"}
    play(*options, "--png", out="two")
    play(*options, out="one")
    for out, suffixes in (("two", (".mid", ".png")), ("one", (".mid",))):
        assert contents(tmp_path / out) == {name: content for name, content in every.items() if name.endswith(suffixes)}


def test_a_blend_leads_from_one_style_to_the_other(play):
    rest = ("--bars", 8, "--tempo", 90, "--complexity", 0.6, "--humanize", 0.5, "--seed", 4)
    blended = play("--blend", "jazz:rock", "--steps", 5, *rest)
    assert [file.name for file in blended] == [f"jazz-rock-{number:03d}.mid" for number in range(1, 6)]
    for style, end in (("jazz", blended[0]), ("rock", blended[-1])):
        (own,) = play("--style", style, "--count", 1, *rest, out=style)
        assert own.read_bytes() == end.read_bytes()
    hits = hits_in(blended)
    assert spearmanr(range(5), [hit_f1(hits[0], step) for step in hits]).statistic <= -0.9


def test_variations_are_as_long_and_as_fast_as_the_beat_and_what_stays_is_played_as_before(play, my_beat):
    ours = read_beat(my_beat).bars
    files = play("--vary", my_beat, "--count", 3, "--amount", 0.8, "--humanize", 0.5)
    assert [file.name for file in files] == [f"my beat-{number:03d}.mid" for number in range(1, 4)]
    assert len(np.unique(hits_in(files), axis=0)) == 3
    for file, bars in zip(files, read(files), strict=True):
        assert bars.tempos.tolist() == ours.tempos.tolist()
        assert mido.MidiFile(file).length == pytest.approx(mido.MidiFile(my_beat).length)
        assert not bars.hits[2].any()
        assert (bars.hits[0] == bars.hits[3]).all()
        stays = bars.hits & ours.hits
        assert 0 < stays.sum() < ours.hits.sum()
        assert (bars.velocities[stays] == ours.velocities[stays]).all()
        assert (bars.offsets[stays] == ours.offsets[stays]).all()


def test_a_beat_on_the_grid_stays_on_the_grid(play, my_beat, tmp_path):
    bars = read_beat(my_beat).bars
    write_beat(tmp_path / "stiff.mid", Bars.of(bars.hits, bars.velocities, 0 * bars.offsets, tempo=90))
    options = ("--vary", tmp_path / "stiff.mid", "--count", 2, "--amount", 1)
    assert not any(result.offsets.any() for result in read(play(*options)))
    assert all(result.offsets.any() for result in read(play(*options, "--humanize", 1)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "one of the arguments --style --blend --vary is required"),
        (["--style", "rok"], "unknown style 'rok'; did you mean rock?"),
        (["--blend", "jazz"], "does not have two styles"),
        (["--blend", "jazz:rock:latin"], "does not have two styles"),
        (["--blend", "jazz:polka"], "unknown style 'polka'"),
        (["--blend", "jazz:jazz"], "has the same style twice"),
        (["--blend", "jazz:rock", "--steps", "1"], "--steps must be at least 2"),
        (["--blend", "jazz:rock", "--count", "4"], "--count goes with --style or --vary, not with --blend"),
        (["--style", "rock", "--steps", "4"], "--steps goes with --blend"),
        (["--style", "rock", "--amount", "0.4"], "--amount goes with --vary"),
        (["--style", "rock", "--tempo", "3"], "from 4 to 1000"),
        (["--style", "rock", "--format", "musicxml"], "unknown format 'musicxml'; choose from midi, wav, mp3, png"),
        (["--vary", "beat.mid", "--bars", "2"], "--bars goes with --style or --blend, not with --vary"),
        (["--vary", "none.mid"], "none.mid does not exist"),
    ],
)
def test_errors_are_one_line(refused, tmp_path, options, message):
    assert message in refused(generate.main, "--out", tmp_path / "beats", *options)
