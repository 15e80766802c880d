"""Variational autoencoder."""

from __future__ import annotations

import math

import keras
import tensorflow as tf

from tfzero.common.checks import InputError, require_between, require_choice
from tfzero.common.seeds import derive_seed
from tfzero.networks.decoder import build_decoder, decode_prior, make_generator
from tfzero.networks.precision import PRECISION
from tfzero.networks.scaling import scale_images
from tfzero.pretrain import losses
from tfzero.pretrain.base import Pretrainer
from tfzero.pretrain.requirements import require_count

# Posterior variances stay within e**-10..e**10, beyond which float32 gradients explode.
_LOG_VARIANCE_LIMIT = 10.0
LIKELIHOODS = ("bernoulli", "gaussian")
# Steps between the values of 8-bit pixels on the scale 0..1.
_LEVELS = 255
# Where the pixels' learned standard deviation starts, above its least of one step.
_START_STDDEV = 0.2
# Images that `log_likelihood` reads or decodes at once.
_BATCH = 256


@keras.saving.register_keras_serializable("tfzero")
class VAE(Pretrainer):
    """Variational autoencoder with Gaussian latents.

    One dense layer turns the encoder's features into mean and log variance of the latents. The
    decoder turns a sample of the latents into pixels. It minimizes, in nats per image,

        -log p(x | z) + beta * KL(q(z | x) || N(0, 1)),   z ~ q(z | x).

    For every `beta`, `kl_warmup` and `free_bits`, it reports the evidence lower bound as `elbo`, in
    nats per image, and as `bits_per_dimension`. The likelihood decides which quantity it bounds:

    - "bernoulli": the mean log-probability of the image's random black-and-white versions, where
      each pixel is white with its gray value as probability. The unit is bits of such a pixel. It
      is not comparable to values for 8-bit images.
    - "gaussian": the log density of pixels N(sigmoid of the logits, stddev^2) on the scale 0..1.
      One stddev for all pixels is a trainable weight of at least 1/255. With such a stddev, density
      times 1/255 sums to 1 over the multiples of 1/255. It is then the probability of an 8-bit
      image, and `bits_per_dimension` is its negative log to base 2.

    Args:
        encoder: Keras model from float32 images in 0..1 to features `(B, D)`.
        latent_dim: Number Z of latents.
        likelihood: Likelihood of pixels given latents, "bernoulli" or "gaussian".
        beta: Weight of the KL term; 1 is the evidence lower bound. The default keeps more of the
            image in the latents: a probe on digits gains 2 to 4 points over 1.
        kl_warmup: Number of steps over which the weight of the KL term grows from 0 to `beta` in
            training. The reported `loss` always uses `beta`, so epochs can be compared.
        free_bits: Nats of KL that each latent may have for free, averaged over a batch.
        decoder_width: Number of filters of the decoder's last block; None chooses by image size.
        seed: Random seed of the weights of the new layers and of the latent noise.

    Raises:
        InputError: If the likelihood is unknown, or a number is out of its range.

    Reference:
        Kingma and Welling 2014, arXiv:1312.6114, eq. 10. Beta: Higgins et al. 2017, eq. 4. Warm-up:
        Sønderby et al. 2016, arXiv:1602.02282, section 2.3. Free bits: Kingma et al. 2016,
        arXiv:1606.04934, eq. 15. The learned stddev: Rybkin et al. 2021, arXiv:2006.13202.
    """

    def __init__(
        self,
        encoder: keras.Model,
        *,
        latent_dim: int = 32,
        likelihood: str = "bernoulli",
        beta: float = 0.25,
        kl_warmup: int = 0,
        free_bits: float = 0.0,
        decoder_width: int | None = None,
        seed: int = 0,
    ):
        names = ("loss", "reconstruction", "kl", "elbo", "bits_per_dimension")
        super().__init__(encoder, loss_names=names, seed=seed)
        self.latent_dim = require_count(latent_dim, name="latent_dim")
        self.likelihood = require_choice(likelihood, LIKELIHOODS, what="likelihood")
        self.beta = require_between(beta, 0, None, name="beta")
        self.kl_warmup = require_between(kl_warmup, 0, None, name="kl_warmup")
        self.free_bits = require_between(free_bits, 0, None, name="free_bits")
        self.decoder_width = decoder_width
        self.moments = keras.layers.Dense(
            2 * latent_dim,
            # Small, so that the posterior starts near the prior and the KL term near 0.
            kernel_initializer=keras.initializers.RandomNormal(
                stddev=0.01, seed=derive_seed(seed, "moments")
            ),
            name="moments",
            dtype=PRECISION,
        )
        self.moments.build(encoder.output_shape)
        image_shape = encoder.input_shape[1:]
        self.decoder = build_decoder(
            image_shape,
            latent_dim,
            width=decoder_width,
            precision=self.precision,
            seed=derive_seed(seed, "decoder"),
        )
        if likelihood == "gaussian":
            self.log_stddev = self.add_weight(
                name="log_stddev",
                shape=(),
                initializer=keras.initializers.Constant(math.log(_START_STDDEV)),
            )
        self.built = True

    def train_step(self, data):
        """Minimizes reconstruction and weighted KL term on a batch of images."""
        images = self.take_images(data)
        with tf.GradientTape() as tape:
            terms = self.loss_terms(images, training=True)
            minimized = self.optimizer.scale_loss(self._warm_up(terms))
        variables = self.trainable_variables
        self.optimizer.apply(tape.gradient(minimized, variables), variables)
        return self.track(images, **terms)

    def test_step(self, data):
        """Returns the losses of a batch of images."""
        images = self.take_images(data, training=False)
        return self.track(images, **self.loss_terms(images, training=False))

    def loss_terms(self, images, *, training):
        """Returns the losses of scaled images `(B, H, W, C)` by name, each `()`.

        The `kl` is the whole term. Free bits reduce only `loss`; the warm-up changes neither of
        them.
        """
        mean, log_variance = self.posterior(images, training=training)
        noise = tf.random.stateless_normal(tf.shape(mean), self.step_seed(training=training))
        latents = mean + tf.exp(0.5 * log_variance) * noise  # (B, Z), eq. 4
        logits = self.decoder(latents, training=training)  # (B, H, W, C)
        reconstruction = -tf.reduce_mean(self._log_pixels(images, logits))
        latent_kl = losses.gaussian_kl(mean, log_variance)  # (B, Z)
        kl = tf.reduce_mean(tf.reduce_sum(latent_kl, axis=1))
        penalty = losses.free_bits_kl(latent_kl, self.free_bits) if self.free_bits else kl
        elbo = -reconstruction - kl
        return {
            "loss": reconstruction + self.beta * penalty,
            "reconstruction": reconstruction,
            "kl": kl,
            "elbo": elbo,
            "bits_per_dimension": self.bits_per_dimension(elbo),
        }

    def read_unlabeled(self, images, network):
        """Returns the loss per pixel and channel; see `Pretrainer.read_unlabeled`."""
        del network
        return self.loss_terms(images, training=True)["loss"] / math.prod(images.shape[1:]), None

    def _warm_up(self, terms):
        """Returns what this step minimizes, `()`: the loss with a share of its KL term."""
        if not self.kl_warmup:
            return terms["loss"]
        step = tf.cast(tf.convert_to_tensor(self.optimizer.iterations), tf.float32)
        share = tf.minimum(1.0, step / self.kl_warmup)
        return terms["reconstruction"] + share * (terms["loss"] - terms["reconstruction"])

    def _log_pixels(self, images, logits):
        """Returns log p(x | z) of scaled images, `(B,)`."""
        if self.likelihood == "bernoulli":
            return losses.bernoulli_log_likelihood(images, logits)
        return losses.gaussian_log_likelihood(images, tf.sigmoid(logits), self.pixel_stddev())

    def pixel_stddev(self) -> tf.Tensor:
        """Returns the learned standard deviation of pixels, `()`, on the scale 0..1."""
        if self.likelihood != "gaussian":
            raise InputError(
                f'The likelihood is "{self.likelihood}", which has no standard deviation; '
                'expected "gaussian".'
            )
        # As a sum the least value keeps a gradient, so that learning can come back from it.
        return 1 / _LEVELS + tf.exp(tf.convert_to_tensor(self.log_stddev))

    def bits_per_dimension(self, log_likelihood):
        """Converts a log-likelihood or a bound of one, in nats per image, to bits per dimension.

        Args:
            log_likelihood: Log-likelihood, float32 `(...)`: from `log_likelihood`, or the reported
                `elbo`.

        Returns:
            float32 `(...)`: its negative over H * W * C. The unit is bits of a black-and-white
            pixel for "bernoulli", and of an 8-bit pixel for "gaussian".
        """
        bits = -log_likelihood / (math.prod(self.encoder.input_shape[1:]) * math.log(2))
        return bits + math.log2(_LEVELS) if self.likelihood == "gaussian" else bits

    def log_likelihood(self, images, *, num_samples: int = 100, seed: int = 0) -> tf.Tensor:
        """Estimates log p(x) of each image by importance sampling from its posterior.

        The estimate is a lower bound on average over seeds. It gets tighter with more samples and
        is never below the evidence lower bound. For gray images under "bernoulli", it bounds the
        quantity that the class describes.

        Args:
            images: Images `(N, H, W, C)`, uint8 or floats in 0..1.
            num_samples: Number of latents drawn per image.
            seed: Random seed of the latents.

        Returns:
            float32 `(N,)`, in nats; `bits_per_dimension` converts it.

        Reference:
            Burda et al. 2016, arXiv:1509.00519, eq. 8.
        """
        require_count(num_samples, name="num_samples")
        parts = [
            self._weigh_samples(
                scale_images(images[start : start + _BATCH]), num_samples, derive_seed(seed, start)
            )
            for start in range(0, len(images), _BATCH)
        ]
        return tf.concat(parts, axis=0)

    def _weigh_samples(self, images, num_samples, seed):
        mean, log_variance = self.posterior(images, training=False)  # (B, Z)
        count = len(images)
        # So many samples an image are decoded at once.
        most = max(1, _BATCH // count)
        ratios = []
        for start in range(0, num_samples, most):
            several = min(most, num_samples - start)
            noise = tf.random.stateless_normal((several, count, self.latent_dim), (seed, start))
            latents = mean + tf.exp(0.5 * log_variance) * noise  # (S, B, Z)
            # log p(z) - log q(z | x), whose constants cancel.
            ratio = 0.5 * (tf.square(noise) + log_variance - tf.square(latents))
            logits = self.decoder(tf.reshape(latents, (-1, self.latent_dim)), training=False)
            pixels = self._log_pixels(tf.tile(images, (several, 1, 1, 1)), logits)
            ratios.append(tf.reshape(pixels, (several, count)) + tf.reduce_sum(ratio, axis=2))
        return tf.reduce_logsumexp(tf.concat(ratios, axis=0), axis=0) - math.log(num_samples)

    def posterior(self, images, *, training) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns mean and log variance of the latents of scaled images, each `(B, Z)`."""
        moments = self.moments(self.encoder(images, training=training))  # (B, 2Z)
        mean, log_variance = tf.split(moments, 2, axis=1)
        limit = _LOG_VARIANCE_LIMIT
        return mean, tf.clip_by_value(log_variance, -limit, limit)

    def reconstruct(self, images) -> tf.Tensor:
        """Decodes the posterior mean of each image.

        Args:
            images: Images `(B, H, W, C)`, uint8 or floats in 0..1.

        Returns:
            float32 `(B, H, W, C)` in 0..1.
        """
        mean, _ = self.posterior(scale_images(images), training=False)
        return tf.sigmoid(self.decoder(mean, training=False))

    def decode(self, latents) -> tf.Tensor:
        """Returns float32 images `(B, H, W, C)` in 0..1 of latents `(B, Z)`."""
        return tf.sigmoid(self.decoder(latents, training=False))

    def generate(self, count: int, *, seed: int = 0) -> tf.Tensor:
        """Decodes latents drawn from the prior.

        Args:
            count: Number of images.
            seed: Random seed of the latents.

        Returns:
            float32 `(count, H, W, C)` in 0..1.
        """
        return decode_prior(self.decoder, count, seed=seed)

    def parts(self) -> dict[str, keras.Model]:
        """Returns `encoder`, `posterior` from images to latents, `decoder` from latents to images.

        The posterior returns `mean` and `stddev` of the latents, each `(B, Z)`.
        """
        return {
            **super().parts(),
            "posterior": _Posterior(self),
            "decoder": make_generator(self.decoder),
        }

    def get_config(self) -> dict:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "latent_dim": self.latent_dim,
            "likelihood": self.likelihood,
            "beta": self.beta,
            "kl_warmup": self.kl_warmup,
            "free_bits": self.free_bits,
            "decoder_width": self.decoder_width,
        }


class _Posterior(keras.Model):
    """The first half of a VAE: what an image says about its latents."""

    def __init__(self, vae: VAE):
        super().__init__(dtype=PRECISION)
        self.vae = vae
        self.built = True

    @property
    def input_shape(self):
        """`(None, H, W, C)`, the encoder's."""
        return self.vae.encoder.input_shape

    def call(self, images, training=False):
        """Returns mean and standard deviation of the latents, each `(B, Z)`."""
        mean, log_variance = self.vae.posterior(images, training=training)
        return {"mean": mean, "stddev": tf.exp(0.5 * log_variance)}

    def get_config(self) -> dict:
        """Returns the constructor's argument."""
        return {"vae": keras.saving.serialize_keras_object(self.vae)}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """Rebuilds it; weights are loaded separately."""
        return cls(keras.saving.deserialize_keras_object(config["vae"], custom_objects))
