import contextlib

import keras
import numpy as np
import pytest
import tensorflow as tf
from matplotlib.figure import Figure
from PIL import Image
from smallfonts import BlockJudge, marked, small_letters, tiny_critic, tiny_generator

from fontgan import plots
from fontgan.data.fonts import SIZE_PX
from fontgan.data.glyphs import LETTERS
from fontgan.metrics.judges import read
from fontgan.models.gan import FontGAN
from fontgan.plots import alphabet_of_styles, alphabets, covered_at, interpolations
from fontgan.sheets import letter_sheet, to_pixels

K = len(LETTERS)
CURVES = {"losses.png", "loss-balance.png", "coverage.png", "gradients.png"}


@pytest.fixture(autouse=True)
def _seeded():
    keras.utils.set_random_seed(0)


def gan(condition_dim=0, **options):
    networks = tiny_generator(condition_dim=condition_dim), tiny_critic(condition_dim=condition_dim)
    return FontGAN(*networks, condition_dim=condition_dim, labelled=condition_dim == K, **options)


class Drawer:
    """Stands in for a model that knows no letters to ask for: draws those it is told to, some more faintly."""

    labelled = False

    def __init__(self, labels, strength):
        self.images = marked(labels)
        self.images[self.images > 0] = np.repeat(strength, 16)

    def generate(self, count, **_):
        assert count == len(self.images)
        return self.images


class Painter:
    """Stands in for a model that knows no letters to ask for: its latent vectors say how much ink each letter gets."""

    labelled = False
    condition_dim = 0

    def __init__(self, letters):
        self.places = [LETTERS.index(letter) for letter in letters]
        self.latent_dim = len(letters)

    def draw(self, latents):
        # More than enough for each, so that no other letter ever has as much.
        ink = 9 + np.asarray(latents, np.float64)
        return np.einsum("nk,khwc->nhwc", ink, marked(self.places) + 1) / 2


def epoch(number, covered=None):
    row = {
        "generator_loss": 1 + number,
        "discriminator_loss": 0.5,
        "loss_ratio": 0.5 / (1 + number),
        "generator_gradient": 0.1,
        "discriminator_gradient": 2.0,
    }
    if covered is not None:
        bits = float(sum(2 ** LETTERS.index(letter) for letter in covered))
        row |= {"strict_coverage": len(covered), "naive_coverage": K, "covered": bits}
    return row


def opened(path):
    with Image.open(path) as picture:
        picture.load()
        assert picture.format == "PNG"
        return picture


# --- curves


def test_a_history_is_drawn(tmp_path):
    plots.save_training([epoch(0), epoch(1, "ABC"), epoch(2), epoch(3, "BCD")], tmp_path / "plots")
    pictures = {path.name: opened(path) for path in (tmp_path / "plots").iterdir()}
    assert pictures.keys() == CURVES | {"survival.png"}
    for picture in pictures.values():
        assert np.ptp(np.asarray(picture.convert("L"))) > 100  # not empty paper


