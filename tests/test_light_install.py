"""What `requirements-play.txt` names is enough to compose, drum, letter and make sounds with pretrained models."""

import subprocess
import sys
from importlib.metadata import distribution

import pytest
from packaging.requirements import Requirement
from test_architecture import ROOT

from manymodes import hub, portable

pytestmark = pytest.mark.slow

VERBS = (
    "compose --count 2 --bars 4 --start C4 --format midi,wav,abc --out tunes",
    "compose --vary tunes/001.mid --out varied",
    "drum --style rock --count 2 --format midi,wav --out beats",
    "drum --vary beats/rock-001.mid --out beats",
    "letters --text AB --out ab.png --svg --ttf ab.ttf",
    "sound --instrument piano --count 1 --out sounds",
    "codec encode sounds/piano-001.wav piano.codes",
    "codec decode piano.codes piano.wav",
)
REFUSED = (
    "train drums",
    "letters --model letters-best --text AB --out b.png",
    "drum --style rock --format png --out c",
)


def needed():
    """Return the distributions of `requirements-play.txt` and what they need in turn."""
    lines = (ROOT / "requirements-play.txt").read_text(encoding="utf-8").splitlines()
    open_, found = [Requirement(line).name for line in lines if not line.startswith("#")], {}
    while open_:
        name = open_.pop().lower().replace("_", "-")
        if name not in found:
            found[name] = distribution(name)
            wanted = map(Requirement, found[name].requires or ())
            open_ += [one.name for one in wanted if one.marker is None or one.marker.evaluate({"extra": ""})]
    return found.values()


@pytest.fixture(scope="module")
def light(tmp_path_factory):
    """Return a function that runs a command where nothing else is installed."""
    packages, place = tmp_path_factory.mktemp("packages"), tmp_path_factory.mktemp("place")
    for one in needed():
        for top in {file.parts[0] for file in one.files if ".." not in file.parts and "__pycache__" not in file.parts}:
            (packages / top).symlink_to(one.locate_file(top))
    variables = {"PYTHONPATH": f"{packages}:{ROOT}", "HOME": str(place)}

    def run(words):
        command = [sys.executable, "-S", "-m", "manymodes", *words.split()]
        return subprocess.run(command, check=False, capture_output=True, text=True, cwd=place, env=variables)

    return run


def test_it_runs_every_verb_and_says_in_one_line_what_needs_more(light):
    composes = portable.form_of(hub.pretrained("melody-lstm")) is not None
    for words in (verb for verb in VERBS if composes or not verb.startswith("compose")):
        done = light(words)
        assert (done.returncode, done.stderr) == (0, ""), f"{words}\n{done.stderr}"
    for words in REFUSED:
        done = light(words)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), f"{words}\n{done.stderr}"
