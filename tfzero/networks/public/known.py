"""What is known of the networks of `keras.applications`, and how a size is written behind a name.

Importing this file loads no Keras.
"""

from __future__ import annotations

from typing import NamedTuple

from tfzero.common.checks import InputError, require_choice


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


def find_application(name: str) -> Application:
    """Returns the entry of a network.

    Raises:
        InputError: If there is none; the message says the nearest.
    """
    return APPLICATIONS[require_choice(name, APPLICATIONS, what="network of keras.applications")]


def split_size(source: str) -> tuple[str, int | None]:
    """Returns "imagenet:MobileNetV2" and 96 of "imagenet:MobileNetV2,size=96".

    Raises:
        InputError: If something else than a size follows the name.
    """
    named, *settings = source.split(",")
    size = None
    for setting in settings:
        key, _, value = setting.partition("=")
        if key != "size" or not value.isdecimal():
            raise InputError(f'"{setting}" in {source}; expected size=N, such as {named},size=96.')
        size = int(value)
    return named, size
