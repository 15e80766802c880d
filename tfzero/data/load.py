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
        source: "digits" (1,797 digits of 8x8 pixels that come with scikit-learn; write
            "./digits" for a folder of that name), `tfds:NAME` (see `load_tfds`), or a path to

            - a folder with one subfolder of images, or of WAV files, a class,
            - a folder with `train/` and `test/`, each with such subfolders,
            - a folder of images with a labels.csv in it, or such a CSV file (see `load_table`),
            - a folder with IDX files as MNIST has them,
            - an .npz file with x_train, y_train and perhaps x_test, y_test, pool, class_names.
        pool: Folder of unlabeled images, in it or in folders inside it.
        pool_only: Whether methods learn from the unlabeled images alone, not also from the
            training images without their labels.
        labels: CSV or TSV file that names the label of each image in the folder `source` (see
            `load_table`). None looks for a labels.csv in it.
        pages: What the further pages of a TIFF file, and the further frames of an animation, are:
            "first" takes the first alone, "each" makes an image of each, all of one file in one
            group, "channels" makes one image of a file, with a channel for each page.
        size: Height and width to resize all images to: a number (a square), or
            (height, width). None keeps the one size that all images have. Where they have several,
            None takes 64x64, or 32x32 if more than half of the images are shorter than 64 pixels;
            `tfzero.compare`, given the same path, takes the largest of 32, 64, 96 and 128 that
            its minutes allow. Of clips, mel bands and columns; None takes 32 of each.
        channels: 1 for gray or 3 for RGB; None takes what the images are.
        resize: What becomes of the aspect: "stretch", "pad" (black margins) or "crop". None
            stretches to a size that is given, and pads where images have several sizes and none is
            given. Clips are stretched to one width, or padded with silence.
        pixel_range: The darkest and the brightest value that a pixel can have, as the files or
            arrays store them; they become 0 and 255. For example (0, 4095) where 16 bits hold 12,
            (0, 1) for masks. None takes 0..255 of 8 bits, 0..65535 of 16 bits and 0..1 of floats
            in arrays, and refuses data of which that may be wrong.
        test_share: Share in (0, 1) to hold out, stratified, if the source has no test
            part; None for 0.3. With None, `compare` does not hold any out where there are fewer
            than 1,000 labelled images and at least as many unlabeled ones: it cross-fits (see
            `tfzero.data.cross_fit`). "digits" always holds 500 out.
        group: Pattern in the path of a file, or column of labels.csv: images that share it are
            held out together, and are on one side wherever a strategy chooses a setting.
        strict: Whether broken files and too small classes are refused instead of set aside.
        drop_leaks: Whether training and unlabeled images that equal a test image are left out.
        transductive: Whether the pool may hold test images: right where all images to be
            classified are known when one pretrains.
        balanced: Whether the labelled subsets of a study have as many images of each class, as
            far as there are, instead of each class's share.
        rate: Samples a second to resample clips to; None if all have one rate.
        clip_seconds: What is kept of a clip at most. None takes a length that 98 of 100 clips
            keep to.
        trim_db: How far below its loudest moment a clip's ends are silence, which is cut off;
            0 cuts nothing, None takes 25.

    Returns:
        The data set. Without unlabeled images the training images are the pool.

    Raises:
        InputError: If the source cannot be used; the message says why and what to do.
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
