"""Numbers and settings as people read them. A missing number is a dash."""

from __future__ import annotations

import math
from typing import Any

from tfzero.common.numbers import write_number

DASH = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"
# Of a list in the settings, as the names of a thousand classes; the run folder has all.
_MOST_ITEMS = 100


def is_number(value: Any) -> bool:
    """Returns whether a value is a finite number."""
    return isinstance(value, (int, float)) and math.isfinite(value)


def number(value: float | None, digits: int = 1) -> str:
    """Returns 91.2, with a real minus sign; a dash for what is no finite number."""
    if not is_number(value):
        return DASH
    assert value is not None
    return write_number(value, digits).replace("-", MINUS)


def signed(value: float | None, digits: int = 1) -> str:
    """Returns +3.1 or −0.4."""
    if not is_number(value):
        return DASH
    assert value is not None
    return write_number(value, digits, sign="+").replace("-", MINUS)


def seconds(value: float | None) -> str:
    """Returns 0.8 s, 12 s, 3 min 20 s or 2 h 5 min."""
    if not is_number(value):
        return DASH
    assert value is not None
    if value < 0.095:
        return "< 0.1 s"
    if value < 9.95:
        return f"{value:.1f} s"
    whole = round(value)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    minutes = round(value / 60)
    return f"{minutes // 60:,} h {minutes % 60} min"


def size(value: float | None) -> str:
    """Returns 640 bytes, 36 kB or 1.2 MB, in powers of 1,000."""
    if not is_number(value):
        return DASH
    assert value is not None
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if value >= scale:
            return f"{value / scale:.{1 if value < 10 * scale else 0}f} {unit}"
    return f"{value:.0f} bytes"


def percent(share: float | None, digits: int = 1) -> str:
    """Returns 12.3 % of 0.123."""
    return DASH if not is_number(share) else f"{write_number(100 * (share or 0), digits)} %"


def probability(value: float | None) -> str:
    """Returns 0.012, or < 0.001."""
    if not is_number(value):
        return DASH
    assert value is not None
    return "< 0.001" if value < 0.0005 else write_number(value, 3, whole=1.0)


def means_in_words(table: list[dict[str, Any]], arms: list[str], count: int) -> str:
    """Returns 'At 200 labels: vae/lpft 93.1 %, …' of a verdict's table, highest first."""
    means = {row["arm"]: row["mean"] for row in table if row["num_labels"] == count}
    known = sorted((arm for arm in arms if means.get(arm) is not None), key=lambda a: -means[a])
    listed = ", ".join(f"{arm} {write_number(means[arm])} %" for arm in known)
    return f"At {count:,} labels: {listed or 'no results'}."


def setting(value: Any) -> str:
    """Returns a setting as text: lists separated by commas, yes and no for booleans."""
    if value is None:
        return DASH
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        listed = ", ".join(setting(item) for item in value[:_MOST_ITEMS])
        more = f", ... ({len(value):,} in all)" if len(value) > _MOST_ITEMS else ""
        return listed + more if value else "none"
    return f"{value:g}" if isinstance(value, float) else str(value)


def flatten(value: dict[str, Any], depth: int = 0) -> list[dict[str, Any]]:
    """Returns nested settings as rows of `depth`, `key` and `value`; a group has value None."""
    rows = []
    for key, item in value.items():
        if isinstance(item, list) and item and all(isinstance(part, dict) for part in item):
            item = {str(index): part for index, part in enumerate(item)}
        if isinstance(item, dict) and item:
            rows.append({"depth": depth, "key": str(key), "value": None})
            rows += flatten(item, depth + 1)
        else:
            text = "none" if item == {} else setting(item)
            rows.append({"depth": depth, "key": str(key), "value": text})
    return rows
