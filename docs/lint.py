"""Finds long sentences and turns of phrase that our readers stumble over.

Looks at the README, the pages of docs/ and the text cells of the notebooks in examples/. Code,
formulas and comments are skipped. Each item of a list and each cell of a table is a text.

Run: python docs/lint.py (all pages)
     python docs/lint.py README.md docs/faq.md
"""

from __future__ import annotations

import json
import pathlib
import re
import sys
from collections.abc import Iterator

from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.attrs import attrs_block_plugin
from mdit_py_plugins.colon_fence import colon_fence_plugin
from mdit_py_plugins.deflist import deflist_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.myst_blocks import myst_block_plugin

TOP = pathlib.Path(__file__).resolve().parents[1]
MAX_WORDS = 25

UNITS = (
    "batch call cell class clip core count day draw encoder epoch feature file filter gap image "
    "label line look method minute month network page pass pixel row second seed side step study "
    "update week word year"
).replace(" ", "|")
_COUNTS = (
    "bytes|cells|clips|encoders|epochs|files|images|kB|labels|MB|megabytes|minutes|ms|points|"
    "processes|rows|samples|seconds|seeds|s|steps|times|updates|once|twice"
)
_BE = "is|are|was|were"
# Each turn, and what to write instead.
BANNED = [
    (rf"\b(?:{_COUNTS}|\d[\d.,]*) an? (?:{UNITS})\b", 'write "per" for "a"'),
    (rf"\bone an? (?:{UNITS})\b", 'write "one per ..."'),
    (r"\bcan(?:not)? be told\b|\btold (?:from|apart)\b", 'write "differs detectably"'),
    (r"\btells? (?:them|\w+) apart\b|\bis (?:not )?told\b", 'write "differs detectably"'),
    (
        rf"(?<!there )(?<!There )\b(?:{_BE}) no (?!(?:longer|more|less|better|worse)\b)",
        'write "is not a"',
    ),
    (r"\bas (?:it|they) (?:is|are|was|were)\b(?! (?:now|today))", 'write "unchanged"'),
    (r"\bwho(?:so)?ever\b|\bwhat is left of\b", 'write "anyone", "the remaining ..."'),
    (r"\b(?:thereof|whereof|therein|thereby|dearest|hitherto|heretofore)\b", "use a plain word"),
    (r"\bneeds? not\b|\bowes? you\b|\bof whom\b", "use a plain phrase"),
    (r"\bso that\b.*\bso that\b|\bso that\b.*, so\b", "one idea per sentence"),
    (r"\bis (?:yours|hers|ours) to say\b|\bis worth having where\b", "use a plain phrase"),
    (r"\b(?:let alone|as far as it goes|come what may|by and large)\b", "use a plain phrase"),
]
_BANNED = [(re.compile(pattern), hint) for pattern, hint in BANNED]
_SENTENCE = re.compile(r"(?<=[.!?])[\"')\]*]*\s+(?=[\"'(\[*]*[A-Z0-9\u0001])")
_ABBREVIATED = re.compile(r"(?:\b(?:e\.g|i\.e|al|vs|cf|etc|No|Fig|eq)|\b[A-Z])\.$")
_WORD = re.compile(r"[^\W_]")
# Stand for a piece of code or a formula, which counts as one word, and for a break of a line.
CODE, _BREAK = "\u0001x", "\n"


def find_problems(text: str) -> Iterator[tuple[int, str]]:
    """Yields line and message of each problem of a page in Markdown."""
    for line, block in _blocks(_parser().parse(text)):
        for offset, sentence in split_sentences(block):
            for problem in judge_sentence(sentence):
                yield line + offset, problem


def judge_sentence(sentence: str) -> Iterator[str]:
    """Yields what is wrong with a sentence."""
    words = sum(bool(_WORD.search(word)) for word in sentence.split())
    if words > MAX_WORDS:
        start = " ".join(sentence.replace(CODE, "...").split()[:6])
        yield f'a sentence of {words} words, "{start} ..."; at most {MAX_WORDS}'
    for pattern, hint in _BANNED:
        found = pattern.search(" ".join(sentence.split()))
        if found:
            yield describe_turn(found[0], hint)


def describe_turn(found: str, hint: str) -> str:
    """Returns a message on a turn of phrase."""
    return f'"{found.replace(CODE, "...")[:60]}": {hint}'


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark").enable("table")
    for plugin in (colon_fence_plugin, deflist_plugin, myst_block_plugin, attrs_block_plugin):
        parser.use(plugin)
    return parser.use(dollarmath_plugin)


def _blocks(tokens: list[Token]) -> Iterator[tuple[int, str]]:
    """Yields the line and the text of each paragraph, heading, item and cell."""
    for token in tokens:
        if token.type == "colon_fence":
            start = (token.map or [0, 0])[0] + 1
            for line, text in _blocks(_parser().parse(token.content)):
                yield line + start, text
        elif token.type == "inline":
            yield (token.map or [0, 0])[0] + 1, _plain(token.children or [])


def _plain(children: list[Token]) -> str:
    """Returns what a reader reads, with one sign for each piece of code and each formula."""
    pieces = []
    for child in children:
        if child.type in ("code_inline", "math_inline"):
            pieces.append(CODE)
        elif child.type in ("softbreak", "hardbreak"):
            pieces.append(_BREAK)
        elif child.type == "text":
            pieces.append(child.content)
        elif child.type == "image":
            pieces.append(_plain(child.children or []))
    return "".join(pieces)


def split_sentences(block: str) -> Iterator[tuple[int, str]]:
    """Yields each sentence with the number of line breaks before it."""
    start = 0
    for end in [*_SENTENCE.finditer(block), None]:
        if end is not None and _ABBREVIATED.search(block[start : end.start()]):
            continue
        sentence = block[start : end.start() if end else len(block)]
        yield block[:start].count(_BREAK), sentence
        start = end.end() if end else len(block)


def list_pages() -> list[pathlib.Path]:
    """Returns all pages that are looked at."""
    pages = [page for page in (TOP / "docs").rglob("*.md") if "_build" not in page.parts]
    places = ["README.md", "savedmodels/README.md", "benchmarks/README.md"]
    return [
        *(TOP / place for place in places),
        *sorted(pages),
        *sorted((TOP / "examples").glob("*.ipynb")),
    ]


def check_page(page: pathlib.Path) -> Iterator[str]:
    """Yields the problems of a file as FILE:LINE: message; of a notebook, the cell for the line."""
    name = page.relative_to(TOP) if page.is_relative_to(TOP) else page
    text = page.read_text("utf-8")
    if page.suffix != ".ipynb":
        for line, problem in find_problems(text):
            yield f"{name}:{line}: {problem}"
        return
    for number, cell in enumerate(json.loads(text)["cells"], 1):
        if cell["cell_type"] == "markdown":
            for line, problem in find_problems("".join(cell["source"])):
                yield f"{name}: cell {number}, line {line}: {problem}"


def main(arguments: list[str]) -> int:
    """Prints all problems; returns 1 if there are any."""
    pages = [pathlib.Path(page).resolve() for page in arguments] or list_pages()
    problems = [problem for page in pages for problem in check_page(page)]
    print("\n".join([*problems, f"{len(pages)} pages, {len(problems)} problems"]))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
