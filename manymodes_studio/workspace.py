"""A temporary folder for each visitor's uploads and results, deleted when the visitor leaves."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import re
import shutil
import time
from pathlib import Path

_KEPT = 8  # latest results a visitor keeps: players may still read the previous one
LARGEST_BYTES = 1_000_000_000
"""All uploads and results together: beyond it the oldest go."""
_FRESH_SECONDS = 600  # files that a page may still show


class Workspace:
    """The visitors' folders inside an existing root folder that only this program uses."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._numbers = itertools.count(1)

    def new(self, session: str | None) -> Path:
        """Make an empty folder for a visitor, identified by any text, and remove all but the latest ones."""
        home = self._home(session)
        path = home / f"{next(self._numbers):06d}"
        path.mkdir(parents=True)
        for old in sorted(home.iterdir())[:-_KEPT]:
            shutil.rmtree(old, ignore_errors=True)
        self.sweep()
        return path

    def sweep(self, most: int = LARGEST_BYTES) -> bool:
        """Delete the oldest files, none that are fresh, until the others have ``most`` bytes or less.

        Returns:
            whether they have.
        """
        files = []
        for folder, _, names in os.walk(self.root):  # unlike Path.rglob, it goes on when visitors leave meanwhile
            for path in (Path(folder, name) for name in names):
                with contextlib.suppress(FileNotFoundError):
                    state = path.stat()
                    files.append((state.st_mtime, state.st_size, path))
        total, fresh = sum(size for _, size, _ in files), time.time() - _FRESH_SECONDS
        for changed, size, path in sorted(files):
            if total <= most or changed > fresh:
                break
            path.unlink(missing_ok=True)
            total -= size
        return total <= most

    def forget(self, session: str | None) -> None:
        """Remove all folders of a visitor."""
        shutil.rmtree(self._home(session), ignore_errors=True)

    def without_folders(self, text: str) -> str:
        """Return the text with paths below the root shortened to file names."""
        return re.sub(rf"{re.escape(str(self.root))}/(?:[^/\s]+/)*", "", text)

    def _home(self, session: str | None) -> Path:
        """Return the folder of a visitor; hashed, because the identifier comes from the browser."""
        return self.root / "made" / hashlib.sha256(str(session).encode()).hexdigest()[:32]
