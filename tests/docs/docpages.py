"""The pages of the documentation: run their blocks, check their pictures."""

from __future__ import annotations

import contextlib
import importlib
import io
import re
import shlex
from pathlib import Path

import pytest
from commandlines import module_of
from sybil import Region, Sybil
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser, SkipParser

from manymodes import cli

_PICTURE = re.compile(r'!\[[^\]]*\]\((?P<shown>\S+) "(?P<made>[^"]+)"\)')
_NUMBER = re.compile(r"\d[\d.,]*")
_LEFT_OUT = "…"


def run_commands(example):
    """Run the commands of a shell block in this process, which has loaded TensorFlow already."""
    for line in example.parsed.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if not words:
            continue
        assert words[:2] == ["python", "-m"], f"tutorials may only use python -m: {words}"
        with pytest.raises(SystemExit) as ended:
            cli.run(importlib.import_module(module_of(words[2])).main, words[3:])
        assert ended.value.code == 0, f"{shlex.join(words)} ended with {ended.value.code}"


def check_output(example):
    """Compare a block of text with the output of the block before it; numbers may differ."""
    printed = _NUMBER.sub("#", example.namespace["printed"])
    for line in example.parsed.splitlines():
        if line.strip() != _LEFT_OUT:
            assert _NUMBER.sub("#", line.strip()) in printed, f"not printed: {line}"


def pictures_of(document):
    """Find the pictures of a page; the title of each is the file that the commands of the page write."""
    for result in _PICTURE.finditer(document.text):
        picture = Path(document.path).parent / result["shown"], Path(result["made"])
        yield Region(result.start(), result.end(), picture, check_picture)


def check_picture(example):
    """Check that the commands of the page made its picture; remember both files."""
    _, made = example.parsed
    assert made.is_file(), f"no command makes the picture {made}"
    example.namespace.setdefault("pictures", []).append(example.parsed)


PAGE = Sybil(
    [
        SkipParser(),
        PythonCodeBlockParser(),
        CodeBlockParser("shell", run_commands),
        CodeBlockParser("text", check_output),
        pictures_of,
    ]
)


def follow(page):
    """Run the blocks of a page in the working directory, in order; return (file on the page, new file) per picture."""
    document = PAGE.parse(page)
    for example in document.examples():
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            example.evaluate()
        if printed.getvalue():
            document.namespace["printed"] = printed.getvalue()
    return document.namespace.get("pictures", [])
