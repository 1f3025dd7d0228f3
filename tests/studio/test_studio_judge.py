import json
import zipfile

import pytest
from studiomodels import tune_archive

from manymodes.cli import UserError
from manymodes_studio.judge import judge


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "visitor"
    path.mkdir()
    return path


def test_two_archives_give_the_report(tmp_path, folder):
    found = judge(tune_archive(tmp_path / "gen.zip"), tune_archive(tmp_path / "org.zip", seed=1), folder)
    assert len(found.sentences) == 3
    assert all(found.sentences)
    assert found.remarks == ()
    assert found.page.startswith("<!doctype html>")
    assert {file.name for file in found.files} == {"index.html", "report.json", "features.csv"}
    assert all(file.is_relative_to(folder) for file in found.files)
    report = next(file for file in found.files if file.suffix == ".json")
    assert str(tmp_path) not in json.loads(report.read_text(encoding="utf-8"))["command"]


def test_copies_are_found(tmp_path, folder):
    same = tune_archive(tmp_path / "same.zip")
    (tmp_path / "again").mkdir()
    found = judge(same, tune_archive(tmp_path / "again" / "same.zip"), folder)
    assert "cop" in found.sentences[2]


def test_what_is_left_out_is_said(tmp_path, folder):
    archive = tune_archive(tmp_path / "gen.zip")
    with zipfile.ZipFile(archive, "a") as opened:
        opened.writestr("readme.txt", "hello")
        opened.writestr("broken.mid", b"MThd of nothing")
    found = judge(archive, tune_archive(tmp_path / "org.zip"), folder)
    assert found.remarks == (
        "generated: 1 file skipped: not MIDI",
        "1 file without notes; the report lists the reasons",
    )


def test_a_missing_or_broken_archive_is_a_message(tmp_path, folder):
    good = tune_archive(tmp_path / "good.zip")
    with pytest.raises(UserError, match="no file was uploaded"):
        judge(good, None, folder)


def test_an_archive_of_broken_files_is_a_message(tmp_path, folder):
    broken = tmp_path / "broken.zip"
    with zipfile.ZipFile(broken, "w") as archive:
        archive.writestr("a.mid", b"MThd of nothing")
    with pytest.raises(UserError, match="not readable"):
        judge(broken, tune_archive(tmp_path / "org.zip"), folder)
