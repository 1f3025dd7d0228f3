"""Who imports whom, and what a command line may cost before it knows its arguments."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

SHARED = frozenset({"manymodes", "evaluation"})
MODEL_PACKAGES = frozenset({"melodygan", "fontgan", "drumvae", "audiovae"})
# What each package may import of the project, besides itself. A package that is not here has no place yet.
MAY_IMPORT = {
    "evaluation": frozenset({"manymodes"}),
    "manymodes": frozenset(),
    **dict.fromkeys(MODEL_PACKAGES, SHARED),
    "manymodes_studio": SHARED | MODEL_PACKAGES,
    "pretraining": SHARED | MODEL_PACKAGES,
}

HEAVY = ("tensorflow", "keras")
VERBS_NEED = ("argparse", "manymodes.cli")


def packages(root):
    return sorted(init.parent.name for init in root.glob("*/__init__.py") if init.parent.name != "tests")


def modules(root):
    """Return {dotted name: file} of every module of every package."""
    found = {}
    for package in packages(root):
        for file in sorted((root / package).rglob("*.py")):
            parts = file.relative_to(root).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


def imports(name, file):
    """Return the dotted names that a module imports anywhere in it, functions and type checking included.

    ``from a import b`` gives ``a.b``: whether b is a module or a name within one makes no difference here.
    """
    found = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = name.split(".") if file.name == "__init__.py" else name.split(".")[:-1]
                base = ".".join([*package[: len(package) - node.level + 1], *filter(None, [base])])
            found += [f"{base}.{alias.name}" for alias in node.names]
    return found


def is_allowed(package, imported):
    target, *within = imported.split(".")
    if target == package or target in MAY_IMPORT[package]:
        return True
    return package in MODEL_PACKAGES and target in MODEL_PACKAGES and within[:1] == ["data"]


def wrong_arrows(root):
    """Return "importer → imported" for every import between packages that the plan does not have."""
    ours = packages(root)
    return [
        f"{name} → {imported}"
        for name, file in modules(root).items()
        for imported in imports(name, file)
        if imported.split(".")[0] in ours and not is_allowed(name.split(".")[0], imported)
    ]


def is_program(file):
    """Whether a module has ``if __name__ == "__main__":``."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    tests = [ast.unparse(node.test) for node in tree.body if isinstance(node, ast.If)]
    return "__name__ == '__main__'" in tests


def verbs(root):
    """Return the programs that read a command line, as they are typed; others serve a process that starts them."""
    return [
        name.removesuffix(".__main__")
        for name, file in modules(root).items()
        if is_program(file)
        and any(i == need or i.startswith(f"{need}.") for i in imports(name, file) for need in VERBS_NEED)
    ]


def loaded_by(*arguments):
    """Run Python in a fresh process; return its exit code, its output and the modules that it imported."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *arguments], capture_output=True, text=True, check=False, cwd=ROOT
    )
    timed = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    return done.returncode, done.stdout, {line.rsplit("|", 1)[-1].strip() for line in timed}


# --- the arrows


def test_every_package_has_its_place():
    assert set(packages(ROOT)) <= set(MAY_IMPORT)
    assert {"evaluation", "manymodes"} <= set(packages(ROOT))


def test_the_arrows_point_as_planned():
    assert wrong_arrows(ROOT) == []


@pytest.mark.parametrize(
    ("module", "line", "allowed"),
    [
        ("melodygan.train", "from manymodes.experiment.run import Run", True),
        ("melodygan.train", "import evaluation.features.table", True),
        ("melodygan.train", "from melodygan import gan", True),
        ("melodygan.train", "from . import gan", True),
        ("melodygan.train", "import numpy", True),
        ("fontgan.train", "from melodygan.data.corpus import load_corpus", True),
        ("fontgan.train", "from melodygan.data import corpus", True),
        ("manymodes_studio.server", "from melodygan import generate", True),
        ("melodygan.train", "from fontgan.model import Critic", False),
        ("melodygan.train", "import fontgan", False),
        ("melodygan.train", "from fontgan import fonts, model", False),
        ("melodygan.train", "def main():\n    from manymodes_studio import server", False),
        ("manymodes.experiment.run", "from evaluation import spread", False),
        ("manymodes.experiment.run", "from melodygan.data.corpus import Split", False),
        ("evaluation.report", "import manymodes.files as files", True),
        ("evaluation.report", "if TYPE_CHECKING:\n    from melodygan.data import corpus", False),
        ("evaluation.deep.part", "from ...manymodes import files", True),
        ("evaluation.deep.part", "from ..notes import Notes", True),
    ],
)
def test_a_wrong_arrow_would_be_found(tmp_path, module, line, allowed):
    for package in MAY_IMPORT:
        (tmp_path / package / "deep").mkdir(parents=True)
        (tmp_path / package / "__init__.py").touch()
    file = (tmp_path / module.replace(".", "/")).with_suffix(".py")
    file.parent.mkdir(exist_ok=True)
    file.write_text(line, encoding="utf-8")
    assert (wrong_arrows(tmp_path) == []) is allowed


# --- what an import and a command line cost


@pytest.mark.parametrize(
    "module",
    ["evaluation", "manymodes", "manymodes.cli", "manymodes.files", "manymodes.experiment.run", "manymodes.music.midi"],
)
def test_importing_it_leaves_tensorflow_alone(module):
    code, _, loaded = loaded_by("-c", f"import {module}")
    assert code == 0
    assert module in loaded
    assert loaded.isdisjoint(HEAVY)


def test_there_are_verbs():
    assert verbs(ROOT)


@pytest.mark.parametrize("verb", verbs(ROOT))
def test_help_answers_with_an_example_and_without_tensorflow(verb):
    code, text, loaded = loaded_by("-m", verb, "--help")
    assert code == 0
    assert f"python -m {verb}" in text
    assert "example" in text
    assert "argparse" in loaded
    assert loaded.isdisjoint(HEAVY)
