"""A linear head on labels and on spread labels."""

import numpy as np
import pytest
from scipy.optimize import minimize

from tfzero.transfer.graph import build_graph, link
from tfzero.transfer.spread_head import fit_spread_probe
from tfzero.transfer.spreading import choose_surest, mix, spread_over


@pytest.fixture(scope="module")
def case():
    rng = np.random.default_rng(0)
    truth = np.arange(90) % 3
    features = (np.eye(3)[truth] + rng.normal(0, 0.5, (90, 3))).astype(np.float32)
    graph, labels = build_graph(features), truth[:9]
    links = link(graph, features[:9])
    return graph, links, labels, spread_over(graph, links, labels, num_classes=3)


def test_the_head_minimizes_the_weighted_loss_of_labels_and_the_surest_half(case):
    graph, links, labels, spread = case
    probe = fit_spread_probe(graph, links, labels, spread)
    rows, guessed = choose_surest(spread, share=0.5, class_shares=np.full(3, 1 / 3))
    places = np.concatenate([links.places, graph.places[rows]]).astype(np.float64)
    classes = np.concatenate([labels, guessed])
    weights = np.ones(len(places))
    weights[:9] = len(rows) / 3 / 9
    strength = 1e4 / weights.sum() / 3 / np.mean((places - places.mean(axis=0)) ** 2)

    def loss(numbers):
        kernel, bias = numbers[:9].reshape(3, 3), numbers[9:]
        logits = places @ kernel + bias
        own = logits[np.arange(len(places)), classes]
        entropies = np.log(np.exp(logits).sum(axis=1)) - own
        return strength * weights @ entropies + np.sum(kernel**2) / 2

    best = minimize(loss, np.zeros(12), tol=1e-9).x
    numbers = np.concatenate([probe.head.kernel.ravel(), probe.head.bias])
    assert loss(numbers) <= loss(best) * (1 + 1e-3)


def test_head_and_spread_labels_answer_in_equal_parts(case):
    graph, links, labels, spread = case
    probe = fit_spread_probe(graph, links, labels, spread)
    expected = (mix(spread, links) + probe.head.predict(links.places)) / 2
    np.testing.assert_allclose(probe.predict(links), expected, atol=1e-6)
    expected = (spread + probe.head.predict(graph.places)) / 2
    rows = np.delete(np.arange(90), 7)  # also where not all are asked for
    np.testing.assert_allclose(probe.answer_pool(graph, rows), expected[rows], atol=1e-6)
    assert probe.count_parameters() == 90 * 3 + 3 * 3 + 3


def test_classes_get_equal_shares_of_the_believed_where_that_is_asked_for(case):
    graph, links, _, _ = case
    labels = np.array([0, 0, 0, 0, 0, 0, 0, 1, 2])
    spread = np.tile(np.array([0.4, 0.3, 0.3], np.float32), (90, 1))
    spread[:20] = np.array([0, 0.9, 0.1])
    spread[20:40] = np.array([0, 0.1, 0.9])
    biases = [
        fit_spread_probe(graph, links, labels, spread, equal_shares=equal).head.bias
        for equal in (False, True)
    ]
    # With their shares of the labels, 35 of class 0 and 5 of each other one are believed.
    assert biases[0][0] - biases[0][1] > biases[1][0] - biases[1][1] + 0.5
