import pytest

from manymodes.hub import MODELS
from pretraining.cards import FIGURES, Figure, table


def test_a_line_has_the_figure_of_both_models_and_what_it_is_to_be_seen_beside():
    figures = [
        Figure("nats", "nats", lambda value: f"{value:.1f}", "least", "least possible"),
        Figure("overlap", "measures.overlap", lambda value: f"{value:.2f}"),
        Figure("distance", "distance", str, bounding="0 is best"),
    ]
    trained = {"nats": 3.14, "least": 3, "measures": {"overlap": 0.5}, "distance": 7}
    shipping = {"nats": 3.25, "least": 3, "measures": {"overlap": 0.25}, "distance": 8}
    assert table(figures, trained, shipping) == [
        ("nats", "3.1", "3.2", "3.0 (least possible)"),
        ("overlap", "0.50", "0.25", ""),
        ("distance", "7", "8", "0 is best"),
    ]


@pytest.mark.parametrize("known", [{}, {"nats": None}, {"nats": None, "least": 2}])
def test_what_is_not_known_is_left_out(known):
    assert table([Figure("nats", "nats", str)], {"nats": 1}, known) == []
    assert table([Figure("nats", "measures.nats", str)], {"measures": 5}, {}) == []


def test_a_bound_that_is_not_known_is_not_claimed():
    (line,) = table([Figure("nats", "nats", str, "least", "least possible")], {"nats": 1}, {"nats": 2, "least": None})
    assert line == ("nats", "1", "2", "–")


def test_every_program_has_figures():
    assert {shipped.program for shipped in MODELS.values()} == set(FIGURES)
    for figures in FIGURES.values():
        assert len({figure.title for figure in figures}) == len(figures) >= 8
