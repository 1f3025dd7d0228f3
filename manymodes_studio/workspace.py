"""A temporary folder for each visitor's uploads and results, deleted when the visitor leaves."""

from __future__ import annotations

import hashlib
import itertools
import re
import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_KEPT = 8  # latest results a visitor keeps: players may still read the previous one


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
        return path

    def forget(self, session: str | None) -> None:
        """Remove all folders of a visitor."""
        shutil.rmtree(self._home(session), ignore_errors=True)

    def without_folders(self, text: str) -> str:
        """Return the text with paths below the root shortened to file names."""
        return re.sub(rf"{re.escape(str(self.root))}/(?:[^/\s]+/)*", "", text)

    def _home(self, session: str | None) -> Path:
        """Return the folder of a visitor; hashed, because the identifier comes from the browser."""
        return self.root / "made" / hashlib.sha256(str(session).encode()).hexdigest()[:32]
