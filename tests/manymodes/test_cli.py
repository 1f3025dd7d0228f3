import argparse
import os
import signal
import subprocess
import sys

import pytest

from manymodes import cli

POWER, SLOPE = cli.integer(2, 8, "a power"), cli.between(-1, 2.5, "a slope")


@pytest.mark.parametrize(
    ("convert", "value", "outside", "message"),
    [
        (cli.positive_int, 1, "0", "a whole number of at least 1"),
        (cli.positive_int, 1, "1.5", "a whole number of at least 1"),
        (cli.positive_int, 1, "", "a whole number of at least 1"),
        (POWER, 8, "9", "a power from 2 to 8"),
        (cli.positive_float, 1e-300, "-0.0", "a number above 0"),
        (cli.non_negative_float, 0.0, "-1e-9", "a number of at least 0"),
        (cli.probability, 1.0, "1.0000001", "a number above 0 and at most 1"),
        (cli.seed_value, 2**31 - 1, "2147483648", "a seed: give a whole number from 0 to 2147483647"),
        (SLOPE, 2.5, "2.51", "a slope from -1 to 2.5"),
        (SLOPE, -1.0, "-1.01", "a slope from -1 to 2.5"),
    ],
)
def test_the_limits_are_accepted_and_values_outside_are_rejected(convert, value, outside, message):
    converted = convert(str(value))
    assert (converted, type(converted)) == (value, type(value))
    for text in (outside, "nan", "inf", "-inf", "1e999", "9" * 5000):
        with pytest.raises(argparse.ArgumentTypeError) as rejected:
            convert(text)
        assert str(rejected.value) == f"{text!r} is not {message}"


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["--count", "0"], "argument --count: '0' is not a whole number of at least 1"),
        (["--count", "a\nb"], r"argument --count: 'a\nb' is not a whole number of at least 1"),
        (["--cou", "3"], "unrecognized arguments: --cou 3"),
        (["two\nlines"], "unrecognized arguments: two lines"),
    ],
)
def test_a_wrong_argument_is_one_line_without_usage(capsys, argv, expected):
    parser = cli.parser("package.verb", "What it does.", "  python -m package.verb --count 3")
    parser.add_argument("--count", type=cli.positive_int)
    with pytest.raises(SystemExit) as end:
        parser.parse_args(argv)
    assert end.value.code == 2
    assert capsys.readouterr() == ("", f"python -m package.verb: error: {expected} (see --help)\n")


def test_an_error_is_one_line_without_traceback(at_prompt):
    def main(argv):
        raise cli.UserError("a.mid is broken:\n  line 3\n\tgive another\n")

    assert at_prompt(main) == (2, "", "error: a.mid is broken: line 3 give another\n")


@pytest.mark.parametrize("lines", [1, 100_000])
def test_a_closed_pipe_ends_the_output_without_an_error(lines):
    program = f"from manymodes import cli; cli.run(lambda argv: print('line\\n' * {lines}))"
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as command:
        command.stdout.close()
        errors = command.stderr.read()
    assert (errors, command.returncode) == (b"", 1)


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_signal_to_end_counts_as_ctrl_c_unless_it_is_ignored(name):
    number = getattr(signal, name)
    program = f"import signal, sys; from manymodes import cli; cli.run(lambda argv: signal.raise_signal({number}) or 0)"
    for prefix, code, errors in (("", 130, "interrupted\n"), (f"trap '' {number}; ", 0, "")):
        command = ["sh", "-c", f'{prefix}exec "$0" -c "$1"', sys.executable, program]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (run.returncode, run.stderr) == (code, errors)


def test_an_existing_file(tmp_path, monkeypatch):
    (tmp_path / "tune.mid").touch()
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cli.existing_file("~/tune.mid", "--start") == tmp_path / "tune.mid"
    os.mkfifo(tmp_path / "pipe.mid")
    places = {"no.mid": "does not exist", ".": "is a folder", "pipe.mid": "is a pipe or device"}
    for path, problem in ((tmp_path / name, problem) for name, problem in places.items()):
        with pytest.raises(cli.UserError) as error:
            cli.existing_file(path, "--start")
        assert str(error.value) == f"--start {path} {problem}: give the path of a file"


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("wav", ("wav",)),
        (" WAV , midi,wav", ("midi", "wav")),
        ("midi,", "unknown format ''; choose from midi, wav, png"),
        ("mid", "unknown format 'mid'; did you mean midi? choose from midi, wav, png"),
    ],
)
def test_several_names_in_one_option(text, result):
    convert = cli.some_of(("midi", "wav", "png"), "format")
    if isinstance(result, tuple):
        assert convert(text) == result
    else:
        with pytest.raises(argparse.ArgumentTypeError) as error:
            convert(text)
        assert str(error.value) == result
