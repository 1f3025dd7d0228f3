import functools
import types

import pytest
from smallsounds import small_prior, small_sounds, small_vae, small_vqvae

from audiovae import synthesis
from audiovae.metrics import measures, spectra
from manymodes.files import save_keras


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
    """Measure speeds once, on few chunks, and few samples."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"_TIMED_CHUNKS": 2, "_TIMED_RUNS": 1, "SAMPLES": 2}.items():
            patch.setattr(f"audiovae.metrics.measures.{name}", value)
        yield


@pytest.fixture(scope="session")
def sounds():
    """Give a few chunks of two instruments that nobody could confuse."""
    return small_sounds()


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    """Give run folders: of a model with codes and its prior, of another one with codes, and of one with latents."""
    folder = tmp_path_factory.mktemp("runs")
    save_keras(small_vqvae(), folder / "codes/model.keras")
    save_keras(small_prior(small_vqvae()), folder / "codes/prior.keras")
    save_keras(small_vqvae(seed=5), folder / "other/model.keras")
    save_keras(small_vae(), folder / "latents/model.keras")
    return types.SimpleNamespace(**{name: folder / name for name in ("codes", "other", "latents")})


@pytest.fixture(scope="module")
def loaded_once():
    """Load each model once for all commands: what it plays must not depend on what it has played before."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("load", "prior_of"):
            patch.setattr(synthesis, name, functools.cache(getattr(synthesis, name)))
        yield
