"""A wheel of the project, installed where this checkout is out of sight, has all that its commands need."""

import configparser
import os
import subprocess
import venv
import zipfile

import pytest
from freshvenv import PIP, clean_environment, run, see_dependencies, tracked
from test_architecture import ROOT, commands

pytestmark = pytest.mark.slow

FOR_READERS = {"evaluation/README.md"}
"""What lies in a package and need not be installed."""

HELP = """
import contextlib, io, runpy, sys
for verb in sys.argv[1:]:
    said = io.StringIO()
    sys.argv = [verb, "--help"]
    with contextlib.redirect_stdout(said):
        try:
            runpy.run_module(verb, run_name="__main__", alter_sys=True)
        except SystemExit as ended:
            assert not ended.code, verb
    assert f"python -m {verb}" in said.getvalue(), verb
"""
FILES = "import importlib, sys; print(*(importlib.import_module(name).__file__ for name in sys.argv[1:]), sep='\\n')"

# Small, but with the files of its package that are no modules: rules, templates, models.
ALONE = {
    "drumvae": "drumvae.grooves --per-style 2",
    "fontgan": "fontgan.fonts --train 1 --validation 1 --out letters",
}
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
    """Return the folder of each package that is installed, by its name."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    named = config["options"]["packages"].split()
    elsewhere = dict(
        (part.strip() for part in line.split("=", 1))
        for line in config["options"].get("package_dir", "").splitlines()
        if line.strip()
    )
    return {name: elsewhere.get(name, name.replace(".", "/")) for name in named}


@pytest.fixture(scope="session")
def wheel(tmp_path_factory):
    """Build a wheel of what is in the checkout, from a copy: a build leaves files where it works."""
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
def outside(installed, tmp_path):
    """Give a function that starts Python of the new environment in an empty folder, with a cache of its own."""
    folder = tmp_path / "outside"
    folder.mkdir()
    environment = clean_environment(MANYMODES_CACHE=str(tmp_path / "cache"))
    started = []

    def start(*arguments):
        command = [installed / "bin" / "python", *arguments]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        started.append(subprocess.Popen(command, cwd=folder, env=environment, **pipes))
        return started[-1]

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
            process.communicate()


def finished(process):
    text, _ = process.communicate()
    assert process.returncode == 0, text
    return text


def test_every_file_of_a_package_is_in_the_wheel(wheel):
    expected = {
        f"{name.replace('.', '/')}/{file.relative_to(folder).as_posix()}"
        for name, folder in folders().items()
        for file in tracked(ROOT, folder)
    }
    inside = set(zipfile.ZipFile(wheel).namelist())
    assert expected - inside == FOR_READERS
    assert not [name for name in inside - expected if ".dist-info/" not in name]


def test_what_is_imported_is_what_was_installed(installed, outside):
    files = finished(outside("-c", FILES, *folders())).splitlines()
    assert len(files) == len(folders())
    assert [file for file in files if not file.startswith(str(installed) + os.sep)] == []


def test_every_verb_answers_for_help(outside):
    names = [name for name in commands() if name.split(".")[0] in folders()]
    finished(outside("-c", HELP, *names))


@pytest.mark.parametrize("command", ALONE.values(), ids=ALONE)
def test_a_command_works_outside_the_checkout(command, outside):
    assert finished(outside("-m", *command.split()))


@pytest.mark.skipif(not SHIPPED, reason="no model is in data/pretrained")
def test_commands_work_with_the_models_that_ship(outside):
    processes = [outside("-m", *command.split()) for command in WITH_MODELS]
    for process in processes:
        assert "wrote" in finished(process)
    assert "wrote" in finished(outside("-m", *THEN.split()))
