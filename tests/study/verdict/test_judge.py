import numpy as np
import pytest
from scipy import stats

from tests.study.studies import (
    SCRATCH,
    judge_accuracy,
    make_records,
    make_right,
    plan_study,
    say,
)
from tfzero.study.verdict import remarks, words
from tfzero.study.verdict.headline import credit_baselines, write_headline
from tfzero.study.verdict.judge import judge, list_missing, see, t_half_width
from tfzero.study.verdict.look import Look

ENCODERS = [{"spec": {"method": "vae", "replicate": r}, "cost": {"seconds": 4.0}} for r in range(5)]
BASE = [80.0, 81.0, 79.0, 80.5, 79.5]


@pytest.fixture
def plan():
    return plan_study()


def describe(plan, verdict):
    return [words.describe_comparison(entry, plan=plan) for entry in verdict["comparisons"]]


def headline(plan, verdict):
    return say(verdict, plan=plan)


def test_half_width_is_the_t_interval_of_scipy():
    values = np.array(BASE)
    low, high = stats.t.interval(0.95, 4, values.mean(), stats.sem(values))
    assert t_half_width(values) == pytest.approx((high - low) / 2)
    assert t_half_width(values[:1]) is None


def test_seeds_that_share_an_encoder_count_as_one_in_the_table():
    plan = plan_study(arms=["vae/lpft", SCRATCH], label_counts=[6], seeds=6, encoders=3)
    values = [60.0, 70.0, 80.0, 60.5, 70.5, 80.5]
    table = judge_accuracy(plan, {("vae/lpft", 6): values, (SCRATCH, 6): values})["table"]
    halves = {row["arm"]: row["half_width"] for row in table}
    assert halves["vae/lpft"] == pytest.approx(t_half_width(np.array([60.25, 70.25, 80.25])))
    # Each seed's random start is its own.
    assert halves[SCRATCH] == pytest.approx(t_half_width(np.array(values)))
    assert halves["vae/lpft"] > 2 * halves[SCRATCH]
    assert [row["mean"] for row in table] == [pytest.approx(70.25)] * 2


def test_the_fit_that_builds_the_graph_does_not_decide_what_transfer_takes(plan):
    accuracy = {(SCRATCH, 6): BASE}
    records = make_records(accuracy)
    records[0]["cost"]["seconds"] = 100.0
    [row] = judge_accuracy(plan, accuracy, records=records)["table"]
    assert row["transfer_seconds"] == 1.5


def test_verdict_finds_the_better_the_worse_and_the_open(plan):
    accuracy = {
        ("vae/lpft", 6): [value + 8 + 0.1 * i for i, value in enumerate(BASE)],
        ("gan/lpft", 6): [value - 7 - 0.1 * i for i, value in enumerate(BASE)],
        (SCRATCH, 6): BASE,
        ("vae/lpft", 12): [82.0, 77.0, 81.0, 78.5, 81.0],
        ("gan/lpft", 12): [78.0, 83.0, 79.0, 82.5, 79.5],
        (SCRATCH, 12): BASE,
    }
    verdict = judge_accuracy(plan, accuracy, encoders=ENCODERS)
    outcomes = {(c["arm"], c["num_labels"]): c["outcome"] for c in verdict["comparisons"]}
    assert outcomes == {
        ("vae/lpft", 6): "better",
        ("vae/lpft", 12): "cannot tell",
        ("vae/lpft", None): "better",
        ("gan/lpft", 6): "worse",
        ("gan/lpft", 12): "cannot tell",
        ("gan/lpft", None): "worse",
    }
    assert (verdict["schema"], verdict["look"], verdict["margin"]) == (2, 2, 1.0)
    assert verdict["alpha"] == pytest.approx(0.04) and verdict["metric"] == "accuracy"
    first = verdict["comparisons"][0]
    assert first["difference"] == pytest.approx(8.2) and first["settled_by"] is None
    assert first["low"] < first["single_low"] < 8.2 < first["single_high"] < first["high"]
    best = {entry["num_labels"]: entry for entry in verdict["best"]}
    assert best[6] == {"num_labels": 6, "highest": "vae/lpft", "arms": ["vae/lpft"]}
    assert set(best[12]["arms"]) == {"vae/lpft", "gan/lpft", SCRATCH}
    row = next(row for row in verdict["table"] if row["arm"] == "vae/lpft")
    assert (row["pretrain_seconds"], row["transfer_seconds"]) == (4.0, 1.5)
    sentences = describe(plan, verdict)
    assert sentences[0].startswith(
        "At 6 labels, vae/lpft beats training from scratch by 8.2 points (95 % interval"
    )
    assert sentences[2].startswith("On average from 6 to 12 labels, vae/lpft beats training from")
    assert "training from scratch beats gan/lpft by 7.2 points" in sentences[3]
    assert "vae/lpft does not differ detectably from training from scratch" in sentences[1]
    assert "5 seeds" in sentences[1] and "would need" in sentences[1]
    text = headline(plan, verdict)
    assert text.startswith(
        "On average from 6 to 12 labels, vae/lpft beats training from scratch by 4.0 points ("
    )
    assert "At 6 labels, vae/lpft beats training from scratch by 8.2 points" in text
    assert "At 12 labels, this study cannot tell whether pretraining on your unlabeled" in text


