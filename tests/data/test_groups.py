import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.data.pictures import make_arrays, make_classes, make_pixels
from tfzero.common.checks import InputError
from tfzero.data import from_arrays, load_data, open_arrays, save_arrays
from tfzero.data.groups import hold_out_groups, merge_duplicates, number_groups

seeds = st.integers(0, 2**31)


@st.composite
def grouped(draw):
    """Images of 2 to 4 classes in 4 to 12 groups."""
    num_classes, num_groups = draw(st.integers(2, 4)), draw(st.integers(4, 12))
    sizes = draw(st.lists(st.integers(1, 8), min_size=num_groups, max_size=num_groups))
    groups = np.repeat(np.arange(num_groups), sizes)
    random = np.random.default_rng(draw(seeds))
    labels = random.integers(0, num_classes, len(groups))
    images = make_pixels(len(groups), 8, 8, 1, seed=draw(st.integers(0, 99)))
    return images, np.unique(labels, return_inverse=True)[1], groups


@settings(deadline=None, max_examples=100)
@given(grouped(), seeds, st.floats(0.1, 0.6))
def test_no_group_is_on_both_sides_and_no_class_is_missing(data, seed, share):
    images, labels, groups = data
    assume(len(np.unique(labels)) > 1)
    try:
        train, test = hold_out_groups(images, labels, groups, share=share, seed=seed)
    except InputError:
        return  # Said so; whether rightly, the next test asks.
    assert sorted([*train, *test]) == list(range(len(labels)))
    assert not set(groups[train]) & set(groups[test])
    assert set(labels[train]) == set(labels[test]) == set(labels)


@settings(deadline=None, max_examples=100)
@given(grouped(), seeds)
def test_order_of_images_and_names_of_groups_have_no_influence(data, seed):
    images, labels, groups = data
    order = np.random.default_rng(seed).permutation(len(labels))
    renamed = np.random.default_rng(seed).permutation(groups.max() + 1)[groups]
    try:
        _, test = hold_out_groups(images, labels, groups, share=0.3, seed=1)
    except InputError:
        with pytest.raises(InputError):
            hold_out_groups(images[order], labels[order], renamed[order], share=0.3, seed=1)
        return
    _, moved = hold_out_groups(images[order], labels[order], renamed[order], share=0.3, seed=1)
    np.testing.assert_array_equal(np.sort(order[moved]), test)


@settings(deadline=None, max_examples=50)
@given(st.integers(2, 5), seeds)
def test_many_small_groups_give_each_class_its_share(num_classes, seed):
    images, labels = make_arrays([60] * num_classes)
    groups = np.random.default_rng(seed).permutation(len(labels)) // 2
    _, test = hold_out_groups(images, labels, groups, share=0.3, seed=seed)
    assert (abs(np.bincount(labels[test], minlength=num_classes) - 18) <= 2).all()


def test_a_class_in_one_group_is_refused():
    images, labels = make_arrays([10, 10])
    with pytest.raises(InputError, match="Label 0 cannot be on both sides"):
        hold_out_groups(images, labels, labels.astype(np.int64), share=0.3, seed=0)


def test_what_a_greedy_choice_missed_is_repaired():
    # Class 1 is in two groups only, both far larger than its share.
    labels = np.array([0] * 30 + [1] * 10)
    groups = np.array([*range(30), *[30] * 5, *[31] * 5])
    images = make_pixels(40, 8, 8, 1)
    for seed in range(10):
        train, test = hold_out_groups(images, labels, groups, share=0.1, seed=seed)
        assert set(labels[train]) == set(labels[test]) == {0, 1}


def test_groups_that_share_a_picture_are_one():
    images = make_pixels(6, 8, 8, 1)
    images[3] = images[0]
    assert merge_duplicates(images[:3], None) is None
    assert len(set(merge_duplicates(images, None))) == 5
    groups = np.array(["a", "a", "b", "c", "c", "d"], dtype=object)
    merged = merge_duplicates(images, groups)
    assert merged[0] == merged[1] == merged[3] == merged[4]
    assert len({merged[0], merged[2], merged[5]}) == 3


def test_groups_of_arrays():
    images, labels = make_arrays([30, 30])
    people = [f"person{row // 4}" for row in range(60)]
    data = from_arrays(images, labels, groups=people)
    named = dict(zip((image.tobytes() for image in images), people, strict=True))
    sides = [{named[i.tobytes()] for i in part} for part in (data.train_images, data.test_images)]
    assert not sides[0] & sides[1] and "groups) was held out" in data.notes[0]
    with pytest.raises(InputError, match="There are 59 groups for 60 images"):
        from_arrays(images, labels, groups=people[:-1])


def test_groups_are_numbered_as_they_appear():
    for groups in (["b", "b", "a", "c", "a"], [7, 7, 2, 10, 2], [True, True, False, 3, False]):
        assert number_groups(groups).tolist() == [0, 0, 1, 2, 1]


def test_the_training_images_keep_their_groups(tmp_path):
    paths = make_classes(tmp_path / "one", {"a": 20, "b": 20})
    for path in paths:  # The same people under other names, in another order.
        person = 9 - int(path.stem) % 10
        copy = tmp_path / "two" / path.parent.name / f"{person}-{path.stem[0]}.png"
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    one = load_data(tmp_path / "one", group=r"(\d)\.png")
    two = load_data(tmp_path / "two", group=r"(\d)-")
    person = {}
    for name, group in zip(one.names["train"], one.train_groups, strict=True):
        assert person.setdefault(name[-5], group) == group
    assert sorted(person.values()) == list(range(len(person))) and len(person) > 4
    np.testing.assert_array_equal(one.train_groups, two.train_groups)
    # They can decide a result, and so are part of what makes two data sets the same.
    alone = load_data(tmp_path / "one")
    assert alone.train_groups is None
    assert one.fingerprint == two.fingerprint != alone.fingerprint
    save_arrays(one, tmp_path / "kept")
    np.testing.assert_array_equal(open_arrays(tmp_path / "kept").train_groups, one.train_groups)
