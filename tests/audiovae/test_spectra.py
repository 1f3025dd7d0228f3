import librosa
import numpy as np
import pytest
import tensorflow as tf
from smallsounds import tone

from audiovae.metrics.spectra import (
    FLOOR_DB,
    RESOLUTIONS,
    cosine_similarity,
    from_log_mel,
    log_mel,
    magnitudes,
    mel_distance,
    mse,
    si_sdr,
    spectral_convergence,
    spectral_loss_tf,
)

RATE = 22_050
MEASURES = (mse, cosine_similarity, si_sdr, spectral_convergence, mel_distance)


def chord(seed=0):
    """Return a second of tones that die away."""
    rng = np.random.default_rng(seed)
    time = np.arange(RATE) / RATE
    tones = [
        np.sin(2 * np.pi * pitch * np.maximum(time - onset, 0)) * np.exp(-4 * np.maximum(time - onset, 0))
        for pitch, onset in zip(rng.uniform(150, 2000, 6), rng.uniform(0, 0.8, 6), strict=True)
    ]
    return (0.15 * sum(tones)).astype(np.float32)


@pytest.fixture(scope="module")
def sounds():
    return np.stack([chord(seed) for seed in range(3)])


@pytest.fixture(scope="module")
def noise():
    return np.random.default_rng(0).normal(size=(3, RATE))


