import io
import sys
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from manymodes import hub
from manymodes.cli import UserError
from manymodes.files import save_keras
from manymodes.nn.adversarial import AdversarialModel

KIND = hub.Kind("a scale", "scales.train", {"scales>Scale": __name__})


@keras.saving.register_keras_serializable(package="scales")
class Part(keras.layers.Dense):
    """A layer of our own."""


@keras.saving.register_keras_serializable(package="scales")
class Scale(keras.Sequential):
    """A model of our own."""


def new_scale():
    return Scale([keras.Input((3,)), Part(3), Part(2)])


@pytest.fixture(scope="module")
def scale():
    keras.utils.set_random_seed(1)
    model = new_scale()
    model.compile("adam", "mse")
    return model


@pytest.fixture
def file(scale, tmp_path):
    save_keras(scale, tmp_path / "scale.keras")
    return tmp_path / "scale.keras"


def refusal(path, kind=KIND, named="--model"):
    """Return the message about a file that cannot be loaded, one line without the option and the path."""
    with pytest.raises(UserError) as error:
        hub.load_model(path, kind, named)
    start, _, message = str(error.value).partition(f"{path} ")
    assert start == f"{named} "
    assert "\n" not in message
    assert len(message) < 250
    return message


def rewrite(file, change):
    """Write a file with its entries as ``change`` returns them, without those of which it returns None."""
    with zipfile.ZipFile(file) as archive:
        entries = {name: change(name, archive.read(name)) for name in archive.namelist()}
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in entries.items():
            if content is not None:
                archive.writestr(name, content)


