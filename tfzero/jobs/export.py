"""The command line's export: what is in a `.keras` file, or a part of it, as a SavedModel."""

from __future__ import annotations

import pathlib

from tfzero.common.checks import InputError, require_choice
from tfzero.data.logmel import CLIP_MODES, LogMel, plan_logmel
from tfzero.data.options import check_clip_options
from tfzero.jobs.load import load_model


def export_from_file(
    path: pathlib.Path,
    out: pathlib.Path,
    *,
    part: str | None,
    class_names: list[str] | None,
    image_shape: tuple[int, int, int] | None,
    pixel_range: tuple[float, float],
    from_logits: bool,
    resize: str,
    sound: tuple[int | None, float | None, float | None] = (None, None, None),
) -> pathlib.Path:
    """Exports what is in a `.keras` file, or a part of it; returns the new version's folder.

    `sound` is the rate, length and silence of the clips that it was trained on.

    Raises:
        InputError: If the file has no such part, or an option does not belong to it.
    """
    from tfzero.export import export_encoder, export_generator, export_savedmodel
    from tfzero.export.arguments import find_input_shape

    part, network = _take_part(load_model(path), path, part)
    images = {"image_shape": image_shape, "pixel_range": pixel_range, "resize": resize}
    if sound != (None, None, None):
        images["sound"] = _find_sound(
            *sound, mode=resize, shape=image_shape or find_input_shape(network)
        )
        images["resize"] = "stretch"
    if part == "classifier":
        return export_savedmodel(
            network, out, class_names=class_names, from_logits=from_logits, **images
        )
    if class_names is not None or from_logits:
        raise InputError(f"--classes and --logits belong to a classifier; {part} has no classes.")
    if part == "generator" or len(find_input_shape(network) or ()) == 1:
        if image_shape is not None:
            raise InputError(f"--image-shape belongs to a network of images; {part} makes them.")
        return export_generator(network, out, pixel_range=pixel_range)
    return export_encoder(network, out, **images)


def _find_sound(
    rate: int | None, seconds: float | None, trim_db: float | None, *, mode: str, shape
) -> LogMel:
    """Returns how clips become the images that a network takes.

    Raises:
        InputError: If an option is missing or out of range, or the network takes other images.
    """
    if rate is None or seconds is None or len(shape or ()) != 3 or shape[2] != 1:
        raise InputError(
            "A model of clips of sound takes gray images and needs --rate and --clip-seconds as "
            f"`tfzero finetune` had or printed them; here the rate is {rate}, the seconds are "
            f"{seconds}, and the model takes {shape}."
        )
    check_clip_options(rate=rate, clip_seconds=seconds, trim_db=trim_db)
    require_choice(mode, CLIP_MODES, what="way to fit clips of sound")
    size = (int(shape[0]), int(shape[1]))
    return plan_logmel(rate=rate, seconds=seconds, size=size, mode=mode, trim_db=trim_db)


def _take_part(model, path: pathlib.Path, part: str | None):
    """Returns the name and the network of a part; without a name, the classifier."""
    from tfzero.pretrain.base import Pretrainer
    from tfzero.transfer.classifier import Classifier

    if isinstance(model, Pretrainer):
        parts = model.parts()
    elif isinstance(model, Classifier):
        parts = {"classifier": model, "encoder": model.encoder}
    else:  # somebody's network, which may be any
        parts = {"classifier": model, "encoder": model, "generator": model}
    name = part or "classifier"
    if name not in parts:
        raise InputError(
            f"{path} holds a {type(model).__name__}, which has no {name}; expected one of its "
            f"parts: --part {' or '.join(parts)}."
        )
    return name, parts[name]
