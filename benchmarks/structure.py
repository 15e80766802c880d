"""Figures of the code's structure, to compare before and after a change.

    python benchmarks/structure.py
    python benchmarks/structure.py --trace
    python benchmarks/structure.py --root OTHER_CHECKOUT --trace

Reads the files of `tfzero/` and of the folders beside it, and prints a line per figure with the
places. With `--trace` it also counts the files that one cell enters (`cell_files.py`).
"""

from __future__ import annotations

import argparse
import ast
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import tokenize
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

# Classes of inits, pretraining plans and strategies. Those derived from the bases count, too; the
# bases do not: whoever asks for one checks what an outside object is.
BASES = {"Init", "Strategy"}
KINDS = {"KMeansPlan", "PretrainingPlan", "SupervisedPlan", "TransferPlan", "GivenEncoder"}
_METHODS = ("gan", "vae", "denoising", "rotation", "simclr", "distillation")
INITS = {"scratch", "scratch-long", *_METHODS, "kmeans", "pixels", "supervised", "public", "file"}
_CLASSICAL = ("logistic", "svm", "forest", "knn", "label_spreading")
_UNLABELED = ("selftrain", "spread_finetune", "joint")
STRATEGIES = {"finetune", "probe", "lpft", "gradual", *_CLASSICAL, *_UNLABELED}
# What the same words mean otherwise: spaces of images, scalings of pixels, columns of features.
OTHER_SUBJECTS = {"space", "scaling", "columns"}
MOST_PARAMETERS = 8
FOLDERS = ("tfzero", "tests", "benchmarks", "examples")
# Folders whose "/" is of paths and of names in archives.
PATHS = ("tfzero/data/", "tfzero/export/")
# Of these one cell is traced.
ARMS = ("vae/lpft", "pixels/svm")
_REFERENCE = re.compile(r"(tfzero(?:\.\w+)+)(?::\w+)?")


class File(NamedTuple):
    """A file of Python: its path from the root, its lines, and what it says."""

    path: str
    lines: int
    tree: ast.Module

    @property
    def module(self) -> str:
        """The name that it is imported by."""
        parts = pathlib.PurePath(self.path).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    @property
    def is_package(self) -> bool:
        """Whether it stands for its folder."""
        return self.path.endswith("__init__.py")

    def at(self, node: ast.AST) -> str:
        """Returns a node's place."""
        return f"{self.path}:{getattr(node, 'lineno', 1)}"


class Figure(NamedTuple):
    """A figure, with the places that it counts."""

    name: str
    value: int | str
    places: list[str] = []


