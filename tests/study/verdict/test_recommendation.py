import pytest

from tests.study.studies import SCRATCH
from tfzero.study.verdict.family import CANNOT_TELL, WORSE
from tfzero.study.verdict.recommendation import describe_file, recommend, why_not_exported

FILE = {
    "network": "vae/lpft",
    "num_labels": 1437,
    "num_labelled": 1437,
    "cut": False,
    "num_test": 360,
    "num_folds": 1,
    "accuracy": 97.12,
    "balanced_accuracy": 97.0,
    "calibration": {
        "temperature": 1.314,
        "num_held_out": 287,
        "error_before": 0.031,
        "error_after": 0.012,
    },
}


def verdict_of(means, *, seconds=None, best=None, comparisons=()):
    """What a judge says of arms at 50 labels, as far as a recommendation reads it."""
    seconds = seconds or {}
    highest = max(means, key=means.get)
    table = [
        {
            "arm": arm,
            "num_labels": 50,
            "mean": mean,
            "half_width": 1.0,
            "seeds": 3,
            "pretrain_seconds": seconds.get(arm, 0.0),
            "transfer_seconds": 2.0,
        }
        for arm, mean in means.items()
    ]
    arms = list(means) if best is None else best
    return {
        "best": [{"num_labels": 50, "highest": highest, "arms": arms}],
        "comparisons": list(comparisons),
        "table": table,
    }


def compare(arm, outcome, *, count=50):
    return {"arm": arm, "baseline": SCRATCH, "num_labels": count, "outcome": outcome}


def choose(verdict, *, exportable=(SCRATCH, "vae/lpft", "gan/lpft")):
    return recommend(verdict, exportable=exportable, margin=1.0)


def test_of_what_is_as_good_the_cheapest_is_exported():
    means = {"gan/lpft": 90.4, "vae/lpft": 90.1, SCRATCH: 89.6}
    found = choose(verdict_of(means, seconds={"gan/lpft": 30.0, "vae/lpft": 8.0}))
    assert found["arm"] == SCRATCH
    assert found["reason"] == (
        "the cheapest of the 3 arms within 1 point of the highest mean at 50 labels (gan/lpft), "
        "and not shown to be worse than it"
    )
    assert found["study"] == {"num_labels": 50, "mean": 89.6, "half_width": 1.0, "seeds": 3}
    means[SCRATCH] = 89.3  # beyond the margin
    assert choose(verdict_of(means, seconds={"gan/lpft": 30.0, "vae/lpft": 8.0}))["arm"] == (
        "vae/lpft"
    )


def test_what_is_shown_to_be_below_is_not_exported_however_near_and_cheap():
    means = {"vae/lpft": 90.0, SCRATCH: 89.5}
    seconds = {"vae/lpft": 8.0}
    assert choose(verdict_of(means, seconds=seconds))["arm"] == SCRATCH
    found = choose(verdict_of(means, seconds=seconds, best=["vae/lpft"]))
    assert found["arm"] == "vae/lpft" and found["reason"].startswith(
        "the exportable arm with the highest mean"
    )
    # Also where an arm that is no model is highest, of which the best arms are told.
    means["pixels/knn"] = 95.0
    shown = [compare("vae/lpft", "better")]
    found = choose(verdict_of(means, seconds=seconds, best=["pixels/knn"], comparisons=shown))
    assert found["arm"] == "vae/lpft"
    elsewhere = [compare("vae/lpft", "better", count=20)]
    found = choose(verdict_of(means, seconds=seconds, best=["pixels/knn"], comparisons=elsewhere))
    assert found["arm"] == SCRATCH


def test_scratch_that_is_better_is_exported():
    means = {"vae/lpft": 89.5, SCRATCH: 90.0}
    shown = [compare("vae/lpft", WORSE)]
    assert choose(verdict_of(means, comparisons=shown))["arm"] == SCRATCH


def test_of_equally_cheap_arms_the_first_of_the_study_is_exported():
    means = {"gan/lpft": 89.8, "vae/lpft": 90.0}
    assert choose(verdict_of(means, seconds={"gan/lpft": 8.3, "vae/lpft": 8.0}))["arm"] == (
        "gan/lpft"
    )
    assert choose(verdict_of(means, seconds={"gan/lpft": 16.0, "vae/lpft": 8.0}))["arm"] == (
        "vae/lpft"
    )


