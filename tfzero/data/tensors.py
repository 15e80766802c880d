"""Images from `tf.data` and from TensorFlow Datasets; TensorFlow is imported on use."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tfzero.common.checks import InputError, check_labels, nearest
from tfzero.common.pixels import Extents
from tfzero.data.assemble import assemble
from tfzero.data.collection import Collection, Part, check_part, number_classes
from tfzero.data.dataset import ImageData
from tfzero.data.memory import gather_rows
from tfzero.data.names import name_rows, safe_name
from tfzero.data.options import LoadOptions, Size
from tfzero.data.resize import fit_images, note_fit

if TYPE_CHECKING:
    import tensorflow as tf

PREFIX = "tfds:"
_OPTIONS = ("train", "test", "pool", "data_dir")
_MANY = 2**40  # Rows, where a data set does not know its length.


def from_dataset(
    train: tf.data.Dataset,
    test: tf.data.Dataset | None = None,
    *,
    pool: tf.data.Dataset | None = None,
    class_names: Sequence[str] | None = None,
    name: str = "dataset",
    size: Size = None,
    test_share: float | None = None,
    pixel_range: tuple[float, float] | None = None,
) -> ImageData:
    """Makes a data set from a `tf.data.Dataset`, batched or not. Each element is read once.

    Args:
        train: Data set of `(image, label)` or `{"image": ..., "label": ...}`. Images: uint8 in
            0..255 or float in 0..1, of shape `(H, W, C)` or `(B, H, W, C)`. Labels: integers of
            shape `()` or `(B,)`.
        test: Data set of the same form, or None to hold out a stratified part of `train`.
        pool: Data set of images, or of the same form with labels that are ignored. Methods pretrain
            on these and on the training images.
        class_names: K names. None takes "0", "1", ...
        name: Name of the data set; must be safe as a folder name.
        size: Size to resize all images to: a number or (height, width).
        test_share: Share in (0, 1) to hold out if no test part is given; None as in `load_data`.
        pixel_range: Pair of numbers: the stored values of black and white, as in `from_arrays`.

    Raises:
        InputError: If a data set never ends, or if an argument does not have the form above.
    """
    options = LoadOptions(size=size, test_share=test_share, pixel_range=pixel_range)
    seen = Extents()
    parts = {
        part: _read_part(dataset, part, options, seen)
        for part, dataset in (("train", train), ("test", test), ("pool", pool))
        if dataset is not None
    }
    collection = _collect(parts, class_names, name=name, source=name, options=options, seen=seen)
    return assemble(collection, options)


def load_tfds(source: str, options: LoadOptions) -> Collection:
    """Loads `tfds:NAME[/CONFIG][,train=SPLIT][,test=SPLIT][,pool=SPLIT][,data_dir=FOLDER]`.

    Only prepared data are read: nothing is downloaded. Splits are TFDS's, as train[:10%]; by
    default "train", "test" if there is one, and "unlabelled" or "unlabeled" as the pool.

    Args:
        source: What the user gave.
        options: Size and channels to bring the images to.

    Raises:
        InputError: If TFDS does not know the name, the data are not prepared, or they are no
            images with labels.
    """
    name, asked = _parse_source(source)
    builder = _find_builder(name, asked.get("data_dir"))
    splits = list(builder.info.splits)
    wanted = {"train": asked.get("train", "train"), "test": asked.get("test")}
    wanted["pool"] = asked.get("pool")
    # Mocked data sets know no splits, and give whatever is asked for.
    if wanted["test"] is None and ("test" in splits or not splits):
        wanted["test"] = "test"
    if wanted["pool"] is None:
        wanted["pool"] = next((s for s in splits if s in ("unlabelled", "unlabeled")), None)
    parts, seen = {}, Extents()
    for part, split in wanted.items():
        if split is not None:
            parts[part] = _read_part(_open_split(builder, split, source), part, options, seen)
    features = builder.info.features
    names = getattr(features["label"], "names", None) if "label" in features else None
    return _collect(parts, names, name=safe_name(name), source=source, options=options, seen=seen)


def _collect(parts: Mapping[str, Part], class_names, *, name, source, options, seen) -> Collection:
    if class_names is None:
        labelled = [parts[part].require_labels() for part in ("train", "test") if part in parts]
        class_names = number_classes(np.concatenate(labelled))
    return Collection(
        name=name,
        source=source,
        class_names=tuple(str(each) for each in class_names),
        train=parts["train"],
        test=parts.get("test"),
        pool=parts.get("pool"),
        notes=tuple(note_fit(options)),
        resize=options.resize_mode,
    ).with_values(seen, options.values, where=source, lenient=options.lenient)


def _parse_source(source: str) -> tuple[str, dict[str, str]]:
    name, *options = source.removeprefix(PREFIX).split(",")
    parsed = {}
    for option in options:
        key, equals, value = option.partition("=")
        if key not in _OPTIONS or not equals or not value:
            raise InputError(
                f'"{option}" in "{source}" is not an option; expected '
                f"{PREFIX}NAME[/CONFIG][,train=SPLIT][,test=SPLIT][,pool=SPLIT][,data_dir=FOLDER]."
                f"{nearest(key, _OPTIONS)}"
            )
        parsed[key] = value
    if not name:
        raise InputError(f'"{source}" names no data set; expected, for example, tfds:mnist.')
    return name, parsed


def _find_builder(name: str, data_dir: str | None) -> Any:
    import tensorflow_datasets as tfds

    folder = None if data_dir is None else os.path.expanduser(data_dir)
    try:
        builder = tfds.builder(name, data_dir=folder, try_gcs=False)
    except Exception as error:  # TFDS raises whatever its registry, parser or reader meets.
        known = nearest(name, tfds.list_builders(with_community_datasets=False))
        raise InputError(
            f'TensorFlow Datasets cannot open "{name}" '
            f"({str(error).splitlines()[0]}).{known} Expected the name of a known data set "
            "with its config, such as tfds:mnist."
        ) from error
    return builder


def _open_split(builder: Any, split: str, source: str) -> tf.data.Dataset:
    splits = list(builder.info.splits)
    try:
        return builder.as_dataset(split=split, shuffle_files=False)
    except (ValueError, KeyError, AssertionError) as error:
        if splits:
            raise InputError(
                f'"{source}" has no split "{split}" ({str(error).splitlines()[0]}); known: '
                f"{', '.join(splits)}, or parts such as {splits[0]}[:10%]."
            ) from error
        name, options = _parse_source(source)
        folder = f", data_dir='{options['data_dir']}'" if "data_dir" in options else ""
        raise InputError(
            f"{name} is not prepared in {builder.data_dir}, and tfzero downloads nothing. "
            f"Say where it is, such as tfds:{name},data_dir=FOLDER, or prepare it once: "
            'python -c "import tensorflow_datasets as tfds; '
            f"tfds.builder('{name}'{folder}).download_and_prepare()\""
        ) from error


def _read_part(dataset: tf.data.Dataset, name: str, options: LoadOptions, seen: Extents) -> Part:
    """Reads all of a data set, in some megabytes at a time."""
    import tensorflow as tf

    if not isinstance(dataset, tf.data.Dataset):
        raise InputError(
            f"{name} has type {type(dataset).__name__}; expected a tf.data.Dataset. "
            "For arrays in memory call tfzero.from_arrays."
        )
    count = int(dataset.cardinality())
    if count == tf.data.INFINITE_CARDINALITY:
        raise InputError(f"{name} never ends; expected a finite data set. Remove repeat().")
    image_spec, label_spec = _pick(dataset.element_spec, name, labelled=name != "pool")
    rank = image_spec.shape.rank
    if rank not in (3, 4) or _lacks_channels(image_spec.shape, label_spec):
        element = "x: x[..., None]" if label_spec is None else "x, y: (x[..., None], y)"
        remedy = f"dataset.map(lambda {element})" if rank in (2, 3) else "dataset.map(...)"
        raise InputError(
            f"{name} has images of shape {image_spec.shape}; expected (H, W, C), or batches "
            f"(B, H, W, C). Map the data set: {remedy}."
        )
    labels: list[np.ndarray] = []

    def chunks() -> Iterator[np.ndarray]:
        for element in dataset.as_numpy_iterator():
            image, label = _pick(element, name, labelled=name != "pool")
            images = image if rank == 4 else image[None]
            if label is not None:
                labels.append(np.atleast_1d(label))
            yield fit_images(np.asarray(images), options, name=name, seen=seen)

    stream = chunks()
    first = next(stream, None)
    if first is None:
        raise InputError(f"{name} has no elements; expected images.")
    images = gather_rows(
        _same_shape(first, stream, name),
        most=max(count, 1) * len(first) if count > 0 else _MANY,
        shape=first.shape[1:],
    )
    names = name_rows(name, len(images))
    if name == "pool":
        return Part(images, names)
    part = check_part(images, check_labels(np.concatenate(labels), count=len(images)), name=name)
    return Part(part.images, names, part.labels)


def _lacks_channels(shape: Any, label_spec: Any) -> bool:
    """Whether three axes are a batch of gray images without their channel axis."""
    if len(shape) != 3 or shape[-1] in (None, 1, 3, 4):
        return False
    if label_spec is None:
        return shape[0] is None
    return label_spec.shape.rank == 1 and label_spec.shape[0] != 1


def _same_shape(first, rest, name: str) -> Iterator[np.ndarray]:
    yield first
    for chunk in rest:
        if chunk.shape[1:] != first.shape[1:]:
            raise InputError(
                f"{name} has images of {first.shape[1:]} and of {chunk.shape[1:]}; expected one "
                "size. Pass a size to resize all."
            )
        yield chunk


def _pick(element: Any, name: str, *, labelled: bool) -> tuple[Any, Any]:
    """Returns the image and, where it is wanted, the label of an element or of its spec."""
    if isinstance(element, Mapping):
        if "image" in element and (not labelled or "label" in element):
            return element["image"], element["label"] if labelled else None
        keys = ", ".join(map(str, element))
        raise InputError(f"{name} has the features {keys}; expected image and label.")
    if isinstance(element, (tuple, list)) and (len(element) == 2 or not labelled):
        return element[0], element[1] if labelled else None
    if not labelled and not isinstance(element, (tuple, list)):
        return element, None
    raise InputError(
        f"{name} has elements that are not (image, label). Map the data set to this form."
    )
