"""`tfzero suggest`, from the command line to the table, the page and the study after it."""

import csv
import json
import re
import shlex

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import tfzero
from tests.conftest import build_small_encoder, draw_bars
from tests.data.sounds import make_clips
from tests.export.conftest import model, version
from tests.test_cli import refuse
from tfzero import cli
from tfzero.common.checks import InputError
from tfzero.data.square import Survey
from tfzero.jobs import suggest_features
from tfzero.networks.public import lite0

__all__ = ["model", "version"]
PIXELS = ("--features", "pixels")
TABLE = "suggestions/bars/labels.csv"


@pytest.fixture
def bars(tmp_path, monkeypatch):
    """A folder of 40 bars of four classes, named by a number; works in the folder that it is in."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bars").mkdir()
    for number, image in enumerate(draw_bars(40, seed=0)[0]):
        Image.fromarray(image[..., 0]).save(tmp_path / "bars" / f"{number:02}.png")
    return tmp_path / "bars"


def class_of(name):
    return "abcd"[int(re.sub(r"\D", "", name)) % 4]


def run(*arguments, code=0):
    result = CliRunner().invoke(cli.app, ["suggest", *map(str, arguments)])
    assert result.exit_code == code, (result.output, result.exception)
    return result


def read_rows(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def fill_in(path):
    """Labels all images of a table."""
    rows = read_rows(path)
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows({**row, "label": class_of(row["file"])} for row in rows)


def test_from_images_without_labels_to_the_data_of_a_study(bars):
    said = " ".join(run("bars", "--number", 12, "--test", 12, *PIXELS).stdout.split())
    rows = read_rows(TABLE)
    suggested = [row["file"] for row in rows if row["split"] == "train"]
    test = [row["file"] for row in rows if row["split"] == "test"]
    assert len(rows) == 24 and len(suggested) == 12 and len(test) == 12
    assert {class_of(name) for name in suggested} == set("abcd")
    assert {row["label"] for row in rows} == {""}
    assert "bars: 40 unlabeled images, 8x8x1 pixels" in said
    assert "Images are compared by pixels. Drew 12 test images uniformly at random." in said
    assert "Suggested 12 images: the most typical of 12 clusters" in said
    assert "tests on the images that are marked test, and on no others." in said
    assert said.endswith(f"Then: tfzero compare bars --labels {TABLE}")
    fill_in(TABLE)
    data = tfzero.load_data("bars", labels=TABLE)
    assert sorted(data.names["test"]) == sorted(test)
    assert sorted(data.names["train"]) == sorted(suggested)
    assert any("All 12 labelled training images were suggested" in note for note in data.notes)


def test_the_page_shows_all_in_the_order_of_the_table(bars):
    run("bars", "--number", 3, "--test", 2, *PIXELS)
    text = (bars.parent / "suggestions/bars/suggest.html").read_text(encoding="utf-8")
    names = re.findall(r'<span class="name">([^<]+)<', text)
    assert names == [row["file"] for row in read_rows(TABLE)]
    assert re.findall(r'<span class="rank">(\d+)<', text) == ["1", "2", "3", "4", "5"]
    assert text.count("data:image/png;base64,") == 5 and "drawn at random" in text
    assert re.findall(r'src="(?!data:)', text) == [] and "<script" not in text
    sizes = [int(size) for size in re.findall(r"stands for (\d+) images", text)]
    assert sum(sizes) == 38 and sizes == sorted(sizes, reverse=True)


def test_json_names_the_same_files(bars):
    result = run("bars", "--number", 3, "--test", 2, *PIXELS, "--json")
    found = json.loads(result.stdout)
    rows = read_rows(TABLE)
    assert [one["file"] for one in found["suggested"]] == [row["file"] for row in rows[:3]]
    assert found["test"] == [row["file"] for row in rows[3:]]
    assert found["table"] == TABLE and found["features"] == "pixels"
    assert "Next:" in result.stderr


def test_a_seed_draws_other_test_images(bars):
    drawn = []
    for out, seed in (("a", 0), ("b", 0), ("c", 1)):
        run("bars", "--number", 2, "--test", 5, *PIXELS, "--out", out, "--seed", seed)
        drawn.append([row["file"] for row in read_rows(f"{out}/labels.csv")])
    assert drawn[0] == drawn[1] != drawn[2]


def test_it_goes_on_from_the_labels_that_exist(bars):
    (bars.parent / "mine.csv").write_text("file,label\n00.png,a\n04.png,a\n01.png,b\n")
    result = run("bars", "--number", 2, *PIXELS, "--labels", "mine.csv")
    rows = read_rows(TABLE)
    assert [row["label"] for row in rows] == ["a", "a", "b", "", ""]
    assert {class_of(row["file"]) for row in rows[3:]} == {"c", "d"}
    said = " ".join(result.stdout.split())
    assert "3 labelled for training" in said and "Labels exist for 3 images." in said
    assert "tfzero compare tests on a part of 3 earlier labels." in said
    run("bars", "--number", 2, *PIXELS, "--labels", TABLE, "--overwrite")
    again = [row["file"] for row in read_rows(TABLE)]
    assert again == [row["file"] for row in rows]  # what was not filled in is suggested again


def test_a_labels_csv_in_the_folder_counts(bars):
    (bars / "labels.csv").write_text("file,label,split\n00.png,a,\n01.png,b,\n02.png,,pool\n")
    run("bars", "--number", 37, *PIXELS)
    assert {row["file"] for row in read_rows(TABLE)} == {f"{n:02}.png" for n in range(40)}
    with pytest.raises(InputError, match="has 37 different unlabeled images"):
        tfzero.suggest("bars", number=38, features="pixels", out="other")


def test_without_test_images_it_says_that_there_must_be_some(bars, monkeypatch, capsys):
    result = run("bars", "--number", 12, *PIXELS)
    said = " ".join(result.stdout.split())
    assert "so a test on them would mislead" in said and "at random with --test 100." in said
    fill_in(TABLE)
    message = refuse(["compare", "bars", "--labels", TABLE], monkeypatch, capsys)
    assert "all 12 labelled images were suggested" in message
    assert "Draw a test set with tfzero suggest ... --test 100, and label it." in message


def test_copies_are_not_suggested(bars):
    for number in range(8):
        (bars / f"{40 + number}.png").write_bytes((bars / f"{number:02}.png").read_bytes())
    result = run("bars", "--number", 4, "--test", 44, *PIXELS, code=1)
    assert "different unlabeled images after drawing 44 test images" in str(result.exception)
    result = run("bars", "--number", 2, "--test", 30, *PIXELS)
    said = " ".join(result.stdout.split())
    assert "repeat another one and are not suggested." in said
    assert said.endswith("--drop-leaks")
    fill_in(TABLE)
    tests = {row["file"] for row in read_rows(TABLE) if row["split"] == "test"}
    twins = {f"{int(name[:2]) + 40}.png" for name in tests} | {
        f"{int(name[:2]) - 40:02}.png" for name in tests
    }
    assert not twins & {row["file"] for row in read_rows(TABLE) if row["split"] == "train"}


def test_the_least_certain_images_of_a_model(bars, version):
    result = run("bars", "--number", 3, "--model", version, *PIXELS)
    scores = {
        one.path.name: one.scores[one.label] for one in tfzero.predict_files(version, ["bars"])
    }
    found = [scores[row["file"]] for row in read_rows(TABLE)]
    assert found == sorted(found) and max(found) <= sorted(scores.values())[29]  # 10 times 3
    said = " ".join(result.stdout.split())
    assert f"Its best scores there are {found[0]:.2f} to {found[-1]:.2f}." in said
    page = (bars.parent / "suggestions/bars/suggest.html").read_text(encoding="utf-8")
    assert "the model is least certain of them" in page


def test_gray_images_are_compared_by_patches_unless_asked(bars):
    said = " ".join(run("bars", "--number", 4).stdout.split())
    assert "compared by k-means patches. The images are not in colour." in said
    assert {class_of(row["file"]) for row in read_rows(TABLE)} == set("abcd")
    found = tfzero.suggest("bars", number=4, features="kmeans", out="same")
    assert list(found.suggested) == [row["file"] for row in read_rows(TABLE)]


def test_colour_images_are_compared_by_public_weights_if_installed(bars, monkeypatch):
    asked = []

    def open_public(source, shape, *, weights):
        asked.append((source, shape, weights))
        encoder = build_small_encoder(shape)
        return tfzero.networks.public.PublicEncoder(encoder, "Small", 8, None, (), "")

    monkeypatch.setattr("tfzero.networks.public.open_public", open_public)
    for path in bars.iterdir():
        Image.open(path).convert("RGB").save(path)
    monkeypatch.setattr(lite0.Lite0, "is_installed", lambda self: True)
    said = " ".join(run("bars", "--number", 4).stdout.split())
    assert "compared by Small. The images are in colour, and its weights are installed." in said
    run("bars", "--source", "imagenet:X", "--weights", "w.h5", "--number", 4, "--overwrite")
    assert [source for source, _, _ in asked] == ["lite0", "imagenet:X"]
    assert asked[0][1:] == ((8, 8, 3), None) and str(asked[1][2]) == "w.h5"
    monkeypatch.setattr(lite0.Lite0, "is_installed", lambda self: False)
    said = " ".join(run("bars", "--number", 4, "--overwrite").stdout.split())
    assert "k-means patches. The public weights of lite0 are not installed (pip" in said


def test_an_encoder_of_a_file_or_of_keras(bars):
    encoder = build_small_encoder()
    encoder.save("own.keras")
    said = " ".join(run("bars", "--number", 4, "--encoder", "own.keras").stdout.split())
    assert "compared by the encoder in own.keras." in said
    found = tfzero.suggest("bars", number=4, encoder=encoder, out="same")
    assert list(found.suggested) == [row["file"] for row in read_rows(TABLE)]
    with pytest.raises(InputError, match=r"takes images of \(8, 8, 1\), but the data has"):
        tfzero.suggest("bars", number=4, encoder=encoder, size=16, out="other")


def test_groups_are_on_one_side(bars):
    for path in list(bars.iterdir()):
        path.rename(bars / f"patient{int(path.stem) // 4}_{path.name}")
    result = run("bars", "--number", 6, "--test", 8, "--group", r"patient\d+", *PIXELS)
    groups = {
        split: {row["file"].split("_")[0] for row in read_rows(TABLE) if row["split"] == split}
        for split in ("train", "test")
    }
    assert len(groups["test"]) in (2, 3) and not groups["train"] & groups["test"]
    said = " ".join(result.stdout.split())
    assert "of groups with test images and are not suggested." in said
    compare = shlex.split(said.rpartition("Then: ")[2])
    assert compare[-2:] == ["--group", r"patient\d+"]


@pytest.mark.parametrize(
    ("options", "shape"),
    [
        (["--size", "16"], "16x16x1"),
        (["--size", "8x12", "--resize", "pad"], "8x12x1"),
        (["--channels", "3"], "8x8x3"),
        (["--pixel-range", "0,255"], "8x8x1"),
        (["--pages", "first"], "8x8x1"),
    ],
)
def test_images_are_read_as_asked_and_the_next_command_reads_them_alike(bars, options, shape):
    said = " ".join(run("bars", "--number", 2, *PIXELS, *options).stdout.split())
    assert f"bars: 40 unlabeled images, {shape} pixels" in said
    assert said.rpartition("compare")[2].split()[-len(options) :] == options


def test_clips_are_heard_on_the_page(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_clips(tmp_path / "clips", {"low": 4, "high": 4})
    options = ["--rate", "16000", "--clip-seconds", "0.3", "--trim-db", "9.0"]
    said = " ".join(run("clips", "--number", 2, *PIXELS, *options).stdout.split())
    assert "8 unlabeled images" in said and said.endswith(" ".join(options))
    rows = read_rows("suggestions/clips/labels.csv")
    assert {row["file"].split("/")[0] for row in rows} == {"low", "high"}
    page = (tmp_path / "suggestions/clips/suggest.html").read_text(encoding="utf-8")
    assert page.count('<audio controls preload="none" src="data:audio/wav;base64,') == 2


def test_files_are_replaced_only_when_asked(bars):
    run("bars", "--number", 2, *PIXELS, "--out", "mine")
    before = read_rows("mine/labels.csv")
    result = run("bars", "--number", 3, *PIXELS, "--out", "mine", code=1)
    words = "choose another folder with --out, or replace it with --overwrite"
    assert isinstance(result.exception, InputError) and words in str(result.exception)
    assert read_rows("mine/labels.csv") == before
    run("bars", "--number", 3, *PIXELS, "--out", "mine", "--overwrite")
    assert len(read_rows("mine/labels.csv")) == 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["bars", "--number", "0"], "--number is 0; expected at least 1"),
        (["bars", "--test", "-1"], "--test is -1; expected at least 0"),
        (["bars", "--number", "41"], "--number is 41, but bars has 40 different unlabeled images."),
        (["bars", "--test", "41"], "--test is 41; expected at most 40"),
        (
            ["bras"],
            'bras does not exist; expected a folder of images or WAV files. Did you mean "b',
        ),
        (["bars/00.png"], "bars/00.png is a file; expected a folder"),
        (["bars", "--labels", "none.csv"], "--labels is none.csv, which is not a file"),
        (["bars", *PIXELS, "--source", "lite0"], "--features and --source are given"),
        (["bars", "--features", "pixel"], 'Unknown features "pixel". Did you mean "pixels"?'),
        (["bars", "--weights", "x.h5"], "--weights is a file for a public network"),
        (["bars", "--source", "lite"], '--source is "lite"; expected a public network: lite0 or'),
        (["bars", "--pages", "each"], '--pages is "each"'),
        (["bars", "--model", "bars"], "bars"),
    ],
)
def test_what_cannot_be_used_is_refused_in_a_sentence(bars, monkeypatch, capsys, arguments, words):
    assert words in " ".join(refuse(["suggest", *arguments], monkeypatch, capsys).split())
    assert not (bars.parent / "suggestions").exists()


def test_images_of_several_sizes_are_larger_for_public_networks(bars, monkeypatch):
    survey = Survey("bars", {(100, 80): 30, (200, 150): 10}, {"pool": 40}, 0, 3)
    monkeypatch.setattr(lite0.Lite0, "is_installed", lambda self: True)
    assert suggest_features.Wanted().choose_size(survey).size == (96, 96)
    assert suggest_features.Wanted("pixels").choose_size(survey).size == (64, 64)


def test_large_images_are_shrunk_for_patches():
    images = np.zeros((2, 100, 200, 1), np.uint8)
    assert suggest_features._shrink(images).shape == (2, 32, 64, 1)
    assert suggest_features._shrink(images[:, :64, :64]).shape == (2, 64, 64, 1)
