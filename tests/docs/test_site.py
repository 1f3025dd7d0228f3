"""The site builds without a warning, has a page for every module, and fetches nothing from the internet."""

import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from browser import BROWSER
from playwright.sync_api import sync_playwright
from test_architecture import ROOT, modules
from test_wheel import folders

pytestmark = pytest.mark.slow

# Elements that make a browser fetch a file, and the attribute that names it.
FETCHED = {**dict.fromkeys(("audio", "iframe", "img", "script", "source", "video"), "src"), "link": "href"}
# Relations of link elements that fetch nothing.
NAMES = {"canonical", "prev", "next", "alternate"}
_IN_STYLES = re.compile(r"url\(\s*[\"']?([^)\"']+)|@import\s+[\"']([^\"']+)")


class Page(HTMLParser):
    """The addresses that a page makes a browser fetch."""

    def __init__(self, text):
        super().__init__()
        self.fetched = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        place = attributes.get(FETCHED.get(tag, ""))
        if place and attributes.get("rel") not in NAMES:
            self.fetched.append(place)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Build the site as `make docs` does, in a folder of its own; a broken link is an error."""
    folder = tmp_path_factory.mktemp("docs")
    shutil.copytree(ROOT / "docs", folder / "build" / "docs")
    shutil.copy(ROOT / "mkdocs.yml", folder)
    for name in {name.split(".")[0] for name in folders()} - {"manymodes_pretrained"}:
        (folder / name).symlink_to(ROOT / name)
    command = [sys.executable, "-m", "zensical", "build", "--strict"]
    done = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "site"


def test_every_public_module_has_its_page(site):
    installed = [name.split(".") for name in modules() if name.split(".")[0] in folders()]
    places = [(site / "api").joinpath(*parts) for parts in installed if not parts[-1].startswith("_")]
    there = {*site.rglob("*.html")}
    assert [place for place in places if there.isdisjoint({Path(f"{place}.html"), place / "index.html"})] == []


def test_nothing_is_fetched_from_the_internet(site):
    pages = [file for file in site.rglob("*.html") if not file.is_relative_to(site / "results")]
    fetched = {place for file in pages for place in Page(file.read_text(encoding="utf-8")).fetched}
    for style in site.rglob("*.css"):
        result = _IN_STYLES.findall(style.read_text(encoding="utf-8"))
        fetched.update(place for pair in result for place in pair if place)
    assert fetched
    assert [place for place in fetched if urlsplit(place).scheme not in {"", "data"} or place.startswith("//")] == []


@pytest.mark.skipif(BROWSER is None, reason="needs chromium")
def test_pages_from_a_disk_can_be_searched(site):
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=BROWSER, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.goto((site / "index.html").as_uri())
        page.keyboard.press("Control+k")
        page.keyboard.type("perplexity", delay=100)
        page.get_by_text(re.compile(r"^[1-9]\d* results?$")).wait_for()
        browser.close()
