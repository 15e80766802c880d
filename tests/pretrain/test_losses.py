import math

import numpy as np
import pytest
import tensorflow as tf

from tfzero.pretrain import losses


@pytest.fixture
def random():
    return np.random.default_rng(5)


def floats(array):
    return np.asarray(array, np.float32)


def log_sigmoid(value):
    return -math.log1p(math.exp(-value)) if value > 0 else value - math.log1p(math.exp(value))


def test_feature_error_and_cosine_similarity_equal_loops(random):
    first, second = random.normal(size=(4, 6)), random.normal(size=(4, 6))
    error = np.mean([(a - b) ** 2 for a, b in zip(first.flat, second.flat, strict=True)])
    cosines = [
        sum(a * b for a, b in zip(x, y, strict=True)) / math.dist(x, 0 * x) / math.dist(y, 0 * y)
        for x, y in zip(first, second, strict=True)
    ]
    arguments = floats(first), floats(second)
    assert float(losses.feature_error(*arguments)) == pytest.approx(error, rel=1e-5)
    assert float(losses.cosine_similarity(*arguments)) == pytest.approx(np.mean(cosines), rel=1e-5)


def test_feature_error_and_cosine_similarity_by_hand():
    features, predicted = floats([[3.0, 4.0], [0.0, 0.0]]), floats([[4.0, 3.0], [1.0, 0.0]])
    assert float(losses.feature_error(features, predicted)) == pytest.approx((1 + 1 + 1 + 0) / 4)
    # 24 / 25, and 0 for the row of zeros.
    assert float(losses.cosine_similarity(features, predicted)) == pytest.approx(0.48)


def test_bernoulli_log_likelihood_equals_loops(random):
    images, logits = random.random((3, 4, 2, 2)), random.normal(0, 3, (3, 4, 2, 2))
    expected = np.zeros(3)
    for index in np.ndindex(images.shape):
        pixel, logit = images[index], logits[index]
        expected[index[0]] += pixel * log_sigmoid(logit) + (1 - pixel) * log_sigmoid(-logit)
    result = losses.bernoulli_log_likelihood(floats(images), floats(logits))
    np.testing.assert_allclose(result, expected, rtol=1e-5)


def test_bernoulli_log_likelihood_by_hand():
    images = floats([0.25, 1.0]).reshape(1, 1, 2, 1)
    # Probabilities of white 3/4 and 1/2.
    logits = floats([math.log(3), 0.0]).reshape(1, 1, 2, 1)
    expected = 0.25 * math.log(0.75) + 0.75 * math.log(0.25) + math.log(0.5)
    result = losses.bernoulli_log_likelihood(images, logits)
    assert float(result[0]) == pytest.approx(expected, rel=1e-6)


def test_gaussian_log_likelihood_equals_loops(random):
    images, means, stddev = random.random((3, 4, 2, 2)), random.random((3, 4, 2, 2)), 0.3
    expected = np.zeros(3)
    for index in np.ndindex(images.shape):
        distance = (images[index] - means[index]) / stddev
        expected[index[0]] -= distance**2 / 2 + math.log(stddev * math.sqrt(2 * math.pi))
    result = losses.gaussian_log_likelihood(floats(images), floats(means), stddev)
    np.testing.assert_allclose(result, expected, rtol=1e-5)


def test_gaussian_log_likelihood_by_hand():
    images, means = floats([0.5, 1.0]).reshape(1, 1, 2, 1), floats([0.5, 0.5]).reshape(1, 1, 2, 1)
    # The density's peak, and two standard deviations from it.
    peak = -math.log(0.25 * math.sqrt(2 * math.pi))
    result = losses.gaussian_log_likelihood(images, means, 0.25)
    assert float(result[0]) == pytest.approx(peak + peak - 2)


@pytest.mark.parametrize("stddev", [1 / 255, 0.01, 0.3])
def test_gaussian_density_times_a_step_is_a_probability_of_8_bit_values(stddev):
    values = np.arange(-1000, 1256).reshape(-1, 1, 1, 1) / 255
    for mean in (0.5, 0.501):
        means = floats(np.full(values.shape, mean))
        logs = losses.gaussian_log_likelihood(floats(values), means, stddev).numpy()
        assert np.exp(logs.astype(float)).sum() / 255 == pytest.approx(1, abs=1e-3)


def test_gaussian_kl_equals_loops(random):
    mean, log_variance = random.normal(size=(4, 3)), random.normal(size=(4, 3))
    expected = np.zeros((4, 3))
    for index in np.ndindex(mean.shape):
        variance = math.exp(log_variance[index])
        expected[index] = (mean[index] ** 2 + variance - 1 - math.log(variance)) / 2
    np.testing.assert_allclose(
        losses.gaussian_kl(floats(mean), floats(log_variance)), expected, rtol=1e-5
    )


