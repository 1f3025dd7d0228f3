"""Output never overwrites: files join a folder under new names, folders get successors, two programs get along."""

import contextlib
import multiprocessing
import os

import pytest

from manymodes.cli import UserError
from manymodes.files import adding_files, check_new_file, new_run_folder, replacing_file, replacing_folder, write_text


def contents(folder):
    return {file.name: file.read_text() for file in folder.iterdir()}


def add(folder, *names, text="new"):
    with adding_files(folder) as addition:
        for name in names:
            (addition.path / name).write_text(text)
    return sorted(path.name for path in addition.written)


def test_numbered_files_go_on_after_those_that_are_there(tmp_path):
    folder = tmp_path / "beats"
    first = add(folder, *(f"{number:03d}.mid" for number in range(1, 17)), text="old")
    assert len(first) == 16
    assert add(folder, "001.mid", "002.mid", "003.mid", "004.mid") == ["017.mid", "018.mid", "019.mid", "020.mid"]
    assert list(contents(folder).values()).count("old") == 16


def test_all_files_of_a_piece_keep_one_number(tmp_path):
    add(tmp_path / "gen", "001.mid", "002.mid")
    assert add(tmp_path / "gen", "001.mid", "001-1.png", "001-2.png") == ["003-1.png", "003-2.png", "003.mid"]


def test_prefixes_count_apart_and_other_names_get_successors(tmp_path):
    add(tmp_path / "out", "rock-001.mid", "index.html", text="old")
    assert add(tmp_path / "out", "jazz-001.mid", "rock-001.mid", "index.html") == [
        "index-2.html", "jazz-001.mid", "rock-002.mid",
    ]  # fmt: skip
    assert contents(tmp_path / "out")["index.html"] == "old"


def test_nothing_is_left_of_work_that_failed(tmp_path):
    add(tmp_path / "out", "001.mid")
    with contextlib.suppress(ZeroDivisionError), adding_files(tmp_path / "out") as addition:
        (addition.path / "001.mid").touch()
        raise ZeroDivisionError
    assert [path.name for path in tmp_path.rglob("*")] == ["out", "001.mid"]


def add_four(folder):
    add(folder, "001.mid", "002.mid", "003.mid", "004.mid", text=str(os.getpid()))


def test_programs_that_write_to_one_place_at_once_lose_nothing(tmp_path):
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=add_four, args=(tmp_path / "out",)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(contents(tmp_path / "out")) == [f"{number:03d}.mid" for number in range(1, 17)]


def test_partial_files_of_a_killed_process_are_cleared_and_those_of_a_living_one_stay(tmp_path):
    dead = multiprocessing.get_context("spawn").Process(target=print)
    dead.start()
    dead.join()
    (tmp_path / f".partial-{dead.pid}-0-a.txt").touch()
    (tmp_path / f".partial-{os.getpid()}-x-a.txt").touch()
    write_text(tmp_path / "a.txt", "whole")
    assert sorted(contents(tmp_path)) == [f".partial-{os.getpid()}-x-a.txt", "a.txt"]


def test_two_writers_of_one_file_do_not_share_a_partial_file(tmp_path):
    with replacing_file(tmp_path / "a") as first, replacing_file(tmp_path / "a") as second:
        assert first != second
        first.write_text("first")
        second.write_text("second")
    assert contents(tmp_path) == {"a": "first"}


def test_a_replaced_folder_is_kept_under_a_number(tmp_path, capsys):
    for text in "abc":
        with replacing_folder(tmp_path / "gen") as partial:
            (partial / "001.mid").write_text(text)
    kept = {name: contents(tmp_path / name)["001.mid"] for name in ("gen-1", "gen-2", "gen")}
    assert kept == {"gen-1": "a", "gen-2": "b", "gen": "c"}
    assert "gen-2" in capsys.readouterr().out


def test_a_run_folder_has_successors(tmp_path):
    (tmp_path / "run").mkdir()
    assert new_run_folder(tmp_path / "run") == tmp_path / "run"
    (tmp_path / "run" / "config.json").touch()
    assert new_run_folder(tmp_path / "run") == tmp_path / "run-2"


@pytest.mark.parametrize("use", [adding_files, replacing_folder])
def test_a_file_is_no_folder(tmp_path, use):
    (tmp_path / "out").touch()
    with pytest.raises(UserError, match="out"), use(tmp_path / "out"):
        pass


def test_a_file_is_overwritten_only_by_force(tmp_path):
    file = tmp_path / "a.mid"
    check_new_file(file, force=False)
    file.touch()
    with pytest.raises(UserError, match="--force"):
        check_new_file(file, force=False)
    check_new_file(file, force=True)
    with pytest.raises(UserError, match="folder"):
        check_new_file(tmp_path, force=True)
