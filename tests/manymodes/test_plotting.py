import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from manymodes.experiment.plots import STYLE, curve, draw_curves, saved_figure

HISTORY = [{"loss": 3.0}, {"loss": 2.0, "score": 0.5}, {"loss": 1.5}, {"loss": 1.0, "score": 0.75}]


def draw(path, title="a title"):
    with saved_figure(path, (3, 2)) as figure:
        draw_curves(figure.add_subplot(), {"loss": curve(HISTORY, "loss")}, title)


def test_a_figure_is_a_png_of_its_size(tmp_path):
    draw(tmp_path / "plots" / "one.png")
    with Image.open(tmp_path / "plots" / "one.png") as picture:
        picture.load()
        assert picture.format == "PNG"
        assert picture.width / picture.height == pytest.approx(3 / 2, rel=0.01)
        assert np.ptp(np.asarray(picture.convert("L"))) > 100  # not empty paper
        assert "Software" not in picture.info


def test_the_same_drawing_gives_the_same_bytes_and_another_one_others(tmp_path, contents):
    for name, title in (("one", "a title"), ("again", "a title"), ("other", "another")):
        draw(tmp_path / name, title)
    found = contents(tmp_path)
    assert found["one"] == found["again"] != found["other"]


def test_a_figure_that_fails_leaves_what_was_there(tmp_path, contents):
    draw(tmp_path / "one.png")
    before = contents(tmp_path)
    with pytest.raises(ZeroDivisionError), saved_figure(tmp_path / "one.png", (3, 2)) as figure:
        figure.add_subplot().plot([1 / 0])
    assert contents(tmp_path) == before


def test_the_style_is_of_the_figure_alone(tmp_path):
    before = dict(mpl.rcParams)
    seen = []
    for number, options in enumerate(({}, {"grid": False})):
        with saved_figure(tmp_path / f"{number}.png", (3, 2), **options) as figure:
            figure.add_subplot()
            seen.append({name: mpl.rcParams[name] for name in STYLE})
    assert seen == [STYLE, {**STYLE, "axes.grid": False}]
    assert dict(mpl.rcParams) == before


def test_a_curve_is_of_the_epochs_that_have_the_column():
    assert curve(HISTORY, "loss") == ([1, 2, 3, 4], [3.0, 2.0, 1.5, 1.0])
    assert curve(HISTORY, "score") == ([2, 4], [0.5, 0.75])
    assert curve(HISTORY, "nothing") == ([], [])


def test_curves_are_drawn_with_their_names():
    axes = Figure().add_subplot()
    draw_curves(axes, {"first_loss": ([1, 2], [3.0, 2.0]), "score": ([2], [0.5])}, "two curves")
    lines = {line.get_label(): line.get_xydata().tolist() for line in axes.get_lines()}
    assert lines == {"first loss": [[1, 3], [2, 2]], "score": [[2, 0.5]]}
    assert (axes.get_title(), axes.get_xlabel()) == ("two curves", "epoch")
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["first loss", "score"]


def test_a_single_curve_needs_no_legend():
    axes = Figure().add_subplot()
    draw_curves(axes, {"loss": ([1], [3.0])}, "loss")
    assert axes.get_legend() is None
    # one epoch is a whole number on the axis too
    figure = axes.figure
    figure.canvas.draw()
    assert all(float(tick).is_integer() for tick in axes.get_xticks())
