"""The steps of the Dockerfile, taken as plain commands in a scratch folder that stands for the image.

No engine is needed. What is taken from here instead of being fetched: the base images' Python, which is that of the
tests, and the dependencies, which pip is told to leave out (`LEFT_OUT`) and which are seen in the end all the same. The
commands themselves are run as they are written.
"""

import http.server
import json
import os
import re
import shlex
import shutil
import string
import subprocess
import sys
import threading
from pathlib import Path
from typing import NamedTuple

import pytest
from commandlines import parser_of
from freshvenv import clean_environment, run, see_dependencies
from test_architecture import ROOT
from test_wheel import FILES, folders

pytestmark = pytest.mark.slow

LEFT_OUT = {
    "PIP_NO_DEPS": "1",
    "PIP_NO_BUILD_ISOLATION": "0",  # which pip reads as no isolation: setuptools is here already
    "PIP_NO_INDEX": "1",
}
WHEN_STARTED = {"USER", "EXPOSE", "HEALTHCHECK", "ENTRYPOINT"}
"""Steps that say how a container is started, and change nothing in the image."""

NOT_ROOT = re.compile(r"[1-9]\d*:[1-9]\d*")
EVERYWHERE = "0.0.0.0"  # noqa: S104 - of a container, which has an address of its own
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
IGNORED = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()


class Step(NamedTuple):
    """An instruction: its word, and what follows it."""

    word: str
    rest: str


def steps_of(text):
    """Return the stages of a Dockerfile, by name or number, each as its steps."""
    lines = "\n".join(line for line in text.splitlines() if not line.startswith("#")).replace("\\\n", " ")
    stages = {}
    for line in filter(None, lines.splitlines()):
        step = Step(*line.split(maxsplit=1))
        if step.word == "FROM":
            _, _, name = step.rest.partition(" AS ")
            stages[name or str(len(stages))] = steps = []
        else:
            steps.append(step)
    return stages


STAGES = steps_of(DOCKERFILE)
LAST = {step.word: step.rest for step in list(STAGES.values())[-1]}
HEALTH = json.loads(LAST["HEALTHCHECK"].partition(" CMD ")[2])
ENTRY = json.loads(LAST["ENTRYPOINT"])


def context():
    """Return the files that an engine would be sent, as .dockerignore has it."""
    everything, *others = [line for line in IGNORED if line and not line.startswith("#")]
    assert everything == "*"
    assert others[-1] == "**/__pycache__"
    wanted = [ROOT / line.removeprefix("!") for line in others[:-1]]
    found = [file for path in wanted for file in ([path] if path.is_file() else path.rglob("*")) if file.is_file()]
    return [file.relative_to(ROOT) for file in found if "__pycache__" not in file.parts]


class Image:
    """A folder that stands for the file system of an image while its steps are taken."""

    def __init__(self, root, others):
        self.root, self.others = root, others
        self.folder = root
        self.environment = clean_environment(**LEFT_OUT)
        self.environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), self.environment["PATH"]])

    def place(self, path):
        return self.root / path.lstrip("/") if path.startswith("/") else self.folder / path

    def take(self, step):
        if step.word not in WHEN_STARTED:
            getattr(self, f"take_{step.word.lower()}")(step.rest)

    def take_env(self, rest):
        before = dict(self.environment)
        for setting in shlex.split(rest):
            name, value = setting.split("=", 1)
            whole = str(self.place(value)) if value.startswith("/") else value
            self.environment[name] = string.Template(whole).substitute(before)

    def take_workdir(self, rest):
        self.folder = self.place(rest)
        self.folder.mkdir(parents=True, exist_ok=True)

    def take_copy(self, rest):
        *options, source, target = rest.split()
        if options:
            (name,) = (option.removeprefix("--from=") for option in options)
            shutil.copytree(self.others[name].place(source), self.place(target), symlinks=True)
            return
        assert (source, target) == (".", ".")
        for file in context():
            (self.folder / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / file, self.folder / file)

    def take_run(self, rest):
        run("/bin/sh", "-c", rest, cwd=self.folder, env=self.environment)


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    """Take all steps; return the image that they end with, with the dependencies that were left out."""
    images = {}
    for name, steps in STAGES.items():
        images[name] = last = Image(tmp_path_factory.mktemp("image"), images)
        for step in steps:
            last.take(step)
    see_dependencies(Path(last.environment["PREFIX"]))
    return last


def test_the_context_has_all_that_is_installed():
    wanted = {line.removeprefix("!") for line in IGNORED}
    assert [folder for folder in folders().values() if wanted.isdisjoint({folder, folder.split("/")[0]})] == []
    assert {".git", ".venv", "runs"}.isdisjoint(file.parts[0] for file in context())


def test_the_project_is_installed_in_the_image(image):
    files = run("python", "-c", FILES, *folders(), cwd=image.folder, env=image.environment).splitlines()
    prefix = image.environment["PREFIX"]
    assert prefix.startswith(str(image.root))
    assert len(files) == len(folders())
    assert [file for file in files if not file.startswith(prefix)] == []


def test_the_home_is_for_whoever_runs_it(image):
    assert Path(image.environment["HOME"]) == image.folder
    assert image.folder.stat().st_mode & 0o1777 == 0o1777
    assert NOT_ROOT.fullmatch(LAST["USER"])


def test_the_entry_point_starts_the_studio_for_all(image):
    python, option, verb, *arguments = ENTRY
    assert (python, option) == ("python", "-m")
    asked = parser_of(verb).parse_args(arguments)
    assert (asked.host, str(asked.port)) == (EVERYWHERE, LAST["EXPOSE"])
    assert f"python -m {verb}" in run(*ENTRY, "--help", cwd=image.folder, env=image.environment)


def test_the_health_check_tells_an_open_studio_from_none(image):
    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    assert f":{LAST['EXPOSE']}/" in HEALTH[-1]
    with http.server.HTTPServer(("127.0.0.1", 0), Page) as server:
        port = str(server.server_port)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        command = [word.replace(LAST["EXPOSE"], port) for word in HEALTH]
        run(*command, env=image.environment)
        server.shutdown()
    done = subprocess.run(command, check=False, capture_output=True, env=image.environment)
    assert done.returncode == 1
