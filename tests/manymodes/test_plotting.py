from manymodes.experiment.plots import curve, draw_curves, saved_figure

HISTORY = [{"loss": 3.0}, {"loss": 2.0, "score": 0.5}, {"loss": 1.5}, {"loss": 1.0, "score": 0.75}]


def draw(path, title="a title"):
    with saved_figure(path, (3, 2)) as figure:
        draw_curves(figure.add_subplot(), {"loss": curve(HISTORY, "loss")}, title)


def test_the_same_drawing_gives_the_same_bytes_and_another_one_others(tmp_path, contents):
    for name, title in (("one", "a title"), ("again", "a title"), ("other", "another")):
        draw(tmp_path / name, title)
    result = contents(tmp_path)
    assert result["one"] == result["again"] != result["other"]


def test_a_curve_is_of_the_epochs_that_have_the_column():
    assert curve(HISTORY, "loss") == ([1, 2, 3, 4], [3.0, 2.0, 1.5, 1.0])
    assert curve(HISTORY, "score") == ([2, 4], [0.5, 0.75])
    assert curve(HISTORY, "nothing") == ([], [])
