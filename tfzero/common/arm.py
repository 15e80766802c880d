"""An arm: where its encoder comes from, and how the labels are used."""

from __future__ import annotations

from typing import Any


class Arm(str):
    """One way from images to a classifier, written as INIT/STRATEGY.

    An arm is its text, so that records hold it unchanged. This class alone reads and writes that
    text. It does not know which inits and strategies there are; `tfzero.study` does.

    Args:
        init: Where the encoder comes from, for example "vae" or "supervised+vae".
        strategy: How the labels are used, for example "lpft".
    """

    init: str
    strategy: str

    def __new__(cls, init: str, strategy: str) -> Arm:
        """Returns the arm of two words."""
        arm = super().__new__(cls, f"{init}/{strategy}")
        arm.init, arm.strategy = init, strategy
        return arm

    def __getnewargs__(self) -> tuple[str, str]:
        return self.init, self.strategy

    @classmethod
    def parse(cls, text: str) -> Arm:
        """Returns the arm of a text such as "vae/lpft"; an arm stays as it is.

        Raises:
            ValueError: If there are not two parts with one slash between them.
        """
        if isinstance(text, Arm):
            return text
        init, slash, strategy = text.partition("/")
        if not (init and slash and strategy) or "/" in strategy:
            raise ValueError(f'"{text}" is not an arm; expected INIT/STRATEGY, such as vae/lpft.')
        return cls(init, strategy)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        del source
        from pydantic_core import core_schema

        return core_schema.no_info_after_validator_function(cls.parse, handler(str))
