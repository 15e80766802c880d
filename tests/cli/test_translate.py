import io
import pathlib
import re
import zipfile
from typing import Annotated

import pytest
import rich.table
import typer
from typer.testing import CliRunner

from tests.test_cli import refuse
from tfzero import cli
from tfzero.cli.translate import Command, Console, translate
from tfzero.common.checks import InputError, StopError

COMMANDS = typer.main.get_command(cli.app).commands


@pytest.mark.parametrize(
    ("command", "text", "expected"),
    [
        ("compare", "Give `size`, or `label_counts`.", "Give --size, or --label-counts."),
        ("compare", "Pass `size=32` to resize.", "Pass --size 32 to resize."),
        ("compare", "Pass `size=(32, 48)`.", "Pass --size 32x48."),
        ("compare", "`label_counts=[2, 'all']`", "--label-counts 2,all"),
        ("compare", "`source='imagenet:NAME'`", "--source imagenet:NAME"),
        ("compare", "Replace it: `overwrite=True`.", "Replace it: --overwrite."),
        ("compare", "Leave `pool_only` out.", "Leave --pool-only out."),
        ("compare", "`strict=False` sets them aside.", "`strict=False` sets them aside."),
        ("compare", "`group='patient(\\\\d+)'`", "--group 'patient(\\d+)'"),
        ("compare", "`data` is empty.", "DATA is empty."),
        ("predict", "`images` are none.", "IMAGES are none."),
        ("predict", "Write `savedmodel='mine/1'`.", "Write mine/1."),
        ("export", "`image_shape=(28, 28, 1)`", "--image-shape 28,28,1"),
        ("export", "`pixel_range=(-1, 1)`", "--pixel-range=-1,1"),
        ("export", "`class_names` and `from_logits=True`", "--classes and --logits"),
        ("pretrain", "`settings=beta=1`", "--set beta=1"),
        ("pretrain", "`weights=FILE`, `images[..., None]`", "`weights=FILE`, `images[..., None]`"),
        ("verify", "`tfzero verify` has no `size`.", "`tfzero verify` has no `size`."),
    ],
)
def test_arguments_become_options_of_the_running_command(command, text, expected):
    assert translate(text, COMMANDS[command]) == expected


def test_the_running_command_comes_before_the_one_that_it_advises_on():
    told = translate("`page`, `strict`, `drop_leaks`", COMMANDS["check"], COMMANDS["compare"])
    assert told == "--page, --strict, --drop-leaks"
    both = translate("`model`, `out`", COMMANDS["sample"], COMMANDS["compare"])
    assert both == "MODEL, --out"


def test_no_other_folder_speaks_of_options():
    options = {
        option
        for command in COMMANDS.values()
        for parameter in command.params
        for option in parameter.opts
        if option.startswith("--")
    }
    spoken = re.compile(rf"({'|'.join(sorted(options))})(?![\w-])")
    package = pathlib.Path(cli.__file__).parents[1]
    files = [path for path in package.rglob("*.*") if path.suffix in (".py", ".html", ".js")]
    told = [
        f"{path.relative_to(package)}: {found[1]}"
        for path in files
        if path.parent.name != "cli"
        for found in spoken.finditer(path.read_text("utf-8"))
    ]
    assert "--size" in options and told == []


def test_errors_and_consoles_of_a_command_speak_of_its_options():
    app = typer.Typer()
    app.command("other")(lambda: None)

    @app.command(cls=Command)
    def work(
        context: typer.Context,
        size: Annotated[str, typer.Option()] = "",
        stop: Annotated[bool, typer.Option("--stop")] = False,
    ):
        del size
        console = Console(context)
        console.print("Pass `size=8`.", highlight=False)
        table = rich.table.Table()
        table.add_row("or `other`, `stop`")
        console.print(table)
        raise (StopError if stop else InputError)("Pass `size=16`.")

    for options, kind in (([], InputError), (["--stop"], StopError)):
        result = CliRunner().invoke(app, ["work", *options])
        assert "Pass --size 8.\n" in result.output and "or `other`, --stop" in result.output
        assert type(result.exception) is kind and str(result.exception) == "Pass --size 16."


def test_a_refusal_reaches_the_person_translated(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)

    def fail(*_, **__):
        raise InputError("no `size=8`")

    monkeypatch.setattr("tfzero.jobs.export.export_from_file", fail)
    zipfile.ZipFile("x.keras", "w").close()
    refused = ["export", "x.keras", "--out", "sm"]
    assert refuse(refused, monkeypatch, capsys) == "tfzero: no `size=8`\n"
    monkeypatch.setattr("tfzero.jobs.sizing.load", fail)
    monkeypatch.setattr("tfzero.data.load.load", fail)
    for command in ("compare", "pretrain", "finetune"):
        assert refuse([command, "x"], monkeypatch, capsys) == "tfzero: no --size 8\n"


def test_a_console_advises_on_another_command():
    group = typer.main.get_command(cli.app)
    parent = typer.Context(group)
    console = Console(
        typer.Context(COMMANDS["check"], parent=parent), stderr=True, advising="compare"
    )
    console.file = io.StringIO()
    console.print("See `page`; `drop_leaks` leaves them out of `model`.")
    assert console.file.getvalue() == "See --page; --drop-leaks leaves them out of `model`.\n"
    assert console.stderr
