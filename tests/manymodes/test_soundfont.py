import itertools
import tracemalloc

import numpy as np
import pytest

from manymodes.cli import UserError
from manymodes.music import soundfont
from manymodes.music.soundfont import PlayedNote, render, soundfont_file

RATE = 22_050
MELODIC = {"piano": 0, "vibraphone": 11, "organ": 19, "guitar": 24, "violin": 40, "trumpet": 56, "flute": 73}
CLOSED_HAT, OPEN_HAT, CRASH = 42, 46, 49


def partial_near(sound, frequency):
    """Return the frequency of the strongest partial within a quarter tone, and its share of the strongest of all."""
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), 1 << 18))
    frequencies = np.fft.rfftfreq(1 << 18, 1 / RATE)
    near = np.abs(1200 * np.log2(np.maximum(frequencies, 1) / frequency)) < 50
    place = np.flatnonzero(near)[spectrum[near].argmax()]
    return frequencies[place], spectrum[place] / spectrum.max()


def level_db(sound):
    return 20 * np.log10(np.sqrt(np.mean(np.square(sound, dtype=np.float64))) + 1e-12)


@pytest.mark.parametrize("program", MELODIC.values(), ids=MELODIC)
def test_other_keys_are_in_tune(program):
    for key in (50, 69, 84):
        hertz = 440 * 2 ** ((key - 69) / 12)
        frequency, share = partial_near(render([PlayedNote(0, 1, key, program=program)], RATE, 1.0), hertz)
        assert abs(1200 * np.log2(frequency / hertz)) < 15, key
        assert share > 0.03, key


def test_notes_begin_and_end_where_they_should():
    sound = render([PlayedNote(0.5, 0.5, 69, program=73)], RATE)
    assert not sound[: RATE // 2].any()
    assert level_db(sound[int(0.55 * RATE) : RATE]) > -30
    assert len(sound) > RATE
    assert level_db(sound[-RATE // 100 :]) < -80


def test_sounds_add_up():
    notes = [PlayedNote(0, 0.4, 60), PlayedNote(0.2, 0.4, 64, 60, 40), PlayedNote(0.3, 0.1, 38, 100, 0, drums=True)]
    together = render(notes, RATE, 1.0)
    np.testing.assert_allclose(together, sum(render([note], RATE, 1.0) for note in notes), atol=1e-6)
    for order in itertools.permutations(notes):
        np.testing.assert_allclose(render(order, RATE, 1.0), together, atol=1e-6)
    np.testing.assert_allclose(render(notes, RATE)[:RATE], together[: len(render(notes, RATE))], atol=1e-6)


def test_memory_does_not_grow_with_the_number_of_notes():
    notes = [PlayedNote(0.1 * number, 0.1, CRASH, 100, 0, True) for number in range(100)]
    render(notes[:1], RATE)  # reads the soundfont
    tracemalloc.start()
    sound = render(notes, RATE)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 8 * sound.nbytes


def test_amplitude_goes_with_the_square_of_velocity():
    loud, soft = (render([PlayedNote(0, 0.3, 60, velocity)], RATE, 0.3) for velocity in (120, 60))
    np.testing.assert_allclose(loud, 4 * soft, atol=1e-6)


def test_a_low_pass_filter_passes_what_is_low():
    rng = np.random.default_rng(0)
    noise = rng.normal(size=RATE)
    cents_of_1_khz = 1200 * np.log2(1000 / 8.176)
    filtered = soundfont._low_pass(noise, np.full(RATE, cents_of_1_khz), 0.0, RATE)
    gain = np.abs(np.fft.rfft(filtered)) / np.abs(np.fft.rfft(noise))
    assert np.median(gain[50:200]) == pytest.approx(1, abs=0.02)
    assert np.median(gain[980:1020]) == pytest.approx(1 / np.sqrt(2), abs=0.03)
    assert np.median(gain[3900:4100]) < 1 / 16


@pytest.mark.parametrize("kit", [0, 25, 40])
def test_drums_sound_and_die_away(kit):
    for key in (36, 38, 42, 49):
        sound = render([PlayedNote(0, 0.1, key, 110, kit, drums=True)], RATE, 3.0)
        assert level_db(sound[: RATE // 20]) > -50, key
        assert level_db(sound[: RATE // 20]) > level_db(sound[2 * RATE :]) + 20, key


def test_a_closed_hat_ends_an_open_one():
    opened = PlayedNote(0, 0.1, OPEN_HAT, drums=True)
    closed = PlayedNote(0.2, 0.1, CLOSED_HAT, drums=True)
    ringing, choked = render([opened], RATE, 1.0), render([opened, closed], RATE, 1.0)
    alone = render([closed], RATE, 1.0)
    np.testing.assert_array_equal(choked[: RATE // 5], ringing[: RATE // 5])
    after = slice(RATE // 4, RATE)
    assert level_db((choked - alone)[after]) < -90
    assert level_db(ringing[after]) > -60
    crash = PlayedNote(0.2, 0.1, CRASH, drums=True)
    np.testing.assert_allclose(render([opened, crash], RATE, 1.0), ringing + render([crash], RATE, 1.0), atol=1e-6)


def test_a_pretty_midi_without_a_soundfont(monkeypatch, tmp_path):
    class Package:
        origin = str(tmp_path / "__init__.py")

    monkeypatch.setattr("importlib.util.find_spec", lambda _: Package)
    with pytest.raises(UserError, match=r"has no TimGM6mb.sf2.* install"):
        soundfont_file()
