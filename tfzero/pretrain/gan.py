"""Generative adversarial network whose discriminator's body is the encoder."""

from __future__ import annotations

import keras
import tensorflow as tf

from tfzero._seeds import derive_seed
from tfzero.networks.decoder import build_decoder, decode_prior, make_generator
from tfzero.networks.scaling import scale_images
from tfzero.pretrain import losses
from tfzero.pretrain.base import Pretrainer


@keras.saving.register_keras_serializable("tfzero")
class GAN(Pretrainer):
    """Non-saturating GAN with an R1 penalty; the discriminator is `encoder` plus one unit.

    Both networks are updated simultaneously from one pass: the fakes are generated once, real
    and fake go through the discriminator together, and each loss is differentiated only to its
    own network's weights, as they were before the step.

    Args:
        encoder: Keras model from float32 images in 0..1 to features `(B, D)`.
        latent_dim: Z, the number of latents.
        r1_weight: gamma of the R1 penalty, gamma / 2 * E |grad D(x)|^2 on real images.
        r1_interval: The penalty is computed each so many steps and weighted up as much.
        discriminator_learning_rate: Of the discriminator's Adam. The optimizer given to
            `compile` is the generator's.
        generator_width: Filters of the generator's last block; None chooses by image size.
        seed: Draws the weights of the new layers and the latents.

    Reference:
        Goodfellow et al. 2014, arXiv:1406.2661, eq. 1; R1: Mescheder et al. 2018,
        arXiv:1801.04406, eq. 9; its interval: Karras et al. 2020, arXiv:1912.04958, appendix B.
    """

    def __init__(
        self,
        encoder: keras.Model,
        *,
        latent_dim: int = 32,
        r1_weight: float = 1.0,
        r1_interval: int = 8,
        discriminator_learning_rate: float = 1e-3,
        generator_width: int | None = None,
        seed: int = 0,
    ):
        names = ("discriminator_loss", "generator_loss", "real_logit", "fake_logit")
        super().__init__(encoder, loss_names=names, seed=seed)
        self.latent_dim = latent_dim
        self.r1_weight = r1_weight
        self.r1_interval = r1_interval
        self.discriminator_learning_rate = discriminator_learning_rate
        self.generator_width = generator_width
        initializer = keras.initializers.LecunNormal(derive_seed(seed, "real"))
        self.realness = keras.layers.Dense(1, kernel_initializer=initializer, name="realness")
        self.realness.build(encoder.output_shape)
        image_shape = encoder.input_shape[1:]
        self.generator = build_decoder(
            image_shape, latent_dim, width=generator_width, seed=derive_seed(seed, "generator")
        )
        # Built here over its own variables: an unbuilt optimizer loses its state on resume.
        # beta_1 = 0.5 as in Radford et al. 2016, arXiv:1511.06434, section 4.
        self.discriminator_optimizer = keras.optimizers.Adam(
            discriminator_learning_rate, beta_1=0.5, name="discriminator_adam"
        )
        self.discriminator_optimizer.build(self.discriminator_variables)
        self.built = True

    @property
    def discriminator_variables(self) -> list:
        """Trainable variables of encoder and head; disjoint from the generator's."""
        return self.encoder.trainable_variables + self.realness.trainable_variables

    def compile(self, optimizer="adam", **kwargs):
        """Configures training; see `keras.Model.compile`.

        Args:
            optimizer: The generator's. The discriminator has its own.
            **kwargs: Passed on to Keras, for example `jit_compile` or `steps_per_execution`.
        """
        super().compile(optimizer=optimizer, **kwargs)
        self.optimizer.build(self.generator.trainable_variables)

    def compile_from_config(self, config):
        """Compiles as saved, each optimizer over its own network's variables."""
        self.compile(**keras.saving.deserialize_keras_object(config))

    def train_step(self, data):
        """Updates discriminator and generator simultaneously on a batch of images."""
        images = self.take_images(data)
        latents = self._latents(tf.shape(images)[0])
        with tf.GradientTape(persistent=True) as tape:
            terms = self.loss_terms(images, latents, training=True)
        generator_variables = self.generator.trainable_variables
        generator_gradient = tape.gradient(terms["generator_loss"], generator_variables)
        variables = self.discriminator_variables
        gradient = tape.gradient(terms["discriminator_loss"], variables)
        del tape
        penalty = self._penalty_gradient(images, variables)
        gradient = [part + extra for part, extra in zip(gradient, penalty, strict=True)]
        self.optimizer.apply(generator_gradient, generator_variables)
        self.discriminator_optimizer.apply(gradient, variables)
        return self.track(**terms)

    def test_step(self, data):
        """Returns the losses of a batch of images, the penalty aside."""
        images = self.take_images(data)
        latents = self._latents(tf.shape(images)[0])
        return self.track(**self.loss_terms(images, latents, training=False))

    def _latents(self, count):
        return tf.random.stateless_normal((count, self.latent_dim), self.step_seed())

    def loss_terms(self, images, latents, *, training):
        """Returns the losses of scaled images `(B, H, W, C)` by name, each `()`."""
        fakes = tf.sigmoid(self.generator(latents, training=training))  # (B, H, W, C)
        both = tf.concat([images, fakes], axis=0)  # (2B, H, W, C)
        logits = self.realness(self.encoder(both, training=training))  # (2B, 1)
        real_logits, fake_logits = tf.split(logits, 2, axis=0)
        return {
            "discriminator_loss": losses.discriminator_loss(real_logits, fake_logits),
            "generator_loss": losses.generator_loss(fake_logits),
            "real_logit": tf.reduce_mean(real_logits),
            "fake_logit": tf.reduce_mean(fake_logits),
        }

    def _penalty_gradient(self, images, variables):
        """Returns the R1 penalty's gradient to `variables`; zeros between its steps."""

        def compute():
            with tf.GradientTape() as outer:
                with tf.GradientTape() as inner:
                    inner.watch(images)
                    logits = self.realness(self.encoder(images, training=True))  # (B, 1)
                gradient = inner.gradient(logits, images)  # (B, H, W, C)
                weight = 0.5 * self.r1_weight * self.r1_interval
                penalty = weight * losses.squared_gradient_norm(gradient)
            return outer.gradient(
                penalty,
                [variable.value for variable in variables],
                unconnected_gradients=tf.UnconnectedGradients.ZERO,  # the last bias
            )

        def skip():
            return [tf.zeros(variable.shape) for variable in variables]

        step = tf.convert_to_tensor(self.discriminator_optimizer.iterations)
        return tf.cond(tf.math.floormod(step, self.r1_interval) == 0, compute, skip)

    def generate(self, count: int, *, seed: int = 0) -> tf.Tensor:
        """Generates images from latents drawn from the prior.

        Args:
            count: How many images.
            seed: Draws the latents.

        Returns:
            float32 `(count, H, W, C)` in 0..1.
        """
        return decode_prior(self.generator, count, seed=seed)

    def decode(self, latents) -> tf.Tensor:
        """Returns float32 images `(B, H, W, C)` in 0..1 of latents `(B, Z)`."""
        return tf.sigmoid(self.generator(latents, training=False))

    def judge(self, images) -> tf.Tensor:
        """Returns the discriminator's logits `(B,)`, positive for what it takes for real."""
        features = self.encoder(scale_images(images), training=False)
        return self.realness(features)[:, 0]

    def parts(self) -> dict[str, keras.Model]:
        """Returns `encoder`, and `generator` from latents to images."""
        return {**super().parts(), "generator": make_generator(self.generator)}

    def get_config(self) -> dict:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "latent_dim": self.latent_dim,
            "r1_weight": self.r1_weight,
            "r1_interval": self.r1_interval,
            "discriminator_learning_rate": self.discriminator_learning_rate,
            "generator_width": self.generator_width,
        }
