import contextlib
from itertools import pairwise

import numpy as np
import pytest
from matplotlib import colors
from matplotlib.figure import Figure
from PIL import Image

from drumvae import plots
from drumvae.data.kit import INSTRUMENTS, STEPS
from drumvae.models.vae import Latents

NAMES = ("rock", "jazz", "latin")
COUNT = 45
DIMENSIONS = ("high_0", "high_1", "low_0", "low_1", "low_2")
SWEEPS = {
    "high": [{"kick": 0.1, "density": -0.02}, {"kick": -0.4, "density": 0.0}],
    "low": [{"kick": 0.2, "density": 0.01}],
}


def latents(seed=0, count=COUNT, apart=0.0):
    """Return both levels of so many bars, and their styles, which are so far apart in the upper one."""
    rng = np.random.default_rng(seed)
    styles = np.arange(count) % len(NAMES)
    high = apart * np.eye(len(NAMES), 4)[styles] + rng.standard_normal((count, 4))
    return Latents(high, rng.standard_normal((count, 12))), styles


def epoch(number, **others):
    row = {"reconstruction_nats": 50 - number, "kl_high_nats": 1 + number, "kl_low_nats": 4.0, "playing_loss": -2.0}
    each = {
        f"kl_{level}_{one}": 0.1 * number + one for level, count in (("high", 2), ("low", 3)) for one in range(count)
    }
    return {
        **row,
        **{f"val_{name}": value + 1 for name, value in row.items()},
        "val_nats": 60 - number,
        **each,
        **others,
    }


HISTORY = [epoch(number, style_accuracy=0.2 * number) for number in range(1, 4)]
EACH = {name: 0.1 * number for number, name in enumerate(INSTRUMENTS)}
FOUND = {
    "hit_f1": 0.8,
    "hit_f1_per_instrument": {**EACH, "clap": None},
    "hit_f1_mean_pattern": 0.4,
    "hit_f1_mean_pattern_per_instrument": dict.fromkeys(INSTRUMENTS, 0.3),
    "hit_f1_pca16": 0.7,
    "hit_f1_pca16_per_instrument": dict.fromkeys(INSTRUMENTS, 0.6),
}
DRAWINGS = {
    "hits": lambda path: plots.save_hits(FOUND, path),
    "history": lambda path: plots.save_history(HISTORY, path, bound_nats=30.0),
    "divergence": lambda path: plots.save_divergences(HISTORY, path),
    "maps": lambda path: plots.save_maps(*latents(), NAMES, path, seed=1),
    "clusters": lambda path: plots.save_clusters(*latents(), NAMES, path, seed=1),
    "histograms": lambda path: plots.save_histograms(latents()[0], latents(1, 200)[0], path),
    "sweeps": lambda path: plots.save_sweeps(SWEEPS, path),
    "patterns": lambda path: plots.save_patterns({"one": np.zeros((2, 16, 9)), "other": np.ones((1, 16, 9))}, path),
}


@pytest.fixture
def drawn(monkeypatch, tmp_path):
    """Draw; return the figure, which is not written."""
    figures = []

    @contextlib.contextmanager
    def saved_figure(path, size, *, grid=True):
        figure = Figure(size)
        yield figure
        figures.append(figure)

    monkeypatch.setattr(plots, "saved_figure", saved_figure)

    def draw(save, *arguments, **options):
        save(*arguments, tmp_path / "figure.png", **options)
        return figures.pop()

    return draw


def panels(figure):
    return {axes.get_title(): axes for axes in figure.axes if axes.get_title()}


@pytest.mark.parametrize("name", DRAWINGS)
def test_pictures_are_written_and_the_same_again(name, tmp_path):
    paths = [tmp_path / "plots" / f"{number}.png" for number in range(2)]
    for path in paths:
        DRAWINGS[name](path)
    with Image.open(paths[0]) as picture:
        assert picture.format == "PNG"
        assert np.ptp(np.asarray(picture.convert("L"))) > 100  # not empty paper
    assert paths[0].read_bytes() == paths[1].read_bytes()


# --- training


