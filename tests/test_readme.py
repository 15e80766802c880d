"""What the README shows is run."""

import pathlib
import re

import pytest

README = pathlib.Path(__file__).parent.parent / "README.md"


def test_it_has_the_two_commands_that_ci_runs():
    marked = README.read_text().split("<!-- ci:begin -->")[1].split("<!-- ci:end -->")[0]
    commands = [line for line in marked.splitlines() if line.startswith("pip ")]
    assert commands == [
        "pip install . && tfzero compare",
        'pip install ".[test]" && pytest -n 2 --dist worksteal',
    ]


def test_every_link_into_the_repository_leads_somewhere():
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", README.read_text())
    assert links
    for link in links:
        assert (README.parent / link).exists(), link


@pytest.mark.slow
def test_the_python_examples_run_as_printed(tmp_path, monkeypatch, capsys):
    codes = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    for code in codes:
        exec(compile(code, "README.md", "exec"), {"__name__": "__main__"})
    printed = capsys.readouterr().out
    assert len(codes) == 2 and "{1: 0." in printed and "At 200 labels" in printed
    assert (tmp_path / "savedmodels/mine/1/saved_model.pb").exists()