@pytest.mark.parametrize("window", RESOLUTIONS)
def test_magnitudes_are_librosas(sounds, window):
    ours = magnitudes(sounds, window)
    theirs = np.abs(librosa.stft(sounds, n_fft=window, hop_length=window // 4)) * 4 / window
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, np.swapaxes(theirs, 1, 2), atol=1e-5)


@pytest.mark.parametrize("bands", [128, 256])
def test_log_mel_is_on_a_fixed_scale(bands):
    mels = log_mel(np.stack([tone(1000, 1, 1), tone(1000, 1, 0.1), tone(1000, 1, 0), tone(9000, 1, 1)]), bands)
    assert mels.dtype == np.float32
    assert mels.shape == (4, 88, bands)
    assert (mels[2] == -1).all()
    assert mels.max() <= 1
    peaks = mels[:, 40].max(axis=1)
    assert peaks[0] > 0.75
    assert peaks[0] - peaks[1] == pytest.approx(2 * 20 / -FLOOR_DB, abs=1e-3)
    assert mels[0, 40].argmax() < mels[3, 40].argmax()


@pytest.mark.parametrize(("bands", "ceiling"), [(128, 0.4), (256, 0.2)])
def test_mel_spectrograms_go_back_to_sound(sounds, bands, ceiling):
    mels = log_mel(sounds, bands)
    again = from_log_mel(mels, RATE)
    assert again.dtype == np.float32
    assert again.shape == sounds.shape
    assert (spectral_convergence(sounds, again) < ceiling).all()
    assert (mel_distance(sounds, again) < 2).all()
    np.testing.assert_array_equal(from_log_mel(mels[:1], RATE), again[:1])


def test_equal_sounds(sounds):
    values = [measure(sounds, sounds.copy()) for measure in MEASURES]
    assert [value.shape for value in values] == [(3,)] * len(MEASURES)
    for value, best in zip(values, (0, 1, np.inf, 0, 0), strict=True):
        np.testing.assert_allclose(value, best, rtol=1e-12)


def test_silence(sounds):
    silence = np.zeros_like(sounds)
    power = np.mean(sounds.astype(float) ** 2, axis=1)
    nan, infinity = np.nan, np.inf
    for pair, expected in (
        ((sounds, silence), (power, 0, -infinity, 1)),
        ((silence, sounds), (power, 0, nan, infinity)),
        ((silence, silence), (0, 1, nan, 0)),
    ):
        for measure, value in zip((mse, cosine_similarity, si_sdr, spectral_convergence), expected, strict=True):
            np.testing.assert_allclose(measure(*pair), np.broadcast_to(value, 3), rtol=1e-6)
    assert (mel_distance(sounds, silence) > 4).all()
    assert (mel_distance(silence, sounds) > 4).all()
    assert (mel_distance(silence, silence) == 0).all()


@pytest.mark.parametrize("scale", [0.25, 3.0])
def test_a_scaled_copy(sounds, scale):
    scaled = (scale * sounds).astype(np.float32)
    np.testing.assert_allclose(
        mse(sounds, scaled), (1 - scale) ** 2 * np.mean(sounds.astype(float) ** 2, axis=1), rtol=1e-4
    )
    np.testing.assert_allclose(cosine_similarity(sounds, scaled), 1)
    np.testing.assert_allclose(cosine_similarity(sounds, -scaled), -1)
    assert (si_sdr(sounds, scaled) > 100).all()
    np.testing.assert_allclose(spectral_convergence(sounds, scaled), abs(1 - scale), rtol=1e-4)


@pytest.mark.parametrize("decibels", [20, 0, -10])
def test_noise_of_a_known_ratio(sounds, noise, decibels):
    # the part of the noise that is not the sound, of exactly so much power
    clean = sounds.astype(float)
    across = noise - (noise * clean).sum(axis=1, keepdims=True) / (clean**2).sum(axis=1, keepdims=True) * clean
    across *= np.linalg.norm(clean, axis=1, keepdims=True) / np.linalg.norm(across, axis=1, keepdims=True)
    noisy = clean + across * 10 ** (-decibels / 20)
    np.testing.assert_allclose(si_sdr(clean, noisy), decibels, atol=1e-6)
    np.testing.assert_allclose(si_sdr(clean, 0.1 * noisy), decibels, atol=1e-6)
    np.testing.assert_allclose(cosine_similarity(clean, noisy), (1 + 10 ** (-decibels / 10)) ** -0.5)


def test_the_loss_is_the_convergence_and_the_distance_of_logarithms(sounds, noise):
    estimate = (0.5 * sounds + 0.01 * noise).astype(np.float32)
    for x, y in ((sounds, estimate), (estimate, sounds), (sounds, np.zeros_like(sounds)), (sounds, sounds)):
        spectra = [[np.log(magnitudes(part, window) + 1e-4) for part in (x, y)] for window in RESOLUTIONS]
        logs = np.mean([np.abs(one - other).mean(axis=(1, 2)) for one, other in spectra], axis=0)
        np.testing.assert_allclose(spectral_loss_tf(x, y), spectral_convergence(x, y) + logs, rtol=1e-4, atol=1e-6)


def test_the_loss_has_gradients_everywhere(sounds):
    for reference, start in ((sounds, np.zeros_like(sounds)), (sounds, sounds), (np.zeros_like(sounds), sounds)):
        estimate = tf.Variable(start)
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(spectral_loss_tf(tf.constant(reference), estimate))
        assert np.isfinite(tape.gradient(loss, estimate).numpy()).all()


def test_the_gradient_is_the_slope_of_the_loss(sounds, noise):
    estimate, direction = tf.constant(0.5 * sounds + 0.1 * noise), tf.constant(noise / np.abs(noise).max())
    with tf.GradientTape() as tape:
        tape.watch(estimate)
        loss = tf.reduce_sum(spectral_loss_tf(sounds, estimate))
    slope = tf.reduce_sum(tape.gradient(loss, estimate) * direction)
    step = 1e-3
    above, below = (tf.reduce_sum(spectral_loss_tf(sounds, estimate + sign * step * direction)) for sign in (1, -1))
    np.testing.assert_allclose(slope, (above - below) / (2 * step), rtol=0.02)


def test_mel_distance_is_in_decibels():
    quiet = tone(1000, 1, 0.1)[None]
    # ten times as loud is 20 dB more, where both are above the floor
    above = (log_mel(quiet)[0] > -1).mean()
    assert 20 * above <= mel_distance(quiet, 10 * quiet)[0] <= 20
