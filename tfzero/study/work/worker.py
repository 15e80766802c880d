"""One unit of a study's work, in whatever process it runs: a pure function of its spec."""

from __future__ import annotations

import contextlib
import functools
import pathlib
from typing import Any

import numpy as np

from tfzero.common.seeds import derive_seed
from tfzero.pretrain.generate import generate_pool
from tfzero.study.planning.inits import (
    NETWORK_INITS,
    PIXELS,
    SUPERVISED,
    read_init,
)
from tfzero.study.planning.plan import CellSpec, KMeansPlan, StudyPlan, SupervisedPlan
from tfzero.study.readings.pictures import draw_pictures
from tfzero.study.readings.write import record_network, wants_reading
from tfzero.study.records import (
    RunFolder,
    write_arrays,
    write_by_path,
    write_json,
)
from tfzero.study.work.features import encoder_key
from tfzero.study.work.frozen import fit_stored, groups_of, reads_stored
from tfzero.study.work.graphs import open_pool_graph
from tfzero.study.work.scores import score_probabilities
from tfzero.study.work.starts import (
    draw_subsets,
    has_noise,
    images_of,
    load_encoder,
    open_data,
    open_source,
    start_encoder,
    start_of_stage,
)
from tfzero.transfer import STRATEGIES


@functools.cache
def prepare_process() -> None:
    """Sets up TensorFlow in this process, once, before its first use.

    One thread, so that results depend on no machine's core count. Without the graph pass that
    fuses convolutions with what follows them: on these networks it fails on every training graph
    and costs a quarter of each step (measured on TensorFlow 2.21).
    """
    import gc

    import sklearn.metrics  # noqa: F401  # loads the numerical libraries that are limited below
    import tensorflow as tf
    import threadpoolctl

    gc.freeze()  # TensorFlow's own million objects need not be searched for garbage each time
    tf.get_logger().setLevel("ERROR")
    tf.config.optimizer.set_experimental_options({"remapping": False})
    # Worker processes start with one thread anyway; this process or a cluster's may not.
    threadpoolctl.threadpool_limits(1)
    # Raises where TensorFlow runs already, as in a notebook's own process on a one-core machine.
    with contextlib.suppress(RuntimeError):
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)


def run_pretraining(
    folder: pathlib.Path, plan: StudyPlan, method: str, replicate: int, custom_objects: dict
) -> str:
    """Makes one encoder and keeps it with its losses, cost and pictures.

    What was interrupted goes on from the last epoch that was kept, and ends the same bit for bit;
    with an architecture that has noise of its own it begins anew, for the same reason.

    Args:
        folder: The run folder.
        plan: The study.
        method: An init that learns, the last of its stages.
        replicate: Which draw.
        custom_objects: Classes of an own architecture.
    """
    import keras

    from tfzero.networks.kmeans import fit_kmeans
    from tfzero.pretrain import build_method
    from tfzero.pretrain.alarms import describe_alarms
    from tfzero.pretrain.run import pretrain
    from tfzero.study.work.unfinished import KeepUnfinished, forget_unfinished, open_unfinished
    from tfzero.transfer.contract import measure_cost

    prepare_process()
    run = RunFolder(folder)
    key = plan.pretraining_key(method, replicate)
    images = images_of(run, plan, method)
    settings = plan.pretraining[method]
    seed = derive_seed(replicate, "pretrain", method)
    model, earlier, history, pictures, alarms = None, None, {}, {}, []
    with keras.saving.custom_object_scope(custom_objects), measure_cost() as cost:
        if isinstance(settings, KMeansPlan):
            encoder = fit_kmeans(images, **settings.model_dump(), seed=seed)
            trained = encoder.weights
        elif isinstance(settings, SupervisedPlan):
            steps = settings.num_steps(plan.num_learnt_from(method))
            classifier = train_on_source(run, plan, replicate, steps=steps, seed=seed).model
            encoder, cost.steps = classifier.encoder, steps
            trained = classifier.trainable_weights
        else:
            encoder = start_of_stage(run, plan, method, replicate)
            model = build_method(read_init(method).learner, encoder, kind=settings.kind, seed=seed)
            budget = settings.to_budget()
            earlier = open_unfinished(run.unfinished, key)
            if earlier is not None:
                model, encoder = earlier.method, earlier.method.encoder
            keeper = KeepUnfinished(run.unfinished, key, earlier)
            found = pretrain(
                model, images, budget=budget, callbacks=[] if has_noise(encoder) else [keeper],
                start_epoch=0 if earlier is None else earlier.epochs,
            )  # fmt: skip
            before = {} if earlier is None else earlier.history
            # Where the last epoch was kept, too, there was none left to run.
            history = {
                name: [*before.get(name, ()), *found.get(name, ())] for name in {**before, **found}
            }
            cost.steps = settings.epochs * budget.steps_per_epoch(len(images))
            trained = model.trainable_weights
    if earlier is not None:
        cost.seconds += earlier.seconds
        cost.cpu_seconds += earlier.cpu_seconds
    if model is not None:  # looking at it is no part of what it cost
        pictures = draw_pictures(model, images)
        alarms = describe_alarms(model, images, history)
    cost.parameters = sum(int(np.prod(weight.shape)) for weight in trained)
    write_by_path(run.encoders / f"{key}.keras", encoder.save)
    write_arrays(run.encoders / f"{key}.npz", **pictures)
    if plan.keeps_generated(method):
        with measure_cost() as making:
            images = generate_pool(model, len(images), seed=replicate)
        cost.seconds += making.seconds
        cost.cpu_seconds += making.cpu_seconds
        write_arrays(run.encoders / f"{key}-generated.npz", images=images)
    record = {
        "schema": 1,
        "key": key,
        "spec": {"method": method, "replicate": replicate},
        "settings": {} if model is None else _plain_settings(model),
        "history": _finite(history),
        "alarms": alarms,
        "cost": vars(cost),
    }
    # Last: an encoder counts as done when its record is there.
    write_json(run.encoders / f"{key}.json", record)
    forget_unfinished(run.unfinished, key)
    return key


