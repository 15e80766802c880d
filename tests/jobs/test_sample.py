import json

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import tfzero
from tests.conftest import build_small_encoder, draw_bars
from tests.pretrain.cases import make_method
from tests.pretrain.test_alarms import Still
from tests.test_cli import refuse
from tfzero import cli


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A folder with a VAE, a GAN, a denoising method, encoders and images."""
    folder = tmp_path_factory.mktemp("models")
    for name, file in [("vae", "vae"), ("gan", "gan"), ("denoising", "den")]:
        make_method(name).save(folder / f"{file}.keras")
    build_small_encoder().save(folder / "encoder.keras")
    build_small_encoder((12, 12, 1)).save(folder / "large.keras")
    images, labels = draw_bars(80, seed=1)
    test_images, test_labels = draw_bars(40, seed=2)
    np.savez(
        folder / "bars.npz", x_train=images, y_train=labels, x_test=test_images, y_test=test_labels
    )
    few = np.flatnonzero(labels < 2)[:11]
    np.savez(folder / "few.npz", x_train=images[few], y_train=labels[few])
    flat = build_small_encoder()
    flat.set_weights([np.zeros_like(weight) for weight in flat.get_weights()])
    flat.save(folder / "flat.keras")
    np.savez(
        folder / "large.npz",
        x_train=np.pad(images, ((0, 0), (2, 2), (2, 2), (0, 0))),
        y_train=labels,
    )
    return folder


@pytest.fixture(autouse=True)
def _in_folder(models, monkeypatch):
    monkeypatch.chdir(models)


def sample(*arguments):
    result = CliRunner().invoke(cli.app, ["sample", *map(str, arguments)])
    assert result.exit_code == 0, (result.output, result.exception)
    return " ".join(result.output.split())


def test_draws_what_a_model_makes(tmp_path):
    out = sample(
        "vae.keras",
        "--out",
        tmp_path,
        *"--data bars.npz --count 9 --seed 3 --traversals 2 --interpolations 5".split(),
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "interpolations.png",
        "reconstructions.png",
        "samples.png",
        "traversals.png",
    ]
    assert f"Wrote {tmp_path}/samples.png" in out.replace(" ", "").replace("Wrote", "Wrote ")
    sizes = {}
    for path in tmp_path.iterdir():
        with Image.open(path) as picture:
            sizes[path.stem] = picture.size
    zoom = 6  # of small images
    assert sizes["samples"] == (zoom * 73, zoom * 19)  # 9 in rows of 8
    assert sizes["traversals"] == (zoom * 82, zoom * 19)
    assert sizes["interpolations"] == (zoom * 82, zoom * 46)
    with Image.open(tmp_path / "samples.png") as picture:
        pixels = np.asarray(picture)[::zoom, ::zoom]
    expected = np.asarray(make_method("vae").generate(9, seed=3)[0, :, :, 0]) * 255
    assert np.abs(pixels[1:9, 1:9] - expected).max() <= 1


def test_says_what_a_model_cannot_make(tmp_path, monkeypatch, capsys):
    assert "gan.keras holds a GAN, which has no reconstructions." in sample(
        "gan.keras", "--out", tmp_path / "gan"
    )
    out = sample("vae.keras", "--out", tmp_path / "vae", "--traversals", 0)
    assert "There are no images to reconstruct. Give them" in out
    assert sorted(path.name for path in (tmp_path / "vae").iterdir()) == [
        "interpolations.png",
        "samples.png",
    ]
    assert (
        "encoder.keras holds a Functional, which generates no images; expected a method"
        in refuse(["sample", "encoder.keras", "--out", tmp_path / "x"], monkeypatch, capsys)
    )
    monkeypatch.setattr("tfzero.jobs.sample.load_model", lambda _: Still())
    expected = "a Still, which has no samples, reconstructions, traversals or interpolations."
    assert expected in refuse(
        ["sample", "encoder.keras", "--out", tmp_path / "x"], monkeypatch, capsys
    )
    assert "which generates no images to compare" in refuse(
        ["sample", "encoder.keras", "--out", tmp_path / "x", "--data", "bars.npz", "--quality"],
        monkeypatch,
        capsys,
    )
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("space", "name"),
    [
        ("pixels", "pixels (64 principal components)"),
        ("random", "a random encoder (seed 0)"),
        ("encoder.keras", "features of encoder.keras"),
        ("vae.keras", "features of vae.keras"),
    ],
)
def test_measures_quality_on_a_named_space(space, name, tmp_path):
    out = sample(
        "gan.keras", "--out", tmp_path, "--data", "bars.npz", "--quality", "--space", space
    )
    for figure in ("KID (0 is best)", "precision", "recall", "density", "coverage"):
        assert f"{figure} on {name}: " in out
    found = json.loads((tmp_path / "quality.json").read_text())
    assert found["space"] == name and found["count"] == 40
    assert found["real"]["coverage"] > 0.5 > found["generated"]["coverage"]  # it learnt nothing


def test_nothing_is_overwritten_unasked(tmp_path, monkeypatch, capsys):
    (tmp_path / "quality.json").write_text("mine")
    asked = ["sample", "gan.keras", "--out", tmp_path, "--data", "bars.npz", "--quality"]
    assert "quality.json exists; choose another" in refuse(asked, monkeypatch, capsys)
    assert [path.name for path in tmp_path.iterdir()] == ["quality.json"]
    assert (tmp_path / "quality.json").read_text() == "mine"
    sample(*asked[1:], "--overwrite")
    assert "samples.png exists" in refuse(asked[:4], monkeypatch, capsys)
    assert json.loads((tmp_path / "quality.json").read_text())["count"] == 40


@pytest.mark.parametrize(
    ("arguments", "telling"),
    [
        (["none.keras"], "none.keras does not exist"),
        (["gan.keras", "--quality"], "give them with --data"),
        (["gan.keras", "--data", "few.npz", "--quality"], "expected at least 12"),
        (["gan.keras", "--data", "bars.npz", "--quality", "--space", "flat.keras"], "all equal"),
        (["gan.keras", "--space", "nonsense"], "--space nonsense sets the features for --quality"),
        (
            ["gan.keras", "--size", "8", "--trim-db", "3"],
            "Without --data, --size, --trim-db would change nothing",
        ),
        (["den.keras"], "Reconstructions need real images; give them with --data."),
        (["gan.keras", "--count", "0"], "--count is 0"),
        (["gan.keras", "--traversals", "-1"], "--traversals is -1"),
        (["gan.keras", "--data", "large.npz"], "takes images of (8, 8, 1), but --data has (12, 12"),
        (["gan.keras", "--data", "bars.npz", "--quality", "--space", "pixel"], '"pixels"'),
        (["gan.keras", "--data", "bars.npz", "--quality", "--space", "none.keras"], "none.keras"),
        (["gan.keras", "--data", "bars.npz", "--quality", "--space", "large.keras"], "--space"),
    ],
)
def test_what_cannot_be_used_is_refused(arguments, telling, tmp_path, monkeypatch, capsys):
    assert telling in refuse(["sample", *arguments, "--out", tmp_path / "x"], monkeypatch, capsys)
    assert not (tmp_path / "x").exists()


def test_data_of_another_size_can_be_made_to_fit(tmp_path):
    sample(
        "vae.keras",
        "--out",
        tmp_path,
        *"--data large.npz --size 8 --resize crop --channels 1".split(),
    )
    assert (tmp_path / "reconstructions.png").exists()
    assert tfzero.load_model("vae.keras").can("reconstruct")
