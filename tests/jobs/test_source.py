"""Studies with an encoder from elsewhere, through the command line, from start to export."""

import contextlib
import json
import pathlib
import subprocess
import sys
import zipfile

import keras
import numpy as np
import pytest
from PIL import Image

import tfzero
from tests.conftest import build_small_encoder
from tests.jobs.test_compare import make_images, read_results, run_here
from tests.test_cli import refuse
from tfzero import cli, networks
from tfzero.common.checks import InputError
from tfzero.export import fresh_process
from tfzero.jobs.source import load_encoder_file, open_source

ARGUMENTS = ["--label-counts", "12", "--seeds", "3", "--epochs", "1"]


def make_colour(folder, *, side=12):
    """Writes colour pictures of three kinds of bars as an npz file, larger than the target's."""
    generator = np.random.default_rng(5)
    labels = np.arange(96) % 3
    images = generator.integers(0, 60, (96, side, side, 3))
    for image, label in zip(images, labels, strict=True):
        if label in (0, 2):
            image[generator.integers(1, side - 1)] += 180
        if label in (1, 2):
            image[:, generator.integers(1, side - 1)] += 180
    np.savez(folder / "colour.npz", x_train=images.clip(0, 255).astype(np.uint8), y_train=labels)


def make_weights(folder):
    """Writes random weights of the smallest network of keras.applications; returns the file."""
    network = keras.applications.MobileNet(
        weights=None, include_top=False, input_shape=(32, 32, 3), pooling="avg"
    )
    path = folder / "mobilenet.weights.h5"
    network.save_weights(path)
    return path


@pytest.fixture(scope="module")
def chained(tmp_path_factory):
    """A finished study of a chain."""
    folder = tmp_path_factory.mktemp("chain")
    make_images(folder)
    make_colour(folder)
    done = run_here(
        *"compare bars.npz --source colour.npz --then denoising".split(),
        *ARGUMENTS,
        *"--arms scratch/finetune --verbose --json".split(),
        cwd=folder,
        report=True,
    )
    assert done.returncode == 0, done.stderr
    return folder, done


def test_a_chain_is_judged_against_scratch_and_each_of_its_halves(chained):
    folder, done = chained
    verdict = json.loads(done.stdout)
    arms = {row["arm"] for row in verdict["table"]}
    chain = "supervised+denoising/lpft"
    assert arms == {"scratch/finetune", "supervised/lpft", "denoising/lpft", chain}
    families = {"pretraining": [], "elsewhere": [], "rivals": []}
    for entry in verdict["comparisons"]:
        families[entry["family"]].append((entry["arm"], entry["baseline"]))
    assert set(families["rivals"]) == {
        ("supervised/lpft", "denoising/lpft"),
        (chain, "supervised/lpft"),
        (chain, "denoising/lpft"),
    }
    # What learned elsewhere answers a question of its own.
    assert families["pretraining"] == [("denoising/lpft", "scratch/finetune")]
    assert len(set(families["elsewhere"])) == 2 and "an encoder from colour" in verdict["headline"]
    said = " ".join(done.stderr.split())
    for part in (
        "Source colour: 96 images, 96 with labels",
        "All images have 1 channels",
        "Pretraining supervised+denoising: 1 epochs",
    ):
        assert part in said
    page = (folder / "runs/bars/report.html").read_text()
    assert chain in page and "supervised" in page
    costs = {row["arm"]: row["pretrain_seconds"] for row in verdict["table"]}
    # The chain pays for its start, too.
    assert costs[chain] > costs["supervised/lpft"] > 0


