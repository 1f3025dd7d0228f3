"""What an import and a command line cost; `make lint` checks the direction of the imports."""

import ast
import json
import subprocess
import sys
from pathlib import Path

from commandlines import module_of

ROOT = Path(__file__).parent.parent
PACKAGES = ("audiovae", "drumvae", "evaluation", "fontgan", "manymodes", "manymodes_studio", "melodygan", "pretraining")
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


LIGHT = (
    *("evaluation", "fontgan.data.fonts", "manymodes", "manymodes.cli", "manymodes.files"),
    *("manymodes.experiment.run", "manymodes.music.midi"),
)
HELP = """
import contextlib, importlib, io, json, sys
light, commands = map(json.loads, sys.argv[1:])
for name in light + commands:
    module, text, code = importlib.import_module(name), io.StringIO(), 0
    if name in commands:
        with contextlib.redirect_stdout(text):
            try:
                module.main(["--help"])
            except SystemExit as end:
                code = end.code
    print(json.dumps([name, code, text.getvalue(), sorted({"tensorflow", "keras"} & sys.modules.keys())]))
"""


def test_importing_and_help_do_not_import_tensorflow():
    modules = {module_of(name): name for name in commands()}
    assert {"melodygan.train", "evaluation.report", "manymodes_studio.__main__"} <= modules.keys()
    command = [sys.executable, "-c", HELP, json.dumps(LIGHT), json.dumps(list(modules))]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(lines) == len(LIGHT) + len(modules)
    for name, code, text, heavy in lines:  # in one process: the first that imports it is named
        assert (name, code, heavy) == (name, 0, [])
        assert name in LIGHT or (f"python -m {modules[name]}" in text and "example" in text)
