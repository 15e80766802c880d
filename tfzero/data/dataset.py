"""The one form in which every later stage sees a data set."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from tfzero.common.checks import InputError, check_labels
from tfzero.common.images import require_image_shape
from tfzero.common.pixels import Extent, PixelRange
from tfzero.data.collection import SetAside, check_counts
from tfzero.data.cross_fit import NUM_FOLDS, CrossFit
from tfzero.data.logmel import LogMel
from tfzero.data.memory import join_rows, take_rows
from tfzero.data.names import Names, safe_name
from tfzero.data.passed_over import Kind
from tfzero.data.spelling import compose


@dataclass(frozen=True, eq=False)
class ImageData:
    """A data set: a pool of unlabeled images, labelled training images and labelled test images.

    Attributes:
        name: Name of letters, digits, dots, dashes and underscores, safe as a folder name.
        pool: uint8 array of shape `(P, H, W, C)` in 0..255, without labels. May be the same array
            as `train_images`.
        train_images: uint8 array of shape `(N, H, W, C)` in 0..255.
        train_labels: int64 array of shape `(N,)` in 0..K-1. Every class occurs at least twice.
        test_images: uint8 array of shape `(M, H, W, C)` in 0..255.
        test_labels: int64 array of shape `(M,)` in 0..K-1. Every class occurs at least once.
        class_names: K different names, K at least 2.
        source: Text that the user gave: "digits", a path, or the name of the arrays.
        notes: Sentences about what loading did.
        names: Paths of the files by part ("train", "test", "pool"), one per image. A missing part
            has no names.
        pool_has_train: Whether the pool begins with all training images.
        set_aside: Files and classes that were found but not used.
        passed_over: Files beside the images that were not read, counted by reason and suffix.
        resize: Mode in which files of another shape were resized: "stretch", "pad" or "crop".
        pixel_range: Stored values of black and white, if the user gave them; they became 0 and 255.
            None if they follow from the type of the files or arrays.
        extents: Values that pixels had before. None for sound, or if nobody knows.
        sound: Settings by which clips of sound became images; None for images.
        transductive: Whether the pool may hold test images.
        balanced: Whether label subsets have the same number of images per class, instead of each
            class's share.
        train_groups: int64 array of shape `(N,)`: the group of each training image. No image is
            judged by a classifier that trained on others of its group. None if no groups are known.
        cross_fit: Offer to cross-fit, if a test part was held out of few labelled images. It says
            how a study can use them all; see `tfzero.data.cross_fit`.
        num_folds: Number of folds: 1 if the test images differ from the training images. Otherwise
            both are all labelled images. A replicate then predicts each fold by a classifier that
            was trained on the other folds.

    Raises:
        InputError: If shapes disagree, or if labels are out of range or too few.
    """

    name: str
    pool: np.ndarray
    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray
    class_names: tuple[str, ...]
    source: str
    notes: tuple[str, ...] = ()
    names: Mapping[str, Names] = field(default_factory=dict)
    pool_has_train: bool = False
    set_aside: tuple[SetAside, ...] = ()
    resize: str = "stretch"
    pixel_range: PixelRange | None = None
    extents: tuple[Extent, ...] = ()
    sound: LogMel | None = None
    transductive: bool = False
    balanced: bool = False
    train_groups: np.ndarray | None = None
    cross_fit: CrossFit | None = None
    num_folds: int = 1
    passed_over: tuple[Kind, ...] = ()

    def __post_init__(self):
        if safe_name(self.name) != self.name:
            raise InputError(
                f'The name "{self.name}" cannot be a folder name; expected letters, digits, '
                f'".", "-" or "_". For example, use "{safe_name(self.name)}".'
            )
        _check_shapes(self)
        _check_class_names(self.class_names)
        check_counts("training", self.train_images, self.train_labels, self.class_names, least=2)
        check_counts("test", self.test_images, self.test_labels, self.class_names, least=1)
        if self.train_groups is not None:
            check_labels(self.train_groups, count=len(self.train_images), name="train_groups")

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of every image."""
        height, width, channels = self.train_images.shape[1:]
        return height, width, channels

    @property
    def num_classes(self) -> int:
        """Number of classes K."""
        return len(self.class_names)

    def groups_of(self, rows: np.ndarray) -> np.ndarray | None:
        """Returns the group of each training image; None if no groups are known."""
        return None if self.train_groups is None else self.train_groups[rows]

    def cross_fitted(self) -> ImageData:
        """Returns the data with all labelled images for training and testing, if that is better.

        Without an offer to cross-fit, it returns the data unchanged.
        """
        offer = self.cross_fit
        if offer is None:
            return self
        images = join_rows(self.train_images, self.test_images)
        labels = np.concatenate([self.train_labels, self.test_labels])
        names = dict(self.names)
        if "train" in names and "test" in names:
            names["train"] = names["test"] = Names([*names["train"], *names["test"]])
        first, kept = offer.pool[0], len(offer.pool)
        is_rest = kept == len(self.pool) - first
        note = (
            "No test part, and few labelled images. Each of the "
            f"{len(images)} is predicted by classifiers that were trained without it "
            f"({NUM_FOLDS}-fold cross-fitting). The pool is the {kept:,} unlabeled images. "
            "To hold out a test part instead, use `test_share`."
        )
        return replace(
            self,
            pool=self.pool[first:] if is_rest else take_rows(self.pool, offer.pool),
            train_images=images,
            train_labels=labels,
            test_images=images,
            test_labels=labels,
            names=names,
            notes=(*(each for each in self.notes if each != offer.note), note),
            pool_has_train=False,
            train_groups=offer.groups,
            cross_fit=None,
            num_folds=NUM_FOLDS,
        )

    @property
    def told_kind(self) -> str | None:
        """Kind of data that the source implies, or None: sound gives "spectrograms"."""
        return None if self.sound is None else "spectrograms"

    @cached_property
    def fingerprint(self) -> str:
        """Hexadecimal hash of all pixels and labels, which are all that decides a result."""
        train = hash_array(self.train_images)
        parts = [
            train if self.pool is self.train_images else hash_array(self.pool),
            train,
            *map(hash_array, (self.train_labels, self.test_images, self.test_labels)),
            str(self.num_classes).encode(),
        ]
        if self.train_groups is not None:  # Else as before there were any.
            parts.append(hash_array(self.train_groups))
        if self.num_folds > 1:
            parts.append(f"{self.num_folds} folds".encode())
        return hashlib.blake2b(b"".join(parts), digest_size=16).hexdigest()

    def describe(self) -> str:
        """Returns one line: name, counts, image shape, number of classes."""
        height, width, channels = self.image_shape
        return (
            f"{self.name}: {len(self.pool)} pool, {len(self.train_images)} training and "
            f"{len(self.test_images)} test images of {height}x{width}x{channels}, "
            f"{self.num_classes} classes"
        )

    def __repr__(self) -> str:
        return f"<ImageData {self.describe()}>"  # the arrays would fill screens

    def _repr_html_(self) -> str:
        """Returns what a notebook shows: counts by class, and sample images."""
        from tfzero.data.notebook import render_data

        parts = {"train": self.train_labels, "test": self.test_labels}
        if self.num_folds > 1:
            parts = {"labelled": self.train_labels}
        return render_data(
            self.name,
            self.image_shape,
            parts=parts,
            class_names=self.class_names,
            images=self.train_images,
            pool=None if self.pool is self.train_images else self.pool,
            notes=self.notes,
        )


