"""Encoders with weights that others trained, from `keras.applications`, with all they need inside.

Images come as to any encoder: float32 in 0..1 at the target's size, gray or RGB. Inside, gray is
repeated to three channels, the image is resized to what the network wants, and pixels are scaled as
its weights expect them.
"""

from __future__ import annotations

import os
import pathlib
import re
from typing import NamedTuple

import keras
import tensorflow as tf

from tfzero.common.checks import InputError, require_choice
from tfzero.common.surroundings import own_settings


class Application(NamedTuple):
    """An application's entry in the table.

    Attributes:
        size: Side in pixels that its published weights were trained at; the default.
        scaling: What becomes of pixels before it: a key of `_SCALINGS`.
        smallest: Side in pixels below which Keras builds none: no pixel is left at its end.
    """

    size: int
    scaling: str
    smallest: int = 32


# Scaling as in each application's `preprocess_input`; "pixels" where the network scales itself.
_CONVNEXT = ("Tiny", "Small", "Base", "Large", "XLarge")
_EFFICIENTNET = (224, 240, 260, 300, 380, 456, 528, 600)  # B0 to B7
_EFFICIENTNET_V2 = {"B0": 224, "B1": 240, "B2": 260, "B3": 300, "S": 384, "M": 480, "L": 480}
APPLICATIONS = {
    **{f"ConvNeXt{name}": Application(224, "pixels") for name in _CONVNEXT},
    **{f"DenseNet{n}": Application(224, "torch") for n in (121, 169, 201)},
    **{f"EfficientNetB{n}": Application(size, "pixels") for n, size in enumerate(_EFFICIENTNET)},
    **{f"EfficientNetV2{n}": Application(size, "pixels") for n, size in _EFFICIENTNET_V2.items()},
    "InceptionResNetV2": Application(299, "tf", smallest=75),
    "InceptionV3": Application(299, "tf", smallest=75),
    "MobileNet": Application(224, "tf"),
    "MobileNetV2": Application(224, "tf"),
    "MobileNetV3Large": Application(224, "pixels"),
    "MobileNetV3Small": Application(224, "pixels"),
    "NASNetLarge": Application(331, "tf"),
    "NASNetMobile": Application(224, "tf"),
    **{f"ResNet{n}": Application(224, "caffe") for n in (50, 101, 152)},
    **{f"ResNet{n}V2": Application(224, "tf") for n in (50, 101, 152)},
    "VGG16": Application(224, "caffe"),
    "VGG19": Application(224, "caffe"),
    "Xception": Application(299, "tf", smallest=71),
}
# ImageNet's mean and deviation of RGB, and the mean of BGR in 0..255.
_TORCH_MEAN, _TORCH_DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_CAFFE_MEAN = (103.939, 116.779, 123.68)
_SCALINGS = {
    "tf": lambda x: x * 2.0 - 1.0,
    "torch": lambda x: (x - tf.constant(_TORCH_MEAN)) / tf.constant(_TORCH_DEVIATION),
    "caffe": lambda x: tf.reverse(x, [-1]) * 255.0 - tf.constant(_CAFFE_MEAN),
    "pixels": lambda x: x * 255.0,
}


@keras.saving.register_keras_serializable("tfzero")
class PublicPixels(keras.layers.Layer):
    """Makes of an image in 0..1 what an application takes: three channels, its size, its scale.

    Args:
        size: Side to resize to; what is not square is stretched.
        scaling: A key of `_SCALINGS`.
        **kwargs: As of any layer.
    """

    def __init__(self, size: int, scaling: str, **kwargs):
        super().__init__(**kwargs)
        self.size, self.scaling = size, scaling

    def call(self, images):
        """Returns `(B, size, size, 3)` of images `(B, H, W, C)`, C 1 or 3."""
        if images.shape[-1] == 1:
            images = tf.repeat(images, 3, axis=-1)
        sides = images.shape[1:3]
        if tuple(sides) != (self.size, self.size):
            # Shrunk without it, pixels between are never seen; enlarged it changes little.
            shrinks = max(sides) > self.size
            images = tf.image.resize(images, (self.size, self.size), antialias=shrinks)
        return _SCALINGS[self.scaling](images)

    def compute_output_shape(self, input_shape):
        """Returns `(B, size, size, 3)`."""
        return (input_shape[0], self.size, self.size, 3)

    def get_config(self) -> dict:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "size": self.size, "scaling": self.scaling}


