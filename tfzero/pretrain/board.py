"""TensorBoard during pretraining: losses, and pictures of what the method makes."""

from __future__ import annotations

import importlib.util
import os
import pathlib

import keras
import numpy as np
import tensorflow as tf

from tfzero.common.checks import InputError
from tfzero.common.files import require_folder_place
from tfzero.pretrain.base import Pretrainer
from tfzero.pretrain.pictures import list_pictures

# Images reconstructed, in two rows of pairs.
_NUM_IMAGES = 16


def make_board(folder: str | os.PathLike, images: np.ndarray) -> list[keras.callbacks.Callback]:
    """Returns callbacks that write losses and pictures for TensorBoard after every epoch.

    Args:
        folder: For `tensorboard --logdir FOLDER`.
        images: `(N, H, W, C)`, uint8 or floats in 0..1; some of them are reconstructed.

    Raises:
        InputError: If TensorBoard is not installed: TensorFlow 2.21 does not bring it along.
    """
    if importlib.util.find_spec("tensorboard") is None:
        raise InputError(
            "TensorBoard is not installed. It is the package tensorboard, which TensorFlow "
            'no longer includes. Install it: pip install "tfzero[tensorboard]".'
        )
    require_folder_place(pathlib.Path(folder), chosen_by="tensorboard")
    losses = keras.callbacks.TensorBoard(str(folder), write_graph=False)
    return [losses, BoardPictures(folder, images)]


class BoardPictures(keras.callbacks.Callback):
    """Writes what a method makes as TensorBoard images after every epoch.

    Args:
        folder: For `tensorboard --logdir FOLDER`; the pictures' run is called "pictures".
        images: `(N, H, W, C)`, uint8 or floats in 0..1; up to 16 of them are reconstructed.
        seed: Draws samples and latents: the same in every epoch.
    """

    def __init__(self, folder: str | os.PathLike, images: np.ndarray, *, seed: int = 0):
        super().__init__()
        self._folder = os.path.join(folder, "pictures")
        chosen = np.linspace(0, len(images) - 1, min(_NUM_IMAGES, len(images))).astype(int)
        self._images = np.asarray(images[chosen])
        self._seed = seed

    def on_train_begin(self, logs=None):
        """Opens the file."""
        self._writer = tf.summary.create_file_writer(self._folder)

    def on_epoch_end(self, epoch, logs=None):
        """Writes the pictures."""
        model = self.model
        if not isinstance(model, Pretrainer):
            return
        with self._writer.as_default():
            for name, grid in list_pictures(model, images=self._images, seed=self._seed):
                tf.summary.image(name, grid[None], step=epoch)
        self._writer.flush()

    def on_train_end(self, logs=None):
        """Closes the file."""
        self._writer.close()
