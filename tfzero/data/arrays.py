"""Arrays in memory as a data set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tfzero.common.checks import InputError
from tfzero.common.images import check_images
from tfzero.common.pixels import Extents
from tfzero.data.assemble import assemble
from tfzero.data.collection import Collection, Part, check_part, number_classes
from tfzero.data.dataset import ImageData
from tfzero.data.names import name_rows
from tfzero.data.options import LoadOptions


def from_arrays(
    train_images: np.ndarray,
    train_labels: np.ndarray,
    test_images: np.ndarray | None = None,
    test_labels: np.ndarray | None = None,
    *,
    pool: np.ndarray | None = None,
    class_names: Sequence[str] | None = None,
    groups: Sequence[str] | None = None,
    name: str = "arrays",
    test_share: float | None = None,
    pixel_range: tuple[float, float] | None = None,
) -> ImageData:
    """Makes a data set from arrays in memory, in their order.

    Args:
        train_images: Array of shape `(N, H, W, C)`: uint8 in 0..255, float in 0..1 or bool. With
            `pixel_range`, numbers of any type in that range.
        train_labels: Integers in 0..K-1 of shape `(N,)`.
        test_images: Array of shape `(M, H, W, C)`, typed as `train_images`. None holds out a
            stratified part of the training images.
        test_labels: Integers of shape `(M,)`; required with `test_images` and only then.
        pool: Unlabeled images of shape `(P, H, W, C)`, typed as `train_images`. None takes the
            training images.
        class_names: K names. None takes "0", "1", ...
        groups: Array of shape `(N,)`: the group of each training image. Images of one group are
            held out together. They also stay on one side in every cross-validation of a strategy.
            None means no groups.
        name: Name of the data set; must be safe as a folder name.
        test_share: Share in (0, 1) to hold out if no test images are given. None as in `load_data`.
        pixel_range: Pair of numbers: the stored values of black and white, which become 0 and 255.
            For example (0, 4095) for 12 bits or (0, 1) for masks. None follows the type.

    Raises:
        InputError: If an argument does not have the form above.
    """
    options = LoadOptions(pool_only=True, test_share=test_share, pixel_range=pixel_range)
    seen = Extents()

    def check(images: np.ndarray, part: str) -> np.ndarray:
        return check_images(
            images, name=part, pixel_range=options.values, seen=seen, offers=("pixel_range",)
        )

    train = check_part(check(train_images, "train_images"), train_labels, name="train")
    if (test_images is None) != (test_labels is None):
        given, missing = ("labels", "images") if test_images is None else ("images", "labels")
        raise InputError(f"Test {given} came without test {missing}; give both or neither.")
    test = None
    if test_images is not None and test_labels is not None:
        test = check_part(check(test_images, "test_images"), test_labels, name="test")
    if groups is not None:
        _check_groups(groups, train, test)
        train = replace(train, groups=np.array(groups, dtype=object))
    if pool is train_images:
        pool = None
    unlabeled = None
    if pool is not None:
        pool = check(pool, "pool")
        unlabeled = Part(pool, name_rows("pool", len(pool)))
    if class_names is None:
        labels = [part.require_labels() for part in (train, test) if part is not None]
        class_names = number_classes(np.concatenate(labels))
    collection = Collection(
        name=name,
        source=name,
        class_names=tuple(str(each) for each in class_names),
        train=train,
        test=test,
        pool=unlabeled,
        keep_order=True,
    )
    collection = collection.with_values(seen, options.values, where=name, lenient=False)
    return assemble(collection, options)


def _check_groups(groups: Sequence[str], train: Part, test: Part | None) -> None:
    if len(groups) != len(train.images) or test is not None:
        raise InputError(
            f"There are {len(groups)} groups for {len(train.images)} "
            f"images{'' if test is None else ' and a test part'}; expected one group per "
            "training image, and no test part."
        )
