"""The browser that tests look at pages with, None where there is none."""

import shutil

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

PATIENCE_MS = 90_000  # of pages, on a machine that does other work besides
