"""A Dask cluster's workers in place of this machine's."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Iterator
from concurrent.futures import Executor
from typing import Any

from tfzero.common.checks import InputError
from tfzero.common.gpus import Found, list_gpus
from tfzero.common.surroundings import asked_visible, foreign_variables
from tfzero.study.planning.difference import plan_difference
from tfzero.study.planning.lanes import Lane
from tfzero.study.planning.versions import current_versions
from tfzero.study.work.executors import Wrapping
from tfzero.study.work.process import call_beside_gpu, call_on_gpu
from tfzero.study.work.slots import current_slot

# What a worker with a GPU is started with: dask worker ADDRESS --nthreads 1 --resources "GPU=1".
_RESOURCE = "GPU"
# Seconds for a scheduler to answer, and for its first workers to appear.
_PATIENCE = 10.0


@contextlib.contextmanager
def connect(address: str) -> Iterator[Any]:
    """Yields a `distributed.Client` of the scheduler, closed when the block ends.

    Args:
        address: As `dask scheduler` prints it, for example "tcp://10.0.0.5:8786".

    Raises:
        InputError: If Dask is not installed, the scheduler does not answer, or its workers
            cannot serve.
    """
    try:
        import distributed
    except ImportError as error:
        raise InputError(
            "`scheduler` needs Dask, which is not installed. Install it: pip install 'tfzero[dask]'"
        ) from error
    log = logging.getLogger("distributed")
    before = log.level
    log.setLevel(logging.CRITICAL)  # a refused connection prints a traceback of its own
    try:
        client = distributed.Client(address, timeout=_PATIENCE, set_as_default=False)
    except (OSError, ValueError, TypeError, ImportError) as error:
        raise InputError(
            f'No Dask scheduler answers at "{address}" ({_first_line(error)}); expected an '
            'address that "dask scheduler" printed, such as tcp://10.0.0.5:8786.'
        ) from error
    finally:
        log.setLevel(before)
    with client:
        _check_workers(client, address)
        _check_surroundings(client)
        yield client


def list_lanes(client, *, uses_gpu: bool) -> dict[Lane, tuple[int, Executor]]:
    """Returns by lane how many workers there are, and what hands them their work.

    Workers with the Dask resource "GPU" are those of the GPU's lane. The others do the rest, or
    these too where there are no others.

    Raises:
        InputError: If a study without a GPU meets a worker that has one already.
    """
    threads, gpus = client.nthreads(), _gpu_workers(client)
    if not uses_gpu:
        for worker, slot in client.run(current_slot).items():
            if slot is not None:
                raise InputError(
                    f"The worker at {worker} has used its GPU in an earlier study; expected none "
                    "in a study on CPUs. Start it again."
                )
    if not gpus or not uses_gpu:
        return {Lane.CPU: (len(threads), client.get_executor())}
    others = sorted(set(threads) - set(gpus))
    on_gpu = Wrapping(client.get_executor(workers=gpus, resources={_RESOURCE: 1}), call_on_gpu)
    beside = client.get_executor(workers=others) if others else None
    if beside is None:
        beside = Wrapping(client.get_executor(workers=gpus), call_beside_gpu)
    return {Lane.GPU: (len(gpus), on_gpu), Lane.CPU: (len(others) or len(gpus), beside)}


def find_gpus(address: str) -> Found:
    """Returns a GPU of each worker that has the Dask resource "GPU".

    Raises:
        InputError: As `connect`.
    """
    with connect(address) as client:
        gpus = _gpu_workers(client)
        if not gpus:
            return Found((), 'No worker of the cluster has the Dask resource "GPU"')
        found = client.run(_list_own_gpus, workers=gpus)
    for worker, each in found.items():
        if not each.gpus:
            raise InputError(
                f'The worker at {worker} has the Dask resource "GPU" and can use none. '
                f'{each.why_none}. Start it without --resources "GPU=1".'
            )
    first = [each.gpus[0] for each in found.values()]
    if len({gpu.name for gpu in first}) > 1:
        names = ", ".join(sorted({gpu.name for gpu in first}))
        raise InputError(
            f"The workers of the cluster have GPUs of several models ({names}); expected one "
            "model, because different models round differently."
        )
    return Found(tuple(first))


def _list_own_gpus() -> Found:
    return list_gpus(asked_visible())


def _gpu_workers(client) -> list[str]:
    workers = client.scheduler_info(n_workers=-1)["workers"]
    return sorted(name for name, each in workers.items() if each["resources"].get(_RESOURCE))


def _check_workers(client, address: str) -> None:
    with contextlib.suppress(TimeoutError):
        client.wait_for_workers(1 if _gpu_workers(client) else 2, timeout=_PATIENCE)
    threads = client.nthreads()
    least = 1 if _gpu_workers(client) else 2
    if len(threads) < least or set(threads.values()) != {1}:
        most = max(threads.values(), default=0)
        raise InputError(
            f"The scheduler at {address} has {len(threads)} workers of up to {most} threads. "
            "Expected at least 2 workers with one thread each, or one with a GPU. With more "
            "threads, results would depend on the machine. Start them with: dask worker "
            f"{address} --nworkers 4 --nthreads 1"
        )


def _look_around() -> tuple[dict[str, str], list[str]]:
    """Returns versions of the process that this runs in, and variables that it has read."""
    is_loaded = "tensorflow" in sys.modules  # else they are dropped before the first job
    return current_versions(), list(foreign_variables()) if is_loaded else []


def _check_surroundings(client) -> None:
    """Refuses workers whose numbers would not be this process's: they cannot be changed."""
    expected = current_versions()
    for worker, (versions, foreign) in client.run(_look_around).items():
        if foreign:
            raise InputError(
                f"The worker at {worker} has {', '.join(foreign)} in its environment; "
                "expected none of these, because results would depend on them. Unset them "
                "and start the worker again."
            )
        if versions != expected:
            raise InputError(
                f"The worker at {worker} has other versions than this process "
                f"({'; '.join(plan_difference(expected, versions))}). Install the same "
                "versions everywhere."
            )


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
