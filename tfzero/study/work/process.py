"""What every job needs of the process that it runs in."""

from __future__ import annotations

import contextlib
import functools
import gc
import os
import pathlib
import threading
import time
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from tfzero.study.workspace import Workspace

Arguments = ParamSpec("Arguments")
Value = TypeVar("Value")

# Seconds between a worker's looks at whether its parent lives.
_WATCH_INTERVAL = 1.0


def in_study(
    job: Callable[Concatenate[Workspace, Arguments], Value],
) -> Callable[Concatenate[Workspace, Arguments], Value]:
    """Makes a function of a workspace a job that any process can run.

    The process is prepared once, and a user's own classes are known while the job runs.
    """

    @functools.wraps(job)
    def run(workspace: Workspace, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Value:
        prepare_process()
        workspace.outside.register()
        import keras

        with keras.saving.custom_object_scope(workspace.custom_objects):
            return job(workspace, *args, **kwargs)

    return run


@functools.cache
def prepare_process() -> None:
    """Sets up TensorFlow in this process, once, before its first use.

    One thread, so that results do not depend on a machine's core count. Without the graph pass
    that fuses convolutions with what follows them: on these networks it fails on every training
    graph and costs a quarter of each step (measured on TensorFlow 2.21).
    """
    import sklearn.metrics  # noqa: F401  # loads the numerical libraries that are limited below
    import tensorflow as tf
    import threadpoolctl

    gc.freeze()  # TensorFlow's own million objects need not be searched for garbage each time
    tf.get_logger().setLevel("ERROR")
    tf.config.optimizer.set_experimental_options({"remapping": False})
    # Worker processes start with one thread anyway; this process or a cluster's may not.
    threadpoolctl.threadpool_limits(1)
    # Raises where TensorFlow runs already, as in a notebook's own process on a one-core machine.
    with contextlib.suppress(RuntimeError):
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)


def write_errors_to(log: pathlib.Path) -> None:
    """Sends what a worker's libraries print to standard error into the run's log.

    TensorFlow's C++ parts print dozens of lines there that no setting silences.
    """
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(descriptor, 2)
    os.close(descriptor)


def end_with(parent: int) -> None:
    """Ends this worker when its parent is gone: killed, it cannot end its workers itself.

    Without this they would work through their queue beside the resumed study. Nothing is lost
    but the cell in flight, for records appear whole or not at all.
    """

    def watch():
        while os.getppid() == parent:
            time.sleep(_WATCH_INTERVAL)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
