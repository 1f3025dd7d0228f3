import numpy as np
import pytest
from smallsounds import small_sounds

from audiovae.metrics import recognition
from audiovae.metrics.recognition import as_by_codec, train_recogniser
from manymodes.files import CACHE_VARIABLE

recogniser_of = recognition.recogniser_of.__wrapped__  # without what this process remembers


@pytest.fixture(scope="module")
def made(sounds, tmp_path_factory):
    """Train a recogniser of the small sounds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CACHE_VARIABLE, str(tmp_path_factory.mktemp("recogniser")))
        patch.setattr(recognition, "_FEWEST_UPDATES", 60)
        return recogniser_of(sounds)


def test_it_tells_instruments_apart(made):
    others = small_sounds(seed=5).test
    # however loud they are, and after a codec
    for chunks in (others.chunks, 0.01 * others.chunks, as_by_codec(others.chunks, seed=[8])):
        np.testing.assert_array_equal(made.recognise(chunks), others.instruments)
    assert made.hit(others.chunks, np.zeros(len(others.chunks))) == 0.5


@pytest.mark.filterwarnings("ignore:Even though the:UserWarning")
def test_the_same_sounds_give_the_same_recogniser(eager, sounds, monkeypatch):
    for name in ("_FEWEST_UPDATES", "_EPOCHS", "_COPIES"):
        monkeypatch.setattr(recognition, name, 1)
    weights = [train_recogniser(sounds).get_weights() for _ in range(2)]
    assert all(map(np.array_equal, *weights))


def test_noise_is_where_the_sound_is():
    time = np.arange(22050) / 22050
    tone = (0.5 * np.sin(2 * np.pi * 2000 * time) * (time < 0.5)).astype(np.float32)
    made = as_by_codec(np.repeat(tone[None], 20, axis=0), seed=[0])
    window = np.hanning(22050 // 2)  # while the tone sounds
    power, before = (np.abs(np.fft.rfft(each[:, : len(window)] * window, axis=1)) ** 2 for each in (made, tone[None]))
    frequencies = np.fft.rfftfreq(len(window), 1 / 22050)
    near, far = (np.abs(frequencies - 2000) < 100), (frequencies > 4000)
    # its energy stays near the tone, within 6 dB of what it was; elsewhere, and after it, there is but the hiss
    changed = 10 * np.log10(power[:, near].sum(axis=1) / before.sum())
    assert (np.abs(changed) < 6 + 10 * np.log10(2)).all()
    assert np.ptp(changed) > 3
    hiss = np.sqrt(np.mean(made[:, time > 0.6] ** 2, axis=1))
    assert (20 * np.log10(hiss) > -71).all()
    assert (20 * np.log10(hiss) < -29).all()
    spread = np.sqrt(power[:, far].mean(axis=1) / np.sum(window**2))
    np.testing.assert_allclose(spread, hiss, rtol=0.2)
