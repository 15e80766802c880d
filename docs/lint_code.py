"""Finds long sentences and difficult turns in what a user reads of the code.

Looks at all texts of tfzero/: help of commands, messages, printed lines, the pages' templates, and
the docstrings of public names and commands. A text is a string of four words or more. The rules
are those of `lint.py`; a placeholder counts as one word, and so does a piece of code.

Run: python docs/lint_code.py (all files)
     python docs/lint_code.py tfzero/cli/study.py
"""

from __future__ import annotations

import ast
import pathlib
import re
import sys
from collections.abc import Iterator
from typing import NamedTuple

import lint

TOP = pathlib.Path(__file__).resolve().parents[1]
MIN_WORDS = 4
# Turns of messages and help, beside those of the pages.
BANNED = [
    (rf"{lint.CODE} an? (?:{lint.UNITS})\b", 'write "per" for "a"'),
    (r"\banew\b", 'write "again"'),
    (r"\blikewise\b|\bwhereof\b|\bwhereby\b|\bnought\b|\bhence\b", "use a plain word"),
    (r"\bfor want of\b|\bcommonest\b|\bas it was\b|\bby so\b", "use a plain phrase"),
    (r"\bof (?:its|their) own\b(?! \w)", "use a plain phrase"),
    (r"\bnot one of\b.*\bdo\b", "use a plain phrase"),
]
# Texts that are no prose: programs that run in another process, and styles of pages.
PROGRAMS = {"tfzero/export/fresh_process.py"}
# Sentences that are kept, each with the reason.
EXCEPTIONS = {
    "uint8 in 0..255 is divided by 255; floats are taken as they are, in 0..1": "A change would "
    "change the files of every export.",
}

_NO_PROSE = re.compile(
    r"^\s*(?:\.\w+ \.|<\w|#|\(\?|\{%|select |import )|\\[bws]|;\n|--[a-z]+-[a-z]+:"
)
_BACKTICKS = re.compile(r"`[^`]*`")
_SECTION = re.compile(r"(Args|Returns|Raises|Yields|Attributes|Reference|Example)s?:$")
_ENTRY = re.compile(r"\*{0,2}[A-Za-z_][\w.]*(?: \([^)]*\))?: ")
_BANNED = [(re.compile(pattern), hint) for pattern, hint in BANNED]
# An argument's text opens with a noun phrase, as "Number of images." does.
_OPENING = re.compile(r"(?:Of|At|In|As|From|By|To|With|On|Where|What|Which|Those)\b.*")


class Text(NamedTuple):
    """A text, the line of the file in which it begins, and whether it describes an argument."""

    line: int
    text: str
    is_argument: bool = False


def find_problems(path: pathlib.Path) -> Iterator[tuple[int, str]]:
    """Yields line and message of each problem of a Python file or of a template."""
    text = path.read_text("utf-8")
    texts = _of_template(text) if path.suffix == ".html" else _of_module(text)
    for line, block, is_argument in texts:
        opening = _OPENING.match(" ".join(block.split()))
        if is_argument and opening:
            yield line, lint.describe_turn(opening[0], "open with a noun phrase")
        for offset, sentence in lint.split_sentences(_BACKTICKS.sub(lint.CODE, block)):
            said = " ".join(sentence.replace(lint.CODE, "...").split())
            if said in EXCEPTIONS:
                continue
            for problem in lint.judge_sentence(sentence):
                yield line + offset, problem
            for pattern, hint in _BANNED:
                found = pattern.search(" ".join(sentence.split()))
                if found:
                    yield line + offset, lint.describe_turn(found[0], hint)


def _of_module(source: str) -> Iterator[Text]:
    """Yields the line and the text of each string that a person may read."""
    tree = ast.parse(source)
    docstrings = {
        id(node.body[0].value): node
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node)
    }
    public = set(_public(tree))
    parts: set[int] = set()
    helps = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.keyword) and node.arg == "help"
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts.update(id(value) for value in ast.walk(node) if value is not node)
        if id(node) in docstrings:
            if docstrings[id(node)] in public:
                yield from _of_docstring(node)
        elif id(node) not in parts:
            text = _read(node)
            if len(text.split()) >= MIN_WORDS and not _NO_PROSE.search(text):
                yield Text(node.lineno, text, id(node) in helps)


