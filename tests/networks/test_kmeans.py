import keras
import numpy as np
import pytest

from tfzero.common.checks import InputError
from tfzero.networks.kmeans import KMeansPatches, fit_kmeans
from tfzero.transfer import fit_classifier


def draw(*shape, seed=0):
    return np.random.default_rng(seed).random(shape).astype(np.float32)


def slow_features(images, layer, mean, whitening, centroids):
    """Coates, Lee, Ng 2011, patch by patch."""
    side, stride, cells = layer.patch_size, layer.stride, layer.grid
    result = []
    for image in images.astype(np.float64):
        rows = range(0, image.shape[0] - side + 1, stride[0])
        columns = range(0, image.shape[1] - side + 1, stride[1])
        grid = np.zeros((len(rows), len(columns), len(centroids)))
        for i, top in enumerate(rows):
            for j, left in enumerate(columns):
                patch = image[top : top + side, left : left + side].reshape(-1)
                patch = (patch - patch.mean()) / np.sqrt(patch.var() + 10 / 255**2)
                z = (patch - mean) @ whitening
                distances = np.array([np.linalg.norm(z - c) for c in centroids])
                grid[i, j] = np.maximum(0, distances.mean() - distances)
        cuts = [[round(n * k / cells) for k in range(cells + 1)] for n in grid.shape[:2]]
        result.append(
            np.concatenate(
                [
                    grid[a:b, c:d].mean(axis=(0, 1))
                    for a, b in zip(cuts[0], cuts[0][1:], strict=False)
                    for c, d in zip(cuts[1], cuts[1][1:], strict=False)
                ]
            )
        )
    return np.array(result)


