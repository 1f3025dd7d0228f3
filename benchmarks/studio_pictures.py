"""Pictures of every tab of a running studio, before and after use, light and dark, on a desk and on a phone.

Run it with the studio's address: ``python -m benchmarks.studio_pictures http://127.0.0.1:7860 docs/images/studio``.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

SIZES = {"desk": (1366, 900), "phone": (390, 844)}
USES = {"Song": "New tune", "Melody": "Compose", "Drums": "New beat", "Sound": "Sample"}
_TABS = ("Song", "Melody", "Drums", "Letters", "Sound", "Judge", "Learn")
_DRAWN_MS, _WORK_MS = 1500, 120_000
_COLOURS, _SHARE = 64, 0.5


def main(address: str, folder: Path) -> None:
    """Take the pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        for theme in ("light", "dark"):
            for size, (width, height) in SIZES.items():
                page = browser.new_page(viewport={"width": width, "height": height})
                page.set_default_timeout(_WORK_MS)
                page.goto(f"{address}/?__theme={theme}")
                for tab in _TABS:
                    page.get_by_role("tab", name=tab, exact=True).click()
                    _save(page, folder / f"{tab.lower()}-{size}-{theme}-before.png")
                    _use(page, tab)
                    _save(page, folder / f"{tab.lower()}-{size}-{theme}-after.png")
                page.close()


def _use(page: Page, tab: str) -> None:
    if tab in USES:
        page.get_by_role("button", name=USES[tab], exact=True).click()
    elif tab == "Letters":
        page.locator("[data-style='7']:visible").click()
        page.locator(".studio-letters[style*='Manymodes 7']").wait_for()
    elif tab == "Learn":
        page.locator("[data-lesson=modes] [name=speed]").fill("0")
        page.locator("[data-lesson=modes][data-done]").wait_for()
    else:
        page.get_by_role("button", name="Keep", exact=True).nth(2).click()  # a melody
        page.locator("span.kept").first.wait_for()
        page.get_by_role("button", name="Judge my kept takes").click()
        page.locator(".studio-verdict, .studio-problem").locator("visible=true").first.wait_for()
    button = page.locator(".studio-downloads button:visible").last
    if tab in USES:
        page.wait_for_function("(button) => !button.disabled", arg=button.element_handle())


def _save(page: Page, path: Path) -> None:
    page.wait_for_timeout(_DRAWN_MS)
    page.wait_for_function("() => [...document.images].every((image) => image.complete)")
    picture = Image.open(io.BytesIO(page.screenshot()))
    small = picture.resize((round(picture.width * _SHARE), round(picture.height * _SHARE)), Image.Resampling.LANCZOS)
    small.quantize(_COLOURS).save(path, optimize=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
