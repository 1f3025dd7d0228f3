import shutil

import mido
import numpy as np
import pytest
import soundfile
from scipy.stats import spearmanr
from test_drum_composing import SKINS, small_model

import drumvae
from drumvae import generate, playing
from drumvae.data.kit import INSTRUMENTS, STEPS, Bars
from drumvae.data.midi_grooves import DRUM_CHANNEL, read_beat, write_beat
from drumvae.data.rules import bundled_rules
from drumvae.metrics.rhythm import hit_f1
from manymodes.files import save_keras
from manymodes.music.audio import read_midi
from manymodes.music.formats import RATE_HZ, sound_of


@pytest.fixture(scope="module")
def model_path(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.keras"
    save_keras(small_model(), path)
    return path


@pytest.fixture(autouse=True)
def load_once(monkeypatch, model_path):
    """Have the small model at hand: what it plays must not depend on what it has played before."""
    monkeypatch.setattr(generate, "load", lambda _: small_model())


@pytest.fixture
def verb(model_path, at_prompt, tmp_path):
    """Run the verb; return the files that it wrote, and the lines that it printed before it said so."""

    def run(*options, out="beats"):
        shutil.rmtree(tmp_path / out, ignore_errors=True)
        code, text, errors = at_prompt(generate.main, "--model", model_path, "--out", tmp_path / out, *options)
        assert (code, errors) == (0, "")
        files = sorted((tmp_path / out).glob("*.mid"))
        *lines, last = text.splitlines()
        assert last == f"wrote {len(files)} beats to {tmp_path / out}/"
        return files, lines

    return run


@pytest.fixture
def play(verb):
    """Run the verb, without anything to be remarked; return the files that it wrote."""

    def run(*options, out="beats"):
        files, lines = verb(*options, out=out)
        assert lines == []
        return files

    return run


@pytest.fixture
def refusal(model_path, at_prompt, tmp_path, contents):
    """Run the verb in vain; return the one line that it says."""

    def run(*options, model=model_path, out="beats"):
        before = contents(tmp_path)
        given = [] if model is None else ["--model", model]
        code, text, errors = at_prompt(generate.main, *given, "--out", tmp_path / out, *options)
        assert (code, text) == (2, "")
        assert errors.count("\n") == 1
        assert contents(tmp_path) == before
        return errors

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


# --- beats of a style


def test_same_seed_same_bytes(play, contents, tmp_path):
    options = ("--style", "jazz", "--count", 3, "--bars", 2, "--png")
    play(*options, "--seed", 1)
    first = contents(tmp_path / "beats")
    play(*options, "--seed", 1, out="again")
    assert contents(tmp_path / "again") == first
    play(*options, "--seed", 2, out="other")
    assert all(content != first[name] for name, content in contents(tmp_path / "other").items())


def test_beats_join_those_that_are_there(play, contents, tmp_path):
    options = ("--style", "rock", "--count", 2, "--bars", 1)
    play(*options)
    first = contents(tmp_path / "beats")
    generate.main(["--style", "rock", "--count", "1", "--bars", "1", "--out", str(tmp_path / "beats")])
    after = contents(tmp_path / "beats")
    assert after.keys() - first.keys() == {"rock-003.mid"}
    assert after.items() >= first.items()


def test_the_function_and_the_command_compose_the_same(play, tmp_path):
    (file,) = play("--style", "jazz", "--count", 1, "--bars", 2, "--seed", 6)
    (beat,) = drumvae.beats(small_model(), "Jazz", bars=2, seed=6)
    write_beat(tmp_path / "again.mid", beat)
    assert (tmp_path / "again.mid").read_bytes() == file.read_bytes()


def test_beats_are_drums_of_the_length_and_tempo_asked_for(play):
    files = play("--style", "rock", "--count", 5, "--bars", 3, "--tempo", "132.5")
    assert [file.name for file in files] == [f"rock-{number:03d}.mid" for number in range(1, 6)]
    for file in files:
        midi = mido.MidiFile(file)
        assert midi.length == pytest.approx(3 * 240 / 132.5, rel=1e-4)
        assert {message.channel for message in midi.tracks[0] if not message.is_meta} == {DRUM_CHANNEL}
        assert [message.tempo for message in midi.tracks[0] if message.type == "set_tempo"] == [mido.bpm2tempo(132.5)]
    assert {len(bars) for bars in read(files)} == {3}


def test_bars_vary_and_the_last_one_ends_with_a_fill(play):
    hits = hits_in(play("--style", "rock", "--count", 30, "--bars", 4, "--complexity", 0.6))
    assert all(len(np.unique(piece, axis=0)) > 2 for piece in hits)
    drums = hits[:, :, 12:, SKINS].sum(axis=(2, 3)).mean(axis=0)
    assert drums[-1] > drums[0] + 0.5


def test_more_beats_than_are_composed_at_once(play, monkeypatch):
    monkeypatch.setattr(playing, "_AT_ONCE", 2)
    hits = hits_in(play("--style", "rock", "--count", 5, "--bars", 2))
    assert len(np.unique(hits, axis=0)) == 5


def test_the_formats_that_are_asked_for(play, at_prompt, model_path, contents, tmp_path):
    options = ("--style", "rock", "--count", 2, "--bars", 1)
    play(*options, "--format", "midi,wav,png")
    every = contents(tmp_path / "beats")
    assert {name.rpartition(".")[2] for name in every} == {"mid", "wav", "png"}
    play(*options, "--format", "midi", "--png", out="two")
    play(*options, out="one")
    for out, suffixes in (("two", (".mid", ".png")), ("one", (".mid",))):
        assert contents(tmp_path / out) == {name: content for name, content in every.items() if name.endswith(suffixes)}
    code, _, _ = at_prompt(
        generate.main, "--model", model_path, *options, "--format", "wav", "--out", tmp_path / "sound"
    )
    assert code == 0
    assert sorted(path.name for path in (tmp_path / "sound").iterdir()) == ["rock-001.wav", "rock-002.wav"]


def test_a_sound_is_what_the_file_plays(play, tmp_path):
    (file,) = play("--style", "jazz", "--count", 1, "--bars", 2, "--tempo", 150, "--format", "midi,wav")
    sound, rate = soundfile.read(file.with_suffix(".wav"))
    assert rate == RATE_HZ
    np.testing.assert_allclose(sound, sound_of(read_midi(file)), atol=2**-15)
    assert len(sound) / rate > read_midi(file)[-1].start_seconds


# --- blends


def test_a_blend_leads_from_one_style_to_the_other(play):
    rest = ("--bars", 3, "--tempo", 90, "--complexity", 0.6, "--humanize", 0.5, "--seed", 4)
    blended = play("--blend", "jazz:rock", "--steps", 5, *rest)
    assert [file.name for file in blended] == [f"jazz-rock-{number:03d}.mid" for number in range(1, 6)]
    for style, end in (("jazz", blended[0]), ("rock", blended[-1])):
        (own,) = play("--style", style, "--count", 1, *rest, out=style)
        assert own.read_bytes() == end.read_bytes()
    hits = hits_in(blended)
    way = [hit_f1(hits[0], step) for step in hits]
    assert way[0] == 1
    assert spearmanr(range(5), way).statistic <= -0.9


# --- variations


def test_variations_are_as_long_and_as_fast_as_the_beat(play, my_beat):
    ours = read_beat(my_beat).bars
    files = play("--vary", my_beat, "--count", 4, "--amount", 0.8)
    assert [file.name for file in files] == [f"my beat-{number:03d}.mid" for number in range(1, 5)]
    for file, bars in zip(files, read(files), strict=True):
        assert bars.tempos.tolist() == ours.tempos.tolist()
        assert mido.MidiFile(file).length == pytest.approx(mido.MidiFile(my_beat).length)
        assert not bars.hits[2].any()
        assert (bars.hits[0] == bars.hits[3]).all()
        assert (bars.hits != ours.hits).any()
    assert len(np.unique(hits_in(files), axis=0)) == 4


def test_what_stays_of_a_beat_is_played_as_it_was(play, my_beat):
    ours = read_beat(my_beat).bars
    for bars in read(play("--vary", my_beat, "--count", 3, "--humanize", 0.5)):
        stays = bars.hits & ours.hits
        assert 0 < stays.sum() < ours.hits.sum()
        assert (bars.velocities[stays] == ours.velocities[stays]).all()
        assert (bars.offsets[stays] == ours.offsets[stays]).all()


def test_a_beat_on_the_grid_stays_on_the_grid(play, my_beat, tmp_path):
    bars = read_beat(my_beat).bars
    write_beat(tmp_path / "stiff.mid", Bars.of(bars.hits, bars.velocities, 0 * bars.offsets, tempo=90))
    options = ("--vary", tmp_path / "stiff.mid", "--count", 2, "--amount", 1)
    assert not any(found.offsets.any() for found in read(play(*options)))
    assert all(found.offsets.any() for found in read(play(*options, "--humanize", 1)))


def test_the_greater_the_amount_the_further_from_the_beat(play, my_beat):
    ours = read_beat(my_beat).bars.hits
    scores = [
        np.mean([hit_f1(ours, hits) for hits in hits_in(play("--vary", my_beat, "--count", 4, "--amount", amount))])
        for amount in (0.001, 0.3, 0.6, 1)
    ]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] > 0.97
    assert scores[-1] < 0.8


