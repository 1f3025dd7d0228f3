import pytest

from manymodes.files import Skipped, in_columns, skipped_lines

ROWS = [("style", "file", "bars"), ("rock", "a.mid", "1,000"), ("jazz", "long.mid", "7")]
SKIPPED = [Skipped(f"{number}.wav", "it is silent") for number in range(1200)]


@pytest.mark.parametrize(
    ("left", "lines"),
    [
        (1, ["style      file   bars", "rock      a.mid  1,000", "jazz   long.mid      7"]),
        (2, ["style  file       bars", "rock   a.mid     1,000", "jazz   long.mid      7"]),
    ],
)
def test_columns_stand_under_each_other(left, lines):
    assert in_columns(ROWS, left) == lines


def test_some_of_what_is_skipped_is_named_and_the_rest_counted():
    assert skipped_lines([], 2) == []
    assert skipped_lines(SKIPPED[:2], 2) == ["skipped: 2", "    0.wav: it is silent", "    1.wav: it is silent"]
    assert skipped_lines(SKIPPED, 1) == ["skipped: 1,200", "    0.wav: it is silent", "    and 1,199 more"]
