"""Names that look like markup of what prints them: they are shown as they are."""

# ruff: noqa: F811  # fixtures are taken by the names that they are imported by

import ast
import io
import pathlib
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

import tfzero
from tests.export.conftest import model  # noqa: F401  # a fixture
from tests.field.test_ends import STUDY
from tests.jobs.conftest import small_studies  # noqa: F401  # a fixture
from tests.jobs.test_compare import run_here
from tests.study.small import at
from tests.study.studies import plan_study
from tfzero.export import export_savedmodel
from tfzero.jobs import watch
from tfzero.study.records import RunFolder
from tfzero.study.standing import Standing
from tfzero.study.work.progress import Progress

PACKAGE = pathlib.Path(tfzero.__file__).parent
# The second one closes what nobody opened, which rich refuses.
BOLD, CLOSED, SMILE = "[bold]x[/bold]", "[/red] [link=a]y", ":smile: [dim]z"


@pytest.fixture
def birds(tmp_path):
    """A folder of three classes, with a duplicate, a broken and a hidden file."""
    folder = tmp_path / "[red] birds"
    generator = np.random.default_rng(5)
    for label, name in enumerate((BOLD, CLOSED.replace("/", "|"), SMILE)):
        place = folder / name.replace("/", "|")
        place.mkdir(parents=True)
        for number in range(20):
            pixels = generator.integers(60 * label, 60 * label + 120, (8, 8), dtype=np.uint8)
            Image.fromarray(pixels).save(place / f"[i]{number}.png")
    same = (place / "[i]0.png").read_bytes()
    (place / "[b]same.png").write_bytes(same)
    (place / "[b]broken.png").write_bytes(same[:40])
    (place / ".[b]hidden.png").write_bytes(same)
    return folder


def flat(*texts):
    return "".join("".join(texts).split())


def test_check_shows_names_as_they_are(birds):
    done = run_here("check", birds.name, "--page", "[u]page.html", cwd=birds.parent)
    assert done.returncode == 0, done.stderr
    said = flat(done.stdout)
    for name in ("[b]same.png", "[b]broken.png", ".[b]hidden.png", "[u]page.html", SMILE):
        assert flat(name) in said, name


def test_compare_shows_names_as_they_are(birds):
    words = ["compare", birds.name, *STUDY, "--out", "[bold]run", "--size", "8"]
    done = run_here(*words, cwd=birds.parent)
    assert done.returncode == 0, done.stderr
    said = flat(done.stdout)
    for name in ("[b]broken.png", f"{SMILE}/.[b]hidden.png", "--out '[bold]run'"):
        assert flat(name) in said, name
    assert "pixels/knn" in said


def test_predict_shows_names_as_they_are(birds, model, tmp_path):
    base = tmp_path / "[bold]model"
    export_savedmodel(model, base, class_names=[BOLD, CLOSED, SMILE])
    done = run_here("predict", base, birds.name, cwd=birds.parent)
    assert done.returncode == 1  # one is broken
    assert all(name in done.stdout for name in (BOLD, CLOSED, SMILE, "[i]7.png"))
    assert "[b]broken.png" in done.stderr and ".[b]hidden.png" in done.stderr


@pytest.mark.parametrize("terminal", [False, True])
def test_what_is_shown_while_a_study_runs(terminal, tmp_path):
    said = io.StringIO()
    console = Console(file=said, width=200, force_terminal=terminal, no_color=True)
    progress = Progress(
        console, workers=1, standing=Standing(at(plan_study(), RunFolder(tmp_path)))
    )
    job = SimpleNamespace(key="k", seconds=1.0, label=f"{BOLD} {CLOSED} {SMILE}")
    progress.start([job])
    progress.advance(job)
    progress.stop()
    assert f"(done: {job.label})" in said.getvalue()


def test_what_pretraining_says(monkeypatch):
    said = io.StringIO()
    line = watch.Line(Console(file=said, width=200), epochs=3, done=0)
    line.on_epoch_end(0, {BOLD: 1.0})
    assert BOLD in said.getvalue()


def test_nothing_prints_on_a_console_in_another_way():
    found = [
        f"{path.relative_to(PACKAGE)} {node.lineno}"
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("print", "log", "rule", "out", "print_json")
        and not any(
            isinstance(one, ast.Name) and one.id in ("np", "tf", "math", "ops")
            for one in ast.walk(node.func)
        )
    ]
    assert len(found) == 1 and found[0].startswith("common/console.py"), found
