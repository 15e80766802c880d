"""From what a source holds to a data set, step by step."""

from __future__ import annotations

from tfzero.data.chosen import note_chosen, require_random
from tfzero.data.classes import check_classes
from tfzero.data.collection import Collection
from tfzero.data.cross_fit import offer_cross_fit
from tfzero.data.dataset import ImageData
from tfzero.data.groups import number_groups
from tfzero.data.held_out import hold_out_test
from tfzero.data.options import TEST_SHARE, LoadOptions
from tfzero.data.pool import join_pool
from tfzero.data.separate import separate


def assemble(collection: Collection, options: LoadOptions) -> ImageData:
    """Makes a data set; holds a test part out if there is none.

    Args:
        collection: What a source holds.
        options: Of which those count that do not say how images are read.

    Raises:
        InputError: If a class has too few images, or any rule of `ImageData` is broken.
    """
    chosen = collection.train.chosen
    if collection.test is None and chosen is not None:
        # First, as labels for more of these images would not help.
        require_random(collection.train, ~chosen, source=collection.source)
    collection = check_classes(collection, strict=options.strict)
    collection = collection.in_order()
    collection = separate(collection, drop_leaks=options.drop_leaks)
    collection, held = hold_out_test(collection, share=options.test_share or TEST_SHARE)
    pool = join_pool(collection, options)
    train, test = collection.train, collection.test
    assert test is not None
    chosen = train.chosen
    if chosen is not None and chosen.any():
        collection = collection.add_notes(note_chosen(int(chosen.sum()), len(chosen)))
    offer = None
    if chosen is None and held and options.test_share is None and pool.unlabeled is not None:
        first = len(pool.images) - len(pool.unlabeled.images)
        offer = offer_cross_fit(train, test, pool.unlabeled, first=first, note=held)
    names = {"train": train.names, "test": test.names}
    return ImageData(
        name=collection.name,
        pool=pool.images,
        train_images=train.images,
        train_labels=train.require_labels(),
        test_images=test.images,
        test_labels=test.require_labels(),
        class_names=collection.class_names,
        source=collection.source,
        notes=(*collection.notes, *pool.notes),
        names=names if pool.unlabeled is None else {**names, "pool": pool.unlabeled.names},
        pool_has_train=pool.has_train,
        set_aside=collection.set_aside,
        passed_over=collection.passed_over,
        resize=collection.resize,
        pixel_range=collection.pixel_range,
        extents=collection.extents,
        sound=collection.sound,
        transductive=options.transductive,
        balanced=options.balanced,
        # In the order of the pixels, so that the groups' names have no part in it.
        train_groups=None if train.groups is None else number_groups(train.groups),
        cross_fit=offer,
    )
