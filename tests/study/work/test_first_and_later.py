"""A job run first in a fresh process and after others leaves the same bits."""

import hashlib
import json
import subprocess
import sys

import keras
import numpy as np
import pytest

from tests.study.small import at, open_small_run
from tfzero.study.planning.parts import CellSpec
from tfzero.study.work.cell import run_cell
from tfzero.study.work.pretraining import run_pretraining
from tfzero.transfer import STRATEGIES

PRETRAINING = ["vae", "gan"]
CELLS = ["vae/finetune", "vae/probe", "vae/lpft", "scratch/finetune"]
SCRIPT = """
import json, sys
from tests.study.work.test_first_and_later import do_jobs
print(json.dumps(do_jobs(sys.argv[1], sys.argv[3:], whole=sys.argv[2] == "True")))
"""


def do_jobs(folder, jobs, *, whole):
    """Does jobs in this process in order; returns what each left, as digests and numbers."""
    plan, run = open_small_run(folder, arms=["gan/lpft", *CELLS], whole=whole)
    return [do_job(plan, run, job) for job in jobs]


def do_job(plan, run, job):
    seen, kept = [], []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keras.Model, "fit", watch_fit(keras.Model.fit, seen))
        for kind in {type(strategy) for strategy in STRATEGIES.values()}:
            patch.setattr(kind, "fit", keep_model(kind.fit, kept))
        if "/" not in job:
            key = run_pretraining(at(plan, run), job, 0)
            record = json.loads((run.encoders / f"{key}.json").read_text())
            encoder = keras.models.load_model(run.encoders / f"{key}.keras", compile=False)
            left = {"history": record["history"], "weights": digest(encoder.get_weights())}
        else:
            cell = CellSpec(arm=job, num_labels=8, replicate=0)
            key = run_cell(at(plan, run), cell)
            left = {
                "result": run.read_cell(key)["result"],
                "probabilities": digest([run.read_probabilities(key)]),
                "models": [state_of(f.model) for f in kept if hasattr(f.model, "variables")],
            }
    return {**left, "fits": seen}


def state_of(model):
    """Returns digests of weights and optimizer slots, and the optimizer's count."""
    found = {"weights": digest(variable.numpy() for variable in model.variables)}
    for number, optimizer in enumerate(
        value for value in vars(model).values() if isinstance(value, keras.optimizers.Optimizer)
    ):
        found[f"slots{number}"] = digest(variable.numpy() for variable in optimizer.variables)
        found[f"iterations{number}"] = int(optimizer.iterations.numpy())
    return found


def watch_fit(fit, seen):
    """Wraps `fit`: writes down the state before and after, and what callbacks see."""

    def wrapped(self, *arguments, callbacks, **settings):
        class Clock(keras.callbacks.Callback):
            def on_train_batch_begin(self, batch, logs=None):
                optimizer = self.model.optimizer
                calls.append([batch, int(optimizer.iterations), float(optimizer.learning_rate)])

            def on_epoch_end(self, epoch, logs=None):
                calls.append([epoch, {name: float(value) for name, value in logs.items()}])

        calls = []
        before = state_of(self)
        history = fit(self, *arguments, callbacks=[*callbacks, Clock()], **settings)
        seen.append({"before": before, "after": state_of(self), "calls": calls})
        return history

    return wrapped


def keep_model(fit, kept):
    def wrapped(self, task):
        kept.append(fit(self, task))
        return kept[-1]

    return wrapped


def digest(arrays):
    state = hashlib.sha256()
    for array in arrays:
        state.update(np.ascontiguousarray(array).tobytes())
    return state.hexdigest()


def run_in_fresh_process(folder, jobs, *, whole=True):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(folder), str(whole), *jobs],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("run")


@pytest.fixture(scope="module")
def later(folder):
    """What each job leaves when it comes after at least five others in one process."""
    jobs = [*PRETRAINING, *CELLS]
    rounds = run_in_fresh_process(folder, jobs * 2)
    return dict(zip(jobs, rounds[len(jobs) :], strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("job", [*PRETRAINING, *CELLS])
def test_a_job_is_the_same_first_in_a_process_and_after_others(folder, later, job):
    assert_same_first(folder, job, later[job])


@pytest.mark.slow
def test_fine_tuning_is_the_same_first_in_a_process_and_after_others(tmp_path):
    before = ["vae", "vae/lpft", "vae/probe", "scratch/finetune", "vae/finetune"]
    *_, later = run_in_fresh_process(tmp_path, [*before, "vae/lpft"], whole=False)
    assert_same_first(tmp_path, "vae/lpft", later, whole=False)


def assert_same_first(folder, job, later, *, whole=True):
    """Fails unless a job leaves the same where it is the first of its process."""
    [first] = run_in_fresh_process(folder, [job], whole=whole)
    assert first == later
    trains = job != "vae/probe"
    assert len(first["fits"]) == trains
    if trains:  # the oracle itself looks at something
        [fit] = first["fits"]
        assert fit["before"] != fit["after"] and fit["after"]["iterations0"] > 0
        rates = {call[2] for call in fit["calls"] if len(call) == 3}
        assert len(rates) > 1 or job in PRETRAINING  # a schedule was followed
