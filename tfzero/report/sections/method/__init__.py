"""How it was done: settings, seeds, versions, and the commands that do it again."""

from __future__ import annotations

import pathlib
import shlex
import urllib.parse
from typing import Any

from tfzero.report import formatting
from tfzero.report.canvas import Canvas
from tfzero.report.run import Run
from tfzero.report.section import Section


def build(run: Run, canvas: Canvas) -> dict[str, Any]:
    """Returns what the template shows."""
    return {"commands": commands(run), "serving": serving(run), "settings": settings(run)}


def settings(run: Run) -> list[tuple[str, list[dict[str, Any]]]]:
    """Returns everything that `study.json` holds, one heading per group."""
    groups: dict[str, dict[str, Any]] = {"study": {}}
    for key, value in run.study.items():
        if isinstance(value, dict):
            groups[key] = value
        elif key not in ("schema", "command", "commands"):
            groups["study"][key] = value
    for encoder in run.encoders:  # what nobody chose, and the method's default decided
        if encoder.settings:
            groups.setdefault(f"{encoder.method}, inside", encoder.settings)
    # What was asked for is the plan again, unless the study was fitted into a time.
    if groups.get("asked") and _same(groups["asked"], run.study):
        del groups["asked"]
    return [(name, formatting.flatten(group)) for name, group in groups.items() if group]


def _same(asked: dict[str, Any], study: dict[str, Any]) -> bool:
    return all(study.get(key) == value for key, value in asked.items())


def commands(run: Run) -> list[str]:
    """Returns the commands that repeat the study, in order; none if Python ran it."""
    # A study of before had one, and no list.
    return [str(line) for line in run.study.get("commands") or [run.study.get("command")] if line]


def serving(run: Run) -> list[str]:
    """Returns the commands that serve the exported model and ask it; none without an export."""
    savedmodel = run.recommended.get("savedmodel")
    if not savedmodel:
        return []
    folder = pathlib.PurePath(savedmodel).parent
    # In a run folder every model is called so; what it is served as should say more.
    name = str(run.study["name"]) if folder.name == "savedmodel" else folder.name
    here = "" if folder.is_absolute() else '"$PWD"/'
    place, url = here + shlex.quote(f"{folder}:/models/{name}:ro"), urllib.parse.quote(name)
    return [
        f"tfzero verify {shlex.quote(str(savedmodel))}",
        "docker run --rm -p 127.0.0.1:8501:8501 "
        f"-v {place} -e MODEL_NAME={shlex.quote(name)} tensorflow/serving",
        # Through a pipe: an argument may have no more than some 130,000 characters.
        """(printf '{"signature_name": "serving_bytes", "instances": [{"b64": "'; """
        """base64 -w0 one.png; printf '"}]}') | """
        f"curl -d @- http://127.0.0.1:8501/v1/models/{url}:predict",
    ]


SECTION = Section(
    id="method",
    title="How it was done",
    template=pathlib.Path(__file__).with_name("section.html"),
    build=build,
)
