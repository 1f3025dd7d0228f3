import functools
import shutil
from dataclasses import replace

import keras
import pytest
from music21 import converter
from scores import abc, random_tunes, write_abc, write_midi
from test_output import played

from manymodes.files import save_keras
from manymodes.music.formats import SUFFIXES
from melodygan import generate, output
from melodygan.data.encoding import Note, NoteVocabulary, ReportedCodec, StepVocabulary, truncate
from melodygan.data.form import transposed
from melodygan.data.plan import plan_of
from melodygan.models.attention import AttentionGAN, build_attention_generator, build_light_critic, note_plans
from melodygan.models.gan import MelodyGAN, build_discriminator, build_generator
from melodygan.models.lstm import MelodyLSTM
from melodygan.models.reported import ReportedGAN, build_reported_discriminator, build_reported_generator

LENGTH = 16
TUNES = [
    # 3/4 major, 4/4 major and 4/4 minor; no model here has heard 6/8, or 3/4 minor
    replace(tune, meter=meter, key=key)
    for tune, (meter, key) in zip(
        random_tunes(21), [("3/4", "C major"), ("4/4", "G major"), ("4/4", "A minor")] * 7, strict=True
    )
]
KINDS = ("lstm", "gan", "attention", "reported")

FRESH = """
import sys
from melodygan import generate
models, out = sys.argv[1:]
for kind in ("lstm", "gan", "attention", "reported"):
    generate.main(["--model", f"{models}/{kind}.keras", "--count", "4", "--seed", "3", "--out", f"{out}/{kind}"])
"""


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Save one small model of each kind; what they compose is no music, but it is theirs."""
    folder = tmp_path_factory.mktemp("models")
    keras.utils.set_random_seed(5)
    notes, steps, names = (kind.from_tunes(TUNES) for kind in (NoteVocabulary, StepVocabulary, ReportedCodec))
    sizes = (LENGTH, notes.n_pitches + notes.n_durations)
    networks = build_generator(*sizes, latent_dim=4, widths=(8,)), build_discriminator(*sizes, units=2, widths=(4,))
    light = {"embedding": 4, "channels": (4,), "width": 4, "histogram_width": 4}
    players = (
        build_attention_generator(*sizes, latent_dim=4, channels=(8, 8, 8), heads=2),
        build_light_critic(LENGTH, notes.n_pitches, notes.n_durations, **light),
    )
    plans = note_plans(truncate(TUNES, LENGTH), LENGTH)
    built = {
        "attention": AttentionGAN(*players, vocabulary=notes, plans=plans),
        "lstm": MelodyLSTM(steps, units=4, plans=[plan_of(tune) for tune in TUNES]),
        "gan": MelodyGAN(*networks, vocabulary=notes),
        "reported": ReportedGAN(
            build_reported_generator(latent_dim=4), build_reported_discriminator(units=2), codec=names
        ),
    }
    for kind, model in built.items():
        model.build()
        save_keras(model, folder / f"{kind}.keras")
    return folder


@pytest.fixture(scope="module")
def loaded():
    return functools.cache(output.load_model)


@pytest.fixture(autouse=True)
def load_once(loaded, monkeypatch):
    """Load each model once for all tests: what it composes must not depend on what it has composed before."""
    monkeypatch.setattr(output, "load_model", loaded)
    # Nothing is built or saved here, so no names of layers have to be forgotten, which takes a third of a second.
    monkeypatch.setattr(keras.utils, "clear_session", lambda: None)


@pytest.fixture
def verb(models, at_prompt, tmp_path):
    """Run the verb; return the files it wrote, and the lines it printed before it said so."""

    def run(kind, *options, out="tunes", fresh=True):
        if fresh:
            shutil.rmtree(tmp_path / out, ignore_errors=True)
        code, text, errors = at_prompt(
            generate.main, "--model", models / f"{kind}.keras", "--out", tmp_path / out, *options
        )
        assert (code, errors) == (0, "")
        files = sorted((tmp_path / out).glob("*.mid"))
        *lines, last = text.splitlines()
        assert last.startswith("wrote ")
        assert f"{tmp_path / out}/" in last
        return files, lines

    return run


@pytest.fixture
def compose(verb):
    """Run the verb, without anything to be remarked; return the files it wrote."""

    def run(kind, *options, out="tunes", count=4):
        files, lines = verb(kind, *options, "--count", count, out=out)
        assert lines == []
        assert len(files) == count
        return files

    return run


@pytest.fixture
def morph(verb):
    """Have the LSTM interpolate; return the files it wrote."""

    def run(first, second, *options, out="tunes"):
        files, lines = verb("lstm", "--interpolate", first, second, *options, out=out)
        assert lines == []
        return files

    return run


@pytest.fixture
def refusal(models, at_prompt, tmp_path):
    """Run the verb in vain; return the one line that it says."""

    def run(*options, kind="lstm"):
        before = sorted(tmp_path.rglob("*"))
        arguments = ["--model", models / f"{kind}.keras", "--out", tmp_path / "tunes", *options]
        code, text, errors = at_prompt(generate.main, *arguments)
        assert code == 2
        assert text == ""
        assert errors.count("\n") == 1
        assert sorted(tmp_path.rglob("*")) == before
        return errors

    return run


def lengths(files):
    return {max(onset + length for onset, length, _ in played(file)[0]) for file in files}


def sounding(notes):
    """Return notes as `played` reads them."""
    found, onset = [], 0
    for note in notes:
        if note.pitch is not None:
            found.append((onset, note.steps, note.pitch))
        onset += note.steps
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_same_seed_same_bytes(compose, contents, tmp_path, kind):
    assert len(compose(kind, "--seed", 1, count=5)) == 5
    first = contents(tmp_path / "tunes")
    compose(kind, "--seed", 1, count=5, out="again")
    assert contents(tmp_path / "again") == first
    compose(kind, "--seed", 2, count=5)
    assert contents(tmp_path / "tunes") != first


def test_the_model_file_is_enough_anywhere(models, compose, python, contents, tmp_path):
    expected = {}
    for kind in KINDS:
        compose(kind, "--seed", 3, out=kind)
        expected[kind] = contents(tmp_path / kind)
    elsewhere = tmp_path / "a friend's" / "computer"
    shutil.copytree(models, elsewhere)
    python(FRESH, elsewhere, tmp_path / "fresh")
    assert {kind: contents(tmp_path / "fresh" / kind) for kind in expected} == expected


def test_without_a_model_the_lstm_that_ships_composes(models, at_prompt, compose, shipped, contents, tmp_path):
    for kind in ("lstm", "attention"):
        shutil.copy(models / f"{kind}.keras", shipped / f"melody-{kind}.keras")
        compose(kind, out=kind)
    for name, options in {"lstm": (), "attention": ("--model", "melody-attention")}.items():
        out = tmp_path / f"{name} ships"
        assert at_prompt(generate.main, "--count", 4, "--out", out, *options)[0] == 0
        assert contents(out) == contents(tmp_path / name)
    (shipped / "melody-lstm.keras").unlink()
    code, text, errors = at_prompt(generate.main, "--out", tmp_path / "none")
    assert (code, text, errors.count("\n")) == (2, "", 1)
    assert "train one with python -m melodygan.train --lstm --seed 0" in errors


@pytest.mark.parametrize("kind", KINDS)
def test_tempo_and_instrument(compose, kind):
    for file in compose(kind, "--tempo", "72.5", "--instrument", "violin"):
        _, programs, tempo = played(file)
        assert programs == {40}
        assert tempo == pytest.approx(72.5, abs=1e-3)
    assert {frozenset(played(file)[1]) for file in compose(kind, "--instrument", "127")} == {frozenset({127})}


@pytest.mark.parametrize(("kind", "bars"), [("lstm", 1), ("lstm", 3), ("gan", 1)])
def test_bars(compose, kind, bars):
    assert max(lengths(compose(kind, "--bars", bars))) <= 16 * bars


def test_start_with_notes(compose):
    for file in compose("lstm", "--start", "C4 D4:0.5 r E4:2", "--bars", 2):
        assert played(file)[0][:3] == [(0, 4, 60), (4, 2, 62), (10, 8, 64)]


def test_start_with_a_file(compose, tmp_path):
    write_abc(tmp_path / "my tune.abc", TUNES[:1])
    expected = sounding(TUNES[0].notes)
    for file in compose("lstm", "--start", tmp_path / "my tune.abc"):
        assert played(file)[0][: len(expected)] == expected


# A tune in G, which the models know in C: seven semitones lower.
IN_G = [(67, 4), (69, 2), (71, 2), (72, 8), (None, 4), (79, 4), (74, 8)]


@pytest.mark.parametrize("option", ["--start", "--vary"])
def test_what_begins_as_a_file_stays_in_its_key(compose, tmp_path, option):
    write_midi(tmp_path / "in G.mid", IN_G, key="G", meter=(4, 4))
    expected = sounding(Note(*note) for note in IN_G)
    known = {note.pitch + 7 for tune in TUNES for note in tune.notes}
    files = compose("lstm", option, tmp_path / "in G.mid")
    assert {pitch for file in files for _, _, pitch in played(file)[0]} <= known
    for file in files:
        notes = played(file)[0]
        # Of its two bars one stays in a variation; in what continues it, both do.
        kept = [notes[:4] == expected[:4], notes[-2:] == expected[-2:], notes[: len(expected)] == expected]
        assert kept[2] if option == "--start" else kept[0] != kept[1]


def test_a_key_that_is_asked_for_goes_before_that_of_the_file(compose, tmp_path):
    write_midi(tmp_path / "in G.mid", IN_G, key="G")
    expected = sounding(Note(pitch and pitch - 5, steps) for pitch, steps in IN_G)  # from G down to D
    for file in compose("lstm", "--start", tmp_path / "in G.mid", "--key", "D"):
        assert played(file)[0][: len(expected)] == expected


def test_a_file_is_continued_in_its_metre(compose, models, tmp_path):
    write_midi(tmp_path / "waltz.mid", [(60, 12), (64, 12)], key="C", meter=(3, 4))
    notes = (Note(60, 12), Note(64, 12))
    plain = output.load_model(models / "lstm.keras").generate(4, seed=0, start=notes, meter="3/4", mode="major")
    assert [played(file)[0] for file in compose("lstm", "--start", tmp_path / "waltz.mid")] == list(
        map(sounding, plain)
    )
    # the bars that are asked for are those of that metre
    assert max(lengths(compose("lstm", "--start", tmp_path / "waltz.mid", "--bars", 3))) <= 36
    # a metre that the model never heard it cannot be told
    write_midi(tmp_path / "jig.mid", [(60, 12), (64, 12)], key="C", meter=(6, 8))
    assert len(compose("lstm", "--start", tmp_path / "jig.mid")) == 4


def test_a_hundred_tunes_unless_asked(verb):
    assert len(verb("lstm", "--bars", 1)[0]) == 100


def test_a_key_is_a_mode_composed_in_and_a_tonic_transposed_to(compose, models):
    plain = output.load_model(models / "lstm.keras").generate(4, seed=0, mode="minor")
    for file, notes in zip(compose("lstm", "--key", "D minor"), plain, strict=True):
        # from A minor up to D minor are five semitones
        assert [pitch for _, _, pitch in played(file)[0]] == [
            note.pitch + 5 for note in notes if note.pitch is not None
        ]


def test_a_metre_is_kept(compose):
    for bars in (1, 2):
        for file in compose("attention", "--meter", "3/4", "--key", "C", "--bars", bars):
            assert max(onset + steps for onset, steps, _ in played(file)[0]) <= 12 * bars


def test_variations_of_a_tune(compose):
    tune = " ".join(["D4", "E4", "F#4", "G4"] * 2)
    for file in compose("lstm", "--vary", tune, "--amount", "0.5", "--key", "D"):
        notes = played(file)[0]
        original = [(4 * place, 4, 62 + step) for place, step in enumerate([0, 2, 4, 5] * 2)]
        assert notes != original
        assert any(set(original[half : half + 4]) <= set(notes) for half in (0, 4))


def test_variations_of_a_file_keep_its_metre(compose, tmp_path):
    # three bars of 3/4, no bar line of which is one of 4/4 but the first
    write_midi(tmp_path / "waltz.mid", [(60, 12), (64, 4), (65, 8), (62, 12)], key="C", meter=(3, 4))
    for file in compose("lstm", "--vary", tmp_path / "waltz.mid", "--amount", "0.3", count=6):
        # A note that lasts into a bar that was composed anew may be longer than it was.
        begun = [{(onset, pitch) for onset, _, pitch in played(file)[0] if onset // 12 == bar} for bar in range(3)]
        tune = [{(0, 60)}, {(12, 64), (16, 65)}, {(24, 62)}]
        assert sum(now == before for now, before in zip(begun, tune, strict=True)) == 2


# --- other formats


@pytest.fixture
def write(models, at_prompt, tmp_path):
    """Run the verb; return all files that it wrote."""

    def run(kind, *options, out="scores"):
        code, text, errors = at_prompt(
            generate.main, "--model", models / f"{kind}.keras", "--out", tmp_path / out, *options
        )
        assert (code, errors) == (0, "")
        files = sorted(path for path in (tmp_path / out).iterdir() if not path.name.startswith("."))
        assert text.startswith("wrote ")
        return files

    return run


def opening(file):
    """Return the metre, the sharps and the mode at the beginning of a score."""
    first = converter.parse(file, forceSource=True).parts[0].getElementsByClass("Measure").first()
    return first.timeSignature.ratioString, first.keySignature.sharps, first.keySignature.mode


@pytest.mark.parametrize("kind", KINDS)
def test_every_format_of_a_tune_has_its_notes(write, compose, kind):
    midi = compose(kind, "--seed", 2, count=2)
    files = write(kind, "--seed", 2, "--count", 2, "--format", ",".join(SUFFIXES))
    assert [file.name for file in files if file.stem in {"001", "002"}] == sorted(
        f"{number}{suffix}" for number in ("001", "002") for suffix in SUFFIXES.values()
    )
    for plain in midi:
        of_this = {file.suffix: file for file in files if file.stem == plain.stem}
        assert of_this[".mid"].read_bytes() == plain.read_bytes()
        pitches = [pitch for _, _, pitch in played(plain)[0]]
        for suffix in (".musicxml", ".abc"):
            score = converter.parse(of_this[suffix], forceSource=True).stripTies()
            assert [note.pitch.midi for note in score.flatten().notes] == pitches


def test_same_seed_same_bytes_in_every_format(write, contents, tmp_path):
    options = ("--count", 2, "--bars", 2, "--format", ",".join(SUFFIXES))
    for out in ("a", "b"):
        write("lstm", *options, out=out)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


@pytest.mark.parametrize(
    ("key", "sharps", "mode"),
    [
        ("D minor", -1, "minor"),
        ("Bb", -2, "major"),
        ("F#", 6, "major"),
        ("Gb major", -6, "major"),
        ("es-Moll", -6, "minor"),
        ("H-Dur", 5, "major"),
    ],
)
def test_the_key_that_is_asked_for_is_written(write, key, sharps, mode):
    for file in write("lstm", "--key", key, "--count", 2, "--bars", 2, "--format", "musicxml"):
        assert opening(file)[1:] == (sharps, mode)


def test_the_metre_that_is_asked_for_is_written(write, tmp_path):
    write_midi(tmp_path / "waltz.mid", [(60, 12), (64, 12)], key="C", meter=(3, 4))
    for number, (meter, options) in enumerate(
        [
            ("3/4", ("--meter", "3/4", "--key", "C", "--bars", 4)),
            ("4/4", ("--bars", 5)),
            ("3/4", ("--start", tmp_path / "waltz.mid")),
            ("3/4", ("--vary", tmp_path / "waltz.mid")),
        ]
    ):
        files = write("lstm", *options, "--count", 3, "--format", "musicxml", out=f"scores{number}")
        assert {opening(file)[0] for file in files} == {meter}


def test_a_file_keeps_its_key_on_paper(write, tmp_path):
    write_midi(tmp_path / "in G.mid", IN_G, key="G", meter=(4, 4))
    for file in write("lstm", "--start", tmp_path / "in G.mid", "--count", 2, "--format", "musicxml"):
        assert opening(file)[1] == 1


# --- from one tune to another

FIRST, SECOND = "C4 D4 E4 F4", "G4:2 A4:0.5 B4:0.5 C5 r D5:3"
ENDS = (
    [(0, 4, 60), (4, 4, 62), (8, 4, 64), (12, 4, 65)],
    [(0, 8, 67), (8, 2, 69), (10, 2, 71), (12, 4, 72), (20, 12, 74)],
)


@pytest.mark.parametrize("steps", [2, 3, 11])
def test_a_morph_leads_from_one_tune_to_the_other(morph, steps):
    files = morph(FIRST, SECOND, "--steps", steps)
    assert [file.name for file in files] == [f"{number:03d}.mid" for number in range(1, steps + 1)]
    assert (played(files[0])[0], played(files[-1])[0]) == ENDS
    assert max(lengths(files)) <= 32
    assert len({file.read_bytes() for file in files}) > 1


def test_a_morph_is_of_eight_tunes_unless_asked(morph):
    assert len(morph(FIRST, SECOND)) == 8


def test_a_morph_is_in_the_key_of_the_first_tune(morph, tmp_path):
    write_midi(tmp_path / "in G.mid", IN_G, key="G", meter=(4, 4))
    in_f = abc("F4 G4 A4 B4 | c8 F8 |", key="F")
    (tmp_path / "in F.abc").write_text(in_f, encoding="utf-8")
    first = sounding(Note(*note) for note in IN_G)
    second = [(4 * place, 4, pitch) for place, pitch in enumerate([65, 67, 69, 70])] + [(16, 8, 72), (24, 8, 65)]
    files = morph(tmp_path / "in G.mid", tmp_path / "in F.abc", "--steps", 3)
    assert played(files[0])[0] == first
    assert played(files[2])[0] == [(onset, steps, pitch + 2) for onset, steps, pitch in second]
    files = morph(tmp_path / "in F.abc", tmp_path / "in G.mid", "--steps", 3)
    assert played(files[0])[0] == second
    assert played(files[2])[0] == [(onset, steps, pitch - 2) for onset, steps, pitch in first]
    # a key that is asked for is that of all
    files = morph(tmp_path / "in F.abc", tmp_path / "in G.mid", "--steps", 3, "--key", "C")
    assert played(files[0])[0] == [(onset, steps, pitch - 5) for onset, steps, pitch in second]
    assert played(files[2])[0] == [(onset, steps, pitch - 7) for onset, steps, pitch in first]


def test_a_morph_is_what_the_model_composes(morph, models):
    first = tuple(Note(pitch, 4) for pitch in (60, 62, 64, 65))
    second = (Note(67, 8), Note(69, 2), Note(71, 2), Note(72, 4), Note(None, 4), Note(74, 12))
    steering = {"temperature": 0.7, "top_k": 5, "top_p": 0.9}
    plain = output.load_model(models / "lstm.keras").interpolate(first, second, 5, seed=4, **steering)
    options = ("--temperature", 0.7, "--top-k", 5, "--top-p", 0.9)
    files = morph(FIRST, SECOND, "--steps", 5, "--seed", 4, *options)
    assert [played(file)[0] for file in files] == list(map(sounding, plain))


@pytest.mark.parametrize(
    "options", [("--start", FIRST), ("--vary", f"{FIRST} {SECOND}"), ("--interpolate", FIRST, SECOND)]
)
def test_same_seed_same_bytes_from_a_tune(verb, contents, tmp_path, options):
    for out, seed in (("a", 1), ("b", 1), ("c", 2)):
        count = () if "--interpolate" in options else ("--count", 5)
        verb("lstm", *options, *count, "--seed", seed, out=out)
    assert contents(tmp_path / "a") == contents(tmp_path / "b") != contents(tmp_path / "c")


# --- what was changed to make a model understand a tune is said


@pytest.mark.parametrize("option", ["--start", "--vary"])
def test_a_tune_outside_the_vocabulary(verb, option):
    tune = "C2 D2 E2 F2 F2:4 C2:4 D2:4"
    files, lines = verb("lstm", option, tune, "--count", 3)
    assert lines == [
        f"note: {option} {tune} was transposed by +24 semitones: the model does not know all of its pitches"
    ]
    # in the files it stands where it stood
    original = [(0, 4, 36), (4, 4, 38), (8, 4, 40), (12, 4, 41), (16, 16, 41), (32, 16, 36), (48, 16, 38)]
    for file in files:
        notes = played(file)[0]
        kept = [note in notes for note in original]
        assert all(kept) if option == "--start" else 3 <= sum(kept) < len(kept)


def test_a_note_outside_the_vocabulary(verb):
    # The models know the white keys from C4 to D5, and no way to shift all of them and F#4 onto those.
    start = "C4 D4 E4 F4 G4 A4 B4 C5 D5 F#4 F#4"
    files, lines = verb("lstm", "--start", start, "--count", 2)
    assert lines == [f"note: --start {start}: F#4, which the model does not know, became F4 (2×)"]
    for file in files:
        assert [pitch for _, _, pitch in played(file)[0][:11]] == [60, 62, 64, 65, 67, 69, 71, 72, 74, 65, 65]


def test_both_tunes_of_a_morph_are_made_to_fit(verb, tmp_path):
    write_midi(tmp_path / "high.mid", [(pitch + 36, steps) for pitch, steps in IN_G if pitch], key="G")
    (tmp_path / "triplets.abc").write_text(abc("(3C,4D,4E,4 F,8 |"), encoding="utf-8")
    files, lines = verb("lstm", "--interpolate", tmp_path / "high.mid", tmp_path / "triplets.abc", "--steps", 4)
    transposing = "the model does not know all of its pitches"
    assert lines == [
        f"note: --interpolate high.mid was transposed by -36 semitones: {transposing}",
        "note: triplets.abc: 3 notes and rests were moved to sixteenths",
        f"note: --interpolate triplets.abc was transposed by +12 semitones: {transposing}",
    ]
    assert played(files[0])[0] == sounding(Note(pitch + 36, steps) for pitch, steps in IN_G if pitch)
    # from C3 to the G of the first one, three octaves above that of the model
    second = ((60, 3), (62, 2), (64, 3), (65, 8))
    assert played(files[-1])[0] == sounding(transposed((Note(*note) for note in second), 7 + 36))


def test_notes_in_a_key_stay_where_they_are_written(verb):
    # In C major they are C and D, two octaves below what the models know.
    for options in (("--start", "D2 E2", "--count", 3), ("--interpolate", "D2 E2", "D4 E4")):
        files, lines = verb("lstm", *options, "--key", "D")
        assert lines == [
            f"note: {options[0]} D2 E2 was transposed by +24 semitones: the model does not know all of its pitches"
        ]
        assert [pitch for _, _, pitch in played(files[0])[0][:2]] == [38, 40]


def test_a_file_goes_to_the_key_asked_for_in_its_octave(verb, tmp_path):
    write_midi(tmp_path / "in g.mid", [(67, 4), (71, 4), (74, 4), (67, 4)], key="G")
    for key, expected in (("G", [67, 71, 74]), ("A", [69, 73, 76]), ("F#", [66, 70, 73])):
        files, _ = verb("lstm", "--start", tmp_path / "in g.mid", "--count", 1, "--key", key)
        assert [pitch for _, _, pitch in played(files[0])[0][:3]] == expected


def test_the_ends_of_the_keyboard(at_prompt, models, tmp_path):
    # What continues the highest notes may be higher than any MIDI has: one line says so, or it stays lower.
    for number, start in enumerate(("G9 G9 G9", "C-1 C#-1 C-1")):
        arguments = ("--model", models / "lstm.keras", "--start", start, "--count", 5, "--out", tmp_path / str(number))
        code, _, errors = at_prompt(generate.main, *arguments)
        assert (code, errors.count("\n")) in {(0, 0), (2, 1)}


def test_a_start_is_in_the_key_that_is_asked_for(compose):
    for file in compose("lstm", "--start", "D4 E4 F#4", "--key", "D major"):
        assert [pitch for _, _, pitch in played(file)[0][:3]] == [62, 64, 66]


def test_bars_of_a_metre(compose):
    for file in compose("lstm", "--start", "C4:0.5", "--meter", "3/4", "--bars", 2):
        onset, steps, _ = played(file)[0][-1]
        assert onset + steps <= 24


@pytest.mark.parametrize("kind", ["lstm", "gan"])
def test_steering(compose, contents, tmp_path, kind):
    found = []
    for number, options in enumerate([(), ("--temperature", "0.5"), ("--top-k", "2"), ("--top-p", "0.3")]):
        compose(kind, "--bars", "1", *options, out=str(number))
        found.append(contents(tmp_path / str(number)))
    assert all(one != other for n, one in enumerate(found) for other in found[:n])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--model", "no-such.keras"), "--model no-such.keras does not exist"),
        (("--model", "."), "is a folder"),
        (("--model", __file__), "is not a .keras file"),
        (("--count", "0"), "--count"),
        (("--steps", "0", "--interpolate", "C4", "D4"), "--steps"),
        (("--steps", "1", "--interpolate", "C4", "D4"), "there are 2 steps or more, not 1"),
        (("--steps", "5"), "--steps says how many tunes --interpolate writes"),
        (("--steps", "5", "--vary", "C4"), "--steps says how many tunes --interpolate writes"),
        (("--interpolate", "C4"), "--interpolate"),
        (("--interpolate", "C4", "D4", "--count", "3"), "--count does not go with --interpolate"),
        (("--interpolate", "C4", "D4", "--vary", "C4"), "--vary does not go with --interpolate"),
        (("--interpolate", "C4", "D4", "--start", "C4"), "--start does not go with --interpolate"),
        (("--interpolate", "C4", "D4", "--bars", "4"), "--bars does not go with --interpolate"),
        (("--interpolate", "C4", "D4", "--meter", "3/4"), "--meter does not go with --interpolate"),
        (("--interpolate", "C4", "D4", "--amount", "0.5"), "--amount says how much --vary changes"),
        (("--interpolate", "", "D4"), "--interpolate is empty"),
        (("--interpolate", "C4", ""), "--interpolate is empty"),
        (("--interpolate", "C4", "x.mid"), "'x.mid' is neither a file nor a note"),
        (("--interpolate", __file__, "C4"), "test_generate.py is not a file of tunes: give one of .krn"),
        (("--start", __file__), "test_generate.py is not a file of tunes: give one of .krn"),
        (("--count", "many"), "--count"),
        (("--temperature", "0"), "--temperature"),
        (("--temperature", "nan"), "--temperature"),
        (("--top-k", "0"), "--top-k"),
        (("--top-p", "1.5"), "--top-p"),
        (("--bars", "-1"), "--bars"),
        (("--tempo", "0"), "--tempo"),
        (("--seed", "-3"), "--seed"),
        (("--instrument", "violine d'amore"), "--instrument"),
        (("--key", "X"), "--key 'X' is not a key"),
        (("--meter", "7/8"), "--meter"),
        (("--format", "musixml"), "'musixml' is no format here: did you mean musicxml?"),
        (("--start", ""), "--start is empty"),
        (("--vary", ""), "--vary is empty"),
        (("--start", "H4"), "'H4' is neither a file nor a note"),
        (("--start", "C4:4 C4:4", "--bars", "1"), "32 sixteenths long, more than the 16"),
        (("--amount", "0.5"), "--amount says how much --vary changes"),
        (("--vary", "C4", "--bars", "2"), "--bars does not go with --vary"),
        (("--vary", "C4", "--meter", "3/4"), "--meter does not go with --vary"),
        (("--vary", "C4", "--start", "C4"), "--start does not go with --vary"),
        (("--vary", "C4", "--amount", "0"), "--amount"),
        (("--vary", "x.mid"), "'x.mid' is neither a file nor a note"),
        (("--surprise",), "--surprise"),
    ],
)
def test_errors_are_one_line(refusal, options, said):
    assert said in refusal(*options)


@pytest.mark.parametrize(
    ("kinds", "options", "others"),
    [
        (("gan", "attention", "reported"), ("--start", "C4"), "an LSTM"),
        (("gan", "attention", "reported"), ("--vary", "C4"), "an LSTM"),
        (("gan", "attention", "reported"), ("--interpolate", "C4", "D4"), "an LSTM"),
        (("gan", "reported"), ("--meter", "3/4"), "an LSTM or --attention"),
        (("gan", "reported"), ("--key", "D minor"), "an LSTM or --attention"),
        (("reported",), ("--temperature", "0.5"), "a model trained without --as-reported"),
        (("reported",), ("--top-k", "3"), "a model trained without --as-reported"),
        (("reported",), ("--top-p", "0.5"), "a model trained without --as-reported"),
        (("reported",), ("--bars", "3"), "a model trained without --as-reported"),
    ],
)
def test_what_a_model_cannot_do(refusal, models, kinds, options, others):
    for kind in kinds:
        said = f"error: {options[0]} does not work with {models / kind}.keras: use {others}\n"
        assert refusal(*options, kind=kind) == said


@pytest.mark.parametrize(
    ("kind", "options", "said"),
    [
        ("attention", ("--meter", "6/8"), "never heard a tune in 6/8"),
        ("attention", ("--meter", "3/4", "--key", "A minor"), "never heard a tune in 3/4 minor"),
        ("lstm", ("--meter", "6/8"), "never heard a tune in 6/8"),
        ("lstm", ("--meter", "3/4", "--key", "A minor"), "never heard a tune in 3/4 minor"),
        ("gan", ("--bars", "99"), "ask for less"),
    ],
)
def test_what_a_model_has_not_learnt(refusal, kind, options, said):
    assert said in refusal(*options, kind=kind)


def test_tunes_join_what_is_there(verb, tmp_path):
    first, _ = verb("lstm", "--count", 2)
    second, _ = verb("lstm", "--count", 2, fresh=False)
    assert set(first) < set(second)
    assert len(second) == 4
