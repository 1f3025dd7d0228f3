import pytest
from browser import BROWSER
from studiomodels import save_all

from manymodes_studio.models import load_models


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory):
    """Give a folder of small models as ``--models`` takes it."""
    return save_all(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="session")
def models(model_folder):
    return load_models(model_folder)


@pytest.fixture(scope="module")  # while one runs, no other test can start its own
def browser():
    with pytest.importorskip("playwright.sync_api").sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield started
        started.close()
