"""Small images and folders for the tests of tfzero.data."""

import numpy as np
from PIL import Image


def make_pixels(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def make_classes(folder, counts, *, size=(8, 10), suffix=".png", start=0):
    """Writes gray images `folder/CLASS/NN.png` that all differ; returns their paths."""
    paths = []
    for name, count in counts.items():
        (folder / name).mkdir(parents=True)
        for number in range(count):
            paths.append(folder / name / f"{number:02}{suffix}")
            Image.fromarray(make_pixels(*size, seed=start + len(paths))).save(paths[-1])
    return paths


def make_arrays(counts, *, size=(8, 9, 1), seed=0):
    """Returns random images and labels, `counts[k]` of class k, in mixed order."""
    labels = np.repeat(np.arange(len(counts)), counts)
    labels = np.random.default_rng(seed).permutation(labels)
    return make_pixels(len(labels), *size, seed=seed), labels


def assert_same_part(images, labels, expected_images, expected_labels):
    """Asserts that the same images have the same labels, in whatever order."""
    found, expected = (
        sorted((image.tobytes(), int(label)) for image, label in zip(*part, strict=True))
        for part in ((images, labels), (expected_images, expected_labels))
    )
    assert found == expected
