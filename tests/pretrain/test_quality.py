import tracemalloc

import keras
import numpy as np
import pytest

from tests.conftest import draw_bars
from tests.data.pictures import make_pixels
from tfzero.common.checks import InputError
from tfzero.pretrain.quality import kernel_distance, measure_manifold, measure_quality
from tfzero.pretrain.spaces import FeatureSpace, encoder_space, pixel_space, random_space

LINE = FeatureSpace("a line", lambda images: images.reshape(len(images), -1).astype(float))


def draw(count, *, seed, shift=0.0, width=4):
    return np.random.default_rng(seed).normal(shift, 1, (count, width))


def slow_kernel_distance(real, generated):
    """Binkowski et al. 2018, section 4, one pair at a time."""

    def kernel(x, y):
        return (sum(a * b for a, b in zip(x, y, strict=True)) / len(x) + 1) ** 3

    n, m = len(real), len(generated)
    own = sum(kernel(real[i], real[j]) for i in range(n) for j in range(n) if i != j)
    other = sum(kernel(generated[i], generated[j]) for i in range(m) for j in range(m) if i != j)
    across = sum(kernel(x, y) for x in real for y in generated)
    return own / (n * (n - 1)) + other / (m * (m - 1)) - 2 * across / (n * m)


def slow_manifold(real, generated):
    """Kynkaanniemi et al. 2019, eqs. 1 and 2, and Naeem et al. 2020, eqs. 3 and 4."""

    def radius(points, i, k):
        others = [np.linalg.norm(points[i] - points[j]) for j in range(len(points)) if j != i]
        return sorted(others)[k - 1]

    def share_within(points, balls):  # eq. 1: f(phi, Phi) with k = 3
        hits = [
            any(np.linalg.norm(p - b) <= radius(balls, i, 3) for i, b in enumerate(balls))
            for p in points
        ]
        return np.mean(hits)

    inside = np.array(
        [
            [np.linalg.norm(g - r) <= radius(real, i, 5) for i, r in enumerate(real)]
            for g in generated
        ]
    )
    return (
        share_within(generated, real),
        share_within(real, generated),
        inside.sum() / (5 * len(generated)),
        inside.any(axis=0).mean(),
    )


@pytest.mark.parametrize("sizes", [(9, 12), (12, 9)])
@pytest.mark.parametrize("shift", [0.0, 0.7])
def test_equals_the_papers_formulas(sizes, shift):
    real, generated = draw(sizes[0], seed=1), draw(sizes[1], seed=2, shift=shift)
    assert kernel_distance(real, generated) == pytest.approx(slow_kernel_distance(real, generated))
    assert measure_manifold(real, generated) == pytest.approx(slow_manifold(real, generated))


def test_equals_values_worked_by_hand():
    # k(0, 1) = 1; k(1, 2) = 27; across 1, 1, 8, 27: 1 + 27 - 2 * 37 / 4.
    assert kernel_distance(np.array([[0.0], [1]]), np.array([[1.0], [2]])) == pytest.approx(9.5)
    # Radii 3 2 2 2 2 3 of both kinds; of 5 neighbours the balls reach to 5 5 5 6 8 10.
    real, generated = np.arange(6.0)[:, None], np.arange(7.0, 13.0)[:, None]
    assert measure_manifold(real, generated) == pytest.approx((2 / 6, 2 / 6, 6 / 30, 2 / 6))


def test_parts_give_what_the_whole_gives(monkeypatch):
    real, generated = draw(700, seed=3), draw(650, seed=4, shift=0.3)
    whole = measure_manifold(real, generated), kernel_distance(real, generated)
    monkeypatch.setattr("tfzero.pretrain.quality._WORKING_MIB", 0.02)  # some rows at a time
    monkeypatch.setattr("tfzero.pretrain.quality._KERNEL_ROWS", 7)
    parts = measure_manifold(real, generated), kernel_distance(real, generated)
    assert parts[0] == whole[0] and parts[1] == pytest.approx(whole[1])


@pytest.mark.slow
def test_memory_is_bounded_at_ten_thousand_images():
    real, generated = draw(10_000, seed=5), draw(10_000, seed=6)
    tracemalloc.start()
    found = measure_manifold(real, generated)
    distance = kernel_distance(real, generated)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 300e6  # all distances at once are 800e6
    assert found.coverage > 0.9 and abs(distance) < 0.1


