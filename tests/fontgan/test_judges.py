import dataclasses
import itertools
import os
import zipfile
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from fontgan import fitting
from fontgan.data.fonts import Jitter, load_fonts
from fontgan.metrics import judges
from fontgan.metrics.coverage import CONFIDENT, Reading, strict_coverage
from fontgan.metrics.judges import KINDS, Judges, Kind, build_judge, judges_of, read, train_judge
from fontgan.sheets import bundled_fonts
from manymodes.files import CACHE_VARIABLE

SMALL = Kind("selecting", (12, 24), 96, epochs=28, shift_px=1, turn=0.0, zoom=0.05, noise=0.2)
QUICK = Kind("reporting", (4,), 8, epochs=1, shift_px=1, turn=0.02, zoom=0.05, noise=0.2)


@pytest.fixture(scope="module")
def few():
    """Draw letters of one face, few of each."""
    jitter = Jitter(size=0.05, shift_px=0.8, slant=0.05, weight=0.08)
    return load_fonts(bundled_fonts() / "DejaVuSans.ttf", train=20, validation=8, jitter=jitter, progress=False)


@pytest.fixture(scope="module")
def made(few, tmp_path_factory):
    """Train judges of these letters, the first well and the second hardly; return them and where they are kept."""
    folder = tmp_path_factory.mktemp("judges") / "cache"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CACHE_VARIABLE, str(folder))
        return judges_of(few, (SMALL, QUICK)), folder


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Give a cache of its own, which does not exist yet."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def trained(monkeypatch):
    """Have judges learn and read nothing, which takes no time; list the names of those that would have learned."""
    names = []

    def learn_nothing(kind, letters, seed):
        names.append(kind.name)
        keras.utils.set_random_seed(seed)
        return build_judge(kind, seed)

    monkeypatch.setattr(judges, "train_judge", learn_nothing)
    monkeypatch.setattr(judges, "read", lambda _, images: Reading(*np.zeros((2, len(images))), images))
    return names


def noise(count):
    return np.random.default_rng(0).uniform(-1, 1, (count, 28, 28, 1)).astype(np.float32)


def same(one, other):
    """Say whether judges have the same weights."""
    return all(map(np.array_equal, one.get_weights(), other.get_weights()))


# --- how they are built


@pytest.mark.parametrize("kind", [*KINDS, SMALL, QUICK])
def test_shapes(kind):
    judge = build_judge(kind, seed=0)
    assert judge.input_shape == (None, 28, 28, 1)
    assert judge.output_shape == [(None, kind.width), (None, 26)]
    features, probabilities = (np.asarray(output) for output in judge(noise(3)))
    assert features.min() >= 0
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)


def test_one_selects_and_another_one_reports():
    selecting, reporting = KINDS
    assert (selecting.name, reporting.name) == ("selecting", "reporting")
    # in everything, so that what fools the one need not fool the other
    assert all(a != b for a, b in zip(selecting, reporting, strict=True))


@pytest.mark.parametrize("kind", KINDS)
def test_images_are_changed_in_training_alone(kind):
    judge = build_judge(kind, seed=0)
    images = noise(8)
    # Features come before the dropout: they differ only where the images do.
    still, again = (np.asarray(judge(images, training=False)[0]) for _ in range(2))
    np.testing.assert_array_equal(still, again)
    moved, otherwise = (np.asarray(judge(images, training=True)[0]) for _ in range(2))
    assert (moved != otherwise).any(axis=1).all()


@pytest.mark.parametrize(
    ("alone", "changing"),
    [
        ({"shift_px": 4}, keras.layers.RandomTranslation),
        ({"zoom": 0.2}, keras.layers.RandomZoom),
        ({"turn": 0.1}, keras.layers.RandomRotation),
        ({"noise": 0.3}, keras.layers.GaussianNoise),
    ],
)
def test_a_kind_says_how_images_are_changed(alone, changing):
    kind = QUICK._replace(**{"shift_px": 0, "turn": 0.0, "zoom": 0.0, "noise": 0.0, **alone})
    before = itertools.takewhile(
        lambda layer: not isinstance(layer, keras.layers.Conv2D), build_judge(kind, seed=0).layers[1:]
    )
    ink = np.ones((64, 28, 28, 1), np.float32)
    changed = {type(layer): np.asarray(layer(ink, training=True)) for layer in before}
    assert [layer for layer, images in changed.items() if (images != ink).any()] == [changing]
    found = changed[changing][..., 0]
    if changing is keras.layers.GaussianNoise:
        assert found.std() == pytest.approx(0.3, rel=0.02)
    else:
        # Paper comes in from outside, and the middle stays what it is.
        assert found.min() == pytest.approx(-1, abs=1e-5)
        assert found[:, 13:15, 13:15].min() == pytest.approx(1, abs=1e-5)


