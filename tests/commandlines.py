"""The parsers that the verbs read their command lines with."""

import argparse
import functools
import importlib
from pathlib import Path
from unittest import mock

import pytest

ROOT = Path(__file__).parents[1]


class _CaughtError(Exception):
    """Carries the parser of a verb."""


def module_of(verb):
    """Return the module that `python -m VERB` runs."""
    return f"{verb}.__main__" if (ROOT / verb.replace(".", "/")).is_dir() else verb


@functools.cache
def parser_of(verb):
    """Return the parser that a verb reads its command line with."""

    def catch(parser, *_):
        raise _CaughtError(parser)

    with mock.patch.object(argparse.ArgumentParser, "parse_args", catch), pytest.raises(_CaughtError) as caught:
        importlib.import_module(module_of(verb)).main([])
    return caught.value.args[0]


def options_of(parser):
    """Return all options of a parser and of those within it."""
    result = set()
    for action in parser._actions:
        result.update(action.option_strings)
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                result |= options_of(inner)
    return result
