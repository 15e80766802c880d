from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data.pictures import make_arrays, make_pixels
from tfzero.common.checks import InputError
from tfzero.data import hold_out, nested_subsets

class_counts = st.lists(st.integers(2, 30), min_size=2, max_size=6)
seeds = st.integers(0, 2**31)


def sainte_lague(counts, seats):
    """Seats one at a time, in exact fractions; the tied sets at the end are left open."""
    given = [1] * len(counts)
    for _ in range(seats - len(counts)):
        shares = [
            Fraction(n, 2 * s + 1) if s < n else Fraction(-1)
            for n, s in zip(counts, given, strict=True)
        ]
        given[shares.index(max(shares))] += 1
    return given


def priorities(counts, given):
    """What an apportionment is worth: equal for all ways to break ties."""
    return sorted(
        Fraction(n, 2 * s + 1) for n, g in zip(counts, given, strict=True) for s in range(1, g)
    )


@settings(deadline=None, max_examples=60)
@given(class_counts, seeds, st.data())
def test_hold_out_is_a_stratified_partition(counts, seed, data):
    total, num_classes = sum(counts), len(counts)
    count = data.draw(st.integers(num_classes, total - num_classes))
    images, labels = make_arrays(counts)
    train, test = hold_out(images, labels, count=count, seed=seed)
    assert len(test) == count
    assert sorted([*train, *test]) == list(range(total))
    assert (np.diff(train) > 0).all() and (np.diff(test) > 0).all()
    held = np.bincount(labels[test], minlength=num_classes)
    assert (held >= 1).all() and (held < counts).all()
    quotas = count * np.array(counts) / total
    free = (quotas >= 1) & (quotas <= np.array(counts) - 1)
    if free.all():  # Else some class had to get one more or less than its share.
        assert (abs(held - quotas) < 1).all()


@settings(deadline=None, max_examples=60)
@given(class_counts, seeds, st.data())
def test_nested_subsets_are_nested_and_apportioned(counts, seed, data):
    total, num_classes = sum(counts), len(counts)
    sizes = data.draw(st.lists(st.integers(num_classes, total), min_size=2, max_size=4))
    images, labels = make_arrays(counts)
    subsets = nested_subsets(images, labels, sizes, seed=seed)
    assert set(subsets) == set(sizes)
    largest = subsets[max(sizes)]
    for size, rows in subsets.items():
        assert len(rows) == len(set(rows.tolist())) == size
        np.testing.assert_array_equal(rows, largest[:size])
        taken = np.bincount(labels[rows], minlength=num_classes)
        assert (taken >= 1).all() and (taken <= counts).all()
        assert priorities(counts, taken) == priorities(counts, sainte_lague(counts, size))


@settings(deadline=None, max_examples=40)
@given(st.integers(2, 8), st.integers(5, 20), seeds, st.data())
def test_nested_subsets_of_even_classes_are_within_one(num_classes, each, seed, data):
    images, labels = make_arrays([each] * num_classes)
    size = data.draw(st.integers(num_classes, each * num_classes))
    taken = np.bincount(labels[nested_subsets(images, labels, [size], seed=seed)[size]])
    assert (abs(taken - size / num_classes) < 1).all()


@settings(deadline=None, max_examples=40)
@given(class_counts, seeds, st.data())
def test_order_of_files_has_no_influence(counts, seed, data):
    images, labels = make_arrays(counts)
    shuffle = np.array(data.draw(st.permutations(range(len(labels)))))
    size = data.draw(st.integers(len(counts), sum(counts)))
    rows = nested_subsets(images, labels, [size], seed=seed)[size]
    moved = nested_subsets(images[shuffle], labels[shuffle], [size], seed=seed)[size]
    np.testing.assert_array_equal(shuffle[moved], rows)
    _, test = hold_out(images, labels, share=0.4, seed=seed)
    _, moved = hold_out(images[shuffle], labels[shuffle], share=0.4, seed=seed)
    np.testing.assert_array_equal(np.sort(shuffle[moved]), test)


def test_duplicates_do_not_break_stability():
    images, labels = make_arrays([8, 8])
    images[3:9] = images[2]
    shuffle = np.random.default_rng(0).permutation(16)
    rows = nested_subsets(images, labels, [9], seed=1)[9]
    moved = shuffle[nested_subsets(images[shuffle], labels[shuffle], [9], seed=1)[9]]
    np.testing.assert_array_equal(images[rows], images[moved])
    np.testing.assert_array_equal(labels[rows], labels[moved])