def test_a_model_comes_back_and_is_not_compiled(scale, file):
    loaded = hub.load_model(file, KIND)
    assert isinstance(loaded, Scale)
    assert not loaded.compiled
    for mine, theirs in zip(scale.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def an_array(_):
    archive = io.BytesIO()
    np.savez(archive, a=np.ones(3))
    return archive.getvalue()


@pytest.mark.parametrize("damage", [lambda _: b"", lambda _: b"PK\x03\x04", lambda whole: whole[:-30], an_array])
def test_a_file_that_is_not_of_keras(file, damage):
    file.write_bytes(damage(file.read_bytes()))
    assert refusal(file, named="the prior") == "is not a .keras file: give the model.keras of a run folder"


@keras.saving.register_keras_serializable(package="scales")
class Tuned(Scale):
    """A class that an older version built without a pitch."""

    def __init__(self, layers=None, *, pitch, **kwargs):
        super().__init__(layers, **kwargs)

    def get_config(self):
        return {**super().get_config(), "pitch": 440}


def test_a_model_of_an_older_version(file, tmp_path):
    older = "was made by an older version: train again with python -m scales.train"
    assert refusal(file, hub.Kind("a song", "scales.train", {"scales>Song": "songs"}, ["scales>Scale"])) == older
    kind = hub.Kind("a scale", "scales.train", {"scales>Tuned": __name__})
    save_keras(Tuned([keras.Input((3,)), Part(3)], pitch=440), tmp_path / "tuned.keras")
    rewrite(tmp_path / "tuned.keras", lambda _, kept: kept.replace(b'"pitch"', b'"hertz"'))
    assert refusal(tmp_path / "tuned.keras", kind) == older


def without_a_part(content):
    """Return weights without those of one layer."""
    edited = io.BytesIO(content)
    with h5py.File(edited, "r+") as weights:
        del weights["layers/part"]
    return edited.getvalue()


def replaced(old, new):
    return lambda content: content.replace(old, new)


NO_FILE, NOT_LOADED = "is not a .keras file", "): give the model.keras of a run folder"


@pytest.mark.parametrize(
    ("entry", "damage", "message"),
    [
        *(("config.json", lambda _, config=config: config, NO_FILE) for config in (b"\x93\xff", b"[1]", b"{}")),
        ("config.json", replaced(b'"units": 3', b'"units": 3, "padding": "%b"' % (b"x" * 9_000_000)), NO_FILE),
        ("config.json", replaced(b'"units": 3', b'"units": 100000000'), "far larger than any model"),
        ("config.json", replaced(b'"scales>Scale"', b'["scales>Scale"]'), "not a scale"),
        (
            "config.json",
            replaced(b"scales>Part", b"scales>New"),
            "has parts that this version does not know (scales>New): ",
        ),
        ("config.json", replaced(b'"units": 3', b'"units": 5'), NOT_LOADED),
        (".h5", lambda _: None, NOT_LOADED),
        (".h5", lambda content: content[: len(content) // 2], NOT_LOADED),
        (".h5", lambda _: b"no weights", NOT_LOADED),
        (".h5", without_a_part, NOT_LOADED),
    ],
)
def test_a_damaged_model(file, entry, damage, message):
    rewrite(file, lambda name, kept: damage(kept) if name.endswith(entry) else kept)
    assert message in refusal(file)


def test_a_model_of_another_package_is_refused_before_keras_is_imported(file, monkeypatch):
    monkeypatch.setitem(sys.modules, "keras", None)
    kind = hub.Kind("a song", "songs.train", {"songs>Song": "songs"})
    assert refusal(file, kind) == "holds a Scale, not a song: give one of songs.train"


PROGRAM = "drumvae.train"


def test_a_pretrained_model_is_found_by_its_name(shipped, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, model in hub.MODELS.items():
        (shipped / f"{name}.keras").touch()
        file = hub.model_file(Path(name), PROGRAM)
        assert file == shipped / f"{name}.keras"
        assert hub.shipped_as(file) is model
    assert hub.model_file(None, PROGRAM) == shipped / "drums-styles.keras"
    # but a file of that name is the user's
    mine = Path("drums-groove")
    mine.touch()
    assert hub.model_file(mine, PROGRAM) == mine
    assert hub.shipped_as(mine) is None


def test_a_missing_pretrained_model(shipped, monkeypatch, tmp_path):
    with pytest.raises(UserError) as error:
        hub.model_file(None, PROGRAM)
    assert str(error.value).startswith(f"the pretrained model drums-styles is not in {shipped}: ")
    assert str(error.value).endswith("train one with python -m drumvae.train --per-style 2000 --seed 0")
    monkeypatch.undo()
    monkeypatch.setattr(hub, "_CHECKOUT", tmp_path / "none")
    monkeypatch.setattr(hub, "PACKAGE", "no_package_of_this_name")
    with pytest.raises(UserError, match="is not in"):
        hub.model_file(None, PROGRAM)


def test_the_model_of_a_run_folder(tmp_path):
    with pytest.raises(UserError, match=r"is a folder without a model\.keras: give a run that has ended"):
        hub.model_file(tmp_path, PROGRAM)
    (tmp_path / "model.keras").touch()
    assert hub.model_file(tmp_path, PROGRAM) == tmp_path / "model.keras"


def test_a_slim_file_is_the_averaged_generator_in_sixteen_bits(tmp_path):
    keras.utils.set_random_seed(3)
    generator = keras.Sequential([keras.Input((3,)), keras.layers.Dense(8), keras.layers.BatchNormalization()])
    critic = keras.Sequential([keras.Input((8,)), keras.layers.Dense(64), keras.layers.Dense(1)])
    players = AdversarialModel(generator, critic, averaging=0.9, seed=4)
    players.averaged_generator.set_weights([2 * weights + 0.1 for weights in generator.get_weights()])
    hub.save_slim(players, tmp_path / "slim.keras")
    loaded = keras.models.load_model(tmp_path / "slim.keras")
    assert isinstance(loaded, AdversarialModel)
    assert loaded.discriminator is None
    assert {weight.dtype for weight in loaded.weights} == {"float32", "int64"}
    weights = (model.averaged_generator.get_weights() for model in (loaded, players))
    for ours, theirs in zip(*weights, strict=True):
        np.testing.assert_array_equal(ours, theirs.astype(np.float16).astype(np.float32))
    hub.save_slim(loaded, tmp_path / "again.keras")
    assert (tmp_path / "again.keras").read_bytes() == (tmp_path / "slim.keras").read_bytes()
    assert {file.name for file in tmp_path.iterdir()} == {"slim.keras", "again.keras"}


def test_weights_that_are_not_numbers_are_refused(tmp_path):
    broken = new_scale()
    broken.set_weights([np.full_like(weights, np.nan) for weights in broken.get_weights()])
    save_keras(broken, tmp_path / "broken.keras")
    assert "weights that are NaN" in refusal(tmp_path / "broken.keras")
