import pytest

from tests.conftest import use_small_encoders
from tfzero.study.planning import resolve
from tfzero.transfer.budget import Budget


@pytest.fixture(scope="module", autouse=True)
def small_studies():
    """Makes studies in this process of networks of one block, trained half as long as usual."""
    with pytest.MonkeyPatch.context() as patch:
        use_small_encoders(patch, pooled=True)
        patch.setattr(resolve, "default_budget", lambda num_labels: Budget(steps=120))
        yield
