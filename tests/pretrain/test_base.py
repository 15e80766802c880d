import pytest

from tests.pretrain.cases import make_method
from tfzero.pretrain import METHODS
from tfzero.pretrain.base import Pretrainer

ABILITIES = {
    "decode": ([None], {}),
    "generate": ([3], {}),
    "reconstruct": ([None], {}),
    "posterior": ([None], {"training": False}),
    "judge": ([None], {}),
    "draw_views": ([None], {"seed": None}),
}


@pytest.mark.parametrize("name", list(METHODS))
def test_what_a_method_can_do_is_what_it_overrides(name):
    method = make_method(name)
    for ability, (arguments, settings) in ABILITIES.items():
        assert method.can(ability) == (ability in vars(type(method)))
        if not method.can(ability):
            with pytest.raises(NotImplementedError, match=rf"no `{ability}`; ask can\('{ability}'"):
                getattr(method, ability)(*arguments, **settings)
    assert (method.latent_dim > 0) == method.can("decode")


def test_a_method_of_features_alone_can_do_nothing_else():
    class Still(Pretrainer):
        def train_step(self, data): ...

        def test_step(self, data): ...

    assert not any(getattr(Still, ability) is not getattr(Pretrainer, ability)
                   for ability in ABILITIES)  # fmt: skip
    with pytest.raises(AttributeError):
        make_method("vae").can("fly")
