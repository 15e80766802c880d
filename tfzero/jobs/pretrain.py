"""`tfzero pretrain`: an encoder, pretrained by a method or on labels, in a file."""

from __future__ import annotations

import functools
import pathlib
import time
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import keras
import numpy as np
from rich.console import Console

from tfzero.common.checks import InputError, StopError
from tfzero.common.console import print_plain
from tfzero.common.files import write_keras
from tfzero.common.numbers import write_number
from tfzero.common.surroundings import own_settings
from tfzero.data import ImageData
from tfzero.jobs.encoder import EncoderStart
from tfzero.jobs.load import load_model, require_keras_file
from tfzero.jobs.watch import Watch, make_watchers
from tfzero.networks.copies import has_noise
from tfzero.networks.frozen import describe_frozen
from tfzero.networks.reading import read_network
from tfzero.pretrain import METHODS, build_method, find_method, require_teacher
from tfzero.pretrain.arguments import change_arguments
from tfzero.pretrain.base import Pretrainer
from tfzero.pretrain.budget import AUTO, PretrainingBudget
from tfzero.pretrain.budget import default_budget as default_pretraining
from tfzero.pretrain.checkpoints import Checkpoints
from tfzero.pretrain.plateau import find_end, require_one_loss
from tfzero.pretrain.run import pretrain
from tfzero.pretrain.start import (
    Start,
    describe_start,
    read_start,
    require_same_architecture,
    require_same_method,
    require_same_start,
    write_start,
)
from tfzero.transfer import fit_classifier
from tfzero.transfer.budget import Budget


class Pretraining(NamedTuple):
    """What learns without labels, and how.

    Attributes:
        method: A key of `METHODS`.
        seed: Decides weights, order and noise.
        kind: The kind of data, or None.
        settings: Arguments of the method's constructor by name, where they differ from its
            defaults.
        teacher: The network that the method learns from, for methods that need one.
    """

    method: str
    seed: int
    kind: str | None = None
    settings: Mapping[str, Any] = {}
    teacher: keras.Model | None = None

    def build(self, encoder: keras.Model) -> Pretrainer:
        """Returns the method around an encoder."""
        fresh = build_method(
            self.method, encoder, kind=self.kind, seed=self.seed, teacher=self.teacher
        )
        return change_arguments(fresh, self.settings) if self.settings else fresh


@own_settings()
def pretrain_to_file(
    pretraining: Pretraining,
    images: np.ndarray,
    out: pathlib.Path,
    *,
    epochs: int | Literal["auto"] | None,
    watch: Watch,
    console: Console,
    start: EncoderStart,
) -> None:
    """Pretrains and saves the whole method, optimizers included, after every epoch.

    An existing file is continued from its last finished epoch and ends with the weights that an
    uninterrupted run would have, whenever it was killed. A new one begins with `start`.

    Raises:
        InputError: If the method is unknown, its teacher is missing, the file was started with
            anything else, or what `watch` asks for cannot be done.
        StopError: If losses or weights become not finite; the file of the epoch before stays.
    """
    require_keras_file(out)
    _require_epochs(epochs)
    find_method(pretraining.method)  # raises where there is none
    require_teacher(pretraining.method, given=pretraining.teacher is not None)
    budget = METHODS[pretraining.method].budget(len(images), epochs=epochs)
    encoder = start.build(images.shape[1:], pretraining.seed)
    given = None if start.encoder is None else encoder
    asked = describe_start(images, budget, given, pretraining.teacher)
    fresh = pretraining.build(encoder)
    if budget.until_flat:
        require_one_loss(pretraining.method, fresh)
    model = _continue_from(out, fresh, asked) if out.exists() else fresh
    steps = budget.steps_per_epoch(len(images))
    done = int(model.optimizer.iterations.numpy()) // steps if model.compiled else 0
    losses = _read_losses(out, done) if budget.until_flat else []
    if _has_ended(budget, done, losses):
        fixed = budget.decays or budget.until_flat
        more = "." if fixed else "; use `epochs` for more."
        print_plain(console, f"{out} already has its {done} epochs{more}")
        return
    if done:
        print_plain(console, f"{out} exists with {done} epochs; continuing.")
    _warn_of_noise(model.encoder, console)
    if frozen := describe_frozen(model.encoder, name="the encoder"):
        print_plain(console, frozen)
    watchers = make_watchers(watch, model, images, out, budget=budget, done=done, console=console)
    if model is fresh:
        write_start(asked, out)
    pretrain(
        model,
        images,
        budget=budget,
        start_epoch=done,
        callbacks=watchers,
        read=functools.partial(_read_teacher, console),
        losses=losses,
    )
    for watcher in watchers:
        if isinstance(watcher, Checkpoints) and watcher.failure:
            raise StopError(watcher.failure)
    print_plain(console, f"Wrote {out}")


