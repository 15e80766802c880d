"""From what is asked for to a plan, every default resolved."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tfzero.common.checks import InputError, require_choice
from tfzero.data import ImageData
from tfzero.data.kinds import KINDS, default_kind
from tfzero.pretrain import METHODS
from tfzero.pretrain.budget import default_budget as default_pretraining
from tfzero.study.planning.arms import (
    Foreign,
    choose_arms,
    init_of,
    list_rivals,
    require_generators,
    transfer_family,
)
from tfzero.study.planning.inits import KMEANS, SUPERVISED, list_stages, read_init
from tfzero.study.planning.label_counts import default_label_counts, parse_label_counts
from tfzero.study.planning.plan import (
    DataSummary,
    GivenEncoder,
    KMeansPlan,
    PretrainingPlan,
    SourceSummary,
    StudyPlan,
    SupervisedPlan,
    TransferPlan,
)
from tfzero.study.planning.versions import current_versions
from tfzero.transfer.budget import default_budget as default_transfer

if TYPE_CHECKING:
    import keras

    from tfzero.data.source_task import SourceTask

DEFAULT_MARGIN = 1.0
# Below this many pixels a side an update costs about the same whatever its batch: on digits a GAN's
# of 64 images 3.0 times a classifier's of 32.
_SMALL_SIDE = 16


def make_plan(
    data: ImageData,
    *,
    arms: Sequence[str] | None = None,
    label_counts: Sequence[int | str] | None = None,
    seeds: int = 10,
    epochs: int | None = None,
    encoders: int | None = None,
    margin: float = DEFAULT_MARGIN,
    minutes: float | None = None,
    class_weights: bool = False,
    kind: str | None = None,
    unlabeled_from: str = "pool",
    encoder: keras.Model | None = None,
    source: SourceTask | None = None,
    given: GivenEncoder | None = None,
    then: str | None = None,
) -> StudyPlan:
    """Returns the plan of a study, every default resolved.

    Args:
        data: The images.
        arms: As INIT/STRATEGY; None takes `DEFAULT_ARMS`, and those of a source.
        label_counts: Numbers or "all"; None takes 2, 5 and 20 a class.
        seeds: Replicates.
        epochs: Pretraining passes over the pool; None chooses by its size.
        encoders: Encoders a method, shared by the replicates; None pretrains one each.
        margin: Smallest difference worth having, in points of accuracy.
        minutes: What the study may take; `fit_minutes` makes the plan keep to it.
        class_weights: Whether rare classes weigh as much as frequent ones, in every arm.
        kind: The kind of data, one of `tfzero.data.kinds.KINDS`; None chooses by channels.
        unlabeled_from: Where networks' unlabeled images come from: "pool", "generated" (by the
            arm's own GAN or VAE) or "both".
        encoder: An own architecture; its weights are drawn anew for every replicate.
        source: Another data set that encoders may learn from first.
        given: An encoder that comes ready.
        then: Method that goes on, on the target's own pool, from what the source gives.

    Raises:
        InputError: If something asked for cannot be done with this data.
    """
    foreign = Foreign(
        source=source is not None,
        labelled=source is not None and len(source.labels) > 0,
        given=None if given is None else given.init,
    )
    arms = choose_arms(arms, foreign=foreign, then=then)
    num_train, num_classes = len(data.train_images), data.num_classes
    counts = (
        default_label_counts(num_train, num_classes)
        if label_counts is None
        else parse_label_counts(label_counts, num_train=num_train, num_classes=num_classes)
    )
    for name, value in (("seeds", seeds), ("epochs", epochs), ("encoders", encoders)):
        if value is not None and value < 1:
            raise InputError(f"{name} is {value}; expected at least 1.")
    if not 0 < margin < 100:
        raise InputError(f"margin is {margin:g}; expected points of accuracy between 0 and 100.")
    if minutes is not None and not minutes > 0:
        raise InputError(f"minutes are {minutes:g}; expected a positive number.")
    kind = kind or data.told_kind or default_kind(data.image_shape[-1])
    require_choice(kind, KINDS, what="kind of data")
    require_generators(arms, unlabeled_from)
    inits = dict.fromkeys(init_of(arm) for arm in arms)
    pretraining = {
        stage: plan_pretraining(stage, data, source, epochs=epochs, kind=kind)
        for stage in _in_order(stage for init in inits for stage in list_stages(init))
    }

    def count_images(stage: str) -> int:
        init = read_init(stage)
        if not init.reads_source:
            return len(data.pool)
        assert source is not None
        return len(source.labels if init.learner == SUPERVISED else source.images)

    learns = any(not isinstance(settings, KMeansPlan) for settings in pretraining.values())
    # Where nothing is pretrained, scratch-long trains for what it might have cost.
    dearest = {
        name: plan_pretraining(name, data, source, epochs=epochs, kind=kind) for name in METHODS
    }
    # The last is for the network that is exported, trained on all labels.
    transfer = {
        count: dataclasses.replace(default_transfer(count), class_weights=class_weights, kind=kind)
        for count in sorted({*counts, num_train})
    }
    return StudyPlan(
        schema=1,
        name=data.name,
        data=DataSummary(
            source=data.source,
            fingerprint=data.fingerprint,
            image_shape=data.image_shape,
            class_names=data.class_names,
            num_pool=len(data.pool),
            num_train=num_train,
            num_test=len(data.test_images),
            notes=data.notes,
            resize=data.resize,
            sound=data.sound,
            transductive=data.transductive,
            balanced=data.balanced,
        ),
        source=None if source is None else summarize_source(source),
        given=given,
        arms=arms,
        label_counts=counts,
        seeds=seeds,
        looks=(seeds,),
        # As many encoders as replicates are one each, and stay so when seeds are added.
        encoders=encoders if encoders is not None and encoders < seeds else None,
        family=transfer_family(arms, counts),
        rivals=list_rivals(arms, counts),
        margin=margin,
        minutes=minutes,
        pretraining=pretraining,
        transfer={n: TransferPlan.from_budget(budget) for n, budget in transfer.items()},
        extra_steps={
            n: steps_bought(
                pretraining if learns else dearest,
                image_shape=data.image_shape,
                num_learnt_from=count_images,
                batch_size=budget.batch_size,
            )
            for n, budget in transfer.items()
        },
        encoder=None if encoder is None else _identify_encoder(encoder, data.image_shape),
        unlabeled_from=unlabeled_from,
        versions=current_versions(),
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


def plan_pretraining(
    stage: str, data: ImageData, source: SourceTask | None, *, epochs: int | None, kind: str
) -> PretrainingPlan | KMeansPlan | SupervisedPlan:
    """Returns how a method, k-means or a source's labels make an encoder.

    Args:
        stage: An init that learns.
        data: The target's images.
        source: The source's.
        epochs: Passes over the images; None chooses by their number.
        kind: The kind of the target's images. The source knows its own.
    """
    init = read_init(stage)
    if init.learner == KMEANS:
        small = min(data.image_shape[:2]) < 16
        return KMeansPlan(num_centroids=100 if small else 400, patch_size=4 if small else 6)
    if init.learner == SUPERVISED:
        assert source is not None
        budget = default_pretraining(len(source.labels), epochs=epochs)
        return SupervisedPlan(
            epochs=budget.epochs,
            batch_size=budget.batch_size,
            kind=source.kind,
        )
    images = data.pool
    if init.reads_source:
        assert source is not None
        images, kind = source.images, source.kind
    method = METHODS[init.learner]
    budget = method.budget(len(images), epochs=epochs)
    return PretrainingPlan(**dataclasses.asdict(budget), kind=kind if method.takes_kind else None)


def _in_order(stages: Iterable[str]) -> list[str]:
    """Returns each stage once: methods and k-means as the table has them, then the others."""
    own = (*METHODS, KMEANS)
    asked = dict.fromkeys(stages)
    return [*(name for name in own if name in asked), *(s for s in asked if s not in own)]


def steps_bought(
    pretraining: Mapping[str, Any],
    *,
    image_shape: tuple[int, int, int],
    num_learnt_from: Callable[[str], int],
    batch_size: int,
) -> int:
    """Returns the updates of a classifier that the dearest of some pretrainings costs.

    Counted by the methods' measured costs, not timed: a plan must not depend on how busy the
    machine was.

    Args:
        pretraining: Settings by init that learns.
        image_shape: Of the target.
        num_learnt_from: Returns how many images an init's last stage learns from.
        batch_size: Of the classifier's updates.
    """

    def cost_of(stage: str) -> float:
        settings = pretraining[stage]
        if isinstance(settings, KMeansPlan):
            return 0.0
        if min(image_shape[:2]) < _SMALL_SIDE:
            updates = settings.epochs * math.ceil(num_learnt_from(stage) / settings.batch_size)
        else:
            updates = settings.epochs * num_learnt_from(stage) / batch_size
        if isinstance(settings, SupervisedPlan):
            return updates
        *before, _ = list_stages(stage)
        earlier = sum(cost_of(each) for each in before)
        return earlier + METHODS[read_init(stage).learner].relative_cost * updates

    return round(max((cost_of(stage) for stage in pretraining), default=0.0))


def _identify_encoder(encoder, image_shape) -> str:
    takes, gives = encoder.input_shape, encoder.output_shape
    if tuple(takes[1:]) != tuple(image_shape) or len(gives) != 2:
        raise InputError(
            f"The encoder maps {takes} to {gives}; expected {(None, *image_shape)} to (None, D). "
            "Build it for these images, and end it in pooling or Flatten."
        )
    text = json.dumps(encoder.get_config(), sort_keys=True, default=str)
    return f"{encoder.name}-{hashlib.blake2b(text.encode(), digest_size=5).hexdigest()}"
