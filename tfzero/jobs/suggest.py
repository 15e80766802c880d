"""`tfzero suggest`: which images to label first, in a table to fill in and on a page."""

from __future__ import annotations

import os
import pathlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from rich.console import Console

from tfzero.common.checks import InputError, nearest, require_between
from tfzero.common.console import print_plain
from tfzero.common.files import (
    make_folder,
    require_folder_place,
    require_free,
    write_text_file,
)
from tfzero.common.numbers import count_of
from tfzero.common.outlet import standard_output
from tfzero.common.surroundings import own_settings
from tfzero.data.labelling import Folder, read_folder, write_rows
from tfzero.data.names import safe_name
from tfzero.data.options import LoadOptions, Size
from tfzero.data.table import TABLE_NAME
from tfzero.jobs.suggest_features import Wanted
from tfzero.jobs.suggest_page import write_suggestions_page
from tfzero.jobs.suggesting import Asked, Chosen, choose_images
from tfzero.study.screen import working

if TYPE_CHECKING:
    import keras

PAGE_NAME = "suggest.html"


@dataclass(frozen=True)
class Suggestions:
    """Images to label.

    Attributes:
        suggested: Files to label for training, the most useful first, relative to the folder.
        sizes: Number of images that each one stands for: those of its cluster.
        test: Files to label for a test set, drawn at random.
        features: Name of the features that images were compared by.
        notes: Sentences about what was done.
        table: Path of the table to fill in.
        page: Path of the page that shows the images.
        repeats_test: Whether an unlabeled image equals a test image. `tfzero.compare` then needs
            `drop_leaks=True`.
    """

    suggested: tuple[str, ...]
    sizes: tuple[int, ...]
    test: tuple[str, ...]
    features: str
    notes: tuple[str, ...]
    table: pathlib.Path
    page: pathlib.Path
    repeats_test: bool = False

    def to_json(self) -> dict[str, Any]:
        """Returns all of it as JSON has it."""
        pairs = zip(self.suggested, self.sizes, strict=True)
        return {
            "suggested": [{"file": name, "stands_for": size} for name, size in pairs],
            "test": list(self.test),
            "features": self.features,
            "notes": list(self.notes),
            "table": str(self.table),
            "page": str(self.page),
        }


@own_settings()
def suggest(
    pool: str | os.PathLike[str],
    *,
    number: int = 50,
    test: int = 0,
    labels: str | os.PathLike[str] | None = None,
    features: str | None = None,
    encoder: keras.Model | str | os.PathLike[str] | None = None,
    source: str | None = None,
    weights: str | os.PathLike[str] | None = None,
    model: str | os.PathLike[str] | None = None,
    out: str | os.PathLike[str] | None = None,
    pages: str = "first",
    size: Size = None,
    channels: int | None = None,
    resize: str | None = None,
    pixel_range: tuple[float, float] | None = None,
    rate: int | None = None,
    clip_seconds: float | None = None,
    trim_db: float | None = None,
    group: str | None = None,
    seed: int = 0,
    overwrite: bool = False,
    console: Console | None = None,
) -> Suggestions:
    """Suggests which images of a folder to label first: typical ones that are unlike each other.

    Writes a table to fill in and a page that shows the images. The same call with the table that
    was filled in suggests more images, unlike the labelled ones.

    Suggested images are not a random sample, so they must not be used for testing. `test` draws a
    test set at random first. `tfzero.compare` never holds suggested images out for testing.

    Args:
        pool: Path of a folder of images or WAV files; subfolders are included.
        number: Number of images to suggest.
        test: Number of test images to draw uniformly at random from the unlabeled images; 0 draws
            none.
        labels: CSV or TSV file of labels that exist (see `load_data`). None takes the labels.csv in
            the folder, if there is one. Rows with `pool` in the column split are never suggested.
        features: Name of the features to compare images by: "pixels" or "kmeans" (patches that are
            learned on these images). None takes `encoder` or `source`. Without any of these, it is
            the public weights "lite0" for colour images if they are installed, otherwise "kmeans".
        encoder: Keras model from float32 images in 0..1 to features, or a `.keras` file of one.
        source: Name of public weights: "lite0", "imagenet:NAME" or "kerashub:PRESET".
        weights: File of weights for "imagenet:NAME", or folder of a KerasHub preset. None lets
            these libraries find or download them.
        model: Folder of an exported classifier, such as "savedmodels/NAME". Then the suggested
            images are those that it is uncertain of and that are unlike each other.
        out: Folder to write into; None means `suggestions/NAME`.
        pages: Use of further TIFF pages, "first" or "channels"; see `load_data`.
        size: Height and width to resize all images to, for comparing them; see `load_data`.
        channels: Number of channels, 1 for gray or 3 for RGB; None takes that of the images.
        resize: How images are resized: "stretch", "pad" or "crop"; see `load_data`.
        pixel_range: Pair of numbers: the stored values of black and white; see `load_data`.
        rate: Samples per second to resample clips to; None if all clips have one rate.
        clip_seconds: Longest part of a clip to keep, in seconds; see `load_data`.
        trim_db: Decibels below a clip's loudest moment at which its ends are cut off; see
            `load_data`.
        group: Pattern in a file's path. Images that share its value belong together; the test
            images are then of other groups than the suggested and the labelled images.
        seed: Random seed of the test images and the clusters.
        overwrite: Whether to replace the table and the page in the folder.
        console: Console for progress; None means standard output.

    Returns:
        The files, and where the table and the page are.

    Raises:
        InputError: If an argument cannot be used, or there are too few unlabeled images.
        StopError: If a file cannot be written.

    Reference:
        Hacohen et al. 2022, arXiv:2202.02794; see `tfzero.transfer.typical`.
    """
    options = LoadOptions(
        labels=labels,
        pages=pages,
        size=size,
        channels=channels,
        resize=resize,
        pixel_range=pixel_range,
        rate=rate,
        clip_seconds=clip_seconds,
        trim_db=trim_db,
        group=group,
    )
    wanted = Wanted(features, encoder, source, weights)
    exported = None if model is None else pathlib.Path(model)
    asked = Asked(number, test, wanted, exported, seed)
    console = console or Console(file=standard_output(), emoji=False)
    return suggest_from_folder(
        pathlib.Path(pool), options, asked, out=out, overwrite=overwrite, console=console
    )