def test_notes_of_other_instruments_are_named(verb, tmp_path):
    track = mido.MidiTrack(
        mido.Message("note_on", channel=DRUM_CHANNEL, note=note, velocity=90, time=time)
        for note, time in ((36, 0), (56, 0), (38, 480), (56, 480))
    )
    mido.MidiFile(tracks=[track]).save(tmp_path / "cowbell.mid")
    _, (line,) = verb("--vary", tmp_path / "cowbell.mid", "--count", 1)
    assert line.startswith("note: ")
    assert "56 Cowbell (2)" in line


# --- what a person can get wrong


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ([], "one of the arguments --style --blend --vary is required"),
        (["--style", "rock", "--blend", "rock:jazz"], "not allowed with"),
        (["--style", "rok"], "unknown style 'rok'; did you mean rock?"),
        (["--style", "zydeco"], "choose from rock, jazz, hiphop, electronic, latin"),
        (["--blend", "jazz"], "does not have two styles"),
        (["--blend", "jazz:rock:latin"], "does not have two styles"),
        (["--blend", "jazz:polka"], "unknown style 'polka'"),
        (["--blend", "jazz:jazz"], "has the same style twice"),
        (["--blend", "jazz:rock", "--steps", "1"], "--steps must be at least 2"),
        (["--blend", "jazz:rock", "--count", "4"], "--count goes with --style or --vary, not with --blend"),
        (["--style", "rock", "--steps", "4"], "--steps goes with --blend"),
        (["--style", "rock", "--amount", "0.4"], "--amount goes with --vary"),
        (["--style", "rock", "--bars", "0"], "at least 1"),
        (["--style", "rock", "--complexity", "1.5"], "from 0 to 1"),
        (["--style", "rock", "--humanize", "-1"], "from 0 to 1"),
        (["--style", "rock", "--tempo", "3"], "from 4 to 1000"),
        (["--style", "rock", "--temperature", "0"], "above 0"),
        (["--style", "rock", "--format", "musicxml"], "unknown format 'musicxml'; choose from midi, wav, png"),
        (["--vary", "beat.mid", "--tempo", "90"], "--tempo goes with --style or --blend, not with --vary"),
        (["--vary", "beat.mid", "--bars", "2"], "--bars goes with --style or --blend, not with --vary"),
        (["--vary", "beat.mid", "--amount", "0"], "above 0"),
        (["--vary", "none.mid"], "none.mid does not exist"),
    ],
)
def test_mistakes_are_one_clear_line(refusal, options, says):
    assert says in refusal(*options)


def test_a_saved_model_is_loaded(model_path):
    loaded = drumvae.load(model_path)
    hits = np.zeros((2, STEPS, len(INSTRUMENTS)), np.float32)
    assert loaded(hits).numpy() == pytest.approx(small_model()(hits).numpy(), abs=1e-6)
