"""A few steps of each kind of work, timed on this machine before a study."""

from __future__ import annotations

import dataclasses
import itertools
import pathlib
import time

from tfzero.study.planning.arms import init_of
from tfzero.study.planning.inits import GIVEN_INITS, PIXELS, THEN, read_init
from tfzero.study.planning.plan import SCRATCH, CellSpec, KMeansPlan, StudyPlan, SupervisedPlan
from tfzero.study.records import RunFolder
from tfzero.study.work import starts, worker
from tfzero.study.work.estimate import NETWORK, Timing, spreads_by_pixels, timed_settings
from tfzero.study.work.graphs import time_graph
from tfzero.transfer import STRATEGIES
from tfzero.transfer.budget import default_budget

_TIMED_CALLS = 2
# Two lengths of a fit tell what an update costs from what a fit costs.
_TIMED_STEPS = (20, 60)
_MOST_TIMED_IMAGES, _MOST_TIMED_LABELS = 1000, 1000
# Of what has no graph to trace, and may take long for an image.
_FEW_TIMED_IMAGES = 200
# Of an encoder that came ready: large networks see few images in a second.
_FEW_GIVEN_IMAGES, _GIVEN_STEPS = 16, (1, 3)


def time_kind(
    folder: pathlib.Path, plan: StudyPlan, kind: str, custom_objects: dict
) -> tuple[str, Timing]:
    """Returns (kind, timing), timed in this process after its graph was traced.

    The traced graphs stay, so that the study's own jobs in this process need not trace them.
    """
    worker.prepare_process()
    run = RunFolder(folder)
    data = starts.open_data(run.cache_for(plan.data.fingerprint))
    settings = plan.pretraining.get(kind)
    if isinstance(settings, KMeansPlan):
        return kind, _time_kmeans(settings, starts.images_of(run, plan, kind))
    if isinstance(settings, SupervisedPlan):
        return kind, _time_supervised(run, plan, custom_objects)
    if settings is not None:
        return kind, _time_method(run, plan, kind, custom_objects)
    if kind in GIVEN_INITS:
        return kind, _time_given(run, plan, data, kind, custom_objects)
    if kind == NETWORK:
        return kind, _time_network(run, plan, data, custom_objects)
    return kind, _time_classical(run, plan, data, kind, custom_objects)


def _time_method(run, plan, kind, custom_objects) -> Timing:
    import keras

    from tfzero.pretrain import build_method
    from tfzero.pretrain.run import pretrain, steps_per_call

    settings = plan.pretraining[kind]
    budget = settings.to_budget()
    images = starts.images_of(run, plan, kind)
    per_call = steps_per_call(budget.steps_per_epoch(len(images)), images.shape[1:])
    few = images[: per_call * budget.batch_size]
    budget = dataclasses.replace(budget, epochs=_TIMED_CALLS + 1)
    began = time.perf_counter()
    marks: list[float] = []  # the first epoch traces; the time between marks does not
    clock = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: marks.append(time.perf_counter())
    )
    with keras.saving.custom_object_scope(custom_objects):
        # What it goes on from is not learnt yet; random weights take as long.
        given = kind.partition(THEN)[0] in GIVEN_INITS
        start = starts.start_of_stage(run, plan, kind, 0) if given else None
        start = start or starts.start_encoder(run, plan, 0)
        method = build_method(read_init(kind).learner, start, kind=settings.kind, seed=0)
        pretrain(method, few, budget=budget, callbacks=[clock])
    fastest = min(after - before for before, after in itertools.pairwise(marks))
    return Timing(
        seconds_per_step=fastest / budget.steps_per_epoch(len(few)),
        trace_seconds=max(0.0, marks[0] - began - fastest),
    )


def _time_supervised(run, plan, custom_objects) -> Timing:
    import keras

    def time_fit(steps: int) -> float:
        start = time.perf_counter()
        with keras.saving.custom_object_scope(custom_objects):
            worker.train_on_source(run, plan, 0, steps=steps, seed=0)
        return time.perf_counter() - start

    return _time_updates(time_fit, _TIMED_STEPS)


def _time_updates(time_fit, lengths: tuple[int, int]) -> Timing:
    """Returns what an update costs, and what a fit costs beside its updates.

    Args:
        time_fit: Returns the seconds of a fit of so many updates.
        lengths: Two numbers of updates.
    """
    short, long = lengths
    first = time_fit(short)  # traces
    fast = [min(time_fit(steps) for _ in range(_TIMED_CALLS)) for steps in (short, long)]
    step = max(0.0, fast[1] - fast[0]) / (long - short)
    return Timing(
        seconds_per_step=step,
        fit_seconds=max(0.0, fast[0] - short * step),
        trace_seconds=max(0.0, first - fast[0]),
    )


