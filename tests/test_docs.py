"""What the documentation names exists."""

from __future__ import annotations

import pathlib
import pkgutil
import re

import pytest

THEORY = pathlib.Path(__file__).parents[1] / "docs" / "theory.md"
NAME = re.compile(r"\btfzero(?:\.\w+)+")


def find_names(text):
    return sorted(set(NAME.findall(text)))


def find_unknown(names):
    unknown = []
    for name in names:
        try:
            pkgutil.resolve_name(name)
        except (ImportError, AttributeError) as error:
            unknown.append(f"{name}: {error}")
    return unknown


def test_every_name_in_theory_resolves():
    names = find_names(THEORY.read_text("utf-8"))
    assert len(names) > 25  # a pattern that finds nothing would pass
    assert find_unknown(names) == []


def test_every_link_from_the_guides_leads_somewhere():
    for guide in (THEORY.with_name("serving.md"), THEORY.parents[1] / "savedmodels/README.md"):
        links = re.findall(r"\]\((?!https?:)([^)#]+)\)", guide.read_text("utf-8"))
        assert links
        for link in links:
            assert (guide.parent / link).exists(), link


def test_every_part_with_formulas_names_code():
    parts = re.split(r"^## ", THEORY.read_text("utf-8"), flags=re.MULTILINE)
    with_formulas = [part for part in parts if "$$" in part]
    assert len(with_formulas) >= 6
    assert [part.splitlines()[0] for part in with_formulas if not find_names(part)] == []


@pytest.mark.parametrize(
    "name",
    [
        "tfzero.pretrain.losses.gaussian_kl_divergence",
        "tfzero.GAN.train_steps",
        "tfzero.pretraining",
        "tfzero.study.verdict.judge.judge.interval",
    ],
)
def test_a_name_that_is_not_there_is_found(name):
    [problem] = find_unknown(find_names(f"The loss `{name}` is, of course, 0."))
    assert problem.startswith(f"{name}: ")
