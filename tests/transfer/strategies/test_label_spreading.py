import numpy as np
import pytest

from tests.conftest import draw_bars
from tests.transfer.cases import BUDGET
from tfzero.common.checks import InputError
from tfzero.transfer import STRATEGIES, Task, fit_classifier
from tfzero.transfer.features import graph_images, read_features
from tfzero.transfer.graph import build_graph, link


def test_the_pool_lifts_few_labels_far():
    noise = {"contrast": 0.15, "noise": 0.2}
    pool, _ = draw_bars(400, seed=3, **noise)
    images, labels = draw_bars(8, seed=4, **noise)
    test, truth = draw_bars(400, seed=5, **noise)

    def score(strategy):
        fitted = fit_classifier(strategy, encoder=None, images=images, labels=labels, pool=pool)
        return (fitted.predict(test).argmax(axis=1) == truth).mean()

    assert score("label_spreading") > score("svm") + 0.05


def test_a_pool_is_asked_for():
    images, labels = draw_bars(8, seed=4)
    with pytest.raises(InputError, match="reads unlabeled images, but `pool` is None"):
        fit_classifier("label_spreading", encoder=None, images=images, labels=labels)


def test_links_that_are_there_already_answer_as_images_do():
    pool, _ = draw_bars(60, seed=3)
    images, labels = draw_bars(8, seed=4)
    graph = graph_images(None, pool)
    links = link(graph, read_features(None, images))
    task = Task(inputs=links, labels=labels, num_classes=4, budget=BUDGET, seed=0, graph=graph)
    fitted = STRATEGIES["label_spreading"].fit(task)
    assert fitted.cost.parameters == 60 * 4 and fitted.cost.seconds > 0
    whole = fit_classifier("label_spreading", encoder=None, images=images, labels=labels, pool=pool)
    np.testing.assert_array_equal(fitted.predict(links), whole.predict(images))


@pytest.mark.parametrize("strategy", ["label_spreading", "spread_probe"])
def test_a_graph_of_an_encoder_that_diverged_gives_no_answer(strategy):
    pool = np.full((20, 3), np.nan, np.float32)
    graph = build_graph(pool)
    links = link(graph, pool[:8])
    labels = np.arange(8) % 4
    task = Task(inputs=links, labels=labels, num_classes=4, budget=BUDGET, seed=0, graph=graph)
    assert np.isnan(STRATEGIES[strategy].fit(task).predict(links)).all()


def test_a_head_on_spread_labels_corrects_what_neighbours_mistake():
    """Of two classes with noisy borders, nearest neighbours follow the noise."""
    rng = np.random.default_rng(0)

    def draw(count):
        labels = np.arange(count) % 2
        features = rng.normal(0, 1, (count, 8)).astype(np.float32)
        features[:, 0] += np.where(labels, 1.3, -1.3)
        return features, labels

    (pool, own), (test, truth) = draw(600), draw(400)
    graph = build_graph(pool)
    asked, scores = link(graph, test), {}
    for strategy in ("label_spreading", "spread_probe"):
        found = []
        for start in range(0, 60, 6):
            rows = slice(start, start + 6)
            task = Task(
                inputs=link(graph, pool[rows]),
                labels=own[rows],
                num_classes=2,
                budget=BUDGET,
                seed=0,
                graph=graph,
            )
            fitted = STRATEGIES[strategy].fit(task)
            found.append((fitted.predict(asked).argmax(axis=1) == truth).mean())
        scores[strategy] = np.mean(found)
    assert scores["spread_probe"] > scores["label_spreading"] + 0.005, scores