def test_gaussian_kl_equals_sampling(random):
    mean, variance = 0.7, 0.4
    draws = random.normal(mean, math.sqrt(variance), 400_000)
    log_ratio = -math.log(variance) / 2 - (draws - mean) ** 2 / (2 * variance) + draws**2 / 2
    result = losses.gaussian_kl(floats([[mean]]), floats([[math.log(variance)]]))
    assert float(result[0, 0]) == pytest.approx(log_ratio.mean(), abs=0.01)


def test_gaussian_kl_by_hand():
    result = losses.gaussian_kl(floats([[0, 0], [1, 0]]), floats([[0, 0], [0, math.log(4)]]))
    np.testing.assert_allclose(result, [[0, 0], [0.5, (3 - math.log(4)) / 2]], rtol=1e-6)


def test_free_bits_equal_loops(random):
    kl = random.exponential(0.5, (5, 4))
    expected = 0.0
    for latent in range(4):
        expected += max(0.4, sum(kl[:, latent]) / 5)
    assert 0 < (kl.mean(axis=0) < 0.4).sum() < 4  # both cases are there
    assert float(losses.free_bits_kl(floats(kl), 0.4)) == pytest.approx(expected, rel=1e-5)


def test_free_bits_by_hand():
    # Means 0.5 and 0.1; a batch's mean counts, not each image's own.
    kl = floats([[1.0, 0.2], [0.0, 0.0]])
    assert float(losses.free_bits_kl(kl, 0.25)) == pytest.approx(0.5 + 0.25)
    assert float(losses.free_bits_kl(kl, 0.0)) == pytest.approx(0.5 + 0.1)


def test_squared_error_equals_loops(random):
    images, restored = random.random((3, 4, 2, 2)), random.random((3, 4, 2, 2))
    expected = 0.0
    for index in np.ndindex(images.shape):
        expected += (images[index] - restored[index]) ** 2 / 3
    result = losses.squared_error(floats(images), floats(restored))
    assert float(result) == pytest.approx(expected, rel=1e-5)


def test_squared_error_by_hand():
    images = floats([0.5, 1.0, 0.0, 0.0]).reshape(2, 1, 2, 1)
    restored = floats([0.0, 0.5, 0.0, 1.0]).reshape(2, 1, 2, 1)
    assert float(losses.squared_error(images, restored)) == pytest.approx((0.5 + 1.0) / 2)


def test_cross_entropy_equals_loops(random):
    classes, logits = random.integers(0, 4, 6), random.normal(0, 3, (6, 4))
    expected = 0.0
    for row in range(6):
        total = sum(math.exp(logit) for logit in logits[row])
        expected -= (logits[row, classes[row]] - math.log(total)) / 6
    result = losses.cross_entropy(np.asarray(classes, np.int32), floats(logits))
    assert float(result) == pytest.approx(expected, rel=1e-5)


def test_cross_entropy_by_hand():
    # Nothing known of four classes, and probability 3/6 of the right one.
    logits = floats([[0, 0, 0, 0], [math.log(3), 0, 0, 0]])
    result = losses.cross_entropy(np.array([2, 0], np.int32), logits)
    assert float(result) == pytest.approx((math.log(4) + math.log(2)) / 2, rel=1e-6)


@pytest.mark.parametrize("real", [True, False])
def test_realness_loss_equals_loops(random, real):
    logits = random.normal(0, 3, (5, 1))
    expected = 0.0
    for row in range(5):
        expected -= log_sigmoid(logits[row, 0] if real else -logits[row, 0]) / 5
    result = losses.realness_loss(floats(logits), real=real)
    assert float(result) == pytest.approx(expected, rel=1e-5)


def test_realness_loss_by_hand():
    # Probabilities 1/2 and 3/4 of a real image.
    logits = floats([[0], [math.log(3)]])
    told = (math.log(2) + math.log(4 / 3)) / 2
    assert float(losses.realness_loss(logits, real=True)) == pytest.approx(told, rel=1e-6)
    fooled = (math.log(2) + math.log(4)) / 2
    assert float(losses.realness_loss(logits, real=False)) == pytest.approx(fooled, rel=1e-6)


