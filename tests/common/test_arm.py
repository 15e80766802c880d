"""An arm is read and written in one place, and stays the text that records hold."""

import json
import pickle

import pydantic
import pytest

from tfzero.common.arm import Arm


def test_the_text_of_an_arm_is_read_and_written():
    arm = Arm.parse("supervised+vae/lpft")
    assert (arm.init, arm.strategy) == ("supervised+vae", "lpft")
    assert arm == Arm("supervised+vae", "lpft") == "supervised+vae/lpft"
    assert json.loads(json.dumps({arm: [arm]})) == {str(arm): [str(arm)]}
    assert Arm.parse(arm) is arm


@pytest.mark.parametrize("text", ["", "vae", "vae/", "/lpft", "vae/lpft/svm"])
def test_anything_else_is_refused(text):
    with pytest.raises(ValueError, match="expected INIT/STRATEGY"):
        Arm.parse(text)


def test_an_arm_survives_other_processes():
    copy = pickle.loads(pickle.dumps(Arm("vae", "lpft")))
    assert (copy, copy.init, copy.strategy) == ("vae/lpft", "vae", "lpft")


def test_models_read_arms_from_text_and_write_them_as_text():
    class Model(pydantic.BaseModel):
        arms: tuple[Arm, ...]

    model = Model.model_validate_json('{"arms": ["vae/lpft", "pixels/svm"]}')
    assert [arm.strategy for arm in model.arms] == ["lpft", "svm"]
    assert model.model_dump(mode="json") == {"arms": ["vae/lpft", "pixels/svm"]}
    with pytest.raises(pydantic.ValidationError, match="expected INIT/STRATEGY"):
        Model.model_validate({"arms": ["vae"]})
