"""The command line: parse, call, print."""

from __future__ import annotations

import signal
import sys
from typing import Annotated

import typer

import tfzero
from tfzero.cli.options import app
from tfzero.cli.quiet import without_log_lines
from tfzero.common.checks import InputError, StopError
from tfzero.common.surroundings import check_keras_file, describe_dropped, own_process

# isort: off
# Each registers its commands, in the order in which the help lists them.
from tfzero.cli import study
from tfzero.cli import stages
from tfzero.cli import sample
from tfzero.cli import exported
# isort: on

__all__ = ["app", "exported", "main", "sample", "stages", "study"]


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
    Ctrl-C and SIGTERM one and exit codes 130 and 143.
    """
    dropped = own_process()
    if dropped:
        print(f"tfzero: {describe_dropped(dropped)}", file=sys.stderr)
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number, handler in before.items():
        if handler != signal.SIG_IGN:  # as in a job that a shell runs in the background
            signal.signal(number, _stop)
    try:
        check_keras_file()
        with without_log_lines():
            app()
    except InputError as error:
        print(f"tfzero: {error}", file=sys.stderr)
        sys.exit(2)
    except StopError as error:
        print(f"tfzero: {error}", file=sys.stderr)
        sys.exit(1)
    except _Stopped as stopped:
        print("tfzero: stopped; the same command goes on from here.", file=sys.stderr)
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
