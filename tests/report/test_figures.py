import pathlib
import re
import types

import pytest

from tests.report.pages import read
from tests.report.run_folder import DIGIT_ARMS, write_run
from tfzero import report


@pytest.fixture(autouse=True)
def plan(monkeypatch):
    """The plan of a folder that is made up: its own is not one that a study could run by."""
    plan = types.SimpleNamespace(name="digits", arms=DIGIT_ARMS, label_counts=[20, 50, 200])
    monkeypatch.setattr("tfzero.jobs.study.read_plan", lambda folder: plan)


def test_the_notebook_of_the_documentation_runs(tmp_path, monkeypatch):
    write_run(tmp_path / "runs" / "digits", seeds=2)
    monkeypatch.chdir(tmp_path)
    text = read(pathlib.Path(__file__).parents[2] / "docs" / "guides" / "report.md")
    exec(re.search(r"```python\n(.*?)```", text, re.DOTALL)[1], {})
    for name in report.__all__:
        assert f"`{name}`" in text or name == "write_report"
        assert callable(getattr(report, name))
    exec(re.findall(r"```python\n(.*?)```", text, re.DOTALL)[1], {})
