"""From what a user names to a data set: read, then assembled."""

from __future__ import annotations

import os

from tfzero.data.assemble import assemble
from tfzero.data.dataset import ImageData
from tfzero.data.options import LoadOptions, Size
from tfzero.data.sources import read_source


def load_data(
    source: str | os.PathLike[str] = "digits",
    *,
    pool: str | os.PathLike[str] | None = None,
    pool_only: bool = False,
    labels: str | os.PathLike[str] | None = None,
    pages: str = "first",
    size: Size = None,
    channels: int | None = None,
    resize: str | None = None,
    pixel_range: tuple[float, float] | None = None,
    test_share: float | None = None,
    group: str | None = None,
    strict: bool = False,
    drop_leaks: bool = False,
    transductive: bool = False,
    balanced: bool = False,
    rate: int | None = None,
    clip_seconds: float | None = None,
    trim_db: float | None = None,
) -> ImageData:
    """Loads images and labels, or clips of sound and labels.

    Args:
        source: Data to load. "digits" means 1,797 digits of 8x8 pixels from scikit-learn; write
            "./digits" for a folder of that name. `tfds:NAME` means TensorFlow Datasets (see
            `load_tfds`). Otherwise a path to one of these:

            - a folder with one subfolder of images, or of WAV files, per class,
            - a folder with `train/` and `test/`, each with such subfolders,
            - a folder of images with a labels.csv in it, or such a CSV file (see `load_table`),
            - a folder with IDX files in the format of MNIST,
            - an .npz file with x_train and y_train, and optionally x_test, y_test, pool and
              class_names.
        pool: Folder of unlabeled images, including its subfolders.
        pool_only: Whether methods learn from the unlabeled images only. Otherwise they also learn
            from the training images without their labels.
        labels: CSV or TSV file with the label of each image in the folder `source` (see
            `load_table`). None looks for a labels.csv in it.
        pages: Use of further TIFF pages and animation frames. With "first", only the first one is
            read. With "each", each page becomes an image, and images of one file form a group. With
            "channels", each file becomes one image with one channel per page.
        size: Height and width to resize all images to: one number for a square, or (height, width).
            None keeps the size, if all images have the same. If they have several sizes, None takes
            64x64, or 32x32 if more than half of the images are shorter than 64 pixels.
            `tfzero.compare` with the same path takes the largest of 32, 64, 96 and 128 that its
            minutes allow. For clips, the number of mel bands and columns; None takes 32 of each.
        channels: Number of channels, 1 for gray or 3 for RGB; None takes that of the images.
        resize: How images are resized: "stretch", "pad" (adds black margins) or "crop". None
            stretches if a size is given. Otherwise it pads if images have several sizes. Clips are
            stretched to one width, or padded with silence.
        pixel_range: Pair of numbers: the stored values of black and white, which become 0 and 255.
            For example (0, 4095) for 12 bits stored in 16, or (0, 1) for masks. None takes 0..255
            for 8 bits, 0..65535 for 16 bits and 0..1 for floats in arrays. It refuses data for
            which that may be wrong.
        test_share: Share in (0, 1) to hold out, stratified, if the source has no test part. None
            takes 0.3. With None and fewer than 1,000 labelled images, `compare` holds out nothing
            if there are at least as many unlabeled images. It cross-fits instead (see
            `tfzero.data.cross_fit`). "digits" always holds out 500.
        group: Pattern in a file's path, or column of labels.csv. Images that share its value are
            held out together. They also stay on one side wherever a strategy chooses a setting.
        strict: Whether to refuse broken files and classes that are too small, instead of setting
            them aside.
        drop_leaks: Whether to leave out training and unlabeled images that equal a test image.
        transductive: Whether the pool may hold test images. Use it if all images to classify are
            known before pretraining.
        balanced: Whether the labelled subsets of a study have the same number of images per class,
            as far as possible, instead of each class's share.
        rate: Samples per second to resample clips to; None if all clips have one rate.
        clip_seconds: Longest part of a clip to keep, in seconds. None takes a length that 98 of 100
            clips have at most.
        trim_db: Decibels below a clip's loudest moment at which its ends count as silence and are
            cut off. 0 cuts nothing, None takes 25.

    Returns:
        The data set. Without unlabeled images, the training images are the pool.

    Raises:
        InputError: If the source cannot be used. The message says why and how to fix it.
    """
    options = LoadOptions(
        pool=pool,
        pool_only=pool_only,
        labels=labels,
        pages=pages,
        size=size,
        channels=channels,
        resize=resize,
        pixel_range=pixel_range,
        test_share=test_share,
        group=group,
        strict=strict,
        drop_leaks=drop_leaks,
        transductive=transductive,
        balanced=balanced,
        rate=rate,
        clip_seconds=clip_seconds,
        trim_db=trim_db,
    )
    return load(source, options)


def load(source: str | os.PathLike[str], options: LoadOptions) -> ImageData:
    """Does what `load_data` does, by options that were checked already.

    Raises:
        InputError: If the source cannot be used.
    """
    return assemble(read_source(source, options), options)
