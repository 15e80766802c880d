"""Fitting in one call: what is refused, which strategies can be given, and that fits repeat."""

import json
import pathlib
import pickle
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from tests.conftest import draw_bars
from tests.transfer.cases import fit
from tfzero.common.checks import InputError
from tfzero.transfer import Need, Strategy, Task, fit_classifier, fit_on_features
from tfzero.transfer.budget import Budget, default_budget
from tfzero.transfer.contract import Cost, Fitted
from tfzero.transfer.features import graph_images, read_blocks, read_features
from tfzero.transfer.graph import link
from tfzero.transfer.strategies.base import Work

REPOSITORY = pathlib.Path(__file__).parents[2]


class Shares:
    """Answers every image with the shares of the classes."""

    def __init__(self, shares):
        self.shares = shares

    def predict(self, inputs):
        return np.tile(self.shares, (len(inputs), 1))


class Outside(Strategy):
    """A strategy that no table knows; it keeps the tasks that it was given."""

    name = "outside"
    summary = "the shares of the classes"
    reads = frozenset({Need.FEATURES})

    def __init__(self, *reads):
        self.reads = frozenset(reads) or Outside.reads
        self.tasks = []

    def fit(self, task: Task) -> Fitted:
        self.tasks.append(task)
        counts = np.bincount(task.labels, minlength=task.num_classes)
        return Fitted(Shares((counts / counts.sum()).astype(np.float32)), Cost(parameters=4))

    def work(self, budget, num_pool) -> Work:
        return Work(whole=True)


def test_a_strategy_of_ones_own_needs_no_entry_in_the_table(encoder, bars):
    images, labels = bars
    fitted = fit_classifier(Outside(), encoder=encoder, images=images, labels=labels, seed=5)
    np.testing.assert_array_equal(fitted.predict(images), np.full((40, 4), 0.25, np.float32))
    assert fitted.cost.parameters == 4 and fitted.cost.seconds > 0
    apart = fit_on_features(Outside(), features=np.zeros((40, 3)), labels=labels, num_classes=4)
    assert apart.predict(np.zeros((2, 3))).shape == (2, 4)


def test_images_are_read_in_the_form_that_the_strategy_reads(encoder, bars):
    images, labels = bars
    pool, _ = draw_bars(50, seed=3)

    def read(*needs, **settings):
        strategy = Outside(*needs)
        settings = {"encoder": encoder, "pool": pool, **settings}
        fitted = fit_classifier(strategy, images=images, labels=labels, **settings)
        [task] = strategy.tasks
        return task, fitted.model.read(images[:7])

    task, again = read(Need.FEATURES)
    np.testing.assert_array_equal(task.inputs, read_features(encoder, images))
    np.testing.assert_array_equal(again, read_features(encoder, images[:7]))
    assert task.columns is None and task.graph is None and task.pool is None
    task, again = read(Need.BLOCKS, encoder=None)
    np.testing.assert_array_equal(task.inputs, images.reshape(40, 64).astype(np.float32) / 255)
    np.testing.assert_array_equal(again, task.inputs[:7])
    assert task.columns == {"pixels": (0, 64)}
    graph = graph_images(encoder, pool)
    for given in (None, graph):
        task, again = read(Need.LINKS, Need.GRAPH, graph=given)
        np.testing.assert_array_equal(task.graph.neighbours, graph.neighbours)
        expected = link(graph, read_blocks(encoder, images)[0])
        np.testing.assert_array_equal(task.inputs.nearest, expected.nearest)
        np.testing.assert_array_equal(again.nearest, expected.nearest[:7])


def test_a_strategy_that_reads_images_is_given_them(encoder, bars):
    strategy = Outside(Need.IMAGES, Need.POOL)
    groups = np.arange(40) // 2
    fit_classifier(
        strategy, encoder=encoder, images=bars[0], labels=bars[1], pool=bars[0][:9], groups=groups
    )
    [task] = strategy.tasks
    np.testing.assert_array_equal(task.inputs, bars[0])
    assert task.encoder is encoder and task.groups is groups and len(task.pool) == 9
    assert task.budget == default_budget(40)


@pytest.mark.parametrize("strategy", ["svm", "label_spreading"])
def test_what_was_fitted_on_pixels_can_be_pickled(strategy, bars):
    fitted = fit(strategy, None, *bars)
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict(bars[0]), fitted.predict(bars[0]))


def test_an_unknown_strategy_is_refused_with_the_nearest(encoder, bars):
    with pytest.raises(InputError, match='Unknown strategy "finetun". Did you mean "finetune"?'):
        fit("finetun", encoder, *bars)
    with pytest.raises(InputError, match="`strategy` is 7; expected one of finetune, probe"):
        fit(7, encoder, *bars)


def test_a_strategy_that_trains_the_encoder_takes_no_features(bars):
    with pytest.raises(InputError, match='"finetune".*Known: probe, logistic, svm'):
        fit_on_features("finetune", features=np.zeros((4, 2)), labels=bars[1][:4], num_classes=4)


def test_there_are_as_many_groups_as_labels(bars):
    for strategy in ("svm", "label_spreading"):
        with pytest.raises(InputError, match="9 groups for 40 images; expected one group per"):
            fit(strategy, None, *bars, groups=np.arange(9))


@pytest.mark.parametrize("count", [2, 50, 1000, 50_000])
def test_the_default_budget_can_be_spent(count):
    budget = default_budget(count)
    assert budget.steps > 0 and budget.batch_size > 0


def test_rounds_are_long_enough_and_end_with_the_budget():
    assert default_budget(100).joint_steps == 1000
    assert Budget(steps=9000).joint_steps == 9000


FIT = """
import json, sys
import numpy as np
import tensorflow as tf
options, intra, inter = json.loads(sys.argv[1])
tf.config.optimizer.set_experimental_options(options)
tf.config.threading.set_intra_op_parallelism_threads(intra)
tf.config.threading.set_inter_op_parallelism_threads(inter)
from tests.conftest import build_small_encoder, draw_bars
from tests.transfer.cases import fit
images, labels = draw_bars(40, seed=0)
encoder = build_small_encoder(seed=1)
np.save(sys.argv[2], fit("finetune", encoder, images, labels, seed=7).predict(images))
"""


@pytest.mark.slow
def test_a_fit_is_the_same_first_in_a_process_and_after_others(encoder, bars, tmp_path):
    settings = [
        tf.config.optimizer.get_experimental_options(),
        tf.config.threading.get_intra_op_parallelism_threads(),
        tf.config.threading.get_inter_op_parallelism_threads(),
    ]
    out = tmp_path / "first.npy"
    subprocess.run(
        [sys.executable, "-c", FIT, json.dumps(settings), out], cwd=REPOSITORY, check=True
    )
    for strategy in ("lpft", "probe", "svm"):
        fit(strategy, encoder, *bars, seed=8)
    result = fit("finetune", encoder, *bars, seed=7).predict(bars[0])
    np.testing.assert_array_equal(np.load(out), result)


LIGHT = """
import sys
from tfzero.transfer import STRATEGIES
assert len({strategy.summary for strategy in STRATEGIES.values()}) == len(STRATEGIES)
print([name for name in ("tensorflow", "keras", "sklearn", "scipy") if name in sys.modules])
"""


def test_the_table_is_read_without_tensorflow_or_scikit_learn():
    run = subprocess.run(
        [sys.executable, "-c", LIGHT], cwd=REPOSITORY, check=True, capture_output=True, text=True
    )
    assert run.stdout.strip() == "[]"
