"""Tasks side by side: in processes of one core each, or on a Dask cluster."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any

from manymodes.cli import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_THREADS = (
    "TF_NUM_INTEROP_THREADS", "TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS",
)  # fmt: skip


def use_one_core() -> None:
    """Have TensorFlow and the numerical libraries use one thread each; call it before they are imported."""
    for name in _THREADS:
        os.environ.setdefault(name, "1")


@contextlib.contextmanager
def cluster(scheduler: str | None) -> Iterator[None]:
    """Send the work of joblib to a Dask cluster, if one is given; raise a UserError if it is out of reach."""
    if scheduler is None:
        yield
        return
    try:
        from distributed import Client
    except ImportError:
        raise UserError("--scheduler needs dask and distributed: install the extra [cluster]") from None
    import joblib

    try:
        client = Client(scheduler, timeout="5s")
    except (OSError, ValueError) as error:
        raise UserError(
            f"--scheduler {scheduler} does not answer ({error}): start it, or leave the option out"
        ) from error
    with client, joblib.parallel_config(backend="dask"):
        yield


def each(
    task: Callable[..., Any], arguments: Sequence[tuple[Any, ...]], *, jobs: int, scheduler: str | None = None
) -> Iterator[Any]:
    """Yield the results of a task, which other processes can import, as they come.

    There are ``jobs`` processes at once; with 1 the calls are made in this process. With the address of a Dask
    scheduler, its `cluster` makes them.
    """
    if not arguments or (scheduler is None and min(jobs, len(arguments)) == 1):
        yield from (task(*one) for one in arguments)
        return
    import joblib

    with cluster(scheduler):
        options = {} if scheduler else {"backend": "loky", "n_jobs": min(jobs, len(arguments))}
        parallel = joblib.Parallel(return_as="generator_unordered", batch_size=1, pre_dispatch="all", **options)
        yield from parallel(joblib.delayed(task)(*one) for one in arguments)
