"""The tables and pictures of README and docs, made again from stored runs.

    tfzero compare --out runs/digits
    python benchmarks/tables.py runs/digits

A page holds marks such as `<!-- digits: table begin -->` and `<!-- digits: table end -->`, with the
name of a study and what stands between them: its `table` or its `verdict` in words. What stands
there is written anew for each run that is given, and `docs/_static/NAME-light.svg` and
`-dark.svg`, the chart of its report. Other pages stay as they are.
"""

from __future__ import annotations

import argparse
import io
import pathlib
import re
from collections.abc import Callable
from typing import Any

from tfzero import report
from tfzero.common.checks import InputError
from tfzero.report.run import Run, read_run

TOP = pathlib.Path(__file__).resolve().parents[1]
STYLES = TOP / "tfzero/report/templates/report.css"
SCRATCH = "scratch/finetune"
_MARKED = re.compile(
    r"(?P<begin><!-- (?P<name>[\w-]+): (?P<kind>\w+) begin -->\n)(?P<body>.*?)"
    r"(?P<end><!-- (?P=name): (?P=kind) end -->)",
    re.DOTALL,
)
_SETTINGS: dict[str, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "tfzero",
    "font.family": "sans-serif",
    "font.sans-serif": ["Arial", "Liberation Sans", "Helvetica", "DejaVu Sans"],
}


def main() -> None:
    """Writes pages and pictures for each run folder that is given."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+", type=pathlib.Path, help="run folders")
    parser.add_argument("--top", type=pathlib.Path, default=TOP, help="the repository")
    arguments = parser.parse_args()
    for folder in arguments.runs:
        for path in write_all(read_run(folder), arguments.top):
            print(path)


def write_all(run: Run, top: pathlib.Path) -> list[pathlib.Path]:
    """Writes what the repository shows of a run.

    Returns:
        The files that hold something of it.

    Raises:
        InputError: If no page has marks with the study's name.
    """
    name = run.study["name"]
    pages = [top / "README.md", *sorted((top / "docs").rglob("*.md"))]
    pages = [page for page in pages if page.exists() and "_build" not in page.parts]
    found = [page for page in pages if rewrite(page, run)]
    if not found:
        raise InputError(
            f"No page has marks for the study {name!r}. Expected `<!-- {name}: table begin -->` "
            f"and `<!-- {name}: table end -->` in README.md or docs/."
        )
    return [*found, *draw(run, top / "docs/_static")]


def rewrite(page: pathlib.Path, run: Run) -> bool:
    """Writes what stands between a page's marks for the run; returns whether there are any."""
    text = page.read_text("utf-8")
    mine = [found for found in _MARKED.finditer(text) if found["name"] == run.study["name"]]
    for found in reversed(mine):
        if found["kind"] not in KINDS:
            raise InputError(
                f"{page} has marks for {found['kind']!r}; expected one of {', '.join(KINDS)}."
            )
        body = KINDS[found["kind"]](run)
        text = f"{text[: found.start()]}{found['begin']}{body}\n{found['end']}{text[found.end() :]}"
    if mine:
        page.write_text(text, "utf-8")
    return bool(mine)


def table(run: Run) -> str:
    """Returns accuracy by arm and label count, with `*` on the arms of each best set."""
    rows = {(row["arm"], row["num_labels"]): row for row in run.table}
    best = {(arm, each["num_labels"]) for each in run.verdict["best"] for arm in each["arms"]}
    counts = sorted(run.label_counts)
    lines = [
        f"| arm | {' | '.join(f'{count:,} labels' for count in counts)} | one pretraining |",
        f"| --- |{' --- |' * (len(counts) + 1)}",
    ]
    for arm in run.arms:
        cells = [_write_cell(rows.get((arm, count)), (arm, count) in best) for count in counts]
        seconds = [row["pretrain_seconds"] for (name, _), row in rows.items() if name == arm]
        cost = f"{max(seconds):.0f} s" if seconds and max(seconds) >= 0.5 else ""
        lines.append(f"| `{arm}` | {' | '.join(cells)} | {cost} |")
    return "\n".join(lines)


def _write_cell(row: dict[str, Any] | None, is_best: bool) -> str:
    if row is None or row.get("mean") is None:
        return "–"
    half = row.get("half_width")
    return f"{row['mean']:.1f}{'' if half is None else f' ± {half:.1f}'}{' *' if is_best else ''}"


def verdict(run: Run) -> str:
    """Returns the first sentences of the verdict, as a quotation."""
    return f"> {run.verdict['headline']}"


KINDS: dict[str, Callable[[Run], str]] = {"table": table, "verdict": verdict}


def choose_arms(run: Run, most: int = 5) -> list[str]:
    """Returns training from scratch and the arms that lead, in the order of the study.

    The mean over label counts decides; an arm that lacks one is left out.
    """
    means = {
        arm: [row["mean"] for row in run.table if row["arm"] == arm and row["mean"] is not None]
        for arm in run.arms
    }
    whole = [arm for arm in run.arms if len(means[arm]) == len(run.label_counts)]
    ranked = sorted(whole, key=lambda arm: -sum(means[arm]))
    kept = {*[arm for arm in ranked if arm != SCRATCH][: most - 1], SCRATCH}
    return [arm for arm in run.arms if arm in kept]


def draw(run: Run, folder: pathlib.Path) -> list[pathlib.Path]:
    """Writes the chart of accuracy against labels, for light and for dark pages."""
    import matplotlib

    with matplotlib.rc_context(_SETTINGS):
        figure = report.label_efficiency(
            run.table, arms=choose_arms(run), label_counts=run.label_counts, width=8.0
        )
        stream = io.StringIO()
        figure.savefig(
            stream,
            format="svg",
            metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")),
            transparent=True,
        )
    light = stream.getvalue()
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{run.study['name']}-{shade}.svg" for shade in ("light", "dark")]
    paths[0].write_text(light, "utf-8")
    paths[1].write_text(darken(light), "utf-8")
    return paths


def darken(svg: str) -> str:
    """Returns a chart in the colours that reports have on dark pages."""
    styles = STYLES.read_text("utf-8")
    named = _read_colors(styles.split("prefers-color-scheme: dark")[0])
    dark = _read_colors(styles.split("prefers-color-scheme: dark")[1])
    new = {f"#{name[1:]}": color for name, color in dark.items() if re.fullmatch(r"c\w{6}", name)}
    new |= {named[name]: dark[name] for name in ("ink", "quiet")}
    new["#dde1e6"] = dark["line"]  # the grid
    return re.sub(r"#[0-9a-f]{6}\b", lambda found: new.get(found[0], found[0]), svg)


def _read_colors(styles: str) -> dict[str, str]:
    """Returns the colours by name; what is set again later, as for print, does not count."""
    return dict(reversed(re.findall(r"--(\w+): (#[0-9a-f]{6});", styles)))


if __name__ == "__main__":
    main()
