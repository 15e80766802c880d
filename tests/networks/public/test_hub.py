import json
import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest
from PIL import Image

import tfzero
from tests.jobs.test_compare import make_images, run_here
from tfzero.common.checks import InputError
from tfzero.export import fresh_process
from tfzero.jobs.load import load_model
from tfzero.networks.copies import copy_network
from tfzero.networks.public import PublicPixels, is_public, open_public

hub = pytest.importorskip("keras_hub")

TOKENS = {"patch_size": 4, "num_layers": 1, "num_heads": 2, "hidden_dim": 8}
WIDE = {**TOKENS, "intermediate_dim": 16, "image_shape": (16, 16, 3)}
FACTORS, OFFSETS = (0.02, 0.015, 0.01), (-2.0, -1.8, -1.5)


def build_resnet():
    return hub.models.ResNetBackbone([64], [3], [64, 64], [1, 1], [1, 2], "basic_block")


def build_siglip():
    return hub.models.SigLIPBackbone(
        hub.models.SigLIPVisionEncoder(**WIDE),
        hub.models.SigLIPTextEncoder(10, 8, 8, 1, 2, 16, max_sequence_length=4),
    )


def build_efficientnet():
    return hub.models.EfficientNetBackbone(
        stackwise_width_coefficients=[1.0],
        stackwise_depth_coefficients=[1.0],
        stackwise_kernel_sizes=[3],
        stackwise_num_repeats=[1],
        stackwise_input_filters=[8],
        stackwise_output_filters=[8],
        stackwise_expansion_ratios=[2],
        stackwise_squeeze_and_excite_ratios=[0.25],
        stackwise_strides=[2],
        stackwise_block_types=["v1"],
        stackwise_force_input_filters=[0],
        stackwise_nores_option=[False],
    )


# What builds a tiny network, and how its features are read off its own output.
NETWORKS = {
    "vit": (
        lambda: hub.models.ViTBackbone(image_shape=(16, 16, 3), mlp_dim=16, **TOKENS),
        lambda tokens: tokens[:, 0],
        "its class token",
    ),
    "vit_without": (
        lambda: hub.models.ViTBackbone(
            image_shape=(16, 16, 3), mlp_dim=16, use_class_token=False, **TOKENS
        ),
        lambda tokens: tokens.mean(axis=1),
        "the average over its patches",
    ),
    "deit": (
        lambda: hub.models.DeiTBackbone(
            (16, 16, 3), 4, num_layers=1, num_heads=2, hidden_dim=8, intermediate_dim=16
        ),
        lambda tokens: tokens[:, 0],
        "its class token",
    ),
    "dinov2": (
        lambda: hub.models.DINOV2Backbone(
            num_register_tokens=2, position_embedding_shape=(24, 24, 3), **WIDE
        ),
        lambda tokens: tokens[:, 0],
        "its class token",
    ),
    "dinov3": (
        lambda: hub.models.DINOV3Backbone(**WIDE),
        lambda tokens: tokens[:, 0],
        "its class token",
    ),
    "clip": (
        lambda: hub.models.CLIPVisionEncoder(**WIDE),
        lambda tokens: tokens[:, 0],
        "its class token",
    ),
    "swin": (
        lambda: hub.models.SwinTransformerBackbone((16, 16, 3), 8, [1], [1], 2),
        lambda tokens: tokens.mean(axis=1),
        "the average over its patches",
    ),
    "resnet": (
        build_resnet,
        lambda maps: maps.mean(axis=(1, 2)),
        "the average over its last feature map",
    ),
    "efficientnet": (
        build_efficientnet,
        lambda maps: maps.mean(axis=(1, 2)),
        "the average over its last feature map",
    ),
    "siglip": (build_siglip, lambda pooled: pooled, "the pooled output of the network"),
}


def save_preset(backbone, folder, **settings):
    """Saves a network and what it does to images as KerasHub does; returns both."""
    backbone.save_to_preset(folder)
    converter = hub.layers.ImageConverter(
        **{"image_size": (16, 16), "scale": list(FACTORS), "offset": list(OFFSETS), **settings}
    )
    converter.save_to_preset(folder)
    return folder, backbone


@pytest.fixture(scope="module")
def vit(tmp_path_factory):
    keras.utils.set_random_seed(0)
    return save_preset(NETWORKS["vit"][0](), tmp_path_factory.mktemp("hub") / "vit")


@pytest.fixture(scope="module")
def resnet(tmp_path_factory):
    keras.utils.set_random_seed(1)
    return save_preset(build_resnet(), tmp_path_factory.mktemp("hub") / "resnet")


