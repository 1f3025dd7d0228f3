from pathlib import Path

import mido
import numpy as np
import pytest

from drumvae import grooves
from drumvae.data.grooves import load_grooves
from drumvae.data.kit import INSTRUMENTS, STEPS, Bars
from drumvae.data.midi_grooves import write_beat
from drumvae.data.rules import STYLES, Rules, bundled_rules
from manymodes.cli import UserError

pytestmark = pytest.mark.usefixtures("unwatched")

SNARE = INSTRUMENTS.index("snare")


def bars_of(seed, count=2):
    """Return bars that differ from those of any other seed."""
    hits = np.random.default_rng(seed).random((count, STEPS, len(INSTRUMENTS))) < 0.2
    hits[:, 4, SNARE] = True
    return Bars.of(hits, np.full(hits.shape, 0.6), np.zeros(hits.shape), tempo=100)


def write(folder, *names, bars=2):
    """Write files of other bars each."""
    for name in names:
        write_beat(folder / name, bars_of(list(name.encode()), bars))


def splits(grooves):
    return {"train": grooves.train, "validation": grooves.validation, "test": grooves.test}


def files_of(grooves):
    return {split: set(bars.sources.tolist()) for split, bars in splits(grooves).items()}


def test_bars_by_rule():
    by_rule = load_grooves()
    assert by_rule.styles == STYLES
    assert by_rule.by_rule
    for bars, each in zip(splits(by_rule).values(), (160, 40, 40), strict=True):
        assert np.bincount(bars.styles).tolist() == [each] * 5
        assert bars.hits.any(axis=(1, 2)).all()
        assert {source.split("/")[0] for source in bars.sources} == set(STYLES)
    given_style = [Rules([style]).log_probability(by_rule.test.hits) for style in bundled_rules().styles]
    assert (np.argmax(given_style, axis=0) == by_rule.test.styles).mean() >= 0.98
    assert load_grooves(seed=0).fingerprint == by_rule.fingerprint != load_grooves(seed=1).fingerprint


def test_a_sub_folder_is_a_style_and_a_file_is_in_one_split(tmp_path):
    names = [f"{style}/{part}/{number}.mid" for style in ("polka", "waltz") for part in "ab" for number in range(10)]
    write(tmp_path, *names)
    grooves = load_grooves(tmp_path)
    assert grooves.styles == ("polka", "waltz")
    files = files_of(grooves)
    assert sorted(file for split in files.values() for file in split) == sorted(names)
    assert {split: len(result) for split, result in files.items()} == {"train": 32, "validation": 4, "test": 4}
    for bars in splits(grooves).values():
        assert [grooves.styles[style] for style in bars.styles] == [file.split("/")[0] for file in bars.sources]
        assert set(bars.styles.tolist()) == {0, 1}
    again, other = load_grooves(tmp_path), load_grooves(tmp_path, seed=5)
    assert grooves.fingerprint == again.fingerprint != other.fingerprint
    assert files != files_of(other)


def test_files_outside_of_folders(tmp_path):
    folder = tmp_path / "my beats"
    write(folder, "1.mid", "2.MID", "3.midi")
    assert load_grooves(folder).styles == ("my beats",)
    write(folder, "funk/1.mid", "funk/2.mid", "funk/3.mid")
    grooves = load_grooves(folder)
    assert grooves.styles == ("funk",)
    reason = "it is in no sub-folder, so it has no style"
    assert dict(grooves.skipped) == dict.fromkeys(("1.mid", "2.MID", "3.midi"), reason)


def test_what_is_skipped_is_listed_with_the_reason(tmp_path):
    write(tmp_path, *(f"funk/{number}.mid" for number in range(3)))
    (tmp_path / "funk" / "copy.mid").write_bytes((tmp_path / "funk" / "1.mid").read_bytes())
    (tmp_path / "funk" / "empty.mid").touch()
    (tmp_path / "funk" / "words.mid").write_text("these are words, not notes")
    (tmp_path / "funk" / "gone.mid").symlink_to("nowhere")
    (tmp_path / "funk" / "._1.mid").write_text("a double of macOS")
    write(tmp_path / ".hidden", "1.mid")
    grooves = load_grooves(tmp_path)
    reasons = dict(grooves.skipped)
    assert reasons["funk/copy.mid"] == "has the same bars as funk/1.mid"
    assert reasons["funk/empty.mid"] == "empty file"
    assert "not a MIDI file" in reasons["funk/words.mid"]
    assert len(reasons) == 3
    assert all(f"    {name}: {reason}" in grooves.table() for name, reason in grooves.skipped)


