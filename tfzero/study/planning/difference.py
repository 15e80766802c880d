"""Where two plans differ, for whoever asks for another study in the folder of one."""

from __future__ import annotations

import json
from typing import Any


def plan_difference(old: Any, new: Any, *, path: str = "") -> list[str]:
    """Returns where two plans differ, as "seeds: 10 there, 5 now"."""
    if isinstance(old, dict) and isinstance(new, dict):
        return [
            line
            for key in dict.fromkeys([*old, *new])
            for line in plan_difference(
                old.get(key), new.get(key), path=f"{path}.{key}" if path else str(key)
            )
        ]
    if old == new:
        return []
    return [f"{path}: {_short(old)} there, {_short(new)} now"]


def _short(value) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."
