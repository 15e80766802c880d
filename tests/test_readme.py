"""What the README shows is run."""

import pathlib
import re

import pytest

from tests.conftest import build_small_encoder

README = pathlib.Path(__file__).parent.parent / "README.md"
PYTHON = README.parent / "docs/guides/python.md"
PRETRAINING = PYTHON.with_name("pretraining.md")


def test_it_has_the_two_commands_that_ci_runs():
    marked = README.read_text().split("<!-- ci:begin -->")[1].split("<!-- ci:end -->")[0]
    commands = [line for line in marked.splitlines() if line.startswith("pip ")]
    assert commands == [
        "pip install . && tfzero compare",
        'pip install ".[test]" && pytest -n 2 --dist worksteal',
    ]


def test_it_is_an_entrance():
    assert len(README.read_text().split()) <= 900


def test_every_link_into_the_repository_leads_somewhere():
    text = README.read_text()
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", text)
    links += re.findall(r'src(?:set)?="([^"]+)"', text)
    assert len(links) > 10
    for link in links:
        assert (README.parent / link).exists(), link


@pytest.mark.slow
@pytest.mark.parametrize("page", [README, PYTHON, PRETRAINING], ids=lambda page: page.stem)
def test_the_python_examples_run_as_printed(page, tmp_path, monkeypatch, capsys):
    codes = re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)
    assert codes
    monkeypatch.chdir(tmp_path)
    build_small_encoder().save("large.keras")  # a teacher of the digits
    for code in codes:
        exec(compile(code, page.name, "exec"), {"__name__": "__main__"})
    printed = capsys.readouterr().out
    if page == PYTHON:
        assert "At 200 labels" in printed
        assert (tmp_path / "savedmodels/mine/1/saved_model.pb").exists()
    if page == PRETRAINING:
        assert "{1: 0." in printed