def test_a_history_without_counts_is_drawn(tmp_path):
    plots.save_training([epoch(0), epoch(1)], tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == CURVES
    for name in CURVES:
        opened(tmp_path / name)


def test_the_same_history_gives_the_same_bytes(tmp_path, contents):
    for folder in ("one", "other"):
        plots.save_training([epoch(0, "AB"), epoch(1, "B")], tmp_path / folder)
    assert contents(tmp_path / "one") == contents(tmp_path / "other")


@pytest.fixture
def axes(monkeypatch):
    """Return a list of what is drawn: the axes of each figure, in the order of their being saved."""
    drawn = []

    @contextlib.contextmanager
    def saved_figure(path, size):
        figure = Figure(size)
        yield figure
        drawn.append((path.name, figure.axes[0]))

    monkeypatch.setattr(plots, "saved_figure", saved_figure)
    return drawn


def test_curves_are_of_the_epochs_that_have_the_measure(axes, tmp_path):
    plots.save_training([epoch(0), epoch(1, "ABC"), epoch(2), epoch(3, "B")], tmp_path)
    curves = {name: {line.get_label(): line.get_xydata().tolist() for line in one.get_lines()} for name, one in axes}
    assert curves["coverage.png"]["strict coverage"] == [[2, 3], [4, 1]]
    assert curves["losses.png"]["generator loss"] == [[1, 1], [2, 2], [3, 3], [4, 4]]
    assert curves["loss-balance.png"]["loss ratio"] == [[n, 0.5 / n] for n in (1, 2, 3, 4)]
    assert curves["gradients.png"]["discriminator gradient"] == [[n, 2] for n in (1, 2, 3, 4)]


def test_curves_can_be_compared_along_the_epochs(axes, tmp_path):
    plots.save_training([epoch(0), epoch(1, "ABC"), epoch(2)], tmp_path)
    assert {name: one.get_xlim() for name, one in axes if name in CURVES} == dict.fromkeys(CURVES, (0, 3))


def test_the_ceiling_of_coverage_is_drawn(axes, tmp_path):
    plots.save_training([epoch(0, "A")], tmp_path)
    found = {name: [text.get_text() for text in one.texts] for name, one in axes}
    assert found["coverage.png"] == ["26", "13"]
    assert found["loss-balance.png"] == ["1"]


def test_survival_is_a_share_of_the_counts(axes, tmp_path):
    # A vanishes twice, B stays, C comes late; epochs without a count say nothing.
    history = [epoch(0, "AB"), epoch(1), epoch(2, "B"), epoch(3, "AB"), epoch(4, "BC")]
    plots.save_training(history, tmp_path)
    name, one = axes[-1]
    assert name == "survival.png"
    heights = [bar.get_height() for bar in one.patches]
    assert heights == pytest.approx([2 / 4, 1, 1 / 4] + [0] * (K - 3))
    assert [(text.get_text(), text.xy[0]) for text in one.texts] == [("−2", 0)]


@pytest.mark.parametrize(
    ("bits", "letters"),
    [
        (0, ""),
        (1, "A"),
        (0b101, "AC"),
        (2**25, "Z"),
        (2**26 - 1, LETTERS),
        (float(2**25 + 2**24 + 1), "AYZ"),  # as a history has them
    ],
)
def test_bits_are_letters(bits, letters):
    assert covered_at({"covered": bits}) == letters


# --- alphabets


def test_each_letter_stands_in_its_column(monkeypatch):
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(K), 3))
    monkeypatch.setattr(plots, "_DRAWN", len(labels))
    sheet = alphabets(Drawer(labels, np.ones(len(labels))), BlockJudge(), rows=3)
    assert sheet.shape == (3, K, SIZE_PX, SIZE_PX, 1)
    for row in sheet:
        np.testing.assert_array_equal(row, marked(range(K)))


def test_the_images_read_best_come_first(monkeypatch):
    labels, strength = np.array([4, 4, 4, 4, 9]), np.array([0.2, 0.8, 0.4, 0.6, 0.5])
    monkeypatch.setattr(plots, "_DRAWN", len(labels))
    sheet = alphabets(Drawer(labels, strength), BlockJudge(), rows=3)
    assert sheet[:, 4].max(axis=(1, 2, 3)) == pytest.approx([0.8, 0.6, 0.4])
    assert sheet[:, 9].max(axis=(1, 2, 3)) == pytest.approx([0.5, -1, -1])


def test_letters_that_do_not_occur_are_left_empty(monkeypatch):
    labels = np.repeat([0, 7, 25], 9)
    monkeypatch.setattr(plots, "_DRAWN", len(labels))
    sheet = alphabets(Drawer(labels, np.ones(len(labels))), BlockJudge())
    there = (sheet > -1).any(axis=(0, 2, 3, 4))
    assert "".join(letter for letter, found in zip(LETTERS, there, strict=True) if found) == "AHZ"
    assert (sheet[:, ~there] == -1).all()


