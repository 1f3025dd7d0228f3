"""The site: it can be built without a warning, every module has its page, and nothing is fetched from elsewhere."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from browser import BROWSER
from test_architecture import ROOT, modules
from test_wheel import folders

# What a browser fetches by itself, and where each element says from where.
FETCHED = {**dict.fromkeys(("audio", "iframe", "img", "script", "source", "video"), "src"), "link": "href"}
# A link element that only names something: nothing is fetched for it.
NAMES = {"canonical", "prev", "next", "alternate"}
_IN_STYLES = re.compile(r"url\(\s*[\"']?([^)\"']+)|@import\s+[\"']([^\"']+)")


class Page(HTMLParser):
    """What a page has a browser fetch."""

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
    """Build the site as `make docs` does: a link that leads nowhere is an error."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def pages(site):
    ours = [file for file in site.rglob("*.html") if not file.is_relative_to(site / "results")]
    return {file: Page(file.read_text(encoding="utf-8")) for file in ours}


def test_every_public_module_has_its_page(site):
    installed = {name for name in modules(ROOT) if name.split(".")[0] in folders()}
    public = {name for name in installed if not name.rsplit(".", 1)[-1].startswith("_")}
    places = {name: (site / "api").joinpath(*name.split(".")) for name in public}
    there = {*site.rglob("*.html")}
    assert [
        name for name, place in places.items() if there.isdisjoint({Path(f"{place}.html"), place / "index.html"})
    ] == []


def test_nothing_comes_from_elsewhere(site, pages):
    fetched = {place for page in pages.values() for place in page.fetched}
    for style in site.rglob("*.css"):
        found = _IN_STYLES.findall(style.read_text(encoding="utf-8"))
        fetched.update(place for pair in found for place in pair if place)
    assert fetched
    assert [place for place in fetched if urlsplit(place).scheme not in {"", "data"} or place.startswith("//")] == []


@pytest.mark.skipif(BROWSER is None, reason="needs chromium")
def test_pages_from_a_disk_can_be_searched(site):
    page = f"{(site / 'index.html').as_uri()}?q=perplexity"
    options = ("--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=20000", "--dump-dom")
    shown = subprocess.run([BROWSER, *options, page], check=True, capture_output=True, text=True).stdout
    assert re.search(r"[1-9]\d* matching documents", shown)
