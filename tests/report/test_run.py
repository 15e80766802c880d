import shutil

import pytest

from tests.report.pages import edit
from tests.report.run_folder import write_run
from tfzero.common.checks import InputError
from tfzero.report import write_report


def test_files_that_cannot_be_used_are_named(tmp_path):
    with pytest.raises(InputError, match="is not a folder"):
        write_report(tmp_path / "nowhere")
    folder = write_run(tmp_path / "run", seeds=1)
    edit(folder, "study.json", lambda study: study.update(schema=3))
    with pytest.raises(InputError, match="study.json has schema 3; expected 2"):
        write_report(folder)
    (folder / "study.json").unlink()
    with pytest.raises(InputError, match="has no study.json"):
        write_report(folder)
    shutil.rmtree(folder)
    folder = write_run(tmp_path / "run", seeds=1)
    for content in (b"half a file", b""):
        (folder / "encoders" / "gan-0.npz").write_bytes(content)
        with pytest.raises(InputError, match="gan-0.npz cannot be read"):
            write_report(folder)
    (folder / "test_labels.npy").write_bytes(read_bytes(folder / "test_labels.npy")[:40])
    with pytest.raises(InputError, match="test_labels.npy cannot be read"):
        write_report(folder)


def read_bytes(path):
    return path.read_bytes()
