import shutil

import mido
import numpy as np
import pytest
import soundfile
from PIL import Image
from scipy.stats import spearmanr
from smalldrums import pretrained
from test_midi_grooves import hit, midi

import drumvae
from drumvae import generate, humanize, playing, transfer
from drumvae.data.kit import INSTRUMENTS, STEPS, Bars
from drumvae.data.midi_grooves import DRUM_CHANNEL, read_beat, write_beat
from drumvae.data.rules import bundled_rules
from drumvae.metrics.rhythm import hit_f1

pytestmark = pytest.mark.usefixtures("loaded_once", "unwatched")

KICK, CLOSED, OPEN = (INSTRUMENTS.index(name) for name in ("kick", "hihat_closed", "hihat_open"))
TO_LATIN = {transfer: ["--to", "latin"], humanize: []}
both_commands = pytest.mark.parametrize("command", TO_LATIN, ids=["transfer", "humanize"])


def six_bars(path, velocities, offsets):
    """Write six bars: two alike, one silent, two hi-hats at once, and a tempo that changes."""
    hits = bundled_rules().sample(0, 6, [7]).hits
    hits[2] = False
    hits[0, 0, [CLOSED, OPEN]] = True
    hits[3] = hits[0]
    write_beat(path, Bars.of(hits, velocities, offsets, tempo=np.array([90] * 4 + [120] * 2)))
    return path


@pytest.fixture
def stiff(tmp_path):
    """Write six bars as a machine plays them."""
    return six_bars(tmp_path / "stiff.mid", 0.6, 0)


@pytest.fixture
def human(tmp_path):
    """Write six bars as a person plays them."""
    rng, shape = np.random.default_rng(0), (6, STEPS, len(INSTRUMENTS))
    return six_bars(tmp_path / "my beat.mid", rng.uniform(0.3, 1, shape), rng.uniform(-0.2, 0.2, shape))


@pytest.fixture
def compose(completed, tmp_path):
    """Run drumvae.generate; return the MIDI files that it wrote."""

    def run(*options, out="beats"):
        shutil.rmtree(tmp_path / out, ignore_errors=True)
        text = completed(generate.main, "--out", tmp_path / out, *options)
        files = sorted((tmp_path / out).glob("*.mid"))
        assert f"wrote {files[0]}" in text
        return files

    return run


@pytest.fixture
def run(completed):
    """Run a command that makes one beat from another; return what it printed."""
    return lambda command, *options: completed(command.main, *TO_LATIN[command], *options)


@pytest.fixture
def play(run, stiff, tmp_path):
    """Have a command play the stiff beat; return the bars that it wrote."""

    def start(command, *options, out="out.mid"):
        (tmp_path / out).unlink(missing_ok=True)
        text = run(command, stiff, "--out", tmp_path / out, *options)
        assert text.startswith(f"wrote {tmp_path / out}: 6 bars, ")
        return read_beat(tmp_path / out).bars

    return start


def read(files):
    return [read_beat(file).bars for file in files]


def hits_in(files):
    return np.stack([bars.hits for bars in read(files)])


def test_the_function_and_the_command_compose_the_same(compose, tmp_path):
    (file,) = compose("--style", "jazz", "--count", 1, "--bars", 2, "--seed", 6)
    (beat,) = drumvae.beats(pretrained(), "Jazz", bars=2, seed=6)
    write_beat(tmp_path / "again.mid", beat)
    assert (tmp_path / "again.mid").read_bytes() == file.read_bytes()


def test_beats_are_drums_of_the_length_and_tempo_asked_for(compose, monkeypatch):
    monkeypatch.setattr(playing, "_AT_ONCE", 2)
    files = compose("--style", "rock", "--count", 3, "--bars", 3, "--tempo", "132.5")
    assert [file.name for file in files] == [f"rock-{number:03d}.mid" for number in range(1, 4)]
    for file in files:
        assert mido.MidiFile(file).length == pytest.approx(3 * 240 / 132.5, rel=1e-4)
    assert sorted(files[0].parent.iterdir()) == files  # MIDI alone
    assert {len(bars) for bars in read(files)} == {3}
    assert len(np.unique(hits_in(files), axis=0)) == 3


