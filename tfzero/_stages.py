"""Single stages from the command line: pretrain to a file, fine-tune to a file."""

from __future__ import annotations

import dataclasses
import os
import pathlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from rich.console import Console

from tfzero._check import show_briefly
from tfzero._checks import InputError, StopError, require_choice
from tfzero._load import load_model
from tfzero._seeds import derive_seed
from tfzero._source import load_encoder_file
from tfzero._watch import Watch, make_watchers
from tfzero.data import ImageData, nested_subsets
from tfzero.data.check import check_briefly, require_no_leaks
from tfzero.pretrain import METHODS, build_method, find_method
from tfzero.pretrain.budget import default_budget as default_pretraining
from tfzero.study.planning.label_counts import parse_label_counts
from tfzero.study.records import write_by_path
from tfzero.transfer import STRATEGIES, UNLABELED_FROM, fit_classifier
from tfzero.transfer.budget import Budget
from tfzero.transfer.budget import default_budget as default_transfer

if TYPE_CHECKING:
    import keras

    from tfzero.pretrain.base import Pretrainer
    from tfzero.pretrain.start import Start


def look_at(data: ImageData, console: Console) -> None:
    """Prints what was done on loading and what should be looked at, before any work.

    Raises:
        InputError: If training and test images leak into one another.
    """
    for note in data.notes:
        console.print(note, highlight=False, markup=False)
    found = check_briefly(data)
    show_briefly(console, found)
    require_no_leaks(found)


class Learner(NamedTuple):
    """What is pretrained.

    Attributes:
        method: A key of `METHODS`.
        seed: Decides weights, order and noise.
        kind: The kind of data, or None.
        arguments: Of the method's constructor, by name, where they differ from its defaults.
        residual: Whether the encoder is the small ResNet, where no file gives one.
    """

    method: str
    seed: int
    kind: str | None = None
    arguments: Mapping[str, Any] = {}
    residual: bool = False

    def build(self, encoder: keras.Model) -> Pretrainer:
        """Returns the method around an encoder."""
        from tfzero.pretrain.arguments import change_arguments

        fresh = build_method(self.method, encoder, kind=self.kind, seed=self.seed)
        return change_arguments(fresh, self.arguments) if self.arguments else fresh


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

    _require_keras_file(out)
    _require_epochs(epochs)
    find_method(learner.method)  # raises where there is none
    budget = METHODS[learner.method].budget(len(images), epochs=epochs)
    encoder = _start_encoder(start, images.shape[1:], learner.seed, residual=learner.residual)
    asked = describe_start(images, budget, None if start is None else encoder)
    fresh = learner.build(encoder)
    model = _continue_from(out, fresh, asked) if out.exists() else fresh
    steps = budget.steps_per_epoch(len(images))
    done = int(model.optimizer.iterations.numpy()) // steps if model.compiled else 0
    if done >= budget.epochs:
        more = "." if budget.decays else "; ask for more with --epochs."
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
        raise InputError(f"--epochs is {epochs}; expected at least 1.")


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
    _require_keras_file(out)
    _require_epochs(epochs)
    if out.exists():
        raise InputError(f"{out} exists; choose another with --out.")
    budget = default_pretraining(len(data.train_images), epochs=epochs)
    fitted = fit_classifier(
        "finetune",
        encoder=_start_encoder(start, data.image_shape, seed, residual=residual),
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


def _start_encoder(start: pathlib.Path | None, image_shape, seed: int, *, residual: bool):
    """Returns the encoder in a file, or one of random weights."""
    from tfzero.networks import build_encoder

    if start is not None:
        return load_encoder_file(start, image_shape)
    return build_encoder(image_shape, residual=residual, seed=derive_seed(seed, "encoder"))


def finetune_to_file(
    data: ImageData,
    encoder: pathlib.Path | None,
    out: pathlib.Path,
    *,
    strategy: str,
    labels: str,
    settings: dict[str, Any],
    unlabeled_from: str,
    residual: bool = False,
    seed: int,
    overwrite: bool,
) -> tuple[float, int]:
    """Trains a classifier and saves it; returns its accuracy on the test images and its updates.

    Args:
        data: The images.
        encoder: `.keras` file of an encoder or a pretraining; None starts from random weights.
        out: The file to write.
        strategy: How the labels are used.
        labels: How many of them, or "all".
        settings: What to change in the default budget, by the names of `Budget`.
        unlabeled_from: Where a strategy's unlabeled images come from, if it reads any.
        residual: Whether the network of random weights is the small ResNet.
        seed: Decides labels, head and order.
        overwrite: Whether `out` may be replaced.

    Raises:
        InputError: If the encoder does not fit the images, the strategy gives no network, the
            file exists, or the labels are too few for what `settings` ask.
    """
    _require_keras_file(out)
    if strategy in STRATEGIES and not STRATEGIES[strategy].trains_network:
        networks = [name for name, entry in STRATEGIES.items() if entry.trains_network]
        raise InputError(
            f'Strategy "{strategy}" gives no network to save; expected one of '
            f"{', '.join(networks)}. Use it as an arm of tfzero compare."
        )
    if out.exists() and not overwrite:
        raise InputError(f"{out} exists; choose another with --out, or replace it: --overwrite.")
    network = _start_encoder(encoder, data.image_shape, seed, residual=residual)
    # Read again: what makes images is the whole method, not its encoder.
    method = None if encoder is None or unlabeled_from == "pool" else load_model(encoder)
    pool = _take_unlabeled(data.pool, method, unlabeled_from, seed)
    [count] = parse_label_counts(
        [labels], num_train=len(data.train_images), num_classes=data.num_classes
    )
    chosen = nested_subsets(
        data.train_images, data.train_labels, [count], seed=derive_seed(seed, "labels"),
        balanced=data.balanced,
    )[count]  # fmt: skip
    fitted = fit_classifier(
        strategy,
        encoder=network,
        images=data.train_images[chosen],
        labels=data.train_labels[chosen],
        pool=pool,
        spread_by_pixels=encoder is None,
        num_classes=data.num_classes,
        groups=None if data.train_groups is None else data.train_groups[chosen],
        budget=dataclasses.replace(default_transfer(count), **settings),
        seed=seed,
    )
    write_by_path(out, fitted.model.save)
    found = fitted.predict(data.test_images).argmax(axis=1)
    return float((found == data.test_labels).mean()), fitted.cost.steps


def _take_unlabeled(pool, model, unlabeled_from: str, seed: int):
    """Returns the pool, images that the model of --encoder makes, or both."""
    from tfzero.pretrain.base import Pretrainer
    from tfzero.study.work.generated import generate_images

    require_choice(unlabeled_from, UNLABELED_FROM, what="source of unlabeled images")
    if unlabeled_from == "pool":
        return pool
    if not (isinstance(model, Pretrainer) and model.can("generate")):
        raise InputError(
            f"--unlabeled-from {unlabeled_from} takes images that the model of --encoder makes, "
            "which must be a GAN or VAE of tfzero pretrain; "
            f"{'none is given' if model is None else type(model).__name__ + ' arrived'}."
        )
    generated = generate_images(model, len(pool), seed)
    return generated if unlabeled_from == "generated" else np.concatenate([pool, generated])


def _require_keras_file(out: pathlib.Path) -> None:
    if out.suffix != ".keras":
        raise InputError(f'--out is "{out}"; expected a file that ends in .keras.')
    if not out.parent.is_dir() or not os.access(out.parent, os.W_OK):
        raise InputError(f"Cannot write {out}: {out.parent} is no folder that can be written to.")
