"""From what is asked for to a plan, every default resolved."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from tfzero._checks import InputError, require_choice
from tfzero.data import ImageData
from tfzero.data.kinds import KINDS, default_kind
from tfzero.pretrain import METHODS
from tfzero.pretrain.budget import default_budget as default_pretraining
from tfzero.study.plan import (
    DEFAULT_ARMS,
    KMEANS,
    DataSummary,
    KMeansPlan,
    PretrainingPlan,
    StudyPlan,
    TransferPlan,
    current_versions,
    default_label_counts,
    parse_arms,
    parse_label_counts,
    transfer_family,
)
from tfzero.transfer.budget import default_budget as default_transfer

if TYPE_CHECKING:
    import keras

DEFAULT_MARGIN = 1.0


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
    encoder: keras.Model | None = None,
) -> StudyPlan:
    """Returns the plan of a study, every default resolved.

    Args:
        data: The images.
        arms: As INIT/STRATEGY; None takes the default seven.
        label_counts: Numbers or "all"; None takes 2, 5 and 20 a class.
        seeds: Replicates.
        epochs: Pretraining passes over the pool; None chooses by its size.
        encoders: Encoders a method, shared by the replicates; None pretrains one each.
        margin: Smallest difference worth having, in points of accuracy.
        minutes: What the study may take; `fit_minutes` makes the plan keep to it.
        class_weights: Whether rare classes weigh as much as frequent ones, in every arm.
        kind: The kind of data, one of `tfzero.data.kinds.KINDS`; None chooses by channels.
        encoder: An own architecture; its weights are drawn anew for every replicate.

    Raises:
        InputError: If something asked for cannot be done with this data.
    """
    arms = parse_arms(DEFAULT_ARMS if arms is None else arms)
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
    inits = dict.fromkeys(arm.partition("/")[0] for arm in arms)
    pretraining = {
        name: plan_pretraining(name, data, epochs=epochs, kind=kind)
        for name in (*METHODS, KMEANS)
        if name in inits
    }
    num_epochs = default_pretraining(len(data.pool), epochs=epochs).epochs
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
        arms=arms,
        label_counts=counts,
        seeds=seeds,
        looks=(seeds,),
        # As many encoders as replicates are one each, and stay so when seeds are added.
        encoders=encoders if encoders is not None and encoders < seeds else None,
        family=transfer_family(arms, counts),
        margin=margin,
        minutes=minutes,
        pretraining=pretraining,
        transfer={n: TransferPlan.from_budget(budget) for n, budget in transfer.items()},
        extra_steps={
            n: _steps_bought(len(data.pool), num_epochs, budget.batch_size, inits)
            for n, budget in transfer.items()
        },
        encoder=None if encoder is None else _identify_encoder(encoder, data.image_shape),
        versions=current_versions(),
    )


def plan_pretraining(
    name: str, data: ImageData, *, epochs: int | None, kind: str
) -> PretrainingPlan | KMeansPlan:
    """Returns how a method, or k-means, learns from the pool.

    Args:
        name: A key of `METHODS`, or "kmeans".
        data: The images.
        epochs: Passes over the pool; None chooses by its size.
        kind: The kind of data.
    """
    if name == KMEANS:
        small = min(data.image_shape[:2]) < 16
        return KMeansPlan(num_centroids=100 if small else 400, patch_size=4 if small else 6)
    method = METHODS[name]
    budget = method.budget(len(data.pool), epochs=epochs)
    return PretrainingPlan(**dataclasses.asdict(budget), kind=kind if method.takes_kind else None)


def _steps_bought(num_pool: int, epochs: int, batch_size: int, inits: Iterable[str]) -> int:
    """Returns the updates of a classifier that the dearest pretraining of a study costs.

    Counted in images by the methods' measured costs, not timed: a plan must not depend on how
    busy the machine was.
    """
    costs = [method.relative_cost for name, method in METHODS.items() if name in inits]
    costs = costs or [method.relative_cost for method in METHODS.values()]
    return round(max(costs) * epochs * num_pool / batch_size)


def _identify_encoder(encoder, image_shape) -> str:
    takes, gives = encoder.input_shape, encoder.output_shape
    if tuple(takes[1:]) != tuple(image_shape) or len(gives) != 2:
        raise InputError(
            f"The encoder maps {takes} to {gives}; expected {(None, *image_shape)} to (None, D). "
            "Build it for these images, and end it in pooling or Flatten."
        )
    text = json.dumps(encoder.get_config(), sort_keys=True, default=str)
    return f"{encoder.name}-{hashlib.blake2b(text.encode(), digest_size=5).hexdigest()}"
