"""What the documentation names exists, and its pages keep to the rules of their language."""

from __future__ import annotations

import importlib.util
import pathlib
import pkgutil
import re
import subprocess
import sys

import keras
import pytest
from typer.main import get_command

import tfzero
from tfzero import cli
from tfzero.study.verdict.family import BETTER, CANNOT_TELL, NO_DIFFERENCE, WORSE

TOP = pathlib.Path(__file__).parents[1]
DOCS = TOP / "docs"
OUTCOMES = (BETTER, WORSE, NO_DIFFERENCE, CANNOT_TELL)
TABLES = [
    TOP / f"tfzero/report/sections/{name}/section.html" for name in ("comparisons", "table", "time")
]
THEORY = DOCS / "concepts/theory.md"
PAGES = [page for page in sorted(DOCS.rglob("*.md")) if "_build" not in page.parts]
NAME = re.compile(r"\btfzero(?:\.\w+)+")
OTHERS = {"--rm", "--model_config_file", "--allow_version_labels_for_unavailable_models"}
OTHERS |= {"--nworkers", "--nthreads", "--resources", "--dist", "--cov", "--options", "--help"}


def load_linter(name):
    """Returns a program of docs/, also to those that import it by its name."""
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


lint = load_linter("lint")
lint_code = load_linter("lint_code")


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


def test_every_name_in_the_reference_resolves():
    names = find_names((DOCS / "reference/api.md").read_text("utf-8"))
    assert len(names) > 30
    assert find_unknown(names) == []


@pytest.mark.parametrize(
    "page",
    [*PAGES, TOP / "savedmodels/README.md", TOP / "benchmarks/README.md"],
    ids=lambda page: f"{page.parent.name}-{page.stem}",
)
def test_every_link_leads_somewhere(page):
    for link, part in re.findall(r"\]\((?!https?:)([^)#]*)(#[^)]*)?\)", page.read_text("utf-8")):
        target = page.parent / link if link else page
        assert target.exists(), link
        if part:
            assert part[1:] in anchors(target), f"{link}{part}"


