import pytest

from tfzero.common.checks import InputError
from tfzero.study.planning.label_counts import default_label_counts, parse_label_counts


def test_label_counts_are_resolved_sorted_and_checked():
    assert parse_label_counts(["all", "10", 5], most=40, num_classes=3) == (5, 10, 40)
    with pytest.raises(InputError, match="count 41 is larger than .* images, 40"):
        parse_label_counts([41], most=40, num_classes=3)
    with pytest.raises(InputError, match="at least one label per class"):
        parse_label_counts([2], most=40, num_classes=3)
    with pytest.raises(InputError, match="not a number"):
        parse_label_counts(["ten"], most=40, num_classes=3)
    with pytest.raises(InputError, match="No label count"):
        parse_label_counts([], most=40, num_classes=3)


@pytest.mark.parametrize(
    ("most", "counts"),
    [
        (1000, (20, 50, 200)),
        # Where there are few labels, the answer is wanted at all of them.
        (500, (20, 50, 200, 500)),
        (77, (20, 50, 77)),
        # Near to all of them, a count would say the same.
        (60, (20, 60)),
        (220, (20, 50, 220)),
        (15, (15,)),
    ],
)
def test_default_label_counts_end_where_the_labels_do(most, counts):
    assert default_label_counts(most, 10) == counts
