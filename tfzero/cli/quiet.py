"""Keeps off the screen what TensorFlow's C++ parts print there, which no setting of theirs does."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import re
import sys
import tempfile
from collections.abc import Iterator

# Lines of information, warnings and errors, of which a command says in its own words what matters.
# Fatal ones (F) are not among them.
_LOG_LINE = re.compile(
    rb"[IWE]\d{4} \d\d:\d\d:|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+: [IWE] |"
    rb"WARNING: All log messages before absl::InitializeLog"
)


@contextlib.contextmanager
def without_log_lines() -> Iterator[None]:
    """Keeps log lines of libraries off standard error until the block ends; other lines come then.

    They stay where a person asks for them: `TF_CPP_MIN_LOG_LEVEL` below 3.
    """
    wanted = os.environ.get("TF_CPP_MIN_LOG_LEVEL", "3") < "3"
    if wanted or sys.stderr is None or sys.stderr is not sys.__stderr__:
        yield
        return
    shown, screen = sys.stderr, os.dup(2)
    with tempfile.TemporaryFile() as kept:
        sys.stderr = os.fdopen(screen, "w", 1, shown.encoding, "backslashreplace", closefd=False)
        faulthandler.enable(sys.stderr)  # who ends by a fault must not end without a word
        os.dup2(kept.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            faulthandler.disable()
            os.dup2(screen, 2)
            os.close(screen)
            sys.stderr = shown
            kept.seek(0)
            lines = [line for line in kept if not _LOG_LINE.match(line)]
            with contextlib.suppress(OSError):  # nobody reads it any more
                shown.write(b"".join(lines).decode(errors="replace"))
                shown.flush()
