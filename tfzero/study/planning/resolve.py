"""From what is asked for to a plan, every default resolved."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from tfzero.common.arm import Arm
from tfzero.common.checks import InputError
from tfzero.common.surroundings import PRECISIONS
from tfzero.data import ImageData
from tfzero.data.kinds import KINDS, default_kind
from tfzero.pretrain import METHODS, list_self_taught
from tfzero.study.inits import read_init, read_learner
from tfzero.study.inits.base import Bought, Init
from tfzero.study.inits.context import Counts, Occasion
from tfzero.study.inits.kmeans import KMeans
from tfzero.study.planning.arms import (
    Foreign,
    choose_arms,
    require_generators,
)
from tfzero.study.planning.families import control_of
from tfzero.study.planning.label_counts import default_label_counts, parse_label_counts
from tfzero.study.planning.looks import choose_looks
from tfzero.study.planning.parts import DataSummary, GivenEncoder, SourceSummary, TransferPlan
from tfzero.study.planning.plan import SCHEMA, StudyPlan
from tfzero.study.planning.request import AUTO, BUILT_IN_MINUTES, DEFAULT_MINUTES, Request
from tfzero.study.planning.versions import current_versions
from tfzero.transfer.budget import default_budget

if TYPE_CHECKING:
    import keras

    from tfzero.data.source_task import SourceTask

# The source of the digits that come with scikit-learn.
BUILT_IN = "digits"
# Below this many pixels a side an update costs about the same whatever its batch: on digits a GAN's
# of 64 images 3.0 times a classifier's of 32.
_SMALL_SIDE = 16


def make_plan(
    data: ImageData,
    request: Request,
    *,
    encoder: keras.Model | None = None,
    source: SourceTask | None = None,
    given: GivenEncoder | None = None,
) -> StudyPlan:
    """Returns the plan of a study of these images; otherwise as `plan_summary`."""
    return plan_summary(
        summarize_data(data),
        request,
        name=data.name,
        encoder=encoder,
        source=source,
        given=given,
    )


def plan_summary(
    data: DataSummary,
    request: Request,
    *,
    name: str,
    encoder: keras.Model | None = None,
    source: SourceTask | None = None,
    given: GivenEncoder | None = None,
) -> StudyPlan:
    """Returns the plan of a study, every default resolved.

    Args:
        data: What there is.
        request: What is asked for.
        name: Of the study.
        encoder: An own architecture; its weights are drawn anew for every replicate.
        source: Another data set that encoders may learn from first.
        given: An encoder that comes ready.

    Raises:
        InputError: If something asked for cannot be done with this data.
    """
    request.require_possible()
    kind = request.kind or data.told_kind or default_kind(data.image_shape[-1])
    arms = choose_arms(
        request.arms,
        foreign=_describe(source, given),
        then=request.then,
        unlabeled_from=request.unlabeled_from,
        has_orientation=KINDS[kind].has_orientation,
    )
    label_counts = _resolve_counts(request, data)
    require_generators(arms, request.unlabeled_from)
    occasion = Occasion(data.num_pool, data.image_shape, source, request.epochs, kind)
    stages = _in_order(stage for arm in arms for stage in read_init(arm.init).stages())
    pretraining = {stage: read_learner(stage).plan(occasion) for stage in stages}
    # Where nothing is pretrained, scratch-long trains for what it might have cost.
    dearest = {name: read_learner(name).plan(occasion) for name in list_self_taught()}
    # The last is for the network that is exported, trained on all labels.
    transfer = {
        count: dataclasses.replace(
            default_budget(count), class_weights=request.class_weights, kind=kind
        )
        for count in sorted({*label_counts, data.num_train})
    }
    counts = _count_images(data, source)
    bought = {n: _bought(data.image_shape, budget.batch_size) for n, budget in transfer.items()}
    encoders, seeds = request.encoders, request.seeds
    return StudyPlan(
        schema=SCHEMA,
        name=name,
        data=data,
        source=None if source is None else summarize_source(source),
        given=given,
        arms=arms,
        label_counts=label_counts,
        looks=choose_looks(seeds, early_stop=request.early_stop),
        # As many encoders as replicates are one each, and stay so when seeds are added.
        encoders=encoders if encoders is not None and encoders < seeds else None,
        margin=request.margin,
        metric=request.metric,
        minutes=_choose_minutes(request, data),
        pretraining=pretraining,
        transfer={n: TransferPlan.from_budget(budget) for n, budget in transfer.items()},
        extra_steps={
            n: steps_bought(pretraining, counts, each) or steps_bought(dearest, counts, each)
            for n, each in bought.items()
        },
        encoder=None if encoder is None else _identify_encoder(encoder, data.image_shape),
        device=request.device,
        precision=choose_precision(request, encoder),
        unlabeled_from=request.unlabeled_from,
        outside=request.outside,
        versions=current_versions(),
    )


def resize_plan(
    plan: StudyPlan,
    *,
    arms: tuple[Arm, ...],
    label_counts: tuple[int, ...],
    seeds: int,
    pretraining: Mapping[str, Any] | None = None,
) -> StudyPlan:
    """Returns a plan with fewer arms, label counts or seeds, and what follows from them.

    Args:
        plan: The whole.
        arms: Some of its arms.
        label_counts: Some of its label counts.
        seeds: The most replicates.
        pretraining: Settings that replace the plan's, by init that learns; None keeps them.
    """
    stages = {stage.word for arm in arms for stage in read_init(arm.init).stages()}
    kept = (*label_counts, plan.data.num_train)
    settings = {**plan.pretraining, **(pretraining or {})}
    pretraining = {word: settings[word] for word in plan.pretraining if word in stages}

    def buy(count: int) -> int:
        bought = _bought(plan.data.image_shape, plan.transfer[count].batch_size)
        return steps_bought(pretraining, plan.counts, bought)

    return plan.model_copy(
        update={
            "arms": arms,
            "label_counts": label_counts,
            "looks": choose_looks(seeds, early_stop=len(plan.looks) > 1),
            "encoders": None if plan.encoders is None else min(plan.encoders, seeds),
            "pretraining": pretraining,
            "transfer": {count: plan.transfer[count] for count in kept},
            # Without the dearest pretraining, its rival from scratch trains for less.
            "extra_steps": {count: buy(count) or plan.extra_steps[count] for count in kept},
        }
    )


def add_to_plan(
    plan: StudyPlan, wider: StudyPlan, asked: Iterable[str], *, looked: bool
) -> StudyPlan:
    """Returns a study's plan with arms and the label counts of a wider one added.

    What is there already stays as it is, with all its records.

    Args:
        plan: The study's.
        wider: The same, asked for with more arms or label counts.
        asked: The arms to be added; the controls that they need come with them.
        looked: Whether a look was taken: what is added then is exploratory at first.
    """
    wanted = {arm for arm in wider.arms if arm in set(asked)}
    wanted |= {control for arm in wanted if (control := control_of(arm)) is not None}
    arms = tuple(arm for arm in wider.arms if arm in wanted and arm not in plan.arms)
    counts = tuple(count for count in wider.label_counts if count not in plan.label_counts)
    stages = {stage.word for arm in arms for stage in read_init(arm.init).stages()}
    added = {word: each for word, each in wider.pretraining.items() if word in stages}
    now = len(plan.extensions)
    return plan.model_copy(
        update={
            "arms": (*plan.arms, *arms),
            "label_counts": tuple(sorted((*plan.label_counts, *counts))),
            "pretraining": {**added, **plan.pretraining},
            "transfer": {**wider.transfer, **plan.transfer},
            "extra_steps": {**wider.extra_steps, **plan.extra_steps},
            "dropped": tuple(d for d in plan.dropped if d not in [f"arm {arm}" for arm in arms]),
            "added_arms": {**plan.added_arms, **(dict.fromkeys(arms, now) if looked else {})},
            "added_counts": {**plan.added_counts, **(dict.fromkeys(counts, now) if looked else {})},
        }
    )


def _describe(source: SourceTask | None, given: GivenEncoder | None) -> Foreign:
    return Foreign(
        source=source is not None,
        labelled=source is not None and len(source.labels) > 0,
        given=None if given is None else given.init,
    )


def _choose_minutes(request: Request, data: DataSummary) -> float | None:
    if request.minutes != AUTO:
        return request.minutes
    return BUILT_IN_MINUTES if data.source == BUILT_IN else DEFAULT_MINUTES


def _resolve_counts(request: Request, data: DataSummary) -> tuple[int, ...]:
    most, num_classes = data.most_labels, len(data.class_names)
    if request.label_counts is None:
        return default_label_counts(most, num_classes)
    return parse_label_counts(request.label_counts, most=most, num_classes=num_classes)


def _count_images(data: DataSummary, source: SourceTask | None) -> Counts:
    if source is None:
        return Counts(data.num_pool)
    return Counts(data.num_pool, len(source.images), len(source.labels))


def summarize_data(data: ImageData) -> DataSummary:
    """Returns what a plan holds of the data."""
    return DataSummary(
        source=data.source,
        fingerprint=data.fingerprint,
        image_shape=data.image_shape,
        class_names=data.class_names,
        num_pool=len(data.pool),
        num_train=len(data.train_images),
        num_test=len(data.test_images),
        notes=data.notes,
        resize=data.resize,
        pixel_range=data.pixel_range,
        sound=data.sound,
        transductive=data.transductive,
        balanced=data.balanced,
        num_folds=data.num_folds,
    )


def summarize_source(source: SourceTask) -> SourceSummary:
    """Returns what a plan holds of a source."""
    return SourceSummary(
        name=source.name,
        source=source.source,
        fingerprint=source.fingerprint,
        num_images=len(source.images),
        num_labelled=len(source.labels),
        class_names=source.class_names,
        notes=source.notes,
    )


def _in_order(stages: Iterable[Init]) -> list[str]:
    """Returns each word once: methods and k-means as the table has them, then the others."""
    own = (*METHODS, KMeans.word)
    asked = dict.fromkeys(stage.word for stage in stages)
    return [*(name for name in own if name in asked), *(s for s in asked if s not in own)]


def _bought(image_shape: tuple[int, int, int], batch_size: int) -> Bought:
    return Bought(batch_size, small=min(image_shape[:2]) < _SMALL_SIDE)


def steps_bought(pretraining: Mapping[str, Any], counts: Counts, bought: Bought) -> int:
    """Returns the updates of a classifier that the dearest of some pretrainings costs.

    Counted by the methods' measured costs, not timed: a plan must not depend on how busy the
    machine was.

    Args:
        pretraining: Settings by init that learns; of a chain, those of its start too.
        counts: How many images there are.
        bought: Of the classifier's updates.
    """

    def cost_of(word: str) -> float:
        stages = [stage.word for stage in read_init(word).stages()]
        each = (
            read_learner(stage).updates_bought(pretraining[stage], counts, bought)
            for stage in stages
        )
        return sum(each)

    return round(max((cost_of(word) for word in pretraining), default=0.0))


def choose_precision(request: Request, encoder: keras.Model | None) -> str | None:
    """Returns what a study's networks compute in; None for float32.

    Raises:
        InputError: If there is no such precision, or an own encoder computes in another.
    """
    request.require_possible()
    chosen = request.precision
    if encoder is not None:
        from tfzero.networks import precision  # Keras is slow to import

        chosen = chosen or precision.require_precision(encoder)
        precision.require_same_precision(encoder, chosen, what="`encoder`")
    return None if chosen == PRECISIONS[0] else chosen


def _identify_encoder(encoder, image_shape) -> str:
    takes, gives = encoder.input_shape, encoder.output_shape
    if tuple(takes[1:]) != tuple(image_shape) or len(gives) != 2:
        raise InputError(
            f"The encoder maps {takes} to {gives}; expected {(None, *image_shape)} to (None, "
            "D). Build it for these images, and end it with pooling or Flatten."
        )
    from tfzero.networks.statistics import has_statistics  # Keras is slow to import

    text = json.dumps(encoder.get_config(), sort_keys=True, default=str)
    # Networks with batch normalization start otherwise than they did before it was settled.
    settled = "-settled" if has_statistics(encoder) else ""
    return f"{encoder.name}-{hashlib.blake2b(text.encode(), digest_size=5).hexdigest()}{settled}"
