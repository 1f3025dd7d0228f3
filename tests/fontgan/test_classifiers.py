import dataclasses

import keras
import numpy as np
import pytest

from fontgan.data.fonts import load_fonts
from fontgan.data.glyphs import Jitter
from fontgan.data.sheets import bundled_fonts
from fontgan.metrics import classifiers
from fontgan.metrics.classifiers import KINDS, Kind, build_classifier, classifiers_of, read, train_classifier
from fontgan.metrics.coverage import Reading, covered_letters
from manymodes.files import CACHE_VARIABLE

SMALL = Kind("selecting", (12, 24), 96, epochs=18, shift_px=1, turn=0.0, zoom=0.05, noise=0.2)
QUICK = Kind("reporting", (4,), 8, epochs=1, shift_px=1, turn=0.02, zoom=0.05, noise=0.2)


@pytest.fixture(scope="module")
def few():
    """Draw letters of one face, few of each."""
    jitter = Jitter(size=0.05, shift_px=0.8, slant=0.05, weight=0.08)
    return load_fonts(bundled_fonts() / "DejaVuSans.ttf", train=20, validation=8, jitter=jitter, progress=False)


@pytest.fixture(scope="module")
def made(few, tmp_path_factory):
    """Train classifiers of these letters, the first well and the second hardly."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CACHE_VARIABLE, str(tmp_path_factory.mktemp("classifiers") / "cache"))
        return classifiers_of(few, (SMALL, QUICK))


@pytest.fixture
def trained(monkeypatch):
    """Replace training and reading by nothing; return the names of the classifiers that would have been trained."""
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
    """Return whether classifiers have the same weights."""
    return all(map(np.array_equal, one.get_weights(), other.get_weights()))


@pytest.mark.parametrize("kind", KINDS)
def test_images_are_changed_in_training_alone(kind):
    classifier = build_classifier(kind, seed=0)
    images = noise(8)
    features, probabilities = (np.asarray(output) for output in classifier(images, training=False))
    assert (features.shape, probabilities.shape) == ((8, kind.width), (8, 26))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(classifier(images, training=False)[0], features)
    # Features come before the dropout: they differ only where the images do.
    moved, otherwise = (np.asarray(classifier(images, training=True)[0]) for _ in range(2))
    assert (moved != otherwise).any(axis=1).all()


def test_a_classifier_reads_letters_it_has_not_seen_and_is_less_sure_of_noise(made, few):
    reading, nothing = (read(made.selecting, images) for images in (few.validation.images, noise(208)))
    right = (reading.letters == few.validation.labels).mean()
    assert made.accuracy["selecting"] == right >= 0.9
    assert nothing.confidence.mean() < 0.6 * reading.confidence.mean()
    assert len(covered_letters(nothing)) <= 2 < len(covered_letters(reading))


def test_same_seed_same_classifier(made, few):
    # as `classifiers_of` numbers them
    assert same(train_classifier(QUICK, few, 2), made.reporting)


def test_classifiers_are_kept_for_the_fingerprint_of_the_letters_and_replaced_if_damaged(few, cache, trained):
    first = classifiers_of(few, (SMALL, QUICK))
    assert trained == ["selecting", "reporting"]
    (file,) = cache.glob("letter-classifier-reporting-*")
    whole = file.read_bytes()
    for damaged in (b"", whole[: len(whole) // 2], whole.replace(b"\x00" * 64, b"\xa5" * 64)):
        assert damaged != whole
        file.write_bytes(damaged)
        trained.clear()
        replaced = classifiers_of(few, (SMALL, QUICK))
        assert trained == ["reporting"]
        assert same(replaced.selecting, first.selecting)  # from the cache
        assert same(replaced.reporting, first.reporting)
    classifiers_of(dataclasses.replace(few, seed=99), (SMALL, QUICK))
    assert trained == ["reporting"]
    assert len(list(cache.iterdir())) == 2
    classifiers_of(dataclasses.replace(few, fingerprint="another"), (SMALL, QUICK))
    assert trained == ["reporting", "selecting", "reporting"]
