# ruff: noqa: PT012 - a failure comes in the middle of the work, after other statements

import json
import zipfile

import pytest

from manymodes.files import (
    cache_folder,
    new_folder,
    replacing_file,
    save_keras,
    write_text,
)


class Failure(Exception):  # noqa: N818 - what happens in the middle of the work
    pass


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


def test_where_the_cache_is(monkeypatch, tmp_path):
    monkeypatch.setenv("MANYMODES_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("MANYMODES_CACHE")
    assert cache_folder().name == "manymodes"