@pytest.mark.slow
def test_a_chain_goes_on_and_ends_alike(chained):
    folder, first = chained
    run = folder / "runs/bars"
    expected = read_results(run)
    for path in [*run.glob("encoders/supervised+*-1-*"), *run.glob("cells/supervised+*-12-1-*")]:
        path.unlink()
    arguments = (
        *"compare bars.npz --source colour.npz --then denoising".split(),
        *ARGUMENTS,
        *"--arms scratch/finetune --verbose --json".split(),
    )
    again = run_here(*arguments, cwd=folder)
    assert again.returncode == 0, again.stderr
    assert "1 pretraining and 1 cell " in " ".join(again.stderr.split())
    assert read_results(run) == expected
    same = "comparisons"
    assert json.loads(again.stdout)[same] == json.loads(first.stdout)[same]
    # Another source is another study.
    other = [argument.replace("colour.npz", "digits") for argument in arguments]
    refused = run_here(*other, cwd=folder)
    assert refused.returncode == 2 and "source.name: " in refused.stderr
    # More seeds need not be told the arms again.
    more = run_here(
        "compare", "bars.npz", "--source", "colour.npz", "--more-seeds", "1", "--json", cwd=folder
    )
    assert more.returncode == 0, more.stderr
    assert {entry["seeds"] for entry in json.loads(more.stdout)["comparisons"]} == {4}


def test_public_weights_are_read_once_and_exported_with_all_they_need(tmp_path, mobilenet):
    make_images(tmp_path)
    weights = make_weights(tmp_path)
    done = run_here(
        *"compare bars.npz --source imagenet:MobileNet,size=32 --weights".split(),
        weights.name,
        *"--label-counts 12 --seeds 1 --arms public/probe,public/svm --export it --json".split(),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    verdict = json.loads(done.stdout)
    assert {row["arm"] for row in verdict["table"]} == {"public/probe", "public/svm"}
    assert "MobileNet at 32" in " ".join(verdict["caveats"])
    assert "32x32 pixels and three channels" in " ".join(done.stderr.split())
    version = str(tmp_path / verdict["recommended"]["savedmodel"])
    data = tfzero.load_data(tmp_path / "bars.npz")
    Image.fromarray(data.test_images[0, :, :, 0]).save(tmp_path / "one.png")
    assert fresh_process.check_version(pathlib.Path(version)) == []
    answer = run_here("predict", version, "one.png", "--json", cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    [prediction] = json.loads(answer.stdout)["predictions"]
    final = next((tmp_path / "runs/bars/final").glob("*.keras"))
    expected = tfzero.load_model(final)(data.test_images[:1]).numpy()[0]
    scores = [prediction["scores"][name] for name in data.class_names]
    np.testing.assert_allclose(scores, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "telling"),
    [
        (["--source", "imagenet:MobilNetV2"], 'Did you mean "MobileNetV2"'),
        (["--source", "imagenet:MobileNet,side=32"], "expected size=N"),
        (["--source", "imagenet:MobileNet,size=32", "--weights", "none.h5"], "does not exist"),
        (["--source", "digitz"], 'There is no "digitz"'),
        (["--source", "none.keras"], "none.keras does not exist"),
        (
            ["--weights", "some.h5"],
            "expected --source imagenet:NAME or --source kerashub:NAME with it",
        ),
        (["--source", "digits", "--weights", "some.h5"], "but the source is digits"),
        (["--then", "vae"], "there is no source"),
        (["--source", "flat", "--then", "vea"], 'Did you mean "vae"'),
        (["--arms", "supervised/lpft"], "Name it with --source DATA"),
        (["--arms", "public/probe", "--source", "flat"], "--source imagenet:NAME"),
        (["--arms", "supervised/lpft", "--source", "flat"], "but this source has none"),
        (["--arms", "supervised/lpft", "--source", "one"], "but this source has none"),
    ],
)
def test_what_cannot_be_a_source_is_refused_in_a_sentence(
    arguments, telling, tmp_path, monkeypatch, capsys
):
    generator = np.random.default_rng(0)
    for folder in ("flat", "one/class"):
        (tmp_path / folder).mkdir(parents=True)
        for number in range(4):
            pixels = generator.integers(0, 256, (8, 8), np.uint8)
            Image.fromarray(pixels).save(tmp_path / folder / f"{number}.png")
    monkeypatch.chdir(tmp_path)
    printed = refuse(["compare", *arguments], monkeypatch, capsys)
    assert telling in printed and len(printed.strip().splitlines()) == 1
    assert not (tmp_path / "runs").exists()


def test_a_file_gives_the_encoder_of_what_is_in_it(tmp_path):
    encoder = build_small_encoder(seed=4)
    vae = tfzero.VAE(encoder)
    vae.compile(optimizer="adam")
    vae.fit(np.zeros((4, 8, 8, 1), np.uint8), verbose=0)
    classifier = tfzero.Classifier(encoder, 3)
    weights = encoder.get_weights()
    for name, model in (("vae", vae), ("classifier", classifier), ("encoder", encoder)):
        path = tmp_path / f"{name}.keras"
        model.save(path)
        found = load_encoder_file(path, (8, 8, 1))
        for ours, theirs in zip(weights, found.get_weights(), strict=True):
            np.testing.assert_array_equal(ours, theirs)
    with pytest.raises(InputError, match="`size=8`"):
        load_encoder_file(tmp_path / "encoder.keras", (9, 8, 1))
    keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(2, 3)]).save(
        tmp_path / "grid.keras"
    )
    with pytest.raises(InputError, match="End it with pooling"):
        load_encoder_file(tmp_path / "grid.keras", (8, 8, 1))


