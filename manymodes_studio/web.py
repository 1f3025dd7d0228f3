"""Write a page that needs no server: ``manymodes web OUT``.

It is a folder of static files: those of ``site/``, the pretrained models in their ONNX form, and two libraries for
browsers, which ``site/package-lock.json`` names with their checksums. They are downloaded from npm's registry once.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import importlib.util
import io
import json
import os
import shutil
import subprocess
import tarfile
import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Any

from manymodes import cli, hub, portable
from manymodes.files import cache_file, check_folder, new_folder, write_cache

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

MODELS = {"melody": "melodygan.train", "drums": "drumvae.train", "letters": "fontgan.train"}
"""What the page makes, and the program whose default model makes it."""

_HERE = Path(__file__).parent
_REGISTRY = "https://registry.npmjs.org/"
# Not all servers know .mjs as JavaScript.
_VENDORED = {
    "onnxruntime-web": {
        "dist/ort.wasm.bundle.min.mjs": "ort.js",
        "dist/ort-wasm-simd-threaded.wasm": "ort-wasm-simd-threaded.wasm",
    },
    "abcjs": {"dist/abcjs-basic-min.js": "abcjs.js", "LICENSE.md": "LICENSE-abcjs.md"},
}
_LICENCES = {"LICENSE": "LICENSE-onnxruntime.txt", "ThirdPartyNotices.txt": "NOTICES-onnxruntime.txt"}
_SECONDS = 60  # without an answer of the registry


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command."""
    out: Path = _parser().parse_args(argv).out
    check_folder(out)
    if out.exists() and any(out.iterdir()):
        raise cli.UserError(f"{out} is not empty: name a new folder")
    write(out)
    size = sum(file.stat().st_size for file in out.rglob("*") if file.is_file())
    print(f"wrote {out}/, {size / 1e6:.1f} MB; to look at it: python -m http.server --directory {out}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = cli.parser(
        "manymodes_studio.web", "Write a page that composes in the browser, for any web server.", "  manymodes web page"
    )
    parser.add_argument("out", type=Path, metavar="OUT", help="folder to write, new or empty")
    return parser


def write(out: Path) -> None:
    """Write the page to a new folder; raise a UserError if a model or a library is not to be had."""
    with new_folder(out) as page:
        shutil.copytree(_HERE / "site", page, dirs_exist_ok=True)
        for shared in ("studio.css", "studio.js"):
            shutil.copy(_HERE / "static" / shared, page)
        _write_libraries(page / "vendor")
        for kind in MODELS:
            _write_model(page / "models" / kind, _graphs(kind))
        shutil.copy(hub.folder() / "LICENSE-MODELS.md", page / "models")
        (page / "models" / "facts.js").write_text(f"export default {json.dumps(facts())};\n", encoding="utf-8")


def _graphs(kind: str) -> portable.Graphs:
    name = hub.names_of(MODELS[kind])[0]
    form = portable.form_of(hub.pretrained(name))
    if form is None:
        raise cli.UserError(f"the pretrained model {name} has no ONNX form: manymodes export {name}")
    return portable.Graphs(form.folder)


def _write_model(folder: Path, graphs: portable.Graphs) -> None:
    folder.mkdir(parents=True)
    arrays = {key: array.tolist() for key, array in graphs.arrays.items()}
    for file in graphs.folder.glob("*.onnx"):
        if portable.INT8 not in file.suffixes:
            shutil.copy(file, folder)
    (folder / "model.json").write_text(json.dumps({"config": graphs.config, "arrays": arrays}), encoding="utf-8")


def facts() -> dict[str, Any]:
    """Return the constants of the Python code that the page's own code shares."""
    from drumvae.data.kit import INSTRUMENTS, NOTES
    from manymodes_studio.app import script_words
    from melodygan.data import form, grid
    from melodygan.data.register import middle_of
    from melodygan.models import choosing, composer, sampling

    def of(module: Any, *names: str) -> dict[str, Any]:
        return {name: getattr(module, name) for name in names}

    return {
        "melody": {
            **of(form, "METERS", "MODES", "TONICS", "FORMS", "UNKNOWN_METER", "ON_THE_THIRD"),
            **of(grid, "ROW", "BEAT", "LENGTH", "BEATS", "MOST_LEFT", "NEAR", "UNTIL"),
            **of(composer, "RUNS", "LONGEST", "REMEMBERED", "CANDIDATES", "DISTANCE", "RHYTHM", "COMING"),
            **of(sampling, "TEMPERATURE"),
            **of(choosing, "NOTES"),
            "MIDDLE": middle_of("middle"),
        },
        "drums": {
            "INSTRUMENTS": INSTRUMENTS,
            "NOTES": [notes[0] for notes in NOTES.values()],
            "STYLES": _graphs("drums").config["styles"],
        },
        "words": {"en": script_words("en")},
    }


def _write_libraries(folder: Path) -> None:
    """Download the libraries, or take them from the cache, and write what the page needs of them, with licences."""
    locked = json.loads((_HERE / "site" / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    folder.mkdir()
    for name, files in _VENDORED.items():
        content = io.BytesIO(_archive(name, locked[f"node_modules/{name}"]))
        with tarfile.open(fileobj=content) as archive:
            for inside, target in files.items():
                member = archive.extractfile(f"package/{inside}")
                assert member is not None
                (folder / target).write_bytes(member.read())
    # npm's archive of ONNX Runtime leaves out the licence, which Python's has
    spec = importlib.util.find_spec("onnxruntime")
    if spec is None or spec.origin is None:
        raise cli.UserError("the page has ONNX Runtime's licence from its Python package: pip install onnxruntime")
    for file, target in _LICENCES.items():
        shutil.copy(Path(spec.origin).parent / file, folder / target)


def _archive(name: str, locked: dict[str, str]) -> bytes:
    """Return the archive of a library, from the cache or else downloaded."""
    path = cache_file(f"npm-{name}", locked["integrity"], ".tgz")
    with contextlib.suppress(OSError):
        if _checksum(content := path.read_bytes()) == locked["integrity"]:
            return content
    content = _download(name, locked["resolved"])
    if _checksum(content) != locked["integrity"]:
        raise cli.UserError(f"what was downloaded as {name} is not what package-lock.json names: try again later")
    write_cache(path, name, lambda partial: partial.write_bytes(content))
    return content


def _checksum(content: bytes) -> str:
    return "sha512-" + base64.b64encode(hashlib.sha512(content).digest()).decode()


def _download(name: str, address: str) -> bytes:
    mirrored = f"{registry().rstrip('/')}/{address.removeprefix(_REGISTRY)}"
    print(f"downloading {name} …", flush=True)
    try:
        with urllib.request.urlopen(mirrored, timeout=_SECONDS) as answer:  # noqa: S310 - the user's own registry
            return bytes(answer.read())
    except (OSError, HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise cli.UserError(
            f"cannot download {name} ({reason}): connect to the internet, or set npm_config_registry to a mirror"
        ) from error


def registry() -> str:
    """Return the address of npm's registry, or that of the mirror which npm's settings name."""
    named = {name.lower(): value for name, value in os.environ.items()}.get("npm_config_registry")
    if not named and (npm := shutil.which("npm")):
        done = subprocess.run([npm, "config", "get", "registry"], check=False, capture_output=True, text=True)  # noqa: S603
        named = done.stdout.strip()
    return named or _REGISTRY


if __name__ == "__main__":
    cli.run(main)
