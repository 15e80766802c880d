"""The job that makes one encoder, and keeps it with its losses, cost and pictures."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfzero.common.files import write_arrays, write_json, write_keras
from tfzero.common.seeds import derive_seed
from tfzero.data.rows import write_rows
from tfzero.pretrain.generate import generate_parts
from tfzero.study.inits import read_learner
from tfzero.study.inits.base import Learnt
from tfzero.study.readings.pictures import draw_pictures
from tfzero.study.work.clock import clock_job
from tfzero.study.work.process import in_study
from tfzero.study.workspace import Workspace
from tfzero.transfer.contract import measure_cost


@in_study
def run_pretraining(workspace: Workspace, word: str, replicate: int) -> str:
    """Makes the encoder of an init in a replicate; returns its key.

    Args:
        workspace: The study.
        word: An init that learns; what it goes on from is there already.
        replicate: Which draw.
    """
    from tfzero.study.inits.unfinished import forget_unfinished

    init, run = read_learner(word), workspace.run
    key = workspace.encoder_key(word, replicate)
    with clock_job() as clock, measure_cost() as cost:
        seed = derive_seed(replicate, "pretrain", word)
        learnt = init.learn(workspace, replicate, seed=seed)
    cost.steps = learnt.steps
    # Every encoder bears the whole cost of what is stored, whichever process spent it.
    cost.seconds += learnt.seconds + learnt.stored_seconds - clock.shared
    cost.cpu_seconds += learnt.cpu_seconds
    cost.parameters = sum(int(np.prod(weight.shape)) for weight in learnt.weights)
    images = init.images(workspace)
    pictures, alarms = _look_at(learnt, images)  # no part of what it cost
    write_keras(run.encoders / f"{key}.keras", learnt.encoder.save)
    write_arrays(run.encoders / f"{key}.npz", **pictures)
    if workspace.plan.keeps_method(word):
        assert learnt.method is not None  # or no arm could go on with it
        write_keras(workspace.method_path(word, replicate), learnt.method.save)
    if workspace.plan.keeps_generated(word):
        with measure_cost() as making:
            assert learnt.method is not None  # or it could make no images
            count, parts = generate_parts(learnt.method, len(images), seed=replicate)
            path = workspace.generated_path(word, replicate)
            write_rows(path, parts, shape=(count, *images.shape[1:]), kind=np.uint8)
        cost.seconds += making.seconds
        cost.cpu_seconds += making.cpu_seconds
    record = {
        "schema": 1,
        "key": key,
        "spec": {"method": word, "replicate": replicate},
        "settings": learnt.settings(),
        "history": _finite(learnt.history),
        "alarms": alarms,
        "cost": vars(cost),
        "job": clock.read(before=learnt.seconds),
    }
    # Last: an encoder counts as done when its record is there.
    write_json(run.encoders / f"{key}.json", record)
    forget_unfinished(run.unfinished, key)
    return key


def _look_at(learnt: Learnt, images: np.ndarray) -> tuple[dict[str, np.ndarray], list[str]]:
    """Returns pictures that a method makes, by name, and its alarms in sentences."""
    if learnt.method is None:
        return {}, []
    from tfzero.pretrain.alarms import describe_alarms

    pictures = draw_pictures(learnt.method, images)
    return pictures, describe_alarms(learnt.method, images, learnt.history)


def _finite(history: dict[str, list[float]]) -> dict[str, list[Any]]:
    """Returns losses as JSON can hold them: None where one is not finite."""
    return {
        name: [value if np.isfinite(value) else None for value in values]
        for name, values in history.items()
    }
