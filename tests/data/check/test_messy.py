"""A messy folder of 500 images: what is said, and that a study of it can be made."""

import json

import pytest
from typer.testing import CliRunner

import tfzero
from tests.data.messy import CLASSES, LONG_NAME, make_messy
from tfzero import cli
from tfzero.common.checks import InputError
from tfzero.data import load_data
from tfzero.data.check import check_briefly, check_data, require_no_leaks
from tfzero.data.check.page import write_page
from tfzero.data.options import LoadOptions


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("messy")
    make_messy(folder)
    return folder


@pytest.fixture(scope="module")
def result(folder):
    return check_data(folder)


@pytest.fixture(scope="module")
def strict(folder):
    """What is found when images are brought to one size, and nothing may be left out."""
    return check_data(folder, LoadOptions(size=32, strict=True))


def find(result, check):
    [finding] = [finding for finding in result.findings if finding.check == check]
    return finding


def names(finding):
    return [{sight.name for sight in example.sights} for example in finding.examples]


def test_there_are_500_image_files(folder):
    files = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".txt"]
    assert len([path for path in files if not path.name.startswith(".")]) == 500


def test_broken_files_are_named_with_their_reason(result):
    finding = find(result, "files")
    assert (finding.level, finding.count) == ("look", 5)
    reasons = {name.split("/")[-1]: reason for name, reason in finding.names}
    assert "is empty (0 bytes)" in reasons["empty.png"]
    assert "decompression bombs" in reasons["bomb.png"]
    for name in ("cut.png", "text.jpg", "noise.gif"):
        assert "cannot be read as an image" in reasons[name]


def test_strict_stops_at_broken_files_and_tiny_classes(strict):
    assert {find(strict, check).level for check in ("files", "classes")} == {"stop"}


def test_sizes_that_differ_are_brought_to_a_square_which_is_said(strict, result):
    finding = find(result, "sizes")
    assert finding.level == "look" and "resized all of them to 32x32" in finding.sentence
    assert find(strict, "sizes").level == "fine"


def test_the_leak_stops(result):
    finding = find(result, "leaks")
    assert (finding.level, finding.count) == ("stop", 1)
    kvadrat = CLASSES[1]
    assert names(finding) == [{f"test/{kvadrat}/000.png", f"train/{kvadrat}/leak.png"}]
    assert result.stops


def test_the_class_of_one(result):
    finding = find(result, "classes")
    assert finding.level == "look" and '"single" (1 in train)' in finding.sentence


def test_duplicates_but_not_the_link_to_an_image_that_is_read_already(result):
    named = set().union(*names(find(result, "duplicates")))
    assert not any("link.png" in name for name in named)
    assert {f"train/{CLASSES[0]}/{LONG_NAME}", f"train/{CLASSES[0]}/été 图片.png"} < named


def test_near_duplicates(result):
    pairs = names(find(result, "near duplicates"))
    assert any("larger.png" in " ".join(pair) for pair in pairs)


def test_the_page_holds_pictures_and_names(result, tmp_path):
    write_page(result, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text("utf-8")
    assert page.count("data:image/") >= 8
    for part in ("été 图片.png", LONG_NAME, CLASSES[2], "bomb.png", "refused until something"):
        assert part in page
    opening = page.partition('<ul class="findings">')[0]
    assert "Sample images" in opening and "Images by their " in opening
    assert opening.count(", sample ") > 20 and f"{len(result.sizes)} " in page
    assert f'content="tfzero {tfzero.__version__}"' in page
    assert "<script" not in page
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


def test_a_study_can_be_made_of_it_when_the_user_says_so(folder):
    leaking = load_data(folder, size=32)
    with pytest.raises(InputError, match="1 training image equals a test image.*leak.png"):
        require_no_leaks(check_briefly(leaking))
    data = load_data(folder, size=32, drop_leaks=True)
    require_no_leaks(check_briefly(data))
    assert data.class_names == CLASSES
    assert len(data.train_images) == len(leaking.train_images) - 1
    assert "Left out 1 training images that equal a test image." in data.notes
    names = sorted(aside.name.split("/")[-1] for aside in data.set_aside)
    assert names[:4] == ["bomb.png", "cut.png", "empty.png", "noise.gif"]
    assert names[4:] == ["one.png", "one.png", "text.jpg"]
    with pytest.raises(InputError, match="file that cannot be used.*`strict=True`"):
        load_data(folder, size=32, strict=True)


def test_from_the_command_line(folder, tmp_path):
    done = CliRunner().invoke(
        cli.app, ["check", str(folder), "--json", "--page", str(tmp_path / "page.html")]
    )
    assert done.exit_code == 1
    told = json.loads(done.stdout)
    assert told["stops"] is True
    assert {entry["check"]: entry["count"] for entry in told["findings"]}["files"] == 5
    assert "stop" in done.stderr and "Nothing is changed" not in done.stderr
    assert "--paper" in (tmp_path / "page.html").read_text("utf-8")  # The report's style.
