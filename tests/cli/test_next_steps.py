"""The screen that a study ends on: the commands that it prints do what they say."""

import io
import json
import os
import shlex

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from tests.conftest import draw_bars, use_small_encoders
from tests.jobs.test_compare import run_here
from tests.study.studies import SCRATCH, judge_accuracy, plan_study, say
from tfzero.study import screen
from tfzero.study.study import FinishedStudy


def read_next(text):
    """Returns the commands under "Next:", as words."""
    lines = text.partition("Next:\n")[2].splitlines()
    return [shlex.split(line) for line in lines if line.startswith("  tfzero ")]


@pytest.fixture
def shown(tmp_path, monkeypatch):
    """A study of image files of mixed sizes, whose names a shell would take apart."""
    use_small_encoders(monkeypatch)
    monkeypatch.setenv("BROWSER", "true")
    folder = tmp_path / "my images"
    folder.mkdir()
    images, labels = draw_bars(40, seed=0)
    rows = ["file,label"]
    for number, image in enumerate(images[..., 0]):
        side = 8 + number % 2
        Image.fromarray(image).resize((side, side)).save(folder / f"it's {number}.png")
        if number < 32:
            rows.append(f"it's {number}.png,{labels[number]}")
    (folder / "labels.csv").write_text("\n".join(rows))
    arguments = ["--arms", "pixels/svm,scratch/probe", "--label-counts", "8,12", "--seeds", "2"]
    done = run_here("compare", "my images", *arguments, "--export", "ex port", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    return tmp_path, done.stdout


def test_each_command_works_as_it_is_printed(shown):
    folder, said = shown
    # Nobody wants the report here, so that `run_here` leaves it out.
    (folder / "runs/my-images/report.html").write_text("a page")
    predict, more = read_next(said)
    assert predict[:2] == ["tfzero", "predict"]
    assert more[-2:] == ["--more-seeds", "5"] and "--export" in more
    more[-1] = "1"  # fewer, to be done soon
    again = run_here(*more[1:], cwd=folder)
    assert again.returncode == 0, again.stderr
    assert "Seeds: up to 2 before, 3 now." in again.stdout
    verdict = json.loads((folder / "runs/my-images/verdict.json").read_text())
    assert verdict["seeds"] == 3
    predict, report, more = read_next(again.stdout)
    assert more[-2:] == ["--more-seeds", "5"] and more.count("--more-seeds") == 1
    answered = run_here(*predict[1:], cwd=folder)
    assert answered.returncode == 0, answered.stderr
    assert os.path.basename(predict[3]) in answered.stdout and "it's" in predict[3]
    opened = run_here(*report[1:], cwd=folder)
    assert opened.returncode == 0 and "report.html" in opened.stdout
    assert (folder / "runs/my-images/report.html").read_text() == "a page"


def test_a_dry_run_writes_nothing(tmp_path):
    images, labels = draw_bars(40, seed=0)
    np.savez(tmp_path / "bars.npz", x_train=images, y_train=labels)
    arguments = ["compare", "bars.npz", "--arms", "pixels/svm,vae/lpft", "--seeds", "3"]
    done = run_here(*arguments, "--dry-run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Plan: 3 pretrainings" in done.stdout and "vae/lpft" in done.stdout
    assert "Next:" not in done.stdout and os.listdir(tmp_path) == ["bars.npz"]
    done = run_here(*arguments, "--dry-run", "--json", "--encoder", "residual", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["arms"][0] == "pixels/svm"
    assert "Plan: 3 pretrainings" in done.stderr and os.listdir(tmp_path) == ["bars.npz"]


def finish(**asked):
    """A study of many arms, of numbers."""
    plan = plan_study(arms=None, label_counts=[6, 15, 63], seeds=5, **asked)
    accuracy = {(cell.arm, cell.num_labels): [] for cell in plan.cells()}
    for cell in plan.cells():
        gain = 6.0 if cell.init == "rotation" else 0.5
        accuracy[cell.arm, cell.num_labels].append(70 + gain + cell.replicate / 10)
    verdict = judge_accuracy(plan, accuracy)
    verdict |= {
        "answered_at": 63,
        "headline": say(verdict, plan=plan),
        "not_exported": None,
        "unfinished": [],
        "recommended": {
            "arm": "rotation/lpft",
            "file": {"num_labels": 63, "accuracy": 76.54, "num_test": 27, "num_folds": 1},
        },
    }
    return FinishedStudy(plan, "runs/x", verdict)


@pytest.mark.parametrize("width", [100, 80])
def test_the_end_is_one_screen(width):
    console = Console(file=io.StringIO(), width=width)
    study = finish()
    screen.show_verdict(console, study)
    screen.show_export(console, study)
    text = console.file.getvalue()
    lines = text.splitlines()
    assert len(lines) + 4 <= (24 if width == 100 else 27)  # and the commands
    assert max(map(len, lines)) <= width and "…" not in text
    said = " ".join(text.split())
    assert "Yes. Fine-tuning a network pretrained by rotation beats" in said
    assert "at 63 labels." in said.partition("Test accuracy")[0]
    for arm in study.plan.arms:
        [line] = [line for line in lines if line.startswith(f"{arm} ")]
        if arm == "rotation/lpft":
            assert "76.2" in line and "+5.5 (" in line and line.rstrip().endswith("better")
        if arm == SCRATCH:
            assert line.rstrip().endswith("baseline")
    assert "Exported: rotation/lpft, trained on 63 labels; 76.5 % of 27 test images right." in text
    assert "† against an arm without pretraining on the same unlabeled images" in text


def test_on_a_narrow_screen_the_smaller_counts_go_before_digits_do():
    console = Console(file=io.StringIO(), width=72)
    screen.show_verdict(console, finish())
    assert " 63 " in console.file.getvalue() and " 15 " not in console.file.getvalue()