@pytest.mark.parametrize("stride, grid", [(1, 2), (2, 1), (2, 3), ((1, 4), 2)])
def test_features_equal_the_slow_formula(stride, grid):
    layer = KMeansPatches(5, patch_size=3, stride=stride, grid=grid)
    layer.build((None, 9, 11, 2))
    random = np.random.default_rng(1)
    weights = [random.normal(0, 0.2, w.shape) for w in layer.weights]
    layer.set_weights(weights)
    images = draw(3, 9, 11, 2)
    expected = slow_features(images, layer, *weights)
    assert expected.shape == (3, grid * grid * 5) and (expected > 0.01).any()
    np.testing.assert_allclose(layer(images), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("kind", ["bytes", "floats"])
def test_whitened_patches_are_white_and_centroids_lie_among_them(kind):
    images = np.rint(draw(200, 8, 8, 1) * 255).astype(np.uint8)
    images = images if kind == "bytes" else (images / 255).astype(np.float32)
    model = fit_kmeans(images, num_centroids=6, patch_size=3, seed=2)
    mean, whitening, centroids = model.get_layer("features").get_weights()
    patches = np.stack(
        [
            image[top : top + 3, left : left + 3].reshape(-1)
            for image in images
            for top in range(6)
            for left in range(6)
        ]
    ).astype(np.float64)
    patches /= 255 if kind == "bytes" else 1
    spread = np.sqrt(patches.var(axis=1, keepdims=True) + 10 / 255**2)
    z = ((patches - patches.mean(axis=1, keepdims=True)) / spread - mean) @ whitening
    values = np.linalg.eigvalsh(np.cov(z, rowvar=False))
    # One direction is lost with each patch's mean; 0.1 damps the others alike.
    assert values[0] < 0.05 and values[1] > 0.8 and values[-1] < 1.0
    lengths = np.linalg.norm(centroids, axis=1)
    assert len(np.unique(centroids.round(3), axis=0)) == 6 and (lengths > 0.3).all()


def test_the_seed_decides_the_centroids():
    images = draw(60, 8, 8, 1)
    first, same, other = (
        fit_kmeans(images, num_centroids=4, patch_size=3, seed=s).get_weights()[2]
        for s in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, same)
    assert np.abs(first - other).max() > 0.1


def test_saved_features_come_back(tmp_path):
    images = draw(20, 10, 8, 3)
    model = fit_kmeans(images, num_centroids=4, patch_size=3, grid=1)
    model.save(tmp_path / "kmeans.keras")
    loaded = keras.models.load_model(tmp_path / "kmeans.keras")
    np.testing.assert_array_equal(loaded(images), model(images))
    assert not model.trainable_weights and not loaded.trainable_weights
    assert loaded.output_shape == (None, 4)


def test_large_images_are_read_at_fewer_places():
    images = draw(2, 70, 40, 1)
    model = fit_kmeans(images, num_centroids=3, patch_size=6, patches_per_centroid=5)
    assert model.get_layer("features").stride == (3, 3)  # 65 places by 35


@pytest.mark.parametrize(
    "shape, patch_size, grid, stride",
    [
        ((8, 100), 6, 2, (2, 3)),  # 3 places by 95
        ((100, 8), 6, 2, (3, 2)),
        ((13, 300), 6, 2, (7, 10)),
        ((8, 8), 8, 2, (1, 1)),  # one place
        ((8, 8), 7, 3, (1, 1)),  # 2 places a side, 3 cells
        ((8, 100), 6, 1, (3, 3)),
    ],
)
def test_elongated_images_and_large_patches_leave_no_cell_empty(shape, patch_size, grid, stride):
    images = draw(3, *shape, 1)
    model = fit_kmeans(
        images, num_centroids=3, patch_size=patch_size, grid=grid, patches_per_centroid=5
    )
    layer = model.get_layer("features")
    assert layer.stride == stride
    features = np.asarray(model(images)).reshape(3, grid, grid, 3)
    assert np.isfinite(features).all() and (features > 0).any(axis=(1, 3)).all()
    if min(shape) == patch_size:  # its one patch is in all cells
        np.testing.assert_array_equal(
            features, np.broadcast_to(features[:, :1, :1], features.shape)
        )
    if stride[0] != stride[1]:
        expected = slow_features(images, layer, *layer.get_weights())
        np.testing.assert_allclose(model(images), expected, rtol=1e-3, atol=1e-3)


def test_layers_saved_with_one_stride_come_back():
    layer = KMeansPatches.from_config(
        {"name": "features", "num_centroids": 2, "patch_size": 3, "stride": 2, "grid": 2}
    )
    assert layer.stride == (2, 2)
    assert KMeansPatches.from_config({**layer.get_config(), "stride": [2, 1]}).stride == (2, 1)


def test_a_patch_larger_than_the_images_is_refused():
    with pytest.raises(InputError, match="patch_size is 9; expected at most 8"):
        fit_kmeans(draw(3, 8, 12, 1), num_centroids=2, patch_size=9)


@pytest.mark.parametrize("name", ["num_centroids", "patch_size", "grid", "patches_per_centroid"])
def test_numbers_below_one_are_refused(name):
    settings = {"num_centroids": 2, "patch_size": 3, **{name: 0}}
    with pytest.raises(InputError, match=f"{name} is 0; expected at least 1"):
        fit_kmeans(draw(3, 8, 12, 1), **settings)


def draw_lying_and_standing(count, seed):
    """A bar anywhere, lying or standing: no single pixel tells which."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    images = random.normal(0.5, 0.05, (count, 12, 12, 1))
    for image, label in zip(images, labels, strict=True):
        place = random.integers(12)
        (image if label else image.swapaxes(0, 1))[place] += 0.3
    return np.clip(images, 0, 1).astype(np.float32), labels


def test_features_separate_what_pixels_and_few_labels_cannot():
    pool, _ = draw_lying_and_standing(300, seed=3)
    images, labels = draw_lying_and_standing(10, seed=4)
    test, truth = draw_lying_and_standing(200, seed=5)
    model = fit_kmeans(pool, num_centroids=16, patch_size=4, seed=0)

    def score(encoder):
        fitted = fit_classifier("svm", encoder=encoder, images=images, labels=labels)
        return (fitted.predict(test).argmax(axis=1) == truth).mean()

    assert score(None) < 0.7 and score(model) > 0.8
