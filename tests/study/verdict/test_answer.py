"""The answer in plain words, from what a verdict holds."""

import pytest

from tfzero.study.verdict.answer import advise_plainly, answer_plainly, say_plainly


def entry(arm, outcome, difference, *, family="pretraining", num_labels=None, encoders=3):
    return {
        "arm": arm,
        "baseline": "scratch/finetune",
        "family": family,
        "outcome": outcome,
        "num_labels": num_labels,
        "difference": difference,
        "low": difference - 1,
        "high": difference + 1,
        "seeds": 5,
        "encoders": encoders,
    }


def answer(*entries, counts=(20, 200), num_labels=None):
    verdict = {"comparisons": list(entries), "margin": 1.0, "headline": "The headline."}
    return answer_plainly({**verdict, "answered_at": num_labels}, counts)


def test_an_arm_that_wins_is_a_yes():
    won, open_ = entry("rotation/lpft", "better", 4.4), entry("vae/lpft", "cannot tell", 6.0)
    assert answer(won, open_) == [
        "Yes. Fine-tuning a network pretrained by rotation beats training from scratch by "
        "4.4 points (3.4 to 5.4), on average from 20 to 200 labels."
    ]


@pytest.mark.parametrize(
    "outcome, said",
    [
        (
            "cannot tell",
            "Not shown. No pretrained network is detectably better than training from scratch on "
            "average from 20 to 200 labels. The highest, fine-tuning a network "
            "pretrained by a VAE, differs by +0.2 points (-0.8 to 1.2).",
        ),
        (
            "no difference worth having",
            "No. On average from 20 to 200 labels, it gains less than 1 point over training from "
            "scratch.",
        ),
        (
            "worse",
            "No. On average from 20 to 200 labels, it is worse than training from scratch. The "
            "best, fine-tuning a network pretrained by a VAE, differs by "
            "+0.2 points (-0.8 to 1.2).",
        ),
    ],
)
def test_every_other_outcome_has_its_sentence(outcome, said):
    assert answer(entry("vae/lpft", outcome, 0.2)) == [said]


def test_an_encoder_from_elsewhere_is_answered_apart():
    own, foreign = entry("vae/lpft", "worse", -2), entry("public/lpft", "better", 9)
    first, second = answer(own, foreign)
    assert first.startswith("Pretraining on your images: no. ")
    assert second.startswith(
        "An encoder from elsewhere: yes. Fine-tuning a public pretrained network beats"
    )


def test_a_win_without_pretraining_is_credited():
    lost = entry("vae/lpft", "cannot tell", 0.2)
    spread = entry("kmeans/label_spreading", "better", 4.4, family="unlabeled")
    assert answer(lost, spread)[1] == (
        "Without pretraining, label spreading on k-means patches beats training from scratch by "
        "4.4 points (3.4 to 5.4)."
    )


def test_it_can_be_asked_at_one_label_count():
    found = [entry("vae/lpft", "better", 3, num_labels=20), entry("vae/lpft", "worse", -3)]
    assert answer(*found, num_labels=20)[0].endswith("(2.0 to 4.0), at 20 labels.")
    assert answer(found[0], counts=(20,))[0].endswith("at 20 labels.")  # there is no average


def test_few_encoders_are_named_as_what_is_claimed_of():
    assert "by a VAE (this encoder) beats" in answer(entry("vae/lpft", "better", 3, encoders=1))[0]


def test_without_comparisons_the_headline_is_the_answer():
    assert answer() == ["The headline."]


def test_the_advice_names_the_arm_and_why():
    verdict = {
        "table": [{"arm": "pixels/svm"}, {"arm": "kmeans/svm"}],
        "recommended": {
            "arm": "pixels/svm",
            "reason": "the cheapest of the 7 within 1 point of the highest mean (kmeans/svm)",
        },
    }
    assert advise_plainly(verdict) == (
        "Use a support vector machine on raw pixels. It is the cheapest of the 7 within 1 point "
        "of the highest mean (a support vector machine on k-means patches)."
    )
    verdict["recommended"]["reason"] = "It is fast."
    assert advise_plainly(verdict) == "Use a support vector machine on raw pixels. It is fast."
    del verdict["recommended"]["reason"]
    assert advise_plainly(verdict) == "Use a support vector machine on raw pixels."
    assert advise_plainly({"recommended": None, "not_exported": "Why not."}) == "Why not."
    assert advise_plainly({"recommended": None}) == "The study recommends no arm."


def test_words_of_arms_are_replaced_whole():
    arms = ["vae/lpft", "supervised+vae/lpft"]
    said = say_plainly("vae/lpft beats supervised+vae/lpft. vae/lpft, not vae/lpftx.", arms)
    assert said == (
        "Fine-tuning a network pretrained by a VAE beats "
        "fine-tuning a network trained on the source task's labels and then pretrained by a VAE. "
        "Fine-tuning a network pretrained by a VAE, not vae/lpftx."
    )


def test_the_answer_is_at_the_persons_own_count_where_something_is_claimed_there():
    at_own, average = (
        entry("vae/lpft", "better", 3.0, num_labels=200),
        entry("vae/lpft", "worse", 1),
    )
    assert "at 200 labels" in answer(at_own, average, num_labels=200)[0]
    # Labels added after a look: nothing is claimed of them yet.
    assert "on average from 20 to 200 labels" in answer(average, num_labels=500)[0].lower()
