import html
import json
import os
import re
import shutil
import subprocess
import sys

import pytest

from tests.report.pages import cells, edit, read, section, write_sections
from tests.report.run_folder import write_run
from tfzero.report import page, write_report


def test_every_image_has_words_and_stays_inside_the_page(digits):
    text = digits[1]
    pictures = [tag for tag in re.findall(r"<img[^>]*>", text) if 'id="sprite"' not in tag]
    assert len(pictures) > 10
    for tag in pictures:
        assert len(re.search(r'alt="([^"]*)"', tag)[1]) > 20
    charts = re.findall(r'role="img" aria-label="([^"]*)"', text)
    assert len(charts) > 10 and min(map(len, charts)) > 40
    plain = re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL)
    targets = re.findall(r"""(?:src|srcset|href|action|data)\s*=\s*["']?([^"'\s>]*)""", plain)
    assert len(targets) > 20
    assert [t[:40] for t in targets if not t.startswith(("data:", "#"))] == []
    assert not re.search(r"@import|url\((?!#)", text, re.IGNORECASE)
    assert '<html lang="en">' in text
    assert len(re.findall(r"<h1\b", text)) == 1


def test_headings_do_not_skip_a_level_and_ids_are_unique(digits):
    levels = [int(level) for level in re.findall(r"<h([1-6])\b", digits[1])]
    assert all(b <= a + 1 for a, b in zip(levels, levels[1:], strict=False))
    ids = re.findall(r'\bid="([^"]+)"', digits[1])
    assert len(ids) == len(set(ids))
    for target in re.findall(r'(?:href="#|aria-labelledby=")([^"]+)"', digits[1]):
        assert target in ids


def test_markup_in_names_is_shown_as_text(tmp_path):
    names = ["<script>alert(1)</script>", 'a"><img src=x>', "$\\frac{$", "a\x00b", "日本", "\udcff"]
    names += ["$$", "_background_noise_"]
    # Of the second arm there is a map of features, with a key of the classes.
    arms = ["<b>x/lpft", "vae/lpft"]
    folder = write_run(tmp_path / "run", arms=arms, class_names=names, seeds=1)
    text = read(write_report(folder))
    assert text.count("<script") == text.count("</script") == 2  # the page's own, and its data
    assert "<img src=x" not in text
    assert "<b>" not in text
    for name in ("mistakes", "data"):
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in section(text, name)


@pytest.mark.parametrize("encoders", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_one_arm_one_count_one_seed(tmp_path, encoders):
    folder = write_run(
        tmp_path / "run", arms=["scratch/finetune"], label_counts=[20], seeds=1, encoders=encoders
    )
    text = read(write_report(folder))
    assert len(cells(section(text, "table"))) == 1
    assert ("recorded losses by epoch" in section(text, "curves")) is not encoders


def test_a_verdict_with_nothing_in_it_still_makes_a_page(tmp_path):
    folder = write_run(tmp_path / "run", seeds=1, encoders=False)
    shutil.rmtree(folder / "cells")
    (folder / "test_labels.npy").unlink()
    (folder / "verdict.json").write_text('{"schema": 2, "recommended": null}')
    text = read(write_report(folder))
    assert "No verdict." in text
    assert "The study recommends none." in text
    assert "holds no predictions" in section(text, "mistakes")
    assert {cell for row in cells(section(text, "table")) for cell in row[1:]} == {"–"}


def test_a_page_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch):
    folder = write_run(tmp_path / "run", seeds=1, encoders=False)
    (folder / "report.html").write_text("old")
    (folder / "tables").mkdir()
    before = sorted(os.listdir(folder))
    monkeypatch.setattr(page.os, "replace", lambda *_: (_ for _ in ()).throw(OSError("disk")))
    with pytest.raises(OSError, match="disk"):
        write_sections(folder, "verdict")
    assert read(folder / "report.html") == "old"
    assert sorted(os.listdir(folder)) == before
    monkeypatch.undo()
    monkeypatch.setattr(page, "SECTIONS", page.SECTIONS[:1])  # the others take most of the time
    assert write_report(str(folder)) == folder / "report.html"
    assert sorted(os.listdir(folder)) == before
    assert read(folder / "report.html").startswith("<!DOCTYPE html>")


def test_the_same_folder_gives_the_same_page(digits):
    folder, text = digits
    assert read(write_report(folder)) == text


def test_neither_importing_nor_writing_needs_tensorflow_or_pyplot(tmp_path):
    folder = write_run(tmp_path / "run", seeds=1)
    code = (
        "import sys, tfzero.report as report\n"
        "assert 'matplotlib' not in sys.modules and 'jinja2' not in sys.modules\n"
        f"report.write_report({str(folder)!r})\n"
        "assert callable(report.confusion)\n"
        "assert not {'tensorflow', 'keras', 'matplotlib.pyplot'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_images_in_colour_and_not_square_make_a_page(tmp_path):
    folder = write_run(tmp_path / "run", seeds=1, shape=(12, 20, 3))
    text = write_sections(folder, "encoders", "mistakes")
    assert "data:image/" in section(text, "encoders") and "data:image/" in section(text, "mistakes")


def test_data_in_the_page_cannot_end_its_script():
    text = page.embed_json({"tips": ["</script><!--", "a & b", "\u2028", "\udcff"]})
    assert not set("<>&\u2028") & set(text)
    assert json.loads(text)["tips"][0] == "</script><!--"


@pytest.mark.parametrize("readings", [True, False])
def test_what_was_not_recorded_is_left_out_and_said(tmp_path, readings):
    folder = write_run(tmp_path / "run", seeds=1, readings=readings)
    text = html.unescape(read(write_report(folder)))
    for sentence in ("holds no maps", "holds no findings", "no images of gan/lpft", "Not measured"):
        assert (sentence in text) is not readings
    assert ("4 <b>pairs</b>." in text) is readings
    assert ('id="sprite"' in text) is readings


def test_a_reading_that_failed_says_why(tmp_path):
    folder = write_run(tmp_path / "run", seeds=1)
    for name in ("map-gan", "gan-lpft-200-0"):
        (folder / "readings" / f"{name}.npz").unlink()
        edit(folder, f"readings/{name}.json", lambda said: said.update(reason="ValueError: NaN"))
    text = read(write_report(folder))
    assert "No map: ValueError: NaN." in section(text, "encoders")
    assert "could not be inspected: ValueError: NaN." in section(text, "mistakes")
