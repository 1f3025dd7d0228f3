import numpy as np
import pytest
from comparisons import compared
from smallfonts import marked, tiny_critic, tiny_generator, use_easy_letters, use_tiny_networks

from fontgan.compare import main
from fontgan.data.stacks import MODES, stacked, unstacked
from fontgan.metrics.coverage import Reading
from fontgan.metrics.modes import expected_modes, kl_floor, measure_modes
from fontgan.models.gan import FontGAN
from fontgan.trainer import StackedBatches

# TensorFlow warns that data sets are compiled all the same.
pytestmark = pytest.mark.filterwarnings("ignore:Even though the:UserWarning")

SURE, UNSURE = 0.99, 0.5


def reading(letters, confidence=SURE):
    """Return the reading of stacks, three letters each."""
    letters = np.asarray(letters).ravel()
    return Reading(letters, np.broadcast_to(confidence, letters.shape), np.zeros((len(letters), 1)))


def every_mode(times):
    return np.tile(np.stack(np.unravel_index(np.arange(MODES), (26, 26, 26)), axis=1), (times, 1))


@pytest.mark.parametrize(
    ("letters", "modes", "kl"),
    [
        (every_mode(1), MODES, 0),
        (every_mode(3), MODES, 0),
        ([[3, 1, 4]] * 500, 1, np.log(MODES)),
        (every_mode(1)[: MODES // 2], MODES // 2, np.log(2)),
    ],
)
def test_modes_by_hand(letters, modes, kl):
    measures = measure_modes(reading(letters))
    assert (measures["n"], measures["modes"], measures["legible_modes"]) == (len(letters), modes, modes)
    assert (measures["legible"], measures["kl"]) == (1, pytest.approx(kl, abs=1e-9))


def test_a_stack_is_legible_if_all_its_letters_are():
    confidence = np.array([[SURE, SURE, SURE], [SURE, UNSURE, SURE], [UNSURE, SURE, SURE], [SURE, SURE, 0.9]])
    some = measure_modes(reading([[0, 0, 0], [0, 0, 1], [0, 0, 2], [0, 0, 0]], confidence.ravel()))
    none = measure_modes(reading([[0, 0, 0]], UNSURE))
    names = ("modes", "legible_modes", "legible")
    assert [[measures[name] for name in names] for measures in (some, none)] == [[3, 1, 0.5], [1, 0, 0]]


@pytest.mark.parametrize("count", [1000, 100_000])
def test_the_ceiling_is_what_letters_drawn_evenly_have(count):
    rng = np.random.default_rng(count)
    drawn = [measure_modes(reading(rng.integers(26, size=(count, 3)))) for _ in range(5)]
    for name, expected in (("modes", expected_modes(count)), ("kl", kl_floor(count))):
        assert np.mean([one[name] for one in drawn]) == pytest.approx(expected, rel=0.01)
        assert all(one[{"modes": "expected", "kl": "kl_floor"}[name]] == expected for one in drawn)


def test_stacks_come_apart_again():
    letters = marked(range(12))
    stacks = stacked(letters)
    assert stacks.shape == (4, 28, 28, 3)
    np.testing.assert_array_equal(stacks[1, ..., 2], letters[5, ..., 0])
    np.testing.assert_array_equal(unstacked(stacks), letters)


def test_batches_stack_letters_with_their_kinds():
    kinds = np.arange(26)
    batches = StackedBatches((marked(kinds), kinds), 15, 3, seed=2)
    images, asked = batches[1]
    assert (len(batches), images.shape, asked.shape) == (3, (5, 28, 28, 3), (5, 3))
    np.testing.assert_array_equal(unstacked(images), marked(asked.ravel()))
    np.testing.assert_array_equal(StackedBatches(marked(kinds), 15, 3, seed=2)[1], images)
    batches.on_epoch_end()
    assert (batches[1][1] != asked).any()


def test_each_plane_has_a_kind_of_its_own():
    gan = FontGAN(tiny_generator(condition_dim=12, planes=3), tiny_critic(condition_dim=12, planes=3),
                  condition_dim=12, shares=[0.1, 0.2, 0.3, 0.4])  # fmt: skip
    codes = gan.codes(4000, 1)[:, gan.latent_dim :].reshape(-1, 3, 4)
    assert (codes.sum(axis=2) == 1).all()
    assert codes.mean(axis=0) == pytest.approx(np.tile([0.1, 0.2, 0.3, 0.4], (3, 1)), abs=0.04)
    pairs = np.einsum("na,nb->ab", codes[:, 0], codes[:, 2]) / 4000
    assert pairs == pytest.approx(np.outer([0.1, 0.2, 0.3, 0.4], [0.1, 0.2, 0.3, 0.4]), abs=0.03)
    asked = np.array([[0, 3, 1], [2, 2, 0]])
    conditions = gan.conditions((None, asked)).numpy()
    np.testing.assert_array_equal(conditions.reshape(2, 3, 4).argmax(axis=2), asked)
    np.testing.assert_array_equal(gan.codes(2, 1, kinds=asked)[:, gan.latent_dim :], conditions)
    assert gan.generate(2, seed=1, kinds=asked).shape == (2, 28, 28, 3)


def test_models_of_stacks_are_compared(completed, tmp_path, eager, monkeypatch):
    use_tiny_networks(monkeypatch)
    use_easy_letters(monkeypatch)
    monkeypatch.setattr("fontgan.stacked._COUNTED", 50)
    options = ("--stacked", "--rows", "none,best,noise", "--epochs", 1, "--count", 400)
    text, written, pictures = compared(completed, main, tmp_path, "fonts-stacked", *options)
    for name in ("real", "none", "best", "noise"):
        assert f"{name}, seed 0:" in text
    rows = {cells[1].strip(): cells for line in written.splitlines() if len(cells := line.split("|")) == 7}
    # blocks are always read: what is missing is only what was not drawn
    assert int(rows["real letters (ceiling)"][2].replace(",", "")) == pytest.approx(expected_modes(400), rel=0.02)
    assert rows["real letters (ceiling)"][4].strip() == "100.0 %"
    assert "| R3GAN | 1000 |" in written
    assert "python -m fontgan.compare --out" in written
    assert pictures == {"first.png", "modes.png"}
    again = completed(main, "--out", tmp_path / "again", "--work", tmp_path / "work", "--jobs", 1, *options)
    assert "best, seed 0: finished before" in again