def test_a_history_is_drawn_with_its_units_and_the_least_possible(drawn):
    found = panels(drawn(plots.save_history, HISTORY, bound_nats=30.0))
    assert {title: axes.get_ylabel() for title, axes in found.items()} == {
        "−log p of a bar's hits": "nats a bar",
        "divergence from the prior": "nats a bar",
        "style told by the upper level": "share of bars",
        "velocity and timing": "nats a hit",
    }
    lines = {
        (title, line.get_label()): line.get_xydata().tolist()
        for title, axes in found.items()
        for line in axes.get_lines()
    }
    likelihood, divergence, style, playing = found
    assert lines[likelihood, "bound, validation"] == [[1, 59], [2, 58], [3, 57]]
    assert {value for _, value in lines[likelihood, "least possible"]} == {30}
    assert lines[divergence, "upper level, training"] == [[1, 2], [2, 3], [3, 4]]
    assert lines[divergence, "lower level, validation"] == [[1, 5], [2, 5], [3, 5]]
    assert [value for _, value in lines[style, "training"]] == pytest.approx([0.2, 0.4, 0.6])
    assert lines[playing, "training"] == [[1, -2], [2, -2], [3, -2]]


def test_what_a_history_has_not_is_not_drawn(drawn):
    found = panels(drawn(plots.save_history, [epoch(1), epoch(2)]))
    assert "style told by the upper level" not in found
    assert len(found) == 3
    labels = {line.get_label() for axes in found.values() for line in axes.get_lines()}
    assert "least possible" not in labels


def test_a_row_is_a_dimension_and_a_column_an_epoch(drawn):
    figure = drawn(plots.save_divergences, HISTORY)
    axes = figure.axes[0]
    (image,) = axes.get_images()
    expected = np.array([[row[name] for row in HISTORY] for name in HISTORY[0] if name[-1].isdigit()])
    np.testing.assert_array_equal(image.get_array(), expected)
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        *("z_high, 0", "z_high, 1"),
        *("z_low, 0", "z_low, 1", "z_low, 2"),
    ]
    assert image.get_clim()[0] == 0  # what is dark says nothing, whatever the others do
    assert tuple(image.get_extent()[:2]) == (0.5, 3.5)
    assert all(tick == int(tick) for tick in axes.get_xticks())
    assert "nats" in figure.axes[1].get_ylabel()


# --- latents


def test_every_bar_is_a_point_in_the_colour_of_its_style(drawn):
    values, styles = latents(apart=50.0)
    figure = drawn(plots.save_maps, values, styles, NAMES, seed=2)
    found = panels(figure)
    assert len(found) == 2
    for axes in found.values():
        points = {
            tuple(group.get_facecolor()[0]): group.get_offsets()
            for group in axes.collections
            if len(group.get_offsets())
        }
        assert sorted(map(len, points.values())) == np.bincount(styles).tolist()
    # Styles that are far apart are so on the map of the upper level.
    high = [group.get_offsets().data for group in found["z_high: a point a bar (t-SNE)"].collections][: len(NAMES)]
    middles = [points.mean(axis=0) for points in high]
    spread = max(np.linalg.norm(points - middle, axis=1).max() for points, middle in zip(high, middles, strict=True))
    assert min(np.linalg.norm(middles[a] - middles[b]) for a in range(3) for b in range(a)) > spread
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == list(NAMES)


def test_no_more_bars_are_drawn_than_can_be_told_apart(drawn, monkeypatch):
    monkeypatch.setattr(plots, "_SHOWN", 12)
    monkeypatch.setattr(plots, "_CLUSTERED", 9)
    for save, count in ((plots.save_maps, 12), (plots.save_clusters, 9)):
        for axes in panels(drawn(save, *latents(), NAMES, seed=2)).values():
            points = [group.get_offsets() for group in axes.collections if hasattr(group, "get_sizes")]
            assert sum(map(len, points)) == count


def test_leaves_that_hang_together_have_one_colour_where_styles_are_apart(drawn):
    values, styles = latents(apart=50.0)
    figure = drawn(plots.save_clusters, values, styles, NAMES, seed=2)
    found = panels(figure)
    runs = {}
    for title, axes in found.items():
        (leaves,) = (group for group in axes.collections if len(group.get_offsets()) == len(styles))
        order = np.argsort(leaves.get_offsets()[:, 0])
        sequence = [colors.to_hex(colour) for colour in leaves.get_facecolor()[order]]
        runs[title] = 1 + sum(one != other for one, other in pairwise(sequence))
        assert axes.get_ylabel() == "distance (Ward)"
    high, low = runs.values()
    assert high == len(NAMES) < low


@pytest.mark.parametrize("count", [2, 10, 17])
def test_styles_have_a_colour_each(count):
    names = [str(number) for number in range(count)]
    assert len({colors.to_hex(colour) for colour in plots._colours(names)}) == count


