# ruff: noqa: PT012 - a failure comes in the middle of the work, after other statements

import itertools
import json
import zipfile
from pathlib import Path

import pytest

from manymodes.cli import UserError
from manymodes.files import (
    MANIFEST,
    cache_folder,
    check_output_folder,
    new_folder,
    output_folder,
    replacing_file,
    save_keras,
    set_aside,
    write_text,
)


class Failure(Exception):  # noqa: N818 - what happens in the middle of the work
    pass


def write_ours(folder, *, force=False, **files):
    with output_folder(folder, force=force) as partial:
        for name, text in files.items():
            file = partial / name.replace("__", "/")
            file.parent.mkdir(exist_ok=True)
            file.write_text(text, encoding="utf-8")


@pytest.fixture
def ours(tmp_path):
    """Return a folder that the program wrote, one file of it in a folder within."""
    folder = tmp_path / "place" / "gen"
    write_ours(folder, a="first", deep__b="second")
    return folder


# --- a file


def test_a_file_is_replaced_only_when_the_block_ends(tmp_path, contents):
    path = tmp_path / "sub" / "file.txt"
    write_text(path, "old")
    with replacing_file(path) as partial:
        assert partial.parent == path.parent
        partial.write_text("new", encoding="utf-8")
        assert path.read_text(encoding="utf-8") == "old"
    assert contents(tmp_path) == {"sub/file.txt": b"new"}


@pytest.mark.parametrize("old", [{}, {"file.txt": b"old"}])
def test_a_failure_leaves_the_file_as_it_was(tmp_path, contents, old):
    for name, content in old.items():
        (tmp_path / name).write_bytes(content)
    with pytest.raises(Failure), replacing_file(tmp_path / "file.txt") as partial:
        partial.write_text("half of it", encoding="utf-8")
        raise Failure
    assert contents(tmp_path) == old


def test_text_is_utf_8(tmp_path):
    write_text(tmp_path / "file.txt", "−½ ♪")
    assert (tmp_path / "file.txt").read_bytes() == "−½ ♪".encode()


# --- a model