def test_what_makes_no_difference_is_said_and_not_called_open(plan):
    accuracy = {(arm, count): BASE for arm in plan.arms for count in (6, 12)}
    verdict = judge_accuracy(plan, accuracy)
    assert {c["outcome"] for c in verdict["comparisons"]} == {"no difference worth having"}
    assert "no difference worth having, which is 1 point:" in describe(plan, verdict)[0]
    said = headline(plan, verdict)
    assert "pretraining on your unlabeled images makes no difference worth having" in said
    assert "Train from scratch; it costs less." in said


def test_a_study_that_cannot_tell_anything_says_so_once(plan):
    wild = [70.0, 90.0, 75.0, 88.0, 80.0]
    accuracy = {(arm, count): BASE for arm in plan.arms for count in (6, 12)}
    accuracy |= {(arm, count): wild for arm in ("vae/lpft", "gan/lpft") for count in (6, 12)}
    said = headline(plan, judge_accuracy(plan, accuracy))
    first, details = write_headline(judge_accuracy(plan, accuracy), plan=plan)
    assert said == " ".join([first, *details]) and first.count("cannot tell") == 1
    assert details == [
        "It cannot tell whether pretraining on your unlabeled images helps at any single count "
        "either."
    ]
    assert "The highest, vae/lpft, differs from training from scratch by +0.6 points (" in said


def test_an_earlier_look_asks_for_more(plan):
    accuracy = {(arm, count): BASE for arm in plan.arms for count in (6, 12)}
    steps = [4.6, 5.6, -2.0, 5.3, 1.0]
    accuracy["vae/lpft", 6] = [v + s for v, s in zip(BASE, steps, strict=True)]
    looks = [Look((5, 10), 1), Look((5, 10), 2), Look((3,), 2)]
    found = [judge_accuracy(plan, accuracy, look=look) for look in looks]
    average = [verdict["comparisons"][2]["p_adjusted"] for verdict in found]
    assert average[0] > 2 * average[1]
    assert [verdict["look"] for verdict in found] == [1, 2, 2]
    assert [verdict["alpha"] for verdict in found] == [0.04, 0.04, 0.005]


def test_the_balanced_metric_weighs_classes_alike():
    # One image in ten is of class 1, where the arm is right and scratch is wrong.
    classes = np.array(([0] * 9 + [1]) * 100)
    ours, theirs = np.ones(1000, bool), classes == 0
    right = {("vae/lpft", 6): dict.fromkeys(range(5), ours)}
    right[SCRATCH, 6] = dict.fromkeys(range(5), theirs)
    gaps = {}
    for metric in ("accuracy", "balanced_accuracy"):
        plan = plan_study(arms=["vae/lpft", SCRATCH], label_counts=[6], metric=metric)
        seen = see(plan, right, classes)
        records = make_records(dict.fromkeys(right, [0.0] * 5))
        verdict = judge(plan, records, [], seen, Look(plan.looks, 2))
        rows = {row["arm"]: row["mean"] for row in verdict["table"]}
        gaps[metric] = verdict["comparisons"][0]["difference"], rows[SCRATCH]
    assert gaps["accuracy"] == pytest.approx((10.0, 90.0))
    assert gaps["balanced_accuracy"] == pytest.approx((50.0, 50.0))


