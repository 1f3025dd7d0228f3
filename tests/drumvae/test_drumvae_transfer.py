import mido
import numpy as np
import pytest
import soundfile
from PIL import Image
from test_midi_grooves import hit, midi

from drumvae import humanize, transfer
from drumvae.data.kit import INSTRUMENTS, STEPS, Bars
from drumvae.data.midi_grooves import DRUM_CHANNEL, read_beat, write_beat
from drumvae.data.rules import bundled_rules
from drumvae.metrics.rhythm import hit_f1

pytestmark = pytest.mark.usefixtures("loaded_once", "unwatched")

KICK, CLOSED, OPEN = (INSTRUMENTS.index(name) for name in ("kick", "hihat_closed", "hihat_open"))
both_commands = pytest.mark.parametrize("command", [transfer, humanize], ids=["transfer", "humanize"])


def needed(command):
    return ["--to", "latin"] if command is transfer else []


@pytest.fixture
def run(completed):
    """Run a command; return what it printed."""
    return lambda command, *options: completed(command.main, *needed(command), *options)


@pytest.fixture
def play(run, beat, tmp_path):
    """Have a command play the stiff beat; return the bars that it wrote."""

    def start(command, *options, out="out.mid"):
        (tmp_path / out).unlink(missing_ok=True)
        text = run(command, beat, "--out", tmp_path / out, *options)
        assert text.startswith(f"wrote {tmp_path / out}: 6 bars, ")
        return read_beat(tmp_path / out).bars

    return start


@pytest.fixture
def beat(tmp_path):
    """Write six bars as a machine plays them: two alike, one silent, two hi-hats at once, a tempo that changes."""
    hits = bundled_rules().sample(0, 6, [7]).hits
    hits[2] = False
    hits[0, 0, [CLOSED, OPEN]] = True
    hits[3] = hits[0]
    path = tmp_path / "stiff.mid"
    tempos = np.array([90, 90, 90, 90, 120, 120])
    write_beat(path, Bars.of(hits, np.full(hits.shape, 0.6), np.zeros(hits.shape), tempo=tempos))
    return path


@both_commands
def test_length_tempo_and_channel_stay(play, command, beat, tmp_path):
    bars = play(command)
    assert bars.offsets.any()  # by default both are humanised
    assert bars.tempos == pytest.approx([90, 90, 90, 90, 120, 120], rel=1e-5)
    ours, theirs = mido.MidiFile(tmp_path / "out.mid"), mido.MidiFile(beat)
    assert ours.length == pytest.approx(theirs.length)
    assert {message.channel for message in ours.tracks[0] if not message.is_meta} == {DRUM_CHANNEL}


def test_silence_at_the_end_is_part_of_the_beat(run, tmp_path):
    hits = np.zeros((4, STEPS, len(INSTRUMENTS)))
    hits[:2, ::4, KICK] = 1
    path, out = tmp_path / "quiet end.mid", tmp_path / "out.mid"
    write_beat(path, Bars.of(hits, hits, 0 * hits, tempo=100))
    assert "4 bars" in run(humanize, path, "--out", out)
    assert mido.MidiFile(out).length == pytest.approx(mido.MidiFile(path).length)


@both_commands
def test_same_seed_same_bytes(play, command, tmp_path):
    for name, seed in (("a.mid", 1), ("b.mid", 1), ("c.mid", 2)):
        play(command, "--seed", seed, out=name)
    first, again, other = ((tmp_path / f"{name}.mid").read_bytes() for name in "abc")
    assert first == again != other


def test_all_hits_can_be_kept_or_none_and_not_humanised(play, beat):
    ours, result = read_beat(beat).bars.hits, play(transfer, "--keep", 1).hits
    expected = ours.copy()
    expected[[0, 3], 0, OPEN] = result[[0, 3], 0, OPEN]  # of two hi-hats at once one stays
    expected[[0, 3], 0, CLOSED] = ~result[[0, 3], 0, OPEN]
    assert (result == expected).all()
    bars = play(transfer, "--keep", 0, "--humanize", 0)
    assert hit_f1(ours, bars.hits) < 0.8
    assert not bars.offsets.any()


def test_the_amount_leads_from_the_beat_to_the_playing_of_the_model(play, beat):
    ours = read_beat(beat).bars
    stiff, half, human = (play(humanize, "--amount", amount) for amount in (0, 0.5, 1))
    assert (stiff.velocities == ours.velocities).all()
    assert (stiff.offsets == ours.offsets).all()
    assert (human.hits == ours.hits).all()
    assert (human.hits & (human.velocities != ours.velocities)).sum() > 0.9 * ours.hits.sum()
    assert half.velocities == pytest.approx((ours.velocities + human.velocities) / 2, abs=1.01 / 127)
    late = slice(1, None)  # nothing can come before the beginning
    assert half.offsets[late] == pytest.approx(human.offsets[late] / 2, abs=1.01 / 120)
    assert half.offsets_ms.std() < human.offsets_ms.std()


@pytest.mark.parametrize(("command", "name"), [(transfer, "stiff-latin.mid"), (humanize, "stiff-human.mid")])
def test_the_default_output_is_beside_the_beat(run, beat, command, name):
    assert run(command, beat).startswith(f"wrote {beat.with_name(name)}")
    assert beat.with_name(name).is_file()


def test_sounds_and_pictures(run, play, beat, tmp_path):
    bars = play(humanize)
    for name in ("out.wav", "out.png"):
        assert run(humanize, beat, "--out", tmp_path / name).startswith(f"wrote {tmp_path / name}:")
    sound, rate = soundfile.read(tmp_path / "out.wav")
    struck = np.flatnonzero(bars.hits.any(axis=(1, 2)))
    begins = 240 * np.concatenate([[0], np.cumsum(1 / bars.tempos)])  # seconds
    for bar in struck:
        assert np.abs(sound[round(begins[bar] * rate) : round(begins[bar + 1] * rate)]).max() > 0.01
    assert np.abs(sound).max() == pytest.approx(0.9, abs=1e-3)
    with Image.open(tmp_path / "out.png") as picture:
        picture.load()
        assert picture.width > picture.height > 100


@both_commands
@pytest.mark.parametrize(
    ("out", "message"), [("stiff.mid", "is the beat itself"), ("out.txt", "ends with .mid, .wav, .mp3 or .png")]
)
def test_places_that_are_refused(refused, command, beat, tmp_path, out, message):
    assert message in refused(command.main, *needed(command), beat, "--out", tmp_path / out)


def test_options_that_are_refused(refused, beat):
    assert "unknown style 'latn'; did you mean latin?" in refused(transfer.main, beat, "--to", "latn")
    assert "from 0 to 1" in refused(transfer.main, beat, "--to", "latin", "--keep", "1.2")
    assert "from 0 to 1" in refused(humanize.main, beat, "--amount", "1.2")


def test_hits_of_other_instruments_are_named(run, tmp_path):
    path = tmp_path / "cowbell.mid"
    path.write_bytes(midi([hit(36, 0), hit(56, 0), hit(38, 480)]))
    assert "56 Cowbell (1)" in run(humanize, path).splitlines()[0]
    assert read_beat(tmp_path / "cowbell-human.mid").bars.hits.shape == (1, STEPS, len(INSTRUMENTS))
