import io

import numpy as np
import pytest
from fontTools.ttLib import TTFont
from PIL import Image
from realfaces import OneFace

from fontgan import design, designing
from fontgan.data.sheets import bundled_fonts


@pytest.fixture(autouse=True)
def place(monkeypatch, tmp_path):
    """Work in an empty folder, with a model that needs no training."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(designing, "load", lambda *_, **__: OneFace())


def test_a_font_is_written_with_a_picture_of_its_text(completed, contents, tmp_path):
    completed(design.main, "--out", "Mine.ttf", "--ufo", "Mine.ufo", "--text", "Größe\nAVA", "--picture", "a.png")
    completed(design.main, "--out", "Mine.woff2", "--variable")
    files = contents(tmp_path)
    for kind in ("ttf", "woff2"):
        font = TTFont(io.BytesIO(files[f"Mine.{kind}"]))
        assert font["name"].getDebugName(1) == "Mine"
        assert (font.flavor == "woff2") == ("fvar" in font) == (kind == "woff2")
    assert "Mine.ufo/fontinfo.plist" in files
    picture = np.asarray(Image.open(io.BytesIO(files["a.png"])))
    assert (picture[:, :10] == 255).all()
    assert (picture < 128).mean() > 0.02


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--out", "x.otf"),
        ("--picture", "x.png"),
        ("--text", "abc", "--out", "x.ttf"),
        ("--styles", 3, "--out", "x.ttf"),
        ("--variable", "--ufo", "x.ufo"),
        ("--text", "日本", "--picture", "x.png"),
        ("--out", "x.ttf", "--name", "x" * 40),
        ("--style-of", "missing.ttf", "--out", "x.ttf"),
        ("--style-of", bundled_fonts() / "DejaVuSans.ttf", "--runtime", "onnx", "--out", "x.ttf"),
        ("--style-of", bundled_fonts() / "DejaVuSans.ttf", "--by", "日", "--out", "x.ttf"),
    ],
)
def test_wrong_options_are_told(refused, cache, options):
    refused(design.main, *options)
