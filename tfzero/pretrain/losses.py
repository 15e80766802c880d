"""Losses of the methods, each a function of tensors alone; in nats but for squared errors."""

from __future__ import annotations

import math

import tensorflow as tf


def bernoulli_log_likelihood(images: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Log p(x | z) of images under independent Bernoulli pixels, summed over an image.

    Args:
        images: float32 `(B, H, W, C)` in 0..1, read as probabilities of a white pixel.
        logits: float32 of the same shape.

    Returns:
        float32 `(B,)`, at most 0, in nats.

    Reference:
        Kingma and Welling 2014, arXiv:1312.6114, appendix C.1, eq. 11.
    """
    pixels = tf.nn.sigmoid_cross_entropy_with_logits(labels=images, logits=logits)
    return -tf.reduce_sum(pixels, axis=[1, 2, 3])


def gaussian_log_likelihood(
    images: tf.Tensor, means: tf.Tensor, stddev: tf.Tensor | float
) -> tf.Tensor:
    """Log density of images under independent N(mean, stddev^2) pixels, summed over an image.

    A density on the scale 0..1 of the pixels, which a small `stddev` makes larger than 1.

    Args:
        images: float32 `(B, H, W, C)` in 0..1.
        means: float32 of the same shape.
        stddev: float32 `()`, of every pixel.

    Returns:
        float32 `(B,)`, in nats.

    Reference:
        Kingma and Welling 2014, arXiv:1312.6114, appendix C.2, with one variance for all pixels.
    """
    pixels = tf.square((images - means) / stddev) + math.log(2 * math.pi) + 2 * tf.math.log(stddev)
    return -0.5 * tf.reduce_sum(pixels, axis=[1, 2, 3])


def gaussian_kl(mean: tf.Tensor, log_variance: tf.Tensor) -> tf.Tensor:
    """KL divergence from N(mean, variance) to N(0, 1) of each latent.

    Args:
        mean: float32 `(B, Z)`.
        log_variance: float32 `(B, Z)`.

    Returns:
        float32 `(B, Z)`, at least 0, in nats; its sum over the latents is that of their joint.

    Reference:
        Kingma and Welling 2014, arXiv:1312.6114, appendix B.
    """
    return 0.5 * (tf.square(mean) + tf.exp(log_variance) - 1.0 - log_variance)


def free_bits_kl(kl: tf.Tensor, free_bits: float) -> tf.Tensor:
    """KL term that leaves each latent an amount for free, so that it pays to use every latent.

    Args:
        kl: float32 `(B, Z)`, from `gaussian_kl`.
        free_bits: Nats a latent; at 0 the plain KL divergence.

    Returns:
        float32 `()`: sum over the latents of the larger of `free_bits` and the batch's mean.

    Reference:
        Kingma et al. 2016, arXiv:1606.04934, eq. 15, each latent a group of its own.
    """
    return tf.reduce_sum(tf.maximum(free_bits, tf.reduce_mean(kl, axis=0)))


def squared_error(images: tf.Tensor, restored: tf.Tensor) -> tf.Tensor:
    """Squared distance of restored images to the originals, summed over an image.

    Args:
        images: float32 `(B, H, W, C)`.
        restored: float32 of the same shape.

    Returns:
        float32 `()`, mean over the batch.

    Reference:
        Vincent et al. 2010, Journal of Machine Learning Research 11, section 2.2.
    """
    return tf.reduce_mean(tf.reduce_sum(tf.square(restored - images), axis=[1, 2, 3]))


def feature_error(features: tf.Tensor, predicted: tf.Tensor) -> tf.Tensor:
    """Squared distance of predictions to a teacher's features, averaged over the features.

    Args:
        features: float32 `(B, T)`.
        predicted: float32 `(B, T)`.

    Returns:
        float32 `()`, mean over the batch; 1 if standardized features are predicted by their mean.

    Reference:
        Romero et al. 2015, arXiv:1412.6550, eq. 3, there summed and halved.
    """
    return tf.reduce_mean(tf.square(predicted - features))


def cosine_similarity(first: tf.Tensor, second: tf.Tensor) -> tf.Tensor:
    """Cosine of the angle between the rows of two matrices.

    Args:
        first: float32 `(B, T)`.
        second: float32 `(B, T)`.

    Returns:
        float32 `()`, mean over the batch, in -1..1; a row of zeros counts as 0.
    """
    # Its epsilon bounds the gradient of rows near zero.
    products = tf.nn.l2_normalize(first, axis=1) * tf.nn.l2_normalize(second, axis=1)
    return tf.reduce_mean(tf.reduce_sum(products, axis=1))


def cross_entropy(classes: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Cross-entropy of the right classes under the softmax of logits.

    Args:
        classes: int64 `(B,)` in 0..K-1.
        logits: float32 `(B, K)`.

    Returns:
        float32 `()`, mean over the batch, in nats; log K if nothing is known.
    """
    return tf.reduce_mean(
        tf.nn.sparse_softmax_cross_entropy_with_logits(labels=classes, logits=logits)
    )


def realness_loss(logits: tf.Tensor, *, real: bool) -> tf.Tensor:
    """Cross-entropy of a discriminator's logits if all images were real, or all generated.

    Of real images as real plus of generated ones as generated it is the discriminator's loss, 2
    log 2 if it cannot tell; of generated ones as real the generator's non-saturating loss.

    Args:
        logits: float32 `(B, 1)`; the probability of a real image is their sigmoid.
        real: What the images are to be taken for.

    Returns:
        float32 `()`, mean over the batch.

    Reference:
        Goodfellow et al. 2014, arXiv:1406.2661, eq. 1, negated, and section 3, below eq. 1.
    """
    return tf.reduce_mean(tf.nn.softplus(-logits if real else logits))


def feature_matching_loss(real_features: tf.Tensor, fake_features: tf.Tensor) -> tf.Tensor:
    """Squared distance between the mean features of real and of generated images.

    Args:
        real_features: float32 `(B, D)`.
        fake_features: float32 `(B, D)`, from as many images or another number.

    Returns:
        float32 `()`.

    Reference:
        Salimans et al. 2016, arXiv:1606.03498, section 3.1.
    """
    means = [tf.reduce_mean(features, axis=0) for features in (real_features, fake_features)]
    return tf.reduce_sum(tf.square(means[0] - means[1]))


def squared_gradient_norm(gradient: tf.Tensor) -> tf.Tensor:
    """Mean over the batch of the squared norm of each image's gradient (the R1 penalty).

    Args:
        gradient: float32 `(B, H, W, C)`, of the discriminator's logit to the real image.

    Returns:
        float32 `()`.

    Reference:
        Mescheder et al. 2018, arXiv:1801.04406, eq. 9, without its factor gamma / 2.
    """
    return tf.reduce_mean(tf.reduce_sum(tf.square(gradient), axis=[1, 2, 3]))


def view_similarities(
    projections: tf.Tensor, *, temperature: float, equal: tf.Tensor | None = None
) -> tf.Tensor:
    """Cosine similarity of each view with each other, over the temperature.

    Args:
        projections: float32 `(2B, D)`; rows i and B + i are views of one image. Need not be
            normalized.
        temperature: Positive float.
        equal: bool `(B, B)`, which images are the same, each with itself among them; None if no
            two are. Eq. 1 has views of other images as negatives, and takes every row for one.

    Returns:
        float32 `(2B, 2B)`; a view with itself, and with a view of an equal image that is not its
        partner, is far below all others.

    Raises:
        ValueError: If B < 2, which leaves no negatives.
        tf.errors.InvalidArgumentError: The same, where B is known only when the graph runs.
            Graphs compiled by XLA don't notice.

    Reference:
        Chen et al. 2020, arXiv:2002.05709, eq. 1.
    """
    _require_negatives(projections)
    normalized = tf.math.l2_normalize(projections, axis=1)
    similarities = tf.matmul(normalized, normalized, transpose_b=True) / temperature
    # Far below any cosine over a temperature, and finite.
    least = -1e9
    if equal is not None:
        others = tf.linalg.set_diag(equal, tf.zeros(tf.shape(equal)[:1], tf.bool))
        similarities = tf.where(tf.tile(others, (2, 2)), least, similarities)
    return tf.linalg.set_diag(similarities, tf.fill((tf.shape(projections)[0],), least))


def _require_negatives(projections) -> None:
    advice = (
        "expected at least 2, because a view is compared with those of other images. Choose "
        "a batch size that leaves no single image over, or drop the last batch."
    )
    count = projections.shape[0]
    if count is not None and count < 4:
        raise ValueError(f"A batch of {count // 2} image arrived; {advice}")
    tf.debugging.assert_greater_equal(
        tf.shape(projections)[0], 4, message=f"A batch of 1 image arrived; {advice}"
    )


def partner_cross_entropy(similarities: tf.Tensor) -> tf.Tensor:
    """NT-Xent: cross-entropy of picking each view's partner among all other views.

    Args:
        similarities: float32 `(2B, 2B)`, from `view_similarities`.

    Returns:
        float32 `()`: mean over 2B views, in nats; log(2B - 1) if it cannot tell.

    Reference:
        Chen et al. 2020, arXiv:2002.05709, eq. 1.
    """
    entropies = tf.nn.sparse_softmax_cross_entropy_with_logits(
        labels=_partners(similarities), logits=similarities
    )
    return tf.reduce_mean(entropies)


def partner_accuracy(similarities: tf.Tensor) -> tf.Tensor:
    """Share of views whose partner is the most similar of all other views.

    Args:
        similarities: float32 `(2B, 2B)`, from `view_similarities`.

    Returns:
        float32 `()` in 0..1.
    """
    nearest = tf.argmax(similarities, axis=1)
    return tf.reduce_mean(tf.cast(nearest == _partners(similarities), tf.float32))


def _partners(similarities):
    """Returns int64 `(2B,)`: B, ..., 2B - 1, 0, ..., B - 1."""
    # In 64 bits: 32 are computed on the host, whatever the device.
    count = tf.shape(similarities, out_type=tf.int64)[0]
    return tf.math.floormod(tf.range(count) + count // 2, count)
