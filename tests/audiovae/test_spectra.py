import librosa
import numpy as np
import pytest

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
    spectral_loss,
    spectral_loss_tf,
)

RATE = 22_050
MEASURES = (mse, cosine_similarity, si_sdr, spectral_convergence, spectral_loss, mel_distance)


def sine(frequency, amplitude=1.0, samples=RATE):
    return (amplitude * np.sin(2 * np.pi * frequency * np.arange(samples) / RATE)).astype(np.float32)


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


# --- spectra


@pytest.mark.parametrize("window", RESOLUTIONS)
def test_magnitudes_are_librosas(sounds, window):
    ours = magnitudes(sounds, window)
    theirs = np.abs(librosa.stft(sounds, n_fft=window, hop_length=window // 4)) * 4 / window
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, np.swapaxes(theirs, 1, 2), atol=1e-5)


@pytest.mark.parametrize("window", RESOLUTIONS)
@pytest.mark.parametrize("amplitude", [1.0, 0.01])
def test_a_sine_has_the_magnitude_of_its_amplitude(window, amplitude):
    place = window // 16
    spectrum = magnitudes(sine(place * RATE / window, amplitude), window)
    inner = spectrum[4:-4]
    np.testing.assert_allclose(inner.max(axis=1), amplitude, rtol=1e-3)
    assert (inner.argmax(axis=1) == place).all()


@pytest.mark.parametrize("bands", [128, 256])
def test_log_mel_is_on_a_fixed_scale(bands):
    mels = log_mel(np.stack([sine(1000), sine(1000, 0.1), sine(1000, 0), sine(9000)]), bands)
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
    assert (mel_distance(sounds, again, bands) < 2).all()
    np.testing.assert_array_equal(from_log_mel(mels[:1], RATE), again[:1])


# --- measures


def test_equal_sounds(sounds):
    values = [measure(sounds, sounds.copy()) for measure in MEASURES]
    assert [value.shape for value in values] == [(3,)] * len(MEASURES)
    for value, best in zip(values, (0, 1, np.inf, 0, 0, 0), strict=True):
        np.testing.assert_allclose(value, best, rtol=1e-12)


def test_silence_instead_of_a_sound(sounds):
    silence = np.zeros_like(sounds)
    np.testing.assert_allclose(mse(sounds, silence), np.mean(sounds.astype(float) ** 2, axis=1))
    assert cosine_similarity(sounds, silence).tolist() == [0] * 3
    assert si_sdr(sounds, silence).tolist() == [-np.inf] * 3
    np.testing.assert_allclose(spectral_convergence(sounds, silence), 1)
    assert (spectral_loss(sounds, silence) > 1).all()
    assert (mel_distance(sounds, silence) > 4).all()


def test_two_silences():
    silence = np.zeros((2, RATE), np.float32)
    assert cosine_similarity(silence, silence).tolist() == [1, 1]
    assert np.isnan(si_sdr(silence, silence)).all()
    for measure in (mse, spectral_convergence, spectral_loss, mel_distance):
        assert measure(silence, silence).tolist() == [0, 0]


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


@pytest.mark.parametrize("measure", MEASURES)
def test_each_pair_is_measured_by_itself(measure):
    reference = np.stack([chord(seed) for seed in range(40)])
    estimate = reference[::-1]
    values = measure(reference, estimate)
    for place in (0, 31, 32, 39):
        np.testing.assert_allclose(
            measure(reference[place : place + 1], estimate[place : place + 1])[0], values[place], rtol=1e-5
        )
    assert measure(reference[:0], estimate[:0]).shape == (0,)


# --- for training


def test_tensorflow_gives_the_same_loss(sounds, noise):
    estimate = (0.5 * sounds + 0.01 * noise).astype(np.float32)
    for pair in ((sounds, estimate), (estimate, sounds), (sounds, np.zeros_like(sounds)), (sounds, sounds)):
        np.testing.assert_allclose(spectral_loss_tf(*pair).numpy(), spectral_loss(*pair), rtol=1e-4, atol=1e-6)


def test_the_loss_has_gradients_everywhere(sounds):
    import tensorflow as tf

    for reference, start in ((sounds, np.zeros_like(sounds)), (sounds, sounds), (np.zeros_like(sounds), sounds)):
        estimate = tf.Variable(start)
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(spectral_loss_tf(tf.constant(reference), estimate))
        assert np.isfinite(tape.gradient(loss, estimate).numpy()).all()


def test_mel_distance_is_in_decibels():
    quiet = sine(1000, 0.1)[None]
    # ten times as loud is 20 dB more, where both are above the floor
    above = (log_mel(quiet)[0] > -1).mean()
    assert 20 * above <= mel_distance(quiet, 10 * quiet)[0] <= 20


def test_a_sound_instead_of_silence(sounds):
    silence = np.zeros_like(sounds)
    assert cosine_similarity(silence, sounds).tolist() == [0] * 3
    assert np.isnan(si_sdr(silence, sounds)).all()
    assert spectral_convergence(silence, sounds).tolist() == [np.inf] * 3
    assert spectral_loss(silence, sounds).tolist() == [np.inf] * 3
    assert (mel_distance(silence, sounds) > 4).all()
