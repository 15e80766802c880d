"""What the tests of strategies share."""

import pytest


@pytest.fixture(scope="package", autouse=True)
def few_trees():
    """A forest of fewer trees learns bars as well, and most of a fit is making them."""
    from tfzero.transfer.strategies import classical

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(classical, "_TREES", 40)
        patch.setattr(classical, "_TREES_TRIED", 15)
        yield
