"""The one place that turns arguments, as Python names them, into options of the command line.

Messages outside this folder write arguments in backticks: `size`, `size=32`, `overwrite=True`. A
person who typed a command reads --size, --size 32 and --overwrite instead.
"""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Mapping
from typing import Any

import rich.console
import rich.text
import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from tfzero.common.checks import InputError, StopError

_ARGUMENT = re.compile(r"`([a-z]\w*)(?:=([^`]+))?`")
# Another command's argument, as in `tfzero.suggest(test=100)`.
_CALL = re.compile(r"`tfzero\.([a-z]\w*)\((\w+)=([^`]+)\)`")


def translate(text: str, *commands: Any, others: Mapping[str, Any] | None = None) -> str:
    """Returns a message in which parameters of the commands are written as their options.

    Args:
        text: A message that has arguments in backticks.
        commands: Of Typer, the running one first. The first one with a parameter of a name decides
            how that is written. Names of no parameter stay as they are.
        others: All commands by name, for texts that say how to call one.
    """
    parameters = {own.name: own for command in reversed(commands) for own in command.params}

    def write(found: re.Match[str]) -> str:
        parameter = parameters.get(found[1])
        written = None if parameter is None else _write(parameter, found[2])
        return found[0] if written is None else written

    def write_call(found: re.Match[str]) -> str:
        other = (others or {}).get(found[1])
        own = {parameter.name: parameter for parameter in getattr(other, "params", ())}
        written = _write(own[found[2]], found[3]) if found[2] in own else None
        return found[0] if written is None else f"tfzero {found[1]} ... {written}"

    return _ARGUMENT.sub(write, _CALL.sub(write_call, text))


def _write(parameter: Any, value: str | None) -> str | None:
    """Returns a parameter, with its value if there is one, as one types it; None if one cannot."""
    if isinstance(parameter, TyperArgument):
        name = (parameter.metavar or parameter.name.upper()).strip("[]")
        return name if value is None else _write_value(parameter, value)
    option = parameter.opts[0]
    if value is None:
        return option
    if parameter.is_flag:
        return option if value == "True" else None
    typed = _write_value(parameter, value)
    return f"{option}={typed}" if typed.startswith("-") else f"{option} {typed}"


def _write_value(parameter: Any, value: str) -> str:
    try:
        read = ast.literal_eval(value)
    except (SyntaxError, ValueError):  # such as a file's name
        read = value
    if isinstance(read, tuple | list):
        # The metavar shows how several values are joined, as in "HxW" and "LOW,HIGH".
        joint = "x" if re.search(r"[A-Z]x[A-Z]", parameter.metavar or "") else ","
        read = joint.join(map(str, read))
    return shlex.quote(str(read))


def write_option(parameter: Any, value: str) -> str:
    """Returns a parameter of a command with its value, as one types it in a shell."""
    typed = shlex.quote(value)
    if isinstance(parameter, TyperArgument):
        return typed
    option = parameter.opts[0]
    return f"{option}={typed}" if value.startswith("-") else f"{option} {typed}"


class Command(TyperCommand):
    """A command whose refusals speak of its options."""

    def invoke(self, ctx: typer.Context) -> Any:
        """Runs the command.

        Raises:
            InputError: As the command raised it, translated; so for `StopError`.
        """
        try:
            return super().invoke(ctx)
        except (InputError, StopError) as error:
            others = getattr(ctx.find_root().command, "commands", None)
            error.args = (translate(str(error), self, others=others),)
            raise


class CommandGroup(TyperGroup):
    """All commands, whose help is quick."""

    def get_help_option(self, ctx: typer.Context) -> TyperOption | None:
        """Returns --help, which is off where it is not given.

        Typer has pydantic read what is neither on nor off, and pydantic takes long to load.
        """
        option = super().get_help_option(ctx)
        if option is not None:
            option.default = False
        return option


class Console(rich.console.Console):
    """A console that prints arguments as options.

    Args:
        context: Of the running command.
        stderr: Whether it prints on the standard error stream.
        advising: Another command, to which advice applies where the running one has no such
            option.
    """

    def __init__(self, context: typer.Context, *, stderr: bool = False, advising: str = ""):
        super().__init__(stderr=stderr, emoji=False)
        group: Any = context.find_root().command
        self._commands = [context.command, *([group.commands[advising]] if advising else [])]

    def render_str(self, text: str, **looks: Any) -> rich.text.Text:
        """Returns a text, as it stands alone or in a table, translated."""
        return super().render_str(translate(text, *self._commands), **looks)