@own_settings()
def build_public_encoder(
    name: str,
    image_shape: tuple[int, int, int],
    *,
    size: int | None = None,
    weights: str | os.PathLike[str] | None = None,
) -> keras.Model:
    """Builds an encoder from a network of `keras.applications`: its averaged last block.

    Its batch normalization keeps the statistics of the published weights, even in training.

    Args:
        name: Key of `APPLICATIONS`, such as "MobileNetV2".
        image_shape: Shape `(H, W, C)` of the images that it will get; C is 1 or 3.
        size: Side in pixels to which the network resizes images. None takes that of its published
            weights.
        weights: File with the weights of this network without its top. None lets Keras find or
            download the ImageNet weights.

    Returns:
        A Keras model from float32 images in 0..1 to features `(B, D)`.

    Raises:
        InputError: If there is no such network, or if its weights cannot be found or loaded.
    """
    entry = APPLICATIONS[require_choice(name, APPLICATIONS, what="network of keras.applications")]
    size = entry.size if size is None else size
    if size < entry.smallest:
        raise InputError(
            f"size is {size} pixels; expected at least {entry.smallest} of {name}. "
            f"Write imagenet:{name},size={entry.smallest} or more."
        )
    if image_shape[-1] not in (1, 3):
        raise InputError(
            f"Images have {image_shape[-1]} channels; {name} takes 3, or 1 that is repeated. "
            "Choose three channels: images[..., :3]."
        )
    network = _load_network(name, size, weights)
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False
    inputs = keras.Input(tuple(image_shape), name="image")
    x = PublicPixels(size, entry.scaling, name="pixels")(inputs)
    return keras.Model(inputs, network(x), name="encoder")


def _load_network(name: str, size: int, weights) -> keras.Model:
    build = getattr(keras.applications, name)
    shape = {"input_shape": (size, size, 3), "include_top": False, "pooling": "avg"}
    if weights is None:
        try:
            return build(weights="imagenet", **shape)
        except Exception as error:  # Keras raises a bare Exception where it cannot download
            raise _cannot_download(name, error) from error
    path = pathlib.Path(weights)
    if not path.is_file():
        raise InputError(
            f"`weights={str(path)!r}` does not exist; expected a file with the weights of "
            f"{name} without its top. Keras publishes such a file (..._notop.h5), and "
            "model.save_weights writes one (....weights.h5)."
        )
    network = build(weights=None, **shape)
    try:
        network.load_weights(path)
    except Exception as error:  # of h5py, zipfile or Keras, by what is wrong with the file
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"`weights={str(path)!r}` does not hold the weights of {name} without its top: "
            f"{reason} Use the file of exactly this network (..._notop.h5 or ....weights.h5)."
        ) from error
    return network


def _cannot_download(name: str, error: Exception) -> InputError:
    home = pathlib.Path(os.environ.get("KERAS_HOME") or pathlib.Path.home() / ".keras")
    found = re.search(r"https?://\S+?\.h5", str(error))
    where = f" {found[0]}" if found else f" the weights of {name} without its top"
    place = home / "models" / (pathlib.PurePosixPath(found[0]).name if found else "")
    return InputError(
        f"Keras cannot download the weights of {name} "
        f"({' '.join(str(error).split())[:120]}). On a machine with network access, "
        f"download{where}. Then give the file as `weights='FILE'`, or put it at {place}."
    )
