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


def test_a_graph_of_an_encoder_that_diverged_gives_no_answer():
    pool = np.full((20, 3), np.nan, np.float32)
    graph = build_graph(pool)
    links = link(graph, pool[:8])
    labels = np.arange(8) % 4
    task = Task(inputs=links, labels=labels, num_classes=4, budget=BUDGET, seed=0, graph=graph)
    assert np.isnan(STRATEGIES["label_spreading"].fit(task).predict(links)).all()
