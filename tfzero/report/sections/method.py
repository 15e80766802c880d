"""How it was done: settings, seeds, versions, and the commands that do it again."""

from __future__ import annotations

import pathlib
import shlex
from typing import Any

from tfzero.report import _format
from tfzero.report._read import Run


def settings(run: Run) -> list[tuple[str, list[dict[str, Any]]]]:
    """Returns everything that `study.json` holds, a group a heading."""
    groups: dict[str, dict[str, Any]] = {"study": {}}
    for key, value in run.study.items():
        if isinstance(value, dict):
            groups[key] = value
        elif key not in ("schema", "command"):
            groups["study"][key] = value
    # What was asked for is the plan again, unless the study was fitted into a time.
    if groups.get("asked") and _same(groups["asked"], run.study):
        del groups["asked"]
    return [(name, _format.flatten(group)) for name, group in groups.items() if group]


def _same(asked: dict[str, Any], study: dict[str, Any]) -> bool:
    return all(study.get(key) == value for key, value in asked.items())


def command(run: Run) -> str:
    """Returns the command that ran the study, or nothing if it was not recorded."""
    recorded = run.study.get("command") or ""
    return shlex.join(map(str, recorded)) if isinstance(recorded, list) else str(recorded)


def serving(run: Run) -> list[str]:
    """Returns the commands that serve the exported model and ask it; none without an export."""
    savedmodel = (run.verdict.get("recommended") or {}).get("savedmodel")
    if not savedmodel:
        return []
    folder = pathlib.PurePath(savedmodel).parent
    name = folder.name
    mount = folder if folder.is_absolute() else pathlib.PurePath("$PWD") / folder
    return [
        f"tfzero verify {shlex.quote(str(savedmodel))}",
        "docker run --rm -p 127.0.0.1:8501:8501 "
        f'-v "{mount}:/models/{name}:ro" -e MODEL_NAME={name} tensorflow/serving',
        'curl -d "{\\"signature_name\\": \\"serving_bytes\\", \\"instances\\": '
        '[{\\"b64\\": \\"$(base64 -w0 one.png)\\"}]}" '
        f"http://127.0.0.1:8501/v1/models/{name}:predict",
    ]
