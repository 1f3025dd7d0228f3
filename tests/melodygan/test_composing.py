"""`melodygan.compose` and `melodygan.load`."""

from dataclasses import replace
from statistics import median

import pytest
from scores import abc, write_midi

import melodygan
from manymodes.cli import UserError
from manymodes.files import save_keras
from manymodes.music.midi import write_melody
from manymodes.music.score import Score
from melodygan.composing import score_of
from melodygan.data.encoding import Note, Tune, length_of, pitches_in, to_steps
from melodygan.data.form import ends_on_the_tonic, transposed
from melodygan.models import composer

# In G; the models know it in C, seven semitones lower.
IN_G = tuple(Note(*note) for note in [(67, 4), (69, 2), (71, 2), (72, 8), (None, 4), (79, 4), (74, 8)])
FIRST = tuple(Note(pitch, 4) for pitch in (60, 62, 64, 65))
SECOND = tuple(Note(*note) for note in [(67, 8), (69, 2), (71, 2), (72, 4), (None, 4), (74, 12)])
FIRST_TEXT, SECOND_TEXT = "C4 D4 E4 F4", "G4:2 A4:0.5 B4:0.5 C5 r D5:3"
UNKNOWN_PITCHES = "the model does not know all of its pitches"


pytestmark = pytest.mark.usefixtures("unwatched")


@pytest.fixture(autouse=True)
def _few_rounds(monkeypatch):
    """Draw two candidates for each tune: how tunes end is tested by itself."""
    monkeypatch.setattr(composer, "_FEW", 2)


@pytest.fixture
def lstm(models):
    return models["lstm"]


@pytest.fixture
def in_g(tmp_path):
    """Write `IN_G`, and return the file's name."""
    write_midi(tmp_path / "in G.mid", IN_G, key="G", meter=(4, 4))
    return str(tmp_path / "in G.mid")


def compose(model, count=4, **options):
    return [tuple(score.notes) for score in melodygan.compose(model, count=count, **options)]


@pytest.mark.parametrize("kind", ["lstm", "reported"])  # those of the grid: test_gan
def test_a_loaded_model_composes_the_same(models, kind, tmp_path):
    save_keras(models[kind], tmp_path / "run" / "model.keras")
    assert compose(melodygan.load(tmp_path / "run"), seed=3) == compose(models[kind], seed=3)


def test_the_default_model_is_the_pretrained_lstm(lstm, shipped):
    with pytest.raises(UserError, match="train one with python -m"):
        melodygan.load()
    save_keras(lstm, shipped / "melody-lstm.keras")
    assert compose(melodygan.load()) == compose(lstm)


def test_a_metre_is_kept(lstm):  # by a GAN: test_gan
    for score in melodygan.compose(lstm, count=4, meter="3/4", key="C", bars=2):
        assert (score.meter, length_of(score.notes)) == ("3/4", 24)


def test_a_gan_knows_the_bar_lines_of_its_tunes(models):
    tunes = models["gan"].compose(12, seed=0)
    assert {tune.pickup_steps for tune in tunes} == {0, 2, 4}
    for score, tune in zip(melodygan.compose(models["gan"], count=12, register="own"), tunes, strict=True):
        assert (tuple(score.notes), score.meter, score.upbeat) == (tune.notes, tune.meter, tune.pickup_steps)
        assert score.mode == tune.key.split()[1]


def test_a_key_is_a_mode_and_a_tonic(lstm, models):
    plain = lstm.generate(4, seed=0, mode="minor")
    assert compose(lstm, key="D minor", register="own") == [transposed(notes, 5) for notes in plain]
    for score in melodygan.compose(models["gan"], count=3, key="D minor"):
        assert (score.mode, score.fifths) == ("minor", -1)


def test_endings_are_preferred_not_enforced(lstm, monkeypatch):
    monkeypatch.setattr(composer, "_FEW", 8)
    closed, free = (
        sum(ends_on_the_tonic(notes, "major") for notes in compose(lstm, 30, key="C", ending=ending))
        for ending in ("tonic", "free")
    )
    assert free < closed < 30
    assert lstm.left_out == 0  # by the last call
    assert compose(lstm, ending="songs") == compose(lstm)
    assert lstm.left_out > 0


def middle(notes):
    return median(pitches_in(notes))


