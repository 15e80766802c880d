"""What the tests of the scripts share."""

import numpy as np
import pytest

from tests.conftest import draw_bars
from tests.report.conftest import digits

__all__ = ["digits"]


@pytest.fixture
def write_bars(tmp_path):
    """Writes a data set of bars for a script that reads no test image; returns its path."""

    def write(count):
        images, labels = draw_bars(count, seed=0)
        # Test images of noise: nothing that reads them could score.
        noise = np.random.default_rng(0).integers(0, 256, images[:40].shape, np.uint8)
        path = tmp_path / "bars.npz"
        np.savez(path, x_train=images, y_train=labels, x_test=noise, y_test=labels[:40])
        return str(path)

    return write
