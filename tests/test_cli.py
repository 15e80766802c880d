import dataclasses
import json
import os
import pathlib
import re
import subprocess
import sys

import keras
import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import tfzero
from tests.data.sounds import make_clips
from tfzero import cli
from tfzero.common.checks import InputError

COMMANDS = [
    "compare",
    "check",
    "suggest",
    "pretrain",
    "finetune",
    "sample",
    "export",
    "predict",
    "verify",
    "convert",
    "report",
]


def refuse(arguments, monkeypatch, capsys):
    """Runs the command in this process; returns its one sentence of refusal."""
    monkeypatch.setattr(sys, "argv", ["tfzero", *map(str, arguments)])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert caught.value.code == 2
    printed = capsys.readouterr().err
    assert "Traceback" not in printed
    return printed


def make_folder(folder, *, classes=("cat", "dog"), count=6, side=8):
    generator = np.random.default_rng(0)
    for name in classes:
        (folder / name).mkdir(parents=True)
        for number in range(count):
            pixels = generator.integers(0, 256, (side, side), np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
    return folder


HELPS = """
import json, sys
from tfzero.cli import main
heavy = "numpy scipy pydantic loky PIL sklearn keras tensorflow matplotlib jinja2".split()
for arguments in json.loads(sys.argv[1]):
    sys.argv = ["tfzero", *arguments]
    try:
        main()
    except SystemExit as end:
        found = [name for name in heavy if name in sys.modules]
        print("ended", *arguments, end.code or 0, *found)
"""


def test_help_and_a_wrong_option_load_no_heavy_library():
    ends = {(): 2, ("--help",): 0, ("--version",): 0, ("compare", "--sedes"): 2, ("comapre",): 2}
    ends |= {(name, "--help"): 0 for name in COMMANDS}
    done = subprocess.run(
        [sys.executable, "-c", HELPS, json.dumps(list(ends))], capture_output=True, text=True
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("ended")]
    assert lines == [" ".join(["ended", *words, str(code)]) for words, code in ends.items()], (
        done.stderr
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_each_command_has_an_example(name):
    result = CliRunner().invoke(cli.app, [name, "--help"])
    assert result.exit_code == 0
    assert f"Example: tfzero {name}" in " ".join(result.output.split())


def test_version_is_printed():
    result = CliRunner().invoke(cli.app, ["--version"])
    assert result.output.startswith("tfzero 0.")


@pytest.mark.parametrize(
    ("arguments", "telling"),
    [
        (["compare", "digitz"], "digitz"),
        (["compare", "--arms", "vae/lptf"], 'Did you mean "vae/lpft"'),
        (["compare", "--label-counts", "9999"], "label count 9999 is larger"),
        (["compare", "--label-counts", "3"], "at least one label per class"),
        (["compare", "--label-counts", "ten"], "not a number"),
        (["compare", "--seeds", "0"], "seeds is 0"),
        (["compare", "--epochs", "0"], "epochs is 0"),
        (["compare", "--size", "big"], "HEIGHTxWIDTH"),
        (["compare", "--size", "4"], "4"),
        (["compare", "--test-share", "1.5"], "1.5"),
        (["pretrain", "--method", "vea", "--out", "x.keras"], 'Did you mean "vae"'),
        (["pretrain", "--out", "x.h5"], "ends in .keras"),
        (["finetune", "--encoder", "none.keras"], "none.keras does not exist"),
        (["finetune", "--out", "no/such/x.keras"], "no/such does not exist; create it"),
        (["finetune", "--strategy", "probee"], 'Did you mean "probe"'),
        (["export", "none.keras", "--out", "sm"], "none.keras does not exist"),
        (["export", "none.keras", "--out", "sm", "--image-shape", "8,8"], 'is "8,8"; expected'),
        (["export", "none.keras", "--out", "sm", "--pixel-range", "dark"], "such as 0,255"),
        (["predict", "none", "x.png"], "none"),
        (["verify", "none"], "none"),
        (["convert", "none", "--to", "onnx"], "none"),
        (["convert", "none", "--to", "onxx"], 'Did you mean "onnx"'),
        (["report", "none"], "none"),
    ],
)
def test_what_cannot_be_used_is_refused_in_a_sentence(
    arguments, telling, monkeypatch, capsys, tmp_path
):
    monkeypatch.chdir(tmp_path)
    assert telling in refuse(arguments, monkeypatch, capsys)
    assert os.listdir(tmp_path) == []


def test_an_unknown_option_exits_with_2(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert "--sedes" in refuse(["compare", "--sedes", "3"], monkeypatch, capsys)


def test_bad_folders_are_refused_in_a_sentence(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    make_folder(tmp_path / "lonely", classes=("cat",))
    broken = make_folder(tmp_path / "broken")
    for path in broken.rglob("*.png"):
        path.write_bytes(b"no picture")
    for name, telling in [
        ("empty", "empty"),
        ("lonely", "class"),
        ("broken", "0.png"),
    ]:
        assert telling in refuse(["compare", name], monkeypatch, capsys)
    assert not (tmp_path / "runs").exists()


def test_a_place_that_cannot_be_written_is_refused_before_any_work(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    assert "--out" in refuse(["compare", "--out", "file/run"], monkeypatch, capsys)
    assert "--export" in refuse(["compare", "--export", "file/sm"], monkeypatch, capsys)


def test_single_stages_from_pretraining_to_prediction(
    monkeypatch, capsys, tmp_path, small_encoders
):
    monkeypatch.chdir(tmp_path)
    runner = CliRunner()

    def run(*arguments):
        result = runner.invoke(cli.app, list(arguments))
        assert result.exit_code == 0, (result.output, result.exception)
        return result.stdout

    first = run("pretrain", "--method", "vae", "--epochs", "1", "--out", "vae.keras")
    assert "epoch 1/1: bits_per_dimension" in first and "Wrote vae.keras" in first
    assert "already has its 1 epochs" in run("pretrain", "--epochs", "1", "--out", "vae.keras")
    more = run("pretrain", "--epochs", "2", "--out", "vae.keras")
    assert "with 1 epochs; continuing" in more and "epoch 2/2" in more
    assert "choose another --out" in refuse(
        ["pretrain", "--method", "gan", "--out", "vae.keras"], monkeypatch, capsys
    )
    turned = ["pretrain", "--method", "rotation", "--out", "turned.keras"]
    assert "epoch 1/1: accuracy" in run(*turned, "--epochs", "1")
    assert "turned.keras is planned for 1 epochs" in refuse(
        [*turned, "--epochs", "2"], monkeypatch, capsys
    )
    out = run(
        *"finetune --encoder vae.keras --label-count 50 --strategy probe --out my.keras".split(),
    )
    accuracy = float(out.split("Test accuracy ")[1].split(" %")[0])
    assert accuracy > 50  # chance is 10
    assert "exists" in refuse(["finetune", "--out", "my.keras"], monkeypatch, capsys)
    assert "no network" in refuse(
        ["finetune", "--strategy", "svm", "--out", "svm.keras"], monkeypatch, capsys
    )
    steps = re.compile(r"Updates of the network: (\d+)")
    quick = ["finetune", "--encoder", "vae.keras", "--label-count", "50", "--out", "quick.keras"]
    told = run(
        *quick,
        *"--strategy gradual --until accuracy=0.5 --kind clothes --layer-rate 0.5".split(),
    )
    assert 0 < int(steps.search(told)[1]) < 200
    model = tfzero.load_model("quick.keras")
    assert model.kind == "clothes" and min(model.optimizer.factors) == 0.5
    assert "quick.keras exists" in refuse([*quick, "--patience", "2"], monkeypatch, capsys)
    told = run(*quick, "--patience", "1", "--overwrite")
    assert 40 <= int(steps.search(told)[1]) <= 200
    assert "a class has 1 labels; expected at least 5" in refuse(
        [*quick, "--overwrite", "--label-count", "10", "--patience", "1"], monkeypatch, capsys
    )
    pooled = [*quick, "--strategy", "selftrain", "--overwrite"]
    monkeypatch.setattr("tfzero.transfer.budget._JOINT_STEPS", 60)
    told = run(*pooled, "--unlabeled-from", "generated", "--label-count", "20")
    assert "Updates of the network: 200\n" in told
    assert "uses images that the model of --encoder generates" in refuse(
        [*pooled[:1], *pooled[3:], "--unlabeled-from", "both"], monkeypatch, capsys
    )
    assert 'source of unlabeled images "pol". Did you mean "pool"' in refuse(
        [*pooled, "--unlabeled-from", "pol"], monkeypatch, capsys
    )
    assert "Updates of the network: 200\n" in run(*pooled, "--strategy", "joint")
    assert "Expected a file of tfzero pretrain as --encoder, but none is given" in refuse(
        [*pooled[:1], *pooled[3:], "--strategy", "joint"], monkeypatch, capsys
    )
    assert 'Strategy "joint" does not train on generated images' in refuse(
        [*pooled, "--strategy", "joint", "--unlabeled-from", "generated"], monkeypatch, capsys
    )
    assert "no pretrained arm can train a network on generated" in refuse(
        ["compare", "--unlabeled-from", "generated", "--arms", "vae/lpft"], monkeypatch, capsys
    )
    names = ",".join("zero one two three four five six seven eight nine".split())
    assert "Exported sm/1" in run("export", "my.keras", "--out", "sm", "--classes", names)
    Image.new("L", (8, 8), 200).save("one.png")
    line = run("predict", "sm", "one.png", "--top", "2")
    assert line.startswith("one.png: ") and line.count(",") == 1
    (tmp_path / "folder").mkdir()
    Image.new("L", (9, 9), 100).save("folder/two.png")
    said = json.loads(run("predict", "sm", "one.png", "folder", "--json", "--batch-size", "1"))
    found = said["predictions"]
    assert [each["path"] for each in found] == ["one.png", "folder/two.png"]
    assert sum(found[0]["scores"].values()) == pytest.approx(1, abs=1e-5)
    litert = ("convert", "sm", "--to", "litert", "--signature", "serving_float")
    assert run(*litert, "--out", "my.tflite", "--tolerance", "1e-4").endswith("my.tflite\n")
    assert "my.tflite exists" in refuse([*litert, "--out", "my.tflite"], monkeypatch, capsys)
    for part, file in [("posterior", "vae"), ("decoder", "vae"), ("encoder", "my")]:
        assert f"Exported {part}/1" in run("export", f"{file}.keras", "--part", part, "--out", part)
    assert json.loads((tmp_path / "decoder/1/assets.extra/model_spec.json").read_text())[
        "image_shape"
    ] == [8, 8, 1]
    for wrong, telling in [
        (["vae.keras"], "has no classifier; expected one of its parts: --part encoder or post"),
        (["my.keras", "--part", "posterior"], "--part classifier or encoder"),
        (["my.keras", "--part", "encoder", "--logits"], "belong to a classifier"),
        (["vae.keras", "--part", "decoder", "--image-shape", "8,8,1"], "decoder generates them"),
    ]:
        assert telling in refuse(["export", *wrong, "--out", "x"], monkeypatch, capsys)


def test_clips_of_sound_from_a_folder_to_prediction(monkeypatch, tmp_path, small_encoders):
    monkeypatch.chdir(tmp_path)
    make_clips(tmp_path / "tones", {"down": 10, "up": 10})

    def run(*arguments, code=0):
        result = CliRunner().invoke(cli.app, list(arguments))
        assert result.exit_code == code, (result.output, result.exception)
        return result.stdout

    clips = ("--rate", "16000", "--clip-seconds", "0.3", "--trim-db", "30", "--resize", "pad")
    assert "16x12x1 pixels" in run("check", "tones", "--size", "16x12", *clips)
    quick = ("tones", "--size", "16x12", *clips, "--kind", "spectrograms")
    told = run(
        *"pretrain tones --size 16x12".split(),
        *clips,
        *"--method simclr --epochs 1 --out ear.keras".split(),
    )
    assert "20 of 20 clips were resampled to 16000" in told
    assert tfzero.load_model("ear.keras").kind == "spectrograms"
    run("finetune", *quick, "--encoder", "ear.keras", "--strategy", "probe", "--out", "my.keras")
    run("export", "my.keras", "--out", "sm", "--classes", "down,up", *clips)
    spec = json.loads(pathlib.Path("sm/1/assets.extra/model_spec.json").read_text())
    data = tfzero.load_data(
        "tones", size=(16, 12), rate=16000, clip_seconds=0.3, trim_db=30, resize="pad"
    )
    assert spec["sound"] == dataclasses.asdict(data.sound)
    told = run("predict", "sm", "tones", "--top", "1")  # resampled as for training
    assert len(told.splitlines()) == 20 and "tones/up/ann_00.wav: " in told
    result = CliRunner().invoke(cli.app, ["export", "my.keras", "--out", "x", "--rate", "8000"])
    assert "needs the --rate and --clip-seconds" in str(result.exception)


def test_class_weights_and_leaks_in_single_stages(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)

    def draw(labels):  # two brightnesses that overlap
        gray = random.normal(110 + 35 * labels, 25)[:, None, None, None]
        return gray + random.normal(0, 4, (len(labels), 8, 8, 1))

    y_train, y_test = np.repeat([0, 1], [110, 10]), np.repeat([0, 1], [2, 100])
    x_train, x_test = (draw(y).clip(0, 255).astype(np.uint8) for y in (y_train, y_test))
    np.savez("uneven.npz", x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
    found = []
    for options in ([], ["--class-weights"]):
        result = CliRunner().invoke(
            cli.app, ["finetune", "uneven.npz", "--overwrite", "--strategy", "probe", *options]
        )
        assert result.exit_code == 0, (result.output, result.exception)
        assert "Look: Class sizes are uneven" in result.output
        found.append(float(result.output.split("Test accuracy ")[1].split(" %")[0]))
    assert found[1] > found[0] + 5, found
    x_train[:2] = x_test[:2]
    np.savez("leaking.npz", x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
    for command in ("finetune", "pretrain"):
        told = refuse([command, "leaking.npz", "--out", "x.keras"], monkeypatch, capsys)
        assert "2 training images equal a test image" in told and "--drop-leaks" in told


def test_export_of_somebody_s_keras_file(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    latents = keras.Input((4,))
    pixels = keras.layers.Dense(64, activation="tanh")(latents)
    keras.Model(latents, keras.layers.Reshape((8, 8, 1))(pixels)).save("generator.keras")
    images = keras.Input((None, None, 1))
    means = keras.layers.GlobalAveragePooling2D()(images)
    keras.Model(images, keras.layers.Dense(3)(means)).save("network.keras")
    for file, options in [
        ("generator", ["--part", "generator", "--pixel-range=-1,1"]),
        ("network", ["--logits", "--image-shape", "8,8,1", "--pixel-range", "0,255"]),
        ("network", ["--part", "encoder", "--image-shape", "8,8,1", "--resize", "pad"]),
    ]:
        result = CliRunner().invoke(cli.app, ["export", f"{file}.keras", "--out", file, *options])
        assert result.exit_code == 0, (result.output, result.exception)
    kinds = {
        folder.as_posix(): json.loads((folder / "assets.extra/model_spec.json").read_text())["kind"]
        for name in ("generator", "network")
        for folder in sorted(pathlib.Path(name).iterdir())
    }
    assert kinds == {"generator/1": "generator", "network/1": "classifier", "network/2": "encoder"}
    spec = json.loads(pathlib.Path("network/2/assets.extra/model_spec.json").read_text())
    assert spec["resize"] == "pad"
    good = CliRunner().invoke(cli.app, ["verify", "generator"])
    assert (good.exit_code, good.output) == (0, "No difference found.\n")
    with open("generator/1/assets.extra/golden/inputs.npy", "ab") as file:
        file.write(b"more")
    bad = CliRunner().invoke(cli.app, ["verify", "generator/1"])
    assert bad.exit_code == 1 and "golden/inputs.npy has changed since export" in bad.output


DATA_OPTIONS = {
    "--pool": ("more", "pool", pathlib.Path("more")),
    "--pool-only": (None, "pool_only", True),
    "--size": ("32x48", "size", (32, 48)),
    "--channels": ("3", "channels", 3),
    "--resize": ("pad", "resize", "pad"),
    "--group": ("p(\\d+)", "group", "p(\\d+)"),
    "--test-share": ("0.5", "test_share", 0.5),
    "--strict": (None, "strict", True),
    "--drop-leaks": (None, "drop_leaks", True),
    "--transductive": (None, "transductive", True),
    "--balanced": (None, "balanced", True),
}
LACKS = {
    "compare": set(),
    "pretrain": {"--balanced"},
    "finetune": set(),
    "check": {"--pool-only", "--test-share", "--drop-leaks", "--balanced"},
}


@pytest.mark.parametrize("command", LACKS)
def test_every_option_of_the_data_arrives(command, monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    given = {}

    def take(source, options, **others):
        given.update(vars(options), source=source)
        raise InputError("stop here")

    monkeypatch.setattr("tfzero.jobs.sizing.load", take)
    monkeypatch.setattr("tfzero.data.load.load", take)
    monkeypatch.setattr("tfzero.data.check.check_data", take)
    offered = {option: DATA_OPTIONS[option] for option in DATA_OPTIONS.keys() - LACKS[command]}
    words = [word for option, (value, *_) in offered.items() for word in (option, value) if word]
    assert "stop here" in refuse([command, "images", *words], monkeypatch, capsys)
    assert given["source"] == "images"
    for option, (_, name, expected) in offered.items():
        assert given[name] == expected, option
    for option in LACKS[command]:
        assert option in refuse([command, "images", option], monkeypatch, capsys)
