import io
import json
import xml.etree.ElementTree as ET

import keras
import numpy as np
import pytest
from fontTools.ttLib import TTFont
from PIL import Image
from smallfonts import LATENTS, block_classifiers, drawing_gan, marked, small_letters

import fontgan
from fontgan import generate, lettering
from fontgan.data import fonts
from fontgan.data.glyphs import LETTERS, SIZE_PX
from fontgan.data.sheets import bundled_fonts
from fontgan.metrics import classifiers
from fontgan.typeface import typesetting
from manymodes.files import save_keras

K = len(LETTERS)
# the latent vector changes the thickness of a frame
FRAME = 0.15 * np.random.default_rng(0).normal(size=(LATENTS, SIZE_PX, SIZE_PX, 1))


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Save models: of real letters, of marks without labels, and of letters without C and T."""
    folder = tmp_path_factory.mktemp("models")
    face = bundled_fonts() / "DejaVuSans-Bold.ttf"
    real = fonts.load_fonts(face, train=1, validation=1, progress=False).alphabets[0]
    empty = real.copy()
    empty[[LETTERS.index("C"), LETTERS.index("T")]] = -1
    for name, kinds in {"labelled": real, "empty": empty, "searched": marked(range(K))}.items():
        model = drawing_gan(kinds / 5, latents=FRAME, labelled=name != "searched")
        save_keras(model, folder / f"{name}.keras")
    return folder


@pytest.fixture(autouse=True)
def learned(tmp_path, monkeypatch):
    """Work in an empty folder, with classifiers of marks that need no training; list the fonts that they learn."""
    learned = []

    def load(source, *, seed):
        learned.append((source, seed))
        return small_letters(seed=seed)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(fonts, "load_fonts", load)
    monkeypatch.setattr(classifiers, "classifiers_of", lambda _: block_classifiers())
    return learned


@pytest.fixture
def generated(models, completed, tmp_path):
    """Run the command, which may print nothing but the names of its files; return them with what is in them."""

    def run(*options):
        text = completed(generate.main, "--model", models / "labelled.keras", "--force", *options)
        written = [line.removeprefix("wrote ") for line in text.splitlines()]
        return {name: (tmp_path / name).read_bytes() for name in written}

    return run


@pytest.fixture
def refusal(models, refused):
    """Run the command, which must fail; return its error."""
    return lambda *options, model="labelled": refused(generate.main, "--model", models / f"{model}.keras", *options)


def paths(content):
    return [path.get("d") for path in ET.fromstring(content).iter("{http://www.w3.org/2000/svg}path")]  # noqa: S314 - our own


def test_a_picture_and_its_outlines_have_the_letters_of_the_text(generated):
    files = generated("--text", "Hello World", "--svg")
    assert files.keys() == {"letters.png", "letters.svg"}
    assert np.asarray(Image.open(io.BytesIO(files["letters.png"]))).min() < 20
    assert len(paths(files["letters.svg"])) == 10


def test_an_alphabet_in_several_styles_is_a_row_of_letters_each(generated):
    several = paths(generated("--alphabet", "--styles", 2, "--style-seed", 5, "--out", "a.svg")["a.svg"])
    assert len(several) == len(set(several)) == 2 * K


@pytest.mark.parametrize(
    ("way", "ends", "letters"),
    [
        (("--morph", 5, 6, "--text", "XY"), ("--styles", 2, "--text", "XY", "--style-seed", 5), 8 * 2),
        (("--interpolate", "a", "z", "--style-seed", 4), ("--text", "AZ", "--style-seed", 4), 12),
    ],
)
def test_a_way_goes_from_one_end_to_the_other(generated, way, ends, letters):
    assert generated(*way, "--steps", 2, "--out", "a.svg") == generated(*ends, "--out", "a.svg")
    assert len(paths(generated(*way, "--out", "a.svg")["a.svg"])) == letters


def test_a_font_has_the_letters_of_its_style(generated):
    ((name, content),) = generated("--ttf", "My Font.ttf", "--style-seed", 9).items()
    font = TTFont(io.BytesIO(content))
    assert name == "My Font.ttf"
    assert font["name"].getDebugName(1) == "My Font"
    assert "style 9" in font["name"].getDebugName(10)
    assert set(map(ord, LETTERS + LETTERS.lower())) <= set(font.getBestCmap())


def test_samples_are_the_models_images(generated, models):
    with np.load(io.BytesIO(generated("--samples", 60, "--seed", 3)["samples.npz"])) as samples:
        assert set(samples) == {"images", "letters", "maker"}
        images, letters = samples["images"], samples["letters"]
    assert (images.shape, images.dtype) == ((60, SIZE_PX, SIZE_PX), np.float32)
    assert np.abs(images).max() <= 1
    assert "".join(letters) == (3 * LETTERS)[:60]
    model = keras.models.load_model(models / "labelled.keras")
    expected = model.generate(60, seed=3, kinds=np.arange(60) % K)[..., 0]
    np.testing.assert_array_equal(images, expected)


def test_the_same_style_gives_the_same_bytes_and_another_one_others(generated):
    text = ("--text", "Bytes", "--svg", "--ttf", "letters.ttf", "--style-seed")
    one, again, other = (generated(*text, seed) for seed in (7, 7, 8))
    assert one == again
    assert all(one[name] != other[name] for name in other)


@pytest.mark.parametrize("config", [None, {"fonts": "some", "seed": 5, "fix": "best"}])
def test_letters_of_a_model_without_labels_are_chosen_as_the_fonts_of_its_run_are_read(
    models, completed, contents, tmp_path, learned, config
):
    (tmp_path / "model.keras").write_bytes((models / "searched.keras").read_bytes())
    if config:
        (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    text = completed(generate.main, "--model", "model.keras", "--text", "KEYS", "--out", "a.svg")
    assert len(paths(contents(tmp_path)["a.svg"])) == 4
    assert text.startswith("note: this model was trained without labels")
    assert ("note: no config.json" in text) == (config is None)
    assert learned == [("some", 5) if config else (None, 0)]


def test_letters_without_ink_are_named(refusal):
    assert "draws nothing for C, T" in refusal("--text", "Cute", model="empty")
    assert "draws nothing for C, T" in refusal("--ttf", "a.ttf", model="empty")
    assert "draws nothing for T" in refusal("--interpolate", "A", "T", model="empty")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "nothing to draw: give --text"),
        (("--text", "GRÖSSE 9"), "--text has '9', which cannot be drawn"),
        (("--text", " \n "), "--text has no letters"),
        (("--text", "A", "--alphabet"), "not allowed with"),
        (("--samples", 3, "--style-seed", 1), "--style-seed goes with --text, --alphabet, --interpolate or --ttf"),
        (("--interpolate", "A", "B", "--steps", 1), "--steps must be at least 2"),
        (("--interpolate", "A", "BC"), "--interpolate 'BC' is not a letter"),
        (("--morph", 1, 2, "--interpolate", "A", "B"), "--interpolate does not go with --morph"),
        (("--alphabet", "--styles", 2, "--ttf", "a.ttf"), "--ttf does not go with --styles"),
        (("--ttf", "a.otf"), "--ttf a.otf must end with .ttf"),
        (("--samples", 3, "--out", "a.png"), "--out a.png must end with .npz"),
        (("--text", "A", "--out", "a"), "--out a must end with .png or .svg"),
        (("--text", "A", "--magnification", 101), "--magnification 101 is too large"),
    ],
)
def test_refusals_name_the_option(refusal, options, message):
    assert message in refusal(*options)


def test_the_classifier_of_a_model_that_ships_has_learned_the_bundled_fonts(models, completed, shipped, learned):
    (shipped / "letters-best.keras").write_bytes((models / "searched.keras").read_bytes())
    assert "no config.json of a run" not in completed(generate.main, "--text", "A", "--model", "letters-best")
    assert learned == [(None, 0)]


def test_the_package_draws_what_the_command_does(generated, models):
    model = fontgan.load(models / "labelled.keras")
    alphabets = fontgan.letters(model, morph=(5, 6), steps=3)
    assert alphabets.shape == (3, K, SIZE_PX, SIZE_PX)
    np.testing.assert_allclose(alphabets[[0, 2]], fontgan.letters(model, seed=5, styles=2), atol=1e-6)
    page = typesetting.svg(lettering.typeset(alphabets, ["AZ"]), 8, lettering.MAKER)
    options = ("--morph", 5, 6, "--steps", 3, "--text", "AZ", "--out", "a.svg")
    assert page.encode() == generated(*options)["a.svg"]
