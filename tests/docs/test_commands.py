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
    """Return the module of each command in a text, and its arguments."""
    commands = []
    for match in _COMMAND.finditer(text):
        name, _, rest = _COMMENT.sub("", match["rest"].replace("\\\n", " ")).partition(" ")
        if name.strip() not in _NOT_OURS:
            commands.append((name.strip(), rest))
    return commands


def mistakes_of(text):
    """Return the mistakes in the commands of a text, and options named alone that no command has."""
    mistakes = [f"no option {name}" for name in sorted({*_ALONE.findall(text)} - known_options())]
    for name, rest in commands_of(text):
        if name.split(".")[0] not in PACKAGES:
            mistakes.append(f"{name}: no package of the project")
            continue
        parser = parser_of(name)
        mistakes += [f"{name}: no option {option}" for option in sorted({*_OPTION.findall(rest)} - options_of(parser))]
        if not _PLACEHOLDER.search(rest):
            try:
                parser.parse_args(shlex.split(rest))
            except SystemExit as ended:
                if ended.code:  # not --help
                    mistakes.append(f"{name}: {rest} is refused")
    return mistakes


@functools.cache
def known_options():
    """Return the options of all commands; `manymodes` has only those of the others."""
    return {option for name in commands() if name != "manymodes" for option in options_of(parser_of(name))}


def test_pages_have_commands():
    named = {name for page in PAGES for name, _ in commands_of(page.read_text(encoding="utf-8"))}
    assert {name.split(".")[0] for name in named} >= {"audiovae", "drumvae", "evaluation", "fontgan", "melodygan"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_all_commands_and_options_of_a_page_exist(page):
    assert mistakes_of(page.read_text(encoding="utf-8")) == []
