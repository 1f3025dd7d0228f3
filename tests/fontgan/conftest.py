import pytest

from fontgan.data.fonts import load_fonts
from fontgan.data.sheets import bundled_fonts


@pytest.fixture(scope="session")
def letters():
    """Draw a few images of each letter of every bundled face."""
    return load_fonts(train=60, validation=10, progress=False)


@pytest.fixture
def add(folder):
    """Copy a font of matplotlib's into the folder; return its path there."""

    def copy(name, to=None):
        path = folder / (to or name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes((bundled_fonts() / name).read_bytes())
        return path

    return copy


@pytest.fixture
def load(folder):
    """Load the folder, a few images a letter."""

    def load_folder(source=folder, **options):
        return load_fonts(source, progress=False, **{"train": 2, "validation": 1, **options})

    return load_folder
