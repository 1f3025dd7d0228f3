"""What a reader of the documentation can type: the blocks of its pages, and their commands."""

from __future__ import annotations

import contextlib
import importlib
import io
import re
import shlex
from pathlib import Path
from typing import NamedTuple

import pytest
from commandlines import module_of
from sybil import Region, Sybil
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser, SkipParser

from manymodes import cli

_PICTURE = re.compile(r'!\[[^\]]*\]\((?P<shown>\S+) "(?P<made>[^"]+)"\)')
_NUMBER = re.compile(r"\d[\d.,]*")
_LEFT_OUT = "…"


# --- the blocks of a page -----------------------------------------------------------------------------------


class Picture(NamedTuple):
    """A picture on a page.

    Attributes:
        shown: the file that the page shows.
        made: the file that the reader's commands leave, which the picture's title names.
    """

    shown: Path
    made: Path


def type_commands(example):
    """Run the commands of a block, each as at a prompt but in this process, which has TensorFlow loaded already."""
    for words in commands_in(example.parsed):
        assert words[:2] == ["python", "-m"], f"the tutorials type nothing but python -m: {words}"
        _, _, verb, *arguments = words
        with pytest.raises(SystemExit) as ended:
            cli.run(importlib.import_module(module_of(verb)).main, arguments)
        assert ended.value.code == 0, f"{shlex.join(words)} ended with {ended.value.code}"


def commands_in(block):
    """Return the words of each command of a shell block."""
    lines = block.replace("\\\n", " ").splitlines()
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def expect_printed(example):
    """Hold what a page says is printed against what the block before it has printed, but for numbers."""
    printed = _NUMBER.sub("#", example.namespace["printed"])
    for line in example.parsed.splitlines():
        if line.strip() != _LEFT_OUT:
            assert _NUMBER.sub("#", line.strip()) in printed, f"not printed: {line}"


def pictures_of(document):
    """Find the pictures of a page."""
    for found in _PICTURE.finditer(document.text):
        picture = Picture(Path(document.path).parent / found["shown"], Path(found["made"]))
        yield Region(found.start(), found.end(), picture, expect_made)


def expect_made(example):
    """Make sure that the reader has the picture that the page shows; remember both."""
    assert example.parsed.made.is_file(), f"the page shows {example.parsed.made}, which nothing has made"
    example.namespace.setdefault("pictures", []).append(example.parsed)


PAGE = Sybil(
    [
        SkipParser(),
        PythonCodeBlockParser(),
        CodeBlockParser("shell", type_commands),
        CodeBlockParser("text", expect_printed),
        pictures_of,
    ]
)


def follow(page):
    """Do in the working directory what a page says, in order; return the pictures that it shows."""
    document = PAGE.parse(page)
    for example in document.examples():
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            example.evaluate()
        if printed.getvalue():
            document.namespace["printed"] = printed.getvalue()
    return document.namespace.get("pictures", [])
