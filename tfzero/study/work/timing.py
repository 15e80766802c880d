"""A few steps of each kind of work, timed on this machine before a study."""

from __future__ import annotations

import dataclasses
import time
from typing import TYPE_CHECKING

from tfzero.common.arm import Arm
from tfzero.common.seeds import derive_seed
from tfzero.data import ImageData
from tfzero.study.inits import parse_init, read_init, read_learner
from tfzero.study.inits.timing import Timing, time_updates
from tfzero.study.planning.plan import TransferPlan
from tfzero.study.work.estimate import NETWORK, reads_no_encoder, timed_settings
from tfzero.study.work.graphs import time_graph
from tfzero.study.work.process import in_study
from tfzero.study.workspace import Workspace
from tfzero.transfer import STRATEGIES, fit_classifier
from tfzero.transfer.budget import Budget, default_budget

if TYPE_CHECKING:
    from tfzero.transfer.contract import Fitted

# Two lengths of a fit tell what an update costs from what a fit costs.
_TIMED_STEPS = (20, 60)
_MOST_TIMED_IMAGES, _MOST_TIMED_LABELS = 1000, 1000
# Of what has no graph to trace, and may take long for an image.
_FEW_TIMED_IMAGES = 200
# Of an encoder that came ready: large networks see few images in a second.
_FEW_GIVEN_IMAGES, _GIVEN_STEPS = 16, (1, 3)


@in_study
def time_kind(workspace: Workspace, kind: str) -> tuple[str, Timing]:
    """Returns (kind, timing), timed in this process after its graph was traced.

    The traced graphs stay, so that the study's own jobs in this process need not trace them.

    Args:
        workspace: The study.
        kind: One of `timed_kinds`.
    """
    if kind in workspace.plan.pretraining:
        return kind, read_learner(kind).time(workspace)
    if kind == NETWORK:
        return kind, _time_network(workspace)
    if parse_init(kind) is not None:
        return kind, _time_given(workspace, kind)
    return kind, _time_arm(workspace, Arm.parse(kind))


def _fit_first(
    workspace: Workspace, settings: TransferPlan, steps: int, encoder
) -> tuple[float, Fitted]:
    """Fine-tunes on the first batch of images; returns the seconds, and what was fitted."""
    data, few = workspace.data, slice(0, settings.batch_size)
    budget = Budget(**{**settings.model_dump(), "steps": steps})
    start = time.perf_counter()
    fitted = fit_classifier(
        "finetune",
        encoder=encoder,
        images=data.train_images[few],
        labels=data.train_labels[few],
        num_classes=data.num_classes,
        budget=budget,
        seed=derive_seed(0, "transfer"),
    )
    return time.perf_counter() - start, fitted


def _time_given(workspace: Workspace, word: str) -> Timing:
    """Times an encoder that came ready, which may be a thousand times as large as the study's."""
    from tfzero.transfer.features import read_features

    plan = workspace.plan
    encoder = workspace.load_encoder(word, 0)
    few = workspace.data.test_images[:_FEW_GIVEN_IMAGES]
    read_features(encoder, few)  # traces
    start = time.perf_counter()
    read_features(encoder, few)
    seconds_per_image = (time.perf_counter() - start) / len(few)
    arms = [arm for arm in plan.network_arms() if arm.init == word]
    if all(STRATEGIES[arm.strategy].reads_features for arm in arms):
        return Timing(seconds_per_image=seconds_per_image)
    settings = timed_settings(plan)
    timing = time_updates(
        lambda steps: _fit_first(workspace, settings, steps, encoder)[0], _GIVEN_STEPS
    )
    return timing._replace(seconds_per_image=seconds_per_image)


def _time_network(workspace: Workspace) -> Timing:
    plan = workspace.plan
    settings, larger = timed_settings(plan), plan.transfer[plan.data.num_train]

    def time_fit(steps: int, settings: TransferPlan = settings) -> tuple[float, Fitted]:
        start = time.perf_counter()
        encoder = workspace.random_encoder(0)
        building = time.perf_counter() - start
        seconds, fitted = _fit_first(workspace, settings, steps, encoder)
        return building + seconds, fitted

    timing = time_updates(lambda steps: time_fit(steps)[0], _TIMED_STEPS)
    short, long = _TIMED_STEPS
    large_step, fitted = timing.seconds_per_step, time_fit(short)[1]
    if larger.batch_size != settings.batch_size:
        time_fit(short, larger)  # another batch may be another graph
        large_step = max(0.0, time_fit(long, larger)[0] - timing.fit_seconds) / long
    return timing._replace(
        seconds_per_large_step=large_step,
        seconds_per_image=_time_predicting(fitted, workspace.data),
    )


def _time_arm(workspace: Workspace, arm: Arm) -> Timing:
    """Times whole fits on few labels and on more; what lies beyond is extrapolated."""
    plan, data = workspace.plan, workspace.data
    init, strategy = read_init(arm.init), STRATEGIES[arm.strategy]
    # The encoder is not pretrained yet; one of random weights takes as long. What one that came
    # ready takes is timed apart; pixels stand for its features here.
    encoder = None if init.is_given or reads_no_encoder(arm) else init.stand_in(workspace)
    subsets = workspace.subsets(0)
    if strategy.reads_graph or strategy.spreads:
        labels = data.train_labels[subsets[max(plan.label_counts)]]
        graph_seconds, spreading = time_graph(encoder, data, labels)
        return Timing(seconds_per_step=graph_seconds, fits=((len(labels), spreading),))
    # No fewer than one label per class.
    most = max(min(_MOST_TIMED_LABELS, max(plan.label_counts)), len(plan.data.class_names))
    class_weights = timed_settings(plan).class_weights
    fits, fitted = [], None
    for count in sorted({min(most, max(most // 4, min(plan.label_counts))), most}):
        rows = workspace.subsets(0, count)[count]
        start = time.perf_counter()
        fitted = fit_classifier(
            arm.strategy,
            encoder=encoder,
            images=data.train_images[rows],
            labels=data.train_labels[rows],
            groups=data.groups_of(rows),
            num_classes=data.num_classes,
            budget=dataclasses.replace(default_budget(count), class_weights=class_weights),
            seed=derive_seed(0, "transfer"),
        )
        fits.append((count, time.perf_counter() - start))
    assert fitted is not None
    few = data.test_images[:_FEW_TIMED_IMAGES]
    start = time.perf_counter()
    fitted.predict(few)
    return Timing(fits=tuple(fits), seconds_per_image=(time.perf_counter() - start) / len(few))


def _time_predicting(fitted: Fitted, data: ImageData) -> float:
    few = data.test_images[:_MOST_TIMED_IMAGES]
    fitted.predict(few)  # traces
    start = time.perf_counter()
    fitted.predict(few)
    return (time.perf_counter() - start) / len(few)
