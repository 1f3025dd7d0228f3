"""ABC as the standard has it, and what is no tune."""

from fractions import Fraction

import pytest

from melodygan.data.abc import read_abc
from melodygan.data.events import UnreadableError

C_SCALE = [60, 62, 64, 65, 67, 69, 71, 72]


def tune(body, *, meter="4/4", unit="1/4", key="C"):
    return f"X:1\nT:a tune\nM:{meter}\nL:{unit}\nK:{key}\n{body}\n"


def heard(text, part=0):
    """The notes of a voice as (pitch, onset, length); tied ones are joined."""
    notes = []
    for event in read_abc(text).parts[part]:
        if event.pitch is None:
            continue
        if event.tied:
            pitch, onset, _ = notes.pop()
            notes.append((pitch, onset, event.end - onset))
        else:
            notes.append((event.pitch, event.onset, event.end - event.onset))
    return notes


def pitches(text, part=0):
    return [pitch for pitch, _, _ in heard(text, part)]


@pytest.mark.parametrize(
    "body",
    [
        "C D E F|G A B c|]",
        "C D +fermata+E F|G A B c|]",
        'HC TD .E ~F|uG vA !trill!B "Am"c|]',
        "C D E F|%comment GGG\nG A B c|]",
        "C D E F|\\\nG A B c|]",
        "C D E F|\nw:lyrics are no notes\nG A B c|]\nW:nor are these",
        "C D E F|\n%%begintext\nG A B c\n%%endtext\nG A B c|]",
        "C D E F|[r:GGG]G A B c|]",
        "{g}C D E F|G (A B) {/c}c|]",
        "C D E F|y2 G A `B c|]\n\nabcdefg begaded",
    ],
)
def test_what_has_no_sound_is_no_note(body):
    assert heard(tune(body)) == [(pitch, place, 1) for place, pitch in enumerate(C_SCALE)]


@pytest.mark.parametrize(
    ("key", "body", "expected"),
    [
        ("G", "F", [66]),
        ("Bbm", "B", [70]),
        ("D Dor", "B", [71]),
        ("Amix", "c g", [73, 79]),
        ("A exp ^c", "c f", [73, 77]),
        ("D Phr ^f", "f e", [78, 75]),
        ("C octave=-1", "c", [60]),
        ("G clef=bass octave=1", "F", [78]),
        ("C treble-8", "c", [60]),
        ("C transpose=2", "C", [62]),
        ("HP", "f c g", [78, 73, 79]),
        ("none", "f", [77]),
        ("C", "C, C c c'", [48, 60, 72, 84]),
        ("C", "^F F | F", [66, 66, 65]),
        ("C", "^F f | f", [66, 78, 77]),
        ("C", "^^F __B =F", [67, 69, 65]),
        ("F", "=B B | B", [71, 71, 70]),
        ("C", "[K:G] F [K:C] F", [66, 65]),
        ("C", "^F4- | F2 F2", [66, 65]),
        ("C", "[^FA]4- | [FA]2 F2", [66, 69, 65]),
        ("C", "[^F-A]4 | [FA]2 F2", [66, 69, 69, 65]),
        ("C octave=-1", "[K:G] f [K:G clef=treble] f", [66, 78]),
    ],
)
def test_accidentals_and_keys(key, body, expected):
    assert pitches(tune(body, key=key, meter="none")) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("C/ C// C3/2 C2", [Fraction(1, 2), Fraction(1, 4), Fraction(3, 2), 2]),
        ("C>D E<F", [Fraction(3, 2), Fraction(1, 2), Fraction(1, 2), Fraction(3, 2)]),
        ("C>>D", [Fraction(7, 4), Fraction(1, 4)]),
        ("(3CDE F", [Fraction(2, 3)] * 3 + [1]),
        ("(3:2:2CD F", [Fraction(2, 3)] * 2 + [1]),
        ("(2CD", [Fraction(3, 2)] * 2),
        ("[CEG]2 C", [2, 2, 2, 1]),
        ("[L:1/8] C [L:1/2] C", [Fraction(1, 2), 2]),
        ("C2- | C D", [3, 1]),
    ],
)
def test_lengths(body, expected):
    assert [length for _, _, length in heard(tune(body, meter="none"))] == expected


def test_unit_follows_the_metre():
    for meter, quarters in (("3/4", Fraction(1, 2)), ("2/4", Fraction(1, 4)), ("C|", Fraction(1, 2))):
        assert heard(f"X:1\nM:{meter}\nK:C\nC|")[0][2] == quarters


