"""What every job needs of the process that it runs in."""

from __future__ import annotations

import contextlib
import functools
import gc
import os
import pathlib
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Concatenate, ParamSpec, TypeVar

from tfzero.common.cores import count_cores
from tfzero.common.surroundings import (
    PRECISIONS,
    changed_processor_variables,
    foreign_variables,
    is_own_process,
    own_process,
    own_settings,
    trusting_files,
)
from tfzero.study.work.devices import Slot
from tfzero.study.work.slots import adopt_gpu, configure_gpu, take_slot
from tfzero.study.workspace import Workspace

Arguments = ParamSpec("Arguments")
Value = TypeVar("Value")

# Seconds between a worker's looks at whether its parent lives.
_WATCH_INTERVAL = 1.0


def in_study(
    job: Callable[Concatenate[Workspace, Arguments], Value],
) -> Callable[Concatenate[Workspace, Arguments], Value]:
    """Makes a function of a workspace a job that any process can run.

    The process is prepared once, and a user's own classes are known while the job runs. Keras
    runs code in files where the user allowed it.
    """

    @functools.wraps(job)
    def run(workspace: Workspace, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Value:
        configure_gpu()
        prepare_process()
        workspace.outside.register()
        import keras

        with (
            _as_in_a_worker(workspace.plan.precision),
            keras.saving.custom_object_scope(workspace.custom_objects),
            trusting_files(workspace.trusts_files),
        ):
            return job(workspace, *args, **kwargs)

    return run


@functools.cache
def prepare_process(threads: int = 1) -> None:
    """Loads TensorFlow into this process, once.

    One thread, so that results do not depend on a machine's core count.

    Args:
        threads: For one operation of TensorFlow or of linear algebra, in a process of tfzero's own.
    """
    global _threads
    import tensorflow as tf

    _threads = threads
    gc.freeze()  # TensorFlow's own million objects need not be searched for garbage each time
    if is_own_process():
        # Raises where TensorFlow runs already; `why_unfit` told whether it has one thread then.
        with contextlib.suppress(RuntimeError):
            tf.config.threading.set_intra_op_parallelism_threads(threads)
            tf.config.threading.set_inter_op_parallelism_threads(1)


# What `prepare_process` was given.
_threads = 1


@contextlib.contextmanager
def _as_in_a_worker(precision: str | None) -> Iterator[None]:
    """Fixes what changes numbers while a job runs; the calling process gets it all back."""
    import sklearn.metrics  # noqa: F401  # loads the numerical libraries that are limited below
    import tensorflow as tf
    import threadpoolctl

    logger, eager = tf.get_logger(), tf.config.functions_run_eagerly()
    level = logger.level
    with own_settings(precision or PRECISIONS[0]), threadpoolctl.threadpool_limits(_threads):
        logger.setLevel("ERROR")
        if eager:
            tf.config.run_functions_eagerly(False)
        try:
            yield
        finally:
            logger.setLevel(level)
            if eager:
                tf.config.run_functions_eagerly(True)


def why_unfit() -> str | None:
    """Returns what keeps this process from giving the numbers that a worker gives; None if nothing.

    These are settings that no process can change and change back: what TensorFlow and NumPy read
    when they were loaded, TensorFlow's threads, and its devices.
    """
    if foreign := foreign_variables():
        return f"its environment has {', '.join(foreign)}"
    if changed := changed_processor_variables():
        return f"{', '.join(changed)} changed after tfzero was imported"
    if "tensorflow" not in sys.modules:
        if not is_own_process() and not (_are_one(0, 0) and not _may_have_gpu()):
            return "TensorFlow would have several threads, or a GPU"
        return None
    import tensorflow as tf
    from tensorflow.python.framework import config as internal
    from tensorflow.python.framework import ops

    if tf.config.get_visible_devices("GPU"):
        return "it uses a GPU"
    if tf.distribute.has_strategy():
        return "it is in the scope of a tf.distribute strategy"
    if internal.is_op_determinism_enabled():
        return "tf.config.experimental.enable_op_determinism was called"
    if ops.is_auto_dtype_conversion_enabled():
        return "TensorFlow converts types as NumPy does"
    return None if _has_one_thread() else "TensorFlow has several threads"


def _may_have_gpu() -> bool:
    return os.environ.get("CUDA_VISIBLE_DEVICES") != "-1" and any(
        pathlib.Path("/dev").glob("nvidia[0-9]*")
    )


def _has_one_thread() -> bool:
    """Returns whether TensorFlow has one thread, or can have: only a process of our own is asked.

    It has as many as its settings say, as the environment says, or as there are cores.
    """
    from tensorflow.config import threading as settings

    if is_own_process():
        try:
            settings.set_intra_op_parallelism_threads(1)
            settings.set_inter_op_parallelism_threads(1)
        except RuntimeError:  # it runs already
            pass
        else:
            return True
    return _are_one(
        settings.get_intra_op_parallelism_threads(), settings.get_inter_op_parallelism_threads()
    )


def _are_one(intra: int, inter: int) -> bool:
    """Returns whether TensorFlow has one thread by its settings, of which 0 is none."""
    names = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
    return all(
        (number or int(os.environ.get(name) or count_cores())) == 1
        for name, number in zip(names, (intra, inter), strict=True)
    )


def begin_worker(parent: int) -> None:
    """Makes this process a worker, before it loads TensorFlow, that ends with its parent."""
    own_process()
    end_with(parent)


def begin_gpu_worker(parent: int, slots: tuple[Slot, ...]) -> None:
    """As `begin_worker`, for one that takes one of some parts of GPUs."""
    begin_worker(parent)
    take_slot(slots)


def call_on_gpu(call: Callable[..., Value], *arguments: Any) -> Value:
    """Returns what a call returns in a cluster's worker that has a GPU."""
    adopt_gpu()
    return call(*arguments)


def call_beside_gpu(call: Callable[..., Value], *arguments: Any) -> Value:
    """Returns what a call returns on the processor of a cluster's worker that has a GPU."""
    adopt_gpu()
    configure_gpu()
    import tensorflow as tf

    with tf.device("/CPU:0"):
        return call(*arguments)


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
