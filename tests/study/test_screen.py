import io

import pytest
from rich.console import Console

from tests.study.small import at
from tests.study.studies import SCRATCH, plan_study
from tfzero.common.arm import Arm
from tfzero.study import screen
from tfzero.study.growth import Growth
from tfzero.study.records import RunFolder
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
    assert "After 3 seeds: settled gan/lpft. The study goes on to 5 seeds." in text
    assert text.count("vae/lpft against scratch/finetune: +0.4 points (-1.0 to 1.8)") == 1
    seconds = 12 * forecast.seconds_per_seed(VAE)
    assert f"about 12 more seeds, {screen.format_seconds(seconds)}." in text
    # A pretraining and the cells of both arms, on two workers.
    assert forecast.seconds_per_seed(VAE) > 2 * forecast.seconds_per_seed(Arm.parse(SCRATCH))
    assert "gan/lpft against" not in text  # no number of seeds would do


def test_a_look_that_answers_the_question_ends_the_study(shown, tmp_path):
    said, console = shown
    show_look(console, tmp_path, stops=True, open=[])
    assert "After 3 seeds: the question is answered; the study stops." in said.getvalue()


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ({"seeds": 10}, "Looks at 3, 5, 7 and 10 seeds. The study stops at the first that answers"),
        ({"metric": "balanced_accuracy"}, "Metric: balanced accuracy, in which every class counts"),
        ({}, "Metric: accuracy, in which every test image counts alike."),
        ({}, "Labels: as if you had 6, 12 of your 63; seeds: 5"),
        ({"label_counts": [6, "all"]}, "Labels: 6, 63; seeds: 5"),
    ],
)
def test_the_plan_says_how_it_will_be_judged(shown, asked, part):
    said, console = shown
    screen.show_plan(console, plan_study(**asked))
    assert part in said.getvalue()


def test_the_plan_names_what_was_dropped_and_how_to_add_it(shown):
    said, console = shown
    plan = plan_study(minutes=3).model_copy(update={"dropped": ("arm simclr/lpft", "2 of 5 seeds")})
    screen.show_plan(console, plan)
    text = said.getvalue()
    assert "Dropped to keep to 3 min: arm simclr/lpft, 2 of 5 seeds. To have all of it" in text
    assert "start anew with `minutes=none` and `overwrite=True`." in text
    assert "give the command with `add_arms=simclr/lpft`" in text