def _time_given(run, plan, data, init, custom_objects) -> Timing:
    """Times an encoder that came ready, which may be a thousand times as large as the study's."""
    import keras

    from tfzero.transfer.budget import Budget
    from tfzero.transfer.features import read_features

    with keras.saving.custom_object_scope(custom_objects):
        encoder = starts.load_encoder(run, plan, init, 0)
        few = data.test_images[:_FEW_GIVEN_IMAGES]
        read_features(encoder, few)  # traces
        start = time.perf_counter()
        read_features(encoder, few)
        seconds_per_image = (time.perf_counter() - start) / len(few)
    trained = [arm for arm in plan.network_arms() if init_of(arm) == init]
    trained = [arm for arm in trained if not STRATEGIES[arm.partition("/")[2]].reads_features]
    if not trained:
        return Timing(seconds_per_image=seconds_per_image)
    settings = timed_settings(plan)
    cell = CellSpec(arm=f"{init}/finetune", num_labels=max(plan.label_counts), replicate=0)
    few = slice(0, settings.batch_size)

    def time_fit(steps: int) -> float:
        budget = Budget(**{**settings.model_dump(), "steps": steps})
        start = time.perf_counter()
        worker.fit_arm(run, plan, cell, data.train_images[few], data.train_labels[few],
                       custom_objects, budget=budget, encoder=encoder)  # fmt: skip
        return time.perf_counter() - start

    timing = _time_updates(time_fit, _GIVEN_STEPS)
    return timing._replace(seconds_per_image=seconds_per_image)


def _time_kmeans(settings, images) -> Timing:
    """Times a tenth of the patches; an "update" is the whole fit."""
    from tfzero.networks.kmeans import PATCHES_A_CENTROID, fit_kmeans

    start = time.perf_counter()
    fit_kmeans(
        images,
        **settings.model_dump(),
        patches_per_centroid=PATCHES_A_CENTROID // 10,
    )
    return Timing(seconds_per_step=10 * (time.perf_counter() - start))


def _time_network(run, plan, data, custom_objects) -> Timing:
    from tfzero.transfer.budget import Budget

    settings = timed_settings(plan)
    cell = CellSpec(arm=SCRATCH, num_labels=max(plan.label_counts), replicate=0)
    larger = plan.transfer[plan.data.num_train]

    def time_fit(steps: int, settings=settings):
        budget = Budget(**{**settings.model_dump(), "steps": steps})
        few = slice(0, settings.batch_size)
        images, labels = data.train_images[few], data.train_labels[few]
        start = time.perf_counter()
        fitted = worker.fit_arm(run, plan, cell, images, labels, custom_objects, budget=budget)
        return time.perf_counter() - start, fitted

    timing = _time_updates(lambda steps: time_fit(steps)[0], _TIMED_STEPS)
    short, long = _TIMED_STEPS
    large_step, fitted = timing.seconds_per_step, time_fit(short)[1]
    if larger.batch_size != settings.batch_size:
        time_fit(short, larger)  # another batch may be another graph
        large_step = max(0.0, time_fit(long, larger)[0] - timing.fit_seconds) / long
    return timing._replace(
        seconds_per_large_step=large_step, seconds_per_image=_time_predicting(fitted, data)
    )


def _time_classical(run, plan, data, arm, custom_objects) -> Timing:
    """Times whole fits on few labels and on more; what lies beyond is extrapolated."""
    fits, fitted = [], None
    # The encoder is not pretrained yet; one of random weights takes as long. What one that came
    # ready takes is timed apart; pixels stand for its features here.
    given = init_of(arm) in GIVEN_INITS
    no_encoder = given or spreads_by_pixels(arm)
    stand_in = None if no_encoder else starts.stand_in_encoder(run, plan, init_of(arm))
    arm = f"{PIXELS}/{arm.partition('/')[2]}" if given else arm
    # No fewer than one label a class.
    most = max(min(_MOST_TIMED_LABELS, max(plan.label_counts)), len(plan.data.class_names))
    settings = timed_settings(plan)
    strategy = STRATEGIES[arm.partition("/")[2]]
    if strategy.reads_graph or strategy.spreads:
        chosen = starts.choose_labelled(run, plan, max(plan.label_counts))
        labels = data.train_labels[chosen]
        graph_seconds, spreading = time_graph(stand_in, data, labels)
        return Timing(seconds_per_step=graph_seconds, fits=((len(labels), spreading),))
    for count in sorted({min(most, max(most // 4, min(plan.label_counts))), most}):
        cell = CellSpec(arm=arm, num_labels=count, replicate=0)
        chosen = starts.choose_labelled(run, plan, count)
        start = time.perf_counter()
        fitted = worker.fit_arm(
            run, plan, cell, data.train_images[chosen], data.train_labels[chosen], custom_objects,
            groups=worker.groups_of(data, chosen),
            encoder=stand_in,
            budget=dataclasses.replace(default_budget(count), class_weights=settings.class_weights),
        )  # fmt: skip
        fits.append((count, time.perf_counter() - start))
    assert fitted is not None
    few = data.test_images[:_FEW_TIMED_IMAGES]
    start = time.perf_counter()
    fitted.predict(few)
    return Timing(fits=tuple(fits), seconds_per_image=(time.perf_counter() - start) / len(few))


def _time_predicting(fitted, data) -> float:
    few = data.test_images[:_MOST_TIMED_IMAGES]
    fitted.predict(few)  # traces
    start = time.perf_counter()
    fitted.predict(few)
    return (time.perf_counter() - start) / len(few)