def test_saving_leaves_out_the_clock_and_keeps_the_rest(tmp_path, contents, stand_in_model):
    save_keras(stand_in_model(7, "2024-05-01@10:00:00"), tmp_path / "a.keras")
    save_keras(stand_in_model(7, "2031-12-24@18:30:59"), tmp_path / "b.keras")
    save_keras(stand_in_model(8), tmp_path / "c.keras")
    files = contents(tmp_path)
    assert sorted(files) == ["a.keras", "b.keras", "c.keras"]
    assert files["a.keras"] == files["b.keras"] != files["c.keras"]
    with zipfile.ZipFile(tmp_path / "a.keras") as archive:
        assert archive.namelist() == ["config.json", "metadata.json", "model.weights.h5"]
        assert {member.date_time for member in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert archive.read("model.weights.h5") == b"7"
        assert json.loads(archive.read("metadata.json"))["keras_version"] == "3"


def test_a_failing_save_leaves_the_old_model_and_nothing_else(tmp_path, contents, stand_in_model):
    class Failing(stand_in_model):
        def save(self, path):
            super().save(path)
            raise Failure

    save_keras(stand_in_model(7), tmp_path / "model.keras")
    before = contents(tmp_path)
    with pytest.raises(Failure):
        save_keras(Failing(8), tmp_path / "model.keras")
    assert contents(tmp_path) == before


def test_a_keras_model_saved_twice_gives_the_same_bytes_and_loads(tmp_path, deterministic):
    import keras
    import numpy as np

    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.compile("adam", "mse")
    model.train_on_batch(np.ones((4, 3)), np.ones((4, 2)))
    save_keras(model, tmp_path / "a.keras")
    save_keras(model, tmp_path / "b.keras")
    assert (tmp_path / "a.keras").read_bytes() == (tmp_path / "b.keras").read_bytes()
    loaded = keras.models.load_model(tmp_path / "a.keras")
    for saved, read in zip(
        model.optimizer.variables + model.weights, loaded.optimizer.variables + loaded.weights, strict=True
    ):
        np.testing.assert_array_equal(saved, read)


# --- a new folder


def test_a_new_folder_appears_only_when_it_is_full(tmp_path, contents):
    path = tmp_path / "sub" / "folder"
    with new_folder(path) as partial:
        (partial / "deep").mkdir()
        (partial / "deep" / "file").write_text("x", encoding="utf-8")
        assert not path.exists()
    assert contents(tmp_path) == {"sub/folder/deep/file": b"x"}


def test_a_failure_leaves_no_new_folder(tmp_path):
    with pytest.raises(Failure), new_folder(tmp_path / "folder") as partial:
        (partial / "file").write_text("x", encoding="utf-8")
        raise Failure
    assert list(tmp_path.iterdir()) == []


# --- an output folder that may be written


@pytest.mark.parametrize("there", [False, True])
def test_a_missing_or_empty_folder_is_filled(tmp_path, contents, there):
    folder = tmp_path / "a" / "b"
    if there:
        folder.mkdir(parents=True)
    write_ours(folder, x="1", deep__y="2")
    files = contents(tmp_path)
    assert sorted(files) == [f"a/b/{MANIFEST}", "a/b/deep/y", "a/b/x"]
    assert files["a/b/x"] == b"1"


@pytest.mark.parametrize("force", [False, True])
def test_what_the_program_wrote_itself_is_replaced_whole(ours, contents, force):
    write_ours(ours, force=force, a="third")
    assert contents(ours.parent).keys() == {"gen/a", f"gen/{MANIFEST}"}
    assert (ours / "a").read_text(encoding="utf-8") == "third"
    write_ours(ours, a="fourth")
    assert (ours / "a").read_text(encoding="utf-8") == "fourth"


def test_a_folder_of_ours_from_which_a_file_was_taken_away_is_still_ours(ours, contents):
    (ours / "a").unlink()
    write_ours(ours, c="third")
    assert contents(ours.parent).keys() == {"gen/c", f"gen/{MANIFEST}"}


def test_a_failure_leaves_the_folder_of_before(ours, contents):
    before = contents(ours.parent)
    with pytest.raises(Failure), output_folder(ours, force=True) as partial:
        (partial / "a").write_text("half", encoding="utf-8")
        raise Failure
    assert contents(ours.parent) == before
    assert [f.name for f in ours.parent.iterdir()] == ["gen"]


# --- an output folder that may not


def add_a_file(folder):
    (folder / "thesis.txt").write_text("three years", encoding="utf-8")
    return "thesis.txt"


def add_a_file_deep_down(folder):
    (folder / "deep" / "thesis.txt").write_text("three years", encoding="utf-8")
    return "deep/thesis.txt"


def add_a_hidden_file(folder):
    (folder / ".notes").write_text("x", encoding="utf-8")
    return ".notes"


def change_a_file(folder):
    (folder / "a").write_text("First", encoding="utf-8")
    return "a"


def rename_a_file(folder):
    (folder / "a").rename(folder / "favourite")
    return "favourite"


def lose_the_manifest(folder):
    (folder / MANIFEST).unlink()
    return "a"


def add_a_broken_link(folder):
    (folder / "link").symlink_to("nowhere")
    return "link"


CHANGES = [add_a_file, add_a_file_deep_down, add_a_hidden_file, change_a_file, rename_a_file, lose_the_manifest]


@pytest.mark.parametrize("change", CHANGES)
def test_a_folder_with_something_of_somebody_else_is_refused_and_untouched(ours, contents, change):
    culprit = change(ours)
    before = contents(ours.parent)
    with pytest.raises(UserError, match="--force") as refusal:
        check_output_folder(ours, force=False)
    assert str(ours) in str(refusal.value)
    assert f"holds {culprit}," in str(refusal.value)
    assert "gen.1" in str(refusal.value)
    with pytest.raises(UserError, match="--force"):
        write_ours(ours, a="third")
    assert contents(ours.parent) == before


@pytest.mark.parametrize("change", CHANGES)
def test_with_force_it_is_set_aside_and_nothing_is_lost(ours, contents, capsys, change):
    change(ours)
    before = contents(ours)
    write_ours(ours, force=True, c="third")
    assert contents(ours).keys() == {"c", MANIFEST}
    assert contents(ours.with_name("gen.1")) == before
    assert "gen.1" in capsys.readouterr().out
    # and once more: the first one set aside keeps its place
    change_again = ours / "mine"
    change_again.write_text("y", encoding="utf-8")
    write_ours(ours, force=True, d="fourth")
    assert contents(ours.with_name("gen.1")) == before
    assert contents(ours.with_name("gen.2")).keys() == {"c", "mine", MANIFEST}
    assert sorted(f.name for f in ours.parent.iterdir()) == ["gen", "gen.1", "gen.2"]


def test_a_broken_link_is_somebody_elses(ours):
    add_a_broken_link(ours)
    with pytest.raises(UserError, match="link"):
        check_output_folder(ours, force=False)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"sha256": 3}', '{"other": {}}', "\udcff"])
