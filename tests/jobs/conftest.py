import pytest

from tfzero.jobs import compare as job
from tfzero.study.planning import resolve
from tfzero.study.work.estimate import Estimate
from tfzero.transfer.budget import Budget


@pytest.fixture(scope="module", autouse=True)
def small_budgets():
    """Trains the networks of studies in this process a third as long as they would be."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resolve, "default_budget", lambda num_labels: Budget(steps=60))
        yield


@pytest.fixture
def untimed(monkeypatch):
    """Leaves out the timing of steps before a study, where the estimate is not looked at."""
    monkeypatch.setattr(job, "_estimate", lambda *_: Estimate({}))
