"""The studio in a browser: ``python -m manymodes_studio``."""

from __future__ import annotations

import contextlib
import ctypes
import os
import socket
import tempfile
import threading
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from manymodes import cli
from manymodes.hub import add_runtime_option
from manymodes_studio.guard import LOOPBACK

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

EXAMPLE = "  python -m manymodes_studio\n  python -m manymodes_studio --port 8000 --models my-models"
_SECONDS_TO_END = 4
_HIGHEST_PORT = 65_535
_ARENA_MAX, _MMAP_THRESHOLD = -8, -3  # parameters of glibc's mallopt
_LARGE_BYTES = 1 << 17  # as at the start; glibc would raise it to the largest array that was freed


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command."""
    args = _parser().parse_args(argv)
    if args.models is not None and not args.models.is_dir():
        raise cli.UserError(f"--models {args.models} is not a folder: give one with files such as melody-lstm.keras")
    _check_port(args.host, args.port)
    if find_spec("gradio") is None:
        raise cli.UserError("the studio needs gradio: install it with pip install 'manymodes[studio]'")

    from manymodes_studio.models import load_models

    _return_memory()
    models = load_models(args.models, args.runtime)

    from manymodes_studio import clicks
    from manymodes_studio.app import build, serve
    from manymodes_studio.warming import warm
    from manymodes_studio.workspace import Workspace

    print("warming up …", flush=True)
    warm(models)
    with tempfile.TemporaryDirectory(prefix="manymodes-studio-") as folder:
        workspace = Workspace(Path(folder))
        page = build(models, workspace)
        address = serve(page, args.host, args.port, workspace)
        if args.host not in LOOPBACK:
            print(f"note: anyone who can reach {args.host} can use the studio")
        print(f"the studio is open at {address} (Ctrl-C closes it)", flush=True)
        try:
            threading.Event().wait()
        finally:
            # work that is under way may keep its thread for longer
            end = threading.Timer(_SECONDS_TO_END, os._exit, [cli.INTERRUPTED_EXIT])
            end.daemon = True
            end.start()
            clicks.stop_all()
            page.close(verbose=False)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = cli.parser("manymodes_studio", "Serve the studio, a page for your browser.", EXAMPLE)
    add, port = parser.add_argument, cli.integer(1, _HIGHEST_PORT, "a port")
    add("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1, this computer only)")
    add("--port", type=port, help="port to listen on (default the first free one from 7860 on)")
    models = (
        "folder of models to use, called melody-lstm.keras, melody-wgan.keras, drums-styles.keras, "
        "drums-groove.keras, typefaces.keras, sounds-vqvae.keras (default: the pretrained models)"
    )
    add("--models", type=Path, metavar="DIR", help=models)
    add_runtime_option(parser, ("onnx", "tensorflow"))
    return parser


def _return_memory() -> None:
    """Make glibc return large arrays to the system when they are freed; it would keep them, in each thread anew."""
    with contextlib.suppress(OSError, AttributeError):  # another C library
        library = ctypes.CDLL(None)
        library.mallopt(_ARENA_MAX, 1)
        library.mallopt(_MMAP_THRESHOLD, _LARGE_BYTES)


def _check_port(host: str, port: int | None) -> None:
    """Check that the port is free before models are loaded; raise a UserError if it is not."""
    try:
        with socket.create_server((host, port or 0)):
            pass
    except OSError as error:
        place = f"--host {host}" if port is None else f"{host}:{port}"
        raise cli.UserError(
            f"cannot listen on {place} ({error.strerror or error}): give another --port or --host"
        ) from error


if __name__ == "__main__":
    cli.run(main)
