"""Classical heads as Keras models give what scikit-learn gives, loaded again and served too."""

import json
import subprocess
import sys

import numpy as np
import pytest

from tests.conftest import build_small_encoder, draw_bars
from tfzero.common.checks import InputError
from tfzero.export import export_savedmodel, verify_savedmodel
from tfzero.jobs.load import load_model
from tfzero.networks import build_encoder
from tfzero.transfer import STRATEGIES, fit_classifier
from tfzero.transfer.calibration import apply_temperature

IMAGES, LABELS = draw_bars(400, seed=3, contrast=0.1, noise=0.2)
UNSEEN = draw_bars(200, seed=4, contrast=0.1, noise=0.2)[0]
ENCODERS = {
    "pixels": lambda: None,
    "blocks": lambda: build_encoder((8, 8, 1)),
    "strange": build_small_encoder,
}


def fit(strategy, encoder, *, count=60, labels=LABELS, num_classes=4):
    fitted = fit_classifier(
        strategy,
        encoder=encoder,
        images=IMAGES[:count],
        labels=labels[:count],
        num_classes=num_classes,
    )
    model = STRATEGIES[strategy].to_model(fitted, encoder=encoder, image_shape=(8, 8, 1))
    return fitted, model


@pytest.mark.parametrize("count", [60, 16, 400])  # chosen settings, none, more labels than pixels
@pytest.mark.parametrize("strategy", ["logistic", "svm"])
@pytest.mark.parametrize("encoder", ENCODERS)
def test_a_model_gives_the_fitted_probabilities(encoder, strategy, count):
    fitted, model = fit(strategy, ENCODERS[encoder](), count=count)
    expected = fitted.predict(UNSEEN)
    assert expected.max(axis=1).std() > 0.01
    np.testing.assert_allclose(model(UNSEEN), expected, atol=1e-5)


@pytest.mark.parametrize("strategy", ["logistic", "svm"])
@pytest.mark.parametrize("seen", [(1,), (0, 2), (0, 1, 3)])
def test_classes_without_labels_get_no_probability(strategy, seen):
    labels = np.array(seen)[LABELS % len(seen)]
    fitted, model = fit(strategy, None, labels=labels, num_classes=5)
    found = model(UNSEEN).numpy()
    np.testing.assert_allclose(found, fitted.predict(UNSEEN), atol=1e-5)
    assert (np.delete(found, seen, axis=1) == 0).all()


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["logistic", "svm"])
def test_it_is_calibrated_saved_and_served(strategy, tmp_path):
    fitted, model = fit(strategy, build_small_encoder())
    model.divide_logits(0.7)
    expected = apply_temperature(fitted.predict(UNSEEN), 0.7)
    model.save(tmp_path / "model.keras")
    loaded = load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded(UNSEEN), expected, atol=1e-5)
    version = export_savedmodel(loaded, tmp_path / "served")
    assert verify_savedmodel(version) == []
    # In a process that has neither tfzero nor Keras.
    np.save(tmp_path / "images.npy", UNSEEN)
    script = (
        "import sys\n"
        "sys.modules['tfzero'] = sys.modules['keras'] = None\n"
        "import json, numpy, tensorflow as tf\n"
        f"serve = tf.saved_model.load({str(version)!r}).signatures['serving_default']\n"
        f"images = tf.constant(numpy.load({str(tmp_path / 'images.npy')!r}))\n"
        "print(json.dumps(serve(image=images)['scores'].numpy().tolist()))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    np.testing.assert_allclose(json.loads(done.stdout), expected, atol=1e-5)


@pytest.mark.parametrize("strategy", ["forest", "knn"])
def test_what_becomes_no_model_says_so(strategy):
    assert not STRATEGIES[strategy].becomes_model
    with pytest.raises(InputError, match="nothing that could be a Keras model"):
        fit(strategy, None)