@pytest.mark.parametrize(
    ("options", "centre"),
    [
        ({}, 72),
        ({"register": "C3"}, 48),
        ({"instrument": "piccolo", "register": "low"}, 76),
    ],
)
def test_tunes_go_to_a_register_by_octaves(models, options, centre):
    for kind in ("lstm", "gan", "reported"):
        own = compose(models[kind], register="own", **{n: v for n, v in options.items() if n == "instrument"})
        moved = compose(models[kind], **options)
        for before, after in zip(own, moved, strict=True):
            assert abs(middle(after) - centre) <= 6
            by = middle(after) - middle(before)
            assert by % 12 == 0
            assert after == transposed(before, int(by))


def test_a_given_tune_stays_in_its_register(lstm):
    low = "C3 D3 E3 F3 G3 A3 B3 C4"
    for options in ({"start": low}, {"vary": low}, {"interpolate": (low, low)}):
        assert {pitches_in(notes)[0] for notes in compose(lstm, **options, temperature=0.01)} <= {*range(36, 74)}
    assert {pitches_in(notes)[0] for notes in compose(lstm, start=low)} == {48}
    moved = compose(lstm, start=low, register="high")
    assert len({pitches_in(notes)[0] for notes in moved}) == 1  # all by the same
    assert pitches_in(moved[0])[0] > 48


def test_temperature_top_k_and_top_p_reach_the_model(models):
    for kind, bars in (("lstm", 1), ("gan", 4)):
        options = ({}, {"temperature": 0.5}, {"top_k": 3}, {"top_p": 0.6})
        tunes = [compose(models[kind], bars=bars, **choice) for choice in options]
        assert all(tunes.count(one) == 1 for one in tunes)


def test_a_start_is_kept(lstm, in_g):
    for notes in compose(lstm, start="C4 D4:0.5 r E4:2", bars=2):
        assert notes[:4] == (Note(60, 4), Note(62, 2), Note(None, 4), Note(64, 8))
    for notes in compose(lstm, start="D4 E4 F#4", key="D"):
        assert pitches_in(notes[:3]) == [62, 64, 66]
    for score in melodygan.compose(lstm, start=in_g, count=4):
        assert tuple(score.notes[: len(IN_G)]) == IN_G
        assert score.fifths == 1
    for key, shift in (("D", -5), ("A", 2), ("F#", -1)):  # within its octave
        assert compose(lstm, 1, start=in_g, key=key)[0][: len(IN_G)] == transposed(IN_G, shift)


def test_a_continuation_keeps_metre_upbeat_key_and_tempo(lstm, tmp_path):
    # the model knows neither 6/8 nor 3/4 in minor: it goes on without a plan
    notes = tuple(Note(*note) for note in [(64, 2), (69, 4), (71, 2), (72, 4), (69, 2), (72, 6), (69, 4)])
    for shift, form in (
        (0, {"meter": "6/8", "upbeat": 2, "fifths": 0, "mode": "minor"}),
        (0, {"meter": "3/4", "upbeat": 2, "fifths": 0, "mode": "minor"}),
        (2, {"meter": "4/4", "upbeat": 2, "fifths": 2, "mode": "major"}),
    ):
        own = transposed(notes, shift)
        write_melody(tmp_path / "own.mid", Score(own, "own", tempo=90, **form))
        for score in melodygan.compose(lstm, count=4, start=str(tmp_path / "own.mid")):
            assert {name: getattr(score, name) for name in form} == form
            assert score.tempo == pytest.approx(90)
            assert score.notes[: len(own)] == own
    (score,) = melodygan.compose(lstm, start=str(tmp_path / "own.mid"), meter="3/4", key="A", tempo=100)
    assert (score.meter, score.fifths, score.tempo) == ("3/4", 3, 100)
    with pytest.raises(UserError, match="never heard a tune in 6/8"):
        melodygan.compose(lstm, start=str(tmp_path / "own.mid"), meter="6/8")