def _plain_settings(method) -> dict[str, Any]:
    """Returns a method's own settings, without the seed and the network inside it."""
    config = method.get_config()
    kinds = (bool, int, float, str)
    return {k: v for k, v in config.items() if isinstance(v, kinds) and k != "seed"}


def train_on_source(run: RunFolder, plan: StudyPlan, replicate: int, *, steps: int, seed: int):
    """Fits a classifier of the source's labels, by the strategy that scratch is trained by.

    Returns:
        `tfzero.transfer` 's `Fitted`; its encoder is what a study takes.
    """
    from tfzero.transfer import fit_classifier
    from tfzero.transfer.budget import Budget

    source = open_source(run, plan)
    settings = plan.pretraining[SUPERVISED]
    assert isinstance(settings, SupervisedPlan)
    return fit_classifier(
        "finetune",
        encoder=start_encoder(run, plan, replicate),
        images=source.labelled_images,
        labels=source.labels,
        num_classes=len(source.class_names),
        budget=Budget(steps=steps, batch_size=settings.batch_size, kind=settings.kind),
        seed=seed,
    )


def _finite(history: dict[str, list[float]]) -> dict[str, list[float | None]]:
    """Returns losses as JSON can hold them: None where one is not finite."""
    return {
        name: [value if np.isfinite(value) else None for value in values]
        for name, values in history.items()
    }


def run_cell(folder: pathlib.Path, plan: StudyPlan, cell: CellSpec, custom_objects: dict) -> str:
    """Fits and scores one arm at one label count in one replicate."""
    import keras

    prepare_process()
    run = RunFolder(folder)
    key = plan.cell_key(cell)
    data = open_data(run.cache_for(plan.data.fingerprint))
    subsets = draw_subsets(run.cache_for(plan.data.fingerprint), plan.label_counts, cell.replicate,
                       plan.data.balanced)  # fmt: skip
    chosen = subsets[cell.num_labels]
    if reads_stored(cell):
        encoder = functools.cache(lambda: load_encoder(run, plan, cell.init, cell.replicate))
        with keras.saving.custom_object_scope(custom_objects):
            fitted, inputs = fit_stored(run, plan, cell, data, subsets, encoder)
        probabilities = fitted.predict(inputs)
    else:
        fitted = fit_arm(run, plan, cell, data.train_images[chosen], data.train_labels[chosen],
                         custom_objects, groups=groups_of(data, chosen))  # fmt: skip
        probabilities = fitted.predict(data.test_images)
    diverged = not np.isfinite(probabilities).all()
    if diverged:
        # Divergence is a result: it scores as always answering the commonest class.
        largest = np.bincount(data.train_labels[chosen], minlength=data.num_classes).argmax()
        probabilities = np.eye(data.num_classes, dtype=np.float32)[
            np.full(len(data.test_images), largest)
        ]
    if wants_reading(plan, cell) and not diverged:  # looking at it is no part of what it cost
        network = functools.partial(_join, run, plan, cell, fitted.model, custom_objects)
        record_network(run, plan, cell, data, probabilities,
                       network if reads_stored(cell) else lambda: fitted.model)  # fmt: skip
    write_arrays(run.cells / f"{key}.npz", probabilities=probabilities)
    record = {
        "schema": 1,
        "key": key,
        "spec": {**cell.model_dump(), "init": cell.init, "strategy": cell.strategy},
        "result": {**score_probabilities(probabilities, data.test_labels), "diverged": diverged},
        "chosen": fitted.chosen,
        "cost": vars(fitted.cost),
    }
    write_json(run.cells / f"{key}.json", record)
    return key


