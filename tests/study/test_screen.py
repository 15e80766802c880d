import io

import pytest
from rich.console import Console

from tests.study.small import at
from tests.study.studies import SCRATCH, plan_study
from tfzero.common.arm import Arm
from tfzero.study import plan_screen, screen
from tfzero.study.growth import Growth
from tfzero.study.records import RunFolder
from tfzero.study.work.devices import Devices
from tfzero.study.work.estimate import Estimate
from tfzero.study.work.forecast import Forecast

VAE = Arm("vae", "lpft")


@pytest.fixture
def shown():
    said = io.StringIO()
    return said, Console(file=said, width=200)


def entry(arm, *, seeds=(15, 30), num_labels=None):
    settled_by = {"points": 1.0, "seeds": seeds, "images": None}
    figures = {"difference": 0.4, "low": -1.0, "high": 1.8}
    where = {"arm": arm, "baseline": SCRATCH, "num_labels": num_labels}
    return {**where, **figures, "settled_by": settled_by}


def show_look(console, tmp_path, **record):
    plan = plan_study(seeds=10)
    workspace = at(plan, RunFolder(tmp_path))
    record = {"number": 1, "seeds": 3, "comparisons": [], "stops": False, **record}
    forecast = Forecast(workspace, Estimate(), workers=2)
    screen.show_look(console, Growth(plan, (record,)), forecast)
    return forecast


def test_a_look_says_what_the_open_arms_would_take(shown, tmp_path):
    said, console = shown
    comparisons = [
        entry("vae/lpft"),
        entry("vae/lpft", num_labels=6),
        entry("gan/lpft", seeds=None),
    ]
    still = ["vae/lpft", SCRATCH]
    forecast = show_look(console, tmp_path, comparisons=comparisons, open=still)
    text = said.getvalue()
    assert "After 3 seeds: settled gan/lpft. The study continues to 5 seeds." in text
    assert text.count("vae/lpft against scratch/finetune: +0.4 points (-1.0 to 1.8)") == 1
    seconds = 12 * forecast.seconds_per_seed(VAE)
    assert f"about 12 more seeds, {screen.format_seconds(seconds)}." in text
    # A pretraining and the cells of both arms, on two workers.
    assert forecast.seconds_per_seed(VAE) > 2 * forecast.seconds_per_seed(Arm.parse(SCRATCH))
    assert "gan/lpft against" not in text  # no number of seeds would do


def test_a_look_that_answers_the_question_ends_the_study(shown, tmp_path):
    said, console = shown
    show_look(console, tmp_path, stops=True, open=[])
    assert "After 3 seeds: the question is answered, so the study stops." in said.getvalue()


def show_plan(console, plan, tmp_path=None, **looks):
    forecast = None
    if tmp_path is not None:
        forecast = Forecast(at(plan, RunFolder(tmp_path)), Estimate(), workers=2)
    plan_screen.show_plan(console, plan, forecast, **looks)
    return forecast


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        (
            {"seeds": 10},
            "Seeds: 3, 5, 7 and 10; the study stops as soon as the question is answered.",
        ),
        ({"metric": "balanced_accuracy"}, "Metric: balanced accuracy. Every class counts"),
        ({}, "Labels: as if you had labelled 6, 12 of your 63 images. Seeds: 3 and 5; the"),
        ({"label_counts": [6, "all"], "seeds": 2}, "Labels: 6, 63. Seeds: 2."),
    ],
)
def test_the_plan_says_how_it_will_be_judged(shown, asked, part):
    said, console = shown
    show_plan(console, plan_study(**asked))
    assert part in said.getvalue()


def test_settings_that_few_ask_for_are_printed_on_demand(shown):
    said, console = shown
    devices = Devices(None, why="CPU. No NVIDIA driver was found")
    show_plan(console, plan_study(), devices=devices)
    settings = ("Metric: accuracy", "Pretraining vae:", "Device: CPU. No NVIDIA", "digits (never")
    assert not any(part in said.getvalue() for part in settings)
    show_plan(console, plan_study(), verbose=True, devices=devices)
    assert all(part in said.getvalue() for part in settings)


def test_a_guessed_kind_is_said_with_what_changes_it(shown):
    said, console = shown
    show_plan(console, plan_study(), guessed=True)
    assert (
        "Kind of images: digits, a guess; `kind` changes it (clothes, photos, microscopy, "
        "spectrograms).\n" in said.getvalue()
    )


def test_the_plan_names_what_was_dropped_and_how_to_add_it(shown):
    said, console = shown
    plan = plan_study(minutes=3)
    dropped = ("arm simclr/lpft", "arm vae/probe", "2 of 5 seeds", "3 of 9 epochs of vae")
    show_plan(console, plan.model_copy(update={"dropped": dropped}))
    assert (
        "Left out to keep to 3 min: 2 arms, 2 of 5 seeds and 3 of 9 epochs of vae. To add "
        "them, give the same command with `add_arms=simclr/lpft,vae/probe`\n" in said.getvalue()
    )
    show_plan(console, plan.model_copy(update={"dropped": ("2 of 7 seeds",)}))
    assert (
        "2 of 7 seeds. To add them, give the same command with `more_seeds=2`\n" in said.getvalue()
    )
    show_plan(console, plan.model_copy(update={"dropped": ("3 of 9 epochs of vae",)}))
    assert "To run all of it, use `minutes=none` and `overwrite=True`." in said.getvalue()


def test_the_plan_gives_each_arm_its_time_and_all_of_it_adds_up(shown, tmp_path):
    said, console = shown
    plan = plan_study(arms=["vae/lpft", "vae/probe", SCRATCH, "pixels/svm"])
    forecast = show_plan(console, plan, tmp_path)
    seconds = plan_screen.divide_seconds(plan, forecast)
    assert list(seconds) == [*plan.arms, "start, export and report"]
    assert sum(seconds.values()) == pytest.approx(forecast.planned)
    assert all(part > 0 for part in seconds.values())
    # Both arms of one encoder bear half of its pretraining.
    alone = Forecast(
        at(plan_study(arms=["vae/probe", SCRATCH]), RunFolder(tmp_path)), Estimate(), workers=2
    )
    assert seconds["vae/probe"] < plan_screen.divide_seconds(alone.plan, alone)["vae/probe"]
    text = said.getvalue()
    for arm in plan.arms:
        assert f"{arm} " in text and screen.format_seconds(seconds[arm]) in text
    assert "Fine-tuning a network pretrained by a VAE" in text
    assert "Plan: 5 pretrainings and 40 cells on 2 cores, about " in text


def test_the_plan_of_all_default_arms_is_one_screen(tmp_path):
    console = Console(file=io.StringIO(), width=100)
    plan = plan_study(arms=None, label_counts=None, seeds=10)
    plan = plan.model_copy(update={"dropped": ("3 of 10 seeds",), "minutes": 3.0})
    plan = plan.model_copy(update={"provisional": True})
    show_plan(console, plan, tmp_path, guessed=True)
    lines = console.file.getvalue().splitlines()
    assert len(lines) <= 24 and max(map(len, lines)) <= 100
    assert "Timing the first 3 seeds now." in console.file.getvalue()
    show_plan(console, plan, tmp_path, dry_run=True)
    assert console.file.getvalue().count("Timing the first") == 1  # nothing is timed then
