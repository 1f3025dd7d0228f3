"""Environments to install the project into that have its dependencies, but not this checkout."""

import os
import site
import subprocess
import sys
from pathlib import Path


def see_dependencies(environment):
    """Let the Python of a virtual environment import what the Python of the tests can.

    A .pth file names their folder. An editable install of the checkout, which is a .pth file itself, does not come
    along: Python reads such files in its own folders alone.
    """
    (packages,) = environment.glob("lib/python*/site-packages")
    lines = [folder for folder in site.getsitepackages() if Path(folder).is_dir()]
    (packages / "dependencies.pth").write_text("\n".join(lines) + "\n", encoding="utf-8")


def clean_environment(**others):
    """Return the variables for a process that is not to find this checkout."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return {**kept, "TF_CPP_MIN_LOG_LEVEL": "3", **others}


def tracked(root, *paths):
    """Return the files of the checkout that git knows, or would with `git add`."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *paths]
    listed = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout
    return [Path(name) for name in listed.split("\0") if name and (root / name).is_file()]


def run(*command, **options):
    """Run a command to its end; fail with its output if it fails."""
    done = subprocess.run([str(word) for word in command], check=False, capture_output=True, text=True, **options)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")
