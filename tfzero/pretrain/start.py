"""What a pretraining was started with: who goes on from its file must have the same."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import pathlib
from typing import Any

import keras
import numpy as np

from tfzero.common.checks import InputError
from tfzero.common.files import write_json
from tfzero.common.version import KEY
from tfzero.data.dataset import hash_array
from tfzero.pretrain.base import Pretrainer
from tfzero.pretrain.budget import AUTO, PretrainingBudget
from tfzero.pretrain.checkpoints import find_wrong_weights

# Digits of a hash that a sentence shows.
_SHOWN = 12


@dataclasses.dataclass(frozen=True)
class Start:
    """What decides how a pretraining goes on and is not in its model's file.

    Attributes:
        images: Hash of the pool.
        num_images: N.
        batch_size: Images an update.
        encoder: Hash of the weights of the encoder that was given; None for random weights.
        epochs: All that will be done, where the learning rate falls to 0 with the last; "auto"
            where training ends by itself; else None.
        teacher: Hash of the weights of the network that it learns from; None where it has none.
    """

    images: str
    num_images: int
    batch_size: int
    encoder: str | None
    epochs: int | str | None
    teacher: str | None = None


def describe_start(
    images: np.ndarray,
    budget: PretrainingBudget,
    encoder: keras.Model | None,
    teacher: keras.Model | None = None,
) -> Start:
    """Returns what a pretraining that begins now starts with.

    Args:
        images: The pool.
        budget: What it may spend.
        encoder: The encoder that was given, not trained yet; None for random weights.
        teacher: The network that it learns from; None where it has none.
    """
    return Start(
        images=hash_array(images).hex(),
        num_images=len(images),
        batch_size=budget.batch_size,
        encoder=None if encoder is None else _hash_weights(encoder),
        epochs=_plan_epochs(budget),
        teacher=None if teacher is None else _hash_weights(teacher),
    )


def _plan_epochs(budget: PretrainingBudget) -> int | str | None:
    if not budget.decays:
        return None
    return AUTO if budget.until_flat else budget.epochs


def _hash_weights(model: keras.Model) -> str:
    parts = [hash_array(np.asarray(weight)) for weight in model.get_weights()]
    return hashlib.blake2b(b"".join(parts), digest_size=32).hexdigest()


def start_path(out: pathlib.Path) -> pathlib.Path:
    """Returns where the start of the pretraining in a file is kept: NAME-start.json beside it."""
    return out.with_name(f"{out.stem}-start.json")


def write_start(start: Start, out: pathlib.Path) -> None:
    """Keeps the start of a pretraining, before its file is there: no file is without it."""
    write_json(start_path(out), dataclasses.asdict(start))


def read_start(out: pathlib.Path) -> Start | None:
    """Returns the start of the pretraining in a file; None of one that is older than records."""
    try:
        kept = json.loads(start_path(out).read_text(encoding="utf-8"))
        return Start(**{name: value for name, value in kept.items() if name != KEY})
    except (OSError, ValueError, TypeError, AttributeError):
        return None


def require_same_start(kept: Start, asked: Start, out: pathlib.Path) -> None:
    """Raises unless what is asked for goes on with what a file was started with.

    Raises:
        InputError: If the images, the batches, the first encoder, the teacher or the planned
            epochs differ.
    """
    if kept.images != asked.images:
        raise InputError(
            f"{out} was pretrained on {kept.num_images:,} images with fingerprint "
            f"{kept.images[:_SHOWN]}, but the data has {asked.num_images:,} with fingerprint "
            f"{asked.images[:_SHOWN]}. Choose another `out`. A new pretraining can start "
            f"from its encoder: `encoder={str(out)!r}`."
        )
    if kept.batch_size != asked.batch_size:
        raise InputError(
            f"{out} was pretrained in batches of {kept.batch_size}, but the batches now have "
            f"{asked.batch_size}. Choose another `out`."
        )
    if kept.encoder != asked.encoder:
        raise InputError(
            f"{out} was started from {_name_encoder(kept.encoder)}, not from "
            f"{_name_encoder(asked.encoder)}. Name the same encoder with `encoder`, or "
            "choose another `out`."
        )
    if kept.teacher != asked.teacher:
        kept_teacher, other = ((start.teacher or "none")[:_SHOWN] for start in (kept, asked))
        raise InputError(
            f"{out} learned from a teacher with fingerprint {kept_teacher}, not {other}. Name the "
            "same teacher with `teacher`, or choose another `out`."
        )
    if kept.epochs != asked.epochs:
        planned = (
            "as many epochs as its loss falls"
            if kept.epochs == AUTO
            else f"{kept.epochs} epochs, over which its learning rate falls to 0"
        )
        raise InputError(
            f"{out} is planned for {planned}, not for {asked.epochs}. Give "
            f"`epochs={kept.epochs}`, or choose another `out`. A new pretraining can start "
            f"from its encoder: `encoder={str(out)!r}`."
        )


def _name_encoder(fingerprint: str | None) -> str:
    if fingerprint is None:
        return "random weights"
    return f"an encoder with fingerprint {fingerprint[:_SHOWN]}"


def require_same_method(model, fresh: Pretrainer, out: pathlib.Path) -> None:
    """Raises unless the model in a file is what would be pretrained, further on.

    Raises:
        InputError: If it is of another class, seed, image shape or argument, or its weights are
            not finite.
    """
    if not isinstance(model, type(fresh)) or model.seed != fresh.seed:
        arrived = f"{type(model).__name__} with seed {getattr(model, 'seed', None)}"
        expected = f"{type(fresh).__name__} with seed {fresh.seed}"
        raise InputError(f"{out} holds {arrived}, not {expected}; choose another `out`.")
    arrived, expected = model.encoder.input_shape[1:], fresh.encoder.input_shape[1:]
    if arrived != expected:
        raise InputError(
            f"{out} takes images of {arrived}, but the data has {expected}; choose another `out`."
        )
    arrived, expected = list_arguments(model), list_arguments(fresh)
    for name, value in expected.items():
        if arrived[name] != value:
            raise InputError(
                f"{out} was pretrained with {name} {arrived[name]}, not {value}; choose another "
                "`out`."
            )
    if wrong := find_wrong_weights(model):
        raise InputError(
            f"In {out} {wrong}; expected finite numbers. Training diverged there: choose another "
            "`out`."
        )


def require_same_architecture(model: Pretrainer, fresh: Pretrainer, out: pathlib.Path) -> None:
    """Raises unless the encoder in a file is built as the one that would be pretrained.

    Raises:
        InputError: If its weights have other shapes, or it computes in another precision.
    """
    kept, asked = model.precision, fresh.precision
    if kept != asked:
        raise InputError(
            f"{out} was pretrained in {kept}, not in {asked}. Give `precision={kept}`, or choose "
            "another `out`."
        )
    if _list_shapes(model.encoder) != _list_shapes(fresh.encoder):
        raise InputError(
            f"{out} holds an encoder of another architecture. Name the same `encoder` as when "
            "the file was started, or choose another `out`."
        )


def _list_shapes(model: keras.Model) -> list[Any]:
    """Returns the shapes of all weights, and of what each layer makes of an image."""
    made = [getattr(getattr(layer, "output", None), "shape", None) for layer in model.layers]
    return [[tuple(weight.shape) for weight in model.weights], made]


def list_arguments(method: Pretrainer) -> dict:
    """Returns a method's own arguments by name, as a file keeps them: no network, no seed."""
    config = {
        name: value
        for name, value in method.get_config().items()
        if name not in (*method.networks, "seed")
    }
    return json.loads(json.dumps(config))  # tuples become lists, as in a file
