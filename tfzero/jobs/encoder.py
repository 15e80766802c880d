"""The encoder that somebody asked for: a name, a file, or a Keras model."""

from __future__ import annotations

import os
import pathlib
from typing import TYPE_CHECKING, Any, NamedTuple

from tfzero.common.checks import InputError
from tfzero.common.seeds import derive_seed
from tfzero.common.surroundings import PRECISIONS, own_settings
from tfzero.jobs.load import is_encoder_file, require_encoder
from tfzero.jobs.source import load_encoder_file, open_encoder_file, require_encoder_takes
from tfzero.networks.architectures import SMALL, Architecture, find_architecture
from tfzero.networks.shapes import count_network

if TYPE_CHECKING:
    import keras

Shape = tuple[int, int, int]


class EncoderStart(NamedTuple):
    """What a single stage starts from.

    Attributes:
        encoder: `.keras` file of an encoder or of a pretraining; None for random weights.
        architecture: What has the random weights.
        precision: What it computes in, one of `PRECISIONS`; None means float32, or what the
            encoder of the file computes in.
    """

    encoder: pathlib.Path | None = None
    architecture: str = SMALL
    precision: str | None = None

    @classmethod
    def read(
        cls, text: str | os.PathLike[str] | None, precision: str | None = None
    ) -> EncoderStart:
        """Returns what options name.

        Raises:
            InputError: If it names neither an architecture nor a file.
        """
        require_encoder(text)
        if text is None:
            return cls(precision=precision)
        if is_encoder_file(text):
            return cls(pathlib.Path(text), precision=precision)
        return cls(architecture=os.fspath(text), precision=precision)

    def build(self, image_shape: Shape, seed: int) -> keras.Model:
        """Returns the encoder in the file, or one of random weights.

        Raises:
            InputError: If the file holds no encoder of such images or one of another precision, or
                the architecture takes no such images.
        """
        from tfzero.networks import build_encoder
        from tfzero.networks.precision import require_same_precision

        if self.encoder is not None:
            encoder = load_encoder_file(self.encoder, image_shape)
            if self.precision is not None:
                require_same_precision(encoder, self.precision, what=str(self.encoder))
            return encoder
        own = derive_seed(seed, "encoder")
        with own_settings(self.precision or PRECISIONS[0]):
            return build_encoder(image_shape, architecture=self.architecture, seed=own)


class StudyEncoder(NamedTuple):
    """The architecture of a study's encoders, before the study's images are known.

    Attributes:
        model: A Keras model whose weights are drawn anew, which knows its images; or None.
        file: Where it comes from, if from a file.
        name: Of the architecture, where there is no model.
    """

    model: keras.Model | None = None
    file: pathlib.Path | None = None
    name: str = SMALL

    @property
    def sides(self) -> tuple[int, int] | None:
        """Height and width that images must have; None where the encoder is built for them."""
        return None if self.model is None else tuple(self.model.input_shape[1:3])

    def count(self, image_shape: Shape) -> int:
        """Returns the multiply-adds by which the encoder reads an image."""
        if self.model is None:
            return self._architecture.count(image_shape)
        return count_network(self.model)

    def takes(self, image_shape: Shape) -> bool:
        """Returns whether it can be built for images of a shape."""
        try:
            self.count(image_shape)
        except InputError:
            return False
        return True

    def build(self, image_shape: Shape) -> keras.Model | None:
        """Returns the encoder of a study; None for the default, which a study builds itself.

        Raises:
            InputError: If it takes no such images.
        """
        if self.model is not None:
            if self.file is not None:
                require_encoder_takes(self.file, self.model, image_shape)
            return self.model
        if self._architecture.is_default:
            return None
        from tfzero.networks import build_encoder  # Keras is slow to import

        return build_encoder(image_shape, architecture=self.name)

    @property
    def _architecture(self) -> Architecture:
        return find_architecture(self.name)


def read_study_encoder(encoder: Any) -> StudyEncoder:
    """Returns what `tfzero.compare` takes as its encoder.

    Args:
        encoder: A Keras model, a `.keras` file, a name of `tfzero.build_encoder`, or None.

    Raises:
        InputError: If it is none of these.
    """
    if encoder is None:
        return StudyEncoder()
    if not isinstance(encoder, str | os.PathLike):
        return StudyEncoder(encoder)
    require_encoder(encoder)
    if not is_encoder_file(encoder):
        return StudyEncoder(name=os.fspath(encoder))
    path = pathlib.Path(encoder)
    return StudyEncoder(open_encoder_file(path), path)


def require_encoder_again(encoder: Any, kept: str | None, folder: pathlib.Path) -> None:
    """Raises if a study that is to grow has an encoder of its own, and none is given now.

    Args:
        encoder: What is given now, or None.
        kept: What identifies the study's own encoder, or None.
        folder: Of the study.

    Raises:
        InputError: As said.
    """
    if kept is not None and encoder is None:
        raise InputError(
            f"The study in {folder} has its own encoder ({kept}). Give the same `encoder` as when "
            "it was started."
        )