def test_a_perfect_generator_scores_like_real_images_and_a_shifted_one_worse():
    real, same = draw(400, seed=7)[:, None, None], draw(200, seed=8)[:, None, None]
    perfect = measure_quality(real, same, space=LINE)
    shifted = measure_quality(real, same + 2, space=LINE)
    assert perfect.space == "a line" and perfect.count == 200
    for name, tolerance in [
        ("precision", 0.1),
        ("recall", 0.1),
        ("density", 0.2),
        ("coverage", 0.1),
        ("kid", 0.2),
    ]:
        assert perfect.generated[name] == pytest.approx(perfect.real[name], abs=tolerance), name
    assert shifted.real == perfect.real
    assert shifted.generated["kid"] > 1 > 0.2 > abs(shifted.real["kid"])
    assert shifted.generated["coverage"] < 0.5 < shifted.real["coverage"]


def test_collapse_costs_recall_and_coverage_and_noise_costs_precision():
    real = draw(400, seed=9)[:, None, None]
    alike = np.repeat(real[:1], 200, axis=0) + 0.01 * draw(200, seed=10)[:, None, None]
    noisy = 4 * draw(200, seed=11)[:, None, None]
    collapsed = measure_quality(real, alike, space=LINE).generated
    assert collapsed["precision"] > 0.9 and max(collapsed["recall"], collapsed["coverage"]) < 0.2
    assert measure_quality(real, noisy, space=LINE).generated["precision"] < 0.5


def test_the_scale_of_the_features_does_not_matter():
    real, generated = draw(60, seed=12)[:, None, None], draw(30, seed=13)[:, None, None]
    found = measure_quality(real, generated, space=LINE)
    scaled = measure_quality(100 * real + 5, 100 * generated + 5, space=LINE)
    assert scaled.generated == pytest.approx(found.generated)


def test_what_is_added_to_each_feature_does_not_matter():
    real, generated = draw(60, seed=12)[:, None, None], draw(30, seed=13)[:, None, None]
    found = measure_quality(real, generated, space=LINE)
    offsets = np.array([0.0, 300, -20, 7])
    moved = measure_quality(real + offsets, generated + offsets, space=LINE)
    assert moved.generated == pytest.approx(found.generated, rel=1e-6)
    assert moved.real == pytest.approx(found.real, rel=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_features_that_differ_from_each_other_but_not_by_image_are_refused(dtype):
    constants = np.array([0.1, 300, -20, 7], dtype)
    space = FeatureSpace("constants", lambda images: np.tile(constants, (len(images), 1)))
    with pytest.raises(InputError, match="not finite or all equal"):
        measure_quality(draw(40, seed=16), draw(40, seed=17), space=space)


def test_each_figure_is_printed_with_its_space_and_real_against_real():
    images, _ = draw_bars(80, seed=14)
    quality = measure_quality(images, draw_bars(40, seed=15)[0], space=pixel_space(images))
    lines = quality.describe()
    assert len(lines) == 5
    for name, line in zip(
        ("KID", "precision", "recall", "density", "coverage"), lines, strict=True
    ):
        assert line.startswith(name) and "on pixels (64 principal components): " in line
        assert "real against real: " in line and "40 images per side" in line
    assert "FID" not in " ".join(lines)


def test_spaces_read_images_of_both_types_alike():
    images = make_pixels(520, 8, 8, 3, seed=3)
    encoder = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.AveragePooling2D(4)])
    spaces = [
        pixel_space(images),
        random_space((8, 8, 3), seed=2),
        encoder_space(encoder, name="means"),
    ]
    assert [space.name for space in spaces] == [
        "pixels (64 principal components)",
        "a random encoder (seed 2)",
        "means",
    ]
    for space in spaces:
        features = space.read(images)
        assert features.shape[0] == 520 and features.ndim == 2
        np.testing.assert_allclose(
            space.read((images / 255).astype(np.float32)), features, atol=1e-4
        )
    np.testing.assert_allclose(
        spaces[2].read(images)[0],
        (images[0] / 255).reshape(2, 4, 2, 4, 3).mean((1, 3)).ravel(),
        atol=1e-6,
    )


def test_what_cannot_be_compared_is_refused():
    real = draw(40, seed=16)[:, None, None]
    with pytest.raises(InputError, match="11 real and 40 generated images are too few"):
        measure_quality(real[:11], real, space=LINE)
    with pytest.raises(InputError, match="not finite or all equal"):
        measure_quality(0 * real, real, space=LINE)
    with pytest.raises(InputError, match="not finite or all equal"):
        measure_quality(real, np.inf * real, space=LINE)
