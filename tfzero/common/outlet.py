"""A stream for people that never ends the work: it replaces letters, and outlives its reader."""

from __future__ import annotations

import codecs
import sys
from typing import Any

_HANDLER = "tfzero-plain"
# What stands for letters of ours where a stream knows none but ASCII; the rest is escaped.
_PLAIN = {
    "±": "+-",
    "×": "x",
    "…": "...",
    "–": "-",
    "—": "-",
    "−": "-",
    "’": "'",
    "“": '"',
    "”": '"',
}


def _replace(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    letters = error.object[error.start : error.end]
    plain = [
        _PLAIN.get(letter, letter.encode("ascii", "backslashreplace").decode())
        for letter in letters
    ]
    return "".join(plain), error.end


codecs.register_error(_HANDLER, _replace)


class Outlet:
    """Text to another stream, as long as that takes it.

    Args:
        stream: The other one, such as standard output.

    Attributes:
        failure: What ended the output, such as a full disk or a reader that has gone; else None.
    """

    def __init__(self, stream: Any):
        self._stream = stream
        self.failure: Exception | None = None

    def write(self, text: str) -> int:
        """Writes what the stream can take; letters that its encoding lacks are replaced."""
        self._try(self._write, text)
        return len(text)

    def flush(self) -> None:
        """Has the stream write out what it holds."""
        self._try(self._stream.flush)

    def writelines(self, lines) -> None:
        """Writes lines."""
        for line in lines:
            self.write(line)

    def _try(self, call, *arguments) -> None:
        if self.failure is None:
            try:
                call(*arguments)
            except (OSError, ValueError) as error:  # ValueError says that it is closed
                self.failure = error

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
        except UnicodeEncodeError:
            encoding = self._stream.encoding or "ascii"
            self._stream.write(text.encode(encoding, _HANDLER).decode(encoding))

    def __getattr__(self, name: str) -> Any:
        """Returns what the stream has beside."""
        return getattr(self._stream, name)


def standard_output() -> Any:
    """Returns standard output as an outlet; None where there is none."""
    stream = sys.stdout
    return stream if stream is None or isinstance(stream, Outlet) else Outlet(stream)