def test_letters_are_looked_for_in_what_a_model_without_kinds_draws():
    model = gan()
    sheet = alphabets(model, BlockJudge(), rows=2)
    drawn = model.generate(plots._DRAWN, seed=plots._SEED).reshape(plots._DRAWN, -1)
    shown = sheet[(sheet > -1).any(axis=(2, 3, 4))].reshape(-1, drawn.shape[1])
    assert len(shown) > 1
    assert all((image == drawn).all(axis=1).any() for image in shown)


def test_a_labelled_model_is_asked_for_its_alphabet():
    model = gan(K)
    # No judge: what is asked for needs none.
    sheet = alphabets(model, None, rows=3)
    np.testing.assert_array_equal(
        sheet.reshape(-1, *sheet.shape[2:]), model.generate(3 * K, seed=plots._SEED, kinds=list(range(K)) * 3)
    )
    assert (np.abs(np.diff(sheet, axis=0)).max(axis=(2, 3, 4)) > 1e-4).all()


def test_a_row_of_styles_is_one_latent_vector_and_a_column_one_letter():
    model = gan(K)
    sheet = alphabet_of_styles(model, 3)
    styles = tf.random.stateless_normal([3, model.latent_dim], [plots._SEED, 0])
    for letter in (0, 13, 25):
        asked = tf.one_hot([letter] * 3, K)
        np.testing.assert_allclose(sheet[:, letter], model.draw(tf.concat([styles, asked], axis=-1)), atol=1e-6)
    assert (np.abs(np.diff(sheet, axis=0)).max(axis=(2, 3, 4)) > 1e-4).all()
    assert (np.abs(np.diff(sheet, axis=1)).max(axis=(2, 3, 4)) > 1e-4).all()


# --- ways from A to Z

EVEN = np.linspace(0, 1, plots._STEPS)[:, None, None, None]


def test_a_labelled_model_goes_from_a_to_z_in_one_style():
    model = gan(K)
    ways, ends = interpolations(model, None, rows=3)
    assert (ways.shape, ends) == ((3, plots._STEPS, SIZE_PX, SIZE_PX, 1), "AZ")
    style = tf.random.stateless_normal([3, model.latent_dim], [plots._SEED, 1])
    first, last = (tf.one_hot([letter] * 3, K) for letter in (0, K - 1))
    for step, share in ((0, 0), (4, 4 / (plots._STEPS - 1)), (-1, 1)):
        latents = tf.concat([style, (1 - share) * first + share * last], axis=-1)
        np.testing.assert_allclose(ways[:, step], model.draw(latents), atol=1e-5)


@pytest.mark.parametrize(("letters", "ends"), [(LETTERS, "AZ"), ("QEM", "EQ")])
def test_another_model_goes_from_where_it_draws_an_a_to_where_it_draws_a_z(letters, ends):
    model, judge = Painter(letters), BlockJudge()
    ways, found = interpolations(model, judge, rows=4)
    assert found == ends
    drawn = model.draw(plots._latents(model))
    reading = read(judge, drawn)
    for images, letter in ((ways[:, 0], ends[0]), (ways[:, -1], ends[1])):
        among = reading.confidence[reading.letters == LETTERS.index(letter)]
        at_end = read(judge, images)
        assert set(at_end.letters) == {LETTERS.index(letter)}
        np.testing.assert_allclose(at_end.confidence, np.sort(among)[:-5:-1], rtol=1e-5)
    # What is drawn changes as the latent vectors do, here, and they change evenly.
    for way in ways:
        np.testing.assert_allclose(way, (1 - EVEN) * way[0] + EVEN * way[-1], atol=1e-5)


def test_where_there_is_one_letter_there_is_a_way_all_the_same():
    ways, ends = interpolations(Painter("G"), BlockJudge())
    assert ends == "GG"
    assert np.isfinite(ways).all()