def _check_shapes(data: ImageData) -> None:
    for name in ("train_images", "test_images", "pool"):
        images = getattr(data, name)
        if not isinstance(images, np.ndarray) or images.dtype != np.uint8:
            what = getattr(images, "dtype", type(images).__name__)
            raise InputError(
                f"{name} has type {what}; expected a uint8 array. tfzero.from_arrays converts it."
            )
        require_image_shape(images.shape, name=name)
        if images.shape[1:] != data.train_images.shape[1:]:
            raise InputError(
                f"{name} has shape {images.shape} and train_images {data.train_images.shape}; "
                "expected the same height, width and channels. Resize one of them."
            )


def _check_class_names(class_names: tuple[str, ...]) -> None:
    if not isinstance(class_names, tuple) or not all(isinstance(name, str) for name in class_names):
        raise InputError(f"class_names is {class_names!r}; expected a tuple of strings.")
    if len(class_names) < 2:
        known = ", ".join(f'"{name}"' for name in class_names) or "none"
        raise InputError(f"Only one class ({known}); expected at least two. Add another class.")
    composed = [compose(name) for name in class_names]
    if len(set(composed)) < len(composed):
        twice = next(name for name in composed if composed.count(name) > 1)
        raise InputError(f'Two classes are called "{twice}"; expected different names. Rename one.')


def hash_array(array: np.ndarray) -> bytes:
    """Returns a hash of type, shape and values."""
    head = hashlib.blake2b(f"{array.dtype.name}{array.shape}".encode(), digest_size=32)
    head.update(np.ascontiguousarray(array).data)
    return head.digest()
