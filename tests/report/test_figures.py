import pathlib
import re

from tests.report.pages import read
from tests.report.run_folder import write_run
from tfzero import report


def test_the_notebook_of_the_documentation_runs(tmp_path, monkeypatch):
    write_run(tmp_path / "runs" / "digits", seeds=2)
    monkeypatch.chdir(tmp_path)
    text = read(pathlib.Path(__file__).parents[2] / "docs" / "guides" / "report.md")
    exec(re.search(r"```python\n(.*?)```", text, re.DOTALL)[1], {})
    for name in report.__all__:
        assert f"`{name}`" in text or name == "write_report"
        assert callable(getattr(report, name))
