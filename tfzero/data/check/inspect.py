"""The whole check of a source, and the short one before every study."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from tfzero.common.checks import InputError
from tfzero.data.check.duplicates import check_duplicates
from tfzero.data.check.findings import CheckResult, Finding, Subject
from tfzero.data.check.labels import check_labels
from tfzero.data.check.likeness import check_likeness
from tfzero.data.check.near import check_near
from tfzero.data.check.simple import (
    check_balance,
    check_classes,
    check_constant,
    check_files,
    check_names,
    check_passed_over,
    check_sizes,
    check_values,
)
from tfzero.data.collection import Part
from tfzero.data.dataset import ImageData
from tfzero.data.names import name_rows
from tfzero.data.options import LoadOptions
from tfzero.data.sources import read_source

_BRIEF_LEFT_OUT = (
    "Not checked: nearly equal images, labels that look wrong, test images unlike the "
    "training images (tfzero check does this)."
)
_DEFAULTS = LoadOptions()


def check_data(
    source: str | os.PathLike[str] = "digits",
    options: LoadOptions = _DEFAULTS,
    *,
    say: Callable[[str], object] = lambda text: None,
) -> CheckResult:
    """Looks for what would spoil a study of these images; nothing is changed or deleted.

    Args:
        source: As in `load_data`.
        options: How a study would read them. Without a size, images of several sizes are brought
            to a square by the fixed rule of `load_data`.
        say: Is told what is being done.

    Raises:
        InputError: If there are no images to check.
    """
    began = time.monotonic()
    say("Reading the images ...")
    found = read_source(source, replace(options, strict=False, lenient=True))
    subject = Subject(found.parts(), found.class_names, options.transductive)
    findings = [
        check_files(found.set_aside),
        check_passed_over(found.passed_over),
        check_sizes(
            found.sizes, asked=options.size is not None, shape=found.train.images.shape[1:3]
        ),
        check_names(found.class_names),
        check_values(found.extents, found.pixel_range),
        check_classes(subject, absent=found.absent),
        check_balance(subject),
        check_constant(subject),
    ]
    if options.strict:
        findings = [_refuse(finding, "files", "classes") for finding in findings]
    say("Looking for equal images ...")
    findings += check_duplicates(subject)
    if options.group is not None:
        findings.append(_check_groups(subject))
    say("Looking for nearly equal images ...")
    near, left_out = check_near(subject)
    findings += near
    say("Comparing the parts ...")
    for part in ("test", "pool"):
        if part in subject.parts:
            finding, reason = check_likeness(subject, "train", part)
            findings.append(finding)
            left_out += [reason] if reason else []
    say("Looking at labels ...")
    finding, reasons = check_labels(subject)
    return CheckResult(
        name=found.name,
        source=found.source,
        facts=_describe(subject),
        findings=[each for each in (*findings, finding) if each is not None],
        left_out=[*left_out, *reasons],
        seconds=time.monotonic() - began,
        subject=subject,
        sizes=found.sizes,
    )


def check_briefly(data: ImageData) -> CheckResult:
    """Looks, in seconds, for what would spoil a study of these data.

    Args:
        data: What a study is about to run on.
    """
    began = time.monotonic()
    subject = view_parts(data)
    findings = [
        check_files(data.set_aside),
        check_passed_over(data.passed_over),
        check_names(data.class_names),
        check_values(data.extents, data.pixel_range),
        check_classes(subject, set_aside=data.set_aside),
        check_balance(subject),
        check_constant(subject),
        *check_duplicates(subject),
    ]
    left_out = [_BRIEF_LEFT_OUT]
    if "pool" in subject.parts:
        finding, reason = check_likeness(subject, "train", "pool")
        findings += [finding] if finding else []
        left_out += [reason] if reason else []
    return CheckResult(
        name=data.name,
        source=data.source,
        facts=_describe(subject),
        findings=[each for each in findings if each is not None],
        left_out=left_out,
        seconds=time.monotonic() - began,
        subject=subject,
    )


def require_no_leaks(result: CheckResult) -> None:
    """Refuses data whose verdict would be worth nothing.

    Raises:
        InputError: If something was found that stops a study.
    """
    stops = [finding for finding in result.findings if finding.level == "stop"]
    if not stops:
        return
    examples = [
        " = ".join(f"{sight.part}: {sight.name}" for sight in example.sights)
        for finding in stops
        for example in finding.examples[:3]
    ]
    shown = f" For example {'; '.join(examples[:3])}." if examples else ""
    raise InputError(" ".join(finding.sentence for finding in stops) + shown)


def view_parts(data: ImageData) -> Subject:
    """Returns the parts of a data set; the pool without the training images in it."""
    parts = {"train": _part(data, "train", data.train_images, data.train_labels)}
    if data.num_folds == 1:
        parts["test"] = _part(data, "test", data.test_images, data.test_labels)
    if data.pool is not data.train_images:
        start = len(data.train_images) if data.pool_has_train else 0
        parts["pool"] = _part(data, "pool", data.pool[start:], None)
    return Subject(parts, data.class_names, data.transductive)


def _part(data: ImageData, name: str, images: np.ndarray, labels: np.ndarray | None) -> Part:
    names = data.names.get(name) or name_rows(name, len(images))
    return Part(images, names, labels)


def _refuse(finding: Finding | None, *checks: str) -> Finding | None:
    """Returns the finding, as one that stops a study if it is of these checks and not fine."""
    if finding is None or finding.check not in checks or finding.level == "fine":
        return finding
    return replace(finding, level="stop")


def _check_groups(subject: Subject) -> Finding:
    train, test = subject.parts["train"], subject.parts.get("test")
    if test is None or train.groups is None or test.groups is None:
        return Finding("groups", "fine", "Each group will be kept on one side of the test part.")
    shared = sorted(set(train.groups) & set(test.groups))
    if not shared:
        return Finding(
            "groups", "fine", "No group has images in both the training and the test part."
        )
    return Finding(
        "groups",
        "stop",
        f"{len(shared)} groups have images in both the training and the test part, for "
        f"example {', '.join(map(str, shared[:5]))}. Use `drop_leaks=True` to leave their "
        "training images out.",
        count=len(shared),
    )


def _describe(subject: Subject) -> list[tuple[str, str]]:
    words = {"train": "labelled to train", "test": "labelled to test", "pool": "unlabeled"}
    if "test" not in subject.parts:
        words["train"] = "labelled"
    height, width, channels = subject.parts["train"].images.shape[1:]
    return [
        *((words[name], f"{len(part.images):,}") for name, part in subject.parts.items()),
        ("classes", f"{len(subject.class_names):,}"),
        ("pixels", f"{height}x{width}x{channels}"),
    ]