def test_what_the_verdict_cannot_tell_apart_shares_the_best_set(plan):
    steps = [1.6, 3.2, -0.4, 2.8, 0.4]
    accuracy = {(arm, count): BASE for arm in plan.arms for count in (6, 12)}
    accuracy["vae/lpft", 6] = [value + step for value, step in zip(BASE, steps, strict=True)]
    verdict = judge_accuracy(plan, accuracy)
    entry = verdict["comparisons"][0]
    # A one-sided test against one of two others would tell; the family's does not.
    assert entry["p_value"] / 2 < 0.04 / 2 and entry["outcome"] == "cannot tell"
    assert SCRATCH in verdict["best"][0]["arms"]
    assert verdict["best"][0]["highest"] == "vae/lpft"


def test_two_seeds_give_figures_and_no_verdict():
    plan = plan_study(seeds=2)
    accuracy = {(arm, 6): BASE[:2] for arm in plan.arms}
    verdict = judge_accuracy(plan, accuracy, encoders=ENCODERS)
    assert verdict["comparisons"] == []
    assert len(verdict["table"]) == 3
    assert set(verdict["best"][0]["arms"]) == set(plan.arms)
    assert "the study has 2 seeds, and a verdict needs 3" in headline(plan, verdict)
    alone = plan_study(arms=["vae/lpft"], seeds=9)
    assert "not among the arms" in headline(alone, verdict)
    without = plan_study(arms=[SCRATCH, "pixels/svm"])
    assert "no arm of this study uses" in headline(without, verdict)


def test_shared_encoders_are_named():
    accuracy = {
        ("vae/lpft", 6): [value + 9 + 0.1 * i for i, value in enumerate(BASE)],
        (SCRATCH, 6): BASE,
    }
    plans = {
        n: plan_study(arms=["vae/lpft", SCRATCH], label_counts=[6], encoders=n) for n in (1, 2, 3)
    }
    found = {n: judge_accuracy(each, accuracy) for n, each in plans.items()}
    said = {n: headline(each, found[n]) for n, each in plans.items()}
    assert said[1].startswith("At 6 labels, vae/lpft with this encoder beats training from scratch")
    assert said[2].startswith("At 6 labels, vae/lpft with these 2 encoders beats training from")
    assert said[3].startswith("At 6 labels, vae/lpft beats training from scratch")
    for n, text in {1: "5 seeds, 1 encoder)", 2: "5 seeds, 2 encoders)", 3: "3 encoders)"}.items():
        assert text in describe(plans[n], found[n])[0]
        assert found[n]["comparisons"][0]["encoders"] == n
    same = {place: BASE for place in accuracy}
    open_still = {**same, ("vae/lpft", 6): [70.0, 90.0, 75.0, 88.0, 80.0]}
    of_one = headline(plans[1], judge_accuracy(plans[1], open_still))
    assert "whether pretraining on your unlabeled images (this encoder per method) helps" in of_one


def test_cells_without_result_and_diverged_ones_are_named(plan):
    accuracy = {(arm, count): BASE for arm in plan.arms for count in (6, 12)}
    records, right = make_records(accuracy), make_right(accuracy)
    del right["vae/lpft", 6][3]
    records[0]["result"]["diverged"] = True
    verdict = judge_accuracy(plan, accuracy, right=right, records=records)
    verdict["missing"] = list_missing(plan.cells(), right)
    assert verdict["missing"] == [{"arm": "vae/lpft", "num_labels": 6, "replicate": 3}]
    assert len(verdict["diverged"]) == 1
    missing, diverged = remarks.describe_gaps(verdict)
    assert "Cells without a result: 1 (vae/lpft, 6 labels, seed 3)" in missing
    assert "diverged: 1 (" in diverged and "most frequent class" in diverged
    assert verdict["comparisons"][0]["seeds"] == 4
    whole = judge_accuracy(plan, accuracy)
    whole["missing"] = list_missing(plan.cells(), make_right(accuracy))
    assert remarks.describe_gaps(whole) == []


def test_scratch_that_trained_as_long_is_compared_beside_the_verdict():
    plan = plan_study(arms=["vae/lpft", SCRATCH, "scratch-long/finetune"], label_counts=[6])
    accuracy = {
        ("vae/lpft", 6): [value + 1 for value in BASE],
        (SCRATCH, 6): BASE,
        ("scratch-long/finetune", 6): [value + 3 for value in BASE],
    }
    verdict = judge_accuracy(plan, accuracy)
    assert [(c["arm"], c["baseline"]) for c in verdict["comparisons"]] == [("vae/lpft", SCRATCH)]
    [entry] = verdict["scratch_long"]
    assert entry["difference"] == pytest.approx(-2)
    assert entry["single_low"] < -2 < entry["single_high"]
    said = remarks.describe_beside(verdict)
    assert said[0].startswith("At 6 labels, in points against scratch-long/finetune (95 %")
    assert "): vae/lpft -2.0 (" in said[0]


