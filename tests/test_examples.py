"""The examples run, and do what they say."""

from __future__ import annotations

import importlib.util
import inspect
import os
import pathlib
import re
import runpy
import subprocess
import sys
import types

import numpy as np
import PIL.Image
import pytest
import tensorflow as tf

import tfzero
from tfzero.data.fit import RESIZE_MODES, resize_picture
from tfzero.export import fresh_process
from tfzero.export.layout import find_version
from tfzero.pretrain.alarms import describe_alarms

FOLDER = pathlib.Path(__file__).parents[1] / "examples"
NAMES = sorted(path.stem for path in FOLDER.glob("*.py"))
pytestmark = pytest.mark.usefixtures("one_core", "untimed")

# Loads an example where nothing of tfzero or Keras can be, and keeps what its main() returns.
WITHOUT_TFZERO = """
import sys
for name in ("tfzero", "keras", "tf_keras"):
    sys.modules[name] = None
try:
    import tfzero
except ImportError:
    pass
else:
    raise SystemExit("tfzero can be imported")
import runpy
import numpy as np
example, savedmodel, out, *images = sys.argv[1:]
scores = runpy.run_path(example)["main"](savedmodel=savedmodel, images=images)
np.savez(out, **scores)
"""


def load_example(name):
    spec = importlib.util.spec_from_file_location(f"example_{name}", FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def list_files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.*"))


@pytest.fixture(scope="module")
def quick_start(tmp_path_factory):
    """What quick_start.py returns, and the folder that it ran in."""
    folder = tmp_path_factory.mktemp("quick_start")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        accuracies, version, classifier = load_example("quick_start").main(epochs=6)
    return accuracies, folder / version, classifier, folder


@pytest.fixture(scope="module")
def digits():
    return tfzero.load_data("digits")


def test_all_examples_are_tested():
    assert NAMES == [
        "gan_and_vae",
        "images_to_speech",
        "one_task_to_another",
        "own_images",
        "public_weights",
        "quick_start",
        "spoken_digits",
        "use_savedmodel",
        "use_without_tensorflow",
    ]


@pytest.mark.parametrize("name", NAMES)
def test_the_command_offers_what_main_takes(name, monkeypatch, capsys):
    path = str(FOLDER / f"{name}.py")
    monkeypatch.setattr(sys, "argv", [path, "--help"])
    with pytest.raises(SystemExit) as stop:
        runpy.run_path(path, run_name="__main__")
    assert stop.value.code == 0
    shown = capsys.readouterr().out
    options = set(re.findall(r"^  (?:--)?([a-z][a-z-]+)", shown, re.MULTILINE)) - {"help"}
    assert options
    parameters = inspect.signature(load_example(name).main).parameters
    assert {option.replace("-", "_") for option in options} <= set(parameters)


def test_quick_start_beats_chance_by_far(quick_start):
    accuracies, version, _, folder = quick_start
    # Ten classes: chance is 10 %. Pixels with an SVM give 90 % at these 100 labels.
    assert accuracies["Classifier.fit"] > 0.5
    assert accuracies["lpft"] > 0.75
    assert version == folder / "savedmodels" / "digits" / "1"
    assert (version / "saved_model.pb").is_file()
    assert {path.name for path in folder.iterdir()} == {"savedmodels"}


def test_quick_start_leaves_an_older_version_as_it_is(quick_start):
    _, version, classifier, _ = quick_start
    before = (version / "saved_model.pb").read_bytes()
    names = [f"digit {number}" for number in range(10)]
    second = tfzero.export_savedmodel(classifier, version.parent, class_names=names)
    assert second.name == "2"
    assert (version / "saved_model.pb").read_bytes() == before


def test_use_savedmodel_gives_the_models_probabilities(quick_start, digits, tmp_path):
    _, version, classifier, _ = quick_start
    images, labels = digits.test_images[:40], digits.test_labels[:40]
    paths = [str(tmp_path / f"{number}.png") for number in range(len(images))]
    for path, image in zip(paths, images, strict=True):
        PIL.Image.fromarray(image[..., 0]).save(path)
    example, out = str(FOLDER / "use_savedmodel.py"), str(tmp_path / "scores.npz")
    finished = subprocess.run(
        [sys.executable, "-c", WITHOUT_TFZERO, example, str(version), out, *paths],
        cwd=tmp_path,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 0, finished.stderr
    expected = np.asarray(classifier(images, training=False))
    with np.load(out) as scores:
        assert set(scores) == {"serving_bytes", "serving_default"}
        for answer in scores.values():
            np.testing.assert_allclose(answer, expected, rtol=0, atol=1e-5)
    assert (expected.argmax(axis=1) == labels).mean() > 0.7
    first = f"  {paths[0]}: {expected[0].argmax()}, score {expected[0].max():.3f}"
    assert finished.stdout.splitlines().count(first) == 2  # by either signature


@pytest.mark.parametrize("how", RESIZE_MODES)
@pytest.mark.parametrize("extent", [(15, 34), (40, 9), (20, 20), (7, 8)])
def test_use_savedmodel_resizes_pixels_as_training_does(how, extent):
    pixels = np.random.default_rng(0).integers(0, 256, (*extent, 3), np.uint8)
    found = load_example("use_savedmodel").resize_image(tf.constant(pixels), (16, 12), how)
    expected = resize_picture(PIL.Image.fromarray(pixels), (16, 12), resize=how)
    assert found.dtype == tf.uint8
    assert np.abs(found.numpy().astype(int) - np.asarray(expected)).max() <= 1


def test_use_savedmodel_without_a_model_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match=r"savedmodels/digits/1 is no .*quick_start\.py writes"):
        load_example("use_savedmodel").main()


PICTURES = [
    f"gan_and_vae/{name}"
    for name in (
        "gan.csv",
        "gan.keras",
        "gan_samples.png",
        "vae.csv",
        "vae.keras",
        "vae_reconstructions.png",
        "vae_samples.png",
    )
]


@pytest.mark.slow
def test_gan_and_vae_are_saved_and_go_on(digits, tmp_path, monkeypatch, eagerly):
    monkeypatch.chdir(tmp_path)
    few = tfzero.from_arrays(digits.train_images[:200], digits.train_labels[:200])
    monkeypatch.setattr(tfzero, "load_data", lambda _: few)
    gan, _ = load_example("gan_and_vae").main(epochs=1)
    steps = -(-(len(few.pool) * 9 // 10) // 32)
    assert gan.optimizer.iterations == gan.discriminator_optimizer.iterations == 2 * steps
    assert list_files(tmp_path) == PICTURES
    with PIL.Image.open("gan_and_vae/vae_reconstructions.png") as grid:
        assert min(grid.size) > 8 * 8
        assert len(set(grid.convert("L").tobytes())) > 10  # not one gray


@pytest.mark.slow
def test_gan_and_vae_learn_the_images(digits, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    gan, vae = load_example("gan_and_vae").main(epochs=5)
    pixels = digits.test_images / 255.0
    average = digits.pool.mean(axis=0) / 255.0
    # Reconstructions know which image they come from: the average image does not.
    restored = np.asarray(vae.reconstruct(digits.test_images))
    assert np.mean((restored - pixels) ** 2) < 0.75 * np.mean((average - pixels) ** 2)
    # Samples have the pool's average and much of its variety; before training they have neither.
    untrained = type(gan).from_config(gan.get_config())
    samples, noise = np.asarray(gan.generate(200)), np.asarray(untrained.generate(200))
    off, off_before = (
        np.mean((samples.mean(0) - average) ** 2),
        np.mean((noise.mean(0) - average) ** 2),
    )
    assert off < 0.3 * off_before
    assert samples.std(axis=0).mean() > 0.5 * pixels.std(axis=0).mean()
    # The default arguments neither collapse nor let the discriminator win.
    assert describe_alarms(gan, digits.pool, {}) == []
    # Saved with the optimizers and trained on: five epochs and one more, over 1,167 images.
    assert gan.optimizer.iterations == gan.discriminator_optimizer.iterations == 6 * 37
    assert list_files(tmp_path) == PICTURES
    with PIL.Image.open("gan_and_vae/gan_samples.png") as grid:
        assert min(grid.size) > 8 * 8
        assert len(set(grid.convert("L").tobytes())) > 10  # not one gray


def test_gan_and_vae_overwrites_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gan_and_vae").mkdir()
    with pytest.raises(SystemExit, match="gan_and_vae exists; .* --out"):
        load_example("gan_and_vae").main()
    assert list(tmp_path.rglob("*")) == [tmp_path / "gan_and_vae"]


@pytest.mark.slow
def test_own_images_compares_drawn_shapes(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    # Without a pretrained arm, whose graphs would take longest; the next test has one.
    study = load_example("own_images").main(
        arms=("scratch/finetune", "pixels/svm"), label_counts=(60,), seeds=2
    )
    rows = {row["arm"]: row for row in study.table()}
    assert rows["scratch/finetune"]["mean"] > 75  # three classes: chance is 33 %
    assert rows["pixels/svm"]["mean"] > 45
    shown = capsys.readouterr().out
    assert study.verdict in shown
    assert f"scratch/finetune        60 labels: {rows['scratch/finetune']['mean']:5.1f} ±" in shown
    assert len(list((tmp_path / "shapes").rglob("*.png"))) == 240
    assert {path.name for path in tmp_path.iterdir()} == {"shapes", "runs", "savedmodels"}
    assert (tmp_path / study.folder / "report.html").is_file()
    assert (tmp_path / "savedmodels" / "shapes" / "1" / "saved_model.pb").is_file()


@pytest.mark.slow
def test_own_images_reaches_a_verdict_on_ones_own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    example = load_example("own_images")
    example.draw_shapes(tmp_path / "mine", side=14)
    study = example.main(folder="mine", size=12, label_counts=(60,))
    [comparison] = study.results["comparisons"]
    assert comparison["arm"] == "vae/lpft" and comparison["seeds"] == 3
    assert study.verdict.splitlines()[0].startswith(("Pretraining", "At 60 labels"))
    rows = {row["arm"]: row for row in study.table()}
    assert min(rows["vae/lpft"]["mean"], rows["scratch/finetune"]["mean"]) > 75
    assert rows["vae/lpft"]["pretrain_seconds"] > 0 == rows["scratch/finetune"]["pretrain_seconds"]
    assert study.folder == "runs/mine"
    assert not (tmp_path / "shapes").exists()


@pytest.mark.parametrize(
    ("arm", "seeds"),
    [("scratch/probe", 1), pytest.param("scratch/finetune", 2, marks=pytest.mark.slow)],
)
def test_spoken_digits_hears_made_up_words(arm, seeds, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    # Without the pretrained arm, whose graphs would take longest; the next test has it.
    study = load_example("spoken_digits").main(
        size=16, arms=(arm, "pixels/svm"), label_counts=(45,), seeds=seeds
    )
    rows = {row["arm"]: row for row in study.table()}
    assert min(row["mean"] for row in rows.values()) > 80  # three words: chance is 33 %
    shown = capsys.readouterr().out
    assert "log-mel images of 16 bands" in shown and study.verdict in shown
    assert "words/bend/voice0_00.wav: bend" in shown
    assert study.plan.data.sound.rate == 8000
    assert {path.name for path in tmp_path.iterdir()} == {"words", "runs", "savedmodels"}
    assert fresh_process.check_version(find_version("savedmodels/words")) == []


@pytest.mark.slow
def test_spoken_digits_keeps_a_voice_on_one_side(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    example = load_example("spoken_digits")
    example.sing_words(tmp_path / "mine")
    study = example.main(folder="mine", group=r"(voice\d)_", label_counts=(30,), epochs=3)
    [comparison] = study.results["comparisons"]
    assert comparison["arm"] == "simclr/lpft"
    assert study.plan.pretraining["simclr"].kind == "spectrograms"
    assert "1 of 4 groups" in "".join(study.plan.data.notes)


@pytest.fixture
def asked(monkeypatch):
    """What a study is asked for, which is not run."""
    given = {}

    def take(data, **settings):
        given.update(settings, data=data)
        return types.SimpleNamespace(verdict="what would be said")

    monkeypatch.setattr(tfzero, "compare", take)
    return given


def test_one_task_to_another_asks_for_both_tasks_and_the_chain(asked, capsys):
    load_example("one_task_to_another").main(label_counts=(20,), seeds=1, epochs=1)
    assert asked["source"].class_names == ("0", "1", "2", "3", "4")
    assert asked["data"].class_names == ("5", "6", "7", "8", "9")
    assert asked["then"] == "vae" and "supervised/lpft" in asked["arms"]
    given = {"label_counts": (20,), "seeds": 1, "epochs": 1}
    assert {name: asked[name] for name in given} == given
    assert "what would be said" in capsys.readouterr().out


def test_images_to_speech_asks_for_pictures_beside_the_clips(asked, tmp_path, capsys):
    load_example("spoken_digits").sing_words(tmp_path / "words")
    load_example("images_to_speech").main(folder=tmp_path / "words", label_counts=(45,))
    assert asked["source"] == "digits" and "supervised/probe" in asked["arms"]
    assert asked["data"].sound.rate == 8000 and asked["label_counts"] == (45,)
    assert "what would be said" in capsys.readouterr().out


@pytest.mark.slow
def test_one_task_to_another_judges_what_was_moved(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    study = load_example("one_task_to_another").main(label_counts=(20,), seeds=1, epochs=2)
    rows = {row["arm"]: row for row in study.table()}
    assert set(rows) == {
        "scratch/finetune",
        "scratch/probe",
        "supervised/lpft",
        "supervised/probe",
        "vae/lpft",
        "supervised+vae/lpft",
    }
    assert rows["supervised/lpft"]["mean"] > 50  # five classes: chance is 20 %
    assert study.plan.source.class_names == ("0", "1", "2", "3", "4")
    assert study.plan.data.class_names == ("5", "6", "7", "8", "9")
    assert study.verdict in capsys.readouterr().out
    assert pathlib.Path("savedmodels/one_task_to_another/1/saved_model.pb").is_file()


def draw_photos(count, *, seed):
    """Colour pictures of three classes, each brightest in a channel of its own."""
    labels = np.arange(count) % 3
    images = np.random.default_rng(seed).integers(0, 120, (count, 16, 16, 3))
    images[np.arange(count), :, :, labels] += 100
    return images.astype(np.uint8), labels


def test_public_weights_are_fine_tuned_and_exported(tmp_path, monkeypatch, mobilenet, eagerly):
    import keras

    monkeypatch.chdir(tmp_path)
    network = keras.applications.MobileNet(
        weights=None, include_top=False, input_shape=(32, 32, 3), pooling="avg"
    )
    network.save_weights("mobilenet.weights.h5")
    images, labels = draw_photos(90, seed=0)
    np.savez("photos.npz", x_train=images, y_train=labels)
    accuracies, version = load_example("public_weights").main(
        data="photos.npz",
        network="MobileNet",
        pixels=32,
        weights="mobilenet.weights.h5",
        num_labels=30,
        epochs=2,
    )
    assert accuracies["frozen"] > 0.6  # chance is 0.33, even for random weights
    assert 0 <= accuracies["fine-tuned"] <= 1
    assert (pathlib.Path(version) / "saved_model.pb").is_file()


def test_flips_and_crops_are_drawn_anew_and_by_the_seed():
    import tensorflow as tf

    flip_and_crop = load_example("public_weights").flip_and_crop
    images, _ = draw_photos(12, seed=1)
    first, again, other = (
        flip_and_crop(images, tf.constant(s)).numpy() for s in ([0, 1], [0, 1], [0, 2])
    )
    assert first.shape == images.shape and first.dtype == np.uint8
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    # Each image by itself: some are mirrored, and not all are shifted alike.
    steady = np.zeros((12, 16, 16, 3), np.uint8)
    steady[:, 8, 4] = 255
    places = {
        tuple(np.argwhere(image[..., 0])[0])
        for image in flip_and_crop(steady, tf.constant([0, 1])).numpy()
    }
    assert len(places) > 4
    columns = {column for _, column in places}
    assert min(columns) <= 6 and max(columns) >= 9


@pytest.mark.slow
def test_images_to_speech_brings_pictures_to_the_clips_size(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    load_example("spoken_digits").sing_words(tmp_path / "words")
    study = load_example("images_to_speech").main(
        folder="words",
        arms=("scratch/probe", "supervised/probe"),
        label_counts=(45,),
        seeds=1,
        epochs=1,
    )
    assert {row["arm"] for row in study.table()} == {"scratch/probe", "supervised/probe"}
    assert min(row["mean"] for row in study.table()) > 50  # three words: chance is 33 %
    assert study.plan.source.name == "digits" and study.plan.source.num_labelled == 1297
    height, width, channels = study.plan.data.image_shape
    assert f"All images were resized to {height}x{width} pixels." in study.plan.source.notes
    assert channels == 1 and study.verdict in capsys.readouterr().out