def test_letters_are_shifted_by_pixels():
    kind = QUICK._replace(shift_px=4)
    shift = build_judge(kind, seed=0).layers[1]
    ink = np.ones((200, 28, 28, 1), np.float32)
    paper = (1 - np.asarray(shift(ink, training=True))[..., 0]) / 2
    for across in (paper[:, 14], paper[:, :, 14]):
        assert across.sum(axis=1).max() == pytest.approx(4, abs=0.2)


def test_a_kind_that_turns_nothing_turns_nothing():
    def turns(kind):
        return any(isinstance(layer, keras.layers.RandomRotation) for layer in build_judge(kind, seed=0).layers)

    assert turns(QUICK)
    assert not turns(QUICK._replace(turn=0.0))


# --- what they learn


def test_a_judge_reads_letters_it_has_not_seen(made, few):
    judge = made[0].selecting
    reading = read(judge, few.validation.images)
    right = reading.letters == few.validation.labels
    assert right.mean() >= 0.9
    assert made[0].accuracy["selecting"] == right.mean()


def test_a_judge_is_far_less_sure_of_noise(made, few):
    judge = made[0].selecting
    letters, nothing = read(judge, few.validation.images), read(judge, noise(208))
    assert nothing.confidence.mean() < 0.6 * letters.confidence.mean()
    assert strict_coverage(nothing) <= 2 < strict_coverage(letters)


def test_accuracy_is_of_each(made, few):
    accuracy = made[0].accuracy
    assert set(accuracy) == {"selecting", "reporting"}
    reporting = read(made[0].reporting, few.validation.images)
    assert accuracy["reporting"] == (reporting.letters == few.validation.labels).mean() < accuracy["selecting"]


def test_same_seed_same_judge(made, few):
    # as `judges_of` numbers them
    assert same(train_judge(QUICK, few, 2), made[0].reporting)


def test_a_reading_is_what_the_judge_finds_likeliest(made, few):
    judge, images = made[0].selecting, few.validation.images[::7]
    features, probabilities = (np.asarray(output) for output in judge(images, training=False))
    reading = read(judge, images)
    np.testing.assert_array_equal(reading.letters, probabilities.argmax(axis=1))
    np.testing.assert_allclose(reading.confidence, probabilities.max(axis=1), rtol=1e-4)
    np.testing.assert_allclose(reading.features, features, rtol=1e-3, atol=1e-4)


def test_a_judge_is_sure_of_letters_it_has_not_seen(made, few):
    # Judges that normalised over the batch read all of them rightly, and a third without confidence.
    reading = read(made[0].selecting, few.validation.images)
    assert made[0].confident["selecting"] == (reading.confidence >= CONFIDENT).mean() >= 0.9
    assert made[0].confident["reporting"] < 0.1


@pytest.mark.parametrize("how", ["rightly", "with confidence"])
@pytest.mark.parametrize(
    ("selecting", "reporting", "doubted"),
    [
        (1.0, 0.985, []),
        (0.99, 0.984, ["reporting"]),
        (0.5, 0.2, ["selecting", "reporting"]),
    ],
)
def test_a_judge_that_reads_badly_is_introduced_as_such(selecting, reporting, doubted, how):
    perfect, shares = {"selecting": 1.0, "reporting": 1.0}, {"selecting": selecting, "reporting": reporting}
    accuracy, confident = (shares, perfect) if how == "rightly" else (perfect, shares)
    first, *others = Judges(None, None, accuracy, confident).introduction().splitlines()
    said = ", ".join(f"{name} {share:.1%}" for name, share in accuracy.items())
    assert first == f"judges: {said} of real letters"
    assert len(others) == len(doubted)
    for name, line in zip(doubted, others, strict=True):
        assert line.startswith(f"note: the {name} judge reads fewer than 98.5% of real letters {how}")


