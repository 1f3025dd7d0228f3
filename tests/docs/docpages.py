"""The pages of the documentation: run their blocks, check their pictures."""

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
        shown: the file on the page.
        made: the file that the commands of the page write; the picture's title names it.
    """

    shown: Path
    made: Path


def type_commands(example):
    """Run the commands of a block in this process, which has loaded TensorFlow already."""
    for words in commands_in(example.parsed):
        assert words[:2] == ["python", "-m"], f"tutorials may only use python -m: {words}"
        _, _, verb, *arguments = words
        with pytest.raises(SystemExit) as ended:
            cli.run(importlib.import_module(module_of(verb)).main, arguments)
        assert ended.value.code == 0, f"{shlex.join(words)} ended with {ended.value.code}"


def commands_in(block):
    """Return the words of each command of a shell block."""
    lines = block.replace("\\\n", " ").splitlines()
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def expect_printed(example):
    """Compare a block of text with the output of the block before it; numbers may differ."""
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
    """Check that the commands of the page made its picture; remember both."""
    assert example.parsed.made.is_file(), f"no command makes the picture {example.parsed.made}"
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
    """Run the blocks of a page in the working directory, in order; return its pictures."""
    document = PAGE.parse(page)
    for example in document.examples():
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            example.evaluate()
        if printed.getvalue():
            document.namespace["printed"] = printed.getvalue()
    return document.namespace.get("pictures", [])
