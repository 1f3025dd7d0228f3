import json
import string
from pathlib import Path

import numpy as np
import pytest
from fontTools import subset
from fontTools.ttLib import TTCollection, TTFont
from PIL import Image, ImageDraw

from fontgan import fonts as command
from fontgan.data.fonts import BUNDLED, load_fonts
from fontgan.data.glyphs import LETTERS, STILL, USUAL, open_font, read_typeface
from fontgan.data.sheets import bundled_fonts, from_pixels, letter_sheet, to_pixels
from manymodes.cli import UserError

SANS = bundled_fonts() / "DejaVuSans.ttf"


def ink(images):
    """Return how much of each pixel is ink, from 0 to 1, [n, 28, 28]."""
    return (images.reshape(-1, 28, 28) + 1) / 2


def test_shapes_and_range(letters):
    assert load_fonts.__kwdefaults__.items() >= {"train": 200, "validation": 60, "seed": 0, "jitter": USUAL}.items()
    for split, count in ((letters.train, 60), (letters.validation, 10)):
        assert split.images.shape == (26 * count, 28, 28, 1)
        assert split.images.dtype == np.float32
        assert (split.images.min(), split.images.max()) == (-1, 1)
        assert split.labels.dtype == split.faces.dtype == np.int64
        assert split.labels.tolist() == [label for label in range(26) for _ in range(count)]
        assert np.ptp(np.bincount(split.faces)) <= 1
    assert letters.alphabets.shape == (10, 26, 28, 28, 1)
    assert letters.alphabets.dtype == np.float32
    assert letters.source == "matplotlib"
    assert string.ascii_uppercase == LETTERS


@pytest.mark.parametrize(("number", "face"), list(enumerate(BUNDLED)))
def test_a_letter_is_drawn_as_freetype_draws_it(letters, number, face):
    typeface = read_typeface(open_font(bundled_fonts() / face.file))
    baseline = round(8 * (typeface.middle_px + typeface.capital_px / 2))
    for letter, image in zip(LETTERS, ink(letters.alphabets[number]), strict=True):
        large = Image.new("L", (8 * 84, 8 * 28))  # wide enough wherever the pen starts
        ImageDraw.Draw(large).text((8 * 28, baseline), letter, fill=255, font=typeface.font, anchor="ls")
        left, _, right, _ = large.point(lambda level: level >= 128).getbbox()
        start = (left + right) // 2 - 8 * 14
        expected = np.asarray(large)[:, start : start + 8 * 28].reshape(28, 8, 28, 8).mean(axis=(1, 3)) / 255
        assert np.abs(image - expected).mean() < 0.015


def moments(images):
    """Return ink, centre across and down, spread across and down, and slope of each image, [6, n]."""
    weights = ink(images)
    mass = weights.sum(axis=(1, 2))
    places = np.arange(28)
    across, down = (weights.sum(axis=axis) @ places / mass for axis in (1, 2))
    x, y = places - across[:, None], places - down[:, None]
    var_x, var_y = (weights.sum(axis=1) * x**2).sum(1) / mass, (weights.sum(axis=2) * y**2).sum(1) / mass
    cov = np.einsum("nij,ni,nj->n", weights, y, x) / mass
    return np.stack([mass, across, down, np.sqrt(var_x), np.sqrt(var_y), -cov / var_y])


@pytest.mark.parametrize(
    ("jitter", "varied", "tolerance", "bounds"),
    [
        ({"size": 0.1}, ("high",), 0.03, {"across": 0.3, "down": 0.6, "slope": 0.02}),
        ({"shift_px": 1.5}, ("across", "down"), 0.2, {"mass": 0.06, "wide": 0.06, "high": 0.06, "slope": 0.06}),
        ({"slant": 0.15}, ("slope",), 0.03, {"mass": 0.05, "high": 0.05, "across": 0.6}),
        ({"weight": 0.2}, ("mass",), 0.06, {"wide": 0.08, "high": 0.08, "across": 0.25, "down": 0.25, "slope": 0.03}),
    ],
)
def test_each_jitter_changes_one_thing(jitter, varied, tolerance, bounds):
    drawn = load_fonts(SANS, train=12, validation=1, jitter=STILL._replace(**jitter), progress=False)
    narrow = np.isin(drawn.train.labels, [LETTERS.index(letter) for letter in "BDEFHKLPRTXZ"])
    images, still = drawn.train.images[narrow], drawn.alphabets[0][drawn.train.labels[narrow]]
    (mass, across, down, wide, high, slope), before = moments(images), moments(still)
    changes = {"mass": mass / before[0] - 1, "wide": wide / before[3] - 1, "high": high / before[4] - 1}
    changes |= {"across": across - before[1], "down": down - before[2], "slope": slope - before[5]}
    (most,) = jitter.values()
    for name in varied:
        assert (changes[name].min(), changes[name].max()) == pytest.approx((-most, most), abs=tolerance)
    for name, bound in bounds.items():
        assert np.abs(changes[name]).max() < bound


