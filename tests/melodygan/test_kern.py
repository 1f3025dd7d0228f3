"""Humdrum `**kern`: spines, lengths, and what does not add up."""

from fractions import Fraction

import pytest

from melodygan.data.events import UnreadableError
from melodygan.data.kern import read_kern

RESPLIT = """**kern\t**kern
*M4/4\t*M4/4
=1\t=1
*\t*^
2C\t2cc\t2e
2E\t2dd\t2f
*\t*v\t*v
=2\t=2
*\t*^
*\t*\t*^
2F\t2ee\t2g\t2b
2G\t2ff\t2a\t2g
*\t*v\t*v\t*v
=3\t=3
1C\t1gg
*-\t*-
"""


def one(*tokens, meter="*M4/4"):
    return "\n".join(["**kern", meter, "=1", *tokens, "==", "*-"])


def test_spines_split_and_join_and_split_again():
    low, high = read_kern(RESPLIT).parts
    assert [(event.onset, event.pitch) for event in low] == [(0, 48), (2, 52), (4, 53), (6, 55), (8, 48)]
    top = [(event.onset, max(other.pitch for other in high if other.onset == event.onset)) for event in high]
    assert sorted(set(top)) == [(0, 72), (2, 74), (4, 76), (6, 77), (8, 79)]
    assert max(event.end for event in high) == 12


@pytest.mark.parametrize(
    ("token", "pitch", "quarters"),
    [
        ("4c", 60, 1), ("8.BB-", 46, Fraction(3, 4)), ("2..ff#", 78, Fraction(7, 2)), ("0C", 48, 8),
        ("12g", 67, Fraction(1, 3)),
        ("3%2a", 69, Fraction(8, 3)), ("4r", None, 1), ("{4e-/L", 63, 1), ("16dn", 62, Fraction(1, 4)),
    ],
)  # fmt: skip
def test_notes(token, pitch, quarters):
    ((event,),) = read_kern(one(token, meter="*MX")).parts
    assert (event.pitch, event.end - event.onset) == (pitch, quarters)


def test_ties_chords_and_grace_notes():
    (part,) = read_kern(one("8qd", "2.c 2.e", "[4g", "=2", "4g]", "2.c")).parts
    assert [(event.onset, event.pitch, event.tied) for event in part] == [
        (0, 60, False), (0, 64, False), (3, 67, False), (4, 67, True), (5, 60, False),
    ]  # fmt: skip


def test_keys_and_titles_beside_other_spines():
    text = "!!!OTL: Title\n!!!SCT: E0001\n**kern\t**text\n*e:\t*\n4d\tla\n=1\t=1\n2g\tla\n2g\t.\n*-\t*-"
    sheet = read_kern(text)
    assert (sheet.name, sheet.key, len(sheet.parts)) == ("E0001", ("E minor", 1, "minor", 4), 1)
    assert read_kern("**kern\n*k[b-e-]\n4d\n*-").key == ("2 flats", -2, "", None)
    assert read_kern("**kern\n*D:dor\n4d\n*-").key == ("D dorian", 0, "dorian", 2)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (one("1c", meter="*M99999/1"), "metre"),
        ("**kern\t**kern\n4c\n*-\t*-", "line 2 has 1 columns where there are 2"),
        ("**dynam\nf\n*-", r"no \*\*kern"),
        ("**kern\n" + "\n".join("\t".join(["*^"] * 2**power) for power in range(8)), "more than 64 spines"),
    ],
)
def test_refusals_say_why(text, reason):
    with pytest.raises(UnreadableError, match=reason):
        read_kern(text)


def test_a_bar_that_does_not_fit_its_metre_is_named():
    assert read_kern(one("1c", "=2", "2c", "=3", "1c", "=4", "1c")).irregular == "bar 2 has 2 quarters, the metre 4"