def _read_teacher(console: Console, teacher: keras.Model, images: np.ndarray) -> np.ndarray:
    start = time.perf_counter()
    features = read_network(teacher, images)
    seconds = write_number(time.perf_counter() - start)
    print_plain(console, f"The teacher read {len(images):,} images in {seconds} s.")
    return features


def _continue_from(out: pathlib.Path, fresh: Pretrainer, asked: Start) -> Pretrainer:
    """Returns the method in a file that was started like `fresh` and as is asked for."""
    model = load_model(out)
    require_same_method(model, fresh, out)
    kept = read_start(out)
    if kept is not None:
        require_same_start(kept, asked, out)
        require_same_architecture(model, fresh, out)
    return model


def _warn_of_noise(encoder: keras.Model, console: Console) -> None:
    if has_noise(encoder):
        print_plain(
            console,
            "The encoder draws random numbers in training, for example for Dropout. No file "
            "keeps that state, so a stopped and continued training ends with other weights.",
        )


def _has_ended(budget: PretrainingBudget, done: int, losses: list[float]) -> bool:
    if not budget.until_flat:
        return done >= budget.epochs
    end = find_end(losses, most=budget.epochs, cools=budget.decays)
    return end is not None and done >= end.epochs


def _read_losses(out: pathlib.Path, done: int) -> list[float]:
    """Returns the loss of each epoch that is done, as the file beside the model tells it."""
    entries = Checkpoints(out).history if done else []
    losses = [entry["loss"] for entry in entries if entry["epoch"] <= done and "loss" in entry]
    if len(losses) != done:
        raise InputError(
            f"{out} has {done} epochs, but {Checkpoints(out).history_path.name} has the losses of "
            f"{len(losses)}. `epochs=auto` needs all of them. Choose another `out`."
        )
    return losses


def _require_epochs(epochs: int | str | None) -> None:
    if isinstance(epochs, str) and epochs != AUTO:
        raise InputError(f'`epochs` is "{epochs}"; expected an integer or "{AUTO}".')
    if isinstance(epochs, int) and epochs < 1:
        raise InputError(f"`epochs` is {epochs}; expected at least 1.")


@own_settings()
def supervise_to_file(
    data: ImageData,
    out: pathlib.Path,
    *,
    epochs: int | None,
    seed: int,
    kind: str | None = None,
    start: EncoderStart,
) -> None:
    """Trains an encoder on all labels of the training images, and saves it without its head.

    For another task, which can start from this file. The test images are not read. `kind`, the
    kind of data, decides how training changes images; None takes what the data tells.

    Raises:
        InputError: If the file exists, or `start` has no encoder of such images.
    """
    require_keras_file(out)
    _require_epochs(epochs)
    if out.exists():
        raise InputError(f"{out} exists; choose another file with `out`.")
    budget = default_pretraining(len(data.train_images), epochs=epochs)
    fitted = fit_classifier(
        "finetune",
        encoder=start.build(data.image_shape, seed),
        images=data.train_images,
        labels=data.train_labels,
        num_classes=data.num_classes,
        budget=Budget(
            steps=budget.epochs * budget.steps_per_epoch(len(data.train_images)),
            batch_size=budget.batch_size,
            kind=kind or data.told_kind,
        ),
        seed=seed,
    )
    write_keras(out, fitted.model.encoder.save)
