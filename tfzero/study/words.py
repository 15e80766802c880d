"""The verdict in words: one sentence a claim, and no claim beyond the numbers."""

from __future__ import annotations

from typing import Any

from tfzero.study.judge import MIN_SEEDS
from tfzero.study.plan import SCRATCH


def describe_comparison(entry: dict[str, Any]) -> str:
    """Returns one comparison as a sentence."""
    low, high = _points(entry["low"]), _points(entry["high"])
    interval = f"(95 % interval {low} to {high}; {entry['seeds']} seeds)"
    start = f"At {entry['num_labels']:,} labels"
    points = f"{abs(entry['difference']):.1f} points"
    if entry["outcome"] == "transfer better":
        return (
            f"{start} transfer ({entry['arm']}) beats training from scratch by {points} {interval}."
        )
    if entry["outcome"] == "scratch better":
        return (
            f"{start} training from scratch beats transfer ({entry['arm']}) by {points} "
            f"(95 % interval {_points(-entry['high'])} to {_points(-entry['low'])}; "
            f"{entry['seeds']} seeds)."
        )
    return (
        f"{start} cannot tell transfer ({entry['arm']}) from training from scratch: "
        f"difference {_points(entry['difference'], sign='+')} points {interval}."
    )


def describe_best(entry: dict[str, Any], table: list[dict[str, Any]]) -> str:
    """Returns which arms are best at one label count, as a sentence."""
    rows = {row["arm"]: row for row in table if row["num_labels"] == entry["num_labels"]}
    highest = rows[entry["highest"]]
    margin = "" if highest["half_width"] is None else f" ± {highest['half_width']:.1f}"
    text = (
        f"Highest at {entry['num_labels']:,} labels: {entry['highest']} "
        f"({highest['mean']:.1f}{margin} %)"
    )
    rest = [arm for arm in entry["arms"] if arm != entry["highest"]]
    if rest:
        return f"{text}; cannot be told from it: {', '.join(rest)}."
    others = len(rows) - 1
    return f"{text}, ahead of every other arm." if others else f"{text}."


def write_headline(comparisons: list[dict[str, Any]], *, arms, seeds: int) -> str:
    """Returns what the study says about pretraining, in one or two sentences."""
    if not comparisons:
        if SCRATCH not in arms:
            return f"No verdict: {SCRATCH} is not among the arms, and pretraining is judged by it."
        if seeds < MIN_SEEDS:
            return (
                f"No verdict: seeds are {seeds}, and it takes {MIN_SEEDS} (--seeds). Figures only."
            )
        return "No verdict on pretraining: no arm of this study uses a pretrained encoder."
    wins = [entry for entry in comparisons if entry["outcome"] == "transfer better"]
    losses = [entry for entry in comparisons if entry["outcome"] == "scratch better"]
    counts = sorted({entry["num_labels"] for entry in comparisons})
    won = [count for count in counts if any(e["num_labels"] == count for e in wins)]
    lost = [
        count
        for count in counts
        if count not in won and any(e["num_labels"] == count for e in losses)
    ]
    parts = []
    if won:
        best = max(wins, key=lambda entry: entry["difference"])
        parts.append(
            f"Pretraining on your unlabeled images pays at {_join(won)} labels "
            f"(by up to {best['difference']:.1f} points, with {best['arm']})."
        )
    if lost:
        parts.append(
            f"At {_join(lost)} labels train from scratch: no pretrained arm is shown to beat it, "
            "and at least one is worse."
        )
    open_counts = [count for count in counts if count not in won and count not in lost]
    if open_counts:
        parts.append(
            f"At {_join(open_counts)} labels this study cannot tell whether pretraining helps."
        )
    return " ".join(parts)


def recommend(verdict: dict[str, Any], *, network_arms: list[str]) -> dict[str, Any] | None:
    """Returns the network to export and why; None if no network arm was scored.

    It is the network arm with the highest mean at the largest label count, for the export is
    trained on all labels.
    """
    if not verdict["best"]:
        return None
    last = verdict["best"][-1]
    count = last["num_labels"]
    rows = {row["arm"]: row for row in verdict["table"] if row["num_labels"] == count}
    candidates = [arm for arm in rows if arm in network_arms]
    if not candidates:
        return None
    arm = max(candidates, key=lambda candidate: rows[candidate]["mean"])
    reason = f"the network with the highest mean accuracy at {count:,} labels"
    notes = []
    if arm != last["highest"]:
        gap = rows[last["highest"]]["mean"] - rows[arm]["mean"]
        told = (
            "cannot be told from it" if arm in last["arms"] else "is behind it by more than chance"
        )
        notes.append(
            f"The baseline {last['highest']} scored {gap:.1f} points more at {count:,} labels; "
            f"{arm} {told}. It is exported because it is the best network."
        )
    elif len(last["arms"]) > 1:
        notes.append(f"At {count:,} labels {_join(last['arms'][1:])} cannot be told from {arm}.")
    return {"arm": arm, "reason": reason, "notes": notes, "savedmodel": None}


def smallest_difference(*, num_test: int, seeds: int) -> str:
    """Returns a sentence on how small a difference the study will be able to see.

    A rough forecast for accuracies near 80 %: the standard error of a difference, from test
    images that two arms disagree on (a tenth) and from seeds that scatter by 2 points, times 2.8
    for 80 % power at 95 % confidence.
    """
    disagreement, scatter = 0.1, 2.0
    error = ((100**2 * disagreement / num_test) + scatter**2 / max(seeds, 1)) ** 0.5
    return (
        f"With {num_test:,} test images and {seeds} seeds, differences below about "
        f"{2.8 * error:.1f} points may go unseen."
    )


def _points(value: float, *, sign: str = "-") -> str:
    rounded = round(value, 1) + 0.0  # no "-0.0"
    return f"{rounded:{sign}.1f}"


def _join(items) -> str:
    words = [f"{item:,}" if isinstance(item, int) else str(item) for item in items]
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"