def run_final(folder: pathlib.Path, plan: StudyPlan, arm: str, custom_objects: dict) -> str:
    """Retrains an arm by its recipe on all labelled training images, with the first seed."""
    prepare_process()
    run = RunFolder(folder)
    data = open_data(run.cache_for(plan.data.fingerprint))
    cell = CellSpec(arm=arm, num_labels=len(data.train_images), replicate=0)
    key = final_key(plan, arm)
    fitted = fit_arm(run, plan, cell, data.train_images, data.train_labels, custom_objects)
    write_by_path(run.final / f"{key}.keras", fitted.model.save)
    write_json(run.final / f"{key}.json", {"schema": 1, "key": key, "arm": arm,
               "num_labels": cell.num_labels, "cost": vars(fitted.cost)})  # fmt: skip
    return key


def final_key(plan: StudyPlan, arm: str) -> str:
    """Returns the name of the retrained network's files."""
    cell = CellSpec(arm=arm, num_labels=plan.data.num_train, replicate=0)
    return f"final-{plan.cell_key(cell)}"


def fit_arm(
    run, plan, cell, images, labels, custom_objects, *, groups=None, budget=None, encoder=None
) -> Any:
    """Fits an arm on labelled images; returns `tfzero.transfer` 's `Fitted`.

    An encoder that is given takes the place of the arm's own.
    """
    import keras

    from tfzero.transfer import fit_classifier
    from tfzero.transfer.budget import Budget

    with keras.saving.custom_object_scope(custom_objects):
        graph, spent = None, 0.0
        if encoder is None:
            encoder = load_encoder(run, plan, cell.init, cell.replicate)
            graph, spent = _graph_for(run, plan, cell, encoder)
        fitted = fit_classifier(
            cell.strategy,
            encoder=encoder,
            images=images,
            labels=labels,
            groups=groups,
            pool=_pool_for(run, plan, cell),
            # Features of random weights are further from what is shown than the pixels are.
            spread_by_pixels=cell.init in NETWORK_INITS,
            graph=graph,
            num_classes=len(plan.data.class_names),
            budget=budget or Budget(**plan.transfer_for(cell).model_dump()),
            # The same for all arms of a replicate: same order of batches, same augmentation.
            seed=derive_seed(cell.replicate, "transfer"),
        )
    fitted.cost.seconds += spent  # as if this cell alone had built it
    return fitted


def _graph_for(run, plan, cell, encoder) -> tuple[Any, float]:
    """Returns the pool's graph for a strategy that spreads first, and the seconds it took."""
    if not STRATEGIES[cell.strategy].spreads or plan.reads_generated(cell):
        return None, 0.0
    data = open_data(run.cache_for(plan.data.fingerprint))
    if cell.init in NETWORK_INITS:
        return open_pool_graph(run, PIXELS, data, lambda: None)
    return open_pool_graph(run, encoder_key(plan, cell), data, lambda: encoder)


def _pool_for(run: RunFolder, plan: StudyPlan, cell: CellSpec) -> np.ndarray | None:
    if not STRATEGIES[cell.strategy].reads_pool:
        return None
    pool = open_data(run.cache_for(plan.data.fingerprint)).pool
    if not plan.reads_generated(cell):
        return pool
    key = plan.pretraining_key(cell.init, cell.replicate)
    with np.load(run.encoders / f"{key}-generated.npz") as file:
        generated = file["images"]
    return generated if plan.unlabeled_from == "generated" else np.concatenate([pool, generated])


def _join(run, plan, cell, head, custom_objects) -> Any:
    """Returns the network that a linear head makes with the frozen encoder it was fitted on."""
    import keras

    from tfzero.transfer.classifier import Classifier

    with keras.saving.custom_object_scope(custom_objects):
        classifier = Classifier(
            load_encoder(run, plan, cell.init, cell.replicate), len(plan.data.class_names)
        )
    classifier.head.set_weights([head.kernel, head.bias])
    return classifier
