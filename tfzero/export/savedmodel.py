"""Writes Keras models as SavedModels that need neither Keras nor tfzero."""

from __future__ import annotations

import dataclasses
import functools
import os
import pathlib
from collections.abc import Mapping, Sequence

import keras
import numpy as np
import tensorflow as tf

from tfzero.common.checks import InputError, require_choice
from tfzero.common.pixels import check_pixel_range
from tfzero.common.surroundings import own_settings
from tfzero.data.fit import RESIZE_MODES
from tfzero.data.logmel import LogMel
from tfzero.export import arguments, golden, graph
from tfzero.export.write import Contents, write_version
from tfzero.networks.copies import as_float32

_SCALING = "uint8 in 0..255 is divided by 255; floats are taken as they are, in 0..1"
_RESIZING = "bilinear with antialiasing, rounded to whole pixel values (serving_bytes)"


@own_settings()
def export_savedmodel(
    model: keras.Model,
    base: str | os.PathLike,
    *,
    class_names: Sequence[str] | None = None,
    image_shape: tuple[int, int, int] | None = None,
    notes: Mapping | None = None,
    pixel_range: tuple[float, float] = graph.UNIT_RANGE,
    from_logits: bool = False,
    resize: str = "stretch",
    sound: LogMel | None = None,
    file_range: tuple[float, float] | None = None,
) -> pathlib.Path:
    """Exports a classifier as the next version `base/1`, `base/2`, ... for servers.

    The version appears only after it was loaded again and gave the model's own probabilities. One
    model gives the same bytes at every export. A model of mixed precision is exported in float32.

    Args:
        model: Keras model of images `(N, H, W, C)`. It returns probabilities `(N, K)`, or `(N, 1)`
            for the second of two classes. If its attribute `encoder` is a Keras model of the same
            images, the version also has a signature `features`.
        base: Folder that holds the versions of this model.
        class_names: K different names. None gives "0", "1", ...
        image_shape: Shape `(H, W, C)`. None reads it from the model or its encoder.
        notes: Facts about the model that JSON can hold (metrics, study, caveats). They become part
            of `assets.extra/model_spec.json`.
        pixel_range: Pixel values of black and white that the model expects; 0 and 1 for every
            `tfzero.Classifier`. Requests are the same for all models; the graph converts them.
        from_logits: Whether the model returns logits. The graph then adds softmax or sigmoid.
        resize: How files of another shape are resized, as in `load_data`: "stretch", "pad" or
            "crop". Use the mode of training.
        sound: Settings by which clips of sound became the images of training (`ImageData.sound`).
            Served files are then 16-bit WAV. None for pictures.
        file_range: Values of black and white in served files, such as 0 and 4095. Needed if
            `load_data` read the training files with a `pixel_range` (`ImageData.pixel_range`). None
            means 0..255 of 8 bits.

    Returns:
        The folder of the new version, or of the newest version if that is already identical.

    Raises:
        InputError: If the model gives no probabilities, or if an argument does not fit it.
        RuntimeError: If the written version does not reproduce the model. Nothing is then exported.
    """
    pixel_range = arguments.check_model_range(model, pixel_range)
    model = as_float32(model)
    file_range = _check_file_range(file_range, sound)
    require_choice(resize, RESIZE_MODES, what="way to resize")
    encoder = _find_encoder(model)
    shape = arguments.find_image_shape(model, encoder, image_shape)
    images, clips = _draw_inputs(shape, sound, file_range)
    if encoder is not None and arguments.find_input_shape(encoder) != shape:
        encoder = None  # somebody's encoder of something else
    score = functools.partial(
        graph.classify, model, pixel_range=pixel_range, from_logits=from_logits
    )
    pixels = golden.unit_pixels(images)
    outputs = golden.call_model(lambda x: {"scores": score(x)}, pixels, who="The model")
    golden.require_probabilities(outputs["scores"])
    if from_logits:
        _require_logits(model, pixels, pixel_range)
    names = arguments.check_class_names(class_names, outputs["scores"].shape[1])
    signatures = graph.image_signatures(
        lambda x: graph.name_best(score(x), names),
        shape,
        resize=resize,
        sound=sound,
        file_range=file_range,
    )
    if encoder is not None:
        read = functools.partial(_read_features, encoder, pixel_range)
        outputs |= golden.call_model(read, pixels, who="The model's encoder")
        signatures["features"] = graph.image_signatures(read, shape)["serving_default"]
    contents = Contents(
        kind="classifier",
        models=[model, *([encoder] if encoder else [])],
        signatures=signatures,
        inputs=images,
        outputs=outputs if sound is None else {**outputs, "image": images},
        spec={
            **_describe_images(shape, pixel_range, resize, sound, file_range),
            "class_names": names,
            "notes": arguments.check_notes(notes),
        },
        class_names=names,
        clips=clips,
    )
    return write_version(contents, pathlib.Path(base))


def _check_file_range(
    file_range: tuple[float, float] | None, sound: LogMel | None
) -> tuple[float, float] | None:
    if file_range is None:
        return None
    if sound is not None:
        raise InputError("`file_range` is for images, but the model takes sound. Leave it out.")
    return check_pixel_range(file_range, name="file_range")


def _find_encoder(model: keras.Model) -> keras.Model | None:
    encoder = getattr(model, "encoder", None)
    return encoder if isinstance(encoder, keras.Model) else None


def _require_logits(model: keras.Model, pixels: np.ndarray, pixel_range) -> None:
    """Refuses a model that ends in probabilities already."""
    logits = model(graph.stretch(tf.constant(pixels), pixel_range), training=False)
    golden.require_logits(logits.numpy())