def test_a_better_baseline_that_is_no_model_is_owned_up_to():
    verdict = verdict_of({"pixels/forest": 94.0, SCRATCH: 85.0, "vae/lpft": 90.0}, best=[])
    found = choose(verdict)
    assert found["arm"] == "vae/lpft"
    assert "pixels/forest scored 4.0 points more at 50 labels" in found["notes"][0]
    assert "is detectably behind it" in found["notes"][0]
    assert choose(verdict, exportable=()) is None
    assert choose({**verdict, "best": []}) is None


def test_a_study_that_cannot_tell_exports_and_one_without_a_verdict_says_how():
    verdict = verdict_of({"vae/lpft": 89.5, SCRATCH: 90.0})
    verdict["recommended"] = choose(verdict)
    said = why_not_exported(verdict, asked=False)
    assert said == (
        "Nothing is exported, because this study gives no verdict. To export vae/lpft anyway, "
        "choose a folder with `export`."
    )
    assert why_not_exported(verdict, asked=True) is None
    verdict["comparisons"] = [compare("vae/lpft", CANNOT_TELL)]
    assert why_not_exported(verdict, asked=False) is None
    verdict["recommended"] = None
    assert "no arm with a result" in why_not_exported(verdict, asked=True)


def test_the_file_is_described_as_itself_with_the_study_s_arm_beside_it():
    study = {"num_labels": 200, "mean": 91.25, "half_width": 2.71, "seeds": 3}
    recommended = {"arm": "vae/lpft", "study": study, "file": FILE}
    scored, calibrated = describe_file(recommended, minutes=None)
    assert scored == (
        "Exported vae/lpft, trained on all 1,437 labels. This file classifies 97.1 % of the 360 "
        "test images correctly; in the study vae/lpft has 91.2 ± 2.7 % at 200 labels, the mean of "
        "3 seeds."
    )
    assert calibrated == (
        "Its probabilities are calibrated by one temperature, 1.31, fitted on 287 labelled images "
        "that training did not use. The calibration error on the test images is 3.1 % before and "
        "1.2 % after."
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"num_labels": 400, "cut": True}, "400 of 1,437 labels, as many as fit into a fifth of 3"),
        ({"num_labels": 437}, "437 of 1,437 labels; the other labels calibrate it. This file"),
        (
            {"network": "vae/spread_finetune"},
            "Exported a network (vae/spread_finetune) that learned from vae/lpft, trained on all",
        ),
        (
            {"calibration": {**FILE["calibration"], "num_held_out": 0}},
            "not calibrated, because no labels were left for it (calibration error 1.2 %",
        ),
    ],
)
def test_what_is_special_about_the_file_is_said(change, said):
    study = {"num_labels": 200, "mean": 91.25, "half_width": None, "seeds": 1}
    recommended = {"arm": "vae/lpft", "study": study, "file": {**FILE, **change}}
    text = " ".join(describe_file(recommended, minutes=3.0))
    assert said in text and "has 91.2 % at 200 labels." in text


def test_without_test_images_the_file_is_described_by_cross_fitting():
    study = {"num_labels": 288, "mean": 91.25, "half_width": 2.71, "seeds": 3}
    file = {**FILE, "num_labels": 360, "num_labelled": 360, "num_folds": 5}
    recommended = {"arm": "vae/lpft", "study": study, "file": file}
    exported, estimate, calibrated = describe_file(recommended, minutes=None)
    assert exported == (
        "Exported vae/lpft, trained on all 360 labels. No image is left to test this file on."
    )
    assert estimate == (
        "Cross-fitting estimates its accuracy: 5 networks, each trained in the same way on the "
        "other folds, classify 97.1 % of the 360 labelled images correctly. To compare: in the "
        "study vae/lpft has 91.2 ± 2.7 % at 288 labels, the mean of 3 seeds."
    )
    assert "calibration error by cross-fitting is 3.1 % before and 1.2 % after." in calibrated
