import numpy as np

from tests.study.studies import SCRATCH, judge_accuracy, plan_study
from tfzero.study.verdict.collapse import find_collapses
from tfzero.study.verdict.pairing import Seen
from tfzero.study.verdict.remarks import describe_gaps

CLASSES = np.arange(1000) % 4  # the commonest is 25 %


def see(values, *, classes=CLASSES, weights=None):
    right = {r: np.arange(len(classes)) < round(v * len(classes)) for r, v in enumerate(values)}
    return Seen({("vae/lpft", 20): right}, (20,), classes, weights)


def test_a_seed_that_learned_nothing_is_found_where_others_learned():
    assert find_collapses(see([0.8, 0.27, 0.75])) == [
        {"arm": "vae/lpft", "num_labels": 20, "replicate": 1}
    ]
    # A weak seed is no collapse, and an arm that never learns collapses in no seed.
    assert find_collapses(see([0.8, 0.4, 0.75])) == []
    assert find_collapses(see([0.26, 0.27, 0.3])) == []


def test_uneven_classes_and_their_weights_say_what_learning_nothing_is():
    uneven = (np.arange(1000) >= 600).astype(int)  # always 0: 60 %
    assert find_collapses(see([0.9, 0.61, 0.9], classes=uneven))
    weights = np.where(uneven == 0, 1000 / 1200, 1000 / 800)
    # The same answers are worth 50 % where classes count alike.
    assert find_collapses(see([0.9, 0.6, 0.9], classes=uneven, weights=weights))
    assert not find_collapses(see([0.9, 0.7, 0.9], classes=uneven))


def test_the_verdict_tells_of_it():
    plan = plan_study(arms=["vae/lpft", SCRATCH], label_counts=[6], seeds=4)
    scores = {("vae/lpft", 6): [80, 33.3, 81, 79], (SCRATCH, 6): [70, 72, 71, 69]}
    verdict = judge_accuracy(plan, scores)
    assert [entry["replicate"] for entry in verdict["collapsed"]] == [1]
    [sentence] = describe_gaps({**verdict, "missing": []})
    assert "vae/lpft, 6 labels, seed 1" in sentence and "too narrow" in sentence