def test_negative_transfer_is_said_plainly(plan):
    accuracy = {(arm, count): BASE for arm in plan.arms for count in (6, 12)}
    accuracy["gan/lpft", 12] = [value - 4 for value in BASE]
    # Below in the mean, but by less than its spread over replicates.
    accuracy["vae/lpft", 12] = [value + (4 if k % 2 else -5) for k, value in enumerate(BASE)]
    said = remarks.describe_beside(judge_accuracy(plan, accuracy))
    # Before the labels it saved, of which there are as many as arms and label counts.
    assert said[0].startswith("Negative transfer: gan/lpft lies up to 4.0 points below")
    assert len(said) > 1
    assert not any("Negative transfer: vae" in line for line in said)


def test_an_arm_that_loses_does_not_settle_what_another_may_win(plan):
    accuracy = {(arm, 12): BASE for arm in plan.arms}
    accuracy["gan/lpft", 12] = [value - 6 for value in BASE]
    worse = headline(plan, judge_accuracy(plan, accuracy))
    assert "At 12 labels, pretraining on your unlabeled images is worse or makes no" in worse
    accuracy["vae/lpft", 12] = [value + (4 if k % 2 else -3) for k, value in enumerate(BASE)]
    assert "At 12 labels, this study cannot tell" in headline(plan, judge_accuracy(plan, accuracy))


def test_what_pretraining_does_not_earn_is_not_credited_to_it():
    plan = plan_study(arms=["vae/lpft", SCRATCH, "kmeans/svm"], label_counts=[6, 12])
    accuracy = {(arm, count): BASE for arm in plan.arms for count in (6, 12)}
    assert credit_baselines(judge_accuracy(plan, accuracy), plan=plan) == []
    accuracy["kmeans/svm", 6] = [value + 9 for value in BASE]
    said = credit_baselines(judge_accuracy(plan, accuracy), plan=plan)
    assert said[0].startswith("At 6 labels no pretrained arm is shown to be better than kmeans/svm")
    # Level with it, a pretrained arm has gained nothing either.
    accuracy["vae/lpft", 6] = [value + 9.1 for value in BASE]
    assert credit_baselines(judge_accuracy(plan, accuracy), plan=plan) == said
    accuracy["vae/lpft", 6] = [value + 14 for value in BASE]
    assert credit_baselines(judge_accuracy(plan, accuracy), plan=plan) == []


@pytest.mark.parametrize("gain", [5.0, 0.0])
def test_what_unlabeled_images_give_anyway_is_not_credited_to_pretraining(gain):
    plan = plan_study(arms=["vae/selftrain", "vae/lpft", SCRATCH], label_counts=[6])
    accuracy = {
        (SCRATCH, 6): BASE,
        ("vae/lpft", 6): BASE,
        ("scratch/selftrain", 6): [value + 8 for value in BASE],
        ("vae/selftrain", 6): [value + 8 + gain for value in BASE],
    }
    verdict = judge_accuracy(plan, accuracy)
    by_family = {entry["family"]: entry["arm"] for entry in verdict["comparisons"]}
    assert by_family == {
        "pretraining": "vae/lpft",
        "unlabeled": "scratch/selftrain",
        "rivals": "vae/selftrain",
    }
    said = headline(plan, verdict)
    assert "pretraining on your unlabeled images makes no difference worth having" in said
    assert "At 6 labels, scratch/selftrain beats training from scratch by 8.0 points" in said
    beaten = "vae/selftrain beats scratch/selftrain, which learns from the same unlabeled images"
    assert (beaten in said) == (gain > 0)
    ahead = "no pretrained arm is shown to be better than scratch/selftrain"
    assert (ahead in said) == (gain == 0)
    alone = plan_study(arms=["vae/selftrain", SCRATCH], label_counts=[6])
    del accuracy["vae/lpft", 6]
    said = headline(alone, judge_accuracy(alone, accuracy))
    assert (beaten in said) == (gain > 0) and "no arm of this study" not in said
