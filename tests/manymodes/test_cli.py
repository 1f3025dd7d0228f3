import argparse
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manymodes import cli

steady = settings(deadline=None, derandomize=True, max_examples=100)

TYPES = {
    "positive_int": cli.positive_int,
    "non_negative_int": cli.non_negative_int,
    "positive_float": cli.positive_float,
    "non_negative_float": cli.non_negative_float,
    "probability": cli.probability,
    "seed_value": cli.seed_value,
    "between": cli.between(-1, 2.5, "a slope"),
}


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("positive_int", "1", 1),
        ("non_negative_int", "0", 0),
        ("positive_float", "1e-300", 1e-300),
        ("non_negative_float", "0", 0.0),
        ("probability", "1", 1.0),
        ("seed_value", "2147483647", 2147483647),
        ("between", "2.5", 2.5),
    ],
)
def test_the_limits_are_accepted(name, text, value):
    converted = TYPES[name](text)
    assert converted == value
    assert type(converted) is type(value)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("positive_int", "0", "'0' is not a whole number of at least 1"),
        ("positive_int", "1.5", "'1.5' is not a whole number of at least 1"),
        ("positive_int", "", "'' is not a whole number of at least 1"),
        ("non_negative_int", "-1", "'-1' is not a whole number of at least 0"),
        ("positive_float", "-0.0", "'-0.0' is not a number above 0"),
        ("non_negative_float", "-1e-9", "'-1e-9' is not a number of at least 0"),
        ("probability", "1.0000001", "'1.0000001' is not a number above 0 and at most 1"),
        ("seed_value", "2147483648", "'2147483648' is not a seed: give a whole number from 0 to 2147483647"),
        ("between", "2.51", "'2.51' is not a slope from -1 to 2.5"),
    ],
)
def test_other_values_are_refused(name, text, message):
    with pytest.raises(argparse.ArgumentTypeError) as refusal:
        TYPES[name](text)
    assert str(refusal.value) == message


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "Infinity", "1e999", "NaN", "9" * 5000])
@pytest.mark.parametrize("name", TYPES)
def test_nothing_without_end_is_a_number(name, text):
    if name.endswith("int") and text.isdecimal():
        text = "1e5000"
    with pytest.raises(argparse.ArgumentTypeError, match="is not a"):
        TYPES[name](text)


@steady
@given(
    st.floats(allow_nan=True, allow_infinity=True), st.sampled_from([0.0, -1.0, 0.3]), st.sampled_from([0.3, 1.0, 7.0])
)
def test_between_accepts_exactly_what_lies_between(value, least, most):
    convert = cli.between(least, most, "a number")
    if least <= value <= most:
        assert convert(repr(value)) == value
    else:
        with pytest.raises(argparse.ArgumentTypeError):
            convert(repr(value))


# --- the parser


def example_parser():
    parser = cli.parser("package.verb", "What it does.", "  python -m package.verb --count 3")
    parser.add_argument("--count", type=cli.positive_int)
    return parser


def test_help_shows_the_example(capsys):
    with pytest.raises(SystemExit) as end:
        example_parser().parse_args(["--help"])
    assert end.value.code == 0
    text = capsys.readouterr().out
    assert text.startswith("usage: python -m package.verb")
    assert text.endswith("example:\n  python -m package.verb --count 3\n")
    assert "What it does." in text


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["--count", "0"], "argument --count: '0' is not a whole number of at least 1"),
        (["--count", "a\nb"], r"argument --count: 'a\nb' is not a whole number of at least 1"),
        (["--count"], "argument --count: expected one argument"),
        (["--cou", "3"], "unrecognized arguments: --cou 3"),
        (["two\nlines"], "unrecognized arguments: two lines"),
    ],
)
def test_a_wrong_argument_is_one_line_without_usage(capsys, argv, expected):
    with pytest.raises(SystemExit) as end:
        example_parser().parse_args(argv)
    assert end.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == f"python -m package.verb: error: {expected} (see --help)\n"


# --- running a verb


def test_a_mistake_of_the_user_is_one_line(capsys):
    def verb(argv):
        raise cli.UserError("a.mid is broken:\n  line 3\n\tgive another\n")

    with pytest.raises(SystemExit) as end:
        cli.run(verb)
    assert end.value.code == 2
    assert capsys.readouterr() == ("", "error: a.mid is broken: line 3 give another\n")


def test_ctrl_c_is_no_traceback(capsys):
    def verb(argv):
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as end:
        cli.run(verb)
    assert end.value.code == 130
    assert capsys.readouterr() == ("", "interrupted\n")


@pytest.mark.parametrize("lines", [1, 100_000])
def test_a_reader_who_has_had_enough_is_no_error(lines):
    program = f"from manymodes import cli; cli.run(lambda argv: print('line\\n' * {lines}))"
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as verb:
        verb.stdout.close()
        errors = verb.stderr.read()
    assert errors == b""
    assert verb.returncode == 1


# --- files


def test_an_existing_file(tmp_path, monkeypatch):
    file = tmp_path / "tune.mid"
    file.write_bytes(b"x")
    assert cli.existing_file(file, "--start") == file
    assert cli.existing_file(str(file), "--start") == file
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cli.existing_file("~/tune.mid", "--start") == file


def test_no_file(tmp_path):
    with pytest.raises(cli.UserError) as missing:
        cli.existing_file(tmp_path / "no.mid", "--start")
    assert str(missing.value) == f"--start {tmp_path / 'no.mid'} does not exist: give the path of a file"
    with pytest.raises(cli.UserError) as folder:
        cli.existing_file(tmp_path, "--start")
    assert str(folder.value) == f"--start {tmp_path} is a folder: give the path of a file"
