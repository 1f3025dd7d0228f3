import io
import json
import subprocess
import sys
import zipfile

import h5py
import keras
import numpy as np
import pytest

from manymodes import hub
from manymodes.cli import UserError
from manymodes.files import save_keras

KIND = hub.Kind("a scale", "scales.train", {"scales>Scale": __name__})
WITHOUT_TENSORFLOW = """
import sys
from pathlib import Path
from manymodes.cli import UserError
from manymodes.hub import Kind, load_model
try:
    load_model(Path(sys.argv[1]), Kind("a song", "songs.train", {"songs>Song": "songs"}))
except UserError as error:
    print(error)
print("tensorflow" in sys.modules)
"""


@keras.saving.register_keras_serializable(package="scales")
class Part(keras.Layer):
    """Multiplies by a number."""

    def build(self, input_shape):
        self.factor = self.add_weight(shape=(input_shape[-1],), initializer="random_normal")

    def call(self, values):
        return values * self.factor


@keras.saving.register_keras_serializable(package="scales")
class Scale(keras.Model):
    """Multiplies twice."""

    def __init__(self, width=2, **kwargs):
        super().__init__(**kwargs)
        self.width, self.first, self.second = width, Part(), Part()
        self.build((None, width))

    def build(self, input_shape):
        self.first.build(input_shape)
        self.second.build(input_shape)
        self.built = True

    def call(self, values):
        return self.second(self.first(values))

    def get_config(self):
        return {"name": self.name, "width": self.width, "part": keras.saving.serialize_keras_object(Part())}

    @classmethod
    def from_config(cls, config):
        return cls(config["width"], name=config["name"])


@pytest.fixture(scope="module")
def scale():
    keras.utils.set_random_seed(1)
    model = Scale(3)
    model.compile("adam", "mse")
    return model


@pytest.fixture
def file(scale, tmp_path):
    save_keras(scale, tmp_path / "scale.keras")
    return tmp_path / "scale.keras"


@pytest.fixture
def refusal(tmp_path):
    """Load in vain; return what is said of the file, in one line and beginning with the option."""

    def refused(path, kind=KIND, **options):
        with pytest.raises(UserError) as caught:
            hub.load_model(path, kind, **options)
        start, _, said = str(caught.value).partition(f"{path} ")
        assert start == f"{options.get('named', '--model')} "
        assert "\n" not in said
        assert len(said) < 250
        return said

    return refused


def rewritten(file, change, compression=zipfile.ZIP_STORED):
    """Write the file anew, its entries as ``change`` returns them; those of which it returns None are left out."""
    with zipfile.ZipFile(file) as archive:
        entries = {name: change(name, archive.read(name)) for name in archive.namelist()}
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, content in entries.items():
            if content is not None:
                archive.writestr(name, content)


def test_a_model_comes_back_and_is_not_compiled(scale, file):
    loaded = hub.load_model(file, KIND)
    assert isinstance(loaded, Scale)
    assert not loaded.compiled
    for mine, theirs in zip(scale.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_what_is_no_file(refusal, tmp_path):
    assert refusal(tmp_path / "none.keras") == "does not exist: give the path of a file"
    assert refusal(tmp_path) == "is a folder: give the path of a file"
    assert refusal(tmp_path / "none.keras", named="the prior") == "does not exist: give the path of a file"


@pytest.mark.parametrize(
    "content", [b"", b"words, not weights", b"PK\x03\x04", "half", "npz", "array", "list", "words"]
)
def test_what_is_not_of_keras(refusal, file, content):
    if content == "half":
        content = file.read_bytes()[:-30]
    if content == "npz":
        np.savez(file.with_suffix(".npz"), a=np.ones(3))
        content = file.with_suffix(".npz").read_bytes()
    if isinstance(content, bytes):
        file.write_bytes(content)
    else:
        config = {"array": b"\x93\xff", "list": b"[1]", "words": b"{}"}[content]
        rewritten(file, lambda name, kept: config if name == "config.json" else kept)
    assert refusal(file) == "is not a .keras file: give the model.keras of a run folder"


def test_the_model_of_another_package(refusal, file, tmp_path):
    songs = hub.Kind("a song", "songs.train", {"songs>Song": "songs"})
    assert refusal(file, songs) == "holds a Scale, not a song: give one of songs.train"
    stranger = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    save_keras(stranger, tmp_path / "stranger.keras")
    assert refusal(tmp_path / "stranger.keras") == "holds a Sequential, not a scale: give one of scales.train"


def test_parts_of_another_version(refusal, file):
    rewritten(file, lambda _, kept: kept.replace(b"scales>Part", b"scales>Later"))
    said = (
        "has parts that this version does not know (scales>Later): use the version that saved it, or train anew with "
    )
    assert refusal(file) == f"{said}python -m scales.train"


def without_a_part(content):
    """Return weights without those of one layer."""
    edited = io.BytesIO(content)
    with h5py.File(edited, "r+") as weights:
        del weights["first"]
    return edited.getvalue()


@pytest.mark.parametrize(
    "damage",
    [
        lambda _: None,
        lambda content: content[: len(content) // 2],
        lambda _: b"no weights",
        without_a_part,
    ],
    ids=["no weights", "half of them", "words", "a part lost"],
)
def test_damaged_weights(refusal, file, damage):
    rewritten(file, lambda name, kept: damage(kept) if name.endswith(".h5") else kept)
    said = refusal(file)
    assert said.startswith("cannot be loaded (")
    assert said.endswith("): give the model.keras of a run folder")


def test_a_config_of_other_sizes(refusal, file):
    def wider(name, kept):
        if name != "config.json":
            return kept
        described = json.loads(kept)
        described["config"]["width"] = 5
        return json.dumps(described).encode()

    rewritten(file, wider)
    assert refusal(file).startswith("cannot be loaded (")


def test_tensorflow_is_not_needed_to_refuse_a_stranger(file):
    command = [sys.executable, "-c", WITHOUT_TENSORFLOW, str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    said, imported = done.stdout.splitlines()
    assert imported == "False"
    assert said == f"--model {file} holds a Scale, not a song: give one of songs.train"
