import pytest

from tfzero.study.planning import resolve
from tfzero.transfer.budget import Budget


@pytest.fixture(scope="module", autouse=True)
def small_budgets():
    """Trains the networks of studies in this process a third as long as they would be."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resolve, "default_budget", lambda num_labels: Budget(steps=60))
        yield
