"""A public network as part of an encoder: some of it stays as published, whatever is trained."""

from __future__ import annotations

import keras


@keras.saving.register_keras_serializable("tfzero")
class PublicNetwork(keras.Model):
    """A functional network that keeps its statistics and draws nothing at random in training.

    Training changes its weights, but for those of these layers. They stay frozen where everything
    around them is unfrozen, and after the network comes back from a file:

    - Batch normalization: a few labelled images give worse statistics than the published ones.
    - Layers with a mask token, which no gradient reaches outside the network's own pretraining.
    - Layers of KerasHub that compute their weights when a file is read, such as position
      embeddings that fit one size of images: trained ones would come back changed.

    Args:
        *args: As of a functional `keras.Model`.
        **kwargs: As of a functional `keras.Model`.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._freeze()

    def call(self, inputs, training=None, mask=None):
        """Returns the features; as in prediction, also in training."""
        del training
        return super().call(inputs, training=False, mask=mask)

    @property
    def trainable(self) -> bool:
        """Whether training changes its weights, but for those that stay as published."""
        return keras.layers.Layer.trainable.fget(self)

    @trainable.setter
    def trainable(self, value: bool):
        keras.layers.Layer.trainable.fset(self, value)
        self._freeze()

    def _freeze(self) -> None:
        for layer in list_frozen(self):
            layer.trainable = False


def list_frozen(network: keras.Model) -> list[keras.layers.Layer]:
    """Returns the layers of a public network that training leaves as they are."""
    layers = network._flatten_layers(include_self=False)
    return [layer for layer in layers if _has_statistics(layer) or is_published_only(layer)]


def _has_statistics(layer: keras.layers.Layer) -> bool:
    return isinstance(layer, keras.layers.BatchNormalization)


def is_published_only(layer: keras.layers.Layer) -> bool:
    """Returns whether a layer has a mask token, or computes weights when a file is read."""
    own = [kind for kind in type(layer).__mro__ if kind.__module__.startswith("keras_hub.")]
    computes = any("load_own_variables" in vars(kind) for kind in own)
    return computes or hasattr(layer, "mask_token")
