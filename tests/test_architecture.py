"""What an import and a command line cost; `make lint` checks the direction of the imports."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("audiovae", "drumvae", "evaluation", "fontgan", "manymodes", "manymodes_studio", "melodygan", "pretraining")
HEAVY = ("tensorflow", "keras")
USED = ("import cli", "manymodes.cli", "import argparse")  # by what parses a command line


def modules():
    """Return {dotted name: file} of every module of the project."""
    files = sorted(file.relative_to(ROOT) for package in PACKAGES for file in (ROOT / package).rglob("*.py"))
    return {".".join(file.with_suffix("").parts).removesuffix(".__init__"): ROOT / file for file in files}


def commands():
    """Return the modules that ``python -m`` runs with arguments; other programs serve a process that starts them."""
    names = []
    for name, file in modules().items():
        text = file.read_text(encoding="utf-8")
        tests = [ast.unparse(node.test) for node in ast.parse(text).body if isinstance(node, ast.If)]
        if "__name__ == '__main__'" in tests and any(used in text for used in USED):
            names.append(name.removesuffix(".__main__"))
    return names


def imported_by(*arguments):
    """Run Python in a fresh process; return its exit code, its output and the modules that it imported."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *arguments], capture_output=True, text=True, check=False, cwd=ROOT
    )
    timed = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    return done.returncode, done.stdout, {line.rsplit("|", 1)[-1].strip() for line in timed}


@pytest.mark.parametrize(
    "module",
    [
        "evaluation",
        "fontgan.data.fonts",
        "manymodes",
        "manymodes.cli",
        "manymodes.files",
        "manymodes.experiment.run",
        "manymodes.music.midi",
    ],
)
def test_importing_it_does_not_import_tensorflow(module):
    code, _, imported = imported_by("-c", f"import {module}")
    assert code == 0
    assert module in imported
    assert imported.isdisjoint(HEAVY)


def test_commands_are_found():
    assert {"melodygan.train", "evaluation.report", "manymodes_studio"} <= set(commands())


@pytest.mark.parametrize("command", commands())
def test_help_has_an_example_and_does_not_import_tensorflow(command):
    code, text, imported = imported_by("-m", command, "--help")
    assert code == 0
    assert f"python -m {command}" in text
    assert "example" in text
    assert imported.isdisjoint(HEAVY)
