"""Which images are suggested, on points whose clusters are known."""

import numpy as np
import pytest

from tfzero.common.checks import InputError
from tfzero.transfer.typical import choose_typical, choose_unsure


def make_bunches(*sizes, spread=0.05, seed=0):
    """Returns unit vectors in as many far-apart bunches, and the bunch of each."""
    generator = np.random.default_rng(seed)
    of = np.repeat(np.arange(len(sizes)), sizes)
    places = np.eye(len(sizes) + 1)[of] + spread * generator.normal(size=(len(of), len(sizes) + 1))
    places = places / np.linalg.norm(places, axis=1, keepdims=True)
    return places.astype(np.float32), of


def find_densest(places, rows):
    """Returns the row with the smallest mean distance to its 20 nearest, by the definition."""
    means = []
    for row in rows:
        distances = sorted(np.linalg.norm(places[row] - places[other]) for other in rows)
        nearest = distances[1:21]  # the first is itself
        means.append(sum(nearest) / len(nearest))
    return rows[int(np.argmin(means))]


def test_the_densest_image_of_each_cluster_the_largest_cluster_first():
    places, of = make_bunches(10, 40, 25)
    found = choose_typical(places, 3)
    assert of[found.rows].tolist() == [1, 2, 0]
    expected = [find_densest(places, np.flatnonzero(of == k)) for k in (1, 2, 0)]
    assert found.rows.tolist() == expected
    assert found.sizes.tolist() == [40, 25, 10] and found.clusters == 3


def test_clusters_with_labels_are_covered():
    places, of = make_bunches(10, 40, 25)
    labelled = np.flatnonzero(of == 1)[:1]
    found = choose_typical(places, 2, labelled=labelled)
    assert of[found.rows].tolist() == [2, 0] and found.clusters == 3


def test_typical_is_not_the_outlier():
    places, of = make_bunches(30, 30)
    far = places.copy()
    far[0] = -far[0]  # in no bunch; clusters of one image come last
    found = choose_typical(far, 3)
    assert 0 not in found.rows[:2] and len(set(of[found.rows[:2]])) == 2


@pytest.mark.parametrize("number", [12, 60])
def test_any_number_can_be_chosen_each_image_once(number):
    places, _ = make_bunches(number // 2, number // 2 + 1)
    found = choose_typical(places, number, labelled=np.array([3]))
    assert sorted(found.rows) == [row for row in range(number + 1) if row != 3]


def test_the_seed_decides_and_nothing_else():
    places = np.random.default_rng(0).normal(size=(90, 5)).astype(np.float32)
    first = choose_typical(places, 8, seed=1).rows
    assert first.tolist() == choose_typical(places, 8, seed=1).rows.tolist()
    others = [choose_typical(places, 8, seed=seed).rows.tolist() for seed in range(2, 6)]
    assert any(other != first.tolist() for other in others)


def test_small_clusters_come_last_but_not_where_all_are_small():
    places, of = make_bunches(4, 30, 30)
    assert 0 not in of[choose_typical(places, 3).rows]
    places, of = make_bunches(4, 4, 3)
    assert set(of[choose_typical(places, 3).rows]) == {0, 1, 2}


def test_only_the_first_directions_count():
    places, _ = make_bunches(20, 20, 20)
    wide = np.hstack([places, np.zeros((60, 16), np.float32)])  # (60, 20)
    noise = 9 * np.random.default_rng(1).normal(size=(60, 30)).astype(np.float32)
    found = choose_typical(np.hstack([wide, noise]), 3)
    assert found.rows.tolist() == choose_typical(wide, 3).rows.tolist()


def test_unsure_images_are_unlike_each_other():
    places, of = make_bunches(30, 30, 200)
    confidence = np.where(of == 0, 0.4, np.where(of == 1, 0.5, 0.99))
    confidence[:3] = 0.3  # the three least certain are all of one bunch
    found = choose_unsure(places, confidence, 6)
    assert set(of[found.rows]) == {0, 1}  # the 60 least certain are those two bunches
    assert (np.diff(confidence[found.rows]) >= 0).all() and len(set(found.rows)) == 6


def test_unsure_images_near_the_weighted_centers():
    places, of = make_bunches(10, 10)
    confidence = np.full(20, 0.9)
    confidence[of == 1] = 0.8
    found = choose_unsure(places, confidence, 2)
    assert of[found.rows].tolist() == [1, 0] and found.sizes.tolist() == [10, 10]
    for row in found.rows:
        inside = np.flatnonzero(of == of[row])
        center = places[inside].mean(axis=0)  # all of a bunch weigh alike
        distances = np.linalg.norm(places[inside] - center, axis=1)
        assert row == inside[distances.argmin()]


def test_a_certain_model_and_images_without_a_difference_end_in_suggestions():
    places = np.ones((8, 3), np.float32)
    assert len(set(choose_unsure(places, np.ones(8), 4).rows)) == 4
    assert len(set(choose_typical(places, 4).rows)) == 4


def test_what_cannot_be_chosen_is_refused():
    places, _ = make_bunches(5, 5)
    for number, labelled in ((0, None), (11, None), (10, np.array([0]))):
        with pytest.raises(InputError, match=f"number is {number}; expected 1 to "):
            choose_typical(places, number, labelled=labelled)
    with pytest.raises(InputError, match="not finite"):
        choose_typical(np.full((9, 2), np.nan, np.float32), 2)
    with pytest.raises(InputError, match="number is 11"):
        choose_unsure(places, np.ones(10), 11)
