"""A method and a strategy from outside the package take part in a study without registering."""

import io
import pickle

import numpy as np
import pytest
from rich.console import Console

import tfzero
from tests.conftest import build_small_encoder, draw_bars
from tests.pretrain.cases import Brightness
from tfzero.common.checks import InputError
from tfzero.data import from_arrays
from tfzero.pretrain import METHODS
from tfzero.pretrain.base import Pretrainer
from tfzero.study.outside import read_arms
from tfzero.transfer import STRATEGIES
from tfzero.transfer.contract import Fitted, measure_cost
from tfzero.transfer.strategies.base import Need, Strategy, Work


class Centroids(Strategy):
    """Answers with the class whose mean feature is nearest."""

    name = "centroids"
    summary = "nearest mean"
    reads = frozenset({Need.FEATURES})

    def fit(self, task):
        with measure_cost() as cost:
            places = [task.inputs[task.labels == k].mean(axis=0) for k in range(task.num_classes)]
        return Fitted(Nearest(np.stack(places)), cost)

    def work(self, budget, num_pool):
        del budget, num_pool
        return Work(whole=True)


class Nearest:
    def __init__(self, places):
        self.places = places

    def predict(self, features):
        gaps = ((features[:, None] - self.places) ** 2).sum(axis=2)
        return np.eye(len(self.places), dtype=np.float32)[gaps.argmin(axis=1)]


@pytest.fixture(autouse=True)
def forgotten():
    """Words of this file are known to no other test."""
    yield
    METHODS.pop("brightness", None)
    STRATEGIES.pop("centroids", None)


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_study_runs_what_comes_from_outside(workers, tmp_path, untimed, unreported):
    data = from_arrays(*draw_bars(80, seed=0))
    arms = [(Brightness, "probe"), ("scratch", Centroids()), "scratch/finetune"]
    given = {
        "label_counts": [12],
        "seeds": 1,
        "epochs": 1,
        "workers": workers,
        "out": tmp_path / "run",
    }
    given |= {"encoder": build_small_encoder(), "console": Console(file=io.StringIO())}
    study = tfzero.compare(data, arms=arms, export=tmp_path / "model", **given)
    rows = {row["arm"]: row["mean"] for row in study.table()}
    assert set(rows) == {"brightness/probe", "scratch/centroids", "scratch/finetune"}
    assert study.results["missing"] == [] and min(rows.values()) > 20
    # Another version of the code is another study.
    assert set(study.plan.outside) == {"brightness", "centroids"}
    other = study.plan.model_copy(update={"outside": {"brightness": "changed"}})
    cell = study.plan.cells()[0]
    assert study.plan.cell_key(cell) != other.cell_key(cell)


def test_words_of_this_package_stay_its_own():
    class VAE(Pretrainer):
        pass

    with pytest.raises(InputError, match='The name "vae" of class VAE belongs to another method'):
        read_arms([(VAE, "lpft")])

    class Other(Centroids):
        name = "svm"

    with pytest.raises(InputError, match='The name "svm" belongs to another strategy'):
        read_arms([("scratch", Other())])
    with pytest.raises(InputError, match="is not a method; expected a class derived from"):
        read_arms([(dict, "lpft")])
    for arm in (7, ("vae",), ["vae", "lpft"]):
        with pytest.raises(InputError, match='expected text such as "vae/lpft", or a pair'):
            read_arms([arm])


def test_what_travels_is_known_where_it_arrives(monkeypatch):
    from tfzero.study import outside

    known = []
    monkeypatch.setattr(outside, "register_method", known.append)
    sent = outside.Outside(methods={"brightness": Brightness})
    assert pickle.loads(pickle.dumps(sent)) == sent and known == [Brightness]
