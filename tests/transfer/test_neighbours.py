import os
import subprocess
import sys

import numpy as np
import pytest

from tfzero.transfer import graph as graphs
from tfzero.transfer import neighbours, spreading

# What a process of its own prints of the approximate search.
DIGEST = """
import hashlib
import faiss
import numpy as np
from tfzero.transfer import neighbours
neighbours.MOST_EXACT = 100
places = np.random.default_rng(0).normal(size=(3000, 20)).astype(np.float32)
places /= np.linalg.norm(places, axis=1, keepdims=True)
found, similarities = neighbours.nearest_among(places, 10)
print(hashlib.sha256(found.tobytes() + similarities.tobytes()).hexdigest())
print(faiss.omp_get_max_threads(), 'thread')
"""


def draw_places(count, width=8, seed=0):
    random = np.random.default_rng(seed)
    centers = random.normal(size=(12, width))
    places = centers[random.integers(0, 12, count)] + 0.4 * random.normal(size=(count, width))
    return (places / np.linalg.norm(places, axis=1, keepdims=True)).astype(np.float32)


def nearest_before(places, count):
    """The search as studies that are stored were made with it: 1000 rows at a time."""
    found, cosines = [], []
    for start in range(0, len(places), 1000):
        products = places[start : start + 1000] @ places.T
        own = np.arange(start, start + len(products))
        products[np.arange(len(own)), own] = -np.inf
        nearest = np.argpartition(products, -count, axis=1)[:, -count:]
        found.append(nearest.astype(np.int32))
        cosines.append(np.take_along_axis(products, nearest, axis=1))
    return np.concatenate(found), np.maximum(np.concatenate(cosines), 0.0)


def test_neighbours_are_those_of_stored_studies_bit_by_bit():
    places = draw_places(2345)
    found, similarities = neighbours.nearest_among(places, 10)
    expected, cosines = nearest_before(places, 10)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(similarities, cosines)
    assert found.dtype == np.int32 and similarities.dtype == np.float32


def test_pools_of_stored_studies_keep_their_rows():
    for count in (50_000, 60_000, 67_108):
        assert neighbours.rows_at_once(count) == 1000
    assert neighbours.rows_at_once(100_000) * 100_000 * 4 <= 2**28
    assert neighbours.rows_at_once(10**10) == 1


def test_few_rows_at_once_find_the_same(monkeypatch):
    places = draw_places(300)
    expected, _ = neighbours.nearest_among(places, 5)
    monkeypatch.setattr(neighbours, "_MOST_BYTES", 4 * 300 * 7)
    found, _ = neighbours.nearest_among(places, 5)
    np.testing.assert_array_equal(np.sort(found), np.sort(expected))


def test_many_images_find_nearly_all_their_neighbours(monkeypatch):
    places = draw_places(3000)
    exact, cosines = neighbours.nearest_among(places, 10)
    monkeypatch.setattr(neighbours, "MOST_EXACT", 100)
    found, similarities = neighbours.nearest_among(places, 10)
    hits = [len(set(a) & set(b)) for a, b in zip(exact, found, strict=True)]
    assert np.mean(hits) > 9.9
    assert not (found == np.arange(3000)[:, None]).any()  # none is its own
    assert all(len(set(row)) == 10 for row in found)
    expected = np.einsum("nc,nkc->nk", places, places[found])
    np.testing.assert_allclose(similarities, np.maximum(expected, 0), atol=1e-6)
    assert found.dtype == np.int32 and similarities.dtype == np.float32
    assert found.shape == cosines.shape


def test_links_to_many_images_are_exact(monkeypatch):
    places, others = draw_places(800), draw_places(50, seed=1)
    exact, cosines = neighbours.nearest_to(others, places, 7)
    monkeypatch.setattr(neighbours, "MOST_EXACT", 100)
    found, similarities = neighbours.nearest_to(others, places, 7)
    np.testing.assert_array_equal(np.sort(found), np.sort(exact))
    np.testing.assert_allclose(np.sort(similarities), np.sort(cosines), atol=1e-6)


def test_every_process_finds_the_same_with_any_number_of_threads():
    def find(threads):
        return subprocess.run(
            [sys.executable, "-c", DIGEST],
            env={**os.environ, "OMP_NUM_THREADS": threads},
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    first, second = find("1"), find("2")
    assert first == second and "\n1 thread" in second


@pytest.mark.parametrize("kind", ["one", "half", "zeros"])
def test_images_that_are_all_alike_have_neighbours(monkeypatch, kind):
    monkeypatch.setattr(neighbours, "MOST_EXACT", 100)
    places = draw_places(600)
    places[: 600 if kind == "one" else 300] = 0 if kind == "zeros" else places[0]
    found, similarities = neighbours.nearest_among(places, 10)
    assert found.min() >= 0 and np.isfinite(similarities).all()
    assert not (found == np.arange(600)[:, None]).any()
    assert all(len(set(row)) == 10 for row in found)


def test_rows_that_the_graph_found_too_few_for_are_searched_exactly():
    places = draw_places(40)
    found, cosines = np.full((40, 3), -1, np.int32), np.zeros((40, 3), np.float32)
    neighbours._search_missing(places, found, cosines)
    exact, similarities = neighbours.nearest_among(places, 3)
    np.testing.assert_array_equal(np.sort(found), np.sort(exact))
    np.testing.assert_allclose(np.sort(cosines), np.sort(similarities), atol=1e-6)


def test_images_of_an_encoder_that_diverged_are_near_nothing(monkeypatch):
    monkeypatch.setattr(neighbours, "MOST_EXACT", 10)
    places = np.full((30, 4), np.nan, np.float32)
    graph = graphs.Graph(None, places, *neighbours.nearest_among(places, 5))
    assert not graph.is_finite()
    assert not graphs.Links(*neighbours.nearest_to(places[:3], places, 5), places[:3]).is_finite()


def test_labels_spread_over_an_approximate_graph(monkeypatch):
    random = np.random.default_rng(0)
    truth = np.repeat([0, 1], 400)
    pool = random.normal(size=(800, 6)).astype(np.float32)
    pool[:, 0] += 8 * truth
    monkeypatch.setattr(neighbours, "MOST_EXACT", 100)
    graph = graphs.build_graph(pool)
    links = graphs.link(graph, pool[[0, 799]])
    spread = spreading.spread_over(graph, links, np.array([0, 1]), num_classes=2)
    assert (spread.argmax(axis=1) == truth).mean() > 0.98
