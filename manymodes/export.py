"""Export a model for programs without TensorFlow: ``manymodes export melody-lstm --format onnx``.

Writes a folder, see `manymodes.portable`. Weights are stored with 16 bits where that does not change them, as in the
pretrained models. With ``--int8`` there are also graphs whose matrix products are of 8-bit integers, for many tunes.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import json
import logging
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from manymodes import cli, hub, portable
from manymodes.files import replacing_folder

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

KINDS = {
    "melodygan": ("melodygan.composing", "MELODY_MODEL"),
    "drumvae": ("drumvae.playing", "DRUM_MODEL"),
    "fontgan": ("fontgan.lettering", "LETTER_MODEL"),
    "fontgan>TypefaceModel": ("fontgan.designing", "TYPEFACE_MODEL"),
    "audiovae": ("audiovae.synthesis", "SOUND_MODEL"),
    "audiovae>CodePrior": ("audiovae.synthesis", "CODE_PRIOR"),
}
"""Where the kinds of models are described, by the package or the whole of the registered name."""

_OPSET = 17
_NETWORKS = ("generator", "discriminator", "drawer", "spacer")  # parts of a configuration that the graphs replace
_SMALL = 64  # weights that take little room


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command."""
    args = _parser().parse_args(argv)
    kind = kind_of(args.model)
    file = hub.model_file(args.model, kind.program)
    out = args.out or file.parent / "onnx" / file.stem
    for library in ("tensorflow", "tf2onnx", *(("onnxruntime",) if args.int8 else ())):
        if importlib.util.find_spec(library) is None:
            raise cli.UserError(f"exporting needs {library}: pip install {library}")
    written = export(hub.load_model(file, kind), out, int8=args.int8)
    size = sum(path.stat().st_size for path in written)
    print(f"wrote {out}/: {', '.join(path.name for path in written)}, {size / 1e6:.1f} MB")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = cli.parser(
        "manymodes.export", "Export a model for programs without TensorFlow.",
        "  manymodes export melody-lstm --format onnx\n  manymodes export runs/drumvae/model.keras --out drums",
    )  # fmt: skip
    parser.add_argument("model", type=Path, metavar="MODEL", help="a run, its model.keras, or a pretrained model")
    parser.add_argument("--format", choices=("onnx",), default="onnx", help="of the graphs (default onnx)")
    parser.add_argument(
        "--out", type=Path, metavar="DIR",
        help="folder to write (default onnx/NAME beside NAME.keras, where --runtime onnx finds it)",
    )  # fmt: skip
    parser.add_argument(
        "--int8", action="store_true",
        help="also write graphs that multiply 8-bit integers, for --runtime onnx-int8: several times as fast on many "
        "processors, and nearly the same",
    )  # fmt: skip
    return parser


def kind_of(model: Path) -> hub.Kind:
    """Return the kind of a model by the name of its class; raise a UserError if it is none of this project."""
    file = hub.model_file(model, "")
    try:
        with zipfile.ZipFile(file) as archive:
            name = str(json.loads(archive.read("config.json"))["registered_name"])
        module, constant = KINDS[name if name in KINDS else name.partition(">")[0]]
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise cli.UserError(f"{file} is not a model of this program: give the model.keras of a run") from error
    return getattr(importlib.import_module(module), constant)


def export(model: Any, folder: Path, *, int8: bool = False) -> list[Path]:
    """Write the graphs of a loaded model to a folder, and return the files; raise a UserError if it has none.

    With ``int8`` those with products of weights are also written with 8-bit integers, see `_quantised`.
    """
    if not hasattr(model, "graphs"):
        raise cli.UserError(f"{model.file} is a {type(model).__name__}, which has no ONNX form: give another model")
    import keras
    import numpy as np

    with replacing_folder(folder) as partial:
        for name, function in model.graphs().items():
            converted = _converted(function)
            if int8 and (quantised := _quantised(converted)):
                (partial / f"{name}{portable.INT8}.onnx").write_bytes(_bytes_of(quantised))
            (partial / f"{name}.onnx").write_bytes(_bytes_of(converted))
        arrays: dict[str, Any] = getattr(model, "arrays", dict)()
        if arrays:
            np.savez_compressed(partial / portable.ARRAYS, **arrays)
        config = {key: value for key, value in model.get_config().items() if key not in {*_NETWORKS, *arrays}}
        name = keras.saving.get_registered_name(type(model))
        form = {"class": name, "sha256": portable.digest(model.file), "config": config}
        (partial / portable.CONFIG).write_text(json.dumps(form) + "\n", encoding="utf-8")
    return sorted(folder.iterdir())