def test_each_dimension_has_its_histogram_beside_the_prior(drawn):
    ours, priors = latents()[0], latents(1, 300)[0]
    ours.high[:, 2] += 7
    figure = drawn(plots.save_histograms, ours, priors)
    found = panels(figure)
    assert list(found) == [f"z_high, {number}" for number in range(4)] + [f"z_low, {number}" for number in range(12)]
    for axes in found.values():
        bars = [patch for patch in axes.patches if hasattr(patch, "get_height")]
        assert sum(bar.get_height() * bar.get_width() for bar in bars) == pytest.approx(1)
    middle = [bar.get_x() for bar in found["z_high, 2"].patches if hasattr(bar, "get_height") and bar.get_height()]
    assert min(middle) > 3  # where it was moved to
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "drawn for test bars",
        "drawn from the prior",
    ]


def test_changes_are_drawn_by_the_largest_of_their_column(drawn):
    axes = drawn(plots.save_sweeps, SWEEPS).axes[0]
    (image,) = axes.get_images()
    assert np.asarray(image.get_array()) == pytest.approx(np.array([[0.25, -1], [-1, 0], [0.5, 0.5]]))
    assert [label.get_text() for label in axes.get_yticklabels()] == ["z_high, 0", "z_high, 1", "z_low, 0"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["kick (±0.40)", "density (±0.02)"]


def test_what_hardly_moves_is_hardly_coloured(drawn):
    still = {"high": [{"kick": 0.0, "clap": 5e-5}], "low": [{"kick": 0.0, "clap": 1e-5}]}
    (image,) = drawn(plots.save_sweeps, still).axes[0].get_images()
    assert np.asarray(image.get_array()) == pytest.approx(np.array([[0, 0.01], [0, 0.002]]))


def test_each_instrument_has_its_bar_beside_the_floors(drawn):
    figure = drawn(plots.save_hits, FOUND)
    (axes,) = figure.axes
    groups = {group.get_label(): [bar.get_height() for bar in group] for group in axes.containers}
    assert groups["model"] == pytest.approx([*list(EACH.values())[:-1], 0, 0.8])
    assert groups["16 principal components"] == [0.6] * 9 + [0.7]
    assert groups["mean pattern"] == [0.3] * 9 + [0.4]
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert labels == [*(name.replace("_", " ") for name in INSTRUMENTS), "all"]
    for place, bars in enumerate(zip(*axes.containers, strict=True)):  # around their label, none over another
        lefts = [bar.get_x() for bar in bars]
        assert place - 0.5 < lefts[0] < lefts[1] < lefts[2] < place + 0.5
        assert [bar.get_x() + bar.get_width() for bar in bars[:2]] == pytest.approx(lefts[1:])


# --- patterns


def test_bars_stand_beside_each_other_the_kick_lowest(drawn):
    bars = np.random.default_rng(3).random((3, STEPS, len(INSTRUMENTS)))
    figure = drawn(plots.save_patterns, {"one": bars[:2], "other": bars[2:]})
    first, second = figure.axes
    assert (first.get_title(loc="left"), second.get_title(loc="left")) == ("one", "other")
    table = first.get_images()[0].get_array()
    assert table.shape == (len(INSTRUMENTS), 2 * STEPS + 1)
    np.testing.assert_array_equal(table[:, :STEPS], bars[0].T)
    np.testing.assert_array_equal(table[:, STEPS + 1 :], bars[1].T)
    assert table.mask[:, STEPS].all()
    table = second.get_images()[0].get_array()
    np.testing.assert_array_equal(table[:, :STEPS], bars[2].T)
    assert table.mask[:, STEPS:].all()  # no bar there
    bottom, top = first.get_ylim()
    assert bottom < top
    assert [label.get_text() for label in first.get_yticklabels()] == [name.replace("_", " ") for name in INSTRUMENTS]
    beats = [(tick, label.get_text()) for tick, label in zip(first.get_xticks(), first.get_xticklabels(), strict=True)]
    assert beats == [(0, "1"), (4, "2"), (8, "3"), (12, "4"), (17, "1"), (21, "2"), (25, "3"), (29, "4")]
    assert figure.axes[-1].get_xlabel() == "beat"


def test_patterns_can_be_compared_by_their_shade(drawn):
    figure = drawn(plots.save_patterns, {"faint": np.full((1, 16, 9), 0.1), "loud": np.full((1, 16, 9), 0.9)})
    assert {axes.get_images()[0].get_clim() for axes in figure.axes} == {(0, 1)}
