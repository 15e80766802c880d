"""An arm: where its encoder comes from, and how the labels are used."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True, order=True)
class Arm:
    """One way from images to a classifier, written as INIT/STRATEGY.

    This class alone reads and writes that text. Arms sort by init, then by strategy.

    Attributes:
        init: Where the encoder comes from, for example "vae" or "supervised+vae".
        strategy: How the labels are used, for example "lpft".
    """

    init: str
    strategy: str

    @classmethod
    def parse(cls, text: str | Arm) -> Arm:
        """Returns the arm of a text such as "vae/lpft"; an arm stays as it is.

        Only the form is checked. `tfzero.study` knows which inits and strategies there are.

        Raises:
            ValueError: If there are not two parts with one slash between them.
        """
        if isinstance(text, Arm):
            return text
        init, slash, strategy = text.partition("/")
        if not (init and slash and strategy) or "/" in strategy:
            raise ValueError(f'"{text}" is not an arm; expected INIT/STRATEGY, such as vae/lpft.')
        return cls(init, strategy)

    def __str__(self) -> str:
        return f"{self.init}/{self.strategy}"
