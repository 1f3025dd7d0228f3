"""Every tutorial, followed to the letter in an empty folder; `make pictures` keeps what its pages show."""

import os
import shutil

import pytest
from docpages import follow
from test_architecture import ROOT
from test_wheel import SHIPPED

PAGES = [ROOT / "docs" / "collapse.md", *sorted((ROOT / "docs" / "tutorials").glob("*.md"))]
KEEP = "MANYMODES_KEEP_PICTURES"


@pytest.fixture
def empty_folder(tmp_path, monkeypatch):
    path = tmp_path / "reader"
    path.mkdir()
    monkeypatch.chdir(path)
    monkeypatch.setenv("MPLBACKEND", "agg")
    return path


@pytest.mark.skipif(not SHIPPED, reason="no model is in data/pretrained")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_a_page_says_happens(page, empty_folder):
    pictures = follow(page)
    assert pictures, "a tutorial shows what its commands make"
    assert {picture.shown.suffix for picture in pictures} == {".png"}
    if KEEP in os.environ:
        for picture in pictures:
            shutil.copyfile(picture.made, picture.shown)
    else:
        assert [picture.shown for picture in pictures if not picture.shown.is_file()] == []