def anchors(page):
    """The anchors that headings get: small letters, words joined by hyphens."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


def test_every_page_is_in_the_table_of_contents():
    listed = re.findall(r"^(\w+(?:/[\w-]+)*)$", (DOCS / "index.md").read_text(), re.MULTILINE)
    assert {f"{each}.md" for each in listed} | {"index.md"} == {
        str(page.relative_to(DOCS)) for page in PAGES
    }


def test_every_option_in_the_pages_exists():
    known = {
        option
        for command in get_command(cli.app).commands.values()
        for parameter in command.params
        for option in parameter.opts
    }
    places = [TOP / "README.md", *PAGES]
    found = {
        option: page.name
        for page in places
        if page.parent.name != "benchmarks"  # its scripts have their own
        for option in re.findall(r"(?<![\w-])--[a-z][\w-]+", page.read_text("utf-8"))
    }
    assert len(found) > 40
    assert {o: page for o, page in found.items() if o not in known | OTHERS} == {}


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


def test_the_examples_of_contributing_work(bars, encoder, eagerly):
    codes = re.findall(r"```python\n(.*?)```", (DOCS / "contributing.md").read_text(), re.DOTALL)
    names = {}
    for code in codes:
        exec(compile(code, "contributing.md", "exec"), names)
    images, labels = bars
    method = names["Denoiser"](keras.models.clone_model(encoder))
    method.compile(optimizer=keras.optimizers.Adam(0.01))
    losses = method.fit(images, epochs=4, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    again = type(method).from_config(method.get_config())
    assert again.stddev == method.stddev
    with pytest.raises(ValueError, match="learns from images alone"):
        method.train_step((images, labels))
    fitted = tfzero.fit_classifier(
        names["NearestMean"](), encoder=encoder, images=images, labels=labels
    )
    assert (fitted.predict(images).argmax(axis=1) == labels).mean() > 0.9


def test_the_glossary_has_the_words_of_the_report():
    terms = re.findall(r"^(\S[^\n]*)\n: ", (DOCS / "concepts/glossary.md").read_text(), re.M)
    words = {word.strip().lower() for term in terms for word in term.split(",")}
    assert {
        "arm",
        "best set",
        "crossover",
        "exploratory",
        "family of claims",
        "half-width",
        "labels saved",
        "margin",
        "negative transfer",
        "scratch-long",
        "temperature",
        *OUTCOMES,
    } <= words
    for table in TABLES:
        heads = re.findall(r'<th scope="col"[^>]*>(\w[\w -]*)</th>', table.read_text("utf-8"))
        known = {head for head in heads if {head, head.rstrip("s")} & words}
        assert set(heads) - known <= {"drawing of the interval"}, table


@pytest.mark.parametrize("name", ["lint.py", "lint_code.py"])
def test_all_pages_and_all_texts_of_the_code_pass_the_linter(name):
    ended = subprocess.run([sys.executable, DOCS / name], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout


LONG = " ".join(["Word"] * 26)


def assert_found(found, problems):
    """Fails unless these lines have problems, which begin with these words."""
    assert [line for line, _ in found] == [line for line, _ in problems], found
    for (_, said), (_, start) in zip(found, problems, strict=True):
        assert said.startswith(start)


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        (f"Short.\n\n{LONG}.", [(3, "a sentence of 26 words")]),
        (f"{LONG[:-5]}.", []),
        (f"Short one.\nIt is. {LONG}.", [(2, "a sentence of 26 words")]),
        (f"- item\n- {LONG}\n", [(2, "a sentence of 26 words")]),
        (f"| a | b |\n| --- | --- |\n| x | {LONG} |\n", [(3, "a sentence of 26 words")]),
        (f":::{{note}}\nShort.\n\n{LONG}.\n:::\n", [(4, "a sentence of 26 words")]),
        (f"```sh\n{LONG}\n```\n", []),
        (f"`{LONG}` is code.", []),
        (f"${LONG}$ is a formula.\n\n$$\n{LONG}\n$$\n", []),
        (f"<!-- {LONG} -->\n", []),
        (f"Zhai et al. {' '.join(['Word'] * 22)}.", []),
        ("It takes 4 ms an image.", [(1, '"ms an image"')]),
        ("Three labels a class.", [(1, '"labels a class"')]),
        ("One a look.", []),
        ("There is no interval here.", []),
        ("This is no model.", [(1, '"is no "')]),
        ("The arms cannot be told apart.", [(1, '"cannot be told"')]),
        ("Take it as it is.", [(1, '"as it is"')]),
        ("The code `as it is` stays.", []),
        ("A so that\nB so that C.", [(1, '"so that B so that"')]),
    ],
)
def test_the_linter_finds_these_and_no_others(text, problems):
    found = list(lint.find_problems(text))
    assert_found(found, problems)


def test_the_linter_ends_with_1_and_names_the_place(tmp_path, capsys):
    page = tmp_path / "page.md"
    page.write_text(f"# Title\n\n{LONG}.\n")
    assert lint.main([str(page)]) == 1
    assert f"{page}:3: a sentence of 26 words" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("source", "problems"),
    [
        (f'raise InputError("{LONG}.")', [(1, "a sentence of 26 words")]),
        (f'raise InputError("{LONG[:-5]}.")', []),
        ('x = f"{count} images a class were found."', [(1, '"images a class"')]),
        ('x = f"There are {count} a class, and more."', [(1, '"... a class"')]),
        ('say(f"{path} is no folder; "\n    "expected one.")', [(1, '"is no "')]),
        ('x = "three a class"', []),  # of three words
        ('x = "Run `it is no folder` now."', []),
        (f'def load_data(x):\n    """Loads.\n\n    {LONG}.\n    """', [(4, "a sentence of 26")]),
        (f'def other(x):\n    """{LONG}."""', []),
        (f'@command("x")\ndef other(x):\n    """{LONG}."""', [(3, "a sentence of 26 words")]),
        (
            'def load_data(x):\n    """Loads.\n\n    Args:\n        x: Of an image.\n    """',
            [(5, '"Of an image')],
        ),
        ('x = typer.Option(help="Where the model is not there.")', [(1, '"Where the model')]),
        (f'# {LONG}\nx = r"^\\s+{LONG}"', []),
    ],
)
def test_the_linter_of_the_code_finds_these_and_no_others(tmp_path, source, problems):
    file = tmp_path / "file.py"
    file.write_text(f"{source}\n")
    found = list(lint_code.find_problems(file))
    assert_found(found, problems)


def test_the_linter_of_the_code_reads_templates(tmp_path, capsys):
    page = tmp_path / "page.html"
    page.write_text(f"<style>{LONG}</style>\n<p>Short.</p>\n<p>{LONG[:-5]}\n<b>Word</b>.</p>\n")
    assert lint_code.main([str(page)]) == 1
    assert f"{page}:3: a sentence of 26 words" in capsys.readouterr().out