def test_feature_matching_equals_loops(random):
    real, fake = random.normal(size=(5, 3)), random.normal(size=(4, 3))
    expected = 0.0
    for feature in range(3):
        expected += (sum(real[:, feature]) / 5 - sum(fake[:, feature]) / 4) ** 2
    result = losses.feature_matching_loss(floats(real), floats(fake))
    assert float(result) == pytest.approx(expected, rel=1e-5)


def test_feature_matching_by_hand():
    # Means (1, 1) and (4, 5): the pairing of images does not count.
    result = losses.feature_matching_loss(floats([[0, 2], [2, 0]]), floats([[4, 5]]))
    assert float(result) == pytest.approx(9 + 16)


def test_squared_gradient_norm_equals_loops(random):
    gradient = random.normal(size=(3, 2, 4, 2))
    expected = sum(value**2 for value in gradient.flat) / 3
    assert float(losses.squared_gradient_norm(floats(gradient))) == pytest.approx(
        expected, rel=1e-5
    )


def test_squared_gradient_norm_by_hand():
    gradient = floats([3, 4, 0, 1]).reshape(2, 1, 2, 1)
    assert float(losses.squared_gradient_norm(gradient)) == pytest.approx(13)


@pytest.mark.parametrize("logit", [-200.0, 200.0])
def test_extreme_logits_stay_finite(logit):
    image, logits = floats(np.full((1, 1, 1, 1), 0.5)), floats(np.full((1, 1, 1, 1), logit))
    assert float(losses.bernoulli_log_likelihood(image, logits)[0]) == pytest.approx(-100)
    for result in (
        losses.realness_loss(floats([[logit]]), real=True),
        losses.realness_loss(floats([[logit]]), real=False),
    ):
        assert 0 <= float(result) <= 201


def test_partner_cross_entropy_by_hand():
    # Two images; their views agree and the images are orthogonal: similarities 2 and 0, 0.
    projections = floats([[3, 0], [0, 1], [1, 0], [0, 5]])
    similarities = losses.view_similarities(projections, temperature=0.5)
    np.testing.assert_allclose(similarities[0, 1:], [0, 2, 0], atol=1e-6)
    expected = math.log(math.exp(2) + 2) - 2
    assert float(losses.partner_cross_entropy(similarities)) == pytest.approx(expected, rel=1e-5)
    assert float(losses.partner_accuracy(similarities)) == 1.0


def test_partner_cross_entropy_of_equal_views_cannot_tell():
    similarities = losses.view_similarities(floats(np.ones((6, 3))), temperature=0.1)
    assert float(losses.partner_cross_entropy(similarities)) == pytest.approx(math.log(5), rel=1e-5)


def test_views_of_equal_images_are_no_negatives():
    # Images 0 and 2 of three are equal; views 0, 2, 3 and 5 are theirs.
    random = np.random.default_rng(3)
    projections = floats(random.normal(size=(6, 4)))
    same = np.array([[1, 0, 1], [0, 1, 0], [1, 0, 1]], bool)
    similarities = losses.view_similarities(projections, temperature=0.5, equal=same)
    plain = np.asarray(losses.view_similarities(projections, temperature=0.5))
    dropped = {(0, 2), (0, 5), (2, 0), (2, 3), (3, 2), (3, 5), (5, 0), (5, 3)}
    expected = [[-1e9 if (i, k) in dropped else plain[i, k] for k in range(6)] for i in range(6)]
    np.testing.assert_array_equal(similarities, floats(expected))
    apart = losses.view_similarities(projections, temperature=0.5, equal=np.eye(3, dtype=bool))
    np.testing.assert_array_equal(apart, plain)


def test_one_image_leaves_no_negatives():
    views = floats(np.ones((2, 3)))
    with pytest.raises(ValueError, match="batch of 1 image arrived; expected at least 2"):
        losses.view_similarities(views, temperature=0.5)
    compute = tf.function(
        lambda views: losses.view_similarities(views, temperature=0.5),
        input_signature=[tf.TensorSpec((None, 3))],
    )
    assert compute(np.repeat(views, 2, axis=0)).shape == (4, 4)
    with pytest.raises(tf.errors.InvalidArgumentError, match="batch of 1 image arrived"):
        compute(views)


def test_partner_accuracy_counts_views_whose_nearest_is_their_partner():
    # The first two are each other's nearest, not their partners'.
    projections = floats([[1, 0], [0.9, 0.1], [0, 1], [0.8, 0.3]])
    similarities = losses.view_similarities(projections, temperature=1.0)
    nearest = np.asarray(similarities).argmax(axis=1)
    expected = np.mean(nearest == [2, 3, 0, 1])
    assert 0 < expected < 1
    assert float(losses.partner_accuracy(similarities)) == pytest.approx(expected)
