"""The command line: parse, call, print."""

from __future__ import annotations

import os
import signal
import sys
from typing import Annotated

import typer

import tfzero
from tfzero.cli.options import app
from tfzero.cli.quiet import without_log_lines
from tfzero.common.checks import InputError, StopError
from tfzero.common.outlet import Outlet
from tfzero.common.surroundings import check_keras_file, describe_dropped, own_process

# isort: off
# Each registers its commands, in the order in which the help lists them.
from tfzero.cli import study
from tfzero.cli import check
from tfzero.cli import report
from tfzero.cli import suggest
from tfzero.cli import stages
from tfzero.cli import sample
from tfzero.cli import exported
# isort: on

__all__ = [
    "app",
    "check",
    "exported",
    "main",
    "report",
    "sample",
    "stages",
    "study",
    "suggest",
]


class _Stopped(BaseException):
    """A person, or the system, asked this process to stop."""

    def __init__(self, number: int):
        super().__init__()
        self.number = number


def _stop(number, frame) -> None:
    del frame
    signal.signal(number, signal.SIG_DFL)  # who asks twice is not kept waiting
    raise _Stopped(number)


def main() -> None:
    """Runs the command.

    A refusal becomes one sentence and exit code 2, work that cannot go on one and exit code 1;
    Ctrl-C and SIGTERM one and exit codes 130 and 143. Standard output that cannot be written does
    not end the work: the exit code is 1 then, and 141 where its reader has gone.
    """
    with without_log_lines():
        _run_with_outlets()


def _run_with_outlets() -> None:
    before_streams = sys.stdout, sys.stderr
    output = None if sys.stdout is None else Outlet(sys.stdout)
    errors = None if sys.stderr is None else Outlet(sys.stderr)
    sys.stdout, sys.stderr = output, errors  # type: ignore[assignment]
    try:
        _run()
    except SystemExit as end:
        if end.code not in (None, 0):
            raise
        _end_output(output)
        raise
    else:
        _end_output(output)
    finally:
        for outlet in (output, errors):
            _let_go(outlet)
        sys.stdout, sys.stderr = before_streams


def _end_output(output: Outlet | None) -> None:
    """Exits with 1 or 141 if the work was done and what it printed was lost."""
    if output is None:
        return
    output.flush()
    if isinstance(output.failure, BrokenPipeError):
        sys.exit(128 + signal.SIGPIPE)
    if output.failure is not None:
        reason = getattr(output.failure, "strerror", None) or output.failure
        print(
            f"tfzero: the work is done, but writing to standard output failed: {reason}.",
            file=sys.stderr,
        )
        sys.exit(1)


def _let_go(outlet: Outlet | None) -> None:
    """Keeps Python from writing again, when it ends, what a stream did not take."""
    if outlet is None:
        return
    outlet.flush()
    if outlet.failure is not None:
        try:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, outlet.fileno())
            os.close(nowhere)
        except (OSError, ValueError):  # no stream of the system, as in a notebook
            return


def _run() -> None:
    dropped = own_process()
    if dropped:
        print(f"tfzero: {describe_dropped(dropped)}", file=sys.stderr)
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number, handler in before.items():
        if handler != signal.SIG_IGN:  # as in a job that a shell runs in the background
            signal.signal(number, _stop)
    try:
        check_keras_file()
        app()
    except InputError as error:
        print(f"tfzero: {error}", file=sys.stderr)
        sys.exit(2)
    except StopError as error:
        print(f"tfzero: {error}", file=sys.stderr)
        sys.exit(1)
    except _Stopped as stopped:
        print(
            "tfzero: stopped. To continue from here, give the same command again.", file=sys.stderr
        )
        sys.exit(128 + stopped.number)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _version(value: bool) -> None:
    if value:
        print(f"tfzero {tfzero.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    del version
