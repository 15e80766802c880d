"""The networks of `keras.applications`."""

from __future__ import annotations

import os
import pathlib
import re

import keras

from tfzero.common.checks import InputError
from tfzero.networks.public.family import FEATURES, IMAGENET, Body, Family, Origin, Weights
from tfzero.networks.public.known import find_application
from tfzero.networks.public.network import PublicNetwork


class Applications(Family):
    """The networks of `keras.applications`, with weights that Keras finds or downloads."""

    prefix = "imagenet:"
    form = "imagenet:NAME"

    def choose_size(self, name: str, image_shape: tuple[int, int, int], weights: Weights) -> int:
        """Returns the side that the published weights were trained at."""
        del image_shape, weights
        return find_application(name).size

    def load(self, name: str, size: int, weights: Weights) -> Body:
        """Returns the network without its top: its averaged last block."""
        entry = find_application(name)
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
        find_application(name)
        return name

    def origin(self, name: str, weights: Weights) -> Origin:
        """Returns ImageNet, or that the user's file decides."""
        del name
        if weights is not None:
            return Origin("what the file's author chose", "that of the file")
        return Origin(IMAGENET, "see keras.io/api/applications")


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
