"""A wheel of the project, installed where this checkout is out of sight, has all that its commands need."""

import configparser
import os
import venv
import zipfile
from concurrent.futures import ThreadPoolExecutor

import pytest
from freshvenv import PIP, clean_environment, run, see_dependencies, tracked
from test_architecture import ROOT

pytestmark = pytest.mark.slow

NOT_INSTALLED = {"evaluation/README.md"}
"""Files of a package for readers."""

FILES = "import importlib, sys; print(*(importlib.import_module(name).__file__ for name in sys.argv[1:]), sep='\\n')"

# Small, but with the files of its package that are no modules: rules, templates, models.
ALONE = ("drumvae.grooves --per-style 2", "fontgan.fonts --train 1 --validation 1 --out letters")
WITH_MODELS = (
    "melodygan.generate --count 2 --bars 4 --out tunes",
    "melodygan.ringtone --seed 1 --out rings",
    "drumvae.generate --style rock --count 1 --bars 1 --format midi,png --out beats",
    "fontgan.generate --text AB --out ab.png",
    "audiovae.generate --count 1 --out sounds",
)
THEN = "evaluation.report tunes tunes --jobs 1 --out report"
SHIPPED = sorted((ROOT / "data" / "pretrained").glob("*.keras"))


def folders():
    """Return the folder of each installed package, by its name."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    options = config["options"]
    elsewhere = dict(line.split(" = ") for line in options["package_dir"].strip().splitlines())
    return {name: elsewhere.get(name, name.replace(".", "/")) for name in options["packages"].split()}


@pytest.fixture(scope="session")
def wheel(tmp_path_factory):
    """Build a wheel of the checkout, from a copy: a build leaves files where it works."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for file in tracked(ROOT, *folders().values(), "setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        (source / file).parent.mkdir(parents=True, exist_ok=True)
        (source / file).write_bytes((ROOT / file).read_bytes())
    run(*PIP, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", out, source)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def installed(wheel, tmp_path_factory):
    """Install the wheel into a new environment; return its folder."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder)
    install = (*PIP, "--python", folder / "bin" / "python", "install", "--no-deps", "--no-index")
    run(*install, wheel, env=clean_environment())
    see_dependencies(folder)
    return folder


@pytest.fixture
def python(installed, tmp_path):
    """Give a function that runs Python of the new environment in an empty folder, with a cache of its own."""
    folder = tmp_path / "outside"
    folder.mkdir()
    options = {"cwd": folder, "env": clean_environment(MANYMODES_CACHE=str(tmp_path / "cache"))}
    return lambda *arguments: run(installed / "bin" / "python", *arguments, **options)


def test_every_file_of_a_package_is_in_the_wheel(wheel):
    expected = {
        f"{name.replace('.', '/')}/{file.relative_to(folder).as_posix()}"
        for name, folder in folders().items()
        for file in tracked(ROOT, folder)
    }
    inside = set(zipfile.ZipFile(wheel).namelist())
    assert expected - inside == NOT_INSTALLED
    assert not [name for name in inside - expected if ".dist-info/" not in name]


def test_the_installed_modules_are_imported(installed, python):
    files = python("-c", FILES, *folders()).splitlines()
    assert len(files) == len(folders())
    assert [file for file in files if not file.startswith(str(installed) + os.sep)] == []


@pytest.mark.parametrize("command", ALONE)
def test_a_command_works_outside_the_checkout(command, python):
    assert python("-m", *command.split())


@pytest.mark.skipif(not SHIPPED, reason="no model is in data/pretrained")
def test_commands_work_with_the_pretrained_models(python):
    with ThreadPoolExecutor() as pool:
        outputs = list(pool.map(lambda command: python("-m", *command.split()), WITH_MODELS))
    assert all("wrote" in output for output in [*outputs, python("-m", *THEN.split())])
