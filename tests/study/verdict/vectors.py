"""Known cases of the judge: inputs with the numbers that its formulas give."""

import json
import pathlib

import numpy as np

_FILE = json.loads((pathlib.Path(__file__).with_name("vectors.json")).read_text())
LEVELS = _FILE["nominal_levels_spending_power_2"]


class Case:
    """Arms of a family, each with points by label count, replicate and image."""

    def __init__(self, number, content):
        self.number = number
        self.classes = np.array(content["labels"])
        self.points = {arm: self._by_unit(content, arm) for arm in content["points_over_100"]}
        self.components = content["components"]
        self.judged = content["judged"]

    def __str__(self):
        return f"case{self.number}"

    @staticmethod
    def _by_unit(content, arm):
        points = 100.0 * np.array(content["points_over_100"][arm], float)  # (counts, S, I)
        if content["groups"] is None:
            return points
        groups = np.array(content["groups"])
        return np.stack([points[:, groups == g].mean(axis=1) for g in np.unique(groups)], axis=1)

    def matrices(self):
        """Yields (points, components) of each comparison, averages last."""
        for arm, points in self.points.items():
            expected = self.components[arm]
            yield from zip(points, expected["counts"], strict=True)
            if expected["average"] is not None:
                yield points.mean(axis=0), expected["average"]


CASES = [Case(number, content) for number, content in enumerate(_FILE["cases"])]
