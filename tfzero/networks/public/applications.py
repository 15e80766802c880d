"""The networks of `keras.applications`."""

from __future__ import annotations

import os
import pathlib
import re
from typing import NamedTuple

import keras

from tfzero.common.checks import InputError, require_choice
from tfzero.networks.public.family import FEATURES, IMAGENET, Body, Family, Origin, Weights
from tfzero.networks.public.network import PublicNetwork


class Application(NamedTuple):
    """An application's entry in the table.

    Attributes:
        size: Side in pixels that its published weights were trained at; the default.
        scaling: What becomes of pixels before it: a key of `SCALINGS`.
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


class Applications(Family):
    """The networks of `keras.applications`, with weights that Keras finds or downloads."""

    prefix = "imagenet:"
    form = "imagenet:NAME"

    def choose_size(self, name: str, image_shape: tuple[int, int, int], weights: Weights) -> int:
        """Returns the side that the published weights were trained at."""
        del image_shape, weights
        return _find(name).size

    def load(self, name: str, size: int, weights: Weights) -> Body:
        """Returns the network without its top: its averaged last block."""
        entry = _find(name)
        if size < entry.smallest:
            raise InputError(
                f"size is {size} pixels; expected at least {entry.smallest} of {name}. "
                f"Write imagenet:{name},size={entry.smallest} or more."
            )
        network = _load_network(name, size, weights)
        kept = PublicNetwork(network.inputs, network.outputs, name=network.name)
        return Body(kept, entry.scaling, FEATURES)

    def title(self, name: str) -> str:
        """Returns the name in `keras.applications`."""
        _find(name)
        return name

    def origin(self, name: str, weights: Weights) -> Origin:
        """Returns ImageNet, or that the user's file decides."""
        del name
        if weights is not None:
            return Origin("what the file's author chose", "that of the file")
        return Origin(IMAGENET, "see keras.io/api/applications")


def _find(name: str) -> Application:
    return APPLICATIONS[require_choice(name, APPLICATIONS, what="network of keras.applications")]


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
