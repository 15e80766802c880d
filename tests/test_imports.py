"""Imports point one way, and packages load what is behind their names when it is used."""

import ast
import importlib
import json
import pathlib
import pickle
import subprocess
import sys

import pytest

import tfzero
from benchmarks import structure
from tfzero.pretrain import METHODS

REPOSITORY = pathlib.Path(__file__).parents[1]
# What each folder may import of tfzero, from design.md: each only of what stands below it.
_NETWORKS = {"networks", "data", "common"}
_STUDY = {"study", "transfer", "pretrain"} | _NETWORKS
ALLOWED = {
    "cli": {"jobs", "report", "export"} | _STUDY,
    "jobs": {"report", "export"} | _STUDY,
    "report": {"common", "study"},
    "export": {"networks", "data", "common"},
    "study": {"transfer", "pretrain"} | _NETWORKS,
    "transfer": _NETWORKS,
    "pretrain": _NETWORKS,
    "networks": {"common"},
    "data": {"common"},
    "common": set(),
}
# One file of a part instead of all of it.
ONLY = {
    ("report", "study"): {
        "tfzero.study.inits",
        "tfzero.study.plain_names",
        "tfzero.study.verdict.answer",
    },
    ("export", "data"): {
        "tfzero.data.clips",
        "tfzero.data.decode",
        "tfzero.data.fit",
        "tfzero.data.logmel",
        "tfzero.data.passed_over",
        "tfzero.data.regular",
        "tfzero.data.scan",
        "tfzero.data.tiff",
    },
    ("export", "networks"): {"tfzero.networks.copies", "tfzero.networks.scaling"},
}
# Rooms of a stage that must not know of later ones.
EARLIER = {
    "tfzero.study.planning": ("tfzero.study.work", "tfzero.study.verdict"),
    "tfzero.study.work": ("tfzero.study.verdict",),
    "tfzero.study.verdict": ("tfzero.study.work",),
}
LIGHT = [
    "tfzero",
    "tfzero.cli",
    "tfzero.data",
    "tfzero.report",
    "tfzero.export",
    "tfzero.networks.public",
    "tfzero.transfer",
    "tfzero.study.planning.plan",
    "tfzero.study.study",
    "tfzero.jobs.compare",
]
FILES = structure.read_files(REPOSITORY)
PUBLIC = structure.read_places(FILES)
MODULES = {file.module: file for file in FILES}
# Packages whose names load when they are used.
LAZY = [name for name, file in MODULES.items() if (REPOSITORY / f"{file.path}i").exists()]


def find_imports(module, source):
    """Returns the modules of tfzero that a source refers to, were it that module's."""
    name = module.replace(".", "/") + ".py"
    file = structure.File(name, len(source.splitlines()), ast.parse(source))
    return structure.find_imports(file, FILES, PUBLIC)


def explain(module, target):
    """Returns why the edge is forbidden, or ''."""
    part = module.split(".")[1]
    if target == "tfzero":
        return ""  # the version; names read from it are edges of their own
    for room, later in EARLIER.items():
        if _lies_in(module, room) and any(_lies_in(target, name) for name in later):
            return f"{module} imports {target}; {room} must not know of {later}"
    other = target.split(".")[1]
    if other == "__version__" or other == part and not _is_method(module, target):
        return ""
    if other == part:
        return f"{module} is a method and imports another: {target}"
    if other not in ALLOWED[part]:
        return f"{module} imports {target}; {part} may import {sorted(ALLOWED[part])}"
    only = ONLY.get((part, other))
    if only and target not in only:
        return f"{module} imports {target}; of {other} it may import {sorted(only)}"
    return ""


def _lies_in(module, room):
    return f"{module}.".startswith(f"{room}.")


def _is_method(*modules):
    methods = {method.place.partition(":")[0] for method in METHODS.values()}
    return methods.issuperset(modules)


def test_every_part_has_its_place():
    assert {name.split(".")[1] for name in MODULES if name != "tfzero"} == set(ALLOWED)


@pytest.mark.parametrize("module", [name for name in MODULES if name != "tfzero"])
def test_imports_point_one_way(module):
    targets = structure.find_imports(MODULES[module], FILES, PUBLIC)
    assert [problem for target in sorted(targets) if (problem := explain(module, target))] == []


