"""A small version of benchmarks/gan_before_after.py."""

import pathlib
import sys

import numpy as np
import pytest

from benchmarks import gan_before_after


@pytest.mark.slow
def test_a_version_beside_itself_differs_in_nothing(write_bars, tmp_path, monkeypatch, capsys):
    here = str(pathlib.Path(gan_before_after.__file__).parents[1])
    asked = ["gan_before_after.py", write_bars(200), "--before", here, "--passes", "2"]
    asked += ["--out", str(tmp_path / "out"), "--held", "80", "--labels", "20,40", "--images", "60"]
    monkeypatch.setattr(sys, "argv", [*asked, "--batch", "16", "--draws", "2", "--kind", "digits"])
    # Both sides train alike.
    default = gan_before_after.list_sides
    monkeypatch.setattr(
        gan_before_after,
        "list_sides",
        lambda arguments: [side._replace(passes=2, batch=16) for side in default(arguments)],
    )
    gan_before_after.main()
    _, head, before, after, paired = capsys.readouterr().out.splitlines()
    columns = head.split(" | ")
    assert len(before.split(" | ")) == len(after.split(" | ")) == len(columns) == 10
    assert before.split(" | ")[3:] == after.split(" | ")[3:]
    assert paired.startswith(
        "after, batches of 16, passes 2 - before, 2 pairs: probe, 20: +0.0 ± 0.0;"
    )
    with np.load(tmp_path / "out" / "after-batches-of-16-passes-2-0.npz") as made:
        assert made["seconds"] > 0 and made["generated"].shape == (60, 8, 8, 1)
