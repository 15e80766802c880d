"""What methods make: samples, reconstructions, traversals, interpolations."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfzero.report.drawing.mosaic import pair_rows
from tfzero.report.pictures import Image, mosaic, picture
from tfzero.report.run import Run, load_arrays

# Images shown of one encoder: enough to judge by, and a page of bearable size.
_MOST_IMAGES, _MOST_LARGE_IMAGES, _LARGE_SIDE = 64, 24, 64
_MOST_PAIRS = 16
_WIDTH = 420  # CSS pixels
_GRIDS = {
    "traversals": "Traversals: along each row, one latent changes alone from −3 to 3 "
    "standard deviations. The latents that change the picture most come first.",
    "interpolations": "Interpolations: from one random code to another, on the great circle "
    "between them.",
}


def method_pictures(run: Run) -> list[dict[str, Any]]:
    """Returns, for each method, what the encoder of its first replicate makes."""
    found = []
    for method, encoders in run.encoders_by_method().items():
        shown = _encoder_images(method, load_arrays(encoders[0].arrays))
        if shown:
            entry = {"method": method, "replicate": encoders[0].replicate, "pictures": shown}
            found.append(entry)
    return found


def _encoder_images(method: str, arrays: dict[str, np.ndarray]) -> list[Image]:
    """Returns pictures of whatever a method stored."""
    pictures = []
    samples = arrays.get("samples")
    if samples is not None and len(samples):
        pictures.append(_samples(method, samples))
    originals, restored = arrays.get("originals"), arrays.get("reconstructions")
    if originals is not None and restored is not None and len(originals):
        pictures.append(_reconstructions(method, originals, restored))
    return pictures + [
        picture(
            arrays[name],
            alt=f"Grid of images that the {method} decoder makes: {name}.",
            caption=caption,
            width=_WIDTH,
        )
        for name, caption in _GRIDS.items()
        if name in arrays
    ]


def _samples(method: str, samples: np.ndarray) -> Image:
    most = _MOST_LARGE_IMAGES if max(samples.shape[1:3]) > _LARGE_SIDE else _MOST_IMAGES
    shown = samples[:most]
    return mosaic(
        [shown[start : start + 8] for start in range(0, len(shown), 8)],
        alt=f"{len(shown)} images drawn from the {method} decoder.",
        caption="Samples: images that the decoder makes from random codes.",
        width=_WIDTH,
    )


def _reconstructions(method: str, originals: np.ndarray, restored: np.ndarray) -> Image:
    shown = min(_MOST_PAIRS, len(originals))
    return mosaic(
        pair_rows(originals[:shown], restored[:shown], 4),
        alt=f"{shown} images, each above its reconstruction by {method}.",
        caption="Reconstructions: each image, and below it what the decoder rebuilds from its "
        "code.",
        width=_WIDTH,
    )
