import pytest

from tfzero.report import formatting


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0.0, "< 0.1 s"),
        (0.26, "0.3 s"),
        (9.96, "10 s"),
        (59.6, "1 min 0 s"),
        (200.4, "3 min 20 s"),
        (3599.7, "1 h 0 min"),
        (float("nan"), "–"),
    ],
)
def test_seconds_read_well(value, text):
    assert formatting.seconds(value) == text
