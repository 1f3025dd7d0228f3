"""Exported models: ONNX graphs that onnxruntime runs where TensorFlow is not installed.

A folder has ``config.json``, an ONNX file for each function of the model, and ``arrays.npz`` if it has arrays besides.
Some functions have a second file, whose products are of 8-bit integers. `manymodes.export` writes it.
"""

from __future__ import annotations

import functools
import hashlib
import json
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

CONFIG, ARRAYS = "config.json", "arrays.npz"
INT8 = ".int8"
"""In the names of graphs with 8-bit integers."""


class Graphs:
    """The graphs of an exported model, each read when it is first run.

    Attributes:
        folder: where they are.
        int8: whether those with 8-bit integers are run where there are any.
        config: arguments of the model's constructor, without its networks.
        arrays: by name.
    """

    def __init__(self, folder: Path, *, int8: bool = False) -> None:
        self.folder, self.int8 = folder, int8
        self.config: dict[str, Any] = json.loads((folder / CONFIG).read_text(encoding="utf-8"))["config"]
        self._sessions: dict[str, Any] = {}

    def __contains__(self, name: str) -> bool:
        """Whether there is a graph of this name."""
        return (self.folder / f"{name}.onnx").is_file()

    @functools.cached_property
    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays, by name."""
        import numpy as np

        with np.load(self.folder / ARRAYS) as content:
            return dict(content)

    def run(self, name: str, *inputs: Any) -> list[np.ndarray]:
        """Return the outputs of a graph for inputs in the order of its own."""
        import numpy as np

        session = self._sessions.get(name) or self._session(name)
        kinds = {"tensor(int32)": np.int32, "tensor(float)": np.float32}
        fed = {
            node.name: np.ascontiguousarray(value, kinds[node.type])
            for node, value in zip(session.get_inputs(), inputs, strict=True)
        }
        return session.run(None, fed)

    def _session(self, name: str) -> Any:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        # These networks are too small for several threads, and one gives the same sums everywhere.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        file, quantised = (self.folder / f"{name}{kind}.onnx" for kind in ("", INT8))
        if self.int8 and quantised.is_file():
            file = quantised
        self._sessions[name] = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
        return self._sessions[name]


def digest(file: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


class Form(NamedTuple):
    """The ONNX form of a model: its folder, and the registered name of the model's class."""

    folder: Path
    name: str

    @property
    def has_int8(self) -> bool:
        """Whether it has graphs with 8-bit integers."""
        return any(self.folder.glob(f"*{INT8}.onnx"))


def form_of(file: Path) -> Form | None:
    """Return the ONNX form of a .keras file, ``onnx/NAME`` beside it; None without one, or if it is another model's."""
    folder = file.parent / "onnx" / file.stem
    try:
        described = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        return Form(folder, described["class"]) if described["sha256"] == digest(file) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