def test_silent_bars_are_left_out_and_other_notes_counted(tmp_path):
    write(tmp_path, *(f"funk/{number}.mid" for number in range(3)), bars=3)
    path = tmp_path / "funk" / "a.mid"
    bars = bars_of(9, 3)
    bars.hits[1] = False
    write_beat(path, bars)
    file = mido.MidiFile(path)
    for message in file.tracks[0]:
        if message.type == "note_on" and message.note == 38:
            message.note = 56
    file.save(path)
    grooves = load_grooves(tmp_path)
    assert grooves.empty == 1
    assert sum(map(len, splits(grooves).values())) == 11
    assert grooves.unmapped == {56: bars.hits[:, :, SNARE].sum()}
    assert f"56 Cowbell {grooves.unmapped[56]}" in grooves.table()
    assert "bars without a hit, left out: 1" in grooves.table()


def test_a_folder_called_styles(tmp_path, monkeypatch):
    write(tmp_path, *(f"styles/funk/{number}.mid" for number in range(3)))
    monkeypatch.chdir(tmp_path)
    for source in ("./styles", Path("styles")):
        assert not load_grooves(source).by_rule
    assert load_grooves("styles").by_rule


def test_the_index_has_styles_and_splits(tmp_path):
    rows = [
        ("a/1.mid", "rock", "train", "4-4"),
        ("a/2.mid", "rock/halftime", "test", "4-4"),
        ("a/3.mid", "afrocuban/bembe", "train", "4-4"),
        ("a/4.mid", "latin/samba", "validation", "4-4"),
        ("b/5.mid", "funk", "train", "4-4"),
        ("b/6.mid", "jazz", "train", "3-4"),
        ("b/7.mid", "jazz", "elsewhere", "4-4"),
        ("b/8.mid", "jazz", "train", "4-4"),
    ]
    write(tmp_path, *(row[0] for row in rows[:-1]))
    header = ("midi_filename", "style", "split", "time_signature", "drummer")
    (tmp_path / "info.csv").write_text("\n".join(",".join(row) for row in (header, *rows)))
    grooves = load_grooves(tmp_path)
    assert grooves.styles == ("rock", "latin")
    assert files_of(grooves) == {"train": {"a/1.mid", "a/3.mid"}, "validation": {"a/4.mid"}, "test": {"a/2.mid"}}
    assert grooves.train.styles.tolist() == [0, 0, 1, 1]
    assert grooves.left_out == {"funk": 1}
    assert dict(grooves.skipped) == {
        "b/6.mid": "its metre is 3/4, not 4/4",
        "b/7.mid": "info.csv gives it the split 'elsewhere', which is none of train, validation, test",
        "b/8.mid": "cannot be read: No such file or directory",
    }
    assert "files of other styles, left out: funk 1" in grooves.table()


def test_an_index_without_the_columns(tmp_path):
    (tmp_path / "info.csv").write_text("drummer,style,split\n")
    with pytest.raises(UserError, match=r"info\.csv has no column midi_filename, time_signature"):
        load_grooves(tmp_path)


def test_the_command_shows_grooves(completed, tmp_path):
    out = completed(grooves.main, "--per-style", 10)
    assert f"entropy: {bundled_rules().entropy_bound().total_nats:.2f} ±" in out
    assert out.count("kick  ") == len(STYLES)
    write(tmp_path, *(f"funk/{number}.mid" for number in range(4)))
    out = completed(grooves.main, "--grooves", tmp_path, "--show", "Funk")
    assert "entropy" not in out
    assert "\nfunk: funk/" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--grooves", "nowhere"], "nowhere does not exist: give a folder"),
        (["--grooves", __file__], "is a file: give a folder"),
        (["--grooves", ""], "--grooves is empty"),
        (["--grooves", Path(__file__).parent], "no drums in"),
        (["--show", "polka"], "--show: unknown style 'polka'; choose from rock, jazz"),
        (["--per-style", "1"], "'1' is not a whole number of at least 2"),
    ],
)
def test_errors_are_one_line(refused, arguments, message):
    assert message in refused(grooves.main, *arguments)
