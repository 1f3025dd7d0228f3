import pytest
from smallsounds import small_sounds


@pytest.fixture(scope="session")
def sounds():
    """Give a few chunks of two instruments that nobody could confuse."""
    return small_sounds()