def save_classifier(path, *, shape=(8, 8, 1), end="softmax"):
    layers = [keras.Input(shape), keras.layers.Flatten(), keras.layers.Dense(3, activation=end)]
    keras.Sequential(layers).save(path)


def rewrite(path, change):
    """Writes a zip file again, its members changed; those that become None are left out."""
    with zipfile.ZipFile(path) as old:
        members = {name: change(name, old.read(name)) for name in old.namelist()}
    with zipfile.ZipFile(path, "w") as new:
        for name, content in members.items():
            if content is not None:
                new.writestr(name, content)


def test_a_file_that_gives_no_features_is_refused_in_a_sentence(tmp_path):
    path = tmp_path / "own.keras"
    with pytest.warns(UserWarning, match="not yet been built"):
        keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(3)]).save(path)
    with pytest.raises(InputError, match="without a fixed input.*begins with keras.Input"):
        load_encoder_file(path, (8, 8, 1))
    inputs = keras.Input((8, 8, 1))
    flat = keras.layers.Flatten()(inputs)
    two = keras.Model(inputs, [flat, keras.layers.Dense(3)(flat)])
    for save, message, shape in (
        (lambda: two.save(path), "has 1 inputs and 2 outputs; expected one input", (8, 8, 1)),
        (lambda: save_classifier(path), "classifier that ends in softmax over 3", (8, 8, 1)),
        (lambda: save_classifier(path, end=None), r"or give `channels=1`\.", (8, 8, 3)),
        (lambda: None, r"or give `size=8` and `channels=1`\.", (9, 9, 3)),
    ):
        save()
        with pytest.raises(InputError, match=message):
            load_encoder_file(path, shape)
    # The way out that the message about softmax tells.
    save_classifier(path)
    model = keras.models.load_model(path)
    keras.Model(model.inputs, model.layers[-2].output).save(path)
    assert load_encoder_file(path, (8, 8, 1)).output_shape == (None, 64)


def test_a_new_process_knows_every_class_that_a_file_may_refer_to(tmp_path):
    root = pathlib.Path(tfzero.__file__).parent
    registering = {
        "tfzero." + ".".join(path.relative_to(root).with_suffix("").parts)
        for path in root.rglob("*.py")
        if "@keras.saving.register_keras_serializable" in path.read_text()
    }
    build_small_encoder().save(tmp_path / "own.keras")
    code = "import sys, tfzero; tfzero.load_model('own.keras'); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert len(registering) > 5 and registering <= set(done.stdout.split())