def test_a_spoilt_manifest_makes_nothing_ours(ours, contents, text):
    (ours / MANIFEST).write_bytes(text.encode("utf-8", "surrogateescape"))
    before = contents(ours.parent)
    with pytest.raises(UserError, match="--force"):
        check_output_folder(ours, force=False)
    assert contents(ours.parent) == before


def test_a_file_in_place_of_the_folder(tmp_path, contents):
    path = tmp_path / "gen"
    path.write_text("mine", encoding="utf-8")
    with pytest.raises(UserError, match="a file of that name"):
        write_ours(path, a="1")
    assert contents(tmp_path) == {"gen": b"mine"}
    write_ours(path, force=True, a="1")
    assert contents(tmp_path)["gen.1"] == b"mine"
    assert contents(path).keys() == {"a", MANIFEST}


def test_a_file_in_place_of_a_parent(tmp_path):
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    for force in (False, True):
        with pytest.raises(UserError, match="file"):
            check_output_folder(tmp_path / "file" / "gen", force=force)


def test_what_arrives_while_the_program_works_is_set_aside(ours, contents):
    with output_folder(ours, force=False) as partial:
        (partial / "a").write_text("new", encoding="utf-8")
        (ours / "dropped").write_text("by the user", encoding="utf-8")
    assert contents(ours).keys() == {"a", MANIFEST}
    assert contents(ours.with_name("gen.1"))["dropped"] == b"by the user"


@pytest.mark.parametrize(
    ("spelling", "filling", "force"),
    list(itertools.product(["dot", "absolute", "parent"], ["foreign", "ours", "empty"], [False, True])),
)
def test_the_folder_you_are_in_is_refused(ours, contents, monkeypatch, spelling, filling, force):
    if filling == "foreign":
        add_a_file(ours)
    elif filling == "empty":
        for file in (ours / "a", ours / "deep" / "b", ours / MANIFEST):
            file.unlink()
    monkeypatch.chdir(ours / "deep" if spelling == "parent" else ours)
    before = contents(ours.parent)
    path = {"dot": Path(), "absolute": ours, "parent": Path("..")}[spelling]
    with pytest.raises(UserError):
        check_output_folder(path, force=force)
    with pytest.raises(UserError):
        write_ours(path, force=force, a="third")
    assert contents(ours.parent) == before
    assert Path.cwd().is_dir()


def test_the_root_is_refused():
    with pytest.raises(UserError):
        check_output_folder(Path("/"), force=True)


# --- setting aside


def test_setting_aside_takes_the_first_free_number(tmp_path, contents, capsys):
    for name in ("x", "x.1", "x.3"):
        (tmp_path / name).write_text(name, encoding="utf-8")
    assert set_aside(tmp_path / "x") == tmp_path / "x.2"
    assert contents(tmp_path) == {"x.1": b"x.1", "x.2": b"x", "x.3": b"x.3"}
    assert capsys.readouterr().out == f"{tmp_path / 'x'} was there already: it is now {tmp_path / 'x.2'}\n"


def test_where_the_cache_is(monkeypatch, tmp_path):
    monkeypatch.setenv("MANYMODES_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("MANYMODES_CACHE")
    assert cache_folder().name == "manymodes"
