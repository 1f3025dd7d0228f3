import keras
import mido
import pytest
from scores import random_tunes

from manymodes.cli import UserError
from manymodes.files import save_keras
from manymodes.music.score import Score
from melodygan.data.encoding import Note, Tune
from melodygan.output import load_model, numbers, score_of, write_originals, write_scores, write_tunes

TUNES = (
    (Note(60, 4), Note(None, 2), Note(64, 6)),
    (Note(None, 4), Note(67, 16)),
)


def played(path):
    """Read a MIDI file: (onset, length, pitch) in sixteenths, its instruments, its tempo in quarters a minute."""
    file = mido.MidiFile(path)
    step = file.ticks_per_beat / 4
    now, notes, sounding = 0, [], {}
    for message in file.tracks[0]:
        now += message.time
        if message.type == "note_on":
            sounding[message.note] = now
        elif message.type == "note_off":
            onset = sounding.pop(message.note)
            notes.append((onset / step, (now - onset) / step, message.note))
    assert not sounding
    programs = {message.program for message in file.tracks[0] if message.type == "program_change"}
    (tempo,) = [mido.tempo2bpm(message.tempo) for message in file.tracks[0] if message.type == "set_tempo"]
    return notes, programs, tempo


def names_in(folder):
    return sorted(path.name for path in folder.glob("*.mid"))


def test_tunes_are_written_with_their_rests(tmp_path):
    write_tunes(tmp_path / "gen", TUNES, tempo=90, program=40)
    assert names_in(tmp_path / "gen") == ["001.mid", "002.mid"]
    notes, programs, tempo = played(tmp_path / "gen" / "001.mid")
    assert notes == [(0, 4, 60), (6, 6, 64)]
    assert programs == {40}
    assert tempo == pytest.approx(90, abs=1e-3)
    assert played(tmp_path / "gen" / "002.mid")[0] == [(4, 16, 67)]


def test_a_folder_that_exists_is_kept_under_a_number(tmp_path):
    write_tunes(tmp_path / "gen", TUNES)
    write_tunes(tmp_path / "gen", TUNES[:1])
    assert names_in(tmp_path / "gen") == ["001.mid"]
    assert names_in(tmp_path / "gen-1") == ["001.mid", "002.mid"]


def test_scores_join_those_that_are_there(tmp_path):
    scores = [Score(notes, name) for name, notes in zip(numbers(2), TUNES, strict=True)]
    write_scores(tmp_path / "out", scores)
    written = write_scores(tmp_path / "out", scores)
    assert [path.name for path in written] == ["003.mid", "004.mid"]
    assert names_in(tmp_path / "out") == ["001.mid", "002.mid", "003.mid", "004.mid"]


def test_more_than_a_thousand_stay_in_order(tmp_path):
    write_tunes(tmp_path / "gen", [((Note(60, 1)),)] * 1000)
    names = names_in(tmp_path / "gen")
    assert (names[0], names[-1], len(names)) == ("0001.mid", "1000.mid", 1000)


def test_originals_are_drawn_from_the_seed(tmp_path):
    tunes = random_tunes(12)

    def drawn(name, **options):
        written = write_originals(tmp_path / name, tunes, **options)
        assert written == len(names_in(tmp_path / name))
        return {n.split("-", 1)[1]: (tmp_path / name / n).read_bytes() for n in names_in(tmp_path / name)}

    first = drawn("a", count=5, seed=1)
    assert len(first) == 5
    assert drawn("b", count=5, seed=1) == first
    assert drawn("c", count=5, seed=2).keys() != first.keys()
    everything = drawn("d", count=100, seed=1)
    assert everything.keys() == {f"dice-{number}.mid" for number in range(1, 13)}
    assert first.items() <= everything.items()


def test_names_of_tunes_become_names_of_files(tmp_path):
    names = ["../../etc/passwd", "Mädchen, warum?", "", "…", "a" * 300, "same", "same"]
    tunes = [Tune((Note(60, 4),), name) for name in names]
    assert write_originals(tmp_path / "org", tunes, 10, seed=0) == 7
    assert [path.name for path in tmp_path.iterdir()] == ["org"]
    stems = [name.removesuffix(".mid").partition("-")[2] for name in names_in(tmp_path / "org")]
    assert stems == ["etc-passwd", "Mädchen--warum", "tune", "tune", "a" * 60, "same", "same"]


# --- scores


def test_a_folder_of_scores(tmp_path):
    scores = [Score(notes, name) for notes, name in zip(TUNES, numbers(2), strict=True)]
    write_scores(tmp_path / "gen", scores, ("midi", "abc", "svg"))
    suffixes = (".abc", ".mid", ".svg")
    files = [path.name for path in sorted((tmp_path / "gen").glob("[!.]*"))]
    assert files == [f"{number}{suffix}" for number in ("001", "002") for suffix in suffixes]


def test_numbers_stay_in_order():
    assert numbers(2) == ["001", "002"]
    assert numbers(1000)[-1] == "1000"
    assert numbers(1000) == sorted(numbers(1000))


@pytest.mark.parametrize(
    ("last", "fifths", "mode"),
    [(60, 0, "major"), (69, 0, "minor"), (67, 0, "major"), (67, 1, "major"), (64, 1, "minor"), (63, -6, "minor")],
)
def test_a_tune_that_ends_on_its_tonic_is_minor(last, fifths, mode):
    notes = [Note(60, 4), Note(last, 8), Note(None, 4)]
    assert score_of(notes, "a", fifths=fifths).mode == mode
    assert score_of(notes, "a", fifths=fifths, mode="major").mode == "major"


def test_bar_lines_of_a_score_are_those_that_fit():
    waltz = [Note(60, 4), *[Note(64, 8), Note(67, 4)] * 7, Note(60, 8)]
    found = score_of(waltz, "a waltz", tempo=90, program=3)
    assert (found.meter, found.upbeat, found.tempo, found.program) == ("3/4", 4, 90, 3)
    assert score_of(waltz, "a waltz", meters=["4/4"]).meter == "4/4"


# --- models


def refusal(path):
    with pytest.raises(UserError) as caught:
        load_model(path)
    text = str(caught.value)
    assert text.startswith("--model")
    return text


def test_what_is_no_model(tmp_path):
    assert "does not exist" in refusal(tmp_path / "model.keras")
    assert "is a folder" in refusal(tmp_path)
    (tmp_path / "notes.txt").write_text("no model", encoding="utf-8")
    assert "is not a .keras file" in refusal(tmp_path / "notes.txt")


def test_a_model_of_somebody_elses(tmp_path):
    stranger = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    save_keras(stranger, tmp_path / "model.keras")
    assert "holds a Sequential, not a melody model" in refusal(tmp_path / "model.keras")
    whole = (tmp_path / "model.keras").read_bytes()
    (tmp_path / "model.keras").write_bytes(whole.replace(b"config.json", b"cinfog.json"))
    assert "is not a .keras file" in refusal(tmp_path / "model.keras")
