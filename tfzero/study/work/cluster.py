"""A Dask cluster's workers in place of this machine's."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Iterator
from typing import Any

from tfzero.common.checks import InputError
from tfzero.common.surroundings import foreign_variables
from tfzero.study.planning.difference import plan_difference
from tfzero.study.planning.versions import current_versions

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


def _check_workers(client, address: str) -> None:
    with contextlib.suppress(TimeoutError):
        client.wait_for_workers(2, timeout=_PATIENCE)
    threads = client.nthreads()
    if len(threads) < 2 or set(threads.values()) != {1}:
        most = max(threads.values(), default=0)
        raise InputError(
            f"The scheduler at {address} has {len(threads)} workers of up to {most} threads; "
            "expected at least 2 workers with one thread each. Otherwise results would "
            f"depend on the machine. Start them with: dask worker {address} --nworkers 4 "
            "--nthreads 1"
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