def main() -> None:
    """Prints all figures of a checkout."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).parents[1])
    parser.add_argument("--trace", action="store_true")
    arguments = parser.parse_args()
    figures = measure(arguments.root)
    if arguments.trace:
        figures += [trace_cell(arm, arguments.root) for arm in ARMS]
    for figure in figures:
        print(f"{figure.name}: {figure.value}")
        for place in figure.places:
            print(f"    {place}")


def measure(root: pathlib.Path) -> list[Figure]:
    """Returns all figures that reading the files of a checkout gives."""
    files = read_files(root)
    public = read_places(files)
    lengths = {file.path: file.lines for file in files}
    longest = max(lengths, key=lambda path: lengths[path])
    circles = find_circles(map_imports(files))
    return [
        Figure("files", len(files)),
        Figure("median lines per file", f"{statistics.median(lengths.values()):g}"),
        Figure("longest file", f"{lengths[longest]} lines", [longest]),
        _count("circles of files", [" ".join(circle) for circle in circles]),
        _count("isinstance on kinds", find_isinstance(files)),
        _count('splits on "/" outside data and export', find_splits(files)),
        _count(
            f"functions over {MOST_PARAMETERS} parameters outside the public API and cli",
            find_long_signatures(files, public),
        ),
        count_skips(root),
        Figure("imports inside functions", sum(1 for _ in find_late_imports(files))),
        _count("comparisons with names of inits or strategies", find_comparisons(files)),
    ]


def _count(name: str, places: Iterable[str]) -> Figure:
    places = list(places)
    return Figure(name, len(places), places)


def read_files(root: pathlib.Path, folder: str = "tfzero") -> list[File]:
    """Returns the files of a folder in a checkout; what a stub beside a file imports is the file's.

    A package whose names load when they are used has them in such a stub.
    """
    files = []
    for path in sorted((root / folder).rglob("*.py")):
        text, stub = path.read_text("utf-8"), path.with_suffix(".pyi")
        tree = ast.parse(text)
        if stub.exists():
            tree.body += ast.parse(stub.read_text("utf-8")).body
        name = path.relative_to(root).as_posix()
        files.append(File(name, len(text.splitlines()), tree))
    return files


def read_places(files: list[File]) -> dict[str, str]:
    """Returns the module of each public name, as `tfzero/__init__.pyi` says."""
    [package] = [file for file in files if file.module == "tfzero"]
    return {
        alias.name: f"tfzero.{node.module}"
        for node in package.tree.body
        if isinstance(node, ast.ImportFrom) and node.level == 1
        for alias in node.names
    }


def find_imports(file: File, files: Iterable[File], public: dict[str, str]) -> set[str]:
    """Returns the modules of tfzero that a file refers to.

    Statements anywhere in the file count, functions and TYPE_CHECKING included; so do public
    names read from the package (`tfzero.compare`) and references in strings, as in tables of
    "module:name".
    """
    modules = {file.module for file in files}
    found = set()
    for node in ast.walk(file.tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= _read_import_from(node, file, modules, public)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.value.id == "tfzero" and node.attr in public:
                found.add(public[node.attr])
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            if reference := _REFERENCE.fullmatch(node.value):
                found.add(reference[1])
    return {name for name in found if name.split(".")[0] == "tfzero"} - {file.module}


def map_imports(files: list[File]) -> dict[str, set[str]]:
    """Returns what each module refers to, without the package itself, read for its version."""
    public = read_places(files)
    return {file.module: find_imports(file, files, public) - {"tfzero"} for file in files}


def _read_import_from(node: ast.ImportFrom, file: File, modules, public) -> set[str]:
    base = node.module or ""
    if node.level:
        parents = file.module.split(".")
        parents = parents[: len(parents) - node.level + file.is_package]
        base = ".".join([*parents, *([node.module] if node.module else [])])
    found = set()
    for alias in node.names:
        name = f"{base}.{alias.name}"
        if base == "tfzero":
            name = public.get(alias.name, name)
        found.add(name if name in modules or base == "tfzero" else base)
    return found


def find_circles(imports: dict[str, set[str]]) -> list[list[str]]:
    """Returns the groups of modules of which each reaches all others of its group."""
    reached = {module: _reach(module, imports) for module in imports}
    groups = {
        tuple(sorted(other for other in reached[module] if module in reached.get(other, ())))
        for module in imports
        if module in reached[module]
    }
    return [list(group) for group in sorted(groups)]


def _reach(module: str, imports: dict[str, set[str]]) -> set[str]:
    found: set[str] = set()
    ahead = list(imports[module])
    while ahead:
        name = ahead.pop()
        if name not in found:
            found.add(name)
            ahead += imports.get(name, ())
    return found


def find_isinstance(files: list[File]) -> list[str]:
    """Returns where a kind of init, pretraining or strategy is told by its class."""
    kinds = KINDS | _derived(files)
    return [
        f"{file.at(node)} {ast.unparse(node)}"
        for file in files
        for node in ast.walk(file.tree)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in ("isinstance", "issubclass")
        and len(node.args) == 2
        and kinds & {name.id for name in ast.walk(node.args[1]) if isinstance(name, ast.Name)}
    ]


def _derived(files: list[File]) -> set[str]:
    """Returns the classes that derive from the bases of kinds, directly or not."""
    parents = {
        node.name: {ast.unparse(base).rpartition(".")[2] for base in node.bases}
        for file in files
        for node in ast.walk(file.tree)
        if isinstance(node, ast.ClassDef)
    }
    found = set(BASES)
    while more := {name for name, bases in parents.items() if bases & found} - found:
        found |= more
    return found - BASES


def find_splits(files: list[File]) -> list[str]:
    """Returns where a text is taken apart at "/"."""
    return [
        f"{file.at(node)} {ast.unparse(node)}"
        for file in files
        if not file.path.startswith(PATHS)
        for node in ast.walk(file.tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("partition", "rpartition", "split", "rsplit")
        and node.args
        and ast.unparse(node.args[0]) == "'/'"
    ]


def find_long_signatures(files: list[File], public: dict[str, str]) -> list[str]:
    """Returns the functions of too many parameters, but those of the public API and of cli."""
    found = []
    for file in files:
        if not file.path.startswith("tfzero/cli/"):
            exempt = {name for name, place in public.items() if _lies_in(file.module, place)}
            for name, node in _list_functions(file.tree, exempt):
                count = len(list_parameters(node))
                if count > MOST_PARAMETERS:
                    found.append(f"{file.at(node)} {name}: {count}")
    return found


def _lies_in(module: str, place: str) -> bool:
    return f"{module}.".startswith(f"{place}.")


def _list_functions(tree: ast.AST, exempt: set[str], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yields (name, function) of all but the exempt ones of the top and their members."""
    for node in ast.iter_child_nodes(tree):
        named = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        name = f"{prefix}{node.name}" if named else ""
        if named and name in exempt:
            continue
        if named and not isinstance(node, ast.ClassDef):
            yield name, node
        yield from _list_functions(node, exempt, f"{name}." if named else prefix)


