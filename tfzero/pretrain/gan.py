"""Generative adversarial network whose discriminator's body is the encoder."""

from __future__ import annotations

import keras
import tensorflow as tf

from tfzero.common.adam import FusedAdam
from tfzero.common.checks import require_between, require_choice
from tfzero.common.loss_scaling import scale_losses
from tfzero.common.seeds import derive_seed
from tfzero.networks.averaging import move_averages
from tfzero.networks.decoder import build_decoder, decode_prior, make_generator
from tfzero.networks.precision import PRECISION
from tfzero.networks.scaling import scale_images
from tfzero.pretrain import losses
from tfzero.pretrain.base import Pretrainer
from tfzero.pretrain.requirements import require_count

GENERATOR_LOSSES = ("nonsaturating", "feature_matching")
# Of both Adams by default, as in Radford et al. 2016, arXiv:1511.06434, section 4.
_BETA_1 = 0.5


@keras.saving.register_keras_serializable("tfzero")
class GAN(Pretrainer):
    """Non-saturating GAN with an R1 penalty; the discriminator is `encoder` plus one unit.

    Both networks are updated simultaneously. The discriminator scores the generated images once and
    the real images once. Each loss is differentiated only with respect to its own network, with the
    weights before the step.

    Args:
        encoder: Keras model from float32 images in 0..1 to features `(B, D)`.
        latent_dim: Number Z of latents.
        generator_loss: Loss of the generator: "nonsaturating" or "feature_matching". The latter is
            the squared distance between the mean features of real and generated images. It is meant
            for learning features, not for samples.
        r1_weight: Weight gamma of the R1 penalty, `gamma / 2 * E |grad D(x)|^2` on real images. On
            Fashion-MNIST after 3 passes, 0.1 gives 0.02 to 0.03 more precision and coverage than 1.
            With 0.01, the discriminator wins within 330 steps and precision stays below 0.15 of
            real-against-real. (All from one run each.)
        r1_interval: Number of steps from one computation of the penalty to the next. The penalty is
            multiplied by the same number.
        discriminator_learning_rate: Learning rate of the discriminator's Adam; its highest value if
            the rate falls. The generator's rate is the same, unless `compile` gets another
            optimizer.
        averaging: Decay per step of the average of the generator's weights over time. `generate`
            and `parts` use this average. Young averages forget faster: after t steps, the decay is
            at most (1 + t) / (10 + t). At 0, the average is the generator itself. After 384 steps
            on Fashion-MNIST, the average has a coverage over real-against-real of 0.35, and the
            generator itself 0.14. Its precision is 0.85 against 0.36 (one run).
        generator_width: Number of filters of the generator's last block; None chooses by image
            size.
        seed: Random seed of the weights of the new layers and of the latents.

    Raises:
        InputError: If the generator's loss is unknown, or a number is out of its range.

    Reference:
        Goodfellow et al. 2014, arXiv:1406.2661, eq. 1. R1: Mescheder et al. 2018, arXiv:1801.04406,
        eq. 9. Its interval: Karras et al. 2020, arXiv:1912.04958, appendix B. Feature matching:
        Salimans et al. 2016, arXiv:1606.03498, section 3.1. The average: Yazici et al. 2019,
        arXiv:1806.04498.
    """

    def __init__(
        self,
        encoder: keras.Model,
        *,
        latent_dim: int = 32,
        generator_loss: str = "nonsaturating",
        r1_weight: float = 1.0,
        r1_interval: int = 8,
        discriminator_learning_rate: float = 5e-4,
        averaging: float = 0.999,
        generator_width: int | None = None,
        seed: int = 0,
    ):
        names = ("discriminator_loss", "generator_loss", "real_logit", "fake_logit")
        super().__init__(encoder, loss_names=names, seed=seed)
        self.latent_dim = require_count(latent_dim, name="latent_dim")
        self.generator_loss = require_choice(
            generator_loss, GENERATOR_LOSSES, what="generator_loss"
        )
        self.r1_weight = require_between(r1_weight, 0, None, name="r1_weight")
        self.r1_interval = require_count(r1_interval, name="r1_interval")
        self.discriminator_learning_rate = require_between(
            discriminator_learning_rate, 0, None, name="discriminator_learning_rate"
        )
        self.averaging = require_between(averaging, 0, 1, name="averaging")
        self.generator_width = generator_width
        initializer = keras.initializers.LecunNormal(derive_seed(seed, "real"))
        self.realness = keras.layers.Dense(
            1, kernel_initializer=initializer, name="realness", dtype=PRECISION
        )
        self.realness.build(encoder.output_shape)
        self.generator, self.averaged_generator = self._build_generators()
        # Built here over its own variables: an unbuilt optimizer loses its state on resume.
        adam = FusedAdam(discriminator_learning_rate, beta_1=_BETA_1, name="discriminator_adam")
        self.discriminator_optimizer = scale_losses(adam, self.precision)
        self.discriminator_optimizer.build(self.discriminator_variables)
        self.built = True

    def _build_generators(self) -> tuple[keras.Model, keras.Model]:
        """Returns the generator, and its average, which starts equal."""
        shape, own = self.encoder.input_shape[1:], derive_seed(self.seed, "generator")
        trained, averaged = (
            build_decoder(
                shape,
                self.latent_dim,
                width=self.generator_width,
                precision=self.precision,
                seed=own,
            )
            for _ in range(2)
        )
        averaged.trainable = False
        return trained, averaged

    def make_optimizer(self, learning_rate: float) -> keras.optimizers.Optimizer:
        """Returns the generator's Adam, with as little momentum as the discriminator's."""
        return FusedAdam(learning_rate, beta_1=_BETA_1)

    def follow_rate(self, share: float) -> None:
        """Sets the discriminator's learning rate to a share of `discriminator_learning_rate`."""
        self.discriminator_optimizer.learning_rate = share * self.discriminator_learning_rate

    @property
    def discriminator_variables(self) -> list:
        """Trainable variables of encoder and head; disjoint from the generator's."""
        return self.encoder.trainable_variables + self.realness.trainable_variables

    def compile(self, optimizer=None, **kwargs):
        """Configures training of both networks from the start; see `keras.Model.compile`.

        The discriminator's optimizer also forgets what it learned, and gets its initial rate back.

        Args:
            optimizer: The generator's optimizer. None is `make_optimizer` at the discriminator's
                rate. The discriminator has another one.
            **kwargs: Arguments passed on to Keras, for example `jit_compile` or
                `steps_per_execution`.
        """
        if optimizer is None:
            optimizer = self.make_optimizer(self.discriminator_learning_rate)
        super().compile(optimizer=optimizer, **kwargs)
        self.optimizer.build(self.generator.trainable_variables)
        self.discriminator_optimizer.forget()
        self.follow_rate(1.0)

    def compile_from_config(self, config):
        """Compiles as saved, each optimizer over its own network's variables."""
        self.compile(**keras.saving.deserialize_keras_object(config))

    def train_step(self, data):
        """Updates discriminator and generator simultaneously on a batch of images."""
        images = self.take_images(data)
        latents = self._latents(tf.shape(images)[0], training=True)
        variables, generator_variables = (
            self.discriminator_variables,
            self.generator.trainable_variables,
        )
        real, real_gradient = self._learn_real(images, variables)
        with tf.GradientTape(persistent=True) as tape:
            terms = self.loss_terms(real, self._judge_fakes(latents, training=True))
            generator_loss = self.optimizer.scale_loss(terms["generator_loss"])
            fake_loss = self.discriminator_optimizer.scale_loss(terms["discriminator_loss"])
        generator_gradient = tape.gradient(generator_loss, generator_variables)
        # The tape has seen the fakes only; the real images' part is there already.
        fake_gradient = tape.gradient(fake_loss, variables)
        del tape
        gradient = [part + other for part, other in zip(real_gradient, fake_gradient, strict=True)]
        self.optimizer.apply(generator_gradient, generator_variables)
        self.discriminator_optimizer.apply(gradient, variables)
        self._average_generator()
        return self.track(images, **terms)

    def test_step(self, data):
        """Returns the losses of a batch of images, without the penalty."""
        images = self.take_images(data, training=False)
        latents = self._latents(tf.shape(images)[0], training=False)
        real = self._features_and_logits(images, training=False)
        fake = self._judge_fakes(latents, training=False)
        return self.track(images, **self.loss_terms(real, fake))

    @property
    def own_variables(self) -> list:
        """None: beside a classifier, its head takes the place of the discriminator's."""
        return []

    @property
    def opponent_variables(self) -> list:
        """The generator's trainable variables."""
        return self.generator.trainable_variables

    @property
    def opponent_rate(self) -> float:
        """The discriminator's learning rate, which is the generator's too."""
        return self.discriminator_learning_rate

    def read_unlabeled(self, images, network) -> tuple[tf.Tensor, tf.Tensor | None]:
        """Returns the losses of a classifier with generated images as one class more.

        The discriminator is D(x) = Z / (Z + 1) with Z(x) = sum_k exp(logit_k). The generator
        matches the mean features of real images.

        Reference:
            Salimans et al. 2016, arXiv:1606.03498, eq. 9 and section 3.1.
        """
        latents = self._latents(tf.shape(images)[0], training=True)
        fakes = tf.sigmoid(self.generator(latents, training=True))
        real_features = self.encode(images, training=True)
        fake_features = self.encode(fakes, training=True)
        real, fake = map(network.classify, (real_features, fake_features))
        loss = losses.realness_loss(
            tf.reduce_logsumexp(real, axis=1), real=True
        ) + losses.realness_loss(tf.reduce_logsumexp(fake, axis=1), real=False)
        return loss, losses.feature_matching_loss(real_features, fake_features)

    def _latents(self, count, *, training):
        seed = self.step_seed(training=training)
        return tf.random.stateless_normal((count, self.latent_dim), seed)

    def _features_and_logits(self, images, *, training):
        """Returns features `(B, D)` and logits `(B, 1)` of images in 0..1."""
        features = self.encode(images, training=training)
        return features, self.realness(features)

    def _judge_fakes(self, latents, *, training):
        fakes = tf.sigmoid(self.generator(latents, training=training))  # (B, H, W, C)
        return self._features_and_logits(fakes, training=training)

    def loss_terms(self, real, fake):
        """Returns the losses by name, each `()`, without the penalty.

        Args:
            real: Features `(B, D)` and logits `(B, 1)` of real images.
            fake: The same for generated images.
        """
        (real_features, real_logits), (fake_features, fake_logits) = real, fake
        if self.generator_loss == "feature_matching":
            generator_loss = losses.feature_matching_loss(real_features, fake_features)
        else:
            generator_loss = losses.realness_loss(fake_logits, real=True)
        return {
            "discriminator_loss": losses.realness_loss(real_logits, real=True)
            + losses.realness_loss(fake_logits, real=False),
            "generator_loss": generator_loss,
            "real_logit": tf.reduce_mean(real_logits),
            "fake_logit": tf.reduce_mean(fake_logits),
        }

    def _learn_real(self, images, variables):
        """Scores real images; returns features and logits, and their loss's gradient.

        The gradient is to `variables`, and with the R1 penalty's on the steps that have it.
        """

        def learn(penalized):
            with tf.GradientTape() as outer:
                with tf.GradientTape(watch_accessed_variables=False) as inner:
                    inner.watch(images)
                    features, logits = self._features_and_logits(images, training=True)
                loss = losses.realness_loss(logits, real=True)
                if penalized:
                    slopes = inner.gradient(logits, images)  # (B, H, W, C)
                    weight = 0.5 * self.r1_weight * self.r1_interval
                    loss += weight * losses.squared_gradient_norm(slopes)
                loss = self.discriminator_optimizer.scale_loss(loss)
            return (features, logits), outer.gradient(loss, variables)

        if not self.r1_weight:
            return learn(False)
        step = tf.convert_to_tensor(self.discriminator_optimizer.iterations)
        penalized = tf.math.floormod(step, self.r1_interval) == 0
        return tf.cond(penalized, lambda: learn(True), lambda: learn(False))

    def _average_generator(self):
        """Moves the averaged generator towards the generator, after the step that was counted."""
        move_averages(
            zip(self.averaged_generator.weights, self.generator.weights, strict=True),
            decay=self.averaging,
            step=self.optimizer.iterations,
        )

    def generate(self, count: int, *, seed: int = 0) -> tf.Tensor:
        """Generates images from latents drawn from the prior, by the averaged generator.

        Args:
            count: Number of images.
            seed: Random seed of the latents.

        Returns:
            float32 `(count, H, W, C)` in 0..1.
        """
        return decode_prior(self.averaged_generator, count, seed=seed)

    def draw_fakes(self, count: int, *, seed: int = 0) -> tf.Tensor:
        """Generates images like `generate`, but by the current generator, not its average."""
        return decode_prior(self.generator, count, seed=seed)

    def decode(self, latents) -> tf.Tensor:
        """Decodes latents `(B, Z)` by the averaged generator to float32 images in 0..1."""
        return tf.sigmoid(self.averaged_generator(latents, training=False))

    def discriminate(self, images) -> tf.Tensor:
        """Returns the discriminator's logits `(B,)`; positive means a real image."""
        _, logits = self._features_and_logits(scale_images(images), training=False)
        return logits[:, 0]

    def parts(self) -> dict[str, keras.Model]:
        """Returns `encoder`, and the averaged `generator` from latents to images."""
        return {**super().parts(), "generator": make_generator(self.averaged_generator)}

    def get_config(self) -> dict:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "latent_dim": self.latent_dim,
            "generator_loss": self.generator_loss,
            "r1_weight": self.r1_weight,
            "r1_interval": self.r1_interval,
            "discriminator_learning_rate": self.discriminator_learning_rate,
            "averaging": self.averaging,
            "generator_width": self.generator_width,
        }