def test_the_formats_that_are_asked_for(compose, contents, tmp_path):
    options = ("--style", "rock", "--count", 2, "--bars", 1)
    compose(*options, "--format", "midi,wav,png")
    every = contents(tmp_path / "beats")
    assert {name.rpartition(".")[2] for name in every} == {"mid", "wav", "png"}
    compose(*options, "--png", out="two")
    assert contents(tmp_path / "two") == {name: content for name, content in every.items() if "wav" not in name}


def test_a_blend_leads_from_one_style_to_the_other(compose):
    rest = ("--bars", 8, "--tempo", 90, "--complexity", 0.6, "--humanize", 0.5, "--seed", 4)
    blended = compose("--blend", "jazz:rock", "--steps", 5, *rest)
    assert [file.name for file in blended] == [f"jazz-rock-{number:03d}.mid" for number in range(1, 6)]
    for style, end in (("jazz", blended[0]), ("rock", blended[-1])):
        (own,) = compose("--style", style, "--count", 1, *rest, out=style)
        assert own.read_bytes() == end.read_bytes()
    hits = hits_in(blended)
    assert spearmanr(range(5), [hit_f1(hits[0], step) for step in hits]).statistic <= -0.9


def test_variations_are_as_long_and_as_fast_as_the_beat_and_what_stays_is_played_as_before(compose, human):
    ours = read_beat(human).bars
    files = compose("--vary", human, "--count", 3, "--amount", 0.8, "--humanize", 0.5)
    assert [file.name for file in files] == [f"my beat-{number:03d}.mid" for number in range(1, 4)]
    assert len(np.unique(hits_in(files), axis=0)) == 3
    for file, bars in zip(files, read(files), strict=True):
        assert bars.tempos.tolist() == ours.tempos.tolist()
        assert mido.MidiFile(file).length == pytest.approx(mido.MidiFile(human).length)
        assert not bars.hits[2].any()
        assert (bars.hits[0] == bars.hits[3]).all()
        assert (bars.hits[0] != ours.hits[0]).any()
        stays = bars.hits & ours.hits
        assert 0 < stays.sum() < ours.hits.sum()
        assert (bars.velocities[stays] == ours.velocities[stays]).all()
        assert (bars.offsets[stays] == ours.offsets[stays]).all()


def test_a_beat_on_the_grid_stays_on_the_grid(compose, stiff):
    options = ("--vary", stiff, "--count", 2, "--amount", 1)
    assert not any(result.offsets.any() for result in read(compose(*options)))
    assert all(result.offsets.any() for result in read(compose(*options, "--humanize", 1)))


@both_commands
def test_length_tempo_and_channel_stay_and_the_seed_decides_the_rest(play, command, stiff, tmp_path):
    for name, seed in (("a.mid", 1), ("b.mid", 1), ("c.mid", 2)):
        bars = play(command, "--seed", seed, out=name)
    first, again, other = ((tmp_path / f"{name}.mid").read_bytes() for name in "abc")
    assert first == again != other
    assert bars.offsets.any()  # by default both are humanised
    assert bars.tempos == pytest.approx([90, 90, 90, 90, 120, 120], rel=1e-5)
    ours, theirs = mido.MidiFile(tmp_path / "a.mid"), mido.MidiFile(stiff)
    assert ours.length == pytest.approx(theirs.length)
    assert {message.channel for message in ours.tracks[0] if not message.is_meta} == {DRUM_CHANNEL}


def test_silence_at_the_end_is_part_of_the_beat(run, tmp_path):
    hits = np.zeros((4, STEPS, len(INSTRUMENTS)))
    hits[:2, ::4, KICK] = 1
    path, out = tmp_path / "quiet end.mid", tmp_path / "out.mid"
    write_beat(path, Bars.of(hits, hits, 0 * hits, tempo=100))
    assert "4 bars" in run(humanize, path, "--out", out)
    assert mido.MidiFile(out).length == pytest.approx(mido.MidiFile(path).length)


