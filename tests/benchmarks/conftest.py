"""The synthetic run folder of the report's tests."""

from tests.report.conftest import digits

__all__ = ["digits"]
