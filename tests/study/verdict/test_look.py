from tfzero.common.arm import Arm
from tfzero.study.verdict.claims import AVERAGE, Claim
from tfzero.study.verdict.look import Earlier, Look


def test_a_look_knows_what_the_last_one_claimed():
    entry = {
        "family": "pretraining",
        "arm": "vae/lpft",
        "baseline": "scratch/finetune",
        "num_labels": None,
        "claimed": "better",
        "equivalent": False,
    }
    look = Look.after((3, 5), 2, {"comparisons": [entry]})
    pair = Arm("vae", "lpft"), Arm("scratch", "finetune")
    assert look.earlier == {"pretraining": {Claim(pair, AVERAGE): Earlier("better", False)}}
    assert look.number == 2 and not look.is_extension and look.alpha == 0.04
    assert Look.after((3, 5), 1, None).earlier == {}


def test_a_share_and_what_it_spends_belong_together():
    for look in (Look((3, 5, 10), 2), Look((3, 5, 10), 4)):
        assert abs(look.spent(look.level(0.01)) - 0.01) < 1e-4
