import mido
import pytest
from scores import ABC, IN_C, write_midi

from melodygan.encoding import DURATIONS_QUARTERS, Note
from melodygan.start import read_start
from modelkit.cli import UserError


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MANYMODES_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize(
    ("text", "notes"),
    [
        ("C4", (Note(60, 4),)),
        ("C4 D4:0.5 F#4:1.5 r", (Note(60, 4), Note(62, 2), Note(66, 6), Note(None, 4))),
        ("c-1 Bb3 G##5 Abb4 R:0.25", (Note(0, 4), Note(58, 4), Note(81, 4), Note(67, 4), Note(None, 1))),
        ("  B#3\tCb4:4.0  ", (Note(60, 4), Note(59, 16))),
    ],
)
def test_notes_written_out(text, notes):
    assert read_start(text) == notes


@pytest.mark.parametrize("quarters", DURATIONS_QUARTERS)
def test_every_accepted_length(quarters):
    assert read_start(f"E4:{quarters}") == read_start(f"E4:{quarters:g}") == (Note(64, quarters * 4),)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "H4",
        "C",
        "C4:",
        "C4:0.3",
        "C4:-1",
        "C4:nan",
        "C4,D4",
        "C#b4",
        "C4 tune.mid",
        "C10",
        "~nobody-is-so/a.mid",
    ],
)
def test_what_is_no_note_is_named(text):
    with pytest.raises(UserError) as caught:
        read_start(text)
    message = str(caught.value)
    assert message.startswith("--start")
    assert "\n" not in message


def test_many_notes_are_no_file_with_a_long_name():
    assert read_start("C4 D4 " * 200) == (Note(60, 4), Note(62, 4)) * 200


def test_a_file_is_transposed_as_a_corpus_is(tmp_path):
    (tmp_path / "my tune.abc").write_text(ABC, encoding="utf-8")
    assert read_start(str(tmp_path / "my tune.abc")) == IN_C
    write_midi(tmp_path / "tune.mid", [(67, 4), (71, 4)], key="G")
    assert read_start(str(tmp_path / "tune.mid")) == (Note(60, 4), Note(64, 4))


def test_a_file_without_a_tune(tmp_path):
    mido.MidiFile().save(tmp_path / "silence.mid")
    with pytest.raises(UserError, match="no usable tune"):
        read_start(str(tmp_path / "silence.mid"))
