"""What a study shows beside its verdict, and what went wrong in it, in words."""

from __future__ import annotations

from typing import Any

from tfzero.study.planning.families import PRETRAINED
from tfzero.study.verdict.claims import AVERAGE
from tfzero.study.verdict.words import format_points


def describe_beside(verdict: dict[str, Any]) -> list[str]:
    """Returns what a study shows beside its verdict: exploratory, each figure on its own.

    What concerns the verdict most comes first, as a reader may be shown the first few alone.
    """
    sentences = describe_added(verdict)
    long = verdict["scratch_long"]
    for count in dict.fromkeys(entry["num_labels"] for entry in long):
        entries = [entry for entry in long if entry["num_labels"] == count]
        listed = "; ".join(
            f"{entry['arm']} {format_points(entry['difference'], sign='+')} "
            f"({format_points(entry['single_low'])} to {format_points(entry['single_high'])})"
            for entry in entries
        )
        sentences.append(
            f"At {count:,} labels, in points against {entries[0]['baseline']} (95 % interval "
            f"of each figure alone): {listed}. That baseline trained as long as the most "
            "expensive pretraining of this study plus transfer."
        )
    # By more than chance alone would do: half of all arms that gain nothing lie below.
    losses = [
        entry
        for entry in verdict["comparisons"]
        if entry["family"] in PRETRAINED
        and entry["num_labels"] is not AVERAGE
        and entry["single_high"] < 0
    ]
    for arm in dict.fromkeys(entry["arm"] for entry in losses):
        worst = min((e for e in losses if e["arm"] == arm), key=lambda entry: entry["difference"])
        sentences.append(
            f"Negative transfer: {arm} lies up to {format_points(-worst['difference'])} points "
            f"below scratch (at {worst['num_labels']:,} labels; 95 % interval of this figure alone "
            f"{format_points(-worst['single_high'])} to {format_points(-worst['single_low'])})."
        )
    for entry in verdict["crossovers"]:
        first, last = (f"{count:,}" for count in entry["between"])
        shown = "" if entry["shown"] else "; the verdict shows neither side of it"
        sentences.append(
            f"Crossover: {entry['arm']} falls behind training from scratch at about "
            f"{entry['num_labels']:,.0f} labels (between {first} and {last}{shown})."
        )
    # Last, as there is one for each arm and number of labels.
    sentences += [_describe_labels_saved(entry) for entry in verdict["labels_saved"]]
    return sentences


def describe_added(verdict: dict[str, Any]) -> list[str]:
    """Returns what was added after a look, of which nothing is claimed yet, in sentences."""
    sentences = []
    for arm in dict.fromkeys(entry["arm"] for entry in verdict["added"]):
        listed = "; ".join(
            f"{format_points(entry['difference'], sign='+')} points at {entry['num_labels']:,} "
            f"labels ({format_points(entry['single_low'])} to "
            f"{format_points(entry['single_high'])})"
            for entry in verdict["added"]
            if entry["arm"] == arm
        )
        sentences.append(
            f"{arm} was added after a look. Nothing is claimed about it until seeds are "
            "added (`more_seeds`). Exploratory difference from training from scratch: "
            f"{listed}."
        )
    if verdict["added_counts"]:
        counts = " and ".join(f"{count:,}" for count in verdict["added_counts"])
        sentences.append(
            f"{counts} labels were added after a look. Nothing is claimed at them until "
            "seeds are added (`more_seeds`)."
        )
    return sentences


def describe_gaps(verdict: dict[str, Any]) -> list[str]:
    """Returns what went wrong in cells, so that no pair is dropped in silence."""
    sentences = []
    if verdict["missing"]:
        named = _name_cells(verdict["missing"])
        sentences.append(
            f"Cells without a result: {len(verdict['missing'])} ({named}). Comparisons leave "
            "these replicates out. If an arm caused its own failures, its results look too "
            "good."
        )
    if verdict.get("failures"):
        first = verdict["failures"][0]
        sentences.append(f"The first failure, {first['label']}: {first['reason']}.")
    if verdict["diverged"]:
        named = _name_cells(verdict["diverged"])
        sentences.append(
            f"Cells whose training diverged: {len(verdict['diverged'])} ({named}). They "
            "count as if they always answered the most frequent class."
        )
    diverged = [tuple(cell.items()) for cell in verdict["diverged"]]
    collapsed = [cell for cell in verdict["collapsed"] if tuple(cell.items()) not in diverged]
    if collapsed:
        sentences.append(
            f"Cells that learned nothing: {len(collapsed)} ({_name_cells(collapsed)}). They "
            "are no better than always answering the most frequent class; other seeds of "
            "the same arm are. So few seeds hardly show how often that happens, so the "
            "arm's intervals may be too narrow."
        )
    return sentences


def describe_alarms(encoders: list[dict[str, Any]]) -> list[str]:
    """Returns one sentence on the alarms of pretraining, none if there were none.

    Args:
        encoders: Their records.
    """
    raised = [record for record in encoders if record.get("alarms")]
    if not raised:
        return []
    first = raised[0]
    spec, more = first["spec"], len(first["alarms"]) - 1
    return [
        f"Pretraining raised alarms in {len(raised)} of {len(encoders)} encoders. The first, "
        f"{spec['method']}, seed {spec['replicate']}: {first['alarms'][0]}"
        + (f" And {more} more." if more else "")
    ]


def _describe_labels_saved(entry: dict[str, Any]) -> str:
    start = f"{entry['arm']} with {entry['num_labels']:,} labels is as accurate as scratch with"
    if entry["bound"] == "at least":
        return f"{start} more than {entry['labels']:,.0f}, the most in this study."
    if entry["bound"] == "at most":
        return f"{start} fewer than {entry['labels']:,.0f}, the fewest in this study."
    low, high = entry["labels_low"], entry["labels_high"]
    interval = (
        f"{'below the fewest' if low is None else f'{low:,.0f}'} to "
        f"{'above the most' if high is None else f'{high:,.0f}'}"
    )
    return (
        f"{start} about {entry['labels']:,.0f} (95 % interval of this figure alone {interval}): "
        f"utility {round(100 * entry['utility']):+d} %."
    )


def _name_cells(cells: list[dict[str, Any]], *, most: int = 5) -> str:
    names = [f"{c['arm']}, {c['num_labels']:,} labels, seed {c['replicate']}" for c in cells[:most]]
    return "; ".join([*names, *(["..."] if len(cells) > most else [])])
