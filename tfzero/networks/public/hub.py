"""Image networks of KerasHub, such as DINOv2, DINOv3, SigLIP, ViT and ResNet, from presets."""

from __future__ import annotations

import json
import pathlib
import re
from typing import Any

import keras

from tfzero.common.checks import InputError
from tfzero.networks.precision import require_precision
from tfzero.networks.public.family import Body, Family, Origin, Weights
from tfzero.networks.public.network import PublicNetwork, is_published_only
from tfzero.networks.public.preset import (
    ADVICE,
    Preset,
    import_hub,
    read_preset,
    refuse_kind,
    shorten,
    write_saving,
)

_CARD = "README.md"


class KerasHub(Family):
    """The image networks of KerasHub, from a folder, or downloaded by KerasHub."""

    prefix = "kerashub:"
    form = "kerashub:PRESET"

    def choose_size(self, name: str, image_shape: tuple[int, int, int], weights: Weights) -> int:
        """Returns the side that the preset says."""
        del image_shape
        side = read_preset(name, weights).side
        if side is None:
            raise InputError(
                f"The preset {name} does not say the size of its images; expected it in "
                f"config.json or image_converter.json. Write kerashub:{name},size=224."
            )
        return side

    def load(self, name: str, size: int, weights: Weights) -> Body:
        """Returns the preset's network, its last output made one row of features per image."""
        preset = read_preset(name, weights)
        backbone = _load_backbone(preset, size)
        images = keras.Input((size, size, 3), name="image")
        output, features = _pool(preset, backbone(_like_input(preset, backbone, images)), backbone)
        network = PublicNetwork(images, output, name="hub")
        # Not their names: Keras numbers these through.
        kept = {
            type(each).__name__ for each in network._flatten_layers() if is_published_only(each)
        }
        note = f"Training leaves some of its layers as published: {', '.join(sorted(kept))}."
        return Body(
            network,
            preset.scaling,
            features,
            notes=(note,) if kept else (),
            interpolation=preset.interpolation,
            decides=json.dumps(
                [features, preset.interpolation, preset.config], sort_keys=True, default=str
            ),
        )

    def title(self, name: str) -> str:
        """Returns the preset's name."""
        if not name.strip():
            raise InputError(f'"{self.prefix}" names no preset; expected {self.form}. {ADVICE}')
        return name

    def origin(self, name: str, weights: Weights) -> Origin:
        """Returns what KerasHub, or the model card in the folder, says of the weights."""
        known = import_hub().models.Backbone.presets.get(name)
        if weights is not None:
            licence = _read_licence(pathlib.Path(weights) / _CARD)
            return Origin("what the author of the preset chose", licence or "that of the preset")
        place = name if known is None else known["kaggle_handle"]
        said = "" if known is None else f': "{known["metadata"]["description"].strip()}"'
        return Origin(f"what its page says{said}", f"see {_write_page(place)}")


def _load_backbone(preset: Preset, size: int) -> keras.Model:
    """Returns the network for images of a size, or its image half."""
    own = preset.side
    fits_others = preset.shape is not None
    remedy = f" Its own size is {own}: leave size out, or write size={own}." if own != size else ""
    if not fits_others and remedy:
        raise InputError(f"size is {size} pixels; expected {own} of {preset.name}.{remedy}")
    shape = {preset.shape: (size, size, 3)} if preset.shape else {}
    try:
        whole = import_hub().models.Backbone.from_preset(
            preset.place, dtype=keras.config.dtype_policy().name if fits_others else None, **shape
        )
    except Exception as error:  # of Keras, h5py or TensorFlow, by what is wrong
        raise InputError(
            f"The network of the preset {preset.name} cannot be loaded at {size}x{size} pixels: "
            f"{shorten(error)}{remedy or ' ' + write_saving(preset.name)}"
        ) from error
    backbone = whole if fits_others else whole.vision_encoder
    require_precision(backbone)
    patch = _read_patch(backbone)
    if remedy and patch and size % patch:
        raise InputError(
            f"size is {size} pixels; expected a multiple of {patch}, because {preset.name} cuts "
            f"images into patches of {patch} pixels. Write size={max(1, size // patch) * patch}."
        )
    return backbone


def _like_input(preset: Preset, backbone: keras.Model, images: Any) -> Any:
    """Returns images in the form that a network takes them in: alone, or under a name."""
    shapes = [tuple(each.shape) for each in backbone.inputs]
    if len(shapes) != 1 or len(shapes[0]) != 4 or shapes[0][-1] != 3:
        raise refuse_kind(preset.name, f"{type(backbone).__name__} with inputs {shapes}")
    return {next(iter(backbone.input)): images} if isinstance(backbone.input, dict) else images


def _pool(preset: Preset, output: Any, backbone: keras.Model) -> tuple[Any, str]:
    """Returns features `(B, D)` of a network's output, and what they are."""
    if isinstance(output, dict):  # feature maps of several sizes
        maps = [each for each in output.values() if len(each.shape) == 4]
        output = min(maps, key=lambda each: each.shape[1] * each.shape[2], default=None)
    rank = len(getattr(output, "shape", ()))
    if rank == 2:
        return output, "the pooled output of the network"
    if rank == 4:
        pool = keras.layers.GlobalAveragePooling2D(data_format="channels_last", name="pool")
        return pool(output), "the average over its last feature map"
    if rank != 3:
        raise refuse_kind(preset.name, f"{type(backbone).__name__}, which does not give features")
    # Of what a network puts before its patches, the class token comes first.
    if _count_extra(output, backbone) > 0:
        return output[:, 0], "its class token"
    pool = keras.layers.GlobalAveragePooling1D(data_format="channels_last", name="pool")
    return pool(output), "the average over its patches"


def _count_extra(tokens: Any, backbone: keras.Model) -> int:
    """Returns how many tokens belong to no patch of the image: class, registers, distillation."""
    patch = _read_patch(backbone)
    return 0 if patch is None else tokens.shape[1] - (backbone.inputs[0].shape[1] // patch) ** 2


def _read_patch(backbone: keras.Model) -> int | None:
    patch = getattr(backbone, "patch_size", None)
    return patch[0] if isinstance(patch, list | tuple) else patch


def _write_page(place: str) -> str:
    """Returns the address of a preset's page."""
    scheme, _, path = place.partition("://")
    if scheme == "hf":
        return f"https://huggingface.co/{path}"
    owner, model, *_ = [*pathlib.PurePosixPath(path).parts, ""]
    return f"https://www.kaggle.com/models/{owner}/{model}"


def _read_licence(card: pathlib.Path) -> str | None:
    """Returns the licence that the head of a model card names."""
    try:
        text = card.read_text("utf-8")[:10_000]
    except (OSError, ValueError):
        return None
    head = text.split("---")[1] if text.startswith("---") else ""
    found = re.search(r"^license:\s*([\w.+-]{1,40})\s*$", head, re.MULTILINE)
    return found[1] if found else None
