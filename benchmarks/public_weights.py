"""What a network of keras.applications takes to read images, frozen, on one core.

Random weights, which take as long as others. Prints, for each side in pixels that the network sees:
processor milliseconds an image, and the process's peak memory so far.

Run: python benchmarks/public_weights.py MobileNetV2 --sizes 96,224
"""

from __future__ import annotations

import argparse
import pathlib
import resource
import tempfile
import time
from collections.abc import Sequence

import numpy as np


def main(*, network: str, sizes: Sequence[int] = (96, 224), count: int = 256) -> dict[int, float]:
    """Returns processor seconds an image by size."""
    import keras

    from tfzero.common.compiled import predict_compiled
    from tfzero.networks.public import build_public_encoder
    from tfzero.networks.reading import FeatureReader
    from tfzero.study.work.process import prepare_process

    prepare_process()
    images = np.random.default_rng(0).integers(0, 256, (count, 32, 32, 3), np.uint8)
    found = {}
    for size in sizes:
        random = getattr(keras.applications, network)(
            weights=None, include_top=False, input_shape=(size, size, 3), pooling="avg"
        )
        with tempfile.TemporaryDirectory() as folder:
            weights = pathlib.Path(folder) / "random.weights.h5"
            random.save_weights(weights)
            encoder = build_public_encoder(network, (32, 32, 3), size=size, weights=weights)
        reader = FeatureReader(encoder)
        predict_compiled(reader, images[:8])  # traces
        start = time.process_time()
        predict_compiled(reader, images)
        found[size] = (time.process_time() - start) / count
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"{size}x{size}: {1000 * found[size]:.1f} ms an image, peak {peak:,.0f} MB")
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("network", nargs="?", default="MobileNetV2")
    parser.add_argument(
        "--sizes", type=lambda text: [int(side) for side in text.split(",")], default=(96, 224)
    )
    parser.add_argument("--count", type=int, default=256, help="images")
    main(**vars(parser.parse_args()))
