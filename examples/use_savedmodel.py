"""An exported model in use, with TensorFlow alone: neither tfzero nor Keras is imported.

Writes nothing. Needs an exported version, for example the one of quick_start.py.

Run: python examples/use_savedmodel.py (classifies one built-in digit)
     python examples/use_savedmodel.py savedmodels/digits/1 one.png two.png
"""

from __future__ import annotations

import argparse
import json
import pathlib
from collections.abc import Sequence

import numpy as np
import tensorflow as tf


def main(
    *, savedmodel: str = "savedmodels/digits/1", images: Sequence[str] = ()
) -> dict[str, np.ndarray]:
    """Returns the scores `(N, K)` of the PNG files by signature."""
    if not (pathlib.Path(savedmodel) / "saved_model.pb").exists():
        raise SystemExit(
            f"{savedmodel} is no exported version; expected a folder such as savedmodels/digits/1, "
            "which quick_start.py writes."
        )
    # Keep the loaded object: its signatures do not keep the weights alive.
    model = tf.saved_model.load(savedmodel)
    names = list(images) or ["built-in digit"]
    contents = [pathlib.Path(path).read_bytes() for path in images] or [encode_digit()]

    # Whole PNG or JPEG files of any size, as a browser sends them.
    from_bytes = model.signatures["serving_bytes"](image_bytes=tf.constant(contents))

    # Pixels: uint8 (N, H, W, C) of the size that the model was trained on, resized as in training.
    spec = json.loads(pathlib.Path(savedmodel, "assets.extra/model_spec.json").read_text())
    serve = model.signatures["serving_default"]
    _, height, width, channels = serve.structured_input_signature[1]["image"].shape
    pixels = [tf.io.decode_png(content, channels=channels) for content in contents]
    resized = [resize_image(each, (height, width), spec["resize"]) for each in pixels]
    from_pixels = serve(image=tf.stack(resized))

    for signature, answer in (("serving_bytes", from_bytes), ("serving_default", from_pixels)):
        print(signature)
        for name, label, number, scores in zip(
            names, answer["label"].numpy(), answer["class_id"], answer["scores"], strict=True
        ):
            print(f"  {name}: {label.decode()}, score {scores[number]:.3f}")
    return {
        "serving_bytes": from_bytes["scores"].numpy(),
        "serving_default": from_pixels["scores"].numpy(),
    }


def resize_image(pixels: tf.Tensor, size: tuple[int, int], how: str) -> tf.Tensor:
    """Returns an image of the model's size.

    Args:
        pixels: uint8 `(h, w, C)`.
        size: Height and width.
        how: "stretch", "pad" (black margins) or "crop", as `model_spec.json` says.
    """
    sides, inner = pixels.shape[:2], list(size)
    ratios = [new / old for new, old in zip(size, sides, strict=True)]
    if how == "crop":  # the largest middle part of the model's aspect
        part = [
            min(old, int(new / max(ratios) + 0.5)) for new, old in zip(size, sides, strict=True)
        ]
        pixels = tf.image.resize_with_crop_or_pad(pixels, *part)
    elif how == "pad":
        inner = [max(1, int(old * min(ratios) + 0.5)) for old in sides]
    resized = tf.round(tf.image.resize(pixels, inner, antialias=True))
    return tf.cast(tf.image.resize_with_crop_or_pad(resized, *size), tf.uint8)


def encode_digit() -> bytes:
    """Returns one of scikit-learn's digits as the content of a PNG file."""
    from sklearn.datasets import load_digits

    pixels = np.rint(load_digits().images[0] * (255 / 16)).astype(np.uint8)
    return tf.io.encode_png(pixels[..., np.newaxis]).numpy()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("savedmodel", nargs="?", default="savedmodels/digits/1")
    parser.add_argument("images", nargs="*", help="PNG files")
    main(**vars(parser.parse_args()))