@pytest.mark.parametrize("kind", ["lstm", "gan", "attention"])
def test_exactly_the_bars_asked_for_are_composed_anew(models, kind, tmp_path):
    notes = [(67, 4), *[(67, 4), (69, 2), (71, 2), (74, 4)] * 4, (67, 8)]
    given = Score(notes, "given", "3/4", upbeat=4, fifths=1, tempo=90)
    write_melody(tmp_path / "given.mid", given)
    scores = melodygan.compose(models[kind], count=4, vary=str(tmp_path / "given.mid"), recompose=(2, 3))
    assert len({tuple(score.notes) for score in scores}) > 1
    before = to_steps(Note(*note) for note in notes)
    for score in scores:
        after = to_steps(score.notes)
        assert (after[:16], after[40:]) == (before[:16], before[40:])
        assert after[16:40] != before[16:40]
        assert after[16] != "_"
        assert (score.meter, score.upbeat, score.fifths, score.mode) == ("3/4", 4, 1, "major")
        assert score.tempo == pytest.approx(90)
    written = "C4 D4 E4 F4 G4 A4 B4 C5 D5 C5 B4 A4"  # notes without a metre are in 4/4
    for score in melodygan.compose(models[kind], count=3, vary=written, recompose=(2, 2), key="C"):
        assert (score.meter, score.upbeat, [pitch for pitch, _ in score.notes[:4]]) == ("4/4", 0, [60, 62, 64, 65])
    with pytest.raises(UserError, match="the tune has no bars 9 to 9: it has 5"):
        melodygan.compose(models[kind], vary=str(tmp_path / "given.mid"), recompose=(9, 9))


@pytest.mark.parametrize("kind", ["lstm", "gan", "attention"])
def test_a_tune_like_another_has_its_form(models, kind, tmp_path):
    bar = [(69, 4), (71, 2), (72, 2), (76, 4)]
    notes = [(64, 4), *bar, *bar, (74, 4), (72, 4), (71, 4), (69, 8)]
    write_melody(tmp_path / "given.mid", Score(notes, "given", "3/4", upbeat=4, mode="minor", tempo=90))
    for key, fifths in ((None, 0), ("D minor", -1)):
        for score in melodygan.compose(models[kind], count=3, like=str(tmp_path / "given.mid"), key=key):
            assert (score.meter, score.fifths, score.mode, score.tempo) == ("3/4", fifths, "minor", 120)
            assert length_of(score.notes) == 48
            assert score.upbeat == 4
            if kind != "lstm":  # a GAN repeats exactly
                steps = to_steps(score.notes)
                assert steps[4:16] == steps[16:28]