@own_settings()
def export_encoder(
    model: keras.Model,
    base: str | os.PathLike,
    *,
    image_shape: tuple[int, int, int] | None = None,
    notes: Mapping | None = None,
    pixel_range: tuple[float, float] = graph.UNIT_RANGE,
    resize: str = "stretch",
    sound: LogMel | None = None,
    file_range: tuple[float, float] | None = None,
) -> pathlib.Path:
    """Exports a network of images, without classes, as the next version.

    Args:
        model: Keras model of images `(N, H, W, C)`. It returns one tensor `(N, ...)`, served as
            `features`, or a dict of tensors, served by their names.
        base: Folder that holds the versions of this model.
        image_shape: Shape `(H, W, C)`. None reads it from the model.
        notes: Facts about the model that JSON can hold.
        pixel_range: Pixel values of black and white that the model expects.
        resize: How files of another shape are resized; see `export_savedmodel`.
        sound: Settings by which clips of sound became images; see `export_savedmodel`.
        file_range: Values of black and white in served files; see `export_savedmodel`.

    Returns:
        The folder of the new version, or of the newest version if that is already identical.

    Raises:
        InputError: If an argument does not fit the model.
        RuntimeError: If the written version does not reproduce the model. Nothing is then exported.
    """
    pixel_range = arguments.check_model_range(model, pixel_range)
    model = as_float32(model)
    file_range = _check_file_range(file_range, sound)
    require_choice(resize, RESIZE_MODES, what="way to resize")
    shape = arguments.find_image_shape(model, None, image_shape)
    read = functools.partial(_read_features, model, pixel_range)
    images, clips = _draw_inputs(shape, sound, file_range)
    outputs = golden.call_model(read, golden.unit_pixels(images), who="The model")
    contents = Contents(
        kind="encoder",
        models=[model],
        signatures=graph.image_signatures(
            read, shape, resize=resize, sound=sound, file_range=file_range
        ),
        inputs=images,
        outputs=outputs if sound is None else {**outputs, "image": images},
        spec={
            **_describe_images(shape, pixel_range, resize, sound, file_range),
            "notes": arguments.check_notes(notes),
        },
        clips=clips,
    )
    return write_version(contents, pathlib.Path(base))


@own_settings()
def export_generator(
    model: keras.Model,
    base: str | os.PathLike,
    *,
    notes: Mapping | None = None,
    pixel_range: tuple[float, float] = graph.UNIT_RANGE,
) -> pathlib.Path:
    """Exports a network from latents to images as the next version.

    Args:
        model: Keras model of latents `(N, Z)` that returns images `(N, H, W, C)`.
        base: Folder that holds the versions of this model.
        notes: Facts about the model that JSON can hold.
        pixel_range: Pixel values of black and white that the model makes.

    Returns:
        The folder of the new version, or of the newest version if that is already identical.

    Raises:
        InputError: If an argument does not fit the model.
        RuntimeError: If the written version does not reproduce the model. Nothing is then exported.
    """
    pixel_range = arguments.check_model_range(model, pixel_range)
    model = as_float32(model)
    shape = arguments.find_input_shape(model)
    if shape is None or len(shape) != 1 or shape[0] is None:
        raise InputError(
            f"The generator takes inputs of shape {shape}; expected latents (Z,) of a fixed "
            "number. Begin it with keras.Input((Z,))."
        )
    latents = golden.draw_latents(shape[0])
    raw = golden.call_model(lambda z: {"images": model(z)}, latents, who="The generator")["images"]
    golden.require_pixels(raw, pixel_range)

    def make(latents):
        return graph.generate(model, latents, pixel_range=pixel_range)

    contents = Contents(
        kind="generator",
        models=[model],
        signatures=graph.latent_signatures(make, shape[0]),
        inputs=latents,
        outputs=golden.call_model(make, latents, who="The generator"),
        spec={
            "image_shape": list(raw.shape[1:]),
            "pixel_range": list(pixel_range),
            "notes": arguments.check_notes(notes),
        },
    )
    return write_version(contents, pathlib.Path(base))


def _read_features(model: keras.Model, pixel_range: tuple[float, float], images):
    return graph.encode(model, images, pixel_range=pixel_range)


def _draw_inputs(
    shape: tuple[int, int, int],
    sound: LogMel | None,
    file_range: tuple[float, float] | None,
) -> tuple[np.ndarray, np.ndarray | None]:
    """Returns golden images and, where a model was trained on sound, the clips behind them."""
    if sound is None:
        return golden.draw_images(shape, file_range), None
    if sound.image_shape != shape:
        raise InputError(
            f"The model takes images of shape {shape}, but clips of sound become "
            f"{sound.image_shape}; expected the same shape. Give the sound settings of its "
            "training."
        )
    clips = golden.draw_clips(sound)
    return golden.hear(clips, sound), clips


def _describe_images(
    image_shape: tuple[int, int, int],
    pixel_range: tuple[float, float],
    resize: str,
    sound: LogMel | None,
    file_range: tuple[float, float] | None,
) -> dict:
    described = {
        "image_shape": list(image_shape),
        "pixel_range": list(pixel_range),
        "scaling": _SCALING,
    }
    if sound is not None:
        return {**described, "sound": dataclasses.asdict(sound)}
    if file_range is not None:
        described["file_range"] = list(file_range)
    return {**described, "resize": resize, "resizing": _RESIZING}
