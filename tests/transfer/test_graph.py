import numpy as np
import pytest
from sklearn.semi_supervised import LabelSpreading

from tfzero.transfer import graph as graphs
from tfzero.transfer import neighbours, spreading


def spread_labels(graph, features, labels, **settings):
    return spreading.spread_over(graph, graphs.link(graph, features), labels, **settings)


def draw_moons(count=300, seed=0):
    from sklearn.datasets import make_moons

    points, labels = make_moons(count, noise=0.05, random_state=seed)
    # Far from the origin of a third dimension, so that cosines tell where they are.
    return np.column_stack([points, np.full(count, 0.0)]).astype(np.float32), labels


def slow_spread(weights, start, alpha):
    """Zhou et al. 2004, the limit in closed form: (1 - a) (I - a S)^-1 Y."""
    degrees = weights.sum(axis=1)
    spreading = weights / np.sqrt(np.outer(degrees, degrees))
    return (1 - alpha) * np.linalg.solve(np.eye(len(weights)) - alpha * spreading, start)


def slow_weights(places, more, k):
    """Similarities of pool and labelled images, each joined to its k nearest in the pool."""
    everything = np.concatenate([places, more])
    weights = np.zeros((len(everything),) * 2)
    for i, place in enumerate(everything):
        cosines = places @ place
        if i < len(places):
            cosines[i] = -np.inf
        for j in np.argsort(cosines)[-k:]:
            weights[i, j] = max(0, cosines[j])
    return np.maximum(weights, weights.T)


@pytest.mark.parametrize("alpha", [0.5, 0.99])
def test_spreading_equals_the_closed_form(alpha):
    random = np.random.default_rng(0)
    pool, labelled = (random.normal(size=(n, 7)).astype(np.float32) for n in (40, 6))
    labels = np.array([0, 1, 2, 0, 1, 2])
    graph = graphs.build_graph(pool, num_neighbours=4)
    found = spread_labels(graph, labelled, labels, num_classes=3, alpha=alpha)
    weights = slow_weights(graph.places, graph.space.place(labelled), 4)
    start = np.zeros((46, 3))
    start[40 + np.arange(6), labels] = 1
    expected = slow_spread(weights, start, alpha)[:40]
    expected *= (1 / 3) / expected.sum(axis=0)  # class masses
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found, expected, atol=2e-3)


def test_spreads_as_scikit_learn_does_over_the_same_graph():
    points, truth = draw_moons()
    pool, labelled = points[20:], points[:20]
    graph = graphs.build_graph(pool, num_neighbours=8)
    found = spread_labels(graph, labelled, truth[:20], num_classes=2, alpha=0.9)
    weights = slow_weights(graph.places, graph.space.place(labelled), 8)
    known = np.concatenate([np.full(len(pool), -1), truth[:20]])
    theirs = LabelSpreading(kernel=lambda a, b: weights, alpha=0.9, max_iter=2000, tol=1e-9)
    theirs.fit(np.concatenate([pool, labelled]), known)
    ours = np.argmax(found, axis=1)
    sure = np.abs(theirs.label_distributions_[: len(pool), 0] - 0.5) > 0.1
    assert sure.mean() > 0.8
    np.testing.assert_array_equal(
        ours[sure], theirs.label_distributions_[: len(pool)].argmax(axis=1)[sure]
    )


def test_classes_are_weighted_to_their_share():
    random = np.random.default_rng(1)
    pool = random.normal(size=(60, 5)).astype(np.float32)
    graph = graphs.build_graph(pool, num_neighbours=5)
    labels = np.array([0, 0, 0, 1])
    found = spread_labels(graph, pool[:4], labels, num_classes=3)
    assert found.shape == (60, 3) and found[:, 2].max() == 0
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-5)


def test_images_that_nothing_reaches_are_uniform():
    # Two groups without any similarity between them; only one has labels.
    pool = np.zeros((20, 4), np.float32)
    pool[:10, 0], pool[10:, 1] = 5, 5
    pool += np.random.default_rng(0).normal(0, 0.01, pool.shape).astype(np.float32)
    graph = graphs.build_graph(pool, num_neighbours=3)
    found = spread_labels(graph, pool[:1], np.array([1]), num_classes=2)
    np.testing.assert_allclose(found[10:], 0.5)
    np.testing.assert_allclose(found[:10], [[0, 1]] * 10)


def test_unseen_images_get_their_neighbours_mean():
    random = np.random.default_rng(2)
    pool = random.normal(size=(50, 6)).astype(np.float32)
    spread = random.dirichlet(np.ones(3), size=50).astype(np.float32)
    graph = graphs.build_graph(pool, num_neighbours=4)
    unseen = random.normal(size=(9, 6)).astype(np.float32)
    found = spreading.mix(spread, graphs.link(graph, unseen))
    for place, row in zip(graph.space.place(unseen), found, strict=True):
        cosines = graph.places @ place
        nearest = np.argsort(cosines)[-4:]
        expected = cosines[nearest] @ spread[nearest] / cosines[nearest].sum()
        np.testing.assert_allclose(row, expected, rtol=1e-4)


def test_chunks_do_not_matter(monkeypatch):
    pool = np.random.default_rng(3).normal(size=(70, 6)).astype(np.float32)
    whole = graphs.build_graph(pool, num_neighbours=4)
    monkeypatch.setattr(neighbours, "_MOST_ROWS", 16)
    parts = graphs.build_graph(pool, num_neighbours=4)
    np.testing.assert_array_equal(np.sort(whole.neighbours), np.sort(parts.neighbours))
    np.testing.assert_allclose(whole.places, parts.places, atol=1e-6)


def test_a_pool_smaller_than_the_neighbourhood_serves():
    pool = np.eye(4, dtype=np.float32)
    graph = graphs.build_graph(pool)
    assert graph.neighbours.shape == (4, 3)
    assert spreading.mix(np.eye(4, dtype=np.float32), graphs.link(graph, pool[:2])).shape == (2, 4)


def test_equal_shares_weigh_rare_classes_as_frequent_ones():
    random = np.random.default_rng(4)
    pool = random.normal(size=(80, 3)).astype(np.float32)
    graph = graphs.build_graph(pool, num_neighbours=6)
    labels = np.array([0] * 7 + [1])
    natural, equal = (
        spread_labels(graph, pool[:8], labels, num_classes=2, equal_shares=value)
        for value in (False, True)
    )
    assert equal[:, 1].mean() > natural[:, 1].mean() + 0.1
