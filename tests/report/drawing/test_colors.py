import numpy as np
import pytest

from tfzero.report.drawing.colors import luminance, text_on


def test_numbers_can_be_read_on_every_cell():
    for alpha in np.linspace(0, 1, 101):
        blended = [255 - alpha * (255 - part) for part in (0, 114, 178)]
        ink = 1.0 if text_on((0, 114, 178), alpha) == "#ffffff" else 0.0
        high, low = sorted([ink, luminance(blended)], reverse=True)
        assert (high + 0.05) / (low + 0.05) >= 4.5
    assert luminance([255, 255, 255]) == pytest.approx(1)
