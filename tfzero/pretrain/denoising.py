"""Denoising autoencoder: restore what noise and masked patches took from an image."""

from __future__ import annotations

import keras
import tensorflow as tf

from tfzero.common.checks import require_between
from tfzero.common.seeds import derive_seed
from tfzero.networks.decoder import build_decoder
from tfzero.networks.scaling import scale_images
from tfzero.pretrain import losses
from tfzero.pretrain.base import Pretrainer
from tfzero.pretrain.requirements import require_count

# What a masked pixel shows: 0 after the encoder's own centring, and a colour of no image.
_MASKED = 0.5
# Of a batch of equal images, which has none.
_LEAST_VARIANCE = 1e-3


@keras.saving.register_keras_serializable("tfzero")
class Denoising(Pretrainer):
    """Autoencoder of images with Gaussian noise and masked patches.

    The decoder restores the original image from the encoder's features of the corrupted one. It
    minimizes `|x - g(f(corrupted x))|^2`, the squared error summed over all pixels of an image,
    masked or not. The only bottleneck is the features; without corruption, this is a plain
    autoencoder.

    Args:
        encoder: Keras model from float32 images in 0..1 to features `(B, D)`.
        noise_stddev: Standard deviation of the noise added to each pixel, on the scale 0..1. The
            sum is not clipped.
        mask_share: Share of the patches that turn gray, in 0..1, the same in every image.
        patch_size: Side of a square patch in pixels; None means a seventh of the shorter side.
            Patches at the right and the lower edge are cut where the image ends.
        decoder_width: Number of filters of the decoder's last block; None chooses by image size.
        seed: Random seed of the decoder's weights, the noise and the patches.

    Raises:
        InputError: If an amount is out of its range.

    Reference:
        Vincent et al. 2010, Journal of Machine Learning Research 11, section 3.3. Masks of whole
        patches: Pathak et al. 2016, arXiv:1604.07379, and He et al. 2022, arXiv:2111.06377, who
        ask for the masked pixels only.
    """

    def __init__(
        self,
        encoder: keras.Model,
        *,
        noise_stddev: float = 0.2,
        mask_share: float = 0.5,
        patch_size: int | None = None,
        decoder_width: int | None = None,
        seed: int = 0,
    ):
        super().__init__(encoder, loss_names=("loss",), seed=seed)
        height, width, _ = image_shape = encoder.input_shape[1:]
        self.noise_stddev = require_between(noise_stddev, 0, None, name="noise_stddev")
        self.mask_share = require_between(mask_share, 0, 1, name="mask_share")
        self.patch_size = patch_size
        side = max(1, round(min(height, width) / 7)) if patch_size is None else patch_size
        require_between(side, 1, min(height, width), name="patch_size")
        self._patch = require_count(side, name="patch_size")
        self._grid = (-(-height // self._patch), -(-width // self._patch))
        self.decoder_width = decoder_width
        [num_features] = encoder.output_shape[1:]
        self.decoder = build_decoder(
            image_shape,
            num_features,
            width=decoder_width,
            precision=self.precision,
            seed=derive_seed(seed, "decoder"),
        )
        self.built = True

    def train_step(self, data):
        """Minimizes the squared error of a batch of images restored from corrupted ones."""
        images = self.take_images(data)
        with tf.GradientTape() as tape:
            terms = self.loss_terms(images, training=True)
            scaled = self.optimizer.scale_loss(terms["loss"])
        variables = self.trainable_variables
        self.optimizer.apply(tape.gradient(scaled, variables), variables)
        return self.track(images, **terms)

    def test_step(self, data):
        """Returns the loss of a batch of images, corrupted as in training."""
        images = self.take_images(data, training=False)
        return self.track(images, **self.loss_terms(images, training=False))

    def loss_terms(self, images, *, training):
        """Returns the loss of scaled images `(B, H, W, C)` by name, `()`."""
        corrupted = self.corrupt(images, training=training)  # (B, H, W, C)
        features = self.encoder(corrupted, training=training)  # (B, D)
        restored = tf.sigmoid(self.decoder(features, training=training))  # (B, H, W, C)
        return {"loss": losses.squared_error(images, restored)}

    def read_unlabeled(self, images, network):
        """Returns the loss over the images' own variance; see `Pretrainer.read_unlabeled`."""
        del network
        deviations = tf.square(images - tf.reduce_mean(images, axis=0, keepdims=True))
        variance = tf.reduce_mean(tf.reduce_sum(deviations, axis=(1, 2, 3)))  # of whole images
        loss = self.loss_terms(images, training=True)["loss"]
        return loss / tf.maximum(variance, _LEAST_VARIANCE), None

    def corrupt(self, images, *, training=True):
        """Returns scaled images `(B, H, W, C)` with this step's noise and gray patches."""
        seeds = [self.step_seed(stream=stream, training=training) for stream in (0, 1)]
        return self._corrupt(images, *seeds)

    def draw_views(self, images, *, seed):
        """Returns images and corrupted ones, each `(B, H, W, C)`; see `Pretrainer.draw_views`."""
        return images, self._corrupt(images, seed, seed + 1)

    def _corrupt(self, images, noise_seed, mask_seed):
        noise = tf.random.stateless_normal(tf.shape(images), noise_seed)
        masked = self._draw_mask(tf.shape(images)[0], mask_seed)
        return tf.where(masked, _MASKED, images + self.noise_stddev * noise)

    def _draw_mask(self, count, seed):
        """Returns bool `(B, H, W, 1)`, in each image the same share of patches drawn anew."""
        rows, columns = self._grid
        hidden = round(self.mask_share * rows * columns)
        shape = tf.stack([count, rows * columns])
        # Sorting independent draws shuffles each image's patches; the first `hidden` are masked.
        order = tf.argsort(tf.random.stateless_uniform(shape, seed), axis=1)
        # In 64 bits: 32 are compared on the host, whatever the device.
        masked = tf.reshape(tf.cast(order, tf.int64) < hidden, (-1, rows, columns, 1))
        masked = tf.repeat(tf.repeat(masked, self._patch, axis=1), self._patch, axis=2)
        height, width = self.encoder.input_shape[1:3]
        return masked[:, :height, :width]  # (B, H, W, 1)

    def reconstruct(self, images) -> tf.Tensor:
        """Restores images from their features, without corrupting them first.

        Args:
            images: Images `(B, H, W, C)`, uint8 or floats in 0..1, corrupted or not.

        Returns:
            float32 `(B, H, W, C)` in 0..1.
        """
        features = self.encoder(scale_images(images), training=False)  # (B, D)
        return tf.sigmoid(self.decoder(features, training=False))

    def get_config(self) -> dict:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "noise_stddev": self.noise_stddev,
            "mask_share": self.mask_share,
            "patch_size": self.patch_size,
            "decoder_width": self.decoder_width,
        }
