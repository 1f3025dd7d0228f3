import io
from dataclasses import replace

import mido
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drumvae.data.kit import INSTRUMENTS, NOTES, STEPS, Bars, draw
from drumvae.data.midi_grooves import DRUM_CHANNEL, MOST_BARS, UnusableBeatError, parse_beat, read_beat, write_beat
from manymodes.cli import UserError
from manymodes.music.midi import TICKS_PER_QUARTER, track_of

KICK, SNARE, CLOSED = range(3)


def midi(*tracks, ticks=480):
    """Return the bytes of a MIDI file; a track is messages with times from its beginning, in ticks."""
    tracks = [track_of((message.time, message) for message in messages) for messages in tracks]
    data = io.BytesIO()
    mido.MidiFile(ticks_per_beat=ticks, tracks=tracks).save(file=data)
    return data.getvalue()


def hit(note, time, velocity=100, channel=DRUM_CHANNEL):
    return mido.Message("note_on", note=note, velocity=velocity, time=time, channel=channel)


def meta(kind, time=0, **values):
    return mido.MetaMessage(kind, time=time, **values)


def cells(bars):
    """Return (bar, step, instrument) of each hit."""
    return [tuple(cell) for cell in np.argwhere(bars.hits).tolist()]


def parse(*tracks, **options):
    return parse_beat(midi(*tracks, **options), "test.mid")


def random_bars(seed, count, density=0.15):
    """Return bars with a hit in each, offsets that leave the first step alone, and any note of each instrument."""
    rng = np.random.default_rng(seed)
    hits = rng.random((count, STEPS, len(INSTRUMENTS))) < density
    hits[:, 5, SNARE] = True
    offsets = rng.uniform(-0.5, 0.5, hits.shape)
    offsets[0, 0] = np.abs(offsets[0, 0])
    offsets[:, 6, KICK], offsets[:, 7, KICK] = 0.4999, -0.5  # as near as two steps can come
    tempos = rng.integers(60, 200, count)
    notes = np.stack([rng.choice(some, hits.shape[:2]) for some in NOTES.values()], axis=2)
    return Bars.of(hits, rng.uniform(0.005, 1, hits.shape), offsets, tempo=tempos, notes=notes)


@settings(max_examples=40)
@given(seed=st.integers(0, 10_000), count=st.integers(1, 5))
def test_bars_come_back_from_midi(tmp_path_factory, seed, count):
    path = tmp_path_factory.getbasetemp() / "beat.mid"
    bars = random_bars(seed, count)
    write_beat(path, bars)
    beat = parse_beat(path.read_bytes(), path.name, to_end=True)
    assert (beat.bars.notes == bars.notes).all()
    assert not beat.unmapped
    assert np.abs(beat.bars.velocities - bars.velocities).max() <= 0.5 / 127 + 1e-6
    ticks = np.abs(beat.bars.offsets - bars.offsets) * TICKS_PER_QUARTER / 4
    assert ticks.max() <= 1  # half of one, but where that would be the next step
    assert beat.bars.tempos == pytest.approx(bars.tempos, rel=1e-5)
    write_beat(path, beat.bars)
    again = parse_beat(path.read_bytes(), path.name, to_end=True).bars
    assert all((getattr(again, name) == array).all() for name, array in vars(beat.bars).items())


def test_what_is_written_is_general_midi(tmp_path):
    bars = replace(random_bars(1, 4, density=0.4), tempos=np.full(4, 120, np.float32))
    write_beat(tmp_path / "beat.mid", bars)
    file = mido.MidiFile(tmp_path / "beat.mid")
    (track,) = file.tracks
    sounding, begun = set(), 0
    for message in track:
        if message.type == "note_on":
            assert message.note not in sounding
            sounding.add(message.note)
            begun += 1
        elif message.type == "note_off":
            sounding.remove(message.note)
        if not message.is_meta:
            assert message.channel == DRUM_CHANNEL
    assert begun == bars.hits.sum()
    assert not sounding
    assert file.length == pytest.approx(4 * 2)  # four bars of two seconds


def test_added_hits_have_the_usual_note_of_their_instrument():
    source = parse([hit(37, 0), hit(37, 480), hit(38, 960)]).bars
    hits = np.zeros(source.hits.shape, bool)
    hits[0, [0, 5, 8], SNARE] = hits[0, 3, KICK] = True
    bars = Bars.of(hits, hits, 0 * hits, tempo=120).with_notes_of(source)
    assert bars.notes[0, [0, 5, 8], SNARE].tolist() == [37, 37, 38]
    assert (bars.notes[0, 3, KICK], bars.notes.sum()) == (36, 37 + 37 + 38 + 36)


def test_what_is_too_early_comes_at_the_beginning(tmp_path):
    one = np.zeros((1, STEPS, len(INSTRUMENTS)))
    one[0, 0, KICK] = 1
    write_beat(tmp_path / "beat.mid", Bars.of(one, one, -0.25 * one, tempo=100))
    bars = read_beat(tmp_path / "beat.mid").bars
    assert cells(bars) == [(0, 0, KICK)]
    assert bars.offsets[0, 0, KICK] == 0


