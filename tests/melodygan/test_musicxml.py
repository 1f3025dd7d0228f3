"""MusicXML as it sounds, plain and compressed, and what is refused."""

import io
import zipfile

import pytest

from melodygan.data.events import UnreadableError
from melodygan.data.musicxml import read_musicxml


def note(step="C", octave=4, duration=2, extra="", alter=0):
    pitch = f"<pitch><step>{step}</step><alter>{alter}</alter><octave>{octave}</octave></pitch>"
    length = "" if "grace" in extra else f"<duration>{duration}</duration>"
    return f"<note>{extra}{pitch}{length}</note>"


TIME = "<time><beats>3</beats><beat-type>4</beat-type></time>"
HEAD = f"<divisions>2</divisions><key><fifths>1</fifths><mode>minor</mode></key>{TIME}"


def score(*measures, head=HEAD):
    bars = "".join(f"<measure>{bar}</measure>" for bar in measures)
    bars = bars.replace("<measure>", f"<measure><attributes>{head}</attributes>", 1)
    return f'<score-partwise><part-list/><part id="P1">{bars}</part></score-partwise>'.encode()


def heard(data):
    return [(event.pitch, event.onset, event.end - event.onset) for event in read_musicxml(data).parts[0]]


def packed(data, path="score.xml", container=True):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        if container:
            escaped = path.replace("&", "&amp;")
            text = f'<container><rootfiles><rootfile full-path="{escaped}"/></rootfiles></container>'
            archive.writestr("META-INF/container.xml", text)
        archive.writestr(path, data)
    return buffer.getvalue()


def test_voices_chords_and_rests():
    second = "<backup><duration>6</duration></backup>" + note("C", 3, 6)
    rest = "<note><rest/><duration>2</duration></note>"
    data = score(note() + note("E", extra="<chord/>") + rest + note("D", alter=1) + second)
    assert heard(data) == [(60, 0, 1), (64, 0, 1), (None, 1, 1), (63, 2, 1), (48, 0, 3)]


def test_what_does_not_sound_is_silent():
    data = score(note(extra="<grace/>") + note("D") + note("G", extra="<cue/>") + note("E"))
    assert heard(data) == [(62, 0, 1), (64, 2, 1)]


@pytest.mark.parametrize(
    ("transpose", "pitch", "key"),
    [
        ("<chromatic>-2</chromatic>", 58, "D minor"),
        ("<chromatic>0</chromatic><octave-change>-1</octave-change>", 48, "E minor"),
        ("<chromatic>3</chromatic>", 63, "G minor"),
    ],
)
def test_parts_for_transposing_instruments_are_read_as_they_sound(transpose, pitch, key):
    sheet = read_musicxml(score(note(), head=f"{HEAD}<transpose>{transpose}</transpose>"))
    assert (sheet.parts[0][0].pitch, sheet.key.name) == (pitch, key)


def test_scores_by_measures_are_read():
    by_parts = score(note() * 3, note("D", duration=6))
    by_measures = by_parts.replace(b"partwise", b"timewise").replace(b'<part id="P1">', b"").replace(b"</part>", b"")
    for plain, nested in ((b"<measure>", b'<measure><part id="P1">'), (b"</measure>", b"</part></measure>")):
        by_measures = by_measures.replace(plain, nested)
    assert read_musicxml(by_measures) == read_musicxml(by_parts)


@pytest.mark.parametrize("container", [True, False])
def test_compressed_scores(container):
    data = score(note() * 3)
    assert read_musicxml(packed(data, "lied & tanz.musicxml", container)) == read_musicxml(data)


def test_encodings():
    text = score(note() * 3).decode().replace("<part-list/>", "<work><work-title>Lied über Öl</work-title></work>")
    for encoding in ("utf-8", "utf-16", "latin-1"):
        begin = "" if encoding == "utf-16" else "\n"
        data = f'{begin}<?xml version="1.0" encoding="{encoding}"?>{text}'.encode(encoding)
        assert read_musicxml(data).name == "Lied über Öl"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"a letter", "not MusicXML"),
        (b"<html/>", "first element is <html>"),
        (b"PK\3\4 cut off", "archive"),
        (packed(b"x", "notes.txt", container=False), "holds no score"),
        (packed(bytes(70_000_000)), "unpacks to more than 64 MB"),
        (packed(b"x" * 10, "META-INF/container.xml", container=False), "not MusicXML"),
        (score(note(duration=-1)), "negative"),
        (score(note(duration="two")), "not a number"),
        (score(note("H")), "not a number"),
        (score(note(alter="inf")), "not a number"),
        (b"<score-partwise>\n<part></score-partwise>", "line 2, column 8 is not XML"),
        (b'<?xml version="1.0" encoding="klingon"?><score-partwise/>', "encoding"),
        (score(note(octave=12)), "cannot be played"),
        (score(note(), head="<divisions>0</divisions>"), "not a number"),
        (score(note(), head="<time><beats>99999</beats><beat-type>1</beat-type></time>"), "metre"),
        (score(note(duration=10**9)), "more than"),
    ],
)
def test_refusals_say_why(data, reason):
    with pytest.raises(UnreadableError, match=reason):
        read_musicxml(data)


def test_a_damaged_archive_is_refused():
    whole = packed(score(note() * 3))
    for place in range(0, len(whole), 3):
        damaged = bytearray(whole)
        damaged[place] ^= 0x5A
        try:
            read_musicxml(bytes(damaged))
        except UnreadableError as error:
            assert str(error)  # noqa: PT017 - either is right


def test_entities_that_grow_are_refused():
    lines = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
    bomb = f'<!DOCTYPE x [<!ENTITY a0 "la">{lines}]><score-partwise>&a11;</score-partwise>'
    with pytest.raises(UnreadableError, match="not MusicXML"):
        read_musicxml(bomb.encode())
