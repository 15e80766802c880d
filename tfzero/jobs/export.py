"""The command line's export: what is in a `.keras` file, or a part of it, as a SavedModel."""

from __future__ import annotations

import pathlib
from typing import Any, NamedTuple

from tfzero.common.checks import InputError, require_choice
from tfzero.common.surroundings import own_settings
from tfzero.data.logmel import CLIP_MODES, LogMel, plan_logmel
from tfzero.data.options import check_clip_options
from tfzero.export import export_encoder, export_generator, export_savedmodel
from tfzero.export.arguments import check_model_range, find_input_shape
from tfzero.jobs.load import load_model
from tfzero.pretrain.base import Pretrainer
from tfzero.transfer.classifier import Classifier


class ServedImages(NamedTuple):
    """How a served file becomes the image that a network takes.

    Attributes:
        image_shape: `(H, W, C)` where the model does not say it.
        pixel_range: The values of black and white in the images that the model itself takes.
            None: 0 and 1.
        file_range: The same of served files, where training had a `pixel_range`.
        resize: "stretch", "pad" or "crop".
        rate: Samples per second of the clips of sound that it was trained on; None for images.
        clip_seconds: What training kept of a clip at most.
        trim_db: Below which loudness the ends of a clip were cut off.
    """

    image_shape: tuple[int, int, int] | None = None
    pixel_range: tuple[float, float] | None = None
    resize: str = "stretch"
    rate: int | None = None
    clip_seconds: float | None = None
    trim_db: float | None = None
    file_range: tuple[float, float] | None = None

    @property
    def model_range(self) -> tuple[float, float]:
        """`pixel_range`, or 0 and 1."""
        return self.pixel_range or (0.0, 1.0)

    def arguments(self, network) -> dict[str, Any]:
        """Returns the arguments of an export of this network.

        Raises:
            InputError: If something about clips of sound is missing or out of range, or the
                network takes other images.
        """
        read = {"image_shape": self.image_shape, "pixel_range": self.model_range}
        if (self.rate, self.clip_seconds, self.trim_db) == (None, None, None):
            return {**read, "resize": self.resize, "file_range": self.file_range}
        shape = self.image_shape or find_input_shape(network)
        return {
            **read,
            "resize": "stretch",
            "sound": self._find_sound(shape),
            "file_range": self.file_range,
        }

    def _find_sound(self, shape: tuple | None) -> LogMel:
        if (
            self.rate is None
            or self.clip_seconds is None
            or shape is None
            or len(shape) != 3
            or shape[2] != 1
        ):
            raise InputError(
                "A model for clips of sound takes gray images. It needs the `rate` and "
                "`clip_seconds` that `tfzero finetune` used or printed. Here the rate is "
                f"{self.rate}, the seconds are {self.clip_seconds}, and the model takes "
                f"{shape}."
            )
        check_clip_options(rate=self.rate, clip_seconds=self.clip_seconds, trim_db=self.trim_db)
        require_choice(self.resize, CLIP_MODES, what="way to fit clips of sound")
        return plan_logmel(
            rate=self.rate,
            seconds=self.clip_seconds,
            size=(int(shape[0]), int(shape[1])),
            mode=self.resize,
            trim_db=self.trim_db,
        )


@own_settings()
def export_from_file(
    path: pathlib.Path,
    out: pathlib.Path,
    *,
    part: str | None,
    class_names: list[str] | None,
    from_logits: bool,
    images: ServedImages,
) -> pathlib.Path:
    """Exports what is in a `.keras` file, or a part of it; returns the new version's folder.

    Raises:
        InputError: If the file has no such part, or an argument does not belong to it.
    """
    model = load_model(path)
    check_model_range(model, images.model_range)  # its decoder alone does not tell
    part, network = _take_part(model, path, part)
    read = images.arguments(network)
    if part == "classifier":
        return export_savedmodel(
            network, out, class_names=class_names, from_logits=from_logits, **read
        )
    if class_names is not None or from_logits:
        raise InputError(
            f"`class_names` and `from_logits` belong to a classifier; {part} has no classes."
        )
    if part == "generator" or len(find_input_shape(network) or ()) == 1:
        if images.image_shape is not None:
            raise InputError(
                f"`image_shape` belongs to a network that takes images; {part} generates them."
            )
        if images.file_range is not None:
            raise InputError(
                f"`file_range` belongs to a network that takes images; {part} generates them."
            )
        return export_generator(network, out, pixel_range=images.model_range)
    return export_encoder(network, out, **read)


def _take_part(model, path: pathlib.Path, part: str | None):
    """Returns the name and the network of a part; without a name, the classifier."""
    if isinstance(model, Pretrainer):
        parts = model.parts()
    elif isinstance(model, Classifier):
        parts = {"classifier": model, "encoder": model.encoder}
    else:  # somebody's network, which may be any
        parts = {"classifier": model, "encoder": model, "generator": model}
    name = part or "classifier"
    if name not in parts:
        first, *others = parts
        raise InputError(
            f"{path} holds a {type(model).__name__}, which has no {name}; expected one of its "
            f"parts: `part={first}`{''.join(f' or {other}' for other in others)}."
        )
    return name, parts[name]
