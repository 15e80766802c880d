import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedKFold

from tfzero.transfer.folds import make_folds

seeds = st.integers(0, 2**31 - 1)


def draw(num_groups, size, num_classes, seed):
    """Labels `(N,)` and groups of up to `size` images, every class in some of them."""
    random = np.random.default_rng(seed)
    groups = np.repeat(np.arange(num_groups), random.integers(1, size + 1, num_groups))
    labels = random.integers(0, num_classes, len(groups))
    return labels, random.permutation(num_groups)[groups]


@settings(deadline=None, max_examples=200)
@given(st.integers(2, 20), st.integers(1, 8), st.integers(2, 4), seeds)
def test_no_group_is_on_both_sides_of_a_fold(num_groups, size, num_classes, seed):
    labels, groups = draw(num_groups, size, num_classes, seed)
    for train, validation in make_folds(labels, groups, num_classes=num_classes, seed=seed):
        assert sorted([*train, *validation]) == list(range(len(labels)))
        assert not set(groups[train]) & set(groups[validation])
        assert len(validation) and set(labels[train]) == set(range(num_classes))


@settings(deadline=None, max_examples=50)
@given(seeds)
def test_what_groups_are_called_does_not_matter(seed):
    labels, groups = draw(12, 5, 3, seed)
    folds = make_folds(labels, groups, num_classes=3, seed=1)
    names = np.random.default_rng(seed).permutation(100)[:12]
    renamed = make_folds(labels, names[groups], num_classes=3, seed=1)
    assert [fold[1].tolist() for fold in folds] == [fold[1].tolist() for fold in renamed]


def test_many_groups_give_five_folds_of_like_size_and_mix():
    labels = np.arange(300) % 3
    folds = make_folds(labels, np.arange(300) // 3, num_classes=3, seed=0)
    assert [len(validation) for _, validation in folds] == [60] * 5
    for _, validation in folds:
        assert np.bincount(labels[validation]).tolist() == [20] * 3


def test_without_groups_folds_are_stratified():
    labels = np.arange(40) % 4
    folds = make_folds(labels, None, num_classes=4, seed=3)
    expected = StratifiedKFold(5, shuffle=True, random_state=3).split(labels, labels)
    for fold, others in zip(folds, expected, strict=True):
        np.testing.assert_array_equal(fold[1], others[1])


@pytest.mark.parametrize(
    ("labels", "groups", "count"),
    [
        ([0] * 5 + [1] * 5, None, 5),
        ([0] * 5 + [1] * 4, None, 0),  # too few of a class
        ([0] * 5 + [1] * 5, [0] * 5 + [1, 2, 3, 4, 5], 0),  # a class is one group
        ([0, 1] * 6, [0] * 6 + [1] * 6, 2),  # as many folds as groups
        ([0, 1] * 6, [0] * 4 + [1] * 4 + [2] * 4, 3),
    ],
)
def test_there_are_folds_only_where_they_say_something(labels, groups, count):
    groups = None if groups is None else np.array(groups)
    assert len(make_folds(np.array(labels), groups, num_classes=2, seed=0)) == count
