"""A Dask cluster's workers in place of this machine's."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from typing import Any

from tfzero.common.checks import InputError

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
            f'No Dask scheduler answers at "{address}" ({_first_line(error)}); expected an address '
            'that "dask scheduler" printed, as in tcp://10.0.0.5:8786.'
        ) from error
    finally:
        log.setLevel(before)
    with client:
        _check_workers(client, address)
        yield client


def _check_workers(client, address: str) -> None:
    with contextlib.suppress(TimeoutError):
        client.wait_for_workers(2, timeout=_PATIENCE)
    threads = client.nthreads()
    if len(threads) < 2 or set(threads.values()) != {1}:
        most = max(threads.values(), default=0)
        raise InputError(
            f"The scheduler at {address} has {len(threads)} workers of up to {most} threads; "
            "expected at least 2 workers of one thread each, so that results do not depend on the "
            f"machine. Start them so: dask worker {address} --nworkers 4 --nthreads 1"
        )


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