def test_noise_alone():
    noisy = load_fonts(SANS, train=20, validation=1, jitter=STILL._replace(noise=0.05), progress=False)
    added = ink(noisy.train.images - noisy.alphabets[0][noisy.train.labels]) - 0.5
    empty = ink(noisy.alphabets[0][noisy.train.labels]) == 0
    # on what is empty, the half of a normal distribution that is more than nothing
    assert added[empty].mean() == pytest.approx(0.05 / np.sqrt(2 * np.pi), rel=0.05)
    assert (added[empty] == 0).mean() == pytest.approx(0.5, abs=0.06)
    assert abs(added).max() < 0.05 * 6


def test_images_follow_from_the_seed_and_their_number(add, load):
    for name in ("cmr10.ttf", "cmss10.ttf", "cmtt10.ttf"):
        add(name)
    few, many, other = load(train=4, validation=2), load(train=8, validation=5), load(train=4, validation=2, seed=4)
    for split, n, m in (("train", 4, 8), ("validation", 2, 5)):
        for one, more in zip(getattr(few, split), getattr(many, split), strict=True):
            np.testing.assert_array_equal(
                one.reshape(26, n, *one.shape[1:]), more.reshape(26, m, *one.shape[1:])[:, :n]
            )
    assert few.fingerprint != other.fingerprint
    assert (few.train.images != other.train.images).any(axis=(1, 2, 3)).all()
    np.testing.assert_array_equal(few.alphabets, other.alphabets)


def test_faces_are_found_and_named(add, load, folder):
    add("cmr10.ttf", "b.ttf")
    for place in ("a/deep/one.TTF", ".hidden/two.ttf", "._b.ttf", "c.txt"):
        add("cmss10.ttf", place)
    add("cmsy10.ttf").rename(folder / "sch\udcf6n.ttf")
    collection = TTCollection()
    collection.fonts = [TTFont(bundled_fonts() / name) for name in ("cmb10.ttf", "cmtt10.ttf")]
    collection.save(folder / "both.ttc")
    named = TTFont(add("cmti10.ttf"))
    for record in named["name"].names:
        record.string = {1: "cmr10", 2: "Regular"}.get(record.nameID, "")
    named.save(folder / "cmti10.ttf")
    symbols = TTFont(add(SANS.name))
    (table,) = symbols["cmap"].tables = [table for table in symbols["cmap"].tables if table.format == 4][:1]
    table.platformID, table.platEncID, table.language = 3, 0, 0
    table.cmap = {0xF000 + ord(letter): letter for letter in LETTERS}
    symbols.save(folder / SANS.name)
    drawn = load()
    assert drawn.faces == (
        ("DejaVu Sans Book", "DejaVuSans.ttf", 0),
        ("cmss10 Regular", "a/deep/one.TTF", 0),
        ("cmr10 Regular", "b.ttf", 0),
        ("cmb10 Regular", "both.ttc", 0),
        ("cmtt10 Regular", "both.ttc", 1),
        ("cmti10.ttf", "cmti10.ttf", 0),  # its own name is another one's
        ("cmsy10 Regular", "sch\\udcf6n.ttf", 0),
    )
    assert drawn.skipped == ()
    assert drawn.table().encode()


