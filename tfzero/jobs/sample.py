"""`tfzero sample`: pictures of what a pretrained model makes, and how good they are."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from rich.console import Console

from tfzero.common.checks import InputError, StopError, require_choice
from tfzero.common.console import print_plain
from tfzero.common.files import (
    make_folder,
    require_folder_place,
    require_free,
    write_json,
)
from tfzero.common.seeds import derive_seed
from tfzero.common.surroundings import own_settings
from tfzero.jobs.load import load_model
from tfzero.pretrain.base import Pretrainer
from tfzero.pretrain.generate import generate_images
from tfzero.pretrain.pictures import list_pictures, write_png
from tfzero.pretrain.quality import COVERAGE_NEIGHBORS, Quality, measure_quality
from tfzero.pretrain.spaces import encoder_space, pixel_space, random_space

# Images compared on either side; more take long and tell little more.
_MOST_COMPARED = 10_000
_NUM_RECONSTRUCTED = 16


class Pictures(NamedTuple):
    """How much to draw: samples, rows of traversals and of interpolations, and the seed."""

    count: int = 64
    traversals: int = 8
    interpolations: int = 8
    seed: int = 0


@own_settings()
def sample_to_folder(
    path: pathlib.Path,
    out: pathlib.Path,
    *,
    data: np.ndarray | None,
    pictures: Pictures,
    quality: str | None,
    overwrite: bool,
    console: Console,
) -> None:
    """Writes PNG files of all that a model makes, and `quality.json` if asked.

    What the model cannot make is said in a sentence.

    Args:
        path: A method's .keras file.
        out: Folder; made if it is not there.
        data: Real images, uint8 `(N, H, W, C)`, to reconstruct and to compare with; or None.
        pictures: How much to draw.
        quality: Feature space of the comparison: "pixels", "random" or a .keras file; None
            compares nothing.
        overwrite: Whether files that are there are replaced.
        console: Where lines go.

    Raises:
        InputError: If the model makes no images at all, the images are of another shape or too
            few to compare, a number is negative, or a file exists. Nothing is written then.
        StopError: If a file cannot be written.
    """
    _require_counts(pictures)
    model = _load_method(path)
    _require_fit(model, path, data, quality)
    shown = None if data is None else _choose_shown(data)
    grids = dict(list_pictures(model, images=shown, **pictures._asdict()))
    _say_lacks(model, path, console, with_data=data is not None, with_grids=bool(grids))
    files = [out / f"{name}.png" for name in grids]
    report = out / "quality.json"
    require_folder_place(out, chosen_by="out")
    for file in [*files, *([report] if quality else [])]:
        require_free(file, "folder", overwrite=overwrite, chosen_by="out")
    # Before anything is written: the same command, mended, must not find its own files.
    measured = None if quality is None else _measure(model, data, quality, seed=pictures.seed)
    make_folder(out)
    try:
        _write_grids(dict(zip(files, grids.values(), strict=True)), console)
        if measured is not None:
            _write_quality(report, measured, console)
    except StopError:
        if not overwrite:  # else the same command would find them in its way
            for file in files:
                file.unlink(missing_ok=True)
        raise


def _require_counts(pictures: Pictures) -> None:
    for name, number in pictures._asdict().items():
        if number < (1 if name == "count" else 0):
            raise InputError(f"`{name}` is {number}; expected a positive number.")


def _write_grids(grids: Mapping[pathlib.Path, np.ndarray], console: Console) -> None:
    for file, grid in grids.items():
        write_png(file, grid)
        print_plain(console, f"Wrote {file}")


def _write_quality(report: pathlib.Path, quality: Quality, console: Console) -> None:
    for line in quality.describe():
        print_plain(console, line)
    write_json(report, dataclasses.asdict(quality))
    print_plain(console, f"Wrote {report}")


def _choose_shown(images):
    """Returns up to 16 images from all over the data, which may be sorted by class."""
    chosen = np.linspace(0, len(images) - 1, min(_NUM_RECONSTRUCTED, len(images))).astype(int)
    return np.asarray(images[chosen])


def _load_method(path: pathlib.Path):
    model = load_model(path)
    if not isinstance(model, Pretrainer):
        raise InputError(
            f"{path} holds a {type(model).__name__}, which generates no images; expected a "
            "method that tfzero pretrain wrote."
        )
    return model


def _require_fit(model, path, images, space) -> None:
    shape = tuple(model.encoder.input_shape[1:])
    if images is not None and images.shape[1:] != shape:
        raise InputError(
            f"{path} takes images of {shape}, but `data` has {images.shape[1:]}. Give the "
            "images that it was pretrained on, or use `size` and `channels`."
        )
    if space is None:
        return
    if images is None:
        raise InputError("`quality` compares with real images; give them with `data`.")
    if len(images) < (least := 2 * (COVERAGE_NEIGHBORS + 1)):
        raise InputError(
            "`quality` compares half of the images with the other half; `data` has "
            f"{len(images)} images, expected at least {least}. Give more, or leave out "
            "`quality`."
        )
    if not model.can("generate"):
        raise InputError(
            f"{path} holds a {type(model).__name__}, which generates no images to compare; "
            "leave out `quality`."
        )


def _say_lacks(
    model: Pretrainer, path, console: Console, *, with_data: bool, with_grids: bool
) -> None:
    """Prints what the model cannot make.

    Raises:
        InputError: If it can make nothing of what it was given.
    """
    if sentence := _describe_lacks(model, path):
        if not with_grids and model.can("reconstruct"):
            sentence += " Reconstructions need real images; give them with `data`."
        if not with_grids:
            raise InputError(sentence)
        print_plain(console, sentence)
    if not with_data and model.can("reconstruct"):
        print_plain(console, "There are no images to reconstruct. Give them with `data`.")


def _describe_lacks(model, path) -> str:
    """Returns one sentence on what the model cannot make, or ''."""
    pictures = {
        "generate": "samples",
        "reconstruct": "reconstructions",
        "decode": "traversals, interpolations",
    }
    lacking = ", ".join(words for ability, words in pictures.items() if not model.can(ability))
    if not lacking:
        return ""
    lacking = " or ".join(lacking.rsplit(", ", 1))
    return f"{path} holds a {type(model).__name__}, which has no {lacking}."


def _measure(model, images, space: str, *, seed: int) -> Quality:
    """Returns how good images of the model are beside twice as many real ones."""
    count = min(_MOST_COMPARED, len(images) // 2)
    order = np.random.default_rng(seed).permutation(len(images))[: 2 * count]
    real = np.asarray(images[np.sort(order)])
    named = _find_space(space, real)
    generated = generate_images(model, count, seed=derive_seed(seed, "quality"))
    return measure_quality(real, generated, space=named, seed=seed)


def _find_space(space: str, real: np.ndarray):
    if space == "pixels":
        return pixel_space(real)
    if space == "random":
        return random_space(real.shape[1:])
    if not space.endswith(".keras"):
        require_choice(space, ["pixels", "random", "FILE.keras"], what="space")
    loaded = load_model(space)
    encoder = getattr(loaded, "encoder", loaded)
    if tuple(encoder.input_shape[1:]) != real.shape[1:]:
        raise InputError(
            f"{space} takes images of {tuple(encoder.input_shape[1:])}, but `data` has "
            f"{real.shape[1:]}; choose another `space`."
        )
    return encoder_space(encoder, name=f"features of {space}")
