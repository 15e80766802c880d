"""Every file that can tell it tells the version that wrote it."""

import errno
import json
import pathlib
import re
import zipfile

import keras
import numpy as np
import pytest
from PIL import Image

import tfzero
from tfzero.common.checks import StopError
from tfzero.common.files import is_whole_archive, write_json, write_keras
from tfzero.common.version import stamp
from tfzero.pretrain.pictures import write_png

SOURCES = pathlib.Path(tfzero.__file__).parent


def test_json_files_tell_the_version(tmp_path):
    write_json(tmp_path / "a.json", {"schema": 1, "tfzero": "0.0.1"})
    found = json.loads((tmp_path / "a.json").read_text())
    assert found == {"schema": 1, "tfzero": tfzero.__version__}
    assert stamp([1, 2]) == [1, 2]  # a list has no place for it


def test_keras_files_tell_the_version_and_load_as_ever(tmp_path):
    path = tmp_path / "model.keras"
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    write_keras(path, model.save)
    with zipfile.ZipFile(path) as archive:
        assert json.loads(archive.read("tfzero.json")) == {"tfzero": tfzero.__version__}
    assert is_whole_archive(path)
    loaded = keras.models.load_model(path)
    for before, after in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)


def test_pictures_tell_the_version(tmp_path):
    write_png(tmp_path / "grid.png", np.zeros((4, 4, 1), np.uint8))
    with Image.open(tmp_path / "grid.png") as picture:
        assert picture.text["Software"] == f"tfzero {tfzero.__version__}"


def test_no_model_is_written_past_the_helper():
    allowed = {"common/files.py", "common/version.py", "pretrain/pictures.py"}
    for path in SOURCES.rglob("*.py"):
        name = path.relative_to(SOURCES).as_posix()
        text = path.read_text(encoding="utf-8")
        if name not in allowed:
            assert not re.search(r"write_by_path\([^\n]*\.save\)", text), name


def test_every_page_tells_the_version():
    texts = {path: path.read_text("utf-8") for path in SOURCES.rglob("*.html")}
    [head] = [path for path, text in texts.items() if "<!DOCTYPE" in text]
    assert 'name="generator" content="tfzero {{ version }}"' in texts[head]
    pages = [text for path, text in texts.items() if "page_head(" in text and path != head]
    assert len(pages) == 4
    for text in pages:
        assert re.match(
            r'{% from "head.html" import (page_foot, )?page_head %}\n{{ page_head\(.*, version',
            text,
        )


def test_a_file_that_cannot_be_opened_again_is_not_kept_empty(tmp_path, monkeypatch):
    path, real = tmp_path / "model.keras", open

    def refuse_to_append(name, mode="r", *rest, **settings):
        if "r+" in mode:
            raise OSError(errno.EROFS, "Read-only file system")
        return real(name, mode, *rest, **settings)

    monkeypatch.setattr("builtins.open", refuse_to_append)
    monkeypatch.setattr("io.open", refuse_to_append)
    with pytest.raises(StopError, match="Read-only file system"):
        write_keras(path, lambda name: zipfile.ZipFile(name, "w").close())
    assert list(tmp_path.iterdir()) == []
