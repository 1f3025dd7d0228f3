"""Every tutorial runs in an empty folder; `make pictures` keeps the pictures that it makes."""

import os
import re
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


@pytest.mark.parametrize(
    ("block", "mistake"),
    [
        ("```python\nprint(2 + 2)\n```\n```text\n5\n```", None),  # numbers may differ
        ("```python\nprint('four')\n```\n```text\nfive\n```", "not printed: five"),
        ("```python\nassert False, 'no'\n```", "no"),
        ("```shell\npython -m fontgan.fonts --fonts nowhere\n```", "fontgan.fonts --fonts nowhere ended with 2"),
        ("```shell\nrm -r tunes\n```", "tutorials may only use python -m"),
        ('![A tune](tune.png "tunes/001.png")', "no command makes the picture tunes/001.png"),
        ("<!-- skip: next -->\n\n```python\nassert False\n```", None),
    ],
)
def test_mistakes_on_a_page_are_found(block, mistake, tmp_path):
    page = tmp_path / "page.md"
    page.write_text(block + "\n", encoding="utf-8")
    if mistake is None:
        assert follow(page) == []
    else:
        with pytest.raises(AssertionError, match=re.escape(mistake)):
            follow(page)
