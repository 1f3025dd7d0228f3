"""Every tutorial runs in an empty folder; `make pictures` keeps the pictures that it makes."""

import os
import shutil

import pytest
from docpages import follow
from test_architecture import ROOT
from test_wheel import SHIPPED

pytestmark = pytest.mark.slow

PAGES = [ROOT / "docs" / "collapse.md", *sorted((ROOT / "docs" / "tutorials").glob("*.md"))]
WITHOUT_MODELS = {"collapse", "evaluation"}
KEEP = "MANYMODES_KEEP_PICTURES"


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_tutorial_runs(page):
    if not SHIPPED and page.stem not in WITHOUT_MODELS:
        pytest.skip("data/pretrained has no models")
    pictures = follow(page)
    assert pictures, "a tutorial shows pictures"
    for shown, made in pictures:
        assert shown.suffix == ".png"
        if KEEP in os.environ:
            shutil.copyfile(made, shown)
        assert shown.is_file()
