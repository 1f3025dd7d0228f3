import functools

import pytest
from smallsounds import small_sounds

from audiovae.metrics import measures, spectra


@pytest.fixture(scope="module")
def rough_inversion():
    """Let Griffin-Lim be quick and bad, where it does not matter how good it is."""
    with pytest.MonkeyPatch.context() as patch:
        quick = functools.partial(spectra.from_log_mel, iterations=1)
        for place in ("audiovae.models.vae.from_log_mel", "audiovae.metrics.spectra.from_log_mel"):
            patch.setattr(place, quick)
        patch.setattr(spectra, "_UPDATES", 2)
        measures.inverted.cache_clear()
        yield
    measures.inverted.cache_clear()


@pytest.fixture(scope="module")
def little_measured():
    """Measure speeds once, on few chunks, and judge by few samples."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"_TIMED_CHUNKS": 2, "_TIMED_RUNS": 1, "SAMPLES": 2}.items():
            patch.setattr(f"audiovae.metrics.measures.{name}", value)
        yield


@pytest.fixture(scope="session")
def sounds():
    """Give a few chunks of two instruments that nobody could confuse."""
    return small_sounds()
