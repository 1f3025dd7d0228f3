import numpy as np
import pytest

from fontgan.data.glyphs import LETTERS
from fontgan.metrics.coverage import (
    COMPARED,
    Reading,
    covered_letters,
    distances_to,
    draw,
    kernel_distance,
    kl_floor,
    kl_uniform,
    letter_table,
    nearest,
    nearest_ratio,
    summary,
    two_sample_accuracy,
    vanished,
)

SURE, UNSURE = 0.99, 0.5


def reading(text, confidence=SURE):
    """Return the reading of a text, a letter an image."""
    letters = np.array([LETTERS.index(letter) for letter in text])
    confidence = np.broadcast_to(confidence, letters.shape).astype(np.float32)  # as networks give it
    return Reading(letters, confidence, np.zeros((len(letters), 1)))


def normal(count, seed, centre=0.0):
    return np.random.default_rng(seed).normal(centre, size=(count, 4))


def test_confident_readings_are_shares_of_all_images():
    result = reading("AABZC", [SURE, UNSURE, SURE, UNSURE, np.nan])
    assert covered_letters(result) == "AB"
    assert summary(result) == pytest.approx(
        {"strict_coverage": 2, "naive_coverage": 4, "rejected": 3 / 5, "kl_uniform": kl_uniform(result)}
    )


def test_a_letter_in_a_hundred_is_covered_and_one_in_more_is_not():
    assert [covered_letters(reading("Q" + count * "A")) for count in (99, 100)] == ["AQ", "A"]


def test_letter_table_by_hand():
    table = letter_table(reading("AABZ", [1.0, 0.5, 0.25, 0.75]))
    assert list(table) == list(LETTERS)
    assert table["A"] == {"share": 0.5, "confidence": 0.75}
    assert table["B"] == {"share": 0.25, "confidence": 0.25}
    assert table["C"] == {"share": 0.0, "confidence": 0.0}


def test_divergence_by_hand_and_its_mean_for_letters_drawn_evenly():
    assert kl_uniform(reading("ABAB")) == pytest.approx(np.log(13))
    assert kl_uniform(reading("AAAB")) == pytest.approx(0.75 * np.log(0.75 * 26) + 0.25 * np.log(0.25 * 26))
    for count in (520, 2600):
        rng = np.random.default_rng(count)
        drawn = [kl_uniform(Reading(rng.integers(26, size=count), np.ones(count), None)) for _ in range(1000)]
        assert np.mean(drawn) == pytest.approx(kl_floor(count), rel=0.04)


def test_letters_vanish_by_hand():
    times = vanished([{"covered": letters} for letters in ("AB", "A", "C", "CB", "AC")])
    assert times == {**dict.fromkeys(LETTERS, 0), "A": 1, "B": 2}


def test_kernel_distance_by_hand():
    # Kernels (x y + 1)³: 1 within the first set and within the second, 1, 1, 27 and 1 between them.
    assert kernel_distance(np.array([[0.0], [1.0]]), np.array([[2.0], [0.0]])) == 1 + 1 - 2 * 30 / 4
    # Of two features the kernel takes the mean product: 1 and 8 within, 8 between.
    assert kernel_distance(np.array([[2.0, 0.0], [0.0, 2.0]]), np.ones((2, 2))) == 1 + 8 - 2 * 8


def test_distances_grow_with_a_shift():
    real = reading(200 * "A")._replace(features=normal(200, 8))
    alike, shifted, away = (
        distances_to(real._replace(features=normal(200, 9, centre)), real, seed=0) for centre in (0, 1, 9)
    )
    for name in ("frechet", "kid"):
        assert alike[name] < shifted[name] < away[name]
    for name in ("precision", "recall", "density", "coverage"):
        assert alike[name] > shifted[name] > away[name] == 0
    assert alike["two_sample"] == pytest.approx(0.5, abs=0.1)
    assert away["two_sample"] == 1


def test_a_draw_is_without_replacement():
    drawn = draw(50, 20, seed=4)
    assert len(set(drawn.tolist())) == 20
    assert sorted(draw(50, COMPARED, seed=4)) == list(range(50))
    assert drawn.tolist() == draw(50, COMPARED, seed=4)[:20].tolist()
    assert drawn.tolist() != draw(50, 20, seed=5).tolist()


def test_the_nearest_training_images_by_hand():
    train = np.array([[0.0, 0.1], [1.0, 1.0], [9.0, 9.0]]).reshape(3, 1, 2, 1)
    images = np.array([[0.2, 0.2], [2.0, 2.0], [6.0, 7.0], [-8.0, -8.0]]).reshape(4, 1, 2, 1)
    assert nearest(images, train).tolist() == [0, 1, 2, 0]  # not the one of most ink
    train, validation = np.zeros((3, 2, 2, 1)), np.ones((5, 2, 2, 1))
    assert nearest_ratio(np.full((4, 2, 2, 1), -3.0), validation, train) == 3
    # it is the median image that counts
    few = np.array([0.0, 0.5, 0.5, 0.5, 0.5])[:, None, None, None] * validation
    assert nearest_ratio(few, validation, train) == 0.5


def test_two_sample_accuracy_by_hand():
    # the nearest is of the same set for 0, 1 and 12.5
    assert two_sample_accuracy(np.array([[0.0], [1], [10]]), np.array([[2.5], [11], [12.5]])) == 3 / 6
    # for all but 10 and 10.5
    assert two_sample_accuracy(np.array([[0.0], [1], [10]]), np.array([[10.5], [20], [21]])) == 4 / 6
