"""`tfzero pretrain`: an encoder, pretrained by a method or on labels, in a file."""

from __future__ import annotations

import pathlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from rich.console import Console

from tfzero.common.checks import InputError, StopError
from tfzero.data import ImageData
from tfzero.jobs.load import load_model, require_keras_file
from tfzero.jobs.source import start_from
from tfzero.jobs.watch import Watch, make_watchers
from tfzero.pretrain import METHODS, build_method, find_method
from tfzero.pretrain.budget import default_budget as default_pretraining
from tfzero.study.records import write_by_path
from tfzero.transfer import fit_classifier
from tfzero.transfer.budget import Budget

if TYPE_CHECKING:
    import keras

    from tfzero.pretrain.base import Pretrainer
    from tfzero.pretrain.start import Start


class Learner(NamedTuple):
    """What is pretrained.

    Attributes:
        method: A key of `METHODS`.
        seed: Decides weights, order and noise.
        kind: The kind of data, or None.
        settings: Arguments of the method's constructor by name, where they differ from its
            defaults.
        residual: Whether the encoder is the small ResNet, where no file gives one.
    """

    method: str
    seed: int
    kind: str | None = None
    settings: Mapping[str, Any] = {}
    residual: bool = False

    def build(self, encoder: keras.Model) -> Pretrainer:
        """Returns the method around an encoder."""
        from tfzero.pretrain.arguments import change_arguments

        fresh = build_method(self.method, encoder, kind=self.kind, seed=self.seed)
        return change_arguments(fresh, self.settings) if self.settings else fresh


def pretrain_to_file(
    learner: Learner,
    images: np.ndarray,
    out: pathlib.Path,
    *,
    epochs: int | None,
    watch: Watch,
    console: Console,
    start: pathlib.Path | None = None,
) -> None:
    """Pretrains and saves the whole method, optimizers included, after every epoch.

    An existing file is continued from its last finished epoch and ends with the weights that an
    uninterrupted run would have, whenever it was killed. A new one starts from the encoder in the
    file `start`, or from random weights.

    Raises:
        InputError: If the method is unknown, the file was started with anything else, or what
            `watch` asks for cannot be done.
        StopError: If losses or weights become not finite; the file of the epoch before stays.
    """
    from tfzero.pretrain.checkpoints import Checkpoints
    from tfzero.pretrain.run import pretrain
    from tfzero.pretrain.start import describe_start, write_start

    require_keras_file(out)
    _require_epochs(epochs)
    find_method(learner.method)  # raises where there is none
    budget = METHODS[learner.method].budget(len(images), epochs=epochs)
    encoder = start_from(start, images.shape[1:], learner.seed, residual=learner.residual)
    asked = describe_start(images, budget, None if start is None else encoder)
    fresh = learner.build(encoder)
    model = _continue_from(out, fresh, asked) if out.exists() else fresh
    steps = budget.steps_per_epoch(len(images))
    done = int(model.optimizer.iterations.numpy()) // steps if model.compiled else 0
    if done >= budget.epochs:
        more = "." if budget.decays else "; ask for more with `epochs`."
        console.print(f"{out} has its {done} epochs already{more}", highlight=False)
        return
    if done:
        console.print(f"{out} is there with {done} epochs; going on.", highlight=False)
    _warn_of_noise(model.encoder, console)
    watchers = make_watchers(
        watch, model, images, out, epochs=budget.epochs, done=done, console=console
    )
    if model is fresh:
        write_start(asked, out)
    pretrain(model, images, budget=budget, start_epoch=done, callbacks=watchers)
    for watcher in watchers:
        if isinstance(watcher, Checkpoints) and watcher.failure:
            raise StopError(watcher.failure)
    console.print(f"Wrote {out}", highlight=False)


def _continue_from(out: pathlib.Path, fresh: Pretrainer, asked: Start) -> Pretrainer:
    """Returns the method in a file that was started like `fresh` and as is asked for."""
    from tfzero.pretrain.start import (
        read_start,
        require_same_architecture,
        require_same_method,
        require_same_start,
    )

    model = load_model(out)
    require_same_method(model, fresh, out)
    kept = read_start(out)
    if kept is not None:
        require_same_start(kept, asked, out)
        require_same_architecture(model, fresh, out)
    return model


def _warn_of_noise(encoder: keras.Model, console: Console) -> None:
    from tfzero.study.work.starts import has_noise

    if has_noise(encoder):
        console.print(
            "The encoder draws at random in training, as Dropout does, by a state that no file "
            "keeps: stopped and continued, it ends with other weights than uninterrupted.",
            highlight=False,
        )


def _require_epochs(epochs: int | None) -> None:
    if epochs is not None and epochs < 1:
        raise InputError(f"`epochs` is {epochs}; expected at least 1.")


def supervise_to_file(
    data: ImageData,
    out: pathlib.Path,
    *,
    epochs: int | None,
    seed: int,
    kind: str | None = None,
    start: pathlib.Path | None = None,
    residual: bool = False,
) -> None:
    """Trains an encoder on all labels of the training images, and saves it without its head.

    For another task, to be named as `--encoder` there. The test images are not read. `kind`, the
    kind of data, decides how training changes images; None takes what the data tells. It begins
    with the encoder in the file `start`, or with random weights, of the small ResNet if `residual`.

    Raises:
        InputError: If the file exists, or `start` holds no encoder of such images.
    """
    require_keras_file(out)
    _require_epochs(epochs)
    if out.exists():
        raise InputError(f"{out} exists; choose another with `out`.")
    budget = default_pretraining(len(data.train_images), epochs=epochs)
    fitted = fit_classifier(
        "finetune",
        encoder=start_from(start, data.image_shape, seed, residual=residual),
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
    write_by_path(out, fitted.model.encoder.save)
