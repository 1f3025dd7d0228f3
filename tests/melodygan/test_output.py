from scores import played, random_tunes

from melodygan.data.encoding import Note, Tune
from melodygan.output import write_originals, write_tunes

TUNES = (
    (Note(60, 4), Note(None, 2), Note(64, 6)),
    (Note(None, 4), Note(67, 16)),
)


def names_in(folder):
    return sorted(path.name for path in folder.glob("*.mid"))


def test_tunes_are_written_with_their_rests(tmp_path):
    write_tunes(tmp_path / "gen", TUNES)
    assert names_in(tmp_path / "gen") == ["001.mid", "002.mid"]
    notes, _, _ = played(tmp_path / "gen" / "001.mid")
    assert notes == [(0, 4, 60), (6, 6, 64)]
    assert played(tmp_path / "gen" / "002.mid")[0] == [(4, 16, 67)]


def test_a_folder_that_exists_is_kept_under_a_number(tmp_path):
    write_tunes(tmp_path / "gen", TUNES)
    write_tunes(tmp_path / "gen", TUNES[:1])
    assert names_in(tmp_path / "gen") == ["001.mid"]
    assert names_in(tmp_path / "gen-1") == ["001.mid", "002.mid"]


def test_more_than_a_thousand_stay_in_order(tmp_path):
    write_tunes(tmp_path / "gen", [(Note(60, 1),)] * 1000)
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
