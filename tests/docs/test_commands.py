"""No page names a command that does not exist or an option that its command does not know."""

import functools
import re
import shlex

import pytest
from commandlines import options_of, parser_of
from test_architecture import PACKAGES, ROOT, commands

PAGES = sorted(
    path
    for pattern in ("*.md", "data/*.md", "docs/**/*.md", "evaluation/*.md", "results/*.md")
    for path in ROOT.glob(pattern)
    if not path.is_symlink()
)
# A command in a block of shell lines, in an indented block or between backticks; a line that ends with \ goes on.
_COMMAND = re.compile(r"python -m (?P<rest>\w(?:[^`\n\\]|\\\n)+)")
_OPTION = re.compile(r"--[a-z][a-z0-9-]*")
_ALONE = re.compile(r"`(--[a-z][a-z0-9-]*)[^`]*`")
_COMMENT = re.compile(r"\s{2,}#.*")
# Placeholders; a command with one is not parsed.
_PLACEHOLDER = re.compile(r"[…\[|]|\b[A-Z]{3,}\b")
_NOT_OURS = {"pip", "pytest", "pre_commit", "venv", "http.server"}


def commands_of(text):
    """Return the name of each command in a text, and its arguments."""
    commands = []
    for match in _COMMAND.finditer(text):
        verb, *rest = _COMMENT.sub("", match["rest"].replace("\\\n", " ")).split(" ", 1)
        if verb.strip() not in _NOT_OURS:
            commands.append((verb.strip(), "".join(rest)))
    return commands


def mistakes_of(text):
    """Return the mistakes in the commands of a text."""
    mistakes = []
    for verb, rest in commands_of(text):
        if verb.split(".")[0] not in PACKAGES:
            mistakes.append(f"{verb}: no package of the project")
            continue
        parser = parser_of(verb)
        mistakes += [f"{verb}: no option {name}" for name in sorted({*_OPTION.findall(rest)} - options_of(parser))]
        if not _PLACEHOLDER.search(rest):
            try:
                parser.parse_args(shlex.split(rest))
            except SystemExit as ended:
                if ended.code:  # not --help
                    mistakes.append(f"{verb}: {rest} is refused")
    return mistakes


@functools.cache
def known_options():
    """Return the options of all commands; `manymodes` hands its own to one of them."""
    return {option for verb in commands() if verb != "manymodes" for option in options_of(parser_of(verb))}


def test_pages_have_commands():
    named = {verb for page in PAGES for verb, _ in commands_of(page.read_text(encoding="utf-8"))}
    assert {verb.split(".")[0] for verb in named} >= {"audiovae", "drumvae", "evaluation", "fontgan", "melodygan"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_parsers_accept_all_commands(page):
    assert mistakes_of(page.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_options_named_alone_exist(page):
    assert set(_ALONE.findall(page.read_text(encoding="utf-8"))) - known_options() == set()


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("`python -m fontgan.train --fix none`", None),
        ("    python -m fontgan.train --fix none  # says so\n", None),
        ("`python -m fontgan.train --fix MINE --epochs 3`", None),
        ("`python -m fontgan.train --fix nothing`", "fontgan.train: --fix nothing is refused"),
        ("`python -m fontgan.train --fixes none …`", "fontgan.train: no option --fixes"),
        ("`python -m fontgan.train \\\n  --epochs many`", "fontgan.train:    --epochs many is refused"),
        ("`python -m audiovae.codec encode a.wav a.codes --force`", None),
        ("`python -m typewriter.train`", "typewriter.train: no package of the project"),
    ],
)
def test_mistakes_are_found(text, mistake):
    assert mistakes_of(text) == ([mistake] if mistake else [])
