import json
import zipfile

from studiomodels import tune_archive

from manymodes_studio.judge import judge


def test_two_archives_give_the_report(tmp_path):
    generated = tune_archive(tmp_path / "gen.zip")
    with zipfile.ZipFile(generated, "a") as opened:
        opened.writestr("readme.txt", "hello")
        opened.writestr("broken.mid", b"MThd of nothing")
    folder = tmp_path / "visitor"
    folder.mkdir()
    result = judge([generated], [tune_archive(tmp_path / "org.zip", seed=1)], folder)
    assert len(result.sentences) == 4
    assert all(result.sentences)
    assert result.remarks == (
        "generated: 1 file skipped: not MIDI",
        "1 file without notes; the report lists the reasons",
    )
    files = {file.name: file.read_text(encoding="utf-8") for file in result.files}
    assert list(files) == ["index.html", "report.json", "features.csv"]
    assert files["index.html"].startswith("<!doctype html>")
    assert all(file.is_relative_to(folder) for file in result.files)
    assert str(tmp_path) not in json.loads(files["report.json"])["command"]
