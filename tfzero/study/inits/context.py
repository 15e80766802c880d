"""What an init asks of a study, and what decides its settings."""

from __future__ import annotations

import pathlib
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

if TYPE_CHECKING:
    import keras

    from tfzero.data.source_task import SourceTask


class Context(Protocol):
    """What an init asks of a study: its images, its settings and its other encoders."""

    @property
    def unfinished(self) -> pathlib.Path:
        """Where pretraining that is under way is kept."""
        ...

    @property
    def pool(self) -> np.ndarray:
        """The unlabeled images of the target, uint8 `(N, H, W, C)`."""
        ...

    @property
    def source(self) -> SourceTask:
        """The other data set; there is one."""
        ...

    def settings(self, word: str) -> Any:
        """Returns how an init learns, from the plan."""
        ...

    def encoder_key(self, word: str, replicate: int) -> str:
        """Returns the name of the files of a learnt encoder."""
        ...

    def start_key(self, word: str, replicate: int) -> str:
        """Returns a name unique to all that decides an encoder that no job makes."""
        ...

    def random_encoder(self, replicate: int) -> keras.Model:
        """Returns the encoder with the random weights that all arms of a replicate start from."""
        ...

    def load_encoder(self, word: str, replicate: int) -> keras.Model | None:
        """Returns the encoder that an init's arms start from."""
        ...

    def load_learnt(self, word: str, replicate: int) -> keras.Model:
        """Returns a learnt encoder from its file."""
        ...

    def load_given(self) -> keras.Model:
        """Returns the encoder that came ready, from its file."""
        ...

    def read_given(self) -> Stored:
        """Returns what the encoder that came ready makes of the pool, read once for all."""
        ...

    def load_patches(self) -> keras.Model:
        """Returns the k-means patches that tell which images are near, one for all replicates."""
        ...


class Stored(NamedTuple):
    """What was read once, and is stored for all who need it.

    Attributes:
        features: float32 `(N, D)`.
        seconds: What reading them took, in whichever process.
    """

    features: np.ndarray
    seconds: float


class Occasion(NamedTuple):
    """What decides an init's settings.

    Attributes:
        num_pool: How many unlabeled images the target has.
        image_shape: Height, width and channels of the target's images.
        source: Another data set, or None.
        epochs: Passes over the images; None chooses by their number.
        kind: The kind of the target's images. The source knows its own.
    """

    num_pool: int
    image_shape: tuple[int, int, int]
    source: SourceTask | None
    epochs: int | None
    kind: str


class Counts(NamedTuple):
    """How many images there are.

    Attributes:
        pool: Of the target, unlabeled.
        source: Of the source, labelled ones included.
        labelled: Of the source, labelled.
    """

    pool: int
    source: int = 0
    labelled: int = 0
