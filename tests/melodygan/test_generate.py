import shutil

import keras
import pytest
from scores import random_tunes, write_abc
from test_output import played

from melodygan import generate
from melodygan.attention import AttentionGAN, as_integers, build_attention_generator, build_light_critic
from melodygan.encoding import NoteVocabulary, ReportedCodec, StepVocabulary
from melodygan.form import Form
from melodygan.gan import MelodyGAN, build_discriminator, build_generator
from melodygan.lstm import MelodyLSTM
from melodygan.output import load_model
from melodygan.reported import ReportedGAN, build_reported_discriminator, build_reported_generator
from modelkit.files import save_keras

TUNES = random_tunes(20)
KINDS = ("lstm", "gan", "attention", "reported")

FRESH = """
import sys
from melodygan import generate
models, out = sys.argv[1:]
for kind in ("lstm", "gan"):
    generate.main(["--model", f"{models}/{kind}.keras", "--count", "4", "--seed", "3", "--out", f"{out}/{kind}"])
"""


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Save one small model of each kind; what they compose is no music, but it is theirs."""
    folder = tmp_path_factory.mktemp("models")
    keras.utils.set_random_seed(5)
    notes, steps, names = (kind.from_tunes(TUNES) for kind in (NoteVocabulary, StepVocabulary, ReportedCodec))
    sizes = (16, notes.n_pitches + notes.n_durations)
    networks = build_generator(*sizes, latent_dim=4, widths=(8,)), build_discriminator(*sizes, units=2, widths=(4,))
    alphabets = notes.n_pitches, notes.n_durations
    light = {"embedding": 4, "channels": (4,), "width": 4, "histogram_width": 4}
    players = (
        build_attention_generator(16, sum(alphabets), latent_dim=4, channels=(8, 8, 8), heads=2),
        build_light_critic(16, *alphabets, **light),
    )
    forms = as_integers([Form("3/4", "major"), Form("4/4", "minor")])
    built = {
        "attention": AttentionGAN(*players, vocabulary=notes, forms=forms),
        "lstm": MelodyLSTM(steps, units=4),
        "gan": MelodyGAN(*networks, vocabulary=notes),
        "reported": ReportedGAN(
            build_reported_generator(latent_dim=4), build_reported_discriminator(units=2), codec=names
        ),
    }
    for kind, model in built.items():
        model.build()
        save_keras(model, folder / f"{kind}.keras")
    return folder


@pytest.fixture
def compose(models, at_prompt, tmp_path):
    """Run the verb; return the files it wrote."""

    def run(kind, *options, out="tunes", count=4):
        model = models / f"{kind}.keras"
        arguments = ("--model", model, "--out", tmp_path / out, "--count", count, *options)
        code, text, errors = at_prompt(generate.main, *arguments)
        assert (code, errors) == (0, "")
        assert f"wrote {count} tunes to {tmp_path / out}" in text
        return sorted((tmp_path / out).glob("*.mid"))

    return run


@pytest.fixture
def refusal(models, at_prompt, tmp_path):
    """Run the verb in vain; return the one line that it says."""

    def run(*options, kind="lstm"):
        before = sorted(tmp_path.rglob("*"))
        arguments = ["--model", models / f"{kind}.keras", "--out", tmp_path / "tunes", "--count", "3", *options]
        code, text, errors = at_prompt(generate.main, *arguments)
        assert code == 2
        assert text == ""
        assert errors.count("\n") == 1
        assert sorted(tmp_path.rglob("*")) == before
        return errors

    return run


def lengths(files):
    return {max(onset + length for onset, length, _ in played(file)[0]) for file in files}


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
    for kind in ("lstm", "gan"):
        compose(kind, "--seed", 3, out=kind)
        expected[kind] = contents(tmp_path / kind)
    elsewhere = tmp_path / "a friend's" / "computer"
    shutil.copytree(models, elsewhere)
    python(FRESH, elsewhere, tmp_path / "fresh")
    assert {kind: contents(tmp_path / "fresh" / kind) for kind in expected} == expected


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
    expected, onset = [], 0
    for note in TUNES[0].notes:
        expected.append((onset, note.steps, note.pitch))
        onset += note.steps
    for file in compose("lstm", "--start", tmp_path / "my tune.abc"):
        assert played(file)[0][: len(expected)] == expected


def test_a_key_is_a_mode_composed_in_and_a_tonic_transposed_to(compose, models):
    plain = load_model(models / "lstm.keras").generate(4, seed=0, mode="minor")
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


def test_a_folder_of_ours_is_written_again(compose, tmp_path):
    compose("lstm", count=6)
    assert len(compose("lstm", count=2)) == 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--model", "no-such.keras"), "--model no-such.keras does not exist"),
        (("--model", "."), "is a folder"),
        (("--model", __file__), "is not a .keras file"),
        (("--count", "0"), "--count"),
        (("--count", "many"), "--count"),
        (("--temperature", "0"), "--temperature"),
        (("--temperature", "nan"), "--temperature"),
        (("--top-k", "0"), "--top-k"),
        (("--top-p", "1.5"), "--top-p"),
        (("--bars", "-1"), "--bars"),
        (("--tempo", "0"), "--tempo"),
        (("--seed", "-3"), "--seed"),
        (("--instrument", "violine d'amore"), "--instrument"),
        (("--key", "H dur"), "--key 'H dur' is no key"),
        (("--meter", "7/8"), "--meter"),
        (("--start", ""), "--start is empty"),
        (("--vary", ""), "--vary is empty"),
        (("--start", "H4"), "'H4' is neither a file nor a note"),
        (("--start", "C#4"), "C#4"),
        (("--start", "C4:4 C4:4", "--bars", "1"), "32 sixteenths long, more than the 16"),
        (("--amount", "0.5"), "--amount says how much --vary changes"),
        (("--vary", "C4", "--bars", "2"), "--bars does not go with --vary"),
        (("--vary", "C4", "--start", "C4"), "--start does not go with --vary"),
        (("--vary", "C4", "--amount", "0"), "--amount"),
        (("--vary", "x.mid"), "'x.mid' is neither a file nor a note"),
        (("--surprise",), "--surprise"),
    ],
)
def test_errors_are_one_line(refusal, options, said):
    assert said in refusal(*options)


@pytest.mark.parametrize(
    ("kind", "options", "said"),
    [
        ("gan", ("--start", "C4"), "--start does not work with"),
        ("gan", ("--vary", "C4"), "--vary does not work with"),
        ("attention", ("--start", "C4"), "--start does not work with"),
        ("attention", ("--meter", "6/8"), "never heard a tune in 6/8"),
        ("gan", ("--meter", "3/4"), "--meter does not work with"),
        ("gan", ("--key", "D minor"), "--key does not work with"),
        ("gan", ("--bars", "99"), "ask for less"),
        ("reported", ("--key", "D minor"), "--key does not work with"),
        ("reported", ("--temperature", "0.5"), "--temperature does not work with"),
        ("reported", ("--top-k", "3"), "--top-k does not work with"),
        ("reported", ("--bars", "3"), "--bars does not work with"),
    ],
)
def test_what_a_model_cannot_do(refusal, kind, options, said):
    assert said in refusal(*options, kind=kind)


def test_a_foreign_folder_is_not_touched(refusal, compose, tmp_path):
    (tmp_path / "tunes").mkdir()
    (tmp_path / "tunes" / "mine.mid").write_bytes(b"mine")
    assert "--force" in refusal()
    assert len(compose("lstm", "--force", count=2)) == 2
    assert (tmp_path / "tunes.1" / "mine.mid").read_bytes() == b"mine"
