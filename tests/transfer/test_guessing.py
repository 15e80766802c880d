"""Labels guessed for unlabeled images: which are believed."""

import numpy as np

from tests.conftest import draw_bars
from tests.transfer.cases import BUDGET
from tfzero.transfer.features import graph_images, read_features
from tfzero.transfer.graph import link
from tfzero.transfer.guessing import spread_to_pool
from tfzero.transfer.spread_head import fit_spread_probe
from tfzero.transfer.spreading import choose_surest, spread_over
from tfzero.transfer.strategies.base import Task
from tfzero.transfer.training import Labelled


def test_the_surest_of_each_class_are_believed():
    guesses = np.array([[0.4, 0.6], [0.6, 0.4], [0.7, 0.3], [0.8, 0.2], [0.2, 0.8], [0.45, 0.55]])
    # Half of 6, two thirds of it class 0: 2 of class 0, 1 of class 1.
    rows, labels = choose_surest(guesses, share=0.5, class_shares=np.array([2 / 3, 1 / 3]))
    assert rows.tolist() == [2, 3, 4] and labels.tolist() == [0, 0, 1]
    # A class cannot have more than say so; nobody else takes its place.
    rows, labels = choose_surest(guesses, share=1.0, class_shares=np.array([0, 1.0]))
    assert rows.tolist() == [0, 4, 5] and labels.tolist() == [1, 1, 1]


def test_guesses_are_those_of_spread_labels_and_their_head():
    noise = {"contrast": 0.15, "noise": 0.2}
    pool, _ = draw_bars(60, seed=3, **noise)
    images, labels = draw_bars(8, seed=4, **noise)
    graph = graph_images(None, pool)
    links = link(graph, read_features(None, images))
    task = Task(
        inputs=images,
        labels=labels,
        num_classes=4,
        budget=BUDGET,
        seed=0,
        pool=pool,
        spread_by_pixels=True,
    )
    spread = spread_over(graph, links, labels, num_classes=4, alpha=0.9)
    expected = fit_spread_probe(graph, links, labels, spread).answer_pool(
        graph, np.arange(len(graph.places))
    )
    found = spread_to_pool(task, Labelled(images, labels))
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert np.abs(found - spread).max() > 0.01