@pytest.mark.parametrize("ticks", [24, 96, 480, 960])
def test_the_resolution_of_the_file_does_not_matter(ticks):
    quarter = ticks
    beat = parse([hit(36, 0), hit(38, quarter), hit(42, quarter * 5 // 2), hit(36, quarter * 4)], ticks=ticks)
    assert cells(beat.bars) == [(0, 0, KICK), (0, 4, SNARE), (0, 10, CLOSED), (1, 0, KICK)]
    assert (beat.bars.offsets == 0).all()


def test_every_note_of_the_table_is_its_instrument():
    notes = [note for group in NOTES.values() for note in group]
    assert len(notes) == len(set(notes))
    for number, group in enumerate(NOTES.values()):
        beat = parse([hit(note, 120 * step) for step, note in enumerate(group)])
        assert cells(beat.bars) == [(0, step, number) for step in range(len(group))]
        plain = Bars.of(beat.bars.hits, beat.bars.velocities, beat.bars.offsets, tempo=120)
        assert set(plain.notes[plain.hits]) == {group[0]}


def test_a_hit_goes_to_the_nearest_step_and_halfway_to_the_later_one():
    beat = parse([hit(36, 59), hit(38, 60), hit(42, 120 * 3 - 30), hit(36, 480 * 4 - 20)])  # the last in the next bar
    assert cells(beat.bars) == [(0, 0, KICK), (0, 1, SNARE), (0, 3, CLOSED), (1, 0, KICK)]
    assert beat.bars.offsets[beat.bars.hits] == pytest.approx([59 / 120, -0.5, -0.25, -20 / 120])


def test_of_two_hits_in_a_cell_the_louder_stays():
    beat = parse([hit(38, 0, 40), hit(40, 10, 90), hit(37, 20, 60)])
    assert beat.bars.hits.sum() == 1
    assert beat.bars.velocities[0, 0, SNARE] == pytest.approx(90 / 127)
    assert beat.bars.offsets[0, 0, SNARE] == pytest.approx(10 / 120)


def test_each_bar_has_the_tempo_at_its_beginning():
    tempos = [meta("set_tempo", tempo=mido.bpm2tempo(90)), meta("set_tempo", 480 * 6, tempo=mido.bpm2tempo(120))]
    beat = parse(tempos, [hit(36, 480 * 4 * bar) for bar in range(3)])
    assert beat.bars.tempos == pytest.approx([90, 90, 120], rel=1e-5)
    assert parse([hit(36, 0)]).bars.tempos.tolist() == [120]


@pytest.mark.parametrize("metre", [(4, 4), (2, 2), (8, 8)])
def test_metres_of_four_quarters(metre):
    beat = parse([meta("time_signature", numerator=metre[0], denominator=metre[1]), hit(36, 0)])
    assert len(beat.bars) == 1


def test_channel_ten_alone_counts_where_there_is_one():
    melody = [hit(note, 480 * place, channel=0) for place, note in enumerate((36, 38, 42))]
    assert cells(parse(melody, [hit(38, 0)]).bars) == [(0, 0, SNARE)]


def test_a_lone_part_that_is_like_drums_is_drums():
    beat = [hit(36, 0, channel=0), hit(42, 0, channel=0), hit(38, 480, channel=0)]
    assert len(cells(parse(beat).bars)) == 3
    with pytest.raises(UnusableBeatError, match="no drums"):
        parse(beat, [hit(60, 0, channel=1)])


@pytest.mark.parametrize(
    "notes",
    [
        [(60, 0), (64, 0), (67, 0), (36, 480)],  # chords over a bass
        [(36, 0), (40, 480), (43, 960), (45, 1440)],  # a bass line
        [(43, 0), (47, 0), (50, 0)],  # a low chord
    ],
)
def test_other_parts_are_not_drums(notes):
    with pytest.raises(UnusableBeatError, match="no drums"):
        parse([hit(note, time, channel=0) for note, time in notes])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "empty file"),
        (b"these are words, not notes", "not a MIDI file"),
        (midi([hit(36, 0)])[:-6], "no notes"),
        (midi([meta("track_name", name="drums")]), "no notes"),
        (midi([meta("time_signature", numerator=3, denominator=4), hit(36, 0)]), "its metre is 3/4, not 4/4"),
        (midi([meta("time_signature", 960, numerator=7, denominator=8), hit(36, 0)]), "its metre is 7/8"),
        (midi([hit(56, 0), hit(54, 0), hit(56, 9)]), r"none of the nine instruments \(56 Cowbell, 54 Tambourine\)"),
        (midi([hit(36, 0), hit(36, 480 * 4 * MOST_BARS)]), "20,001 bars, more than 20,000"),
    ],
)
def test_unusable_files_are_explained(unwatched, tmp_path, data, message):
    path = tmp_path / "my beat.mid"
    path.write_bytes(data)
    with pytest.raises(UserError, match=message) as caught:
        read_beat(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@settings(max_examples=40)
@given(data=st.data())
def test_a_damaged_file_is_a_beat_or_an_error(data):
    whole = midi([meta("set_tempo", tempo=400_000), meta("time_signature")], [hit(36, 120 * n) for n in range(8)])
    damaged = bytearray(whole)
    for place in data.draw(st.lists(st.integers(0, len(whole) - 1), min_size=1, max_size=4)):
        damaged[place] = data.draw(st.integers(0, 255))
    try:
        beat = parse_beat(bytes(damaged), "test.mid")
    except UnusableBeatError as error:
        assert str(error)  # noqa: PT017 - either is right
        return
    assert beat.bars.hits.any()


def test_an_offset_in_milliseconds():
    one = np.zeros((2, STEPS, len(INSTRUMENTS)))
    one[:, 3, KICK] = 1
    bars = Bars.of(one, one, 0.25 * one, tempo=np.array([60, 120]))
    assert bars.offsets_ms == pytest.approx([62.5, 31.25])  # a quarter of 250 and of 125 ms


def test_a_picture_of_a_bar():
    velocities = np.zeros((STEPS, len(INSTRUMENTS)))
    velocities[[0, 6, 10], KICK] = 0.9, 0.5, 0.2
    lines = draw(velocities).splitlines()
    assert lines[0].split() == ["kick", "X...", "..x.", "..o.", "...."]
    assert [line.split()[0] for line in lines] == list(INSTRUMENTS)
    assert len(set(map(len, lines))) == 1
