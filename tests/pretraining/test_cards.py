import pytest

from manymodes.hub import MODELS
from pretraining.cards import FIGURES, Figure, table


def test_a_line_has_the_values_of_both_models_and_one_for_comparison():
    figures = [
        Figure("nats", "nats", "{:.1f}".format, "least", "least possible"),
        Figure("overlap", "measures.overlap", "{:.2f}".format),
        Figure("distance", "distance", str, bounding="0 is best"),
        Figure("bits", "bits", str, "bound", "least possible"),
    ]
    trained = {"nats": 3.14, "least": 3, "measures": {"overlap": 0.5}, "distance": 7, "bits": 1}
    shipping = {"nats": 3.25, "least": 3, "measures": {"overlap": 0.25}, "distance": 8, "bits": 2, "bound": None}
    assert table(figures, trained, shipping) == [
        ("nats", "3.1", "3.2", "3.0 (least possible)"),
        ("overlap", "0.50", "0.25", ""),
        ("distance", "7", "8", "0 is best"),
        ("bits", "1", "2", "–"),
    ]


@pytest.mark.parametrize("known", [{}, {"nats": None}, {"nats": None, "least": 2}])
def test_unknown_values_are_left_out(known):
    assert table([Figure("nats", "nats", str)], {"nats": 1}, known) == []
    assert table([Figure("nats", "measures.nats", str)], {"measures": 5}, {}) == []


def test_every_program_has_figures():
    assert {shipped.program for shipped in MODELS.values()} == set(FIGURES)
    for figures in FIGURES.values():
        assert len({figure.title for figure in figures}) == len(figures) >= 8