def draw_images(side=16, channels=3, count=3):
    shape = (count, side, side, channels)
    return np.random.default_rng(0).integers(0, 256, shape).astype(np.float32)


def run_own(backbone, images):
    """The network's own output for pixels in 0..255, normalised by hand."""
    pixels = images * FACTORS + OFFSETS
    image_half = getattr(backbone, "vision_encoder", backbone)
    named = image_half.input
    pixels = {next(iter(named)): pixels} if isinstance(named, dict) else pixels
    return np.asarray(image_half(pixels, training=False))


@pytest.mark.parametrize("name", NETWORKS)
def test_features_are_the_networks_own(name, tmp_path):
    build, read, said = NETWORKS[name]
    folder, backbone = save_preset(build(), tmp_path / name)
    opened = open_public(f"kerashub:{name}", (16, 16, 3), weights=folder)
    images = draw_images()
    features = opened.encoder(images / 255).numpy()
    np.testing.assert_allclose(features, read(run_own(backbone, images)), atol=2e-5)
    assert features.std(axis=0).max() > 1e-4  # different images have different features
    assert opened.title == f"{name} at 16x16 pixels" and opened.size == 16
    assert f"features are {said}." in opened.notes[0]
    # In training it computes the same, and everything that is trained has a gradient.
    np.testing.assert_array_equal(opened.encoder(images / 255, training=True), features)
    # A file, and a copy, bring back the same network with the same weights to train.
    opened.encoder.save(tmp_path / "encoder.keras")
    for twin in (load_model(tmp_path / "encoder.keras"), copy_network(opened.encoder)):
        np.testing.assert_array_equal(twin(images / 255), features)
        assert len(twin.trainable_weights) == len(opened.encoder.trainable_weights)


@pytest.mark.parametrize("name", ["dinov2", "dinov3", "efficientnet"])
def test_what_stays_as_published_stays_when_all_is_unfrozen_and_trained(name, tmp_path):
    folder, _ = save_preset(NETWORKS[name][0](), tmp_path / name)
    opened = open_public(f"kerashub:{name}", (16, 16, 3), weights=folder)
    encoder = opened.encoder
    if name != "efficientnet":
        said = f"Training leaves some of its layers as published: {name.upper()}Embedding."
        assert opened.notes[1] == said
    before = len(encoder.trainable_weights)
    encoder.trainable = False
    encoder.trainable = True
    for layer in encoder.layers:
        layer.trainable = True
    assert 0 < len(encoder.trainable_weights) == before < len(encoder.weights)
    # A warning, as of a weight without a gradient, is an error in tests.
    model = keras.Sequential([encoder, keras.layers.Dense(2)])
    model.compile("adam", "mse", run_eagerly=True)
    kept = [weight.numpy() for weight in encoder.non_trainable_weights]
    moved = [weight.numpy() for weight in encoder.trainable_weights]
    images = draw_images(count=4) / 255
    model.fit(images, np.ones((4, 2)), verbose=0)
    for old, new in zip(kept, encoder.non_trainable_weights, strict=True):
        np.testing.assert_array_equal(old, new)
    assert all(np.any(a != b) for a, b in zip(moved, encoder.trainable_weights, strict=True))
    # What was trained comes back from a file as it was.
    encoder.save(tmp_path / "trained.keras")
    loaded = load_model(tmp_path / "trained.keras")
    np.testing.assert_array_equal(loaded(images), encoder(images))


def test_size_gray_and_interpolation_are_in_the_graph(tmp_path):
    folder, backbone = save_preset(build_resnet(), tmp_path / "own", interpolation="bicubic")
    gray = draw_images(side=10, channels=1)
    # A convolutional network takes any size.
    for source, size in (("kerashub:own", 16), ("kerashub:own,size=24", 24)):
        opened = open_public(source, (10, 10, 1), weights=folder)
        large = keras.ops.image.resize(np.repeat(gray, 3, -1), (size, size), "bicubic")
        expected = run_own(backbone, np.asarray(large)).mean(axis=(1, 2))
        np.testing.assert_allclose(opened.encoder(gray / 255), expected, atol=2e-5)


def test_position_embeddings_fix_the_size_unless_the_network_interpolates_them(vit, tmp_path):
    folder, _ = vit
    with pytest.raises(InputError, match="cannot be loaded at 24x24.*own size is 16: leave size"):
        open_public("kerashub:vit,size=24", (16, 16, 3), weights=folder)
    siglip, _ = save_preset(build_siglip(), tmp_path / "siglip")
    with pytest.raises(InputError, match="size is 24 pixels; expected 16 of siglip"):
        open_public("kerashub:siglip,size=24", (16, 16, 3), weights=siglip)
    dino, _ = save_preset(NETWORKS["dinov2"][0](), tmp_path / "dino")
    larger = open_public("kerashub:dino,size=24", (16, 16, 3), weights=dino)
    assert larger.size == 24 and larger.encoder(draw_images() / 255).shape == (3, 8)
    with pytest.raises(InputError, match="multiple of 4.*Write size=20"):
        open_public("kerashub:dino,size=22", (16, 16, 3), weights=dino)