def test_seeds_draw_other_images():
    images, labels = make_arrays([30, 30])
    drawn = {tuple(sorted(nested_subsets(images, labels, [10], seed=s)[10])) for s in range(8)}
    held = {tuple(hold_out(images, labels, count=10, seed=s)[1]) for s in range(8)}
    assert len(drawn) == len(held) == 8
    assert not drawn & held  # One seed serves both without drawing the same.


def test_every_image_is_drawn_equally_often():
    images, labels = make_arrays([10, 10])
    times = np.zeros(20)
    for seed in range(400):
        times[nested_subsets(images, labels, [4], seed=seed)[4]] += 1
    # Binomial(400, 1/5): mean 80, standard deviation 8.
    assert times.min() > 48 and times.max() < 112


def test_ties_favour_no_class():
    images, labels = make_arrays([10, 10, 10])
    third = [labels[nested_subsets(images, labels, [4], seed=s)[4][3]] for s in range(60)]
    assert np.bincount(third, minlength=3).min() >= 8


def test_hand_worked_apportionment():
    images, labels = make_arrays([60, 30, 10])
    subsets = nested_subsets(images, labels, [3, 4, 5, 10], seed=0)
    taken = {size: np.bincount(labels[rows]).tolist() for size, rows in subsets.items()}
    # 60/3 = 20 wins the fourth, 60/5 = 12 the fifth, then 30/3 = 10, 60/7, 60/9, 30/5, ...
    assert taken == {3: [1, 1, 1], 4: [2, 1, 1], 5: [3, 1, 1], 10: [6, 3, 1]}


def test_balanced_subsets_take_as_many_of_each_class():
    images, labels = make_arrays([60, 30, 4])
    subsets = nested_subsets(images, labels, [3, 6, 12, 30, 94], seed=0, balanced=True)
    taken = {size: np.bincount(labels[rows]).tolist() for size, rows in subsets.items()}
    assert taken == {3: [1, 1, 1], 6: [2, 2, 2], 12: [4, 4, 4], 30: [13, 13, 4], 94: [60, 30, 4]}
    np.testing.assert_array_equal(subsets[94][:30], subsets[30])


def test_a_thousand_classes():
    images, labels = make_arrays([4] * 1000, size=(8, 8, 1))
    train, test = hold_out(images, labels, share=0.3, seed=0)
    assert (np.bincount(labels[test]) >= 1).all() and (np.bincount(labels[train]) >= 2).all()
    rows = nested_subsets(images, labels, [1000, 2500], seed=0)
    assert (np.bincount(labels[rows[1000]]) == 1).all()
    assert set(np.bincount(labels[rows[2500]])) == {2, 3}


def test_share_is_rounded_and_kept_possible():
    images, labels = make_arrays([5, 5])
    assert len(hold_out(images, labels, share=0.29, seed=0)[1]) == 3
    assert len(hold_out(images, labels, share=0.01, seed=0)[1]) == 2
    assert len(hold_out(images, labels, share=0.99, seed=0)[1]) == 8


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"count": 1}, "1 images were requested; expected 2 to 8, because each of the 2 classes"),
        ({"count": 9}, "9 images were requested; expected 2 to 8"),
        ({"count": 2.5}, "2.5 images were requested; expected a whole number"),
        ({"share": 0.0}, "share is 0.0; expected a number between 0 and 1"),
        ({}, "exactly one"),
        ({"count": 3, "share": 0.3}, "exactly one"),
    ],
)
def test_hold_out_refusals(asked, message):
    images, labels = make_arrays([5, 5])
    with pytest.raises(InputError, match=message):
        hold_out(images, labels, **asked, seed=0)


def test_hold_out_names_the_class_with_one_image():
    with pytest.raises(InputError, match="Label 7 has one image; expected at least 2"):
        hold_out(make_pixels(4, 8, 8, 1), np.array([3, 3, 7, 3]), count=2, seed=0)


@pytest.mark.parametrize("count", [1, 11, True, "4"])
def test_nested_subsets_refusals(count):
    images, labels = make_arrays([5, 5])
    with pytest.raises(InputError, match=f"{count!r} images were requested; expected"):
        nested_subsets(images, labels, [5, count], seed=0)


def test_counts_of_images_and_labels_must_agree():
    images, labels = make_arrays([5, 5])
    with pytest.raises(InputError, match="10 images and 9 labels"):
        nested_subsets(images, labels[:9], [4], seed=0)
