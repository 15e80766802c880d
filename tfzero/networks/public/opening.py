"""Which public networks there are, and how one becomes an encoder."""

from __future__ import annotations

from typing import NamedTuple

import keras

from tfzero.common.checks import InputError
from tfzero.common.surroundings import own_settings
from tfzero.networks.public.applications import Applications
from tfzero.networks.public.family import Body, Family, Origin, Weights
from tfzero.networks.public.hub import KerasHub
from tfzero.networks.public.known import split_size
from tfzero.networks.public.lite0 import Lite0
from tfzero.networks.public.pixels import PublicPixels

# Adding a family: one file, one line here, one test file.
FAMILIES: tuple[Family, ...] = (Lite0(), Applications(), KerasHub())
# What `build_public_encoder` takes without a prefix.
_UNNAMED = Applications()


class PublicEncoder(NamedTuple):
    """An encoder of public weights, and what has to be known of it.

    Attributes:
        encoder: Keras model from float32 images in 0..1 to features `(B, D)`.
        title: Its name in a report, with the side of its images.
        size: Side in pixels to which it resizes images.
        origin: What its weights were trained on, and their licence.
        notes: Sentences about it.
        decides: All that decides its features beside its weights.
    """

    encoder: keras.Model
    title: str
    size: int
    origin: Origin
    notes: tuple[str, ...]
    decides: str


def is_public(source: str) -> bool:
    """Returns whether a source names a public network."""
    return _find(source) is not None


def list_forms() -> list[str]:
    """Returns how sources of public networks are written, such as "imagenet:NAME"."""
    return [family.form for family in FAMILIES]


def open_public(
    source: str, image_shape: tuple[int, int, int], *, weights: Weights = None
) -> PublicEncoder:
    """Opens the public network that a source names.

    Args:
        source: "lite0", "imagenet:NAME" or another form of `list_forms`; ",size=N" may follow.
        image_shape: Shape `(H, W, C)` of the images that it will get; C is 1 or 3.
        weights: File or folder with its weights. None takes those of an installed package, or
            lets Keras find or download them.

    Raises:
        InputError: If there is no such network, it takes no such images, or its weights cannot be
            found or loaded.
    """
    named = source.partition(",")[0]
    family = _find(named)
    if family is None:
        raise InputError(
            f'"{named}" is not a public network; expected {" or ".join(list_forms())}.'
        )
    _, size = split_size(source)
    return _open(family, named.removeprefix(family.prefix), image_shape, size, weights)


@own_settings()
def build_public_encoder(
    name: str,
    image_shape: tuple[int, int, int],
    *,
    size: int | None = None,
    weights: Weights = None,
) -> keras.Model:
    """Builds an encoder from a public network, with its published weights.

    In training it computes as in prediction: its batch normalization keeps the statistics of the
    published weights, and it has no dropout.

    Args:
        name: "lite0" for EfficientNet-Lite0, or a network of `keras.applications` such as
            "MobileNetV2". Any source of a public network works as well, such as
            "imagenet:MobileNetV2" or "kerashub:dinov2_small".
        image_shape: Shape `(H, W, C)` of the images that it will get; C is 1 or 3.
        size: Side in pixels to which the network resizes images. None chooses: lite0 by the size of
            your images; other networks take that of their published weights.
        weights: File with the weights of this network without its top, or folder of a preset of
            KerasHub. None takes those of the installed package (lite0), or lets Keras or KerasHub
            find or download them.

    Returns:
        A Keras model from float32 images in 0..1 to features `(B, D)`.

    Raises:
        InputError: If there is no such network, or if its weights cannot be found or loaded.
    """
    family = _find(name) or _UNNAMED
    return _open(family, name.removeprefix(family.prefix), image_shape, size, weights).encoder


def _find(source: str) -> Family | None:
    named = source.partition(",")[0]
    for family in FAMILIES:
        if named == family.prefix or (
            family.prefix.endswith(":") and named.startswith(family.prefix)
        ):
            return family
    return None


def _open(
    family: Family,
    name: str,
    image_shape: tuple[int, int, int],
    size: int | None,
    weights: Weights,
) -> PublicEncoder:
    title = family.title(name)
    size = size or family.choose_size(name, image_shape, weights)
    if image_shape[-1] not in (1, 3):
        raise InputError(
            f"Images have {image_shape[-1]} channels; {title} takes 3, or 1 that is repeated. "
            "Choose three channels: images[..., :3]."
        )
    body = family.load(name, size, weights)
    decides = (f"{title} at {size}, {body.scaling}, of {image_shape}", body.decides)
    return PublicEncoder(
        encoder=_join(body, size, image_shape),
        title=f"{title} at {size}x{size} pixels",
        size=size,
        origin=family.origin(name, weights),
        notes=(
            f"The network resizes your images to {size}x{size} pixels and three channels. Its "
            f"features are {body.features}.",
            *body.notes,
        ),
        # Not by its configuration: Keras numbers layers through, so that no two builds have the
        # same.
        decides=", ".join(filter(None, decides)),
    )


def _join(body: Body, size: int, image_shape: tuple[int, int, int]) -> keras.Model:
    inputs = keras.Input(tuple(image_shape), name="image")
    x = PublicPixels(size, body.scaling, body.interpolation, name="pixels")(inputs)
    return keras.Model(inputs, body.connect(x), name="encoder")
