"""The benchmark of serving runs, and shows what it is there to show."""

import pathlib
import runpy

import pytest

BENCHMARK = pathlib.Path(__file__).parents[2] / "benchmarks/serving.py"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_one_image_is_answered_twenty_times_as_fast_as_by_predict(capsys):
    main = runpy.run_path(str(BENCHMARK))["main"]
    main(folder=None, server=None, name="", rounds=40)
    printed = capsys.readouterr().out
    rows = [line.split(" | ") for line in printed.splitlines() if line.startswith("| ")]
    cells = {row[0].strip("| "): row[1:] for row in rows[2:]}
    assert {"model.predict", "model(x)", "SavedModel", "ONNX Runtime", "LiteRT"} <= set(cells)
    for reader, row in cells.items():
        assert float(row[4]) < 1e-5 and row[5] == "0 |", reader
    assert float(cells["model.predict"][0]) >= 20 * float(cells["SavedModel"][0])