def list_parameters(function: ast.FunctionDef) -> list[str]:
    """Returns a function's parameters but self and cls, starred ones included."""
    all_of = function.args
    named = [*all_of.posonlyargs, *all_of.args, *all_of.kwonlyargs, all_of.vararg, all_of.kwarg]
    return [own.arg for own in named if own is not None and own.arg not in ("self", "cls")]


def find_skips(root: pathlib.Path, folder: str) -> list[str]:
    """Returns where a comment turns the formatter off."""
    found = []
    for path in sorted((root / folder).rglob("*.py")):
        with tokenize.open(path) as lines:
            for token in tokenize.generate_tokens(lines.readline):
                if token.type == tokenize.COMMENT and re.search(r"fmt: (skip|off)", token.string):
                    found.append(f"{path.relative_to(root).as_posix()}:{token.start[0]}")
    return found


def count_skips(root: pathlib.Path) -> Figure:
    """Returns how often a comment turns the formatter off, by folder."""
    counts = {folder: len(find_skips(root, folder)) for folder in FOLDERS}
    places = [f"{folder}: {count}" for folder, count in counts.items() if count]
    return Figure("fmt: skip", sum(counts.values()), places)


def find_late_imports(files: list[File]) -> Iterator[str]:
    """Yields where a function imports."""
    for file in files:
        lines = {
            node.lineno
            for function in ast.walk(file.tree)
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
            for node in ast.walk(function)
            if isinstance(node, ast.Import | ast.ImportFrom)
        }
        yield from (f"{file.path}:{line}" for line in sorted(lines))


def find_comparisons(files: list[File]) -> list[str]:
    """Returns where something is compared with the name of an init or a strategy."""
    words = INITS | STRATEGIES
    constants = _list_constants(files, words)
    found = []
    for file in files:
        for node in ast.walk(file.tree):
            if isinstance(node, ast.Compare) and not _subjects(node) & OTHER_SUBJECTS:
                if any(_names(side, words, constants) for side in (node.left, *node.comparators)):
                    found.append(f"{file.at(node)} {ast.unparse(node)}")
    return found


def _list_constants(files: list[File], words: set[str]) -> set[str]:
    """Returns the constants that hold such a name, or some of them and nothing else."""
    found: set[str] = set()
    for _ in range(2):  # tuples of constants after the constants
        for file in files:
            for node in file.tree.body:
                if isinstance(node, ast.Assign):
                    for name, value in _pair(node.targets[0], node.value):
                        if name.isupper() and _names(value, words, found):
                            found.add(name)
    return found


def _pair(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        for one, other in zip(target.elts, value.elts, strict=True):
            yield from _pair(one, other)
    else:
        yield ast.unparse(target), value


def _names(side: ast.expr, words: set[str], constants: set[str]) -> bool:
    """Returns whether a side of a comparison is such a name, or a collection of them."""
    if isinstance(side, ast.Tuple | ast.List | ast.Set):
        return any(_names(each, words, constants) for each in side.elts)
    if isinstance(side, ast.Starred):
        return _names(side.value, words, constants)
    if isinstance(side, ast.Constant):
        return side.value in words if isinstance(side.value, str) else False
    return isinstance(side, ast.Name | ast.Attribute) and (
        ast.unparse(side).rpartition(".")[2] in constants
    )


def _subjects(node: ast.Compare) -> set[str]:
    """Returns the last words of what is compared."""
    sides = (node.left, *node.comparators)
    return {ast.unparse(side).rpartition(".")[2] for side in sides}


def trace_cell(arm: str, root: pathlib.Path) -> Figure:
    """Returns the files that a cell of an arm enters, counted in a process of its own."""
    path = root.resolve()
    environment = {**os.environ, "PYTHONPATH": str(path), "TF_CPP_MIN_LOG_LEVEL": "3"}
    script = pathlib.Path(__file__).with_name("cell_files.py")
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, str(script), arm, str(path)],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise SystemExit(f"The study of {arm} failed:\n{done.stderr[-2000:]}")
    return _count(f"files entered by one cell of {arm}", done.stdout.split())


if __name__ == "__main__":
    main()