@own_settings()
def suggest_from_folder(
    pool: pathlib.Path,
    options: LoadOptions,
    asked: Asked,
    *,
    out: str | os.PathLike[str] | None,
    overwrite: bool,
    console: Console,
) -> Suggestions:
    """Does what `suggest` does, by options that were checked already."""
    require_between(asked.number, 1, None, name="`number`")
    require_between(asked.test, 0, None, name="`test`")
    _require_folder(pool)
    asked.features.check()
    place = pathlib.Path("suggestions", safe_name(pool.resolve().name))
    place = place if out is None else pathlib.Path(out)
    table, page = place / TABLE_NAME, place / PAGE_NAME
    require_folder_place(place, chosen_by="out")
    for path in (table, page):
        require_free(path, "folder", overwrite=overwrite, chosen_by="out")
    options = replace(options, size_rule=asked.features.choose_size)
    with working(console, "Reading the images ..."):
        folder = read_folder(pool, _find_table(pool, options), options)
    for sentence in (_count(pool, folder), *folder.notes):
        print_plain(console, sentence)
    chosen = choose_images(pool, folder, asked, console)
    found = Suggestions(
        suggested=tuple(chosen.suggested.names),
        sizes=tuple(chosen.sizes),
        test=() if chosen.test is None else tuple(chosen.test.names),
        features=chosen.features,
        notes=(*folder.notes, *chosen.notes, *_say_test(folder, chosen)),
        table=table,
        page=page,
        repeats_test=chosen.repeats_test,
    )
    make_folder(place)
    write_suggestions_page(page, pool, chosen)
    write_text_file(table, write_rows(folder, found.suggested, found.test, table=table))
    for sentence in (*chosen.notes, *_say_test(folder, chosen), f"Wrote {table} and {page}."):
        print_plain(console, sentence)
    return found


def _require_folder(pool: pathlib.Path) -> None:
    if pool.is_dir():
        return
    hint = ""
    if pool.parent.is_dir():
        hint = nearest(pool.name, sorted(each.name for each in pool.parent.iterdir()))
    what = "is a file" if pool.exists() else "does not exist"
    raise InputError(f"{pool} {what}; expected a folder of images or WAV files.{hint}")


def _find_table(pool: pathlib.Path, options: LoadOptions) -> pathlib.Path | None:
    """Returns the table of labels that exist, or None.

    Raises:
        InputError: If there is no file where one was named.
    """
    if options.labels is None:
        own = pool / TABLE_NAME
        return own if own.is_file() else None
    table = pathlib.Path(options.labels).expanduser()
    if not table.is_file():
        raise InputError(
            f"`labels` is {table}, which is not a file; expected a CSV or TSV file with the "
            "columns file and label."
        )
    return table


def _count(pool: pathlib.Path, folder: Folder) -> str:
    counts = [f"{count_of(len(folder.free.images), 'unlabeled image')}"]
    if folder.labelled is not None:
        counts.append(f"{len(folder.labelled.images):,} labelled for training")
    if folder.test is not None:
        counts.append(f"{len(folder.test.images):,} marked for testing")
    height, width, channels = folder.free.images.shape[1:]
    return f"{pool.resolve().name}: {', '.join(counts)}, {height}x{width}x{channels} pixels"


def _say_test(folder: Folder, chosen: Chosen) -> list[str]:
    """Returns what a study will test on."""
    why = "Suggested images are not a random sample, so a test on them would mislead."
    if folder.test is not None or chosen.test is not None:
        return [f"{why} tfzero compare tests on the images that are marked test, and on no others."]
    if folder.num_random:
        count = count_of(folder.num_random, "earlier label")
        return [f"{why} Without test images, tfzero compare tests on a part of {count}."]
    return [
        f"{why} There are no test images yet, and tfzero compare needs some. Draw them at "
        "random with `test=100`."
    ]
