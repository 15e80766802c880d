"""What is in an exported graph: from bytes, pixels or latents to answers, without Python."""

from __future__ import annotations

import pathlib
from collections.abc import Callable

import keras
import tensorflow as tf

from tfzero.common.checks import InputError
from tfzero.common.pixels import PixelRange
from tfzero.data.logmel import LogMel
from tfzero.export.decoding import DECODABLE_CHANNELS, decode_images, require, require_batch
from tfzero.export.listening import decode_clips
from tfzero.networks.scaling import scale_images

# Floats that were 0..1 before somebody resized them may stick out this far.
SLACK = 1e-3
UNIT_RANGE = (0.0, 1.0)

# Tensors by name, each with the batch as its first dimension, which servers demand.
Outputs = dict[str, tf.Tensor]


class Serving(tf.Module):
    """What is saved: every weight once, the labels file and the functions.

    The weights are the raw TensorFlow variables. A tracked Keras model would store each twice.
    """

    def __init__(self, weights: list[tf.Variable], labels_file: pathlib.Path | None):
        super().__init__(name="tfzero_serving")
        self.weights = weights
        if labels_file is not None:
            self.labels = tf.saved_model.Asset(str(labels_file))


def image_signatures(
    answer: Callable[[tf.Tensor], Outputs],
    image_shape: tuple[int, int, int],
    *,
    resize: str = "stretch",
    sound: LogMel | None = None,
    file_range: PixelRange | None = None,
) -> dict[str, tf.types.experimental.PolymorphicFunction]:
    """Builds the functions that answer for images, in each form that images arrive in.

    Args:
        answer: Takes float32 images `(N, H, W, C)` in 0..1.
        image_shape: `(H, W, C)`.
        resize: How `serving_bytes` brings files of another shape to this one.
        sound: How clips of sound became the images, or None for pictures.
        file_range: The values in files that became 0 and 255 in training; None: 0 and 255.

    Returns:
        `serving_default` for uint8, `serving_float`, and `serving_bytes` for PNG or JPEG files
        if the channels are those of a file. Of sound, `serving_bytes` takes 16-bit WAV files, and
        `spectrogram` returns the images that are made of them.
    """

    def serving_default(image):
        return answer(scale_images(require_batch(image, image_shape)))

    def serving_float(image):
        return answer(_require_unit_range(require_batch(image, image_shape)))

    def serving_bytes(image_bytes):
        pixels = decode_images(image_bytes, image_shape, resize=resize, file_range=file_range)
        return answer(scale_images(pixels))

    pixels = tf.TensorSpec([None, *image_shape], tf.uint8, name="image")
    floats = tf.TensorSpec([None, *image_shape], tf.float32, name="image")
    strings = tf.TensorSpec([None], tf.string, name="image_bytes")
    offered = {
        "serving_default": tf.function(serving_default, input_signature=[pixels]),
        "serving_float": tf.function(serving_float, input_signature=[floats]),
    }
    if sound is not None:
        return offered | _clip_signatures(answer, sound)
    if image_shape[-1] in DECODABLE_CHANNELS and (file_range is None or file_range[1] < 65536):
        offered["serving_bytes"] = tf.function(serving_bytes, input_signature=[strings])
    return offered


def _clip_signatures(answer: Callable[[tf.Tensor], Outputs], sound: LogMel) -> dict:
    """Builds the functions that take WAV files."""

    def serving_bytes(wav_bytes):
        return answer(scale_images(decode_clips(wav_bytes, sound)))

    def spectrogram(wav_bytes):
        return {"image": decode_clips(wav_bytes, sound)}

    strings = tf.TensorSpec([None], tf.string, name="wav_bytes")
    return {
        "serving_bytes": tf.function(serving_bytes, input_signature=[strings]),
        "spectrogram": tf.function(spectrogram, input_signature=[strings]),
    }


def latent_signatures(
    answer: Callable[[tf.Tensor], Outputs], latent_dim: int
) -> dict[str, tf.types.experimental.PolymorphicFunction]:
    """Builds the function `serving_default` that answers for float32 latents `(N, Z)`."""

    def serving_default(latents):
        latents = require_batch(latents, (latent_dim,))
        finite = tf.reduce_all(tf.math.is_finite(latents))
        require(finite, "latents holds NaN or infinity; expected finite numbers.")
        return answer(latents)

    spec = tf.TensorSpec([None, latent_dim], tf.float32, name="latents")
    return {"serving_default": tf.function(serving_default, input_signature=[spec])}


def classify(
    model: keras.Model,
    images: tf.Tensor,
    *,
    pixel_range: tuple[float, float],
    from_logits: bool,
) -> tf.Tensor:
    """Returns scores, float32 `(N, K)`, of images in 0..1.

    A single output is the probability (or logit) of the second of two classes.
    """
    outputs = model(stretch(images, pixel_range), training=False)
    if not tf.is_tensor(outputs) or outputs.shape.rank != 2:
        got = f"shape {outputs.shape}" if tf.is_tensor(outputs) else type(outputs).__name__
        raise InputError(f"The model returns {got}; expected one tensor (N, K).")
    outputs = tf.cast(outputs, tf.float32)
    if outputs.shape[-1] == 1:
        second = tf.sigmoid(outputs) if from_logits else outputs  # (N, 1)
        return tf.concat([1.0 - second, second], axis=1)  # (N, 2)
    return tf.nn.softmax(outputs) if from_logits else outputs


def name_best(scores: tf.Tensor, class_names: list[str]) -> Outputs:
    """Returns scores `(N, K)`, and number and name of the best class, each `(N,)`."""
    class_id = tf.argmax(scores, axis=1, output_type=tf.int32)  # (N,)
    # A lookup table would write this machine's path into the graph.
    label = tf.gather(tf.constant(class_names), class_id)  # (N,)
    return {"scores": scores, "class_id": class_id, "label": label}


def encode(model: keras.Model, images: tf.Tensor, *, pixel_range: tuple[float, float]) -> Outputs:
    """Returns float32 `features` of images in 0..1, or by name what the model names itself."""
    outputs = model(stretch(images, pixel_range), training=False)
    named = outputs if isinstance(outputs, dict) else {"features": outputs}
    return {name: tf.cast(output, tf.float32) for name, output in named.items()}


def generate(
    model: keras.Model, latents: tf.Tensor, *, pixel_range: tuple[float, float]
) -> Outputs:
    """Returns images of latents `(N, Z)`: `pixels` float32 in 0..1, and `image` uint8."""
    low, high = pixel_range
    images = tf.cast(model(latents, training=False), tf.float32)  # (N, H, W, C)
    pixels = tf.clip_by_value((images - low) / (high - low), 0.0, 1.0)
    return {"pixels": pixels, "image": tf.cast(tf.round(255.0 * pixels), tf.uint8)}


def stretch(images: tf.Tensor, pixel_range: tuple[float, float]) -> tf.Tensor:
    """Brings images in 0..1 to the range that a model was trained on."""
    low, high = pixel_range
    return images if pixel_range == UNIT_RANGE else images * (high - low) + low


def _require_unit_range(images: tf.Tensor) -> tf.Tensor:
    """Asserts that float pixels are in 0..1, as a NaN is not."""
    inside = (tf.reduce_min(images) >= -SLACK) & (tf.reduce_max(images) <= 1 + SLACK)
    require(
        inside,
        "image holds floats outside 0..1 or NaN; expected 0..1. Divide by 255, or send uint8 "
        "to serving_default.",
    )
    return scale_images(images)
