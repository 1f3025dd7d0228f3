# ruff: noqa: PT012 - a failure comes in the middle of the work, after other statements
"""Files and folders are written in one step, and output never overwrites."""

import errno
import json
import multiprocessing
import os
import zipfile

import pytest
from standin import StandInModel

from manymodes.cli import UserError
from manymodes.files import (
    Skipped,
    adding_files,
    is_one_file,
    new_folder,
    replacing_file,
    replacing_folder,
    save_keras,
    skipped_lines,
    write_text,
)


class Failure(Exception):  # noqa: N818 - what happens in the middle of the work
    pass


def test_a_file_is_replaced_only_when_the_block_ends(tmp_path, contents):
    path = tmp_path / "sub" / "file.txt"
    write_text(path, "−½ ♪")
    with replacing_file(path) as partial:
        assert partial.parent == path.parent
        partial.write_text("new", encoding="utf-8")
        assert path.read_bytes() == "−½ ♪".encode()
    assert contents(tmp_path) == {"sub/file.txt": b"new"}


@pytest.mark.parametrize("place", [replacing_file, new_folder, adding_files])
def test_an_error_without_a_name_gets_that_of_the_place(tmp_path, place):
    with pytest.raises(OSError, match=f"No space left on device: '{tmp_path / 'here'}'"), place(tmp_path / "here"):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_two_writers_of_one_file_do_not_share_a_partial_file(tmp_path, contents):
    with replacing_file(tmp_path / "a") as first, replacing_file(tmp_path / "a") as second:
        first.write_text("first")
        second.write_text("second")
    assert contents(tmp_path) == {"a": b"first"}


def test_partial_files_of_a_killed_process_are_removed_and_those_of_a_running_one_stay(tmp_path, contents):
    dead = multiprocessing.get_context("spawn").Process(target=print)
    dead.start()
    dead.join()
    (tmp_path / f".partial-{dead.pid}-0-a.txt").touch()
    (tmp_path / f".partial-{os.getpid()}-x-a.txt").touch()
    write_text(tmp_path / "a.txt", "whole")
    assert contents(tmp_path) == {f".partial-{os.getpid()}-x-a.txt": b"", "a.txt": b"whole"}


def test_saving_leaves_out_the_clock_and_keeps_the_rest(tmp_path, contents):
    save_keras(StandInModel(7, "2024-05-01@10:00:00"), tmp_path / "a.keras")
    save_keras(StandInModel(7, "2031-12-24@18:30:59"), tmp_path / "b.keras")
    save_keras(StandInModel(8), tmp_path / "c.keras")
    files = contents(tmp_path)
    assert sorted(files) == ["a.keras", "b.keras", "c.keras"]
    assert files["a.keras"] == files["b.keras"] != files["c.keras"]
    with zipfile.ZipFile(tmp_path / "a.keras") as archive:
        assert archive.namelist() == ["config.json", "metadata.json", "model.weights.h5"]
        assert {member.date_time for member in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert archive.read("model.weights.h5") == b"7"
        assert json.loads(archive.read("metadata.json"))["keras_version"] == "3"


def test_output_goes_to_one_file_by_the_ending_of_its_name(tmp_path):
    def one(name, count=1, *, force=False):
        return is_one_file(tmp_path / name, (".mid", ".wav"), count, force=force)

    (tmp_path / "there.mid").touch()
    (tmp_path / "folder.mid").mkdir()
    assert [one("a.WAV"), one("there.mid", force=True), one("a"), one("folder.mid")] == [True, True, False, False]
    for name, count, message in (
        ("a.flac", 1, "ends with .mid"),
        ("a.mid", 2, "2 to write"),
        ("there.mid", 1, "--force"),
    ):
        with pytest.raises(UserError, match=message):
            one(name, count)


def add(folder, *names, text="new"):
    with adding_files(folder) as addition:
        for name in names:
            (addition.path / name).write_text(text)
    return sorted(path.name for path in addition.written)


def test_a_new_folder_appears_only_when_it_is_full(tmp_path, contents):
    path = tmp_path / "sub" / "folder"
    with new_folder(path) as partial:
        (partial / "deep").mkdir()
        (partial / "deep" / "file").write_text("x", encoding="utf-8")
        assert not path.exists()
    assert contents(tmp_path) == {"sub/folder/deep/file": b"x"}


@pytest.mark.parametrize(
    ("existing", "added", "written"),
    [
        (["001.mid", "002.mid"], ["001.mid", "001-1.png", "001-2.png"], ["003-1.png", "003-2.png", "003.mid"]),
        (["rock-001.mid"], ["jazz-001.mid", "rock-001.mid"], ["jazz-001.mid", "rock-002.mid"]),
        (["index.html", "index-2.html"], ["index.html"], ["index-3.html"]),
    ],
)
def test_files_of_a_piece_keep_one_number_and_other_names_get_one(tmp_path, existing, added, written):
    add(tmp_path, *existing, text="old")
    assert add(tmp_path, *added) == written
    assert {(tmp_path / name).read_text() for name in existing} == {"old"}


def add_four(folder):
    add(folder, "001.mid", "002.mid", "003.mid", "004.mid")


def test_programs_that_write_to_one_folder_at_once_lose_nothing(tmp_path, contents):
    context = multiprocessing.get_context("spawn")
    with context.Pool(4) as pool:
        pool.map(add_four, [tmp_path / "out"] * 4, chunksize=1)
    assert list(contents(tmp_path / "out")) == [f"{number:03d}.mid" for number in range(1, 17)]


def test_a_replaced_folder_is_kept_under_a_number(tmp_path, contents, capsys):
    for text in "abc":
        with replacing_folder(tmp_path / "gen") as partial:
            (partial / "001.mid").write_text(text)
    assert contents(tmp_path) == {"gen-1/001.mid": b"a", "gen-2/001.mid": b"b", "gen/001.mid": b"c"}
    assert "gen-2" in capsys.readouterr().out


@pytest.mark.parametrize("use", [adding_files, replacing_folder])
def test_a_file_is_not_a_folder(tmp_path, use):
    (tmp_path / "out").touch()
    with pytest.raises(UserError, match="out"), use(tmp_path / "out"):
        pass


@pytest.mark.parametrize("write", [replacing_file, new_folder, replacing_folder, adding_files])
def test_a_failure_leaves_everything_as_it_was(tmp_path, contents, write):
    path = tmp_path / "old"
    if write is replacing_file:
        path.write_text("old")
    elif write is not new_folder:
        add(path, "001.mid", text="old")
    before = contents(tmp_path)
    with pytest.raises(Failure), write(path) as partial:
        place = getattr(partial, "path", partial)
        (place if write is replacing_file else place / "001.mid").write_text("half")
        raise Failure
    assert contents(tmp_path) == before
    assert not list(tmp_path.glob(".partial*"))


def test_some_skipped_files_are_named_and_the_rest_counted():
    skipped = [Skipped(f"{number}.wav", "it is silent") for number in range(1200)]
    assert skipped_lines([], 2) == []
    assert skipped_lines(skipped, 1) == ["skipped: 1,200", "    0.wav: it is silent", "    and 1,199 more"]
