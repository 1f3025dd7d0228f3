import mido
import numpy as np
import pytest
import soundfile
from PIL import Image
from test_drum_composing import small_model
from test_midi_grooves import hit, meta, midi

from drumvae import humanize, transfer
from drumvae.data.kit import INSTRUMENTS, STEPS, Bars
from drumvae.data.midi_grooves import DRUM_CHANNEL, read_beat, write_beat
from drumvae.data.rules import bundled_rules
from drumvae.metrics.rhythm import hit_f1
from manymodes.files import save_keras

KICK, CLOSED, OPEN = (INSTRUMENTS.index(name) for name in ("kick", "hihat_closed", "hihat_open"))
VERBS = {"transfer": (transfer, ["--to", "latin"]), "humanize": (humanize, [])}


@pytest.fixture(scope="module")
def model_path(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.keras"
    save_keras(small_model(), path)
    return path


@pytest.fixture(autouse=True)
def load_once(monkeypatch):
    """Have the small model at hand: what it plays must not depend on what it has played before."""
    for verb, _ in VERBS.values():
        monkeypatch.setattr(verb, "load", lambda _: small_model())


@pytest.fixture(params=list(VERBS))
def kind(request):
    return request.param


@pytest.fixture
def run(model_path, at_prompt):
    """Run one of the verbs; return its exit code, what it printed and its errors."""

    def start(kind, *options):
        verb, needed = VERBS[kind]
        needed = [] if "--to" in options else needed
        return at_prompt(verb.main, "--model", model_path, *needed, *options)

    return start


@pytest.fixture
def play(run, beat, tmp_path):
    """Have a verb play the stiff beat; return the bars that it wrote."""

    def start(kind, *options, out="out.mid"):
        (tmp_path / out).unlink(missing_ok=True)
        code, text, errors = run(kind, beat, "--out", tmp_path / out, *options)
        assert (code, errors) == (0, "")
        assert text.startswith(f"wrote {tmp_path / out}: 6 bars, ")
        return read_beat(tmp_path / out).bars

    return start


@pytest.fixture
def refusal(run, beat, tmp_path, contents):
    """Run a verb in vain; return the one line that it says."""

    def start(kind, *options, source=beat):
        before = contents(tmp_path)
        code, text, errors = run(kind, source, *options)
        assert (code, text) == (2, "")
        assert errors.count("\n") == 1
        assert contents(tmp_path) == before
        return errors

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


def test_length_tempo_and_channel_stay(play, kind, beat, tmp_path):
    bars = play(kind)
    assert bars.tempos == pytest.approx([90, 90, 90, 90, 120, 120], rel=1e-5)
    ours, theirs = mido.MidiFile(tmp_path / "out.mid"), mido.MidiFile(beat)
    assert ours.length == pytest.approx(theirs.length)
    assert {message.channel for message in ours.tracks[0] if not message.is_meta} == {DRUM_CHANNEL}


def test_silence_at_the_end_is_part_of_the_beat(run, kind, tmp_path):
    hits = np.zeros((4, STEPS, len(INSTRUMENTS)))
    hits[:2, ::4, KICK] = 1
    path, out = tmp_path / "quiet end.mid", tmp_path / "out.mid"
    write_beat(path, Bars.of(hits, hits, 0 * hits, tempo=100))
    code, text, _ = run(kind, path, "--out", out)
    assert code == 0
    assert "4 bars" in text
    assert mido.MidiFile(out).length == pytest.approx(mido.MidiFile(path).length)


def test_one_seed_one_file(play, kind, tmp_path):
    for name, seed in (("a.mid", 1), ("b.mid", 1), ("c.mid", 2)):
        play(kind, "--seed", seed, out=name)
    first, again, other = ((tmp_path / f"{name}.mid").read_bytes() for name in "abc")
    assert first == again
    assert first != other


# --- another style


def test_silent_bars_stay_silent_and_equal_ones_equal(play, beat):
    ours, bars = read_beat(beat).bars, play("transfer", "--keep", 0.3)
    assert bars.hits.any(axis=(1, 2)).tolist() == ours.hits.any(axis=(1, 2)).tolist()
    assert (bars.hits[0] == bars.hits[3]).all()
    assert (bars.hits != ours.hits).any()


def test_the_more_is_kept_the_nearer_to_the_beat(play, beat):
    ours = read_beat(beat).bars.hits
    found = [play("transfer", "--keep", share).hits for share in (0, 0.3, 0.6, 1)]
    scores = [hit_f1(ours, hits) for hits in found]
    assert scores == sorted(scores)
    assert scores[0] < 0.8
    expected = ours.copy()
    expected[[0, 3], 0, OPEN] = found[-1][[0, 3], 0, OPEN]  # of two hi-hats at once one stays
    expected[[0, 3], 0, CLOSED] = ~found[-1][[0, 3], 0, OPEN]
    assert (found[-1] == expected).all()


def test_no_two_hi_hats_at_once(play):
    hits = play("transfer", "--complexity", 1).hits
    assert not (hits[..., CLOSED] & hits[..., OPEN]).any()


def test_a_transfer_is_played_as_people_do_or_not(play):
    assert play("transfer").offsets.any()
    assert not play("transfer", "--humanize", 0).offsets.any()


# --- a human touch


def test_hits_stay_exactly_as_they_are(play, beat):
    ours, bars = read_beat(beat).bars, play("humanize")
    assert (bars.hits == ours.hits).all()
    assert (bars.hits & (bars.velocities != ours.velocities)).sum() > 0.9 * ours.hits.sum()


def test_the_amount_leads_from_the_beat_to_people(play, beat):
    ours = read_beat(beat).bars
    stiff, half, human = (play("humanize", "--amount", amount) for amount in (0, 0.5, 1))
    assert (stiff.velocities == ours.velocities).all()
    assert (stiff.offsets == ours.offsets).all()
    middle = (ours.velocities + human.velocities) / 2
    assert half.velocities == pytest.approx(middle, abs=1.01 / 127)
    late = slice(1, None)  # nothing can come before the beginning
    assert half.offsets[late] == pytest.approx(human.offsets[late] / 2, abs=1.01 / 120)
    assert half.offsets_ms.std() < human.offsets_ms.std()


# --- files


def test_where_a_beat_goes_unless_told_otherwise(run, beat):
    for kind, name in (("transfer", "stiff-latin.mid"), ("humanize", "stiff-human.mid")):
        code, text, _ = run(kind, beat)
        assert code == 0
        assert text.startswith(f"wrote {beat.with_name(name)}")
        assert beat.with_name(name).is_file()


def test_sounds_and_pictures(run, play, kind, beat, tmp_path):
    bars = play(kind)
    for name in ("out.wav", "out.png"):
        code, text, _ = run(kind, beat, "--out", tmp_path / name)
        assert (code, text.partition(":")[0]) == (0, f"wrote {tmp_path / name}")
    sound, rate = soundfile.read(tmp_path / "out.wav")
    struck = np.flatnonzero(bars.hits.any(axis=(1, 2)))
    begins = 240 * np.concatenate([[0], np.cumsum(1 / bars.tempos)])  # seconds
    for bar in range(len(bars)):
        heard = sound[round(begins[bar] * rate) : round(begins[bar + 1] * rate)]
        assert np.abs(heard).max(initial=0) > 0.01 or bar not in struck
    assert np.abs(sound).max() == pytest.approx(0.9, abs=1e-3)
    with Image.open(tmp_path / "out.png") as picture:
        picture.load()
        assert picture.width > picture.height > 100


def test_a_file_is_overwritten_only_with_force(run, refusal, kind, beat, tmp_path):
    out = tmp_path / "song.mid"
    out.write_bytes(b"mine")
    assert "--force to overwrite it" in refusal(kind, "--out", out)
    assert run(kind, beat, "--out", out, "--force")[0] == 0
    assert len(read_beat(out).bars) == 6


def test_a_beat_is_never_its_own_output(refusal, kind, beat):
    assert "is the beat itself" in refusal(kind, "--out", beat, "--force")


@pytest.mark.parametrize(
    ("out", "says"),
    [("out.txt", "ends with .mid, .wav or .png"), ("out", "ends with .mid"), ("there.mid", "is a folder")],
)
def test_places_where_no_beat_can_go(refusal, kind, tmp_path, out, says):
    (tmp_path / "there.mid").mkdir()
    assert says in refusal(kind, "--out", tmp_path / out)


# --- what is no beat


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "the file is empty"),
        (b"words, not notes", "cannot be read as MIDI"),
        (midi([hit(60, 0, channel=0), hit(64, 0, channel=0)]), "has no drums"),
        (midi([meta("time_signature", numerator=7, denominator=8), hit(36, 0)]), "its metre is 7/8, not 4/4"),
    ],
)
def test_what_is_no_beat(refusal, kind, tmp_path, content, says):
    path = tmp_path / "song.mid"
    path.write_bytes(content)
    assert says in refusal(kind, source=path)


def test_a_style_that_does_not_exist(refusal):
    assert "unknown style 'latn'; did you mean latin?" in refusal("transfer", "--to", "latn")
    assert "choose from rock, jazz, hiphop, electronic, latin" in refusal("transfer", "--to", "a/b")


@pytest.mark.parametrize(("kind", "option"), [("transfer", "--keep"), ("humanize", "--amount")])
def test_shares_are_from_0_to_1(refusal, kind, option):
    assert "from 0 to 1" in refusal(kind, option, "1.2")


def test_hits_of_other_instruments_are_named(run, tmp_path):
    path = tmp_path / "cowbell.mid"
    path.write_bytes(midi([hit(36, 0), hit(56, 0), hit(38, 480)]))
    code, text, _ = run("humanize", path)
    assert code == 0
    assert "56 Cowbell (1)" in text.splitlines()[0]
    assert read_beat(tmp_path / "cowbell-human.mid").bars.hits.shape == (1, STEPS, len(INSTRUMENTS))
