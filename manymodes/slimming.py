"""Files of models as small as what they are for allows: for generating alone, and with weights of 16 bits."""

from __future__ import annotations

import io
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import h5py
import numpy as np

from manymodes.files import replacing_file, save_keras
from manymodes.nn.adversarial import AdversarialModel

if TYPE_CHECKING:
    import keras

_MOST = 9  # of compression


def save_slim(model: keras.Model, path: Path) -> None:
    """Save what generating needs of a model, in one step: the same model gives the same bytes.

    Adversarial models keep their averaged generator alone. Weights are rounded to 16 bits, which keeps three digits of
    them, where none is too large for that; Keras reads them into the 32 bits that the model has. All is compressed.

    Args:
        model: trained.
        path: where to, ends with .keras.
    """
    if isinstance(model, AdversarialModel):
        model = model.generating()
    with tempfile.TemporaryDirectory() as folder, replacing_file(path) as partial:
        whole = Path(folder) / "whole.keras"
        save_keras(model, whole)
        with zipfile.ZipFile(whole) as source, zipfile.ZipFile(partial, "w") as target:
            for entry in source.infolist():
                content = source.read(entry)
                if entry.filename.endswith(".h5"):
                    content = _halved(content)
                target.writestr(entry, content, zipfile.ZIP_DEFLATED, _MOST)


def _halved(content: bytes) -> bytes:
    """Return an HDF5 file whose 32-bit floats are of 16 bits."""
    halved = io.BytesIO()
    with h5py.File(io.BytesIO(content)) as source, h5py.File(halved, "w") as target:

        def copy(name: str, node: h5py.Group | h5py.Dataset) -> None:
            if isinstance(node, h5py.Dataset):
                copied = target.create_dataset(name, data=_rounded(node[()]))
            else:
                copied = target.require_group(name)
            # A layer's name has a number that depends on what the process built before, and is of no use to anybody.
            copied.attrs.update({key: value for key, value in node.attrs.items() if key != "name"})

        target.attrs.update(source.attrs)
        source.visititems(copy)
    return halved.getvalue()


def _rounded(values: np.ndarray) -> np.ndarray:
    if values.dtype != np.float32:
        return values
    with np.errstate(over="ignore"):
        halved = np.asarray(values, np.float16)
    return halved if np.isfinite(halved).all() else values
