"""From what a source holds to a data set, step by step."""

from __future__ import annotations

from tfzero.data.classes import check_classes
from tfzero.data.collection import Collection
from tfzero.data.dataset import ImageData
from tfzero.data.groups import number_groups
from tfzero.data.held_out import hold_out_test
from tfzero.data.options import LoadOptions
from tfzero.data.pool import join_pool
from tfzero.data.separate import separate


def assemble(found: Collection, options: LoadOptions) -> ImageData:
    """Makes a data set; holds a test part out if there is none.

    Args:
        found: What a source holds.
        options: Of which those count that do not say how images are read.

    Raises:
        InputError: If a class has too few images, or any rule of `ImageData` is broken.
    """
    checked = check_classes(found, strict=options.strict)
    ordered = checked.in_order()
    separated = separate(ordered, drop_leaks=options.drop_leaks)
    parted = hold_out_test(separated, share=options.test_share)
    pool = join_pool(parted, options)
    train, test = parted.train, parted.test
    assert test is not None
    names = {"train": train.names, "test": test.names}
    return ImageData(
        name=parted.name,
        pool=pool.images,
        train_images=train.images,
        train_labels=train.require_labels(),
        test_images=test.images,
        test_labels=test.require_labels(),
        class_names=parted.class_names,
        source=parted.source,
        notes=(*parted.notes, *pool.notes),
        names=names if pool.names is None else {**names, "pool": pool.names},
        pool_has_train=pool.has_train,
        set_aside=parted.set_aside,
        resize=parted.resize,
        sound=parted.sound,
        transductive=options.transductive,
        balanced=options.balanced,
        # In the order of the pixels, so that the groups' names have no part in it.
        train_groups=None if train.groups is None else number_groups(train.groups),
    )
