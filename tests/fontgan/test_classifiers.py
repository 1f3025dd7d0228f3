import dataclasses
import functools
import os
import zipfile

import keras
import numpy as np
import pytest
from smallfonts import use_tiny_networks

from fontgan import compare
from fontgan.config import FontConfig
from fontgan.data.fonts import Jitter, load_fonts
from fontgan.data.sheets import bundled_fonts
from fontgan.metrics import classifiers
from fontgan.metrics.classifiers import (
    KINDS,
    Classifiers,
    Kind,
    build_classifier,
    classifiers_of,
    read,
    train_classifier,
)
from fontgan.metrics.coverage import Reading, strict_coverage
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
    """Train classifiers of these letters, the first well and the second hardly; return them and where they are kept."""
    folder = tmp_path_factory.mktemp("classifiers") / "cache"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CACHE_VARIABLE, str(folder))
        return classifiers_of(few, (SMALL, QUICK)), folder


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Give a cache of its own, which does not exist yet."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def trained(monkeypatch):
    """Have classifiers learn and read nothing, which takes no time; list the names of those that would have learned."""
    names = []

    def learn_nothing(kind, letters, seed):
        names.append(kind.name)
        keras.utils.set_random_seed(seed)
        return build_classifier(kind, seed)

    monkeypatch.setattr(classifiers, "train_classifier", learn_nothing)
    monkeypatch.setattr(classifiers, "read", lambda _, images: Reading(*np.zeros((2, len(images))), images))
    return names


def noise(count):
    return np.random.default_rng(0).uniform(-1, 1, (count, 28, 28, 1)).astype(np.float32)


def same(one, other):
    """Say whether classifiers have the same weights."""
    return all(map(np.array_equal, one.get_weights(), other.get_weights()))


# --- how they are built


@pytest.mark.parametrize("kind", [*KINDS, SMALL, QUICK])
def test_shapes(kind):
    classifier = build_classifier(kind, seed=0)
    assert classifier.input_shape == (None, 28, 28, 1)
    assert classifier.output_shape == [(None, kind.width), (None, 26)]
    features, probabilities = (np.asarray(output) for output in classifier(noise(3)))
    assert features.min() >= 0
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_images_are_changed_in_training_alone(kind):
    classifier = build_classifier(kind, seed=0)
    images = noise(8)
    # Features come before the dropout: they differ only where the images do.
    still, again = (np.asarray(classifier(images, training=False)[0]) for _ in range(2))
    np.testing.assert_array_equal(still, again)
    moved, otherwise = (np.asarray(classifier(images, training=True)[0]) for _ in range(2))
    assert (moved != otherwise).any(axis=1).all()


# --- what they learn


def test_a_classifier_reads_letters_it_has_not_seen(made, few):
    classifier = made[0].selecting
    reading = read(classifier, few.validation.images)
    right = reading.letters == few.validation.labels
    assert right.mean() >= 0.9
    assert made[0].accuracy["selecting"] == right.mean()


def test_a_classifier_is_far_less_sure_of_noise(made, few):
    classifier = made[0].selecting
    letters, nothing = read(classifier, few.validation.images), read(classifier, noise(208))
    assert nothing.confidence.mean() < 0.6 * letters.confidence.mean()
    assert strict_coverage(nothing) <= 2 < strict_coverage(letters)


def test_same_seed_same_classifier(made, few):
    # as `classifiers_of` numbers them
    assert same(train_classifier(QUICK, few, 2), made[0].reporting)


def test_a_reading_is_what_the_classifier_finds_likeliest(made, few):
    classifier, images = made[0].selecting, few.validation.images[::7]
    features, probabilities = (np.asarray(output) for output in classifier(images, training=False))
    reading = read(classifier, images)
    np.testing.assert_array_equal(reading.letters, probabilities.argmax(axis=1))
    np.testing.assert_allclose(reading.confidence, probabilities.max(axis=1), rtol=1e-4)
    np.testing.assert_allclose(reading.features, features, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("how", ["correctly", "with confidence"])
@pytest.mark.parametrize(
    ("selecting", "reporting", "doubted"),
    [
        (1.0, 0.985, []),
        (0.99, 0.984, ["reporting"]),
        (0.5, 0.2, ["selecting", "reporting"]),
    ],
)
def test_a_classifier_that_reads_badly_is_introduced_as_such(selecting, reporting, doubted, how):
    perfect, shares = {"selecting": 1.0, "reporting": 1.0}, {"selecting": selecting, "reporting": reporting}
    accuracy, confident = (shares, perfect) if how == "correctly" else (perfect, shares)
    first, *others = Classifiers(None, None, accuracy, confident).introduction().splitlines()
    said = ", ".join(f"{name} {share:.1%}" for name, share in accuracy.items())
    assert first == f"classifiers: {said} of real letters"
    assert len(others) == len(doubted)
    for name, line in zip(doubted, others, strict=True):
        assert line.startswith(f"note: the {name} classifier reads fewer than 98.5% of real letters {how}")


# --- where they are kept


def test_classifiers_are_kept_and_not_trained_again(made, few, monkeypatch):
    first, folder = made
    monkeypatch.setenv(CACHE_VARIABLE, str(folder))
    monkeypatch.setattr(classifiers, "train_classifier", lambda *_: pytest.fail("it is trained again"))
    again = classifiers_of(few, (SMALL, QUICK))
    assert again.accuracy == first.accuracy
    assert same(again.selecting, first.selecting)
    assert same(again.reporting, first.reporting)
    assert len(list(folder.iterdir())) == 2


def test_letters_of_the_same_fingerprint_have_the_same_classifiers_and_others_have_others(few, cache, trained):
    classifiers_of(few, (SMALL, QUICK))
    classifiers_of(dataclasses.replace(few, seed=99), (SMALL, QUICK))
    assert trained == ["selecting", "reporting"]
    classifiers_of(dataclasses.replace(few, fingerprint="another"), (SMALL, QUICK))
    assert trained == 2 * ["selecting", "reporting"]
    assert len(list(cache.iterdir())) == 4


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
    "it is something else": lambda path: path.write_text("A letter is no classifier.", encoding="utf-8"),
    "its end is missing": lambda path: os.truncate(path, path.stat().st_size // 2),
    "its middle is something else": with_other_bits,
    "a part is missing": without_config,
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_classifier_is_replaced(few, cache, trained, damage):
    first = classifiers_of(few, (SMALL, QUICK))
    (file,) = cache.glob("letter-classifier-reporting-*")
    content = file.read_bytes()
    damage(file)
    assert file.read_bytes() != content
    replaced = classifiers_of(few, (SMALL, QUICK))
    assert trained == ["selecting", "reporting", "reporting"]
    assert same(replaced.reporting, first.reporting)
    assert len(list(cache.iterdir())) == 2
    classifiers_of(few, (SMALL, QUICK))
    assert len(trained) == 3


def test_what_is_trained_next_is_the_same_whether_classifiers_were_cached_or_not(few, cache, monkeypatch):
    use_tiny_networks(monkeypatch)
    monkeypatch.setattr(
        classifiers,
        "classifiers_of",
        functools.partial(classifiers_of, kinds=(QUICK._replace(name="selecting"), QUICK)),
    )
    weights = []
    for _ in range(2):  # trained first, then cached
        compare._classifiers.cache_clear()
        model = compare.COMPARISON.prepare(FontConfig(fix="none", batch_size=4).check(), few, 0, None).model
        weights.append(model.get_weights())
    for one, other in zip(*weights, strict=True):
        np.testing.assert_array_equal(one, other)
