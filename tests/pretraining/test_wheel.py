"""What is installed from a wheel has the models, wherever it is."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import modelkit
from modelkit.pretrained import MODELS

ROOT = Path(modelkit.__file__).parents[1]
LOOKED_UP = """
from modelkit.pretrained import MODELS, pretrained
for name in MODELS:
    print(pretrained(name))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build a wheel from a copy of the sources, where all models are there: of those that are not, a stand-in."""
    folder = tmp_path_factory.mktemp("build")
    source = folder / "source"
    kept = ("setup.cfg", "pyproject.toml", "README.md", "LICENSE", "data/pretrained")
    packages = [path.parent.relative_to(ROOT).as_posix() for path in ROOT.glob("*/__init__.py")]
    for name in (*kept, *packages):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        copy(ROOT / name, source / name)
    for name in MODELS:
        for file in (source / "data/pretrained" / f"{name}{suffix}" for suffix in (".keras", ".md")):
            if not file.exists():
                file.write_text(file.name, encoding="utf-8")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-build-isolation", "--no-deps", "--no-index"]
    subprocess.run([*command, "--wheel-dir", str(folder), str(source)], check=True, capture_output=True)
    return next(folder.glob("*.whl"))


def test_a_wheel_has_every_model_and_its_card(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    expected = {f"manymodes_pretrained/{name}{suffix}" for name in MODELS for suffix in (".keras", ".md")}
    assert names >= {"manymodes_pretrained/__init__.py", *expected}
    assert not {name for name in names if name.startswith(("data/", "pretraining/"))}


def test_models_are_found_where_a_wheel_has_been_installed(wheel, tmp_path):
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target"]
    subprocess.run([*command, str(tmp_path / "elsewhere"), str(wheel)], check=True, capture_output=True)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "elsewhere")}
    command = [sys.executable, "-c", LOOKED_UP]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=True)
    installed = tmp_path / "elsewhere/manymodes_pretrained"
    assert done.stdout.splitlines() == [str(installed / f"{name}.keras") for name in MODELS]