def _read(node: ast.AST) -> str:
    """Returns a string with one sign for each placeholder; nothing if the node is no string."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(
            value.value if isinstance(value, ast.Constant) else lint.CODE for value in node.values
        )
    return ""


def _public(tree: ast.Module) -> Iterator[ast.AST]:
    """Yields the classes, methods and functions that the reference or the help shows."""
    for node in tree.body:
        if not isinstance(node, ast.ClassDef | ast.FunctionDef):
            continue
        decorators = [getattr(d.func, "id", "") for d in node.decorator_list if _is_call(d)]
        if node.name in PUBLIC or "command" in decorators:
            yield node
            for child in node.body:
                if isinstance(child, ast.FunctionDef) and not child.name.startswith("_"):
                    yield child


def _is_call(node: ast.AST) -> bool:
    return isinstance(node, ast.Call)


def _of_docstring(node: ast.Constant) -> Iterator[Text]:
    """Yields the paragraphs of a docstring, and the entries of its sections."""
    in_section, in_code, describes, is_argument = False, False, False, False
    block: list[str] = []
    start = 0
    for number, line in enumerate([*node.value.splitlines(), ""], node.lineno):
        text = line.strip()
        if text.startswith("```"):
            in_code, text = not in_code, ""
        is_entry = in_section and _ENTRY.match(text) and _indent(line) <= 12
        if block and (not text or is_entry or text.startswith("- ") or _SECTION.match(text)):
            yield Text(start, "\n".join(block), is_argument)
            block = []
        if _SECTION.match(text):
            in_section = text in ("Args:", "Raises:", "Attributes:")
            describes = text != "Raises:"
        elif text and not in_code and not text.startswith((">>>", "...")):
            if not block:
                start, is_argument = number, bool(is_entry and describes)
            block.append(_ENTRY.sub("", text, count=1) if is_entry else text)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _of_template(text: str) -> Iterator[Text]:
    """Yields the texts of a template: what stands between tags of blocks."""
    text = re.sub(
        r"(?s)<(script|style)\b.*?</\1>|\{#.*?#\}|<!--.*?-->",
        lambda found: "\n" * found[0].count("\n"),
        text,
    )
    text = re.sub(r"(?s)\{\{.*?\}\}", lint.CODE, text)
    text = re.sub(r"(?s)</?(?:a|b|i|em|strong|span|code|sup|sub|abbr)\b[^<>]*>", "", text)
    line = 1
    for piece in re.split(r"(?s)(<[^<>]*>|\{%.*?%\})", text):
        if piece and not piece.startswith(("<", "{%")) and len(piece.split()) >= MIN_WORDS:
            before = piece[: len(piece) - len(piece.lstrip())]
            yield Text(line + before.count("\n"), piece.strip())
        line += piece.count("\n")


def _read_public() -> set[str]:
    """Returns the names that `import tfzero` offers."""
    stub = ast.parse((TOP / "tfzero/__init__.pyi").read_text("utf-8"))
    imports = [node for node in stub.body if isinstance(node, ast.ImportFrom)]
    return {alias.name for node in imports for alias in node.names}


PUBLIC = _read_public()


def list_files() -> list[pathlib.Path]:
    """Returns all files that are looked at."""
    found = [*(TOP / "tfzero").rglob("*.py"), *(TOP / "tfzero").rglob("*.html")]
    return sorted(path for path in found if str(path.relative_to(TOP)) not in PROGRAMS)


def main(arguments: list[str]) -> int:
    """Prints all problems; returns 1 if there are any."""
    files = [pathlib.Path(file).resolve() for file in arguments] or list_files()
    problems = [
        f"{file.relative_to(TOP) if file.is_relative_to(TOP) else file}:{line}: {problem}"
        for file in files
        for line, problem in find_problems(file)
    ]
    print("\n".join([*problems, f"{len(files)} files, {len(problems)} problems"]))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
