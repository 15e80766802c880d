"""An arm is read, written and ordered in one place."""

import pytest

from tfzero.common.arm import Arm


def test_the_text_of_an_arm_is_read_and_written():
    arm = Arm.parse("supervised+vae/lpft")
    assert (arm.init, arm.strategy) == ("supervised+vae", "lpft")
    assert str(arm) == "supervised+vae/lpft"
    assert Arm.parse(arm) is arm


@pytest.mark.parametrize("text", ["", "vae", "vae/", "/lpft", "vae/lpft/svm"])
def test_anything_else_is_refused(text):
    with pytest.raises(ValueError, match="expected INIT/STRATEGY"):
        Arm.parse(text)


def test_arms_sort_by_init_then_by_strategy():
    arms = [Arm("vae", "lpft"), Arm("gan", "probe"), Arm("vae", "finetune")]
    assert [str(arm) for arm in sorted(arms)] == ["gan/probe", "vae/finetune", "vae/lpft"]
