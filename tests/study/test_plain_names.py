"""Plain names of arms: English for every arm that a study can hold."""

import itertools

import pytest

from tfzero.study.inits import list_inits, parse_init
from tfzero.study.plain_names import plain_init, plain_name
from tfzero.transfer.strategies import STRATEGIES

EXPECTED = {
    "scratch/finetune": "Training from scratch",
    "scratch-long/finetune": "Training from scratch for longer",
    "rotation/finetune": "Direct fine-tuning of a network pretrained by rotation",
    "vae/lpft": "Fine-tuning a network pretrained by a VAE",
    "simclr/probe": "A linear layer on features of a network pretrained by SimCLR",
    "scratch/spread_finetune": "Training from scratch on spread labels",
    "pixels/svm": "A support vector machine on raw pixels",
    "kmeans/logistic": "Logistic regression on k-means patches",
    "pixels/label_spreading": "Label spreading on raw pixels",
    "public/probe": "A linear layer on features of a public pretrained network",
    "file/finetune": "Direct fine-tuning of your own encoder",
    "distillation/lpft": "Fine-tuning a network distilled from a pretrained one",
    "gan@source/lpft": ("Fine-tuning a network pretrained by a GAN on the source task's images"),
    "supervised+vae/lpft": (
        "Fine-tuning a network trained on the source task's labels and then pretrained by a VAE"
    ),
}


@pytest.mark.parametrize("arm", EXPECTED)
def test_an_arm_has_the_name_that_a_person_would_give_it(arm):
    assert plain_name(arm) == EXPECTED[arm]


def test_within_a_sentence_it_begins_small():
    name = plain_name("rotation/lpft", capital=False)
    assert name == "fine-tuning a network pretrained by rotation"


def test_every_arm_has_a_name_of_its_own_without_the_words_of_arms():
    inits = [*list_inits(labelled=True, source=True, given="public"), "file"]
    arms = [f"{init}/{strategy}" for init, strategy in itertools.product(inits, STRATEGIES)]
    names = {plain_name(arm) for arm in arms}
    assert len(names) == len(arms)
    for name in names:
        assert not any(sign in name for sign in "/@_{"), name
        assert "init" not in name and "Strategy" not in name, name


def test_arms_of_unknown_words_have_names_too():
    assert parse_init("jigsaw") is None
    assert plain_init("jigsaw") == "a network pretrained by jigsaw"
    assert plain_name("jigsaw/finetune") == "Direct fine-tuning of a network pretrained by jigsaw"
    assert plain_name("jigsaw/mine") == 'Strategy "mine" on a network pretrained by jigsaw'
