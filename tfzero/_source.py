"""What `--source` names, opened: another data set, public weights, or the encoder of a file."""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
from typing import TYPE_CHECKING, NamedTuple

from tfzero._checks import InputError
from tfzero.data import ImageData
from tfzero.data.source_task import SourceTask, load_source_task
from tfzero.study.planning.inits import FILE, PUBLIC
from tfzero.study.planning.plan import GivenEncoder

if TYPE_CHECKING:
    import keras

PUBLIC_PREFIX = "imagenet:"


class Source(NamedTuple):
    """What an encoder can come from beside the target's own images; one of both, or neither.

    Attributes:
        task: Another data set.
        given: What identifies an encoder that comes ready.
        encoder: That encoder.
    """

    task: SourceTask | None = None
    given: GivenEncoder | None = None
    encoder: keras.Model | None = None


def open_source(
    source: str | os.PathLike[str] | ImageData | None,
    *,
    like: ImageData,
    weights: str | os.PathLike[str] | None = None,
) -> Source:
    """Opens what `tfzero.compare` takes as its source.

    Args:
        source: "imagenet:NAME" or "imagenet:NAME,size=N", a `.keras` file, or a data set as
            `load_data` takes it; None for no source.
        like: The target.
        weights: File of weights for "imagenet:NAME".

    Raises:
        InputError: If it cannot be used.
    """
    text = None if source is None or isinstance(source, ImageData) else os.fspath(source)
    is_public = text is not None and text.startswith(PUBLIC_PREFIX)
    if weights is not None and not is_public:
        raise InputError(
            f"--weights {weights} is a file for a public network, but the source is "
            f"{text or 'none'}; expected --source imagenet:NAME with it, or an own network as "
            "--source FILE.keras."
        )
    if source is None:
        return Source()
    if text is None:
        return Source(load_source_task(source, like=like))
    if is_public:
        return _open_public(text, like, weights)
    if text.endswith(".keras"):
        return _open_file(pathlib.Path(text), like)
    return Source(load_source_task(text, like=like))


def _open_public(text: str, like: ImageData, weights) -> Source:
    from tfzero.networks.public import APPLICATIONS, build_public_encoder

    name, *settings = text.removeprefix(PUBLIC_PREFIX).split(",")
    size = None
    for setting in settings:
        key, _, value = setting.partition("=")
        if key != "size" or not value.isdecimal():
            raise InputError(f'"{setting}" in {text}; expected size=N, as in {name},size=96.')
        size = int(value)
    encoder = build_public_encoder(name, like.image_shape, size=size, weights=weights)
    side = size or APPLICATIONS[name].size
    notes = [f"Inside it your images are brought to {side}x{side} pixels and three channels."]
    given = GivenEncoder(
        init=PUBLIC, name=f"{name} at {side}", fingerprint=_identify(encoder), notes=tuple(notes)
    )
    return Source(given=given, encoder=encoder)


def _open_file(path: pathlib.Path, like: ImageData) -> Source:
    encoder = load_encoder_file(path, like.image_shape)
    given = GivenEncoder(init=FILE, name=path.name, fingerprint=_identify(encoder))
    return Source(given=given, encoder=encoder)


def load_encoder_file(path: pathlib.Path, image_shape: tuple[int, int, int]) -> keras.Model:
    """Returns the encoder in a `.keras` file: of a method or a classifier, or the model itself.

    Raises:
        InputError: If there is none for images of this shape.
    """
    from tfzero._load import load_model

    loaded = load_model(path)
    encoder = getattr(loaded, "encoder", loaded)
    takes, gives = encoder.input_shape, encoder.output_shape
    if tuple(takes[1:]) != tuple(image_shape):
        raise InputError(
            f"{path} takes images of {tuple(takes[1:])}, but the data has {tuple(image_shape)}; "
            "pretrain on such images, or give --size."
        )
    if len(gives) != 2:
        raise InputError(
            f"{path} gives {gives}; expected features (None, D). End it in pooling or Flatten."
        )
    return encoder


def _identify(encoder: keras.Model) -> str:
    """Returns a hash of an encoder's architecture and weights."""
    text = json.dumps(encoder.get_config(), sort_keys=True, default=str)
    found = hashlib.blake2b(text.encode(), digest_size=16)
    for weight in encoder.get_weights():
        found.update(f"{weight.dtype}{weight.shape}".encode())
        found.update(weight.tobytes())
    return found.hexdigest()
