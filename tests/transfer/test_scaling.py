import numpy as np
import pytest

from tfzero.transfer.scaling import BlockScaler, Span


def draw_features(count, *, seed=0):
    """Two blocks of other sizes and scales, (0, 3) and (3, 10)."""
    random = np.random.default_rng(seed)
    scales = np.array([1, 5, 0.2, *[100.0] * 7])
    return (random.normal(3, 1, (count, 10)) * scales).astype(np.float32)


def test_scaling_by_hand():
    features = draw_features(50)
    scaled = BlockScaler(((3, 10), (0, 3))).fit(features).transform(features)
    assert scaled.shape == (50, 10) and scaled.dtype == np.float32
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-6)
    # Each of two blocks has half of the mean squared length, whatever its size.
    for block in (scaled[:, :7], scaled[:, 7:]):
        assert (block**2).sum(axis=1).mean() == pytest.approx(0.5, rel=1e-4)
    spread = features[:, :3].std(axis=0)
    expected = spread / (spread + 0.1 * np.sqrt((spread**2).mean()))
    expected *= np.sqrt(0.5 / (expected**2).sum())
    np.testing.assert_allclose(scaled[:, 7:].std(axis=0), expected, rtol=1e-4)


def test_one_block_can_be_picked():
    features = draw_features(20)
    scaler = BlockScaler(((0, 3),)).fit(features)
    assert scaler.transform(features).shape == (20, 3)
    assert scaler.set_params(blocks=((3, 10),)).fit_transform(features).shape == (20, 7)


def test_features_of_one_unit_keep_their_proportions():
    features = draw_features(30)
    scaled = BlockScaler(((0, 10),), same_unit=True).fit_transform(features)
    assert (scaled**2).sum(axis=1).mean() == pytest.approx(1, rel=1e-4)
    ratios = scaled.std(axis=0) / features.std(axis=0)
    np.testing.assert_allclose(ratios, ratios[0], rtol=1e-3)


def test_images_that_are_all_alike_stay_finite():
    features = np.ones((4, 10), np.float32)
    for same_unit in (False, True):
        scaled = BlockScaler(((0, 3), (3, 10)), same_unit).fit_transform(features)
        np.testing.assert_array_equal(scaled, 0)
    assert np.isfinite(Span().fit_transform(scaled)).all()


@pytest.mark.parametrize("count", [6, 40])
def test_products_and_distances_stay_as_they_are(count):
    features, others = draw_features(count), draw_features(9, seed=1)
    span = Span().fit(features)
    rotated, of_others = span.transform(features), span.transform(others)
    assert rotated.shape[1] == (7 if count == 6 else 10)
    np.testing.assert_allclose(rotated @ rotated.T, features @ features.T, rtol=1e-4)
    np.testing.assert_allclose(of_others @ rotated.T, others @ features.T, rtol=1e-3)
    distances = np.linalg.norm(others[:, None] - features[None], axis=2)
    found = np.linalg.norm(of_others[:, None] - rotated[None], axis=2)
    np.testing.assert_allclose(found, distances, rtol=1e-4)