def test_all_hits_can_be_kept_or_none_and_not_humanised(play, stiff):
    ours, result = read_beat(stiff).bars.hits, play(transfer, "--keep", 1).hits
    expected = ours.copy()
    expected[[0, 3], 0, OPEN] = result[[0, 3], 0, OPEN]  # of two hi-hats at once one stays
    expected[[0, 3], 0, CLOSED] = ~result[[0, 3], 0, OPEN]
    assert (result == expected).all()
    bars = play(transfer, "--keep", 0, "--humanize", 0)
    assert hit_f1(ours, bars.hits) < 0.8
    assert not bars.offsets.any()


def test_the_amount_leads_from_the_beat_to_the_playing_of_the_model(play, stiff):
    ours = read_beat(stiff).bars
    as_before, half, human = (play(humanize, "--amount", amount) for amount in (0, 0.5, 1))
    assert (as_before.velocities == ours.velocities).all()
    assert (as_before.offsets == ours.offsets).all()
    assert (human.hits == ours.hits).all()
    assert (human.hits & (human.velocities != ours.velocities)).sum() > 0.9 * ours.hits.sum()
    assert half.velocities == pytest.approx((ours.velocities + human.velocities) / 2, abs=1.01 / 127)
    late = slice(1, None)  # nothing can come before the beginning
    assert half.offsets[late] == pytest.approx(human.offsets[late] / 2, abs=1.01 / 120)


@pytest.mark.parametrize(("command", "suffix"), [(transfer, "latin"), (humanize, "human")])
def test_hits_of_other_instruments_are_named_and_the_default_output_is_beside_the_beat(run, tmp_path, command, suffix):
    path, out = tmp_path / "cowbell.mid", tmp_path / f"cowbell-{suffix}.mid"
    path.write_bytes(midi([hit(36, 0), hit(56, 0), hit(38, 480)]))
    note, wrote = run(command, path).splitlines()
    assert "56 Cowbell (1)" in note
    assert wrote.startswith(f"wrote {out}")
    assert read_beat(out).bars.hits.shape == (1, STEPS, len(INSTRUMENTS))


def test_sounds_and_pictures(run, play, stiff, tmp_path):
    bars = play(humanize)
    for name in ("out.wav", "out.png"):
        assert run(humanize, stiff, "--out", tmp_path / name).startswith(f"wrote {tmp_path / name}:")
    sound, rate = soundfile.read(tmp_path / "out.wav")
    begins = 240 * np.concatenate([[0], np.cumsum(1 / bars.tempos)])  # seconds
    for bar in np.flatnonzero(bars.struck):
        assert np.abs(sound[round(begins[bar] * rate) : round(begins[bar + 1] * rate)]).max() > 0.01
    assert np.abs(sound).max() == pytest.approx(0.9, abs=1e-3)
    picture = Image.open(tmp_path / "out.png")
    picture.load()
    assert picture.width > picture.height > 100


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
def test_generate_refuses(refused, tmp_path, options, message):
    assert message in refused(generate.main, "--out", tmp_path / "beats", *options)


@pytest.mark.parametrize(
    ("command", "options", "message"),
    [
        *((command, ["--out", "stiff.mid"], "is the beat itself") for command in TO_LATIN),
        *((command, ["--out", "out.txt"], "ends with .mid, .wav, .mp3 or .png") for command in TO_LATIN),
        (transfer, ["--to", "latn"], "unknown style 'latn'; did you mean latin?"),
        (transfer, ["--keep", "1.2"], "from 0 to 1"),
        (humanize, ["--amount", "1.2"], "from 0 to 1"),
    ],
)
def test_commands_that_make_one_beat_from_another_refuse(refused, monkeypatch, stiff, command, options, message):
    monkeypatch.chdir(stiff.parent)
    assert message in refused(command.main, *TO_LATIN[command], stiff, *options)
