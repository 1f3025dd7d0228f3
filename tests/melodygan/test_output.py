from scores import random_tunes

from melodygan.composing import numbers
from melodygan.data.encoding import Note, Tune
from melodygan.data.given import read_given
from melodygan.output import write_originals, write_tunes


def names_in(folder):
    return sorted(path.name for path in folder.glob("*.mid"))


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


def test_tunes_are_written_with_metre_upbeat_and_mode(unwatched, tmp_path):
    line = (Note(64, 2), *[Note(69, 4), Note(72, 2), Note(71, 6)] * 4)
    known = Tune(line, "known", key="E minor", meter="6/8", pickup_steps=2)
    unknown = Tune(line, "unknown")  # the bar lines are those that fit
    write_tunes(tmp_path / "gen", [known, unknown], ["known", "unknown"])
    for name in ("known", "unknown"):
        given = read_given(str(tmp_path / "gen" / f"{name}.mid"))
        assert (given.form.meter, given.upbeat, given.notes) == ("6/8", 2, line)
    assert read_given(str(tmp_path / "gen" / "known.mid")).form.mode == "minor"


def test_however_many_files_stay_in_order(tmp_path):
    names = [str(number) for number in range(11)]
    write_originals(tmp_path / "org", [Tune((Note(60, 4),), name) for name in names], len(names), seed=0)
    assert [name.removesuffix(".mid").partition("-")[2] for name in names_in(tmp_path / "org")] == names
    assert list(numbers(1001)) == sorted(numbers(1001))


def test_names_of_tunes_become_names_of_files(tmp_path):
    names = ["../../etc/passwd", "Mädchen, warum?", "", "…", "a" * 300, "same", "same"]
    tunes = [Tune((Note(60, 4),), name) for name in names]
    assert write_originals(tmp_path / "org", tunes, 10, seed=0) == 7
    assert [path.name for path in tmp_path.iterdir()] == ["org"]
    stems = [name.removesuffix(".mid").partition("-")[2] for name in names_in(tmp_path / "org")]
    assert stems == ["etc-passwd", "Mädchen--warum", "tune", "tune", "a" * 60, "same", "same"]
