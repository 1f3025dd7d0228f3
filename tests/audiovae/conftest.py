import functools

import pytest
from smallsounds import small_sounds

from audiovae import spectra


@pytest.fixture
def rough_inversion(monkeypatch):
    """Let Griffin-Lim be quick and bad, where it does not matter how good it is."""
    monkeypatch.setattr("audiovae.model.from_log_mel", functools.partial(spectra.from_log_mel, iterations=1))
    monkeypatch.setattr(spectra, "_UPDATES", 2)


@pytest.fixture(scope="session")
def sounds():
    """Give a few chunks of two instruments that nobody could confuse."""
    return small_sounds()
