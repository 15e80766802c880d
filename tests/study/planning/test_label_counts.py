import pytest

from tfzero.common.checks import InputError
from tfzero.study.planning.label_counts import default_label_counts, parse_label_counts


def test_label_counts_are_resolved_sorted_and_checked():
    assert parse_label_counts(["all", "10", 5], num_train=40, num_classes=3) == (5, 10, 40)
    with pytest.raises(InputError, match="41 labels asked.* 40 labelled"):
        parse_label_counts([41], num_train=40, num_classes=3)
    with pytest.raises(InputError, match="at least one a class"):
        parse_label_counts([2], num_train=40, num_classes=3)
    with pytest.raises(InputError, match="no number"):
        parse_label_counts(["ten"], num_train=40, num_classes=3)
    with pytest.raises(InputError, match="No label count"):
        parse_label_counts([], num_train=40, num_classes=3)


def test_default_label_counts_stay_below_what_exists():
    assert default_label_counts(1000, 10) == (20, 50, 200)
    assert default_label_counts(60, 10) == (20, 50)
    assert default_label_counts(15, 10) == (15,)