def test_rests_of_bars():
    onsets = [onset for _, onset, _ in heard(tune("C D E|Z|G A B|Z2|c3|]", meter="3/4"))]
    assert onsets == [0, 1, 2, 6, 7, 8, 15]


@pytest.mark.parametrize(
    "body",
    [
        "V:1\nc d e f|g4|\nV:2\nC D E F|G4|\n",
        "V:1\nc d e f|\nV:2\nC D E F|\nV:1\ng4|]\nV:2\nG4|]",
        "[V:1] c d e f|\n[V:2] C D E F|\n[V:1] g4|]\n[V:2] G4|]",
    ],
)
def test_voices_sound_together(body):
    text = tune(body)
    assert heard(text) == [(72, 0, 1), (74, 1, 1), (76, 2, 1), (77, 3, 1), (79, 4, 4)]
    assert heard(text, 1) == [(60, 0, 1), (62, 1, 1), (64, 2, 1), (65, 3, 1), (67, 4, 4)]


def test_voices_of_the_header_have_its_key_and_their_own_octaves():
    text = "X:1\nM:4/4\nL:1/4\nV:1 octave=1\nV:2\nK:G octave=-1\nV:1\nf4|\nV:2\nF4|"
    assert (pitches(text), pitches(text, 1)) == ([78], [54])
    # a voice may be described twice, and keeps its octave under a new key
    assert pitches("X:1\nM:4/4\nL:1/4\nV:1 octave=-1\nK:C\nV:1 octave=-1\nf4|\nK:G\nf4|") == [65, 66]


@pytest.mark.parametrize(
    "body",
    ["C4|c d e f & C2 D2|G4|", "C4|c d e f &\\\nC2 D2|G4|", "C4|c d e f|G4 && C2 D2|", "z4|c d e f|G4 &&& C4|C2 D2|"],
)
def test_an_overlay_begins_with_its_bar_or_an_earlier_one(body):
    assert sorted(note for note in heard(tune(body)) if note[0]) == sorted(
        [(60, 0, 4), (72, 4, 1), (74, 5, 1), (76, 6, 1), (77, 7, 1), (60, 4, 2), (62, 6, 2), (67, 8, 4)]
    )
    assert not read_abc(tune(body)).irregular


def test_the_fields_of_a_tune_come_before_those_of_its_file():
    assert read_abc("M:4/4\nX:1\nM:3/4\nL:1/4\nK:C\nCDE|").meter == "3/4"
    assert read_abc("X:1\nL:1/4\nK:C\nM:3/4\nCDE|M:4/4\nCDEF|").meter == "3/4"


def test_a_line_may_begin_with_a_note_before_a_repeat_sign():
    assert pitches(tune("|:CDE\nG:|2 F4|")) == [60, 62, 64, 67, 65]


def test_a_metre_and_a_key_may_be_written_otherwise():
    assert read_abc(tune("C4|", meter="C")).meter == "4/4"
    assert read_abc(tune("C5|", meter="2+3/4")).meter == "2+3/4"
    assert read_abc(tune("C", key="none")).key is None


@pytest.mark.parametrize(
    ("text", "tempo"),
    [("1/4=120", 120), ('"Allegro" 3/8=60', 90), ("1/2 = 50", 100), ("120", None), ("1/0=9", None), ("Andante", None)],
)
def test_tempi(text, tempo):
    assert read_abc(f"Q:{text}\n{tune('C')}").tempo == tempo


def test_sections_may_begin_and_end_within_a_bar():
    assert not read_abc(tune("D|:G2 A|B2:|[1 c2 d|e2:|2 c2 B|G2||d|e2 f|g2|]", meter="3/4")).irregular
    # in the Essen collection a full bar ends with its line
    assert not read_abc(tune("G2 A|B2 d\nG2 A|B2\nd|g3", meter="3/4")).irregular


@pytest.mark.parametrize("length", [3, 5])
def test_a_bar_that_does_not_fit_its_metre_is_named(length):
    assert read_abc(tune(f"C4|C{length}|C4|C4|")).irregular == f"bar 2 has {length} quarters, the metre 4"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (tune("C|", meter="99999999/1"), "metre"),
        (tune("C|\nM:3/0\nC|"), "metre"),
        (tune("C|", unit="1/0"), "length"),
        (tune("C|Z|", meter="none"), "rest of whole bars"),
        (tune("Z999999|"), "more than"),
        (tune("C99999999999|"), "length"),
        ("a letter to a friend", "no key"),
    ],
)
def test_refusals_say_why(text, reason):
    with pytest.raises(UnreadableError, match=reason):
        read_abc(text)