@pytest.mark.parametrize("damage", ["no config", "cut weights", "no weights"])
def test_a_damaged_file_is_refused_in_a_sentence(tmp_path, damage):
    path = tmp_path / "own.keras"
    build_small_encoder().save(path)

    def change(name, content):
        if name == "config.json" and damage == "no config":
            return None
        if name.endswith(".h5") and damage != "no config":
            return content[: len(content) // 2] if damage == "cut weights" else None
        return content

    rewrite(path, change)
    with pytest.raises(InputError, match="own.keras cannot be loaded: .*damaged"):
        load_encoder_file(path, (8, 8, 1))


def test_what_identifies_public_weights_is_not_how_often_they_were_built(tmp_path, mobilenet):
    data = tfzero.load_data("digits")
    found = []
    for name, size in (("a", 32), ("a", 32), ("a", 40), ("b", 32)):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        path = folder / "mobilenet.weights.h5"
        path = path if path.exists() else make_weights(folder)
        given = open_source(f"imagenet:MobileNet,size={size}", like=data, weights=path).given
        assert given is not None
        found.append(given.fingerprint)
    assert found[0] == found[1] and len(set(found)) == 3


def test_what_identifies_a_file_is_what_it_holds(tmp_path):
    data = tfzero.load_data("digits")
    found = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        build_small_encoder(seed=seed).save(tmp_path / f"{name}.keras")
        given = open_source(tmp_path / f"{name}.keras", like=data).given
        assert given is not None
        found.append(given.fingerprint)
    assert found[0] == found[1] != found[2]


def test_arms_of_a_file_run_in_a_study(tmp_path, monkeypatch, one_core, untimed, unreported):
    monkeypatch.chdir(tmp_path)
    data = tfzero.load_data(make_images(pathlib.Path(tmp_path)))
    build_small_encoder(seed=4).save("mine.keras")
    study = tfzero.compare(
        data,
        source="mine.keras",
        then="rotation",
        arms=["scratch/finetune"],
        label_counts=[12],
        seeds=1,
        epochs=1,
    )
    assert [row["arm"] for row in study.table()] == [
        "scratch/finetune",
        "file/lpft",
        "rotation/lpft",
        "file+rotation/lpft",
    ]
    chained = tfzero.load_model(
        next(pathlib.Path("runs/bars/encoders").glob("file+rotation-*.keras"))
    )
    assert chained.count_params() == build_small_encoder().count_params()


def test_single_stages_start_from_a_source_task(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    make_images(tmp_path)
    make_colour(tmp_path)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["tfzero", *arguments])
        with contextlib.suppress(SystemExit):
            cli.main()
        printed = capsys.readouterr()
        assert not printed.err, printed.err
        return printed.out

    shape = ("--size", "8", "--channels", "1", "--epochs", "1")
    task = ("pretrain", "colour.npz", "--method", "supervised", *shape)
    run(*task, "--out", "task.keras")
    start = load_encoder_file(pathlib.Path("task.keras"), (8, 8, 1))
    run(
        *"pretrain bars.npz --method rotation --encoder task.keras".split(),
        *"--epochs 1 --out chain.keras".split(),
    )
    chained = load_encoder_file(pathlib.Path("chain.keras"), (8, 8, 1))
    random = networks.build_encoder((8, 8, 1), seed=9)
    kernels = [model.get_layer("block1").get_weights()[0] for model in (start, chained, random)]
    assert 0 < np.abs(kernels[1] - kernels[0]).mean() < np.abs(kernels[2] - kernels[0]).mean() / 2
    said = run(
        *"finetune bars.npz --encoder chain.keras --label-count 12".split(),
        *"--strategy probe --out mine.keras".split(),
    )
    assert "Test accuracy" in said
    run(*task[:4], *shape, "--encoder", "chain.keras", "--out", "back.keras")
    for arguments, telling in [
        ((*task, "--out", "task.keras"), "exists"),
        ((*task, "--out", "x.keras", "--probe"), "does not use them"),
        ((*task, "--out", "x.keras", "--set", "beta=1"), "does not use them"),
        ((*task, "--out", "x.keras", "--encoder", "none.keras"), "none.keras does not exist"),
        (("pretrain", "--encoder", "task.keras", "--size", "9", "--out", "x.keras"), "--size"),
    ]:
        assert telling in refuse(arguments, monkeypatch, capsys)
