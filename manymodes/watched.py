"""Read strangers' files in watched processes: one that crashes, hangs or takes all memory costs only its own file.

`each` starts ``python -m manymodes.watched MODULE:FUNCTION SECONDS BYTES``, which calls the function for every request
that comes on its standard input and answers on its standard output. A request that ends the process is answered with a
`Death`, and a new process goes on with the rest.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import pickle
import resource
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from manymodes import deadline

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SECONDS = 10.0
"""Time for a file."""

MEMORY = 1_000_000_000
"""Bytes for a file, beyond those of the process before it."""

REQUESTS_PER_PROCESS = 500
_CHECK_SECONDS = 0.1  # between two looks at the deadline of the work that waits for a process

PROCESS = (sys.executable, "-P", "-m", "manymodes.watched")


class Death(str):
    """The end of a process at a request, in words: like a refusal, it is text in place of an answer."""

    __slots__ = ()


def each(task: str, requests: Sequence[Any], *, jobs: int = -1, seconds: float = SECONDS) -> Iterator[Any]:
    """Yield the answer of a function, or a `Death`, for each request, in their order.

    Work goes through joblib, so that inside `joblib.parallel_config("dask")` a cluster does it; its workers must see
    the same paths.

    Args:
        task: ``module:function``; the function takes one request. It and its answers must be fit to be pickled.
        requests: the arguments of the calls.
        jobs: processes at once; −1 is one per core.
        seconds: that a call may take.
    """
    import joblib

    if not requests:
        return
    workers = max(1, min(joblib.effective_n_jobs(jobs), len(requests) // 50 + 1))
    size = max(1, min(REQUESTS_PER_PROCESS, -(-len(requests) // workers)))
    parts = [requests[start : start + size] for start in range(0, len(requests), size)]
    # threads are enough: each one only waits for its process
    parallel = joblib.Parallel(n_jobs=workers, prefer="threads", return_as="generator")
    for answers in parallel(joblib.delayed(answered)(task, part, seconds) for part in parts):
        yield from answers


def call(task: str, request: Any, *, seconds: float = SECONDS, memory: int = MEMORY) -> Any:
    """Return the answer to one request, or a `Death`; at a `deadline.StoppedError` the process is killed."""
    return answered(task, [request], seconds, memory)[0]


def answered(task: str, requests: Sequence[Any], seconds: float, memory: int = MEMORY) -> list[Any]:
    """Answer requests in one process, and in a new one after each that ended the last."""
    answers: list[Any] = []
    while len(answers) < len(requests):
        answers += _until_death(task, requests[len(answers) :], seconds, memory)
    return answers


def _until_death(task: str, requests: Sequence[Any], seconds: float, memory: int) -> list[Any]:
    """Answer requests in one process, up to and including the first that it does not survive."""
    # one thread each: linear algebra has no part in reading, and its pools take long to start
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    paths = [str(Path(__file__).parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]
    run = _ended(
        [*PROCESS, task, str(seconds), str(memory)],
        pickle.dumps(list(requests)),
        environment | {"PYTHONPATH": os.pathsep.join(paths)},
    )
    stream, answers = io.BytesIO(run.stdout), []
    with contextlib.suppress(EOFError, pickle.UnpicklingError):  # the end, or the middle of an answer
        while True:
            answers.append(pickle.load(stream))  # noqa: S301 - written by our own process, not by a file
    if not answers:
        printed = run.stderr.decode(errors="replace").strip().splitlines() or ["no message"]
        raise RuntimeError(f"the reading process did not start: {printed[-1]}")
    answers = answers[1 : len(requests) + 1]
    return answers if len(answers) == len(requests) else [*answers, Death(_reason(run.returncode, seconds, memory))]


def _ended(command: Sequence[str], sent: bytes, environment: dict[str, str]) -> subprocess.CompletedProcess[bytes]:
    """Run a process to its end, or kill it when the work that waits for it is to end."""
    pipe = subprocess.PIPE
    with tempfile.TemporaryFile() as source:
        # not through a pipe: `communicate` forgets, after a timeout, what did not fit into it
        source.write(sent)
        source.seek(0)
        # our own module, by our own interpreter
        with subprocess.Popen(command, stdin=source, stdout=pipe, stderr=pipe, env=environment) as process:  # noqa: S603
            try:
                while True:
                    try:
                        output, errors = process.communicate(timeout=_CHECK_SECONDS)
                    except subprocess.TimeoutExpired:
                        deadline.check()
                    else:
                        return subprocess.CompletedProcess(command, process.returncode, output, errors)
            finally:
                process.kill()


def _reason(code: int, seconds: float, memory: int) -> str:
    if code == -signal.SIGALRM:
        return f"reading it took more than {seconds:g} s"
    if code == _OUT_OF_MEMORY:
        return f"reading it took more than {memory / 1e9:g} GB of memory"
    cause = signal.Signals(-code).name if code < 0 else f"exit code {code}"
    return f"reading it crashed ({cause})"


_OUT_OF_MEMORY = 3


def main() -> int:
    """Answer the process that started this one."""
    task, seconds, memory = sys.argv[1:]
    module, function = task.split(":")
    # the class by the name that other processes know it by: here this module is __main__
    death = importlib.import_module("manymodes.watched").Death
    # the answers get the standard output to themselves: whatever native code prints goes to the standard error
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)
        requests = pickle.load(sys.stdin.buffer)  # noqa: S301 - written by the process that started this one
        work = getattr(importlib.import_module(module), function)
        _limit_memory(int(memory))
        _answer(answers, "ready")
        for request in requests:
            # the system's own alarm ends native code too
            signal.setitimer(signal.ITIMER_REAL, float(seconds))
            try:
                answer = work(request)
            except MemoryError:
                return _OUT_OF_MEMORY
            except Exception as error:  # noqa: BLE001 - a fault of ours costs one file too
                answer = death(f"reading it failed ({type(error).__name__}: {error})")
            _answer(answers, answer)
        signal.setitimer(signal.ITIMER_REAL, 0)
    return 0


def _answer(answers: BinaryIO, answer: Any) -> None:
    pickle.dump(answer, answers, protocol=pickle.HIGHEST_PROTOCOL)
    answers.flush()


def _limit_memory(memory: int) -> None:
    """Limit the bytes that this process may add to what it has, and write no core dump after a crash."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) if sys.platform == "linux" else 2**20
    limit = pages * resource.getpagesize() + memory
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


if __name__ == "__main__":
    sys.exit(main())
