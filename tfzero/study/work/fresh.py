"""A job in a process of its own, with more threads than a worker has.

A worker has one thread, and TensorFlow's threads are fixed when a process first uses it. Results
on several threads are not bit-equal to those on one: sums are taken in another order.
"""

from __future__ import annotations

import os
import pathlib
import pickle
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from typing import Any

import cloudpickle

from tfzero.common.surroundings import drop_foreign_variables, own_process
from tfzero.study.work.process import prepare_process

# Seconds between looks at whether the process lives that waits for this one.
_WATCH_INTERVAL = 1.0
_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def run_fresh(call: Callable[..., Any], *arguments: Any, threads: int) -> Any:
    """Returns `call(*arguments)`, worked out in a new process with so many threads.

    Raises:
        Exception: As the call does.
        RuntimeError: If the process was killed.
    """
    with tempfile.TemporaryDirectory(prefix="tfzero-") as name:
        folder = pathlib.Path(name)
        (folder / "asked").write_bytes(cloudpickle.dumps((call, arguments)))
        limits = {name: str(threads) for name in _LIMITS}
        # Classes of a user's own modules are found where this process finds them.
        environment = {**os.environ, **limits, "PYTHONPATH": os.pathsep.join(sys.path)}
        drop_foreign_variables(environment)
        command = [sys.executable, "-m", __name__, name, str(threads)]
        done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, check=False)
        if not (folder / "found").exists():
            raise RuntimeError(
                f"The training process was ended (exit status {done.returncode}), perhaps "
                "because memory ran out."
            )
        value, error = pickle.loads((folder / "found").read_bytes())
    if error is not None:
        raise error
    return value


def _work(folder: pathlib.Path, threads: int) -> None:
    """Does what is asked for in a folder, and leaves there what came of it."""
    parent = os.getppid()
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    own_process()
    prepare_process(threads)
    call, arguments = pickle.loads((folder / "asked").read_bytes())
    found: tuple[Any, Exception | None]
    try:
        found = call(*arguments), None
    except Exception as error:
        found = None, error
    written = folder / "written"
    written.write_bytes(cloudpickle.dumps(found))
    written.rename(folder / "found")


def _end_with(parent: int) -> None:
    """Ends this process when nobody waits for it any more."""
    while os.getppid() == parent:
        time.sleep(_WATCH_INTERVAL)
    os._exit(1)


if __name__ == "__main__":
    _work(pathlib.Path(sys.argv[1]), int(sys.argv[2]))