def test_there_are_as_many_ways_where_few_images_are_read_as_a_letter(monkeypatch):
    monkeypatch.setattr(plots, "_DRAWN", 3)
    ways, ends = interpolations(Painter("AZ"), BlockJudge(), rows=5)
    assert (len(ways), ends) == (5, "AZ")
    begin, end = (len(np.unique(images.reshape(5, -1), axis=0)) for images in (ways[:, 0], ways[:, -1]))
    assert begin + end == 3


def test_kinds_are_mixed_as_often_as_the_model_has_them():
    model = gan(4, shares=[0.5, 0, 0.25, 0.25])
    kinds = np.asarray(plots._latents(model))[:, model.latent_dim :]
    assert set(np.unique(kinds)) == {0, 1}
    assert (kinds.sum(axis=1) == 1).all()
    assert kinds.mean(axis=0) == pytest.approx([0.5, 0, 0.25, 0.25], abs=0.05)
    assert interpolations(model, BlockJudge(), rows=2)[0].shape[:2] == (2, plots._STEPS)


# --- what a trained model draws


@pytest.mark.parametrize("condition_dim", [0, K])
def test_samples_are_drawn(tmp_path, condition_dim):
    model, letters, judge = gan(condition_dim), small_letters(train=1), BlockJudge()
    plots.save_samples(model, model.generate(20, seed=1), letters, judge, tmp_path / "plots")
    pictures = {path.name: opened(path) for path in (tmp_path / "plots").iterdir()}
    of_labelled = {"styles.png"} if condition_dim else set()
    assert pictures.keys() == {"alphabet.png", "interpolation.png", "nearest.png"} | of_labelled
    alphabet = letter_sheet(alphabets(model, judge), columns=LETTERS)
    np.testing.assert_array_equal(pictures["alphabet.png"], alphabet)
    ways, (first, last) = interpolations(model, judge)
    np.testing.assert_array_equal(pictures["interpolation.png"], letter_sheet(ways, rows=[f"{first} → {last}"] * 4))
    if condition_dim:
        styles = letter_sheet(alphabet_of_styles(model, 8), rows=[f"z {n}" for n in range(1, 9)], columns=LETTERS)
        np.testing.assert_array_equal(pictures["styles.png"], styles)


def test_an_alphabet_is_drawn(tmp_path):
    model = gan(K)
    plots.save_alphabets(model, None, tmp_path / "alphabet.png")
    expected = letter_sheet(alphabets(model, None), columns=LETTERS)
    np.testing.assert_array_equal(opened(tmp_path / "alphabet.png"), expected)


def test_beside_each_image_stands_the_training_image_it_is_nearest_to(monkeypatch, tmp_path):
    saved = {}
    monkeypatch.setattr(plots, "_save_sheet", lambda sheet, path: saved.update({path.name: np.asarray(sheet)}))
    letters = small_letters(train=2)
    # What is drawn are training images, made fainter: then a scalar product alone would prefer what has most ink.
    places = np.arange(len(letters.train.images))[::-3][: plots._NEIGHBOURS]
    images = 0.8 * letters.train.images[places] - 0.2
    images = np.concatenate([images, np.zeros_like(images)])
    plots.save_samples(gan(), images, letters, BlockJudge(), tmp_path)
    sheet = saved["nearest.png"]
    cells = sheet[-2 * 2 * SIZE_PX :, -2 * SIZE_PX * len(places) :]
    nearest = cells.reshape(2, SIZE_PX, 2, len(places), SIZE_PX, 2)[1, :, 1, :, :, 1].transpose(1, 0, 2)
    # A line between the rows covers the first pixels of some cells.
    np.testing.assert_array_equal(nearest[:, 1:], to_pixels(letters.train.images[places, 1:, :, 0]))


def test_what_is_no_number_is_background():
    assert to_pixels(np.array([np.nan, -1, 1, np.inf, -np.inf])).tolist() == [0, 0, 255, 255, 0]