@pytest.mark.parametrize(
    "module, source",
    [
        ("tfzero.transfer.training", "from tfzero.pretrain.losses import gaussian_kl"),
        ("tfzero.transfer.training", "import tfzero.study.planning.plan"),
        ("tfzero.study.planning.plan", "from tfzero.study.work import cell"),
        ("tfzero.study.work.cell", "from tfzero.study.verdict.judge import judge"),
        ("tfzero.study.verdict.judge", "from tfzero.study.work.scores import score"),
        ("tfzero.transfer.training", "import tfzero\ntfzero.VAE"),
        ("tfzero.transfer.training", "from tfzero import GAN"),
        ("tfzero.transfer.training", "def f():\n    from tfzero import pretrain"),
        ("tfzero.transfer.training", "from ..pretrain import losses"),
        ("tfzero.transfer.training", "TABLE = {'gan': 'tfzero.pretrain.gan:GAN'}"),
        ("tfzero.export.graph", "from tfzero.data.resize import resize_images"),
        ("tfzero.export.graph", "from tfzero.data import load_data"),
        ("tfzero.export.graph", "from tfzero.networks import build_encoder"),
        ("tfzero.export.graph", "from tfzero.transfer.classifier import Classifier"),
        ("tfzero.report.page", "from tfzero.study.study import FinishedStudy"),
        ("tfzero.data.store", "from tfzero.networks import scale_images"),
        ("tfzero.networks.encoder", "from tfzero.data import ImageData"),
        ("tfzero.pretrain.gan", "from tfzero.pretrain.vae import VAE"),
        ("tfzero.pretrain.vae", "from . import gan"),
        ("tfzero.study.work.run", "from tfzero.jobs.compare import compare"),
        ("tfzero.common.checks", "from tfzero.data.kinds import KINDS"),
    ],
)
def test_a_forbidden_edge_is_found(module, source):
    targets = find_imports(module, source)
    assert [target for target in targets if explain(module, target)]


@pytest.mark.parametrize(
    "module, source",
    [
        ("tfzero.export.graph", "from tfzero.data.decode import decode_image"),
        ("tfzero.pretrain.vae", "from tfzero.pretrain import losses"),
        ("tfzero.study.planning.plan", "import tfzero\ntfzero.__version__"),
        ("tfzero.cli", "import tfzero\ntfzero.compare"),
        ("tfzero.transfer.training", "import keras\nfrom tfzero.networks import copies"),
    ],
)
def test_an_allowed_edge_is_let_through(module, source):
    targets = find_imports(module, source)
    assert targets and not any(explain(module, target) for target in targets)


def test_no_files_import_each_other_in_a_circle():
    # All imports count: in functions, for type checkers only, and references in strings.
    assert structure.find_circles(structure.map_imports(FILES)) == []


def test_signatures_are_short_and_the_formatter_has_no_exceptions():
    assert structure.find_long_signatures(FILES, PUBLIC) == []
    folders = structure.FOLDERS
    assert [place for name in folders for place in structure.find_skips(REPOSITORY, name)] == []


SCRIPT = """
import importlib, json, sys
found = {}
for module in json.loads(sys.argv[1]):
    importlib.import_module(module)
    found[module] = [name for name in ("tensorflow", "keras") if name in sys.modules]
print(json.dumps(found))
"""


def test_light_modules_import_no_tensorflow():
    # One process for all: the first module with names behind it is the one at fault.
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps(LIGHT)],
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
        text=True,
    )
    assert json.loads(run.stdout) == {module: [] for module in LIGHT}


QUICK = """
import sys
import {module}
heavy = "numpy scipy pydantic rich typer loky PIL sklearn keras tensorflow matplotlib jinja2"
print(*[name for name in heavy.split() if name in sys.modules])
"""


@pytest.mark.parametrize("module", LAZY)
def test_a_package_loads_none_of_the_libraries_behind_its_names(module):
    run = subprocess.run(
        [sys.executable, "-c", QUICK.format(module=module)],
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
        text=True,
    )
    assert run.stdout.split() == []


@pytest.mark.parametrize("module", LAZY)
def test_each_name_of_a_package_is_found_and_its_edge_is_seen(module):
    package = importlib.import_module(module)
    targets = structure.find_imports(MODULES[module], FILES, PUBLIC)
    assert set(package.__all__) <= set(dir(package))
    for name in package.__all__:
        found = getattr(package, name)
        assert any(getattr(sys.modules.get(target), name, None) is found for target in targets)
    star = {}
    exec(f"from {module} import *", star)
    assert star.keys() - {"__builtins__"} == set(package.__all__)


def test_the_public_names_are_those_of_the_stub_and_a_misspelt_one_is_named():
    assert set(PUBLIC) == set(tfzero.__all__) and "__version__" in dir(tfzero)
    for name in tfzero.__all__:
        public = getattr(tfzero, name)
        assert public.__name__ == name and pickle.loads(pickle.dumps(public)) is public
    with pytest.raises(AttributeError, match="No tfzero attribute load_dta"):
        _ = tfzero.load_dta