def test_a_variation_keeps_the_other_bars(lstm, tmp_path):
    # of the bar lines of these bars of 3/4 only the first is one of 4/4, too
    write_midi(tmp_path / "waltz.mid", [(60, 12), (64, 4), (65, 8), (62, 12)], key="C", meter=(3, 4))
    begun = {(0, 60), (12, 64), (16, 65), (24, 62)}
    for score in melodygan.compose(lstm, count=6, vary=str(tmp_path / "waltz.mid"), amount=0.3):
        onsets = {(length_of(score.notes[:n]), note.pitch) for n, note in enumerate(score.notes)}
        changed = {onset // 12 for onset, _ in onsets ^ begun}
        assert len(changed) == 1  # of three bars
        assert score.meter == "3/4"


def test_a_morph_is_what_the_model_composes(lstm):
    steering = {"temperature": 0.7, "top_k": 5, "top_p": 0.9}
    plain = lstm.interpolate(FIRST, SECOND, 5, seed=4, **steering)
    assert compose(lstm, 5, seed=4, interpolate=(FIRST_TEXT, SECOND_TEXT), **steering) == plain
    assert (plain[0], plain[-1]) == (FIRST, SECOND)


def test_a_morph_is_in_the_key_of_the_first_tune(lstm, in_g, tmp_path):
    (tmp_path / "in F.abc").write_text(abc("F4 G4 A4 B4 | c8 F8 |", key="F"), encoding="utf-8")
    in_f = str(tmp_path / "in F.abc")
    second = tuple(Note(*note) for note in [(65, 4), (67, 4), (69, 4), (70, 4), (72, 8), (65, 8)])
    for ends, key, expected in (
        ((in_g, in_f), None, (IN_G, transposed(second, 2))),
        ((in_f, in_g), None, (second, transposed(IN_G, -2))),
        ((in_f, in_g), "C", (transposed(second, -5), transposed(IN_G, -7))),
    ):
        morphs = compose(lstm, 3, interpolate=ends, key=key)
        assert (morphs[0], morphs[-1]) == expected


def test_a_tune_outside_the_vocabulary_stays_where_it_is(lstm):
    tune = "C2 D2 E2 F2 F2:4 C2:4 D2:4"
    given = melodygan.composing.given_to(lstm, tune)
    assert given.remarks == (f"--start {tune} was transposed by +24 semitones: {UNKNOWN_PITCHES}",)
    assert {pitches_in(notes)[0] for notes in compose(lstm, start=given)} == {36}
    assert compose(lstm, start=given) == compose(lstm, start=tune)
    for options in ({"start": "D2 E2"}, {"interpolate": ("D2 E2", "D4 E4")}):
        assert pitches_in(compose(lstm, key="D", **options)[0][:2]) == [38, 40]


CHOICES = {"meter": "3/4", "key": "D minor", "bars": 3, "like": "C4", "ending": "free", "top_k": 3, "top_p": 0.5}


class HighModel:
    def generate(self, count, *, seed, mode):
        return [(Note(126, 4),)] * count


def test_the_highest_note_of_midi_is_the_last():
    assert pitches_in(compose(HighModel(), 1, key="C#", register="own")[0]) == [127]
    with pytest.raises(UserError, match="higher or lower than MIDI can write"):
        compose(HighModel(), 1, key="D", register="own")
    assert pitches_in(compose(HighModel(), 1, key="D")[0]) == [68]


@pytest.mark.parametrize(
    ("kinds", "options", "others"),
    [
        (("gan", "attention", "reported"), {"start": "C4"}, "an LSTM"),
        (("gan", "attention"), {"vary": "C4"}, "an LSTM, or add --recompose"),
        (("reported",), {"vary": "C4"}, "an LSTM"),
        (("gan", "attention", "reported"), {"interpolate": ("C4", "D4")}, "an LSTM"),
        (("reported",), {"recompose": (1, 2), "vary": "C4"}, "a model trained without --as-reported"),
        *((("reported",), {name: value}, "a model trained without --as-reported") for name, value in CHOICES.items()),
    ],
)
def test_options_of_other_models(models, kinds, options, others):
    option = next(iter(options)).replace("_", "-")
    for kind in kinds:
        with pytest.raises(UserError, match=f"^--{option} does not work with this model: use {others}$"):
            compose(models[kind], **options)


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("attention", {"meter": "6/8"}, "never heard a tune in 6/8"),
        ("lstm", {"meter": "3/4", "key": "A minor"}, "never heard a tune in 3/4 minor"),
        ("gan", {"recompose": (1, 2)}, "--recompose names bars of the tune of --vary: add --vary"),
        ("gan", {"like": "C4", "bars": 2}, "--bars does not go with --like"),
        ("lstm", {"vary": "C4", "like": "C4"}, "--like does not go with --vary"),
        ("lstm", {"interpolate": ("C4", "D4"), "ending": "free"}, "--ending does not go with --interpolate"),
        ("gan", {"register": "loud"}, "'loud' is not a register: give low, middle, high, own or a note"),
        ("lstm", {"start": "C4:4 C4:4", "bars": 1}, "32 sixteenths long, more than the 16"),
        ("lstm", {"interpolate": ("C4", "D4"), "count": 1}, "at least 2 steps, not 1"),
        ("lstm", {"instrument": "violine d'amore"}, "--instrument"),
    ],
)
def test_requests_beyond_the_training_tunes(models, kind, options, message):
    with pytest.raises(UserError, match=message):
        compose(models[kind], **options)


@pytest.mark.parametrize(
    ("last", "fifths", "mode"),
    [(60, 0, "major"), (69, 0, "minor"), (67, 0, "major"), (67, 1, "major"), (64, 1, "minor"), (63, -6, "minor")],
)
def test_a_tune_that_ends_on_its_minor_tonic_is_minor(last, fifths, mode):
    tune = Tune((Note(60, 4), Note(last, 8), Note(None, 4)))
    assert score_of(tune, "a", fifths=fifths).mode == mode
    assert score_of(replace(tune, key="C major"), "a", fifths=fifths).mode == "major"


def test_notes_alone_are_a_score_too():
    assert score_of(IN_G, "a").notes == IN_G