# --- where they are kept


def test_judges_are_kept_and_not_trained_again(made, few, monkeypatch):
    first, folder = made
    monkeypatch.setenv(CACHE_VARIABLE, str(folder))
    monkeypatch.setattr(judges, "train_judge", lambda *_: pytest.fail("it is trained again"))
    again = judges_of(few, (SMALL, QUICK))
    assert again.accuracy == first.accuracy
    assert same(again.selecting, first.selecting)
    assert same(again.reporting, first.reporting)
    assert len(list(folder.iterdir())) == 2


def test_letters_of_the_same_fingerprint_have_the_same_judges_and_others_have_others(few, cache, trained):
    judges_of(few, (SMALL, QUICK))
    judges_of(dataclasses.replace(few, seed=99), (SMALL, QUICK))
    assert trained == ["selecting", "reporting"]
    judges_of(dataclasses.replace(few, fingerprint="another"), (SMALL, QUICK))
    assert trained == 2 * ["selecting", "reporting"]
    assert len(list(cache.iterdir())) == 4


def test_a_judge_of_another_kind_is_another_one(few, cache, trained):
    judges_of(few, (SMALL, QUICK))
    judges_of(few, (SMALL, QUICK._replace(epochs=2)))
    assert trained == ["selecting", "reporting", "reporting"]


def without_config(path):
    with zipfile.ZipFile(path) as archive:
        kept = {name: archive.read(name) for name in archive.namelist() if name != "config.json"}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in kept.items():
            archive.writestr(name, content)


def with_other_bits(path):
    with zipfile.ZipFile(path) as archive:
        weights = archive.getinfo("model.weights.h5")
    with path.open("r+b") as file:
        file.seek(weights.header_offset + weights.file_size // 2)
        file.write(bytes(64 * [0xA5]))


DAMAGE = {
    "it is empty": lambda path: path.write_bytes(b""),
    "it is something else": lambda path: path.write_text("A letter is no judge.", encoding="utf-8"),
    "its end is missing": lambda path: os.truncate(path, path.stat().st_size // 2),
    "its middle is something else": with_other_bits,
    "a part is missing": without_config,
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_judge_is_replaced(few, cache, trained, damage):
    first = judges_of(few, (SMALL, QUICK))
    (file,) = cache.glob("judge-reporting-*")
    content = file.read_bytes()
    damage(file)
    assert file.read_bytes() != content
    replaced = judges_of(few, (SMALL, QUICK))
    assert trained == ["selecting", "reporting", "reporting"]
    assert same(replaced.reporting, first.reporting)
    assert len(list(cache.iterdir())) == 2
    judges_of(few, (SMALL, QUICK))
    assert len(trained) == 3


def test_where_nothing_can_be_kept_there_is_a_judge_all_the_same(few, cache, trained, capsys):
    cache.write_text("not a folder", encoding="utf-8")
    found = judges_of(few, (SMALL, QUICK))
    said = "".join(capsys.readouterr()).splitlines()
    assert trained == ["selecting", "reporting"]
    for name, line in zip(trained, said, strict=True):
        assert line.startswith(f"note: the {name} judge cannot be kept in {cache}")
    assert (found.selecting.name, found.reporting.name) == ("judge_selecting", "judge_reporting")
    assert set(found.accuracy) == {"selecting", "reporting"}
    assert cache.read_text(encoding="utf-8") == "not a folder"


def test_what_is_trained_next_is_the_same_whether_judges_were_kept_or_not(few, cache, trained, monkeypatch, tmp_path):
    settings = {"fix": "none", "conditional": False, "seed": 0, "epochs": 1, "updates_per_epoch": 1, "batch_size": 4}
    run = SimpleNamespace(config=settings, history=[], last_checkpoint=None, path=tmp_path)

    def fit_nothing(run, model, *others, **options):
        return model, True

    monkeypatch.setattr(fitting, "fit_in_run", fit_nothing)

    def built():
        model, _ = fitting.train_in(run, few, judges_of(few, (SMALL, QUICK)))
        return [layer.name for layer in (*model.generator.layers, *model.discriminator.layers)]

    at_first, later = built(), built()
    assert trained == ["selecting", "reporting"]
    # Names of layers are counted, and saved: other names are other bytes.
    assert at_first == later
