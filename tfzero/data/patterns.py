"""What the paths of files tell about groups."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tfzero.common.checks import InputError
from tfzero.data.names import display_name
from tfzero.data.spelling import compose


def group_by_pattern(pattern: str, paths: Sequence[str]) -> list[str]:
    """Returns each file's group: what the pattern's first parentheses, or all of it, match.

    Args:
        pattern: A regular expression that is searched in each path.
        paths: Relative to the source.

    Raises:
        InputError: If it is no regular expression, or a path of a labelled image does not match.
    """
    groups = []
    for path, group in zip(paths, find_groups(pattern, paths), strict=True):
        if group is None:
            raise InputError(
                f'`group` "{pattern}" is not found in {display_name(path)}; expected a match '
                "in every path of a labelled image. Widen the pattern."
            )
        groups.append(group)
    return groups


def find_groups(pattern: str, paths: Sequence[str]) -> list[str | None]:
    """Does what `group_by_pattern` does, with None where nothing matches: for unlabeled files.

    Raises:
        InputError: If the pattern is no regular expression.
    """
    try:
        compiled = re.compile(compose(pattern))
    except re.error as error:
        raise InputError(
            f'`group` is "{pattern}", which is not a regular expression ({error}); expected, '
            "for example, 'patient(\\d+)'."
        ) from error
    groups, known = [], {}
    for path in paths:
        match = compiled.search(compose(path))
        if match is None:
            groups.append(None)
            continue
        group = compose(match[1] if compiled.groups and match[1] is not None else match[0])
        groups.append(known.setdefault(group, group))  # one string a group, not one a file
    return groups
