"""Figures of the code's structure, of a package made for it and of this one."""

import pathlib
import subprocess
import sys

import pytest

from benchmarks import structure

ROOT = pathlib.Path(__file__).parents[2]
# In two parts, so that a search of this repository finds none.
SKIP, OFF = "# fmt: " + "skip", "# fmt: " + "off"
FILES = {
    "tfzero/__init__.py": "import lazy_loader",
    "tfzero/__init__.pyi": (
        "from .jobs.compare import compare as compare\n"
        "from .study import Study as Study\n"
        "__version__: str\n"
    ),
    "tfzero/jobs/compare.py": (
        "import tfzero.data\n"
        "def compare(a, b, c, d, e, f, g, h, i): ...\n"
        "def run(a, b, c, d, *, e, f, g, h, **i):\n"
        "    from tfzero import study\n"
        "    return a.partition('/')\n"
    ),
    "tfzero/study.py": (
        "from tfzero.common.arm import Arm\n"
        "class Study:\n"
        "    def __init__(self, a, b, c, d, e, f, g, h, i): ...\n"
        "class Other(Study):\n"
        "    def fill(self, a, b, c, d, e, f, g, h): ...\n"
        "    def overfill(self, a, b, c, d, e, f, g, h, i): ...\n"
    ),
    "tfzero/common/arm.py": (
        "PIXELS, _OTHER = 'pixels', 'other'\n"
        "GROUP = (PIXELS, 'kmeans')\n"
        "class Init: ...\n"
        "class Scratch(Init): ...\n"
        "def look(init, space, path):\n"
        "    if isinstance(init, int | Scratch) or init.name == 'vae' or space == 'pixels':\n"
        "        return init in GROUP or init == PIXELS or init == _OTHER\n"
        f"    return 'tfzero.study:Study', path.split('.')  {SKIP}\n"
    ),
    "tfzero/data.py": f"TEXT = '{SKIP}'\n",
    "tfzero/cli/main.py": "def main(a, b, c, d, e, f, g, h, i): ...\n",
    "tests/test_some.py": f"x = 1  {SKIP}\n{OFF}\n",
}


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    root = tmp_path_factory.mktemp("package")
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_every_figure_of_a_package(package):
    found = {figure.name: figure for figure in structure.measure(package)}
    assert found["files"].value == 6
    assert found["median lines per file"].value == "3"
    assert found["longest file"].places == ["tfzero/common/arm.py"]
    assert found["circles of files"].places == ["tfzero.common.arm tfzero.study"]
    [kind] = found["isinstance on kinds"].places
    assert kind == "tfzero/common/arm.py:6 isinstance(init, int | Scratch)"
    [split] = found['splits on "/" outside data and export'].places
    assert split == "tfzero/jobs/compare.py:5 a.partition('/')"
    long = found["functions over 8 parameters outside the public API and cli"].places
    assert long == ["tfzero/jobs/compare.py:3 run: 9", "tfzero/study.py:6 Other.overfill: 9"]
    assert found[SKIP[2:]].value == 3
    assert found[SKIP[2:]].places == ["tfzero: 1", "tests: 2"]
    assert found["imports inside functions"].value == 1
    compared = found["comparisons with names of inits or strategies"].places
    assert [place.partition(" ")[2] for place in compared] == [
        "init.name == 'vae'",
        "init in GROUP",
        "init == PIXELS",
    ]


def test_circles_are_found_whatever_their_length():
    imports = {"a": {"b"}, "b": {"c", "d"}, "c": {"a"}, "d": {"e"}, "e": {"d"}, "f": {"a"}}
    assert structure.find_circles(imports) == [["a", "b", "c"], ["d", "e"]]


@pytest.mark.slow
def test_it_prints_this_package_s_figures_and_the_files_of_a_cell():
    done = subprocess.run(
        [sys.executable, structure.__file__, "--trace"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    lines = done.stdout.splitlines()
    assert lines[0].startswith("files: ")
    for arm in structure.ARMS:
        [place] = [
            n
            for n, line in enumerate(lines)
            if line.startswith(f"files entered by one cell of {arm}")
        ]
        entered = lines[place + 1 : place + 1 + int(lines[place].split()[-1])]
        assert "    tfzero/common/seeds.py" in entered
        assert ("    tfzero/networks/scaling.py" in entered) == arm.startswith("vae")
