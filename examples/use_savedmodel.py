"""An exported model in use, with TensorFlow alone: neither tfzero nor Keras is imported.

Writes nothing. Needs an exported version, for example the one of quick_start.py.

Run: python examples/use_savedmodel.py (classifies one built-in digit)
     python examples/use_savedmodel.py savedmodels/digits/1 one.png two.png
"""

from __future__ import annotations

import argparse
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

    # Pixels: uint8 (N, H, W, C) of the size that the model was trained on.
    serve = model.signatures["serving_default"]
    _, height, width, channels = serve.structured_input_signature[1]["image"].shape
    pixels = [tf.io.decode_png(content, channels=channels) for content in contents]
    resized = [tf.image.resize(each, (height, width), antialias=True) for each in pixels]
    from_pixels = serve(image=tf.cast(tf.round(tf.stack(resized)), tf.uint8))

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
