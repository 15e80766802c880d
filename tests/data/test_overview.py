"""A first look at images: samples of each class, and a histogram of sizes."""

import numpy as np

from tfzero.data.overview import count_sizes, list_samples, spread_rows


def test_samples_are_spread_over_each_class_and_empty_classes_are_left_out():
    labels = np.array([0] * 21 + [2] * 2)
    found = list(list_samples(labels, ["a", "none", "c"], per_class=3))
    assert [(one.name, one.count, one.rows.tolist()) for one in found] == [
        ("a", 21, [0, 10, 20]),
        ("c", 2, [21, 22]),
    ]


def test_of_very_many_classes_the_first_are_sampled():
    labels = np.arange(500)
    assert len(list(list_samples(labels, [str(k) for k in labels]))) == 12


def test_few_rows_are_all_shown():
    assert spread_rows(np.array([4, 5])).tolist() == [4, 5]


def test_a_bar_per_size_while_they_are_few():
    bars = count_sizes({(32, 20): 5, (8, 8): 10})
    assert bars == [("8x8", 10, 100.0), ("32x20", 5, 50.0)]
    assert count_sizes({}) == []


def test_many_sizes_are_counted_by_their_longer_side():
    bars = count_sizes({(side, 10): 2 for side in range(20, 140)})
    assert len(bars) == 12 and sum(bar.count for bar in bars) == 240
    assert bars[0].label == "20 to 29" and bars[-1].label == "130 to 139"
    assert {bar.percent for bar in bars} == {100.0}
    narrow = count_sizes({(50, side): 1 for side in range(20)})  # one longer side
    assert [(bar.label, bar.count) for bar in narrow] == [("50 to 50", 20)]
