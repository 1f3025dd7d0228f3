"""The steps of the Dockerfile, run as a shell script in a folder that stands for the file system of the image.

No engine is needed. Python is that of the tests. pip leaves dependencies out (`LEFT_OUT`), and the installed program
then uses those of the tests.
"""

import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

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
EVERYWHERE = "0.0.0.0"  # noqa: S104 - of a container, which has an address of its own
IGNORED = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
LINES = re.sub(r"(?m)^#.*\n", "", (ROOT / "Dockerfile").read_text(encoding="utf-8")).replace("\\\n", " ").splitlines()
STEPS = [line.split(maxsplit=1) for line in LINES if line]
LAST = dict(STEPS)
HEALTH = json.loads(LAST["HEALTHCHECK"].partition(" CMD ")[2])
ENTRY = json.loads(LAST["ENTRYPOINT"])


def context():
    """Return the files that an engine would be sent, by .dockerignore."""
    everything, *wanted, caches = [line for line in IGNORED if not line.startswith("#")]
    assert (everything, caches) == ("*", "**/__pycache__")
    paths = [ROOT / line.removeprefix("!") for line in wanted]
    files = [file for path in paths for file in (path, *path.rglob("*")) if file.is_file()]
    return [file.relative_to(ROOT) for file in files if "__pycache__" not in file.parts]


def command(word, rest, root):
    """Return the shell command of a step; both stages share one file system."""
    match word:
        case "ENV":
            return f"export {re.sub('=(?=/)', f'={root}', rest)}"
        case "WORKDIR":
            return f"mkdir -p {root}{rest}; cd {root}{rest}"
        case "RUN":
            return rest
        case "COPY" if rest == ". .":
            return f"cp -R {root}/context/. ."
        case "COPY":
            _, source, target = rest.split()
            assert source == target
    return ""  # it changes no file


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """Run all steps; return the variables of the image, and ROOT, its folder."""
    root = tmp_path_factory.mktemp("image")
    for file in context():
        (root / "context" / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / file, root / "context" / file)
    script = "\n".join(["set -e", *(command(*step, root) for step in STEPS), f"env -0 > {root}/environment"])
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    run("/bin/sh", "-c", script, cwd=root, env=clean_environment(**LEFT_OUT, PATH=path))
    variables = (root / "environment").read_text(encoding="utf-8").rstrip("\0").split("\0")
    image = dict(variable.split("=", 1) for variable in variables)
    see_dependencies(Path(image["PREFIX"]))
    return {**image, "ROOT": str(root)}


def test_the_context_has_all_that_is_installed():
    wanted = {line.removeprefix("!") for line in IGNORED}
    assert [folder for folder in folders().values() if wanted.isdisjoint({folder, folder.split("/")[0]})] == []
    assert {".git", ".venv", "runs"}.isdisjoint(file.parts[0] for file in context())


def test_the_project_is_installed_in_the_image(environment):
    files = run("python", "-c", FILES, *folders(), cwd=environment["HOME"], env=environment).splitlines()
    assert environment["PREFIX"].startswith(environment["ROOT"])
    assert len(files) == len(folders())
    assert [file for file in files if not file.startswith(environment["PREFIX"])] == []


def test_any_user_can_write_to_the_home_folder(environment):
    home = Path(environment["HOME"])
    assert home == Path(f"{environment['ROOT']}{LAST['WORKDIR']}")
    assert home.stat().st_mode & 0o1777 == 0o1777
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", LAST["USER"]), "it is not root"


def test_the_entry_point_starts_the_studio_for_all(environment):
    python, option, name, *arguments = ENTRY
    assert (python, option) == ("python", "-m")
    options = parser_of(name).parse_args(arguments)
    assert (options.host, str(options.port)) == (EVERYWHERE, LAST["EXPOSE"])
    assert f"python -m {name}" in run(*ENTRY, "--help", cwd=environment["HOME"], env=environment)


def test_the_health_check_fails_when_the_studio_is_closed(environment):
    assert f":{LAST['EXPOSE']}/" in HEALTH[-1]
    with http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler) as server:
        check = [word.replace(LAST["EXPOSE"], str(server.server_port)) for word in HEALTH]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        run(*check, env=environment)
        server.shutdown()
    assert subprocess.run(check, check=False, capture_output=True, env=environment).returncode == 1