def _converted(function: Any) -> Any:
    """Return a function with an input signature as an ONNX model."""
    with cli.quiet_start(), contextlib.redirect_stderr(None):
        import tf2onnx

        logging.getLogger("tf2onnx").setLevel(logging.ERROR)
        return tf2onnx.convert.from_function(function, function.input_signature, opset=_OPSET)[0]


def _quantised(model: Any) -> Any:
    """Return a model whose products with weights are of 8-bit integers; None if it has no such product.

    Weights have a scale for each column, and 7 bits: the products of eight overflow on processors without VNNI.
    """
    import onnx
    from onnxruntime import quantization

    copied = onnx.ModelProto()
    copied.CopyFrom(model)
    with tempfile.TemporaryDirectory() as folder, cli.quiet_start():
        file = Path(folder) / "quantised.onnx"
        kinds = {"op_types_to_quantize": ["MatMul"], "weight_type": quantization.QuantType.QInt8}
        quantization.quantize_dynamic(copied, file, per_channel=True, reduce_range=True, **kinds)
        quantised = onnx.load(file)
    return quantised if any(node.op_type == "MatMulInteger" for node in quantised.graph.node) else None


def _bytes_of(model: Any) -> bytes:
    """Return the same bytes for the same model; weights have 16 bits where that does not change them."""
    graph = model.graph
    for place, weight in enumerate(graph.initializer):
        if halved := _halved(weight):
            graph.initializer[place].CopyFrom(halved[0])
            graph.node.insert(0, halved[1])
    _number(graph)
    model.producer_name, model.producer_version, model.doc_string = "manymodes", "", ""
    return model.SerializeToString(deterministic=True)


def _number(graph: Any, around: dict[str, str] | None = None) -> None:
    """Order and number what is between inputs and outputs: both depend on what the process has made before.

    The bodies of a graph's loops know the names around them.
    """
    names = {value.name: value.name for value in graph.input} | {"": ""} if around is None else around

    def renamed(name: str) -> str:
        return names.setdefault(name, f"v{len(names)}")

    nodes = _ordered(graph)
    del graph.node[:]
    graph.node.extend(nodes)
    for value in graph.input:
        value.name = renamed(value.name)
    for node in graph.node:
        for field in ("name", "doc_string", *(() if node.domain else ("domain",))):
            node.ClearField(field)
        node.input[:], node.output[:] = map(renamed, node.input), map(renamed, node.output)
        for body in _bodies(node):
            _number(body, names)
    for value in (*graph.initializer, *graph.output):
        value.name = renamed(value.name)
    for value in (*graph.input, *graph.output):
        for dimension in value.type.tensor_type.shape.dim:
            if dimension.dim_param:
                dimension.dim_param = "n"
    del graph.value_info[:]
    graph.doc_string, graph.name = "", "graph"
    weights = sorted(graph.initializer, key=lambda weight: weight.name)
    del graph.initializer[:]
    graph.initializer.extend(weights)


def _ordered(graph: Any) -> list[Any]:
    """Return the nodes that the outputs need, each after what it needs, in an order that the graph alone decides."""
    maker = {name: node for node in graph.node for name in node.output}
    ordered: list[Any] = []
    begun: set[int] = set()
    pending = [(maker[value.name], False) for value in reversed(graph.output) if value.name in maker]
    while pending:
        node, ready = pending.pop()
        if ready:
            ordered.append(node)
        elif id(node) not in begun:
            begun.add(id(node))
            pending.append((node, True))
            pending.extend((maker[name], False) for name in reversed(_needed(node)) if name in maker)
    return ordered


def _bodies(node: Any) -> list[Any]:
    return [attribute.g for attribute in node.attribute if attribute.HasField("g")]


def _needed(node: Any) -> list[str]:
    """Return the names that a node reads, and those that the bodies of a loop read around them."""
    inner = [name for body in _bodies(node) for part in body.node for name in _needed(part)]
    return [*node.input, *inner, *(value.name for body in _bodies(node) for value in body.output)]


def _halved(weight: Any) -> tuple[Any, Any] | None:
    """Return a weight with 16 bits, and the node that widens it; None if that would change it."""
    import numpy as np
    import onnx

    values = onnx.numpy_helper.to_array(weight)
    half = hub.rounded(values)
    if half.dtype == values.dtype or values.size < _SMALL or not np.array_equal(half.astype(np.float32), values):
        return None
    stored = onnx.numpy_helper.from_array(half, f"{weight.name}/half")
    widen = onnx.helper.make_node("Cast", [stored.name], [weight.name], to=onnx.TensorProto.FLOAT)
    return stored, widen


if __name__ == "__main__":
    cli.run(main)
