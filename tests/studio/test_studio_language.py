"""What the page says is in one file for each language."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import manymodes_studio
from manymodes_studio.language import LANGUAGES, preferred, texts

FOLDER = Path(manymodes_studio.__file__).parent
VISIBLE = ("label", "info", "placeholder", "title")
# names of formats, of pitches and metres, of languages, and the one instrument of a visitor's own model
FORMATS = "WAV|MIDI|MusicXML|ABC|SVG|PNG|TTF|WOFF2|HTML|JSON|CSV"
OWN = rf"\b({FORMATS}|manymodes studio|English|Deutsch|Flöte|[A-G]#?\d|Hello|World)\b"


def test_the_languages_have_the_same_strings_with_the_same_places_for_values():
    english, *others = (texts(code) for code in LANGUAGES)
    for other in others:
        assert other.keys() == english.keys()
        for key, text in english.items():
            assert sorted(re.findall(r"{\w+}", other[key])) == sorted(re.findall(r"{\w+}", text)), key
            assert other[key].strip(), key


def test_every_string_that_is_said_is_there():
    code = "\n".join(file.read_text(encoding="utf-8") for kind in ("*.py", "*.js") for file in FOLDER.rglob(kind))
    used = set(re.findall(r"\bsay\(\s*[\"'`]([^\"'`{$]+)[\"'`]", code))
    known = {key.removeprefix("script.") for key in texts("en")} | texts("en").keys()
    assert used <= known


def visible(component):
    """Yield what is read or read aloud of a component of Gradio."""
    props = component["props"]
    for_operators = "studio-missing" in str(props.get("value"))  # printed at the start, too
    if for_operators or "studio-hidden" in (props.get("elem_classes") or []):
        return
    texts = [props.get(name) for name in VISIBLE]
    texts += [label for label, _ in props.get("choices") or []]
    if component["type"] in {"html", "markdown", "button"}:
        texts.append(props.get("value"))
    for text in filter(None, texts):
        yield from re.findall(r'(?:aria-label|title|alt|placeholder)="([^"]*)"', text)
        yield re.sub(r"<style>[^<]*</style>|<[^>]*>", " ", text)


BUILD = """
import json, sys
from pathlib import Path
from manymodes_studio import language
marked = {key: f"⟦{text}⟧" for key, text in language.texts("en").items()}
language.texts = lambda code: marked
from manymodes_studio.app import build
from manymodes_studio.models import load_models
from manymodes_studio.workspace import Workspace
page = build(load_models(Path(sys.argv[1])), Workspace(Path(sys.argv[2])))
Path(sys.argv[2], "page.json").write_text(json.dumps(page.config["components"], default=str), encoding="utf-8")
"""


@pytest.mark.slow
def test_nothing_that_is_visible_bypasses_the_strings(model_folder, tmp_path):
    pytest.importorskip("gradio")
    environment = {**os.environ, "PYTHONPATH": str(FOLDER.parent)}
    # Gradio leaves an event loop open, which this process would be warned of
    command = [sys.executable, "-c", BUILD, str(model_folder), str(tmp_path)]
    subprocess.run(command, check=True, env=environment, capture_output=True)
    seen = 0
    for component in json.loads((tmp_path / "page.json").read_text(encoding="utf-8")):
        for text in visible(component):
            rest, marks = text, 1
            while marks:  # strings within strings
                rest, marks = re.subn(r"⟦[^⟦⟧]*⟧", "", rest)
                seen += marks
            assert not re.search(r"[^\W\d_]{2,}", re.sub(OWN, "", rest)), text
    assert seen > 200


@pytest.mark.parametrize(
    ("cookie", "accepted", "expected"),
    [
        ("", "", "en"),
        ("", "de-CH,de;q=0.9,en;q=0.8", "de"),
        ("", "fr,en;q=0.5,de;q=0.7", "de"),
        ("", "fr-FR,fr;q=0.9", "en"),
        ("", "de;q=nonsense,en;q=0.1", "en"),
        ("a=1; studio-language=en", "de", "en"),
        ("studio-language=xx", "de", "de"),
    ],
)
def test_a_visitor_is_addressed_in_their_language(cookie, accepted, expected):
    assert preferred(cookie, accepted) == expected