def test_all_that_decides_features_is_in_the_fingerprint(vit, tmp_path):
    folder, _ = vit
    whole = open_public("kerashub:vit", (16, 16, 3), weights=folder).decides
    # The same weights, but another network; another scale of pixels; another way to resize.
    for file, old, new in (
        ("config.json", '"layer_norm_epsilon": 1e-06', '"layer_norm_epsilon": 1e-03'),
        ("image_converter.json", "0.015", "0.016"),
        ("image_converter.json", "bilinear", "bicubic"),
    ):
        other = tmp_path / f"{file}{new[-4:]}"
        shutil.copytree(folder, other)
        text = (other / file).read_text()
        assert old in text
        (other / file).write_text(text.replace(old, new))
        assert open_public("kerashub:vit", (16, 16, 3), weights=other).decides != whole


@pytest.mark.slow
def test_another_process_loads_it_and_serves_it_without_keras_hub(vit, tmp_path):
    encoder = open_public("kerashub:vit", (16, 16, 3), weights=vit[0]).encoder
    encoder.save(tmp_path / "encoder.keras")
    encoder.export(tmp_path / "served", verbose=False)
    images = draw_images() / 255
    np.savez(tmp_path / "expected.npz", images=images, features=encoder(images))
    code = """
import sys
import numpy as np
with np.load("expected.npz") as file:
    images, expected = file["images"], file["features"]
if sys.argv[1] == "load":
    from tfzero.jobs.load import load_model
    found = load_model("encoder.keras")(images)
else:
    import tensorflow as tf
    served = tf.saved_model.load("served")
    found = served.serve(images)
    assert not {"keras_hub", "tfzero"} & set(sys.modules)
np.testing.assert_allclose(found, expected, atol=1e-5)
"""
    for way in ("load", "serve"):
        done = subprocess.run(
            [sys.executable, "-c", code, way], cwd=tmp_path, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_a_process_without_keras_hub_names_the_extra(vit, tmp_path):
    encoder = open_public("kerashub:vit", (16, 16, 3), weights=vit[0]).encoder
    encoder.save(tmp_path / "encoder.keras")
    code = """
import importlib.util, pathlib, sys
class Missing:
    def find_spec(self, name, *rest):
        if name == "keras_hub":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Missing())
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "keras_hub" else find(name, *rest)
from tfzero.common.checks import InputError
from tfzero.jobs.load import load_model
from tfzero.networks.public import open_public
from tfzero.study.workspace import _load
for use in (
    lambda: load_model("encoder.keras"),
    lambda: _load(pathlib.Path("encoder.keras")),
    lambda: open_public("kerashub:dinov2_small", (16, 16, 3)),
):
    try:
        use()
    except InputError as error:
        print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    said = done.stdout.splitlines()
    assert len(said) == 3, done.stderr
    assert all(line.endswith('pip install "tfzero[hub]"') for line in said)
    assert said[0].startswith("encoder.keras holds a network of KerasHub")


def test_keras_hub_that_is_missing_broken_or_old_is_named(vit, monkeypatch):
    def ask():
        with pytest.raises(InputError) as caught:
            open_public("kerashub:vit", (16, 16, 3), weights=vit[0])
        assert str(caught.value).endswith('Install it: pip install "tfzero[hub]"')
        return str(caught.value)

    monkeypatch.setattr(hub, "__version__", "0.31.1")
    assert "KerasHub is 0.31.1; expected 0.32 or newer" in ask()
    monkeypatch.setitem(sys.modules, "keras_hub", None)
    assert "KerasHub cannot be imported. Install" in ask()


@pytest.fixture
def broken(vit, tmp_path):
    """Copies the preset, with one file changed: replaced, cut, or removed."""

    def copy(file, change):
        folder = tmp_path / "broken"
        shutil.copytree(vit[0], folder)
        path = folder / file
        content = change(path.read_bytes())
        path.unlink()
        if content is not None:
            path.write_bytes(content)
        return folder

    return copy


def edit(**changes):
    """Changes entries of the inner configuration of a JSON file."""

    def change(content):
        config = json.loads(content)
        config["config"].update(changes)
        return json.dumps(config).encode()

    return change


LAMBDA = json.dumps(
    {
        "module": "keras.layers",
        "class_name": "Lambda",
        "registered_name": None,
        "config": {"name": "it", "function": {"class_name": "__lambda__", "config": {}}},
    }
).encode()
HOSTILE = json.dumps(
    {
        "module": "os",
        "class_name": "system",
        "registered_name": "os>system",
        "config": {"command": "touch stolen"},
    }
).encode()

# A class that Keras knows, in a file that must hold another.
OTHER = json.dumps(keras.saving.serialize_keras_object(PublicPixels(8, "tf"))).encode()


@pytest.mark.parametrize(
    ("file", "change", "telling"),
    [
        ("config.json", lambda _: None, "does not hold its config.json"),
        ("config.json", lambda content: content[:40], "cannot give its config.json"),
        ("config.json", lambda _: b"\xff\xfe\x00", "cannot give its config.json"),
        ("config.json", lambda _: b"[1, 2]", "not of KerasHub's form"),
        ("config.json", lambda _: b'{"model_type": "dinov2"}', "not of KerasHub's form"),
        ("config.json", lambda _: LAMBDA, "not of KerasHub's form"),
        ("config.json", lambda _: HOSTILE, "holds os>system; expected a network"),
        ("config.json", edit(num_layers=2), "cannot be loaded at 16x16"),
        ("config.json", edit(num_heads="many"), "cannot be loaded at 16x16"),
        ("config.json", edit(image_shape=[16, 32, 3]), "expected square ones"),
        ("config.json", edit(image_shape="large"), "expected square ones"),
        ("image_converter.json", lambda _: None, "does not hold its image_converter.json"),
        ("image_converter.json", lambda _: b"{}", "not of KerasHub's form"),
        ("image_converter.json", lambda _: HOSTILE, "expected an ImageConverter"),
        ("image_converter.json", lambda _: OTHER, "expected an ImageConverter"),
        ("image_converter.json", edit(scale=[1.0, 2.0]), "expected one number, or one for each"),
        ("image_converter.json", edit(offset="much"), "scales pixels by 'much'"),
        ("image_converter.json", edit(interpolation="area"), "resizes by 'area'; expected one of"),
        ("model.weights.h5", lambda _: None, "cannot be loaded at 16x16"),
        ("model.weights.h5", lambda content: content[:3000], "cannot be loaded at 16x16"),
        ("model.weights.h5", lambda _: b"no weights", "cannot be loaded at 16x16"),
    ],
)
def test_a_broken_or_hostile_folder_is_refused_in_a_sentence(
    file, change, telling, broken, tmp_path, monkeypatch
):
    folder = broken(file, change)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as caught:
        open_public("kerashub:mine", (16, 16, 3), weights=folder)
    said = str(caught.value)
    assert telling in said and "\n" not in said and len(said) < 700
    assert not (tmp_path / "stolen").exists()


def test_code_inside_a_folder_is_not_run(tmp_path, monkeypatch):
    folder, _ = save_preset(build_siglip(), tmp_path / "siglip")
    config = json.loads((folder / "config.json").read_text())
    code = keras.layers.Lambda(lambda x: open("stolen", "w").write("x"), output_shape=(8,))
    config["config"]["vision_encoder"] = keras.saving.serialize_keras_object(code)
    (folder / "config.json").write_text(json.dumps(config))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="cannot be loaded at 16x16 pixels.*[Ll]ambda"):
        open_public("kerashub:siglip", (16, 16, 3), weights=folder)
    assert not (tmp_path / "stolen").exists()


def test_networks_of_other_than_images_are_refused_before_they_are_built(tmp_path, monkeypatch):
    text = hub.models.BertBackbone(10, 1, 2, 8, 16, max_sequence_length=4)
    text.save_to_preset(tmp_path / "text")
    monkeypatch.setattr(hub.models.BertBackbone, "from_config", lambda *_: pytest.fail("built"))
    with pytest.raises(InputError, match="holds BertBackbone; expected a network that takes image"):
        open_public("kerashub:text", (16, 16, 3), weights=tmp_path / "text")
    video = tmp_path / "video"
    save_preset(
        hub.models.VideoPrismBackbone(2, 4, 8, 16, 2, 1, 1, 0, image_shape=(16, 16, 3)), video
    )
    with pytest.raises(InputError, match="VideoPrismBackbone with inputs"):
        open_public("kerashub:video", (16, 16, 3), weights=video)


def test_a_preset_without_a_size_needs_one(tmp_path):
    folder, _ = save_preset(build_resnet(), tmp_path / "own", image_size=None, scale=1 / 255)
    with pytest.raises(InputError, match="does not say the size.*kerashub:own,size=224"):
        open_public("kerashub:own", (16, 16, 3), weights=folder)
    assert open_public("kerashub:own,size=20", (16, 16, 3), weights=folder).size == 20


def test_names_are_checked_before_anything_is_downloaded(tmp_path):
    assert is_public("kerashub:dinov2_small") and is_public("kerashub:it,size=98")
    for source, telling in (
        ("kerashub:", "names no preset; expected kerashub:PRESET"),
        ("kerashub:dinov2_smal", 'no preset "dinov2_smal". Did you mean "dinov2_small"'),
        ("kerashub:/some/folder", "kerashub:NAME with `weights='FOLDER'`"),
    ):
        with pytest.raises(InputError) as caught:
            open_public(source, (16, 16, 3))
        assert telling in str(caught.value)
    with pytest.raises(InputError, match="is not a folder"):
        open_public("kerashub:vit", (16, 16, 3), weights=tmp_path / "none")


def test_a_folder_named_like_a_preset_downloads_nothing(vit, tmp_path, monkeypatch):
    def fail(*_, **__):
        raise AssertionError("something was downloaded")

    monkeypatch.setattr("kagglehub.model_download", fail)
    shutil.copytree(vit[0], tmp_path / "dinov2_small")
    monkeypatch.chdir(tmp_path)
    opened = open_public("kerashub:dinov2_small", (16, 16, 3), weights="dinov2_small")
    assert opened.encoder.output_shape == (None, 8)


def test_a_download_that_fails_says_how_to_do_without(monkeypatch):
    def fail(*_, **__):
        raise ConnectionError("Max retries exceeded")

    monkeypatch.setattr("kagglehub.model_download", fail)
    with pytest.raises(InputError) as caught:
        open_public("kerashub:dinov2_small", (16, 16, 3))
    said = str(caught.value)
    assert "preset dinov2_small cannot give its config.json: Max retries exceeded." in said
    assert 'keras_hub.models.Backbone.from_preset("dinov2_small").save_to_preset' in said
    assert "`weights='FOLDER'`" in said


def test_what_is_known_of_the_weights_is_said(vit, tmp_path, monkeypatch):
    folder, _ = vit
    origin = open_public("kerashub:mine", (16, 16, 3), weights=folder).origin
    assert origin == ("what the author of the preset chose", "that of the preset")
    carded = tmp_path / "carded"
    shutil.copytree(folder, carded)
    (carded / "README.md").write_text("---\nlibrary: keras-hub\nlicense: apache-2.0\n---\nText")
    assert open_public("kerashub:mine", (16, 16, 3), weights=carded).origin.licence == "apache-2.0"
    # As if KerasHub had downloaded it.
    monkeypatch.setattr("kagglehub.model_download", lambda handle, path: str(folder / path))
    origin = open_public("kerashub:dinov2_small", (16, 16, 3)).origin
    assert "Vision Transformer (small-sized model) trained using DINOv2." in origin.trained_on
    assert origin.licence == "see https://www.kaggle.com/models/keras/dinov2"


@pytest.mark.slow
def test_a_study_compares_exports_and_serves_it(tmp_path):
    """Through the command line, in a process of its own, from the folder to a prediction."""
    make_images(tmp_path)
    save_preset(NETWORKS["dinov2"][0](), tmp_path / "tiny", interpolation="bicubic")
    done = run_here(
        *"compare bars.npz --source kerashub:tiny --weights tiny --label-counts 12".split(),
        *"--seeds 1 --arms public/probe,public/lpft --epochs 1 --export it --json".split(),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    verdict = json.loads(done.stdout)
    assert {row["arm"] for row in verdict["table"]} == {"public/probe", "public/lpft"}
    said = " ".join(done.stderr.split()) + " ".join(verdict["caveats"])
    assert "tiny at 16x16 pixels" in said and "Its features are its class token." in said
    version = verdict["recommended"]["savedmodel"]
    assert fresh_process.check_version(tmp_path / version) == []
    data = tfzero.load_data(tmp_path / "bars.npz")
    Image.fromarray(data.test_images[0, :, :, 0]).save(tmp_path / "one.png")
    answer = run_here("predict", version, "one.png", "--json", cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    [prediction] = json.loads(answer.stdout)["predictions"]
    [final] = (tmp_path / "runs/bars/final").glob("*.keras")
    expected = tfzero.load_model(final)(data.test_images[:1]).numpy()[0]
    scores = [prediction["scores"][name] for name in data.class_names]
    np.testing.assert_allclose(scores, expected, atol=1e-5)