def test_unusable_fonts_are_skipped_with_the_reason(add, load, folder):
    good = add("cmr10.ttf", "a.ttf").read_bytes()
    add("cmr10.ttf", "b.ttf")
    (folder / "empty.ttf").touch()
    (folder / "half.otf").write_bytes(good[: len(good) // 2])
    (folder / "text.ttf").write_text("A letter is no font.", encoding="utf-8")
    (folder / "gone.ttf").symlink_to(folder / "nowhere.ttf")
    data, font = bytearray(add("cmss10.ttf", "broken.ttf").read_bytes()), TTFont(folder / "broken.ttf")
    place = font.reader.tables["glyf"].offset + font["loca"][font.getGlyphID("Q")]
    data[place : place + 2] = (2000).to_bytes(2)  # contours, of which there are two
    (folder / "broken.ttf").write_bytes(data)
    font = TTFont(add("cmss10.ttf", "flourish.ttf"))
    font["glyf"]["Q"].coordinates.scale((6, 6))
    font.save(folder / "flourish.ttf")
    for missing, box in (("Q", True), ("QX", True), ("ABCDEFGH", True), ("W", False)):
        worker = subset.Subsetter(subset.Options(notdef_outline=box))
        worker.populate(text="".join(set(LETTERS) - set(missing)))
        font = TTFont(bundled_fonts() / "cmr10.ttf")
        worker.subset(font)
        font.save(folder / f"no{missing}.ttf")
    reasons = dict(load(train=1).skipped)
    unreadable = [name for name, reason in reasons.items() if reason.startswith("cannot be opened")]
    assert unreadable == ["empty.ttf", "half.otf", "text.ttf"]
    assert {name: reason for name, reason in reasons.items() if name not in unreadable} == {
        "b.ttf": "draws the same letters as a.ttf",
        "broken.ttf": "cannot be drawn: invalid outline",
        "flourish.ttf": "some letters are so large that the others would be unreadable",
        "noABCDEFGH.ttf": "lacks A, B, C, D, E and 3 more",
        "noQ.ttf": "lacks Q",
        "noQX.ttf": "lacks Q, X",
        "noW.ttf": "draws nothing for W",
    }


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("nowhere", "nowhere does not exist: give a folder of fonts"),
        ("", "--fonts is empty"),
        ("~nobody-of-that-name/fonts", "does not exist"),
        ("folder", "no fonts in folder: it has no file of .ttf, .otf, .ttc, .otc"),
        ("notes.txt", "no usable font in notes.txt (notes.txt: cannot be opened"),
        ("bad", "no usable font in bad (a.ttf: cannot be opened: unknown file format, and 1 more): give"),
    ],
)
def test_nothing_to_draw_with(load, folder, monkeypatch, source, message):
    monkeypatch.chdir(folder.parent)
    Path("notes.txt").write_text("No font at all.", encoding="utf-8")
    Path("bad").mkdir()
    for name in ("a.ttf", "b.ttf"):
        Path("bad", name).touch()
    with pytest.raises(UserError) as caught:
        load(source)
    assert message in str(caught.value)


def test_pixels_and_images_are_the_same():
    pixels = np.arange(256, dtype=np.uint8)
    images = from_pixels(pixels)
    assert images.dtype == np.float32
    assert (images[0], images[255]) == (-1, 1)
    np.testing.assert_array_equal(to_pixels(images), pixels)
    assert to_pixels(np.array([-3.0, 0.0, 7.0, np.nan, np.inf])).tolist() == [0, 128, 255, 0, 255]


def test_a_sheet_has_every_image_in_its_place():
    images = np.random.default_rng(0).uniform(-1, 1, (3, 4, 5, 6)).astype(np.float32)
    sheet = np.asarray(letter_sheet(images, magnification=1))
    assert sheet.shape == (15, 24)
    for row, column in np.ndindex(3, 4):
        cell = sheet[5 * row : 5 * row + 5, 6 * column : 6 * column + 6]
        np.testing.assert_array_equal(cell, to_pixels(images[row, column]))
    named = letter_sheet(images[..., None], rows=["one", "two", "three"], columns="ABCD", magnification=3)
    assert named.width > 72
    assert named.height > 45


def test_what_is_written_is_what_was_loaded(completed, add, load, folder, tmp_path):
    add("cmr10.ttf")
    add("cmss10.ttf")
    (folder / "bad.ttf").touch()
    out = tmp_path / "out"
    completed(command.main, "--fonts", folder, "--train", 3, "--validation", 1, "--out", out, "--seed", 5)
    drawn = load(train=3, validation=1, seed=5)
    metadata = json.loads((out / "metadata.json").read_text(encoding="utf-8"))
    assert metadata["faces"] == [face._asdict() for face in drawn.faces]
    assert metadata["skipped"] == [font._asdict() for font in drawn.skipped]
    assert metadata["jitter"] == USUAL._asdict()
    assert [metadata[name] for name in ("fingerprint", "seed", "source")] == [drawn.fingerprint, 5, drawn.source]
    assert metadata["command"].startswith("python -m fontgan.fonts --fonts ")
    written = {path.relative_to(out).as_posix() for path in out.rglob("*.png")}
    assert written == {image["file"] for image in metadata["images"]} | {"contact-sheet.png"}
    assert "train/A/000.png" in written
    for name, split in (("train", drawn.train), ("validation", drawn.validation)):
        rows = [image for image in metadata["images"] if image["split"] == name]
        assert [image["letter"] for image in rows] == [LETTERS[label] for label in split.labels]
        assert [image["face"] for image in rows] == [drawn.faces[face].name for face in split.faces]
        for image, expected in zip(rows, split.images, strict=True):
            assert image["file"].startswith(f"{name}/{image['letter']}/")
            with Image.open(out / image["file"]) as picture:
                np.testing.assert_array_equal(from_pixels(np.asarray(picture))[..., None], expected)
